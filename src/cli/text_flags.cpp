#include "text_flags.hpp"

#include <array>
#include <charconv>
#include <fstream>
#include <utility>

#include "inputs.hpp"

namespace waypost::cli {
namespace {

struct NumberSetting {
  const char* name;
  float TextIndexOptions::*value;
  const char* help;
};

constexpr std::array<NumberSetting, 5> kNumbers = {{
    {"k1", &TextIndexOptions::k1, "how soon a word that occurs more often counts no more"},
    {"b", &TextIndexOptions::b, "how much the length of a document counts, 0 to 1"},
    {"k3", &TextIndexOptions::k3, "as k1, for words of the query; 0: each counts once"},
    {"delta", &TextIndexOptions::delta, "what a word brings wherever it occurs (BM25+)"},
    {"pair_weight", &TextIndexOptions::pair_weight, "pairs of Chinese, Japanese or Korean characters beside them"},
}};

std::optional<float> ParseFloat(const std::string& text) {
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

absl::Status Apply(const std::string& setting, TextOptions& options) {
  const std::size_t equals = setting.find('=');
  const std::string name = setting.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
  if (equals == std::string::npos) return UsageError("--set: want NAME=VALUE, got '" + setting + "'");
  for (const NumberSetting& number : kNumbers) {
    if (name != number.name) continue;
    const std::optional<float> parsed = ParseFloat(value);
    if (!parsed) return UsageError("--set " + name + ": want a number, got '" + value + "'");
    options.index.*number.value = *parsed;
    return absl::OkStatus();
  }
  if (name == "stemmer") {
    options.tokenizer.stemmer = value;
    return absl::OkStatus();
  }
  if (name == "character_scripts") {
    if (value != "characters" && value != "words")
      return UsageError("--set character_scripts: want characters or words, got '" + value + "'");
    options.tokenizer.character_scripts = value == "words" ? CharacterScripts::kWords : CharacterScripts::kCharacters;
    return absl::OkStatus();
  }
  return UsageError("--set: want one of k1, b, k3, delta, pair_weight, stemmer, character_scripts, got '" + name + "'");
}

// Values separated by commas, or @FILE with one a line.
absl::StatusOr<std::vector<std::string>> ReadList(const std::vector<std::string>& arguments) {
  std::vector<std::string> list;
  for (const std::string& argument : arguments) {
    if (argument.starts_with('@')) {
      std::ifstream file(argument.substr(1), std::ios::binary);
      if (!file) return absl::NotFoundError(argument.substr(1) + ": cannot open");
      for (std::string line; std::getline(file, line);) {
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty()) list.push_back(line);
      }
      if (file.bad()) return absl::DataLossError(argument.substr(1) + ": cannot read");
      continue;
    }
    for (std::size_t begin = 0; begin <= argument.size();) {
      const std::size_t end = std::min(argument.find(',', begin), argument.size());
      if (end > begin) list.push_back(argument.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return list;
}

}  // namespace

void AddTextFlags(Verb& verb, TextFlags& flags) {
  verb.List("--fields", "NAME[=WEIGHT]", flags.fields,
            "Columns to search, comma-separated; else every column of texts. Weights: title 4, tags 2, others 1");
  verb.List("--stop-words", "WORD[,WORD]", flags.stop_words, "Words that count for nothing; @FILE reads one a line");
}

std::string TextSettingsHelp() {
  const TextIndexOptions defaults;
  std::string text = "Settings of texts (--set NAME=VALUE):\n";
  for (const NumberSetting& number : kNumbers) {
    std::string line = "  " + std::string(number.name) + "=" + NumberText(defaults.*number.value);
    line.resize(std::max<std::size_t>(line.size() + 1, 18), ' ');
    text += line + number.help + "\n";
  }
  return text + "  stemmer=english language whose endings are cut off, or none\n" +
         "  character_scripts=characters   Chinese, Japanese, Korean as characters and pairs, or as words\n";
}

absl::StatusOr<TextOptions> MakeTextOptions(const TextFlags& flags, const std::vector<std::string>& settings) {
  TextOptions options;
  options.index.fields.clear();
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::string> fields, ReadList(flags.fields));
  for (const std::string& field : fields) {
    const std::size_t equals = field.find('=');
    const std::string name = field.substr(0, equals);
    const std::optional<float> weight =
        equals == std::string::npos ? DefaultFieldWeight(name) : ParseFloat(field.substr(equals + 1));
    if (!weight) return UsageError("--fields: want NAME=WEIGHT with a number, got '" + field + "'");
    options.index.fields.push_back({name, *weight});
  }
  for (const std::string& setting : settings) WAYPOST_RETURN_IF_ERROR(Apply(setting, options));
  WAYPOST_ASSIGN_OR_RETURN(options.tokenizer.stop_words, ReadList(flags.stop_words));
  TextIndexOptions checked = options.index;
  if (checked.fields.empty()) checked.fields = {{"text", 1}};
  const absl::Status valid = Validate(checked);
  if (!valid.ok()) return UsageError(internal::ToStd(valid.message()));
  return options;
}

absl::StatusOr<TextDocuments> ReadTextDocuments(const TextFlags& flags, const std::vector<std::string>& settings,
                                                const ReadOptions& read, const Parallelism& parallelism,
                                                Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(TextOptions options, MakeTextOptions(flags, settings));
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Create(options.tokenizer);
  if (!tokenizer.ok()) return UsageError(internal::ToStd(tokenizer.status().message()));
  std::vector<std::string> columns;
  for (const TextField& field : options.index.fields) columns.push_back(field.name);
  ReadReport report;
  WAYPOST_ASSIGN_OR_RETURN(TextTable table, ReadTextTable(flags.documents, read, columns, &report));
  NoteSkipped(flags.documents, report, console);
  if (options.index.fields.empty())
    for (const std::string& column : table.columns)
      options.index.fields.push_back({column, DefaultFieldWeight(column)});
  if (options.index.fields.empty())
    return absl::InvalidArgumentError(flags.documents + ": want a column of texts beside the id, got none");
  if (options.index.fields.size() > kMaxTextFields)
    return UsageError("--fields: want at most 8 columns, got the " + std::to_string(options.index.fields.size()) +
                      " of " + flags.documents + "; name those to search");
  std::vector<TextDocument> documents;
  for (const TextRow& row : table.rows) documents.push_back({row.id, row.texts});
  WAYPOST_ASSIGN_OR_RETURN(TextIndex index, TextIndex::Build(documents, options.index, *tokenizer, parallelism));
  return TextDocuments{std::move(table), std::move(index), std::move(options)};
}

void WriteTextOptions(JsonWriter& json, const TextDocuments& documents) {
  json.Key("options");
  json.BeginObject();
  json.Key("fields");
  json.BeginObject();
  for (const TextField& field : documents.options.index.fields) json.Member(field.name, field.weight);
  json.EndObject();
  for (const NumberSetting& number : kNumbers) json.Member(number.name, documents.options.index.*number.value);
  json.Member("stemmer", documents.options.tokenizer.stemmer);
  json.Member("character_scripts",
              documents.options.tokenizer.character_scripts == CharacterScripts::kWords ? "words" : "characters");
  json.Member("stop_words", documents.options.tokenizer.stop_words.size());
  json.EndObject();
}

}  // namespace waypost::cli
