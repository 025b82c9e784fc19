#include "waypost/base/dense_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/random.hpp"
#include "waypost/base/shared_array.hpp"

namespace waypost {
namespace {

AlignedVector<float> RandomTable(std::uint64_t seed, std::size_t rows, std::size_t stride, std::size_t columns) {
  Random random(seed);
  AlignedVector<float> table(rows * stride, 0.0f);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t k = 0; k < columns; ++k) table[r * stride + k] = static_cast<float>(random.Normal());
  return table;
}

TEST(DenseKernels, GramianTilesAreTheSumsOfProducts) {
  constexpr std::size_t kStride = 176;
  for (std::size_t rows : {std::size_t{1}, std::size_t{256}, std::size_t{601}}) {
    const AlignedVector<float> table = RandomTable(rows, rows, kStride, 170);
    AlignedVector<double> sum(128 * 48, 1.0);
    AlignedVector<float> scratch(kGramianScratch);
    GetDenseKernels().gramian(table.data(), rows, kStride, 0, 128, 128, 48, sum.data(), 48, scratch.data());
    for (std::size_t i = 0; i < 128; ++i) {
      for (std::size_t j = 0; j < 48; ++j) {
        double expected = 1;
        for (std::size_t r = 0; r < rows; ++r)
          expected += static_cast<double>(table[r * kStride + i]) * table[r * kStride + 128 + j];
        // float32 sums of at most 256 products of size 1
        EXPECT_NEAR(sum[i * 48 + j], expected, 1e-6 * static_cast<double>(rows) + 1e-5);
      }
    }
  }
}

TEST(DenseKernels, GramianTilesOnTheDiagonalHoldTheUpperPart) {
  for (std::size_t stride : {std::size_t{48}, std::size_t{176}}) {  // one that is read in place, one that is packed
    const AlignedVector<float> table = RandomTable(5, 300, stride, stride);
    const std::size_t width = std::min(kGramianTile, stride);
    AlignedVector<double> sum(width * width, 0.0);
    AlignedVector<float> scratch(kGramianScratch);
    GetDenseKernels().gramian(table.data(), 300, stride, 0, width, 0, width, sum.data(), width, scratch.data());
    for (std::size_t i = 0; i < width; ++i) {
      for (std::size_t j = i; j < width; ++j) {
        double expected = 0;
        for (std::size_t r = 0; r < 300; ++r)
          expected += static_cast<double>(table[r * stride + i]) * table[r * stride + j];
        EXPECT_NEAR(sum[i * width + j], expected, 3e-4);  // float32 sums of 256 products of size 1
      }
    }
  }
}

TEST(DenseKernels, AddProductAddsAProductOfAnyShape) {
  for (const std::size_t rows : {std::size_t{1}, std::size_t{7}, std::size_t{16}, std::size_t{61}}) {
    for (const std::size_t columns : {std::size_t{16}, std::size_t{48}, std::size_t{64}}) {
      const AlignedVector<float> left = RandomTable(1, 90, 64, 61);
      const AlignedVector<float> right = RandomTable(2, 90, 80, 64);
      AlignedVector<float> sum(rows * 96, 2.0f);
      GetDenseKernels().add_product(left.data(), 64, right.data(), 80, 90, sum.data(), 96, rows, columns);
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < 96; ++j) {
          double expected = 2;
          for (std::size_t k = 0; j < columns && k < 90; ++k)
            expected += static_cast<double>(left[k * 64 + i]) * right[k * 80 + j];
          ASSERT_NEAR(sum[i * 96 + j], expected, 1e-4);  // float32 sums of 90 products of size 1
        }
      }
    }
  }
}

TEST(DenseKernels, SumScaledRowsIsALinearCombination) {
  const std::vector<std::uint32_t> indices = {3, 0, 8, 5, 6, 1};
  const std::vector<float> factors = {0.5f, 2, -1, 4, 0.25f, 3};
  for (const std::size_t stride : {std::size_t{16}, std::size_t{272}, std::size_t{320}}) {
    const AlignedVector<float> table = RandomTable(4, 9, stride, stride);
    AlignedVector<float> out(stride), plain(stride);
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, indices.size()}) {
      GetDenseKernels().sum_scaled_rows(table.data(), stride, indices.data(), factors.data(), count, out.data());
      GetDenseKernels().sum_scaled_rows(table.data(), stride, indices.data(), nullptr, count, plain.data());
      for (std::size_t k = 0; k < stride; ++k) {
        double expected = 0, unscaled = 0;
        for (std::size_t n = 0; n < count; ++n) {
          expected += static_cast<double>(factors[n]) * table[indices[n] * stride + k];
          unscaled += table[indices[n] * stride + k];
        }
        ASSERT_NEAR(out[k], expected, 1e-5);  // six float32 products of size at most 12
        ASSERT_NEAR(plain[k], unscaled, 1e-5);
      }
    }
  }
}

TEST(DenseKernels, RotateIsAProduct) {
  for (std::size_t stride : {std::size_t{16}, std::size_t{48}, std::size_t{80}}) {
    const AlignedVector<float> table = RandomTable(1, 7, stride, stride);
    const AlignedVector<float> rotation = RandomTable(2, stride, stride, stride);
    AlignedVector<float> strips(stride * stride);
    for (std::size_t j = 0; j < stride; ++j)
      for (std::size_t k = 0; k < stride; ++k) strips[RotationAt(j, k, stride)] = rotation[j * stride + k];
    AlignedVector<float> out(7 * stride);
    GetDenseKernels().rotate(table.data(), 7, stride, strips.data(), out.data());
    for (std::size_t r = 0; r < 7; ++r) {
      for (std::size_t k = 0; k < stride; ++k) {
        double expected = 0;
        for (std::size_t j = 0; j < stride; ++j)
          expected += static_cast<double>(table[r * stride + j]) * rotation[j * stride + k];
        EXPECT_NEAR(out[r * stride + k], expected, 1e-4);  // float32 sums of up to 80 products of size 1
      }
    }
  }
}

