#include "waypost/insight/dual.hpp"

#include <array>
#include <functional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace waypost {
namespace {

using Two = Dual<2>;
using Formula = std::function<Two(const Two&, const Two&)>;

TEST(Dual, SlopesAreThoseOfDifferences) {
  const std::vector<std::pair<const char*, Formula>> formulas = {
      {"sum", [](const Two& a, const Two& b) { return a + 3 * b - 1; }},
      {"product", [](const Two& a, const Two& b) { return a * b * a; }},
      {"quotient", [](const Two& a, const Two& b) { return a / (1 + b) - 2 / a; }},
      {"negative", [](const Two& a, const Two& b) { return -a * b; }},
      {"exp", [](const Two& a, const Two& b) { return exp(a * b) + expm1(b); }},
      {"log", [](const Two& a, const Two& b) { return log(a + b * b) + log1p(a); }},
      {"waves", [](const Two& a, const Two& b) { return sin(a) * cos(a * b) + atan(b); }},
      {"pow", [](const Two& a, const Two& b) { return pow(a, b) + pow(a * b, 2) + pow(Two(1.5L), b); }}};
  constexpr std::array<long double, 2> at = {1.3L, 0.7L};
  constexpr long double step = 1e-6L;
  for (const auto& [name, formula] : formulas) {
    SCOPED_TRACE(name);
    const auto parameters = DualParameters<2>(at);
    const Two value = formula(parameters[0], parameters[1]);
    for (std::size_t p = 0; p < 2; ++p) {
      std::array<long double, 2> above = at, below = at;
      above[p] += step;
      below[p] -= step;
      const long double slope = (formula(above[0], above[1]).value - formula(below[0], below[1]).value) / (2 * step);
      // A central difference errs by step^2 f''' / 6 and by rounding / step.
      EXPECT_NEAR(static_cast<double>(value.slopes[p]), static_cast<double>(slope), 1e-10);
    }
  }
}

TEST(Dual, AConstantHasNoSlope) {
  const Two constant = 5;
  EXPECT_EQ(constant.slopes[0], 0);
  EXPECT_EQ(constant.slopes[1], 0);
}

}  // namespace
}  // namespace waypost
