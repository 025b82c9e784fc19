// cli/settings_file.hpp - a model's name and options in a file: what tune finds and train, evaluate and compare take.
//
// One JSON object: {"model": "ials", "options": {"dimensions": 256, ...}}; further members are for people.
#ifndef WAYPOST_CLI_SETTINGS_FILE_HPP_
#define WAYPOST_CLI_SETTINGS_FILE_HPP_

#include <string>
#include <vector>

#include "command_line.hpp"
#include "waypost/base/status.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost::cli {

struct ModelSettings {
  std::string model;
  std::vector<std::string> settings;  // NAME=VALUE
};

// Errors  of the file; kInvalidArgument: no such object, with the file's name.
absl::StatusOr<ModelSettings> ReadSettingsFile(const std::string& path);

// Writes such a file.
//   facts   further members, for people
absl::Status WriteSettingsFile(const std::string& path, const std::string& model,
                               const std::vector<OptionSetting>& settings, const std::vector<OptionSetting>& facts);

// Adds those of `from` that `settings` does not name itself.
void AddMissingSettings(const std::vector<std::string>& from, std::vector<std::string>& settings);

// --settings for a verb with several models.
void AddSettingsFiles(Verb& verb, std::vector<std::string>& files);

// Adds the settings of each file to the models of its kind; what is set already stays.
//   kinds     of the models; settings  of each of them.
// Errors    usage: a file of a model that is not among them, two files of one model; those of ReadSettingsFile.
absl::Status AddSettingsOfFiles(const std::vector<std::string>& files, const std::vector<std::string>& kinds,
                                std::vector<std::vector<std::string>>& settings);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SETTINGS_FILE_HPP_
