#include "waypost/insight/strategy.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

StrategyValue Rates(double retention, double payment, std::optional<double> users = std::nullopt) {
  return *ValueOfRates(retention, payment, users);
}

// Learners who live through the periods, one event after the other.
TEST(Prospect, IsWhatHappensToSimulatedLearners) {
  const std::vector<double> leave = {0.3, 0.1, 0.2, 0.05};
  const std::vector<double> pay = {0.02, 0.2, 0.1, 0.3};
  const std::vector<double> amounts = {10, 20, 5, 40};
  const Prospect prospect = *ProspectOf(leave, pay, amounts, 0.9);
  Random random(3);
  constexpr int kLearners = 400'000;
  double retained = 0, retained_and_paid = 0, payments = 0, amount = 0;
  for (int u = 0; u < kLearners; ++u) {
    bool there = true, paid = false;
    double discount = 1;
    for (std::size_t t = 0; t < leave.size() && there; ++t) {
      discount *= 0.9;
      if (random.Bernoulli(pay[t])) {
        paid = true;
        ++payments;
        amount += amounts[t] * discount;
      }
      there = !random.Bernoulli(leave[t]);
    }
    retained += there;
    retained_and_paid += there && paid;
  }
  // four standard errors of 400,000 learners
  EXPECT_NEAR(prospect.retained, retained / kLearners, 4 * 0.5 / 632);
  EXPECT_NEAR(prospect.retained * prospect.pays, retained_and_paid / kLearners, 4 * 0.5 / 632);
  EXPECT_NEAR(prospect.expected_payments, payments / kLearners, 4 * 0.7 / 632);
  EXPECT_NEAR(prospect.expected_amount, amount / kLearners, 4 * 14.0 / 632);
}

TEST(Prospect, NoPeriodsMeanRetainedAndUnpaid) {
  const Prospect prospect = *ProspectOf({}, {});
  EXPECT_EQ(prospect.retained, 1);
  EXPECT_EQ(prospect.pays, 0);
  EXPECT_EQ(prospect.expected_payments, 0);
}

TEST(Prospect, ExpectedPaymentsMayExceedOneWhereProbabilitiesDoNot) {
  const std::vector<double> leave(6, 0.01), pay(6, 0.6);
  const Prospect prospect = *ProspectOf(leave, pay);
  EXPECT_GT(prospect.expected_payments, 3);
  EXPECT_LT(prospect.pays, 1);
}

TEST(Prospect, RefusesWhatIsNoProbability) {
  const std::vector<double> good = {0.1, 0.2}, bad = {0.1, std::nan("")}, one = {0.1};
  EXPECT_THAT(std::string(ProspectOf(bad, good).status().message()), HasSubstr("ProspectOf.leave[1]: want"));
  EXPECT_THAT(std::string(ProspectOf(good, bad).status().message()), HasSubstr("ProspectOf.pay[1]: want"));
  EXPECT_THAT(std::string(ProspectOf(good, one).status().message()), HasSubstr("as many periods"));
  EXPECT_THAT(std::string(ProspectOf(good, good, bad).status().message()), HasSubstr("amounts[1]"));
  EXPECT_THAT(std::string(ProspectOf(good, good, {}, 0).status().message()), HasSubstr("discount"));
}

TEST(HazardsFromCumulative, GiveTheSameRetention) {
  const std::vector<double> cumulative = {0.3, 0.37, 0.37, 0.6, 1, 1};
  const std::vector<double> hazards = *HazardsFromCumulative(cumulative);
  double alive = 1;
  for (std::size_t t = 0; t < hazards.size(); ++t) {
    alive *= 1 - hazards[t];
    EXPECT_NEAR(alive, 1 - cumulative[t], 1e-15);
  }
  const std::vector<double> falling = {0.3, 0.2};
  EXPECT_THAT(std::string(HazardsFromCumulative(falling).status().message()),
              HasSubstr("cumulative[1]: want at least"));
}

TEST(StrategyValue, IsTheAverageOfProductsNotTheProductOfAverages) {
  const std::vector<double> retained = {0.9, 0.1}, pays = {0.8, 0.0};  // those stay who pay
  const StrategyValue value = *ValueOfUsers(retained, pays);
  EXPECT_DOUBLE_EQ(value.value, 0.36);
  EXPECT_DOUBLE_EQ(value.retention * value.payment, 0.2);
  EXPECT_NEAR(value.covariance(), 0.16, 1e-15);
  EXPECT_EQ(*value.users, 2);
}

TEST(StrategyValue, RefusesNoLearnerAndUnevenLists) {
  const std::vector<double> one = {0.5};
  EXPECT_FALSE(ValueOfUsers({}, {}).ok());
  EXPECT_FALSE(ValueOfUsers(one, {}).ok());
  EXPECT_FALSE(ValueOfRates(0.5, 1.1).ok());
  EXPECT_FALSE(ValueOfRates(0.5, 0.1, 0).ok());
  EXPECT_FALSE(ValueOfRates(std::nan(""), 0.1).ok());
}

TEST(CompareWithBaseline, HasThePublishedDivergences) {
  const StrategyValue baseline = Rates(0.8, 0.3);
  const auto kl = [&](double retention, double payment) {
    return CompareWithBaseline(Rates(retention, payment), baseline)->signed_kl;
  };
  EXPECT_NEAR(kl(0.80, 0.35), 0.004234, 5e-7);
  EXPECT_NEAR(kl(0.85, 0.35), 0.008628, 5e-7);
  EXPECT_NEAR(kl(0.90, 0.40), 0.035983, 5e-7);
  EXPECT_NEAR(kl(0.70, 0.20), -0.030848, 5e-7);
  EXPECT_NEAR(kl(0.50, 0.10), -0.133556, 5e-7);
}

