// waypost/insight/cohorts.hpp - who comes back: the retention of cohorts, and an account of active users that adds
// up.
//
// Definition   Users start on a day and are active on days; what is on `until` or later is not looked at, for the
//              day is not over. Retention at N, among those who started before until - N:
//              day        active exactly N days after the start;
//              rolling    active on any of the seven days that end with it, the start itself left out;
//              unbounded  active on it or on any later day.
//              Account of a period: active = new + kept + returned and active before = kept + lost, where new are
//              active for the first time, kept were active in the period before, returned were active earlier but
//              not then, lost were active then and are not now. DAU, WAU, MAU: users active in the 1, 7, 30 days
//              that end with the period.
// Complexity   O(A log A) in days of activity A.
// Numerics     whole counts: the account adds up exactly.
// Determinism  one thread; no iteration over a hash map.
// Checked by   tests/unit/insight_cohorts_test.cpp (naive loops over sets), tests/data/cohorts_test.cpp (a course
//              platform).
#ifndef WAYPOST_INSIGHT_COHORTS_HPP_
#define WAYPOST_INSIGHT_COHORTS_HPP_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

// A user was active on a day; the same day may be given many times.
struct ActiveDay {
  std::uint32_t user = 0;
  std::int64_t day = 0;  // of any calendar, such as days since 1970-01-01

  friend auto operator<=>(const ActiveDay&, const ActiveDay&) = default;
};

enum class RetentionKind { kDay, kRolling, kUnbounded };

// Options of RetainCohorts. Aggregate: use designated initializers.
struct CohortOptions {
  RetentionKind kind = RetentionKind::kDay;
  std::vector<int> days = {1, 3, 7, 14, 30};  // N, each 1..100000
  int cohort_days = 7;                        // starts that make one cohort, 1..100000
  std::int64_t until = 0;                     // the first day not looked at
};
absl::Status Validate(const CohortOptions& options);

struct RetentionCell {
  int day = 0;                 // N
  std::uint64_t eligible = 0;  // started before until - N
  std::uint64_t retained = 0;
  bool partial = false;  // some of the cohort started later than that and are not counted
};

struct Cohort {
  std::int64_t first_day = 0;  // of the starts
  std::uint64_t users = 0;
  std::vector<RetentionCell> cells;  // one for each N
};

struct CohortTable {
  Cohort all;
  std::vector<Cohort> cohorts;  // ascending; those without a user are left out
};

// Counts the retention of users.
//
//   starts    of each user; none: a user who is not looked at.
//   activity  of users below starts.size(); in any order. Days before a user's start do not count.
// Errors      kInvalidArgument: options, a user beyond starts.
absl::StatusOr<CohortTable> RetainCohorts(std::span<const std::optional<std::int64_t>> starts,
                                          std::span<const ActiveDay> activity, const CohortOptions& options);

// The first active day of each of `users` users; none for those without one.
// Requires  every user of the activity < users.
std::vector<std::optional<std::int64_t>> FirstDays(std::span<const ActiveDay> activity, std::size_t users);

struct AccountPeriod {
  std::int64_t first_day = 0;
  int days = 0;
  bool partial = false;  // it ends before its last day is over
  std::uint64_t active = 0;
  std::uint64_t added = 0;  // new
  std::uint64_t kept = 0;
  std::uint64_t returned = 0;
  std::uint64_t lost = 0;
  std::uint64_t daily = 0;  // DAU on its last day, WAU, MAU
  std::uint64_t weekly = 0;
  std::uint64_t monthly = 0;
};

// Accounts for all periods from the first day of activity up to `until`, the first day not looked at.
//
//   period_days   1..100000.
// Errors          kInvalidArgument: period_days; more than 1000000 periods.
absl::StatusOr<std::vector<AccountPeriod>> AccountForUsers(std::span<const ActiveDay> activity, int period_days,
                                                           std::int64_t until);

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_COHORTS_HPP_
