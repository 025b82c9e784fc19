// waypost/model/ials_lanes_inline.hpp - the short rows of iALS, one in each lane of a vector, for the instruction set
// of this compilation.
//
// A system of a few dozen unknowns is too small to fill the vectors: its factorization waits for one square root after
// the other. Rows of equal length are therefore solved side by side. An element of a factor is computed by the same
// operations in the same order in every lane, so a row's bits do not depend on its neighbours.
//
// Systems   blocks of 4 x 4 elements, those on and below the diagonal in the order (0,0) (1,0) (1,1) (2,0) ...; element
//           (r, c) of block b of lane l lies at [(16 b + 4 r + c) * kDenseLanes + l].
#ifndef WAYPOST_MODEL_IALS_LANES_INLINE_HPP_
#define WAYPOST_MODEL_IALS_LANES_INLINE_HPP_

#include <cmath>
#include <cstddef>

#include "waypost/base/dense_kernels_inline.hpp"
#include "waypost/model/ials_kernels.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

// Position of block (row, column), column <= row.
constexpr std::size_t LaneBlock(std::size_t row, std::size_t column) {
  return row * (row + 1) / 2 + column;
}

// The block's element in all lanes.
inline float* LaneElement(float* blocks, std::size_t block, std::size_t element) {
  return blocks + (16 * block + element) * kDenseLanes;
}
inline DenseVec LoadElement(const float* blocks, std::size_t block, std::size_t element) {
  return hn::Load(DenseTag(), blocks + (16 * block + element) * kDenseLanes);
}

// The blocks of E E^T of one lane, in row-major order of their elements.
//   rows  E as GramOfRows takes it.
inline void LaneGram(const float* rows, std::size_t size, std::size_t stride, float* gram) {
  for (std::size_t i = 0; i < size; i += 4)
    for (std::size_t j = 0; j <= i; j += 4, gram += 16)
      for (std::size_t r = 0; r < 4; r += kDotRows)
        DotTile<kDotRows>(rows + (i + r) * stride, rows + j * stride, stride, stride, gram + 4 * r, 4);
}

// Brings the blocks of `count` lanes side by side; lanes past `count` repeat the first.
//   grams  float32[kDenseLanes x step], of `elements` each, a multiple of 16.
inline void JoinLanes(float* grams, std::size_t step, std::size_t elements, std::size_t count, float* system) {
  const DenseTag tag;
  if (count == 1) {
    for (std::size_t e = 0; e < elements; ++e) hn::Store(hn::Set(tag, grams[e]), tag, system + e * kDenseLanes);
    return;
  }
  for (std::size_t lane = count; lane < kDenseLanes; ++lane)
    for (std::size_t e = 0; e < elements; e += kDenseLanes)
      hn::StoreU(hn::LoadU(tag, grams + e), tag, grams + lane * step + e);
  for (std::size_t e = 0; e < elements; e += kDenseLanes) TransposeLanes(grams + e, step, system + e * kDenseLanes);
}

// tile[r][c] -= sum over k of a(r, k) b(c, k) for the blocks a and b.
[[gnu::always_inline]] inline void SubtractBlockProduct(const float* blocks, std::size_t a, std::size_t b,
                                                        DenseVec (&tile)[4][4]) {
  for (std::size_t k = 0; k < 4; ++k) {
    DenseVec right[4];
    for (std::size_t c = 0; c < 4; ++c) right[c] = LoadElement(blocks, b, 4 * c + k);
    for (std::size_t r = 0; r < 4; ++r) {
      const DenseVec left = LoadElement(blocks, a, 4 * r + k);
      for (std::size_t c = 0; c < 4; ++c) tile[r][c] = hn::NegMulAdd(left, right[c], tile[r][c]);
    }
  }
}

