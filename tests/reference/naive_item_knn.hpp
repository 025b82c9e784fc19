// Item-item similarities copied from their definitions, dense and in float64.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_ITEM_KNN_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_ITEM_KNN_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/item_knn_options.hpp"

namespace waypost::reference {

using DenseMatrix = std::vector<std::vector<double>>;

inline DenseMatrix Dense(const SparseMatrix& matrix) {
  DenseMatrix dense(matrix.rows(), std::vector<double>(matrix.columns(), 0.0));
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    const SparseRowView entries = matrix.row(row);
    for (std::size_t n = 0; n < entries.size(); ++n) dense[row][entries.columns[n]] = entries.value(n);
  }
  return dense;
}

// All similarities W(j, i), nothing left out; the diagonal is 0.
inline DenseMatrix NaiveSimilarities(const InteractionMatrix& matrix, const ItemKnnOptions& options) {
  const DenseMatrix x = Dense(matrix.user_item());
  const std::size_t users = matrix.users();
  const std::size_t items = matrix.items();
  std::vector<double> user_sum(users, 0.0), user_count(users, 0.0), item_sum(items, 0.0);
  double total = 0, met = 0;
  for (std::size_t u = 0; u < users; ++u) {
    for (std::size_t i = 0; i < items; ++i) {
      user_sum[u] += x[u][i];
      user_count[u] += x[u][i] > 0;
      item_sum[i] += x[u][i];
    }
  }
  for (std::size_t i = 0; i < items; ++i) {
    total += item_sum[i];
    met += item_sum[i] > 0;
  }
  const auto idf = [&](std::size_t u) { return std::log((1 + static_cast<double>(items)) / (1 + user_count[u])); };
  const auto cosine = [&](const DenseMatrix& t, std::size_t j, std::size_t i) {
    double dot = 0, jj = 0, ii = 0;
    for (std::size_t u = 0; u < users; ++u) {
      dot += t[u][j] * t[u][i];
      jj += t[u][j] * t[u][j];
      ii += t[u][i] * t[u][i];
    }
    return dot == 0 ? 0.0 : dot / std::sqrt(jj * ii);
  };

  DenseMatrix t = x;
  const double k1 = options.bm25_k1.value_or(kDefaultBm25K1), b = options.bm25_b.value_or(kDefaultBm25B);
  for (std::size_t u = 0; u < users; ++u) {
    for (std::size_t i = 0; i < items; ++i) {
      if (x[u][i] == 0) continue;
      if (options.similarity == KnnSimilarity::kTfIdf) t[u][i] = std::sqrt(x[u][i]) * idf(u);
      if (options.similarity == KnnSimilarity::kBm25)
        t[u][i] = idf(u) * x[u][i] * (k1 + 1) / (x[u][i] + k1 * (1 - b + b * item_sum[i] / (total / met)));
    }
  }

  DenseMatrix w(items, std::vector<double>(items, 0.0));
  for (std::size_t j = 0; j < items; ++j) {
    for (std::size_t i = 0; i < items; ++i) {
      if (i == j) continue;
      if (options.similarity == KnnSimilarity::kCosine || options.similarity == KnnSimilarity::kTfIdf) {
        w[j][i] = cosine(t, j, i);
        continue;
      }
      for (std::size_t u = 0; u < users; ++u) {
        if (x[u][j] == 0 || x[u][i] == 0) continue;
        if (options.similarity == KnnSimilarity::kBm25) {
          w[j][i] += t[u][j] * t[u][i];
        } else {
          w[j][i] += x[u][j] * x[u][i] / std::pow(user_sum[u], options.user_exponent.value_or(kDefaultUserExponent)) /
                     std::pow(item_sum[j], options.source_exponent.value_or(kDefaultSourceExponent)) /
                     std::pow(item_sum[i], options.target_exponent.value_or(kDefaultTargetExponent));
        }
      }
    }
  }
  return w;
}

// Sets all but the n largest of each row to 0, ties to the lower index; n = 0 keeps all.
inline void NaiveKeepCount(DenseMatrix& w, std::size_t n) {
  if (n == 0) return;
  for (std::vector<double>& row : w) {
    std::vector<std::size_t> order(row.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t c) { return row[a] > row[c]; });
    for (std::size_t place = n; place < order.size(); ++place) row[order[place]] = 0;
  }
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_ITEM_KNN_HPP_
