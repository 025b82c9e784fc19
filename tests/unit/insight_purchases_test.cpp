#include "waypost/insight/purchases.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

// Customers of BG/NBD with rate 0.5 and probability to leave 0.2 for everybody, seen for 20 periods.
std::vector<PurchaseHistory> Alike(int count) {
  Random random(3, 0);
  std::vector<PurchaseHistory> customers;
  for (int n = 0; n < count; ++n) {
    PurchaseHistory customer{.age = 20};
    for (double time = random.Exponential() / 0.5; time < 20; time += random.Exponential() / 0.5) {
      ++customer.repeats;
      customer.recency = time;
      if (random.Bernoulli(0.2)) break;
    }
    customer.mean_spend = customer.repeats > 0 ? 20 + 10 * random.Uniform() : 0;
    customers.push_back(customer);
  }
  return customers;
}

TEST(Purchases, TheMeansOfRateAndLeavingAreThoseOfTheSimulation) {
  const PurchaseFit fit = FitBgNbd(Alike(500)).value();
  // Everybody is alike: the gamma and the beta narrow towards a point, their means are what is told.
  EXPECT_NEAR(fit.parameters[0].estimate / fit.parameters[1].estimate, 0.5, 0.06);
  EXPECT_NEAR(fit.parameters[2].estimate / (fit.parameters[2].estimate + fit.parameters[3].estimate), 0.2, 0.04);
}

TEST(Purchases, WithoutRepeatsNothingIsIdentified) {
  const std::vector<PurchaseHistory> once(50, PurchaseHistory{.age = 30});
  const PurchaseFit fit = FitBgNbd(once).value();
  EXPECT_EQ(fit.status, FitStatus::kNotIdentified);
  EXPECT_TRUE(std::isnan(fit.parameters[0].estimate));
  EXPECT_EQ(FitGammaGamma(once)->status, FitStatus::kNotIdentified);
  EXPECT_EQ(FitGammaGamma(once)->customers, 0u);
}

TEST(Purchases, MostlyFrequencyZeroAndEqualAgesAreNoTrouble) {
  std::vector<PurchaseHistory> customers(950, PurchaseHistory{.age = 52});
  for (int n = 0; n < 50; ++n)
    customers.push_back({.repeats = 1.0 + n % 7, .recency = 1.0 + n, .age = 52, .mean_spend = 5.0 + n});
  const PurchaseFit fit = FitBgNbd(customers).value();
  EXPECT_TRUE(std::isfinite(fit.log_likelihood));
  for (const FittedParameter& parameter : fit.parameters) {
    EXPECT_TRUE(std::isfinite(parameter.estimate)) << parameter.name;
    EXPECT_GT(parameter.estimate, 0) << parameter.name;
  }
  // Whatever converges, the customers who came lately are the likelier to be there.
  EXPECT_GT(AliveProbability(fit, {.repeats = 3, .recency = 50, .age = 52}),
            AliveProbability(fit, {.repeats = 3, .recency = 5, .age = 52}));
  EXPECT_EQ(AliveProbability(fit, {.repeats = 0, .recency = 0, .age = 52}), 1);
}

TEST(Purchases, SpendIsShrunkTowardsTheMean) {
  const std::vector<PurchaseHistory> customers = Alike(200);
  const PurchaseFit fit = FitGammaGamma(customers).value();
  const PurchaseHistory once{.repeats = 1, .recency = 1, .age = 20, .mean_spend = 29};
  const PurchaseHistory often{.repeats = 15, .recency = 15, .age = 20, .mean_spend = 29};
  EXPECT_LT(ExpectedSpend(fit, once), ExpectedSpend(fit, often));
  EXPECT_LT(ExpectedSpend(fit, often), 29);
  EXPECT_GT(ExpectedSpend(fit, once), 20);
}

TEST(Purchases, RefusesHistoriesThatCannotBe) {
  const auto message = [](const PurchaseHistory& one) {
    return std::string(FitBgNbd(std::vector<PurchaseHistory>{one}).status().message());
  };
  EXPECT_EQ(std::string(FitBgNbd({}).status().message()), "customers: want at least one, got none");
  EXPECT_EQ(message({.repeats = 0.5, .age = 1}), "customers.repeats: want a whole number >= 0, got 0.5 at 0");
  EXPECT_EQ(message({.repeats = 1, .recency = 3, .age = 2}),
            "customers.recency: want 0 <= recency <= age, got 3 of 2 at 0");
  const std::vector<PurchaseHistory> spend = {{.repeats = 1, .recency = 1, .age = 2, .mean_spend = -1}};
  EXPECT_EQ(std::string(FitGammaGamma(spend).status().message()),
            "customers.mean_spend: want a finite value >= 0, got -1 at 0");
}

}  // namespace
}  // namespace waypost
