// store/chunk.hpp - a run of events as they came: columns cut to the bytes they need, one value under its first row.
#ifndef WAYPOST_SRC_STORE_CHUNK_HPP_
#define WAYPOST_SRC_STORE_CHUNK_HPP_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/store/records.hpp"

#include "store/planes.hpp"
#include "store/records_codec.hpp"
#include "store/rows.hpp"

namespace waypost::store {

inline constexpr std::size_t kMaxChunkRows = 16384;
// Where the last chunk and what comes have at most so many rows together, they become one.
inline constexpr std::size_t kOpenChunkRows = 1024;

// What stands before the columns of a chunk, after its checksum.
struct ChunkHeader {  // on disk: do not change
  std::uint64_t first_row = 0;
  std::uint32_t count = 0;
  std::uint32_t columns = 0;
  std::int64_t time = kNoTime;  // the earliest; with a width of 0 that of all
  float value = 0;              // of all, with a width of 0
  std::uint16_t kind = kView;   // likewise
  std::uint16_t zero = 0;
  std::uint64_t time_unit = 1;  // from here on with kInPlanes alone
  std::uint16_t value_count = 0;
  std::uint8_t user_bytes = 0;
  std::uint8_t item_bytes = 0;
  std::uint8_t time_bytes = 0;
  std::uint8_t value_bytes = 0;
  std::uint8_t kind_bytes = 0;
  std::uint8_t zero_byte = 0;
};
static_assert(sizeof(ChunkHeader) == 48);

// A chunk on its way into the store.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class ChunkWriter {
 public:
  // Requires  events.rows is empty: a chunk has no holes; 1 to kMaxChunkRows events.
  // Lifetime  borrows the events.
  explicit ChunkWriter(const RowsView& events);

  std::size_t bytes() const;
  // Writes it to `target`, which has bytes().
  void Write(std::span<std::byte> target) const;

 private:
  void TakeTimes();
  void TakeValues();

  RowsView events_;
  ChunkHeader header_;
  std::vector<std::uint64_t> times_;     // cells
  std::vector<std::uint32_t> distinct_;  // values by their bits
  std::vector<std::uint8_t> values_;     // which of them
};

// A chunk where it lies.
//
// Immutable: safe to use from any number of threads.
class ChunkView {
 public:
  // Checks the header against the key and the size; Verify checks every byte.
  // Errors  kDataLoss.
  static absl::StatusOr<ChunkView> Open(std::uint64_t key, Bytes value);
  absl::Status Verify() const;

  std::uint64_t first_row() const { return header_.first_row; }
  std::uint64_t end_row() const { return header_.first_row + size(); }
  std::size_t size() const { return header_.count; }

  // What all cells of a column are, if they are one thing.
  std::optional<std::uint16_t> one_kind() const {
    return kinds_.width == 0 ? std::optional(header_.kind) : std::nullopt;
  }
  std::optional<float> one_value() const { return values_.width == 0 ? std::optional(header_.value) : std::nullopt; }
  std::optional<std::int64_t> one_time() const {
    return times_.width == 0 ? std::optional(header_.time) : std::nullopt;
  }

  std::uint32_t user(std::size_t n) const { return static_cast<std::uint32_t>(Cell<std::uint32_t>(users_, n)); }
  std::uint32_t item(std::size_t n) const { return static_cast<std::uint32_t>(Cell<std::uint32_t>(items_, n)); }
  std::uint16_t kind(std::size_t n) const {
    return kinds_.width == 0 ? header_.kind : static_cast<std::uint16_t>(Cell<std::uint16_t>(kinds_, n));
  }
  float value(std::size_t n) const {
    return values_.width == 0 ? header_.value : ValueOf(static_cast<std::uint32_t>(Cell<std::uint32_t>(values_, n)));
  }
  std::int64_t time_us(std::size_t n) const {
    return times_.width == 0 ? header_.time : TimeOf(Cell<std::uint64_t>(times_, n));
  }

  // Appends the events of one user.
  void History(std::uint32_t user, std::vector<StoredEvent>& events) const;
  // Writes rows [from, to), counted from the first, to the front of `target`.
  void Decode(std::size_t from, std::size_t to, const RowsTarget& target) const;

 private:
  bool in_planes() const;
  // Format 1.0 has the cells of a column side by side, as they are.
  template <typename T>
  std::uint64_t Cell(const Planes& column, std::size_t n) const {
    return in_planes() ? column[n] : std::uint64_t{LoadAt<T>(column.at + sizeof(T) * n)};
  }
  template <typename T>
  void Copy(const Planes& column, std::size_t from, std::size_t count, T* target) const;
  void DecodeValues(std::size_t from, std::size_t count, float* target) const;
  void DecodeTimes(std::size_t from, std::size_t count, std::int64_t* target) const;

  float ValueOf(std::uint32_t cell) const {
    if (values_.width != 1) return std::bit_cast<float>(cell);
    if (cell >= header_.value_count) return std::numeric_limits<float>::quiet_NaN();  // damaged
    return LoadAt<float>(distinct_ + sizeof(float) * cell);
  }
  std::int64_t TimeOf(std::uint64_t cell) const {
    if (!in_planes()) return static_cast<std::int64_t>(cell);
    return cell == 0
               ? kNoTime
               : static_cast<std::int64_t>(static_cast<std::uint64_t>(header_.time) + (cell - 1) * header_.time_unit);
  }

  Bytes all_;
  ChunkHeader header_;
  const std::byte* distinct_ = nullptr;
  Planes users_;
  Planes items_;
  Planes times_;
  Planes values_;
  Planes kinds_;
};

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_CHUNK_HPP_
