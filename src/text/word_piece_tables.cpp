#include "text/word_piece_tables.hpp"

#include <algorithm>
#include <utility>

#include "base/shown.hpp"
#include "text/json_object.hpp"

namespace waypost::internal {
namespace {

constexpr std::int64_t kMaxId = (1 << 24) - 1;
constexpr std::size_t kMaxAdded = 4096;
constexpr std::int64_t kMaxWord = 4096;

absl::Status Unknown(std::string_view what, std::string_view want, std::string_view got) {
  return absl::UnimplementedError(
      absl::StrCat("tokenizer.json: ", ToAbsl(what), ": want ", ToAbsl(want), ", got ", Shown(got)));
}

absl::Status CheckType(const JsonObject& part, std::string_view what, std::string_view want) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view type, part.Text("type"));
  return type == want ? absl::OkStatus() : Unknown(what, want, type);
}

absl::Status ReadNormalizer(const JsonObject& file, WordPieceTables* tables) {
  WAYPOST_ASSIGN_OR_RETURN(const JsonObject part, file.Object("normalizer"));
  WAYPOST_RETURN_IF_ERROR(CheckType(part, "normalizer.type", "BertNormalizer"));
  WAYPOST_ASSIGN_OR_RETURN(tables->clean, part.Bool("clean_text"));
  WAYPOST_ASSIGN_OR_RETURN(tables->chinese, part.Bool("handle_chinese_chars"));
  WAYPOST_ASSIGN_OR_RETURN(tables->lower, part.Bool("lowercase"));
  tables->strip_accents = tables->lower;
  if (part.Find("strip_accents") != nullptr) {
    WAYPOST_ASSIGN_OR_RETURN(tables->strip_accents, part.Bool("strip_accents"));
  }
  return absl::OkStatus();
}

absl::Status ReadVocabulary(const JsonObject& model, WordPieceTables* tables) {
  std::string_view prefix = "##";
  if (model.Find("continuing_subword_prefix") != nullptr) {
    WAYPOST_ASSIGN_OR_RETURN(prefix, model.Text("continuing_subword_prefix"));
  }
  if (prefix.empty()) return absl::InvalidArgumentError("continuing_subword_prefix: want at least one byte, got none");
  WAYPOST_ASSIGN_OR_RETURN(const JsonObject vocabulary, model.Object("vocab"));
  const std::size_t count = vocabulary.names().size();
  tables->pieces.reserve(count);  // the maps point into it
  std::vector<std::uint32_t> ids;
  for (std::size_t n = 0; n < count; ++n) {
    const std::string_view name = vocabulary.names()[n];
    const Cell& value = vocabulary.values()[n];
    const absl::StatusOr<std::uint64_t> id = ParseUnsigned(value.type == CellType::kNumber ? value.text : "");
    if (!id.ok() || *id > static_cast<std::uint64_t>(kMaxId))
      return absl::InvalidArgumentError(
          absl::StrCat("vocab.", Shown(name), ": want a whole number from 0 to ", kMaxId, ", got ", Shown(value.text)));
    ids.push_back(static_cast<std::uint32_t>(*id));
    tables->id_limit = std::max(tables->id_limit, ids.back() + 1);
    const bool follows = name.size() > prefix.size() && name.substr(0, prefix.size()) == prefix;
    const std::string& piece = tables->pieces.emplace_back(follows ? name.substr(prefix.size()) : name);
    (follows ? tables->follows : tables->starts).emplace(piece, ids.back());
    tables->longest = std::max(tables->longest, piece.size());
  }
  std::sort(ids.begin(), ids.end());
  if (const auto twice = std::adjacent_find(ids.begin(), ids.end()); twice != ids.end())
    return absl::InvalidArgumentError(absl::StrCat("vocab: want each id once, got ", *twice, " again"));
  return absl::OkStatus();
}

absl::StatusOr<std::uint32_t> IdOf(const WordPieceTables& tables, std::string_view token) {
  for (const AddedToken& added : tables.added)
    if (added.text == token) return added.id;
  const auto found = tables.starts.find(token);
  if (found != tables.starts.end()) return found->second;
  return absl::InvalidArgumentError(absl::StrCat("vocab: want the token ", Shown(token), ", got none"));
}

