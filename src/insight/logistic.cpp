#include "waypost/insight/logistic.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <optional>
#include <utility>

namespace waypost {
namespace {

constexpr double kCollinear = 1e-10;     // share of a column's sum of squares that is left
constexpr double kConvergedStep = 1e-9;  // the next step of Newton's method would be about its square
constexpr double kSeparatingSize = 20;   // a linear predictor beyond it: probabilities within 2e-9 of 0 or 1
constexpr int kMaxHalvings = 30;
constexpr std::size_t kTogether = 4;  // rows

// What a pass over the rows adds up. Only columns that vary take part; `second` is upper-triangular, p x p.
struct Sums {
  double log_likelihood = 0;
  double largest = 0;                                                   // of the linear predictors
  std::vector<double> first, second, group_first, group_second, cross;  // cross: groups x p

  void Add(const Sums& other) {
    if (first.empty() && group_first.empty()) {
      *this = other;
      return;
    }
    log_likelihood += other.log_likelihood;
    largest = std::max(largest, other.largest);
    const auto add = [](std::vector<double>& to, const std::vector<double>& from) {
      for (std::size_t n = 0; n < to.size(); ++n) to[n] += from[n];
    };
    add(first, other.first);
    add(second, other.second);
    add(group_first, other.group_first);
    add(group_second, other.group_second);
    add(cross, other.cross);
  }
};

struct ColumnFacts {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double low_of[2] = {low, low};  // among rows of label 0 and of label 1
  double high_of[2] = {high, high};
  bool indicator = true;  // holds nothing but 0 and 1
  double sum = 0;

  void Add(double value, std::uint8_t label) {
    low_of[label] = std::min(low_of[label], value);
    high_of[label] = std::max(high_of[label], value);
    indicator = indicator && (value == 0 || value == 1);
    sum += value;
  }
  void Add(const ColumnFacts& other) {
    for (int label = 0; label < 2; ++label) {
      low_of[label] = std::min(low_of[label], other.low_of[label]);
      high_of[label] = std::max(high_of[label], other.high_of[label]);
    }
    indicator = indicator && other.indicator;
    sum += other.sum;
  }
};

// One fit. Inside, column j is z_j = (x_j - centre_j) / scale_j.
class Fitter {
 public:
  Fitter(const LogisticDataView& data, const LogisticOptions& options, const Parallelism& parallelism)
      : data_(data),
        options_(options),
        parallelism_(parallelism),
        columns_(data.columns.size()),
        rows_(data.labels.size()) {}

  absl::StatusOr<LogisticFit> Run() {
    WAYPOST_RETURN_IF_ERROR(CheckShapes());
    WAYPOST_RETURN_IF_ERROR(CheckRows());
    WAYPOST_RETURN_IF_ERROR(ReadGroups());
    WAYPOST_RETURN_IF_ERROR(ReadColumns());
    intercepts_.assign(data_.group_count, 0.0);
    slopes_.assign(active_.size(), 0.0);
    Sums sums = Evaluate(intercepts_, slopes_);
    WAYPOST_RETURN_IF_ERROR(FindCollinear(sums));
    WAYPOST_RETURN_IF_ERROR(Climb(sums));
    return Finish(sums);
  }

 private:
  std::size_t Group(std::size_t row) const { return data_.groups.empty() ? 0 : data_.groups[row]; }
  std::size_t BlockRows(std::size_t doubles) const {
    const std::size_t parts =
        std::clamp<std::size_t>((std::size_t{1} << 24) / std::max<std::size_t>(doubles, 1), 2, 64);
    return std::max<std::size_t>(1024, (rows_ + parts - 1) / parts);
  }
  double Penalty() const {
    double sum = 0;
    for (const double slope : slopes_) sum += slope * slope;
    return options_.l2 / 2 * sum;
  }
  std::string Name(std::size_t column) const { return absl::StrCat("column '", data_.columns[column], "'"); }

