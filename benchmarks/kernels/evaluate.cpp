// What evaluation costs beside the ranking itself: lists known in advance, users a second; and the bootstrap, draws a
// second.
#include "waypost/eval/evaluate.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "skewed_world.hpp"

namespace waypost {
namespace {

// metrics of 30,000 users, threads
void BM_Bootstrap(benchmark::State& state) {
  constexpr std::size_t kUsers = 30'000;
  const auto columns = static_cast<std::size_t>(state.range(0));
  Random random(3);
  std::vector<double> values(kUsers * columns);
  for (double& value : values) value = random.Uniform();
  const BootstrapOptions options;
  for (auto _ : state) {
    const auto intervals = BootstrapMeans(values, columns, options, Parallelism(static_cast<int>(state.range(1))));
    benchmark::DoNotOptimize(intervals);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kUsers) * options.replicates);
}
BENCHMARK(BM_Bootstrap)->ArgsProduct({{1, 2, 9}, {1, 2}})->Unit(benchmark::kMillisecond)->UseRealTime();

// metrics of one list, its length
void BM_HitMetrics(benchmark::State& state) {
  const auto cut = static_cast<std::uint32_t>(state.range(0));
  Random random(5);
  std::vector<std::uint8_t> hits(cut);
  for (std::uint8_t& hit : hits) hit = random.Bernoulli(0.1) ? 1 : 0;
  for (auto _ : state) {
    for (MetricKind kind : {MetricKind::kRecall, MetricKind::kPrecision, MetricKind::kNdcg, MetricKind::kMap,
                            MetricKind::kMrr, MetricKind::kHitRate})
      benchmark::DoNotOptimize(HitMetric({kind, cut}, {hits, 10}));
  }
  state.SetItemsProcessed(state.iterations() * 6);
}
BENCHMARK(BM_HitMetrics)->Arg(20)->Arg(100);

// Gives everybody the same list without ranking.
class KnownList final : public Scorer {
 public:
  KnownList(std::size_t items, std::vector<ScoredItem> list) : items_(items), list_(std::move(list)) {}

  std::string_view kind() const override { return "known-list"; }
  std::size_t item_count() const override { return items_; }
  absl::Status Score(std::span<const UserView>, std::span<float>, const Parallelism&) const override {
    return absl::UnimplementedError("KnownList");
  }
  absl::StatusOr<std::vector<std::vector<ScoredItem>>> TopK(std::span<const UserView> users,
                                                            std::span<const Candidates>, std::size_t,
                                                            const Parallelism&) const override {
    return std::vector<std::vector<ScoredItem>>(users.size(), list_);
  }
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex, const Candidates&, std::size_t) const override {
    return absl::UnimplementedError("KnownList");
  }
  absl::StatusOr<Explanation> Explain(const UserView&, ItemIndex) const override {
    return absl::UnimplementedError("KnownList");
  }

 private:
  std::size_t items_;
  std::vector<ScoredItem> list_;
};

// Users of 20 training and 5 test items, the lists none of both.
void BM_EvaluateKnownLists(benchmark::State& state) {
  constexpr std::uint64_t kUsers = 20'000;
  constexpr std::uint64_t kItems = 5'000;
  constexpr std::uint64_t kListed = 20;
  EventLogBuilder train;
  EventLogBuilder test;
  for (std::uint64_t item = 0; item < kItems; ++item) (void)train.Append({.user = "all", .item = std::to_string(item)});
  for (std::uint64_t user = 0; user < kUsers; ++user) {
    Random random(9, user);
    for (int n = 0; n < 25; ++n)
      (void)(n < 20 ? train : test)
          .Append({.user = std::to_string(user), .item = std::to_string(kListed + random.Below(kItems - kListed))});
  }
  const EventLog log = std::move(train).Build();
  auto interactions = BuildInteractions(log);
  if (!interactions.ok()) return state.SkipWithError("no interactions");
  const auto set = BuildTestSet({log.users(), log.items(), *std::move(interactions)}, std::move(test).Build());
  if (!set.ok()) return state.SkipWithError("no test set");
  std::vector<ScoredItem> list;
  for (std::uint32_t item = 0; item < kListed; ++item) list.push_back({ItemIndex{item}, 1.0f});
  const KnownList scorer(log.items().size(), std::move(list));
  const auto metrics = ParseMetrics("recall@20,ndcg@20");
  for (auto _ : state) {
    const auto result =
        Evaluate(scorer, *set, *metrics, {.intervals = false}, Parallelism(static_cast<int>(state.range(0))));
    if (!result.ok()) return state.SkipWithError("evaluation failed");
    benchmark::DoNotOptimize(result);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(set->users()));
}
BENCHMARK(BM_EvaluateKnownLists)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace waypost
