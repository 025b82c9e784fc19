#include "waypost/insight/allocation.hpp"

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

// The value of the best allocation, by trying all.
double BestOfAll(const std::vector<Incentive>& incentives, std::uint32_t user, std::uint32_t users, double budget) {
  if (user == users) return 0;
  double best = BestOfAll(incentives, user + 1, users, budget);
  for (const Incentive& incentive : incentives)
    if (incentive.user == user && incentive.cost <= budget)
      best = std::max(best, incentive.value + BestOfAll(incentives, user + 1, users, budget - incentive.cost));
  return best;
}

TEST(Allocation, IsCertifiedAgainstTheSearchOfAllAllocations) {
  int best_found = 0;
  constexpr int kWorlds = 500;
  for (std::uint64_t seed = 0; seed < kWorlds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto users = static_cast<std::uint32_t>(1 + random.Below(5));
    std::vector<Incentive> incentives;
    for (std::uint64_t n = random.Below(12); n > 0; --n)  // small whole numbers: ties, free options, worthless ones
      incentives.push_back({static_cast<std::uint32_t>(random.Below(users)), static_cast<double>(random.Below(8)),
                            static_cast<double>(random.Below(12)) - 2});
    const auto budget = static_cast<double>(random.Below(20));
    const Allocation found = *AllocateBudget(incentives, users, budget);
    const double best = BestOfAll(incentives, 0, users, budget);
    EXPECT_LE(found.cost, budget);
    EXPECT_LE(found.value, best + 1e-9);
    EXPECT_GE(found.dual_bound, best - 1e-9);
    EXPECT_LE(found.gap(), found.largest_step + 1e-9);
    best_found += found.value > best - 1e-9;
    double cost = 0, value = 0;
    for (std::uint32_t user = 0; user < users; ++user) {
      if (!found.chosen[user]) continue;
      EXPECT_EQ(incentives[*found.chosen[user]].user, user);
      cost += incentives[*found.chosen[user]].cost;
      value += incentives[*found.chosen[user]].value;
    }
    EXPECT_DOUBLE_EQ(cost, found.cost);
    EXPECT_DOUBLE_EQ(value, found.value);
  }
  EXPECT_GT(best_found, 0.8 * kWorlds);
}

TEST(Allocation, ManyUsersCloseTheGap) {
  Random random(5);
  std::vector<Incentive> incentives;
  constexpr std::uint32_t kUsers = 20'000;
  for (std::uint32_t user = 0; user < kUsers; ++user)
    for (int option = 0; option < 3; ++option) incentives.push_back({user, 1 + 9 * random.Uniform(), random.Uniform()});
  const Allocation found = *AllocateBudget(incentives, kUsers, 10'000);
  EXPECT_LE(found.gap(), 1);
  EXPECT_LT(found.gap(), 1e-3 * found.value);
  EXPECT_LE(found.cost, 10'000);
  EXPECT_GT(found.cost, 9'990);
}

TEST(Allocation, TheOrderOfTheIncentivesDoesNotMatter) {
  Random random(6);
  std::vector<Incentive> incentives;
  for (std::uint32_t n = 0; n < 300; ++n) incentives.push_back({n % 100, random.Uniform(), random.Uniform()});
  const Allocation before = *AllocateBudget(incentives, 100, 10);
  random.Shuffle(std::span(incentives));
  const Allocation after = *AllocateBudget(incentives, 100, 10);
  EXPECT_EQ(before.value, after.value);
  EXPECT_EQ(before.dual_bound, after.dual_bound);
}

TEST(Allocation, TheMultiplierIsWhatMoreBudgetIsWorth) {
  const std::vector<Incentive> incentives = {{0, 1, 4}, {1, 1, 3}, {2, 2, 4}};
  const Allocation found = *AllocateBudget(incentives, 3, 3);
  EXPECT_EQ(found.multiplier, 2);
  EXPECT_EQ(found.dual_bound, 9);  // a half of the third
  EXPECT_THAT(found.chosen, ElementsAre(0u, 1u, std::nullopt));
  EXPECT_EQ(AllocateBudget(incentives, 3, 100)->multiplier, 0);
  EXPECT_EQ(AllocateBudget(incentives, 3, 100)->gap(), 0);
}

TEST(Allocation, TakesFreeOptionsAndNoneThatDoesHarm) {
  const std::vector<Incentive> incentives = {{0, 0, 1}, {0, 0, 2}, {1, 0, -1}, {2, 5, 0}};
  const Allocation found = *AllocateBudget(incentives, 4, 0);
  EXPECT_THAT(found.chosen, ElementsAre(1u, std::nullopt, std::nullopt, std::nullopt));
  EXPECT_EQ(found.value, 2);
  EXPECT_EQ(found.gap(), 0);
}

TEST(Allocation, NothingToAllocateIsNothing) {
  EXPECT_EQ(AllocateBudget({}, 0, 10)->value, 0);
  EXPECT_THAT(AllocateBudget({}, 2, 10)->chosen, ElementsAre(std::nullopt, std::nullopt));
}

TEST(Allocation, RefusesNumbersOutsideTheirRange) {
  const std::vector<Incentive> good = {{0, 1, 1}};
  EXPECT_THAT(std::string(AllocateBudget(good, 1, -1).status().message()), HasSubstr("budget"));
  EXPECT_THAT(std::string(AllocateBudget(good, 1, std::nan("")).status().message()), HasSubstr("budget"));
  EXPECT_EQ(AllocateBudget(good, 0, 1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(AllocateBudget(std::vector<Incentive>{{0, -1, 1}}, 1, 1).status().message()),
              HasSubstr("incentives[0].cost"));
  EXPECT_THAT(std::string(AllocateBudget(std::vector<Incentive>{{0, 1, std::nan("")}}, 1, 1).status().message()),
              HasSubstr("incentives[0].value"));
}

}  // namespace
}  // namespace waypost
