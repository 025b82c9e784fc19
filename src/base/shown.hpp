// base/shown.hpp - foreign text inside a message: quoted, control characters escaped, never longer than a line.
#ifndef WAYPOST_SRC_BASE_SHOWN_HPP_
#define WAYPOST_SRC_BASE_SHOWN_HPP_

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "waypost/base/status.hpp"

namespace waypost::internal {

inline std::string Shown(std::string_view text) {
  constexpr std::size_t kShownBytes = 60;
  std::string_view rest;
  if (text.size() > kShownBytes) {
    std::size_t end = kShownBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
    text = text.substr(0, end);
    rest = "...";
  }
  return absl::StrCat("'", absl::Utf8SafeCHexEscape(ToAbsl(text)), ToAbsl(rest), "'");
}

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_BASE_SHOWN_HPP_
