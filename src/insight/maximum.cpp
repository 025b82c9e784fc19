#include "insight/maximum.hpp"

#include <algorithm>
#include <limits>

#include <Eigen/Dense>

namespace waypost::internal {
namespace {

using Real = long double;
using Vector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;
using Function = std::function<Real(std::span<const Real>)>;

constexpr Real kStep = 1e-4L;
constexpr int kMostSteps = 200;
constexpr int kMostRidges = 60;
constexpr Real kSettled = 1e-9L;  // a step of the logarithms
constexpr Real kFarthest = 60;    // of a logarithm: beyond, the likelihood has no maximum
constexpr Real kFlat = 1e-9L;     // curvature of a direction in which it is as flat as differences can tell

Real ValueAt(const Function& f, const Vector& z) {
  const Vector x = z.array().exp();
  const Real value = f(std::span(x.data(), static_cast<std::size_t>(x.size())));
  return std::isnan(value) ? -std::numeric_limits<Real>::infinity() : value;
}

struct Local {
  Vector gradient;
  Matrix hessian;
};

Local DerivativesAt(const Function& f, const Vector& z, Real value) {
  const Eigen::Index p = z.size();
  Local local{Vector(p), Matrix(p, p)};
  const auto moved = [&](Eigen::Index j, Real by_j, Eigen::Index k, Real by_k) {
    Vector at = z;
    at(j) += by_j * kStep;
    at(k) += by_k * kStep;
    return ValueAt(f, at);
  };
  for (Eigen::Index j = 0; j < p; ++j) {
    const Real above = moved(j, 1, j, 0), below = moved(j, -1, j, 0);
    const Real above2 = moved(j, 2, j, 0), below2 = moved(j, -2, j, 0);
    local.gradient(j) = (8 * (above - below) - (above2 - below2)) / (12 * kStep);
    local.hessian(j, j) = (16 * (above + below) - (above2 + below2) - 30 * value) / (12 * kStep * kStep);
    for (Eigen::Index k = 0; k < j; ++k)
      local.hessian(j, k) = local.hessian(k, j) =
          (moved(j, 1, k, 1) - moved(j, 1, k, -1) - moved(j, -1, k, 1) + moved(j, -1, k, -1)) / (4 * kStep * kStep);
  }
  return local;
}

}  // namespace

Maximum Maximise(const Function& f, std::span<const double> start) {
  Vector z(static_cast<Eigen::Index>(start.size()));
  for (std::size_t j = 0; j < start.size(); ++j)
    z(static_cast<Eigen::Index>(j)) = std::log(static_cast<Real>(start[j]));
  Real value = ValueAt(f, z);
  bool settled = false;
  Real ridge = 0;
  Local local;
  for (int step = 0; step < kMostSteps && std::isfinite(value) && !settled; ++step) {
    local = DerivativesAt(f, z, value);
    if (!local.gradient.allFinite() || !local.hessian.allFinite()) break;
    const Eigen::SelfAdjointEigenSolver<Matrix> eigen(-local.hessian);
    const Real least = eigen.eigenvalues()(0), most = eigen.eigenvalues().cwiseAbs().maxCoeff();
    if (!(most > 0)) break;
    const Real floor = least < 1e-12L * most ? 1e-6L * most - least : 0;  // makes it definite
    const Vector along = eigen.eigenvectors().transpose() * local.gradient;
    bool risen = false;
    for (int trial = 0; trial < kMostRidges && !risen && !settled; ++trial) {
      Vector move =
          eigen.eigenvectors() * along.cwiseQuotient((eigen.eigenvalues().array() + std::max(ridge, floor)).matrix());
      const Real longest = move.cwiseAbs().maxCoeff();
      if (longest > 2) move *= 2 / longest;
      const Real next = ValueAt(f, z + move);
      if (next >= value || longest <= kSettled) {
        settled = longest <= kSettled && floor == 0 && ridge == 0;
        if (next >= value) {
          z += move;
          value = next;
        }
        risen = true;
        ridge = ridge < 1e-9L * most ? 0 : ridge / 10;
      } else {
        ridge = std::max({4 * ridge, floor, 1e-6L * most});
      }
    }
    if (!risen || z.cwiseAbs().maxCoeff() > kFarthest) break;
  }

  Maximum maximum;
  maximum.value = static_cast<double>(value);
  for (const Real logarithm : z) maximum.at.push_back(static_cast<double>(std::exp(logarithm)));
  maximum.log_errors.assign(start.size(), std::numeric_limits<double>::quiet_NaN());
  if (local.hessian.size() > 0 && local.hessian.allFinite()) {
    const Eigen::SelfAdjointEigenSolver<Matrix> eigen(-local.hessian);
    const bool curved = eigen.eigenvalues()(0) > kFlat * std::max<Real>(1, eigen.eigenvalues().maxCoeff());
    if (settled && curved) {
      const Matrix covariance = (-local.hessian).inverse();
      for (std::size_t j = 0; j < start.size(); ++j) {
        const auto index = static_cast<Eigen::Index>(j);
        maximum.log_errors[j] = static_cast<double>(std::sqrt(covariance(index, index)));
      }
    }
    maximum.status = !curved || z.cwiseAbs().maxCoeff() > kFarthest / 2 ? FitStatus::kNotIdentified
                     : settled                                          ? FitStatus::kConverged
                                                                        : FitStatus::kNotConverged;
  }
  return maximum;
}

}  // namespace waypost::internal
