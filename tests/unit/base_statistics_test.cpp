#include "waypost/base/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

TEST(Statistics, MeanAndStandardDeviationAreThoseComputedByHand) {
  const std::vector<double> values = {2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_DOUBLE_EQ(Mean(values), 5);
  EXPECT_DOUBLE_EQ(StandardDeviation(values), std::sqrt(32.0 / 7));
  EXPECT_DOUBLE_EQ(StandardDeviation(std::vector<double>{3}), 0);
  const std::vector<double> far = {1e9 + 1, 1e9 + 2, 1e9 + 3};  // a difference of squares would lose it
  EXPECT_DOUBLE_EQ(StandardDeviation(far), 1);
}

TEST(Statistics, QuantilesInterpolateBetweenNeighbours) {
  const std::vector<double> sorted = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(Quantile(sorted, 0), 1);
  EXPECT_DOUBLE_EQ(Quantile(sorted, 1), 8);
  EXPECT_DOUBLE_EQ(Quantile(sorted, 0.5), 3);
  EXPECT_DOUBLE_EQ(Quantile(sorted, 0.25), 1.75);  // position 0.75
  EXPECT_DOUBLE_EQ(Quantile(std::vector<double>{7}, 0.3), 7);
}

TEST(Bootstrap, TheIntervalOfANormalMeanHasTheKnownWidth) {
  Random random(11);
  std::vector<double> values(2000);
  for (double& value : values) value = 3 + random.Normal();
  const absl::StatusOr<Interval> interval = BootstrapMean(values);
  ASSERT_TRUE(interval.ok());
  const double expected = 2 * 1.959964 * StandardDeviation(values) / std::sqrt(2000.0);
  EXPECT_NEAR(interval->high - interval->low, expected, 0.1 * expected);  // 1000 replicates: about 4 % of the width
  EXPECT_LT(interval->low, Mean(values));
  EXPECT_GT(interval->high, Mean(values));
}

TEST(Bootstrap, NinetyFivePercentIntervalsHoldTheTruthAboutThatOften) {
  int held = 0;
  constexpr int kWorlds = 400;
  for (int world = 0; world < kWorlds; ++world) {
    Random random(5, static_cast<std::uint64_t>(world));
    std::vector<double> values(60);
    for (double& value : values) value = random.Bernoulli(0.4) ? 1 : 0;
    const Interval interval = *BootstrapMean(values, {.replicates = 300, .seed = 1}, Parallelism(1));
    held += interval.low <= 0.4 && 0.4 <= interval.high;
  }
  EXPECT_GE(held, 0.90 * kWorlds);
  EXPECT_LE(held, 0.99 * kWorlds);
}

// The definition, one replicate after the other, each of its own stream.
TEST(Bootstrap, IsTheDefinitionForAnyNumberOfReplicatesAndColumns) {
  Random random(8);
  std::vector<double> values(3 * 70);
  for (double& value : values) value = random.Normal();
  for (int replicates : {1, 2, 3, 4, 5, 10}) {
    const auto found = BootstrapMeans(values, 3, {.replicates = replicates, .confidence = 0.5, .seed = 9});
    ASSERT_TRUE(found.ok());
    for (std::size_t c = 0; c < 3; ++c) {
      std::vector<double> means;
      for (int replicate = 0; replicate < replicates; ++replicate) {
        Random stream(9, static_cast<std::uint64_t>(replicate));
        std::vector<double> times(70, 0.0);
        for (int draw = 0; draw < 70; ++draw) ++times[stream.Below(70)];
        double sum = 0;
        for (std::size_t row = 0; row < 70; ++row) sum += times[row] * values[3 * row + c];
        means.push_back(sum / 70);
      }
      std::sort(means.begin(), means.end());
      EXPECT_EQ((*found)[c], (Interval{Quantile(means, 0.25), Quantile(means, 0.75)})) << replicates;
    }
  }
}

TEST(Bootstrap, DependsOnTheSeedAndNotOnThreads) {
  Random random(3);
  std::vector<double> values(500);
  for (double& value : values) value = random.Uniform();
  const Interval one = *BootstrapMean(values, {}, Parallelism(1));
  EXPECT_EQ(one, *BootstrapMean(values, {}, Parallelism(2)));
  EXPECT_EQ(one, *BootstrapMean(values, {}, Parallelism(7)));
  EXPECT_NE(one, *BootstrapMean(values, {.seed = 43}));
}

TEST(Bootstrap, ColumnsShareTheDrawsSoThatDifferencesOfRowsStayExact) {
  Random random(4);
  std::vector<double> pairs;
  for (int row = 0; row < 300; ++row) {
    const double value = static_cast<double>(random.Below(1000));
    pairs.push_back(value);
    pairs.push_back(value + 10);  // the second model is better by 10 for everybody
  }
  const std::vector<Interval> intervals = *BootstrapMeans(pairs, 2);
  EXPECT_NEAR(intervals[1].low - intervals[0].low, 10, 1e-9);  // rounding of float64 sums of 300 terms below 1e3
  EXPECT_NEAR(intervals[1].high - intervals[0].high, 10, 1e-9);
}

TEST(Bootstrap, OneValueIsItsOwnIntervalAndBadInputIsRefused) {
  EXPECT_EQ(*BootstrapMean(std::vector<double>{4}), (Interval{4, 4}));
  EXPECT_FALSE(BootstrapMean({}).ok());
  EXPECT_FALSE(BootstrapMean(std::vector<double>{1, std::nan("")}).ok());
  EXPECT_FALSE(BootstrapMeans(std::vector<double>{1, 2, 3}, 2).ok());
  EXPECT_FALSE(BootstrapMean(std::vector<double>{1}, {.replicates = 0}).ok());
  EXPECT_FALSE(BootstrapMean(std::vector<double>{1}, {.confidence = 1}).ok());
  EXPECT_FALSE(BootstrapMean(std::vector<double>{1}, {.confidence = std::nan("")}).ok());
}

TEST(Auc, AgreesWithCountingAllPairs) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<float> positives(1 + random.Below(80)), negatives(1 + random.Below(80));
    for (float& score : positives) score = static_cast<float>(random.Below(12)) + 1;
    for (float& score : negatives) score = static_cast<float>(random.Below(12));
    double right = 0;
    for (float p : positives)
      for (float n : negatives) right += p > n ? 1 : p == n ? 0.5 : 0;
    const double pairs = static_cast<double>(positives.size() * negatives.size());
    EXPECT_DOUBLE_EQ(Auc(positives, negatives), right / pairs);
    EXPECT_DOUBLE_EQ(Auc(negatives, positives), 1 - right / pairs);
  }
}

}  // namespace
}  // namespace waypost
