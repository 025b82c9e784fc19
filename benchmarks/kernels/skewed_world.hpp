// A made-up matrix with few popular items and few long histories, for the micro-benchmarks.
#ifndef WAYPOST_BENCHMARKS_KERNELS_SKEWED_WORLD_HPP_
#define WAYPOST_BENCHMARKS_KERNELS_SKEWED_WORLD_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "waypost/base/random.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost::benchmarks {

// `count` distinct items, ascending, item 0 the most popular.
//   Requires  count far below items.
inline std::vector<std::uint32_t> SkewedItems(Random& random, std::size_t items, std::size_t count) {
  std::vector<std::uint32_t> drawn;
  while (drawn.size() < count) {
    while (drawn.size() < count + count / 4 + 1)
      drawn.push_back(static_cast<std::uint32_t>(static_cast<double>(items) * std::pow(random.Uniform(), 2.5)));
    std::sort(drawn.begin(), drawn.end());
    drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  }
  while (drawn.size() > count) drawn.erase(drawn.begin() + static_cast<std::ptrdiff_t>(random.Below(drawn.size())));
  return drawn;
}

// Histories of 5 items and an exponential rest, `mean` items in the mean.
inline InteractionMatrix SkewedMatrix(std::size_t users, std::size_t items, double mean) {
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  for (std::size_t user = 0; user < users; ++user) {
    Random random(42, user);
    const auto count = 5 + static_cast<std::size_t>((mean - 5) * random.Exponential());
    for (std::uint32_t item : SkewedItems(random, items, std::min(count, items / 8))) columns.push_back(item);
    offsets.push_back(columns.size());
  }
  return InteractionMatrix(SparseMatrix(items, SharedArray<std::uint64_t>(std::move(offsets)),
                                        SharedArray<std::uint32_t>(std::move(columns)), {}));
}

}  // namespace waypost::benchmarks

#endif  // WAYPOST_BENCHMARKS_KERNELS_SKEWED_WORLD_HPP_
