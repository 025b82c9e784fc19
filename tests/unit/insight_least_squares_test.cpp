#include "waypost/insight/least_squares.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/insight/dual.hpp"

namespace waypost {
namespace {

// b0 + b1 x at x = 0, 1, 2, ...
long double Straight(std::size_t row, std::span<const long double> b, std::span<long double> slopes) {
  slopes[0] = 1;
  slopes[1] = static_cast<long double>(row);
  return b[0] + b[1] * static_cast<long double>(row);
}

// b0 exp(-b1 x) at x = 0, 1, 2, ...
long double Decay(std::size_t row, std::span<const long double> b, std::span<long double> slopes) {
  const auto parameters = DualParameters<2>(b);
  const Dual<2> value = parameters[0] * exp(-parameters[1] * static_cast<long double>(row));
  std::copy(value.slopes.begin(), value.slopes.end(), slopes.begin());
  return value.value;
}

TEST(LeastSquares, AStraightLineHasTheTextbooksEstimatesAndErrors) {
  const std::vector<double> y = {1, 3, 2, 5};
  const absl::StatusOr<LeastSquaresFit> fit = FitLeastSquares(y, Straight, std::vector<double>{0, 0});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->status, FitStatus::kConverged);
  // Mean x 1.5, mean y 2.75, Sxx 5, Sxy 5.5: slope 1.1, intercept 1.1, S = 8.75 - 6.05 = 2.7, s^2 = 1.35.
  EXPECT_NEAR(fit->parameters[0], 1.1, 1e-14);
  EXPECT_NEAR(fit->parameters[1], 1.1, 1e-14);
  EXPECT_NEAR(fit->rss, 2.7, 1e-14);
  EXPECT_NEAR(fit->residual_sd, std::sqrt(1.35), 1e-14);
  EXPECT_NEAR(fit->standard_errors[1], std::sqrt(1.35 / 5), 1e-14);
  EXPECT_NEAR(fit->standard_errors[0], std::sqrt(1.35 * (0.25 + 1.5 * 1.5 / 5)), 1e-14);
  EXPECT_NEAR(fit->covariance[1], -1.5 * 1.35 / 5, 1e-14);
  EXPECT_NEAR(fit->residuals[0], -0.1, 1e-14);
}

TEST(LeastSquares, AnExactCurveIsFoundWithErrorsOfZero) {
  std::vector<double> y;
  for (int x = 0; x < 8; ++x) y.push_back(std::exp2(3 - x));  // 8 exp(-x log 2)
  const absl::StatusOr<LeastSquaresFit> fit = FitLeastSquares(y, Decay, std::vector<double>{1, 0.1});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->status, FitStatus::kConverged);
  EXPECT_NEAR(fit->parameters[0], 8, 1e-15);
  EXPECT_NEAR(fit->parameters[1], std::log(2), 1e-15);
  EXPECT_LT(fit->standard_errors[0], 1e-15);
}

TEST(LeastSquares, WhatTheDataCannotTellIsNotIdentified) {
  // Zeros: any b1 fits as well as another once b0 is zero.
  const absl::StatusOr<LeastSquaresFit> flat =
      FitLeastSquares(std::vector<double>(5, 0.0), Decay, std::vector<double>{1, 1});
  ASSERT_TRUE(flat.ok());
  EXPECT_NE(flat->status, FitStatus::kConverged);
  // Two parameters that only their sum matters of.
  const Curve sum = [](std::size_t, std::span<const long double> b, std::span<long double> slopes) {
    slopes[0] = slopes[1] = 1;
    return b[0] + b[1];
  };
  const absl::StatusOr<LeastSquaresFit> fit =
      FitLeastSquares(std::vector<double>{1, 2, 3}, sum, std::vector<double>{0, 0});
  ASSERT_TRUE(fit.ok());
  EXPECT_EQ(fit->status, FitStatus::kNotIdentified);
  EXPECT_TRUE(std::isnan(fit->standard_errors[0]));
  EXPECT_NEAR(fit->parameters[0] + fit->parameters[1], 2, 1e-12);
  EXPECT_NEAR(fit->rss, 2, 1e-12);
}

TEST(LeastSquares, AsManyParametersAsValuesHaveNoErrors) {
  const absl::StatusOr<LeastSquaresFit> fit =
      FitLeastSquares(std::vector<double>{4, 2}, Decay, std::vector<double>{1, 0.1});
  ASSERT_TRUE(fit.ok());
  EXPECT_EQ(fit->status, FitStatus::kConverged);
  EXPECT_NEAR(fit->parameters[1], std::log(2), 1e-15);
  EXPECT_TRUE(std::isnan(fit->residual_sd));
  EXPECT_TRUE(std::isnan(fit->standard_errors[0]));
}

TEST(LeastSquares, TooFewStepsAreNoConvergence) {
  const std::vector<double> y = {8, 5, 3, 2, 1};
  LeastSquaresOptions options{.max_steps = 1};
  const absl::StatusOr<LeastSquaresFit> fit = FitLeastSquares(y, Decay, std::vector<double>{1000, 5}, options);
  ASSERT_TRUE(fit.ok());
  EXPECT_EQ(fit->status, FitStatus::kNotConverged);
}

TEST(LeastSquares, UnitsDoNotMatter) {
  const std::vector<double> y = {8.1, 4.2, 1.9, 1.1, 0.4};
  std::vector<double> large;
  for (const double value : y) large.push_back(value * 1e12);
  const LeastSquaresFit fit = FitLeastSquares(y, Decay, std::vector<double>{1, 0.1}).value();
  const LeastSquaresFit scaled = FitLeastSquares(large, Decay, std::vector<double>{1e12, 0.1}).value();
  EXPECT_NEAR(scaled.parameters[0] / fit.parameters[0], 1e12, 1e-2);
  EXPECT_NEAR(scaled.parameters[1], fit.parameters[1], 1e-14);
  EXPECT_NEAR(scaled.standard_errors[1], fit.standard_errors[1], 1e-14);
}

TEST(LeastSquares, RefusesWhatCannotBeFitted) {
  const std::vector<double> start = {1, 1};
  const auto message = [](const absl::StatusOr<LeastSquaresFit>& fit) { return std::string(fit.status().message()); };
  EXPECT_EQ(message(FitLeastSquares(std::vector<double>{1}, Decay, start)),
            "FitLeastSquares.y: want at least 2 values, got 1");
  EXPECT_EQ(message(FitLeastSquares(std::vector<double>{1}, Decay, {})),
            "FitLeastSquares.start: want a parameter, got none");
  EXPECT_EQ(message(FitLeastSquares(std::vector<double>{1, 2, std::numeric_limits<double>::infinity()}, Decay, start)),
            "FitLeastSquares.y: want finite values, got inf at 2");
  EXPECT_EQ(message(FitLeastSquares(std::vector<double>{1, 2, 3}, Decay, std::vector<double>{1, -1e6})),
            "FitLeastSquares.start: want a start where the curve is finite");
  EXPECT_EQ(message(FitLeastSquares(std::vector<double>{1, 2, 3}, Decay, start, {.max_steps = 0})),
            "LeastSquaresOptions.max_steps: want 1..1000000, got 0");
  EXPECT_EQ(message(FitLeastSquares(std::vector<double>{1, 2, 3}, Decay, start, {.tolerance = 0})),
            "LeastSquaresOptions.tolerance: want a value between 0 and 1, got 0");
}

}  // namespace
}  // namespace waypost
