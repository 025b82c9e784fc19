// waypost/eval/off_policy.hpp - what another policy would have earned, from the log of the one that ran.
//
// Definition   Row i of a log is a decision: in context x_i the logging policy took action a_i with probability p_i and
//              earned r_i. The target policy would have taken a_i with probability t_i; w_i = t_i / p_i. q is a model
//              of the reward that was fitted without row i (cross-fitting), q_i its value at a_i, v_i its average over
//              the actions of the target policy at x_i.
//                IPS    mean of w_i r_i                      unbiased where p_i > 0 whenever t_i > 0 [1]
//                SNIPS  sum w_i r_i / sum w_i                less variance, bias of order 1/n [2]
//                DM     mean of v_i                          as good as q; nothing in the log bounds its bias
//                DR     mean of v_i + w_i (r_i - q_i)        unbiased like IPS, less variance the better q is [3]
//              Effective sample size (sum w)^2 / sum w^2. Standard errors are sqrt(sum phi_i^2) / n of the influence
//              phi_i: the term less the estimate; for SNIPS w_i (r_i - V) / mean(w).
//              Intervals: bootstrap (rows are drawn; percentiles) and, for IPS and DR, the empirical Bernstein bound
//              [4], which holds for every n where the weights are bounded as said: with terms in an interval of length
//              b and variance s^2, sqrt(2 s^2 ln(4/a) / n) + 7 b ln(4/a) / (3 (n - 1)) to either side.
//              The difference to the logging policy is estimated on the same rows, with phi_i less that of r_i.
// Sources      [1] D. Horvitz, D. Thompson, JASA 47, 1952. [2] A. Swaminathan, T. Joachims, The Self-Normalized
//              Estimator for Counterfactual Learning, NIPS 2015. [3] M. Dudik, J. Langford, L. Li, Doubly Robust Policy
//              Evaluation and Learning, ICML 2011; cross-fitting: V. Chernozhukov et al., Econometrics Journal 21(1),
//              2018. [4] A. Maurer, M. Pontil, Empirical Bernstein Bounds, COLT 2009, Theorem 4.
// Deviations   Rows are taken as independent: places of one page are not, which widens the truth beyond the intervals.
// Complexity   O(replicates x n).
// Numerics     float64. A log without propensities, or with an effective sample below the limit, is refused: a figure
//              that rests on a few rows looks like any other.
// Determinism  Sums run in row order; each replicate has random numbers of its own: any number of threads.
// Checked by   tests/unit/eval_off_policy_test.cpp: a simulated logging policy with known truth (bias and coverage over
//              1,000 logs); tests/data/off_policy_test.cpp: published figures of the Open Bandit data.
#ifndef WAYPOST_EVAL_OFF_POLICY_HPP_
#define WAYPOST_EVAL_OFF_POLICY_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "waypost/base/normal.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

// The columns of a log, one entry a decision. Borrowed for the call.
struct LoggedDecisions {
  std::span<const double> rewards;                // r, finite
  std::span<const double> propensities;           // p of the action taken, 0 < p <= 1
  std::span<const double> target;                 // t of the action taken, 0..1
  std::span<const double> predicted_taken = {};   // q at the action taken; with predicted_target, or empty
  std::span<const double> predicted_target = {};  // v; empty: no DM, no DR
};

// Options of EvaluateOffPolicy. Aggregate: use designated initializers.
struct OffPolicyOptions {
  // -- behaviour --
  // An effective sample below this is refused.
  double min_effective_sample = 100;
  // The largest weight that the two policies allow, where it is known; otherwise the largest of the log stands for it,
  // and the Bernstein bound is a little too narrow.
  std::optional<double> weight_bound = std::nullopt;
  // -- intervals, and their seed --
  BootstrapOptions bootstrap = {};
};

inline absl::Status Validate(const OffPolicyOptions& options) {
  if (!(options.min_effective_sample >= 0))
    return absl::InvalidArgumentError(
        absl::StrCat("OffPolicyOptions.min_effective_sample: want >= 0, got ", options.min_effective_sample));
  if (options.weight_bound && !(*options.weight_bound > 0))
    return absl::InvalidArgumentError(
        absl::StrCat("OffPolicyOptions.weight_bound: want more than 0, got ", *options.weight_bound));
  return Validate(options.bootstrap);
}