  absl::Status CheckShapes() const {
    WAYPOST_RETURN_IF_ERROR(Validate(options_));
    if (columns_ > kMaxLogisticColumns)
      return absl::ResourceExhaustedError(
          absl::StrCat("FitLogistic.columns: want at most ", kMaxLogisticColumns, ", got ", columns_));
    if (rows_ == 0) return absl::InvalidArgumentError("FitLogistic.labels: want rows, got none");
    if (data_.values.size() != rows_ * columns_)
      return absl::InvalidArgumentError(absl::StrCat("FitLogistic.values: want ", rows_, " rows of ", columns_,
                                                     " columns, got ", data_.values.size(), " values"));
    if (!data_.groups.empty() && data_.groups.size() != rows_)
      return absl::InvalidArgumentError(
          absl::StrCat("FitLogistic.groups: want ", rows_, " or none, got ", data_.groups.size()));
    if (data_.group_count < 1 || data_.group_count > std::max<std::size_t>(rows_, 1))
      return absl::InvalidArgumentError(
          absl::StrCat("FitLogistic.group_count: want 1..", rows_, ", got ", data_.group_count));
    return absl::OkStatus();
  }

  absl::Status CheckRows() const {
    for (std::size_t row = 0; row < rows_; ++row) {
      if (data_.labels[row] > 1)
        return absl::InvalidArgumentError(absl::StrCat("FitLogistic.labels: want 0 or 1, got ",
                                                       static_cast<int>(data_.labels[row]), " in row ", row));
      if (Group(row) >= data_.group_count)
        return absl::InvalidArgumentError(absl::StrCat("FitLogistic.groups: want a group below ", data_.group_count,
                                                       ", got ", Group(row), " in row ", row));
    }
    for (std::size_t n = 0; n < data_.values.size(); ++n)
      if (!std::isfinite(data_.values[n]))
        return absl::InvalidArgumentError(absl::StrCat("FitLogistic.values: ", Name(n % columns_),
                                                       ": want a finite value, got ", data_.values[n], " in row ",
                                                       n / columns_));
    return absl::OkStatus();
  }

  // Leaves out the groups without a finite intercept.
  absl::Status ReadGroups() {
    std::vector<std::size_t> events(data_.group_count), sizes(data_.group_count);
    for (std::size_t row = 0; row < rows_; ++row) {
      ++sizes[Group(row)];
      events[Group(row)] += data_.labels[row];
    }
    used_.resize(data_.group_count);
    for (std::size_t g = 0; g < used_.size(); ++g) {
      used_[g] = events[g] > 0 && events[g] < sizes[g];
      if (used_[g]) continue;
      const std::string message = sizes[g] == 0 ? absl::StrCat("group ", g, " has no row")
                                                : absl::StrCat(used_.size() == 1 ? "" : absl::StrCat("group ", g, ": "),
                                                               "every label is ", events[g] == 0 ? 0 : 1);
      if (used_.size() == 1)
        return absl::FailedPreconditionError(absl::StrCat("FitLogistic.labels: want both 0 and 1; ", message));
      problems_.push_back({LogisticProblemKind::kOneLabel, message});
    }
    one_label_.resize(data_.group_count, std::numeric_limits<double>::quiet_NaN());
    for (std::size_t g = 0; g < used_.size(); ++g)
      if (sizes[g] > 0 && !used_[g])
        one_label_[g] = (events[g] == 0 ? -1 : 1) * std::numeric_limits<double>::infinity();
    for (std::size_t row = 0; row < rows_; ++row) used_rows_ += used_[Group(row)];
    return absl::OkStatus();
  }

