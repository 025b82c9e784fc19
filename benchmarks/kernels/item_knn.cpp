// Item kNN: training (pair sums a second; bytes of the table written) and lists for all users (sums of scores a
// second).
#include "waypost/model/item_knn.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "skewed_world.hpp"

namespace waypost {
namespace {

const InteractionMatrix& World() {
  static const InteractionMatrix kWorld = benchmarks::SkewedMatrix(30'000, 40'000, 27);
  return kWorld;
}

ItemKnnOptions OptionsOf(std::int64_t neighbours) {
  return {.similarity = KnnSimilarity::kCosine, .neighbours = static_cast<int>(neighbours)};
}

// neighbours, threads
void BM_TrainItemKnn(benchmark::State& state) {
  double sums = 0;
  for (std::size_t user = 0; user < World().users(); ++user) {
    const double size = static_cast<double>(World().user_item().row_size(user));
    sums += size * size;
  }
  std::size_t entries = 0;
  for (auto _ : state) {
    const auto model =
        TrainItemKnn(World(), OptionsOf(state.range(0)), {}, Parallelism(static_cast<int>(state.range(1))));
    if (!model.ok()) return state.SkipWithError("training failed");
    entries = model->weights().entries();
  }
  const auto runs = static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(runs * sums));
  state.SetBytesProcessed(static_cast<std::int64_t>(runs * static_cast<double>(entries) * 8));
  state.counters["entries"] = static_cast<double>(entries);
}
BENCHMARK(BM_TrainItemKnn)->ArgsProduct({{0, 200}, {1, 2}})->Unit(benchmark::kMillisecond)->UseRealTime();

// neighbours, length of the lists
void BM_ListsOfItemKnn(benchmark::State& state) {
  const auto model = TrainItemKnn(World(), OptionsOf(state.range(0)));
  if (!model.ok()) return state.SkipWithError("training failed");
  constexpr std::uint32_t kUsers = 2'000;
  std::vector<UserView> users;
  std::vector<Candidates> candidates;
  double sums = 0;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    const SparseRowView history = World().user_item().row(user);
    users.push_back({UserIndex{user}, history});
    candidates.push_back({.allowed = nullptr, .excluded = history.columns});
    for (std::uint32_t item : history.columns) sums += static_cast<double>(model->weights().row_size(item));
  }
  for (auto _ : state) {
    const auto lists = model->TopK(users, candidates, static_cast<std::size_t>(state.range(1)), Parallelism(1));
    benchmark::DoNotOptimize(lists);
  }
  const auto runs = static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(runs * sums));
  state.counters["users"] = benchmark::Counter(runs * kUsers, benchmark::Counter::kIsRate);
}
BENCHMARK(BM_ListsOfItemKnn)->ArgsProduct({{0, 200}, {20, 100}})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace waypost
