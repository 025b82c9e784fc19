// waypost/model/sparse_ease.hpp - EASE with few weights: an exact ridge regression of every item on its neighbours.
//
// Objective    |x_i - X w_i|^2 + lambda |w_i|^2 for each item i, over w_i that is 0 but on the `neighbours` items that
//              item_regression.hpp chooses for i: the objective of EASE, column by column, on fewer weights.
// Sources      [1] H. Steck, Markov Random Fields for Collaborative Filtering, NeurIPS 2019, section 3.2: a sparse
//                  pattern from the data, and the inverse of the Gramian's part for each pattern.
//              [2] H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019 (the dense model).
// Deviations   every item has its own system, where [1] shares one among several; patterns are the strongest candidates
//              of each item instead of all above one threshold, so that rare items keep theirs.
// Complexity   as item_regression.hpp, with n^3 / 3 multiplications and additions an item.
// Numerics     float32 Cholesky; the condition is bounded as in ease.hpp.
// Determinism  as item_regression.hpp.
// Checked by   tests/unit/model_item_regression_test.cpp against tests/reference/naive_ease.hpp; the contract suite;
//              docs/results.md has its quality beside that of the dense model.
#ifndef WAYPOST_MODEL_SPARSE_EASE_HPP_
#define WAYPOST_MODEL_SPARSE_EASE_HPP_

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/model/item_regression.hpp"
#include "waypost/model/ridge_condition.hpp"
#include "waypost/model/sparse_ease_options.hpp"
#include "waypost/model/sparse_item_model.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

// Trains on every positive interaction. Reports progress in equal parts of its two passes.
//
// Errors  as TrainEase.
inline absl::StatusOr<SparseItemModel> TrainSparseEase(const InteractionMatrix& matrix,
                                                       const SparseEaseOptions& options,
                                                       const TrainingControl& control = {},
                                                       const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    WAYPOST_RETURN_IF_ERROR(internal::ValidateRidge(matrix, options.regularization, "SparseEaseOptions", parallelism));
    const auto solve = [&](const internal::ItemEquations& equations, AlignedVector<float>& inverse_diagonal) {
      inverse_diagonal.resize(equations.stride);
      for (std::size_t p = 0; p < equations.size; ++p)
        equations.matrix[p * equations.stride + p] += options.regularization;
      const DenseKernels& kernels = GetDenseKernels();
      if (!kernels.cholesky(equations.matrix, equations.size, equations.stride, inverse_diagonal.data())) return false;
      kernels.cholesky_solve(equations.matrix, equations.size, equations.stride, inverse_diagonal.data(),
                             equations.right_side, equations.weights);
      return true;
    };
    const internal::ItemRegression regression(matrix, static_cast<std::size_t>(options.neighbours),
                                              options.regularization);
    WAYPOST_ASSIGN_OR_RETURN(SparseMatrix weights, regression.Run<AlignedVector<float>>(control, parallelism, solve));
    return SparseItemModel("sparse-ease", std::move(weights));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("TrainSparseEase: memory ended with ", matrix.items(), " items"));
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_SPARSE_EASE_HPP_
