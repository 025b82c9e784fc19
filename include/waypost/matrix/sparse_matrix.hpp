// waypost/matrix/sparse_matrix.hpp - compressed sparse rows, and the user-item matrix in both orientations.
//
// (1) offsets has rows() + 1 elements, starts at 0, never decreases and ends at columns.size().
// (2) Within a row the columns ascend strictly: no duplicates.
// (3) values is empty (every stored entry is 1) or as long as columns; every value is finite.
// Of a file opened without a check of all values only the sizes and the ends of offsets are known to be right: row()
// and row_size() cut what they read to the arrays; who uses a column as an index checks it.
#ifndef WAYPOST_MATRIX_SPARSE_MATRIX_HPP_
#define WAYPOST_MATRIX_SPARSE_MATRIX_HPP_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "waypost/base/array_builder.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/matrix/counting_sort.hpp"

namespace waypost {

// One row, borrowed. `values` is empty when every entry is 1.
struct SparseRowView {
  std::span<const std::uint32_t> columns;
  std::span<const float> values;

  std::size_t size() const { return columns.size(); }
  bool empty() const { return columns.empty(); }
  float value(std::size_t position) const { return values.empty() ? 1.0f : values[position]; }
};

// Immutable: safe to use from any number of threads.
class SparseMatrix {
 public:
  SparseMatrix() = default;

  // Requires  (1), (2), (3), and every column < column_count; the file reader and the builders check them.
  SparseMatrix(std::size_t column_count, SharedArray<std::uint64_t> offsets, SharedArray<std::uint32_t> columns,
               SharedArray<float> values)
      : column_count_(column_count),
        offsets_(std::move(offsets)),
        columns_(std::move(columns)),
        values_(std::move(values)) {
    assert(!offsets_.empty() && offsets_[offsets_.size() - 1] == columns_.size());
    assert(values_.empty() || values_.size() == columns_.size());
  }

  std::size_t rows() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
  std::size_t columns() const { return column_count_; }
  std::size_t entries() const { return columns_.size(); }
  bool weighted() const { return !values_.empty(); }

  std::size_t row_size(std::size_t row) const {
    const std::uint64_t begin = std::min<std::uint64_t>(offsets_[row], columns_.size());
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(offsets_[row + 1], begin, columns_.size()) - begin);
  }
  SparseRowView row(std::size_t row) const {
    const std::size_t begin = static_cast<std::size_t>(std::min<std::uint64_t>(offsets_[row], columns_.size()));
    const std::size_t size = row_size(row);
    return {columns_.span().subspan(begin, size),
            weighted() ? values_.span().subspan(begin, size) : std::span<const float>()};
  }

  const SharedArray<std::uint64_t>& offsets() const { return offsets_; }
  const SharedArray<std::uint32_t>& column_indices() const { return columns_; }
  const SharedArray<float>& values() const { return values_; }

 private:
  std::size_t column_count_ = 0;
  SharedArray<std::uint64_t> offsets_;
  SharedArray<std::uint32_t> columns_;
  SharedArray<float> values_;
};

// Returns the transpose: row c of the result holds the rows of `matrix` that have column c, ascending.
// Cost  O(entries + rows + columns) time; memory of the result.
inline SparseMatrix Transpose(const SparseMatrix& matrix, const Parallelism& parallelism = {}) {
  ArrayBuilder<std::uint32_t> columns(matrix.entries());
  ArrayBuilder<float> values(matrix.weighted() ? matrix.entries() : 0);
  const std::span<const std::uint64_t> starts = matrix.offsets().span();
  const std::uint32_t* const items = matrix.column_indices().data();
  const float* const from = matrix.weighted() ? matrix.values().data() : nullptr;
  struct Entry {
    std::size_t at;
    std::uint32_t row;
  };
  AlignedVector<std::uint64_t> offsets = internal::CountingSort(
      parallelism, matrix.entries(), matrix.columns(),
      [&](std::size_t begin, std::size_t end, const auto& take) {
        auto row =
            static_cast<std::uint32_t>(std::upper_bound(starts.begin(), starts.end(), begin) - starts.begin()) - 1;
        for (std::size_t at = begin; at < end; ++at) {
          while (at >= starts[row + 1]) ++row;
          take(Entry{at, row}, items[at]);
        }
      },
      [&](const Entry& entry, std::uint64_t target) {
        columns.data()[target] = entry.row;
        if (from != nullptr) values.data()[target] = from[entry.at];
      });
  return SparseMatrix(matrix.rows(), SharedArray<std::uint64_t>(std::move(offsets)),
                      std::move(columns).Build(matrix.entries()),
                      std::move(values).Build(matrix.weighted() ? matrix.entries() : 0));
}

// What models train on: users x items, every value > 0, with its transpose. The orientation is part of the names, so
// that it cannot be mistaken.
//
// Immutable: safe to use from any number of threads.
class InteractionMatrix {
 public:
  InteractionMatrix() = default;
  explicit InteractionMatrix(SparseMatrix user_item, const Parallelism& parallelism = {})
      : user_item_(std::move(user_item)), item_user_(Transpose(user_item_, parallelism)) {}

  std::size_t users() const { return user_item_.rows(); }
  std::size_t items() const { return user_item_.columns(); }
  std::size_t entries() const { return user_item_.entries(); }
  const SparseMatrix& user_item() const { return user_item_; }
  const SparseMatrix& item_user() const { return item_user_; }

 private:
  SparseMatrix user_item_;
  SparseMatrix item_user_;
};

}  // namespace waypost

#endif  // WAYPOST_MATRIX_SPARSE_MATRIX_HPP_
