// waypost/matrix/truncated_svd.hpp - the largest singular values of a sparse matrix and their right singular vectors,
// by blocked randomised subspace iteration.
//
// Definition   A = diag(r) M diag(c) with M sparse and scales r, c >= 0. Begins with random vectors Y, a few more than
//              are asked for, repeats Y <- orthonormal basis of A^T A Y, and takes from the last one the Ritz vectors:
//              with (A Y)^T (A Y) = W S^2 W^T the right singular vectors are Y W and the singular values S.
// Sources      [1] N. Halko, P. Martinsson, J. Tropp, Finding Structure with Randomness, SIAM Review 53(2), 2011
//                  (algorithms 4.4 and 5.1).
// Deviations   Bases are orthonormalised by the eigenvectors of their Gramian, which is one pass of dense products over
//              tall tables, in place of a QR factorisation; the last one three times, so that also columns which the
//              first time were too short for float32 are orthogonal.
// Complexity   an iteration: 2 entries l additions, 3 columns l^2 multiply-adds and some 9 l^3, with l = rank +
//              kSvdOversampling. Memory (rows + columns) l float32, 3 l^2 float64 and at most 64 Gramian tiles of
//              128^2.
// Numerics     the error of a singular value falls by (s_l+1 / s_k)^4 an iteration; beside that float32 leaves about
//              1e-6 of the largest. Vectors of singular values below 1e-4 of the largest are noise.
// Determinism  random streams a row, blocks of fixed size: the same bits for any number of threads.
// Checked by   tests/unit/matrix_truncated_svd_test.cpp against Eigen's dense SVD.
#ifndef WAYPOST_MATRIX_TRUNCATED_SVD_HPP_
#define WAYPOST_MATRIX_TRUNCATED_SVD_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/factor_algebra.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/sparse_product.hpp"

namespace waypost {

inline constexpr std::size_t kSvdOversampling =
    32;  // [1] asks for 5 to 10; more saves iterations where values fall slowly

struct SvdOptions {
  std::size_t rank = 64;    // singular vectors wanted
  int iterations = 6;       // passes over the matrix and back; 4..12 is usual
  std::uint64_t seed = 42;  // of the first vectors
};

// diag(row_scale) matrix diag(column_scale). Borrowed.
struct ScaledMatrixView {
  const SparseMatrix& matrix;
  const SparseMatrix& transpose;
  std::span<const float> row_scale;     // float32[rows], >= 0
  std::span<const float> column_scale;  // float32[columns], >= 0
};

struct TruncatedSvd {
  std::vector<double> values;  // the rank largest, descending; 0 past the rank of the matrix
  FactorMatrix right;  // columns x rank: element (c, k) of right singular vector k; vectors of the value 0 are 0
};

// Watches a decomposition. Empty functions are not called.
struct SvdControl {
  std::function<bool()> cancelled;                        // true ends it
  std::function<absl::Status(int step)> after_iteration;  // counted from 1; an error ends it with that error
};

namespace internal {

class SubspaceIteration {
 public:
  SubspaceIteration(const ScaledMatrixView& matrix, const SvdOptions& options, const SvdControl& control,
                    const Parallelism& parallelism)
      : matrix_(matrix),
        options_(options),
        control_(control),
        parallelism_(parallelism),
        rank_(std::min({options.rank, matrix.matrix.rows(), matrix.matrix.columns()})),
        algebra_(std::max<std::size_t>(1, std::min(rank_ + kSvdOversampling, matrix.matrix.columns())), parallelism,
                 [this] { return Cancelled(); }) {}

  absl::StatusOr<TruncatedSvd> Run() && {
    const auto column_scale = [&](std::size_t column) { return matrix_.column_scale[column]; };
    columns_.assign(matrix_.matrix.columns() * algebra_.stride(), 0.0f);
    rows_.assign(matrix_.matrix.rows() * algebra_.stride(), 0.0f);
    algebra_.FillRandomly(options_.seed, 1.0, columns_);
    algebra_.ScaleRows([&](std::size_t column) { return column_scale(column) > 0 ? 1 : 0; }, columns_);
    for (int step = 1; step <= options_.iterations; ++step) {
      algebra_.ScaleRows(column_scale, columns_);
      ToRows([](double scale) { return scale * scale; });
      Sum(matrix_.transpose, rows_, column_scale, columns_);
      WAYPOST_RETURN_IF_ERROR(Orthonormalize());
      if (control_.after_iteration) WAYPOST_RETURN_IF_ERROR(control_.after_iteration(step));
    }
    constexpr int kRefinements = 2;
    for (int n = 0; n < kRefinements; ++n) WAYPOST_RETURN_IF_ERROR(Orthonormalize());
    return RitzVectors();
  }

