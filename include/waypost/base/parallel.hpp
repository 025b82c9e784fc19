// waypost/base/parallel.hpp - parallel loops whose result does not depend on the number of threads.
//
// (1) Work is cut into blocks whose size is an argument, never a function of the thread count.
// (2) Sums are formed per block and combined in block order (ReduceBlocks). An ordinary parallel reduction changes
//     with the thread count.
// (3) One thread means the calling thread alone: no arena is entered and no worker is woken.
#ifndef WAYPOST_BASE_PARALLEL_HPP_
#define WAYPOST_BASE_PARALLEL_HPP_

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace waypost {

// The processors this process may use: its affinity mask and, in the compiled library, its control group's quota.
// At least 1.
#ifdef WAYPOST_COMPILED
int AllowedThreads();
#else
inline int AllowedThreads() {
  return std::max(1, oneapi::tbb::info::default_concurrency());
}
#endif

// How a call may use threads: a number, or an arena of the host's.
//
// Immutable: safe to use from any number of threads.
class Parallelism {
 public:
  // All processors the process may use.
  Parallelism() = default;

  // 0: all processors the process may use. 1: the calling thread alone.
  explicit Parallelism(int max_threads) : max_threads_(std::max(0, max_threads)) {}

  // Lifetime  `arena` is the host's and must outlive every call this value is passed to.
  explicit Parallelism(oneapi::tbb::task_arena& arena) : arena_(&arena) {}

  int threads() const {
    if (arena_ != nullptr) return arena_->max_concurrency();
    return max_threads_ > 0 ? max_threads_ : AllowedThreads();
  }

  // Runs `body()` so that loops inside it use these threads.
  template <typename Body>
  void Run(const Body& body) const {
    if (arena_ != nullptr) {
      arena_->execute(body);
    } else {
      // Beyond what the host process allows oneTBB prints a warning; it would use no more threads anyway.
      const auto limit =
          oneapi::tbb::global_control::active_value(oneapi::tbb::global_control::max_allowed_parallelism);
      oneapi::tbb::task_arena(static_cast<int>(std::min<std::size_t>(threads(), limit))).execute(body);
    }
  }

 private:
  int max_threads_ = 0;
  oneapi::tbb::task_arena* arena_ = nullptr;
};

// Calls `body(begin, end, block)` for the blocks [0, block_size), [block_size, 2 block_size) ... of [0, count), each
// exactly once, in any order, on any allowed thread.
//
// Requires  block_size > 0; blocks write to disjoint places.
template <typename Body>
void ForEachBlock(const Parallelism& parallelism, std::size_t count, std::size_t block_size, const Body& body) {
  const std::size_t blocks = (count + block_size - 1) / block_size;
  const auto run_block = [&](std::size_t block) {
    body(block * block_size, std::min(count, (block + 1) * block_size), block);
  };
  if (blocks <= 1 || parallelism.threads() == 1) {
    for (std::size_t block = 0; block < blocks; ++block) run_block(block);
    return;
  }
  parallelism.Run([&] {
    oneapi::tbb::parallel_for(
        oneapi::tbb::blocked_range<std::size_t>(0, blocks, 1),
        [&](const oneapi::tbb::blocked_range<std::size_t>& range) {
          for (std::size_t block = range.begin(); block < range.end(); ++block) run_block(block);
        },
        oneapi::tbb::simple_partitioner());
  });
}

// Returns combine(...combine(combine(initial, map(block 0)), map(block 1))...): `map(begin, end)` runs in parallel,
// `combine(accumulator&, value)` in block order on the calling thread.
template <typename Value, typename Map, typename Combine>
Value ReduceBlocks(const Parallelism& parallelism, std::size_t count, std::size_t block_size, Value initial,
                   const Map& map, const Combine& combine) {
  using Part = decltype(map(std::size_t{0}, std::size_t{0}));
  std::vector<Part> parts((count + block_size - 1) / block_size);
  ForEachBlock(parallelism, count, block_size,
               [&](std::size_t begin, std::size_t end, std::size_t block) { parts[block] = map(begin, end); });
  for (Part& part : parts) combine(initial, std::move(part));
  return initial;
}

}  // namespace waypost

#endif  // WAYPOST_BASE_PARALLEL_HPP_
