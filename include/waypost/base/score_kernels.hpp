// waypost/base/score_kernels.hpp - the one function that defines every returned score of a factor model.
//
// Definition   Dot(a, b) over a stride that is a multiple of 16: partial sum l (l = 0..15) adds the products
//              a[16 j + l] b[16 j + l] for j = 0, 1, ... with one rounding per step (fused multiply-add; two roundings
//              on the baseline target, which has none); then the 16 partial sums are added in a tree: l + (l + 8), then
//              + 4, + 2, + 1.
// Consequence  One query or many, one row or many, any block shape: always the same bits.
// Complexity   DotBlock: queries x rows x stride multiply-adds; tiles of 2 x 4 keep the sums in registers.
// Checked by   tests/unit/base_score_kernels_test.cpp against the scalar definition, to the bit.
#ifndef WAYPOST_BASE_SCORE_KERNELS_HPP_
#define WAYPOST_BASE_SCORE_KERNELS_HPP_

#include <cstddef>
#include <cstdint>

namespace waypost {

struct ScoreKernels {
  // Returns the score of two vectors.
  //   a, b    float32[stride], 64-byte aligned, stride a multiple of 16.
  float (*dot)(const float* a, const float* b, std::size_t stride);

  // scores[q * score_stride + r] = dot(query q, row r).
  //   queries float32[query_count x stride], rows float32[row_count x stride], both 64-byte aligned.
  void (*dot_block)(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count,
                    std::size_t stride, float* scores, std::size_t score_stride);

  // scores[n] = dot(query, row indices[n]), for rows anywhere in a table.
  //   query, rows  as dot_block; every index is below the number of rows.
  void (*dot_rows)(const float* query, const float* rows, const std::uint32_t* indices, std::size_t count,
                   std::size_t stride, float* scores);
};

}  // namespace waypost

#ifdef WAYPOST_COMPILED

namespace waypost {

// The table of the instruction set that runs.
const ScoreKernels& GetScoreKernels();

}  // namespace waypost

#else

#include "waypost/base/score_kernels_inline.hpp"

namespace waypost {

inline const ScoreKernels& GetScoreKernels() {
  return simd::WAYPOST_SIMD_TARGET::ScoreKernelTable();
}

}  // namespace waypost

#endif

#endif  // WAYPOST_BASE_SCORE_KERNELS_HPP_
