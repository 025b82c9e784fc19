#include "waypost/insight/hazard.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Weeks in remission under 6-MP; Freireich et al. 1963, Gehan 1965. Negative: censored.
const std::vector<int> kGehan = {6,   6,   6,   7,   10,  13,  16,  22,  23,  -6, -9,
                                 -10, -11, -17, -19, -20, -25, -32, -32, -34, -35};

std::vector<PersonLifetime> Gehan() {
  std::vector<PersonLifetime> lifetimes;
  for (const int weeks : kGehan) lifetimes.push_back({static_cast<std::uint32_t>(std::abs(weeks)), weeks > 0});
  return lifetimes;
}

std::vector<PersonLifetime> RandomLifetimes(std::uint64_t seed, std::size_t count, std::uint32_t longest) {
  Random random(seed);
  std::vector<PersonLifetime> lifetimes;
  for (std::size_t n = 0; n < count; ++n)
    lifetimes.push_back({1 + static_cast<std::uint32_t>(random.Below(longest)), random.Bernoulli(0.4)});
  lifetimes.push_back({longest, false});
  return lifetimes;
}

// The product over the distinct times of events, counted anew at each.
double NaiveKaplanMeier(const std::vector<PersonLifetime>& lifetimes, std::uint32_t to) {
  double survival = 1;
  for (std::uint32_t t = 1; t <= to; ++t) {
    double at_risk = 0, events = 0;
    for (const PersonLifetime& life : lifetimes) {
      at_risk += life.periods >= t;
      events += life.periods == t && life.event;
    }
    if (at_risk > 0) survival *= 1 - events / at_risk;
  }
  return survival;
}

TEST(LifeTable, HasThePublishedSurvivalOfGehansPatients) {
  const std::vector<LifeTableRow> table = MakeLifeTable(Gehan()).value();
  ASSERT_EQ(table.size(), 35u);
  const std::vector<std::pair<std::uint32_t, double>> published = {
      {6, .857143}, {7, .806723}, {10, .752941}, {13, .690196}, {16, .627451}, {22, .537815}, {23, .448179}};
  for (const auto& [week, survival] : published) EXPECT_NEAR(table[week - 1].survival, survival, 5e-7) << week;
  EXPECT_NEAR(table[5].standard_error, 0.0763604, 1e-6);  // .857143 sqrt(3 / (21 * 18))
  EXPECT_EQ(table[5].at_risk, 21u);
  EXPECT_EQ(table[5].events, 3u);
}

TEST(Hazard, OfPeriodsAloneIsTheLifeTableAndItsSurvivalThatOfKaplanAndMeier) {
  std::vector<std::vector<PersonLifetime>> worlds = {Gehan()};
  for (std::uint64_t seed = 0; seed < 20; ++seed) worlds.push_back(RandomLifetimes(seed, 60 + 40 * seed, 12));
  for (const std::vector<PersonLifetime>& lifetimes : worlds) {
    const std::vector<LifeTableRow> table = MakeLifeTable(lifetimes).value();
    std::vector<std::uint32_t> ends;
    for (const LifeTableRow& row : table) ends.push_back(row.period);
    PersonPeriods rows({}, ends);
    for (const PersonLifetime& lifetime : lifetimes) rows.Add(lifetime, {});
    const HazardModel model = FitHazard(rows, {.l2 = 0}).value();
    const std::vector<double> survival = model.Survival(static_cast<std::uint32_t>(table.size()), {});
    for (const LifeTableRow& row : table) {
      EXPECT_NEAR(model.Hazard(row.period, {}), row.hazard, 1e-12);
      EXPECT_NEAR(survival[row.period - 1], NaiveKaplanMeier(lifetimes, row.period), 1e-12);
      EXPECT_NEAR(row.survival, NaiveKaplanMeier(lifetimes, row.period), 1e-12);
    }
  }
}

TEST(Hazard, FindsPlantedCovariatesAndBins) {
  Random random(7);
  PersonPeriods rows({"idle", "paid"}, {1, 3, 6});
  const std::vector<double> planted = {-2, -1.5, -1};
  for (int subject = 0; subject < 6000; ++subject) {
    const bool paid = random.Bernoulli(0.4);
    for (std::uint32_t period = 1; period <= 6; ++period) {
      const double idle = static_cast<double>(random.Below(4));  // may differ by period
      const double h = 1 / (1 + std::exp(-(planted[rows.Bin(period)] + 0.35 * idle - 0.9 * paid)));
      const bool event = random.Bernoulli(h);
      const double covariates[] = {idle, static_cast<double>(paid)};
      rows.Add(period, covariates, event);
      if (event) break;
    }
  }
  const HazardModel model = FitHazard(rows, {.l2 = 0}).value();
  EXPECT_NEAR(model.fit.coefficients[0], 0.35, 4 * model.fit.coefficient_errors[0]);
  EXPECT_NEAR(model.fit.coefficients[1], -0.9, 4 * model.fit.coefficient_errors[1]);
  for (std::size_t bin = 0; bin < 3; ++bin)
    EXPECT_NEAR(model.fit.intercepts[bin], planted[bin], 4 * model.fit.intercept_errors[bin]);
  EXPECT_TRUE(model.problems.empty());
  const double x[] = {1, 1};
  EXPECT_EQ(model.Hazard(2, x), model.Hazard(3, x));
  EXPECT_EQ(model.Hazard(6, x), model.Hazard(60, x));  // beyond the last bin
}

TEST(Hazard, NamesPeriodsWithoutEventsAndRefusesEmptyOnes) {
  PersonPeriods rows({}, {1, 2, 4});
  rows.Add({4, true}, {});
  rows.Add({4, false}, {});
  rows.Add({1, true}, {});
  const HazardModel model = FitHazard(rows, {.l2 = 0}).value();
  EXPECT_THAT(model.problems, ElementsAre("one label: period 2 saw no event"));
  EXPECT_EQ(model.Hazard(2, {}), 0);
  PersonPeriods empty_bin({}, {1, 2, 4});
  empty_bin.Add({2, true}, {});
  EXPECT_THAT(std::string(FitHazard(empty_bin).status().message()),
              HasSubstr("want a row in every bin, got none of periods 3..4"));
  EXPECT_THAT(std::string(FitHazard(PersonPeriods({}, {1})).status().message()), HasSubstr("want rows, got none"));
}

TEST(LifeTable, RefusesWhatIsNoLifetime) {
  EXPECT_THAT(std::string(MakeLifeTable({}).status().message()), HasSubstr("got none"));
  const std::vector<PersonLifetime> none = {{3, true}, {0, false}};
  EXPECT_THAT(std::string(MakeLifeTable(none).status().message()), HasSubstr("want 1..100000 periods, got 0 at 1"));
}

}  // namespace
}  // namespace waypost
