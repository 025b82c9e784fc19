// store/id_mirror.hpp - a dictionary of the store in memory, which follows the data file.
//
// (1) Index n is id n of the data file, or, for a forgotten user, a text that is no id.
// (2) heads_[n] is id n itself, where it has at most 8 bytes: filled up with kNoText, a byte that is in no id. Of any
//     other it is kNoText alone. One read then tells a short id from all others.
// (3) It may hold more than a snapshot has: callers cut what they find to the snapshot's count.
#ifndef WAYPOST_SRC_STORE_ID_MIRROR_HPP_
#define WAYPOST_SRC_STORE_ID_MIRROR_HPP_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"

#include "store/environment.hpp"
#include "store/tables.hpp"

namespace waypost::store {

// Indices of forgotten users, ascending.
using Forgotten = std::vector<std::uint32_t>;
bool Contains(const Forgotten& forgotten, std::uint32_t user);

// Thread-safe: all members may be called concurrently.
class IdMirror {
 public:
  explicit IdMirror(Table table) : table_(table) {}

  // Makes it hold at least the first `count` ids, and none of those forgotten.
  // Errors  kDataLoss: ids that are missing, damaged or there twice.
  absl::Status Follow(const Reading& reading, std::uint64_t count, const Forgotten& forgotten);

  // Writes the indices of ids, kEmptySlot where unknown. What is found is an id of the store: UTF-8 of a length it
  // takes.
  void Find(std::span<const std::string_view> ids, std::uint32_t* indices) const;
  std::uint32_t Find(std::string_view id) const;

  // How many users were forgotten in what it holds.
  std::uint64_t forgotten() const {
    const std::shared_lock lock(mutex_);
    return forgotten_;
  }
  // The text of an index; empty: forgotten, or beyond the end.
  std::string Id(std::uint32_t index) const;
  // Calls visit(index, id) for the first `count` that are not forgotten.
  template <typename Visit>
  void ForEach(std::size_t count, const Visit& visit) const {
    const std::shared_lock lock(mutex_);
    for (std::uint32_t index = 0; index < count && index < ids_.size(); ++index)
      if (const std::string_view id = ids_.id(index); !IsPlaceholder(id)) visit(index, id);
  }
  // A copy, if it holds `count` ids exactly and none was forgotten.
  bool CopyTo(std::size_t count, IdDictionaryBuilder& copy) const;

  // Adds what was committed: ids from index `first` on.
  void Add(std::uint64_t first, const IdDictionaryBuilder& ids);

 private:
  static bool IsPlaceholder(std::string_view id) { return !id.empty() && id[0] == kNoText; }
  static constexpr char kNoText = '\xFF';  // begins no text of UTF-8

  // Whether (2) has the whole of an id.
  static bool IsShort(std::string_view id) { return id.size() - 1 < sizeof(std::uint64_t); }
  static std::uint64_t Head(std::string_view id);

  absl::Status AddOne(std::string_view id);
  void FindSome(std::span<const std::string_view> ids, std::uint32_t* indices) const;
  bool Holds(std::uint64_t count, std::size_t forgotten) const {
    return ids_.size() >= count && forgotten_ >= forgotten;
  }

  Table table_;
  mutable std::shared_mutex mutex_;  // guards the rest
  IdDictionaryBuilder ids_;
  std::vector<std::uint64_t> heads_;
  std::size_t forgotten_ = 0;
};

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_ID_MIRROR_HPP_
