#include "waypost/model/pairwise.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

const PairwiseOptions kBoth[] = {BprOptions{.dimensions = 8}, WarpOptions{.dimensions = 8, .regularization = 0.3f}};

PairwiseModel Trained(const InteractionMatrix& matrix, const PairwiseOptions& options, const Parallelism& parallelism) {
  absl::StatusOr<PairwiseTraining> training = TrainPairwise(matrix, options, {}, parallelism);
  EXPECT_TRUE(training.ok()) << training.status();
  return std::move(training->model);
}

std::vector<float> Scores(const PairwiseModel& model, const UserView& user) {
  std::vector<float> scores(model.item_count());
  const absl::Status status = model.Score(std::span(&user, 1), scores, Parallelism(1));
  EXPECT_TRUE(status.ok()) << status;
  return scores;
}

// The share of pairs of an item of the own group and one of another, neither taken, that are ranked rightly.
double GroupAuc(const InteractionMatrix& matrix, const PairwiseModel& model, std::size_t groups) {
  double right = 0;
  double pairs = 0;
  for (std::uint32_t user = 0; user < matrix.users(); ++user) {
    const SparseRowView own = matrix.user_item().row(user);
    const std::vector<float> scores = Scores(model, {UserIndex{user}, own});
    const auto taken = [&](std::uint32_t item) {
      return std::binary_search(own.columns.begin(), own.columns.end(), item);
    };
    for (std::uint32_t i = 0; i < matrix.items(); ++i) {
      if (i % groups != user % groups) continue;
      for (std::uint32_t j = 0; j < matrix.items(); ++j) {
        if (j % groups == user % groups || taken(i) || taken(j)) continue;
        right += scores[i] > scores[j] ? 1.0 : 0.0;
        pairs += 1;
      }
    }
  }
  return right / pairs;
}

TEST(Pairwise, LargeAndSmallWorldsAreLearnt) {
  for (const PairwiseOptions& options : kBoth) {
    const InteractionMatrix small = PlantedMatrix(1, 30, 24, 3, 0.5, 0.02);  // one stratum
    ASSERT_EQ(internal::PairwiseStrata(30, 24, 16), 1u);
    EXPECT_GT(GroupAuc(small, Trained(small, options, Parallelism(2)), 3), 0.9) << options.kind();
    const InteractionMatrix large = PlantedMatrix(2, 400, 600, 4, 0.06, 0.003);
    ASSERT_GT(internal::PairwiseStrata(400, 600, 16), 4u);
    EXPECT_GT(GroupAuc(large, Trained(large, options, Parallelism(2)), 4), 0.9) << options.kind();
  }
}

TEST(Pairwise, ThreadsDoNotChangeABit) {
  const InteractionMatrix matrix = RandomMatrix(3, 300, 700, 0.03, /*weighted=*/true);
  for (const PairwiseOptions& options : kBoth) {
    const PairwiseModel one = Trained(matrix, options, Parallelism(1));
    for (int threads : {2, 7}) {
      const PairwiseModel many = Trained(matrix, options, Parallelism(threads));
      EXPECT_TRUE(std::ranges::equal(one.item_factors().values(), many.item_factors().values())) << threads;
      EXPECT_TRUE(std::ranges::equal(one.user_factors().values(), many.user_factors().values())) << threads;
    }
  }
}

TEST(Pairwise, AStoredVectorIsTheFoldInOfItsHistory) {
  const InteractionMatrix matrix = RandomMatrix(4, 60, 90, 0.1, /*weighted=*/true);
  for (const PairwiseOptions& options : kBoth) {
    const PairwiseModel model = Trained(matrix, options, Parallelism(2));
    std::vector<float> vector(model.dimensions());
    for (std::uint32_t user = 0; user < matrix.users(); ++user) {
      ASSERT_TRUE(model.FoldIn(matrix.user_item().row(user), vector).ok());
      for (std::size_t k = 0; k < vector.size(); ++k) ASSERT_EQ(vector[k], model.user_factors().row(user)[k]) << user;
    }
  }
}

TEST(Pairwise, AStrangerWithoutHistoryIsRankedByTheBiases) {
  const InteractionMatrix matrix = PlantedMatrix(5, 200, 90, 3, 0.2, 0.02);
  for (const PairwiseOptions& options : kBoth) {
    const PairwiseModel model = Trained(matrix, options, Parallelism(2));
    const std::vector<float> scores = Scores(model, {});
    for (std::size_t item = 0; item < scores.size(); ++item)
      ASSERT_EQ(scores[item], model.item_factors().row(item)[model.dimensions() - 1]);
  }
}

