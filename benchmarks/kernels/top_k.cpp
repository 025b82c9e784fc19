// The k best of 41,000 rows by dot product: TopKIndex against scoring every row, one query at a time and many at once.
//
// Rows with norm skew (log-normal, as iALS makes them) and without (unit length, as for cosines). Counters:
//   scored     rows scored in float32, a query (the certificate)
//   groups     groups of 64 rows that the int8 scan looked at, a query
//   bandwidth  bytes of the float32 table over the time of a query, over the read bandwidth of this machine for a table
//              of that size: at most 1 for a search that reads every row, above it for one that need not
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "waypost/base/random.hpp"
#include "waypost/base/top_k_index.hpp"

namespace waypost {
namespace {

constexpr std::size_t kRows = 41'000;
constexpr std::size_t kQueries = 256;

enum Norms : std::int64_t { kSkewed, kUnit };

// Directions share a common part, as those of factors do; otherwise every bound would be far from every score.
AlignedVector<float> MakeRows(std::uint64_t seed, std::size_t rows, std::size_t dimensions, Norms norms) {
  Random random(seed);
  AlignedVector<float> values(rows * PaddedDimensions(dimensions), 0.0f);
  for (std::size_t row = 0; row < rows; ++row) {
    float* vector = values.data() + row * PaddedDimensions(dimensions);
    const std::size_t topic = random.Below(dimensions);
    double square = 0;
    for (std::size_t j = 0; j < dimensions; ++j) {
      vector[j] = static_cast<float>(random.Normal() + (j == 0 ? 2 : 0) + (j == topic ? 6 : 0));
      square += double{vector[j]} * vector[j];
    }
    const double length = norms == kUnit ? 1 : std::exp(0.7 * random.Normal());
    for (std::size_t j = 0; j < dimensions; ++j) vector[j] = static_cast<float>(vector[j] * length / std::sqrt(square));
  }
  return values;
}

struct World {
  World(std::size_t dimensions, Norms norms)
      : index(FactorMatrix(kRows, dimensions, SharedArray<float>(MakeRows(1, kRows, dimensions, norms)))),
        queries(MakeRows(2, kQueries, dimensions, kSkewed)) {
    index.tables();
  }
  const float* query(std::size_t n) const { return queries.data() + n % kQueries * index.rows().stride(); }

  TopKIndex index;
  AlignedVector<float> queries;
};

// Seconds to read the rows once, the best of a few.
double ReadSeconds(std::span<const float> values) {
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 5; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    float sums[64] = {};
    for (std::size_t n = 0; n + 64 <= values.size(); n += 64)
      for (std::size_t l = 0; l < 64; ++l) sums[l] += values[n + l];
    benchmark::DoNotOptimize(sums);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

void Report(benchmark::State& state, const World& world, std::size_t queries, TopKCertificate sum) {
  state.SetItemsProcessed(static_cast<std::int64_t>(queries));
  state.counters["scored"] = static_cast<double>(sum.scored) / static_cast<double>(queries);
  state.counters["groups"] = static_cast<double>(sum.groups) / static_cast<double>(queries);
  state.counters["bandwidth"] = benchmark::Counter(
      static_cast<double>(queries) * ReadSeconds(world.index.rows().values()), benchmark::Counter::kIsRate);
}

World MakeWorld(const benchmark::State& state) {
  return World(static_cast<std::size_t>(state.range(0)), static_cast<Norms>(state.range(2)));
}

// Calls ask(number of the query, certificate) once an iteration.
template <typename Ask>
void Measure(benchmark::State& state, const World& world, const Ask& ask) {
  TopKCertificate sum;
  std::size_t queries = 0;
  for (auto _ : state) {
    TopKCertificate certificate;
    benchmark::DoNotOptimize(ask(queries++, &certificate));
    sum.scored += certificate.scored;
    sum.groups += certificate.groups;
  }
  Report(state, world, queries, sum);
}

void OneQuery(benchmark::State& state) {
  const World world = MakeWorld(state);
  std::vector<ScoredItem> best(static_cast<std::size_t>(state.range(1)));
  Measure(state, world, [&](std::size_t n, TopKCertificate* certificate) {
    return world.index.SearchInto(world.query(n), {}, best, certificate).ok();
  });
}

void OneQueryScoringEveryRow(benchmark::State& state) {
  const World world = MakeWorld(state);
  const FactorMatrix& rows = world.index.rows();
  std::vector<ScoredItem> best(static_cast<std::size_t>(state.range(1)));
  constexpr std::size_t kBlock = 256;
  float scores[kBlock];
  std::size_t queries = 0;
  for (auto _ : state) {
    const float* query = world.query(queries++);
    TopKHeapView heap(best);
    for (std::size_t begin = 0; begin < kRows; begin += kBlock) {
      const std::size_t count = std::min(kBlock, kRows - begin);
      GetScoreKernels().dot_block(query, 1, rows.row(begin), count, rows.stride(), scores, kBlock);
      heap.PushAll(std::span(scores).first(count), static_cast<std::uint32_t>(begin), {});
    }
    benchmark::DoNotOptimize(heap.Finish().data());
  }
  Report(state, world, queries, {.scored = queries * kRows, .groups = 0});
}

void SimilarRows(benchmark::State& state) {
  const World world = MakeWorld(state);
  std::vector<ScoredItem> best(static_cast<std::size_t>(state.range(1)));
  Measure(state, world, [&](std::size_t n, TopKCertificate* certificate) {
    return world.index.SimilarInto(n * 37 % kRows, {}, best, certificate).ok();
  });
}

void ManyQueries(benchmark::State& state) {
  const World world = MakeWorld(state);
  const std::vector<Candidates> candidates(kQueries);
  std::size_t queries = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        world.index.Search(world.queries, candidates, static_cast<std::size_t>(state.range(1)), Parallelism(1)).ok());
    queries += kQueries;
  }
  Report(state, world, queries, {});
}

void Arguments(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"d", "k", "unit"})->ArgsProduct({{64, 128}, {10, 100, 1000}, {kSkewed, kUnit}});
}

BENCHMARK(OneQuery)->Apply(Arguments)->Unit(benchmark::kMicrosecond);
BENCHMARK(OneQueryScoringEveryRow)->Apply(Arguments)->Unit(benchmark::kMicrosecond);
BENCHMARK(SimilarRows)->Apply(Arguments)->Unit(benchmark::kMicrosecond);
BENCHMARK(ManyQueries)->Apply(Arguments)->Unit(benchmark::kMicrosecond);

void BuildTables(benchmark::State& state) {
  const std::size_t dimensions = static_cast<std::size_t>(state.range(0));
  const FactorMatrix rows(kRows, dimensions, SharedArray<float>(MakeRows(1, kRows, dimensions, kSkewed)));
  for (auto _ : state) benchmark::DoNotOptimize(BuildTopKTables(rows, Parallelism(1)).order.data());
}
BENCHMARK(BuildTables)->ArgName("d")->Arg(64)->Arg(128)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace waypost
