// Logistic matrix factorization copied from its definition, in float64 over all pairs.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_LOGISTIC_MF_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_LOGISTIC_MF_HPP_

#include <cmath>
#include <cstddef>
#include <vector>

#include "reference/naive_item_knn.hpp"
#include "waypost/model/logistic_mf_model.hpp"

namespace waypost::reference {

using Vector = std::vector<double>;

inline Vector RowOf(const FactorMatrix& table, std::size_t row) {
  return Vector(table.row(row), table.row(row) + table.dimensions());
}

inline double Product(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

// The terms of a user: sum over the items i of omega_i log(1 + exp z_i) + alpha r_i (log(1 + exp z_i) - z_i).
struct NaiveUserProblem {
  std::vector<Vector> items;
  Vector omega;
  Vector weight;  // alpha r_i, 0 without an interaction
  double lambda = 0;

  double Objective(const Vector& w) const {
    double sum = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const double z = Product(w, items[i]);
      sum += (omega[i] + weight[i]) * std::log1p(std::exp(z)) - weight[i] * z;
    }
    for (std::size_t k = 0; k + 1 < w.size(); ++k) sum += lambda / 2 * w[k] * w[k];  // the last stays 1
    return sum;
  }

  Vector Gradient(const Vector& w) const {
    Vector gradient(w.size(), 0.0);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const double s = 1 / (1 + std::exp(-Product(w, items[i])));
      const double slope = (omega[i] + weight[i]) * s - weight[i];
      for (std::size_t k = 0; k < w.size(); ++k) gradient[k] += slope * items[i][k];
    }
    for (std::size_t k = 0; k < w.size(); ++k) gradient[k] += lambda * w[k];
    gradient.back() = 0;
    return gradient;
  }
};

inline NaiveUserProblem UserProblem(const LogisticMfModel& model, const SparseRowView& history) {
  NaiveUserProblem problem{{}, {}, Vector(model.item_count(), 0.0), model.options().regularization};
  for (std::size_t i = 0; i < model.item_count(); ++i) problem.items.push_back(RowOf(model.item_factors(), i));
  const LogisticBackground& background = model.background();
  problem.omega.assign(model.item_count(), background.rows.empty() ? 1.0 : 0.0);
  for (std::size_t n = 0; n < background.rows.size(); ++n) problem.omega[background.rows[n]] = background.weights[n];
  for (std::size_t n = 0; n < history.size(); ++n)
    problem.weight[history.columns[n]] = static_cast<double>(model.options().positive_weight) * history.value(n);
  return problem;
}

// The whole objective, over all pairs.
inline double NaiveLogisticObjective(const InteractionMatrix& matrix, const LogisticMfModel& model) {
  const DenseMatrix r = Dense(matrix.user_item());
  const std::size_t d = model.dimensions();
  double sum = 0;
  for (std::size_t u = 0; u < matrix.users(); ++u) {
    const Vector x = RowOf(model.user_factors(), u);
    for (std::size_t i = 0; i < matrix.items(); ++i) {
      const double weight = model.options().positive_weight * r[u][i];
      const double z = Product(x, RowOf(model.item_factors(), i));
      sum += (1 + weight) * std::log1p(std::exp(z)) - weight * z;
    }
  }
  const auto add_squares = [&](const FactorMatrix& table, std::size_t fixed) {
    for (std::size_t row = 0; row < table.rows(); ++row)
      for (std::size_t k = 0; k < d; ++k)
        if (k != fixed) sum += model.options().regularization / 2.0 * table.row(row)[k] * table.row(row)[k];
  };
  add_squares(model.user_factors(), d - 1);
  add_squares(model.item_factors(), d - 2);
  return sum;
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_LOGISTIC_MF_HPP_
