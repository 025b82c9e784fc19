// waypost/base/score_kernels_inline.hpp - the code of score_kernels.hpp for the instruction set of this compilation.
#ifndef WAYPOST_BASE_SCORE_KERNELS_INLINE_HPP_
#define WAYPOST_BASE_SCORE_KERNELS_INLINE_HPP_

#include <cstddef>

#include <hwy/highway.h>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/score_kernels.hpp"
#include "waypost/base/simd.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

namespace hn = hwy::HWY_NAMESPACE;

using ScoreTag = hn::CappedTag<float, kLanes>;
inline constexpr std::size_t kVectorLanes = hn::MaxLanes(ScoreTag());
inline constexpr std::size_t kVectors = kLanes / kVectorLanes;  // registers that hold one score's 16 partial sums

// Adds 16 partial sums in the fixed tree.
inline float SumTree(const float* partial) {
  float sums[kLanes / 2];
  for (std::size_t l = 0; l < 8; ++l) sums[l] = partial[l] + partial[l + 8];
  for (std::size_t l = 0; l < 4; ++l) sums[l] += sums[l + 4];
  for (std::size_t l = 0; l < 2; ++l) sums[l] += sums[l + 2];
  return sums[0] + sums[1];
}

// The scores of `kQueries` queries and `kRows` rows, their partial sums side by side in registers.
template <std::size_t kQueries, std::size_t kRows>
void DotTile(const float* queries, const float* rows, std::size_t stride, float* scores, std::size_t score_stride) {
  const ScoreTag tag;
  hn::Vec<ScoreTag> sums[kQueries][kRows][kVectors];
  for (std::size_t q = 0; q < kQueries; ++q)
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t v = 0; v < kVectors; ++v) sums[q][r][v] = hn::Zero(tag);
  for (std::size_t j = 0; j < stride; j += kLanes) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t at = j + v * kVectorLanes;
      hn::Vec<ScoreTag> query[kQueries];
      for (std::size_t q = 0; q < kQueries; ++q) query[q] = hn::Load(tag, queries + q * stride + at);
      for (std::size_t r = 0; r < kRows; ++r) {
        const auto row = hn::Load(tag, rows + r * stride + at);
        for (std::size_t q = 0; q < kQueries; ++q) sums[q][r][v] = hn::MulAdd(query[q], row, sums[q][r][v]);
      }
    }
  }
  for (std::size_t q = 0; q < kQueries; ++q) {
    for (std::size_t r = 0; r < kRows; ++r) {
      alignas(kAlignment) float partial[kLanes];
      for (std::size_t v = 0; v < kVectors; ++v) hn::Store(sums[q][r][v], tag, partial + v * kVectorLanes);
      scores[q * score_stride + r] = SumTree(partial);
    }
  }
}

template <std::size_t kQueries>
void DotRows(const float* queries, const float* rows, std::size_t row_count, std::size_t stride, float* scores,
             std::size_t score_stride) {
  std::size_t r = 0;
  for (; r + 4 <= row_count; r += 4) DotTile<kQueries, 4>(queries, rows + r * stride, stride, scores + r, score_stride);
  for (; r < row_count; ++r) DotTile<kQueries, 1>(queries, rows + r * stride, stride, scores + r, score_stride);
}

inline float Dot(const float* a, const float* b, std::size_t stride) {
  float score = 0;
  DotTile<1, 1>(a, b, stride, &score, 1);
  return score;
}

inline void DotBlock(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count,
                     std::size_t stride, float* scores, std::size_t score_stride) {
  std::size_t q = 0;
  for (; q + 2 <= query_count; q += 2)
    DotRows<2>(queries + q * stride, rows, row_count, stride, scores + q * score_stride, score_stride);
  if (q < query_count)
    DotRows<1>(queries + q * stride, rows, row_count, stride, scores + q * score_stride, score_stride);
}

inline const ScoreKernels& ScoreKernelTable() {
  static constexpr ScoreKernels kTable{&Dot, &DotBlock};
  return kTable;
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_BASE_SCORE_KERNELS_INLINE_HPP_
