#include "waypost/insight/probability_metrics.hpp"

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using ::testing::HasSubstr;

struct Cases {
  std::vector<double> p;
  std::vector<std::uint8_t> y;
};

// Outcomes drawn with the probability itself; `distinct` values make ties.
Cases Calibrated(std::uint64_t seed, std::size_t count, std::size_t distinct = 1000) {
  Random random(seed);
  Cases cases;
  for (std::size_t n = 0; n < count; ++n) {
    cases.p.push_back((static_cast<double>(random.Below(distinct)) + 0.5) / static_cast<double>(distinct));
    cases.y.push_back(random.Bernoulli(cases.p.back()));
  }
  return cases;
}

double NaiveAuc(const std::vector<double>& p, const std::vector<std::uint8_t>& y) {
  double wins = 0, pairs = 0;
  for (std::size_t a = 0; a < p.size(); ++a)
    for (std::size_t b = 0; b < p.size(); ++b)
      if (y[a] == 1 && y[b] == 0) {
        pairs += 1;
        wins += p[a] > p[b] ? 1 : p[a] == p[b] ? 0.5 : 0;
      }
  return wins / pairs;
}

// Walks down the distinct thresholds, counting everything anew at each.
double NaiveAveragePrecision(const std::vector<double>& p, const std::vector<std::uint8_t>& y) {
  std::vector<double> thresholds = p;
  std::sort(thresholds.rbegin(), thresholds.rend());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  const double positives = std::accumulate(y.begin(), y.end(), 0.0);
  double area = 0, recall = 0;
  for (const double threshold : thresholds) {
    double hits = 0, taken = 0;
    for (std::size_t n = 0; n < p.size(); ++n)
      if (p[n] >= threshold) taken += 1, hits += y[n];
    area += (hits / positives - recall) * hits / taken;
    recall = hits / positives;
  }
  return area;
}

TEST(ProbabilityMetrics, AgreeWithNaiveCountsAlsoWithTies) {
  for (const std::size_t distinct : {2, 7, 1000}) {
    const Cases cases = Calibrated(distinct, 300, distinct);
    const ProbabilityMetrics metrics = EvaluateProbabilities(cases.p, cases.y).value();
    EXPECT_NEAR(*metrics.auc, NaiveAuc(cases.p, cases.y), 1e-12);
    EXPECT_NEAR(*metrics.pr_auc, NaiveAveragePrecision(cases.p, cases.y), 1e-12);
  }
}

TEST(ProbabilityMetrics, AreTheValuesByHand) {
  const ProbabilityMetrics m =
      EvaluateProbabilities(std::vector<double>{0.9, 0.8, 0.3, 0.2}, std::vector<std::uint8_t>{1, 0, 1, 0}).value();
  EXPECT_DOUBLE_EQ(*m.auc, 0.75);
  EXPECT_NEAR(*m.pr_auc, (1 + 2.0 / 3) / 2, 1e-15);
  EXPECT_NEAR(m.brier, (0.01 + 0.64 + 0.49 + 0.04) / 4, 1e-15);
  EXPECT_NEAR(m.log_loss, -(std::log(0.9) + std::log(0.2) + std::log(0.3) + std::log(0.8)) / 4, 1e-15);
  EXPECT_NEAR(*m.top_decile_capture, 0.4 * 0.5, 1e-15);  // 0.4 cases fit, of the first, which is one of two ones
  EXPECT_NEAR(m.calibration_error, (0.1 + 0.8 + 0.7 + 0.2) / 4, 1e-15);  // four bins of one case
}

TEST(ProbabilityMetrics, OfTrueProbabilitiesHaveSlopeOneAndSmallError) {
  const Cases cases = Calibrated(4, 20000);
  const ProbabilityMetrics metrics = EvaluateProbabilities(cases.p, cases.y).value();
  EXPECT_NEAR(*metrics.calibration_slope, 1, 0.05);  // standard error about 0.013
  EXPECT_NEAR(*metrics.calibration_intercept, 0, 0.08);
  EXPECT_LT(metrics.calibration_error, 0.02);
  ASSERT_EQ(metrics.reliability.size(), 10u);
  for (const ReliabilityBin& bin : metrics.reliability) {
    EXPECT_EQ(bin.count, 2000u);
    EXPECT_NEAR(bin.predicted, bin.observed, 0.04);  // 4 standard errors of a share of 2000
  }
  std::vector<double> extreme = cases.p;
  for (double& p : extreme) p = 1 / (1 + std::exp(-2 * std::log(p / (1 - p))));
  EXPECT_NEAR(*EvaluateProbabilities(extreme, cases.y)->calibration_slope, 0.5 * *metrics.calibration_slope, 1e-6);
}

