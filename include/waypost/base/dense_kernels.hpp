// waypost/base/dense_kernels.hpp - the dense linear algebra that training needs, one table per instruction set.
//
// Conventions   Matrices are row-major; float32 tables have a stride that is a multiple of 16 elements, are 64-byte
//               aligned and zero in their padding, as in factor_matrix.hpp. "Upper" means that only elements on and
//               right of the diagonal have a meaning; the others may be anything and are overwritten.
// Numerics      Products are summed in float32 over at most 256 rows in registers; gramian adds those blocks in
//               float64, in order. The eigenvectors are float64 throughout.
// Determinism   Every kernel is a sequential function of its arguments: callers cut the work into fixed parts.
// Checked by    tests/unit/base_dense_kernels_test.cpp against loops in double precision.
#ifndef WAYPOST_BASE_DENSE_KERNELS_HPP_
#define WAYPOST_BASE_DENSE_KERNELS_HPP_

#include <cstddef>
#include <cstdint>

namespace waypost {

struct DenseKernels {
  // sum[i][j] += sum over rows r of rows[r][first_row + i] * rows[r][first_column + j]; where first_row and
  // first_column are equal, for j >= i and for some elements beside that part.
  //   rows      float32[count x stride]; row_count and column_count at most kGramianTile, all columns inside stride;
  //             first_column and column_count multiples of 16.
  //   sum       float64[row_count x sum_stride].
  //   scratch   float32[kGramianScratch], 64-byte aligned.
  void (*gramian)(const float* rows, std::size_t count, std::size_t stride, std::size_t first_row,
                  std::size_t row_count, std::size_t first_column, std::size_t column_count, double* sum,
                  std::size_t sum_stride, float* scratch);

  // out = rows * rotation.
  //   rows, out   float32[count x stride], not overlapping.
  //   rotation    float32[stride x stride], 64-byte aligned, in strips of kRotationStrip columns (the last may be
  //               narrower): RotationAt says where an element lies.
  void (*rotate)(const float* rows, std::size_t count, std::size_t stride, const float* rotation, float* out);

  // out = scale * (weights[0] rows[indices[0]] + weights[1] rows[indices[1]] + ...), summed in float32 in this order;
  // zero for no index. Without weights each is 1.
  //   rows     float32[.. x stride]; out float32[stride], 64-byte aligned, not one of the rows.
  //   weights  float32[count] or null.
  void (*sum_rows)(const float* rows, std::size_t stride, const std::uint32_t* indices, const float* weights,
                   std::size_t count, float scale, float* out);

  // out = factors[0] * rows[indices[0]] + factors[1] * rows[indices[1]] + ..., each product rounded to float32 and
  // summed in this order; zero for no index.
  //   factors   float32[count], or null: every factor is 1. The rest as for sum_rows.
  void (*sum_scaled_rows)(const float* rows, std::size_t stride, const std::uint32_t* indices, const float* factors,
                          std::size_t count, float* out);

  // sum[i][j] += left[0][i] * right[0][j] + left[1][i] * right[1][j] + ... for i < row_count, j < column_count.
  //   left    float32[count x left_stride]; right float32[count x right_stride]; both side by side in the caches: at
  //           most kProductPanel rows and kRotationStrip columns are best.
  //   sum     float32[row_count x sum_stride]; columns and strides multiples of 16, right and sum 64-byte aligned.
  void (*add_product)(const float* left, std::size_t left_stride, const float* right, std::size_t right_stride,
                      std::size_t count, float* sum, std::size_t sum_stride, std::size_t row_count,
                      std::size_t column_count);

  // Factors the upper part of a positive definite matrix in place into U with U^T U = matrix; the reciprocals of U's
  // diagonal go to inverse_diagonal[size]. Returns false, with the matrix spoilt, when a pivot is not positive and
  // finite.
  //   matrix    float32[size x stride], stride >= size.
  bool (*cholesky)(float* matrix, std::size_t size, std::size_t stride, float* inverse_diagonal);

  // Solves U^T U solution = right_side for the result of `cholesky`; spoils right_side.
  //   right_side, solution   float32[stride], 64-byte aligned; solution is zero in its padding.
  void (*cholesky_solve)(const float* upper, std::size_t size, std::size_t stride, const float* inverse_diagonal,
                         float* right_side, float* solution);

  // Replaces a symmetric matrix by its eigenvectors, eigenvalues descending: row k belongs to values[k]. Returns false
  // when the iteration does not converge. Throws std::bad_alloc.
  //   matrix    float64[size x size]; the lower part is read; values float64[size].
  bool (*symmetric_eigen)(double* matrix, std::size_t size, double* values);
};

inline constexpr std::size_t kGramianTile = 128;   // rows and columns of one gramian call: 64 KiB of sums
inline constexpr std::size_t kProductPanel = 256;  // rows summed in float32 before they are added in a wider form
inline constexpr std::size_t kGramianScratch = kGramianTile * kGramianTile + 2 * kProductPanel * kGramianTile;
inline constexpr std::size_t kRotationStrip = 64;  // columns a register tile walks through consecutive memory for

// Where element (row, column) of a rotation lies.
constexpr std::size_t RotationAt(std::size_t row, std::size_t column, std::size_t stride) {
  const std::size_t first = column / kRotationStrip * kRotationStrip;
  const std::size_t width = stride - first < kRotationStrip ? stride - first : kRotationStrip;
  return first * stride + row * width + (column - first);
}

}  // namespace waypost

#ifdef WAYPOST_COMPILED

namespace waypost {

// The table of the instruction set that runs.
const DenseKernels& GetDenseKernels();

}  // namespace waypost

#else

#include "waypost/base/dense_kernels_inline.hpp"

namespace waypost {

inline const DenseKernels& GetDenseKernels() {
  return simd::WAYPOST_SIMD_TARGET::DenseKernelTable();
}

}  // namespace waypost

#endif

#endif  // WAYPOST_BASE_DENSE_KERNELS_HPP_
