#include "waypost/model/ease.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_ease.hpp"
#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::RandomMatrix;

FactorMatrix Weights(const InteractionMatrix& matrix, float regularization, int threads = 1) {
  const absl::StatusOr<EaseModel> model =
      TrainEase(matrix, {.regularization = regularization}, {}, Parallelism(threads));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? model->weights() : FactorMatrix();
}

// The largest difference of two tables over the largest element of the second.
double Distance(const FactorMatrix& actual, const Eigen::MatrixXd& expected) {
  double largest = 0;
  for (std::size_t j = 0; j < actual.rows(); ++j)
    for (std::size_t i = 0; i < actual.rows(); ++i)
      largest = std::max(
          largest, std::abs(actual.row(j)[i] - expected(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i))));
  return largest / expected.cwiseAbs().maxCoeff();
}

TEST(Ease, IsItsDefinitionForAnySizeOfTheCatalogue) {
  for (const std::size_t items : {5, 15, 16, 40, 65, 300, 530}) {
    for (const bool weighted : {false, true}) {
      SCOPED_TRACE(items);
      const InteractionMatrix matrix = RandomMatrix(items, 90, items, 0.1, weighted);
      const float lambda = weighted ? 40.0f : 8.0f;
      // a condition below 1e3, and the roundings of some 500 sums
      EXPECT_LT(Distance(Weights(matrix, lambda), reference::NaiveEase(matrix, lambda)), 2e-5);
    }
  }
}

TEST(Ease, TheWeightsMinimiseTheObjective) {
  const InteractionMatrix matrix = RandomMatrix(3, 60, 25, 0.2, /*weighted=*/true);
  const FactorMatrix weights = Weights(matrix, 5);
  const Eigen::MatrixXd x = reference::DenseInteractions(matrix);
  Eigen::MatrixXd b(25, 25);
  for (Eigen::Index j = 0; j < 25; ++j)
    for (Eigen::Index i = 0; i < 25; ++i) b(j, i) = weights.row(static_cast<std::size_t>(j))[i];
  // The gradient over 2 is 0 beside the diagonal.
  Eigen::MatrixXd gradient = x.transpose() * (x * b - x) + 5.0 * b;
  gradient.diagonal().setZero();
  EXPECT_LT(gradient.cwiseAbs().maxCoeff(), 1e-5 * (x.transpose() * x).maxCoeff());  // float32 weights
}

TEST(Ease, TheLeastRegularizationIsNamedAndStillHoldsInFloat32) {
  const InteractionMatrix matrix = RandomMatrix(4, 400, 50, 0.5, /*weighted=*/true);
  const absl::Status status = TrainEase(matrix, {.regularization = 1e-3f}).status();
  ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("EaseOptions.regularization: want at least "));
  EXPECT_THAT(message, HasSubstr(" for these strengths, got 0.001"));
  const float least = std::stof(message.substr(message.find("at least ") + 9)) * 1.0001f;
  // 50 items that all users share: the worst there is, a condition of 2^20 and a matrix that holds nothing else
  EXPECT_LT(Distance(Weights(matrix, least), reference::NaiveEase(matrix, least)), 0.02);
}

TEST(Ease, AnyNumberOfThreadsGivesTheSameBytes) {
  const InteractionMatrix matrix = RandomMatrix(13, 300, 700, 0.05, /*weighted=*/true);
  const FactorMatrix one = Weights(matrix, 10);
  for (const int threads : {2, 7}) {
    const FactorMatrix many = Weights(matrix, 10, threads);
    EXPECT_TRUE(std::equal(one.values().begin(), one.values().end(), many.values().begin(), many.values().end()));
  }
}

TEST(Ease, AnItemWithoutUsersAndPaddingHaveNoWeights) {
  const InteractionMatrix matrix(
      SparseMatrix(4, SharedArray<std::uint64_t>({0, 2, 4}), SharedArray<std::uint32_t>({0, 1, 0, 3}), {}));
  const FactorMatrix weights = Weights(matrix, 1);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(weights.row(2)[i], 0);
    EXPECT_EQ(weights.row(i)[2], 0);
    EXPECT_EQ(weights.row(i)[i], 0);
    for (std::size_t n = 4; n < weights.stride(); ++n) EXPECT_EQ(weights.row(i)[n], 0);
  }
  EXPECT_GT(weights.row(0)[1], 0);
}

TEST(Ease, RefusesRegularizationsThatAreNone) {
  const InteractionMatrix matrix = RandomMatrix(1, 10, 10, 0.3);
  for (const float bad : {0.0f, -1.0f, 2e9f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const absl::Status status = TrainEase(matrix, {.regularization = bad}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()), HasSubstr("EaseOptions.regularization: want above 0..1e9"));
  }
}

TEST(Ease, ReportsItsStepsAndStopsBetweenThemAndInside) {
  const InteractionMatrix matrix = RandomMatrix(2, 50, 700, 0.05);
  int last = 0, planned = 0;
  TrainingControl control;
  control.on_epoch = [&](const TrainingProgress& progress) {
    EXPECT_EQ(progress.epoch, last + 1);
    last = progress.epoch;
    planned = progress.epochs;
    return true;
  };
  ASSERT_TRUE(TrainEase(matrix, {}, control, Parallelism(2)).ok());
  EXPECT_EQ(last, 3);
  EXPECT_EQ(planned, 3);
  control.on_epoch = [](const TrainingProgress& progress) { return progress.epoch < 2; };
  EXPECT_EQ(TrainEase(matrix, {}, control, Parallelism(2)).status().code(), absl::StatusCode::kCancelled);
  control.on_epoch = nullptr;
  int asked = 0;
  control.cancelled = [&] { return ++asked < 0; };
  ASSERT_TRUE(TrainEase(matrix, {}, control, Parallelism(1)).ok());
  const int all = asked;
  EXPECT_GT(all, 100);  // far more often than its three steps
  for (const int enough : {1, all / 3, all - 1}) {
    asked = 0;
    control.cancelled = [&] { return ++asked >= enough; };
    EXPECT_EQ(TrainEase(matrix, {}, control, Parallelism(1)).status().code(), absl::StatusCode::kCancelled);
  }
}

TEST(Ease, ADamagedTableGivesAnError) {
  AlignedVector<float> values(2 * 16, 0.0f);
  values[1] = std::numeric_limits<float>::infinity();
  const EaseModel model(FactorMatrix(2, 2, SharedArray<float>(std::move(values))));
  const std::vector<std::uint32_t> history = {0};
  const UserView user{.user = {}, .history = {history, {}}};
  const Candidates all;
  std::vector<float> scores(2);
  EXPECT_EQ(model.Score(std::span(&user, 1), scores, Parallelism(1)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(model.TopK(std::span(&user, 1), std::span(&all, 1), 2, Parallelism(1)).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(model.Explain(user, ItemIndex{1}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(model.Similar(ItemIndex{0}, all, 5)->empty());
}

}  // namespace
}  // namespace waypost
