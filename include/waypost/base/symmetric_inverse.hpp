// waypost/base/symmetric_inverse.hpp - the inverse of a large positive definite matrix in its own memory, on all cores.
//
// Definition   blockwise sweeps: with K a block of indices and D = A_KK, a sweep puts
//                A_ij <- A_ij - A_Ki^T D^-1 A_Kj,  A_Kj <- D^-1 A_Kj,  A_KK <- -D^-1     for i, j outside of K,
//              and when every block was swept A holds -A^-1. Swept or not, A stays symmetric: only its upper part is
//              kept, in strips of 64 columns, and every step is one product of dense tiles.
// Sources      J. H. Goodnight, A Tutorial on the SWEEP Operator, The American Statistician 33(3), 1979.
// Deviations   blocks in place of single pivots. No pivot is searched: D, a Schur complement of a positive definite
//              matrix or the negative of an inverse, is never singular before its sweep.
// Complexity   size^3 additions and multiplications in all; two panels of 256 rows beside the matrix.
// Numerics     float32; a pivot block is inverted in float64. The error of the result relative to its largest element
//              grows as the condition of the matrix times 2^-24.
// Determinism  tiles are of fixed size, each is computed by one thread, and sweeps follow one another.
// Checked by   tests/unit/base_symmetric_inverse_test.cpp against Eigen in float64.
#ifndef WAYPOST_BASE_SYMMETRIC_INVERSE_HPP_
#define WAYPOST_BASE_SYMMETRIC_INVERSE_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Cholesky>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/shared_array.hpp"

namespace waypost {

inline constexpr std::size_t kSweepStrip = kRotationStrip;  // columns of a strip: fixed, part of the result
inline constexpr std::size_t kSweepBlock = kProductPanel;   // indices of a sweep: fixed, part of the result

// Sweeps the blocks of a matrix one after the other.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class SymmetricSweeper {
 public:
  //   matrix   float32[size x size], row-major, 64-byte aligned. Read and written are the elements on and right of the
  //            diagonal and, where row and column lie in one strip, all.
  // Requires   size is a multiple of 16.
  // Lifetime   `matrix` must outlive the sweeper.
  // Errors     throws std::bad_alloc.
  SymmetricSweeper(float* matrix, std::size_t size)
      : matrix_(matrix),
        size_(size),
        strips_((size + kSweepStrip - 1) / kSweepStrip),
        left_(kSweepBlock * size),
        right_(kSweepBlock * size),
        pivot_(kSweepBlock * kSweepBlock) {}

  // Bytes that a sweeper allocates for each index; 2 MB for pivots are beside them.
  static constexpr std::size_t kBytesAnIndex = 2 * kSweepBlock * sizeof(float);

  std::size_t blocks() const { return (size_ + kSweepBlock - 1) / kSweepBlock; }

  // Sweeps block `block`. Returns false, with the matrix spoilt, when its pivot is not positive definite.
  //   stop   asked between tiles on any thread; true leaves the rest out and spoils the matrix.
  // Requires   each block is swept once.
  template <typename Stop>
  bool Sweep(std::size_t block, const Parallelism& parallelism, Stop&& stop) {
    first_ = block * kSweepBlock;
    count_ = std::min(kSweepBlock, size_ - first_);
    const std::size_t first_strip = first_ / kSweepStrip;
    const std::size_t last_strip = (first_ + count_ + kSweepStrip - 1) / kSweepStrip;
    const auto swept = [&](std::size_t strip) { return strip >= first_strip && strip < last_strip; };
    if (!InvertPivot()) return false;
    ForEachBlock(parallelism, strips_, 1, [&](std::size_t strip, std::size_t, std::size_t) {
      if (swept(strip) || stop()) return;
      ReadPanel(strip);
      MultiplyPanel(strip);
    });
    const std::size_t tall = (strips_ + kTileRows - 1) / kTileRows;
    const std::size_t wide = (strips_ + kTileColumns - 1) / kTileColumns;
    ForEachBlock(parallelism, tall * wide, 1, [&](std::size_t tile, std::size_t, std::size_t) {
      const std::size_t top = tile / wide * kTileRows;
      const std::size_t left = tile % wide * kTileColumns;
      for (std::size_t column = left; column < std::min(left + kTileColumns, strips_); ++column)
        for (std::size_t row = top; row < std::min(top + kTileRows, column + 1) && !swept(column); ++row)
          if (!swept(row) && !stop()) UpdateTile(row, column);
    });
    ForEachBlock(parallelism, strips_, 1, [&](std::size_t strip, std::size_t, std::size_t) {
      swept(strip) ? WritePivot(strip) : WritePanel(strip);
    });
    return true;
  }