absl::Status ReadModel(const JsonObject& file, WordPieceTables* tables) {
  WAYPOST_ASSIGN_OR_RETURN(const JsonObject model, file.Object("model"));
  WAYPOST_RETURN_IF_ERROR(CheckType(model, "model.type", "WordPiece"));
  WAYPOST_RETURN_IF_ERROR(ReadVocabulary(model, tables));
  if (model.Find("max_input_chars_per_word") != nullptr) {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t longest, model.Integer("max_input_chars_per_word", 1, kMaxWord));
    tables->max_word = static_cast<std::size_t>(longest);
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view unknown, model.Text("unk_token"));
  WAYPOST_ASSIGN_OR_RETURN(tables->unknown, IdOf(*tables, unknown));
  return absl::OkStatus();
}

absl::Status ReadAdded(const JsonObject& file, WordPieceTables* tables) {
  if (file.Find("added_tokens") == nullptr) return absl::OkStatus();
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<JsonObject> tokens, file.Objects("added_tokens"));
  if (tokens.size() > kMaxAdded)
    return absl::ResourceExhaustedError(
        absl::StrCat("added_tokens: want at most ", kMaxAdded, ", got ", tokens.size()));
  for (const JsonObject& token : tokens) {
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view content, token.Text("content"));
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t id, token.Integer("id", 0, kMaxId));
    if (content.empty()) return absl::InvalidArgumentError("added_tokens.content: want at least one byte, got none");
    for (const std::string_view flag : {"single_word", "lstrip", "rstrip", "normalized"}) {
      WAYPOST_ASSIGN_OR_RETURN(const bool set, token.Bool(flag));
      if (set) return Unknown(ToStd(absl::StrCat("added_tokens.", ToAbsl(flag))), "false", "true");
    }
    tables->added.push_back({std::string(content), static_cast<std::uint32_t>(id)});
    tables->id_limit = std::max(tables->id_limit, static_cast<std::uint32_t>(id) + 1);
  }
  return absl::OkStatus();
}

// [CLS] text [SEP], in either of the two ways a file says it. The names are the file's own.
absl::Status ReadTemplate(const JsonObject& file, WordPieceTables* tables) {
  WAYPOST_ASSIGN_OR_RETURN(const JsonObject part, file.Object("post_processor"));
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view type, part.Text("type"));
  if (type == "BertProcessing") {
    for (const auto& [name, id] : {std::pair("cls", &tables->first), std::pair("sep", &tables->last)}) {
      const Cell* pair = part.Find(name);
      std::vector<std::string> elements;
      if (pair != nullptr && pair->type == CellType::kJson) {
        WAYPOST_ASSIGN_OR_RETURN(elements, ParseJsonList(pair->text));
      }
      if (elements.size() != 2)
        return absl::InvalidArgumentError(absl::StrCat("post_processor.", name, ": want a token and its id"));
      WAYPOST_ASSIGN_OR_RETURN(*id, IdOf(*tables, elements[0]));
    }
    return absl::OkStatus();
  }
  if (type != "TemplateProcessing") return Unknown("post_processor.type", "TemplateProcessing or BertProcessing", type);
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<JsonObject> single, part.Objects("single"));
  if (single.size() != 3 || single[1].Find("Sequence") == nullptr)
    return absl::UnimplementedError("tokenizer.json: post_processor.single: want a token, the text and a token");
  for (const auto& [place, id] : {std::pair(0, &tables->first), std::pair(2, &tables->last)}) {
    WAYPOST_ASSIGN_OR_RETURN(const JsonObject token, single[static_cast<std::size_t>(place)].Object("SpecialToken"));
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view name, token.Text("id"));
    WAYPOST_ASSIGN_OR_RETURN(*id, IdOf(*tables, name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadWordPiece(std::string_view json, WordPieceTables* tables) {
  if (json.size() > kMaxTokenizerFile)
    return absl::ResourceExhaustedError(absl::StrCat("want at most ", kMaxTokenizerFile, " bytes, got ", json.size()));
  WAYPOST_ASSIGN_OR_RETURN(const JsonObject file, JsonObject::Parse(json));
  WAYPOST_RETURN_IF_ERROR(ReadNormalizer(file, tables));
  WAYPOST_ASSIGN_OR_RETURN(const JsonObject splitter, file.Object("pre_tokenizer"));
  WAYPOST_RETURN_IF_ERROR(CheckType(splitter, "pre_tokenizer.type", "BertPreTokenizer"));
  WAYPOST_RETURN_IF_ERROR(ReadAdded(file, tables));
  WAYPOST_RETURN_IF_ERROR(ReadModel(file, tables));
  return ReadTemplate(file, tables);
}

}  // namespace waypost::internal
