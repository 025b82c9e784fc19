// waypost/event/event_block.hpp - events in blocks, whose ids are looked up on several threads.
//
// Algorithm    Rounds of blocks. While a round's blocks are filled and looked up, in parallel, the dictionaries hold
//              still and are only read. Ids that a dictionary lacks are gathered per block, each once, in order of
//              first appearance; then the blocks hand them over in their order, users on one thread and items on
//              another; then all blocks write their rows to the columns in parallel.
// Deviations   No table partitioned by hash: partitions cost a pass that moves every id, known or not. Here a known id,
//              as nearly all are after the first rounds, costs one look-up and nothing else. Rounds begin small and
//              double, so that few ids are met before they are known.
// Complexity   O(ids) time, of which only the first appearance in each block is sequential.
// Determinism  The index of an id is its rank by first appearance: the same for any blocks, rounds and threads.
// Checked by   tests/unit/event_block_test.cpp against EventLogBuilder::Append.
#ifndef WAYPOST_EVENT_EVENT_BLOCK_HPP_
#define WAYPOST_EVENT_EVENT_BLOCK_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/id_dictionary.hpp"

namespace waypost::internal {

inline constexpr std::size_t kMostBlocksInRound = 32;  // their rows and texts are held at once

// The ids of one column of one block.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class BlockIds {
 public:
  // Looks `ids` up. Those unknown are numbered by Add.
  // Lifetime  the texts must live until Add.
  void Find(const IdDictionaryBuilder& dictionary, std::span<const std::string_view> ids);

  // Adds the ids that Find did not know.
  absl::Status Add(IdDictionaryBuilder& dictionary);

  // Writes the index of every id.
  // Requires  Add was called since Find.
  void Write(std::uint32_t* target) const {
    std::copy(indices_.begin(), indices_.end(), target);
    for (const Later& later : later_) target[later.row] = fresh_[later.fresh].index;
  }

 private:
  struct Fresh {
    std::string_view id;
    std::uint64_t hash;
    std::uint32_t index;
  };
  struct Later {
    std::uint32_t row;
    std::uint32_t fresh;
  };

  std::uint32_t FindFresh(std::string_view id, std::uint64_t hash);
  void GrowSlots();

  std::vector<std::uint32_t> indices_;
  std::vector<Fresh> fresh_;          // the distinct ids that the dictionary lacks, in order of first appearance
  std::vector<Later> later_;          // the rows that hold them
  std::vector<std::uint32_t> slots_;  // open addressing: position in fresh_, or kEmptySlot
};

// A run of events, filled by a reader, whose texts live elsewhere until Commit.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class EventBlock {
 public:
  static constexpr std::size_t kMostRows = std::numeric_limits<std::uint32_t>::max();

  // The columns. `users` and `items` are as long as the block and valid ids; each of the others is as long, or empty:
  // then every event has `kind`, no value, no time.
  std::vector<std::string_view> users;
  std::vector<std::string_view> items;
  std::uint16_t kind = kView;
  std::vector<std::uint16_t> kinds;
  std::vector<float> values;           // finite, or NaN: none
  std::vector<std::int64_t> times_us;  // kNoTime: none

  std::size_t size() const { return users.size(); }
  // Makes room for `count` numbers as texts; those kept before are forgotten.
  void ReserveNumbers(std::size_t count) {
    numbers_.clear();
    numbers_.reserve(count * kMostNumberBytes);
  }
  // Returns the decimal text of a number.
  // Requires  there is room for it.
  // Lifetime  the text lives until the next ReserveNumbers.
  template <typename Number>
  std::string_view KeepNumber(Number number) {
    const std::size_t begin = numbers_.size();
    assert(begin + kMostNumberBytes <= numbers_.capacity());
    numbers_.resize(begin + kMostNumberBytes);
    char* const text = numbers_.data() + begin;
    const char* const end = std::to_chars(text, text + kMostNumberBytes, number).ptr;
    numbers_.resize(begin + static_cast<std::size_t>(end - text));
    return {text, static_cast<std::size_t>(end - text)};
  }

  void Clear() {
    users.clear();
    items.clear();
    kinds.clear();
    values.clear();
    times_us.clear();
  }

  // Appends one event.
  // Requires  EventLogBuilder::Validate(event) is ok.
  void Append(const Event& event);

  // Looks the ids up in the log, which does not change.
  void Resolve(const EventLogBuilder& log);

  // Appends the events of `blocks` to the log.
  // Requires  Resolve was called on each since the log last changed.
  // Errors    kResourceExhausted: too many ids. The log is then without use.
  static absl::Status Commit(std::span<EventBlock> blocks, const Parallelism& parallelism, EventLogBuilder& log);

 private:
  template <typename T>
  static std::optional<T> Constant(const std::vector<T>& cells, T otherwise);

  template <typename T>
  static void Extend(std::span<EventBlock> blocks, std::span<const std::size_t> offsets, const Parallelism& parallelism,
                     std::vector<T> EventBlock::*cells, std::optional<T> EventBlock::*constant,
                     CompactColumn<T>& column);

  static constexpr std::size_t kMostNumberBytes = 20;  // of a 64-bit integer

  std::vector<char> numbers_;
  BlockIds user_ids_;
  BlockIds item_ids_;
  std::optional<std::uint16_t> one_kind_;  // what all cells hold, if they hold one thing
  std::optional<float> one_value_;
  std::optional<std::int64_t> one_time_;
};

