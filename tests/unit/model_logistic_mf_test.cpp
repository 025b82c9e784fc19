#include "waypost/model/logistic_mf.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "reference/naive_logistic_mf.hpp"
#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

constexpr LogisticMfOptions kSmall = {
    .dimensions = 6, .epochs = 4, .positive_weight = 10.0f, .regularization = 1.0f, .background = 0};

LogisticMfTraining Trained(const InteractionMatrix& matrix, const LogisticMfOptions& options,
                           const TrainingControl& control = {}) {
  absl::StatusOr<LogisticMfTraining> training = TrainLogisticMf(matrix, options, control, Parallelism(2));
  EXPECT_TRUE(training.ok()) << training.status();
  return *std::move(training);
}

double Length(const reference::Vector& vector) {
  return std::sqrt(reference::Product(vector, vector));
}

TEST(LogisticMf, AUsersVectorIsTheMinimumOfTheConvexProblem) {
  for (const int background : {0, 10}) {
    for (const float weight : {1.0f, 40.0f, 1000.0f}) {
      SCOPED_TRACE(weight);
      const InteractionMatrix matrix = RandomMatrix(1, 60, 30, 0.2, /*weighted=*/true);
      LogisticMfOptions options = kSmall;
      options.background = background;
      options.positive_weight = weight;
      const LogisticMfModel model = Trained(matrix, options).model;
      for (std::size_t user = 0; user < matrix.users(); ++user) {
        if (matrix.user_item().row_size(user) == 0) continue;
        const reference::NaiveUserProblem problem = reference::UserProblem(model, matrix.user_item().row(user));
        const reference::Vector w = reference::RowOf(model.user_factors(), user);
        reference::Vector zero(w.size(), 0.0);
        zero.back() = 1;
        // Newton steps end at 1e-3 of the first gradient; the rest is rounding of float32 sums.
        EXPECT_LT(Length(problem.Gradient(w)), 2e-3 * Length(problem.Gradient(zero))) << user;
        EXPECT_LT(problem.Objective(w), problem.Objective(zero));
      }
    }
  }
}

TEST(LogisticMf, TheObjectiveOverAllPairsFallsWithTheEpochs) {
  const InteractionMatrix matrix = RandomMatrix(2, 80, 40, 0.15, /*weighted=*/true);
  double last = std::numeric_limits<double>::infinity();
  for (const int epochs : {1, 2, 4, 8}) {
    LogisticMfOptions options = kSmall;
    options.epochs = epochs;
    const double objective = reference::NaiveLogisticObjective(matrix, Trained(matrix, options).model);
    EXPECT_LT(objective, last) << epochs;
    last = objective;
  }
}

// A vector of user and item biases alone is far from what latent directions explain.
TEST(LogisticMf, LatentDirectionsExplainCommunities) {
  const InteractionMatrix matrix = PlantedMatrix(1, 120, 40, 2, 0.5, 0.02);
  LogisticMfOptions options = kSmall;
  options.epochs = 8;
  const double six = reference::NaiveLogisticObjective(matrix, Trained(matrix, options).model);
  options.dimensions = 3;
  const double three = reference::NaiveLogisticObjective(matrix, Trained(matrix, options).model);
  EXPECT_LT(six, three);
}

TEST(LogisticMf, TheBackgroundStandsForAllRowsOnAverage) {
  const SparseMatrix rows = testing_support::RandomSparse(1, 50, 20, 0.2);
  constexpr int kDraws = 4000;
  std::vector<double> mean(rows.rows(), 0.0);
  for (int draw = 0; draw < kDraws; ++draw) {
    const LogisticBackground background =
        internal::DrawBackground(rows, 10, Random(7, static_cast<std::uint64_t>(draw)));
    EXPECT_LE(background.rows.size(), 11u);
    EXPECT_TRUE(std::is_sorted(background.rows.begin(), background.rows.end(), std::less_equal<>()));
    for (std::size_t n = 0; n < background.rows.size(); ++n)
      mean[background.rows[n]] += static_cast<double>(background.weights[n]) / kDraws;
  }
  // A weight is at most 10 and drawn one time in so many: 5 standard errors of 10 / sqrt(4000 x 10) or so.
  for (double weight : mean) EXPECT_NEAR(weight, 1, 0.25);
}

