// waypost/insight/features.hpp - who a user is, in numbers, from what they did before a moment.
//
// Definition   UserFeatureTable() lists each feature with its meaning. Windows count back from the moment: the last 7
//              days are [moment - 7 days, moment). A session ends where the user is silent for 30 minutes. Days and
//              hours are those of UTC.
// Complexity   O(events log events of a user).
// Determinism  each user on their own: the same for any number of threads.
// Checked by   tests/unit/insight_features_test.cpp by hand and against a naive count; tests/property/
//              insight_features_test.cpp: no event at or after the moment changes a row.
#ifndef WAYPOST_INSIGHT_FEATURES_HPP_
#define WAYPOST_INSIGHT_FEATURES_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/insight/activity.hpp"

namespace waypost {

// Position in a row of features.
enum UserFeature : std::size_t {
  kRecencyDays,
  kTenureDays,
  kEventCount,
  kEvents7d,
  kEvents28d,
  kActiveDays,
  kActiveDays28d,
  kSessions,
  kSessions28d,
  kSessionsPerWeek,
  kIdleWeeks,
  kLongestGapDays,
  kItems,
  kItems28d,
  kKinds,
  kStarts,
  kCompletes,
  kCompletion,
  kUnderway,
  kPayments,
  kPayments28d,
  kSpend,
  kSpend28d,
  kDaysSincePayment,
  kRejections,
  kRejections28d,
  kMeanRating,
  kLowRatings28d,
  kStreakWeeks,
  kLongestStreakDays,
  kTrend,
  kNightShare,
  kEveningShare,
  kWeekendShare,
  kAsks,
  kAnswers,
  kComments,
  kFollows,
  kLikes,
  kReminders28d,
  kUserFeatureCount
};

struct UserFeatureInfo {
  std::string_view name;
  std::string_view meaning;
  bool unbounded = true;  // a count, an amount or a time without an upper end: its logarithm says more than itself
};

// One for each UserFeature, in its order.
std::span<const UserFeatureInfo> UserFeatureTable();

// Immutable: safe to use from any number of threads.
struct UserFeatures {
  std::int64_t moment_us = 0;
  std::vector<std::uint32_t> users;  // with an act before the moment, ascending
  std::vector<double> values;        // users x kUserFeatureCount, row-major, finite

  std::span<const double> row(std::size_t n) const {
    return std::span(values).subspan(n * kUserFeatureCount, kUserFeatureCount);
  }
};

// Returns the features of everyone who has acted before the moment.
UserFeatures ComputeUserFeatures(const PastView& past, const Parallelism& parallelism = {});

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_FEATURES_HPP_
