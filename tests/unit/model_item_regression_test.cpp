// What sparse-ease and slim share, and each of them.
#include "waypost/model/item_regression.hpp"

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
#include "reference/naive_item_knn.hpp"
#include "support/worlds.hpp"
#include "waypost/model/slim.hpp"
#include "waypost/model/sparse_ease.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::RandomMatrix;

Eigen::MatrixXd Gram(const InteractionMatrix& matrix) {
  const Eigen::MatrixXd x = reference::DenseInteractions(matrix);
  return x.transpose() * x;
}

SparseMatrix SparseEase(const InteractionMatrix& matrix, const SparseEaseOptions& options, int threads = 1) {
  const absl::StatusOr<SparseItemModel> model = TrainSparseEase(matrix, options, {}, Parallelism(threads));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? model->weights() : SparseMatrix();
}

SparseMatrix Slim(const InteractionMatrix& matrix, const SlimOptions& options, int threads = 1) {
  const absl::StatusOr<SparseItemModel> model = TrainSlim(matrix, options, {}, Parallelism(threads));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? model->weights() : SparseMatrix();
}

// The items j of `among` with the largest values above 0, at most `count`, ascending.
std::vector<Eigen::Index> Largest(const Eigen::VectorXd& values, std::vector<Eigen::Index> among, std::size_t count) {
  std::erase_if(among, [&](Eigen::Index j) { return !(values(j) > 0); });
  std::stable_sort(among.begin(), among.end(), [&](auto a, auto b) { return values(a) > values(b); });
  among.resize(std::min(count, among.size()));
  std::sort(among.begin(), among.end());
  return among;
}

// The ridge regression of item `target` on some others, 0 elsewhere.
Eigen::VectorXd Ridge(const Eigen::MatrixXd& gram, Eigen::Index target, const std::vector<Eigen::Index>& items,
                      double lambda) {
  const std::size_t n = items.size();
  Eigen::MatrixXd part(n, n);
  Eigen::VectorXd right(n);
  for (std::size_t p = 0; p < n; ++p) {
    const auto row = static_cast<Eigen::Index>(p);
    for (std::size_t q = 0; q < n; ++q) part(row, static_cast<Eigen::Index>(q)) = gram(items[p], items[q]);
    part(row, row) += lambda;
    right(row) = gram(items[p], target);
  }
  const Eigen::VectorXd solution = part.ldlt().solve(right);
  Eigen::VectorXd weights = Eigen::VectorXd::Zero(gram.rows());
  for (std::size_t p = 0; p < n; ++p) weights(items[p]) = solution(static_cast<Eigen::Index>(p));
  return weights;
}

// The definition of item_regression.hpp, one target at a time.
Eigen::VectorXd NaiveSparseEase(const Eigen::MatrixXd& gram, Eigen::Index target, std::size_t neighbours,
                                double lambda) {
  std::vector<Eigen::Index> shared;
  for (Eigen::Index j = 0; j < gram.rows(); ++j)
    if (j != target && gram(j, target) > 0) shared.push_back(j);
  const Eigen::VectorXd ridged = gram.diagonal().array() + lambda;
  const std::vector<Eigen::Index> first = Largest(gram.col(target).cwiseQuotient(ridged), shared, (neighbours + 3) / 4);
  Eigen::VectorXd weights = Ridge(gram, target, first, lambda);
  if (first.size() == std::min(neighbours, shared.size())) return weights;
  Eigen::VectorXd rest = (gram.col(target) - gram * weights).cwiseQuotient(ridged);
  for (const Eigen::Index j : first) rest(j) = std::numeric_limits<double>::infinity();
  return Ridge(gram, target, Largest(rest, shared, neighbours), lambda);
}

TEST(SparseEase, IsItsDefinition) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    for (const std::size_t neighbours : {1, 5, 24, 200}) {
      SCOPED_TRACE(neighbours);
      const InteractionMatrix matrix = RandomMatrix(seed, 60, 40, 0.15, /*weighted=*/true);
      const Eigen::MatrixXd gram = Gram(matrix);
      const reference::DenseMatrix weights =
          reference::Dense(SparseEase(matrix, {.regularization = 9, .neighbours = static_cast<int>(neighbours)}));
      for (Eigen::Index i = 0; i < gram.rows(); ++i) {
        const Eigen::VectorXd expected = NaiveSparseEase(gram, i, neighbours, 9);
        for (Eigen::Index j = 0; j < gram.rows(); ++j)  // a float32 Cholesky of a condition below 1e3
          ASSERT_NEAR(weights[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)], expected(j), 1e-5) << j << i;
      }
    }
  }
}

