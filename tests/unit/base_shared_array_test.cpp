#include "waypost/base/shared_array.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/factor_matrix.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;

TEST(SharedArray, OwnsWhatItTookOverAndCopiesShareIt) {
  SharedArray<int> copy;
  {
    AlignedVector<int> elements = {1, 2, 3};
    const int* where = elements.data();
    const SharedArray<int> array(std::move(elements));
    EXPECT_EQ(array.data(), where);  // no copy was made
    copy = array;
    EXPECT_EQ(copy.data(), where);
  }
  EXPECT_THAT(copy.span(), ElementsAre(1, 2, 3));
  EXPECT_EQ(copy[2], 3);
  EXPECT_EQ(std::accumulate(copy.begin(), copy.end(), 0), 6);
}

TEST(SharedArray, KeepsTheOwnerOfBorrowedElementsAlive) {
  auto owner = std::make_shared<std::vector<int>>(std::vector<int>{4, 5});
  const std::weak_ptr<std::vector<int>> watch = owner;
  {
    const SharedArray<int> array(std::span<const int>(*owner), owner);
    owner.reset();
    EXPECT_FALSE(watch.expired());
    EXPECT_THAT(array.span(), ElementsAre(4, 5));
  }
  EXPECT_TRUE(watch.expired());
}

TEST(SharedArray, CopiesAndEmptyArrays) {
  std::vector<int> elements = {7, 8};
  const SharedArray<int> copy = SharedArray<int>::CopyOf(elements);
  elements[0] = 0;
  EXPECT_THAT(copy.span(), ElementsAre(7, 8));
  EXPECT_TRUE(SharedArray<int>().empty());
  EXPECT_EQ(SharedArray<int>(AlignedVector<int>{}).size(), 0u);
}

TEST(SharedArray, OwnedElementsBeginAtACacheLine) {
  for (std::size_t size : {1, 3, 17, 1000}) {
    const SharedArray<float> array(AlignedVector<float>(size, 1.0f));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.data()) % kAlignment, 0u);
  }
}

TEST(SharedArray, AnAllocationWhoseSizeOverflowsIsRefused) {
  AlignedAllocator<double> allocator;
  EXPECT_THROW((void)allocator.allocate(std::numeric_limits<std::size_t>::max() / 4), std::bad_alloc);
}

TEST(FactorMatrix, RowsAreAStrideApartAndPaddedToSixteen) {
  EXPECT_EQ(PaddedDimensions(1), 16u);
  EXPECT_EQ(PaddedDimensions(16), 16u);
  EXPECT_EQ(PaddedDimensions(17), 32u);
  AlignedVector<float> values(2 * 32);
  std::iota(values.begin(), values.end(), 0.0f);
  const FactorMatrix matrix(2, 20, SharedArray<float>(std::move(values)));
  EXPECT_EQ(matrix.stride(), 32u);
  EXPECT_EQ(matrix.row(1)[0], 32);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.row(1)) % kAlignment, 0u);
}

}  // namespace
}  // namespace waypost
