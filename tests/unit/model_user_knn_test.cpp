#include "waypost/model/user_knn.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_user_knn.hpp"
#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::RandomMatrix;

UserKnnModel Trained(const InteractionMatrix& matrix, const UserKnnOptions& options) {
  absl::StatusOr<UserKnnModel> model = TrainUserKnn(matrix, options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::vector<float> ScoresOf(const Scorer& scorer, const SparseRowView& history) {
  std::vector<float> scores(scorer.item_count());
  const UserView user{.user = {}, .history = history};
  const absl::Status status = scorer.Score({&user, 1}, scores, Parallelism(1));
  EXPECT_TRUE(status.ok()) << status;
  return scores;
}

InteractionMatrix MatrixOf(const std::vector<std::vector<std::uint32_t>>& users, std::size_t items) {
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  for (const auto& user : users) {
    columns.insert(columns.end(), user.begin(), user.end());
    offsets.push_back(columns.size());
  }
  return InteractionMatrix(SparseMatrix(items, SharedArray<std::uint64_t>(std::move(offsets)),
                                        SharedArray<std::uint32_t>(std::move(columns)), {}));
}

std::vector<UserKnnOptions> SeveralOptions() {
  const UserSimilarity cosine = UserSimilarity::kCosine;
  return {{},
          {.similarity = cosine, .exponent = 1},
          {.similarity = cosine, .neighbours = 0, .exponent = 1},
          {.similarity = cosine, .neighbours = 1, .exponent = 2.5f},
          {.similarity = UserSimilarity::kTfIdf, .neighbours = 7, .exponent = 0},
          {.similarity = UserSimilarity::kTfIdf, .neighbours = 0},
          {.similarity = UserSimilarity::kBm25, .neighbours = 7, .exponent = 1},
          {.similarity = UserSimilarity::kBm25, .neighbours = 12, .exponent = 0.5f, .bm25_k1 = 20.0f, .bm25_b = 0.3f}};
}

// Weights are within one factor a user, so scores are compared as shares of the largest.
void ExpectInProportion(const std::vector<float>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  std::size_t largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (expected[i] > expected[largest]) largest = i;
  if (expected[largest] == 0) {
    EXPECT_THAT(actual, testing::Each(0.0f));
    return;
  }
  for (std::size_t i = 0; i < expected.size(); ++i)
    // stored terms are float32, and a power of at most 2.5 multiplies their rounding: a few 2^-24
    EXPECT_NEAR(actual[i] / actual[largest], expected[i] / expected[largest], 2e-6) << i;
}

TEST(UserKnn, IsItsDefinitionForTrainingUsersAndForStrangers) {
  for (const bool weighted : {false, true}) {
    const InteractionMatrix matrix = RandomMatrix(1, 40, 25, 0.2, weighted);
    const InteractionMatrix strangers = RandomMatrix(2, 30, 25, 0.15, /*weighted=*/true);
    for (const UserKnnOptions& options : SeveralOptions()) {
      SCOPED_TRACE(std::string(UserSimilarityName(options.similarity)) + " " + std::to_string(options.neighbours));
      const UserKnnModel model = Trained(matrix, options);
      const reference::NaiveUserKnn naive(matrix, options);
      for (const InteractionMatrix* histories : {&matrix, &strangers}) {
        const reference::DenseMatrix dense = reference::Dense(histories->user_item());
        for (std::size_t user = 0; user < dense.size(); ++user) {
          SCOPED_TRACE(user);
          ExpectInProportion(ScoresOf(model, histories->user_item().row(user)), naive.Scores(dense[user]));
        }
      }
    }
  }
}

TEST(UserKnn, WithoutAPowerScoresAreSumsOfSimilarities) {
  const InteractionMatrix matrix = RandomMatrix(3, 40, 25, 0.2);
  const UserKnnOptions options{.similarity = UserSimilarity::kCosine, .neighbours = 5, .exponent = 1};
  const UserKnnModel model = Trained(matrix, options);
  const reference::NaiveUserKnn naive(matrix, options);
  const std::vector<double> expected = naive.Scores(reference::Dense(matrix.user_item())[0]);
  const std::vector<float> scores = ScoresOf(model, matrix.user_item().row(0));
  for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i], expected[i], 1e-6);  // 5 sums of float32 terms
}

TEST(UserKnn, AUserWhoHasNothingNewTakesNoPlaceAmongTheNeighbours) {
  // To the history {0, 1} the first two users are nearest, and have nothing else.
  const InteractionMatrix matrix = MatrixOf({{0, 1}, {0, 1}, {0, 1, 2}, {1, 3, 4, 5}}, 6);
  const std::vector<std::uint32_t> history = {0, 1};
  const std::vector<float> scores = ScoresOf(Trained(matrix, {.neighbours = 1}), {history, {}});
  EXPECT_GT(scores[2], 0);
  EXPECT_EQ(scores[3], 0);
}

TEST(UserKnn, TiesKeepTheLowerUser) {
  const InteractionMatrix matrix = MatrixOf({{0, 3}, {0, 1}, {0, 2}}, 4);
  const std::vector<std::uint32_t> history = {0};
  const std::vector<float> scores = ScoresOf(Trained(matrix, {.neighbours = 2}), {history, {}});
  EXPECT_GT(scores[3], 0);
  EXPECT_GT(scores[1], 0);
  EXPECT_EQ(scores[2], 0);
}

