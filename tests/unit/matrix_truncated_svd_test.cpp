#include "waypost/matrix/truncated_svd.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

struct World {
  InteractionMatrix matrix;
  std::vector<float> row_scale;
  std::vector<float> column_scale;

  // Degree-normalised, as graph filters use it.
  explicit World(InteractionMatrix interactions) : matrix(std::move(interactions)) {
    const auto scales = [](const SparseMatrix& rows) {
      std::vector<float> scale(rows.rows());
      for (std::size_t row = 0; row < rows.rows(); ++row) {
        double sum = 0;
        for (std::size_t n = 0; n < rows.row_size(row); ++n) sum += rows.row(row).value(n);
        scale[row] = sum > 0 ? static_cast<float>(1 / std::sqrt(sum)) : 0.0f;
      }
      return scale;
    };
    row_scale = scales(matrix.user_item());
    column_scale = scales(matrix.item_user());
  }

  ScaledMatrixView view() const { return {matrix.user_item(), matrix.item_user(), row_scale, column_scale}; }

  Eigen::MatrixXd dense() const {
    Eigen::MatrixXd result =
        Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(matrix.users()), static_cast<Eigen::Index>(matrix.items()));
    for (std::size_t row = 0; row < matrix.users(); ++row) {
      const SparseRowView entries = matrix.user_item().row(row);
      for (std::size_t n = 0; n < entries.size(); ++n)
        result(static_cast<Eigen::Index>(row), entries.columns[n]) =
            static_cast<double>(row_scale[row]) * entries.value(n) * column_scale[entries.columns[n]];
    }
    return result;
  }
};

Eigen::MatrixXd DenseOf(const FactorMatrix& table) {
  Eigen::MatrixXd dense(static_cast<Eigen::Index>(table.rows()), static_cast<Eigen::Index>(table.dimensions()));
  for (std::size_t row = 0; row < table.rows(); ++row)
    for (std::size_t k = 0; k < table.dimensions(); ++k)
      dense(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(k)) = table.row(row)[k];
  return dense;
}

TEST(TruncatedSvd, SumNeighboursIsTheProductOfTheMatrixAndATable) {
  for (bool weighted : {false, true}) {
    const InteractionMatrix matrix = RandomMatrix(1, 300, 40, 0.1, weighted);
    AlignedVector<float> in(40 * 16);
    for (std::size_t n = 0; n < in.size(); ++n) in[n] = static_cast<float>(n % 13) - 6;
    AlignedVector<float> out(300 * 16, NAN);
    SumNeighbours(
        matrix.user_item(), EntryWeights::kValues, in, 16, [](std::size_t row) { return static_cast<double>(row); },
        out, Parallelism(2), [] { return false; });
    for (std::size_t row = 0; row < 300; ++row) {
      const SparseRowView entries = matrix.user_item().row(row);
      for (std::size_t k = 0; k < 16; ++k) {
        double sum = 0;
        for (std::size_t n = 0; n < entries.size(); ++n)
          sum += static_cast<double>(entries.value(n)) * in[entries.columns[n] * 16 + k];
        ASSERT_NEAR(out[row * 16 + k], sum * static_cast<double>(row), 1e-6 * (1 + std::abs(sum)) * 300);
      }
    }
  }
}

TEST(TruncatedSvd, SumNeighboursOfARowThatPointsBeyondTheTableIsZero) {
  const SparseMatrix damaged(4, SharedArray<std::uint64_t>({0, 2, 3}), SharedArray<std::uint32_t>({1, 0xffffffffu, 2}),
                             {});
  const AlignedVector<float> in(4 * 16, 1.0f);
  AlignedVector<float> out(2 * 16, NAN);
  SumNeighbours(
      damaged, EntryWeights::kValues, in, 16, [](std::size_t) { return 1.0; }, out, Parallelism(1),
      [] { return false; });
  EXPECT_EQ(out[0], 0);
  EXPECT_EQ(out[16], 1);
}

TEST(TruncatedSvd, ValuesAndSubspacesAreThoseOfADenseDecomposition) {
  for (bool weighted : {false, true}) {
    const World world(RandomMatrix(2, 150, 90, 0.1, weighted));
    const Eigen::BDCSVD<Eigen::MatrixXd> dense(world.dense(), Eigen::ComputeThinV);
    constexpr std::size_t kRank = 12;
    const auto svd = RightSingularVectors(world.view(), {.rank = kRank, .iterations = 40});
    ASSERT_TRUE(svd.ok()) << svd.status();
    for (std::size_t k = 0; k < kRank; ++k)
      EXPECT_NEAR(svd->values[k], dense.singularValues()(static_cast<Eigen::Index>(k)), 1e-5);  // float32 products
    const Eigen::MatrixXd right = DenseOf(svd->right);
    EXPECT_NEAR((right.transpose() * right - Eigen::MatrixXd::Identity(kRank, kRank)).cwiseAbs().maxCoeff(), 0, 1e-5);
    const Eigen::MatrixXd wanted = dense.matrixV().leftCols(kRank);
    // A gap of 1e-3 between neighbouring values turns vectors by the 1e-6 of float32 over it.
    EXPECT_NEAR((right * right.transpose() - wanted * wanted.transpose()).cwiseAbs().maxCoeff(), 0, 1e-2);
  }
}

