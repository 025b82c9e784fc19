#include "waypost/insight/features.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

constexpr std::int64_t kHour = 3'600'000'000;
constexpr std::int64_t kMonday = 1'704'067'200'000'000;  // 2024-01-01T00:00Z
constexpr std::int64_t kMoment = kMonday + 60 * kDayMicros;

std::int64_t At(int day, int hour = 12) {
  return kMonday + day * kDayMicros + hour * kHour;
}

EventLog Log(const std::vector<Event>& events, KindTable kinds = {}) {
  EventLogBuilder builder(std::move(kinds));
  for (const Event& event : events) EXPECT_TRUE(builder.Append(event).ok());
  return std::move(builder).Build();
}

TEST(UserFeatures, OfOneLearnerAreThoseCountedByHand) {
  const EventLog log = Log({
      {"ann", "c1", kView, std::nullopt, At(0)},
      {"ann", "c1", kPay, 30.0f, At(0) + kHour / 4},
      {"ann", "c1", kStart, std::nullopt, At(0) + kHour / 2},
      {"ann", "c1", kComplete, 1.0f, At(1, 20)},  // Tuesday evening
      {"ann", "c1", kRate, 5.0f, At(1, 21)},
      {"ann", "c2", kStart, std::nullopt, At(33, 3)},    // Saturday night
      {"ann", "c2", kDislike, std::nullopt, At(34, 9)},  // Sunday
      {"ann", "c3", kStart, std::nullopt, At(54, 9)},    // Saturday
      {"ann", "c3", kRemind, std::nullopt, At(57)},      // done to her
      {"ann", "c3", kRate, 1.0f, At(58, 19)},
      {"ann", "c3", kAsk, std::nullopt, At(58, 19) + kHour / 4},
      {"ann", "c9", kPay, 99.0f, At(60, 0)},            // at the moment: not before it
      {"bob", "c1", kImpression, std::nullopt, At(5)},  // has not acted
  });
  const Activity activity(log);
  const UserFeatures features = ComputeUserFeatures(activity.Before(kMoment));
  ASSERT_EQ(features.users, (std::vector<std::uint32_t>{0}));
  const std::span<const double> row = features.row(0);
  const auto near = [&](UserFeature feature, double value) {
    EXPECT_NEAR(row[feature], value, 1e-12) << UserFeatureTable()[feature].name;
  };
  near(kRecencyDays, 1 + 4.75 / 24);
  near(kTenureDays, 59.5);
  near(kEventCount, 10);
  near(kEvents7d, 3);
  near(kEvents28d, 5);
  near(kActiveDays, 6);
  near(kActiveDays28d, 4);
  near(kSessions, 7);
  near(kSessions28d, 4);
  near(kSessionsPerWeek, 7 / (59.5 / 7 + 1));
  near(kIdleWeeks, 2);  // weeks back: 53..59 and 32..38 have acts
  near(kLongestGapDays, 31 + 6.0 / 24);
  near(kItems, 3);
  near(kItems28d, 2);
  near(kKinds, 7);
  near(kStarts, 3);
  near(kCompletes, 1);
  near(kCompletion, 1.0 / 3);
  near(kUnderway, 1);
  near(kPayments, 1);
  near(kPayments28d, 0);
  near(kSpend, 30);
  near(kSpend28d, 0);
  near(kDaysSincePayment, 59.5 - 0.25 / 24);
  near(kRejections, 1);
  near(kRejections28d, 1);
  near(kMeanRating, 0);
  near(kLowRatings28d, 1);
  near(kStreakWeeks, 1);
  near(kLongestStreakDays, 2);
  near(kTrend, std::log(4.0 / 3));
  near(kNightShare, 0.1);
  near(kEveningShare, 0.4);
  near(kWeekendShare, 0.3);
  near(kAsks, 1);
  near(kAnswers, 0);
  near(kReminders28d, 1);
}

TEST(UserFeatures, CountAsANaiveScanDoes) {
  Random random(4);
  EventLogBuilder builder;
  std::vector<std::tuple<int, int, std::int64_t>> rows;
  for (int n = 0; n < 3000; ++n) {
    const int user = static_cast<int>(random.Below(40)), item = static_cast<int>(random.Below(12));
    const std::int64_t time = kMonday + static_cast<std::int64_t>(random.Below(80 * kDayMicros));
    const std::string user_id = "u" + std::to_string(user), item_id = "c" + std::to_string(item);
    ASSERT_TRUE(builder.Append({user_id, item_id, kView, std::nullopt, time}).ok());
    rows.emplace_back(user, item, time);
  }
  const EventLog log = std::move(builder).Build();
  const Activity activity(log);
  for (const int threads : {1, 7}) {
    const UserFeatures features = ComputeUserFeatures(activity.Before(kMoment), Parallelism(threads));
    EXPECT_EQ(features.values, ComputeUserFeatures(activity.Before(kMoment), Parallelism(1)).values);
    for (std::size_t n = 0; n < features.users.size(); ++n) {
      const int user = std::stoi(std::string(log.users().id(features.users[n])).substr(1));
      std::set<int> items;
      std::set<std::int64_t> days, weeks;
      double events = 0, recent = 0;
      std::int64_t last = 0;
      for (const auto& [u, item, time] : rows) {
        if (u != user || time >= kMoment) continue;
        ++events;
        recent += kMoment - time <= 28 * kDayMicros;
        items.insert(item);
        days.insert((time - kMonday) / kDayMicros);
        weeks.insert((kMoment - time - 1) / (7 * kDayMicros));
        last = std::max(last, time);
      }
      double streak = 0;
      while (weeks.contains(static_cast<std::int64_t>(streak))) ++streak;
      EXPECT_EQ(features.row(n)[kEventCount], events);
      EXPECT_EQ(features.row(n)[kEvents28d], recent);
      EXPECT_EQ(features.row(n)[kItems], static_cast<double>(items.size()));
      EXPECT_EQ(features.row(n)[kActiveDays], static_cast<double>(days.size()));
      EXPECT_EQ(features.row(n)[kStreakWeeks], streak);
      EXPECT_DOUBLE_EQ(features.row(n)[kRecencyDays], static_cast<double>(kMoment - last) / kDayMicros);
    }
  }
}

TEST(UserFeatures, AreFiniteAtTheEndsOfTime) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min() + 1;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const EventLog log = Log({{"u", "i", kView, std::nullopt, kLeast},
                            {"u", "i", kPay, -3.0f, 0},
                            {"u", "i", kRate, 4.0f, kMost - 1},
                            {"u", "i", kView, std::nullopt, std::nullopt}});
  const Activity activity(log);
  EXPECT_EQ(activity.undated(), 1u);
  for (const std::int64_t moment : {kLeast, kLeast + 1, std::int64_t{1}, kMost}) {
    const UserFeatures features = ComputeUserFeatures(activity.Before(moment));
    EXPECT_EQ(features.users.size(), moment == kLeast ? 0u : 1u);
    for (const double value : features.values) EXPECT_TRUE(std::isfinite(value));
  }
  EXPECT_TRUE(ComputeUserFeatures(Activity(EventLog()).Before(0)).users.empty());
}

TEST(UserFeatures, HaveATableThatNamesEachOnce) {
  std::set<std::string_view> names;
  for (const UserFeatureInfo& info : UserFeatureTable()) {
    EXPECT_FALSE(info.meaning.empty()) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kUserFeatureCount));
}

}  // namespace
}  // namespace waypost
