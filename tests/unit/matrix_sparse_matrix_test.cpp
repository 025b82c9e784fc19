#include "waypost/matrix/sparse_matrix.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/base/factor_matrix.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using testing_support::RandomSparse;

std::map<std::pair<std::uint32_t, std::uint32_t>, float> Cells(const SparseMatrix& matrix) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, float> cells;
  for (std::uint32_t row = 0; row < matrix.rows(); ++row)
    for (std::size_t n = 0; n < matrix.row(row).size(); ++n)
      cells[{row, matrix.row(row).columns[n]}] = matrix.row(row).value(n);
  return cells;
}

TEST(SparseMatrix, ATransposeHoldsEveryCellTurnedAndAscendsInEveryRow) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const SparseMatrix matrix = RandomSparse(seed, seed % 7, 1 + seed % 11, 0.3, seed % 2 == 0);
    const SparseMatrix turned = Transpose(matrix);
    ASSERT_EQ(turned.rows(), matrix.columns());
    ASSERT_EQ(turned.columns(), matrix.rows());
    EXPECT_EQ(turned.weighted(), matrix.weighted() && matrix.entries() > 0);
    auto expected = Cells(matrix);
    for (const auto& [cell, value] : Cells(turned)) {
      ASSERT_TRUE(expected.contains({cell.second, cell.first}));
      EXPECT_EQ(expected.at({cell.second, cell.first}), value);
    }
    EXPECT_EQ(Cells(turned).size(), expected.size());
    for (std::size_t row = 0; row < turned.rows(); ++row)
      for (std::size_t n = 1; n < turned.row(row).size(); ++n)
        EXPECT_LT(turned.row(row).columns[n - 1], turned.row(row).columns[n]);
  }
}

TEST(SparseMatrix, TransposingTwiceGivesTheSameMatrix) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const SparseMatrix matrix = RandomSparse(seed, 9, 13, 0.25, seed % 2 == 0);
    const SparseMatrix twice = Transpose(Transpose(matrix));
    EXPECT_EQ(twice.columns(), matrix.columns());
    EXPECT_THAT(twice.offsets().span(), ::testing::ElementsAreArray(matrix.offsets().span()));
    EXPECT_THAT(twice.column_indices().span(), ::testing::ElementsAreArray(matrix.column_indices().span()));
    EXPECT_THAT(twice.values().span(), ::testing::ElementsAreArray(matrix.values().span()));
  }
}

TEST(SparseMatrix, AnInteractionMatrixKeepsBothOrientations) {
  const InteractionMatrix matrix = testing_support::RandomMatrix(3, 5, 8, 0.4, true);
  EXPECT_EQ(matrix.users(), 5u);
  EXPECT_EQ(matrix.items(), 8u);
  EXPECT_EQ(matrix.item_user().rows(), 8u);
  EXPECT_EQ(matrix.item_user().entries(), matrix.entries());
  EXPECT_EQ(InteractionMatrix().users(), 0u);
}

// Address space without memory: pages come into being, as zeros, where they are touched.
template <typename T>
SharedArray<T> Untouched(std::size_t count, std::initializer_list<std::pair<std::size_t, T>> written) {
  const std::size_t bytes = count * sizeof(T);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return {};
  T* elements = static_cast<T*>(memory);
  for (const auto& [position, value] : written) elements[position] = value;
  std::shared_ptr<const void> owner(memory, [bytes](const void* mapped) { munmap(const_cast<void*>(mapped), bytes); });
  return SharedArray<T>(std::span<const T>(elements, count), std::move(owner));
}

TEST(SparseMatrix, OffsetsBeyondTwoToThe32PointWhereTheySay) {
  constexpr std::uint64_t kFar = (std::uint64_t{1} << 32) + 10;
  SharedArray<std::uint32_t> columns =
      Untouched<std::uint32_t>(kFar + 3, {{kFar, 5}, {kFar + 1, 6}, {kFar + 2, 4'000'000'000}});
  SharedArray<float> values = Untouched<float>(kFar + 3, {{kFar, 1}, {kFar + 1, 2}, {kFar + 2, 3}});
  if (columns.empty() || values.empty()) GTEST_SKIP() << "not run: no address space for 34 GB";
  const SparseMatrix matrix(4'100'000'000, SharedArray<std::uint64_t>({0, kFar, kFar + 3}), columns, values);
  EXPECT_EQ(matrix.entries(), kFar + 3);
  EXPECT_EQ(matrix.row_size(0), kFar);
  EXPECT_THAT(matrix.row(1).columns, ElementsAre(5, 6, 4'000'000'000));
  EXPECT_THAT(matrix.row(1).values, ElementsAre(1, 2, 3));
}

TEST(FactorMatrix, RowsBeyondTwoToThe32ElementsPointWhereTheySay) {
  constexpr std::size_t kRows = (std::size_t{1} << 28) + 2;  // of 16 elements: 2^32 and more
  SharedArray<float> values = Untouched<float>(kRows * 16, {{(kRows - 1) * 16, 7.0f}});
  if (values.empty()) GTEST_SKIP() << "not run: no address space for 17 GB";
  EXPECT_EQ(FactorMatrix(kRows, 16, values).row(kRows - 1)[0], 7);
}

}  // namespace
}  // namespace waypost
