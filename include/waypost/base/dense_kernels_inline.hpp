// waypost/base/dense_kernels_inline.hpp - the code of dense_kernels.hpp for the instruction set of this compilation.
//
// Two register tiles do all the work: ProductTile adds outer products (Gramians of columns, rotations, trailing updates
// of a factorization), DotTile adds dot products (Gramians of rows).
#ifndef WAYPOST_BASE_DENSE_KERNELS_INLINE_HPP_
#define WAYPOST_BASE_DENSE_KERNELS_INLINE_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>
#include <Eigen/Eigenvalues>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/lane_shuffles_inline.hpp"
#include "waypost/base/simd.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

// A tile of sums fills at most half of 32 registers, or of 16 where there are no more.
inline constexpr bool kManyRegisters = kDenseLanes == kLanes;
inline constexpr std::size_t kTileRows = 4;
inline constexpr std::size_t kTileVectors = kManyRegisters ? 4 : 2;
inline constexpr std::size_t kDotRows = kManyRegisters ? 4 : 2;

enum class Store { kSet, kAdd, kSubtract };

constexpr std::size_t SmallerOf(std::size_t a, std::size_t b) {
  return a < b ? a : b;
}

// Where the left factor of a product lies: element (step k, row r) at data[k * step + r * row].
struct LeftView {
  const float* data;
  std::size_t step;
  std::size_t row;
};

