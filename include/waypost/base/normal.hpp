// waypost/base/normal.hpp - the standard normal distribution and the chi-squared one of a single degree of freedom.
//
// Definition   Phi(x) = erfc(-x / sqrt 2) / 2. Its inverse is the root of log Phi(x) = log p by Newton's method from
//              -sqrt(-2 log p), which lies below the root: log Phi is concave, so that the steps approach it from one
//              side. A chi-squared variable of one degree of freedom is the square of a normal one.
// Numerics     Relative error of the tails and of quantiles below 1e-13 for p in [1e-290, 1 - 1e-16].
// Checked by   tests/unit/base_normal_test.cpp: tabulated values, inverse of the inverse.
#ifndef WAYPOST_BASE_NORMAL_HPP_
#define WAYPOST_BASE_NORMAL_HPP_

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace waypost {

inline double NormalCdf(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

inline double NormalDensity(double x) {
  return std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

// The x below which a standard normal variable falls with probability p.
// Requires  1e-290 <= p < 1.
inline double NormalQuantile(double p) {
  assert(p >= 1e-290 && p < 1);
  if (p > 0.5) return -NormalQuantile(1 - p);
  if (p == 0.5) return 0;
  double x = -std::sqrt(-2 * std::log(p));
  for (int step = 0; step < 60; ++step) {
    const double below = NormalCdf(x);
    const double move = std::log(p / below) * below / NormalDensity(x);
    x += move;
    if (std::abs(move) <= 1e-15 * std::abs(x)) break;
  }
  return x;
}

// The half-width, in standard errors, of a two-sided normal interval.
// Requires  0 < confidence < 1.
inline double NormalHalfWidth(double confidence) {
  return -NormalQuantile(std::max((1 - confidence) / 2, 1e-290));
}

// P(X > g) of a chi-squared variable of one degree of freedom: the two-sided p-value of the normal root of g.
// Requires  g >= 0.
inline double ChiSquaredOneTail(double g) {
  assert(g >= 0);
  return std::erfc(std::sqrt(0.5 * g));
}

}  // namespace waypost

#endif  // WAYPOST_BASE_NORMAL_HPP_
