#include "waypost/base/bernoulli_kl.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

namespace waypost {
namespace {

// The probabilities of 0..n successes.
std::vector<double> Binomial(int n, double p) {
  std::vector<double> probabilities;
  for (int k = 0; k <= n; ++k)
    probabilities.push_back(std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) +
                                     k * std::log(p) + (n - k) * std::log1p(-p)));
  return probabilities;
}

// Five ways to change a strategy of value 0.24: the divergence is largest for the two that ruin it.
TEST(BernoulliKl, HasThePublishedValues) {
  EXPECT_NEAR(BernoulliKl(0.28, 0.24), 0.004234, 5e-7);
  EXPECT_NEAR(BernoulliKl(0.2975, 0.24), 0.008628, 5e-7);
  EXPECT_NEAR(BernoulliKl(0.36, 0.24), 0.035983, 5e-7);
  EXPECT_NEAR(BernoulliKl(0.14, 0.24), 0.030848, 5e-7);
  EXPECT_NEAR(BernoulliKl(0.05, 0.24), 0.133556, 5e-7);
  EXPECT_NEAR(SignedBernoulliKl(0.05, 0.24), -0.133556, 5e-7);
}

TEST(BernoulliKl, IsTheDefinitionAlsoForNearRates) {
  for (double q : {1e-6, 0.003, 0.24, 0.5, 0.9, 1 - 1e-6})
    for (double distance : {1e-9, 1e-7, 1e-4, 0.02, 0.3}) {
      const double p = q + distance * (1 - q);
      const long double exact =
          p * std::log(static_cast<long double>(p) / q) + (1.0L - p) * std::log((1.0L - p) / (1.0L - q));
      const long double cancels = 4e-19L * (p + (1 - p));  // of the definition itself, in long double
      EXPECT_NEAR(BernoulliKl(p, q), static_cast<double>(exact), static_cast<double>(1e-12L * exact + cancels))
          << p << " " << q;
    }
}

TEST(BernoulliKl, KnowsTheEdges) {
  EXPECT_EQ(BernoulliKl(0, 0), 0);
  EXPECT_EQ(BernoulliKl(1, 1), 0);
  EXPECT_DOUBLE_EQ(BernoulliKl(0, 0.5), std::log(2.0));
  EXPECT_DOUBLE_EQ(BernoulliKl(1, 0.5), std::log(2.0));
  EXPECT_TRUE(std::isinf(BernoulliKl(0.3, 0)));
  EXPECT_TRUE(std::isinf(BernoulliKl(0.3, 1)));
}

TEST(BernoulliKl, BoundsAreWhereTheDivergenceReachesTheLevel) {
  for (double p : {0.0, 0.05, 0.24, 1.0})
    for (double n : {1.0, 30.0, 1e6}) {
      const Interval bounds = BernoulliKlBounds(p, n, 0.025);
      EXPECT_LE(bounds.low, p);
      EXPECT_GE(bounds.high, p);
      if (p > 0) {
        EXPECT_NEAR(n * BernoulliKl(p, bounds.low), std::log(40.0), 1e-6);
      }
      if (p < 1) {
        EXPECT_NEAR(n * BernoulliKl(p, bounds.high), std::log(40.0), 1e-6);
      }
    }
}

TEST(BernoulliKl, BoundsFailNoMoreOftenThanPromised) {
  for (int n : {1, 7, 100})
    for (double truth : {0.01, 0.24, 0.5}) {
      const std::vector<double> probabilities = Binomial(n, truth);
      double above = 0, below = 0;  // the truth lies there with these probabilities
      for (int k = 0; k <= n; ++k) {
        const Interval bounds = BernoulliKlBounds(static_cast<double>(k) / n, n, 0.025);
        if (truth > bounds.high) above += probabilities[static_cast<std::size_t>(k)];
        if (truth < bounds.low) below += probabilities[static_cast<std::size_t>(k)];
      }
      EXPECT_LE(above, 0.025);
      EXPECT_LE(below, 0.025);
    }
}

TEST(BernoulliKl, TheSampleSizeReachesItsPower) {
  for (double p : {0.28, 0.36, 0.14}) {
    const int n = static_cast<int>(TrialsForPower(p, 0.24, 0.95, 0.8));
    const std::vector<double> probabilities = Binomial(n, p);
    double told = 0;
    for (int k = 0; k <= n; ++k)
      if (2 * n * BernoulliKl(static_cast<double>(k) / n, 0.24) > 3.841458820694124)
        told += probabilities[static_cast<std::size_t>(k)];
    EXPECT_NEAR(told, 0.8, 0.04) << p;  // the root is normal to O(1/sqrt n), and counts are whole
  }
  EXPECT_TRUE(std::isinf(TrialsForPower(0.24, 0.24, 0.95, 0.8)));
  EXPECT_EQ(TrialsForPower(0.1, 0, 0.95, 0.8), 16);  // 0.9^16 = 0.185, 0.9^15 = 0.206
  EXPECT_EQ(TrialsForPower(0.9, 1, 0.95, 0.8), 16);
  EXPECT_EQ(TrialsForPower(1, 0, 0.95, 0.8), 1);
  EXPECT_TRUE(std::isinf(TrialsForPower(0, 0, 0.95, 0.8)));
  EXPECT_GT(TrialsForPowerOfTwo(0.28, 0.24, 0.95, 0.8), 1.8 * TrialsForPower(0.28, 0.24, 0.95, 0.8));
}

}  // namespace
}  // namespace waypost
