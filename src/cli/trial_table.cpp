#include "trial_table.hpp"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "text_file.hpp"

namespace waypost::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json JsonOf(const Trial& trial) {
  Json settings = Json::object();
  for (const auto& [name, value] : trial.settings) settings[name] = value;
  Json json = {{"candidate", trial.candidate},
               {"rung", trial.rung},
               {"value", trial.value ? Json(*trial.value) : Json()},
               {"seconds", trial.seconds},
               {"settings", std::move(settings)}};
  if (!trial.error.empty()) json["error"] = trial.error;
  return json;
}

std::optional<Trial> TrialOf(const Json& json) {
  const auto is = [&](const char* key, auto check) { return json.contains(key) && (json[key].*check)(); };
  if (!json.is_object() || !is("candidate", &Json::is_number_unsigned) || !is("rung", &Json::is_number_unsigned) ||
      !is("seconds", &Json::is_number) || !is("settings", &Json::is_object) || !json.contains("value"))
    return std::nullopt;
  constexpr std::size_t kMost = 1'000'000;  // a candidate of a damaged file must not become an allocation
  Trial trial{.candidate = json["candidate"],
              .rung = json["rung"],
              .settings = {},
              .value = {},
              .seconds = json["seconds"],
              .error = {}};
  if (trial.candidate > kMost || trial.rung > kMost || !(trial.seconds >= 0)) return std::nullopt;
  if (json["value"].is_number()) trial.value = json["value"].get<double>();
  for (const auto& [name, value] : json["settings"].items()) {
    if (!value.is_string()) return std::nullopt;
    trial.settings.emplace_back(name, value.get<std::string>());
  }
  if (is("error", &Json::is_string)) trial.error = json["error"];
  return trial;
}

}  // namespace

absl::StatusOr<TrialTable> TrialTable::Open(const std::string& path, const SearchFacts& facts, bool resume) {
  TrialTable table;
  table.path_ = path;
  Json head = Json::object();
  for (const auto& [name, value] : facts) head[name] = value;
  std::string text = Line(head);
  if (std::filesystem::exists(path)) {
    if (!resume)
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": want no such file, or --resume to go on with its search, got one"));
    WAYPOST_ASSIGN_OR_RETURN(const std::string old, ReadTextFile(path));
    std::string_view rest = old;
    for (std::size_t number = 1; !rest.empty(); ++number) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos) break;  // half a line: its trial is made again
      const Json json = Json::parse(rest.substr(0, end), nullptr, /*allow_exceptions=*/false);
      rest.remove_prefix(end + 1);
      if (number == 1) {
        if (!json.is_object())
          return absl::DataLossError(absl::StrCat(path, ": line 1: want what is searched, got other"));
        for (const auto& [name, value] : facts)
          if (!json.contains(name) || json[name] != value)
            return absl::FailedPreconditionError(
                absl::StrCat(path, ": want the search to go on with, got another: ", name, " is ", value, ", was ",
                             json.contains(name) ? json[name].dump() : "none"));
        continue;
      }
      std::optional<Trial> trial = TrialOf(json);
      if (!trial) return absl::DataLossError(absl::StrCat(path, ": line ", number, ": want a trial, got other"));
      text += Line(JsonOf(*trial));
      table.trials_.push_back(*std::move(trial));
    }
  }
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(path, text));
  return table;
}

absl::Status TrialTable::Add(const Trial& trial) {
  trials_.push_back(trial);
  std::ofstream file(path_, std::ios::binary | std::ios::app);
  file << Line(JsonOf(trial)) << std::flush;
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(path_, ": cannot be written"));
}

}  // namespace waypost::cli
