// The vectors that a training of iALS begins with.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/model/ials.hpp"

namespace waypost {
namespace {

using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

// Users and items in groups; every user has every item of his group and no other.
InteractionMatrix GroupMatrix(const std::vector<std::pair<std::size_t, std::size_t>>& sizes) {
  AlignedVector<std::uint64_t> offsets{0};
  AlignedVector<std::uint32_t> columns;
  std::uint32_t first = 0;
  for (const auto& [users, items] : sizes) {
    for (std::size_t user = 0; user < users; ++user) {
      for (std::uint32_t item = 0; item < items; ++item) columns.push_back(first + item);
      offsets.push_back(columns.size());
    }
    first += static_cast<std::uint32_t>(items);
  }
  return InteractionMatrix(SparseMatrix(first, SharedArray<std::uint64_t>(std::move(offsets)),
                                        SharedArray<std::uint32_t>(std::move(columns)), {}));
}

double Dot(const FactorMatrix& table, std::size_t a, std::size_t b) {
  double sum = 0;
  for (std::size_t k = 0; k < table.dimensions(); ++k)
    sum += static_cast<double>(table.row(a)[k]) * static_cast<double>(table.row(b)[k]);
  return sum;
}

struct Start {
  FactorMatrix items;
  std::vector<double> eigenvalues;
};

Start SpectralStart(const InteractionMatrix& matrix, IalsOptions options, int threads = 1) {
  options = EffectiveOptions(matrix, options);
  const Parallelism parallelism(threads);
  const TrainingControl control;
  CancelPoll cancelled(control);
  internal::IalsTrainer trainer(matrix, options, IalsSolver::kExact, parallelism, cancelled);
  const absl::Status status = trainer.BeginSpectrally();
  EXPECT_TRUE(status.ok()) << status;
  const FactorMatrix items = trainer.items();
  return {FactorMatrix(items.rows(), items.dimensions(),
                       SharedArray<float>(AlignedVector<float>(items.values().begin(), items.values().end()))),
          {trainer.eigenvalues().begin(), trainer.eigenvalues().end()}};
}

TEST(IalsStart, GroupsWithoutACommonItemGetOrthogonalVectorsOneForEachGroup) {
  // The groups' indicators are the singular vectors of value 1; all others have value 0.
  const InteractionMatrix matrix = GroupMatrix({{9, 4}, {5, 7}, {3, 2}});
  const Start start = SpectralStart(matrix, {.dimensions = 3});
  const std::vector<std::size_t> group = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2};
  for (std::size_t a = 0; a < group.size(); ++a) {
    for (std::size_t b = 0; b < group.size(); ++b) {
      const double cosine = Dot(start.items, a, b) / std::sqrt(Dot(start.items, a, a) * Dot(start.items, b, b));
      EXPECT_NEAR(cosine, group[a] == group[b] ? 1 : 0, 1e-5) << a << " " << b;
    }
  }
}

TEST(IalsStart, ColumnsAreOrthogonalAndOfTheLengthThatIsReported) {
  const InteractionMatrix matrix = RandomMatrix(5, 300, 200, 0.1, false);
  const Start start = SpectralStart(matrix, {.dimensions = 24});
  for (std::size_t j = 0; j < 24; ++j) {
    for (std::size_t k = 0; k < 24; ++k) {
      double sum = 0;
      for (std::size_t item = 0; item < start.items.rows(); ++item)
        sum += static_cast<double>(start.items.row(item)[j]) * static_cast<double>(start.items.row(item)[k]);
      EXPECT_NEAR(sum / start.eigenvalues[0], j == k ? 1 : 0, 2e-3) << j << " " << k;  // float32 over 1e-5, the floor
      EXPECT_NEAR(start.eigenvalues[k] / start.eigenvalues[0], 1, 1e-9);
    }
  }
}

TEST(IalsStart, MoreDimensionsThanTheMatrixHasRanksLeaveShortColumnsAndFiniteVectors) {
  const InteractionMatrix matrix = GroupMatrix({{2, 2}, {1, 1}});
  const Start start = SpectralStart(matrix, {.dimensions = 40});
  for (float value : start.items.values()) EXPECT_TRUE(std::isfinite(value));
  EXPECT_LT(start.eigenvalues[2], 1e-2 * start.eigenvalues[0]);  // float32 over 1e-5, the floor
}

TEST(IalsStart, ItemsWithoutUsersAreZero) {
  const InteractionMatrix matrix(
      SparseMatrix(3, SharedArray<std::uint64_t>({0, 1, 3}), SharedArray<std::uint32_t>({2, 0, 2}), {}));
  const Start start = SpectralStart(matrix, {.dimensions = 2});
  EXPECT_EQ(Dot(start.items, 1, 1), 0);
  EXPECT_GT(Dot(start.items, 0, 0), 0);
}

TEST(IalsStart, IsTheSameForAnyNumberOfThreads) {
  const InteractionMatrix matrix = RandomMatrix(11, 1500, 900, 0.02, false);
  const Start one = SpectralStart(matrix, {.dimensions = 20});
  for (int threads : {2, 7}) {
    const Start other = SpectralStart(matrix, {.dimensions = 20}, threads);
    ASSERT_EQ(one.items.values().size(), other.items.values().size());
    for (std::size_t n = 0; n < one.items.values().size(); ++n)
      ASSERT_EQ(one.items.values()[n], other.items.values()[n]) << n;
  }
}

TEST(IalsStart, TheFirstEpochEndsBelowTheObjectiveOfASecondOneFromRandomVectors) {
  const InteractionMatrix matrix = PlantedMatrix(3, 400, 300, 8, 0.3, 0.01);
  for (IalsSolver solver : {IalsSolver::kExact, IalsSolver::kCg, IalsSolver::kBlock}) {
    const auto spectral = TrainIals(matrix, {.dimensions = 8, .epochs = 1, .solver = solver});
    const auto random = TrainIals(matrix, {.dimensions = 8, .epochs = 2, .init_sd = 0.1f, .solver = solver});
    ASSERT_TRUE(spectral.ok() && random.ok());
    EXPECT_LT(spectral->loss[0], random->loss[1]) << IalsSolverName(solver);
  }
}

TEST(IalsStart, IsGivenUpWhenTheTrainingIsCancelled) {
  const InteractionMatrix matrix = RandomMatrix(7, 50, 40, 0.2, false);
  TrainingControl control;
  control.cancelled = [] { return true; };
  EXPECT_EQ(TrainIals(matrix, {.dimensions = 8}, control).status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace waypost
