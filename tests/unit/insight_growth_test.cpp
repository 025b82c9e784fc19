#include "waypost/insight/growth.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

double Logistic(double t, double k, double r, double n0) {
  return k / (1 + (k / n0 - 1) * std::exp(-r * t));
}

struct Points {
  std::vector<double> times;
  std::vector<double> counts;
};

// N(t) at t = 0, 1, ..., with K 1000, r 0.2, N0 10: midpoint 22.98.
Points Exact(int n) {
  Points points;
  for (int t = 0; t < n; ++t) {
    points.times.push_back(t);
    points.counts.push_back(Logistic(t, 1000, 0.2, 10));
  }
  return points;
}

// The same with some noise that follows no pattern.
Points Noisy(int n) {
  Points points = Exact(n);
  for (std::size_t t = 0; t < points.counts.size(); ++t)
    points.counts[t] *= 1 + 0.02 * std::sin(7.3 * static_cast<double>(t * t));
  return points;
}

TEST(Growth, ExactCurvesAreFoundFromCountsOfBothKinds) {
  const Points points = Exact(50);
  std::vector<double> gains;
  for (int t = 0; t < 50; ++t) gains.push_back(Logistic(t, 1000, 0.2, 10) - Logistic(t - 1, 1000, 0.2, 10));
  for (const CountKind kind : {CountKind::kCumulative, CountKind::kPerPeriod}) {
    const GrowthFit fit = FitGrowth(points.times, kind == CountKind::kCumulative ? points.counts : gains,
                                    GrowthModel::kLogistic, {.counts = kind})
                              .value();
    EXPECT_EQ(fit.status, FitStatus::kConverged);
    EXPECT_TRUE(fit.capacity_identified);
    EXPECT_NEAR(fit.parameter("K").estimate, 1000, 1e-9);
    EXPECT_NEAR(fit.parameter("r").estimate, 0.2, 1e-12);
    EXPECT_NEAR(fit.parameter("N0").estimate, 10, 1e-10);
    EXPECT_NEAR(fit.midpoint, std::log(99) / 0.2, 1e-9);
    EXPECT_NEAR(GrowthAt(fit, 30), Logistic(30, 1000, 0.2, 10), 1e-9);
  }
}

TEST(Growth, TheOriginOfTimeMovesN0Alone) {
  Points points = Noisy(50);
  const GrowthFit fit = FitGrowth(points.times, points.counts, GrowthModel::kLogistic).value();
  for (double& time : points.times) time += 2012;
  const GrowthFit later = FitGrowth(points.times, points.counts, GrowthModel::kLogistic).value();
  EXPECT_NEAR(later.parameter("K").estimate / fit.parameter("K").estimate, 1, 1e-10);
  EXPECT_NEAR(later.parameter("r").estimate / fit.parameter("r").estimate, 1, 1e-10);
  EXPECT_NEAR(*later.parameter("K").high / *fit.parameter("K").high, 1, 1e-5);
  EXPECT_NEAR(later.midpoint - 2012, fit.midpoint, 1e-8);
  EXPECT_NEAR(std::log(later.parameter("N0").estimate),
              std::log(1000 / (1 + std::exp(later.parameter("r").estimate * later.midpoint))), 0.1);
}

TEST(Growth, KIsNotIdentifiedBeforeTheInflection) {
  for (const int n : {6, 10, 15, 20}) {
    const Points points = Noisy(n);
    EXPECT_FALSE(FitGrowth(points.times, points.counts, GrowthModel::kLogistic)->capacity_identified) << n;
  }
  for (const int n : {45, 80}) {
    const Points points = Noisy(n);
    const GrowthFit fit = FitGrowth(points.times, points.counts, GrowthModel::kLogistic).value();
    EXPECT_TRUE(fit.capacity_identified) << n;
    EXPECT_LT(fit.parameter("K").low.value(), 1000) << n;
    EXPECT_GT(fit.parameter("K").high.value(), 1000) << n;
  }
}

TEST(Growth, ExponentialCountsHaveNoKButALeastOne) {
  Points points;
  for (int t = 0; t < 30; ++t) {
    points.times.push_back(t);
    points.counts.push_back(10 * std::exp(0.1 * t) * (1 + 0.01 * std::sin(7.3 * t * t)));
  }
  for (const GrowthModel model : {GrowthModel::kLogistic, GrowthModel::kRichards}) {
    const GrowthFit fit = FitGrowth(points.times, points.counts, model).value();
    EXPECT_FALSE(fit.capacity_identified);
    EXPECT_EQ(fit.parameter("K").high, std::nullopt);
    EXPECT_GT(fit.parameter("K").low.value(), 180);  // the last count
  }
}

