// Reading events: bytes a second, and as a share of the rate at which one thread sums the same text up in memory. First
// the marks alone (where fields end), then a whole CSV, from the system's cache of the file to the event log.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "waypost/base/random.hpp"
#include "waypost/event/reader.hpp"

#include "event/mark_kernels.hpp"

namespace waypost {
namespace {

constexpr std::size_t kRows = 2'000'000;

// Lines such as `182736,40321,3.5` below a header: 30 MB, a multiple of 64 bytes.
const std::string& Text() {
  static const std::string text = [] {
    Random random(11);
    std::string lines = "user,item,value\n";
    for (std::size_t row = 0; row < kRows; ++row)
      absl::StrAppend(&lines, 100'000 + random.Below(200'000), ",", random.Below(50'000), ",",
                      static_cast<double>(random.Below(11)) / 2, "\n");
    lines.append((64 - lines.size() % 64) % 64, '\n');
    return lines;
  }();
  return text;
}

// Bytes a second of the fastest of ten sums over the text, eight words at once.
double MemoryRate() {
  static const double rate = [] {
    const std::string& text = Text();
    double best = 0;
    for (int pass = 0; pass < 10; ++pass) {
      const auto begin = std::chrono::steady_clock::now();
      std::uint64_t sums[8] = {};
      for (std::size_t at = 0; at < text.size(); at += 64) {
        std::uint64_t words[8];
        std::memcpy(words, text.data() + at, 64);
        for (std::size_t n = 0; n < 8; ++n) sums[n] += words[n];
      }
      benchmark::DoNotOptimize(sums);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      best = std::max(best, static_cast<double>(text.size()) / seconds.count());
    }
    return best;
  }();
  return rate;
}

void Report(benchmark::State& state) {
  const double bytes = static_cast<double>(state.iterations()) * static_cast<double>(Text().size());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["of memory"] = benchmark::Counter(bytes / MemoryRate(), benchmark::Counter::kIsRate);
}

void BM_Marks(benchmark::State& state) {
  constexpr std::size_t kChunks = 512;  // the reader's tiles
  const std::string& text = Text();
  std::vector<std::uint64_t> ends(kChunks);
  std::vector<std::uint64_t> wide(kChunks);
  for (auto _ : state) {
    for (std::size_t at = 0; at < text.size(); at += 64 * kChunks) {
      const std::size_t chunks = std::min(kChunks, (text.size() - at) / 64);
      GetMarkKernels().mark(text.data() + at, chunks, ',', '"', ends.data(), wide.data());
      benchmark::DoNotOptimize(ends.data());
    }
  }
  Report(state);
}
BENCHMARK(BM_Marks)->Unit(benchmark::kMillisecond)->UseRealTime();

// threads
void BM_ReadCsv(benchmark::State& state) {
  const int file = memfd_create("events", 0);
  const std::string& text = Text();
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = write(file, text.data() + written, text.size() - written);
    if (count <= 0) return state.SkipWithError("writing failed");
    written += static_cast<std::size_t>(count);
  }
  const std::string path = absl::StrCat("/proc/self/fd/", file);
  ReadOptions options;
  options.format = InputFormat::kCsv;
  options.parallelism = Parallelism(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    EventLogBuilder builder;
    if (!ReadEvents(path, options, builder).ok()) return state.SkipWithError("reading failed");
    benchmark::DoNotOptimize(builder.size());
  }
  close(file);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
  Report(state);
}
BENCHMARK(BM_ReadCsv)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace waypost
