// waypost/event/id_dictionary.hpp - external ids (UTF-8 strings) and their dense indices, both ways.
//
// (1) Index i is the i-th distinct id in order of first appearance.
// (2) offsets has size() + 1 elements, starts at 0, never decreases, and ends at bytes.size(); id i is
//     bytes[offsets[i], offsets[i + 1]).
// (3) slots is an open-addressing table of a power of two of slots, at most half full, linear probing from the low
//     bits of XXH3_64bits(id); a slot holds an index or kEmptySlot. An empty dictionary has no slots.
// The three arrays are stored as they are and used in place from a mapping. Of a file opened without a check of all
// values only the ends of offsets are known to obey (2): id() cuts what it reads to the array, and Find() ends and
// reads nothing outside the arrays, whatever lies between.
#ifndef WAYPOST_EVENT_ID_DICTIONARY_HPP_
#define WAYPOST_EVENT_ID_DICTIONARY_HPP_

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <xxhash.h>

#include "waypost/base/ids.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

inline constexpr std::size_t kMaxIdBytes = 256;
inline constexpr std::uint32_t kEmptySlot = std::numeric_limits<std::uint32_t>::max();  // on disk: do not change

inline std::uint64_t HashId(std::string_view id) {
  return XXH3_64bits(id.data(), id.size());
}

// Immutable: safe to use from any number of threads.
class IdDictionary {
 public:
  IdDictionary() = default;

  // Requires  (2) and (3) hold; the file reader checks them.
  IdDictionary(SharedArray<char> bytes, SharedArray<std::uint64_t> offsets, SharedArray<std::uint32_t> slots)
      : bytes_(std::move(bytes)), offsets_(std::move(offsets)), slots_(std::move(slots)) {}

  std::size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }

  // Requires  index < size().
  // Lifetime  the view lives as long as any copy of this dictionary.
  std::string_view id(std::uint32_t index) const {
    const std::uint64_t begin = std::min<std::uint64_t>(offsets_[index], bytes_.size());
    const std::uint64_t end = std::clamp<std::uint64_t>(offsets_[index + 1], begin, bytes_.size());
    return {bytes_.data() + begin, static_cast<std::size_t>(end - begin)};
  }

  // Cost  one hash and about one probe.
  std::optional<std::uint32_t> Find(std::string_view id) const;

  const SharedArray<char>& bytes() const { return bytes_; }
  const SharedArray<std::uint64_t>& offsets() const { return offsets_; }
  const SharedArray<std::uint32_t>& slots() const { return slots_; }

 private:
  SharedArray<char> bytes_;
  SharedArray<std::uint64_t> offsets_;
  SharedArray<std::uint32_t> slots_;
};