// c[r][v] = / += / -= sum over k < count of left(k, r) * b[k * b_step + v], for kRows rows and kVectors vectors.
template <std::size_t kRows, std::size_t kVectors, Store kStore>
inline void ProductTile(const LeftView& left, const float* b, std::size_t b_step, std::size_t count, float* c,
                        std::size_t c_row) {
  const DenseTag tag;
  hn::Vec<DenseTag> sums[kRows][kVectors];
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(tag);
  for (std::size_t k = 0; k < count; ++k) {
    hn::Vec<DenseTag> right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = hn::Load(tag, b + k * b_step + v * kDenseLanes);
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto factor = hn::Set(tag, left.data[k * left.step + r * left.row]);
      for (std::size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(factor, right[v], sums[r][v]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      float* at = c + r * c_row + v * kDenseLanes;
      if constexpr (kStore == Store::kSet) hn::Store(sums[r][v], tag, at);
      if constexpr (kStore == Store::kAdd) hn::Store(hn::Add(hn::Load(tag, at), sums[r][v]), tag, at);
      if constexpr (kStore == Store::kSubtract) hn::Store(hn::Sub(hn::Load(tag, at), sums[r][v]), tag, at);
    }
  }
}

// ProductTile over `columns` columns, a multiple of kLanes.
template <std::size_t kRows, Store kStore>
inline void ProductRows(const LeftView& left, const float* b, std::size_t b_step, std::size_t count, float* c,
                        std::size_t c_row, std::size_t columns) {
  constexpr std::size_t kWide = kTileVectors * kDenseLanes;
  std::size_t v = 0;
  for (; v + kWide <= columns; v += kWide)
    ProductTile<kRows, kTileVectors, kStore>(left, b + v, b_step, count, c + v, c_row);
  const std::size_t rest = (columns - v) / kDenseLanes;
  if (rest == 3) ProductTile<kRows, 3, kStore>(left, b + v, b_step, count, c + v, c_row);
  if (rest == 2) ProductTile<kRows, 2, kStore>(left, b + v, b_step, count, c + v, c_row);
  if (rest == 1) ProductTile<kRows, 1, kStore>(left, b + v, b_step, count, c + v, c_row);
}

// ProductRows for kLanes rows at once: where fewer vectors are left than a wide tile has, taller tiles keep the
// multipliers busy.
template <Store kStore>
inline void ProductGroup(const LeftView& left, const float* b, std::size_t b_step, std::size_t count, float* c,
                         std::size_t c_row, std::size_t columns) {
  constexpr std::size_t kTall = 8;
  const std::size_t wide = columns / (kTileVectors * kDenseLanes) * (kTileVectors * kDenseLanes);
  const std::size_t rest = (columns - wide) / kDenseLanes;
  const bool tall = rest == 1 || rest == 2;
  for (std::size_t r = 0; r < kLanes; r += kTileRows)
    ProductRows<kTileRows, kStore>({left.data + r * left.row, left.step, left.row}, b, b_step, count, c + r * c_row,
                                   c_row, tall ? wide : columns);
  for (std::size_t r = 0; tall && r < kLanes; r += kTall) {
    const LeftView part{left.data + r * left.row, left.step, left.row};
    float* to = c + r * c_row + wide;
    if (rest == 1) ProductTile<kTall, 1, kStore>(part, b + wide, b_step, count, to, c_row);
    if (rest == 2) ProductTile<kTall, 2, kStore>(part, b + wide, b_step, count, to, c_row);
  }
}

// c (rows x columns) = / += / -= left^T b. With `upper`, c is a square part of a symmetric matrix whose diagonal starts
// at its first element: columns left of the diagonal are skipped by whole blocks of kLanes.
template <Store kStore>
inline void Product(const LeftView& left, const float* b, std::size_t b_step, std::size_t count, float* c,
                    std::size_t c_row, std::size_t rows, std::size_t columns, bool upper) {
  std::size_t r = 0;
  for (; kManyRegisters && rows - r >= kLanes; r += kLanes) {
    const std::size_t skip = upper ? r : 0;
    ProductGroup<kStore>({left.data + r * left.row, left.step, left.row}, b + skip, b_step, count, c + r * c_row + skip,
                         c_row, columns - skip);
  }
  for (; r < rows; r += kTileRows) {
    const std::size_t skip = upper ? r / kLanes * kLanes : 0;
    const LeftView part{left.data + r * left.row, left.step, left.row};
    float* to = c + r * c_row + skip;
    if (rows - r >= kTileRows) {
      ProductRows<kTileRows, kStore>(part, b + skip, b_step, count, to, c_row, columns - skip);
      continue;
    }
    for (std::size_t left_over = r; left_over < rows; ++left_over)
      ProductRows<1, kStore>({left.data + left_over * left.row, left.step, left.row}, b + skip, b_step, count,
                             c + left_over * c_row + skip, c_row, columns - skip);
  }
}

// out[r * out_row + c] = dot(a row r, b row c) for kRows x 4 rows of `size` elements.
template <std::size_t kRows>
inline void DotTile(const float* a, const float* b, std::size_t stride, std::size_t size, float* out,
                    std::size_t out_row) {
  const DenseTag tag;
  DenseVec sums[kRows][4];
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t c = 0; c < 4; ++c) sums[r][c] = hn::Zero(tag);
  for (std::size_t k = 0; k < size; k += kDenseLanes) {
    DenseVec left[kRows];
    for (std::size_t r = 0; r < kRows; ++r) left[r] = hn::Load(tag, a + r * stride + k);
    for (std::size_t c = 0; c < 4; ++c) {
      const auto right = hn::Load(tag, b + c * stride + k);
      for (std::size_t r = 0; r < kRows; ++r) sums[r][c] = hn::MulAdd(left[r], right, sums[r][c]);
    }
  }
  static_assert(kRows % kSummedRows == 0);
  for (std::size_t first = 0; first < kRows; first += kSummedRows) {
    float rows[kSummedRows][4];
    SumsOfLanes(sums + first, rows[0]);
    for (std::size_t r = 0; r < kSummedRows; ++r)
      for (std::size_t c = 0; c < 4; ++c) out[(first + r) * out_row + c] = rows[r][c];
  }
}

constexpr std::size_t PaddedToFour(std::size_t count) {
  return (count + 3) / 4 * 4;
}

// gram[i][j] = dot(row i, row j) for j >= i, and for some elements beside that part.
//   rows  float32[PaddedToFour(count) x stride], zero past `count`; gram has as many rows and columns.
inline void GramOfRows(const float* rows, std::size_t count, std::size_t stride, float* gram, std::size_t gram_row) {
  for (std::size_t i = 0; i < count; i += kDotRows)
    for (std::size_t j = i / 4 * 4; j < count; j += 4)
      DotTile<kDotRows>(rows + i * stride, rows + j * stride, stride, stride, gram + i * gram_row + j, gram_row);
}

inline float DenseDot(const float* a, const float* b, std::size_t size) {
  const DenseTag tag;
  auto sum = hn::Zero(tag);
  for (std::size_t k = 0; k < size; k += kDenseLanes) sum = hn::MulAdd(hn::Load(tag, a + k), hn::Load(tag, b + k), sum);
  return hn::GetLane(hn::SumOfLanes(tag, sum));
}

