#include "waypost/insight/least_squares.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include <Eigen/Dense>

namespace waypost {
namespace {

using Real = long double;
using Vector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;

constexpr Real kFirstRadius = 1;         // of |D b|; see Deviations
constexpr Real kRankTolerance = 1e-11L;  // of singular values; the hardest certified set has 1e-5
constexpr int kMostTrials = 80;          // radii tried for one step
constexpr int kMostPolish = 200;         // Gauss-Newton steps at the end

// The curve at some parameters.
struct Point {
  Vector b;
  Vector residuals;  // f - y
  Real rss = std::numeric_limits<Real>::infinity();
  Matrix jacobian;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Problem {
 public:
  Problem(std::span<const double> y, const Curve& curve, std::size_t parameters)
      : y_(y), curve_(curve), slopes_(parameters) {}

  // rss is infinite where the curve or a slope is not finite.
  Point At(const Vector& b) {
    const auto rows = static_cast<Eigen::Index>(y_.size());
    Point point{b, Vector(rows), 0, Matrix(rows, b.size())};
    for (Eigen::Index i = 0; i < rows; ++i) {
      const auto row = static_cast<std::size_t>(i);
      const Real value = curve_(row, std::span(b.data(), static_cast<std::size_t>(b.size())), slopes_);
      point.residuals(i) = value - y_[row];
      bool finite = std::isfinite(value);
      for (Eigen::Index j = 0; j < b.size(); ++j) {
        point.jacobian(i, j) = slopes_[static_cast<std::size_t>(j)];
        finite = finite && std::isfinite(point.jacobian(i, j));
      }
      if (!finite) {
        point.rss = std::numeric_limits<Real>::infinity();
        return point;
      }
    }
    point.rss = point.residuals.squaredNorm();
    return point;
  }

 private:
  std::span<const double> y_;
  const Curve& curve_;
  std::vector<Real> slopes_;
};

// The steps that lead down from a point: for each lambda the minimum of |A q + r|^2 + lambda |q|^2, A = J / D, q = D p.
class Descent {
 public:
  Descent(const Point& point, const Vector& scale) : scale_(scale) {
    const Eigen::HouseholderQR<Matrix> qr(point.jacobian * scale.cwiseInverse().asDiagonal());
    const Eigen::Index p = scale.size();
    const Matrix triangle = qr.matrixQR().topRows(p).triangularView<Eigen::Upper>();
    Vector rotated = qr.householderQ().adjoint() * point.residuals;
    const Eigen::JacobiSVD<Matrix> svd(triangle, Eigen::ComputeFullU | Eigen::ComputeFullV);
    sigma_ = svd.singularValues();
    v_ = svd.matrixV();
    along_ = svd.matrixU().adjoint() * rotated.head(p);
  }

  // In units of scale; lambda = 0 is the Gauss-Newton step, without the directions of no slope.
  Vector Step(Real lambda) const {
    Vector inner(sigma_.size());
    for (Eigen::Index j = 0; j < sigma_.size(); ++j) {
      const bool flat = lambda == 0 && sigma_(j) <= kRankTolerance * sigma_(0);
      inner(j) = flat ? 0 : -sigma_(j) * along_(j) / (sigma_(j) * sigma_(j) + lambda);
    }
    return v_ * inner;
  }

  // A step of length `radius`, within a tenth, or the Gauss-Newton step where that is no longer.
  Vector StepWithin(Real radius, bool& full) const {
    Vector step = Step(0);
    full = step.norm() <= 1.1L * radius;
    if (full) return step;
    Real low = 0, high = sigma_.cwiseProduct(along_).norm() / radius;  // |Step(high)| <= radius
    Real lambda = 1e-3L * high;
    for (int round = 0; round < 200; ++round) {
      step = Step(lambda);
      const Real length = step.norm();
      if (std::abs(length - radius) <= 0.1L * radius) break;
      (length > radius ? low : high) = lambda;
      lambda = low == 0 ? 1e-3L * high : std::sqrt(low * high);
    }
    return step;
  }

