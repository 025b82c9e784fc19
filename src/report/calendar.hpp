// report/calendar.hpp - days, weeks that begin on Monday, and months, as consecutive numbers.
#ifndef WAYPOST_REPORT_CALENDAR_HPP_
#define WAYPOST_REPORT_CALENDAR_HPP_

#include <chrono>
#include <cstdint>

namespace waypost::report {

inline constexpr std::int64_t kDayUs = 86'400'000'000;

// The day of a moment, rounded down.
inline std::int64_t DayOf(std::int64_t time_us) {
  return time_us / kDayUs - (time_us % kDayUs < 0 ? 1 : 0);
}

enum class Period { kDay, kWeek, kMonth };

// The number of the period that holds a day.
inline std::int64_t PeriodOf(Period period, std::int64_t day) {
  if (period == Period::kDay) return day;
  if (period == Period::kWeek) return (day + 3 - ((day + 3) % 7 + 7) % 7) / 7;  // 1970-01-01 was a Thursday
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{static_cast<int>(day)}}};
  return 12 * static_cast<std::int64_t>(static_cast<int>(date.year())) + static_cast<unsigned>(date.month()) - 1;
}

// Its first day.
inline std::int64_t FirstDay(Period period, std::int64_t number) {
  if (period == Period::kDay) return number;
  if (period == Period::kWeek) return 7 * number - 3;
  const std::int64_t year = number / 12 - (number % 12 < 0 ? 1 : 0);
  const std::chrono::year_month_day first{std::chrono::year{static_cast<int>(year)},
                                          std::chrono::month{static_cast<unsigned>(number - 12 * year + 1)},
                                          std::chrono::day{1}};
  return std::chrono::sys_days{first}.time_since_epoch().count();
}

// The shortest period of which at most `most` lie between two days; months where even those are more.
inline Period PeriodFor(std::int64_t first_day, std::int64_t last_day, std::int64_t most) {
  for (Period period : {Period::kDay, Period::kWeek})
    if (PeriodOf(period, last_day) - PeriodOf(period, first_day) < most) return period;
  return Period::kMonth;
}

}  // namespace waypost::report

#endif  // WAYPOST_REPORT_CALENDAR_HPP_
