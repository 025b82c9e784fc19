#include "waypost/model/feature_map.hpp"

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "support/worlds.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::RandomSparse;

FactorMatrix Factors(std::size_t rows, std::size_t dimensions, const auto& element) {
  AlignedVector<float> values(rows * PaddedDimensions(dimensions), 0.0f);
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t k = 0; k < dimensions; ++k) values[row * PaddedDimensions(dimensions) + k] = element(row, k);
  return FactorMatrix(rows, dimensions, SharedArray<float>(std::move(values)));
}

FactorMatrix RandomFactors(std::uint64_t seed, std::size_t rows, std::size_t dimensions) {
  Random random(seed);
  return Factors(rows, dimensions, [&](std::size_t, std::size_t) { return static_cast<float>(random.Normal()); });
}

Eigen::MatrixXd Dense(const SparseMatrix& matrix) {
  Eigen::MatrixXd dense =
      Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(matrix.rows()), static_cast<Eigen::Index>(matrix.columns()));
  for (std::size_t row = 0; row < matrix.rows(); ++row)
    for (std::size_t n = 0; n < matrix.row_size(row); ++n)
      dense(static_cast<Eigen::Index>(row), matrix.row(row).columns[n]) = matrix.row(row).value(n);
  return dense;
}

Eigen::MatrixXd Dense(const FactorMatrix& matrix) {
  Eigen::MatrixXd dense(matrix.rows(), matrix.dimensions());
  for (std::size_t row = 0; row < matrix.rows(); ++row)
    for (std::size_t k = 0; k < matrix.dimensions(); ++k)
      dense(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(k)) = matrix.row(row)[k];
  return dense;
}

Eigen::MatrixXd NaiveMap(const Eigen::MatrixXd& features, const Eigen::MatrixXd& items, double ridge) {
  return (features.transpose() * features + ridge * Eigen::MatrixXd::Identity(features.cols(), features.cols()))
      .ldlt()
      .solve(features.transpose() * items);
}

TEST(FeatureMap, IsTheRidgeRegressionOfTheVectorsOnTheFeatures) {
  for (const bool weighted : {false, true}) {
    const SparseMatrix features = RandomSparse(3, 90, 40, 0.1, weighted);
    const FactorMatrix items = RandomFactors(4, 90, 19);
    for (const float ridge : {0.1f, 3.0f, 200.0f}) {
      const auto training = TrainFeatureMap(features, items, {.regularization = ridge});
      ASSERT_TRUE(training.ok()) << training.status();
      EXPECT_EQ(training->regularization, ridge);
      const Eigen::MatrixXd expected = NaiveMap(Dense(features), Dense(items), ridge);
      // Conjugate gradients end at a residual of 1e-5.
      EXPECT_LT((Dense(training->weights) - expected).norm(), 1e-4 * expected.norm()) << ridge;
      const FactorMatrix mapped = MapFeatures({.names = {}, .weights = training->weights}, features);
      EXPECT_LT((Dense(mapped) - Dense(features) * expected).norm(), 1e-4 * expected.norm());
    }
  }
}

TEST(FeatureMap, IsLearnedFromItemsWithAVectorAlone) {
  const SparseMatrix features = RandomSparse(5, 60, 10, 0.3);
  const FactorMatrix items = Factors(60, 4, [](std::size_t row, std::size_t k) {
    return row % 3 == 0 ? 0.0f : static_cast<float>(row % 7) - static_cast<float>(k);
  });
  const auto training = TrainFeatureMap(features, items, {.regularization = 2});
  ASSERT_TRUE(training.ok());
  Eigen::MatrixXd rows = Dense(features);
  for (Eigen::Index row = 0; row < rows.rows(); row += 3) rows.row(row).setZero();
  const Eigen::MatrixXd expected = NaiveMap(rows, Dense(items), 2);
  EXPECT_LT((Dense(training->weights) - expected).norm(), 1e-4 * expected.norm());
}

// Minus the squared distance to the vectors of the items left out.
FeatureMapMeasure Nearness(const FactorMatrix& items) {
  return [&items](const LeftOutItems& part, const FactorMatrix& vectors) -> absl::StatusOr<double> {
    double sum = 0;
    for (std::size_t item = 0; item < items.rows(); ++item)
      for (std::size_t k = 0; part.held[item] && k < items.dimensions(); ++k)
        sum -= std::pow(items.row(item)[k] - vectors.row(item)[k], 2);
    return sum;
  };
}

// Vectors that are sums over features with noise: the more of it, the more regularization is best.
TEST(FeatureMap, RegularizationIsChosenByItemsLeftOut) {
  const SparseMatrix features = RandomSparse(6, 400, 50, 0.1);
  const Eigen::MatrixXd clean = Dense(features) * Dense(RandomFactors(7, 50, 8));
  const auto chosen = [&](double noise) {
    Random random(8);
    const FactorMatrix items = Factors(400, 8, [&](std::size_t row, std::size_t k) {
      return static_cast<float>(clean(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(k)) +
                                noise * random.Normal());
    });
    const auto training = TrainFeatureMap(features, items, {}, Nearness(items));
    EXPECT_TRUE(training.ok() && training->measure);
    const Eigen::MatrixXd expected = NaiveMap(Dense(features), Dense(items), training->regularization);
    EXPECT_LT((Dense(training->weights) - expected).norm(), 1e-4 * expected.norm());  // of all items
    return training->regularization;
  };
  EXPECT_EQ(chosen(0.1), 3);
  EXPECT_GE(chosen(10), 100);
}