// While a dictionary grows, its slots hold part of each hash beside the index: most probes then read nothing else, and
// a larger table costs no second look at the ids.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class IdDictionaryBuilder {
 public:
  std::size_t size() const { return offsets_.size() - 1; }
  std::string_view id(std::uint32_t index) const {
    return {bytes_.data() + offsets_[index], static_cast<std::size_t>(offsets_[index + 1] - offsets_[index])};
  }

  std::optional<std::uint32_t> Find(std::string_view id) const {
    const std::uint32_t index = Find(id, HashId(id));
    return index == kEmptySlot ? std::nullopt : std::optional(index);
  }

  // As Find, for a hash at hand; kEmptySlot if the id is unknown.
  // Requires  hash == HashId(id).
  std::uint32_t Find(std::string_view id, std::uint64_t hash) const {
    return slots_.empty() ? kEmptySlot : IndexAt(FindSlot(id, hash));
  }

  static constexpr std::size_t kFindAtOnce = 128;

  // As Find for each of at most kFindAtOnce ids, whose reads of memory overlap.
  // Requires  hashes and indices are as long as ids.
  void FindMany(std::span<const std::string_view> ids, std::uint64_t* hashes, std::uint32_t* indices) const;

  // The first step of FindMany: writes the one index that an id of each hash may have, or kEmptySlot. Where the id of
  // that index turns out to be another, Find looks on.
  // Requires  indices is as long as hashes.
  void FindLikely(std::span<const std::uint64_t> hashes, std::uint32_t* indices) const;

  // Asks for the memory that Add and FindLikely read first.
  void Prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(slots_.data() + (hash & (slots_.size() - 1)));
  }
  // Asks for what id() reads: for its bounds, then, once they are there, for its text.
  // Requires  index < size().
  void PrefetchBounds(std::uint32_t index) const { __builtin_prefetch(offsets_.data() + index); }
  void PrefetchText(std::uint32_t index) const { __builtin_prefetch(bytes_.data() + offsets_[index]); }

  // Returns the index of `id`, added at the end if it is new.
  // Errors  kInvalidArgument: empty, longer than 256 bytes.  kResourceExhausted: kMaxEntities ids.
  absl::StatusOr<std::uint32_t> Add(std::string_view id) { return Add(id, HashId(id)); }

  // As Add, for a hash at hand.
  // Requires  hash == HashId(id).
  absl::StatusOr<std::uint32_t> Add(std::string_view id, std::uint64_t hash);

  // The dictionary of everything added; the builder is left empty.
  IdDictionary Build() &&;

 private:
  // (4) A slot is kFreeSlot, or the upper half of a hash above the index; it stands where (3) says.
  static constexpr std::uint64_t kFreeSlot = std::numeric_limits<std::uint64_t>::max();
  static std::uint64_t Slot(std::uint64_t hash, std::uint32_t index) { return (hash >> 32 << 32) | index; }

  std::uint32_t IndexAt(std::size_t slot) const { return static_cast<std::uint32_t>(slots_[slot]); }
  std::size_t FindSlot(std::string_view id, std::uint64_t hash) const;
  void Grow();

  AlignedVector<char> bytes_;
  AlignedVector<std::uint64_t> offsets_ = {0};
  AlignedVector<std::uint64_t> slots_;
};

namespace internal {

// Whether two texts are equal. Ids are short: a call of memcmp costs more than its work.
inline bool SameText(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  const auto same_at = [&]<typename Word>(Word, std::size_t at) {
    Word word_a;
    Word word_b;
    std::memcpy(&word_a, a.data() + at, sizeof(Word));
    std::memcpy(&word_b, b.data() + at, sizeof(Word));
    return word_a == word_b;
  };
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8)
      if (!same_at(std::uint64_t{}, at)) return false;
    return same_at(std::uint64_t{}, size - 8);  // may go over bytes compared before
  }
  if (size >= 4) return same_at(std::uint32_t{}, 0) && same_at(std::uint32_t{}, size - 4);
  if (size >= 2) return same_at(std::uint16_t{}, 0) && same_at(std::uint16_t{}, size - 2);
  return size == 0 || a[0] == b[0];
}

// Returns the slot that holds `id` or the empty slot where it belongs; `id_of(index)` reads an id.
// Ends even if a damaged table has no empty slot.
template <typename IdOf>
std::size_t FindSlot(std::span<const std::uint32_t> slots, std::string_view id, const IdOf& id_of) {
  const std::size_t mask = slots.size() - 1;
  std::size_t slot = HashId(id) & mask;
  for (std::size_t probes = 0; probes < slots.size(); ++probes, slot = (slot + 1) & mask)
    if (slots[slot] == kEmptySlot || id_of(slots[slot]) == id) return slot;
  return slots.size();
}

}  // namespace internal

inline std::optional<std::uint32_t> IdDictionary::Find(std::string_view id) const {
  if (slots_.empty()) return std::nullopt;
  const std::size_t slot = internal::FindSlot(slots_.span(), id, [&](std::uint32_t index) {
    return index < size() ? this->id(index) : std::string_view();  // a damaged slot matches nothing
  });
  if (slot == slots_.size() || slots_[slot] >= size()) return std::nullopt;  // empty, or damaged and id is ""
  return slots_[slot];
}

