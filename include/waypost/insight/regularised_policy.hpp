// waypost/insight/regularised_policy.hpp - how to share learners among actions: better ones more often, without leaving
// what is known to work.
//
// Objective    max over pi of sum_a pi(a) v(a) - beta KL(pi || pi0), with values v and the shares pi0 of today.
//              Its solution is pi(a) = pi0(a) exp(v(a) / beta) / Z; the maximum is beta ln Z,
//              Z = sum_a pi0(a) exp(v(a) / beta). beta = 0 is the best of the actions in use, beta = infinity is pi0.
//              KL(pi || pi0) falls as beta grows, so that a budget of divergence (nats) fixes beta.
// Sources      [1] J. Peters, K. Mulling, Y. Altun, Relative Entropy Policy Search, AAAI 2010.
//              [2] E. Todorov, Linearly-solvable Markov Decision Problems, NIPS 2006.
// Numerics     Exponents are taken from the largest value of an action in use, so that none overflows. An action with
//              pi0 = 0 keeps 0.
// Checked by   tests/unit/insight_regularised_policy_test.cpp: published values, the identity of the maximum, no other
//              policy does better, budgets are met.
#ifndef WAYPOST_INSIGHT_REGULARISED_POLICY_HPP_
#define WAYPOST_INSIGHT_REGULARISED_POLICY_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

struct RegularisedPolicy {
  std::vector<double> shares;  // pi, sums to 1
  double expected = 0;         // sum_a pi(a) v(a)
  double kl = 0;               // KL(pi || pi0), nats
  double objective = 0;        // expected - beta kl; expected for an infinite beta, where kl is 0
  double beta = 0;
};

namespace internal {

inline absl::Status CheckPolicy(std::span<const double> prior, std::span<const double> values) {
  if (prior.empty() || prior.size() != values.size())
    return absl::InvalidArgumentError(absl::StrCat("RegularisedPolicy: want a share and a value of at least 1 action, ",
                                                   "got ", prior.size(), " and ", values.size()));
  double sum = 0;
  for (std::size_t a = 0; a < prior.size(); ++a) {
    if (!(prior[a] >= 0 && prior[a] <= 1))
      return absl::InvalidArgumentError(
          absl::StrCat("RegularisedPolicy.prior[", a, "]: want a share of 0..1, got ", prior[a]));
    if (!std::isfinite(values[a]))
      return absl::InvalidArgumentError(
          absl::StrCat("RegularisedPolicy.values[", a, "]: want a finite value, got ", values[a]));
    sum += prior[a];
  }
  if (std::abs(sum - 1) > 1e-6)
    return absl::InvalidArgumentError(absl::StrCat("RegularisedPolicy.prior: want shares that sum to 1, got ", sum));
  return absl::OkStatus();
}

// Requires  CheckPolicy holds; beta >= 0, infinite allowed.
inline RegularisedPolicy SolvePolicy(std::span<const double> prior, std::span<const double> values, double beta) {
  double best = -std::numeric_limits<double>::infinity();
  for (std::size_t a = 0; a < prior.size(); ++a)
    if (prior[a] > 0 && values[a] > best) best = values[a];
  RegularisedPolicy policy{.shares = std::vector<double>(prior.size()), .beta = beta};
  std::vector<double> exponents(prior.size());  // ln(pi / pi0) but for the norm
  double norm = 0, total = 0;
  for (std::size_t a = 0; a < prior.size(); ++a) {
    total += prior[a];  // 1 but for rounding in what was given
    exponents[a] = values[a] == best ? 0 : (values[a] - best) / beta;
    if (prior[a] > 0) norm += policy.shares[a] = prior[a] * std::exp(exponents[a]);
  }
  for (std::size_t a = 0; a < prior.size(); ++a) {
    policy.shares[a] /= norm;
    if (policy.shares[a] == 0) continue;
    policy.expected += policy.shares[a] * values[a];
    policy.kl += policy.shares[a] * (exponents[a] - std::log(norm / total));
  }
  policy.kl = std::max(policy.kl, 0.0);
  policy.objective = std::isinf(beta) ? policy.expected : policy.expected - beta * policy.kl;
  return policy;
}

}  // namespace internal

// Returns the policy of a given beta.
//
//   prior   pi0, shares that sum to 1.
//   values  v, finite, in the unit of beta.
//   beta    >= 0; infinity gives pi0.
// Errors    kInvalidArgument.
inline absl::StatusOr<RegularisedPolicy> RegularisePolicy(std::span<const double> prior, std::span<const double> values,
                                                          double beta) {
  WAYPOST_RETURN_IF_ERROR(internal::CheckPolicy(prior, values));
  if (!(beta >= 0)) return absl::InvalidArgumentError(absl::StrCat("RegularisePolicy.beta: want >= 0, got ", beta));
  return internal::SolvePolicy(prior, values, beta);
}

// Returns the best policy whose divergence from pi0 is `kl_budget` at most: that of the smallest beta that keeps it.
//
//   kl_budget  nats, >= 0; 0 gives pi0, ln(1 / share of the best) and more the best action alone.
// Errors       kInvalidArgument.
// Cost         some 60 policies.
inline absl::StatusOr<RegularisedPolicy> RegularisePolicyToBudget(std::span<const double> prior,
                                                                  std::span<const double> values, double kl_budget) {
  WAYPOST_RETURN_IF_ERROR(internal::CheckPolicy(prior, values));
  if (!(kl_budget >= 0))
    return absl::InvalidArgumentError(absl::StrCat("RegularisePolicyToBudget.kl_budget: want >= 0, got ", kl_budget));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (kl_budget == 0) return internal::SolvePolicy(prior, values, kInfinity);
  RegularisedPolicy kept = internal::SolvePolicy(prior, values, 0);
  if (kept.kl <= kl_budget) return kept;
  double spread = 0;
  for (std::size_t a = 0; a < prior.size(); ++a)
    for (std::size_t b = 0; b < prior.size(); ++b)
      if (prior[a] > 0 && prior[b] > 0) spread = std::max(spread, values[a] - values[b]);
  double low = 0, high = spread;  // KL is above the budget at low and within it at high
  kept = internal::SolvePolicy(prior, values, high);
  while (kept.kl > kl_budget && high < kInfinity) {
    low = high;
    kept = internal::SolvePolicy(prior, values, high *= 2);
  }
  for (int step = 0; step < 200; ++step) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    RegularisedPolicy policy = internal::SolvePolicy(prior, values, middle);
    if (policy.kl > kl_budget) {
      low = middle;
    } else {
      high = middle;
      kept = std::move(policy);
    }
  }
  return kept;
}

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_REGULARISED_POLICY_HPP_
