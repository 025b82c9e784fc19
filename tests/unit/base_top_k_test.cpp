#include "waypost/base/top_k.hpp"

#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_top_k.hpp"
#include "support/worlds.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using testing_support::RandomScores;

// Ascending, with repeats now and then.
std::vector<std::uint32_t> RandomList(Random& random, std::size_t items, double share) {
  std::vector<std::uint32_t> list;
  for (std::uint32_t item = 0; item < items; ++item) {
    if (!random.Bernoulli(share)) continue;
    list.push_back(item);
    if (random.Below(5) == 0) list.push_back(item);
  }
  return list;
}

TEST(TopK, AgreesWithAFullSortOnScoresWithTiesListsAndBitmaps) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t items = random.Below(200);
    const std::vector<float> scores = RandomScores(seed, items, 8);
    Bitmap allowed(items);
    const double share = random.Uniform();
    for (std::size_t item = 0; item < items; ++item)
      if (random.Bernoulli(share)) allowed.Set(item);
    const std::vector<std::uint32_t> excluded = RandomList(random, items, random.Uniform());
    for (const Candidates& candidates :
         {Candidates{}, Candidates{&allowed, {}}, Candidates{nullptr, excluded}, Candidates{&allowed, excluded}})
      for (std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{7}, items, items + 3})
        EXPECT_EQ(TopK(scores, k, candidates), reference::NaiveTopK(scores, k, candidates));
  }
}

TEST(TopK, BreaksTiesByIndex) {
  EXPECT_THAT(TopK(std::vector<float>{1, 2, 2, 1, 2}, 4),
              ElementsAre(ScoredItem{ItemIndex{1}, 2}, ScoredItem{ItemIndex{2}, 2}, ScoredItem{ItemIndex{4}, 2},
                          ScoredItem{ItemIndex{0}, 1}));
}

TEST(TopK, DoesNotDependOnTheOrderOfOffers) {
  const std::vector<float> scores = RandomScores(4, 60, 5);
  const std::vector<ScoredItem> expected = TopK(scores, 9);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<std::uint32_t> order(scores.size());
    for (std::uint32_t n = 0; n < order.size(); ++n) order[n] = n;
    Random(seed).Shuffle(std::span(order));
    TopKHeap heap(9);
    for (std::uint32_t item : order) heap.Push(scores[item], ItemIndex{item});
    EXPECT_EQ(heap.Take(), expected);
  }
}

TEST(TopK, ExcludingManyItemsStillReturnsAsManyAsAreLeft) {
  const std::vector<float> scores = RandomScores(9, 100, 1000);
  std::vector<std::uint32_t> excluded;
  for (std::uint32_t item = 0; item < 90; ++item) excluded.push_back(item);
  EXPECT_EQ(TopK(scores, 10, {nullptr, excluded}).size(), 10u);
  EXPECT_EQ(TopK(scores, 50, {nullptr, excluded}).size(), 10u);
  for (std::uint32_t item = 90; item < 100; ++item) excluded.push_back(item);
  EXPECT_TRUE(TopK(scores, 10, {nullptr, excluded}).empty());
}

TEST(TopK, RunsCoverEveryItemThatIsNotExcludedOnce) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto begin = static_cast<std::uint32_t>(random.Below(40));
    const auto end = begin + static_cast<std::uint32_t>(random.Below(40));
    const std::vector<std::uint32_t> excluded = RandomList(random, 90, 0.3);
    std::vector<std::uint32_t> visited, expected;
    ForEachRun({nullptr, excluded}, begin, end, [&](std::uint32_t first, std::uint32_t last) {
      EXPECT_LT(first, last);
      for (std::uint32_t item = first; item < last; ++item) visited.push_back(item);
    });
    for (std::uint32_t item = begin; item < end; ++item)
      if (std::count(excluded.begin(), excluded.end(), item) == 0) expected.push_back(item);
    EXPECT_EQ(visited, expected);
  }
}

TEST(TopK, KnowsFiniteScoresFromOthers) {
  std::vector<float> scores = {0, -1, std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()};
  EXPECT_TRUE(AllFinite(scores));
  EXPECT_TRUE(AllFinite({}));
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()}) {
    for (std::size_t at = 0; at < scores.size(); ++at) {
      const float good = std::exchange(scores[at], bad);
      EXPECT_FALSE(AllFinite(scores));
      scores[at] = good;
    }
  }
}

}  // namespace
}  // namespace waypost
