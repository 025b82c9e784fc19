// event/utf8.hpp - whether bytes are UTF-8.
//
// Definition   Unicode 15, table 3-7: no overlong form, no surrogate, nothing above U+10FFFF.
// Checked by   tests/unit/event_reader_test.cpp: first and last of each row of the table and their neighbours.
#ifndef WAYPOST_EVENT_UTF8_HPP_
#define WAYPOST_EVENT_UTF8_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace waypost::internal {

// The length of the character at `text[at]`, 0 if it is not one.
inline std::size_t Utf8CharacterBytes(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return continues(1) ? 2 : 0;
  if (lead < 0xF0) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return byte(1) >= low && byte(1) <= high && continues(2) ? 3 : 0;
  }
  if (lead > 0xF4) return 0;
  const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
  return byte(1) >= low && byte(1) <= high && continues(2) && continues(3) ? 4 : 0;
}

// The position of the first byte that belongs to no character; text.size() if there is none.
inline std::size_t FindInvalidUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size()) {  // most text is ASCII: eight bytes at once
      std::uint64_t word;
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const std::size_t length = Utf8CharacterBytes(text, at);
    if (length == 0) return at;
    at += length;
  }
  return at;
}

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_UTF8_HPP_
