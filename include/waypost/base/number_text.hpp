// waypost/base/number_text.hpp - numbers as text that reads back to the same bits, on any machine and in any locale.
#ifndef WAYPOST_BASE_NUMBER_TEXT_HPP_
#define WAYPOST_BASE_NUMBER_TEXT_HPP_

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

namespace waypost::internal {

// The shortest decimal.
template <typename Number>
std::string NumberText(Number value) {
  char text[64];
  return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

// Returns whether the whole text is a number of that type, and if so writes it to `value`.
template <typename Number>
bool ReadNumber(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace waypost::internal

#endif  // WAYPOST_BASE_NUMBER_TEXT_HPP_
