#include "waypost/insight/uplift.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>

#include "waypost/base/random.hpp"
#include "waypost/base/statistics.hpp"

namespace waypost {
namespace {

// A linear function.
struct Line {
  double intercept = 0;
  std::vector<double> coefficients;

  double At(std::span<const double> row) const {
    double value = intercept;
    for (std::size_t j = 0; j < row.size(); ++j) value += coefficients[j] * row[j];
    return value;
  }
};

// Solves the p x p system of a positive definite matrix (its lower triangle, row-major) in place, by Cholesky. A pivot
// that is lost to rounding leaves its unknown at 0.
void SolvePositive(std::vector<double>& matrix, std::size_t p, std::vector<double>& right) {
  std::vector<char> lost(p, 0);
  for (std::size_t j = 0; j < p; ++j) {
    const double before = matrix[j * p + j];
    for (std::size_t k = 0; k < j; ++k) matrix[j * p + j] -= matrix[j * p + k] * matrix[j * p + k];
    lost[j] = !(matrix[j * p + j] > 1e-12 * before);
    const double pivot = lost[j] ? 1 : std::sqrt(matrix[j * p + j]);
    matrix[j * p + j] = pivot;
    for (std::size_t i = j + 1; i < p; ++i) {
      double sum = lost[j] ? 0 : matrix[i * p + j];
      for (std::size_t k = 0; !lost[j] && k < j; ++k) sum -= matrix[i * p + k] * matrix[j * p + k];
      matrix[i * p + j] = sum / pivot;
    }
  }
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t k = 0; k < j; ++k) right[j] -= matrix[j * p + k] * right[k];
    right[j] = lost[j] ? 0 : right[j] / matrix[j * p + j];
  }
  for (std::size_t j = p; j-- > 0;) {
    for (std::size_t i = j + 1; i < p; ++i) right[j] -= matrix[i * p + j] * right[i];
    right[j] = lost[j] ? 0 : right[j] / matrix[j * p + j];
  }
}

// The ridge regression of targets[i] on row i of the values, i in rows.
// Requires  rows is not empty.
Line FitRidge(const UpliftDataView& data, std::span<const std::size_t> rows, std::span<const double> targets,
              double l2) {
  const std::size_t p = data.columns;
  const auto n = static_cast<double>(rows.size());
  std::vector<double> means(p, 0), scales(p, 0);
  double target_mean = 0;
  for (const std::size_t i : rows) {
    target_mean += targets[i];
    for (std::size_t j = 0; j < p; ++j) means[j] += data.values[i * p + j];
  }
  target_mean /= n;
  for (double& mean : means) mean /= n;
  for (const std::size_t i : rows)
    for (std::size_t j = 0; j < p; ++j) scales[j] += std::pow(data.values[i * p + j] - means[j], 2);
  for (std::size_t j = 0; j < p; ++j) {
    const double deviation = std::sqrt(scales[j] / n);
    scales[j] = deviation > 1e-12 * std::abs(means[j]) && deviation > 0 ? 1 / deviation : 0;
  }
  std::vector<double> matrix(p * p, 0), right(p, 0), row(p);
  for (const std::size_t i : rows) {
    for (std::size_t j = 0; j < p; ++j) row[j] = (data.values[i * p + j] - means[j]) * scales[j];
    const double target = targets[i] - target_mean;
    for (std::size_t j = 0; j < p; ++j) {
      right[j] += row[j] * target;
      for (std::size_t k = 0; k <= j; ++k) matrix[j * p + k] += row[j] * row[k];
    }
  }
  for (std::size_t j = 0; j < p; ++j) matrix[j * p + j] += scales[j] == 0 ? 1 : l2;
  SolvePositive(matrix, p, right);
  Line line{target_mean, std::move(right)};
  for (std::size_t j = 0; j < p; ++j) {
    line.coefficients[j] *= scales[j];
    line.intercept -= line.coefficients[j] * means[j];
  }
  return line;
}