TEST(Growth, AGivenKIsKept) {
  const Points points = Noisy(20);  // before the midpoint
  const GrowthFit fit = FitGrowth(points.times, points.counts, GrowthModel::kLogistic, {.capacity = 1000}).value();
  EXPECT_TRUE(fit.capacity_identified);
  EXPECT_TRUE(fit.parameter("K").given);
  EXPECT_DOUBLE_EQ(fit.parameter("K").estimate, 1000);
  EXPECT_NEAR(fit.parameter("r").estimate, 0.2, 0.02);
  EXPECT_LT(fit.parameter("r").low.value(), 0.2);
  EXPECT_GT(fit.parameter("r").high.value(), 0.2);
}

TEST(Growth, CountsThatDoNotGrowHaveNoK) {
  const std::vector<double> times = {1, 2, 3, 4, 5, 6};
  for (const std::vector<double>& counts : {std::vector<double>{5, 5, 5, 5, 5, 5}, {6, 5, 4, 3, 2, 1}}) {
    const absl::StatusOr<GrowthFit> fit = FitGrowth(times, counts, GrowthModel::kLogistic);
    ASSERT_TRUE(fit.ok()) << fit.status();
    EXPECT_FALSE(fit->capacity_identified);
  }
}

// Members who join independently: the errors of cumulative counts add up.
TEST(Growth, IntervalsCoverWhereErrorsAddUpAndNaiveErrorsDoNot) {
  constexpr int kWorlds = 40;
  int covered = 0, naive = 0;
  for (std::uint64_t world = 0; world < kWorlds; ++world) {
    Random random(20, world);
    Points points;
    double sum = 10;
    for (int t = 0; t < 60; ++t) {
      if (t > 0) sum += random.Poisson(Logistic(t, 1000, 0.2, 10) - Logistic(t - 1, 1000, 0.2, 10));
      points.times.push_back(t);
      points.counts.push_back(sum);
    }
    const GrowthFit fit = FitGrowth(points.times, points.counts, GrowthModel::kLogistic).value();
    const GrowthParameter& k = fit.parameter("K");
    covered += k.low.value_or(0) < 1000 && k.high.value_or(1e9) > 1000;
    naive += std::abs(k.estimate - 1000) < 1.96 * k.standard_error;
  }
  // Of 40, 95 % are 38; a sandwich over a short series covers less, the naive error far less.
  EXPECT_GE(covered, 34);
  EXPECT_LE(naive, 24);
}

TEST(Growth, RefusesWhatIsNoSeriesOfCounts) {
  const auto message = [](std::vector<double> times, std::vector<double> counts, const GrowthOptions& options = {}) {
    return std::string(FitGrowth(times, counts, GrowthModel::kLogistic, options).status().message());
  };
  EXPECT_EQ(message({1, 2, 3, 4}, {1, 2}), "FitGrowth.counts: want as many as times, 4, got 2");
  EXPECT_EQ(message({1, 2, 3}, {1, 2, 3}), "FitGrowth.counts: want at least 4, got 3");
  EXPECT_EQ(message({}, {}), "FitGrowth.counts: want at least 4, got 0");
  EXPECT_EQ(message({1, 2, 2, 3}, {1, 2, 3, 4}), "FitGrowth.times: want ascending finite times, got 2 at 2");
  EXPECT_EQ(message({1, 2, 3, 4}, {1, 2, -3, 4}), "FitGrowth.counts: want finite counts >= 0, got -3 at 2");
  EXPECT_EQ(message({1, 2, 3, 4}, {1, std::nan(""), 3, 4}), "FitGrowth.counts: want finite counts >= 0, got nan at 1");
  EXPECT_EQ(message({1, 2, 3, 4}, {0, 0, 0, 0}), "FitGrowth.counts: want a positive count, got zeros alone");
  EXPECT_EQ(message({1, 2, 3, 4}, {1, 2, 3, 4}, {.capacity = -1}),
            "GrowthOptions.capacity: want a finite value > 0, got -1");
  EXPECT_EQ(message({1, 2, 3, 4}, {1, 2, 3, 4}, {.confidence = 1}),
            "GrowthOptions.confidence: want a value between 0 and 1, got 1");
}

}  // namespace
}  // namespace waypost
