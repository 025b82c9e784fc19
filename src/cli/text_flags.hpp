// cli/text_flags.hpp - documents of a file and their index, as the command line says: what search and evaluate share.
#ifndef WAYPOST_CLI_TEXT_FLAGS_HPP_
#define WAYPOST_CLI_TEXT_FLAGS_HPP_

#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "console.hpp"
#include "json_writer.hpp"
#include "waypost/event/reader.hpp"
#include "waypost/event/text_table.hpp"
#include "waypost/text/text_index.hpp"

namespace waypost::cli {

struct TextFlags {
  std::vector<std::string> fields;  // NAME or NAME=WEIGHT
  std::vector<std::string> stop_words;
  std::string documents;
};
void AddTextFlags(Verb& verb, TextFlags& flags);

// What --set may name, for the help.
std::string TextSettingsHelp();

struct TextOptions {
  TextIndexOptions index;  // fields are those of the command line; none: every column of the file
  TokenizerOptions tokenizer;
};
// Errors  usage: a field, a setting or a stop list that is none.
absl::StatusOr<TextOptions> MakeTextOptions(const TextFlags& flags, const std::vector<std::string>& settings);

struct TextDocuments {
  TextTable table;
  TextIndex index;
  TextOptions options;
};
// Reads the file, says on standard error what was skipped, and builds the index.
absl::StatusOr<TextDocuments> ReadTextDocuments(const TextFlags& flags, const std::vector<std::string>& settings,
                                                const ReadOptions& read, const Parallelism& parallelism,
                                                Console& console);

// Writes the member "options" of an open object.
void WriteTextOptions(JsonWriter& json, const TextDocuments& documents);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TEXT_FLAGS_HPP_
