// waypost/base/utf8.hpp - is a text well-formed UTF-8?
//
// Definition   The Unicode Standard 15, table 3-7: the shortest form only, no surrogates, nothing above U+10FFFF.
// Complexity   O(bytes), no allocation.
// Checked by   tests/unit/base_utf8_test.cpp: every code point, and every malformed shape of the table.
#ifndef WAYPOST_BASE_UTF8_HPP_
#define WAYPOST_BASE_UTF8_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace waypost {

// Returns the position of the first byte that cannot be part of well-formed UTF-8, or text.size().
inline std::size_t FindInvalidUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8) {  // most text is ASCII: eight bytes at once
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const auto byte = [&](std::size_t n) { return static_cast<std::uint8_t>(text[at + n]); };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                               : lead >= 0xE0 && lead <= 0xEF ? 3
                               : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                              : 0;
    if (length == 0 || text.size() - at < length) return at;
    // The second byte alone decides about overlong forms (E0, F0), surrogates (ED) and the last plane (F4).
    const std::uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const std::uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(1) < low || byte(1) > high) return at;
    for (std::size_t n = 2; n < length; ++n)
      if ((byte(n) & 0xC0) != 0x80) return at;
    at += length;
  }
  return at;
}

inline bool IsValidUtf8(std::string_view text) {
  return FindInvalidUtf8(text) == text.size();
}

}  // namespace waypost

#endif  // WAYPOST_BASE_UTF8_HPP_
