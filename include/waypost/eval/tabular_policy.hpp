// waypost/eval/tabular_policy.hpp - policies and rewards of numbered actions in numbered contexts, for off-policy
// evaluation.
//
// Definition   The frequency policy of a log takes action a in context x with the share that a has among its rows of x.
//              The reward of (x, a) is modelled by means that shrink towards those above: with sums S and counts N over
//              the rows outside the fold, q_a = (S_a + m S/N) / (N_a + m) and q(x, a) = (S_xa + m q_a) / (N_xa + m).
//              A row's own fold is left out of the model that predicts it (cross-fitting).
// Complexity   O(n + folds x contexts x actions) time and memory.
// Determinism  The fold of a row depends on the seed and its number alone.
// Checked by   tests/unit/eval_tabular_policy_test.cpp: a naive fit for each fold; a row's reward does not touch its
//              own prediction.
#ifndef WAYPOST_EVAL_TABULAR_POLICY_HPP_
#define WAYPOST_EVAL_TABULAR_POLICY_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

#include "waypost/base/random.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

// The decisions of a log by number. Borrowed for the call.
struct TabularDecisions {
  std::span<const std::uint32_t> contexts;  // x, below context_count
  std::span<const std::uint32_t> actions;   // a, below action_count; as many
  std::size_t context_count = 0;
  std::size_t action_count = 0;
};

// The probabilities of actions by context.
struct TabularPolicy {
  std::size_t context_count = 0;
  std::size_t action_count = 0;
  std::vector<double> probabilities;  // context_count x action_count, row-major; a row sums to 1, or is all 0: unknown

  double at(std::uint32_t context, std::uint32_t action) const {
    return probabilities[context * action_count + action];
  }
};

namespace internal {

inline constexpr std::size_t kMaxPolicyCells = std::size_t{1} << 26;  // of tables over contexts, actions and folds

inline absl::Status CheckTabular(const TabularDecisions& log, std::size_t tables) {
  if (log.contexts.size() != log.actions.size())
    return absl::InvalidArgumentError(absl::StrCat("TabularDecisions: want as many contexts as actions, got ",
                                                   log.contexts.size(), " and ", log.actions.size()));
  if (log.context_count == 0 || log.action_count == 0 ||
      log.context_count > kMaxPolicyCells / log.action_count / tables)
    return absl::ResourceExhaustedError(absl::StrCat("TabularDecisions: want 1..", kMaxPolicyCells / tables,
                                                     " pairs of context and action, got ", log.context_count, " x ",
                                                     log.action_count));
  for (std::size_t i = 0; i < log.contexts.size(); ++i)
    if (log.contexts[i] >= log.context_count || log.actions[i] >= log.action_count)
      return absl::OutOfRangeError(absl::StrCat("TabularDecisions[", i, "]: want context below ", log.context_count,
                                                " and action below ", log.action_count, ", got ", log.contexts[i],
                                                " and ", log.actions[i]));
  return absl::OkStatus();
}

}  // namespace internal

// Returns the frequencies of a log as a policy; a context without rows is unknown.
// Errors  kInvalidArgument, kOutOfRange: the log.  kResourceExhausted: 2^26 pairs and more, memory.
inline absl::StatusOr<TabularPolicy> FrequencyPolicy(const TabularDecisions& log) try {
  WAYPOST_RETURN_IF_ERROR(internal::CheckTabular(log, 1));
  TabularPolicy policy{log.context_count, log.action_count, std::vector<double>(log.context_count * log.action_count)};
  std::vector<double> rows(log.context_count);
  for (std::size_t i = 0; i < log.contexts.size(); ++i) {
    ++policy.probabilities[log.contexts[i] * log.action_count + log.actions[i]];
    ++rows[log.contexts[i]];
  }
  for (std::size_t x = 0; x < log.context_count; ++x)
    for (std::size_t a = 0; rows[x] > 0 && a < log.action_count; ++a)
      policy.probabilities[x * log.action_count + a] /= rows[x];
  return policy;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("FrequencyPolicy: want memory, got none");
}

// Options of CrossFitMeans. Aggregate: use designated initializers.
struct CrossFitOptions {
  int folds = 5;            // 2..100
  double prior_count = 10;  // m, rows that the mean above counts for; >= 0
  std::uint64_t seed = 42;
};

