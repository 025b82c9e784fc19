// waypost/insight/strategy.hpp - what an operating strategy is worth: learners who stay and pay, beside a baseline.
//
// Definition   For a learner u over periods 1..T with h_t = P(leaves in t | there before), q_t = P(pays in t | there):
//                S(t)      = (1 - h_1) ... (1 - h_t), the chance of being there after t;
//                tau_u     = S(T), retained;
//                pi_u      = 1 - (1 - q_1) ... (1 - q_T), pays at least once if retained;
//                payments  = sum_t S(t-1) q_t, how many are expected (it may exceed 1: no probability);
//                amount    = sum_t S(t-1) q_t m_t d^t, their worth with amounts m_t and a discount d a period.
//              The value of a strategy is the average over its learners of tau_u pi_u. It is not the product of the
//              averages: the difference is the covariance of tau_u and pi_u, positive where those stay who pay.
//              A value p of n learners is compared with a baseline's by the likelihood-ratio statistic and bounded from
//              below by a Kullback-Leibler bound, as base/bernoulli_kl.hpp defines them. Candidates are ordered by
//              value. They are never ordered by divergence, which is large for ruin too.
// Sources      [1] P. Fader, B. Hardie, How to Project Customer Retention, J. Interactive Marketing 21(1), 2007 (S(t)
//              from period hazards). [2] A. Garivier, O. Cappe, COLT 2011 (bounds).
// Numerics     Where tau_u pi_u are probabilities instead of outcomes, their variance is below that of outcomes of the
//              same mean, so that G and the bounds err towards "not told apart".
// Deviations   A product of ratios (1 - P_t) / (1 - P_(t-1)) with hazards P telescopes and forgets every period but the
//              last; with cumulative probabilities it is S(T). HazardsFromCumulative takes those by that name.
// Complexity   O(T) a learner, O(learners x replicates) for intervals.
// Determinism  Sums run in the order of the learners; the bootstrap is that of base/statistics.hpp.
// Checked by   tests/unit/insight_strategy_test.cpp: a simulation of learners period by period, published divergences,
//              the order of three strategies whatever the number of learners.
#ifndef WAYPOST_INSIGHT_STRATEGY_HPP_
#define WAYPOST_INSIGHT_STRATEGY_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <new>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "waypost/base/bernoulli_kl.hpp"
#include "waypost/base/normal.hpp"
#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

namespace internal {

inline absl::Status CheckProbabilities(std::string_view what, std::span<const double> values) {
  for (std::size_t n = 0; n < values.size(); ++n)
    if (!(values[n] >= 0 && values[n] <= 1))
      return absl::InvalidArgumentError(
          absl::StrCat(ToAbsl(what), "[", n, "]: want a probability of 0..1, got ", values[n]));
  return absl::OkStatus();
}

}  // namespace internal

// Returns h_t of a learner whose chance of having left by the end of period t is cumulative[t]; 0 once all is lost.
// Errors  kInvalidArgument: a value that is no probability, or that decreases.
inline absl::StatusOr<std::vector<double>> HazardsFromCumulative(std::span<const double> cumulative) {
  WAYPOST_RETURN_IF_ERROR(internal::CheckProbabilities("HazardsFromCumulative.cumulative", cumulative));
  std::vector<double> hazards;
  double before = 0;
  for (std::size_t t = 0; t < cumulative.size(); ++t) {
    if (cumulative[t] < before)
      return absl::InvalidArgumentError(absl::StrCat("HazardsFromCumulative.cumulative[", t,
                                                     "]: want at least the value before, ", before, ", got ",
                                                     cumulative[t]));
    hazards.push_back(before == 1 ? 0 : (cumulative[t] - before) / (1 - before));
    before = cumulative[t];
  }
  return hazards;
}

// What is to be expected of one learner.
struct Prospect {
  double retained = 1;           // tau
  double pays = 0;               // pi
  double expected_payments = 0;  // a count
  double expected_amount = 0;    // in the unit of the amounts
};

