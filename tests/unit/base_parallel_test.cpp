#include "waypost/base/parallel.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <oneapi/tbb/task_arena.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

TEST(Parallel, VisitsEveryBlockOnceWithItsBounds) {
  for (std::size_t count : {0, 1, 9, 10, 11, 1000}) {
    for (std::size_t block_size : {1, 10, 5000}) {
      for (int threads : {1, 2, 7}) {
        std::vector<std::atomic<int>> visits(count);
        ForEachBlock(Parallelism(threads), count, block_size,
                     [&](std::size_t begin, std::size_t end, std::size_t block) {
                       EXPECT_EQ(begin, block * block_size);
                       EXPECT_EQ(end, std::min(count, begin + block_size));
                       for (std::size_t n = begin; n < end; ++n) ++visits[n];
                     });
        for (const std::atomic<int>& visit : visits) EXPECT_EQ(visit.load(), 1);
      }
    }
  }
}

TEST(Parallel, SumsHaveTheSameBitsForAnyNumberOfThreads) {
  Random random(1);
  std::vector<float> values(300'000);
  for (float& value : values) value = static_cast<float>(random.Normal());
  const auto sum = [&](const Parallelism& parallelism) {
    return ReduceBlocks(
        parallelism, values.size(), 1000, 0.0f,
        [&](std::size_t begin, std::size_t end) {
          float part = 0;
          for (std::size_t n = begin; n < end; ++n) part += values[n];
          return part;
        },
        [](float& total, float part) { total += part; });
  };
  const float expected = sum(Parallelism(1));
  for (int threads : {0, 2, 7, 16}) EXPECT_EQ(sum(Parallelism(threads)), expected);
  oneapi::tbb::task_arena arena(3);
  EXPECT_EQ(sum(Parallelism(arena)), expected);
}

TEST(Parallel, CombinesInTheOrderOfBlocks) {
  const std::string text = ReduceBlocks(
      Parallelism(7), 26, 3, std::string("<"),
      [](std::size_t begin, std::size_t end) {
        std::string part;
        for (std::size_t n = begin; n < end; ++n) part += static_cast<char>('a' + n);
        return part;
      },
      [](std::string& whole, std::string&& part) { whole += part; });
  EXPECT_EQ(text, "<abcdefghijklmnopqrstuvwxyz");
}

std::set<std::thread::id> ThreadsOf(const Parallelism& parallelism) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  ForEachBlock(parallelism, 200, 1, [&](std::size_t, std::size_t, std::size_t) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    const std::lock_guard<std::mutex> lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  return threads;
}

TEST(Parallel, OneThreadIsTheCallingThreadAlone) {
  EXPECT_EQ(ThreadsOf(Parallelism(1)), std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST(Parallel, UsesAtMostTheThreadsItMay) {
  EXPECT_LE(ThreadsOf(Parallelism(3)).size(), 3u);
  oneapi::tbb::task_arena arena(2);
  EXPECT_LE(ThreadsOf(Parallelism(arena)).size(), 2u);
}

TEST(Parallel, WorksInsideTheArenaOfTheHost) {
  oneapi::tbb::task_arena arena(4);
  const Parallelism parallelism(arena);
  EXPECT_EQ(parallelism.threads(), 4);
  std::atomic<int> outside = 0;
  ForEachBlock(parallelism, 50, 1, [&](std::size_t, std::size_t, std::size_t) {
    if (oneapi::tbb::this_task_arena::max_concurrency() != 4) ++outside;
  });
  EXPECT_EQ(outside, 0);
}

TEST(Parallel, LoopsMayNest) {
  std::atomic<int> count = 0;
  const Parallelism parallelism(4);
  ForEachBlock(parallelism, 20, 1, [&](std::size_t, std::size_t, std::size_t) {
    ForEachBlock(parallelism, 20, 1, [&](std::size_t, std::size_t, std::size_t) { ++count; });
  });
  EXPECT_EQ(count, 400);
}

TEST(Parallel, AnExceptionOfABlockReachesTheCaller) {
  for (int threads : {1, 4})
    EXPECT_THROW(ForEachBlock(Parallelism(threads), 10, 1,
                              [](std::size_t, std::size_t, std::size_t block) {
                                if (block == 7) throw std::runtime_error("seven");
                              }),
                 std::runtime_error);
}

TEST(Parallel, ZeroMeansWhatTheProcessMayUse) {
  EXPECT_GE(AllowedThreads(), 1);
  EXPECT_EQ(Parallelism().threads(), AllowedThreads());
  EXPECT_EQ(Parallelism(0).threads(), AllowedThreads());
  EXPECT_EQ(Parallelism(-4).threads(), AllowedThreads());
  EXPECT_EQ(Parallelism(5).threads(), 5);
}

}  // namespace
}  // namespace waypost