TEST(SparseEase, ATargetWhoseNeighboursAreAllItsItemsHasTheWeightsOfEase) {
  // Two items: the one neighbour is all there is.
  const InteractionMatrix matrix(
      SparseMatrix(2, SharedArray<std::uint64_t>({0, 2, 3, 4}), SharedArray<std::uint32_t>({0, 1, 0, 1}), {}));
  const Eigen::MatrixXd expected = reference::NaiveEase(matrix, 3);
  const SparseMatrix weights = SparseEase(matrix, {.regularization = 3});
  EXPECT_NEAR(weights.row(0).value(0), expected(0, 1), 1e-7);
  EXPECT_NEAR(weights.row(1).value(0), expected(1, 0), 1e-7);
}

TEST(SparseEase, KeepsAtMostTheNeighboursOfEachTarget) {
  const SparseMatrix by_target = Transpose(SparseEase(RandomMatrix(5, 80, 90, 0.2), {.neighbours = 7}));
  for (std::size_t target = 0; target < 90; ++target) EXPECT_LE(by_target.row_size(target), 7u);
}

// The minimum of the objective of slim.hpp over all other items, by coordinate descent on the interactions themselves.
Eigen::VectorXd NaiveSlim(const Eigen::MatrixXd& x, Eigen::Index target, double l1, double l2) {
  Eigen::VectorXd weights = Eigen::VectorXd::Zero(x.cols());
  Eigen::VectorXd rest = x.col(target);
  for (int pass = 0; pass < 3000; ++pass) {
    for (Eigen::Index j = 0; j < x.cols(); ++j) {
      if (j == target) continue;
      rest += weights(j) * x.col(j);
      weights(j) = std::max(0.0, x.col(j).dot(rest) - l1) / (x.col(j).squaredNorm() + l2);
      rest -= weights(j) * x.col(j);
    }
  }
  return weights;
}

TEST(Slim, WithoutACutItIsTheElasticNet) {
  for (const bool weighted : {false, true}) {
    const InteractionMatrix matrix = RandomMatrix(9, 70, 30, 0.25, weighted);
    const Eigen::MatrixXd x = reference::DenseInteractions(matrix);
    const SlimOptions options{.l1_regularization = 1.5f, .l2_regularization = 6, .neighbours = 30, .passes = 10000};
    const reference::DenseMatrix weights = reference::Dense(Slim(matrix, options));
    for (Eigen::Index i = 0; i < 30; ++i) {
      const Eigen::VectorXd expected = NaiveSlim(x, i, 1.5, 6);
      for (Eigen::Index j = 0; j < 30; ++j)  // passes end when weights move by 1e-4 of the largest, at most 1 here
        EXPECT_NEAR(weights[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)], expected(j), 2e-3)
            << j << ", " << i;
    }
  }
}

TEST(Slim, MeetsTheOptimalityConditionsOfItsObjective) {
  for (const bool weighted : {false, true}) {
    const InteractionMatrix matrix = RandomMatrix(4, 70, 30, 0.25, weighted);
    const Eigen::MatrixXd gram = Gram(matrix);
    const SlimOptions options{.l1_regularization = 1.5f, .l2_regularization = 6, .neighbours = 12, .passes = 10000};
    const reference::DenseMatrix weights = reference::Dense(Slim(matrix, options));
    int zero = 0, used = 0;
    for (Eigen::Index i = 0; i < 30; ++i) {
      Eigen::VectorXd w(30);
      for (Eigen::Index j = 0; j < 30; ++j) w(j) = weights[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)];
      const Eigen::VectorXd gradient = gram * w - gram.col(i) + 6 * w + 1.5 * Eigen::VectorXd::Ones(30);
      const double tolerance = 1e-3 * gram(i, i) + 1e-3;  // passes end when weights move by 1e-4 of the largest
      for (Eigen::Index j = 0; j < 30; ++j) {
        EXPECT_GE(w(j), 0);
        if (w(j) == 0) continue;
        EXPECT_NEAR(gradient(j), 0, tolerance) << j << ", " << i;
        ++used;
      }
      zero += static_cast<int>((w.array() == 0).count());
    }
    EXPECT_GT(used, 60);
    EXPECT_GT(zero, 400);
  }
}

TEST(Slim, AStrongerL1LeavesFewerWeights) {
  const InteractionMatrix matrix = RandomMatrix(6, 70, 50, 0.25);
  std::size_t before = std::numeric_limits<std::size_t>::max();
  for (const float l1 : {0.0f, 1.0f, 3.0f, 1e9f}) {
    const std::size_t entries = Slim(matrix, {.l1_regularization = l1, .l2_regularization = 5}).entries();
    EXPECT_LT(entries, before);
    before = entries;
  }
  EXPECT_EQ(before, 0u);
}

