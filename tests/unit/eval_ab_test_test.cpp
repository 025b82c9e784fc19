#include "waypost/eval/ab_test.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;

ExperimentArm Arm(const std::vector<double>& values) {
  ExperimentArm arm;
  for (const double value : values) arm.Add(value);
  return arm;
}

TEST(ExperimentArm, HasTheMomentsOfItsUnits) {
  const std::vector<double> values = {2, 4, 4, 4, 5, 5, 7, 9};
  const ExperimentArm arm = Arm(values);
  EXPECT_DOUBLE_EQ(arm.mean(), 5);
  EXPECT_DOUBLE_EQ(arm.squares(), 32);
  EXPECT_EQ(arm.least(), 2);
  EXPECT_EQ(arm.most(), 9);
}

// How often an interval misses the true difference at least once, when it is read after every unit.
struct Misses {
  int always_valid = 0;
  int one_look = 0;
};

Misses ReadAfterEveryUnit(double rate, double share, int experiments, int units, const ExperimentOptions& options) {
  Misses misses;
  for (int experiment = 0; experiment < experiments; ++experiment) {
    Random random(12, static_cast<std::uint64_t>(experiment));
    ExperimentArm candidate, baseline;
    bool missed = false, missed_once = false;
    for (int unit = 0; unit < units; ++unit) {
      (random.Bernoulli(share) ? candidate : baseline).Add(random.Bernoulli(rate) ? 1 : 0);
      const ExperimentReadOut found = *ReadExperiment(candidate, baseline, options);
      missed = missed || found.told();
      missed_once = missed_once || std::abs(found.difference) > 1.96 * found.standard_error;
    }
    misses.always_valid += missed;
    misses.one_look += missed_once;
  }
  return misses;
}

TEST(Experiment, HoldsTheTruthHoweverOftenItIsReadAndOneLookDoesNot) {
  for (const double rate : {0.05, 0.4}) {
    const Misses misses = ReadAfterEveryUnit(rate, 0.5, 1000, 4000, {.planned_units = 4000});
    EXPECT_LE(misses.always_valid, 50) << rate;  // 5 %
    EXPECT_GT(misses.one_look, 250) << rate;     // what an ordinary interval does
  }
  EXPECT_LE(ReadAfterEveryUnit(0.2, 0.2, 500, 4000, {.planned_units = 4000}).always_valid, 25);  // uneven arms
}

TEST(Experiment, FindsADifferenceThatIsThere) {
  Random random(3);
  ExperimentArm candidate, baseline;
  int units = 0;
  while (units < 20'000 && !ReadExperiment(candidate, baseline)->told()) {
    candidate.Add(random.Bernoulli(0.14) ? 1 : 0);
    baseline.Add(random.Bernoulli(0.10) ? 1 : 0);
    ++units;
  }
  const ExperimentReadOut found = *ReadExperiment(candidate, baseline);
  EXPECT_TRUE(found.told());
  EXPECT_GT(found.difference, 0);
  EXPECT_LT(found.p_value, 0.05);
}

TEST(Experiment, ThePValueIsTheLevelWhoseIntervalTouchesZero) {
  Random random(4);
  ExperimentArm candidate, baseline;
  for (int unit = 0; unit < 3000; ++unit) {
    candidate.Add(random.Normal() + 0.1);
    baseline.Add(random.Normal());
    const ExperimentReadOut found = *ReadExperiment(candidate, baseline, {.min_units = 2});
    EXPECT_EQ(found.told(), found.p_value < 0.05) << unit;
    if (unit == 0) continue;                                                        // two units of each arm come first
    EXPECT_LT(found.interval.low, found.difference - 1.96 * found.standard_error);  // the price of looking often
  }
}

TEST(Experiment, TellsNothingBeforeItCan) {
  ExperimentArm constant = Arm(std::vector<double>(500, 0));
  EXPECT_TRUE(std::isinf(ReadExperiment(constant, constant)->interval.high));  // nothing varies: no scale
  ExperimentArm few = Arm({0, 1});
  EXPECT_FALSE(ReadExperiment(few, constant)->told());
  EXPECT_EQ(ReadExperiment(few, constant)->p_value, 1);
  EXPECT_FALSE(ReadExperiment({}, {})->told());
  EXPECT_THAT(std::string(ReadExperiment({}, {}, {.confidence = 1}).status().message()), HasSubstr("confidence"));
  EXPECT_THAT(std::string(ReadExperiment({}, {}, {.planned_units = 0}).status().message()), HasSubstr("planned_units"));
  EXPECT_THAT(std::string(ReadExperiment({}, {}, {.min_units = 1}).status().message()), HasSubstr("min_units"));
}

}  // namespace
}  // namespace waypost