// Returns the prospect of a learner.
//
//   leave     h_t, T probabilities.
//   pay       q_t, T probabilities.
//   amounts   m_t, finite; empty: 1 each.
//   discount  d of a period, 0 < d <= 1.
// Errors      kInvalidArgument: lists of different lengths, a value outside its range.
inline absl::StatusOr<Prospect> ProspectOf(std::span<const double> leave, std::span<const double> pay,
                                           std::span<const double> amounts = {}, double discount = 1) {
  if (leave.size() != pay.size() || (!amounts.empty() && amounts.size() != pay.size()))
    return absl::InvalidArgumentError(absl::StrCat("ProspectOf: want lists of as many periods, got ", leave.size(),
                                                   ", ", pay.size(), " and ", amounts.size()));
  if (!(discount > 0 && discount <= 1))
    return absl::InvalidArgumentError(absl::StrCat("ProspectOf.discount: want a value in (0, 1], got ", discount));
  WAYPOST_RETURN_IF_ERROR(internal::CheckProbabilities("ProspectOf.leave", leave));
  WAYPOST_RETURN_IF_ERROR(internal::CheckProbabilities("ProspectOf.pay", pay));
  Prospect prospect;
  double never_pays = 1;
  double weight = 1;
  for (std::size_t t = 0; t < leave.size(); ++t) {
    const double amount = amounts.empty() ? 1 : amounts[t];
    if (!std::isfinite(amount))
      return absl::InvalidArgumentError(absl::StrCat("ProspectOf.amounts[", t, "]: want a finite value, got ", amount));
    weight *= discount;
    prospect.expected_payments += prospect.retained * pay[t];
    prospect.expected_amount += prospect.retained * pay[t] * amount * weight;
    prospect.retained *= 1 - leave[t];
    never_pays *= 1 - pay[t];
  }
  prospect.pays = 1 - never_pays;
  return prospect;
}

// What a strategy is worth.
struct StrategyValue {
  double retention = 0;  // average of tau_u
  double payment = 0;    // average of pi_u
  double value = 0;      // average of tau_u pi_u
  // Learners behind it; none: the figures are taken as known exactly.
  std::optional<double> users = std::nullopt;
  // Over the learners (bootstrap); none where only the averages are known.
  std::optional<Interval> interval = std::nullopt;

  // What the product of the averages leaves out: the covariance of tau_u and pi_u.
  double covariance() const { return value - retention * payment; }
};

// Returns the value of a strategy of which the averages alone are known: tau and pi are taken as uncorrelated.
//   users  learners behind the averages, more than 0; none: known exactly.
// Errors   kInvalidArgument: a rate outside 0..1, users.
inline absl::StatusOr<StrategyValue> ValueOfRates(double retention, double payment,
                                                  std::optional<double> users = std::nullopt) {
  const double rates[] = {retention, payment};
  WAYPOST_RETURN_IF_ERROR(internal::CheckProbabilities("ValueOfRates.rates", rates));
  if (users && !(std::isfinite(*users) && *users > 0))
    return absl::InvalidArgumentError(absl::StrCat("ValueOfRates.users: want more than 0, got ", *users));
  return StrategyValue{.retention = retention, .payment = payment, .value = retention * payment, .users = users};
}

// Returns the value of a strategy from its learners.
//
//   retained, pays  tau_u and pi_u, as many, at least one learner. Outcomes, 0 or 1, are such probabilities too.
// Errors            kInvalidArgument: no learner, different lengths, a value outside 0..1, options. kResourceExhausted:
//                   memory.
inline absl::StatusOr<StrategyValue> ValueOfUsers(std::span<const double> retained, std::span<const double> pays,
                                                  const BootstrapOptions& options = {},
                                                  const Parallelism& parallelism = {}) try {
  if (retained.empty() || retained.size() != pays.size())
    return absl::InvalidArgumentError(absl::StrCat("ValueOfUsers: want tau and pi of at least 1 learner, got ",
                                                   retained.size(), " and ", pays.size()));
  WAYPOST_RETURN_IF_ERROR(internal::CheckProbabilities("ValueOfUsers.retained", retained));
  WAYPOST_RETURN_IF_ERROR(internal::CheckProbabilities("ValueOfUsers.pays", pays));
  std::vector<double> products(retained.size());
  for (std::size_t u = 0; u < products.size(); ++u) products[u] = retained[u] * pays[u];
  StrategyValue value{.retention = Mean(retained), .payment = Mean(pays), .value = Mean(products)};
  value.users = static_cast<double>(products.size());
  WAYPOST_ASSIGN_OR_RETURN(value.interval, BootstrapMean(products, options, parallelism));
  return value;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("ValueOfUsers: want memory for ", retained.size(), " learners, got none"));
}

// Options of CompareWithBaseline and RankStrategies. Aggregate: use designated initializers.
struct StrategyOptions {
  double confidence = 0.95;  // of bounds and verdicts, in (0, 1)
  double power = 0.8;        // of the sample size, in [0.5, 1)
};

inline absl::Status Validate(const StrategyOptions& options) {
  if (!(options.confidence > 0 && options.confidence < 1))
    return absl::InvalidArgumentError(
        absl::StrCat("StrategyOptions.confidence: want a value between 0 and 1, got ", options.confidence));
  if (!(options.power >= 0.5 && options.power < 1))
    return absl::InvalidArgumentError(
        absl::StrCat("StrategyOptions.power: want a value in [0.5, 1), got ", options.power));
  return absl::OkStatus();
}

