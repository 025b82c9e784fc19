#include "waypost/event/timestamp.hpp"

#include <cstdio>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waypost {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

std::int64_t Parse(const std::string& text, std::optional<TimeUnit> unit = std::nullopt) {
  const absl::StatusOr<std::int64_t> time_us = ParseTimestamp(text, unit);
  EXPECT_TRUE(time_us.ok()) << time_us.status();
  return time_us.value_or(-1);
}

int DaysInMonth(int year, int month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

TEST(Timestamp, CountsDaysAsACalendarThatIsTurnedDayByDay) {
  std::int64_t day = -719'528;  // 0000-01-01
  for (int year = 0; year <= 9999; ++year) {
    const bool every_day = year % 400 < 5 || (year >= 1895 && year <= 2105) || year > 9995;  // the rest by months: fast
    for (int month = 1; month <= 12; ++month) {
      const int days = DaysInMonth(year, month);
      for (int date = 1; date <= days; ++date, ++day) {
        if (!every_day && date != days) continue;
        char text[40];  // as many bytes as the compiler fears three numbers may take
        std::snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, date);
        ASSERT_EQ(Parse(text), day * kDay) << text;
      }
    }
  }
  EXPECT_EQ(Parse("1970-01-01"), 0);
}

TEST(Timestamp, ReadsTimesOfDayFractionsAndOffsets) {
  EXPECT_EQ(Parse("1970-01-01"), 0);
  EXPECT_EQ(Parse("1969-12-31T23:59:59.999999Z"), -1);
  EXPECT_EQ(Parse("2024-05-01T12:30:00Z"), 1'714'566'600 * kSecond);
  EXPECT_EQ(Parse("2024-05-01 12:30"), 1'714'566'600 * kSecond);
  EXPECT_EQ(Parse("2024-05-01t12:30:00z"), 1'714'566'600 * kSecond);
  EXPECT_EQ(Parse("2024-05-01T20:30:00+08:00"), 1'714'566'600 * kSecond);
  EXPECT_EQ(Parse("2024-05-01T20:30:00+0800"), 1'714'566'600 * kSecond);
  EXPECT_EQ(Parse("2024-05-01T20:30+08"), 1'714'566'600 * kSecond);
  EXPECT_EQ(Parse("2024-05-01T07:00:00-05:30"), 1'714'566'600 * kSecond);
  EXPECT_EQ(Parse("1970-01-01T00:00:00.5"), 500'000);
  EXPECT_EQ(Parse("1970-01-01T00:00:00,000001Z"), 1);
  EXPECT_EQ(Parse("1970-01-01T00:00:00.123456789123456789Z"), 123'456);  // cut off, not rounded
  EXPECT_EQ(Parse("2016-12-31T23:59:60Z"), Parse("2017-01-01"));         // a leap second
}

TEST(Timestamp, RefusesDatesAndTimesThatAreNot) {
  for (const char* text : {"",
                           "-",
                           "2023-02-29",
                           "2024-02-30",
                           "1900-02-29",
                           "2024-13-01",
                           "2024-00-01",
                           "2024-04-31",
                           "2024-01-00",
                           "2024-1-01",
                           "24-01-01",
                           "2024/01/01",
                           "2024-01-01T",
                           "2024-01-01T12",
                           "2024-01-01T24:00",
                           "2024-01-01T12:60",
                           "2024-01-01T12:00:61",
                           "2024-01-01T12:00:00.",
                           "2024-01-01T12:00:00+",
                           "2024-01-01T12:00:00+8",
                           "2024-01-01T12:00:00+24:00",
                           "2024-01-01T12:00:00+08:0",
                           "2024-01-01T12:00:00Zx",
                           "2024-01-01Z",
                           "2024-01-01 ",
                           " 2024-01-01",
                           "1.5",
                           "12e3",
                           "+5",
                           "today",
                           "2024-01-01T12:00:00 Z",
                           "--5"})
    EXPECT_EQ(ParseTimestamp(text, TimeUnit::kSeconds).status().code(), absl::StatusCode::kInvalidArgument) << text;
}

TEST(Timestamp, CountsIntegersInTheirUnit) {
  EXPECT_EQ(Parse("1714566600", TimeUnit::kSeconds), 1'714'566'600 * kSecond);
  EXPECT_EQ(Parse("-1714566600123", TimeUnit::kMilliseconds), -1'714'566'600'123'000);
  EXPECT_EQ(Parse("7", TimeUnit::kMicroseconds), 7);
  EXPECT_EQ(Parse("-159", TimeUnit::kDays), -159 * kDay);
  EXPECT_EQ(Parse("2024-05-01", TimeUnit::kDays), Parse("2024-05-01"));
}

TEST(Timestamp, AsksForTheUnitOfAnInteger) {
  EXPECT_EQ(ParseTimestamp("20240501", std::nullopt).status(),
            absl::InvalidArgumentError("want a time unit (s, ms, us or d) for an integer time, got '20240501'"));
}

TEST(Timestamp, RefusesWhatDoesNotFitIn64Bits) {
  for (const char* text : {"9223372036855", "-9223372036855", "99999999999999999999"})
    EXPECT_THAT(std::string(ParseTimestamp(text, TimeUnit::kSeconds).status().message()),
                testing::HasSubstr("within 64 bits"));
  EXPECT_EQ(Parse("9223372036854", TimeUnit::kSeconds), 9'223'372'036'854'000'000);
}

TEST(Timestamp, NamesEveryUnit) {
  EXPECT_EQ(*ParseTimeUnit("s"), TimeUnit::kSeconds);
  EXPECT_EQ(*ParseTimeUnit("ms"), TimeUnit::kMilliseconds);
  EXPECT_EQ(*ParseTimeUnit("us"), TimeUnit::kMicroseconds);
  EXPECT_EQ(*ParseTimeUnit("d"), TimeUnit::kDays);
  EXPECT_EQ(std::string(ParseTimeUnit("h").status().message()), "time unit: want s, ms, us or d, got 'h'");
}

}  // namespace
}  // namespace waypost
