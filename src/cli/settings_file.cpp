#include "settings_file.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "json_writer.hpp"
#include "text_file.hpp"

namespace waypost::cli {
namespace {

// Numbers as numbers.
nlohmann::ordered_json ValueOf(const std::string& text) {
  nlohmann::ordered_json value = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_number() ? value : nlohmann::ordered_json(text);
}

}  // namespace

absl::Status WriteSettingsFile(const std::string& path, const std::string& model,
                               const std::vector<OptionSetting>& settings, const std::vector<OptionSetting>& facts) {
  nlohmann::ordered_json json = {{"model", model}, {"options", nlohmann::ordered_json::object()}};
  for (const auto& [name, value] : settings) json["options"][name] = ValueOf(value);
  for (const auto& [name, value] : facts) json[name] = ValueOf(value);
  return WriteTextFile(path, json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

absl::StatusOr<ModelSettings> ReadSettingsFile(const std::string& path) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto wrong = [&](std::string_view want) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": want ", internal::ToAbsl(want)));
  };
  if (!json.is_object() || !json.contains("model") || !json["model"].is_string())
    return wrong("a JSON object with a string 'model'");
  if (!json.contains("options") || !json["options"].is_object()) return wrong("an object 'options'");
  ModelSettings found{.model = json["model"], .settings = {}};
  for (const auto& [name, value] : json["options"].items()) {
    if (value.is_structured() || value.is_null()) return wrong("one value for the option '" + name + "'");
    found.settings.push_back(name + "=" +
                             (value.is_string()         ? value.get<std::string>()
                              : value.is_number_float() ? NumberText(value.get<double>())
                                                        : value.dump()));
  }
  return found;
}

void AddMissingSettings(const std::vector<std::string>& from, std::vector<std::string>& settings) {
  const auto name_of = [](const std::string& setting) { return setting.substr(0, setting.find('=')); };
  for (const std::string& setting : from)
    if (std::none_of(settings.begin(), settings.end(),
                     [&](const std::string& known) { return name_of(known) == name_of(setting); }))
      settings.push_back(setting);
}

void AddSettingsFiles(Verb& verb, std::vector<std::string>& files) {
  verb.List("--settings", "FILE", files, "Options as tune wrote them, for the model they name; --set goes before");
}

absl::Status AddSettingsOfFiles(const std::vector<std::string>& files, const std::vector<std::string>& kinds,
                                std::vector<std::vector<std::string>>& settings) {
  std::vector<std::string> seen;
  for (const std::string& file : files) {
    WAYPOST_ASSIGN_OR_RETURN(const ModelSettings found, ReadSettingsFile(file));
    if (std::find(seen.begin(), seen.end(), found.model) != seen.end())
      return UsageError("--settings: want one file a model, got another of " + found.model + ", " + file);
    seen.push_back(found.model);
    if (std::find(kinds.begin(), kinds.end(), found.model) == kinds.end())
      return UsageError("--settings: want a model of this run, got " + found.model + " in " + file);
    for (std::size_t m = 0; m < kinds.size(); ++m)
      if (kinds[m] == found.model) AddMissingSettings(found.settings, settings[m]);
  }
  return absl::OkStatus();
}

}  // namespace waypost::cli
