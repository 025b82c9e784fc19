// waypost/matrix/counting_sort.hpp - things put in order by a small key, on several threads.
//
// Algorithm    The things are cut into runs; each run counts its keys; the counts become places; each run writes its
//              things to its places.
// Complexity   O(things + keys) time; for the counts at most the larger of 8 bytes a key and 4 bytes a thing.
// Determinism  The order is stable, which leaves only one result, whatever the runs and threads.
// Checked by   tests/unit/matrix_counting_sort_test.cpp against std::stable_sort.
#ifndef WAYPOST_MATRIX_COUNTING_SORT_HPP_
#define WAYPOST_MATRIX_COUNTING_SORT_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/shared_array.hpp"

namespace waypost::internal {

// Sorts the things 0 .. count - 1 by key, things of one key in their order.
//
//   visit(begin, end, take)   calls `take(thing, key)` for every thing of [begin, end), ascending; called twice. What
//                             it calls the thing is its own affair.
//   place(thing, target)      is told where a thing stands in the order.
// Returns   key_count + 1 offsets: the things of key k stand at [offsets[k], offsets[k + 1]).
// Requires  every key < key_count; calls of `visit` and `place` for different things may run at the same time.
template <typename Visit, typename Place>
AlignedVector<std::uint64_t> CountingSort(const Parallelism& parallelism, std::size_t count, std::size_t key_count,
                                          const Visit& visit, const Place& place) {
  constexpr std::size_t kLeastInRun = std::size_t{1} << 15;
  const std::size_t most_runs = count / std::max(kLeastInRun, 2 * key_count);
  const std::size_t runs =
      std::clamp<std::size_t>(static_cast<std::size_t>(parallelism.threads()), 1, std::max<std::size_t>(most_runs, 1));
  const auto cut = [&](std::size_t run) { return count / runs * run + std::min(run, count % runs); };
  std::vector<std::vector<std::uint64_t>> next(runs);  // of each run: counts, then places
  ForEachBlock(parallelism, runs, 1, [&](std::size_t run, std::size_t, std::size_t) {
    next[run].assign(key_count, 0);
    std::uint64_t* const counts = next[run].data();
    visit(cut(run), cut(run + 1), [&](const auto&, std::uint32_t key) { ++counts[key]; });
  });
  AlignedVector<std::uint64_t> offsets(key_count + 1);
  std::uint64_t total = 0;
  for (std::size_t key = 0; key < key_count; ++key) {
    offsets[key] = total;
    for (std::vector<std::uint64_t>& places : next) total += std::exchange(places[key], total);
  }
  offsets[key_count] = total;
  ForEachBlock(parallelism, runs, 1, [&](std::size_t run, std::size_t, std::size_t) {
    std::uint64_t* const places = next[run].data();
    visit(cut(run), cut(run + 1), [&](const auto& thing, std::uint32_t key) { place(thing, places[key]++); });
  });
  return offsets;
}

}  // namespace waypost::internal

#endif  // WAYPOST_MATRIX_COUNTING_SORT_HPP_
