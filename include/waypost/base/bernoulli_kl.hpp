// waypost/base/bernoulli_kl.hpp - the Kullback-Leibler divergence of two rates: as test, as bound, as sample size.
//
// Definition   d(p || q) = p ln(p/q) + (1-p) ln((1-p)/(1-q)), in nats; 0 ln 0 = 0. It is convex in p and 0 at p = q:
//              it says how far p is from q, never which is better. Three uses are sound:
//              test    G = 2 n d(k/n || q) is the likelihood-ratio statistic of n trials against the known rate q,
//                      chi-squared with one degree of freedom when q is true [1]; its signed root is about standard
//                      normal. Of two samples, G = 2 (n d(p || m) + n' d(q || m)) with the pooled rate m.
//              bound   {q : n d(p || q) <= ln(1/delta)} leaves each side with probability delta at most, for the mean
//                      p of n independent values in [0, 1] whose mean is q (Chernoff; the index of [2]).
//              size    the signed root of n trials at rate p is about normal with mean sqrt(2 n d(p || q)), so that
//                      n = (z_(1-a/2) + z_power)^2 / (2 d(p || q)) trials reach the power.
// Sources      [1] S. Wilks, The Large-Sample Distribution of the Likelihood Ratio, Annals of Math. Statistics 9, 1938.
//              [2] A. Garivier, O. Cappe, The KL-UCB Algorithm for Bounded Stochastic Bandits and Beyond, COLT 2011.
// Numerics     d = p f((q-p)/p) + (1-p) f((p-q)/(1-p)) with f(u) = u - log(1+u) >= 0: the terms of first order, which
//              would cancel for near rates, are gone before they are rounded. Infinite where q excludes what p allows.
// Checked by   tests/unit/base_bernoulli_kl_test.cpp: published values, the definition in long double, coverage by
//              exact binomial sums, the power reached.
#ifndef WAYPOST_BASE_BERNOULLI_KL_HPP_
#define WAYPOST_BASE_BERNOULLI_KL_HPP_

#include <cassert>
#include <cmath>
#include <limits>

#include "waypost/base/normal.hpp"
#include "waypost/base/statistics.hpp"

namespace waypost {

namespace internal {

// f((q - p) / p) = (q - p) / p - log(q / p), p > 0, q > 0.
inline double ExcessOverLog(double p, double q) {
  const double u = (q - p) / p;
  if (std::abs(u) > 0.01) return u - std::log(q / p);
  double sum = 0;  // u^2/2 - u^3/3 + ...: 9 terms are exact to a bit below 0.01
  for (int n = 10; n >= 2; --n) sum = u * sum + (n % 2 == 0 ? 1.0 : -1.0) / n;
  return u * u * sum;
}

}  // namespace internal

// d(p || q) in nats; infinite where q is 0 or 1 and p is not.
// Requires  0 <= p, q <= 1.
inline double BernoulliKl(double p, double q) {
  assert(p >= 0 && p <= 1 && q >= 0 && q <= 1);
  if (p == q) return 0;
  if (q == 0 || q == 1) return std::numeric_limits<double>::infinity();
  if (p == 0) return -std::log1p(-q);
  if (p == 1) return -std::log(q);
  return p * internal::ExcessOverLog(p, q) + (1 - p) * internal::ExcessOverLog(1 - p, 1 - q);
}

// The divergence with the sign of p - q: on either side of q it grows with p.
inline double SignedBernoulliKl(double p, double q) {
  return p < q ? -BernoulliKl(p, q) : BernoulliKl(p, q);
}

// The rates q with n d(p || q) <= ln(1/delta): each side fails with probability delta at most.
//   n  trials, > 0; need not be whole.
// Requires  0 <= p <= 1, n > 0, 0 < delta < 1.
inline Interval BernoulliKlBounds(double p, double n, double delta) {
  assert(p >= 0 && p <= 1 && n > 0 && delta > 0 && delta < 1);
  const double most = -std::log(delta) / n;
  const auto edge = [&](double inside, double outside) {  // d grows away from p: bisection to the last bit
    for (int step = 0; step < 200; ++step) {
      const double middle = 0.5 * (inside + outside);
      if (middle == inside || middle == outside) break;
      (BernoulliKl(p, middle) <= most ? inside : outside) = middle;
    }
    return inside;
  };
  return {p == 0 ? 0 : edge(p, 0), p == 1 ? 1 : edge(p, 1)};
}

// Trials until a true rate `p` is told from the known rate `q`, two-sided at level 1 - confidence, with probability
// `power`; infinite for p = q. A rate of 0 or 1 is left by the first trial that goes the other way.
// Requires  0 <= p, q <= 1; 0 < confidence, power < 1.
inline double TrialsForPower(double p, double q, double confidence, double power) {
  if (p == q) return std::numeric_limits<double>::infinity();
  if (q == 1) return TrialsForPower(1 - p, 0, confidence, power);
  if (q == 0) return p == 1 ? 1 : std::ceil(std::log1p(-power) / std::log1p(-p));
  const double roots = NormalHalfWidth(confidence) + NormalQuantile(power);
  return std::ceil(roots * roots / (2 * BernoulliKl(p, q)));
}

// The same for two samples of equal size: trials in each of them.
inline double TrialsForPowerOfTwo(double p, double q, double confidence, double power) {
  const double roots = NormalHalfWidth(confidence) + NormalQuantile(power);
  const double middle = 0.5 * (p + q);
  return std::ceil(roots * roots / (2 * (BernoulliKl(p, middle) + BernoulliKl(q, middle))));
}

}  // namespace waypost

#endif  // WAYPOST_BASE_BERNOULLI_KL_HPP_
