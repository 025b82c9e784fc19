// insight/maximum.hpp - the maximum of a smooth function of a few positive numbers: log-likelihoods.
//
// Objective    max f(exp z) over z, by Newton's steps with a ridge that makes the Hessian negative definite and is
//              raised until f rises (Levenberg). Covariance of z: minus the inverse Hessian.
// Numerics     long double; derivatives by central differences of step 1e-4, whose error is about 1e-8 of the
//              gradient at most and far less near a maximum, so that the maximum itself is right to some 10 digits.
// Determinism  one thread, no random numbers.
// Checked by   tests/unit/insight_lifetimes_test.cpp, tests/unit/insight_purchases_test.cpp.
#ifndef WAYPOST_SRC_INSIGHT_MAXIMUM_HPP_
#define WAYPOST_SRC_INSIGHT_MAXIMUM_HPP_

#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "waypost/insight/least_squares.hpp"

namespace waypost::internal {

struct Maximum {
  FitStatus status = FitStatus::kNotConverged;
  std::vector<double> at;          // the positive numbers
  std::vector<double> log_errors;  // standard errors of their logarithms; NaN where there are none
  double value = 0;
};

// `f` may be -infinity or NaN away from the start.
Maximum Maximise(const std::function<long double(std::span<const long double>)>& f, std::span<const double> start);

// log Gamma(x), without the global state of the system's.
// Requires  x > 0.
inline long double LogGamma(long double x) {
  long double below = 1;  // Gamma(x) below = Gamma(x + n)
  while (x < 18) below *= x++;
  const long double z = 1 / (x * x);
  // Stirling's series: the first term left out is below 1e-20 from 18 on.
  const long double series =
      (1.0L / 12 -
       z * (1.0L / 360 - z * (1.0L / 1260 -
                              z * (1.0L / 1680 - z * (1.0L / 1188 - z * (691.0L / 360360 -
                                                                         z * (1.0L / 156 - z * 3617.0L / 122400))))))) /
      x;
  constexpr long double kHalfLogTwoPi = 0.918938533204672741780329736405617640L;
  return (x - 0.5L) * std::log(x) - x + kHalfLogTwoPi + series - std::log(below);
}

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_INSIGHT_MAXIMUM_HPP_