TEST(FeatureMap, IsMeasuredOnPartsThatItWasNotMadeFrom) {
  const SparseMatrix features = RandomSparse(6, 200, 20, 0.2);
  const FactorMatrix items = RandomFactors(4, 200, 5);
  std::vector<std::vector<char>> parts(kFeatureMapParts);
  const FeatureMapMeasure measure = [&](const LeftOutItems& part,
                                        const FactorMatrix& vectors) -> absl::StatusOr<double> {
    const std::vector<char> held(part.held.begin(), part.held.end());
    if (parts[part.part].empty()) {
      parts[part.part] = held;
      Eigen::MatrixXd rows = Dense(features);
      for (Eigen::Index row = 0; row < rows.rows(); ++row)
        if (held[static_cast<std::size_t>(row)]) rows.row(row).setZero();
      const Eigen::MatrixXd expected = Dense(features) * NaiveMap(rows, Dense(items), 3);  // the first candidate
      EXPECT_LT((Dense(vectors) - expected).norm(), 1e-4 * expected.norm());
    }
    EXPECT_EQ(parts[part.part], held);
    return 0.0;
  };
  ASSERT_TRUE(TrainFeatureMap(features, items, {}, measure).ok());
  std::size_t together = 0;
  for (std::size_t item = 0; item < 200; ++item) {
    EXPECT_LE(parts[0][item] + parts[1][item] + parts[2][item], 1);
    together += static_cast<std::size_t>(parts[0][item] + parts[1][item] + parts[2][item]);
  }
  EXPECT_NEAR(static_cast<double>(together), 120, 30);
}

TEST(FeatureMap, EndsWithTheErrorOfItsMeasure) {
  const FeatureMapMeasure measure = [](const LeftOutItems&, const FactorMatrix&) -> absl::StatusOr<double> {
    return absl::UnavailableError("later");
  };
  EXPECT_EQ(TrainFeatureMap(RandomSparse(2, 30, 5, 0.5), RandomFactors(3, 30, 4), {}, measure).status().message(),
            "later");
}

TEST(FeatureMap, IsTheSameForAnyNumberOfThreads) {
  const SparseMatrix features = RandomSparse(9, 300, 200, 0.03);
  const FactorMatrix items = RandomFactors(10, 300, 33);
  const auto one = TrainFeatureMap(features, items, {}, Nearness(items), {}, Parallelism(1));
  ASSERT_TRUE(one.ok());
  for (const int threads : {2, 7}) {
    const auto many = TrainFeatureMap(features, items, {}, Nearness(items), {}, Parallelism(threads));
    ASSERT_TRUE(many.ok());
    EXPECT_EQ(many->regularization, one->regularization);
    ASSERT_EQ(many->weights.values().size(), one->weights.values().size());
    EXPECT_EQ(
        std::memcmp(many->weights.values().data(), one->weights.values().data(), one->weights.values().size_bytes()),
        0);
  }
}

TEST(FeatureMap, OfItemsWithoutFeaturesIsZero) {
  const SparseMatrix none = RandomSparse(1, 3, 5, 0.0);
  const auto training = TrainFeatureMap(RandomSparse(2, 30, 5, 0.5), RandomFactors(3, 30, 4), {.regularization = 1});
  ASSERT_TRUE(training.ok());
  const FactorMatrix mapped = MapFeatures({.names = {}, .weights = training->weights}, none);
  ASSERT_EQ(mapped.rows(), 3u);
  for (const float value : mapped.values()) EXPECT_EQ(value, 0);
}

TEST(FeatureMap, RefusesWhatItCannotLearnFrom) {
  const SparseMatrix features = RandomSparse(2, 30, 5, 0.5);
  const FactorMatrix items = RandomFactors(3, 30, 4);
  const auto message = [](const auto& training) { return std::string(training.status().message()); };
  EXPECT_THAT(message(TrainFeatureMap(features, RandomFactors(3, 29, 4), {.regularization = 1})),
              HasSubstr("TrainFeatureMap.features: want 29 rows, got 30"));
  EXPECT_THAT(message(TrainFeatureMap(RandomSparse(2, 30, 5, 0.0), items, {.regularization = 1})),
              HasSubstr("want an item with events and a feature, got none of 30"));
  EXPECT_THAT(message(TrainFeatureMap(features, items, {.regularization = 0.0f})),
              HasSubstr("FeatureMapOptions.regularization: want above 0, at most 1e9, got 0"));
  EXPECT_FALSE(TrainFeatureMap(features, items, {.regularization = std::nanf("")}).ok());
  EXPECT_THAT(message(TrainFeatureMap(features, items, {})),
              HasSubstr("TrainFeatureMap.measure: want one with regularization unset, got none"));
}

TEST(FeatureMap, EndsWhenItIsCancelled) {
  TrainingControl control;
  control.cancelled = [] { return true; };
  const auto training = TrainFeatureMap(RandomSparse(2, 30, 5, 0.5), RandomFactors(3, 30, 4), {.regularization = 1}, {},
                                        control, Parallelism(1));
  EXPECT_EQ(training.status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace waypost
