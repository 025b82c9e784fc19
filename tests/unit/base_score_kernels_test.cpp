#include "waypost/base/score_kernels.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/random.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/base/simd.hpp"

namespace waypost {
namespace {

AlignedVector<float> RandomVector(std::uint64_t seed, std::size_t size) {
  Random random(seed);
  AlignedVector<float> values(size);
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

// The definition, one element after the other.
float ScalarDot(const float* a, const float* b, std::size_t stride) {
  const bool fused = std::string_view(SimdTargetName()) != "baseline";
  float partial[kLanes] = {};
  for (std::size_t j = 0; j < stride; ++j) {
    float& sum = partial[j % kLanes];
    if (fused) {
      sum = std::fma(a[j], b[j], sum);
    } else {
      const float product = a[j] * b[j];
      sum = sum + product;
    }
  }
  for (std::size_t width = 8; width > 0; width /= 2)
    for (std::size_t l = 0; l < width; ++l) partial[l] += partial[l + width];
  return partial[0];
}

TEST(ScoreKernels, DotIsTheScalarDefinitionToTheBit) {
  for (std::size_t stride = 16; stride <= 512; stride += 16) {
    const AlignedVector<float> a = RandomVector(stride, stride);
    const AlignedVector<float> b = RandomVector(stride + 1, stride);
    EXPECT_EQ(GetScoreKernels().dot(a.data(), b.data(), stride), ScalarDot(a.data(), b.data(), stride)) << stride;
  }
}

TEST(ScoreKernels, BlocksOfAnyShapeReturnTheBitsOfDot) {
  constexpr std::size_t kStride = 48;
  for (std::size_t queries = 1; queries <= 5; ++queries) {
    for (std::size_t rows = 1; rows <= 9; ++rows) {
      const AlignedVector<float> q = RandomVector(queries, queries * kStride);
      const AlignedVector<float> r = RandomVector(100 + rows, rows * kStride);
      AlignedVector<float> scores(queries * 10, -1.0f);
      GetScoreKernels().dot_block(q.data(), queries, r.data(), rows, kStride, scores.data(), 10);
      for (std::size_t i = 0; i < queries; ++i) {
        for (std::size_t j = 0; j < rows; ++j)
          EXPECT_EQ(scores[i * 10 + j], GetScoreKernels().dot(q.data() + i * kStride, r.data() + j * kStride, kStride));
        EXPECT_EQ(scores[i * 10 + 9], -1.0f);  // writes nothing past the rows
      }
    }
  }
}

TEST(ScoreKernels, RowsAnywhereInATableReturnTheBitsOfDot) {
  constexpr std::size_t kRows = 23;
  for (std::size_t stride : {16u, 48u, 128u}) {
    const AlignedVector<float> query = RandomVector(1, stride);
    const AlignedVector<float> rows = RandomVector(2, kRows * stride);
    for (std::size_t count = 0; count <= kRows; ++count) {
      std::vector<std::uint32_t> indices(count);
      for (std::size_t n = 0; n < count; ++n) indices[n] = static_cast<std::uint32_t>((7 * n + count) % kRows);
      std::vector<float> scores(count + 1, -1.0f);
      GetScoreKernels().dot_rows(query.data(), rows.data(), indices.data(), count, stride, scores.data());
      for (std::size_t n = 0; n < count; ++n)
        EXPECT_EQ(scores[n], ScalarDot(query.data(), rows.data() + indices[n] * stride, stride)) << count << " " << n;
      EXPECT_EQ(scores[count], -1.0f);  // writes nothing past the rows
    }
  }
}

}  // namespace
}  // namespace waypost
