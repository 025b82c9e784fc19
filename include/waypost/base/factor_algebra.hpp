// waypost/base/factor_algebra.hpp - linear algebra of tall tables of vectors: Gramians, their eigenvectors, rotations.
//
// Layout        A table has rows of `stride` float32, `dimensions` of them used and the rest 0, as in
// factor_matrix.hpp. Complexity    n rows: a Gramian n d^2 / 2, a rotation n d^2 multiply-adds, eigenvectors some 9
// d^3. Numerics      Gramians in float64 over float32 sums of at most 256 rows; eigenvectors in float64; tables in
// float32. Determinism   Work is cut by the sizes alone, and sums are combined in block order. Checked by
// tests/unit/base_factor_algebra_test.cpp against loops in double precision; iALS and the singular vectors
//               of matrix/truncated_svd.hpp stand on it.
#ifndef WAYPOST_BASE_FACTOR_ALGEBRA_HPP_
#define WAYPOST_BASE_FACTOR_ALGEBRA_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <utility>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/random.hpp"
#include "waypost/base/shared_array.hpp"

namespace waypost {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class FactorAlgebra {
 public:
  static constexpr std::size_t kBlock = 256;  // rows initialised, scaled or rotated together

  // `cancelled` is asked before each block, on any thread: true leaves the rest of the work out.
  // Lifetime  `parallelism` outlives the object.
  FactorAlgebra(std::size_t dimensions, const Parallelism& parallelism, std::function<bool()> cancelled)
      : dimensions_(dimensions),
        stride_(PaddedDimensions(dimensions)),
        parallelism_(parallelism),
        cancelled_(std::move(cancelled)) {}

  std::size_t dimensions() const { return dimensions_; }
  std::size_t stride() const { return stride_; }

  // The calling thread's memory: at least `size` elements, whose content the next call may change.
  float* Scratch(std::size_t size) {
    AlignedVector<float>& local = scratch_.local();
    if (local.size() < size) local.resize(size);
    return local.data();
  }

