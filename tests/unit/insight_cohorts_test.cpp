#include "waypost/insight/cohorts.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

constexpr std::uint32_t kUsers = 40;

std::vector<ActiveDay> RandomActivity(std::uint64_t seed) {
  Random random(seed, 0);
  std::vector<ActiveDay> activity;
  const std::uint64_t count = 1 + random.Below(400);
  for (std::uint64_t n = 0; n < count; ++n)
    activity.push_back(
        {static_cast<std::uint32_t>(random.Below(kUsers)), static_cast<std::int64_t>(random.Below(90)) - 20});
  return activity;
}

std::set<std::uint32_t> ActiveIn(const std::vector<ActiveDay>& activity, std::int64_t from, std::int64_t to) {
  std::set<std::uint32_t> users;
  for (const ActiveDay& active : activity)
    if (active.day >= from && active.day < to) users.insert(active.user);
  return users;
}

TEST(Cohorts, TheAccountIsThatOfSetsAndAddsUp) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<ActiveDay> activity = RandomActivity(seed);
    const int days = std::vector<int>{1, 7, 10, 28}[seed % 4];
    const std::int64_t until = seed % 3 == 0 ? 40 : 70;
    const std::vector<AccountPeriod> periods = AccountForUsers(activity, days, until).value();
    std::set<std::uint32_t> before, ever;
    for (const AccountPeriod& period : periods) {
      const std::int64_t end = std::min(period.first_day + days, until);
      const std::set<std::uint32_t> now = ActiveIn(activity, period.first_day, end);
      std::uint64_t added = 0, kept = 0, lost = 0;
      for (const std::uint32_t user : now) {
        added += ever.count(user) == 0;
        kept += before.count(user);
      }
      for (const std::uint32_t user : before) lost += now.count(user) == 0;
      EXPECT_EQ(period.active, now.size());
      EXPECT_EQ(period.added, added);
      EXPECT_EQ(period.kept, kept);
      EXPECT_EQ(period.returned, now.size() - added - kept);
      EXPECT_EQ(period.lost, lost);
      EXPECT_EQ(period.active, period.added + period.kept + period.returned);
      EXPECT_EQ(before.size(), period.kept + period.lost);
      EXPECT_EQ(period.daily, ActiveIn(activity, end - 1, end).size());
      EXPECT_EQ(period.weekly, ActiveIn(activity, end - 7, end).size());
      EXPECT_EQ(period.monthly, ActiveIn(activity, end - 30, end).size());
      EXPECT_EQ(period.partial, period.first_day + days > until);
      ever.insert(now.begin(), now.end());
      before = now;
    }
  }
}

TEST(Cohorts, RetentionIsThatOfTheDefinitions) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<ActiveDay> activity = RandomActivity(seed);
    std::vector<std::optional<std::int64_t>> starts = FirstDays(activity, kUsers);
    if (seed % 2 == 0) starts[seed % kUsers] = 0;  // activity before the start does not count
    CohortOptions options{.days = {1, 3, 9, 30}, .cohort_days = 10, .until = 60};
    for (const RetentionKind kind : {RetentionKind::kDay, RetentionKind::kRolling, RetentionKind::kUnbounded}) {
      options.kind = kind;
      const CohortTable table = RetainCohorts(starts, activity, options).value();
      for (std::size_t n = 0; n < options.days.size(); ++n) {
        const int day = options.days[n];
        std::uint64_t eligible = 0, retained = 0, left_out = 0;
        for (std::uint32_t user = 0; user < kUsers; ++user) {
          if (!starts[user] || *starts[user] >= options.until) continue;
          if (*starts[user] + day >= options.until) {
            ++left_out;
            continue;
          }
          ++eligible;
          retained += std::any_of(activity.begin(), activity.end(), [&](const ActiveDay& active) {
            const std::int64_t after = active.day - *starts[user];
            if (active.user != user || active.day >= options.until || after < 1) return false;
            return kind == RetentionKind::kDay       ? after == day
                   : kind == RetentionKind::kRolling ? after <= day && after > day - 7
                                                     : after >= day;
          });
        }
        EXPECT_EQ(table.all.cells[n].eligible, eligible);
        EXPECT_EQ(table.all.cells[n].retained, retained);
        EXPECT_EQ(table.all.cells[n].partial, left_out > 0);
        std::uint64_t sum = 0, users = 0;
        for (const Cohort& cohort : table.cohorts) {
          sum += cohort.cells[n].retained;
          users += cohort.users;
        }
        EXPECT_EQ(sum, retained);
        EXPECT_EQ(users, table.all.users);
      }
    }
  }
}

TEST(Cohorts, ACohortWhoseDayHasNotComeIsPartial) {
  const std::vector<std::optional<std::int64_t>> starts = {0, 8};
  const std::vector<ActiveDay> activity = {{0, 7}, {0, 7}, {1, 15}};
  const CohortTable table = RetainCohorts(starts, activity, {.days = {7}, .cohort_days = 7, .until = 15}).value();
  ASSERT_EQ(table.cohorts.size(), 2u);
  EXPECT_EQ(table.cohorts[0].cells[0].retained, 1u);
  EXPECT_FALSE(table.cohorts[0].cells[0].partial);
  EXPECT_EQ(table.cohorts[1].first_day, 7);
  EXPECT_EQ(table.cohorts[1].cells[0].eligible, 0u);  // 8 + 7 is the day that is not over
  EXPECT_TRUE(table.cohorts[1].cells[0].partial);
}

TEST(Cohorts, NobodyIsAnEmptyTable) {
  EXPECT_TRUE(RetainCohorts({}, {}, {})->cohorts.empty());
  EXPECT_TRUE(AccountForUsers({}, 7, 100)->empty());
  const std::vector<ActiveDay> one = {{0, 5}};
  const std::vector<AccountPeriod> periods = AccountForUsers(one, 7, 6).value();
  ASSERT_EQ(periods.size(), 1u);
  EXPECT_EQ(periods[0].added, 1u);
  EXPECT_TRUE(periods[0].partial);
}

TEST(Cohorts, RefusesOptionsThatCannotBe) {
  const std::vector<ActiveDay> one = {{3, 5}};
  const auto message = [&](const CohortOptions& options) {
    return std::string(RetainCohorts({}, {}, options).status().message());
  };
  EXPECT_EQ(message({.days = {}}), "CohortOptions.days: want at least one, got none");
  EXPECT_EQ(message({.days = {0}}), "CohortOptions.days: want 1..100000, got 0");
  EXPECT_EQ(message({.cohort_days = 0}), "CohortOptions.cohort_days: want 1..100000, got 0");
  EXPECT_EQ(std::string(RetainCohorts({}, one, {}).status().message()),
            "RetainCohorts.activity: want users below 0, got 3");
  EXPECT_EQ(std::string(AccountForUsers(one, 0, 6).status().message()),
            "AccountForUsers.period_days: want 1..100000, got 0");
  const std::vector<ActiveDay> far = {{0, 0}};
  EXPECT_FALSE(AccountForUsers(far, 1, 2'000'000).ok());
  const std::vector<ActiveDay> before = {{0, -5}};
  constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(AccountForUsers(before, 1, kEnd).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(AccountForUsers(far, 7, kEnd).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace waypost
