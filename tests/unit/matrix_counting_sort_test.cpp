#include "waypost/matrix/counting_sort.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost::internal {
namespace {

struct Sorted {
  std::vector<std::size_t> order;
  std::vector<std::uint64_t> offsets;
};

Sorted Sort(const std::vector<std::uint32_t>& keys, std::size_t key_count, int threads) {
  Sorted sorted{std::vector<std::size_t>(keys.size()), {}};
  const AlignedVector<std::uint64_t> offsets = CountingSort(
      Parallelism(threads), keys.size(), key_count,
      [&](std::size_t begin, std::size_t end, const auto& take) {
        for (std::size_t n = begin; n < end; ++n) take(n, keys[n]);
      },
      [&](std::size_t n, std::uint64_t target) { sorted.order[target] = n; });
  sorted.offsets.assign(offsets.begin(), offsets.end());
  return sorted;
}

TEST(CountingSort, AgreesWithAStableSortForAnyNumberOfThreads) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t key_count = 1 + random.Below(seed % 2 == 0 ? 20 : 50'000);
    std::vector<std::uint32_t> keys(seed % 3 == 0 ? 300 : 300'000);  // the longer ones are cut into runs
    for (std::uint32_t& key : keys) key = static_cast<std::uint32_t>(random.Below(key_count));
    std::vector<std::size_t> expected(keys.size());
    std::iota(expected.begin(), expected.end(), std::size_t{0});
    std::stable_sort(expected.begin(), expected.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
    for (int threads : {1, 2, 7}) {
      SCOPED_TRACE(threads);
      const Sorted sorted = Sort(keys, key_count, threads);
      EXPECT_EQ(sorted.order, expected);
      ASSERT_EQ(sorted.offsets.size(), key_count + 1);
      for (std::size_t key = 0; key < key_count; ++key)
        for (std::size_t at = sorted.offsets[key]; at < sorted.offsets[key + 1]; ++at)
          ASSERT_EQ(keys[sorted.order[at]], key);
    }
  }
}

TEST(CountingSort, OfNothingHasOffsetsOfZero) {
  EXPECT_THAT(Sort({}, 3, 2).offsets, testing::ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(Sort({}, 0, 2).offsets, testing::ElementsAre(0));
}

}  // namespace
}  // namespace waypost::internal