  absl::Status ReadColumns() {
    using Facts = std::vector<ColumnFacts>;
    const std::size_t block = BlockRows(columns_);
    const Facts facts = ReduceBlocks(
        parallelism_, rows_, block, Facts(columns_),
        [&](std::size_t begin, std::size_t end) {
          Facts part(columns_);
          for (std::size_t row = begin; row < end; ++row)
            if (used_[Group(row)])
              for (std::size_t j = 0; j < columns_; ++j)
                part[j].Add(data_.values[row * columns_ + j], data_.labels[row]);
          return part;
        },
        [](Facts& to, Facts part) {
          for (std::size_t j = 0; j < to.size(); ++j) to[j].Add(part[j]);
        });
    means_.resize(columns_);
    for (std::size_t j = 0; j < columns_; ++j)
      means_[j] = used_rows_ == 0 ? 0 : facts[j].sum / static_cast<double>(used_rows_);
    const std::vector<double> squares = ReduceBlocks(
        parallelism_, rows_, block, std::vector<double>(columns_),
        [&](std::size_t begin, std::size_t end) {
          std::vector<double> part(columns_);
          for (std::size_t row = begin; row < end; ++row)
            if (used_[Group(row)])
              for (std::size_t j = 0; j < columns_; ++j) {
                const double difference = data_.values[row * columns_ + j] - means_[j];
                part[j] += difference * difference;
              }
          return part;
        },
        [](std::vector<double>& to, const std::vector<double>& part) {
          for (std::size_t j = 0; j < to.size(); ++j) to[j] += part[j];
        });
    for (std::size_t j = 0; j < columns_; ++j) {
      const ColumnFacts& f = facts[j];
      const double low = std::min(f.low_of[0], f.low_of[1]), high = std::max(f.high_of[0], f.high_of[1]);
      if (!(low < high)) {
        WAYPOST_RETURN_IF_ERROR(
            Report(LogisticProblemKind::kConstantColumn, absl::StrCat(Name(j), " is constant: ", low)));
        continue;
      }
      if (options_.l2 == 0 && (f.high_of[0] <= f.low_of[1] || f.high_of[1] <= f.low_of[0]))
        WAYPOST_RETURN_IF_ERROR(
            Report(LogisticProblemKind::kSeparation, absl::StrCat(Name(j), " separates the labels by itself")));
      const double scale = f.indicator ? 1 : std::sqrt(squares[j] / static_cast<double>(used_rows_));
      if (!(scale > 1e-150 && scale < 1e150))
        return absl::InvalidArgumentError(
            absl::StrCat("FitLogistic.values: ", Name(j), ": want a deviation between 1e-150 and 1e150, got ", scale));
      active_.push_back(j);
      centres_.push_back(f.indicator ? 0 : means_[j]);
      scales_.push_back(scale);
      inverse_scales_.push_back(1 / scales_.back());
    }
    return absl::OkStatus();
  }

  // Without a penalty the problem ends the fit: there is no best finite estimate.
  absl::Status Report(LogisticProblemKind kind, std::string message) {
    if (options_.l2 == 0)
      return absl::FailedPreconditionError(absl::StrCat("FitLogistic: ", LogisticProblemName(kind), ": ", message));
    problems_.push_back({kind, std::move(message)});
    return absl::OkStatus();
  }

  Sums Evaluate(const std::vector<double>& intercepts, const std::vector<double>& slopes) const {
    const std::size_t p = active_.size(), groups = data_.group_count;
    Sums total = ReduceBlocks(
        parallelism_, rows_, BlockRows(p * (p + groups)), Sums{},
        [&](std::size_t begin, std::size_t end) { return EvaluateRows(intercepts, slopes, begin, end); },
        [](Sums& to, const Sums& part) { to.Add(part); });
    return total;
  }

  Sums EvaluateRows(const std::vector<double>& intercepts, const std::vector<double>& slopes, std::size_t begin,
                    std::size_t end) const {
    const std::size_t p = active_.size();
    Sums sums;
    sums.first.resize(p);
    sums.second.resize(p * p);
    sums.group_first.resize(data_.group_count);
    sums.group_second.resize(data_.group_count);
    sums.cross.resize(data_.group_count * p);
    // Rows are taken kTogether at a time: the matrix is then read and written once for all of them.
    std::vector<double> z(kTogether * p), scaled(kTogether * p);
    std::size_t held = 0;
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t group = Group(row);
      if (!used_[group]) continue;
      const double* x = data_.values.data() + row * columns_;
      double* zr = z.data() + held * p;
      double predictor = intercepts[group];
      for (std::size_t j = 0; j < p; ++j) {
        zr[j] = (x[active_[j]] - centres_[j]) * inverse_scales_[j];
        predictor += slopes[j] * zr[j];
      }
      const double away = std::exp(-std::abs(predictor));  // in (0, 1]: nothing overflows
      const double probability = predictor >= 0 ? 1 / (1 + away) : away / (1 + away);
      const double residual = data_.labels[row] - probability;
      const double weight = away / ((1 + away) * (1 + away));
      sums.log_likelihood += data_.labels[row] * predictor - std::max(predictor, 0.0) - std::log1p(away);
      sums.largest = std::max(sums.largest, std::abs(predictor));
      sums.group_first[group] += residual;
      sums.group_second[group] += weight;
      double* cross = sums.cross.data() + group * p;
      double* sr = scaled.data() + held * p;
      for (std::size_t j = 0; j < p; ++j) {
        sr[j] = weight * zr[j];
        cross[j] += sr[j];
        sums.first[j] += residual * zr[j];
      }
      if (++held < kTogether) continue;
      AddProducts(z, scaled, sums.second);
      held = 0;
    }
    std::fill(z.begin() + static_cast<std::ptrdiff_t>(held * p), z.end(), 0.0);
    std::fill(scaled.begin() + static_cast<std::ptrdiff_t>(held * p), scaled.end(), 0.0);
    if (held > 0) AddProducts(z, scaled, sums.second);
    return sums;
  }

