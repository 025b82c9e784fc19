#include "waypost/base/student.hpp"

#include <gtest/gtest.h>

namespace waypost {
namespace {

TEST(Student, StudentsQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(StudentQuantile(0.975, 1), 12.706204736432095, 1e-9);
  EXPECT_NEAR(StudentQuantile(0.975, 2), 4.302652729696142, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.975, 3), 3.182446305284263, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.975, 10), 2.2281388519649385, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.95, 30), 1.6972608865939574, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.025, 10), -2.2281388519649385, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.975, kMostFreedom), NormalQuantile(0.975), 3e-5);
  EXPECT_EQ(StudentQuantile(0.975, kMostFreedom + 1), NormalQuantile(0.975));
}

TEST(Student, AQuantileIsTheInverseOfItsDistribution) {
  for (const std::uint64_t freedom : {1u, 2u, 5u, 40u, 787u})
    for (const double p : {0.6, 0.9, 0.9999}) EXPECT_NEAR(StudentCdf(StudentQuantile(p, freedom), freedom), p, 1e-13);
}

}  // namespace
}  // namespace waypost
