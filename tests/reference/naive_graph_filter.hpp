// Graph filters copied from their definitions: dense, in float64, with an exact decomposition.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_GRAPH_FILTER_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_GRAPH_FILTER_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <Eigen/Dense>

#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/graph_filter_options.hpp"

namespace waypost::reference {

inline Eigen::MatrixXd DenseInteractions(const InteractionMatrix& matrix) {
  Eigen::MatrixXd dense =
      Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(matrix.users()), static_cast<Eigen::Index>(matrix.items()));
  for (std::size_t user = 0; user < matrix.users(); ++user) {
    const SparseRowView row = matrix.user_item().row(user);
    for (std::size_t n = 0; n < row.size(); ++n) dense(static_cast<Eigen::Index>(user), row.columns[n]) = row.value(n);
  }
  return dense;
}

struct NaiveFilter {
  Eigen::MatrixXd linear;    // P
  Eigen::MatrixXd low_pass;  // L

  NaiveFilter(const InteractionMatrix& matrix, int dimensions) {
    const auto inverse_root = [](double sum) { return sum > 0 ? 1 / std::sqrt(sum) : 0.0; };
    const Eigen::MatrixXd x = DenseInteractions(matrix);
    const Eigen::VectorXd users = x.rowwise().sum().unaryExpr(inverse_root);
    const Eigen::VectorXd items = x.colwise().sum().transpose().unaryExpr(inverse_root);
    const Eigen::MatrixXd n = users.asDiagonal() * x * items.asDiagonal();
    linear = n.transpose() * n;
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(n, Eigen::ComputeThinV);
    const Eigen::Index kept = std::min<Eigen::Index>(dimensions, svd.matrixV().cols());
    const Eigen::MatrixXd v = svd.matrixV().leftCols(kept);
    const Eigen::VectorXd roots = items.unaryExpr([](double scale) { return scale > 0 ? 1 / scale : 0.0; });
    low_pass = items.asDiagonal() * v * v.transpose() * roots.asDiagonal();
  }

  Eigen::MatrixXd GfCf(const Eigen::MatrixXd& histories, double weight) const {
    return histories * linear + weight * histories * low_pass;
  }

  Eigen::MatrixXd Bspm(const Eigen::MatrixXd& histories, const BspmOptions& options) const {
    const double weight = options.low_pass_weight;
    Eigen::MatrixXd y = histories * linear;
    if (options.merge == FilterMerge::kEarly) y += weight * histories * low_pass;
    const double h = static_cast<double>(options.sharpening_time) / options.sharpening_steps;
    const auto slope = [&](const Eigen::MatrixXd& at) -> Eigen::MatrixXd { return -at * linear; };
    for (int step = 0; step < options.sharpening_steps; ++step) {
      const Eigen::MatrixXd k1 = slope(y);
      if (options.sharpening_solver == SharpeningSolver::kEuler) {
        y += h * k1;
        continue;
      }
      const Eigen::MatrixXd k2 = slope(y + h / 2 * k1);
      const Eigen::MatrixXd k3 = slope(y + h / 2 * k2);
      const Eigen::MatrixXd k4 = slope(y + h * k3);
      y += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    }
    if (options.merge == FilterMerge::kLate) y += weight * histories * low_pass;
    return y;
  }
};

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_GRAPH_FILTER_HPP_