enum class Verdict { kBetter, kWorse, kNotTold };

// How a strategy lies to the baseline. What needs a number of learners is empty where there is none.
struct BaselineComparison {
  double difference = 0;                             // of the values; times 1000: paying learners more per 1000
  double signed_kl = 0;                              // nats, positive above the baseline
  double kl_retention = 0;                           // the part of the joint divergence that retention brings, and
  double kl_payment = 0;                             // that of payment among the retained: their sum by the chain rule
  std::optional<double> g = std::nullopt;            // likelihood-ratio statistic
  std::optional<double> signed_root = std::nullopt;  // of g, about standard normal when nothing differs
  std::optional<double> p_value = std::nullopt;      // two-sided
  double users_for_power = std::numeric_limits<double>::infinity();  // of a trial that tells them apart
  Verdict verdict = Verdict::kNotTold;
};

// Returns how `candidate` lies to `baseline`: against a known rate where the baseline has no number of learners, as two
// samples where it has one.
// Requires  values as ValueOfRates and ValueOfUsers give them.
// Errors    kInvalidArgument: options.
inline absl::StatusOr<BaselineComparison> CompareWithBaseline(const StrategyValue& candidate,
                                                              const StrategyValue& baseline,
                                                              const StrategyOptions& options = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  const double p = candidate.value, q = baseline.value;
  BaselineComparison found{.difference = p - q, .signed_kl = SignedBernoulliKl(p, q)};
  found.kl_retention = BernoulliKl(candidate.retention, baseline.retention);
  // P(pays | retained) of each; without anyone retained it moves nothing.
  const auto paying = [](const StrategyValue& value) {
    return value.retention > 0 ? std::min(1.0, value.value / value.retention) : 0;
  };
  if (candidate.retention > 0)
    found.kl_payment = candidate.retention * BernoulliKl(paying(candidate), paying(baseline));
  const bool one_sample = !baseline.users.has_value();
  found.users_for_power = one_sample ? TrialsForPower(p, q, options.confidence, options.power)
                                     : TrialsForPowerOfTwo(p, q, options.confidence, options.power);
  if (!candidate.users) return found;
  const double n = *candidate.users;
  if (one_sample) {
    found.g = 2 * n * BernoulliKl(p, q);
  } else {
    const double pooled = (n * p + *baseline.users * q) / (n + *baseline.users);
    found.g = 2 * (n * BernoulliKl(p, pooled) + *baseline.users * BernoulliKl(q, pooled));
  }
  found.signed_root = (p < q ? -1 : 1) * std::sqrt(*found.g);
  found.p_value = ChiSquaredOneTail(*found.g);
  if (*found.p_value < 1 - options.confidence) found.verdict = p < q ? Verdict::kWorse : Verdict::kBetter;
  return found;
}

// The order of strategies.
struct StrategyRanking {
  std::vector<std::size_t> order;  // positions, highest value first; of equal values the first given
  // Kullback-Leibler bounds of each value by position, the value itself where no number of learners is known. Each
  // side fails with probability (1 - confidence) / 2 at most.
  std::vector<Interval> bounds;
  std::size_t safest = 0;  // the position of the highest lower bound: the choice that promises most
};

// Returns the order of strategies.
//   strategies  at least one, as ValueOfRates and ValueOfUsers give them.
// Errors        kInvalidArgument: none, options.
inline absl::StatusOr<StrategyRanking> RankStrategies(std::span<const StrategyValue> strategies,
                                                      const StrategyOptions& options = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  if (strategies.empty()) return absl::InvalidArgumentError("RankStrategies.strategies: want at least 1, got 0");
  StrategyRanking ranking;
  ranking.order.resize(strategies.size());
  std::iota(ranking.order.begin(), ranking.order.end(), std::size_t{0});
  std::stable_sort(ranking.order.begin(), ranking.order.end(),
                   [&](std::size_t a, std::size_t b) { return strategies[a].value > strategies[b].value; });
  for (const StrategyValue& strategy : strategies)
    ranking.bounds.push_back(strategy.users
                                 ? BernoulliKlBounds(strategy.value, *strategy.users, (1 - options.confidence) / 2)
                                 : Interval{strategy.value, strategy.value});
  for (std::size_t n : ranking.order)
    if (ranking.bounds[n].low > ranking.bounds[ranking.safest].low ||
        (n == ranking.order.front() && ranking.bounds[n].low == ranking.bounds[ranking.safest].low))
      ranking.safest = n;
  return ranking;
}

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_STRATEGY_HPP_
