#include "waypost/model/popularity.hpp"

#include <array>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/base/bitmap.hpp"

namespace waypost {
namespace {

// Users 0, 1, 2 took items {0, 1}, {1}, {1, 2}.
InteractionMatrix ThreeUsers() {
  return InteractionMatrix(
      SparseMatrix(3, SharedArray<std::uint64_t>({0, 2, 3, 5}), SharedArray<std::uint32_t>({0, 1, 1, 1, 2}), {}));
}

TEST(Popularity, RanksByTheNumberOfUsersThenByIndex) {
  const PopularityModel model = TrainPopularity(ThreeUsers());
  const UserView nobody;
  const Candidates all;
  const auto best = model.TopK(std::span(&nobody, 1), std::span(&all, 1), 5, Parallelism(1));
  ASSERT_TRUE(best.ok());
  EXPECT_EQ(best->front(), (std::vector<ScoredItem>{{ItemIndex{1}, 3}, {ItemIndex{0}, 1}, {ItemIndex{2}, 1}}));
}

TEST(Popularity, ManyQueriesEqualScoringAndSortingEach) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const PopularityModel model = TrainPopularity(testing_support::RandomMatrix(seed, 40, 30, 0.1));  // many ties
    const SparseMatrix lists = testing_support::RandomSparse(seed + 1000, 9, 30, 0.4);
    Bitmap some(30);
    for (std::size_t item = 0; item < 30; item += 4) some.Set(item);
    const std::vector<UserView> users(9);
    std::vector<Candidates> candidates;
    for (std::size_t q = 0; q < 9; ++q)
      candidates.push_back({.allowed = q % 3 == 0 ? &some : nullptr, .excluded = lists.row(q).columns});
    for (std::size_t k : {0, 1, 5, 30, 99}) {
      const auto best = model.TopK(users, candidates, k, Parallelism(2));
      ASSERT_TRUE(best.ok());
      for (std::size_t q = 0; q < 9; ++q) EXPECT_EQ((*best)[q], TopK(model.scores().span(), k, candidates[q]));
    }
  }
}

TEST(Popularity, RefusesAHistoryOfUnknownItems) {
  const PopularityModel model = TrainPopularity(ThreeUsers());
  const std::array<std::uint32_t, 1> items = {3};
  EXPECT_EQ(model.Explain({.user = {}, .history = {items, {}}}, ItemIndex{0}).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST(Popularity, RefusesToRankByScoresThatAreNotFinite) {
  const PopularityModel damaged(SharedArray<float>({1.0f, std::numeric_limits<float>::quiet_NaN(), 2.0f}));
  const UserView nobody;
  const Candidates all;
  std::vector<float> scores(3);
  EXPECT_EQ(damaged.Score(std::span(&nobody, 1), scores, Parallelism(1)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(damaged.TopK(std::span(&nobody, 1), std::span(&all, 1), 3, Parallelism(1)).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(damaged.Explain(nobody, ItemIndex{1}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(damaged.Explain(nobody, ItemIndex{2}).ok());
}

}  // namespace
}  // namespace waypost
