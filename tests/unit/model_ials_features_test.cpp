#include "waypost/model/ials_features.hpp"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/model/ials.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::PlantedMatrix;

constexpr std::size_t kGroups = 4;

IdDictionary GroupNames() {
  IdDictionaryBuilder builder;
  for (std::size_t group = 0; group < kGroups; ++group) EXPECT_TRUE(builder.Add("group " + std::to_string(group)).ok());
  return std::move(builder).Build();
}

// Item i has the one feature i mod kGroups.
SparseMatrix GroupFeatures(std::size_t items) {
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  for (std::uint32_t item = 0; item < items; ++item) {
    columns.push_back(item % kGroups);
    offsets.push_back(columns.size());
  }
  return SparseMatrix(kGroups, SharedArray<std::uint64_t>(std::move(offsets)),
                      SharedArray<std::uint32_t>(std::move(columns)), {});
}

// Users like the items of their group, user mod kGroups.
class IalsFeaturesTest : public testing::Test {
 protected:
  IalsFeaturesTest() : matrix_(PlantedMatrix(3, 80, 60, kGroups, 0.5, 0.02)) {
    absl::StatusOr<IalsTraining> training = TrainIals(matrix_, {.dimensions = 8, .unobserved_weight = 0.1f});
    EXPECT_TRUE(training.ok()) << training.status();
    plain_ = std::make_shared<const IalsModel>(std::move(training->model));
    absl::StatusOr<IalsFeatures> learned = AddFeatureMap(*plain_, matrix_, GroupNames(), GroupFeatures(60));
    EXPECT_TRUE(learned.ok()) << learned.status();
    recall_ = learned->recall.value_or(-1);
    mapped_ = std::make_shared<const IalsModel>(std::move(learned->model));
  }

  std::vector<float> Scores(const IalsModel& model, const UserView& user) const {
    std::vector<float> scores(model.item_count());
    EXPECT_TRUE(model.Score({&user, 1}, scores, Parallelism(1)).ok());
    return scores;
  }
  UserView Known(std::uint32_t user) const { return {UserIndex{user}, matrix_.user_item().row(user)}; }
  UserView Stranger(std::uint32_t user) const { return {std::nullopt, matrix_.user_item().row(user)}; }

  InteractionMatrix matrix_;
  std::shared_ptr<const IalsModel> plain_, mapped_;
  double recall_ = 0;
};

TEST_F(IalsFeaturesTest, ItemsWithoutEventsAreRankedForThoseWhoLikeTheirKind) {
  const absl::StatusOr<IalsModel> model = mapped_->WithItems(GroupFeatures(8));
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ(model->item_count(), 68u);
  EXPECT_EQ(model->trained_items(), 60u);
  for (std::uint32_t user = 0; user < 80; ++user) {
    const std::vector<float> scores = Scores(*model, Known(user));
    for (std::size_t item = 60; item < 68; ++item) {
      if (item % kGroups != user % kGroups) {
        EXPECT_GT(scores[60 + user % kGroups], scores[item]) << "user " << user << ", item " << item;
      }
    }
  }
  // Of the items left out a quarter is listed, those of the user's group first; which of these the user took is chance.
  EXPECT_GT(recall_, 0.5);
}

TEST_F(IalsFeaturesTest, WhatTheModelSaysOfOtherItemsStaysAsItIs) {
  const absl::StatusOr<IalsModel> model = mapped_->WithItems(GroupFeatures(5));
  ASSERT_TRUE(model.ok());
  for (std::uint32_t user = 0; user < 80; ++user) {
    for (const UserView& view : {Known(user), Stranger(user)}) {
      const std::vector<float> before = Scores(*plain_, view), after = Scores(*model, view);
      EXPECT_EQ(std::memcmp(before.data(), after.data(), before.size() * sizeof(float)), 0);
    }
    // A stored vector is the fold-in of its history, with more items too.
    EXPECT_EQ(Scores(*model, Known(user)), Scores(*model, Stranger(user)));
  }
}

TEST_F(IalsFeaturesTest, AnItemWithoutEventsIsExplainedAndCountsInAHistory) {
  const absl::StatusOr<IalsModel> model = mapped_->WithItems(GroupFeatures(4));
  ASSERT_TRUE(model.ok());
  const absl::StatusOr<Explanation> explanation = model->Explain(Known(1), ItemIndex{61});
  ASSERT_TRUE(explanation.ok());
  double sum = explanation->base;
  for (const Contribution& part : explanation->contributions) sum += part.amount;
  EXPECT_NEAR(sum, explanation->score, 1e-5 * std::abs(explanation->score));
  // Who took the new item of group 2 alone likes that group best.
  const std::vector<std::uint32_t> history = {62};
  const std::vector<float> scores = Scores(*model, {std::nullopt, {history, {}}});
  const auto mean = [&](std::size_t group) {
    double total = 0;
    for (std::size_t item = group; item < 60; item += kGroups) total += scores[item];
    return total;
  };
  for (const std::size_t other : {0, 1, 3}) EXPECT_GT(mean(2), mean(other));
}

TEST_F(IalsFeaturesTest, ItemsCanBeAddedAgainAndAgain) {
  const absl::StatusOr<IalsModel> once = mapped_->WithItems(GroupFeatures(6));
  const absl::StatusOr<IalsModel> first = mapped_->WithItems(GroupFeatures(4));
  ASSERT_TRUE(once.ok() && first.ok());
  const absl::StatusOr<IalsModel> twice = first->WithItems(GroupFeatures(2));
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(Scores(*once, Stranger(7)), Scores(*twice, Stranger(7)));
}

TEST_F(IalsFeaturesTest, RefusesWhatDoesNotFit) {
  EXPECT_EQ(plain_->WithItems(GroupFeatures(4)).status().message(),
            "IalsModel.WithItems: want a model with a map of features, got one without");
  EXPECT_EQ(mapped_->WithItems(testing_support::RandomSparse(1, 3, 5, 0.5)).status().message(),
            "IalsModel.WithItems.features: want 4 columns, got 5");
  const auto message = [](const auto& learned) { return std::string(learned.status().message()); };
  EXPECT_THAT(message(AddFeatureMap(*plain_, matrix_, {}, GroupFeatures(60))),
              HasSubstr("AddFeatureMap.features: want 0 columns, got 4"));
  EXPECT_THAT(message(AddFeatureMap(*plain_, PlantedMatrix(3, 5, 6, 2, 0.5, 0.1), GroupNames(), GroupFeatures(60))),
              HasSubstr("AddFeatureMap.matrix: want 60 items, got 6"));
}

TEST_F(IalsFeaturesTest, TheMapIsTheSameForAnyNumberOfThreads) {
  for (const int threads : {1, 2, 7}) {
    const auto again = AddFeatureMap(*plain_, matrix_, GroupNames(), GroupFeatures(60), {}, {}, Parallelism(threads));
    ASSERT_TRUE(again.ok());
    const std::span<const float> one = mapped_->feature_map()->weights.values();
    const std::span<const float> other = again->model.feature_map()->weights.values();
    ASSERT_EQ(one.size(), other.size());
    EXPECT_EQ(std::memcmp(one.data(), other.data(), one.size_bytes()), 0);
  }
}

}  // namespace
}  // namespace waypost
