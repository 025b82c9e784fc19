// waypost/event/timestamp.hpp - times as people and files write them, to microseconds since 1970-01-01 UTC.
//
// Accepted     2024-05-01, 2024-05-01T12:30, 2024-05-01 12:30:05.25, each time of day with an optional Z, +08:00,
//              +0800 or +08; without an offset it is UTC. Years 0000..9999 of the Gregorian calendar; a fraction may
//              have any number of digits, those beyond microseconds are cut off; second 60 is the next minute's second
//              0. An integer counts a named unit since 1970-01-01 UTC.
// Deviations   Of ISO 8601 only the extended form above: weeks, ordinal days and 24:00 are refused, and 20240501 is an
//              integer. The locale plays no part.
// Checked by   tests/unit/event_timestamp_test.cpp against a day-by-day calendar.
#ifndef WAYPOST_EVENT_TIMESTAMP_HPP_
#define WAYPOST_EVENT_TIMESTAMP_HPP_

#include <cstdint>
#include <optional>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost {

enum class TimeUnit { kSeconds, kMilliseconds, kMicroseconds, kDays };

// s, ms, us or d.
// Errors  kInvalidArgument: any other name.
absl::StatusOr<TimeUnit> ParseTimeUnit(std::string_view name);

// Returns `text` as microseconds since 1970-01-01 UTC.
//
//   unit   of an integer; a date needs none.
// Errors   kInvalidArgument: neither form, no such date, an integer without a unit, beyond 64 bits.
// Example  ParseTimestamp("2024-05-01T12:30:00+08:00", std::nullopt), ParseTimestamp("1714537800", TimeUnit::kSeconds)
absl::StatusOr<std::int64_t> ParseTimestamp(std::string_view text, std::optional<TimeUnit> unit);

}  // namespace waypost

#endif  // WAYPOST_EVENT_TIMESTAMP_HPP_
