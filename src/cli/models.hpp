// cli/models.hpp - models named on the command line: --model, --set, --seed, --threads.
#ifndef WAYPOST_CLI_MODELS_HPP_
#define WAYPOST_CLI_MODELS_HPP_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "json_writer.hpp"
#include "waypost/base/status.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost::cli {

void AddThreads(Verb& verb, int& threads);
void AddSeed(Verb& verb, std::uint64_t& seed);

// The options of every model, for the help of a verb with --set.
std::string ModelHelp();

// What a search looks for, model by model.
std::string SearchHelp();

// Returns the options of model `name` after `settings` ("key=value"). `seed` is used by models that have one, unless a
// setting says otherwise.
// Errors  usage: an unknown model or option, a bad value; names the nearest known one.
absl::StatusOr<ModelOptions> MakeModelOptions(const std::string& name, const std::vector<std::string>& settings,
                                              std::uint64_t seed);

// Splits the settings of several models: "ials.epochs=8" belongs to model ials, and with one model "epochs=8" to it.
// Errors  usage: a setting that no model of `names` is named by.
absl::StatusOr<std::vector<std::vector<std::string>>> AssignSettings(const std::vector<std::string>& names,
                                                                     const std::vector<std::string>& settings);

// Writes {"name": value, ...}; numbers as numbers.
void WriteSettings(JsonWriter& json, const std::vector<OptionSetting>& settings);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_MODELS_HPP_
