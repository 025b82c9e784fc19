#include "waypost/model/explicit_als.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "support/worlds.hpp"

namespace waypost {
namespace {

// Ratings mean + p . q + b_u + b_i + noise of two latent numbers. With `selection` above 0 a cell is the likelier given
// the more the user likes it, so that what is rated tells something too.
struct RatedWorld {
  InteractionMatrix train;
  std::vector<std::vector<float>> truth;  // users x items, without noise
  std::vector<std::vector<bool>> given;
};

RatedWorld Plant(std::uint64_t seed, std::size_t users, std::size_t items, double density, double noise,
                 double selection = 0) {
  Random random(seed);
  const auto table = [&](std::size_t rows, double deviation) {
    std::vector<std::vector<double>> out(rows, std::vector<double>(3));
    for (auto& row : out)
      for (double& value : row) value = deviation * random.Normal();
    return out;
  };
  const auto p = table(users, 0.7), q = table(items, 0.7);
  RatedWorld world;
  world.truth.assign(users, std::vector<float>(items));
  world.given.assign(users, std::vector<bool>(items));
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  AlignedVector<float> values;
  for (std::size_t u = 0; u < users; ++u) {
    for (std::size_t i = 0; i < items; ++i) {
      const double liking = p[u][0] * q[i][0] + p[u][1] * q[i][1] + p[u][2] + q[i][2];
      world.truth[u][i] = static_cast<float>(10 + liking);
      if (!random.Bernoulli(density * std::exp(selection * liking))) continue;
      world.given[u][i] = true;
      columns.push_back(static_cast<std::uint32_t>(i));
      values.push_back(static_cast<float>(10 + liking + noise * random.Normal()));
    }
    offsets.push_back(columns.size());
  }
  world.train = InteractionMatrix(SparseMatrix(items, SharedArray<std::uint64_t>(std::move(offsets)),
                                               SharedArray<std::uint32_t>(std::move(columns)),
                                               SharedArray<float>(std::move(values))));
  return world;
}

// Root mean square error against the truth, over the cells that were not given.
template <typename Predict>
double ErrorOf(const RatedWorld& world, const Predict& predict) {
  double sum = 0, count = 0;
  for (std::size_t u = 0; u < world.truth.size(); ++u) {
    const std::vector<float> scores = predict(u);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (world.given[u][i]) continue;
      sum += (scores[i] - world.truth[u][i]) * (scores[i] - world.truth[u][i]);
      ++count;
    }
  }
  return std::sqrt(sum / count);
}

double ErrorOf(const RatedWorld& world, const ExplicitAlsModel& model) {
  return ErrorOf(world, [&](std::size_t u) {
    const UserView user{UserIndex{static_cast<std::uint32_t>(u)}, world.train.user_item().row(u)};
    std::vector<float> scores(model.item_count());
    EXPECT_TRUE(model.Score(std::span(&user, 1), scores, Parallelism(1)).ok());
    return scores;
  });
}

ExplicitAlsModel Train(const InteractionMatrix& matrix, const ExplicitAlsOptions& options) {
  absl::StatusOr<ExplicitAlsModel> model = TrainExplicitAls(matrix, options, {}, Parallelism(2));
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

TEST(ExplicitAls, FindsPlantedRatingsAndTheirNoise) {
  const RatedWorld world = Plant(1, 300, 120, 0.25, 0.4);
  const ExplicitAlsModel model = Train(world.train, {.dimensions = 4, .implicit_dimensions = 0});
  // The mean alone is off by about 1.2, biases alone by .7 x .7 x sqrt(2), about .69.
  EXPECT_LT(ErrorOf(world, model), 0.2);
  const ExplicitAlsPrior& prior = model.prior();
  EXPECT_NEAR(std::sqrt(prior.noise) * prior.deviation, 0.4, 0.04);
  EXPECT_NEAR(std::sqrt(prior.variances[4]) * prior.deviation, 0.7, 0.07) << "the users' biases";
}

TEST(ExplicitAls, DimensionsThatTheRatingsDoNotHaveAreLeftOut) {
  const RatedWorld world = Plant(1, 300, 120, 0.25, 0.4);
  const ExplicitAlsModel right = Train(world.train, {.dimensions = 2, .implicit_dimensions = 0});
  const ExplicitAlsModel wide = Train(world.train, {.dimensions = 12, .implicit_dimensions = 0});
  EXPECT_LT(ErrorOf(world, wide), 1.15 * ErrorOf(world, right));
}

TEST(ExplicitAls, WhatIsRatedAtAllHelpsWhereRatingsAreFew) {
  const RatedWorld world = Plant(2, 400, 200, 0.04, 0.8, 0.5);
  const double without = ErrorOf(world, Train(world.train, {.dimensions = 3, .implicit_dimensions = 0}));
  const double with = ErrorOf(world, Train(world.train, {.dimensions = 3, .implicit_dimensions = 3}));
  EXPECT_LT(with, without);
}

TEST(ExplicitAls, IsBetterThanBiasesFoundByTheirOwnMeans) {
  const RatedWorld world = Plant(3, 300, 150, 0.3, 0.5);
  std::vector<double> of_user(300, 0.0), of_item(150, 0.0);
  double mean = 0;
  const SparseMatrix& rows = world.train.user_item();
  for (std::size_t u = 0; u < 300; ++u)
    for (float value : rows.row(u).values) mean += value / static_cast<double>(rows.entries());
  for (std::size_t i = 0; i < 150; ++i)
    for (float value : world.train.item_user().row(i).values)
      of_item[i] += (value - mean) / static_cast<double>(world.train.item_user().row_size(i));
  for (std::size_t u = 0; u < 300; ++u)
    for (std::size_t n = 0; n < rows.row_size(u); ++n)
      of_user[u] +=
          (rows.row(u).values[n] - mean - of_item[rows.row(u).columns[n]]) / static_cast<double>(rows.row_size(u));
  const double biases = ErrorOf(world, [&](std::size_t u) {
    std::vector<float> scores;
    for (std::size_t i = 0; i < 150; ++i) scores.push_back(static_cast<float>(mean + of_user[u] + of_item[i]));
    return scores;
  });
  EXPECT_LT(ErrorOf(world, Train(world.train, {.dimensions = 4})), 0.7 * biases);
}

TEST(ExplicitAlsRow, IsThePosteriorOfItsRatings) {
  Random random(5);
  constexpr int kSize = 4, kRatings = 7;
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(kSize, kSize);
  Eigen::VectorXd product = Eigen::VectorXd::Zero(kSize);
  ExplicitAlsRow row;
  row.Begin(kSize);
  struct Partner {
    Eigen::VectorXd mean;
    Eigen::MatrixXd covariance;
    double rating, weight;
  };
  std::vector<Partner> partners;
  for (int n = 0; n < kRatings; ++n) {
    Partner partner{Eigen::VectorXd(kSize), Eigen::MatrixXd(kSize, kSize), random.Normal(), 0.5 + random.Uniform()};
    for (int a = 0; a < kSize; ++a) {
      partner.mean[a] = static_cast<float>(random.Normal());
      for (int b = 0; b < kSize; ++b) partner.covariance(a, b) = random.Normal();
    }
    partner.covariance =
        (0.1 * partner.covariance.transpose() * partner.covariance).cast<float>().cast<double>().eval();
    std::vector<float> mean(partner.mean.begin(), partner.mean.end()), packed;
    for (int a = 0; a < kSize; ++a)
      for (int b = a; b < kSize; ++b) packed.push_back(static_cast<float>(partner.covariance(a, b)));
    row.Add(mean.data(), packed.data(), partner.rating, partner.weight);
    // E[F F^T] and E[F (y - b)] with F = (q, 1).
    Eigen::VectorXd factor = partner.mean;
    factor[kSize - 1] = 1;
    Eigen::MatrixXd second = factor * factor.transpose();
    second.topLeftCorner(kSize - 1, kSize - 1) += partner.covariance.topLeftCorner(kSize - 1, kSize - 1);
    Eigen::VectorXd cross = factor * (partner.rating - partner.mean[kSize - 1]);
    cross.head(kSize - 1) -= partner.covariance.col(kSize - 1).head(kSize - 1);
    gram += partner.weight * second;
    product += partner.weight * cross;
    partners.push_back(std::move(partner));
  }
  const std::vector<double> prior_mean = {0.1, -0.2, 0.3, 0.05}, precision = {1, 2, 3, 4};
  constexpr double kNoise = 0.6;
  const double error = row.Solve(prior_mean, precision, kNoise);
  Eigen::MatrixXd system = gram / kNoise;
  Eigen::VectorXd right = product / kNoise;
  for (int a = 0; a < kSize; ++a) {
    system(a, a) += precision[static_cast<std::size_t>(a)];
    right[a] += precision[static_cast<std::size_t>(a)] * prior_mean[static_cast<std::size_t>(a)];
  }
  const Eigen::MatrixXd covariance = system.inverse();
  const Eigen::VectorXd mean = covariance * right;
  for (int a = 0; a < kSize; ++a) {
    EXPECT_NEAR(row.mean()[static_cast<std::size_t>(a)], mean[a], 1e-6);
    for (int b = a; b < kSize; ++b)
      EXPECT_NEAR(row.covariance()[PackedRow(kSize, static_cast<std::size_t>(a)) + static_cast<std::size_t>(b)],
                  covariance(a, b), 1e-6);
  }
  // The expected error, by drawing users and partners.
  const Eigen::MatrixXd own_root = covariance.llt().matrixL();
  double drawn = 0;
  constexpr int kDraws = 20000;
  for (const Partner& partner : partners) {
    const Eigen::MatrixXd root = (partner.covariance + 1e-9 * Eigen::MatrixXd::Identity(kSize, kSize)).llt().matrixL();
    for (int draw = 0; draw < kDraws; ++draw) {
      Eigen::VectorXd a(kSize), b(kSize);
      for (int k = 0; k < kSize; ++k) {
        a[k] = random.Normal();
        b[k] = random.Normal();
      }
      const Eigen::VectorXd x = mean + own_root * a, y = partner.mean + root * b;
      const double off = partner.rating - x.head(kSize - 1).dot(y.head(kSize - 1)) - x[kSize - 1] - y[kSize - 1];
      drawn += partner.weight * off * off / kDraws;
    }
  }
  EXPECT_NEAR(error, drawn, 0.03 * drawn);
}

TEST(ExplicitAls, RatingsThatAreAllAlikeGiveThatRating) {
  const InteractionMatrix ones = testing_support::RandomMatrix(1, 40, 20, 0.2);
  const ExplicitAlsModel model = Train(ones, {.dimensions = 3});
  for (std::uint32_t user = 0; user < 40; ++user) {
    const UserView view{UserIndex{user}, ones.user_item().row(user)};
    std::vector<float> scores(20);
    ASSERT_TRUE(model.Score(std::span(&view, 1), scores, Parallelism(1)).ok());
    for (float score : scores) EXPECT_NEAR(score, 1, 1e-3);
  }
}

TEST(ExplicitAls, ScalesWithTheUnitOfTheRatings) {
  const RatedWorld world = Plant(4, 80, 40, 0.2, 0.3);
  AlignedVector<float> scaled(world.train.user_item().values().span().begin(),
                              world.train.user_item().values().span().end());
  for (float& value : scaled) value *= 1024;
  const InteractionMatrix other(SparseMatrix(40, world.train.user_item().offsets(),
                                             world.train.user_item().column_indices(),
                                             SharedArray<float>(std::move(scaled))));
  const ExplicitAlsModel a = Train(world.train, {.dimensions = 3}), b = Train(other, {.dimensions = 3});
  for (std::uint32_t user = 0; user < 80; ++user) {
    std::vector<float> of_a(40), of_b(40);
    const UserView view_a{UserIndex{user}, world.train.user_item().row(user)};
    const UserView view_b{UserIndex{user}, other.user_item().row(user)};
    ASSERT_TRUE(a.Score(std::span(&view_a, 1), of_a, Parallelism(1)).ok());
    ASSERT_TRUE(b.Score(std::span(&view_b, 1), of_b, Parallelism(1)).ok());
    for (std::size_t i = 0; i < 40; ++i) EXPECT_NEAR(1024 * of_a[i], of_b[i], 1e-3 * of_b[i]);
  }
}

TEST(ExplicitAls, RefusesOptionsOutOfRangeByName) {
  const InteractionMatrix matrix = testing_support::RandomMatrix(1, 10, 5, 0.5, true);
  for (const ExplicitAlsOptions& options :
       {ExplicitAlsOptions{.dimensions = 0}, ExplicitAlsOptions{.dimensions = 257}, ExplicitAlsOptions{.epochs = 0},
        ExplicitAlsOptions{.implicit_dimensions = -1}})
    EXPECT_EQ(TrainExplicitAls(matrix, options).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace waypost