  // Adds the products of kTogether rows to the upper triangle of `matrix`.
  void AddProducts(const std::vector<double>& z, const std::vector<double>& scaled, std::vector<double>& matrix) const {
    static_assert(kTogether == 4);
    const std::size_t p = active_.size();
    const double* z0 = z.data();
    const double *z1 = z0 + p, *z2 = z1 + p, *z3 = z2 + p;
    for (std::size_t j = 0; j < p; ++j) {
      const double a = scaled[j], b = scaled[p + j], c = scaled[2 * p + j], d = scaled[3 * p + j];
      if (a == 0 && b == 0 && c == 0 && d == 0) continue;
      double* line = matrix.data() + j * p;
      for (std::size_t k = j; k < p; ++k) line[k] += a * z0[k] + b * z1[k] + c * z2[k] + d * z3[k];
    }
  }

  // The second derivative in the slopes once the intercepts are eliminated; upper triangle.
  std::vector<double> Eliminated(const Sums& sums, double l2) const {
    const std::size_t p = active_.size();
    std::vector<double> matrix = sums.second;
    for (std::size_t g = 0; g < used_.size(); ++g) {
      if (!used_[g]) continue;
      const double* cross = sums.cross.data() + g * p;
      for (std::size_t j = 0; j < p; ++j) {
        const double share = cross[j] / sums.group_second[g];
        if (share == 0) continue;
        for (std::size_t k = j; k < p; ++k) matrix[j * p + k] -= share * cross[k];
      }
    }
    for (std::size_t j = 0; j < p; ++j) matrix[j * p + j] += l2;
    return matrix;
  }

