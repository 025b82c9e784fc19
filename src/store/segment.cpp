#include "store/segment.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/checksum.hpp"

namespace waypost::store {
namespace {

constexpr std::size_t kPadding = 8;
constexpr std::size_t kMaxValues = 256;
constexpr std::size_t kSegmentHeaderBytes = kChecksumBytes + sizeof(SegmentHeader);

std::uint8_t BytesFor(std::uint64_t largest) {
  return static_cast<std::uint8_t>(std::max(1, (static_cast<int>(std::bit_width(largest)) + 7) / 8));
}

// A cell of `bytes` bytes, 1 to 8. Reads 8: (4).
std::uint64_t Cell(const std::byte* cells, std::size_t n, std::uint8_t bytes) {
  return LoadAt<std::uint64_t>(cells + n * bytes) & (~std::uint64_t{0} >> (64 - 8 * bytes));
}

// Positions of the events by user, those of one user in their order: radix sort of the users, 11 bits at a time.
std::vector<std::uint32_t> OrderByUser(std::span<const std::uint32_t> users, std::uint32_t first, std::uint32_t last) {
  constexpr unsigned kBits = 11;
  std::vector<std::uint64_t> pairs(users.size());
  std::vector<std::uint64_t> sorted(users.size());
  for (std::size_t n = 0; n < users.size(); ++n) pairs[n] = (std::uint64_t{users[n] - first} << 32) | n;
  for (unsigned shift = 32; shift < 64 && ((last - first) >> (shift - 32)) != 0; shift += kBits) {
    std::array<std::uint32_t, 1 << kBits> places = {};
    const auto digit = [&](std::uint64_t pair) { return (pair >> shift) & ((1u << kBits) - 1); };
    for (const std::uint64_t pair : pairs) ++places[digit(pair)];
    std::exclusive_scan(places.begin(), places.end(), places.begin(), std::uint32_t{0});
    for (const std::uint64_t pair : pairs) sorted[places[digit(pair)]++] = pair;
    std::swap(pairs, sorted);
  }
  std::vector<std::uint32_t> order(users.size());
  for (std::size_t n = 0; n < order.size(); ++n) order[n] = static_cast<std::uint32_t>(pairs[n]);
  return order;
}

// The distinct values by their bits, ascending; nothing if there are more than kMaxValues.
std::optional<std::vector<std::uint32_t>> DistinctValues(std::span<const float> values) {
  std::vector<std::uint32_t> distinct;
  std::uint32_t last = 0;
  bool any = false;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (any && bits == last) continue;
    last = bits;
    any = true;
    const auto at = std::lower_bound(distinct.begin(), distinct.end(), bits);
    if (at != distinct.end() && *at == bits) continue;
    if (distinct.size() == kMaxValues) return std::nullopt;
    distinct.insert(at, bits);
  }
  return distinct;
}

struct TimeForm {
  std::int64_t base = kNoTime;
  std::uint64_t unit = 1;
  std::uint8_t bytes = 0;
};

TimeForm FormOfTimes(const CellsView<std::int64_t>& times) {
  if (times.cells.empty()) return {times.constant, 1, 0};
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t most = kNoTime;
  for (const std::int64_t time : times.cells)
    if (time != kNoTime) {
      least = std::min(least, time);
      most = std::max(most, time);
    }
  if (most == kNoTime) return {};
  std::uint64_t unit = 0;
  for (const std::int64_t time : times.cells) {
    if (time == kNoTime) continue;
    const std::uint64_t difference = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(least);
    if (unit == 1) break;
    if (unit == 0 || difference % unit != 0) unit = std::gcd(unit, difference);
  }
  unit = std::max<std::uint64_t>(unit, 1);
  const std::uint64_t span = static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least);
  return {least, unit, BytesFor(span / unit + 1)};
}

void PutCell(std::byte*& at, std::uint64_t cell, std::uint8_t bytes) {
  std::memcpy(at, &cell, bytes);
  at += bytes;
}

struct Layout {
  std::size_t users = 0, offsets = 0, values_list = 0, orders = 0, items = 0, times = 0, values = 0, kinds = 0, end = 0;
};

