// waypost/event/catalogue.hpp - what can be recommended: courses, projects, questions, people, with their facts.
//
// (1) Item i is the i-th added; ids are unique.
// (2) Every price is finite and >= 0; available_from_us <= available_until_us where both are given.
// A prerequisite may name an item the catalogue does not have (a retired course, say): it is kept and counted.
#ifndef WAYPOST_EVENT_CATALOGUE_HPP_
#define WAYPOST_EVENT_CATALOGUE_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"

namespace waypost {

struct Attribute {
  std::string name;
  std::string value;

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// Empty text, an empty list and nullopt all mean: not known.
struct CatalogueItem {
  std::string id;    // UTF-8, 1..256 bytes
  std::string type;  // course, project, question, answer, person, ...
  std::string title;
  std::vector<std::string> texts;  // descriptions and the like, in the order given
  std::vector<std::string> tags;
  std::string category;
  std::string level;
  std::string language;  // as the host writes it: en, zh-CN, Chinese
  std::string author;
  std::optional<float> price;                      // in the host's currency
  std::vector<std::string> prerequisites;          // item ids
  std::optional<std::int64_t> available_from_us;   // may be recommended from this moment ...
  std::optional<std::int64_t> available_until_us;  // ... until just before this one
  std::optional<std::int64_t> published_us;        // when it first appeared
  std::vector<Attribute> attributes;               // every further column, in the order given

  friend bool operator==(const CatalogueItem&, const CatalogueItem&) = default;
};

// Immutable: safe to use from any number of threads.
class Catalogue {
 public:
  Catalogue() = default;

  std::size_t size() const { return items_.size(); }
  // Requires  position < size().
  const CatalogueItem& item(std::size_t position) const { return items_[position]; }
  const std::vector<CatalogueItem>& items() const { return items_; }

  std::optional<std::size_t> Find(std::string_view id) const {
    const std::optional<std::uint32_t> position = ids_.Find(id);
    return position ? std::optional<std::size_t>(*position) : std::nullopt;
  }

  // How many entries of the prerequisites name no item of this catalogue.
  std::size_t unknown_prerequisites() const { return unknown_prerequisites_; }

 private:
  friend class CatalogueBuilder;

  Catalogue(IdDictionary ids, std::vector<CatalogueItem> items) : ids_(std::move(ids)), items_(std::move(items)) {
    for (const CatalogueItem& item : items_)
      for (const std::string& prerequisite : item.prerequisites)
        if (!ids_.Find(prerequisite)) ++unknown_prerequisites_;
  }

  IdDictionary ids_;
  std::vector<CatalogueItem> items_;
  std::size_t unknown_prerequisites_ = 0;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class CatalogueBuilder {
 public:
  std::size_t size() const { return items_.size(); }

  // Adds one item, or nothing if it is not valid.
  // Errors  kInvalidArgument: id length, an id added before, price, availability.
  absl::Status Add(CatalogueItem item);

  Catalogue Build() && { return Catalogue(std::move(ids_).Build(), std::move(items_)); }

 private:
  IdDictionaryBuilder ids_;
  std::vector<CatalogueItem> items_;
};

inline absl::Status CatalogueBuilder::Add(CatalogueItem item) {
  if (ids_.Find(item.id))
    return absl::InvalidArgumentError(absl::StrCat("id: want every item once, got '", item.id, "' again"));
  if (item.price && !(std::isfinite(*item.price) && *item.price >= 0))
    return absl::InvalidArgumentError(absl::StrCat("price: want a finite number >= 0, got ", *item.price));
  if (item.available_from_us && item.available_until_us && *item.available_from_us > *item.available_until_us)
    return absl::InvalidArgumentError(absl::StrCat("available_until: want a time not before available_from, got ",
                                                   *item.available_until_us, " us before ", *item.available_from_us,
                                                   " us"));
  WAYPOST_RETURN_IF_ERROR(ids_.Add(item.id).status());
  items_.push_back(std::move(item));
  return absl::OkStatus();
}

}  // namespace waypost

#endif  // WAYPOST_EVENT_CATALOGUE_HPP_
