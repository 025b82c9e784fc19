#include "arguments.hpp"

#include <charconv>

namespace waypost::peers {
namespace {

absl::StatusOr<std::vector<std::size_t>> ParseCounts(const std::string& name, const std::string& text) {
  std::vector<std::size_t> counts;
  for (const char* next = text.data(); next < text.data() + text.size(); ++next) {
    const auto [end, error] = std::from_chars(next, text.data() + text.size(), counts.emplace_back());
    if (error != std::errc() || (end != text.data() + text.size() && *end != ','))
      return absl::InvalidArgumentError(absl::StrCat("--", name, ": want whole numbers, got '", text, "'"));
    next = end;
  }
  return counts;
}

}  // namespace

absl::StatusOr<Arguments> Arguments::Parse(int count, char** arguments) {
  Arguments parsed;
  for (int n = 0; n < count; n += 2) {
    const std::string_view name = arguments[n];
    if (!name.starts_with("--") || n + 1 == count)
      return absl::InvalidArgumentError(absl::StrCat("want --name value, got '", std::string(name), "'"));
    parsed.pairs_.emplace_back(name.substr(2), arguments[n + 1]);
  }
  return parsed;
}

std::string Arguments::TextOr(const std::string& name, std::string otherwise) {
  used_.insert(name);
  for (const auto& [key, value] : pairs_)
    if (key == name) return value;
  return otherwise;
}

absl::StatusOr<std::string> Arguments::Text(const std::string& name) {
  std::string value = TextOr(name);
  if (value.empty()) return absl::InvalidArgumentError(absl::StrCat("want --", name));
  return value;
}

absl::StatusOr<std::size_t> Arguments::Count(const std::string& name, std::optional<std::size_t> otherwise) {
  const std::string text = TextOr(name);
  if (text.empty() && otherwise) return *otherwise;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::size_t> counts, ParseCounts(name, text));
  if (counts.size() != 1) return absl::InvalidArgumentError(absl::StrCat("--", name, ": want one number"));
  return counts.front();
}

absl::StatusOr<std::vector<std::size_t>> Arguments::Counts(const std::string& name, const std::string& otherwise) {
  return ParseCounts(name, TextOr(name, otherwise));
}

absl::StatusOr<ModelOptions> Arguments::Options(const std::string& kind) {
  used_.insert("set");
  std::vector<OptionSetting> settings;
  for (const auto& [key, value] : pairs_) {
    if (key != "set") continue;
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos)
      return absl::InvalidArgumentError(absl::StrCat("--set: want name=value, got '", value, "'"));
    settings.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }
  return ParseModelOptions(kind, settings);
}

absl::Status Arguments::CheckAllUsed() const {
  for (const auto& [key, value] : pairs_)
    if (!used_.contains(key)) return absl::InvalidArgumentError(absl::StrCat("unknown argument --", key));
  return absl::OkStatus();
}

}  // namespace waypost::peers
