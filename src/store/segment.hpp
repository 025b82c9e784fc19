// store/segment.hpp - sealed events: user by user, packed, one large value that is read in place.
//
// (1) A segment accounts for the rows [first_row, end_row); of rows that were compacted away it holds nothing.
// (2) Events stand by user, those of one user by row. Users of the segment are a dense range with an offset each, or,
//     where that is smaller, an ascending list with offsets beside it.
// (3) A cell takes as many whole bytes as the largest of its column needs. A time counts units from the earliest (the
//     unit divides all differences), plus one; zero: none. A value is a position in a list of at most 256 values, or
//     itself. A column of one value takes nothing.
// (4) Behind the last column stand 8 bytes of zero, so that every cell can be read as 8 bytes.
#ifndef WAYPOST_SRC_STORE_SEGMENT_HPP_
#define WAYPOST_SRC_STORE_SEGMENT_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/store/records.hpp"

#include "store/records_codec.hpp"
#include "store/rows.hpp"

namespace waypost::store {

// The most events of a segment: their order takes 3 bytes.
inline constexpr std::size_t kMaxSegmentRows = std::size_t{1} << 22;

// Packs events. Requires  events is not empty and has at most kMaxSegmentRows; end_row - first_row < 2^32.
// Cost      O(events) time; 40 bytes an event of memory beside the result.
std::vector<std::byte> BuildSegment(const RowsView& events);

struct SegmentHeader {
  std::uint64_t body_checksum = 0;
  std::uint64_t first_row = 0;
  std::uint64_t end_row = 0;
  std::int64_t time_base = kNoTime;  // or the one time of all
  std::uint64_t time_unit = 1;
  std::uint32_t count = 0;
  std::uint32_t first_user = 0;
  std::uint32_t user_slots = 0;  // of the dense range, or of the list
  std::uint32_t value_count = 0;
  float value = 0;  // of all
  std::uint16_t kind = kView;
  std::uint8_t listed_users = 0;  // 1: a list
  std::uint8_t order_bytes = 0;   // 0: the order is the order of users
  std::uint8_t item_bytes = 0;
  std::uint8_t time_bytes = 0;
  std::uint8_t value_bytes = 0;  // 0, 1: a position, 4
  std::uint8_t kind_bytes = 0;
  std::uint32_t zero = 0;
};
static_assert(sizeof(SegmentHeader) == 72);

// A segment where it lies. What a damaged one says is cut to its bounds: no read goes beyond the value.
//
// Immutable: safe to use from any number of threads.
class SegmentView {
 public:
  // Checks the header against its checksum, the key and the size; Verify checks every byte.
  // Errors  kDataLoss.
  static absl::StatusOr<SegmentView> Open(std::uint64_t key, Bytes value);
  absl::Status Verify() const;

  std::uint64_t first_row() const { return header_.first_row; }
  std::uint64_t end_row() const { return header_.end_row; }
  std::size_t size() const { return header_.count; }
  // What all cells of a column are, if they are one thing.
  std::optional<std::uint16_t> one_kind() const {
    return header_.kind_bytes == 0 ? std::optional(header_.kind) : std::nullopt;
  }
  std::optional<float> one_value() const {
    return header_.value_bytes == 0 ? std::optional(header_.value) : std::nullopt;
  }
  std::optional<std::int64_t> one_time() const {
    return header_.time_bytes == 0 ? std::optional(header_.time_base) : std::nullopt;
  }

  // Appends the events of one user.
  void History(std::uint32_t user, std::vector<StoredEvent>& events) const;

  // Writes all events in the order of rows to the front of `target`.
  // Errors  kDataLoss: an order that is none.
  absl::Status Decode(const RowsTarget& target) const;
  // Appends the events of rows [first, last).
  void DecodeRange(std::uint64_t first, std::uint64_t last, Rows& rows) const;

 private:
  std::pair<std::size_t, std::size_t> Range(std::uint32_t user) const;  // positions of a user's events
  std::uint32_t offset(std::size_t slot) const;
  std::uint32_t user_at(std::size_t slot) const;
  template <typename Visit>
  void ForEachUser(const Visit& visit) const;  // visit(user, begin, end)

  std::uint64_t order(std::size_t n) const;
  std::uint32_t item(std::size_t n) const;
  std::uint16_t kind(std::size_t n) const;
  float value(std::size_t n) const;
  std::int64_t time_us(std::size_t n) const;

  SegmentHeader header_;
  Bytes all_;
  const std::byte* users_ = nullptr;  // of a list
  const std::byte* offsets_ = nullptr;
  const std::byte* values_list_ = nullptr;
  const std::byte* orders_ = nullptr;
  const std::byte* items_ = nullptr;
  const std::byte* times_ = nullptr;
  const std::byte* values_ = nullptr;
  const std::byte* kinds_ = nullptr;
};

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_SEGMENT_HPP_
