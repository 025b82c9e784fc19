#include "waypost/insight/logistic.hpp"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using ::testing::HasSubstr;

struct World {
  std::vector<double> values;
  std::vector<std::string> columns;
  std::vector<std::uint8_t> labels;
  std::vector<std::uint32_t> groups;
  std::size_t group_count = 1;

  LogisticDataView view() const { return {values, columns, labels, groups, group_count}; }
};

double Sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// A numeric column far from zero, another in small units, and an indicator.
World RandomWorld(std::uint64_t seed, std::size_t rows, std::size_t groups = 1) {
  Random random(seed);
  World world;
  world.columns = {"year", "share", "paid"};
  world.group_count = groups;
  for (std::size_t row = 0; row < rows; ++row) {
    const double a = random.Normal(), b = random.Normal();
    const double c = random.Bernoulli(0.3);
    const auto group = static_cast<std::uint32_t>(random.Below(groups));
    world.values.insert(world.values.end(), {2000 + 10 * a, 1e-3 * b, c});
    if (groups > 1) world.groups.push_back(group);
    world.labels.push_back(random.Bernoulli(Sigmoid(-0.5 + 0.4 * group + 0.8 * a - 0.6 * b + 1.1 * c)));
  }
  return world;
}

// The derivatives of the objective in the definition's letters: zero at the optimum.
TEST(Logistic, MeetsTheScoreEquationsOfItsObjective) {
  for (const double l2 : {0.0, 0.7, 50.0}) {
    for (const std::size_t groups : {std::size_t{1}, std::size_t{4}}) {
      SCOPED_TRACE(testing::Message() << l2 << " " << groups);
      const World world = RandomWorld(3, 800, groups);
      const LogisticFit fit = FitLogistic(world.view(), {.l2 = l2}).value();
      ASSERT_TRUE(fit.converged);
      std::array<double, 3> mean{}, square{}, score{}, size{};
      std::vector<double> group_score(groups);
      double log_likelihood = 0;
      for (std::size_t row = 0; row < 800; ++row)
        for (std::size_t j = 0; j < 3; ++j) mean[j] += world.values[row * 3 + j] / 800;
      for (std::size_t row = 0; row < 800; ++row) {
        const std::span<const double> x(world.values.data() + row * 3, 3);
        const std::size_t group = groups > 1 ? world.groups[row] : 0;
        const double p = fit.Probability(x, group);
        log_likelihood += std::log(world.labels[row] == 1 ? p : 1 - p);
        group_score[group] += world.labels[row] - p;
        for (std::size_t j = 0; j < 3; ++j) {
          score[j] += (world.labels[row] - p) * x[j];
          size[j] += std::abs(x[j]);
          square[j] += (x[j] - mean[j]) * (x[j] - mean[j]) / 800;
        }
      }
      square[2] = 1;  // the indicator
      for (std::size_t j = 0; j < 3; ++j)
        EXPECT_NEAR(score[j], l2 * square[j] * fit.coefficients[j], 1e-11 * size[j]) << j;
      for (const double sum : group_score) EXPECT_NEAR(sum, 0, 1e-9);
      EXPECT_NEAR(fit.log_likelihood, log_likelihood, 1e-9 * std::abs(log_likelihood));
    }
  }
}

// Cummings' table of a 2 x 2: the estimate is the log odds ratio, its variance the sum of reciprocals of the cells.
TEST(Logistic, OfOneIndicatorIsTheOddsRatioWithItsStandardError) {
  World world;
  world.columns = {"exposed"};
  const auto add = [&](double x, std::uint8_t label, int times) {
    for (; times > 0; --times) {
      world.values.push_back(x);
      world.labels.push_back(label);
    }
  };
  add(1, 1, 30), add(1, 0, 70), add(0, 1, 10), add(0, 0, 90);
  const LogisticFit fit = FitLogistic(world.view(), {.l2 = 0}).value();
  EXPECT_NEAR(fit.coefficients[0], std::log(30.0 * 90 / (70.0 * 10)), 1e-12);
  EXPECT_NEAR(fit.coefficient_errors[0], std::sqrt(1 / 30.0 + 1 / 70.0 + 1 / 10.0 + 1 / 90.0), 1e-12);
  EXPECT_NEAR(fit.intercepts[0], std::log(10.0 / 90), 1e-12);
  EXPECT_NEAR(fit.intercept_errors[0], std::sqrt(1 / 10.0 + 1 / 90.0), 1e-12);
}

