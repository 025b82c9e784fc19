#include "waypost/eval/tabular_policy.hpp"

#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;

struct Log {
  std::vector<std::uint32_t> contexts, actions;
  std::vector<double> rewards;
  TabularDecisions decisions() const { return {contexts, actions, 3, 4}; }
};

Log RandomLog(std::size_t n) {
  Random random(4);
  Log log;
  for (std::size_t i = 0; i < n; ++i) {
    log.contexts.push_back(static_cast<std::uint32_t>(random.Below(3)));
    log.actions.push_back(static_cast<std::uint32_t>(random.Below(4)));
    log.rewards.push_back(random.Normal());
  }
  return log;
}

TEST(FrequencyPolicy, IsTheShareOfEachActionInItsContext) {
  const std::vector<std::uint32_t> contexts = {0, 0, 0, 0, 2}, actions = {1, 1, 0, 1, 1};
  const TabularPolicy policy = *FrequencyPolicy({contexts, actions, 3, 2});
  EXPECT_THAT(policy.probabilities, ElementsAre(0.25, 0.75, 0, 0, 0, 1));
  EXPECT_EQ(policy.at(0, 1), 0.75);
}

// The model of one row, from the rows of the other folds, by the definition.
TEST(CrossFitMeans, AgreeWithANaiveFitForEveryRow) {
  const Log log = RandomLog(200);
  const TabularPolicy target = *FrequencyPolicy(log.decisions());
  const CrossFitOptions options{.folds = 4, .prior_count = 3, .seed = 9};
  const RewardPredictions found = *CrossFitMeans(log.decisions(), log.rewards, target, options);
  for (std::size_t i = 0; i < log.rewards.size(); ++i) {
    const auto q = [&](std::uint32_t x, std::uint32_t a) {
      double all = 0, n = 0, of_action = 0, n_action = 0, of_cell = 0, n_cell = 0;
      for (std::size_t j = 0; j < log.rewards.size(); ++j) {
        if (CrossFitFold(j, options) == CrossFitFold(i, options)) continue;
        all += log.rewards[j], ++n;
        if (log.actions[j] != a) continue;
        of_action += log.rewards[j], ++n_action;
        if (log.contexts[j] == x) of_cell += log.rewards[j], ++n_cell;
      }
      return (of_cell + 3 * (of_action + 3 * all / n) / (n_action + 3)) / (n_cell + 3);
    };
    EXPECT_NEAR(found.taken[i], q(log.contexts[i], log.actions[i]), 1e-12);
    double value = 0;
    for (std::uint32_t a = 0; a < 4; ++a) value += target.at(log.contexts[i], a) * q(log.contexts[i], a);
    EXPECT_NEAR(found.target[i], value, 1e-12);
  }
}

TEST(CrossFitMeans, ARewardDoesNotTouchItsOwnPrediction) {
  Log log = RandomLog(200);
  const TabularPolicy target = *FrequencyPolicy(log.decisions());
  const RewardPredictions before = *CrossFitMeans(log.decisions(), log.rewards, target);
  log.rewards[17] = 1e6;
  const RewardPredictions after = *CrossFitMeans(log.decisions(), log.rewards, target);
  EXPECT_EQ(after.taken[17], before.taken[17]);
  EXPECT_EQ(after.target[17], before.target[17]);
  EXPECT_NE(after.taken, before.taken);
}

TEST(CrossFitMeans, WithoutAPriorAnUnseenActionTakesTheMeanOfAll) {
  const std::vector<std::uint32_t> contexts(40, 0), actions(40, 0);
  const std::vector<double> rewards(40, 2.5);
  const TabularPolicy target{1, 2, {0, 1}};
  const auto found = CrossFitMeans({contexts, actions, 1, 2}, rewards, target, {.prior_count = 0});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->target, testing::Each(2.5));
}

TEST(CrossFitMeans, RefusesWhatDoesNotFit) {
  const Log log = RandomLog(20);
  const TabularPolicy target = *FrequencyPolicy(log.decisions());
  EXPECT_FALSE(CrossFitMeans(log.decisions(), log.rewards, target, {.folds = 1}).ok());
  EXPECT_FALSE(CrossFitMeans(log.decisions(), log.rewards, target, {.prior_count = -1}).ok());
  EXPECT_FALSE(CrossFitMeans(log.decisions(), std::vector<double>(19), target).ok());
  EXPECT_FALSE(CrossFitMeans(log.decisions(), log.rewards, TabularPolicy{3, 3, std::vector<double>(9)}).ok());
  EXPECT_EQ(FrequencyPolicy({log.contexts, log.actions, 2, 4}).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(FrequencyPolicy({log.contexts, log.actions, std::size_t{1} << 40, std::size_t{1} << 40}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(FrequencyPolicy({}).ok());
}

}  // namespace
}  // namespace waypost
