// waypost/report/language.hpp - the languages that a report speaks, and how they write numbers.
#ifndef WAYPOST_REPORT_LANGUAGE_HPP_
#define WAYPOST_REPORT_LANGUAGE_HPP_

#include <cstdint>
#include <string>
#include <string_view>

namespace waypost {

enum class Language { kEnglish, kChinese };

// "12,345".
std::string CountText(double count);
// Four significant digits, never an exponent below 1e15: "0.01234", "12.34", "12,345".
std::string NumberToRead(double number);
// Of a share: "12.3%", "1.23%".
std::string PercentText(double share);
// Of days since 1970-01-01: "2024-05-01".
std::string DateText(std::int64_t days);
// Of microseconds since then: "2024-05-01 12:30 UTC".
std::string MomentText(std::int64_t time_us);

}  // namespace waypost

#endif  // WAYPOST_REPORT_LANGUAGE_HPP_
