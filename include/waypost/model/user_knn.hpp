// waypost/model/user_knn.hpp - user-user nearest neighbours: who learned what you did also learned that.
//
// Definition   score(u, i) = sum over v in N(u) of w(u, v) x(v, i), with x the strength of an interaction and w(u, v) =
//              sim(u, v)^q, q the exponent:
//                cosine   the cosine of the users' rows
//                tfidf    the cosine after x -> sqrt(x) idf_i, idf_i = ln((1 + U) / (1 + n_i)): an item of many users
//                         says less
//                bm25     sum over i of idf_i x(u, i) (k1 + 1) x(v, i) / (x(v, i) + K_v), K_v = k1 (1 - b + b s_v /
//                         mean s), idf_i = ln(1 + (U - n_i + 1/2) / (n_i + 1/2)): the history asks, users answer [2]
//              with n_i the users of an item, s_v the sum of a user's strengths. N(u) are the `neighbours` most similar
//              of the stored users that have an item which u has not; ties keep the lower index.
// Sources      [1] J. Herlocker, J. Konstan, A. Borchers, J. Riedl, An Algorithmic Framework for Performing
//                  Collaborative Filtering, SIGIR 1999. [2] S. Robertson, H. Zaragoza, The Probabilistic Relevance
//                  Framework: BM25 and Beyond, 2009. [3] F. Aiolli, Efficient Top-N Recommendation for Very Large Scale
//                  Binary Rated Datasets, RecSys 2013 (the exponent q, "locality").
// Deviations   users who have nothing that u has not take no place among the neighbours: they could not recommend
//              anything. So u, whose row is stored, is no neighbour of its own, and a stranger with the same history
//              has the same neighbours.
// Neighbours are found when they are asked for, one sparse row times the item-user matrix a query, many queries in
//              parallel: their number, which grows with the square of an item's users, is never held.
// Complexity   training: time and memory O(entries). A query: the interactions of the history's items and of its
//              neighbours, and the items.
// Numerics     sums in float64; stored terms and returned scores are float32. With q != 1 weights are powers of the
//              share of the nearest neighbour's similarity, times that: one factor for all scores of a user.
// Determinism  sums run over the history, then over the neighbours, both ascending.
// Checked by   tests/unit/model_user_knn_test.cpp against tests/reference/naive_user_knn.hpp; laws; the contract suite.
#ifndef WAYPOST_MODEL_USER_KNN_HPP_
#define WAYPOST_MODEL_USER_KNN_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/model/training.hpp"
#include "waypost/model/user_knn_model.hpp"
#include "waypost/model/user_knn_options.hpp"

namespace waypost {
namespace internal {

inline SharedArray<float> UserKnnItemWeights(const InteractionMatrix& matrix, UserSimilarity similarity) {
  AlignedVector<float> weights(matrix.items(), 1.0f);
  const auto users = static_cast<double>(matrix.users());
  for (std::size_t item = 0; item < weights.size(); ++item) {
    const auto n = static_cast<double>(matrix.item_user().row_size(item));
    if (similarity == UserSimilarity::kTfIdf) {
      const double idf = std::log((1 + users) / (1 + n));
      weights[item] = static_cast<float>(idf * idf);
    } else if (similarity == UserSimilarity::kBm25) {
      weights[item] = static_cast<float>(std::log1p((users - n + 0.5) / (n + 0.5)));
    }
  }
  return SharedArray<float>(std::move(weights));
}

inline double SumOfStrengths(const SparseRowView& row) {
  double sum = 0;
  for (std::size_t n = 0; n < row.size(); ++n) sum += row.value(n);
  return sum;
}

// K_v of bm25.
inline SharedArray<float> UserKnnLengths(const InteractionMatrix& matrix, const UserKnnOptions& options) {
  const double k1 = options.bm25_k1.value_or(kDefaultUserBm25K1);
  const double b = options.bm25_b.value_or(kDefaultUserBm25B);
  double total = 0;
  std::size_t met = 0;
  for (std::size_t user = 0; user < matrix.users(); ++user) {
    total += SumOfStrengths(matrix.user_item().row(user));
    met += matrix.user_item().row_size(user) > 0 ? 1 : 0;
  }
  const double mean = total / static_cast<double>(met);  // a training matrix has an entry
  AlignedVector<float> lengths(matrix.users());
  for (std::size_t user = 0; user < lengths.size(); ++user)
    lengths[user] = static_cast<float>(k1 * (1 - b + b * SumOfStrengths(matrix.user_item().row(user)) / mean));
  return SharedArray<float>(std::move(lengths));
}

// 1 / the length of a user's terms, for cosine and tfidf.
inline SharedArray<float> UserKnnInverseLengths(const UserKnnTable& table, const UserKnnOptions& options) {
  constexpr double kLargest = 1e30;  // of strengths that are hardly numbers: products stay finite
  const UserTerms terms(table, options);
  AlignedVector<float> inverse(table.users());
  for (std::size_t user = 0; user < inverse.size(); ++user)
    inverse[user] = static_cast<float>(std::min(terms.HistoryFactor(table.user_item.row(user)), kLargest));
  return SharedArray<float>(std::move(inverse));
}

}  // namespace internal

// Trains on every positive interaction. Reports one step.
//
// Errors  kInvalidArgument: options out of range or without effect, an empty matrix, a strength out of range (names
//         user and item), a state or first vectors in `control`.  kCancelled.  kResourceExhausted: memory ended.
inline absl::StatusOr<UserKnnModel> TrainUserKnn(const InteractionMatrix& matrix, const UserKnnOptions& options,
                                                 const TrainingControl& control = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    UserKnnTable table{.user_item = matrix.user_item(),
                       .item_user = matrix.item_user(),
                       .user_terms = {},
                       .item_weights = internal::UserKnnItemWeights(matrix, options.similarity)};
    table.user_terms = options.similarity == UserSimilarity::kBm25 ? internal::UserKnnLengths(matrix, options)
                                                                   : internal::UserKnnInverseLengths(table, options);
    WAYPOST_RETURN_IF_ERROR(ReportProgress(control, {.epoch = 1, .epochs = 1}));
    return UserKnnModel(options, std::move(table));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("TrainUserKnn: memory ended with ", matrix.users(), " users and ", matrix.items(), " items"));
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_USER_KNN_HPP_
