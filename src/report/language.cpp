#include "waypost/report/language.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>

namespace waypost {
namespace {

constexpr double kExact = 1e15;  // beyond, digits of a double are not units any more
constexpr int kSignificant = 4;

std::string Fixed(double number, int decimals) {
  char text[400];  // 309 digits before the point at most
  return std::string(text, std::to_chars(text, text + sizeof(text), number, std::chars_format::fixed, decimals).ptr);
}

std::string WithSeparators(std::string digits) {
  const std::size_t begin = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = std::min(digits.find('.'), digits.size()); at > begin + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits == "-0" ? "0" : digits;
}

std::string Padded(unsigned number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

std::string CountText(double count) {
  if (!std::isfinite(count)) return "";
  return std::abs(count) < kExact ? WithSeparators(Fixed(count, 0)) : NumberToRead(count);
}

std::string NumberToRead(double number) {
  if (!std::isfinite(number)) return "";
  if (number == 0) return "0";
  const double magnitude = std::floor(std::log10(std::abs(number)));
  if (magnitude >= 15 || magnitude < -6) {
    char text[64];
    return std::string(
        text, std::to_chars(text, text + sizeof(text), number, std::chars_format::scientific, kSignificant - 1).ptr);
  }
  const int decimals = std::max(0, kSignificant - 1 - static_cast<int>(magnitude));
  std::string text = Fixed(number, decimals);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return WithSeparators(std::move(text));
}

std::string PercentText(double share) {
  if (!std::isfinite(share)) return "";
  const double percent = 100 * share;
  return WithSeparators(Fixed(percent, std::abs(percent) >= 9.995 || percent == 0 ? 1 : 2)) + "%";
}

std::string DateText(std::int64_t days) {
  const std::int64_t bounded = std::clamp<std::int64_t>(days, -719528, 2932896);  // years 0 to 9999
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{static_cast<int>(bounded)}}};
  std::string year = std::to_string(static_cast<int>(date.year()));
  year.insert(0, 4 - std::min<std::size_t>(4, year.size()), '0');
  return year + "-" + Padded(static_cast<unsigned>(date.month())) + "-" + Padded(static_cast<unsigned>(date.day()));
}

std::string MomentText(std::int64_t time_us) {
  constexpr std::int64_t kDay = 86'400'000'000;
  const std::int64_t days = time_us / kDay - (time_us % kDay < 0 ? 1 : 0);
  const auto minutes = static_cast<unsigned>((time_us - days * kDay) / 60'000'000);
  return DateText(days) + " " + Padded(minutes / 60) + ":" + Padded(minutes % 60) + " UTC";
}

}  // namespace waypost
