// store/rows.hpp - events by the store's indices, in memory: what chunks and segments are made of and read into.
#ifndef WAYPOST_SRC_STORE_ROWS_HPP_
#define WAYPOST_SRC_STORE_ROWS_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "waypost/event/event_log.hpp"
#include "waypost/store/records.hpp"

namespace waypost::store {

// A column that may be one value for all rows.
template <typename T>
struct CellsView {
  std::span<const T> cells;  // empty: all are `constant`
  T constant = {};

  T operator[](std::size_t n) const { return cells.empty() ? constant : cells[n]; }
};

// Borrowed columns. `rows` is empty, or holds the rows, ascending; then first_row is rows[0].
struct RowsView {
  std::uint64_t first_row = 0;
  std::uint64_t end_row = 0;  // one past the last row that is accounted for
  std::span<const std::uint64_t> rows;
  std::span<const std::uint32_t> users;
  std::span<const std::uint32_t> items;
  CellsView<std::uint16_t> kinds;
  CellsView<float> values;
  CellsView<std::int64_t> times_us;

  std::size_t size() const { return users.size(); }
};

// What all cells are, where they are one thing; cells are compared by their bits.
template <typename T>
CellsView<T> ViewOf(std::span<const T> cells, T otherwise) {
  if (cells.empty()) return {{}, otherwise};
  for (const T cell : cells)
    if (!CompactColumn<T>::SameBits(cell, cells[0])) return {cells, {}};
  return {{}, cells[0]};
}

// Columns of events that are all there, in the order of rows.
struct Rows {
  std::vector<std::uint64_t> rows;
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> items;
  std::vector<std::uint16_t> kinds;
  std::vector<float> values;
  std::vector<std::int64_t> times_us;

  std::size_t size() const { return users.size(); }
  void Clear() { Resize(0); }
  void Resize(std::size_t size) {
    rows.resize(size);
    ResizeCells(size);
  }
  // All columns but `rows`, which rows on their way into the store do not have yet.
  void ResizeCells(std::size_t size) {
    users.resize(size);
    items.resize(size);
    kinds.resize(size);
    values.resize(size);
    times_us.resize(size);
  }
  // Adds the cells [from, size()) of others, again without `rows`.
  void Append(const Rows& more, std::size_t from) {
    const auto append = [&](auto& cells, const auto& others) {
      cells.insert(cells.end(), others.begin() + static_cast<std::ptrdiff_t>(from), others.end());
    };
    append(users, more.users);
    append(items, more.items);
    append(kinds, more.kinds);
    append(values, more.values);
    append(times_us, more.times_us);
  }
  // Moves row `from` to row `to`.
  void Move(std::size_t from, std::size_t to) {
    rows[to] = rows[from];
    users[to] = users[from];
    items[to] = items[from];
    kinds[to] = kinds[from];
    values[to] = values[from];
    times_us[to] = times_us[from];
  }
  // All rows, which account for [first_row, end_row).
  RowsView WholeView(std::uint64_t first_row, std::uint64_t end_row) const {
    RowsView view = View(0, size(), first_row);
    if (size() != end_row - first_row) view.rows = rows;
    view.end_row = end_row;
    return view;
  }
  // Rows [begin, begin + count) as those from `first_row` on, without holes.
  RowsView View(std::size_t begin, std::size_t count, std::uint64_t first_row) const {
    RowsView view;
    view.first_row = first_row;
    view.end_row = first_row + count;
    view.users = std::span(users).subspan(begin, count);
    view.items = std::span(items).subspan(begin, count);
    view.kinds = ViewOf(std::span(kinds).subspan(begin, count), std::uint16_t{kView});
    view.values = ViewOf(std::span(values).subspan(begin, count), std::numeric_limits<float>::quiet_NaN());
    view.times_us = ViewOf(std::span(times_us).subspan(begin, count), kNoTime);
    return view;
  }
};

// Where a run of events is written to; a null pointer: not wanted.
struct RowsTarget {
  std::uint64_t* rows = nullptr;
  std::uint32_t* users = nullptr;
  std::uint32_t* items = nullptr;
  std::uint16_t* kinds = nullptr;
  float* values = nullptr;
  std::int64_t* times_us = nullptr;

  // The same, `count` rows on.
  RowsTarget From(std::size_t count) const {
    const auto on = [&](auto* cells) { return cells == nullptr ? nullptr : cells + count; };
    return {on(rows), on(users), on(items), on(kinds), on(values), on(times_us)};
  }

  static RowsTarget Of(Rows& rows, std::size_t from) {
    return {rows.rows.data() + from,  rows.users.data() + from,  rows.items.data() + from,
            rows.kinds.data() + from, rows.values.data() + from, rows.times_us.data() + from};
  }
};

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_ROWS_HPP_
