#include "waypost/base/utf8.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace waypost {
namespace {

std::string Encode(std::uint32_t point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | (point >> 6)), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | (point >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (point >> 18)), tail(12), tail(6), tail(0)};
}

TEST(Utf8, AcceptsEveryCodePointThatIsNoSurrogate) {
  for (std::uint32_t point = 0; point <= 0x10FFFF; ++point) {
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    ASSERT_EQ(IsValidUtf8(Encode(point)), !surrogate) << point;
  }
}

TEST(Utf8, RefusesWhatLiesAboveTheLastCodePoint) {
  for (std::uint32_t point = 0x110000; point < 0x140000; point += 61) ASSERT_FALSE(IsValidUtf8(Encode(point))) << point;
}

TEST(Utf8, RefusesOverlongForms) {
  for (const char* text :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF"})
    EXPECT_FALSE(IsValidUtf8(text));
}

TEST(Utf8, AgreesWithTheDefinitionOnEveryPairOfBytes) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      const bool valid =
          (first < 0x80 && second < 0x80) || (first >= 0xC2 && first <= 0xDF && second >= 0x80 && second <= 0xBF);
      ASSERT_EQ(IsValidUtf8(text), valid) << first << ' ' << second;
    }
  }
}

TEST(Utf8, PointsAtTheFirstByteThatCannotBe) {
  EXPECT_EQ(FindInvalidUtf8("abc\xFF"), 3u);
  EXPECT_EQ(FindInvalidUtf8("\xE8\xAF\xBE\xE7\xA8"), 3u);  // a text cut inside its second character
  EXPECT_EQ(FindInvalidUtf8(""), 0u);
}

TEST(Utf8, FindsADamagedByteAtEveryDistanceFromRunsOfAscii) {
  const std::string text = "twenty-one ASCII bytes \xE8\xAF\xBE and seventeen more";
  ASSERT_TRUE(IsValidUtf8(text));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = '\xFF';
    const std::size_t character = text.find('\xE8');
    EXPECT_EQ(FindInvalidUtf8(damaged), at > character && at < character + 3 ? character : at);
  }
}

}  // namespace
}  // namespace waypost