 private:
  // Strips of a task: its left panels and one right panel stay in a second-level cache.
  static constexpr std::size_t kTileRows = 4;
  static constexpr std::size_t kTileColumns = 8;

  std::size_t width(std::size_t strip) const { return std::min(kSweepStrip, size_ - strip * kSweepStrip); }
  float* row(std::size_t index) const { return matrix_ + index * size_; }
  // Panels hold strip after strip, each count_ x its width.
  float* left(std::size_t strip) { return left_.data() + strip * kSweepStrip * kSweepBlock; }
  float* right(std::size_t strip) { return right_.data() + strip * kSweepStrip * kSweepBlock; }

  // pivot_ = -D^-1.
  bool InvertPivot() {
    const auto count = static_cast<Eigen::Index>(count_);
    Eigen::MatrixXd pivot(count, count);
    for (std::size_t i = 0; i < count_; ++i)
      for (std::size_t j = i; j < count_; ++j)
        pivot(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i)) = row(first_ + i)[first_ + j];
    const Eigen::LLT<Eigen::MatrixXd> factored(pivot);
    if (factored.info() != Eigen::Success) return false;
    const Eigen::MatrixXd inverse = factored.solve(Eigen::MatrixXd::Identity(count, count));
    for (std::size_t i = 0; i < count_; ++i) {
      for (std::size_t j = 0; j < count_; ++j) {
        const auto low = static_cast<Eigen::Index>(std::max(i, j));
        pivot_[i * count_ + j] = static_cast<float>(-inverse(low, static_cast<Eigen::Index>(std::min(i, j))));
      }
    }
    return true;
  }

  // left = -A_K,strip.
  void ReadPanel(std::size_t strip) {
    float* to = left(strip);
    const std::size_t begin = strip * kSweepStrip;
    const std::size_t columns = width(strip);
    if (begin > first_) {
      for (std::size_t k = 0; k < count_; ++k)
        for (std::size_t c = 0; c < columns; ++c) to[k * columns + c] = -row(first_ + k)[begin + c];
    } else {
      for (std::size_t c = 0; c < columns; ++c)
        for (std::size_t k = 0; k < count_; ++k) to[k * columns + c] = -row(begin + c)[first_ + k];
    }
  }

  // right = -D^-1 left = D^-1 A_K,strip.
  void MultiplyPanel(std::size_t strip) {
    const std::size_t columns = width(strip);
    std::fill_n(right(strip), count_ * columns, 0.0f);
    GetDenseKernels().add_product(pivot_.data(), count_, left(strip), columns, count_, right(strip), columns, count_,
                                  columns);
  }

  void UpdateTile(std::size_t row_strip, std::size_t column_strip) {
    GetDenseKernels().add_product(left(row_strip), width(row_strip), right(column_strip), width(column_strip), count_,
                                  row(row_strip * kSweepStrip) + column_strip * kSweepStrip, size_, width(row_strip),
                                  width(column_strip));
  }

  void WritePanel(std::size_t strip) {
    const float* from = right(strip);
    const std::size_t begin = strip * kSweepStrip;
    const std::size_t columns = width(strip);
    if (begin > first_) {
      for (std::size_t k = 0; k < count_; ++k) std::copy_n(from + k * columns, columns, row(first_ + k) + begin);
    } else {
      for (std::size_t c = 0; c < columns; ++c)
        for (std::size_t k = 0; k < count_; ++k) row(begin + c)[first_ + k] = from[k * columns + c];
    }
  }

  void WritePivot(std::size_t strip) {
    const std::size_t begin = strip * kSweepStrip;
    for (std::size_t r = begin; r < begin + width(strip); ++r)
      std::copy_n(pivot_.data() + (r - first_) * count_ + (begin - first_), first_ + count_ - begin, row(r) + begin);
  }

  float* matrix_;
  std::size_t size_;
  std::size_t strips_;
  AlignedVector<float> left_;
  AlignedVector<float> right_;
  AlignedVector<float> pivot_;
  std::size_t first_ = 0;  // of the indices of the sweep
  std::size_t count_ = 0;
};

}  // namespace waypost

#endif  // WAYPOST_BASE_SYMMETRIC_INVERSE_HPP_
