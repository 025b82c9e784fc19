#include "waypost/insight/cohorts.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <new>

namespace waypost {
namespace {

constexpr int kMostDays = 100'000;
constexpr std::int64_t kMostPeriods = 1'000'000;
constexpr int kWeek = 7, kMonth = 30;

// Each day of each user once, by user and day.
std::vector<ActiveDay> Sorted(std::span<const ActiveDay> activity) {
  std::vector<ActiveDay> sorted(activity.begin(), activity.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

// Whether one user, active on those days, is retained at n days after the start.
bool IsRetained(std::span<const ActiveDay> days, std::int64_t start, int n, const CohortOptions& options) {
  const std::int64_t on = start + n;
  const std::int64_t from = options.kind == RetentionKind::kRolling ? std::max(on - kWeek + 1, start + 1) : on;
  const std::int64_t to = options.kind == RetentionKind::kUnbounded ? options.until - 1 : on;
  const auto first = std::lower_bound(days.begin(), days.end(), from,
                                      [](const ActiveDay& active, std::int64_t day) { return active.day < day; });
  return first != days.end() && first->day <= to;
}

void Count(Cohort& cohort, std::span<const ActiveDay> days, std::int64_t start, const CohortOptions& options) {
  if (cohort.cells.empty())
    for (const int n : options.days) cohort.cells.push_back({.day = n});
  ++cohort.users;
  for (RetentionCell& cell : cohort.cells) {
    if (start + cell.day >= options.until) {
      cell.partial = true;
      continue;
    }
    ++cell.eligible;
    cell.retained += IsRetained(days, start, cell.day, options);
  }
}

// The period of a day, counted from `first`.
std::int64_t PeriodOf(std::int64_t day, std::int64_t first, int days) {
  return (day - first) / days;
}

}  // namespace

absl::Status Validate(const CohortOptions& options) {
  if (options.days.empty()) return absl::InvalidArgumentError("CohortOptions.days: want at least one, got none");
  for (const int day : options.days)
    if (day < 1 || day > kMostDays)
      return absl::InvalidArgumentError(absl::StrCat("CohortOptions.days: want 1..", kMostDays, ", got ", day));
  if (options.cohort_days < 1 || options.cohort_days > kMostDays)
    return absl::InvalidArgumentError(
        absl::StrCat("CohortOptions.cohort_days: want 1..", kMostDays, ", got ", options.cohort_days));
  return absl::OkStatus();
}

absl::StatusOr<CohortTable> RetainCohorts(std::span<const std::optional<std::int64_t>> starts,
                                          std::span<const ActiveDay> activity, const CohortOptions& options) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  const std::vector<ActiveDay> sorted = Sorted(activity);
  if (!sorted.empty() && sorted.back().user >= starts.size())
    return absl::InvalidArgumentError(
        absl::StrCat("RetainCohorts.activity: want users below ", starts.size(), ", got ", sorted.back().user));
  std::optional<std::int64_t> first;
  for (const std::optional<std::int64_t>& start : starts)
    if (start && *start < options.until) first = std::min(first.value_or(*start), *start);
  CohortTable table;
  if (!first) return table;
  table.all.first_day = *first;
  std::map<std::int64_t, Cohort> cohorts;
  auto at = sorted.begin();
  for (std::size_t user = 0; user < starts.size(); ++user) {
    const auto begin = at;
    while (at != sorted.end() && at->user == user && at->day < options.until) ++at;
    const std::span<const ActiveDay> days(begin, at);
    while (at != sorted.end() && at->user == user) ++at;
    if (!starts[user] || *starts[user] >= options.until) continue;
    const std::int64_t number = PeriodOf(*starts[user], *first, options.cohort_days);
    Cohort& cohort = cohorts[number];
    cohort.first_day = *first + number * options.cohort_days;
    Count(cohort, days, *starts[user], options);
    Count(table.all, days, *starts[user], options);
  }
  for (auto& [number, cohort] : cohorts) table.cohorts.push_back(std::move(cohort));
  return table;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("RetainCohorts: memory");
}

std::vector<std::optional<std::int64_t>> FirstDays(std::span<const ActiveDay> activity, std::size_t users) {
  std::vector<std::optional<std::int64_t>> firsts(users);
  for (const ActiveDay& active : activity) {
    std::optional<std::int64_t>& first = firsts[active.user];
    if (!first || active.day < *first) first = active.day;
  }
  return firsts;
}

absl::StatusOr<std::vector<AccountPeriod>> AccountForUsers(std::span<const ActiveDay> activity, int period_days,
                                                           std::int64_t until) try {
  if (period_days < 1 || period_days > kMostDays)
    return absl::InvalidArgumentError(
        absl::StrCat("AccountForUsers.period_days: want 1..", kMostDays, ", got ", period_days));
  std::vector<ActiveDay> sorted = Sorted(activity);
  std::erase_if(sorted, [&](const ActiveDay& active) { return active.day >= until; });
  std::vector<AccountPeriod> periods;
  if (sorted.empty()) return periods;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  for (const ActiveDay& active : sorted) first = std::min(first, active.day);
  std::int64_t days = 0;
  if (__builtin_sub_overflow(until, first, &days) || (days - 1) / period_days >= kMostPeriods)
    return absl::InvalidArgumentError(absl::StrCat("AccountForUsers.until: want at most ", kMostPeriods,
                                                   " periods after the first day, ", first, ", got ", until));
  const std::int64_t count = PeriodOf(until - 1, first, period_days) + 1;
  for (std::int64_t p = 0; p < count; ++p) {
    const std::int64_t begin = first + p * period_days;
    periods.push_back({.first_day = begin, .days = period_days, .partial = begin + period_days > until});
  }
  const auto period_of = [&](std::int64_t day) { return static_cast<std::size_t>(PeriodOf(day, first, period_days)); };
  for (std::size_t n = 0; n < sorted.size(); ++n) {
    const bool begins = n == 0 || sorted[n - 1].user != sorted[n].user;
    const bool ends = n + 1 == sorted.size() || sorted[n + 1].user != sorted[n].user;
    const std::size_t p = period_of(sorted[n].day);
    if (begins || period_of(sorted[n - 1].day) != p) {
      AccountPeriod& period = periods[p];
      ++period.active;
      if (begins) {
        ++period.added;
      } else if (period_of(sorted[n - 1].day) + 1 == p) {
        ++period.kept;
      } else {
        ++period.returned;
      }
    }
    if (p + 1 < periods.size() && (ends || period_of(sorted[n + 1].day) > p + 1)) ++periods[p + 1].lost;
    // Windows that end with the last day looked at of each period and hold this day, but not the user's next one.
    for (const auto& [width, field] : {std::pair(1, &AccountPeriod::daily), std::pair(kWeek, &AccountPeriod::weekly),
                                       std::pair(kMonth, &AccountPeriod::monthly)}) {
      const std::int64_t next = ends ? std::numeric_limits<std::int64_t>::max() : sorted[n + 1].day;
      for (std::size_t q = p; q < periods.size(); ++q) {
        const std::int64_t last = std::min(periods[q].first_day + period_days, until) - 1;
        if (last >= next || last - sorted[n].day >= width) break;
        ++(periods[q].*field);
      }
    }
  }
  return periods;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("AccountForUsers: memory");
}

}  // namespace waypost
