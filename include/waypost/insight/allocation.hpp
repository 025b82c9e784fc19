// waypost/insight/allocation.hpp - whom to give which incentive within a budget, with a certificate of how good it is.
//
// Objective    Each user gets one of their options or nothing: max sum of values with sum of costs <= B, the
//              multiple-choice knapsack. For a multiplier y >= 0 the dual bound is
//              y B + sum_u max(0, max_j v_uj - y c_uj): no allocation is worth more. It is least at the y at which the
//              options that its users would take just use up the budget.
// Definition   Of a user's options the upper concave hull from (0, 0) counts, steps of value by cost that grow flatter.
//              y is found by bisection over the slopes of all steps, the points where the dual bends; steps steeper
//              than y are taken. What is left of the budget goes to the remaining steps, steepest first, as they fit.
//              Certificate: dual bound - value <= the value of the first step that did not fit.
// Sources      [1] P. Sinha, A. Zoltners, The Multiple-Choice Knapsack Problem, Operations Research 27(3), 1979.
//              [2] H. Everett, Generalized Lagrange Multiplier Method, Operations Research 11(3), 1963.
// Complexity   O(n log n) of n options.
// Numerics     float64. An option that costs nothing is taken by its value alone; one worth nothing is never taken.
// Determinism  Steps of equal slope are taken in the order of users: no random numbers, one thread.
// Checked by   tests/unit/insight_allocation_test.cpp against the search of all allocations of small cases.
#ifndef WAYPOST_INSIGHT_ALLOCATION_HPP_
#define WAYPOST_INSIGHT_ALLOCATION_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

// Something that may be done for a user.
struct Incentive {
  std::uint32_t user = 0;  // 0..user_count-1
  double cost = 0;         // >= 0, finite
  double value = 0;        // what it adds to doing nothing; finite, may be negative
};

struct Allocation {
  std::vector<std::optional<std::size_t>> chosen;  // of each user, as a position in the incentives
  double value = 0;
  double cost = 0;
  double dual_bound = 0;    // no allocation is worth more
  double multiplier = 0;    // y: what a little more budget is worth, by unit
  double largest_step = 0;  // the largest single increment of value; dual_bound - value is at most that

  double gap() const { return std::max(0.0, dual_bound - value); }
};

namespace internal {

// One step along a user's hull.
struct HullStep {
  double slope;
  double cost;
  double value;
  std::uint32_t user;
  std::size_t option;  // that the user has after it
};

// Appends the steps of one user.
//   options  of the user, as positions; reordered.
inline void AppendHull(std::span<const Incentive> incentives, std::span<std::size_t> options,
                       std::vector<HullStep>& steps) {
  std::sort(options.begin(), options.end(), [&](std::size_t a, std::size_t b) {
    const Incentive &left = incentives[a], &right = incentives[b];
    return left.cost != right.cost     ? left.cost < right.cost
           : left.value != right.value ? left.value > right.value
                                       : a < b;
  });
  const std::size_t first = steps.size();
  double cost = 0, value = 0;
  for (const std::size_t option : options) {
    const Incentive& next = incentives[option];
    if (next.value <= value) continue;  // dearer and no better
    const auto step = [&] {
      const double more = next.cost - cost, gain = next.value - value;
      return HullStep{more > 0 ? gain / more : std::numeric_limits<double>::infinity(), more, gain, next.user, option};
    };
    HullStep added = step();
    while (steps.size() > first && steps.back().slope <= added.slope) {  // the step before lies below the hull
      steps.pop_back();
      cost = steps.size() > first ? incentives[steps.back().option].cost : 0;
      value = steps.size() > first ? incentives[steps.back().option].value : 0;
      added = step();
    }
    steps.push_back(added);
    cost = next.cost;
    value = next.value;
  }
}

}  // namespace internal

// Returns an allocation within the budget, and how far it may be from the best.
//
//   incentives  in any order; a user may have none.
//   budget      >= 0, finite.
// Errors        kInvalidArgument: a number outside its range.  kOutOfRange: user.  kResourceExhausted: memory.
inline absl::StatusOr<Allocation> AllocateBudget(std::span<const Incentive> incentives, std::size_t user_count,
                                                 double budget) try {
  if (!(std::isfinite(budget) && budget >= 0))
    return absl::InvalidArgumentError(absl::StrCat("AllocateBudget.budget: want a finite value >= 0, got ", budget));
  for (std::size_t n = 0; n < incentives.size(); ++n) {
    const Incentive& incentive = incentives[n];
    if (incentive.user >= user_count)
      return absl::OutOfRangeError(absl::StrCat("AllocateBudget.incentives[", n, "].user: want less than ", user_count,
                                                ", got ", incentive.user));
    if (!(std::isfinite(incentive.cost) && incentive.cost >= 0))
      return absl::InvalidArgumentError(
          absl::StrCat("AllocateBudget.incentives[", n, "].cost: want a finite value >= 0, got ", incentive.cost));
    if (!std::isfinite(incentive.value))
      return absl::InvalidArgumentError(
          absl::StrCat("AllocateBudget.incentives[", n, "].value: want a finite value, got ", incentive.value));
  }
  std::vector<std::size_t> order(incentives.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return incentives[a].user < incentives[b].user; });
  std::vector<internal::HullStep> steps;
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && incentives[order[end]].user == incentives[order[begin]].user) ++end;
    internal::AppendHull(incentives, std::span(order).subspan(begin, end - begin), steps);
  }
  // Stable: a user's steps are in order, steepest first, and of equal slopes the first user comes first.
  std::stable_sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) { return a.slope > b.slope; });

  Allocation found{.chosen = std::vector<std::optional<std::size_t>>(user_count)};
  std::vector<double> spent(steps.size() + 1, 0);  // by the first steps together; ascends
  for (std::size_t n = 0; n < steps.size(); ++n) {
    spent[n + 1] = spent[n] + steps[n].cost;
    found.largest_step = std::max(found.largest_step, steps[n].value);
  }
  // The multiplier: the slope of the step at which the budget ends.
  const auto fitting =
      static_cast<std::size_t>(std::upper_bound(spent.begin() + 1, spent.end(), budget) - spent.begin() - 1);
  std::vector<char> blocked(user_count, 0);  // a step was left out: later ones start from it
  double dual = 0;                           // of the steps steeper than y
  if (fitting < steps.size()) found.multiplier = steps[fitting].slope;
  for (std::size_t n = 0; n < steps.size(); ++n) {
    const internal::HullStep& step = steps[n];
    if (n < fitting) dual += step.value - found.multiplier * step.cost;
    if (blocked[step.user] != 0 || (n >= fitting && found.cost + step.cost > budget)) {
      blocked[step.user] = 1;
      continue;
    }
    found.cost += step.cost;
    found.value += step.value;
    found.chosen[step.user] = step.option;
  }
  found.dual_bound = std::max(dual + found.multiplier * budget, found.value);
  // The sums of steps round; what was chosen says what it is worth.
  found.value = found.cost = 0;
  for (const std::optional<std::size_t>& option : found.chosen)
    if (option) found.value += incentives[*option].value, found.cost += incentives[*option].cost;
  return found;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("AllocateBudget: want memory for ", incentives.size(), " incentives, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_ALLOCATION_HPP_
