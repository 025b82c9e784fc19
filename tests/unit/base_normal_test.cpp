#include "waypost/base/normal.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace waypost {
namespace {

TEST(Normal, AgreesWithTabulatedValues) {
  EXPECT_NEAR(NormalCdf(1.96), 0.9750021048517795, 1e-15);
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(NormalQuantile(0.2), -0.8416212335729143, 1e-14);
  EXPECT_NEAR(NormalQuantile(1e-10), -6.361340902404056, 1e-12);
  EXPECT_DOUBLE_EQ(NormalQuantile(0.5), 0);
  EXPECT_NEAR(NormalHalfWidth(0.95), 1.959963984540054, 1e-14);
  EXPECT_NEAR(ChiSquaredOneTail(3.841458820694124), 0.05, 1e-14);
  EXPECT_DOUBLE_EQ(ChiSquaredOneTail(0), 1);
}

TEST(Normal, TheQuantileIsTheInverse) {
  for (double exponent = -290; exponent < -1; exponent += 1.7) {
    const double p = std::pow(10.0, exponent);
    EXPECT_NEAR(NormalCdf(NormalQuantile(p)) / p, 1, 1e-11) << p;  // d log Phi / dx is |x|: 36 times the error of x
  }
  for (double p = 0.01; p < 1; p += 0.01) EXPECT_NEAR(NormalCdf(NormalQuantile(p)), p, 1e-15);
  EXPECT_NEAR(NormalQuantile(1 - 1e-12), -NormalQuantile(1e-12), 1e-4);  // 1 - 1e-12 itself is rounded
}

}  // namespace
}  // namespace waypost
