// waypost/event/item_titles.hpp - the titles of a catalogue's items by dense index, for people to read.
//
// (1) offsets is empty (no item has a title) or has one element more than there are items, starts at 0, never
//     decreases and ends at bytes.size(); the title of item i is bytes[offsets[i], offsets[i + 1]), empty if none.
// Both arrays are stored as they are and used in place from a mapping.
#ifndef WAYPOST_EVENT_ITEM_TITLES_HPP_
#define WAYPOST_EVENT_ITEM_TITLES_HPP_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "waypost/base/ids.hpp"
#include "waypost/base/shared_array.hpp"

namespace waypost {

// Immutable: safe to use from any number of threads.
class ItemTitles {
 public:
  // No item has a title.
  ItemTitles() = default;

  // Requires  (1) holds; the file reader checks it.
  ItemTitles(SharedArray<char> bytes, SharedArray<std::uint64_t> offsets)
      : bytes_(std::move(bytes)), offsets_(std::move(offsets)) {
    assert(offsets_.empty() || offsets_[offsets_.size() - 1] == bytes_.size());
  }

  // titles[i] is the title of item i.
  static ItemTitles Of(std::span<const std::string> titles) {
    AlignedVector<char> bytes;
    AlignedVector<std::uint64_t> offsets = {0};
    for (const std::string& title : titles) {
      bytes.insert(bytes.end(), title.begin(), title.end());
      offsets.push_back(bytes.size());
    }
    return ItemTitles(SharedArray<char>(std::move(bytes)), SharedArray<std::uint64_t>(std::move(offsets)));
  }

  // The number of items; 0 when no item has a title.
  std::size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }

  // Returns the title, empty where there is none.
  // Lifetime  the view lives as long as any copy of this object.
  std::string_view title(ItemIndex item) const {
    if (item.value >= size()) return {};
    // Of a file opened without a check of all values only the ends of offsets are known to obey (1).
    const std::uint64_t begin = std::min<std::uint64_t>(offsets_[item.value], bytes_.size());
    const std::uint64_t end = std::clamp<std::uint64_t>(offsets_[item.value + 1], begin, bytes_.size());
    return {bytes_.data() + begin, static_cast<std::size_t>(end - begin)};
  }

  const SharedArray<char>& bytes() const { return bytes_; }
  const SharedArray<std::uint64_t>& offsets() const { return offsets_; }

 private:
  SharedArray<char> bytes_;
  SharedArray<std::uint64_t> offsets_;
};

}  // namespace waypost

#endif  // WAYPOST_EVENT_ITEM_TITLES_HPP_
