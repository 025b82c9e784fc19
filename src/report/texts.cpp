#include "report/texts.hpp"

#include <cassert>

#include "report/resources.hpp"

namespace waypost::report {
namespace {

// Cuts `text` at the first `end` and returns what was before it.
std::string_view TakeUntil(char end, std::string_view& text) {
  const std::size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

}  // namespace

Texts::Texts(Language language) {
  for (std::string_view rest = kTexts; !rest.empty();) {
    std::string_view line = TakeUntil('\n', rest);
    if (line.empty() || line.front() == '#') continue;
    const std::string_view key = TakeUntil('\t', line);
    const std::string_view english = TakeUntil('\t', line);
    texts_.emplace(key, language == Language::kChinese ? line : english);
  }
}

std::string Texts::operator()(std::string_view key, std::initializer_list<std::string_view> values) const {
  const auto found = texts_.find(key);
  assert(found != texts_.end());
  const std::string_view text = found == texts_.end() ? key : found->second;
  std::string filled;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t index =
        text[at] == '$' && at + 1 < text.size() ? static_cast<std::size_t>(text[at + 1] - '0') : 10;
    if (index < values.size()) {
      filled += values.begin()[index];
      ++at;
    } else {
      filled += text[at];
    }
  }
  return filled;
}

}  // namespace waypost::report
