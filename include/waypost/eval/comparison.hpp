// waypost/eval/comparison.hpp - which of several models is best by each metric, and whether the others are worse.
//
// Definition   Per metric the best model has the highest figure (for gini the lowest), the first of equals. Every other
//              model is compared with it over the same users (PairedBootstraps of base/statistics.hpp); the p-values of
//              one metric are adjusted together by Holm's method.
// Deviations   The best is chosen by the same figures, so that its lead is somewhat flattered, the more so the more
//              models there are: a lead that is not significant is none, one that barely is asks for other users.
// Determinism  Models and metrics share the draws; any number of threads gives the same values.
// Checked by   tests/unit/eval_comparison_test.cpp: agreement with single comparisons, planted differences.
#ifndef WAYPOST_EVAL_COMPARISON_HPP_
#define WAYPOST_EVAL_COMPARISON_HPP_

#include <cmath>
#include <cstddef>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"
#include "waypost/eval/evaluation.hpp"

namespace waypost {

// How a model lies to the best one of a metric.
struct LagBehindBest {
  PairedDifference difference;  // this model less the best
  double p_adjusted = 1;        // after Holm's correction over the models of the metric
};

struct MetricComparison {
  std::string name;      // of the metric
  std::size_t best = 0;  // the model, as a position in the evaluations
  // A model each; none for the best itself, and for metrics of all lists together, which have no users' values.
  std::vector<std::optional<LagBehindBest>> lags;
};

namespace internal {

// Users whom no model leaves out by metric `m`.
inline std::vector<std::size_t> UsersOfAll(std::span<const Evaluation* const> evaluations, std::size_t m) {
  std::vector<std::size_t> users;
  for (std::size_t user = 0; user < evaluations.front()->metrics[m].values.size(); ++user) {
    bool defined = true;
    for (const Evaluation* evaluation : evaluations)
      defined = defined && !std::isnan(evaluation->metrics[m].values[user]);
    if (defined) users.push_back(user);
  }
  return users;
}

inline absl::Status CheckSameTest(const Evaluation& first, const Evaluation& other) {
  if (first.users != other.users || first.metrics.size() != other.metrics.size())
    return absl::InvalidArgumentError(absl::StrCat("CompareEvaluations: want evaluations on one test set, got ",
                                                   first.users, " and ", other.users, " users, ", first.metrics.size(),
                                                   " and ", other.metrics.size(), " metrics"));
  if (first.sampled_negatives != other.sampled_negatives)
    return absl::InvalidArgumentError(absl::StrCat("CompareEvaluations: want figures over the same candidates, got ",
                                                   first.sampled_negatives, " and ", other.sampled_negatives,
                                                   " sampled negatives (0: all)"));
  for (std::size_t m = 0; m < first.metrics.size(); ++m)
    if (first.metrics[m].name != other.metrics[m].name)
      return absl::InvalidArgumentError(absl::StrCat("CompareEvaluations: want the same metrics, got ",
                                                     first.metrics[m].name, " and ", other.metrics[m].name));
  return absl::OkStatus();
}

}  // namespace internal

// Compares every model with the best one, metric by metric.
//
//   evaluations  of one test set with one list of metrics, at least one; borrowed for the call.
// Errors         kInvalidArgument: no evaluation, other users or metrics, options.  kResourceExhausted: memory.
// Cost           replicates x users draws a metric, shared by the models.
inline absl::StatusOr<std::vector<MetricComparison>> CompareEvaluations(std::span<const Evaluation* const> evaluations,
                                                                        const BootstrapOptions& options = {},
                                                                        const Parallelism& parallelism = {}) try {
  if (evaluations.empty()) return absl::InvalidArgumentError("CompareEvaluations: want at least 1 evaluation, got 0");
  for (const Evaluation* other : evaluations)
    WAYPOST_RETURN_IF_ERROR(internal::CheckSameTest(*evaluations.front(), *other));
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  std::vector<MetricComparison> comparisons;
  for (std::size_t m = 0; m < evaluations.front()->metrics.size(); ++m) {
    const MetricResult& first = evaluations.front()->metrics[m];
    MetricComparison comparison{.name = first.name, .best = 0, .lags = {}};
    comparison.lags.resize(evaluations.size());
    const double sign = LessIsBetter(first.metric.kind) ? -1 : 1;
    for (std::size_t model = 1; model < evaluations.size(); ++model)
      if (sign * evaluations[model]->metrics[m].mean > sign * evaluations[comparison.best]->metrics[m].mean)
        comparison.best = model;
    const std::vector<std::size_t> users = internal::UsersOfAll(evaluations, m);
    const std::size_t others = evaluations.size() - 1;
    if (others > 0 && !users.empty()) {
      std::vector<double> differences;
      differences.reserve(users.size() * others);
      const std::vector<double>& best = evaluations[comparison.best]->metrics[m].values;
      for (std::size_t user : users)
        for (std::size_t model = 0; model < evaluations.size(); ++model)
          if (model != comparison.best) differences.push_back(evaluations[model]->metrics[m].values[user] - best[user]);
      WAYPOST_ASSIGN_OR_RETURN(const std::vector<PairedDifference> found,
                               PairedBootstraps(differences, others, options, parallelism));
      std::vector<double> p_values;
      for (const PairedDifference& difference : found) p_values.push_back(difference.p_value);
      const std::vector<double> adjusted = HolmAdjusted(p_values);
      for (std::size_t model = 0, n = 0; model < evaluations.size(); ++model) {
        if (model == comparison.best) continue;
        comparison.lags[model] = LagBehindBest{found[n], adjusted[n]};
        ++n;
      }
    }
    comparisons.push_back(std::move(comparison));
  }
  return comparisons;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("CompareEvaluations: want memory for ", evaluations.front()->users, " users, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_COMPARISON_HPP_
