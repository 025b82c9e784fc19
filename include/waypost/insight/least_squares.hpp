// waypost/insight/least_squares.hpp - nonlinear least squares: the curve nearest to a list of numbers.
//
// Objective    S(b) = sum_i (f_i(b) - y_i)^2 over parameters b, from a start. With the Jacobian J_ij = d f_i / d b_j
//              and the residuals r = f - y, a step solves min |J p + r|^2 + lambda |D p|^2, D the largest norms of
//              J's columns so far, and lambda such that |D p| is within a radius that grows and shrinks with the
//              ratio of the actual to the predicted decrease [1, 2]. Standard errors: s^2 (J^T J)^-1, s^2 = S / (n -
//              p) [3].
// Sources      [1] D. Marquardt, An Algorithm for Least-Squares Estimation of Nonlinear Parameters, J. SIAM 11(2),
//              1963.
//              [2] J. More, The Levenberg-Marquardt Algorithm: Implementation and Theory, LNM 630, 1978.
//              [3] D. Bates, D. Watts, Nonlinear Regression Analysis and Its Applications, 1988.
// Deviations   The first radius is |D b| (100 |D b| in [2]): from there BoxBOD's first step of the certified sets
//              [4] no longer leaps to where the curve is flat. The scaled Jacobian is reduced by QR, and its
//              triangle by singular values, which give every lambda and say what is not identified. Once S falls no
//              further, plain Gauss-Newton steps go on while they shrink: S is flat at its minimum, the parameters
//              are not.
//              [4] NIST Statistical Reference Datasets, nonlinear regression.
// Complexity   a step O(n p^2) and a few more calls of f; p is small.
// Numerics     long double throughout; parameters and errors are returned as double. Columns are scaled to length 1
//              before anything is compared, so units do not matter.
// Determinism  one thread, no random numbers.
// Checked by   tests/data/nist_test.cpp (27 certified sets from both starts),
//              tests/unit/insight_least_squares_test.cpp.
#ifndef WAYPOST_INSIGHT_LEAST_SQUARES_HPP_
#define WAYPOST_INSIGHT_LEAST_SQUARES_HPP_

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

// Returns f_row(b) and writes its derivatives by each parameter to `slopes`; a value that is not finite says that f
// is not defined there. waypost/insight/dual.hpp writes the derivatives of a formula.
using Curve =
    std::function<long double(std::size_t row, std::span<const long double> b, std::span<long double> slopes)>;

enum class FitStatus {
  kConverged,
  kNotIdentified,  // other parameters fit as well: the Jacobian has no full rank there
  kNotConverged,   // the steps ended, or stalled, before the parameters settled
};

// Options of FitLeastSquares. Aggregate: use designated initializers.
struct LeastSquaresOptions {
  // Most steps, 1..1000000. Easy curves take 10, the hardest certified ones about 1000.
  int max_steps = 5000;
  // Converged when the last step changes each parameter by less than this share of it, or of its standard error.
  double tolerance = 1e-10;
};
absl::Status Validate(const LeastSquaresOptions& options);

struct LeastSquaresFit {
  FitStatus status = FitStatus::kNotConverged;
  int steps = 0;
  std::vector<double> parameters;
  std::vector<double> standard_errors;  // NaN where there is none: not identified, or as many parameters as numbers
  std::vector<double> covariance;       // p x p, row-major, of the parameters; NaN likewise
  std::vector<double> residuals;        // y - f
  double rss = std::numeric_limits<double>::quiet_NaN();
  double residual_sd = std::numeric_limits<double>::quiet_NaN();  // NaN with as many parameters as numbers
};

// Fits a curve to `y`.
//
//   start    of the parameters; where it ends up depends on it when S has several minima.
// Errors     kInvalidArgument: options, fewer numbers than parameters, none of either, a value that is not finite, a
//            start at which the curve is not finite.
absl::StatusOr<LeastSquaresFit> FitLeastSquares(std::span<const double> y, const Curve& curve,
                                                std::span<const double> start, const LeastSquaresOptions& options = {});

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_LEAST_SQUARES_HPP_