TEST(CompareWithBaseline, TheStatisticIsTwiceTheLogLikelihoodRatio) {
  const BaselineComparison found = *CompareWithBaseline(Rates(0.9, 0.4, 500), Rates(0.8, 0.3));
  const double ratio = 2 * (180 * std::log(0.36 / 0.24) + 320 * std::log(0.64 / 0.76));
  EXPECT_NEAR(*found.g, ratio, 1e-9);
  EXPECT_NEAR(*found.signed_root, std::sqrt(ratio), 1e-9);
  EXPECT_EQ(found.verdict, Verdict::kBetter);
  EXPECT_NEAR(found.difference, 0.12, 1e-15);
  const BaselineComparison ruin = *CompareWithBaseline(Rates(0.5, 0.1, 500), Rates(0.8, 0.3));
  EXPECT_LT(*ruin.signed_root, 0);
  EXPECT_EQ(ruin.verdict, Verdict::kWorse);
  EXPECT_EQ(CompareWithBaseline(Rates(0.9, 0.4, 20), Rates(0.8, 0.3))->verdict, Verdict::kNotTold);
}

TEST(CompareWithBaseline, ABaselineThatWasMeasuredTellsLess) {
  const BaselineComparison known = *CompareWithBaseline(Rates(0.9, 0.4, 150), Rates(0.8, 0.3));
  const BaselineComparison measured = *CompareWithBaseline(Rates(0.9, 0.4, 150), Rates(0.8, 0.3, 150));
  EXPECT_LT(*measured.g, *known.g);
  const BaselineComparison well_measured = *CompareWithBaseline(Rates(0.9, 0.4, 150), Rates(0.8, 0.3, 1e9));
  EXPECT_NEAR(*well_measured.g, *known.g, 1e-4);
}

TEST(CompareWithBaseline, TheDivergenceOfBothOutcomesIsThatOfItsParts) {
  const BaselineComparison found = *CompareWithBaseline(Rates(0.9, 0.4), Rates(0.8, 0.3));
  const double p[] = {0.1, 0.9 * 0.4, 0.9 * 0.6}, q[] = {0.2, 0.8 * 0.3, 0.8 * 0.7};  // left, paid, stayed unpaid
  double joint = 0;
  for (int n = 0; n < 3; ++n) joint += p[n] * std::log(p[n] / q[n]);
  EXPECT_NEAR(found.kl_retention + found.kl_payment, joint, 1e-14);
}

TEST(CompareWithBaseline, NothingDiffersFromItself) {
  const BaselineComparison found = *CompareWithBaseline(Rates(0.8, 0.3, 100), Rates(0.8, 0.3));
  EXPECT_EQ(found.difference, 0);
  EXPECT_EQ(*found.g, 0);
  EXPECT_EQ(*found.p_value, 1);
  EXPECT_TRUE(std::isinf(found.users_for_power));
  EXPECT_FALSE(CompareWithBaseline(Rates(0, 0), Rates(0.8, 0.3))->g.has_value());
}

TEST(RankStrategies, NeverPutsRuinAboveTheBaselineAndGainAboveBoth) {
  for (double users : {1.0, 30.0, 1e6})
    for (double of_ruin : {1.0, 1e3, 1e9}) {
      const std::vector<StrategyValue> strategies = {Rates(0.5, 0.1, of_ruin), Rates(0.8, 0.3, users),
                                                     Rates(0.9, 0.4, users)};
      EXPECT_THAT(RankStrategies(strategies)->order, ElementsAre(2, 1, 0));
    }
  const std::vector<StrategyValue> exact = {Rates(0.5, 0.1), Rates(0.9, 0.4), Rates(0.8, 0.3)};
  EXPECT_THAT(RankStrategies(exact)->order, ElementsAre(1, 2, 0));
  EXPECT_EQ(RankStrategies(exact)->safest, 1u);
}

TEST(RankStrategies, TheSafestHasTheHighestLowerBound) {
  const std::vector<StrategyValue> strategies = {Rates(0.8, 0.3, 10'000), Rates(0.9, 0.4, 8)};
  const StrategyRanking ranking = *RankStrategies(strategies);
  EXPECT_THAT(ranking.order, ElementsAre(1, 0));
  EXPECT_EQ(ranking.safest, 0u);
  EXPECT_LT(ranking.bounds[1].low, ranking.bounds[0].low);
  EXPECT_FALSE(RankStrategies({}).ok());
}

TEST(RankStrategies, EqualValuesStayInTheOrderGiven) {
  const std::vector<StrategyValue> strategies = {Rates(0.3, 0.8), Rates(0.8, 0.3)};
  EXPECT_THAT(RankStrategies(strategies)->order, ElementsAre(0, 1));
}

// The claim of the verdict: a strategy that changes nothing is called better or worse in 5 % of trials.
TEST(CompareWithBaseline, FalseVerdictsAreAsRareAsPromised) {
  Random random(8);
  int told = 0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    int first = 0, second = 0;
    for (int u = 0; u < 400; ++u) {
      first += random.Bernoulli(0.24);
      second += random.Bernoulli(0.24);
    }
    told +=
        CompareWithBaseline(Rates(1, first / 400.0, 400), Rates(1, second / 400.0, 400))->verdict != Verdict::kNotTold;
  }
  EXPECT_NEAR(told / static_cast<double>(kTrials), 0.05, 0.015);  // three standard errors
}

}  // namespace
}  // namespace waypost