// to += factor * from, over `size` elements, a multiple of kLanes.
inline void AddScaled(float factor, const float* from, std::size_t size, float* to) {
  const DenseTag tag;
  const auto scale = hn::Set(tag, factor);
  for (std::size_t k = 0; k < size; k += kDenseLanes)
    hn::Store(hn::MulAdd(scale, hn::Load(tag, from + k), hn::Load(tag, to + k)), tag, to + k);
}

inline void Scale(float factor, std::size_t size, float* to) {
  const DenseTag tag;
  const auto scale = hn::Set(tag, factor);
  for (std::size_t k = 0; k < size; k += kDenseLanes) hn::Store(hn::Mul(scale, hn::Load(tag, to + k)), tag, to + k);
}

// Columns first..first + width of `count` rows, side by side.
inline void PackColumns(const float* rows, std::size_t count, std::size_t stride, std::size_t first, std::size_t width,
                        float* to) {
  const DenseTag tag;
  for (std::size_t r = 0; r < count; ++r)
    for (std::size_t v = 0; v < width; v += kDenseLanes)
      hn::Store(hn::Load(tag, rows + r * stride + first + v), tag, to + r * width + v);
}

inline void Gramian(const float* rows, std::size_t count, std::size_t stride, std::size_t first_row,
                    std::size_t row_count, std::size_t first_column, std::size_t column_count, double* sum,
                    std::size_t sum_stride, float* scratch) {
  const bool diagonal = first_row == first_column;
  const bool pack = stride > kGramianTile;  // a tile's columns lie far apart
  float* left = scratch + kGramianTile * kGramianTile;
  float* right = diagonal ? left : left + kProductPanel * kGramianTile;
  for (std::size_t begin = 0; begin < count; begin += kProductPanel) {
    const std::size_t size = SmallerOf(kProductPanel, count - begin);
    const float* panel = rows + begin * stride;
    if (pack) {
      PackColumns(panel, size, stride, first_row, row_count, left);
      if (!diagonal) PackColumns(panel, size, stride, first_column, column_count, right);
      Product<Store::kSet>({left, row_count, 1}, right, column_count, size, scratch, kGramianTile, row_count,
                           column_count, diagonal);
    } else {
      Product<Store::kSet>({panel + first_row, stride, 1}, panel + first_column, stride, size, scratch, kGramianTile,
                           row_count, column_count, diagonal);
    }
    for (std::size_t i = 0; i < row_count; ++i)
      for (std::size_t j = diagonal ? i / kLanes * kLanes : 0; j < column_count; ++j)
        sum[i * sum_stride + j] += scratch[i * kGramianTile + j];
  }
}

inline void Rotate(const float* rows, std::size_t count, std::size_t stride, const float* rotation, float* out) {
  for (std::size_t first = 0; first < stride; first += kRotationStrip) {
    const std::size_t width = SmallerOf(kRotationStrip, stride - first);
    Product<Store::kSet>({rows, 1, stride}, rotation + first * stride, width, stride, out + first, stride, count, width,
                         false);
  }
}

// The rest of kLanes rows of a factor, right of its block on the diagonal: rest = U_kk^-T rest.
//   block  the kLanes x kLanes block on the diagonal, with the matrix's stride.
inline void SolvePanel(const float* block, const float* inverse_diagonal, std::size_t stride, std::size_t width,
                       float* rest) {
  const DenseTag tag;
  for (std::size_t v = 0; v < width; v += kDenseLanes) {
    DenseVec x[kLanes];
    Unroll<kLanes>([&](auto k)
                       __attribute__((always_inline)) { x[k.value] = hn::Load(tag, rest + k.value * stride + v); });
    Unroll<kLanes>([&](auto k) __attribute__((always_inline)) {
      x[k.value] = hn::Mul(x[k.value], hn::Set(tag, inverse_diagonal[k.value]));
      hn::Store(x[k.value], tag, rest + k.value * stride + v);
      Unroll<kLanes - 1 - k.value>([&](auto i) __attribute__((always_inline)) {
        constexpr std::size_t kRow = k.value + 1 + i.value;
        x[kRow] = hn::NegMulAdd(hn::Set(tag, block[k.value * stride + kRow]), x[k.value], x[kRow]);
      });
    });
  }
}