  Vector Unscaled(const Vector& step) const { return step.cwiseQuotient(scale_); }

 private:
  Vector scale_;
  Vector sigma_;
  Matrix v_;
  Vector along_;  // of the residuals, by singular vector
};

Vector ColumnNorms(const Matrix& jacobian) {
  return jacobian.colwise().norm().transpose();
}

// 1 where a column is zero: it then stays out of every step.
Vector Divisors(Vector norms) {
  for (Real& norm : norms)
    if (!(norm > 0)) norm = 1;
  return norms;
}

// Goes down from `point` until no step lowers S. Returns the number of steps.
int Minimise(Problem& problem, const LeastSquaresOptions& options, Point& point) {
  Vector scale = Divisors(ColumnNorms(point.jacobian));
  // Of S: steps this small move the parameters by less than the tolerance's share of their standard errors.
  const Real small = static_cast<Real>(options.tolerance) * static_cast<Real>(options.tolerance) /
                     static_cast<Real>(point.residuals.size());
  Real radius = kFirstRadius * scale.cwiseProduct(point.b).norm();
  if (!(radius > 0)) radius = kFirstRadius;
  for (int steps = 0; steps < options.max_steps; ++steps) {
    scale = scale.cwiseMax(ColumnNorms(point.jacobian));
    const Descent descent(point, scale);
    bool lowered = false;
    for (int trial = 0; trial < kMostTrials && !lowered; ++trial) {
      bool full = false;
      const Vector scaled = descent.StepWithin(radius, full);
      const Vector step = descent.Unscaled(scaled);
      const Real length = scaled.norm();
      const Vector next_b = point.b + step;
      if (!(length > 0) || next_b == point.b) return steps;
      Point next = problem.At(next_b);
      const Real predicted = point.rss - (point.residuals + point.jacobian * step).squaredNorm();
      if (full && predicted <= small * point.rss) return steps;  // Polish does the rest
      const Real ratio = std::isfinite(next.rss) && predicted > 0 ? (point.rss - next.rss) / predicted : -1;
      if (steps == 0 && trial == 0) radius = std::min(radius, length);
      if (ratio < 0.25L) {
        radius = std::min(radius, length) * (ratio > 0 ? 0.25L : 0.1L);
      } else if (ratio > 0.75L || full) {
        radius = std::max(radius, 2 * length);
      }
      if (ratio > 1e-4L) {
        point = std::move(next);
        lowered = true;
      }
    }
    if (!lowered) return steps;
  }
  return options.max_steps;
}

// Gauss-Newton steps while they shrink. Returns the last one, taken or not.
Vector Polish(Problem& problem, const LeastSquaresOptions& options, Point& point) {
  Vector last;
  Real last_length = std::numeric_limits<Real>::infinity();
  for (int round = 0; round < kMostPolish; ++round) {
    const Descent descent(point, Divisors(ColumnNorms(point.jacobian)));
    const Vector scaled = descent.Step(0);
    const Vector step = descent.Unscaled(scaled);
    if (round == 0) last = step;
    if (!(scaled.norm() < last_length)) break;
    Point next = problem.At(point.b + step);
    // S is flat here: rounding may raise it, a step that leads away raises it more.
    if (!(next.rss <= point.rss * (1 + 1e-9L) + std::numeric_limits<Real>::min())) break;
    last = step;
    last_length = scaled.norm();
    const Real enough = 1e-3L * static_cast<Real>(options.tolerance);
    const bool settled = (step.array().abs() <= enough * next.b.array().abs()).all() ||
                         (point.jacobian * step).norm() <= enough * std::sqrt(point.rss);
    point = std::move(next);
    if (settled) break;
  }
  return last;
}

LeastSquaresFit Describe(const Point& point, const Vector& last, int steps, const LeastSquaresOptions& options) {
  const Eigen::Index n = point.residuals.size(), p = point.b.size();
  LeastSquaresFit fit;
  fit.steps = steps;
  for (const Real b : point.b) fit.parameters.push_back(static_cast<double>(b));
  for (const Real residual : point.residuals) fit.residuals.push_back(static_cast<double>(-residual));
  fit.rss = static_cast<double>(point.rss);
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  fit.standard_errors.assign(static_cast<std::size_t>(p), kNone);
  fit.covariance.assign(static_cast<std::size_t>(p * p), kNone);

  const Vector scale = Divisors(ColumnNorms(point.jacobian));
  const Eigen::JacobiSVD<Matrix> svd(
      Matrix(Eigen::HouseholderQR<Matrix>(point.jacobian * scale.cwiseInverse().asDiagonal())
                 .matrixQR()
                 .topRows(p)
                 .triangularView<Eigen::Upper>()),
      Eigen::ComputeFullV);
  const Vector sigma = svd.singularValues();
  const bool identified = sigma(0) > 0 && sigma(p - 1) > kRankTolerance * sigma(0);
  if (n > p) fit.residual_sd = static_cast<double>(std::sqrt(point.rss / static_cast<Real>(n - p)));
  if (identified && n > p) {
    const Matrix half = scale.cwiseInverse().asDiagonal() * svd.matrixV() * sigma.cwiseInverse().asDiagonal();
    const Matrix covariance = half * half.transpose() * (point.rss / static_cast<Real>(n - p));
    for (Eigen::Index j = 0; j < p; ++j) {
      fit.standard_errors[static_cast<std::size_t>(j)] = static_cast<double>(std::sqrt(covariance(j, j)));
      for (Eigen::Index k = 0; k < p; ++k)
        fit.covariance[static_cast<std::size_t>(j * p + k)] = static_cast<double>(covariance(j, k));
    }
  }
  bool settled = last.size() == p;
  for (Eigen::Index j = 0; j < p && settled; ++j) {
    const double error = fit.standard_errors[static_cast<std::size_t>(j)];
    const Real size = std::max(std::abs(point.b(j)), std::isfinite(error) ? static_cast<Real>(error) : 0);
    settled = std::abs(last(j)) <= static_cast<Real>(options.tolerance) * size;
  }
  fit.status = !identified ? FitStatus::kNotIdentified : settled ? FitStatus::kConverged : FitStatus::kNotConverged;
  return fit;
}

}  // namespace

absl::Status Validate(const LeastSquaresOptions& options) {
  if (options.max_steps < 1 || options.max_steps > 1'000'000)
    return absl::InvalidArgumentError(
        absl::StrCat("LeastSquaresOptions.max_steps: want 1..1000000, got ", options.max_steps));
  if (!(options.tolerance > 0 && options.tolerance < 1))
    return absl::InvalidArgumentError(
        absl::StrCat("LeastSquaresOptions.tolerance: want a value between 0 and 1, got ", options.tolerance));
  return absl::OkStatus();
}

absl::StatusOr<LeastSquaresFit> FitLeastSquares(std::span<const double> y, const Curve& curve,
                                                std::span<const double> start, const LeastSquaresOptions& options) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  if (start.empty()) return absl::InvalidArgumentError("FitLeastSquares.start: want a parameter, got none");
  if (y.size() < start.size())
    return absl::InvalidArgumentError(
        absl::StrCat("FitLeastSquares.y: want at least ", start.size(), " values, got ", y.size()));
  for (std::size_t n = 0; n < y.size(); ++n)
    if (!std::isfinite(y[n]))
      return absl::InvalidArgumentError(absl::StrCat("FitLeastSquares.y: want finite values, got ", y[n], " at ", n));
  Vector b(static_cast<Eigen::Index>(start.size()));
  for (std::size_t j = 0; j < start.size(); ++j) b(static_cast<Eigen::Index>(j)) = start[j];
  Problem problem(y, curve, start.size());
  Point point = problem.At(b);
  if (!b.allFinite() || !std::isfinite(point.rss))
    return absl::InvalidArgumentError("FitLeastSquares.start: want a start where the curve is finite");
  const int steps = Minimise(problem, options, point);
  const Vector last = Polish(problem, options, point);
  return Describe(point, last, steps, options);
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("FitLeastSquares: memory");
}

}  // namespace waypost
