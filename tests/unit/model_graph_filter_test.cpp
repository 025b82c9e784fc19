#include "waypost/model/graph_filter.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_graph_filter.hpp"
#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

std::vector<float> ScoresOf(const Scorer& model, const std::vector<UserView>& users) {
  std::vector<float> scores(users.size() * model.item_count());
  const absl::Status status = model.Score(users, scores, Parallelism(2));
  EXPECT_TRUE(status.ok()) << status;
  return scores;
}

std::vector<UserView> UsersOf(const InteractionMatrix& matrix) {
  std::vector<UserView> users;
  for (std::size_t user = 0; user < matrix.users(); ++user)
    users.push_back({.user = {}, .history = matrix.user_item().row(user)});
  return users;
}

void ExpectNear(const std::vector<float>& scores, const Eigen::MatrixXd& wanted, double tolerance) {
  const double largest = wanted.cwiseAbs().maxCoeff();
  for (Eigen::Index user = 0; user < wanted.rows(); ++user)
    for (Eigen::Index item = 0; item < wanted.cols(); ++item)
      ASSERT_NEAR(scores[static_cast<std::size_t>(user * wanted.cols() + item)], wanted(user, item),
                  tolerance * largest)
          << user << " " << item;
}

// 30 iterations leave the error of the decomposition where float32 is.
TEST(GraphFilter, GfCfIsTheDenseFilterOfTheDefinition) {
  for (bool weighted : {false, true}) {
    const InteractionMatrix matrix = RandomMatrix(1, 70, 40, 0.15, weighted);
    for (float weight : {0.0f, 0.3f, 100.0f}) {
      const auto model = TrainGfCf(matrix, {.dimensions = 8, .low_pass_weight = weight, .iterations = 60});
      ASSERT_TRUE(model.ok()) << model.status();
      const reference::NaiveFilter naive(matrix, 8);
      ExpectNear(ScoresOf(*model, UsersOf(matrix)), naive.GfCf(reference::DenseInteractions(matrix), weight), 1e-3);
    }
  }
}

TEST(GraphFilter, BspmIsTheDenseEquationOfTheDefinition) {
  for (bool weighted : {false, true}) {
    const InteractionMatrix matrix = RandomMatrix(2, 70, 40, 0.15, weighted);
    const reference::NaiveFilter naive(matrix, 8);
    for (FilterMerge merge : {FilterMerge::kEarly, FilterMerge::kLate}) {
      for (SharpeningSolver solver : {SharpeningSolver::kRk4, SharpeningSolver::kEuler}) {
        for (int steps : {1, 3}) {
          BspmOptions options{.dimensions = 8, .sharpening_steps = steps, .sharpening_solver = solver, .merge = merge};
          options.iterations = 60;
          const auto model = TrainBspm(matrix, options);
          ASSERT_TRUE(model.ok()) << model.status();
          ExpectNear(ScoresOf(*model, UsersOf(matrix)), naive.Bspm(reference::DenseInteractions(matrix), options),
                     1e-3);
        }
      }
    }
  }
}

TEST(GraphFilter, BspmWithoutSharpeningIsGfCf) {
  const InteractionMatrix matrix = RandomMatrix(3, 70, 40, 0.15, /*weighted=*/true);
  const auto gf_cf = TrainGfCf(matrix, {.dimensions = 8, .low_pass_weight = 0.4f});
  const auto bspm = TrainBspm(matrix, {.dimensions = 8, .low_pass_weight = 0.4f, .sharpening_time = 0});
  ASSERT_TRUE(gf_cf.ok() && bspm.ok());
  EXPECT_EQ(ScoresOf(*bspm, UsersOf(matrix)), ScoresOf(*gf_cf, UsersOf(matrix)));
}

TEST(GraphFilter, ScaledStrengthsScaleNoScoreBeyondTheHistorysOwn) {
  const SparseMatrix rows = testing_support::RandomSparse(4, 60, 30, 0.2, /*weighted=*/true);
  AlignedVector<float> doubled(rows.values().begin(), rows.values().end());
  for (float& value : doubled) value *= 4;
  const InteractionMatrix scaled(
      SparseMatrix(rows.columns(), rows.offsets(), rows.column_indices(), SharedArray<float>(std::move(doubled))));
  const InteractionMatrix matrix(rows);
  const auto one = TrainGfCf(matrix, {.dimensions = 5});
  const auto other = TrainGfCf(scaled, {.dimensions = 5});
  ASSERT_TRUE(one.ok() && other.ok());
  const std::vector<float> a = ScoresOf(*one, UsersOf(matrix));
  const std::vector<float> b = ScoresOf(*other, UsersOf(matrix));
  for (std::size_t n = 0; n < a.size(); ++n) EXPECT_NEAR(a[n], b[n], 1e-4 * (1 + std::abs(a[n])));
}