// SumRows for kVectors vectors of each row: the sums stay in registers.
template <std::size_t kVectors, bool kWeighted>
inline void SumStrip(const float* rows, std::size_t stride, const std::uint32_t* indices, const float* weights,
                     std::size_t count, float scale, float* out) {
  constexpr std::size_t kAhead = 4;  // rows that are on their way from memory
  const DenseTag tag;
  DenseVec sums[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(tag);
  for (std::size_t n = 0; n < count; ++n) {
    if (n + kAhead < count) {
      const float* later = rows + indices[n + kAhead] * stride;
      for (std::size_t k = 0; k < kVectors * kDenseLanes; k += kLanes) __builtin_prefetch(later + k);
    }
    const float* row = rows + indices[n] * stride;
    if constexpr (kWeighted) {
      const DenseVec weight = hn::Set(tag, weights[n]);
      for (std::size_t v = 0; v < kVectors; ++v)
        sums[v] = hn::MulAdd(weight, hn::Load(tag, row + v * kDenseLanes), sums[v]);
    } else {
      for (std::size_t v = 0; v < kVectors; ++v) sums[v] = hn::Add(sums[v], hn::Load(tag, row + v * kDenseLanes));
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v)
    hn::Store(hn::Mul(sums[v], hn::Set(tag, scale)), tag, out + v * kDenseLanes);
}

template <bool kWeighted>
inline void SumRowsOf(const float* rows, std::size_t stride, const std::uint32_t* indices, const float* weights,
                      std::size_t count, float scale, float* out) {
  constexpr std::size_t kVectors = kManyRegisters ? 16 : 8;
  constexpr std::size_t kWide = kVectors * kDenseLanes;
  std::size_t k = 0;
  for (; k + kWide <= stride; k += kWide)
    SumStrip<kVectors, kWeighted>(rows + k, stride, indices, weights, count, scale, out + k);
  for (; k < stride; k += kLanes)
    SumStrip<kLanes / kDenseLanes, kWeighted>(rows + k, stride, indices, weights, count, scale, out + k);
}

inline void SumRows(const float* rows, std::size_t stride, const std::uint32_t* indices, const float* weights,
                    std::size_t count, float scale, float* out) {
  if (weights == nullptr) return SumRowsOf<false>(rows, stride, indices, weights, count, scale, out);
  SumRowsOf<true>(rows, stride, indices, weights, count, scale, out);
}

// SumScaledRows for kVectors vectors of each row.
template <std::size_t kVectors>
inline void SumScaledStrip(const float* rows, std::size_t stride, const std::uint32_t* indices, const float* factors,
                           std::size_t count, float* out) {
  constexpr std::size_t kAhead = 4;  // rows that are on their way from memory
  const DenseTag tag;
  DenseVec sums[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(tag);
  for (std::size_t n = 0; n < count; ++n) {
    if (n + kAhead < count) {
      const float* later = rows + indices[n + kAhead] * stride;
      for (std::size_t k = 0; k < kVectors * kDenseLanes; k += kLanes) __builtin_prefetch(later + k);
    }
    const float* row = rows + indices[n] * stride;
    const auto factor = hn::Set(tag, factors[n]);
    for (std::size_t v = 0; v < kVectors; ++v)
      sums[v] = hn::Add(sums[v], hn::Mul(factor, hn::Load(tag, row + v * kDenseLanes)));
  }
  for (std::size_t v = 0; v < kVectors; ++v) hn::Store(sums[v], tag, out + v * kDenseLanes);
}

inline void SumScaledRows(const float* rows, std::size_t stride, const std::uint32_t* indices, const float* factors,
                          std::size_t count, float* out) {
  if (factors == nullptr) return SumRows(rows, stride, indices, nullptr, count, 1.0f, out);
  constexpr std::size_t kVectors = kManyRegisters ? 16 : 8;
  constexpr std::size_t kWide = kVectors * kDenseLanes;
  std::size_t k = 0;
  for (; k + kWide <= stride; k += kWide) SumScaledStrip<kVectors>(rows + k, stride, indices, factors, count, out + k);
  for (; k < stride; k += kLanes)
    SumScaledStrip<kLanes / kDenseLanes>(rows + k, stride, indices, factors, count, out + k);
}

inline void AddProduct(const float* left, std::size_t left_stride, const float* right, std::size_t right_stride,
                       std::size_t count, float* sum, std::size_t sum_stride, std::size_t row_count,
                       std::size_t column_count) {
  Product<Store::kAdd>({left, left_stride, 1}, right, right_stride, count, sum, sum_stride, row_count, column_count,
                       false);
}

inline bool Cholesky(float* matrix, std::size_t size, std::size_t stride, float* inverse_diagonal) {
  constexpr std::size_t kPanel = kLanes;  // rows factored before the rest is updated
  for (std::size_t begin = 0; begin < size; begin += kPanel) {
    const std::size_t end = SmallerOf(begin + kPanel, size);
    const std::size_t width = PaddedDimensions(size) - begin;  // the panel starts at an aligned column
    for (std::size_t k = begin; k < end; ++k) {
      float* row = matrix + k * stride + begin;
      const float pivot = row[k - begin];
      if (!(pivot > 0) || !(pivot < HUGE_VALF)) return false;
      const float inverse = 1.0f / std::sqrt(pivot);
      inverse_diagonal[k] = inverse;
      // What lies beside the upper part may be anything: zero, it takes no part in vectors that reach over it.
      for (std::size_t j = 0; j < k - begin; ++j) row[j] = 0;
      for (std::size_t j = size - begin; j < width; ++j) row[j] = 0;
      Scale(inverse, kPanel, row);
      for (std::size_t i = k + 1; i < end; ++i) AddScaled(-row[i - begin], row, kPanel, matrix + i * stride + begin);
    }
    if (end == size) break;
    float* panel = matrix + begin * stride + end;
    SolvePanel(matrix + begin * stride + begin, inverse_diagonal + begin, stride, width - kPanel, panel);
    Product<Store::kSubtract>({panel, stride, 1}, panel, stride, kPanel, matrix + end * stride + end, stride,
                              size - end, width - kPanel, true);
  }
  return true;
}

inline void CholeskySolve(const float* upper, std::size_t size, std::size_t stride, const float* inverse_diagonal,
                          float* right_side, float* solution) {
  const std::size_t padded = PaddedDimensions(size);
  float* forward = solution;  // U^T forward = right_side
  for (std::size_t k = 0; k < size; ++k) {
    const float value = right_side[k] * inverse_diagonal[k];
    forward[k] = value;
    const std::size_t from = k / kLanes * kLanes;  // spoils only elements that are done
    AddScaled(-value, upper + k * stride + from, padded - from, right_side + from);
  }
  // Solved elements go to right_side, whose others are 0, so that one dot product takes exactly the solved ones.
  for (std::size_t k = 0; k < padded; ++k) right_side[k] = 0;
  for (std::size_t k = size; k-- > 0;) {
    const std::size_t from = k / kLanes * kLanes;
    const float sum = DenseDot(upper + k * stride + from, right_side + from, padded - from);
    right_side[k] = (forward[k] - sum) * inverse_diagonal[k];
  }
  for (std::size_t k = 0; k < size; ++k) solution[k] = right_side[k];
  for (std::size_t k = size; k < padded; ++k) solution[k] = 0;
}

inline bool SymmetricEigen(double* matrix, std::size_t size, double* values) {
  const auto n = static_cast<Eigen::Index>(size);
  Eigen::Map<Eigen::MatrixXd> map(matrix, n, n);  // symmetric: column-major is as good
  map.triangularView<Eigen::StrictlyLower>() = map.transpose();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(map);
  if (solver.info() != Eigen::Success) return false;
  map = solver.eigenvectors().rowwise().reverse();
  for (Eigen::Index k = 0; k < n; ++k) values[k] = solver.eigenvalues()[n - 1 - k];
  return true;
}

inline const DenseKernels& DenseKernelTable() {
  static constexpr DenseKernels kTable{&Gramian,    &Rotate,   &SumRows,       &SumScaledRows,
                                       &AddProduct, &Cholesky, &CholeskySolve, &SymmetricEigen};
  return kTable;
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_BASE_DENSE_KERNELS_INLINE_HPP_