// Where the parts of a segment begin.
Layout LayoutOf(const SegmentHeader& header) {
  Layout layout;
  const std::size_t count = header.count;
  layout.users = kSegmentHeaderBytes;
  layout.offsets = layout.users + (header.listed_users != 0 ? 4 * std::size_t{header.user_slots} : 0);
  layout.values_list = layout.offsets + 4 * (std::size_t{header.user_slots} + 1);
  layout.orders = layout.values_list + 4 * std::size_t{header.value_count};
  layout.items = layout.orders + count * header.order_bytes;
  layout.times = layout.items + count * header.item_bytes;
  layout.values = layout.times + count * header.time_bytes;
  layout.kinds = layout.values + count * header.value_bytes;
  layout.end = layout.kinds + count * header.kind_bytes + kPadding;
  return layout;
}

}  // namespace

std::vector<std::byte> BuildSegment(const RowsView& events) {
  const std::size_t count = events.size();
  assert(count > 0 && count <= kMaxSegmentRows);
  const auto [first_user, last_user] = std::minmax_element(events.users.begin(), events.users.end());
  const std::vector<std::uint32_t> order = OrderByUser(events.users, *first_user, *last_user);

  SegmentHeader header;
  header.first_row = events.first_row;
  header.end_row = events.end_row;
  header.count = static_cast<std::uint32_t>(count);
  std::uint32_t distinct = 1;
  for (std::size_t n = 1; n < count; ++n)
    distinct += static_cast<std::uint32_t>(events.users[order[n]] != events.users[order[n - 1]]);
  const std::uint64_t span = std::uint64_t{*last_user} - *first_user + 1;
  header.listed_users = span > 2 * std::uint64_t{distinct} ? 1 : 0;
  header.first_user = *first_user;
  header.user_slots = header.listed_users != 0 ? distinct : static_cast<std::uint32_t>(span);
  header.order_bytes = BytesFor(events.end_row - events.first_row - 1);
  header.item_bytes = BytesFor(*std::max_element(events.items.begin(), events.items.end()));
  const TimeForm times = FormOfTimes(events.times_us);
  header.time_base = times.base;
  header.time_unit = times.unit;
  header.time_bytes = times.bytes;
  std::vector<std::uint32_t> values;
  if (events.values.cells.empty()) {
    header.value = events.values.constant;
  } else if (std::optional<std::vector<std::uint32_t>> list = DistinctValues(events.values.cells)) {
    values = *std::move(list);
    header.value_bytes = 1;
  } else {
    header.value_bytes = 4;
  }
  header.value_count = static_cast<std::uint32_t>(values.size());
  header.kind = events.kinds.constant;
  if (!events.kinds.cells.empty())
    header.kind_bytes = BytesFor(*std::max_element(events.kinds.cells.begin(), events.kinds.cells.end()));

  const Layout layout = LayoutOf(header);
  std::vector<std::byte> bytes(layout.end);
  std::byte* user = bytes.data() + layout.users;
  std::byte* offset = bytes.data() + layout.offsets;
  if (header.listed_users != 0) {
    for (std::size_t n = 0; n < count; ++n) {
      if (n > 0 && events.users[order[n]] == events.users[order[n - 1]]) continue;
      PutCell(user, events.users[order[n]], 4);
      PutCell(offset, n, 4);
    }
  } else {
    std::size_t n = 0;
    for (std::uint64_t slot = 0; slot < span; ++slot) {
      PutCell(offset, n, 4);
      while (n < count && events.users[order[n]] == *first_user + slot) ++n;
    }
  }
  PutCell(offset, count, 4);
  if (!values.empty()) std::memcpy(bytes.data() + layout.values_list, values.data(), 4 * values.size());
  std::byte* at = bytes.data() + layout.orders;
  for (const std::uint32_t n : order)
    PutCell(at, events.rows.empty() ? n : events.rows[n] - events.first_row, header.order_bytes);
  for (const std::uint32_t n : order) PutCell(at, events.items[n], header.item_bytes);
  if (header.time_bytes != 0)
    for (const std::uint32_t n : order) {
      const std::int64_t time = events.times_us.cells[n];
      const std::uint64_t difference = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(times.base);
      PutCell(at, time == kNoTime ? 0 : difference / times.unit + 1, header.time_bytes);
    }
  if (header.value_bytes != 0)
    for (const std::uint32_t n : order) {
      const auto bits = std::bit_cast<std::uint32_t>(events.values.cells[n]);
      const auto place = std::lower_bound(values.begin(), values.end(), bits) - values.begin();
      PutCell(at, header.value_bytes == 4 ? bits : static_cast<std::uint64_t>(place), header.value_bytes);
    }
  if (header.kind_bytes != 0)
    for (const std::uint32_t n : order) PutCell(at, events.kinds.cells[n], header.kind_bytes);

  const Bytes all(bytes);
  header.body_checksum = Checksum(all.subspan(kSegmentHeaderBytes), static_cast<std::uint64_t>(Table::kSegments));
  std::memcpy(bytes.data() + kChecksumBytes, &header, sizeof(header));
  const std::uint64_t sum =
      Checksum(all.subspan(kChecksumBytes, sizeof(header)), static_cast<std::uint64_t>(Table::kSegments));
  std::memcpy(bytes.data(), &sum, kChecksumBytes);
  return bytes;
}