TEST(ItemRegression, AnyNumberOfThreadsGivesTheSameTable) {
  const InteractionMatrix matrix = RandomMatrix(13, 200, 300, 0.05, /*weighted=*/true);
  const auto expect_equal = [](const SparseMatrix& one, const SparseMatrix& many) {
    EXPECT_TRUE(std::ranges::equal(one.offsets(), many.offsets()));
    EXPECT_TRUE(std::ranges::equal(one.column_indices(), many.column_indices()));
    EXPECT_TRUE(std::ranges::equal(one.values(), many.values()));
  };
  for (const int threads : {2, 7}) {
    expect_equal(SparseEase(matrix, {.neighbours = 40}), SparseEase(matrix, {.neighbours = 40}, threads));
    expect_equal(Slim(matrix, {.neighbours = 40}), Slim(matrix, {.neighbours = 40}, threads));
  }
}

TEST(ItemRegression, ReportsItsStepsAndStopsBetweenThemAndInside) {
  const InteractionMatrix matrix = RandomMatrix(2, 50, 300, 0.05);
  int last = 0, planned = 0;
  TrainingControl control;
  control.on_epoch = [&](const TrainingProgress& progress) {
    EXPECT_EQ(progress.epoch, last + 1);
    last = progress.epoch;
    planned = progress.epochs;
    return true;
  };
  ASSERT_TRUE(TrainSparseEase(matrix, {}, control, Parallelism(2)).ok());
  EXPECT_EQ(last, planned);
  for (const int enough : {2, 40}) {
    control.on_epoch = [&](const TrainingProgress& progress) { return progress.epoch < enough; };
    EXPECT_EQ(TrainSlim(matrix, {}, control, Parallelism(2)).status().code(), absl::StatusCode::kCancelled);
  }
  control.on_epoch = nullptr;
  int asked = 0;
  control.cancelled = [&] { return ++asked < 0; };
  ASSERT_TRUE(TrainSlim(matrix, {}, control, Parallelism(1)).ok());
  const int all = asked;
  EXPECT_GT(all, 300);
  for (const int enough : {1, all / 2, all - 1}) {
    asked = 0;
    control.cancelled = [&] { return ++asked >= enough; };
    EXPECT_EQ(TrainSlim(matrix, {}, control, Parallelism(1)).status().code(), absl::StatusCode::kCancelled);
  }
}

TEST(ItemRegression, StrengthsFarApartAreTrainedOrRefusedButNeverInfinite) {
  for (const float tiny : {1e-6f, 1e-20f, 1e-38f}) {
    const InteractionMatrix matrix(SparseMatrix(3, SharedArray<std::uint64_t>({0, 2, 4}),
                                                SharedArray<std::uint32_t>({0, 1, 1, 2}),
                                                SharedArray<float>({tiny, 1, 1e6f, 1e6f})));
    const auto ease = TrainSparseEase(matrix, {.regularization = 1});
    EXPECT_EQ(ease.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(ease.status().message()), HasSubstr("SparseEaseOptions.regularization: want at least "));
    const auto slim = TrainSlim(matrix, {.l1_regularization = 0, .l2_regularization = 1});
    ASSERT_TRUE(slim.ok()) << slim.status();
    for (const float value : slim->weights().values()) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(ItemRegression, RefusesOptionsOutOfRange) {
  const InteractionMatrix matrix = RandomMatrix(1, 10, 10, 0.3);
  const auto message = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(message(TrainSparseEase(matrix, {.regularization = 0}).status()),
              HasSubstr("SparseEaseOptions.regularization: want above 0..1e9, got 0"));
  EXPECT_THAT(message(TrainSparseEase(matrix, {.neighbours = 0}).status()),
              HasSubstr("SparseEaseOptions.neighbours: want 1..8192, got 0"));
  EXPECT_THAT(message(TrainSlim(matrix, {.l1_regularization = -1}).status()),
              HasSubstr("SlimOptions.l1_regularization: want 0..1e9, got -1"));
  EXPECT_THAT(message(TrainSlim(matrix, {.l2_regularization = std::nanf("")}).status()),
              HasSubstr("SlimOptions.l2_regularization: want 1e-6..1e9, got nan"));
  EXPECT_THAT(message(TrainSlim(matrix, {.passes = 0}).status()), HasSubstr("SlimOptions.passes: want 1..10000"));
}

}  // namespace
}  // namespace waypost