// Factors the systems in place into L with L L^T = system; the reciprocals of L's diagonal go to inverse. A pivot that
// is not positive leaves a lane without a finite solution.
inline void FactorLanes(float* blocks, std::size_t block_rows, float* inverse) {
  const DenseTag tag;
  for (std::size_t column = 0; column < block_rows; ++column) {
    for (std::size_t row = column; row < block_rows; ++row) {
      const std::size_t at = LaneBlock(row, column);
      DenseVec tile[4][4];
      for (std::size_t r = 0; r < 4; ++r)
        for (std::size_t c = 0; c < 4; ++c) tile[r][c] = LoadElement(blocks, at, 4 * r + c);
      for (std::size_t k = 0; k < column; ++k)
        SubtractBlockProduct(blocks, LaneBlock(row, k), LaneBlock(column, k), tile);
      const std::size_t diagonal = LaneBlock(column, column);
      Unroll<4>([&](auto k) __attribute__((always_inline)) {
        DenseVec scale;
        float* const kept = inverse + (4 * column + k.value) * kDenseLanes;
        if (row == column) {
          scale = hn::Div(hn::Set(tag, 1.0f), hn::Sqrt(tile[k.value][k.value]));
          hn::Store(scale, tag, kept);
        } else {
          scale = hn::Load(tag, kept);
        }
        for (std::size_t r = 0; r < 4; ++r) tile[r][k.value] = hn::Mul(tile[r][k.value], scale);
        Unroll<3 - k.value>([&](auto j) __attribute__((always_inline)) {
          constexpr std::size_t kColumn = k.value + 1 + j.value;
          const DenseVec factor =
              row == column ? tile[kColumn][k.value] : LoadElement(blocks, diagonal, 4 * kColumn + k.value);
          for (std::size_t r = 0; r < 4; ++r)
            tile[r][kColumn] = hn::NegMulAdd(tile[r][k.value], factor, tile[r][kColumn]);
        });
      });
      for (std::size_t r = 0; r < 4; ++r)
        for (std::size_t c = 0; c < 4; ++c) hn::Store(tile[r][c], tag, LaneElement(blocks, at, 4 * r + c));
    }
  }
}

// Replaces right sides, float32[4 block_rows x kDenseLanes], by the solutions.
inline void SolveLanes(const float* blocks, std::size_t block_rows, const float* inverse, float* right) {
  const DenseTag tag;
  const auto at = [](auto* vectors, std::size_t block, std::size_t k) {
    return vectors + (4 * block + k) * kDenseLanes;
  };
  for (std::size_t row = 0; row < block_rows; ++row) {  // L y = right
    DenseVec y[4];
    for (std::size_t r = 0; r < 4; ++r) y[r] = hn::Load(tag, at(right, row, r));
    for (std::size_t column = 0; column < row; ++column)
      for (std::size_t k = 0; k < 4; ++k)
        for (std::size_t r = 0; r < 4; ++r)
          y[r] = hn::NegMulAdd(LoadElement(blocks, LaneBlock(row, column), 4 * r + k),
                               hn::Load(tag, at(right, column, k)), y[r]);
    Unroll<4>([&](auto k) __attribute__((always_inline)) {
      y[k.value] = hn::Mul(y[k.value], hn::Load(tag, at(inverse, row, k.value)));
      for (std::size_t r = k.value + 1; r < 4; ++r)
        y[r] = hn::NegMulAdd(LoadElement(blocks, LaneBlock(row, row), 4 * r + k.value), y[k.value], y[r]);
      hn::Store(y[k.value], tag, at(right, row, k.value));
    });
  }
  for (std::size_t row = block_rows; row-- > 0;) {  // L^T solution = y
    DenseVec x[4];
    for (std::size_t c = 0; c < 4; ++c) x[c] = hn::Load(tag, at(right, row, c));
    for (std::size_t below = row + 1; below < block_rows; ++below)
      for (std::size_t k = 0; k < 4; ++k)
        for (std::size_t c = 0; c < 4; ++c)
          x[c] = hn::NegMulAdd(LoadElement(blocks, LaneBlock(below, row), 4 * k + c),
                               hn::Load(tag, at(right, below, k)), x[c]);
    Unroll<4>([&](auto step) __attribute__((always_inline)) {
      constexpr std::size_t k = 3 - step.value;
      x[k] = hn::Mul(x[k], hn::Load(tag, at(inverse, row, k)));
      for (std::size_t c = 0; c < k; ++c)
        x[c] = hn::NegMulAdd(LoadElement(blocks, LaneBlock(row, row), 4 * k + c), x[k], x[c]);
      hn::Store(x[k], tag, at(right, row, k));
    });
  }
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_MODEL_IALS_LANES_INLINE_HPP_
