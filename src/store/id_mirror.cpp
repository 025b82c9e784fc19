#include "store/id_mirror.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

// Again, inline: hashing a short id costs less than a call of the library. Last, as no header may see it.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace waypost::store {

namespace {

constexpr std::uint64_t kNoHead = ~std::uint64_t{0};  // 8 times kNoText

}  // namespace

bool Contains(const Forgotten& forgotten, std::uint32_t user) {
  return !forgotten.empty() && std::binary_search(forgotten.begin(), forgotten.end(), user);
}

// By loads of fixed sizes, which may overlap.
std::uint64_t IdMirror::Head(std::string_view id) {
  const std::size_t size = id.size();
  const auto load = [&]<typename Word>(Word word, std::size_t at) {
    std::memcpy(&word, id.data() + at, sizeof(Word));
    return std::uint64_t{word} << (8 * at);
  };
  if (size == 8) return load(std::uint64_t{}, 0);
  const std::uint64_t rest = kNoHead << (8 * size);
  if (size >= 4) return rest | load(std::uint32_t{}, 0) | load(std::uint32_t{}, size - 4);
  if (size >= 2) return rest | load(std::uint16_t{}, 0) | load(std::uint16_t{}, size - 2);
  return rest | load(std::uint8_t{}, 0);
}

absl::Status IdMirror::AddOne(std::string_view id) {
  const std::size_t index = ids_.size();
  std::string placeholder;
  if (id.empty()) {
    placeholder = kNoText + std::to_string(index);
    id = placeholder;
  }
  heads_.resize(index + 1);  // before the id is there: memory may run out
  heads_[index] = IsShort(id) && !IsPlaceholder(id) ? Head(id) : kNoHead;
  WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t added, ids_.Add(id));
  if (added != index)
    return absl::DataLossError(
        absl::StrCat("table ", internal::ToAbsl(Name(table_)), ": want every id once, got one again at ", index));
  return absl::OkStatus();
}

absl::Status IdMirror::Follow(const Reading& reading, std::uint64_t count, const Forgotten& forgotten) {
  {
    const std::shared_lock lock(mutex_);
    if (Holds(count, forgotten.size())) return absl::OkStatus();
  }
  const std::unique_lock lock(mutex_);
  if (Holds(count, forgotten.size())) return absl::OkStatus();
  if (forgotten.size() > forgotten_) {  // an id that was forgotten may be there again, for another user
    ids_ = {};
    heads_.clear();
    forgotten_ = forgotten.size();
  }
  const auto missing = [&](std::uint64_t got) {
    return absl::DataLossError(
        absl::StrCat("table ", internal::ToAbsl(Name(table_)), ": want ids up to ", count, ", got them up to ", got));
  };
  std::uint64_t from = 0;
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Entry> begin, reading.AtMost(table_, ids_.size()));
  if (begin) from = begin->number();
  const absl::Status read = reading.ForEach(table_, from, [&](const Entry& entry) -> absl::StatusOr<bool> {
    WAYPOST_ASSIGN_OR_RETURN(const StoredIds stored, DecodeIds(table_, entry.value));
    if (stored.first != entry.number() || stored.first > ids_.size()) return missing(ids_.size());
    for (std::size_t n = ids_.size() - stored.first; n < stored.ids.size(); ++n) {
      const auto index = static_cast<std::uint32_t>(stored.first + n);
      WAYPOST_RETURN_IF_ERROR(AddOne(Contains(forgotten, index) ? std::string_view() : stored.ids[n]));
    }
    return true;
  });
  WAYPOST_RETURN_IF_ERROR(read);
  return ids_.size() >= count ? absl::OkStatus() : missing(ids_.size());
}

// Every step reads what the step before asked for, of all ids in turn.
void IdMirror::FindSome(std::span<const std::string_view> ids, std::uint32_t* indices) const {
  std::array<std::uint64_t, IdDictionaryBuilder::kFindAtOnce> hashes;
  for (std::size_t n = 0; n < ids.size(); ++n) {
    hashes[n] = XXH3_64bits(ids[n].data(), ids[n].size());
    ids_.Prefetch(hashes[n]);
  }
  ids_.FindLikely(std::span(hashes).first(ids.size()), indices);
  for (std::size_t n = 0; n < ids.size(); ++n) {
    if (indices[n] == kEmptySlot) continue;
    if (IsShort(ids[n])) {
      __builtin_prefetch(heads_.data() + indices[n]);
    } else {
      ids_.PrefetchBounds(indices[n]);
    }
  }
  bool long_ids = false;
  for (std::size_t n = 0; n < ids.size(); ++n) {
    if (indices[n] == kEmptySlot) continue;
    if (!IsShort(ids[n])) {
      ids_.PrefetchText(indices[n]);
      long_ids = true;
    } else if (heads_[indices[n]] != Head(ids[n]) || ids[n].back() == kNoText) {  // that byte is no part of an id
      indices[n] = ids_.Find(ids[n], hashes[n]);
    }
  }
  for (std::size_t n = 0; long_ids && n < ids.size(); ++n)
    if (indices[n] != kEmptySlot && !IsShort(ids[n]) && !internal::SameText(ids_.id(indices[n]), ids[n]))
      indices[n] = ids_.Find(ids[n], hashes[n]);
  for (std::size_t n = 0; n < ids.size(); ++n)
    if (IsPlaceholder(ids[n])) indices[n] = kEmptySlot;
}

void IdMirror::Find(std::span<const std::string_view> ids, std::uint32_t* indices) const {
  constexpr std::size_t kAtOnce = IdDictionaryBuilder::kFindAtOnce;
  const std::shared_lock lock(mutex_);
  for (std::size_t begin = 0; begin < ids.size(); begin += kAtOnce)
    FindSome(ids.subspan(begin, std::min(kAtOnce, ids.size() - begin)), indices + begin);
}

std::uint32_t IdMirror::Find(std::string_view id) const {
  if (IsPlaceholder(id)) return kEmptySlot;
  const std::shared_lock lock(mutex_);
  return ids_.Find(id).value_or(kEmptySlot);
}

std::string IdMirror::Id(std::uint32_t index) const {
  const std::shared_lock lock(mutex_);
  if (index >= ids_.size() || IsPlaceholder(ids_.id(index))) return {};
  return std::string(ids_.id(index));
}

bool IdMirror::CopyTo(std::size_t count, IdDictionaryBuilder& copy) const {
  const std::shared_lock lock(mutex_);
  if (ids_.size() != count || forgotten_ != 0) return false;
  copy = ids_;
  return true;
}

void IdMirror::Add(std::uint64_t first, const IdDictionaryBuilder& ids) {
  const std::unique_lock lock(mutex_);
  if (ids_.size() != first) return;  // a reader has been faster, or there is more to follow than these
  for (std::uint32_t n = 0; n < ids.size(); ++n) (void)AddOne(ids.id(n));
}

}  // namespace waypost::store
