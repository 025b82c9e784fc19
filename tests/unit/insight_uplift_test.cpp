#include "waypost/insight/uplift.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/base/statistics.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;

// Outcome 1 + x0 + a (0.5 + effect x1) + noise; treated with a probability that x0 decides.
struct Experiment {
  std::vector<double> values, outcomes, propensities, truth;
  std::vector<std::uint8_t> treated;

  UpliftDataView view() const {
    return {.values = values, .columns = 3, .treated = treated, .outcomes = outcomes, .propensities = propensities};
  }
};

Experiment Simulate(std::size_t users, double effect, std::uint64_t seed) {
  Random random(31, seed);
  Experiment world;
  for (std::size_t i = 0; i < users; ++i) {
    const double x[] = {random.Normal(), random.Normal(), 7};  // a column that tells nothing
    const double e = 1 / (1 + std::exp(-x[0]));
    const bool a = random.Bernoulli(e);
    world.values.insert(world.values.end(), x, x + 3);
    world.treated.push_back(a);
    world.propensities.push_back(e);
    world.truth.push_back(0.5 + effect * x[1]);
    world.outcomes.push_back(1 + x[0] + (a ? world.truth.back() : 0) + random.Normal());
  }
  return world;
}

double Correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += (a[i] - Mean(a)) * (b[i] - Mean(b));
  return product / static_cast<double>(a.size() - 1) / StandardDeviation(a) / StandardDeviation(b);
}

TEST(Uplift, FindsThePlantedEffectOfEachUser) {
  const Experiment world = Simulate(4000, 1, 1);
  for (const UpliftLearner learner : {UpliftLearner::kT, UpliftLearner::kDr}) {
    const auto fit = LearnUplift(world.view(), {.learner = learner});
    ASSERT_TRUE(fit.ok()) << fit.status();
    EXPECT_GT(Correlation(fit->uplift, world.truth), 0.98);
    EXPECT_NEAR(fit->intercept + 7 * fit->coefficients[2], 0.5, 0.12);
    EXPECT_NEAR(fit->coefficients[1], 1, 0.12);  // three standard errors of 4,000 users
    EXPECT_EQ(fit->coefficients[2], 0);
    EXPECT_GT(fit->qini, 5 * fit->qini_error);
    const Qini best = QiniOf(world.truth, fit->scores);
    EXPECT_NEAR(fit->qini, best.value, 0.02);
    const std::vector<double> row = {0, 2, 7};
    EXPECT_NEAR(fit->Uplift(row), 2.5, 0.3);
  }
}

TEST(Uplift, TheIntervalOfTheAverageEffectHoldsTheTruth) {
  int held = 0;
  constexpr int kWorlds = 300;
  double sum = 0;
  for (std::uint64_t world = 0; world < kWorlds; ++world) {
    const UpliftFit fit = *LearnUplift(Simulate(300, 1, world).view(), {.learner = UpliftLearner::kT, .folds = 3});
    held += std::abs(fit.average - 0.5) <= 1.96 * fit.average_error;
    sum += fit.average;
  }
  EXPECT_NEAR(sum / kWorlds, 0.5, 0.04);
  EXPECT_NEAR(held, 0.95 * kWorlds, 0.035 * kWorlds);  // three standard errors of 300 experiments
}

TEST(Uplift, WhereNobodyDiffersTheOrderIsWorthNothing) {
  int told = 0;
  for (std::uint64_t world = 0; world < 100; ++world) {
    const UpliftFit fit = *LearnUplift(Simulate(300, 0, world).view(), {.folds = 3});
    told += fit.qini > 1.96 * fit.qini_error;
  }
  EXPECT_LE(told, 8);  // 2.5 expected of 100
}

TEST(Qini, IsTheAreaBetweenTheNaiveCurveAndItsLine) {
  Random random(5);
  std::vector<double> uplift, scores;
  for (int i = 0; i < 60; ++i) {
    uplift.push_back(static_cast<double>(i));  // no ties: the order is plain
    scores.push_back(random.Normal() + 0.02 * i);
  }
  double area = 0, gained = 0;  // of the curve through its points, by trapezoids
  for (int i = 59; i >= 0; --i) {
    area += (gained + 0.5 * scores[static_cast<std::size_t>(i)] / 60) / 60;
    gained += scores[static_cast<std::size_t>(i)] / 60;
  }
  EXPECT_NEAR(QiniOf(uplift, scores).value, area - 0.5 * gained, 1e-13);
  const std::vector<double> reversed(uplift.rbegin(), uplift.rend());
  EXPECT_NEAR(QiniOf(reversed, scores).value, -QiniOf(uplift, scores).value, 1e-13);
  EXPECT_EQ(QiniOf(std::vector<double>(60, 1), scores).value, 0);  // all alike: no order
}

TEST(Uplift, NoColumnsAndDuplicateColumnsAreNoTrouble) {
  Experiment world = Simulate(300, 1, 2);
  std::vector<double> doubled;
  for (std::size_t i = 0; i < 300; ++i)
    for (const double x : {world.values[3 * i], world.values[3 * i + 1], world.values[3 * i + 1]}) doubled.push_back(x);
  world.values = doubled;
  for (const double l2 : {0.0, 10.0}) {
    const auto fit = LearnUplift(world.view(), {.l2 = l2});
    ASSERT_TRUE(fit.ok()) << fit.status();
    EXPECT_GT(Correlation(fit->uplift, world.truth), 0.9);
  }
  UpliftDataView none = world.view();
  none.values = {};
  none.columns = 0;
  EXPECT_NEAR(LearnUplift(none)->uplift[0], 0.5, 1);
}

TEST(Uplift, NamesThePlaceOfABadValue) {
  const Experiment good = Simulate(100, 1, 3);
  const auto refusal = [&](auto&& damage, const UpliftOptions& options = {}) {
    Experiment world = good;
    damage(world);
    return std::string(LearnUplift(world.view(), options).status().message());
  };
  EXPECT_THAT(refusal([](Experiment& w) { w.treated[4] = 2; }), HasSubstr("treated[4]"));
  EXPECT_THAT(refusal([](Experiment& w) { w.outcomes[4] = std::nan(""); }), HasSubstr("outcomes[4]"));
  EXPECT_THAT(refusal([](Experiment& w) { w.propensities[4] = 1; }), HasSubstr("propensities[4]"));
  EXPECT_THAT(refusal([](Experiment& w) { w.values[3 * 4 + 1] = INFINITY; }), HasSubstr("values[4][1]"));
  EXPECT_THAT(refusal([](Experiment& w) { w.values.pop_back(); }), HasSubstr("300 values"));
  EXPECT_THAT(refusal([](Experiment& w) { std::fill(w.treated.begin(), w.treated.end(), std::uint8_t{1}); }),
              HasSubstr("2 users of each arm"));
  EXPECT_THAT(refusal([](Experiment&) {}, {.folds = 2}), HasSubstr("folds"));
  EXPECT_THAT(refusal([](Experiment&) {}, {.l2 = -1}), HasSubstr("l2"));
  EXPECT_FALSE(LearnUplift({}).ok());
}

}  // namespace
}  // namespace waypost
