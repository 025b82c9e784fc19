// waypost/base/top_k_tables.hpp - what a top-k search reads before it scores a row: rows by norm, as small numbers.
//
// (1) order is a permutation of the rows, norms[p] = RowNorm(row order[p]) never rises with p; equal norms by index.
// (2) Group g are positions 64 g .. 64 g + 63; groups[g] holds for its rows, panels has their whole numbers in the
//     layout of TopKKernels::scan, and 128 (zero) past the last row.
// (3) A row that is not finite, or has an element of 2^100 or more, has an infinite norm and comes first; its group
//     bounds nothing, so that such rows are always scored.
// (4) head holds the first rows in this order, so that the rows which most searches score lie side by side.
// The bytes depend on the factors alone: not on threads, nor on the instruction set.
// A file's tables are not trusted: a search that reads tables without (1), (2) or (4) still reads inside them and
// returns finite scores of rows, but may miss better ones.
#ifndef WAYPOST_BASE_TOP_K_TABLES_HPP_
#define WAYPOST_BASE_TOP_K_TABLES_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/base/top_k_kernels.hpp"

namespace waypost {

inline constexpr std::size_t kTopKHeadBytes = 1u << 20;  // on disk: do not change

struct TopKTables {
  SharedArray<std::uint32_t> order;
  SharedArray<float> norms;
  SharedArray<TopKGroup> groups;
  SharedArray<std::uint8_t> panels;
  SharedArray<float> head;  // TopKHeadRows x stride, or empty
  bool checked = true;      // false: of a file whose values were not checked
};

constexpr std::size_t TopKGroupCount(std::size_t rows) {
  return (rows + kTopKGroup - 1) / kTopKGroup;
}
constexpr std::size_t TopKPanelBytes(std::size_t rows, std::size_t stride) {
  return TopKGroupCount(rows) * kTopKGroup * stride;
}
// Whole groups, as many as kTopKHeadBytes holds but at least one; or all rows.
constexpr std::size_t TopKHeadRows(std::size_t rows, std::size_t stride) {
  if (stride == 0) return 0;
  return std::min(rows, kTopKGroup * std::max<std::size_t>(1, kTopKHeadBytes / (kTopKGroup * stride * sizeof(float))));
}

namespace internal {

// The square root of the sum of squares of (row[j] - scale * whole(j)), in float64: 16 sums side by side, so the same
// on every processor (a product of two float32 is exact).
template <typename Whole>
double DistanceNorm(const float* row, std::size_t stride, double scale, const Whole& whole) {
  double sums[kLanes] = {};
  for (std::size_t j = 0; j < stride; j += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const double rest = row[j + l] - scale * whole(j + l);
      sums[l] += rest * rest;
    }
  }
  return std::sqrt(std::accumulate(sums, sums + kLanes, 0.0));
}

// Where a panel holds element j of the row at position `slot` of its group.
constexpr std::size_t PanelByte(std::size_t slot, std::size_t j) {
  return 4 * (kTopKGroup * (j / 4) + slot) + j % 4;
}

}  // namespace internal

// The length of a row, in float64.
inline double RowLength(const float* row, std::size_t stride) {
  return internal::DistanceNorm(row, stride, 0.0, [](std::size_t) { return 0.0; });
}

// The length of a row, the one that cosines divide by; infinity as in (3).
inline float RowNorm(const float* row, std::size_t stride) {
  constexpr float kLargestElement = 0x1p100f;
  bool small = true;
  for (std::size_t j = 0; j < stride; ++j) small &= std::abs(row[j]) < kLargestElement;  // false for a NaN
  if (!small) return std::numeric_limits<float>::infinity();
  return static_cast<float>(RowLength(row, stride));
}

// The length of what the whole numbers in a row's place of a panel leave of it: the group's residual covers it.
inline double RowResidual(const float* row, std::size_t stride, const TopKGroup& group, const std::uint8_t* panel,
                          std::size_t slot) {
  return internal::DistanceNorm(row, stride, group.scale, [&](std::size_t j) {
    return static_cast<double>(panel[internal::PanelByte(slot, j)]) - 128;
  });
}