  // Overwrites the upper triangle of A by R with A = R' R. False where a pivot is not above `floors[j]`; `at` is its
  // column then.
  static bool Factorize(std::vector<double>& matrix, std::size_t p, const std::vector<double>& floors,
                        std::size_t& at) {
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        const double factor = matrix[i * p + j];
        if (factor == 0) continue;
        for (std::size_t k = j; k < p; ++k) matrix[j * p + k] -= factor * matrix[i * p + k];
      }
      const double pivot = matrix[j * p + j];
      at = j;
      if (!(pivot > floors[j])) return false;
      const double root = std::sqrt(pivot);
      for (std::size_t k = j; k < p; ++k) matrix[j * p + k] /= root;
    }
    return true;
  }

  // Solves R' R x = b in place.
  static void Solve(const std::vector<double>& factor, std::size_t p, double* b) {
    for (std::size_t i = 0; i < p; ++i) {
      for (std::size_t k = 0; k < i; ++k) b[i] -= factor[k * p + i] * b[k];
      b[i] /= factor[i * p + i];
    }
    for (std::size_t i = p; i-- > 0;) {
      for (std::size_t k = i + 1; k < p; ++k) b[i] -= factor[i * p + k] * b[k];
      b[i] /= factor[i * p + i];
    }
  }

  // At zero every weight is a quarter, so that the second derivative is the columns' Gram matrix: what of a column is
  // left beside the earlier ones is its pivot. A dependent column is passed over and the next looked at.
  absl::Status FindCollinear(const Sums& at_zero) {
    const std::size_t p = active_.size();
    std::vector<double> matrix = Eliminated(at_zero, 0);
    std::vector<bool> dependent(p);
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        if (dependent[i]) continue;
        const double factor = matrix[i * p + j];
        if (factor != 0)
          for (std::size_t k = j; k < p; ++k) matrix[j * p + k] -= factor * matrix[i * p + k];
      }
      const double pivot = matrix[j * p + j];
      if (pivot > kCollinear * at_zero.second[j * p + j]) {
        const double root = std::sqrt(pivot);
        for (std::size_t k = j; k < p; ++k) matrix[j * p + k] /= root;
        continue;
      }
      dependent[j] = true;
      WAYPOST_RETURN_IF_ERROR(Report(LogisticProblemKind::kCollinearColumn, Relation(matrix, dependent, at_zero, j)));
    }
    return absl::OkStatus();
  }

  // "column 'c' is a combination of 'a', 'b'": the earlier columns that have a part in it, from the factor so far.
  std::string Relation(const std::vector<double>& matrix, const std::vector<bool>& dependent, const Sums& at_zero,
                       std::size_t j) const {
    const std::size_t p = active_.size();
    std::vector<double> parts(j);
    for (std::size_t i = j; i-- > 0;) {
      if (dependent[i]) continue;
      parts[i] = matrix[i * p + j];
      for (std::size_t k = i + 1; k < j; ++k)
        if (!dependent[k]) parts[i] -= matrix[i * p + k] * parts[k];
      parts[i] /= matrix[i * p + i];
    }
    std::string names;
    std::size_t count = 0;
    for (std::size_t i = 0; i < j; ++i) {
      if (std::abs(parts[i]) * std::sqrt(at_zero.second[i * p + i] / at_zero.second[j * p + j]) < 1e-6) continue;
      if (++count <= 3) absl::StrAppend(&names, count == 1 ? "'" : ", '", data_.columns[active_[i]], "'");
    }
    if (count == 0) return absl::StrCat(Name(active_[j]), " is constant within each group");
    return absl::StrCat(Name(active_[j]), count == 1 ? " goes with " : " is a combination of ", names,
                        count > 3 ? absl::StrCat(" and ", count - 3, " more") : "");
  }

  // Newton's method from where `sums` was taken; `sums` ends as those of the estimates.
  absl::Status Climb(Sums& sums) {
    const std::size_t p = active_.size(), groups = data_.group_count;
    if (used_rows_ == 0) {
      converged_ = true;
      return absl::OkStatus();
    }
    const std::vector<double> floors(p, 0.0);
    while (iterations_ < options_.max_iterations) {
      ++iterations_;
      std::vector<double> matrix = Eliminated(sums, options_.l2);
      std::size_t at = 0;
      if (!Factorize(matrix, p, floors, at)) break;
      std::vector<double> step(p), group_step(groups);
      for (std::size_t j = 0; j < p; ++j) step[j] = sums.first[j] - options_.l2 * slopes_[j];
      for (std::size_t g = 0; g < groups; ++g)
        if (used_[g])
          for (std::size_t j = 0; j < p; ++j)
            step[j] -= sums.cross[g * p + j] * sums.group_first[g] / sums.group_second[g];
      Solve(matrix, p, step.data());
      for (std::size_t g = 0; g < groups; ++g) {
        if (!used_[g]) continue;
        double sum = sums.group_first[g];
        for (std::size_t j = 0; j < p; ++j) sum -= sums.cross[g * p + j] * step[j];
        group_step[g] = sum / sums.group_second[g];
      }
      double size = 0;
      for (const double x : step) size = std::max(size, std::abs(x));
      for (const double x : group_step) size = std::max(size, std::abs(x));
      if (!std::isfinite(size)) break;
      const double before = sums.log_likelihood - Penalty();
      const std::vector<double> old_slopes = slopes_, old_intercepts = intercepts_;
      double length = 1;
      for (int halving = 0; halving <= kMaxHalvings; ++halving, length /= 2) {
        for (std::size_t j = 0; j < p; ++j) slopes_[j] = old_slopes[j] + length * step[j];
        for (std::size_t g = 0; g < groups; ++g) intercepts_[g] = old_intercepts[g] + length * group_step[g];
        sums = Evaluate(intercepts_, slopes_);
        if (sums.log_likelihood - Penalty() >= before - 1e-10 * (1 + std::abs(before))) break;
      }
      if (size < kConvergedStep) {
        converged_ = true;
        break;
      }
    }
    if (converged_) return absl::OkStatus();
    if (options_.l2 == 0 && sums.largest > kSeparatingSize && p > 0) {
      std::size_t widest = 0;
      for (std::size_t j = 1; j < p; ++j)
        if (std::abs(slopes_[j]) > std::abs(slopes_[widest])) widest = j;
      return Report(LogisticProblemKind::kSeparation,
                    absl::StrCat("columns together separate the labels; the estimate of ", Name(active_[widest]),
                                 " grows without end"));
    }
    problems_.push_back(
        {LogisticProblemKind::kNotConverged, absl::StrCat("not converged after ", iterations_, " iterations")});
    return absl::OkStatus();
  }

  LogisticFit Finish(const Sums& sums) {
    const std::size_t p = active_.size();
    const double nan = std::numeric_limits<double>::quiet_NaN();
    LogisticFit fit;
    fit.means = std::move(means_);
    fit.problems = std::move(problems_);
    fit.iterations = iterations_;
    fit.converged = converged_;
    fit.log_likelihood = used_rows_ == 0 ? 0 : sums.log_likelihood;
    fit.coefficients.assign(columns_, 0.0);
    fit.coefficient_errors.assign(columns_, nan);
    fit.intercepts = one_label_;
    fit.intercept_errors.assign(used_.size(), nan);
    double shift = 0;  // what centring moved from the slopes into the intercepts
    for (std::size_t j = 0; j < p; ++j) {
      fit.coefficients[active_[j]] = slopes_[j] / scales_[j];
      shift += slopes_[j] / scales_[j] * centres_[j];
    }
    for (std::size_t g = 0; g < used_.size(); ++g)
      if (used_[g]) fit.intercepts[g] = intercepts_[g] - shift;
    if (used_rows_ == 0) return fit;
    std::vector<double> matrix = Eliminated(sums, options_.l2);
    std::size_t at = 0;
    if (!Factorize(matrix, p, std::vector<double>(p, 0.0), at)) return fit;
    std::vector<double> unit(p);
    for (std::size_t j = 0; j < p; ++j) {
      std::fill(unit.begin(), unit.end(), 0.0);
      unit[j] = 1;
      Solve(matrix, p, unit.data());
      fit.coefficient_errors[active_[j]] = std::sqrt(unit[j]) / scales_[j];
    }
    for (std::size_t g = 0; g < used_.size(); ++g) {
      if (!used_[g]) continue;
      std::vector<double> lever(p);
      for (std::size_t j = 0; j < p; ++j)
        lever[j] = sums.cross[g * p + j] / sums.group_second[g] + centres_[j] / scales_[j];
      unit = lever;
      Solve(matrix, p, unit.data());
      double variance = 1 / sums.group_second[g];
      for (std::size_t j = 0; j < p; ++j) variance += lever[j] * unit[j];
      fit.intercept_errors[g] = std::sqrt(variance);
    }
    return fit;
  }

  const LogisticDataView& data_;
  const LogisticOptions& options_;
  const Parallelism& parallelism_;
  std::size_t columns_;
  std::size_t rows_;
  std::size_t used_rows_ = 0;
  std::vector<bool> used_;         // of each group: its intercept is finite
  std::vector<double> one_label_;  // of the others: -infinity, infinity, or NaN without a row
  std::vector<double> means_;
  std::vector<std::size_t> active_;  // columns that vary
  std::vector<double> centres_, scales_, inverse_scales_;
  std::vector<double> intercepts_, slopes_;  // of the columns inside
  std::vector<LogisticProblem> problems_;
  int iterations_ = 0;
  bool converged_ = false;
};

}  // namespace