TEST(Logistic, IntervalsCoverThePlantedCoefficients) {
  int covered = 0, all = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const LogisticFit fit = FitLogistic(RandomWorld(100 + seed, 400).view(), {.l2 = 0}).value();
    const std::array<double, 3> planted = {0.08, -600, 1.1};
    for (std::size_t j = 0; j < 3; ++j, ++all)
      covered += std::abs(fit.coefficients[j] - planted[j]) < 1.96 * fit.coefficient_errors[j];
  }
  EXPECT_NEAR(static_cast<double>(covered) / all, 0.95, 0.03);  // 600 trials: standard error 0.9 %
}

TEST(Logistic, NamesAConstantColumn) {
  World world = RandomWorld(1, 100);
  for (std::size_t row = 0; row < 100; ++row) world.values[row * 3 + 1] = 7;
  const auto refused = FitLogistic(world.view(), {.l2 = 0});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("constant column: column 'share' is constant: 7"));
  const LogisticFit fit = FitLogistic(world.view(), {.l2 = 1}).value();
  ASSERT_EQ(fit.problems.size(), 1u);
  EXPECT_EQ(fit.problems[0].kind, LogisticProblemKind::kConstantColumn);
  EXPECT_EQ(fit.coefficients[1], 0);
}

TEST(Logistic, NamesACollinearColumnAndWhatItGoesWith) {
  World world = RandomWorld(1, 100);
  world.columns = {"a", "b", "sum"};
  for (std::size_t row = 0; row < 100; ++row)
    world.values[row * 3 + 2] = 3 + 2 * world.values[row * 3] - world.values[row * 3 + 1] * 1e4;
  const auto refused = FitLogistic(world.view(), {.l2 = 0});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("column 'sum' is a combination of 'a', 'b'"));
  const LogisticFit fit = FitLogistic(world.view(), {.l2 = 1}).value();
  ASSERT_EQ(fit.problems.size(), 1u);
  EXPECT_EQ(fit.problems[0].kind, LogisticProblemKind::kCollinearColumn);
  EXPECT_TRUE(fit.converged);

  world.columns = {"a", "b", "of the group"};
  world.group_count = 2;
  for (std::size_t row = 0; row < 100; ++row) {
    world.groups.push_back(row % 2);
    world.values[row * 3 + 2] = row % 2 == 0 ? 5 : 6;
  }
  EXPECT_THAT(std::string(FitLogistic(world.view(), {.l2 = 0}).status().message()),
              HasSubstr("column 'of the group' is constant within each group"));
}

TEST(Logistic, NamesSeparationByOneColumnAndBySeveral) {
  World world = RandomWorld(1, 200);
  for (std::size_t row = 0; row < 200; ++row) world.labels[row] = world.values[row * 3] > 2003;
  EXPECT_THAT(std::string(FitLogistic(world.view(), {.l2 = 0}).status().message()),
              HasSubstr("separation: column 'year' separates the labels by itself"));
  for (std::size_t row = 0; row < 200; ++row)
    world.labels[row] = world.values[row * 3] - 2000 + 1e4 * world.values[row * 3 + 1] > 1;
  const auto refused = FitLogistic(world.view(), {.l2 = 0});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("separation: columns together"));
  EXPECT_TRUE(FitLogistic(world.view(), {.l2 = 1}).value().converged);
}

TEST(Logistic, SaysWhenItHasNotConverged) {
  const LogisticFit fit = FitLogistic(RandomWorld(1, 300).view(), {.l2 = 0, .max_iterations = 2}).value();
  EXPECT_FALSE(fit.converged);
  ASSERT_EQ(fit.problems.size(), 1u);
  EXPECT_EQ(fit.problems[0].message, "not converged after 2 iterations");
}

