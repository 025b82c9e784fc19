#include "models.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "suggest.hpp"

namespace waypost::cli {

void AddThreads(Verb& verb, int& threads) {
  verb.Option("--threads", "N", threads, "Threads to use; 0: all processors allowed").Between(0, 1024);
}

void AddSeed(Verb& verb, std::uint64_t& seed) {
  verb.Option("--seed", "N", seed, "Seed of everything random");
}

std::string ModelHelp() {
  std::string text = "Models and their options (--set NAME=VALUE):\n";
  for (std::string_view kind : ModelKinds()) {
    text += "  " + std::string(kind) + "\n";
    const absl::StatusOr<std::vector<OptionInfo>> table = OptionTable(kind);
    if (!table.ok()) continue;
    for (const OptionInfo& option : *table) {
      std::string line = "    " + std::string(option.name) + " (" + option.default_value + ")";
      line.resize(std::max<std::size_t>(line.size() + 2, 34), ' ');
      text += line + std::string(option.help) + " [" + option.range + "]\n";
    }
  }
  return text;
}

std::string SearchHelp() {
  std::string text = "What is searched; --set NAME=VALUE gives an option in place of that:\n";
  for (std::string_view kind : ModelKinds()) {
    const absl::StatusOr<std::vector<OptionInfo>> table = OptionTable(kind);
    if (!table.ok()) continue;
    std::string ranges;
    for (const OptionInfo& option : *table) {
      if (option.search.scale == SearchScale::kNone) continue;
      ranges += (ranges.empty() ? "" : ", ") + std::string(option.name) + " " + NumberText(option.search.low) + ".." +
                NumberText(option.search.high);
    }
    if (!ranges.empty()) text += "  " + std::string(kind) + ": " + ranges + "\n";
  }
  return text;
}

absl::StatusOr<ModelOptions> MakeModelOptions(const std::string& name, const std::vector<std::string>& settings,
                                              std::uint64_t seed) {
  const std::vector<std::string> kinds(ModelKinds().begin(), ModelKinds().end());
  if (std::find(kinds.begin(), kinds.end(), name) == kinds.end()) {
    std::string known;
    for (const std::string& kind : kinds) known += (known.empty() ? "" : ", ") + kind;
    return UsageError("--model: want one of " + known + ", got '" + name + "'" + Suggestion(name, kinds));
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<OptionInfo> table, OptionTable(name));
  std::vector<std::string> names;
  for (const OptionInfo& option : table) names.emplace_back(option.name);
  std::vector<OptionSetting> pairs;
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) return UsageError("--set: want NAME=VALUE, got '" + setting + "'");
    pairs.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
    if (std::find(names.begin(), names.end(), pairs.back().first) == names.end()) {
      const std::string suggestion = Suggestion(pairs.back().first, names);
      if (!suggestion.empty())
        return UsageError("--set: " + name + " has no option '" + pairs.back().first + "'" + suggestion);
    }
  }
  const auto is_seed = [](const OptionSetting& pair) { return pair.first == "seed"; };
  if (std::find(names.begin(), names.end(), "seed") != names.end() && std::none_of(pairs.begin(), pairs.end(), is_seed))
    pairs.emplace_back("seed", std::to_string(seed));
  absl::StatusOr<ModelOptions> options = ParseModelOptions(name, pairs);
  if (!options.ok()) return UsageError("--set: " + std::string(options.status().message()));
  return options;
}

absl::StatusOr<std::vector<std::vector<std::string>>> AssignSettings(const std::vector<std::string>& names,
                                                                     const std::vector<std::string>& settings) {
  std::vector<std::vector<std::string>> assigned(names.size());
  for (const std::string& setting : settings) {
    const std::size_t dot = setting.find('.');
    const bool qualified = dot < setting.find('=');
    if (!qualified && names.size() == 1) {
      assigned[0].push_back(setting);
      continue;
    }
    const std::string owner = qualified ? setting.substr(0, dot) : "";
    const auto name = std::find(names.begin(), names.end(), owner);
    if (name == names.end())
      return UsageError("--set: want MODEL.NAME=VALUE with a model of this run, got '" + setting + "'");
    assigned[static_cast<std::size_t>(name - names.begin())].push_back(setting.substr(dot + 1));
  }
  return assigned;
}

void WriteSettings(JsonWriter& json, const std::vector<OptionSetting>& settings) {
  json.BeginObject();
  for (const auto& [name, value] : settings) {
    std::int64_t integer = 0;
    double number = 0;
    const char* end = value.data() + value.size();
    if (const auto result = std::from_chars(value.data(), end, integer);
        result.ec == std::errc() && result.ptr == end) {
      json.Member(name, integer);
    } else if (const auto real = std::from_chars(value.data(), end, number);
               real.ec == std::errc() && real.ptr == end && std::isfinite(number)) {
      json.Member(name, number);
    } else if (value == "true" || value == "false") {
      json.Member(name, value == "true");
    } else {
      json.Member(name, value);
    }
  }
  json.EndObject();
}

}  // namespace waypost::cli