 private:
  bool Cancelled() const { return control_.cancelled && control_.cancelled(); }
  absl::Status Status() const {
    return Cancelled() ? absl::CancelledError("truncated SVD: cancelled") : absl::OkStatus();
  }
  static absl::Status NotFinite() {
    return absl::InvalidArgumentError("truncated SVD: want a matrix whose products are finite in float32, got others");
  }

  absl::Status Orthonormalize() {
    if (!algebra_.Orthonormalize(columns_, lengths_)) return NotFinite();
    return Status();
  }

  template <typename Scale>
  void Sum(const SparseMatrix& entries, const AlignedVector<float>& in, const Scale& scale, AlignedVector<float>& out) {
    SumNeighbours(entries, EntryWeights::kValues, in, algebra_.stride(), scale, out, parallelism_,
                  [this] { return Cancelled(); });
  }
  // The rows of the matrix times the columns' vectors, each multiplied by factor(row_scale).
  template <typename Factor>
  void ToRows(const Factor& factor) {
    Sum(
        matrix_.matrix, columns_, [&](std::size_t row) { return factor(matrix_.row_scale[row]); }, rows_);
  }

  absl::StatusOr<TruncatedSvd> RitzVectors() {
    const auto scale = [&](std::size_t column) { return matrix_.column_scale[column]; };
    algebra_.ScaleRows(scale, columns_);
    ToRows([](double row_scale) { return row_scale; });
    algebra_.ScaleRows([&](std::size_t column) { return scale(column) > 0 ? 1 / scale(column) : 0.0f; }, columns_);
    AlignedVector<double> vectors = algebra_.Gramian(rows_);
    AlignedVector<float>().swap(rows_);
    WAYPOST_RETURN_IF_ERROR(Status());
    AlignedVector<double> squares;
    if (!algebra_.ToEigenvectors(vectors, squares)) return NotFinite();
    const double least = kNoise * squares.front();
    algebra_.Rotate(algebra_.RotationOf(vectors, [&](std::size_t k) { return squares[k] > least ? 1.0 : 0.0; }),
                    columns_);
    WAYPOST_RETURN_IF_ERROR(Status());
    TruncatedSvd result{.values = std::vector<double>(options_.rank, 0.0), .right = {}};
    for (std::size_t k = 0; k < rank_; ++k) result.values[k] = squares[k] > least ? std::sqrt(squares[k]) : 0.0;
    const std::size_t stride = PaddedDimensions(options_.rank);
    AlignedVector<float> right(matrix_.matrix.columns() * stride, 0.0f);
    for (std::size_t column = 0; column < matrix_.matrix.columns(); ++column)
      std::copy_n(columns_.data() + column * algebra_.stride(), rank_, right.data() + column * stride);
    result.right = FactorMatrix(matrix_.matrix.columns(), options_.rank, SharedArray<float>(std::move(right)));
    return result;
  }

  static constexpr double kNoise = 1e-8;  // of the largest square: below, float32 carries nothing

  const ScaledMatrixView& matrix_;
  const SvdOptions& options_;
  const SvdControl& control_;
  const Parallelism& parallelism_;
  std::size_t rank_;
  FactorAlgebra algebra_;
  AlignedVector<float> columns_;
  AlignedVector<float> rows_;
  AlignedVector<double> lengths_;
};

}  // namespace internal

// Returns the `rank` largest singular values of the scaled matrix and their right singular vectors. A left one is
// A v / s.
//
// Requires  `transpose` is that of `matrix`; scales of the right lengths.
// Errors    kInvalidArgument: products beyond float32.  kCancelled.  Errors of control.after_iteration. Throws
//           std::bad_alloc.
inline absl::StatusOr<TruncatedSvd> RightSingularVectors(const ScaledMatrixView& matrix, const SvdOptions& options,
                                                         const SvdControl& control = {},
                                                         const Parallelism& parallelism = {}) {
  return internal::SubspaceIteration(matrix, options, control, parallelism).Run();
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_TRUNCATED_SVD_HPP_