// The first slot whose part of the hash is the same; nearly always the one.
inline void IdDictionaryBuilder::FindLikely(std::span<const std::uint64_t> hashes, std::uint32_t* indices) const {
  if (slots_.empty()) {
    std::fill_n(indices, hashes.size(), kEmptySlot);
    return;
  }
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t n = 0; n < hashes.size(); ++n) {
    std::size_t slot = hashes[n] & mask;
    while (slots_[slot] != kFreeSlot && slots_[slot] >> 32 != hashes[n] >> 32) slot = (slot + 1) & mask;
    indices[n] = IndexAt(slot);
  }
}

// Every step reads what the step before asked for, of all ids in turn: slots, then offsets, then texts.
inline void IdDictionaryBuilder::FindMany(std::span<const std::string_view> ids, std::uint64_t* hashes,
                                          std::uint32_t* indices) const {
  assert(ids.size() <= kFindAtOnce);
  for (std::size_t n = 0; n < ids.size(); ++n) {
    hashes[n] = HashId(ids[n]);
    Prefetch(hashes[n]);
  }
  FindLikely({hashes, ids.size()}, indices);
  for (std::size_t n = 0; n < ids.size(); ++n)
    if (indices[n] != kEmptySlot) PrefetchBounds(indices[n]);
  for (std::size_t n = 0; n < ids.size(); ++n)
    if (indices[n] != kEmptySlot) PrefetchText(indices[n]);
  for (std::size_t n = 0; n < ids.size(); ++n)
    if (indices[n] != kEmptySlot && !internal::SameText(id(indices[n]), ids[n])) indices[n] = Find(ids[n], hashes[n]);
}

// The table always has an empty slot.
inline std::size_t IdDictionaryBuilder::FindSlot(std::string_view id, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const std::uint64_t held = slots_[slot];
    if (held == kFreeSlot) return slot;
    if (held >> 32 == hash >> 32 && internal::SameText(this->id(static_cast<std::uint32_t>(held)), id)) return slot;
  }
}

inline absl::StatusOr<std::uint32_t> IdDictionaryBuilder::Add(std::string_view id, std::uint64_t hash) {
  if (2 * (size() + 1) > slots_.size()) Grow();
  const std::size_t slot = FindSlot(id, hash);
  if (slots_[slot] != kFreeSlot) return IndexAt(slot);
  if (id.empty() || id.size() > kMaxIdBytes)
    return absl::InvalidArgumentError(absl::StrCat("id: want 1..", kMaxIdBytes, " bytes, got ", id.size()));
  if (size() >= kMaxEntities)
    return absl::ResourceExhaustedError(absl::StrCat("ids: want at most ", kMaxEntities, ", got one more"));
  const auto index = static_cast<std::uint32_t>(size());
  bytes_.insert(bytes_.end(), id.begin(), id.end());
  offsets_.push_back(bytes_.size());
  slots_[slot] = Slot(hash, index);
  return index;
}

inline void IdDictionaryBuilder::Grow() {
  AlignedVector<std::uint64_t> larger(std::max<std::size_t>(16, 2 * slots_.size()), kFreeSlot);
  const std::size_t mask = larger.size() - 1;
  for (std::uint32_t index = 0; index < size(); ++index) {  // in index order: the table depends on the ids alone
    const std::uint64_t hash = HashId(id(index));
    std::size_t slot = hash & mask;
    while (larger[slot] != kFreeSlot) slot = (slot + 1) & mask;
    larger[slot] = Slot(hash, index);
  }
  slots_ = std::move(larger);
}

inline IdDictionary IdDictionaryBuilder::Build() && {
  AlignedVector<std::uint32_t> slots(slots_.size());
  for (std::size_t slot = 0; slot < slots.size(); ++slot) slots[slot] = IndexAt(slot);  // kFreeSlot: kEmptySlot
  slots_ = {};
  return IdDictionary(SharedArray<char>(std::move(bytes_)), SharedArray<std::uint64_t>(std::move(offsets_)),
                      SharedArray<std::uint32_t>(std::move(slots)));
}

}  // namespace waypost

#endif  // WAYPOST_EVENT_ID_DICTIONARY_HPP_
