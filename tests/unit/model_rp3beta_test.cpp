#include "waypost/model/rp3beta.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_item_knn.hpp"
#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::RandomMatrix;

// W(j, i) = s_i^-beta sum over u of (x(u, j) / s_j)^alpha (x(u, i) / s_u)^alpha, 0 on the diagonal.
reference::DenseMatrix NaiveRp3Beta(const InteractionMatrix& matrix, double alpha, double beta) {
  const reference::DenseMatrix x = reference::Dense(matrix.user_item());
  std::vector<double> user_sum(matrix.users(), 0.0), item_sum(matrix.items(), 0.0);
  for (std::size_t u = 0; u < matrix.users(); ++u) {
    for (std::size_t i = 0; i < matrix.items(); ++i) {
      user_sum[u] += x[u][i];
      item_sum[i] += x[u][i];
    }
  }
  reference::DenseMatrix weights(matrix.items(), std::vector<double>(matrix.items(), 0.0));
  for (std::size_t j = 0; j < matrix.items(); ++j) {
    for (std::size_t i = 0; i < matrix.items(); ++i) {
      double walks = 0;
      for (std::size_t u = 0; i != j && u < matrix.users(); ++u)
        if (x[u][j] > 0 && x[u][i] > 0)
          walks += std::pow(x[u][j] / item_sum[j], alpha) * std::pow(x[u][i] / user_sum[u], alpha);
      if (walks > 0) weights[j][i] = walks * std::pow(item_sum[i], -beta);
    }
  }
  return weights;
}

SparseMatrix Weights(const InteractionMatrix& matrix, const Rp3BetaOptions& options) {
  const absl::StatusOr<SparseItemModel> model = TrainRp3Beta(matrix, options, {}, Parallelism(2));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? model->weights() : SparseMatrix();
}

void ExpectNear(const SparseMatrix& actual, const reference::DenseMatrix& expected) {
  const reference::DenseMatrix dense = reference::Dense(actual);
  ASSERT_EQ(dense.size(), expected.size());
  for (std::size_t j = 0; j < expected.size(); ++j)
    for (std::size_t i = 0; i < expected[j].size(); ++i)
      // x^alpha is float32 (2^-24) and enters twice, the result is rounded once more
      EXPECT_NEAR(dense[j][i], expected[j][i], 4e-7 * expected[j][i]) << j << ", " << i;
}

TEST(Rp3Beta, IsItsDefinition) {
  for (const bool weighted : {false, true}) {
    const InteractionMatrix matrix = RandomMatrix(3, 25, 40, 0.2, weighted);
    for (const auto& [alpha, beta] : {std::pair(1.0f, 0.4f), {0.6f, 0.0f}, {1.7f, 0.9f}, {0.0f, 1.0f}})
      ExpectNear(Weights(matrix, {.alpha = alpha, .beta = beta}), NaiveRp3Beta(matrix, alpha, beta));
  }
}

TEST(Rp3Beta, ACountKeepsTheLikeliestTargetsOfEachSource) {
  const InteractionMatrix matrix = RandomMatrix(5, 40, 60, 0.15, /*weighted=*/true);
  reference::DenseMatrix expected = NaiveRp3Beta(matrix, 1, 0.4f);
  reference::NaiveKeepCount(expected, 5);
  ExpectNear(Weights(matrix, {.alpha = 1, .beta = 0.4f, .neighbours = 5}), expected);
}

TEST(Rp3Beta, RefusesOptionsOutOfRange) {
  const InteractionMatrix matrix = RandomMatrix(1, 10, 10, 0.3);
  const auto message = [&](const Rp3BetaOptions& options) {
    const absl::Status status = TrainRp3Beta(matrix, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(message({.alpha = -0.1f}), HasSubstr("Rp3BetaOptions.alpha: want 0..2, got -0.1"));
  EXPECT_THAT(message({.beta = std::nanf("")}), HasSubstr("Rp3BetaOptions.beta: want 0..2, got nan"));
  EXPECT_THAT(message({.neighbours = -1}), HasSubstr("Rp3BetaOptions.neighbours: want 0 (all) or more, got -1"));
}

}  // namespace
}  // namespace waypost
