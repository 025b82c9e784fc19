#include "waypost/matrix/item_features.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>

#include "waypost/base/number_text.hpp"
#include "waypost/base/utf8.hpp"

namespace waypost {
namespace {

constexpr std::size_t kMaxValueBytes = 200;  // with the field's name the feature stays below kMaxIdBytes
constexpr std::size_t kMaxNameBytes = kMaxIdBytes - kMaxValueBytes - 1;

enum class Script { kNone, kWord, kEastAsian };

// Of Unicode's blocks: what stands for a word or a part of one by itself in Chinese, Japanese and Korean.
Script ScriptOf(std::uint32_t code) {
  if (code < 0x80) {
    const bool word = (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
    return word ? Script::kWord : Script::kNone;
  }
  const auto within = [&](std::uint32_t first, std::uint32_t last) { return code >= first && code <= last; };
  if (within(0x80, 0xBF) || within(0x2000, 0x2BFF) || within(0x3000, 0x3004) || within(0x3008, 0x3020) ||
      within(0xFE10, 0xFE6F) || within(0xFF00, 0xFF0F) || within(0xFF1A, 0xFF20) || within(0xFF3B, 0xFF40) ||
      within(0xFF5B, 0xFF65))
    return Script::kNone;  // punctuation and symbols
  if (within(0x2E80, 0x9FFF) || within(0xAC00, 0xD7FF) || within(0xF900, 0xFAFF) || within(0xFF66, 0xFFDC) ||
      within(0x20000, 0x3FFFF))
    return Script::kEastAsian;
  return Script::kWord;
}

// The code point at the front of a well-formed text, and its bytes.
std::pair<std::uint32_t, std::size_t> FirstCode(std::string_view text) {
  const auto byte = [&](std::size_t n) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[n])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t code = lead & (0x7Fu >> size);
  for (std::size_t n = 1; n < size; ++n) code = code << 6 | (byte(n) & 0x3F);
  return {code, size};
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return lower;
}

}  // namespace

std::vector<std::string> TitleWords(std::string_view title) {
  title = title.substr(0, FindInvalidUtf8(title));
  std::vector<std::string> words;
  std::string word;
  std::string_view neighbour;  // the East Asian character just before
  while (!title.empty()) {
    const auto [code, size] = FirstCode(title);
    const std::string_view letter = title.substr(0, size);
    const Script script = ScriptOf(code);
    if (script != Script::kWord && !word.empty()) words.push_back(std::exchange(word, {}));
    if (script == Script::kWord) word += Lower(letter);
    if (script == Script::kEastAsian) {
      words.emplace_back(letter);
      if (!neighbour.empty()) words.push_back(std::string(neighbour).append(letter));
    }
    neighbour = script == Script::kEastAsian ? letter : std::string_view();
    title.remove_prefix(size);
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> FeaturesOf(const CatalogueItem& item) {
  std::vector<std::string> features;
  std::unordered_set<std::string> known;
  const auto add = [&](std::string_view field, std::string_view value) {
    if (value.empty() || value.size() > kMaxValueBytes || field.size() > kMaxNameBytes) return;
    std::string feature = std::string(field).append(":").append(Lower(value));
    if (known.insert(feature).second) features.push_back(std::move(feature));
  };
  add("type", item.type);
  add("category", item.category);
  add("level", item.level);
  add("language", item.language);
  add("author", item.author);
  for (const std::string& tag : item.tags) add("tag", tag);
  for (const std::string& word : TitleWords(item.title)) add("title", word);
  double number = 0;
  for (const Attribute& attribute : item.attributes)
    if (!internal::ReadNumber(attribute.value, number)) add(attribute.name, attribute.value);
  return features;
}

absl::StatusOr<IdDictionary> BuildFeatureVocabulary(const Catalogue& catalogue, const IdDictionary& items,
                                                    const FeatureVocabularyOptions& options) try {
  if (options.min_items == 0)
    return absl::InvalidArgumentError("FeatureVocabularyOptions.min_items: want at least 1, got 0");
  IdDictionaryBuilder all;
  std::vector<std::size_t> having;  // items of each feature
  for (const CatalogueItem& item : catalogue.items()) {
    if (!items.Find(item.id)) continue;
    for (const std::string& feature : FeaturesOf(item)) {
      WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t index, all.Add(feature));
      having.resize(all.size());
      ++having[index];
    }
  }
  IdDictionaryBuilder kept;
  for (std::uint32_t index = 0; index < all.size(); ++index)
    if (having[index] >= options.min_items) WAYPOST_RETURN_IF_ERROR(kept.Add(all.id(index)).status());
  return std::move(kept).Build();
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("BuildFeatureVocabulary: want memory for ", catalogue.size(), " items, got none"));
}

std::vector<std::uint32_t> FindFeatures(const CatalogueItem& item, const IdDictionary& vocabulary) {
  std::vector<std::uint32_t> found;
  for (const std::string& feature : FeaturesOf(item))
    if (const std::optional<std::uint32_t> index = vocabulary.Find(feature)) found.push_back(*index);
  std::sort(found.begin(), found.end());
  return found;
}

absl::StatusOr<SparseMatrix> BuildFeatureMatrix(const Catalogue& catalogue, const IdDictionary& items,
                                                const IdDictionary& vocabulary) try {
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  offsets.reserve(items.size() + 1);
  for (std::uint32_t index = 0; index < items.size(); ++index) {
    if (const std::optional<std::size_t> position = catalogue.Find(items.id(index))) {
      const std::vector<std::uint32_t> found = FindFeatures(catalogue.item(*position), vocabulary);
      columns.insert(columns.end(), found.begin(), found.end());
    }
    offsets.push_back(columns.size());
  }
  return SparseMatrix(vocabulary.size(), SharedArray<std::uint64_t>(std::move(offsets)),
                      SharedArray<std::uint32_t>(std::move(columns)), {});
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("BuildFeatureMatrix: want memory for ", items.size(), " items, got none"));
}

}  // namespace waypost
