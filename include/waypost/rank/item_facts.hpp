// waypost/rank/item_facts.hpp - what rules need to know of the items: the catalogue by column, for the items of a
// model.
//
// A row is a dense item index of the model. Items that the catalogue does not have miss every value, are always
// available and need nothing. Columns are type, category, level, language, author (texts), tags (texts, several a row),
// price (numbers), published, available_from, available_until (times), and every further attribute of the catalogue,
// whose values are texts, and numbers too where the whole text is one.
#ifndef WAYPOST_RANK_ITEM_FACTS_HPP_
#define WAYPOST_RANK_ITEM_FACTS_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/rank/prerequisites.hpp"

namespace waypost {

enum class FactType : std::uint8_t {
  kText,       // one text a row
  kTexts,      // any number of texts a row
  kNumber,     // float32
  kTime,       // microseconds since 1970-01-01 UTC
  kAttribute,  // one text a row, a number too where it reads as one
};

inline constexpr std::uint32_t kNoText = std::numeric_limits<std::uint32_t>::max();

// One column. Of the arrays, those of the type are filled, one element a row.
struct FactColumn {
  FactType type = FactType::kText;
  std::vector<std::uint32_t> codes;    // kText, kAttribute: of the text, or kNoText; kTexts: of all rows' texts
  std::vector<std::uint64_t> offsets;  // kTexts: row i has codes[offsets[i], offsets[i + 1])
  std::vector<double> numbers;         // kNumber; kAttribute, where any value is a number: NaN where it is missing
  std::vector<std::int64_t> times;     // kTime: kNoTime where it is missing
  std::unordered_map<std::string, std::uint32_t> code_of;  // codes count texts in order of first appearance

  std::optional<std::uint32_t> FindCode(const std::string& text) const {
    const auto found = code_of.find(text);
    return found == code_of.end() ? std::nullopt : std::optional(found->second);
  }
};

// Which items are available at a moment, and how long that answer holds.
struct Availability {
  Bitmap items;
  std::int64_t from_us = 0;   // the answer is the same from here ...
  std::int64_t until_us = 0;  // ... until just before here
};

// Thread-safe: all members may be called concurrently. Nothing that a reader can observe changes.
class ItemFacts {
 public:
  // Errors  kResourceExhausted: memory.
  // Cost    O(values of the catalogue); a few hundred bytes an item.
  static absl::StatusOr<ItemFacts> Build(const Catalogue& catalogue, const IdDictionary& items);

  std::size_t item_count() const { return item_count_; }
  // How many of the model's items the catalogue describes.
  std::size_t described() const { return described_; }

  // Returns the column of that name; "tag" is "tags" too. Null: there is none.
  const FactColumn* FindColumn(std::string_view name) const;
  const std::map<std::string, FactColumn, std::less<>>& columns() const { return columns_; }
  const FactColumn& category() const { return columns_.find("category")->second; }
  // Whether the catalogue's type of any item is "person".
  bool has_people() const { return person_code_ != kNoText; }
  // Whether the item's type is "person".
  // Requires  item < item_count().
  bool IsPerson(ItemIndex item) const { return has_people() && type_->codes[item.value] == person_code_; }

  // Whether any item is available only for a time: answers then need a `now`.
  bool has_windows() const { return !windowed_.empty(); }
  // Requires  now_us is a time, not kNoTime.
  // Cost  O(items with a window + items / 64) where a window opened or closed since the last call, else a lock.
  std::shared_ptr<const Availability> AvailableAt(std::int64_t now_us) const;

  const PrerequisiteGraph& prerequisites() const { return prerequisites_; }

 private:
  struct Window {
    std::uint32_t item = 0;
    std::int64_t from_us = kNoTime;
    std::int64_t until_us = std::numeric_limits<std::int64_t>::max();
  };
  struct Latest {
    std::mutex mutex;
    std::shared_ptr<const Availability> availability;
  };

  FactColumn& Column(std::string_view name, FactType type);
  void SetText(FactColumn& column, std::uint32_t item, const std::string& text);
  void AddItem(const CatalogueItem& entry, std::uint32_t item);
  void AddTags(const Catalogue& catalogue, const IdDictionary& items);

