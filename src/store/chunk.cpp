#include "store/chunk.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "waypost/base/checksum.hpp"

namespace waypost::store {
namespace {

// What the columns are.
enum Columns : std::uint32_t {  // on disk: do not change
  kHasKinds = 1,                // of format 1.0: which are there; the others are one value
  kHasValues = 2,
  kHasTimes = 4,
  kInPlanes = 8,  // alone: widths tell the rest
};

constexpr std::size_t kPlainHeaderBytes = kChecksumBytes + offsetof(ChunkHeader, time_unit);  // of format 1.0
constexpr std::size_t kHeaderBytes = kChecksumBytes + sizeof(ChunkHeader);
constexpr std::size_t kMaxValues = 256;

std::uint8_t BytesFor(std::uint64_t largest) {
  return static_cast<std::uint8_t>((std::bit_width(largest) + 7) / 8);
}

std::uint8_t BytesFor(std::span<const std::uint32_t> indices) {
  std::uint32_t all = 0;
  for (const std::uint32_t index : indices) all |= index;
  return std::max<std::uint8_t>(2, BytesFor(all));
}

std::size_t RowBytes(const ChunkHeader& header) {
  return std::size_t{header.user_bytes} + header.item_bytes + header.time_bytes + header.value_bytes +
         header.kind_bytes;
}

absl::Status HeaderError(std::uint64_t key) {
  return absl::DataLossError(absl::StrCat("chunk ", key, ": want a header that agrees with its size, got another"));
}

}  // namespace

ChunkWriter::ChunkWriter(const RowsView& events) : events_(events) {
  assert(events.rows.empty() && events.size() > 0 && events.size() <= kMaxChunkRows);
  header_.first_row = events.first_row;
  header_.count = static_cast<std::uint32_t>(events.size());
  header_.columns = kInPlanes;
  header_.time = events.times_us.constant;
  header_.value = events.values.constant;
  header_.kind = events.kinds.constant;
  header_.user_bytes = BytesFor(events.users);
  header_.item_bytes = BytesFor(events.items);
  std::uint16_t kinds = 0;
  for (const std::uint16_t kind : events.kinds.cells) kinds |= kind;
  header_.kind_bytes = BytesFor(kinds);
  TakeTimes();
  TakeValues();
}

void ChunkWriter::TakeTimes() {
  const std::span<const std::int64_t> cells = events_.times_us.cells;
  if (cells.empty()) return;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t most = kNoTime;
  for (const std::int64_t time : cells) {
    least = time == kNoTime ? least : std::min(least, time);
    most = std::max(most, time);
  }
  const auto base = static_cast<std::uint64_t>(least);
  times_.resize(cells.size());
  // By a unit that the compiler knows: it divides by multiplying.
  const auto take = [&]<std::uint64_t kUnit>() {
    constexpr std::size_t kBlock = 64;
    for (std::size_t begin = 0; begin < cells.size(); begin += kBlock) {
      bool whole = true;
      for (std::size_t n = begin; n < std::min(cells.size(), begin + kBlock); ++n) {
        const std::uint64_t since = cells[n] == kNoTime ? 0 : static_cast<std::uint64_t>(cells[n]) - base;
        const std::uint64_t units = since / kUnit;
        whole &= units * kUnit == since;
        times_[n] = cells[n] == kNoTime ? 0 : units + 1;
      }
      if (!whole) return false;
    }
    header_.time_unit = kUnit;
    return true;
  };
  if (!take.template operator()<1'000'000>() && !take.template operator()<1000>()) take.template operator()<1>();
  header_.time = least;
  header_.time_bytes = BytesFor((static_cast<std::uint64_t>(most) - base) / header_.time_unit + 1);
}

void ChunkWriter::TakeValues() {
  const std::span<const float> cells = events_.values.cells;
  if (cells.empty()) return;
  constexpr std::size_t kSlots = 2 * kMaxValues;
  std::array<std::uint16_t, kSlots> slots = {};  // one more than the place among the distinct; 0: free
  std::array<std::uint32_t, kMaxValues> distinct;
  std::uint16_t count = 0;
  values_.resize(cells.size());
  header_.value_bytes = 1;
  for (std::size_t n = 0; n < cells.size(); ++n) {
    const auto bits = std::bit_cast<std::uint32_t>(cells[n]);
    std::size_t slot = (bits * 0x9E3779B1u) >> 23;  // Fibonacci hashing to 9 bits
    while (slots[slot] != 0 && distinct[slots[slot] - 1u] != bits) slot = (slot + 1) % kSlots;
    if (slots[slot] == 0) {
      if (count == kMaxValues) {
        header_.value_bytes = 4;
        return;
      }
      distinct[count++] = bits;
      slots[slot] = count;
    }
    values_[n] = static_cast<std::uint8_t>(slots[slot] - 1u);
  }
  header_.value_count = count;
  distinct_.assign(distinct.begin(), distinct.begin() + count);
}

std::size_t ChunkWriter::bytes() const {
  return kHeaderBytes + sizeof(float) * distinct_.size() + events_.size() * RowBytes(header_);
}

void ChunkWriter::Write(std::span<std::byte> target) const {
  assert(target.size() == bytes());
  const std::size_t count = events_.size();
  std::memcpy(target.data() + kChecksumBytes, &header_, sizeof(header_));
  std::byte* at = target.data() + kHeaderBytes;
  if (!distinct_.empty()) std::memcpy(at, distinct_.data(), sizeof(float) * distinct_.size());
  at += sizeof(float) * distinct_.size();
  // By pointers of their own: what is written could otherwise be the members that are read.
  const auto put = [&]<typename T>(const T* cells, std::uint8_t width) {
    at = PutPlanes(at, count, width, [cells](std::size_t n) { return cells[n]; });
  };
  put(events_.users.data(), header_.user_bytes);
  put(events_.items.data(), header_.item_bytes);
  put(times_.data(), header_.time_bytes);
  if (header_.value_bytes == 4) {
    const float* const values = events_.values.cells.data();
    at = PutPlanes(at, count, 4, [values](std::size_t n) { return std::bit_cast<std::uint32_t>(values[n]); });
  } else {
    put(values_.data(), header_.value_bytes);
  }
  put(events_.kinds.cells.data(), header_.kind_bytes);
  const std::uint64_t sum = Checksum(target.subspan(kChecksumBytes), static_cast<std::uint64_t>(Table::kChunks));
  std::memcpy(target.data(), &sum, kChecksumBytes);
}

bool ChunkView::in_planes() const {
  return header_.columns == kInPlanes;
}

absl::StatusOr<ChunkView> ChunkView::Open(std::uint64_t key, Bytes value) {
  ChunkView chunk;
  ChunkHeader& header = chunk.header_;
  if (value.size() < kPlainHeaderBytes)
    return absl::DataLossError(absl::StrCat("chunk ", key, ": want a header, got ", value.size(), " bytes"));
  std::memcpy(&header, value.data() + kChecksumBytes, std::min(sizeof(header), value.size() - kChecksumBytes));
  chunk.all_ = value;
  std::size_t header_bytes = kHeaderBytes;
  if (header.columns < kInPlanes) {
    header_bytes = kPlainHeaderBytes;
    header.value_count = 0;
    header.user_bytes = 4;
    header.item_bytes = 4;
    header.time_bytes = (header.columns & kHasTimes) != 0 ? 8 : 0;
    header.value_bytes = (header.columns & kHasValues) != 0 ? 4 : 0;
    header.kind_bytes = (header.columns & kHasKinds) != 0 ? 2 : 0;
  } else if (value.size() < kHeaderBytes || !chunk.in_planes() || header.user_bytes < 2 || header.user_bytes > 4 ||
             header.item_bytes < 2 || header.item_bytes > 4 || header.time_bytes > 8 || header.kind_bytes > 2 ||
             (header.value_bytes != 0 && header.value_bytes != 1 && header.value_bytes != 4) ||
             header.value_count > kMaxValues || (header.value_bytes == 1) != (header.value_count > 0)) {
    return HeaderError(key);
  }
  const std::size_t values_bytes = sizeof(float) * header.value_count;
  const std::size_t count = header.count;
  if (header.first_row != key || count == 0 ||
      header_bytes + values_bytes + std::uint64_t{count} * RowBytes(header) != value.size())
    return HeaderError(key);
  chunk.distinct_ = value.data() + header_bytes;
  const std::byte* at = chunk.distinct_ + values_bytes;
  const auto take = [&](std::uint8_t width) {
    at += width * count;
    return Planes{at - width * count, count, width};
  };
  if (!chunk.in_planes()) chunk.times_ = take(header.time_bytes);
  chunk.users_ = take(header.user_bytes);
  chunk.items_ = take(header.item_bytes);
  if (chunk.in_planes()) chunk.times_ = take(header.time_bytes);
  chunk.values_ = take(header.value_bytes);
  chunk.kinds_ = take(header.kind_bytes);
  return chunk;
}

absl::Status ChunkView::Verify() const {
  return ChecksumHolds(Table::kChunks, all_) ? absl::OkStatus() : ChecksumError(Table::kChunks);
}

void ChunkView::History(std::uint32_t wanted, std::vector<StoredEvent>& events) const {
  constexpr std::size_t kBlock = 128;
  // Whether any row of a block may be the user's. No branch for each: the compiler makes vectors of it.
  const auto any_in = [&]<typename T>(std::size_t begin, std::size_t end, T cell) {
    T any = 0;
    for (std::size_t n = begin; n < end; ++n) any |= static_cast<T>(LoadAt<T>(users_.at + sizeof(T) * n) == cell);
    return any != 0;
  };
  for (std::size_t begin = 0; begin < size(); begin += kBlock) {
    const std::size_t end = std::min(size(), begin + kBlock);
    if (!(in_planes() ? any_in(begin, end, static_cast<std::uint16_t>(wanted)) : any_in(begin, end, wanted))) continue;
    for (std::size_t n = begin; n < end; ++n)
      if (user(n) == wanted) events.push_back({ItemIndex{item(n)}, kind(n), value(n), time_us(n)});
  }
}

template <typename T>
void ChunkView::Copy(const Planes& column, std::size_t from, std::size_t count, T* target) const {
  if (in_planes()) {
    column.Decode(from, count, target);
  } else {
    std::memcpy(target, column.at + sizeof(T) * from, sizeof(T) * count);
  }
}

void ChunkView::Decode(std::size_t from, std::size_t to, const RowsTarget& target) const {
  const std::size_t count = to - from;
  if (count == 0) return;
  if (target.rows != nullptr)
    for (std::size_t n = 0; n < count; ++n) target.rows[n] = first_row() + from + n;
  if (target.users != nullptr) Copy(users_, from, count, target.users);
  if (target.items != nullptr) Copy(items_, from, count, target.items);
  if (target.kinds != nullptr) {
    if (kinds_.width == 0) {
      std::fill_n(target.kinds, count, header_.kind);
    } else {
      Copy(kinds_, from, count, target.kinds);
    }
  }
  if (target.values != nullptr) DecodeValues(from, count, target.values);
  if (target.times_us != nullptr) DecodeTimes(from, count, target.times_us);
}

void ChunkView::DecodeValues(std::size_t from, std::size_t count, float* target) const {
  if (values_.width == 0) {
    std::fill_n(target, count, header_.value);
  } else if (values_.width == 1) {
    std::array<float, kMaxValues> values;  // one for every cell there can be: no branch
    values.fill(std::numeric_limits<float>::quiet_NaN());
    std::memcpy(values.data(), distinct_, sizeof(float) * header_.value_count);
    for (std::size_t n = 0; n < count; ++n) target[n] = values[LoadAt<std::uint8_t>(values_.at + from + n)];
  } else if (!in_planes()) {
    std::memcpy(target, values_.at + sizeof(float) * from, sizeof(float) * count);
  } else {
    std::array<std::uint32_t, 256> cells;
    for (std::size_t done = 0; done < count; done += cells.size()) {
      const std::size_t size = std::min(cells.size(), count - done);
      values_.Decode(from + done, size, cells.data());
      std::memcpy(target + done, cells.data(), sizeof(float) * size);
    }
  }
}

void ChunkView::DecodeTimes(std::size_t from, std::size_t count, std::int64_t* target) const {
  if (times_.width == 0) return void(std::fill_n(target, count, header_.time));
  if (!in_planes()) return Copy(times_, from, count, target);
  const auto base = static_cast<std::uint64_t>(header_.time);
  const std::uint64_t unit = header_.time_unit;
  std::array<std::uint64_t, 256> cells;
  for (std::size_t done = 0; done < count; done += cells.size()) {
    const std::size_t size = std::min(cells.size(), count - done);
    times_.Decode(from + done, size, cells.data());
    for (std::size_t n = 0; n < size; ++n)
      target[done + n] = cells[n] == 0 ? kNoTime : static_cast<std::int64_t>(base + (cells[n] - 1) * unit);
  }
}

}  // namespace waypost::store
