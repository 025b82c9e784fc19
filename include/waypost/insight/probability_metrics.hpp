// waypost/insight/probability_metrics.hpp - how good predicted probabilities of a yes-or-no outcome are: how well they
// rank, and whether a predicted 20 % happens in 20 of 100 cases.
//
// Definition   Over n cases with probability p_r and outcome y_r, 0 or 1, m of them 1:
//              auc                the share of (1, 0) pairs in which the 1 has the higher p, ties counting half.
//              pr_auc             sum over the distinct p, from the highest, of the gain in recall times the precision
//                                 among all cases of at least that p (average precision [1]).
//              brier              mean (p_r - y_r)^2 [2].
//              log_loss           mean -log of the probability given to what happened, at least 1e-15.
//              calibration_error  the cases in order of p are cut into 10 bins of equal size: the mean over bins,
//                                 weighted by their size, of |mean p - share of 1| (expected calibration error).
//              calibration slope and intercept  of the logistic regression of y on log(p / (1 - p)) [3]; 1 and 0 are
//                                 perfect, a slope below 1 says that the p are too extreme.
//              top_decile_capture the share of all 1 among the tenth of the cases of the highest p; top_decile_lift is
//                                 ten times that. A tie at the border counts with the share of it that fits in.
//              Difference of two AUC over the same cases: its standard error by DeLong's structural components [4].
// Sources      [1] C. Manning, P. Raghavan, H. Schuetze, Introduction to Information Retrieval, 2008, chapter 8.
//              [2] G. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78,
//              1950. [3] D. Cox, Two further applications of a model for binary regression, Biometrika 45, 1958. [4] E.
//              DeLong, D. DeLong, D. Clarke-Pearson, Comparing the areas under two or more correlated receiver
//                  operating characteristic curves, Biometrics 44(3), 1988.
// Complexity   O(n log n).
// Numerics     float64. p may be exactly 0 or 1: the regression [3] clips them to [1e-15, 1 - 1e-15].
// Determinism  No threads.
// Checked by   tests/unit/insight_probability_metrics_test.cpp: naive counts over pairs, values by hand, bootstrap.
#ifndef WAYPOST_INSIGHT_PROBABILITY_METRICS_HPP_
#define WAYPOST_INSIGHT_PROBABILITY_METRICS_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

struct ReliabilityBin {
  std::size_t count = 0;
  double predicted = 0;  // mean probability
  double observed = 0;   // share of ones
};

struct ProbabilityMetrics {
  std::size_t count = 0;
  std::size_t positives = 0;
  // Not defined, and empty, where every outcome is equal.
  std::optional<double> auc, pr_auc, top_decile_capture, top_decile_lift;
  // Also empty where every probability is equal, or where they separate the outcomes.
  std::optional<double> calibration_slope, calibration_intercept;
  double brier = 0;
  double log_loss = 0;
  double calibration_error = 0;
  std::vector<ReliabilityBin> reliability;  // at most 10, by rising probability; empty ones are left out
};

// Returns the figures.
// Errors  kInvalidArgument: no case; lists of different lengths; a probability outside [0, 1]; an outcome above 1.
absl::StatusOr<ProbabilityMetrics> EvaluateProbabilities(std::span<const double> probabilities,
                                                         std::span<const std::uint8_t> outcomes);

// How far the AUC of `a` lies above that of `b` over the same cases.
struct AucDifference {
  double a = 0;
  double b = 0;
  double difference = 0;
  double standard_error = 0;
  Interval interval;   // 95 %
  double p_value = 1;  // two-sided, that there is none
};

// Errors  those of EvaluateProbabilities, of any finite scores; kFailedPrecondition: fewer than two of an outcome,
//         whose variance then is unknown.
absl::StatusOr<AucDifference> CompareAuc(std::span<const double> a, std::span<const double> b,
                                         std::span<const std::uint8_t> outcomes);

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_PROBABILITY_METRICS_HPP_
