// waypost/matrix/sparse_product.hpp - a sparse matrix times a table of vectors.
//
// Complexity   entries x stride additions; the rows of `in` are read in the order of the entries.
// Numerics     float32 sums in the order of a row's entries.
// Determinism  a row of the result is computed by one thread, and its columns never mix: any stride gives the same
// bits. Checked by   tests/unit/matrix_truncated_svd_test.cpp against loops in double precision.
#ifndef WAYPOST_MATRIX_SPARSE_PRODUCT_HPP_
#define WAYPOST_MATRIX_SPARSE_PRODUCT_HPP_

#include <algorithm>
#include <cstddef>
#include <span>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

enum class EntryWeights {
  kValues,  // an entry counts as its value
  kOnes,    // every entry counts 1
};

// out[row] = scale(row) * sum over the row's entries of weight * in[column], for every row of `rows`. A row with a
// column beyond `in`, which only a damaged file has, becomes 0. `cancelled()` is asked for each block of rows: true
// leaves the rest out.
//   in, out  float32[.. x stride], 64-byte aligned; stride a multiple of 16.
// Requires   `out` has a row for each of `rows` and does not overlap `in`.
template <typename Scale, typename Cancelled>
void SumNeighbours(const SparseMatrix& rows, EntryWeights weights, std::span<const float> in, std::size_t stride,
                   const Scale& scale, std::span<float> out, const Parallelism& parallelism,
                   const Cancelled& cancelled) {
  constexpr std::size_t kBlock = 256;
  const std::size_t count = in.size() / stride;
  ForEachBlock(parallelism, rows.rows(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    if (cancelled()) return;
    for (std::size_t row = begin; row < end; ++row) {
      const SparseRowView entries = rows.row(row);
      const bool values = weights == EntryWeights::kValues && !entries.values.empty();
      std::uint32_t largest = 0;
      for (std::uint32_t column : entries.columns) largest = std::max(largest, column);
      const std::size_t used = largest < count ? entries.size() : 0;
      GetDenseKernels().sum_rows(in.data(), stride, entries.columns.data(), values ? entries.values.data() : nullptr,
                                 used, static_cast<float>(scale(row)), out.data() + row * stride);
    }
  });
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_SPARSE_PRODUCT_HPP_
