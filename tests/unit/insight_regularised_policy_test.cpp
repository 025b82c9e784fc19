#include "waypost/insight/regularised_policy.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const std::vector<double> kUniform(3, 1.0 / 3);
const std::vector<double> kValues = {0.24, 0.30, 0.20};

TEST(RegularisedPolicy, HasThePublishedValues) {
  const RegularisedPolicy sharp = *RegularisePolicy(kUniform, kValues, 0.05);
  EXPECT_THAT(sharp.shares,
              ElementsAre(DoubleNear(0.209668, 5e-7), DoubleNear(0.696122, 5e-7), DoubleNear(0.094210, 5e-7)));
  EXPECT_NEAR(sharp.expected, 0.277999, 5e-7);
  EXPECT_NEAR(sharp.kl, 0.296361, 5e-7);
  EXPECT_NEAR(sharp.objective, 0.263181, 5e-7);
  const RegularisedPolicy soft = *RegularisePolicy(kUniform, kValues, 0.1);
  EXPECT_THAT(soft.shares,
              ElementsAre(DoubleNear(0.286333, 5e-7), DoubleNear(0.521732, 5e-7), DoubleNear(0.191935, 5e-7)));
  EXPECT_NEAR(soft.objective, 0.255199, 5e-7);
}

TEST(RegularisedPolicy, TheMaximumIsTheLogarithmOfTheMeanExponential) {
  const std::vector<double> prior = {0.5, 0.2, 0.3};
  for (double beta : {0.001, 0.05, 3.0, 1e6}) {
    double mean = 0;
    for (std::size_t a = 0; a < prior.size(); ++a) mean += prior[a] * std::exp((kValues[a] - 0.3) / beta);
    const double maximum = 0.3 + beta * std::log(mean);
    EXPECT_NEAR(RegularisePolicy(prior, kValues, beta)->objective, maximum, 1e-9 * (1 + 1e-7 * beta)) << beta;
  }
}

TEST(RegularisedPolicy, NoOtherPolicyDoesBetter) {
  const std::vector<double> prior = {0.5, 0.2, 0.3};
  const RegularisedPolicy best = *RegularisePolicy(prior, kValues, 0.05);
  Random random(2);
  for (int trial = 0; trial < 2000; ++trial) {
    double other[3], sum = 0, objective = 0;
    for (int a = 0; a < 3; ++a) sum += other[a] = best.shares[a] * std::exp(0.3 * random.Normal());
    for (int a = 0; a < 3; ++a) {
      other[a] /= sum;
      objective += other[a] * kValues[a] - 0.05 * other[a] * std::log(other[a] / prior[a]);
    }
    EXPECT_LE(objective, best.objective + 1e-15);
  }
}

TEST(RegularisedPolicy, ABudgetIsUsedAndKept) {
  for (double budget : {1e-8, 0.01, 0.296361, 1.0}) {
    const RegularisedPolicy policy = *RegularisePolicyToBudget(kUniform, kValues, budget);
    EXPECT_LE(policy.kl, budget);
    EXPECT_NEAR(policy.kl, budget, 1e-6 * budget + 1e-13);
  }
  EXPECT_NEAR(RegularisePolicyToBudget(kUniform, kValues, 0.296361)->beta, 0.05, 1e-6);
}

TEST(RegularisedPolicy, NoBudgetChangesNothingAndAmpleBudgetTakesTheBest) {
  EXPECT_EQ(RegularisePolicyToBudget(kUniform, kValues, 0)->shares, kUniform);
  EXPECT_THAT(RegularisePolicyToBudget(kUniform, kValues, 2)->shares, ElementsAre(0, 1, 0));
  EXPECT_EQ(RegularisePolicy(kUniform, kValues, kInfinity)->shares, kUniform);
  EXPECT_THAT(RegularisePolicy(kUniform, kValues, 0)->shares, ElementsAre(0, 1, 0));
  const std::vector<double> equal(3, 0.2);
  EXPECT_THAT(RegularisePolicyToBudget(kUniform, equal, 0.1)->kl, 0);
}

TEST(RegularisedPolicy, WhatIsNotInUseStaysUnused) {
  const std::vector<double> prior = {0.6, 0, 0.4};
  EXPECT_EQ(RegularisePolicy(prior, kValues, 0.05)->shares[1], 0);
  EXPECT_THAT(RegularisePolicyToBudget(prior, kValues, 5)->shares, ElementsAre(1, 0, 0));
}

TEST(RegularisedPolicy, HugeValuesDoNotOverflow) {
  const std::vector<double> values = {1e300, -1e300, 0};
  const RegularisedPolicy policy = *RegularisePolicy(kUniform, values, 1e-3);
  EXPECT_THAT(policy.shares, ElementsAre(1, 0, 0));
  EXPECT_TRUE(std::isfinite(policy.kl));
}

TEST(RegularisedPolicy, RefusesWhatIsNoPolicy) {
  const std::vector<double> half = {0.5, 0.2, 0.2}, nan = {0.2, std::nan(""), 0.1}, two = {0.5, 0.5};
  EXPECT_THAT(std::string(RegularisePolicy(half, kValues, 1).status().message()), HasSubstr("sum to 1"));
  EXPECT_THAT(std::string(RegularisePolicy(kUniform, nan, 1).status().message()), HasSubstr("values[1]"));
  EXPECT_THAT(std::string(RegularisePolicy(two, kValues, 1).status().message()), HasSubstr("got 2 and 3"));
  EXPECT_THAT(std::string(RegularisePolicy(kUniform, kValues, -1).status().message()), HasSubstr("beta"));
  EXPECT_FALSE(RegularisePolicyToBudget(kUniform, kValues, std::nan("")).ok());
  EXPECT_FALSE(RegularisePolicy({}, {}, 1).ok());
}

}  // namespace
}  // namespace waypost