absl::Status CheckData(const UpliftDataView& data) {
  const std::size_t n = data.outcomes.size();
  if (data.columns > kMaxUpliftColumns)
    return absl::InvalidArgumentError(
        absl::StrCat("UpliftDataView.columns: want at most ", kMaxUpliftColumns, ", got ", data.columns));
  if (data.treated.size() != n || data.propensities.size() != n || data.values.size() != n * data.columns)
    return absl::InvalidArgumentError(absl::StrCat("UpliftDataView: want ", n, " treatments and propensities and ",
                                                   n * data.columns, " values, got ", data.treated.size(), ", ",
                                                   data.propensities.size(), " and ", data.values.size()));
  for (std::size_t i = 0; i < n; ++i) {
    if (data.treated[i] > 1)
      return absl::InvalidArgumentError(
          absl::StrCat("UpliftDataView.treated[", i, "]: want 0 or 1, got ", data.treated[i]));
    if (!std::isfinite(data.outcomes[i]))
      return absl::InvalidArgumentError(
          absl::StrCat("UpliftDataView.outcomes[", i, "]: want a finite value, got ", data.outcomes[i]));
    if (!(data.propensities[i] > 0 && data.propensities[i] < 1))
      return absl::InvalidArgumentError(absl::StrCat("UpliftDataView.propensities[", i,
                                                     "]: want a value between 0 and 1, got ", data.propensities[i]));
  }
  for (std::size_t i = 0; i < data.values.size(); ++i)
    if (!std::isfinite(data.values[i]))
      return absl::InvalidArgumentError(absl::StrCat("UpliftDataView.values[", i / data.columns, "][", i % data.columns,
                                                     "]: want a finite value, got ", data.values[i]));
  return absl::OkStatus();
}

// Outcome models of the untreated and of the treated.
struct Arms {
  Line untreated, treated;
};

class Learner {
 public:
  Learner(const UpliftDataView& data, const UpliftOptions& options)
      : data_(data), options_(options), folds_(static_cast<std::size_t>(options.folds)) {
    for (std::size_t i = 0; i < data.outcomes.size(); ++i)
      fold_.push_back(Random(options.seed, i).Below(static_cast<std::uint64_t>(options.folds)));
  }

  // The rows outside two folds (which may be the same, or none: folds()), of one arm or of both.
  std::vector<std::size_t> Rows(std::size_t without, std::size_t and_without, int arm) const {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < fold_.size(); ++i)
      if (fold_[i] != without && fold_[i] != and_without && (arm < 0 || data_.treated[i] == arm)) rows.push_back(i);
    return rows;
  }

  absl::StatusOr<Arms> FitArms(std::size_t without, std::size_t and_without) const {
    const std::vector<std::size_t> untreated = Rows(without, and_without, 0), treated = Rows(without, and_without, 1);
    if (untreated.size() < 2 || treated.size() < 2)
      return absl::FailedPreconditionError(absl::StrCat("LearnUplift: want 2 users of each arm outside any two folds, ",
                                                        "got ", untreated.size(), " untreated and ", treated.size(),
                                                        " treated"));
    return Arms{FitRidge(data_, untreated, data_.outcomes, options_.l2),
                FitRidge(data_, treated, data_.outcomes, options_.l2)};
  }

  double Score(const Arms& arms, std::size_t i) const {
    const double m0 = arms.untreated.At(Row(i)), m1 = arms.treated.At(Row(i));
    const double e = data_.propensities[i];
    return data_.treated[i] != 0 ? m1 - m0 + (data_.outcomes[i] - m1) / e
                                 : m1 - m0 - (data_.outcomes[i] - m0) / (1 - e);
  }

  // The effect as a line, from the rows outside `without`; folds() for all rows.
  absl::StatusOr<Line> FitEffect(std::size_t without) const {
    if (options_.learner == UpliftLearner::kT) {
      WAYPOST_ASSIGN_OR_RETURN(const Arms arms, FitArms(without, without));
      Line line = arms.treated;
      line.intercept -= arms.untreated.intercept;
      for (std::size_t j = 0; j < data_.columns; ++j) line.coefficients[j] -= arms.untreated.coefficients[j];
      return line;
    }
    std::vector<double> scores(fold_.size(), 0);
    for (std::size_t scored = 0; scored < folds_; ++scored) {
      if (scored == without) continue;
      WAYPOST_ASSIGN_OR_RETURN(const Arms arms, FitArms(without, scored));
      for (std::size_t i = 0; i < fold_.size(); ++i)
        if (fold_[i] == scored) scores[i] = Score(arms, i);
    }
    return FitRidge(data_, Rows(without, without, -1), scores, options_.l2);
  }

  std::span<const double> Row(std::size_t i) const { return data_.values.subspan(i * data_.columns, data_.columns); }
  std::size_t folds() const { return folds_; }
  std::size_t fold(std::size_t i) const { return fold_[i]; }

 private:
  const UpliftDataView& data_;
  const UpliftOptions& options_;
  std::size_t folds_;
  std::vector<std::size_t> fold_;
};

}  // namespace

