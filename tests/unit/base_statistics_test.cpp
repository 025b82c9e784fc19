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

// Differences -1 and 3: a replicate's mean is -1, 1 or 3 with probability 1/4, 1/2, 1/4, so p is near 2/4.
TEST(PairedBootstrap, IsWhatOneCountsByHandForTwoUsers) {
  constexpr int kReplicates = 20'000;
  const auto found = PairedBootstrap(std::vector<double>{0, 4}, std::vector<double>{1, 1}, {.replicates = kReplicates});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->mean, 1);
  EXPECT_EQ(found->interval, (Interval{-1, 3}));
  EXPECT_NEAR(found->p_value, 0.5, 2 * 4 * std::sqrt(0.25 * 0.75 / kReplicates));  // four standard errors
  // Better by 1 and by 3: no replicate reaches 0, and p is the smallest that so many replicates can show.
  const auto above = PairedBootstrap(std::vector<double>{2, 4}, std::vector<double>{1, 1}, {.replicates = 999});
  EXPECT_EQ(above->interval, (Interval{1, 3}));
  EXPECT_EQ(above->p_value, 0.002);
  const auto below = PairedBootstrap(std::vector<double>{1, 1}, std::vector<double>{2, 4}, {.replicates = 999});
  EXPECT_EQ(below->interval, (Interval{-3, -1}));
  EXPECT_EQ(below->p_value, 0.002);
  EXPECT_EQ(PairedBootstrap(std::vector<double>{5, 6}, std::vector<double>{5, 6})->p_value, 1);  // equal for everybody
}

TEST(PairedBootstrap, HoldsTheTruthAndRaisesFalseAlarmsAboutAsOftenAsItSays) {
  int held = 0, false_alarms = 0, found_better = 0;
  constexpr int kWorlds = 400;
  for (int world = 0; world < kWorlds; ++world) {
    Random random(11, static_cast<std::uint64_t>(world));
    std::vector<double> a(80), b(80), same(80);
    for (std::size_t user = 0; user < a.size(); ++user) {
      const double taste = random.Uniform();  // what both models owe to the user: the pairing removes it
      a[user] = taste + 0.05 + 0.1 * random.Normal();
      b[user] = taste + 0.1 * random.Normal();
      same[user] = taste + 0.1 * random.Normal();
    }
    const PairedDifference better = *PairedBootstrap(a, b, {.replicates = 299, .seed = 1}, Parallelism(1));
    held += better.interval.low <= 0.05 && 0.05 <= better.interval.high;
    found_better += better.p_value < 0.05;
    false_alarms += PairedBootstrap(same, b, {.replicates = 299, .seed = 1}, Parallelism(1))->p_value < 0.05;
  }
  EXPECT_GE(held, 0.90 * kWorlds);
  EXPECT_LE(held, 0.99 * kWorlds);
  EXPECT_LE(false_alarms, 0.09 * kWorlds);  // 5 % and four standard errors of 400 worlds
  EXPECT_GE(false_alarms, 0.02 * kWorlds);
  EXPECT_GE(found_better, 0.8 * kWorlds);  // the difference is 3.2 standard errors; unpaired it would be 1
}

TEST(PairedBootstrap, IsSignificantWhereTheIntervalLeavesZeroOut) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    std::vector<double> a(30), b(30);
    for (double& value : a) value = random.Normal() + 0.35;
    for (double& value : b) value = random.Normal();
    const PairedDifference found = *PairedBootstrap(a, b, {.replicates = 999}, Parallelism(1));
    if (found.p_value > 0.04 && found.p_value < 0.06) continue;  // one replicate either way
    EXPECT_EQ(found.p_value<0.05, found.interval.low> 0 || found.interval.high < 0) << seed;
  }
}

TEST(PairedBootstrap, ColumnsEqualSingleComparisonsAndThreadsChangeNothing) {
  Random random(12);
  std::vector<double> first(150), second(150), both;
  const std::vector<double> zero(150, 0.0);
  for (std::size_t n = 0; n < first.size(); ++n) {
    both.push_back(first[n] = random.Normal());
    both.push_back(second[n] = random.Normal() + 0.2);
  }
  const auto columns = PairedBootstraps(both, 2);
  ASSERT_TRUE(columns.ok());
  EXPECT_EQ((*columns)[0], *PairedBootstrap(first, zero));
  EXPECT_EQ((*columns)[1], *PairedBootstrap(second, zero));
  EXPECT_EQ(*columns, *PairedBootstraps(both, 2, {}, Parallelism(7)));
}

TEST(PairedBootstrap, RefusesWhatIsNoComparison) {
  EXPECT_FALSE(PairedBootstrap(std::vector<double>{1, 2}, std::vector<double>{1}).ok());
  EXPECT_FALSE(PairedBootstrap({}, {}).ok());
  EXPECT_FALSE(PairedBootstrap(std::vector<double>{std::nan("")}, std::vector<double>{1}).ok());
}

// .005, .01, .03, .04 times 4, 3, 2, 1, each at least as large as the one before.
TEST(HolmAdjusted, IsWhatOneCountsByHand) {
  const std::vector<double> adjusted = HolmAdjusted(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  const std::vector<double> expected = {0.03, 0.06, 0.06, 0.02};
  for (std::size_t n = 0; n < expected.size(); ++n) EXPECT_DOUBLE_EQ(adjusted[n], expected[n]);
  EXPECT_EQ(HolmAdjusted(std::vector<double>{0.7, 0.6}), (std::vector<double>{1, 1}));
  EXPECT_EQ(HolmAdjusted(std::vector<double>{0.2}), std::vector<double>{0.2});
  EXPECT_TRUE(HolmAdjusted({}).empty());
}

// Ten true nulls: without a correction 1 - .95^10 = 40 % of the worlds would hold a false alarm.
TEST(HolmAdjusted, KeepsTheRateOfAnyFalseAlarmAmongManyTests) {
  int plain = 0, corrected = 0;
  constexpr int kWorlds = 4000;
  Random random(21);
  for (int world = 0; world < kWorlds; ++world) {
    std::vector<double> p_values(10);
    for (double& p : p_values) p = random.Uniform();
    const std::vector<double> adjusted = HolmAdjusted(p_values);
    plain += *std::min_element(p_values.begin(), p_values.end()) < 0.05;
    corrected += *std::min_element(adjusted.begin(), adjusted.end()) < 0.05;
  }
  EXPECT_GT(plain, 0.35 * kWorlds);
  EXPECT_NEAR(corrected, 0.05 * kWorlds, 4 * std::sqrt(0.05 * 0.95 * kWorlds));
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
