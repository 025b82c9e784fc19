#include "waypost/eval/off_policy.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/eval/tabular_policy.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;

// Two contexts, four actions: how the log came about, and what another policy earns.
struct World {
  std::vector<double> context_shares = {0.3, 0.7};
  std::vector<double> logging = {0.4, 0.3, 0.2, 0.1, 0.1, 0.2, 0.3, 0.4};  // contexts x actions
  std::vector<double> rewards = {0.1, 0.5, 0.3, 0.6, 0.2, 0.05, 0.5, 0.3};
  TabularPolicy target{2, 4, {0.1, 0.2, 0.3, 0.4, 0.25, 0.25, 0.25, 0.25}};

  double truth() const {
    double value = 0;
    for (int x = 0; x < 2; ++x)
      for (int a = 0; a < 4; ++a) value += context_shares[x] * target.probabilities[x * 4 + a] * rewards[x * 4 + a];
    return value;
  }
};

struct Log {
  std::vector<std::uint32_t> contexts, actions;
  std::vector<double> rewards, propensities, target;
  RewardPredictions predicted;

  LoggedDecisions decisions() const {
    return {.rewards = rewards,
            .propensities = propensities,
            .target = target,
            .predicted_taken = predicted.taken,
            .predicted_target = predicted.target};
  }
  TabularDecisions tabular() const { return {contexts, actions, 2, 4}; }
};

Log Simulate(const World& world, std::size_t n, std::uint64_t seed) {
  Random random(77, seed);
  Log log;
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<std::uint32_t>(random.Weighted(world.context_shares));
    const auto a = static_cast<std::uint32_t>(random.Weighted(std::span(world.logging).subspan(x * 4, 4)));
    log.contexts.push_back(x);
    log.actions.push_back(a);
    log.rewards.push_back(random.Bernoulli(world.rewards[x * 4 + a]) ? 1 : 0);
    log.propensities.push_back(world.logging[x * 4 + a]);
    log.target.push_back(world.target.at(x, a));
  }
  log.predicted = *CrossFitMeans(log.tabular(), log.rewards, world.target, {.prior_count = 1});
  return log;
}

TEST(OffPolicy, IsUnbiasedAndItsIntervalsHoldTheTruthAsOftenAsPromised) {
  const World world;
  constexpr int kLogs = 1000;
  double sums[4] = {}, squares[4] = {};
  int held[3] = {}, held_surely = 0;
  for (std::uint64_t seed = 0; seed < kLogs; ++seed) {
    const Log log = Simulate(world, 500, seed);
    const auto found = EvaluateOffPolicy(log.decisions(), {.bootstrap = {.replicates = 200}}, Parallelism(1));
    ASSERT_TRUE(found.ok()) << found.status();
    const double values[] = {found->ips.value, found->snips.value, found->dr->value, *found->dm};
    for (int e = 0; e < 4; ++e) {
      sums[e] += values[e];
      squares[e] += (values[e] - world.truth()) * (values[e] - world.truth());
    }
    const Interval intervals[] = {found->ips.interval, found->snips.interval, found->dr->interval};
    for (int e = 0; e < 3; ++e) held[e] += intervals[e].low <= world.truth() && world.truth() <= intervals[e].high;
    held_surely += found->ips.bernstein->low <= world.truth() && world.truth() <= found->ips.bernstein->high &&
                   found->dr->bernstein->low <= world.truth() && world.truth() <= found->dr->bernstein->high;
  }
  const char* const names[] = {"IPS", "SNIPS", "DR"};
  for (int e = 0; e < 3; ++e) {
    const double bias = sums[e] / kLogs - world.truth();
    EXPECT_LT(std::abs(bias), 3 * std::sqrt(squares[e]) / kLogs) << names[e];  // three of its standard errors
    EXPECT_NEAR(held[e], 0.95 * kLogs, 0.02 * kLogs) << names[e];
  }
  EXPECT_NEAR(sums[3] / kLogs, world.truth(), 0.01);  // shrunken means: nearly unbiased
  EXPECT_LT(squares[2], 0.8 * squares[0]);            // DR needs fewer rows than IPS
  EXPECT_LT(squares[1], squares[0]);
  EXPECT_GE(held_surely, 0.99 * kLogs);  // 95 % is a bound, not an approximation
}

TEST(OffPolicy, IsTheDefinitionOnFourDecisions) {
  const std::vector<double> rewards = {1, 0, 2, 1}, propensities = {0.5, 0.5, 0.25, 0.25}, target = {0.25, 0.5, 0.5, 0};
  const auto found = EvaluateOffPolicy({.rewards = rewards, .propensities = propensities, .target = target},
                                       {.min_effective_sample = 0});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_DOUBLE_EQ(found->ips.value, 4.5 / 4);  // weights 0.5, 1, 2, 0
  EXPECT_DOUBLE_EQ(found->snips.value, 4.5 / 3.5);
  EXPECT_DOUBLE_EQ(found->effective_sample, 3.5 * 3.5 / 5.25);
  EXPECT_DOUBLE_EQ(found->max_weight, 2);
  EXPECT_DOUBLE_EQ(found->logged_value, 1);
  EXPECT_NEAR(found->ips.standard_error, std::sqrt(0.625 * 0.625 + 1.125 * 1.125 + 2.875 * 2.875 + 1.125 * 1.125) / 4,
              1e-15);
  EXPECT_DOUBLE_EQ(found->ips.difference, 0.125);
  // differences of terms: -0.5, 0, 2, -1, mean 0.125
  EXPECT_NEAR(found->ips.difference_error, std::sqrt(0.625 * 0.625 + 0.125 * 0.125 + 1.875 * 1.875 + 1.125 * 1.125) / 4,
              1e-15);
  EXPECT_FALSE(found->ips.told());
  EXPECT_FALSE(found->dm.has_value());
  EXPECT_FALSE(found->dr.has_value());
}