TEST(LogisticMf, ABackgroundOfEverythingIsTheSumOverAllPairs) {
  const InteractionMatrix matrix = RandomMatrix(3, 40, 30, 0.2);
  LogisticMfOptions options = kSmall;
  const LogisticMfModel all = Trained(matrix, options).model;
  options.background = 1000;
  const LogisticMfModel enough = Trained(matrix, options).model;
  EXPECT_TRUE(enough.background().rows.empty());
  EXPECT_TRUE(std::equal(all.item_factors().values().begin(), all.item_factors().values().end(),
                         enough.item_factors().values().begin()));
}

TEST(LogisticMf, WithoutAHistoryTheItemsBiasesRank) {
  const LogisticMfModel model = Trained(RandomMatrix(4, 40, 30, 0.2), kSmall).model;
  std::vector<float> scores(model.item_count());
  const UserView nobody;
  ASSERT_TRUE(model.Score({&nobody, 1}, scores, Parallelism(1)).ok());
  for (std::size_t i = 0; i < scores.size(); ++i)
    EXPECT_EQ(scores[i], model.item_factors().row(i)[model.dimensions() - 1]);
}

// w . y = base + sum over the history of (s (1 - s) z - s') y_j^T H^-1 y, in float64.
TEST(LogisticMf, AnExplanationIsWhatTheTermsOfTheHistoryDoToTheVector) {
  const InteractionMatrix matrix = RandomMatrix(5, 50, 20, 0.25, /*weighted=*/true);
  const LogisticMfModel model = Trained(matrix, kSmall).model;
  const std::size_t d = model.dimensions() - 1;  // of what is solved for
  const SparseRowView history = matrix.user_item().row(3);
  ASSERT_GT(history.size(), 2u);
  const reference::NaiveUserProblem problem = reference::UserProblem(model, history);
  const reference::Vector w = reference::RowOf(model.user_factors(), 3);
  const auto free = [&](std::size_t i) -> Eigen::VectorXd {
    return Eigen::Map<const Eigen::VectorXd>(problem.items[i].data(), static_cast<Eigen::Index>(d));
  };
  Eigen::MatrixXd hessian =
      problem.lambda * Eigen::MatrixXd::Identity(static_cast<Eigen::Index>(d), static_cast<Eigen::Index>(d));
  const auto sigmoid = [&](std::size_t i) { return 1 / (1 + std::exp(-reference::Product(w, problem.items[i]))); };
  for (std::size_t i = 0; i < problem.items.size(); ++i) {
    const double s = sigmoid(i);
    hessian += (problem.omega[i] + problem.weight[i]) * s * (1 - s) * free(i) * free(i).transpose();
  }
  for (std::uint32_t item = 0; item < model.item_count(); ++item) {
    const Eigen::VectorXd influence = hessian.ldlt().solve(free(item));
    const absl::StatusOr<Explanation> explanation =
        model.Explain({.user = UserIndex{3}, .history = history}, ItemIndex{item});
    ASSERT_TRUE(explanation.ok()) << explanation.status();
    double largest = std::abs(explanation->base);
    for (const Contribution& part : explanation->contributions)
      largest = std::max<double>(largest, std::abs(part.amount));
    for (const Contribution& part : explanation->contributions) {
      const std::size_t j = part.item.value;
      const double s = sigmoid(j), z = reference::Product(w, problem.items[j]) - problem.items[j][d];
      const double amount = problem.weight[j] * (s * (1 - s) * z + (1 - s)) * free(j).dot(influence);
      EXPECT_NEAR(part.amount, amount, 2e-3 * largest) << item;  // the vector is a minimum within 1e-3
    }
  }
}