TEST(GraphFilter, StrengthsAtTheEndsOfTheirRangeGiveFiniteScores) {
  for (float strength : {1e-44f, 1e-30f, kMaxStrength}) {
    const InteractionMatrix matrix(SparseMatrix(3, SharedArray<std::uint64_t>({0, 2, 4}),
                                                SharedArray<std::uint32_t>({0, 1, 1, 2}),
                                                SharedArray<float>({strength, strength, strength, strength})));
    for (float history : {1e-44f, 1.0f, kMaxStrength}) {
      const std::vector<std::uint32_t> items = {0, 1};
      const std::vector<float> strengths = {history, history};
      const auto gf_cf = TrainGfCf(matrix, {.dimensions = 2});
      const auto bspm = TrainBspm(matrix, {.dimensions = 2});
      ASSERT_TRUE(gf_cf.ok()) << strength << ": " << gf_cf.status();
      ASSERT_TRUE(bspm.ok()) << bspm.status();
      for (const Scorer* model : {static_cast<const Scorer*>(&*gf_cf), static_cast<const Scorer*>(&*bspm)}) {
        for (float score : ScoresOf(*model, {{{}, {items, strengths}}})) EXPECT_TRUE(std::isfinite(score));
        EXPECT_TRUE(model->Explain({{}, {items, strengths}}, ItemIndex{2}).ok());
      }
    }
  }
}

TEST(GraphFilter, ALongHistoryIsExplainedByAllItsItems) {
  const InteractionMatrix matrix = RandomMatrix(6, 200, 120, 0.3);
  const auto model = TrainBspm(matrix, {.dimensions = 20});
  ASSERT_TRUE(model.ok());
  std::vector<std::uint32_t> everything(120);
  for (std::uint32_t item = 0; item < 120; ++item) everything[item] = item;
  const auto explanation = model->Explain({{}, {everything, {}}}, ItemIndex{7});
  ASSERT_TRUE(explanation.ok()) << explanation.status();
  EXPECT_EQ(explanation->contributions.size(), 120u);
  EXPECT_EQ(explanation->base, 0);
}

TEST(GraphFilter, RefusesOptionsOutOfRangeByName) {
  const InteractionMatrix matrix = RandomMatrix(1, 10, 10, 0.5);
  const auto message = [&](const auto& options) { return std::string(Validate(options).message()); };
  EXPECT_THAT(message(GfCfOptions{.dimensions = 0}), testing::HasSubstr("GfCfOptions.dimensions: want 1..4096, got 0"));
  EXPECT_THAT(message(GfCfOptions{.low_pass_weight = NAN}), testing::HasSubstr("GfCfOptions.low_pass_weight"));
  EXPECT_THAT(message(BspmOptions{.iterations = 0}), testing::HasSubstr("BspmOptions.iterations"));
  EXPECT_THAT(message(BspmOptions{.sharpening_time = -1}), testing::HasSubstr("BspmOptions.sharpening_time"));
  EXPECT_THAT(message(BspmOptions{.sharpening_steps = 0}), testing::HasSubstr("BspmOptions.sharpening_steps"));
  EXPECT_THAT(message(BspmOptions{.sharpening_solver = static_cast<SharpeningSolver>(9)}),
              testing::HasSubstr("want rk4 or euler, got 9"));
  EXPECT_THAT(message(BspmOptions{.merge = static_cast<FilterMerge>(9)}), testing::HasSubstr("want early or late"));
  EXPECT_EQ(TrainBspm(matrix, {.sharpening_steps = 0}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(GraphFilter, IsCancelledInsideAnIterationAndBetweenTwo) {
  const InteractionMatrix matrix = RandomMatrix(1, 400, 100, 0.1);
  std::atomic<int> asked = 0;
  TrainingControl inside;
  inside.cancelled = [&] { return ++asked > 3; };
  EXPECT_EQ(TrainGfCf(matrix, {}, inside, Parallelism(1)).status().code(), absl::StatusCode::kCancelled);
  TrainingControl between;
  int steps = 0;
  between.on_epoch = [&](const TrainingProgress& progress) {
    EXPECT_EQ(progress.epochs, 8);
    steps = progress.epoch;
    return steps < 2;
  };
  EXPECT_EQ(TrainGfCf(matrix, {}, between).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(steps, 2);
}

}  // namespace
}  // namespace waypost