absl::StatusOr<SegmentView> SegmentView::Open(std::uint64_t key, Bytes value) {
  const auto error = [&](std::string_view what) {
    return absl::DataLossError(absl::StrCat("segment ", key, ": want ", internal::ToAbsl(what), ", got another"));
  };
  if (value.size() < kSegmentHeaderBytes || !ChecksumHolds(Table::kSegments, value.first(kSegmentHeaderBytes)))
    return error("a header of its checksum");
  SegmentView segment;
  SegmentHeader& header = segment.header_;
  std::memcpy(&header, value.data() + kChecksumBytes, sizeof(header));
  if (header.first_row != key || header.count == 0 || header.count > kMaxSegmentRows ||
      header.end_row <= header.first_row ||
      header.end_row - header.first_row > std::numeric_limits<std::uint32_t>::max() || header.order_bytes > 4 ||
      header.item_bytes < 1 || header.item_bytes > 4 || header.time_bytes > 8 ||
      (header.value_bytes != 0 && header.value_bytes != 1 && header.value_bytes != 4) || header.kind_bytes > 2 ||
      header.order_bytes == 0 || header.time_unit == 0 || header.value_count > kMaxValues ||
      (header.value_bytes == 1 && header.value_count == 0))
    return error("a header of this format");
  const Layout layout = LayoutOf(header);
  if (layout.end != value.size()) return error("the size its header says");
  segment.all_ = value;
  segment.users_ = value.data() + layout.users;
  segment.offsets_ = value.data() + layout.offsets;
  segment.values_list_ = value.data() + layout.values_list;
  segment.orders_ = value.data() + layout.orders;
  segment.items_ = value.data() + layout.items;
  segment.times_ = value.data() + layout.times;
  segment.values_ = value.data() + layout.values;
  segment.kinds_ = value.data() + layout.kinds;
  return segment;
}

absl::Status SegmentView::Verify() const {
  if (Checksum(all_.subspan(kSegmentHeaderBytes), static_cast<std::uint64_t>(Table::kSegments)) !=
      header_.body_checksum)
    return ChecksumError(Table::kSegments);
  for (std::size_t slot = 0; slot < header_.user_slots; ++slot)
    if (offset(slot) > offset(slot + 1))
      return absl::DataLossError(absl::StrCat("segment ", first_row(), ": want offsets that ascend, got others"));
  return absl::OkStatus();
}

// The offset of a slot, cut to the number of events.
std::uint32_t SegmentView::offset(std::size_t slot) const {
  return std::min(LoadAt<std::uint32_t>(offsets_ + 4 * slot), header_.count);
}

std::uint32_t SegmentView::user_at(std::size_t slot) const {
  return header_.listed_users != 0 ? LoadAt<std::uint32_t>(users_ + 4 * slot)
                                   : header_.first_user + static_cast<std::uint32_t>(slot);
}

std::uint64_t SegmentView::order(std::size_t n) const {
  return Cell(orders_, n, header_.order_bytes);
}

std::uint32_t SegmentView::item(std::size_t n) const {
  return static_cast<std::uint32_t>(Cell(items_, n, header_.item_bytes));
}

std::uint16_t SegmentView::kind(std::size_t n) const {
  return header_.kind_bytes == 0 ? header_.kind : static_cast<std::uint16_t>(Cell(kinds_, n, header_.kind_bytes));
}

float SegmentView::value(std::size_t n) const {
  if (header_.value_bytes == 0) return header_.value;
  if (header_.value_bytes == 4) return LoadAt<float>(values_ + 4 * n);
  const std::size_t place = std::min<std::size_t>(Cell(values_, n, 1), header_.value_count - 1);
  return LoadAt<float>(values_list_ + 4 * place);
}

std::int64_t SegmentView::time_us(std::size_t n) const {
  if (header_.time_bytes == 0) return header_.time_base;
  const std::uint64_t cell = Cell(times_, n, header_.time_bytes);
  if (cell == 0) return kNoTime;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(header_.time_base) + (cell - 1) * header_.time_unit);
}