// What an estimator says of the target policy.
struct OffPolicyEstimate {
  double value = 0;
  double standard_error = 0;
  Interval interval = {};                            // bootstrap
  std::optional<Interval> bernstein = std::nullopt;  // IPS and DR
  double difference = 0;                             // to the logging policy's mean reward, on the same rows
  double difference_error = 0;                       // standard error of it
  Interval difference_interval = {};                 // normal
  // Decisions that would tell the policies apart, two-sided at 1 - confidence, with probability 0.8, were the
  // difference what it seems; infinite where it is 0.
  double decisions_to_tell = std::numeric_limits<double>::infinity();

  // Whether the difference is told from 0.
  bool told() const { return difference_interval.low > 0 || difference_interval.high < 0; }
};

struct OffPolicyEvaluation {
  std::uint64_t decisions = 0;
  double logged_value = 0;  // mean reward of the logging policy
  double logged_error = 0;
  double effective_sample = 0;
  double max_weight = 0;
  double mean_weight = 0;  // about 1; else the propensities are wrong, or actions of the target were never taken
  double mean_weight_error = 0;
  OffPolicyEstimate ips = {};
  OffPolicyEstimate snips = {};
  std::optional<double> dm = std::nullopt;  // its error is not known
  std::optional<OffPolicyEstimate> dr = std::nullopt;
};

namespace internal {

inline absl::Status CheckDecisions(const LoggedDecisions& log) {
  const std::size_t n = log.rewards.size();
  if (n < 2) return absl::InvalidArgumentError(absl::StrCat("OffPolicy.rewards: want at least 2 decisions, got ", n));
  if (log.propensities.empty())
    return absl::FailedPreconditionError(
        "OffPolicy.propensities: want the probability of each action that was taken, got none");
  if (log.propensities.size() != n || log.target.size() != n)
    return absl::InvalidArgumentError(absl::StrCat("OffPolicy: want ", n, " propensities and target probabilities, ",
                                                   "got ", log.propensities.size(), " and ", log.target.size()));
  if (log.predicted_taken.size() != log.predicted_target.size() ||
      (!log.predicted_taken.empty() && log.predicted_taken.size() != n))
    return absl::InvalidArgumentError(absl::StrCat("OffPolicy.predicted: want none or ", n, " of each, got ",
                                                   log.predicted_taken.size(), " and ", log.predicted_target.size()));
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(log.rewards[i]))
      return absl::InvalidArgumentError(
          absl::StrCat("OffPolicy.rewards[", i, "]: want a finite value, got ", log.rewards[i]));
    if (std::isnan(log.propensities[i]))
      return absl::FailedPreconditionError(
          absl::StrCat("OffPolicy.propensities[", i, "]: want the probability of the action that was taken, got none"));
    if (!(log.propensities[i] > 0 && log.propensities[i] <= 1))
      return absl::InvalidArgumentError(
          absl::StrCat("OffPolicy.propensities[", i, "]: want a value in (0, 1], got ", log.propensities[i]));
    if (!(log.target[i] >= 0 && log.target[i] <= 1))
      return absl::InvalidArgumentError(
          absl::StrCat("OffPolicy.target[", i, "]: want a value of 0..1, got ", log.target[i]));
    if (!std::isfinite(log.target[i] / log.propensities[i]))
      return absl::InvalidArgumentError(absl::StrCat("OffPolicy.propensities[", i, "]: want a finite weight, got ",
                                                     log.target[i], " / ", log.propensities[i]));
    if (!log.predicted_taken.empty() &&
        !(std::isfinite(log.predicted_taken[i]) && std::isfinite(log.predicted_target[i])))
      return absl::InvalidArgumentError(absl::StrCat("OffPolicy.predicted[", i, "]: want finite values, got ",
                                                     log.predicted_taken[i], " and ", log.predicted_target[i]));
  }
  return absl::OkStatus();
}

