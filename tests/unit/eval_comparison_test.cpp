#include "waypost/eval/comparison.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

// An evaluation by ndcg@10 with these values of the users.
Evaluation WithValues(std::vector<double> values) {
  Evaluation evaluation;
  evaluation.users = values.size();
  evaluation.metrics.push_back(internal::Summarize({MetricKind::kNdcg, 10}, std::move(values), {}));
  return evaluation;
}

// Users whose values are `lift` above what they give every model, with noise of each model's own.
Evaluation Lifted(std::size_t users, double lift, std::uint64_t model) {
  std::vector<double> values;
  for (std::size_t user = 0; user < users; ++user) {
    Random taste(1, user), noise(100 + model, user);
    values.push_back(0.5 * taste.Uniform() + lift + 0.05 * noise.Normal());
  }
  return WithValues(std::move(values));
}

TEST(CompareEvaluations, FindsTheBestAndWhatIsSignificantlyWorse) {
  const Evaluation worse = Lifted(500, 0.1, 1), best = Lifted(500, 0.14, 2), close = Lifted(500, 0.1399, 3);
  const std::vector<const Evaluation*> all = {&worse, &best, &close};
  const auto found = CompareEvaluations(all);
  ASSERT_TRUE(found.ok()) << found.status();
  const MetricComparison& ndcg = found->front();
  EXPECT_EQ(ndcg.name, "ndcg@10");
  ASSERT_NE(ndcg.best, 0u);
  const std::size_t second = 3 - ndcg.best;
  EXPECT_FALSE(ndcg.lags[ndcg.best].has_value());
  EXPECT_LT(ndcg.lags[0]->p_adjusted, 0.05);
  EXPECT_LT(ndcg.lags[0]->difference.interval.high, 0);
  EXPECT_NEAR(ndcg.lags[0]->difference.mean, -0.04, 4 * 0.05 * std::sqrt(2.0 / 500));  // four standard errors
  EXPECT_GT(ndcg.lags[second]->p_adjusted, 0.05);
}

TEST(CompareEvaluations, EachDifferenceIsThePairedBootstrapOfTheTwoAndHolmAdjustsThemTogether) {
  std::vector<Evaluation> evaluations;
  for (std::uint64_t model = 0; model < 5; ++model) evaluations.push_back(Lifted(80, 0.005 * double(model), model));
  std::vector<const Evaluation*> all;
  for (const Evaluation& evaluation : evaluations) all.push_back(&evaluation);
  const MetricComparison found = CompareEvaluations(all)->front();
  std::vector<double> p_values, adjusted;
  for (std::size_t model = 0; model < all.size(); ++model) {
    if (model == found.best) continue;
    const PairedDifference single = *PairedBootstrap(all[model]->metrics[0].values, all[found.best]->metrics[0].values);
    EXPECT_EQ(found.lags[model]->difference, single);
    p_values.push_back(single.p_value);
    adjusted.push_back(found.lags[model]->p_adjusted);
  }
  EXPECT_EQ(adjusted, HolmAdjusted(p_values));
}

TEST(CompareEvaluations, UsersWhomTheMetricLeavesOutAreNotCompared) {
  const Evaluation a = WithValues({0.5, std::nan(""), 0.25}), b = WithValues({0.25, std::nan(""), 0});
  const std::vector<const Evaluation*> all = {&b, &a};
  const MetricComparison found = CompareEvaluations(all)->front();
  EXPECT_EQ(found.best, 1u);
  EXPECT_EQ(found.lags[0]->difference.mean, -0.25);
}

TEST(CompareEvaluations, TheLowestGiniIsTheBestAndHasNoUsersToCompare) {
  std::vector<Evaluation> evaluations(2);
  for (Evaluation& evaluation : evaluations) evaluation.users = 3;
  evaluations[0].metrics.push_back(internal::Summarize({MetricKind::kGini, 5}, {}, {9, 0, 0}));
  evaluations[1].metrics.push_back(internal::Summarize({MetricKind::kGini, 5}, {}, {3, 3, 3}));
  const std::vector<const Evaluation*> all = {&evaluations[0], &evaluations[1]};
  const MetricComparison found = CompareEvaluations(all)->front();
  EXPECT_EQ(found.best, 1u);
  EXPECT_FALSE(found.lags[0].has_value());
}

TEST(CompareEvaluations, OneModelIsTheBestAndEqualsAreToldByTheFirst) {
  const Evaluation one = WithValues({0.5, 1});
  const std::vector<const Evaluation*> alone = {&one}, twins = {&one, &one};
  EXPECT_EQ(CompareEvaluations(alone)->front().best, 0u);
  const MetricComparison found = CompareEvaluations(twins)->front();
  EXPECT_EQ(found.best, 0u);
  EXPECT_EQ(found.lags[1]->p_adjusted, 1);
}

TEST(CompareEvaluations, RefusesEvaluationsOfOtherUsersOrMetrics) {
  const Evaluation two = WithValues({0.5, 1}), three = WithValues({0.5, 1, 0});
  Evaluation other = two;
  other.metrics[0].name = "recall@10";
  const std::vector<const Evaluation*> users = {&two, &three}, metrics = {&two, &other}, none;
  EXPECT_EQ(CompareEvaluations(users).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CompareEvaluations(metrics).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CompareEvaluations(none).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace waypost