std::pair<std::size_t, std::size_t> SegmentView::Range(std::uint32_t user) const {
  std::size_t slot = 0;
  if (header_.listed_users != 0) {
    std::size_t size = header_.user_slots;
    while (size > 0) {  // the first user that is not less
      const std::size_t half = size / 2;
      if (user_at(slot + half) < user) {
        slot += half + 1;
        size -= half + 1;
      } else {
        size = half;
      }
    }
    if (slot == header_.user_slots || user_at(slot) != user) return {0, 0};
  } else {
    if (user < header_.first_user || user - header_.first_user >= header_.user_slots) return {0, 0};
    slot = user - header_.first_user;
  }
  const std::size_t begin = offset(slot);
  return {begin, std::max<std::size_t>(begin, offset(slot + 1))};
}

void SegmentView::History(std::uint32_t user, std::vector<StoredEvent>& events) const {
  const auto [begin, end] = Range(user);
  for (std::size_t n = begin; n < end; ++n) events.push_back({ItemIndex{item(n)}, kind(n), value(n), time_us(n)});
}

template <typename Visit>
void SegmentView::ForEachUser(const Visit& visit) const {
  for (std::size_t slot = 0; slot < header_.user_slots; ++slot) visit(user_at(slot), offset(slot), offset(slot + 1));
}

absl::Status SegmentView::Decode(const RowsTarget& target) const {
  const std::uint64_t span = header_.end_row - header_.first_row;
  const auto error = [&] {
    return absl::DataLossError(absl::StrCat("segment ", first_row(), ": want every row once, got another order"));
  };
  // Where some rows are missing, the place of a row is the number of rows before it.
  Bitmap present;
  std::vector<std::uint32_t> before;
  if (span != header_.count) {
    present = Bitmap(span);
    for (std::size_t n = 0; n < header_.count; ++n) {
      if (order(n) >= span) return error();
      present.Set(order(n));
    }
    if (present.Count() != header_.count) return error();
    before.resize(present.words().size());
    std::uint32_t total = 0;
    for (std::size_t word = 0; word < before.size(); ++word) {
      before[word] = total;
      total += static_cast<std::uint32_t>(std::popcount(present.words()[word]));
    }
  }
  const auto place = [&](std::uint64_t row) -> std::size_t {
    if (before.empty()) return row;
    const std::uint64_t lower = present.words()[row / 64] & ((std::uint64_t{1} << (row % 64)) - 1);
    return before[row / 64] + static_cast<std::size_t>(std::popcount(lower));
  };
  bool sound = true;
  std::size_t total = 0;
  const auto scatter = [&](std::uint32_t user, std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; ++n) {
      const std::uint64_t row = order(n);
      if (row >= span) {
        sound = false;
        return;
      }
      const std::size_t at = place(row);
      if (target.rows != nullptr) target.rows[at] = header_.first_row + row;
      target.users[at] = user;
      target.items[at] = item(n);
      if (target.kinds != nullptr) target.kinds[at] = kind(n);
      if (target.values != nullptr) target.values[at] = value(n);
      if (target.times_us != nullptr) target.times_us[at] = time_us(n);
      ++total;
    }
  };
  ForEachUser(scatter);
  return sound && total == header_.count ? absl::OkStatus() : error();
}

void SegmentView::DecodeRange(std::uint64_t first, std::uint64_t last, Rows& rows) const {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> found;  // row, position
  std::vector<std::uint32_t> users;
  ForEachUser([&](std::uint32_t user, std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; ++n) {
      const std::uint64_t row = header_.first_row + order(n);
      if (row < first || row >= last) continue;
      found.push_back({row, static_cast<std::uint32_t>(users.size())});
      users.push_back(user);
      rows.items.push_back(item(n));
      rows.kinds.push_back(kind(n));
      rows.values.push_back(value(n));
      rows.times_us.push_back(time_us(n));
    }
  });
  std::sort(found.begin(), found.end());
  const std::size_t old = rows.rows.size();
  const auto arrange = [&](auto& cells) {
    const auto picked = std::vector(cells.begin() + static_cast<std::ptrdiff_t>(old), cells.end());
    for (std::size_t n = 0; n < found.size(); ++n) cells[old + n] = picked[found[n].second];
  };
  arrange(rows.items);
  arrange(rows.kinds);
  arrange(rows.values);
  arrange(rows.times_us);
  for (const auto& [row, position] : found) {
    rows.rows.push_back(row);
    rows.users.push_back(users[position]);
  }
}

}  // namespace waypost::store