absl::Status Validate(const LogisticOptions& options) {
  if (!std::isfinite(options.l2) || options.l2 < 0)
    return absl::InvalidArgumentError(absl::StrCat("LogisticOptions.l2: want a finite value >= 0, got ", options.l2));
  if (options.max_iterations < 1 || options.max_iterations > 10'000)
    return absl::InvalidArgumentError(
        absl::StrCat("LogisticOptions.max_iterations: want 1..10000, got ", options.max_iterations));
  return absl::OkStatus();
}

const char* LogisticProblemName(LogisticProblemKind kind) {
  switch (kind) {
    case LogisticProblemKind::kConstantColumn:
      return "constant column";
    case LogisticProblemKind::kCollinearColumn:
      return "collinear column";
    case LogisticProblemKind::kSeparation:
      return "separation";
    case LogisticProblemKind::kOneLabel:
      return "one label";
    case LogisticProblemKind::kNotConverged:
      return "not converged";
  }
  return "unknown";
}

absl::StatusOr<LogisticFit> FitLogistic(const LogisticDataView& data, const LogisticOptions& options,
                                        const Parallelism& parallelism) {
  try {
    return Fitter(data, options, parallelism).Run();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("FitLogistic: want more memory for the sums of squares");
  }
}

}  // namespace waypost
