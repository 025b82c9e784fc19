// waypost/model/slim.hpp - SLIM: sparse linear weights of items, never negative, by an elastic net for each item.
//
// Objective    1/2 |x_i - X w_i|^2 + l1 |w_i|_1 + l2 / 2 |w_i|^2 over w_i >= 0 for each item i, w_i being 0 but on the
//              `neighbours` items that item_regression.hpp chooses for i.
// Method       coordinate descent on the normal equations: with r = y - A w, each weight in turn becomes
//              max(0, A_jj w_j + r_j - l1) / (A_jj + l2), passes over all weights alternating with passes over those
//              above 0, until none moves by more than 1e-4 of the largest, or `passes` are done.
// Sources      [1] X. Ning, G. Karypis, SLIM: Sparse Linear Methods for Top-N Recommender Systems, ICDM 2011 (fsSLIM:
//                  the regression on chosen neighbours). [2] J. Friedman, T. Hastie, R. Tibshirani, Regularization
//                  Paths for Generalized Linear Models via Coordinate Descent, JSS 33(1), 2010 (covariance updates).
// Deviations   neighbours are chosen by the gain of a ridge regression, not by the cosine.
// Complexity   as item_regression.hpp, with passes n^2 multiplications and additions an item at most.
// Numerics     r in float64, A in float32.
// Determinism  as item_regression.hpp; coordinates are taken in the order of the items.
// Checked by   tests/unit/model_item_regression_test.cpp: a naive coordinate descent, the optimality
//              conditions; the contract suite.
#ifndef WAYPOST_MODEL_SLIM_HPP_
#define WAYPOST_MODEL_SLIM_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "waypost/model/item_regression.hpp"
#include "waypost/model/slim_options.hpp"
#include "waypost/model/sparse_item_model.hpp"
#include "waypost/model/training.hpp"

namespace waypost {
namespace internal {

// The elastic net of one target.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class ElasticNet {
 public:
  void Solve(const ItemEquations& equations, const SlimOptions& options) {
    size_ = equations.size;
    stride_ = equations.stride;
    matrix_ = equations.matrix;
    options_ = &options;
    for (std::size_t p = 0; p < size_; ++p)  // the lower part, so that a coordinate's row lies in one piece
      for (std::size_t q = 0; q < p; ++q) matrix_[p * stride_ + q] = matrix_[q * stride_ + p];
    weights_.assign(size_, 0.0);
    rest_.assign(equations.right_side, equations.right_side + size_);
    largest_ = 0;
    bool all = true;
    for (int pass = 0; pass < options.passes; ++pass) {
      const double moved = Pass(all);
      const bool still = moved <= kTolerance * largest_;
      if (still && all) break;
      all = still;
    }
    for (std::size_t p = 0; p < size_; ++p) equations.weights[p] = static_cast<float>(weights_[p]);
  }

 private:
  static constexpr double kTolerance = 1e-4;

  // Minimises over each weight in turn, or over each that is above 0; returns the largest move.
  double Pass(bool all) {
    double moved = 0;
    for (std::size_t p = 0; p < size_; ++p) {
      const double old = weights_[p];
      if (!all && old == 0) continue;
      const float* row = matrix_ + p * stride_;
      const double pull = row[p] * old + rest_[p] - options_->l1_regularization;
      const double weight = std::max(0.0, pull) / (row[p] + static_cast<double>(options_->l2_regularization));
      const double change = weight - old;
      if (change == 0) continue;
      weights_[p] = weight;
      for (std::size_t q = 0; q < size_; ++q) rest_[q] -= change * row[q];
      moved = std::max(moved, std::abs(change));
      largest_ = std::max(largest_, weight);
    }
    return moved;
  }

  std::size_t size_ = 0;
  std::size_t stride_ = 0;
  float* matrix_ = nullptr;
  const SlimOptions* options_ = nullptr;
  std::vector<double> weights_;
  std::vector<double> rest_;  // y - A w
  double largest_ = 0;        // of the weights so far
};

}  // namespace internal

// Trains on every positive interaction. Reports progress in equal parts of its two passes.
//
// Errors  kInvalidArgument: options out of range, an empty matrix, a strength out of range (names user and item), a
//         state or first vectors in `control`.  kCancelled.  kResourceExhausted: memory ended.
inline absl::StatusOr<SparseItemModel> TrainSlim(const InteractionMatrix& matrix, const SlimOptions& options,
                                                 const TrainingControl& control = {},
                                                 const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    const auto solve = [&](const internal::ItemEquations& equations, internal::ElasticNet& net) {
      net.Solve(equations, options);
      return true;
    };
    const internal::ItemRegression regression(matrix, static_cast<std::size_t>(options.neighbours),
                                              options.l2_regularization);
    WAYPOST_ASSIGN_OR_RETURN(SparseMatrix weights, regression.Run<internal::ElasticNet>(control, parallelism, solve));
    return SparseItemModel("slim", std::move(weights));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("TrainSlim: memory ended with ", matrix.items(), " items"));
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_SLIM_HPP_
