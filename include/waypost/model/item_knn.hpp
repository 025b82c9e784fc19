// waypost/model/item_knn.hpp - item-item nearest neighbours: who took this also took that.
//
// Definition   score(u, i) = sum over j in history(u) of x(u, j) W(j, i), with x the strength of an interaction and
//              W(j, i), i != j, the similarity of source j to target i:
//                degree   s_j^-a s_i^-b sum_u s_u^-c x(u, j) x(u, i)                                        [1, 2]
//                cosine   the cosine of the items' columns                                                  [3]
//                tfidf    the cosine after x -> sqrt(x) idf_u: a user of many items says less               [4]
//                bm25     the dot product after the BM25 term weight: an item of many users says less       [4]
//              s_u, s_i are sums of strengths (degrees where every strength is 1). `degree` holds the co-occurrence
//              counts (c, a, b) = (0, 0, 0), the cosine of 0/1 data (0, .5, .5), the linear filter of [1] (1, .5, .5)
//              and the random walk of [2] (1, 1, 0) with a power, and everything between. item_knn_terms.hpp has all
//              four in one form.
// Neighbours   `neighbours` keeps for each source its n strongest targets; `neighbour_mass` keeps for each target its
//              strongest sources up to that share of the sum of its similarities. Each is the better side for its
//              kind of cut: docs/results.md has the curves. With both, the share is applied first. Ties keep the
//              lower index.
// Sources      [1] Y. Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021 (linear filter).
//              [2] B. Paudel et al., Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive
//                  Applications, TiiS 7(1), 2016 (RP3beta).
//              [3] M. Deshpande, G. Karypis, Item-Based Top-N Recommendation Algorithms, TOIS 22(1), 2004.
//              [4] S. Robertson, H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
// Deviations   idf is ln((1 + I) / (1 + n)), never negative; the target exponent is free, [1] and [2] fix it.
// Complexity   time O(sum over users of n_u^2 + I^2 / 4096), n_u the items of a user. Memory is that of the result, 8
//              bytes a kept pair, and 28 bytes an item a thread; `neighbour_mass` holds the result twice. One user of
//              40,000 items adds 1.6e9 sums, seconds, and makes these items neighbours of each other, 13 GB where all
//              are kept: such histories are best cut before. A query costs O(the entries of its history's rows + I).
// Numerics     sums of a pair in float64, users ascending; stored as float32. Pairs that round to 0 are dropped. A
//              similarity beyond SparseItemModel::kMaxWeight is an error. Empty users and items have no pairs.
// Determinism  a row is computed by one thread, and rows are put together in order.
// Checked by   tests/unit/model_item_knn_test.cpp against tests/reference/naive_item_knn.hpp; laws; the contract suite;
//              the published level of gowalla in docs/results.md.
#ifndef WAYPOST_MODEL_ITEM_KNN_HPP_
#define WAYPOST_MODEL_ITEM_KNN_HPP_

#include <cstddef>
#include <new>
#include <utility>

#include "waypost/base/parallel.hpp"
#include "waypost/model/item_knn_options.hpp"
#include "waypost/model/item_knn_product.hpp"
#include "waypost/model/item_knn_terms.hpp"
#include "waypost/model/sparse_item_model.hpp"
#include "waypost/model/training.hpp"

namespace waypost {
namespace internal {

inline absl::StatusOr<SparseMatrix> MakeNeighbours(const InteractionMatrix& matrix, const ItemKnnOptions& options,
                                                   const TrainingControl& control, const Parallelism& parallelism) {
  const KnnTerms terms = MakeKnnTerms(matrix, options, parallelism);
  const std::size_t count = static_cast<std::size_t>(options.neighbours);
  if (options.neighbour_mass >= 1) return KnnProduct(terms, KnnRows::kSources, count, 1).Run(control, parallelism);
  WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix by_target,
                           KnnProduct(terms, KnnRows::kTargets, 0, options.neighbour_mass).Run(control, parallelism));
  SparseMatrix by_source = Transpose(by_target, parallelism);
  if (count == 0) return by_source;
  return KeepStrongestOfRows(by_source, count, parallelism);
}

}  // namespace internal

// Trains on every positive interaction. Reports progress in equal parts of the one pass.
//
// Errors  kInvalidArgument: options out of range or without effect, an empty matrix, a strength out of range (names
//         user and item), similarities too large to store, a state or first vectors in `control`.  kCancelled.
//         kResourceExhausted: memory ended.
inline absl::StatusOr<SparseItemModel> TrainItemKnn(const InteractionMatrix& matrix, const ItemKnnOptions& options,
                                                    const TrainingControl& control = {},
                                                    const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    WAYPOST_ASSIGN_OR_RETURN(SparseMatrix neighbours, internal::MakeNeighbours(matrix, options, control, parallelism));
    return SparseItemModel("item-knn", std::move(neighbours));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("TrainItemKnn: memory ended with ", matrix.items(), " items and ",
                                                     matrix.entries(), " interactions"));
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_ITEM_KNN_HPP_
