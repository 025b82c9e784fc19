// The definition of iALS as loops in double precision.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_IALS_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_IALS_HPP_

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/ials_options.hpp"

namespace waypost::reference {

using Rows = std::vector<std::vector<double>>;

inline double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

// Gaussian elimination with row exchanges.
inline std::vector<double> NaiveSolve(Rows matrix, std::vector<double> right) {
  const std::size_t n = right.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t best = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::abs(matrix[i][k]) > std::abs(matrix[best][k])) best = i;
    std::swap(matrix[k], matrix[best]);
    std::swap(right[k], right[best]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = matrix[i][k] / matrix[k][k];
      for (std::size_t j = k; j < n; ++j) matrix[i][j] -= factor * matrix[k][j];
      right[i] -= factor * right[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) right[k] -= matrix[k][j] * right[j];
    right[k] /= matrix[k][k];
  }
  return right;
}

inline Rows NaiveGramian(const Rows& factors, std::size_t d) {
  Rows gramian(d, std::vector<double>(d, 0.0));
  for (const std::vector<double>& row : factors)
    for (std::size_t a = 0; a < d; ++a)
      for (std::size_t b = 0; b < d; ++b) gramian[a][b] += row[a] * row[b];
  return gramian;
}

inline double NaiveLambda(const IalsOptions& options, std::size_t entries, std::size_t other_rows) {
  const double count = static_cast<double>(entries) +
                       static_cast<double>(options.unobserved_weight.value()) * static_cast<double>(other_rows);
  return options.regularization * std::pow(count, options.regularization_exponent);
}

// The matrix sum_j c_j h_j h_j^T + alpha0 H^T H + lambda I of one row's normal equations.
inline Rows NaiveSystem(const SparseRowView& row, const Rows& fixed, const Rows& gramian, const IalsOptions& options) {
  const std::size_t d = gramian.size();
  Rows system = gramian;
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = 0; b < d; ++b) {
      system[a][b] *= options.unobserved_weight.value();
      for (std::size_t n = 0; n < row.size(); ++n)
        system[a][b] += static_cast<double>(row.value(n)) * fixed[row.columns[n]][a] * fixed[row.columns[n]][b];
    }
    system[a][a] += NaiveLambda(options, row.size(), fixed.size());
  }
  return system;
}

// The minimum of one row; zero for a row without entries.
inline std::vector<double> NaiveRow(const SparseRowView& row, const Rows& fixed, const Rows& gramian,
                                    const IalsOptions& options) {
  const std::size_t d = gramian.size();
  std::vector<double> right(d, 0.0);
  if (row.empty()) return right;
  for (std::size_t n = 0; n < row.size(); ++n)
    for (std::size_t a = 0; a < d; ++a) right[a] += static_cast<double>(row.value(n)) * fixed[row.columns[n]][a];
  return NaiveSolve(NaiveSystem(row, fixed, gramian, options), right);
}

// The whole objective, pair by pair.
inline double NaiveLoss(const InteractionMatrix& matrix, const Rows& users, const Rows& items,
                        const IalsOptions& options) {
  double loss = 0;
  for (std::size_t u = 0; u < matrix.users(); ++u) {
    const SparseRowView row = matrix.user_item().row(u);
    for (const std::vector<double>& item : items) {
      const double score = Dot(users[u], item);
      loss += static_cast<double>(options.unobserved_weight.value()) * score * score;
    }
    for (std::size_t n = 0; n < row.size(); ++n) {
      const double error = Dot(users[u], items[row.columns[n]]) - 1;
      loss += static_cast<double>(row.value(n)) * error * error;
    }
    loss += NaiveLambda(options, row.size(), matrix.items()) * Dot(users[u], users[u]);
  }
  for (std::size_t i = 0; i < matrix.items(); ++i)
    loss += NaiveLambda(options, matrix.item_user().row_size(i), matrix.users()) * Dot(items[i], items[i]);
  return loss;
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_IALS_HPP_