TEST(UserKnn, AHistoryThatNobodySharesScoresZeroAndSoDoesNone) {
  const UserKnnModel model = Trained(MatrixOf({{0, 1}, {1, 2}}, 5), {});
  const std::vector<std::uint32_t> history = {4};
  EXPECT_THAT(ScoresOf(model, {history, {}}), testing::Each(0.0f));
  EXPECT_THAT(ScoresOf(model, {}), testing::Each(0.0f));
}

TEST(UserKnn, LargeStrengthsAndPowersStayFinite) {
  const std::vector<float> strengths = {kMaxStrength, kMaxStrength};
  const std::vector<std::uint32_t> history = {0, 1};
  const InteractionMatrix matrix(SparseMatrix(3, SharedArray<std::uint64_t>({0, 3, 5}),
                                              SharedArray<std::uint32_t>({0, 1, 2, 1, 2}),
                                              SharedArray<float>({1e6f, 1e6f, 1e6f, 1e-30f, 1e6f})));
  for (UserKnnOptions options : SeveralOptions()) {
    options.exponent = kMaxUserKnnExponent;
    for (float score : ScoresOf(Trained(matrix, options), {history, strengths})) EXPECT_TRUE(std::isfinite(score));
  }
}

TEST(UserKnn, AnExplanationNamesWhatIsSharedWithTheNeighboursThatHaveTheItem) {
  // Item 3 is had by user 1 alone, who shares items 0 and 1 with the history, and not 2.
  const InteractionMatrix matrix = MatrixOf({{0, 2, 4}, {0, 1, 3}}, 5);
  const std::vector<std::uint32_t> history = {0, 1, 2};
  const absl::StatusOr<Explanation> explanation = Trained(matrix, {.similarity = UserSimilarity::kCosine})
                                                      .Explain({.user = {}, .history = {history, {}}}, ItemIndex{3});
  ASSERT_TRUE(explanation.ok()) << explanation.status();
  ASSERT_EQ(explanation->contributions.size(), 3u);
  for (const Contribution& part : explanation->contributions) {
    if (part.item.value == 2) {
      EXPECT_EQ(part.amount, 0);
    } else {
      EXPECT_NEAR(part.amount, explanation->score / 2, 1e-6);
    }
  }
}

TEST(UserKnn, SimilarItemsAreThoseOfTheSameUsersByCosine) {
  const InteractionMatrix matrix = MatrixOf({{0, 1, 2}, {0, 1}, {2}, {2}}, 4);
  const absl::StatusOr<std::vector<ScoredItem>> similar = Trained(matrix, {}).Similar(ItemIndex{0}, {}, 9);
  ASSERT_TRUE(similar.ok());
  ASSERT_EQ(similar->size(), 2u);
  EXPECT_EQ((*similar)[0].item.value, 1u);
  EXPECT_NEAR((*similar)[0].score, 1, 1e-6);
  EXPECT_EQ((*similar)[1].item.value, 2u);
  EXPECT_NEAR((*similar)[1].score, 1 / std::sqrt(6.0), 1e-6);
}

TEST(UserKnn, OptionsOutOfRangeOrWithoutEffectAreNamed) {
  const auto message = [](const UserKnnOptions& options) { return std::string(Validate(options).message()); };
  EXPECT_EQ(message({}), "");
  EXPECT_EQ(message({.neighbours = -1}), "UserKnnOptions.neighbours: want 0 (all) or more, got -1");
  EXPECT_EQ(message({.exponent = 11}), "UserKnnOptions.exponent: want 0..10, got 11");
  EXPECT_THAT(message({.exponent = std::numeric_limits<float>::quiet_NaN()}), HasSubstr("got nan"));
  EXPECT_EQ(message({.similarity = UserSimilarity::kCosine, .bm25_k1 = 1.0f}),
            "UserKnnOptions.bm25_k1: want it unset with similarity cosine, got 1");
  EXPECT_EQ(message({.similarity = UserSimilarity::kBm25, .bm25_b = 2.0f}), "UserKnnOptions.bm25_b: want 0..1, got 2");
  EXPECT_EQ(message({.similarity = static_cast<UserSimilarity>(9)}),
            "UserKnnOptions.similarity: want cosine, tfidf or bm25, got 9");
}

TEST(UserKnn, CanBeCancelledAndHasNoState) {
  TrainingControl control;
  control.on_epoch = [](const TrainingProgress&) { return false; };
  EXPECT_EQ(TrainUserKnn(RandomMatrix(1, 9, 9, 0.3), {}, control).status().code(), absl::StatusCode::kCancelled);
  control = {};
  control.checkpoint = [](const IalsState&) { return absl::OkStatus(); };
  EXPECT_THAT(std::string(TrainUserKnn(RandomMatrix(1, 9, 9, 0.3), {}, control).status().message()),
              HasSubstr("TrainingControl.checkpoint: want it with a model that trains in epochs"));
}

}  // namespace
}  // namespace waypost
