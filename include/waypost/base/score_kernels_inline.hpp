// waypost/base/score_kernels_inline.hpp - the code of score_kernels.hpp for the instruction set of this compilation.
#ifndef WAYPOST_BASE_SCORE_KERNELS_INLINE_HPP_
#define WAYPOST_BASE_SCORE_KERNELS_INLINE_HPP_

#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/score_kernels.hpp"
#include "waypost/base/simd.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

namespace hn = hwy::HWY_NAMESPACE;

using ScoreTag = hn::CappedTag<float, kLanes>;
inline constexpr std::size_t kVectorLanes = hn::MaxLanes(ScoreTag());
inline constexpr std::size_t kVectors = kLanes / kVectorLanes;  // registers that hold one score's 16 partial sums

#if HWY_TARGET == HWY_SCALAR

// Adds the 16 partial sums of each row in the fixed tree.
template <std::size_t kRows>
void SumRows(const hn::Vec<ScoreTag> (&sums)[kRows][kVectors], float* scores) {
  for (std::size_t r = 0; r < kRows; ++r) {
    float tree[kLanes];
    for (std::size_t l = 0; l < kLanes; ++l) tree[l] = hn::GetLane(sums[r][l]);
    for (std::size_t width = kLanes / 2; width > 0; width /= 2)
      for (std::size_t l = 0; l < width; ++l) tree[l] += tree[l + width];
    scores[r] = tree[0];
  }
}

#else

using QuarterTag = hn::CappedTag<float, 4>;

// The first two levels of the tree: 4 sums from 16.
template <std::size_t kCount>
hn::Vec<QuarterTag> SumToFour(const hn::Vec<ScoreTag> (&sums)[kCount]) {
  const QuarterTag tag;
  if constexpr (kCount == 1) {
    const auto eight = hn::Add(hn::LowerHalf(sums[0]), hn::UpperHalf(hn::Half<ScoreTag>(), sums[0]));
    return hn::Add(hn::LowerHalf(eight), hn::UpperHalf(tag, eight));
  } else if constexpr (kCount == 2) {
    const auto eight = hn::Add(sums[0], sums[1]);
    return hn::Add(hn::LowerHalf(eight), hn::UpperHalf(tag, eight));
  } else {
    return hn::Add(hn::Add(sums[0], sums[2]), hn::Add(sums[1], sums[3]));
  }
}

// Adds the 16 partial sums of each row in the fixed tree; of four rows side by side.
template <std::size_t kRows>
void SumRows(const hn::Vec<ScoreTag> (&sums)[kRows][kVectors], float* scores) {
  const QuarterTag tag;
  if constexpr (kRows == 4) {
    const auto pair = [&](const auto& first, const auto& second) {
      const auto a = SumToFour(first);
      const auto b = SumToFour(second);
      return hn::Add(hn::ConcatLowerLower(tag, b, a), hn::ConcatUpperUpper(tag, b, a));
    };
    const auto ab = pair(sums[0], sums[1]);
    const auto cd = pair(sums[2], sums[3]);
    hn::StoreU(hn::Add(hn::ConcatEven(tag, cd, ab), hn::ConcatOdd(tag, cd, ab)), tag, scores);
  } else {
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto four = SumToFour(sums[r]);
      const auto two = hn::Add(four, hn::Shuffle1032(four));
      scores[r] = hn::GetLane(hn::Add(two, hn::Shuffle2301(two)));
    }
  }
}

#endif

// The scores of `kQueries` queries and `kRows` rows, their partial sums side by side in registers.
template <std::size_t kQueries, std::size_t kRows>
void DotTile(const float* queries, const float* const (&rows)[kRows], std::size_t stride, float* scores,
             std::size_t score_stride) {
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
        const auto row = hn::Load(tag, rows[r] + at);
        for (std::size_t q = 0; q < kQueries; ++q) sums[q][r][v] = hn::MulAdd(query[q], row, sums[q][r][v]);
      }
    }
  }
  for (std::size_t q = 0; q < kQueries; ++q) SumRows<kRows>(sums[q], scores + q * score_stride);
}

// row_at(r)  the r-th row.
template <std::size_t kQueries, typename RowAt>
void DotRowsAt(const float* queries, const RowAt& row_at, std::size_t row_count, std::size_t stride, float* scores,
               std::size_t score_stride) {
  std::size_t r = 0;
  for (; r + 4 <= row_count; r += 4)
    DotTile<kQueries, 4>(queries, {row_at(r), row_at(r + 1), row_at(r + 2), row_at(r + 3)}, stride, scores + r,
                         score_stride);
  for (; r < row_count; ++r) DotTile<kQueries, 1>(queries, {row_at(r)}, stride, scores + r, score_stride);
}

inline float Dot(const float* a, const float* b, std::size_t stride) {
  float score = 0;
  DotTile<1, 1>(a, {b}, stride, &score, 1);
  return score;
}

inline void DotBlock(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count,
                     std::size_t stride, float* scores, std::size_t score_stride) {
  const auto row_at = [&](std::size_t r) { return rows + r * stride; };
  std::size_t q = 0;
  for (; q + 2 <= query_count; q += 2)
    DotRowsAt<2>(queries + q * stride, row_at, row_count, stride, scores + q * score_stride, score_stride);
  if (q < query_count)
    DotRowsAt<1>(queries + q * stride, row_at, row_count, stride, scores + q * score_stride, score_stride);
}

inline void DotRows(const float* query, const float* rows, const std::uint32_t* indices, std::size_t count,
                    std::size_t stride, float* scores) {
  DotRowsAt<1>(
      query, [&](std::size_t n) { return rows + indices[n] * stride; }, count, stride, scores, count);
}

inline const ScoreKernels& ScoreKernelTable() {
  static constexpr ScoreKernels kTable{&Dot, &DotBlock, &DotRows};
  return kTable;
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_BASE_SCORE_KERNELS_INLINE_HPP_