TEST(TruncatedSvd, FewIterationsAreEnoughWhereTheValuesFallFast) {
  const World world(PlantedMatrix(3, 400, 120, 6, 0.4, 0.005));  // six communities: six large values
  const Eigen::BDCSVD<Eigen::MatrixXd> dense(world.dense(), Eigen::ComputeThinV);
  const auto svd = RightSingularVectors(world.view(), {.rank = 6, .iterations = 4});
  ASSERT_TRUE(svd.ok()) << svd.status();
  const Eigen::MatrixXd right = DenseOf(svd->right);
  const Eigen::MatrixXd wanted = dense.matrixV().leftCols(6);
  EXPECT_NEAR((right * right.transpose() - wanted * wanted.transpose()).cwiseAbs().maxCoeff(), 0, 1e-4);
}

TEST(TruncatedSvd, VectorsPastTheRankOfTheMatrixAreZero) {
  const World blocks(PlantedMatrix(1, 60, 30, 3, 1, 0));  // rank 3
  const auto svd = RightSingularVectors(blocks.view(), {.rank = 40, .iterations = 6});
  ASSERT_TRUE(svd.ok()) << svd.status();
  ASSERT_EQ(svd->values.size(), 40u);
  for (std::size_t k = 0; k < 40; ++k) EXPECT_NEAR(svd->values[k], k < 3 ? 1 : 0, 1e-5) << k;
  const Eigen::MatrixXd right = DenseOf(svd->right);
  EXPECT_NEAR(right.rightCols(37).cwiseAbs().maxCoeff(), 0, 0);
  EXPECT_NEAR((right.leftCols(3).transpose() * right.leftCols(3) - Eigen::MatrixXd::Identity(3, 3)).norm(), 0, 1e-5);
}

TEST(TruncatedSvd, AnEmptyMatrixHasNoVectorsAndEmptyRowsAndColumnsAreZero) {
  const World nothing(RandomMatrix(1, 5, 7, 0));
  const auto empty = RightSingularVectors(nothing.view(), {.rank = 3});
  ASSERT_TRUE(empty.ok()) << empty.status();
  for (double value : empty->values) EXPECT_EQ(value, 0);
  const World single(
      InteractionMatrix(SparseMatrix(3, SharedArray<std::uint64_t>({0, 0, 1}), SharedArray<std::uint32_t>({1}), {})));
  const auto one = RightSingularVectors(single.view(), {.rank = 2});
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_NEAR(one->values[0], 1, 1e-6);
  EXPECT_NEAR(std::abs(one->right.row(1)[0]), 1, 1e-6);
  EXPECT_EQ(one->right.row(0)[0], 0);
}

TEST(TruncatedSvd, OneTwoAndSevenThreadsGiveTheSameBitsAndAnotherSeedTheSameValues) {
  const World world(RandomMatrix(5, 3000, 700, 0.01, /*weighted=*/true));
  const SvdOptions options{.rank = 10, .iterations = 30};
  const auto one = RightSingularVectors(world.view(), options, {}, Parallelism(1));
  ASSERT_TRUE(one.ok()) << one.status();
  for (int threads : {2, 7}) {
    const auto many = RightSingularVectors(world.view(), options, {}, Parallelism(threads));
    ASSERT_TRUE(many.ok());
    EXPECT_EQ(many->values, one->values);
    EXPECT_TRUE(std::ranges::equal(many->right.values(), one->right.values()));
  }
  const auto other = RightSingularVectors(world.view(), {.rank = 10, .iterations = 30, .seed = 7});
  for (std::size_t k = 0; k < 10; ++k) EXPECT_NEAR(other->values[k], one->values[k], 1e-3);
}

TEST(TruncatedSvd, CanBeCancelledAndEndedByItsCaller) {
  const World world(RandomMatrix(5, 300, 70, 0.1));
  EXPECT_EQ(
      RightSingularVectors(world.view(), {}, {.cancelled = [] { return true; }, .after_iteration = {}}).status().code(),
      absl::StatusCode::kCancelled);
  int steps = 0;
  const SvdControl control{.cancelled = {}, .after_iteration = [&](int step) {
                             steps = step;
                             return step == 2 ? absl::AbortedError("enough") : absl::OkStatus();
                           }};
  EXPECT_EQ(RightSingularVectors(world.view(), {}, control).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(steps, 2);
}

TEST(TruncatedSvd, ProductsBeyondFloat32AreAnError) {
  World world(RandomMatrix(5, 30, 20, 0.3));
  world.row_scale.assign(30, 1e30f);
  EXPECT_EQ(RightSingularVectors(world.view(), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace waypost
