// store/chunk.hpp - a run of events as they came: plain columns, one value under its first row.
#ifndef WAYPOST_SRC_STORE_CHUNK_HPP_
#define WAYPOST_SRC_STORE_CHUNK_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/store/records.hpp"

#include "store/records_codec.hpp"
#include "store/rows.hpp"

namespace waypost::store {

inline constexpr std::size_t kMaxChunkRows = 16384;
// Where the last chunk and what comes have at most so many rows together, they become one.
inline constexpr std::size_t kOpenChunkRows = 1024;

// The bytes of a chunk of these events.
// Requires  events.rows is empty: a chunk has no holes.
std::size_t ChunkBytes(const RowsView& events);
// Writes it to `target`, which has ChunkBytes().
void WriteChunk(const RowsView& events, std::span<std::byte> target);

// A chunk where it lies.
//
// Immutable: safe to use from any number of threads.
class ChunkView {
 public:
  // Checks the header against the key and the size; Verify checks every byte.
  // Errors  kDataLoss.
  static absl::StatusOr<ChunkView> Open(std::uint64_t key, Bytes value);
  absl::Status Verify() const;

  std::uint64_t first_row() const { return first_row_; }
  std::uint64_t end_row() const { return first_row_ + count_; }
  std::size_t size() const { return count_; }

  // What all cells of a column are, if they are one thing.
  std::optional<std::uint16_t> one_kind() const { return kinds_ == nullptr ? std::optional(kind_) : std::nullopt; }
  std::optional<float> one_value() const { return values_ == nullptr ? std::optional(value_) : std::nullopt; }
  std::optional<std::int64_t> one_time() const { return times_ == nullptr ? std::optional(time_) : std::nullopt; }

  std::uint32_t user(std::size_t n) const { return LoadAt<std::uint32_t>(users_ + 4 * n); }
  std::uint32_t item(std::size_t n) const { return LoadAt<std::uint32_t>(items_ + 4 * n); }
  std::uint16_t kind(std::size_t n) const { return kinds_ == nullptr ? kind_ : LoadAt<std::uint16_t>(kinds_ + 2 * n); }
  float value(std::size_t n) const { return values_ == nullptr ? value_ : LoadAt<float>(values_ + 4 * n); }
  std::int64_t time_us(std::size_t n) const { return times_ == nullptr ? time_ : LoadAt<std::int64_t>(times_ + 8 * n); }

  // Appends the events of one user.
  void History(std::uint32_t user, std::vector<StoredEvent>& events) const;
  // Writes rows [from, to), counted from the first, to the front of `target`.
  void Decode(std::size_t from, std::size_t to, const RowsTarget& target) const;

 private:
  Bytes all_;
  std::uint64_t first_row_ = 0;
  std::size_t count_ = 0;
  const std::byte* users_ = nullptr;
  const std::byte* items_ = nullptr;
  const std::byte* kinds_ = nullptr;  // null: all are kind_
  const std::byte* values_ = nullptr;
  const std::byte* times_ = nullptr;
  std::uint16_t kind_ = kView;
  float value_ = 0;
  std::int64_t time_ = kNoTime;
};

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_CHUNK_HPP_