  std::size_t item_count_ = 0;
  std::size_t described_ = 0;
  std::map<std::string, FactColumn, std::less<>> columns_;
  const FactColumn* type_ = nullptr;     // an element of columns_, where it stays
  std::uint32_t person_code_ = kNoText;  // kNoText: no item is a person
  std::vector<Window> windowed_;
  std::vector<std::int64_t> boundaries_;  // moments at which a window opens or closes, ascending strictly
  PrerequisiteGraph prerequisites_;
  std::unique_ptr<Latest> latest_ = std::make_unique<Latest>();
};

inline FactColumn& ItemFacts::Column(std::string_view name, FactType type) {
  const auto found = columns_.find(name);
  if (found != columns_.end()) return found->second;
  FactColumn& column = columns_[std::string(name)];
  column.type = type;
  if (type == FactType::kText || type == FactType::kAttribute) column.codes.assign(item_count_, kNoText);
  if (type == FactType::kTexts) column.offsets.assign(item_count_ + 1, 0);
  if (type == FactType::kNumber) column.numbers.assign(item_count_, std::numeric_limits<double>::quiet_NaN());
  if (type == FactType::kTime) column.times.assign(item_count_, kNoTime);
  return column;
}

inline void ItemFacts::SetText(FactColumn& column, std::uint32_t item, const std::string& text) {
  if (text.empty()) return;
  const auto code = static_cast<std::uint32_t>(column.code_of.size());
  column.codes[item] = column.code_of.try_emplace(text, code).first->second;
}

inline void ItemFacts::AddItem(const CatalogueItem& entry, std::uint32_t item) {
  SetText(Column("type", FactType::kText), item, entry.type);
  SetText(Column("category", FactType::kText), item, entry.category);
  SetText(Column("level", FactType::kText), item, entry.level);
  SetText(Column("language", FactType::kText), item, entry.language);
  SetText(Column("author", FactType::kText), item, entry.author);
  if (entry.price) Column("price", FactType::kNumber).numbers[item] = *entry.price;
  if (entry.published_us) Column("published", FactType::kTime).times[item] = *entry.published_us;
  if (entry.available_from_us) Column("available_from", FactType::kTime).times[item] = *entry.available_from_us;
  if (entry.available_until_us) Column("available_until", FactType::kTime).times[item] = *entry.available_until_us;
  for (const Attribute& attribute : entry.attributes) {
    FactColumn& column = Column(attribute.name, FactType::kAttribute);
    if (column.type != FactType::kAttribute) continue;  // the built-in column of that name is read from its own field
    SetText(column, item, attribute.value);
    double number = 0;
    if (!internal::ReadNumber(attribute.value, number) || !std::isfinite(number)) continue;
    if (column.numbers.empty()) column.numbers.assign(item_count_, std::numeric_limits<double>::quiet_NaN());
    column.numbers[item] = number;
  }
  if (!entry.available_from_us && !entry.available_until_us) return;
  Window window{.item = item};
  if (entry.available_from_us) boundaries_.push_back(window.from_us = *entry.available_from_us);
  if (entry.available_until_us) boundaries_.push_back(window.until_us = *entry.available_until_us);
  windowed_.push_back(window);
}

inline void ItemFacts::AddTags(const Catalogue& catalogue, const IdDictionary& items) {
  FactColumn& column = Column("tags", FactType::kTexts);
  for (std::uint32_t item = 0; item < item_count_; ++item) {
    if (const auto position = catalogue.Find(items.id(item)))
      for (const std::string& tag : catalogue.item(*position).tags)
        column.codes.push_back(
            column.code_of.try_emplace(tag, static_cast<std::uint32_t>(column.code_of.size())).first->second);
    column.offsets[item + 1] = column.codes.size();
  }
}

inline absl::StatusOr<ItemFacts> ItemFacts::Build(const Catalogue& catalogue, const IdDictionary& items) try {
  ItemFacts facts;
  facts.item_count_ = items.size();
  for (const char* name : {"type", "category", "level", "language", "author"}) facts.Column(name, FactType::kText);
  for (const char* name : {"published", "available_from", "available_until"}) facts.Column(name, FactType::kTime);
  facts.Column("price", FactType::kNumber);
  facts.AddTags(catalogue, items);
  for (const CatalogueItem& entry : catalogue.items()) {
    const auto item = items.Find(entry.id);
    if (!item) continue;
    ++facts.described_;
    facts.AddItem(entry, *item);
  }
  facts.type_ = facts.FindColumn("type");
  facts.person_code_ = facts.type_->FindCode("person").value_or(kNoText);
  std::sort(facts.boundaries_.begin(), facts.boundaries_.end());
  facts.boundaries_.erase(std::unique(facts.boundaries_.begin(), facts.boundaries_.end()), facts.boundaries_.end());
  WAYPOST_ASSIGN_OR_RETURN(facts.prerequisites_, PrerequisiteGraph::Build(catalogue, items));
  return facts;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("ItemFacts.Build: out of memory");
}

inline const FactColumn* ItemFacts::FindColumn(std::string_view name) const {
  auto found = columns_.find(name);
  if (found == columns_.end() && name == "tag") found = columns_.find("tags");
  return found == columns_.end() ? nullptr : &found->second;
}

inline std::shared_ptr<const Availability> ItemFacts::AvailableAt(std::int64_t now_us) const {
  {
    const std::lock_guard lock(latest_->mutex);
    const std::shared_ptr<const Availability>& known = latest_->availability;
    if (known && known->from_us <= now_us && now_us < known->until_us) return known;
  }
  auto made = std::make_shared<Availability>();
  made->items = Bitmap(item_count_, true);
  for (const Window& window : windowed_)
    if (now_us < window.from_us || now_us >= window.until_us) made->items.Clear(window.item);
  const auto next = std::upper_bound(boundaries_.begin(), boundaries_.end(), now_us);
  made->from_us = next == boundaries_.begin() ? kNoTime : *(next - 1);
  made->until_us = next == boundaries_.end() ? std::numeric_limits<std::int64_t>::max() : *next;
  const std::lock_guard lock(latest_->mutex);
  latest_->availability = made;
  return made;
}

}  // namespace waypost

#endif  // WAYPOST_RANK_ITEM_FACTS_HPP_
