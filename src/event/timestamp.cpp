#include "waypost/event/timestamp.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <system_error>

#include "base/shown.hpp"

namespace waypost {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Takes one part of a text after the other from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Exactly `count` digits, of a value at most `most`.
  std::optional<int> TakeDigits(std::size_t count, int most) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!IsDigit(rest_[i])) return std::nullopt;
      value = 10 * value + (rest_[i] - '0');
    }
    if (value > most) return std::nullopt;
    rest_.remove_prefix(count);
    return value;
  }

 private:
  std::string_view rest_;
};

// The fraction after the seconds, cut off to microseconds; 0 if there is none.
std::optional<std::int64_t> TakeFraction(Scanner& scanner) {
  if (!scanner.Take('.') && !scanner.Take(',')) return 0;
  std::int64_t micros = 0;
  std::size_t digits = 0;
  while (const std::optional<int> digit = scanner.TakeDigits(1, 9)) {
    if (digits < 6) micros = 10 * micros + *digit;
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 6; ++digits) micros *= 10;
  return micros;
}

// Minutes east of UTC: Z, +08:00, +0800, +08, or nothing for UTC.
std::optional<int> TakeOffset(Scanner& scanner) {
  if (scanner.done() || scanner.Take('Z') || scanner.Take('z')) return 0;
  const bool east = scanner.Take('+');
  if (!east && !scanner.Take('-')) return std::nullopt;
  const std::optional<int> hours = scanner.TakeDigits(2, 23);
  if (!hours) return std::nullopt;
  std::optional<int> minutes = 0;
  if (!scanner.done()) {
    scanner.Take(':');
    minutes = scanner.TakeDigits(2, 59);
    if (!minutes) return std::nullopt;
  }
  return (east ? 1 : -1) * (60 * *hours + *minutes);
}

// Hours, minutes, perhaps seconds and a fraction, and the offset, as microseconds after midnight UTC of the date.
std::optional<std::int64_t> TakeTimeOfDay(Scanner& scanner) {
  const std::optional<int> hour = scanner.TakeDigits(2, 23);
  if (!hour || !scanner.Take(':')) return std::nullopt;
  const std::optional<int> minute = scanner.TakeDigits(2, 59);
  if (!minute) return std::nullopt;
  std::optional<int> second = 0;
  std::optional<std::int64_t> micros = 0;
  if (scanner.Take(':')) {
    second = scanner.TakeDigits(2, 60);  // 60: a leap second
    if (!second) return std::nullopt;
    micros = TakeFraction(scanner);
    if (!micros) return std::nullopt;
  }
  const std::optional<int> offset = TakeOffset(scanner);
  if (!offset) return std::nullopt;
  return (std::int64_t{60} * (60 * *hour + *minute - *offset) + *second) * kMicrosPerSecond + *micros;
}

std::optional<std::int64_t> ParseIso8601(std::string_view text) {
  Scanner scanner(text);
  const std::optional<int> year = scanner.TakeDigits(4, 9999);
  if (!year || !scanner.Take('-')) return std::nullopt;
  const std::optional<int> month = scanner.TakeDigits(2, 12);
  if (!month || !scanner.Take('-')) return std::nullopt;
  const std::optional<int> day = scanner.TakeDigits(2, 31);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  std::optional<std::int64_t> time_of_day = 0;
  if (!scanner.done()) {
    if (!scanner.Take('T') && !scanner.Take('t') && !scanner.Take(' ')) return std::nullopt;
    time_of_day = TakeTimeOfDay(scanner);
  }
  if (!time_of_day || !scanner.done()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 * kMicrosPerSecond + *time_of_day;
}

bool IsInteger(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  if (text.empty()) return false;
  for (char c : text)
    if (!IsDigit(c)) return false;
  return true;
}

std::int64_t MicrosPerUnit(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return kMicrosPerSecond;
    case TimeUnit::kMilliseconds:
      return 1'000;
    case TimeUnit::kMicroseconds:
      return 1;
    case TimeUnit::kDays:
      return 86'400 * kMicrosPerSecond;
  }
  return 1;
}

}  // namespace

absl::StatusOr<TimeUnit> ParseTimeUnit(std::string_view name) {
  if (name == "s") return TimeUnit::kSeconds;
  if (name == "ms") return TimeUnit::kMilliseconds;
  if (name == "us") return TimeUnit::kMicroseconds;
  if (name == "d") return TimeUnit::kDays;
  return absl::InvalidArgumentError(absl::StrCat("time unit: want s, ms, us or d, got ", internal::Shown(name)));
}

absl::StatusOr<std::int64_t> ParseTimestamp(std::string_view text, std::optional<TimeUnit> unit) {
  if (!IsInteger(text)) {
    if (const std::optional<std::int64_t> time_us = ParseIso8601(text)) return *time_us;
    return absl::InvalidArgumentError(
        absl::StrCat("want a time such as 2024-05-01T12:30:00Z or an integer, got ", internal::Shown(text)));
  }
  if (!unit)
    return absl::InvalidArgumentError(
        absl::StrCat("want a time unit (s, ms, us or d) for an integer time, got ", internal::Shown(text)));
  std::int64_t count = 0;
  std::int64_t time_us = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), count).ec != std::errc() ||
      __builtin_mul_overflow(count, MicrosPerUnit(*unit), &time_us))
    return absl::InvalidArgumentError(
        absl::StrCat("want a time within 64 bits of microseconds, got ", internal::Shown(text)));
  return time_us;
}

}  // namespace waypost