TEST(DenseKernels, SumRowsAddsInTheOrderOfTheIndices) {
  const std::vector<std::uint32_t> indices = {6, 0, 6, 3, 2, 1, 5, 4};
  const std::vector<float> weights = {0.5f, 2, 0, 1.25f, 3, 1, 0.75f, 4};
  for (std::size_t stride : {std::size_t{16}, std::size_t{80}, std::size_t{256}, std::size_t{304}}) {
    const AlignedVector<float> table = RandomTable(4, 7, stride, stride);
    for (std::size_t count = 0; count <= indices.size(); ++count) {
      AlignedVector<float> out(stride, NAN);
      AlignedVector<float> weighted(stride, NAN);
      GetDenseKernels().sum_rows(table.data(), stride, indices.data(), nullptr, count, 0.3f, out.data());
      GetDenseKernels().sum_rows(table.data(), stride, indices.data(), weights.data(), count, 0.3f, weighted.data());
      for (std::size_t k = 0; k < stride; ++k) {
        float expected = 0;
        double by_weight = 0;
        for (std::size_t n = 0; n < count; ++n) {
          expected += table[indices[n] * stride + k];
          by_weight += static_cast<double>(weights[n]) * table[indices[n] * stride + k];
        }
        ASSERT_EQ(out[k], expected * 0.3f) << stride << " " << count << " " << k;
        ASSERT_NEAR(weighted[k], by_weight * 0.3, 1e-5);  // float32 sums of 8 products of size 10
      }
    }
  }
}

TEST(DenseKernels, CholeskySolvesWhateverLiesBesideTheUpperPart) {
  for (std::size_t size = 1; size <= 70; ++size) {
    const std::size_t stride = PaddedDimensions(size);
    const AlignedVector<float> rows = RandomTable(size, 2 * size, size, size);
    AlignedVector<float> matrix(size * stride, NAN);
    std::vector<double> full(size * size);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        double sum = i == j ? 1.0 : 0.0;
        for (std::size_t r = 0; r < 2 * size; ++r) sum += static_cast<double>(rows[r * size + i]) * rows[r * size + j];
        full[i * size + j] = sum;
        if (j >= i) matrix[i * stride + j] = static_cast<float>(sum);
      }
    }
    AlignedVector<float> right = RandomTable(100 + size, 1, stride, size);
    const AlignedVector<float> wanted = right;
    AlignedVector<float> solution(stride, NAN);
    AlignedVector<float> inverse(stride);
    ASSERT_TRUE(GetDenseKernels().cholesky(matrix.data(), size, stride, inverse.data()));
    GetDenseKernels().cholesky_solve(matrix.data(), size, stride, inverse.data(), right.data(), solution.data());
    for (std::size_t i = 0; i < size; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < size; ++j) sum += full[i * size + j] * solution[j];
      EXPECT_NEAR(sum, wanted[i], 1e-4) << size;  // float32, condition number below a hundred
    }
    for (std::size_t k = size; k < stride; ++k) EXPECT_EQ(solution[k], 0);
  }
}

TEST(DenseKernels, CholeskyRefusesWhatIsNotPositiveDefinite) {
  AlignedVector<float> matrix(32 * 32, 0.0f);
  AlignedVector<float> inverse(32);
  for (float bad : {0.0f, -1.0f, NAN, INFINITY}) {
    for (std::size_t k = 0; k < 32; ++k) matrix[k * 32 + k] = k == 20 ? bad : 1.0f;
    EXPECT_FALSE(GetDenseKernels().cholesky(matrix.data(), 32, 32, inverse.data())) << bad;
  }
}

TEST(DenseKernels, EigenvectorsAreOrthonormalAndRebuildTheMatrix) {
  for (std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{33}, std::size_t{70}}) {
    Random random(size);
    std::vector<double> original(size * size);
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j <= i; ++j) original[i * size + j] = original[j * size + i] = random.Normal();
    std::vector<double> vectors = original;
    std::vector<double> values(size);
    ASSERT_TRUE(GetDenseKernels().symmetric_eigen(vectors.data(), size, values.data()));
    EXPECT_TRUE(std::is_sorted(values.rbegin(), values.rend()));
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        double rebuilt = 0;
        double product = 0;
        for (std::size_t k = 0; k < size; ++k) {
          rebuilt += values[k] * vectors[k * size + i] * vectors[k * size + j];
          product += vectors[i * size + k] * vectors[j * size + k];
        }
        EXPECT_NEAR(rebuilt, original[i * size + j], 1e-11);
        EXPECT_NEAR(product, i == j ? 1.0 : 0.0, 1e-12);
      }
    }
  }
}

TEST(DenseKernels, EigenvectorsOfAMatrixOfRankOneExist) {
  constexpr std::size_t kSize = 20;
  std::vector<double> matrix(kSize * kSize, 1.0);
  std::vector<double> values(kSize);
  ASSERT_TRUE(GetDenseKernels().symmetric_eigen(matrix.data(), kSize, values.data()));
  EXPECT_NEAR(values[0], 20, 1e-12);
  for (std::size_t k = 1; k < kSize; ++k) EXPECT_NEAR(values[k], 0, 1e-12);
}

}  // namespace
}  // namespace waypost
