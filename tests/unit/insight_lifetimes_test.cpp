#include "waypost/insight/lifetimes.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace waypost {
namespace {

// Weeks in remission of Gehan's leukemia trial (1965), 6-MP; a negative number was still in remission.
std::vector<Lifetime> SixMp() {
  std::vector<Lifetime> lifetimes;
  for (const double weeks : {6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35})
    lifetimes.push_back({.time = std::abs(weeks), .over = weeks > 0});
  return lifetimes;
}

// Customers of Fader and Hardie (2007), 1000 each: those left after each year.
std::vector<Lifetime> Customers(const std::vector<double>& left, std::size_t years) {
  std::vector<Lifetime> lifetimes;
  double before = 1000;
  for (std::size_t year = 0; year < years; ++year) {
    lifetimes.push_back({.time = static_cast<double>(year + 1), .over = true, .weight = before - left[year]});
    before = left[year];
  }
  lifetimes.push_back({.time = static_cast<double>(years), .over = false, .weight = before});
  return lifetimes;
}
const std::vector<double> kHighEnd = {869, 743, 653, 593, 551, 517, 491};
const std::vector<double> kRegular = {631, 468, 382, 326, 289, 262, 241};

TEST(Lifetimes, KaplanMeierIsThatOfTheTextbooks) {
  const std::vector<SurvivalStep> steps = KaplanMeier(SixMp()).value();
  const std::vector<double> times = {6, 7, 10, 13, 16, 22, 23};
  const std::vector<double> survival = {0.857143, 0.806723, 0.752941, 0.690196, 0.627451, 0.537815, 0.448179};
  const std::vector<double> at_risk = {21, 17, 15, 12, 11, 7, 6};
  ASSERT_EQ(steps.size(), times.size());
  for (std::size_t n = 0; n < steps.size(); ++n) {
    EXPECT_EQ(steps[n].time, times[n]);
    EXPECT_EQ(steps[n].at_risk, at_risk[n]);
    EXPECT_NEAR(steps[n].estimate, survival[n], 5e-7);
  }
  EXPECT_EQ(steps[0].events, 3);
  // log-log by hand: V = 3 / (21 * 18), exp(+- 1.96 sqrt(V) / log(6/7)).
  const double width = 1.959963984540054 * std::sqrt(3.0 / (21 * 18)) / std::log(6.0 / 7);
  EXPECT_NEAR(*steps[0].low, std::pow(6.0 / 7, std::exp(-width)), 1e-12);
  EXPECT_NEAR(*steps[0].high, std::pow(6.0 / 7, std::exp(width)), 1e-12);
  EXPECT_LT(*steps[0].low, steps[0].estimate);
  EXPECT_EQ(MedianOf(steps), 23);
}

TEST(Lifetimes, WithoutCensoringKaplanMeierIsTheShareLeft) {
  // The trial's placebo arm.
  std::vector<Lifetime> lifetimes;
  for (const double weeks : {1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23})
    lifetimes.push_back({.time = weeks, .over = true});
  const std::vector<SurvivalStep> steps = KaplanMeier(lifetimes).value();
  EXPECT_EQ(MedianOf(steps), 8);
  double left = 21;
  for (const SurvivalStep& step : steps) {
    left -= step.events;
    EXPECT_NEAR(step.estimate, left / 21, 1e-15);
  }
  EXPECT_EQ(steps.back().estimate, 0);
  EXPECT_EQ(steps.back().low, std::nullopt);
}

TEST(Lifetimes, AHalfThatIsLeftIsTheMedian) {
  const std::vector<Lifetime> lifetimes = {{1, true}, {2, true}, {3, false}, {3, true}};
  EXPECT_EQ(MedianOf(KaplanMeier(lifetimes).value()), 2);
}

TEST(Lifetimes, ZeroTimesOneRowAndNoEventsAreHandled) {
  const std::vector<Lifetime> zeros = {{0, true}, {0, false}, {2, true}, {3, false}};
  const std::vector<SurvivalStep> steps = KaplanMeier(zeros).value();
  EXPECT_NEAR(steps[0].estimate, 0.75, 1e-15);
  EXPECT_NEAR(steps[1].estimate, 0.375, 1e-15);
  EXPECT_EQ(std::string(FitLifetimes(zeros, LifetimeModel::kWeibull).status().message()),
            "lifetimes.time: want events after time 0 for weibull, got one at 0");
  EXPECT_NEAR(FitLifetimes(zeros, LifetimeModel::kExponential)->parameters[0].estimate, 0.4, 1e-15);

  const std::vector<Lifetime> one = {{5, true}};
  EXPECT_EQ(KaplanMeier(one)->at(0).estimate, 0);
  EXPECT_NEAR(FitLifetimes(one, LifetimeModel::kExponential)->parameters[0].estimate, 0.2, 1e-15);
  EXPECT_NE(FitLifetimes(one, LifetimeModel::kWeibull)->status, FitStatus::kConverged);

  EXPECT_TRUE(std::isfinite(*KaplanMeier(zeros, 1 - 1e-16)->at(0).low));  // half of it rounds to nothing

  const std::vector<Lifetime> censored = {{5, false}, {7, false}};
  EXPECT_TRUE(KaplanMeier(censored)->empty());
  EXPECT_EQ(MedianOf(*KaplanMeier(censored)), std::nullopt);
  for (const LifetimeModel model :
       {LifetimeModel::kExponential, LifetimeModel::kWeibull, LifetimeModel::kShiftedBetaGeometric})
    EXPECT_EQ(FitLifetimes(censored, model)->status, FitStatus::kNotIdentified);
}

TEST(Lifetimes, TheExponentialIsEventsOverTime) {
  const LifetimeFit fit = FitLifetimes(SixMp(), LifetimeModel::kExponential).value();
  EXPECT_NEAR(fit.parameters[0].estimate, 9.0 / 359, 1e-15);
  EXPECT_NEAR(fit.parameters[0].standard_error, 9.0 / 359 / 3, 1e-15);
  EXPECT_NEAR(fit.log_likelihood, 9 * std::log(9.0 / 359) - 9, 1e-12);
  EXPECT_NEAR(SurvivalAt(fit, 10), std::exp(-90.0 / 359), 1e-14);
}

TEST(Lifetimes, AWeibullOfExponentialQuantilesHasShapeNearOneAndStationaryLikelihood) {
  const LifetimeFit fit = FitLifetimes(SixMp(), LifetimeModel::kWeibull).value();
  EXPECT_EQ(fit.status, FitStatus::kConverged);
  const double scale = fit.parameters[0].estimate, shape = fit.parameters[1].estimate;
  // The equations of the maximum: scale^shape = sum t^shape / d; d / shape + sum log(t_over) = sum t^shape log t d /
  // sum t^shape.
  double powers = 0, log_powers = 0, logs = 0;
  for (const Lifetime& life : SixMp()) {
    powers += std::pow(life.time, shape);
    log_powers += std::pow(life.time, shape) * std::log(life.time);
    logs += life.over ? std::log(life.time) : 0;
  }
  EXPECT_NEAR(std::pow(scale, shape) / (powers / 9), 1, 1e-9);
  EXPECT_NEAR(9 / shape + logs, 9 * log_powers / powers, 1e-8);
  EXPECT_GE(fit.log_likelihood, FitLifetimes(SixMp(), LifetimeModel::kExponential)->log_likelihood);
}

TEST(Lifetimes, ShiftedBetaGeometricIsThatOfThePaper) {
  const LifetimeFit high = FitLifetimes(Customers(kHighEnd, 7), LifetimeModel::kShiftedBetaGeometric).value();
  EXPECT_EQ(high.status, FitStatus::kConverged);
  EXPECT_NEAR(high.parameters[0].estimate, 0.6680885, 5e-7);
  EXPECT_NEAR(high.parameters[1].estimate, 3.8060957, 2e-6);
  EXPECT_NEAR(high.log_likelihood, -1611.1581, 5e-5);
  EXPECT_NEAR(SurvivalAt(high, 12), 0.37800, 5e-6);
  const LifetimeFit regular = FitLifetimes(Customers(kRegular, 7), LifetimeModel::kShiftedBetaGeometric).value();
  EXPECT_NEAR(regular.parameters[0].estimate, 0.7040773, 5e-7);
  EXPECT_NEAR(regular.parameters[1].estimate, 1.1820430, 1e-6);
  EXPECT_NEAR(regular.log_likelihood, -1680.2652, 5e-5);
  EXPECT_NEAR(SurvivalAt(regular, 12), 0.17004, 5e-6);
  const LifetimeFit four = FitLifetimes(Customers(kHighEnd, 4), LifetimeModel::kShiftedBetaGeometric).value();
  EXPECT_NEAR(four.parameters[0].estimate, 1.28098, 5e-5);
  EXPECT_NEAR(four.parameters[1].estimate, 7.79039, 3e-4);
  const LifetimeFit regular_four = FitLifetimes(Customers(kRegular, 4), LifetimeModel::kShiftedBetaGeometric).value();
  EXPECT_NEAR(regular_four.parameters[0].estimate, 0.763665, 5e-6);
  EXPECT_NEAR(regular_four.parameters[1].estimate, 1.295830, 5e-6);
}

TEST(Lifetimes, WholePeriodsThatAllLeaveAlikeDoNotTellShiftedBetaGeometric) {
  // Half leave in each period: everybody has the same probability, alpha and beta grow without end.
  const std::vector<Lifetime> same = {{1, true, 500}, {2, true, 250}, {3, true, 125}, {3, false, 125}};
  const LifetimeFit fit = FitLifetimes(same, LifetimeModel::kShiftedBetaGeometric).value();
  EXPECT_NE(fit.status, FitStatus::kConverged);
  EXPECT_NEAR(SurvivalAt(fit, 2), 0.25, 1e-3);
}

TEST(Lifetimes, RefusesWhatIsNoLifetime) {
  const auto message = [](const std::vector<Lifetime>& lifetimes) {
    return std::string(KaplanMeier(lifetimes).status().message());
  };
  EXPECT_EQ(message({}), "lifetimes: want at least one, got none");
  EXPECT_EQ(message({{-1, true}}), "lifetimes.time: want a finite value >= 0, got -1 at 0");
  EXPECT_EQ(message({{std::nan(""), true}}), "lifetimes.time: want a finite value >= 0, got nan at 0");
  EXPECT_EQ(message({{1, true, 0}}), "lifetimes.weight: want a finite value > 0, got 0 at 0");
  EXPECT_EQ(
      std::string(
          FitLifetimes(std::vector<Lifetime>{{1.5, true}}, LifetimeModel::kShiftedBetaGeometric).status().message()),
      "lifetimes.time: want whole periods from 1 for sbg, got 1.5 at 0");
}

}  // namespace
}  // namespace waypost