// Appends `count` events to the log: `fill(begin, end, block)` writes those of [begin, end) to a block that is empty;
// it runs in parallel.
// Errors  those of the first events for which `fill` fails, in the order of events; kResourceExhausted: too many ids.
template <typename Fill>
absl::Status AppendInBlocks(std::size_t count, std::size_t block_rows, const Parallelism& parallelism,
                            EventLogBuilder& log, const Fill& fill) {
  std::vector<EventBlock> blocks(std::min(kMostBlocksInRound, (count + block_rows - 1) / block_rows));
  std::vector<absl::Status> statuses(blocks.size());
  std::size_t done = 0;
  for (std::size_t in_round = 1; done < count; in_round = std::min(2 * in_round, blocks.size())) {
    const std::size_t round = std::min(count - done, in_round * block_rows);
    ForEachBlock(parallelism, round, block_rows, [&](std::size_t begin, std::size_t end, std::size_t block) {
      blocks[block].Clear();
      statuses[block] = fill(done + begin, done + end, blocks[block]);
      if (statuses[block].ok()) blocks[block].Resolve(log);
    });
    const std::size_t used = (round + block_rows - 1) / block_rows;
    for (std::size_t block = 0; block < used; ++block) WAYPOST_RETURN_IF_ERROR(statuses[block]);
    WAYPOST_RETURN_IF_ERROR(EventBlock::Commit(std::span(blocks).first(used), parallelism, log));
    done += round;
  }
  return absl::OkStatus();
}

inline void BlockIds::Find(const IdDictionaryBuilder& dictionary, std::span<const std::string_view> ids) {
  constexpr std::size_t kAtOnce = IdDictionaryBuilder::kFindAtOnce;
  std::array<std::uint64_t, kAtOnce> hashes = {};
  indices_.resize(ids.size());
  fresh_.clear();
  later_.clear();
  std::fill(slots_.begin(), slots_.end(), kEmptySlot);
  for (std::size_t begin = 0; begin < ids.size(); begin += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, ids.size() - begin);
    dictionary.FindMany(ids.subspan(begin, count), hashes.data(), indices_.data() + begin);
    for (std::size_t n = 0; n < count; ++n)
      if (indices_[begin + n] == kEmptySlot)
        later_.push_back({static_cast<std::uint32_t>(begin + n), FindFresh(ids[begin + n], hashes[n])});
  }
}

inline std::uint32_t BlockIds::FindFresh(std::string_view id, std::uint64_t hash) {
  if (2 * (fresh_.size() + 1) > slots_.size()) GrowSlots();
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  for (; slots_[slot] != kEmptySlot; slot = (slot + 1) & mask) {
    const Fresh& held = fresh_[slots_[slot]];
    if (held.hash == hash && held.id == id) return slots_[slot];
  }
  slots_[slot] = static_cast<std::uint32_t>(fresh_.size());
  fresh_.push_back({id, hash, kEmptySlot});
  return slots_[slot];
}

inline void BlockIds::GrowSlots() {
  slots_.assign(std::max<std::size_t>(64, 2 * slots_.size()), kEmptySlot);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t n = 0; n < fresh_.size(); ++n) {
    std::size_t slot = fresh_[n].hash & mask;
    while (slots_[slot] != kEmptySlot) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(n);
  }
}

inline absl::Status BlockIds::Add(IdDictionaryBuilder& dictionary) {
  constexpr std::size_t kAhead = 16;
  for (std::size_t n = 0; n < fresh_.size(); ++n) {
    if (n + kAhead < fresh_.size()) dictionary.Prefetch(fresh_[n + kAhead].hash);
    WAYPOST_ASSIGN_OR_RETURN(fresh_[n].index, dictionary.Add(fresh_[n].id, fresh_[n].hash));
  }
  return absl::OkStatus();
}

