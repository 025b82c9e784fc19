// waypost/model/item_knn_terms.hpp - the four similarities of item_knn.hpp in one form.
//
// Definition   W(j, i) = g_j h_i sum over users u of w_u t(u, j) t(u, i)
//
//   degree     t = x                       w_u = s_u^-c             g_j = s_j^-a                 h_i = s_i^-b
//   cosine     t = x                       w_u = 1                  g_j = |t_j|^-1               h_i = |t_i|^-1
//   tfidf      t = sqrt(x)                 w_u = idf_u^2            g_j = |sqrt(w) t_j|^-1       h_i the same
//   bm25       t = x (k1+1) / (k1 L_i + x) w_u = idf_u^2            g_j = 1                      h_i = 1
//
// with x the strength of the pair, s a row or column sum of strengths, |t_j| the length of item j's column of t,
// idf_u = ln((1 + items) / (1 + items of u)) and L_i = 1 - b + b s_i / (mean of s over items with users).
#ifndef WAYPOST_MODEL_ITEM_KNN_TERMS_HPP_
#define WAYPOST_MODEL_ITEM_KNN_TERMS_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/item_knn_options.hpp"

namespace waypost::internal {

struct KnnTerms {
  SparseMatrix user_item;  // t; values empty where every t is 1
  SparseMatrix item_user;  // its transpose
  std::vector<double> user_weight;
  std::vector<double> source_factor;
  std::vector<double> target_factor;
};

inline std::vector<double> RowSums(const SparseMatrix& matrix) {
  std::vector<double> sums(matrix.rows());
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    const SparseRowView entries = matrix.row(row);
    for (std::size_t n = 0; n < entries.size(); ++n) sums[row] += entries.value(n);
  }
  return sums;
}

// sum^-exponent, and 0 for an empty row: it has no pairs.
inline std::vector<double> NegativePowers(const std::vector<double>& sums, double exponent) {
  std::vector<double> powers(sums.size());
  for (std::size_t n = 0; n < sums.size(); ++n) powers[n] = sums[n] > 0 ? std::pow(sums[n], -exponent) : 0;
  return powers;
}

inline std::vector<double> SquaredUserIdf(const SparseMatrix& user_item) {
  std::vector<double> weights(user_item.rows());
  for (std::size_t user = 0; user < weights.size(); ++user) {
    const double idf = std::log((1.0 + static_cast<double>(user_item.columns())) /
                                (1.0 + static_cast<double>(user_item.row_size(user))));
    weights[user] = idf * idf;
  }
  return weights;
}

// 1 / |sqrt(w) t_j| of every item.
inline std::vector<double> InverseLengths(const SparseMatrix& item_user, const std::vector<double>& user_weight) {
  std::vector<double> squares(item_user.rows());
  for (std::size_t item = 0; item < squares.size(); ++item) {
    const SparseRowView users = item_user.row(item);
    for (std::size_t n = 0; n < users.size(); ++n) {
      const double t = users.value(n);
      squares[item] += user_weight[users.columns[n]] * t * t;
    }
  }
  return NegativePowers(squares, 0.5);
}

// The matrix with `change(value, column)` for its values.
template <typename Change>
SparseMatrix ChangeValues(const SparseMatrix& matrix, const Change& change) {
  AlignedVector<float> values(matrix.entries());
  for (std::size_t n = 0; n < values.size(); ++n)
    values[n] = static_cast<float>(change(matrix.values()[n], matrix.column_indices()[n]));
  return SparseMatrix(matrix.columns(), matrix.offsets(), matrix.column_indices(),
                      SharedArray<float>(std::move(values)));
}

inline KnnTerms Bm25Terms(const InteractionMatrix& matrix, const ItemKnnOptions& options,
                          const Parallelism& parallelism) {
  const double k1 = options.bm25_k1.value_or(kDefaultBm25K1);
  const double b = options.bm25_b.value_or(kDefaultBm25B);
  std::vector<double> sums = RowSums(matrix.item_user());
  double total = 0;
  std::size_t met = 0;
  for (double sum : sums) {
    total += sum;
    met += sum > 0 ? 1 : 0;
  }
  const double mean = met > 0 ? total / static_cast<double>(met) : 1;
  const auto term = [&](double x, std::size_t item) {
    return x * (k1 + 1) / (k1 * (1 - b + b * sums[item] / mean) + x);
  };

  KnnTerms terms{matrix.user_item(), matrix.item_user(), SquaredUserIdf(matrix.user_item()), {}, {}};
  terms.source_factor.assign(matrix.items(), 1.0);
  if (matrix.user_item().weighted()) {
    terms.user_item = ChangeValues(matrix.user_item(), term);
    terms.item_user = Transpose(terms.user_item, parallelism);
  } else {  // t(u, i) depends on i alone: the product stays one of ones
    for (std::size_t item = 0; item < matrix.items(); ++item) terms.source_factor[item] = term(1, item);
  }
  terms.target_factor = terms.source_factor;
  return terms;
}

inline KnnTerms MakeKnnTerms(const InteractionMatrix& matrix, const ItemKnnOptions& options,
                             const Parallelism& parallelism) {
  if (options.similarity == KnnSimilarity::kBm25) return Bm25Terms(matrix, options, parallelism);
  KnnTerms terms{matrix.user_item(), matrix.item_user(), {}, {}, {}};
  if (options.similarity == KnnSimilarity::kDegree) {
    const std::vector<double> item_sums = RowSums(matrix.item_user());
    terms.user_weight =
        NegativePowers(RowSums(matrix.user_item()), options.user_exponent.value_or(kDefaultUserExponent));
    terms.source_factor = NegativePowers(item_sums, options.source_exponent.value_or(kDefaultSourceExponent));
    terms.target_factor = NegativePowers(item_sums, options.target_exponent.value_or(kDefaultTargetExponent));
    return terms;
  }
  if (options.similarity == KnnSimilarity::kTfIdf) {
    terms.user_weight = SquaredUserIdf(matrix.user_item());
    if (matrix.user_item().weighted()) {
      terms.user_item = ChangeValues(matrix.user_item(), [](double x, std::size_t) { return std::sqrt(x); });
      terms.item_user = Transpose(terms.user_item, parallelism);
    }
  } else {
    terms.user_weight.assign(matrix.users(), 1.0);
  }
  terms.source_factor = InverseLengths(terms.item_user, terms.user_weight);
  terms.target_factor = terms.source_factor;
  return terms;
}

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_ITEM_KNN_TERMS_HPP_