TEST(Pairwise, StrongerInteractionsPullMore) {
  const InteractionMatrix matrix = PlantedMatrix(6, 300, 60, 2, 0.3, 0.02);
  for (const PairwiseOptions& options : kBoth) {
    const PairwiseModel model = Trained(matrix, options, Parallelism(2));
    const std::vector<std::uint32_t> items = {0, 1};  // of both groups
    const auto lean = [&](const std::vector<float>& strengths) {
      const std::vector<float> scores = Scores(model, {{}, {items, strengths}});
      double even = 0;
      for (std::size_t item = 2; item < scores.size(); ++item) even += item % 2 == 0 ? scores[item] : -scores[item];
      return even;
    };
    EXPECT_GT(lean({4, 0.25f}), lean({0.25f, 4}) + 1) << options.kind();
  }
}

TEST(Pairwise, TheBestEpochByTheMeasureIsKept) {
  const InteractionMatrix matrix = RandomMatrix(7, 80, 100, 0.1);
  for (PairwiseOptions options : kBoth) {
    options.epochs = 10;
    options.patience = 3;
    int asked = 0;
    TrainingControl control;
    control.validation = [&](const Scorer& scorer) -> absl::StatusOr<double> {
      EXPECT_EQ(scorer.user_count(), 0u);
      return ++asked == 4 ? 1.0 : 0.5 - asked * 0.01;
    };
    const absl::StatusOr<PairwiseTraining> training = TrainPairwise(matrix, options, control, Parallelism(2));
    ASSERT_TRUE(training.ok()) << training.status();
    EXPECT_EQ(training->epochs, 4);
    EXPECT_EQ(asked, 7);
    // The learning rate falls over the epochs that were planned: the kept items are those of the fourth of ten.
    options.patience = 0;
    asked = 0;
    control.on_epoch = [&](const TrainingProgress& progress) { return progress.epoch <= 10; };
    const absl::StatusOr<PairwiseTraining> whole = TrainPairwise(matrix, options, control, Parallelism(1));
    ASSERT_TRUE(whole.ok()) << whole.status();
    EXPECT_EQ(whole->epochs, 4);
    EXPECT_EQ(asked, 10);
    EXPECT_TRUE(std::ranges::equal(training->model.item_factors().values(), whole->model.item_factors().values()));
  }
}

TEST(Pairwise, ATrainingCanBeCancelledInAnEpochAndBetweenEpochs) {
  const InteractionMatrix matrix = RandomMatrix(8, 80, 200, 0.1);
  for (const PairwiseOptions& options : kBoth) {
    TrainingControl between;
    between.on_epoch = [](const TrainingProgress& progress) { return progress.epoch < 2; };
    EXPECT_EQ(TrainPairwise(matrix, options, between, Parallelism(2)).status().code(), absl::StatusCode::kCancelled);
    TrainingControl inside;
    int polls = 0;
    inside.cancelled = [&] { return ++polls > 5; };
    EXPECT_EQ(TrainPairwise(matrix, options, inside, Parallelism(2)).status().code(), absl::StatusCode::kCancelled);
  }
}

TEST(Pairwise, StepsTooLargeAreAnErrorAndNoModel) {
  const InteractionMatrix matrix = RandomMatrix(9, 80, 100, 0.2);
  const PairwiseOptions options = WarpOptions{.dimensions = 8, .epochs = 200, .learning_rate = 10, .regularization = 9};
  const absl::Status status = TrainPairwise(matrix, options, {}, Parallelism(1)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("learning_rate 10"));
}

TEST(Pairwise, OptionsOutOfRangeAreNamed) {
  const InteractionMatrix matrix = RandomMatrix(10, 10, 10, 0.3);
  const auto message = [&](const PairwiseOptions& options) {
    return std::string(TrainPairwise(matrix, options).status().message());
  };
  EXPECT_THAT(message(BprOptions{.dimensions = 0}), HasSubstr("BprOptions.dimensions: want 1..4096, got 0"));
  EXPECT_THAT(message(WarpOptions{.max_trials = 0}), HasSubstr("WarpOptions.max_trials: want 1..1000, got 0"));
  EXPECT_THAT(message(BprOptions{.learning_rate = std::nanf("")}), HasSubstr("learning_rate"));
  EXPECT_THAT(message(BprOptions{.patience = 2}), HasSubstr("patience: want 0 without a validation measure, got 2"));
}

}  // namespace
}  // namespace waypost