inline void EventBlock::Append(const Event& event) {
  const std::size_t row = size();
  // A column of optional facts begins with the first event that has the fact.
  if (event.kind != kind && kinds.empty()) kinds.assign(row, kind);
  if (event.value && values.empty()) values.assign(row, std::numeric_limits<float>::quiet_NaN());
  if (event.time_us && times_us.empty()) times_us.assign(row, kNoTime);
  if (event.kind != kind || !kinds.empty()) kinds.push_back(event.kind);
  if (event.value || !values.empty()) values.push_back(event.value.value_or(std::numeric_limits<float>::quiet_NaN()));
  if (event.time_us || !times_us.empty()) times_us.push_back(event.time_us.value_or(kNoTime));
  users.push_back(event.user);
  items.push_back(event.item);
}

template <typename T>
std::optional<T> EventBlock::Constant(const std::vector<T>& cells, T otherwise) {
  if (cells.empty()) return otherwise;
  for (const T cell : cells)
    if (!CompactColumn<T>::SameBits(cell, cells[0])) return std::nullopt;
  return cells[0];
}

inline void EventBlock::Resolve(const EventLogBuilder& log) {
  user_ids_.Find(log.users_, users);
  item_ids_.Find(log.items_, items);
  one_kind_ = Constant(kinds, kind);
  one_value_ = Constant(values, std::numeric_limits<float>::quiet_NaN());
  one_time_ = Constant(times_us, kNoTime);
}

template <typename T>
void EventBlock::Extend(std::span<EventBlock> blocks, std::span<const std::size_t> offsets,
                        const Parallelism& parallelism, std::vector<T> EventBlock::*cells,
                        std::optional<T> EventBlock::*constant, CompactColumn<T>& column) {
  std::optional<T> all;  // what all rows hold, if they hold one thing
  bool differ = false;
  for (const EventBlock& block : blocks) {
    if (block.size() == 0) continue;
    const std::optional<T>& one = block.*constant;
    differ = differ || !one || (all && !CompactColumn<T>::SameBits(*all, *one)) || !column.CouldStayConstant(*one);
    all = one;
  }
  if (!all && !differ) return;
  if (!differ) return column.ExtendBy(offsets.back(), *all);
  T* const target = column.Extend(offsets.back());
  ForEachBlock(parallelism, blocks.size(), 1, [&](std::size_t b, std::size_t, std::size_t) {
    const EventBlock& block = blocks[b];
    if (block.*constant) {
      std::fill_n(target + offsets[b], block.size(), *(block.*constant));
    } else {
      std::copy((block.*cells).begin(), (block.*cells).end(), target + offsets[b]);
    }
  });
}

inline absl::Status EventBlock::Commit(std::span<EventBlock> blocks, const Parallelism& parallelism,
                                       EventLogBuilder& log) {
  std::array<absl::Status, 2> added;
  ForEachBlock(parallelism, 2, 1, [&](std::size_t side, std::size_t, std::size_t) {
    for (EventBlock& block : blocks)
      if (added[side].ok()) added[side] = side == 0 ? block.user_ids_.Add(log.users_) : block.item_ids_.Add(log.items_);
  });
  for (const absl::Status& status : added) WAYPOST_RETURN_IF_ERROR(status);
  std::vector<std::size_t> offsets = {0};
  for (const EventBlock& block : blocks) offsets.push_back(offsets.back() + block.size());
  EventColumns& columns = log.columns_;
  const std::size_t first = columns.users.size();
  columns.users.Resize(first + offsets.back());
  columns.items.Resize(first + offsets.back());
  ForEachBlock(parallelism, blocks.size(), 1, [&](std::size_t b, std::size_t, std::size_t) {
    blocks[b].user_ids_.Write(columns.users.data() + first + offsets[b]);
    blocks[b].item_ids_.Write(columns.items.data() + first + offsets[b]);
  });
  Extend(blocks, offsets, parallelism, &EventBlock::kinds, &EventBlock::one_kind_, columns.kinds);
  Extend(blocks, offsets, parallelism, &EventBlock::values, &EventBlock::one_value_, columns.values);
  Extend(blocks, offsets, parallelism, &EventBlock::times_us, &EventBlock::one_time_, columns.times_us);
  return absl::OkStatus();
}

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_EVENT_BLOCK_HPP_