namespace internal {

// Fills one group: bounds and panel.
inline TopKGroup BuildTopKGroup(const FactorMatrix& rows, std::span<const std::uint32_t> order,
                                std::span<const float> norms, std::uint8_t* panel) {
  constexpr float kUp = 1 + 0x1p-20f;
  constexpr float kSmallestScale = 0x1p-100f;  // its reciprocal is finite
  const std::size_t stride = rows.stride();
  std::fill_n(panel, kTopKGroup * stride, std::uint8_t{128});
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (!(norms.front() < kInfinity))
    return {.largest_norm = kInfinity, .smallest_norm = 0, .scale = 1, .residual = kInfinity};
  float largest = 0;
  for (std::uint32_t row : order)
    for (std::size_t j = 0; j < stride; ++j) largest = std::max(largest, std::abs(rows.row(row)[j]));
  TopKGroup group{.largest_norm = norms.front() * kUp,
                  .smallest_norm = norms.back() / kUp,
                  .scale = std::max(largest / 127, kSmallestScale),
                  .residual = 0};
  const float reciprocal = 1 / group.scale;
  double residual = 0;
  for (std::size_t slot = 0; slot < order.size(); ++slot) {
    const float* row = rows.row(order[slot]);
    for (std::size_t j = 0; j < stride; ++j) {
      const float scaled = row[j] * reciprocal;
      const float rounded = scaled + (scaled < 0 ? -0.5f : 0.5f);
      panel[PanelByte(slot, j)] = static_cast<std::uint8_t>(128 + static_cast<int>(std::clamp(rounded, -127.f, 127.f)));
    }
    residual = std::max(residual, RowResidual(row, stride, group, panel, slot));
  }
  group.residual = static_cast<float>(residual) * kUp;
  return group;
}

}  // namespace internal

// Cost  O(rows (stride + log rows)) time, rows x (stride + 8) bytes and kTopKHeadBytes.
inline TopKTables BuildTopKTables(const FactorMatrix& rows, const Parallelism& parallelism) {
  constexpr std::size_t kBlock = 16;  // groups; fixed, though the result does not depend on it
  const std::size_t count = rows.rows();
  const std::size_t stride = rows.stride();
  AlignedVector<float> by_row(count);
  ForEachBlock(parallelism, count, kBlock * kTopKGroup, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t row = begin; row < end; ++row) by_row[row] = RowNorm(rows.row(row), stride);
  });
  AlignedVector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return by_row[a] != by_row[b] ? by_row[a] > by_row[b] : a < b; });
  AlignedVector<float> norms(count);
  for (std::size_t position = 0; position < count; ++position) norms[position] = by_row[order[position]];
  AlignedVector<TopKGroup> groups(TopKGroupCount(count));
  AlignedVector<std::uint8_t> panels(TopKPanelBytes(count, stride));
  ForEachBlock(parallelism, groups.size(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t g = begin; g < end; ++g) {
      const std::size_t first = g * kTopKGroup;
      const std::size_t size = std::min(kTopKGroup, count - first);
      groups[g] = internal::BuildTopKGroup(rows, std::span(order).subspan(first, size),
                                           std::span(norms).subspan(first, size), panels.data() + first * stride);
    }
  });
  const std::size_t head_rows = TopKHeadRows(count, stride);
  AlignedVector<float> head(head_rows * stride);
  for (std::size_t position = 0; position < head_rows; ++position)
    std::copy_n(rows.row(order[position]), stride, head.data() + position * stride);
  return {.order = SharedArray<std::uint32_t>(std::move(order)),
          .norms = SharedArray<float>(std::move(norms)),
          .groups = SharedArray<TopKGroup>(std::move(groups)),
          .panels = SharedArray<std::uint8_t>(std::move(panels)),
          .head = SharedArray<float>(std::move(head))};
}

}  // namespace waypost

#endif  // WAYPOST_BASE_TOP_K_TABLES_HPP_