TEST(Logistic, GroupsOfOneLabelHaveTheirExactProbability) {
  World world = RandomWorld(5, 300, 3);
  for (std::size_t row = 0; row < 300; ++row) {
    if (world.groups[row] == 0) world.labels[row] = 0;
    if (world.groups[row] == 2) world.labels[row] = 1;
  }
  const LogisticFit fit = FitLogistic(world.view(), {.l2 = 0}).value();
  const std::vector<double> row = {2000, 0, 1};
  EXPECT_EQ(fit.Probability(row, 0), 0);
  EXPECT_EQ(fit.Probability(row, 2), 1);
  EXPECT_GT(fit.Probability(row, 1), 0);
  EXPECT_EQ(fit.problems.size(), 2u);
  EXPECT_TRUE(fit.converged);
  World alone = world;  // the other groups add nothing to the likelihood
  alone.values.clear(), alone.labels.clear(), alone.groups.clear(), alone.group_count = 1;
  for (std::size_t n = 0; n < 300; ++n)
    if (world.groups[n] == 1) {
      alone.values.insert(alone.values.end(), world.values.begin() + 3 * n, world.values.begin() + 3 * n + 3);
      alone.labels.push_back(world.labels[n]);
    }
  const LogisticFit same = FitLogistic(alone.view(), {.l2 = 0}).value();
  for (std::size_t j = 0; j < 3; ++j)
    EXPECT_NEAR(same.coefficients[j], fit.coefficients[j], 1e-9 * std::abs(fit.coefficients[j]));
}

TEST(Logistic, GivesTheSameBytesForAnyNumberOfThreads) {
  const World world = RandomWorld(8, 5000, 3);
  const LogisticFit one = FitLogistic(world.view(), {}, Parallelism(1)).value();
  const LogisticFit seven = FitLogistic(world.view(), {}, Parallelism(7)).value();
  EXPECT_EQ(one.coefficients, seven.coefficients);
  EXPECT_EQ(one.intercepts, seven.intercepts);
  EXPECT_EQ(one.coefficient_errors, seven.coefficient_errors);
  EXPECT_EQ(one.log_likelihood, seven.log_likelihood);
}

TEST(Logistic, WithoutColumnsIsTheShareOfOnes) {
  World world;
  world.labels = {1, 0, 0, 0};
  const LogisticFit fit = FitLogistic(world.view(), {.l2 = 0}).value();
  EXPECT_NEAR(fit.Probability({}), 0.25, 1e-15);
}

TEST(Logistic, RefusesWhatIsNoData) {
  const auto message = [](const World& world, LogisticOptions options = {}) {
    return std::string(FitLogistic(world.view(), options).status().message());
  };
  World world = RandomWorld(1, 20);
  EXPECT_THAT(message(world, {.l2 = -1}), HasSubstr("LogisticOptions.l2: want a finite value >= 0, got -1"));
  EXPECT_THAT(message(world, {.max_iterations = 0}), HasSubstr("max_iterations: want 1..10000, got 0"));
  world.values[4] = std::nan("");
  EXPECT_THAT(message(world), HasSubstr("column 'share': want a finite value, got nan in row 1"));
  world.values[4] = 1e200;
  EXPECT_THAT(message(world), HasSubstr("column 'share': want a deviation between 1e-150 and 1e150, got inf"));
  world.values.pop_back();
  EXPECT_THAT(message(world), HasSubstr("want 20 rows of 3 columns, got 59 values"));
  world = RandomWorld(1, 20);
  world.labels[7] = 2;
  EXPECT_THAT(message(world), HasSubstr("want 0 or 1, got 2 in row 7"));
  world.labels.assign(20, 1);
  EXPECT_THAT(message(world), HasSubstr("want both 0 and 1; every label is 1"));
  EXPECT_THAT(message(World{}), HasSubstr("want rows, got none"));
}

}  // namespace
}  // namespace waypost
