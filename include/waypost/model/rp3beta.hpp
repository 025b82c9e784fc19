// waypost/model/rp3beta.hpp - RP3beta: a random walk from the user's items over their users to other items, with a
// discount for popular ones.
//
// Definition   W(j, i) = s_i^-beta sum over users u of (x(u, j) / s_j)^alpha (x(u, i) / s_u)^alpha for i != j, with
//              s_j, s_u the sums of the strengths of an item and of a user: the probabilities of the steps j -> u -> i,
//              each to the power alpha. `neighbours` keeps for each source j its n largest targets; ties keep the lower
//              index.
// Sources      [1] B. Paudel, F. Christoffel, C. Newell, A. Bernstein, Updatable, Accurate, Diverse, and Scalable
//                  Recommendations for Interactive Applications, TiiS 7(1), 2016.
//              [2] M. Ferrari Dacrema et al., A Troubling Analysis of Reproducibility and Progress in Recommender
//                  Systems Research, TOIS 39(2), 2021 (as a baseline: the matrix, its cut).
// Deviations   the first step, from the user to the own items, has the strength x(u, j) in place of its probability to
//              the power alpha: it orders the same for strengths of 1. On strengths of 1 the model is item-knn of
//              similarity degree with the exponents (alpha, alpha, beta).
// Complexity, numerics, determinism   as item_knn.hpp.
// Checked by   tests/unit/model_rp3beta_test.cpp against the definition in float64; the contract suite.
#ifndef WAYPOST_MODEL_RP3BETA_HPP_
#define WAYPOST_MODEL_RP3BETA_HPP_

#include <cmath>
#include <cstddef>
#include <new>
#include <utility>

#include "waypost/model/item_knn_product.hpp"
#include "waypost/model/item_knn_terms.hpp"
#include "waypost/model/rp3beta_options.hpp"
#include "waypost/model/sparse_item_model.hpp"
#include "waypost/model/training.hpp"

namespace waypost {
namespace internal {

inline KnnTerms Rp3BetaTerms(const InteractionMatrix& matrix, const Rp3BetaOptions& options,
                             const Parallelism& parallelism) {
  KnnTerms terms{matrix.user_item(), matrix.item_user(), {}, {}, {}};
  if (matrix.user_item().weighted()) {
    terms.user_item =
        ChangeValues(matrix.user_item(), [&](double x, std::size_t) { return std::pow(x, options.alpha); });
    terms.item_user = Transpose(terms.user_item, parallelism);
  }
  const std::vector<double> item_sums = RowSums(matrix.item_user());
  terms.user_weight = NegativePowers(RowSums(matrix.user_item()), options.alpha);
  terms.source_factor = NegativePowers(item_sums, options.alpha);
  terms.target_factor = NegativePowers(item_sums, options.beta);
  return terms;
}

}  // namespace internal

// Trains on every positive interaction. Reports progress in equal parts of the one pass.
//
// Errors  as TrainItemKnn.
inline absl::StatusOr<SparseItemModel> TrainRp3Beta(const InteractionMatrix& matrix, const Rp3BetaOptions& options,
                                                    const TrainingControl& control = {},
                                                    const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    const internal::KnnTerms terms = internal::Rp3BetaTerms(matrix, options, parallelism);
    WAYPOST_ASSIGN_OR_RETURN(SparseMatrix weights, internal::KnnProduct(terms, internal::KnnRows::kSources,
                                                                        static_cast<std::size_t>(options.neighbours), 1)
                                                       .Run(control, parallelism));
    return SparseItemModel("rp3beta", std::move(weights));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("TrainRp3Beta: memory ended with ", matrix.items(), " items and ",
                                                     matrix.entries(), " interactions"));
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_RP3BETA_HPP_
