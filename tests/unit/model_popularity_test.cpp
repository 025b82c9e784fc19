#include "waypost/model/popularity.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/event/event_log.hpp"

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

TEST(Popularity, RefusesAHistoryOfUnknownItems) {
  const PopularityModel model = TrainPopularity(ThreeUsers());
  const std::array<std::uint32_t, 1> items = {3};
  EXPECT_EQ(model.Explain({.user = {}, .history = {items, {}}}, ItemIndex{0}).status().code(),
            absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace waypost