TEST(LogisticMf, AStrongerInteractionHasBetterOdds) {
  const LogisticMfModel model = Trained(RandomMatrix(6, 60, 20, 0.2), kSmall).model;
  const std::vector<std::uint32_t> items = {4, 9};
  double last = -1e9;
  for (const float strength : {0.1f, 1.0f, 10.0f}) {
    const std::vector<float> strengths = {strength, 1.0f};
    std::vector<float> scores(model.item_count());
    const UserView user{.user = {}, .history = {items, strengths}};
    ASSERT_TRUE(model.Score({&user, 1}, scores, Parallelism(1)).ok());
    EXPECT_GT(scores[4], last);
    last = scores[4];
  }
}

TEST(LogisticMf, TheBestEpochByTheValidationMeasureIsKept) {
  const InteractionMatrix matrix = RandomMatrix(7, 40, 20, 0.2);
  int asked = 0;
  TrainingControl control;
  control.validation = [&](const Scorer& scorer) -> absl::StatusOr<double> {
    EXPECT_EQ(scorer.user_count(), 0u);
    return ++asked == 2 ? 1.0 : 0.5;
  };
  LogisticMfOptions options = kSmall;
  options.epochs = 9;
  options.patience = 3;
  const LogisticMfTraining stopped = Trained(matrix, options, control);
  EXPECT_EQ(asked, 5);
  EXPECT_EQ(stopped.epochs, 2);
  options.epochs = 2;
  options.patience = 0;
  const LogisticMfTraining two = Trained(matrix, options);
  EXPECT_TRUE(std::equal(two.model.user_factors().values().begin(), two.model.user_factors().values().end(),
                         stopped.model.user_factors().values().begin()));
}

TEST(LogisticMf, WhatItCannotTrainWithIsNamed) {
  const InteractionMatrix matrix = RandomMatrix(8, 20, 20, 0.2);
  const auto message = [&](LogisticMfOptions options, const TrainingControl& control = {}) {
    return std::string(TrainLogisticMf(matrix, options, control).status().message());
  };
  EXPECT_EQ(message({.dimensions = 2}), "LogisticMfOptions.dimensions: want 3..4096, got 2");
  EXPECT_EQ(message({.epochs = 0}), "LogisticMfOptions.epochs: want 1..10000, got 0");
  EXPECT_EQ(message({.positive_weight = 0}), "LogisticMfOptions.positive_weight: want 0.001..1e+06, got 0");
  EXPECT_THAT(message({.regularization = std::numeric_limits<float>::quiet_NaN()}), HasSubstr("got nan"));
  EXPECT_EQ(message({.background = -1}), "LogisticMfOptions.background: want 0..1048576, got -1");
  EXPECT_EQ(message({.patience = 2}), "LogisticMfOptions.patience: want 0 without a validation measure, got 2");
  TrainingControl nan;
  nan.validation = [](const Scorer&) { return std::numeric_limits<double>::quiet_NaN(); };
  EXPECT_EQ(message(kSmall, nan), "TrainingControl.validation: want a finite measure, got nan");
  TrainingControl cancelled;
  cancelled.cancelled = [] { return true; };
  EXPECT_EQ(TrainLogisticMf(matrix, kSmall, cancelled).status().code(), absl::StatusCode::kCancelled);
}

TEST(LogisticMf, ExtremeWeightsStayFinite) {
  const InteractionMatrix matrix(SparseMatrix(3, SharedArray<std::uint64_t>({0, 2, 3}),
                                              SharedArray<std::uint32_t>({0, 1, 2}),
                                              SharedArray<float>({1e6f, 1e-6f, 1e6f})));
  for (const float weight : {1e-3f, 1e6f}) {
    for (const float regularization : {1e-3f, 1e6f}) {
      LogisticMfOptions options = kSmall;
      options.positive_weight = weight;
      options.regularization = regularization;
      const LogisticMfModel model = Trained(matrix, options).model;
      EXPECT_TRUE(AllFinite(model.user_factors().values()));
      EXPECT_TRUE(AllFinite(model.item_factors().values()));
    }
  }
}

}  // namespace
}  // namespace waypost