TEST(ProbabilityMetrics, OfOneOutcomeHaveNoRanking) {
  const ProbabilityMetrics metrics =
      EvaluateProbabilities(std::vector<double>{0.1, 0}, std::vector<std::uint8_t>{0, 0}).value();
  EXPECT_FALSE(metrics.auc || metrics.pr_auc || metrics.calibration_slope || metrics.top_decile_lift);
  EXPECT_NEAR(metrics.brier, 0.005, 1e-15);
}

TEST(ProbabilityMetrics, OfCertaintyThatIsWrongAreFinite) {
  const ProbabilityMetrics metrics =
      EvaluateProbabilities(std::vector<double>{0, 1, 1}, std::vector<std::uint8_t>{1, 1, 0}).value();
  EXPECT_NEAR(metrics.log_loss, -2 * std::log(1e-15) / 3, 1e-9);
}

TEST(ProbabilityMetrics, RefuseWhatIsNoProbability) {
  const auto message = [](std::vector<double> p, std::vector<std::uint8_t> y) {
    return std::string(EvaluateProbabilities(p, y).status().message());
  };
  EXPECT_THAT(message({}, {}), HasSubstr("want cases, got none"));
  EXPECT_THAT(message({0.5}, {1, 0}), HasSubstr("want 1, got 2"));
  EXPECT_THAT(message({0.5, 1.5}, {1, 0}), HasSubstr("want 0..1, got 1.5 at 1"));
  EXPECT_THAT(message({std::nan("")}, {1}), HasSubstr("want a finite value, got nan at 0"));
  EXPECT_THAT(message({0.5}, {3}), HasSubstr("want 0 or 1, got 3 at 0"));
}

TEST(CompareAuc, IntervalIsThatOfABootstrapOverCases) {
  const Cases cases = Calibrated(5, 400);
  Random random(6);
  std::vector<double> noisy = cases.p;
  for (double& p : noisy) p += 0.3 * random.Normal();
  const AucDifference found = CompareAuc(cases.p, noisy, cases.y).value();
  EXPECT_NEAR(found.a, NaiveAuc(cases.p, cases.y), 1e-12);
  EXPECT_NEAR(found.b, NaiveAuc(noisy, cases.y), 1e-12);
  std::vector<double> replicates;
  for (int b = 0; b < 400; ++b) {
    std::vector<double> pa, pb;
    std::vector<std::uint8_t> y;
    for (std::size_t n = 0; n < 400; ++n) {
      const std::size_t drawn = random.Below(400);
      pa.push_back(cases.p[drawn]), pb.push_back(noisy[drawn]), y.push_back(cases.y[drawn]);
    }
    replicates.push_back(*EvaluateProbabilities(pa, y.empty() ? cases.y : y)->auc);
    std::vector<double> clipped = pb;
    for (double& p : clipped) p = 1 / (1 + std::exp(-p));  // order kept
    replicates.back() -= *EvaluateProbabilities(clipped, y)->auc;
  }
  EXPECT_NEAR(found.standard_error, StandardDeviation(replicates), 0.15 * found.standard_error);
  EXPECT_LT(found.p_value, 0.01);
  EXPECT_EQ(CompareAuc(cases.p, cases.p, cases.y)->p_value, 1);
}

TEST(CompareAuc, ACaseAloneOfItsOutcomeHasNoVariance) {
  const std::vector<double> a = {0.9, 0.1, 0.2, 0.3}, b = {0.2, 0.1, 0.3, 0.4};
  const std::vector<std::uint8_t> one = {1, 0, 0, 0}, all_but_one = {1, 1, 1, 0};
  EXPECT_EQ(CompareAuc(a, b, one).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CompareAuc(a, b, all_but_one).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace waypost
