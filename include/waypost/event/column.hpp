// waypost/event/column.hpp - columns of numbers that grow without being copied, and cost nothing while they are
// constant.
//
// A column grows by std::realloc. The system moves a large one by its page table and gives it memory only where
// something was written, so that growth neither copies nor holds the column twice, and room at the end costs nothing.
#ifndef WAYPOST_EVENT_COLUMN_HPP_
#define WAYPOST_EVENT_COLUMN_HPP_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace waypost {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
template <typename T>
class Column {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using value_type = T;
  using const_iterator = const T*;

  Column() = default;
  Column(const Column& other) {
    Resize(other.size_);
    std::copy(other.begin(), other.end(), cells_);
  }
  Column(Column&& other) noexcept { Swap(other); }
  Column& operator=(Column other) noexcept {
    Swap(other);
    return *this;
  }
  ~Column() { std::free(cells_); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T* data() const { return cells_; }
  T* data() { return cells_; }
  const T* begin() const { return cells_; }
  const T* end() const { return cells_ + size_; }
  std::span<const T> span() const { return {cells_, size_}; }
  // Requires  row < size().
  const T& operator[](std::size_t row) const {
    assert(row < size_);
    return cells_[row];
  }

  void push_back(T cell) {
    if (size_ == capacity_) Reserve(size_ + 1);
    cells_[size_++] = cell;
  }

  // Makes the column `size` long; new cells have no value yet.
  void Resize(std::size_t size) {
    if (size > capacity_) Reserve(size);
    size_ = size;
  }

  friend bool operator==(const Column& a, const Column& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  void Reserve(std::size_t size) {
    const std::size_t capacity = std::max({size, 2 * capacity_, std::size_t{16}});
    if (capacity > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    void* const moved = std::realloc(cells_, capacity * sizeof(T));
    if (moved == nullptr) throw std::bad_alloc();
    cells_ = static_cast<T*>(moved);
    capacity_ = capacity;
  }

  void Swap(Column& other) noexcept {
    std::swap(cells_, other.cells_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  T* cells_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// A column that stores its cells only once two of them differ. Cells are compared by their bits: all NaN are one value.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
template <typename T>
class CompactColumn {
 public:
  std::size_t size() const { return size_; }

  // Whether all cells are equal; an empty column is.
  bool constant() const { return cells_.empty(); }

  // Requires  row < size().
  T operator[](std::size_t row) const {
    assert(row < size_);
    return cells_.empty() ? value_ : cells_[row];
  }

  void push_back(T cell) {
    if (CouldStayConstant(cell)) return ExtendBy(1, cell);
    *Extend(1) = cell;
  }

  // Whether the column stays constant when it is extended by `cell`.
  bool CouldStayConstant(T cell) const { return size_ == 0 || (cells_.empty() && SameBits(value_, cell)); }

  // Adds `count` equal cells.
  // Requires  CouldStayConstant(cell).
  void ExtendBy(std::size_t count, T cell) {
    assert(CouldStayConstant(cell));
    value_ = cell;
    size_ += count;
  }

  // Adds `count` cells that differ; the caller writes them to the place returned.
  T* Extend(std::size_t count) {
    if (cells_.empty()) {
      cells_.Resize(size_);
      std::fill(cells_.data(), cells_.data() + size_, value_);
    }
    size_ += count;
    cells_.Resize(size_);
    return cells_.data() + (size_ - count);
  }

  static bool SameBits(T a, T b) { return std::memcmp(&a, &b, sizeof(T)) == 0; }

  friend bool operator==(const CompactColumn& a, const CompactColumn& b) {
    if (a.size_ != b.size_) return false;
    for (std::size_t row = 0; row < a.size_; ++row)
      if (!SameBits(a[row], b[row])) return false;
    return true;
  }

 private:
  std::size_t size_ = 0;
  T value_ = {};
  Column<T> cells_;  // empty, or size_ cells
};

}  // namespace waypost

#endif  // WAYPOST_EVENT_COLUMN_HPP_