absl::Status Validate(const UpliftOptions& options) {
  if (!(std::isfinite(options.l2) && options.l2 >= 0))
    return absl::InvalidArgumentError(absl::StrCat("UpliftOptions.l2: want a finite value >= 0, got ", options.l2));
  if (options.folds < 3 || options.folds > 20)
    return absl::InvalidArgumentError(absl::StrCat("UpliftOptions.folds: want 3..20, got ", options.folds));
  return absl::OkStatus();
}

Qini QiniOf(std::span<const double> uplift, std::span<const double> scores) {
  const std::size_t n = uplift.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return uplift[a] > uplift[b]; });
  std::vector<double> terms(n);
  for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
    while (end < n && uplift[order[end]] == uplift[order[begin]]) ++end;
    const double place = 0.5 * static_cast<double>(begin + end) / static_cast<double>(n);
    for (std::size_t k = begin; k < end; ++k) terms[order[k]] = scores[order[k]] * (0.5 - place);
  }
  return {Mean(terms), StandardDeviation(terms) / std::sqrt(static_cast<double>(n))};
}

absl::StatusOr<UpliftFit> LearnUplift(const UpliftDataView& data, const UpliftOptions& options) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(CheckData(data));
  const std::size_t n = data.outcomes.size();
  const Learner learner(data, options);
  UpliftFit fit{.uplift = std::vector<double>(n), .scores = std::vector<double>(n), .coefficients = {}};
  for (std::size_t fold = 0; fold < learner.folds(); ++fold) {
    WAYPOST_ASSIGN_OR_RETURN(const Line effect, learner.FitEffect(fold));
    WAYPOST_ASSIGN_OR_RETURN(const Arms arms, learner.FitArms(fold, fold));
    for (std::size_t i = 0; i < n; ++i) {
      if (learner.fold(i) != fold) continue;
      fit.uplift[i] = effect.At(learner.Row(i));
      fit.scores[i] = learner.Score(arms, i);
    }
  }
  fit.average = Mean(fit.scores);
  fit.average_error = StandardDeviation(fit.scores) / std::sqrt(static_cast<double>(n));
  const Qini qini = QiniOf(fit.uplift, fit.scores);
  fit.qini = qini.value;
  fit.qini_error = qini.error;
  WAYPOST_ASSIGN_OR_RETURN(Line all, learner.FitEffect(learner.folds()));
  fit.intercept = all.intercept;
  fit.coefficients = std::move(all.coefficients);
  for (const double value : fit.uplift)
    if (!std::isfinite(value))
      return absl::InvalidArgumentError("LearnUplift: want values of a moderate size, got overflow");
  return fit;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("LearnUplift: want memory for ", data.outcomes.size(), " users, got none"));
}

}  // namespace waypost
