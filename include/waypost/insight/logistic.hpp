// waypost/insight/logistic.hpp - logistic regression with an L2 penalty, standard errors, and a named diagnosis where
// the data cannot say what is asked of them.
//
// Objective    maximise l(a, b) = sum_r [y_r e_r - log(1 + exp(e_r))] - (l2 / 2) sum_j (s_j b_j)^2 with
//              e_r = a_g(r) + x_r' b: y_r the label 0 or 1, g(r) the group of row r, a_g its intercept, never
//              penalised; s_j = 1 for an indicator (a column of zeros and ones), else the column's standard deviation
//              (divisor n), so that the penalty does not depend on units.
// Sources      [1] D. Hosmer, S. Lemeshow, Applied Logistic Regression, 1989, chapters 1 and 2 (Newton's method, which
// is
//              iteratively reweighted least squares; standard errors from the information).
//              [2] A. Albert, J. Anderson, On the existence of maximum likelihood estimates in logistic regression
//              models, Biometrika 71(1), 1984 (separation).
// Deviations   A step that lowers the objective is halved: from any start the sequence rises. A group whose labels are
//              all equal has its intercept at an infinity, where its rows add nothing to l: they are left out and its
//              probability is exactly 0 or 1.
// Complexity   O(n p^2 + p^3) an iteration, for any number of groups: their intercepts are eliminated first. About
//              6 iterations. Memory p^2 for each of at most 64 blocks of rows.
// Numerics     float64. Columns other than indicators are centred and scaled inside, so that neither a large mean nor a
//              unit costs digits. A column is collinear where less than 1e-10 of its sum of squares is left beside the
//              columns before it and the groups.
// Determinism  Blocks of rows are cut by the shapes alone and summed in order.
// Checked by   tests/unit/insight_logistic_test.cpp: a naive Newton, a published fit, the score equations, planted
//              coefficients and the coverage of their intervals, 1 and 7 threads.
#ifndef WAYPOST_INSIGHT_LOGISTIC_HPP_
#define WAYPOST_INSIGHT_LOGISTIC_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

// What is regressed on what. Borrowed for the call.
struct LogisticDataView {
  std::span<const double> values;         // rows x columns, row-major, finite
  std::span<const std::string> columns;   // their names
  std::span<const std::uint8_t> labels;   // 0 or 1, one for each row
  std::span<const std::uint32_t> groups;  // one for each row, below group_count; empty: all of group 0
  std::size_t group_count = 1;
};

// Options of FitLogistic. Aggregate: use designated initializers.
struct LogisticOptions {
  // -- quality --
  // Strength of the penalty. 0: none, maximum likelihood; 0.1..100 is usual.
  double l2 = 1;
  // -- speed --
  // Newton steps at most; 6 are usual.
  int max_iterations = 50;
};
absl::Status Validate(const LogisticOptions& options);

enum class LogisticProblemKind { kConstantColumn, kCollinearColumn, kSeparation, kOneLabel, kNotConverged };

// The name of the kind: "constant column".
const char* LogisticProblemName(LogisticProblemKind kind);

struct LogisticProblem {
  LogisticProblemKind kind = LogisticProblemKind::kConstantColumn;
  std::string message;  // names the column or the group
};

// Immutable: safe to use from any number of threads.
struct LogisticFit {
  std::vector<double> intercepts;    // of each group; +-infinity where its labels are all equal
  std::vector<double> coefficients;  // of each column, in its own unit; 0 of a constant one
  // Square roots of the diagonal of the inverse information; with a penalty, which counts as information, the standard
  // deviations of the normal approximation to the posterior. NaN where there is no finite estimate.
  std::vector<double> intercept_errors;
  std::vector<double> coefficient_errors;
  std::vector<double> means;  // of each column over the rows
  double log_likelihood = 0;  // without the penalty
  int iterations = 0;
  bool converged = false;  // the last step changed no linear predictor by more than about 1e-9
  std::vector<LogisticProblem> problems;

  // The linear predictor of a row.
  // Requires  row.size() == coefficients.size(); group < intercepts.size().
  double Predictor(std::span<const double> row, std::size_t group = 0) const {
    double sum = 0;
    for (std::size_t j = 0; j < row.size(); ++j) sum += coefficients[j] * row[j];
    return intercepts[group] + sum;
  }
  double Probability(std::span<const double> row, std::size_t group = 0) const {
    return 1 / (1 + std::exp(-Predictor(row, group)));
  }
};

// Returns the estimates.
//
// Errors  kInvalidArgument: options; shapes; a value that is not finite, a label above 1, a group out of range, with
//         the row.  kFailedPrecondition: every label is equal; without a penalty a constant or collinear column or
//         separation by one column, which is named: no finite estimate is best then.  kResourceExhausted: more than
//         kMaxLogisticColumns columns.
//         With a penalty such columns are reported in `problems`. An iteration that does not converge is reported in
//         `converged` and `problems`, and what it reached is returned.
// Cost    see Complexity.
absl::StatusOr<LogisticFit> FitLogistic(const LogisticDataView& data, const LogisticOptions& options = {},
                                        const Parallelism& parallelism = {});

inline constexpr std::size_t kMaxLogisticColumns = 4096;  // the square of it in float64 is 128 MiB

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_LOGISTIC_HPP_