// sqrt(sum phi^2) / n.
inline double InfluenceError(std::span<const double> influences) {
  double squares = 0;
  for (double phi : influences) squares += phi * phi;
  return std::sqrt(squares) / static_cast<double>(influences.size());
}

// Fills what follows from the influences alone.
//   influences  of the estimate, less its value; n.
inline void Describe(std::span<const double> influences, std::span<const double> rewards, double logged,
                     double confidence, OffPolicyEstimate& estimate) {
  const auto n = static_cast<double>(rewards.size());
  estimate.standard_error = InfluenceError(influences);
  std::vector<double> beside(influences.begin(), influences.end());
  for (std::size_t i = 0; i < beside.size(); ++i) beside[i] -= rewards[i] - logged;
  estimate.difference = estimate.value - logged;
  estimate.difference_error = InfluenceError(beside);
  const double half = NormalHalfWidth(confidence) * estimate.difference_error;
  estimate.difference_interval = {estimate.difference - half, estimate.difference + half};
  constexpr double kPower = 0.8;
  const double roots = (NormalHalfWidth(confidence) + NormalQuantile(kPower)) * estimate.difference_error;
  if (estimate.difference != 0) estimate.decisions_to_tell = std::ceil(n * std::pow(roots / estimate.difference, 2));
}

// The empirical Bernstein interval of terms that lie in an interval of length `range`.
inline Interval BernsteinInterval(double mean, double standard_error, double range, double n, double confidence) {
  const double level = std::log(4 / (1 - confidence));
  const double half =
      standard_error * std::sqrt(n / (n - 1)) * std::sqrt(2 * level) + 7 * range * level / (3 * (n - 1));
  return {mean - half, mean + half};
}

// The bootstrap intervals of IPS, SNIPS and DR, of the same draws.
//   terms  n x columns: w, w r and, where there is one, the term of DR.
inline std::vector<Interval> BootstrapPolicies(std::span<const double> terms, std::size_t columns,
                                               const BootstrapOptions& options, const Parallelism& parallelism) {
  const auto replicates = static_cast<std::size_t>(options.replicates);
  std::vector<double> means(columns * replicates);
  ForEachBlock(parallelism, replicates, kReplicatesTogether, [&](std::size_t begin, std::size_t end, std::size_t) {
    ReplicateMeans(terms, columns, options.seed, begin, end, means);
  });
  std::vector<std::vector<double>> values(columns, std::vector<double>(replicates));  // IPS, SNIPS, DR
  for (std::size_t b = 0; b < replicates; ++b) {
    const double weight = means[b], weighted = means[replicates + b];
    values[0][b] = weighted;
    values[1][b] = weight > 0 ? weighted / weight : 0;
    if (columns > 2) values[2][b] = means[2 * replicates + b];
  }
  std::vector<Interval> intervals;
  for (std::vector<double>& column : values) {
    std::sort(column.begin(), column.end());
    intervals.push_back(PercentileInterval(column, options.confidence));
  }
  return intervals;
}

}  // namespace internal

