// Fold-in of an ad-hoc history, one thread: microseconds a call, and the multiply-adds of the smaller exact system
// (n n d / 2 + n^3 / 6 for n < d items, n d d / 2 + d^3 / 6 otherwise) a second.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include "skewed_world.hpp"
#include "waypost/model/ials.hpp"

namespace waypost {
namespace {

// dimensions, items of the history
void BM_FoldIn(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  const InteractionMatrix world = benchmarks::SkewedMatrix(3'000, 20'000, 27);
  const auto trained = TrainIals(world, {.dimensions = static_cast<int>(d), .epochs = 1});
  if (!trained.ok()) return state.SkipWithError("training failed");
  Random random(7);
  std::vector<std::vector<std::uint32_t>> histories;
  for (int q = 0; q < 200; ++q) histories.push_back(benchmarks::SkewedItems(random, world.items(), n));
  std::vector<float> vector(d);
  std::size_t next = 0;
  for (auto _ : state) {
    const std::vector<std::uint32_t>& history = histories[next++ % histories.size()];
    if (!trained->model.FoldIn({history, {}}, vector).ok()) return state.SkipWithError("fold-in failed");
    benchmark::DoNotOptimize(vector.data());
  }
  const double small = static_cast<double>(n < d ? n : d);
  const double large = static_cast<double>(n < d ? d : n);
  state.counters["multiply-adds"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * (small * small * large / 2 + small * small * small / 6),
      benchmark::Counter::kIsRate);
}
BENCHMARK(BM_FoldIn)->ArgsProduct({{64, 128, 256}, {10, 50, 200}})->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace waypost