inline absl::Status Validate(const CrossFitOptions& options) {
  if (options.folds < 2 || options.folds > 100)
    return absl::InvalidArgumentError(absl::StrCat("CrossFitOptions.folds: want 2..100, got ", options.folds));
  if (!(std::isfinite(options.prior_count) && options.prior_count >= 0))
    return absl::InvalidArgumentError(
        absl::StrCat("CrossFitOptions.prior_count: want a finite value >= 0, got ", options.prior_count));
  return absl::OkStatus();
}

// The fold of a row.
inline std::size_t CrossFitFold(std::size_t row, const CrossFitOptions& options) {
  return Random(options.seed, row).Below(static_cast<std::uint64_t>(options.folds));
}

// What the model says of each row, fitted without the row's fold.
struct RewardPredictions {
  std::vector<double> taken;   // q(x, a) of the action taken
  std::vector<double> target;  // sum_a pi(a | x) q(x, a)
};

// Returns cross-fitted predictions of the rewards of a log.
//
//   rewards  finite, one a decision.
//   target   the policy, of as many contexts and actions.
// Errors     kInvalidArgument, kOutOfRange: the log, the policy's shape, options.  kResourceExhausted: the size of the
//            tables, memory.
inline absl::StatusOr<RewardPredictions> CrossFitMeans(const TabularDecisions& log, std::span<const double> rewards,
                                                       const TabularPolicy& target,
                                                       const CrossFitOptions& options = {}) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  const auto folds = static_cast<std::size_t>(options.folds);
  WAYPOST_RETURN_IF_ERROR(internal::CheckTabular(log, folds));
  if (rewards.size() != log.actions.size() || target.context_count != log.context_count ||
      target.action_count != log.action_count || target.probabilities.size() != log.context_count * log.action_count)
    return absl::InvalidArgumentError(absl::StrCat(
        "CrossFitMeans: want ", log.actions.size(), " rewards and a policy of ", log.context_count, " x ",
        log.action_count, ", got ", rewards.size(), " and ", target.context_count, " x ", target.action_count));
  const std::size_t actions = log.action_count, cells = log.context_count * actions;
  struct Sum {
    double rewards = 0;
    double rows = 0;

    void Add(const Sum& other) { rewards += other.rewards, rows += other.rows; }
    double Shrunk(double mean, double prior) const {
      return rows + prior > 0 ? (rewards + prior * mean) / (rows + prior) : mean;
    }
  };
  std::vector<Sum> by_fold(folds * cells);
  for (std::size_t i = 0; i < rewards.size(); ++i)
    by_fold[CrossFitFold(i, options) * cells + log.contexts[i] * actions + log.actions[i]].Add({rewards[i], 1});

  RewardPredictions predictions{std::vector<double>(rewards.size()), std::vector<double>(rewards.size())};
  std::vector<double> q(cells), v(log.context_count);
  for (std::size_t left_out = 0; left_out < folds; ++left_out) {
    std::vector<Sum> fitted(cells), of_action(actions);
    Sum all;
    for (std::size_t fold = 0; fold < folds; ++fold)  // sums of the others: a difference would keep the row's rounding
      for (std::size_t cell = 0; fold != left_out && cell < cells; ++cell)
        fitted[cell].Add(by_fold[fold * cells + cell]);
    for (std::size_t cell = 0; cell < cells; ++cell) {
      of_action[cell % actions].Add(fitted[cell]);
      all.Add(fitted[cell]);
    }
    const double mean = all.Shrunk(0, 0);
    for (std::size_t cell = 0; cell < cells; ++cell)
      q[cell] = fitted[cell].Shrunk(of_action[cell % actions].Shrunk(mean, options.prior_count), options.prior_count);
    for (std::size_t x = 0; x < log.context_count; ++x) {
      v[x] = 0;
      for (std::size_t a = 0; a < actions; ++a) v[x] += target.probabilities[x * actions + a] * q[x * actions + a];
    }
    for (std::size_t i = 0; i < rewards.size(); ++i) {
      if (CrossFitFold(i, options) != left_out) continue;
      predictions.taken[i] = q[log.contexts[i] * actions + log.actions[i]];
      predictions.target[i] = v[log.contexts[i]];
    }
  }
  return predictions;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("CrossFitMeans: want memory, got none");
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_TABULAR_POLICY_HPP_