  // Fills the table with uniform numbers of mean 0 in a range of this length, one stream of `seed` a row.
  void FillRandomly(std::uint64_t seed, double range, AlignedVector<float>& table) {
    ForEachBlock(parallelism_, table.size() / stride_, kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t row = begin; row < end; ++row) {
        Random random(seed, row);
        for (std::size_t k = 0; k < dimensions_; ++k)
          table[row * stride_ + k] = static_cast<float>(range * (random.Uniform() - 0.5));
      }
    });
  }

  // Multiplies every row by factor(row).
  template <typename Factor>
  void ScaleRows(const Factor& factor, AlignedVector<float>& table) {
    ForEachBlock(parallelism_, table.size() / stride_, kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t row = begin; row < end; ++row) {
        const auto by = static_cast<float>(factor(row));
        for (std::size_t k = 0; k < stride_; ++k) table[row * stride_ + k] *= by;
      }
    });
  }

  // The Gramian of the columns of a table: float64[d x d].
  AlignedVector<double> Gramian(const AlignedVector<float>& table) {
    const std::size_t rows = table.size() / stride_;
    const std::size_t tiles = (stride_ + kGramianTile - 1) / kGramianTile;
    const std::size_t pairs = tiles * (tiles + 1) / 2;
    const std::size_t chunks =
        std::clamp<std::size_t>(rows / kGramianRows, 1, std::max<std::size_t>(1, kGramianUnits / pairs));
    const std::size_t chunk_rows = (rows + chunks - 1) / chunks;
    partial_gramians_.resize(chunks * stride_ * stride_);
    ForEachBlock(parallelism_, chunks * pairs, 1, [&](std::size_t unit, std::size_t, std::size_t) {
      const std::size_t chunk = unit / pairs;
      std::size_t row = 0;
      std::size_t column = unit % pairs;
      for (; column >= tiles - row; ++row) column -= tiles - row;
      column += row;
      const std::size_t first = std::min(rows, chunk * chunk_rows);
      const std::size_t last = std::min(rows, first + chunk_rows);
      const std::size_t height = std::min(kGramianTile, stride_ - row * kGramianTile);
      const std::size_t width = std::min(kGramianTile, stride_ - column * kGramianTile);
      double* sum = partial_gramians_.data() + (chunk * stride_ + row * kGramianTile) * stride_ + column * kGramianTile;
      for (std::size_t i = 0; i < height; ++i) std::fill_n(sum + i * stride_, width, 0.0);
      GetDenseKernels().gramian(table.data() + first * stride_, last - first, stride_, row * kGramianTile, height,
                                column * kGramianTile, width, sum, stride_, Scratch(kGramianScratch));
    });
    AlignedVector<double> gramian(dimensions_ * dimensions_);
    ForEachBlock(parallelism_, dimensions_, kLanes, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t i = begin; i < end; ++i) {
        for (std::size_t j = i; j < dimensions_; ++j) {
          double sum = 0;
          for (std::size_t chunk = 0; chunk < chunks; ++chunk)
            sum += partial_gramians_[(chunk * stride_ + i) * stride_ + j];
          gramian[i * dimensions_ + j] = gramian[j * dimensions_ + i] = sum;
        }
      }
    });
    return gramian;
  }

  // Replaces a Gramian by its eigenvectors, a row each, and writes its eigenvalues, descending and at least 0. Returns
  // false where the matrix is not finite or the iteration does not converge.
  bool ToEigenvectors(AlignedVector<double>& gramian, AlignedVector<double>& values) const {
    if (!std::all_of(gramian.begin(), gramian.end(), [](double value) { return std::isfinite(value); })) return false;
    values.assign(dimensions_, 0.0);
    if (!GetDenseKernels().symmetric_eigen(gramian.data(), dimensions_, values.data())) return false;
    for (double& value : values) value = std::max(value, 0.0);
    return true;
  }

  // The rotation whose column k is row k of `vectors` times scale(k).
  template <typename Scale>
  AlignedVector<float> RotationOf(const AlignedVector<double>& vectors, const Scale& scale) const {
    AlignedVector<float> rotation(stride_ * stride_, 0.0f);
    for (std::size_t k = 0; k < dimensions_; ++k)
      for (std::size_t j = 0; j < dimensions_; ++j)
        rotation[RotationAt(j, k, stride_)] = static_cast<float>(vectors[k * dimensions_ + j] * scale(k));
    return rotation;
  }

  // table = table * rotation.
  void Rotate(const AlignedVector<float>& rotation, AlignedVector<float>& table) {
    ForEachBlock(parallelism_, table.size() / stride_, kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      if (cancelled_()) return;
      float* rows = table.data() + begin * stride_;
      float* rotated = Scratch(kBlock * stride_);
      GetDenseKernels().rotate(rows, end - begin, stride_, rotation.data(), rotated);
      std::copy(rotated, rotated + (end - begin) * stride_, rows);
    });
  }

  // Makes the columns orthogonal and of length 1, those shorter whose part of the Gramian float32 hardly carries;
  // `values` get the squares of the lengths, which is 0 for columns of zeros. Returns false as ToEigenvectors.
  bool Orthonormalize(AlignedVector<float>& table, AlignedVector<double>& values) {
    constexpr double kFloor = 1e-5;
    AlignedVector<double> vectors = Gramian(table);
    if (cancelled_()) return true;
    if (!ToEigenvectors(vectors, values)) return false;
    const double least = std::max<double>(kFloor * values.front(), std::numeric_limits<float>::min());
    Rotate(RotationOf(vectors, [&](std::size_t k) { return 1 / std::sqrt(std::max(values[k], least)); }), table);
    for (double& value : values) value /= std::max(value, least);
    return true;
  }

 private:
  static constexpr std::size_t kGramianRows = 4096;  // rows whose Gramian is one unit of work, at least
  static constexpr std::size_t kGramianUnits = 64;   // of work that a Gramian is cut into, if its rows suffice

  std::size_t dimensions_;
  std::size_t stride_;
  const Parallelism& parallelism_;
  std::function<bool()> cancelled_;
  AlignedVector<double> partial_gramians_;
  oneapi::tbb::enumerable_thread_specific<AlignedVector<float>> scratch_;
};

}  // namespace waypost

#endif  // WAYPOST_BASE_FACTOR_ALGEBRA_HPP_
