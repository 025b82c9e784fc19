// The dense kernels of iALS training and its row solver, one thread, each with its rate in useful floating-point
// operations and its share of the machine's product rate: that of the rotation kernel on 1024 x 512 by 512 x 512,
// measured at the start. On the machine of benchmarks/RESULTS.md that product is faster than OpenBLAS's sgemm, so a
// share of it is at most the share of sgemm.
//
//   waypost_bench_ials [--benchmark_filter=...]       WAYPOST_SIMD=avx2 takes the lesser kernels
//
// Useful operations of a row of n entries: n < d: n (n + 1) d + n^3 / 3 + 4 n d; else n d (d + 1) + d^3 / 3.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/random.hpp"
#include "waypost/model/ials_model.hpp"

namespace waypost {
namespace {

AlignedVector<float> RandomTable(std::size_t rows, std::size_t stride) {
  Random random(1);
  AlignedVector<float> table(rows * stride);
  for (float& value : table) value = static_cast<float>(random.Uniform() - 0.5);
  return table;
}

// Operations a second of the product that shares refer to: the best of some runs.
double ProductRate() {
  static const double rate = [] {
    constexpr std::size_t kRows = 1024;
    constexpr std::size_t kSize = 512;
    const AlignedVector<float> rows = RandomTable(kRows, kSize);
    const AlignedVector<float> rotation = RandomTable(kSize, kSize);
    AlignedVector<float> out(kRows * kSize);
    double best = 0;
    for (int run = 0; run < 20; ++run) {
      const auto begin = std::chrono::steady_clock::now();
      GetDenseKernels().rotate(rows.data(), kRows, kSize, rotation.data(), out.data());
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      best = std::max(best, 2.0 * kRows * kSize * kSize / seconds.count());
    }
    return best;
  }();
  return rate;
}

// `operations` a run; call after the loop.
void Report(benchmark::State& state, double operations) {
  const double product = ProductRate();
  state.counters["flop/s"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["share"] = benchmark::Counter(operations / product, benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Gramian(benchmark::State& state) {
  constexpr std::size_t kRows = 4096;
  const auto stride = static_cast<std::size_t>(state.range(0));
  const AlignedVector<float> rows = RandomTable(kRows, stride);
  AlignedVector<double> sums(stride * stride);
  AlignedVector<float> scratch(kGramianScratch);
  for (auto _ : state) {
    for (std::size_t i = 0; i < stride; i += kGramianTile)
      for (std::size_t j = i; j < stride; j += kGramianTile)
        GetDenseKernels().gramian(rows.data(), kRows, stride, i, std::min(kGramianTile, stride - i), j,
                                  std::min(kGramianTile, stride - j), sums.data() + i * stride + j, stride,
                                  scratch.data());
    benchmark::ClobberMemory();
  }
  Report(state, static_cast<double>(kRows * stride * (stride + 1)));
}
BENCHMARK(BM_Gramian)->Arg(64)->Arg(128)->Arg(256)->Arg(512);

void BM_Rotate(benchmark::State& state) {
  constexpr std::size_t kRows = 256;
  const auto stride = static_cast<std::size_t>(state.range(0));
  const AlignedVector<float> rows = RandomTable(kRows, stride);
  const AlignedVector<float> rotation = RandomTable(stride, stride);
  AlignedVector<float> out(kRows * stride);
  for (auto _ : state) {
    GetDenseKernels().rotate(rows.data(), kRows, stride, rotation.data(), out.data());
    benchmark::ClobberMemory();
  }
  Report(state, static_cast<double>(2 * kRows * stride * stride));
}
BENCHMARK(BM_Rotate)->Arg(64)->Arg(128)->Arg(256)->Arg(512);

void BM_SymmetricEigen(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const AlignedVector<float> rows = RandomTable(size, size);
  std::vector<double> matrix(size * size);
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j) matrix[i * size + j] = rows[std::min(i, j) * size + std::max(i, j)];
  std::vector<double> vectors;
  std::vector<double> values(size);
  for (auto _ : state) {
    vectors = matrix;
    benchmark::DoNotOptimize(GetDenseKernels().symmetric_eigen(vectors.data(), size, values.data()));
  }
}
BENCHMARK(BM_SymmetricEigen)->Arg(64)->Arg(128)->Arg(256)->Arg(512)->Unit(benchmark::kMillisecond);

// `kRows` rows of range(1) entries each, d = range(0), with a fixed side that lies in the second-level cache.
void BM_ExactRows(benchmark::State& state) {
  constexpr std::size_t kRows = 64;
  constexpr std::size_t kFixed = 1000;
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  const AlignedVector<float> factors = RandomTable(kFixed, d);
  const AlignedVector<float> ridge(d, 1.0f);
  const IalsSideView side{.factors = factors.data(),
                          .stride = d,
                          .ridge = ridge.data(),
                          .largest_ridge = 1,
                          .regularization = 0.01,
                          .exponent = 1,
                          .unobserved_mass = 100};
  Random random(2);
  std::vector<std::uint32_t> columns;
  std::vector<std::uint64_t> offsets = {0};
  for (std::size_t row = 0; row < kRows; ++row) {
    std::vector<char> taken(kFixed, 0);
    for (std::size_t left = n; left > 0;) {
      const auto column = static_cast<std::size_t>(random.Below(kFixed));
      if (taken[column] == 1) continue;
      taken[column] = 1;
      columns.push_back(static_cast<std::uint32_t>(column));
      --left;
    }
    offsets.push_back(columns.size());
  }
  const IalsRowsView rows{.offsets = offsets.data(), .columns = columns.data(), .count = kRows};
  AlignedVector<float> workspace(IalsWorkspaceSize(d, n, kRows));
  AlignedVector<float> out(kRows * d);
  for (auto _ : state) {
    GetIalsKernels().solve_exact(side, rows, out.data(), workspace.data(), nullptr);
    benchmark::ClobberMemory();
  }
  const auto x = static_cast<double>(n);
  const auto y = static_cast<double>(d);
  const double one = n < d ? x * (x + 1) * y + x * x * x / 3 + 4 * x * y : x * y * (y + 1) + y * y * y / 3;
  Report(state, static_cast<double>(kRows) * one);
  state.counters["rows/s"] = benchmark::Counter(kRows, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_ExactRows)->ArgNames({"d", "n"})->ArgsProduct({{64, 128, 512}, {4, 16, 32, 50, 100, 128, 200, 600}});

}  // namespace
}  // namespace waypost