// Returns what the target policy would have earned a decision.
//
//   log    at least two decisions.
// Errors   kInvalidArgument: a value outside its range, options.  kFailedPrecondition: no propensities, or an effective
//          sample below the limit.  kResourceExhausted: memory.
inline absl::StatusOr<OffPolicyEvaluation> EvaluateOffPolicy(const LoggedDecisions& log,
                                                             const OffPolicyOptions& options = {},
                                                             const Parallelism& parallelism = {}) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(internal::CheckDecisions(log));
  const std::size_t n = log.rewards.size();
  const auto count = static_cast<double>(n);
  const bool modelled = !log.predicted_taken.empty();
  const std::size_t columns = modelled ? 3 : 2;
  const double confidence = options.bootstrap.confidence;
  OffPolicyEvaluation found{.decisions = n, .logged_value = Mean(log.rewards)};

  std::vector<double> terms(n * columns);
  double weights = 0, weighted = 0, robust = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double w = log.target[i] / log.propensities[i];
    terms[i * columns] = w;
    terms[i * columns + 1] = w * log.rewards[i];
    weights += w;
    weighted += w * log.rewards[i];
    found.max_weight = std::max(found.max_weight, w);
    if (modelled)
      robust += terms[i * columns + 2] = log.predicted_target[i] + w * (log.rewards[i] - log.predicted_taken[i]);
  }
  double shares = 0, squares = 0;  // of the largest weight: the squares of weights themselves may overflow
  for (std::size_t i = 0; i < n && found.max_weight > 0; ++i) {
    const double share = terms[i * columns] / found.max_weight;
    shares += share;
    squares += share * share;
  }
  found.effective_sample = squares > 0 ? shares * shares / squares : 0;
  if (!(found.effective_sample >= options.min_effective_sample) || weights == 0)
    return absl::FailedPreconditionError(absl::StrCat(
        "OffPolicy.effective_sample: want at least ", std::max(options.min_effective_sample, 1.0), " decisions, got ",
        found.effective_sample, " of ", n, ": the target policy hardly ever does what the log shows"));
  if (options.weight_bound && found.max_weight > *options.weight_bound)
    return absl::InvalidArgumentError(absl::StrCat("OffPolicyOptions.weight_bound: want at least the largest weight, ",
                                                   found.max_weight, ", got ", *options.weight_bound));
  found.mean_weight = weights / count;
  found.ips.value = weighted / count;
  found.snips.value = weighted / weights;

  std::vector<double> influences(n);
  const auto influence = [&](auto&& term) {
    for (std::size_t i = 0; i < n; ++i) influences[i] = term(i);
    return std::span<const double>(influences);
  };
  found.logged_error =
      internal::InfluenceError(influence([&](std::size_t i) { return log.rewards[i] - found.logged_value; }));
  found.mean_weight_error =
      internal::InfluenceError(influence([&](std::size_t i) { return terms[i * columns] - found.mean_weight; }));
  internal::Describe(influence([&](std::size_t i) { return terms[i * columns + 1] - found.ips.value; }), log.rewards,
                     found.logged_value, confidence, found.ips);
  internal::Describe(influence([&](std::size_t i) {
                       return terms[i * columns] * (log.rewards[i] - found.snips.value) / found.mean_weight;
                     }),
                     log.rewards, found.logged_value, confidence, found.snips);
  const double bound = options.weight_bound.value_or(found.max_weight);
  const auto [least, most] = std::minmax_element(log.rewards.begin(), log.rewards.end());
  found.ips.bernstein =
      internal::BernsteinInterval(found.ips.value, found.ips.standard_error,
                                  bound * (std::max(*most, 0.0) - std::min(*least, 0.0)), count, confidence);
  if (modelled) {
    found.dm = Mean(log.predicted_target);
    OffPolicyEstimate& dr = found.dr.emplace();
    dr.value = robust / count;
    internal::Describe(influence([&](std::size_t i) { return terms[i * columns + 2] - dr.value; }), log.rewards,
                       found.logged_value, confidence, dr);
    double low = 0, high = 0, lowest = log.predicted_target[0], highest = log.predicted_target[0];
    for (std::size_t i = 0; i < n; ++i) {
      lowest = std::min(lowest, log.predicted_target[i]);
      highest = std::max(highest, log.predicted_target[i]);
      low = std::min(low, *least - log.predicted_taken[i]);
      high = std::max(high, *most - log.predicted_taken[i]);
    }
    dr.bernstein = internal::BernsteinInterval(dr.value, dr.standard_error, highest - lowest + bound * (high - low),
                                               count, confidence);
  }
  const std::vector<Interval> intervals = internal::BootstrapPolicies(terms, columns, options.bootstrap, parallelism);
  found.ips.interval = intervals[0];
  found.snips.interval = intervals[1];
  if (modelled) found.dr->interval = intervals[2];
  return found;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("EvaluateOffPolicy: want memory for ", log.rewards.size(), " decisions, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_OFF_POLICY_HPP_
