#include "store/id_mirror.hpp"

#include <algorithm>
#include <utility>

namespace waypost::store {

bool Contains(const Forgotten& forgotten, std::uint32_t user) {
  return !forgotten.empty() && std::binary_search(forgotten.begin(), forgotten.end(), user);
}

absl::Status IdMirror::AddOne(std::string_view id) {
  const std::size_t index = ids_.size();
  std::string placeholder;
  if (id.empty()) {
    placeholder = kNoText + std::to_string(index);
    id = placeholder;
  }
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

void IdMirror::Find(std::span<const std::string_view> ids, std::uint32_t* indices) const {
  constexpr std::size_t kAtOnce = IdDictionaryBuilder::kFindAtOnce;
  std::uint64_t hashes[kAtOnce];
  const std::shared_lock lock(mutex_);
  for (std::size_t begin = 0; begin < ids.size(); begin += kAtOnce)
    ids_.FindMany(ids.subspan(begin, std::min(kAtOnce, ids.size() - begin)), hashes, indices + begin);
  for (std::size_t n = 0; n < ids.size(); ++n)
    if (IsPlaceholder(ids[n])) indices[n] = kEmptySlot;
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
