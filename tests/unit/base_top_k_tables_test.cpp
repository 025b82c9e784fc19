#include "waypost/base/top_k_tables.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

FactorMatrix RandomTable(std::uint64_t seed, std::size_t rows, std::size_t dimensions) {
  Random random(seed);
  const std::size_t stride = PaddedDimensions(dimensions);
  AlignedVector<float> values(rows * stride, 0.0f);
  for (std::size_t row = 0; row < rows; ++row) {
    const double scale = std::pow(10.0, 4 * random.Uniform() - 2);
    for (std::size_t j = 0; j < dimensions && row % 10 != 3; ++j)  // a tenth of the rows is 0
      values[row * stride + j] = static_cast<float>(scale * random.Normal());
  }
  return FactorMatrix(rows, dimensions, SharedArray<float>(std::move(values)));
}

TEST(TopKTables, ObeyTheirRules) {
  for (std::size_t rows : {0u, 1u, 63u, 64u, 65u, 500u}) {
    const FactorMatrix table = RandomTable(rows, rows, 20);
    const TopKTables tables = BuildTopKTables(table, Parallelism(1));
    ASSERT_EQ(tables.order.size(), rows);
    ASSERT_EQ(tables.norms.size(), rows);
    ASSERT_EQ(tables.groups.size(), TopKGroupCount(rows));
    ASSERT_EQ(tables.panels.size(), TopKPanelBytes(rows, 32));
    std::vector<std::uint32_t> sorted(tables.order.begin(), tables.order.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t row = 0; row < rows; ++row) EXPECT_EQ(sorted[row], row);
    ASSERT_EQ(tables.head.size(), rows * 32);  // all of so few
    for (std::size_t p = 0; p < rows; ++p) {
      EXPECT_TRUE(std::equal(table.row(tables.order[p]), table.row(tables.order[p]) + 32, tables.head.data() + p * 32));
      const float* row = table.row(tables.order[p]);
      double square = 0;
      for (std::size_t j = 0; j < 32; ++j) square += double{row[j]} * row[j];
      EXPECT_FLOAT_EQ(tables.norms[p], static_cast<float>(std::sqrt(square)));
      if (p > 0) {
        EXPECT_LE(tables.norms[p], tables.norms[p - 1]);
        if (tables.norms[p] == tables.norms[p - 1]) {
          EXPECT_LT(tables.order[p - 1], tables.order[p]);
        }
      }
      const TopKGroup& group = tables.groups[p / 64];
      EXPECT_LE(std::sqrt(square), group.largest_norm);
      EXPECT_GE(std::sqrt(square), group.smallest_norm);
      double rest = 0;
      for (std::size_t j = 0; j < 32; ++j) {
        const std::size_t byte = p / 64 * 64 * 32 + 4 * (64 * (j / 4) + p % 64) + j % 4;
        rest += std::pow(row[j] - double{group.scale} * (tables.panels[byte] - 128), 2);
      }
      EXPECT_LE(std::sqrt(rest), group.residual);
      EXPECT_LE(group.residual, 0.01 * std::sqrt(32.0) * group.largest_norm + 1e-30);
    }
  }
}

TEST(TopKTables, TheHeadHasWholeGroupsOfAMebibyte) {
  EXPECT_EQ(TopKHeadRows(1'000'000, 128), 2048u);
  EXPECT_EQ(TopKHeadRows(1'000'000, 48), 85u * 64);
  EXPECT_EQ(TopKHeadRows(1'000'000, 8192), 64u);
  EXPECT_EQ(TopKHeadRows(100, 128), 100u);
  EXPECT_EQ(TopKHeadRows(0, 0), 0u);
}

TEST(TopKTables, AreTheSameBytesForAnyNumberOfThreads) {
  const FactorMatrix table = RandomTable(7, 5000, 24);
  const TopKTables one = BuildTopKTables(table, Parallelism(1));
  for (int threads : {2, 7}) {
    const TopKTables many = BuildTopKTables(table, Parallelism(threads));
    EXPECT_TRUE(std::ranges::equal(one.order.span(), many.order.span()));
    EXPECT_TRUE(std::ranges::equal(one.norms.span(), many.norms.span()));
    EXPECT_TRUE(std::ranges::equal(one.groups.span(), many.groups.span()));
    EXPECT_TRUE(std::ranges::equal(one.panels.span(), many.panels.span()));
    EXPECT_TRUE(std::ranges::equal(one.head.span(), many.head.span()));
  }
}

TEST(TopKTables, RowsThatAreNotFiniteComeFirstAndBoundNothing) {
  AlignedVector<float> values(100 * 16, 1.0f);
  values[70 * 16] = std::numeric_limits<float>::quiet_NaN();
  values[80 * 16 + 3] = -kInfinity;
  values[90 * 16 + 5] = 0x1p100f;
  const TopKTables tables =
      BuildTopKTables(FactorMatrix(100, 16, SharedArray<float>(std::move(values))), Parallelism(1));
  EXPECT_EQ(tables.order[0], 70u);
  EXPECT_EQ(tables.order[1], 80u);
  EXPECT_EQ(tables.order[2], 90u);
  EXPECT_EQ(tables.groups[0].largest_norm, kInfinity);
  EXPECT_EQ(tables.groups[0].residual, kInfinity);
  EXPECT_NEAR(tables.groups[1].largest_norm, 4, 1e-5);
}

}  // namespace
}  // namespace waypost
