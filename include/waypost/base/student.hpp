// waypost/base/student.hpp - probabilities and quantiles of Student's distribution.
//
// Definition   The distribution function with n degrees of freedom is the finite sum of [1], 26.7.3 and 26.7.4, in
//              theta = atan(t / sqrt(n)). Quantiles are found by halving an interval of it until that holds two
//              neighbouring numbers.
// Sources      [1] M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 1964.
// Deviations   Above kMostFreedom degrees of freedom it is taken as the normal one: they differ by less than 1e-5
//              there.
// Numerics     float64, to about 1e-14 of the probability.
// Checked by   tests/unit/base_student_test.cpp: tables of [1], symmetry, quantile of the distribution function.
#ifndef WAYPOST_BASE_STUDENT_HPP_
#define WAYPOST_BASE_STUDENT_HPP_

#include <cassert>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "waypost/base/normal.hpp"

namespace waypost {

inline constexpr std::uint64_t kMostFreedom = 100'000;

// Requires  freedom >= 1.
inline double StudentCdf(double t, std::uint64_t freedom) {
  assert(freedom >= 1);
  if (freedom > kMostFreedom) return NormalCdf(t);
  const double theta = std::atan(t / std::sqrt(static_cast<double>(freedom)));
  const double cosine = std::cos(theta), square = cosine * cosine;
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1, sum = freedom == 1 ? 0 : term;
  for (std::uint64_t k = odd ? 3 : 2; k < freedom; k += 2) {
    term *= square * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  const double within = odd ? 2 / std::numbers::pi * (theta + std::sin(theta) * sum) : std::sin(theta) * sum;
  return 0.5 * (1 + within);
}

// Requires  0 < p < 1; freedom >= 1.
inline double StudentQuantile(double p, std::uint64_t freedom) {
  assert(p > 0 && p < 1);
  if (freedom > kMostFreedom) return NormalQuantile(p);
  if (p == 0.5) return 0;
  if (p < 0.5) return -StudentQuantile(1 - p, freedom);
  double low = 0, high = 1;
  while (StudentCdf(high, freedom) < p && high < 1e300) high *= 2;
  for (int round = 0; round < 200; ++round) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (StudentCdf(middle, freedom) < p ? low : high) = middle;
  }
  return high;
}

}  // namespace waypost

#endif  // WAYPOST_BASE_STUDENT_HPP_
