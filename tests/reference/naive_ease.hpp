// EASE as its definition, by a dense inverse in float64.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_EASE_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_EASE_HPP_

#include <cstddef>

#include <Eigen/Dense>

#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost::reference {

inline Eigen::MatrixXd DenseInteractions(const InteractionMatrix& matrix) {
  Eigen::MatrixXd x =
      Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(matrix.users()), static_cast<Eigen::Index>(matrix.items()));
  for (std::size_t user = 0; user < matrix.users(); ++user) {
    const SparseRowView row = matrix.user_item().row(user);
    for (std::size_t n = 0; n < row.size(); ++n) x(static_cast<Eigen::Index>(user), row.columns[n]) = row.value(n);
  }
  return x;
}

// B = I - P diag(1 / diag(P)), P = (X^T X + lambda I)^-1.
inline Eigen::MatrixXd NaiveEase(const InteractionMatrix& matrix, double lambda) {
  const Eigen::MatrixXd x = DenseInteractions(matrix);
  Eigen::MatrixXd gram = x.transpose() * x;
  gram.diagonal().array() += lambda;
  const Eigen::MatrixXd inverse = gram.inverse();
  Eigen::MatrixXd weights = -inverse * inverse.diagonal().cwiseInverse().asDiagonal();
  weights.diagonal().setZero();
  return weights;
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_EASE_HPP_
