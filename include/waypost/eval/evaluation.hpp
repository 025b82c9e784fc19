// waypost/eval/evaluation.hpp - what an evaluation gives: a figure for each metric, its interval, the users' values.
//
// Definition   The mean over the users whom the metric does not leave out, with a percentile bootstrap interval over
//              them (base/statistics.hpp); coverage and gini are figures of all lists together, rmse and mae of all
//              ratings, and have none.
// Determinism  Sums over users are taken in their order.
// Checked by   tests/unit/eval_evaluate_test.cpp.
#ifndef WAYPOST_EVAL_EVALUATION_HPP_
#define WAYPOST_EVAL_EVALUATION_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"
#include "waypost/eval/metrics.hpp"
#include "waypost/eval/strata.hpp"

namespace waypost {

struct MetricResult {
  Metric metric;
  std::string name;
  std::string definition;
  double mean = 0;                   // the figure; of coverage, gini, rmse and mae that of all users together
  std::optional<Interval> interval;  // of the mean; none for those, and where it was not asked for
  std::vector<double> values;        // a user each, NaN where the metric leaves the user out; none for those
};

struct Evaluation {
  std::vector<MetricResult> metrics;  // in the order asked for
  std::size_t users = 0;
  std::size_t users_without_test = 0;
  std::size_t unknown_items = 0;
  std::size_t already_met = 0;
  std::size_t users_by_fallback = 0;  // of `users`, those whom EvaluateOptions::fallback ranked
  std::size_t sampled_negatives = 0;  // EvaluateOptions::sampled_negatives; 0: every candidate was ranked
  std::vector<StratumResult> strata;  // where they were asked for: of users, then of items

  // Returns the result of that name, or null.
  const MetricResult* Find(std::string_view name) const {
    for (const MetricResult& result : metrics)
      if (result.name == name) return &result;
    return nullptr;
  }
};

namespace internal {

inline constexpr double kLeftOut = std::numeric_limits<double>::quiet_NaN();

inline bool LooksAtHits(MetricKind kind) {
  return kind != MetricKind::kAuc && kind != MetricKind::kCoverage && kind != MetricKind::kNovelty &&
         kind != MetricKind::kGini && !LooksAtRatings(kind) && PopularityExponent(kind) == 0;
}
inline bool LooksAtAllLists(MetricKind kind) {
  return kind == MetricKind::kCoverage || kind == MetricKind::kGini;
}

// Whether every user has a value of it, of which the figure is the mean.
inline bool HasUserValues(MetricKind kind) {
  return !LooksAtAllLists(kind) && !LooksAtRatings(kind);
}

inline std::vector<double> Defined(std::span<const double> values) {
  std::vector<double> defined;
  defined.reserve(values.size());
  for (double value : values)
    if (!std::isnan(value)) defined.push_back(value);
  return defined;
}

// The result of a metric without its interval.
//   values  a user each, kLeftOut where the metric leaves the user out; empty for a metric of all lists.
//   counts  how often each item was listed, for a metric of all lists.
inline MetricResult Summarize(const Metric& metric, std::vector<double> values, std::vector<std::uint64_t> counts) {
  MetricResult result{.metric = metric,
                      .name = Name(metric),
                      .definition = Definition(metric),
                      .mean = 0,
                      .interval = {},
                      .values = std::move(values)};
  if (metric.kind == MetricKind::kCoverage) {
    result.mean = CoverageOf(counts);
  } else if (metric.kind == MetricKind::kGini) {
    result.mean = GiniOf(std::move(counts));
  } else {
    const std::vector<double> defined = Defined(result.values);
    result.mean = defined.empty() ? 0 : Mean(defined);
  }
  return result;
}

// Metrics that leave nobody out are drawn together; the others each for itself.
inline absl::Status AddIntervals(const BootstrapOptions& options, const Parallelism& parallelism,
                                 std::vector<MetricResult>& results) {
  std::vector<MetricResult*> together;
  for (MetricResult& result : results) {
    if (!HasUserValues(result.metric.kind)) continue;
    const std::vector<double> defined = Defined(result.values);
    if (defined.size() == result.values.size()) {
      together.push_back(&result);
    } else if (!defined.empty()) {
      WAYPOST_ASSIGN_OR_RETURN(result.interval, BootstrapMean(defined, options, parallelism));
    }
  }
  if (together.empty()) return absl::OkStatus();
  const std::size_t users = together.front()->values.size();
  std::vector<double> rows(users * together.size());
  for (std::size_t c = 0; c < together.size(); ++c)
    for (std::size_t user = 0; user < users; ++user) rows[user * together.size() + c] = together[c]->values[user];
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<Interval> intervals,
                           BootstrapMeans(rows, together.size(), options, parallelism));
  for (std::size_t c = 0; c < together.size(); ++c) together[c]->interval = intervals[c];
  return absl::OkStatus();
}

}  // namespace internal

}  // namespace waypost

#endif  // WAYPOST_EVAL_EVALUATION_HPP_
