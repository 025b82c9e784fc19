#include "store/chunk.hpp"

#include <algorithm>
#include <cassert>

#include "waypost/base/checksum.hpp"

namespace waypost::store {
namespace {

// Which columns are there; the others are one value.
enum Columns : std::uint32_t {  // on disk: do not change
  kHasKinds = 1,
  kHasValues = 2,
  kHasTimes = 4,
};

// After the checksum.
struct Header {
  std::uint64_t first_row = 0;
  std::uint32_t count = 0;
  std::uint32_t columns = 0;
  std::int64_t time = kNoTime;
  float value = 0;
  std::uint16_t kind = kView;
  std::uint16_t zero = 0;
};
static_assert(sizeof(Header) == 32);

constexpr std::size_t kHeaderBytes = kChecksumBytes + sizeof(Header);

std::size_t RowBytes(std::uint32_t columns) {
  return 8u + ((columns & kHasKinds) != 0 ? 2u : 0u) + ((columns & kHasValues) != 0 ? 4u : 0u) +
         ((columns & kHasTimes) != 0 ? 8u : 0u);
}

std::uint32_t ColumnsOf(const RowsView& events) {
  return (events.kinds.cells.empty() ? 0u : kHasKinds) | (events.values.cells.empty() ? 0u : kHasValues) |
         (events.times_us.cells.empty() ? 0u : kHasTimes);
}

template <typename T>
std::byte* Put(std::byte* at, std::span<const T> cells) {
  if (!cells.empty()) std::memcpy(at, cells.data(), cells.size_bytes());
  return at + cells.size_bytes();
}

template <typename T>
void Copy(const std::byte* cells, T constant, std::size_t from, std::size_t count, T* target) {
  if (target == nullptr || count == 0) return;
  if (cells == nullptr) {
    std::fill_n(target, count, constant);
  } else {
    std::memcpy(target, cells + sizeof(T) * from, sizeof(T) * count);
  }
}

}  // namespace

std::size_t ChunkBytes(const RowsView& events) {
  return kHeaderBytes + events.size() * RowBytes(ColumnsOf(events));
}

void WriteChunk(const RowsView& events, std::span<std::byte> target) {
  assert(events.rows.empty() && target.size() == ChunkBytes(events));
  const Header header{.first_row = events.first_row,
                      .count = static_cast<std::uint32_t>(events.size()),
                      .columns = ColumnsOf(events),
                      .time = events.times_us.constant,
                      .value = events.values.constant,
                      .kind = events.kinds.constant};
  std::memcpy(target.data() + kChecksumBytes, &header, sizeof(header));
  std::byte* at = target.data() + kHeaderBytes;
  at = Put(at, events.times_us.cells);
  at = Put(at, events.users);
  at = Put(at, events.items);
  at = Put(at, events.values.cells);
  Put(at, events.kinds.cells);
  const std::uint64_t sum = Checksum(target.subspan(kChecksumBytes), static_cast<std::uint64_t>(Table::kChunks));
  std::memcpy(target.data(), &sum, kChecksumBytes);
}

absl::StatusOr<ChunkView> ChunkView::Open(std::uint64_t key, Bytes value) {
  ChunkView chunk;
  Header header;
  if (value.size() < kHeaderBytes)
    return absl::DataLossError(absl::StrCat("chunk ", key, ": want a header, got ", value.size(), " bytes"));
  std::memcpy(&header, value.data() + kChecksumBytes, sizeof(header));
  if (header.first_row != key || header.count == 0 || header.columns > 7 ||
      (value.size() - kHeaderBytes) / RowBytes(header.columns) != header.count ||
      (value.size() - kHeaderBytes) % RowBytes(header.columns) != 0)
    return absl::DataLossError(absl::StrCat("chunk ", key, ": want a header that agrees with its size, got another"));
  chunk.all_ = value;
  chunk.first_row_ = header.first_row;
  chunk.count_ = header.count;
  chunk.kind_ = header.kind;
  chunk.value_ = header.value;
  chunk.time_ = header.time;
  const std::byte* at = value.data() + kHeaderBytes;
  const auto take = [&](std::uint32_t column, std::size_t bytes) -> const std::byte* {
    if ((header.columns & column) == 0) return nullptr;
    at += bytes * header.count;
    return at - bytes * header.count;
  };
  chunk.times_ = take(kHasTimes, 8);
  chunk.users_ = at;
  chunk.items_ = at + 4 * std::size_t{header.count};
  at += 8 * std::size_t{header.count};
  chunk.values_ = take(kHasValues, 4);
  chunk.kinds_ = take(kHasKinds, 2);
  return chunk;
}

absl::Status ChunkView::Verify() const {
  return ChecksumHolds(Table::kChunks, all_) ? absl::OkStatus() : ChecksumError(Table::kChunks);
}

void ChunkView::History(std::uint32_t wanted, std::vector<StoredEvent>& events) const {
  constexpr std::size_t kBlock = 64;
  for (std::size_t begin = 0; begin < count_; begin += kBlock) {
    const std::size_t end = std::min(count_, begin + kBlock);
    std::uint32_t any = 0;  // no branch for each: the compiler makes vectors of it
    for (std::size_t n = begin; n < end; ++n) any |= static_cast<std::uint32_t>(user(n) == wanted);
    if (any == 0) continue;
    for (std::size_t n = begin; n < end; ++n)
      if (user(n) == wanted) events.push_back({ItemIndex{item(n)}, kind(n), value(n), time_us(n)});
  }
}

void ChunkView::Decode(std::size_t from, std::size_t to, const RowsTarget& target) const {
  const std::size_t count = to - from;
  if (target.rows != nullptr)
    for (std::size_t n = 0; n < count; ++n) target.rows[n] = first_row_ + from + n;
  Copy(users_, std::uint32_t{0}, from, count, target.users);
  Copy(items_, std::uint32_t{0}, from, count, target.items);
  Copy(kinds_, kind_, from, count, target.kinds);
  Copy(values_, value_, from, count, target.values);
  Copy(times_, time_, from, count, target.times_us);
}

}  // namespace waypost::store