TEST(OffPolicy, TheLoggingPolicyItselfEarnsWhatWasLogged) {
  const World world;
  Log log = Simulate(world, 400, 1);
  log.target = log.propensities;
  const OffPolicyEvaluation found = *EvaluateOffPolicy(log.decisions());
  EXPECT_DOUBLE_EQ(found.ips.value, found.logged_value);
  EXPECT_DOUBLE_EQ(found.snips.value, found.logged_value);
  EXPECT_EQ(found.ips.difference, 0);
  EXPECT_EQ(found.ips.difference_error, 0);
  EXPECT_DOUBLE_EQ(found.effective_sample, 400);
  EXPECT_TRUE(std::isinf(found.ips.decisions_to_tell));
}

TEST(OffPolicy, APerfectModelLeavesDrTheVarianceOfTheContexts) {
  const World world;
  Log log = Simulate(world, 400, 2);
  for (std::size_t i = 0; i < log.rewards.size(); ++i) {
    log.rewards[i] = world.rewards[log.contexts[i] * 4 + log.actions[i]];
    log.predicted.taken[i] = log.rewards[i];
  }
  const OffPolicyEvaluation found = *EvaluateOffPolicy(log.decisions());
  EXPECT_DOUBLE_EQ(found.dr->value, *found.dm);
  EXPECT_LT(found.dr->standard_error, found.ips.standard_error);
}

TEST(OffPolicy, ALongEnoughLogTellsThePoliciesApart) {
  World world;
  world.target.probabilities = {0, 0, 0, 1, 0, 0, 1, 0};
  const OffPolicyEvaluation found = *EvaluateOffPolicy(Simulate(world, 4000, 3).decisions());
  EXPECT_TRUE(found.dr->told());
  EXPECT_GT(found.dr->difference_interval.low, 0);
  EXPECT_LT(found.dr->decisions_to_tell, 4000);
  EXPECT_NEAR(found.mean_weight, 1, 4 * found.mean_weight_error);
}

TEST(OffPolicy, TheSameBytesForAnyNumberOfThreads) {
  const Log log = Simulate(World{}, 300, 4);
  const OffPolicyEvaluation one = *EvaluateOffPolicy(log.decisions(), {}, Parallelism(1));
  const OffPolicyEvaluation seven = *EvaluateOffPolicy(log.decisions(), {}, Parallelism(7));
  EXPECT_EQ(one.ips.interval, seven.ips.interval);
  EXPECT_EQ(one.snips.interval, seven.snips.interval);
  EXPECT_EQ(one.dr->interval, seven.dr->interval);
}

TEST(OffPolicy, RefusesALogWithoutPropensities) {
  Log log = Simulate(World{}, 300, 5);
  log.propensities[7] = std::nan("");
  absl::Status refused = EvaluateOffPolicy(log.decisions()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("propensities[7]: want the probability"));
  log.propensities.clear();
  refused = EvaluateOffPolicy(log.decisions()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("OffPolicy.propensities: want"));
}

TEST(OffPolicy, RefusesAnEffectiveSampleThatIsTooSmall) {
  Log log = Simulate(World{}, 300, 6);
  absl::Status refused = EvaluateOffPolicy(log.decisions(), {.min_effective_sample = 299}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("effective_sample: want at least 299"));
  const double before = log.propensities[7];
  log.propensities[7] = 1e-160;  // whose square is beyond float64
  log.target[7] = 1;
  refused = EvaluateOffPolicy(log.decisions(), {.min_effective_sample = 2}).status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("effective_sample: want at least 2 decisions, got 1 of 300"));
  log.propensities[7] = before;
  log.target.assign(300, 0);
  EXPECT_EQ(EvaluateOffPolicy(log.decisions(), {.min_effective_sample = 0}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(OffPolicy, NamesTheRowOfABadValue) {
  const Log good = Simulate(World{}, 300, 7);
  const auto refusal = [&](auto&& damage) {
    Log log = good;
    damage(log);
    const absl::Status status = EvaluateOffPolicy(log.decisions()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(refusal([&](Log& log) { log.rewards[3] = infinity; }), HasSubstr("rewards[3]"));
  EXPECT_THAT(refusal([&](Log& log) { log.propensities[3] = 0; }), HasSubstr("propensities[3]"));
  EXPECT_THAT(refusal([&](Log& log) { log.propensities[3] = 1.5; }), HasSubstr("propensities[3]"));
  EXPECT_THAT(refusal([&](Log& log) { log.propensities[3] = 1e-320, log.target[3] = 1; }), HasSubstr("finite weight"));
  EXPECT_THAT(refusal([&](Log& log) { log.target[3] = -0.1; }), HasSubstr("target[3]"));
  EXPECT_THAT(refusal([&](Log& log) { log.target.pop_back(); }), HasSubstr("got 300 and 299"));
  EXPECT_THAT(refusal([&](Log& log) { log.predicted.taken[3] = infinity; }), HasSubstr("predicted[3]"));
  EXPECT_THAT(refusal([&](Log& log) { log.predicted.target.clear(); }), HasSubstr("predicted"));
  EXPECT_THAT(refusal([&](Log& log) { log.rewards.resize(1); }), HasSubstr("at least 2"));
  EXPECT_FALSE(EvaluateOffPolicy(good.decisions(), {.weight_bound = 0.5}).ok());
  EXPECT_FALSE(EvaluateOffPolicy(good.decisions(), {.min_effective_sample = std::nan("")}).ok());
}

}  // namespace
}  // namespace waypost
