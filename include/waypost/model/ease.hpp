// waypost/model/ease.hpp - EASE: the linear item-item model with a closed form.
//
// Objective    |X - X B|^2 + lambda |B|^2 with diag(B) = 0, over all B of items x items; X holds the strengths
//              x(u, i). With G = X^T X + lambda I and P = G^-1 the minimum is B(j, i) = -P(j, i) / P(i, i) for j != i.
// Sources      [1] H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, equation 8.
// Deviations   none in the result. P is made in the memory of B, by sweeps (symmetric_inverse.hpp).
// Complexity   time O(items^3 + sum over users of n_u^2), n_u the items of a user; memory 4 items^2 bytes and panels of
//              2 KB an item. A query costs O(history x items).
// Numerics     G is summed in float64 and kept in float32. The condition of G is at most its largest row sum, weighted
//              as a power iteration does, over lambda; above kMaxEaseCondition float32 cannot hold P and the training
//              is refused: a larger lambda, or strengths that vary less, are what helps. Items without users get no
//              weights.
// Determinism  a row of G is summed by one thread, users ascending; the rest as in symmetric_inverse.hpp.
// Checked by   tests/unit/model_ease_test.cpp against tests/reference/naive_ease.hpp; the contract suite; the published
//              row of gowalla in docs/results.md.
#ifndef WAYPOST_MODEL_EASE_HPP_
#define WAYPOST_MODEL_EASE_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "waypost/base/array_builder.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/symmetric_inverse.hpp"
#include "waypost/model/ease_model.hpp"
#include "waypost/model/ease_options.hpp"
#include "waypost/model/ridge_condition.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

namespace internal {

// Writes G into the upper part of matrix[size x size], beginning with the strip of the diagonal; 1 on the diagonal of
// the padding.
inline void FillGram(const InteractionMatrix& matrix, double regularization, std::size_t size, CancelPoll& cancelled,
                     const Parallelism& parallelism, float* gram) {
  constexpr std::size_t kRowBlock = 16;
  oneapi::tbb::enumerable_thread_specific<std::vector<double>> workspaces(size);
  ForEachBlock(parallelism, size, kRowBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    if (cancelled()) return;
    std::vector<double>& sums = workspaces.local();
    for (std::size_t i = begin; i < end; ++i) {
      std::fill(sums.begin(), sums.end(), 0.0);
      if (i < matrix.items()) {
        const SparseRowView users = matrix.item_user().row(i);
        for (std::size_t n = 0; n < users.size(); ++n) {
          const SparseRowView items = matrix.user_item().row(users.columns[n]);
          const double factor = users.value(n);
          for (std::size_t m = 0; m < items.size(); ++m) sums[items.columns[m]] += factor * items.value(m);
        }
      }
      sums[i] = i < matrix.items() ? sums[i] + regularization : 1;
      for (std::size_t j = i / kSweepStrip * kSweepStrip; j < size; ++j)
        gram[i * size + j] = static_cast<float>(sums[j]);
    }
  });
}

// Turns the upper part of -P into B.
inline void WeightsOfInverse(std::size_t items, std::size_t size, const Parallelism& parallelism, float* matrix) {
  std::vector<float> inverse_diagonal(items);
  for (std::size_t i = 0; i < items; ++i) inverse_diagonal[i] = -1 / matrix[i * size + i];
  const std::size_t strips = (items + kSweepStrip - 1) / kSweepStrip;
  ForEachBlock(parallelism, strips, 1, [&](std::size_t strip, std::size_t, std::size_t) {
    const std::size_t row_end = std::min(items, (strip + 1) * kSweepStrip);
    for (std::size_t first = strip * kSweepStrip; first < items; first += kSweepStrip) {
      for (std::size_t i = strip * kSweepStrip; i < row_end; ++i) {
        for (std::size_t j = std::max(first, i + 1); j < std::min(items, first + kSweepStrip); ++j) {
          const float negative = matrix[i * size + j];
          matrix[i * size + j] = negative * inverse_diagonal[j];
          matrix[j * size + i] = negative * inverse_diagonal[i];
        }
      }
    }
    for (std::size_t i = strip * kSweepStrip; i < row_end; ++i) {
      matrix[i * size + i] = 0;
      std::fill(matrix + i * size + items, matrix + (i + 1) * size, 0.0f);
    }
  });
}

inline absl::StatusOr<FactorMatrix> EaseWeights(const InteractionMatrix& matrix, const EaseOptions& options,
                                                const TrainingControl& control, const Parallelism& parallelism) {
  const std::size_t items = matrix.items();
  const std::size_t size = PaddedDimensions(items);
  ArrayBuilder<float> weights(size * size);
  SymmetricSweeper sweeper(weights.data(), size);
  const int blocks = static_cast<int>(sweeper.blocks());
  CancelPoll cancelled(control);
  FillGram(matrix, options.regularization, size, cancelled, parallelism, weights.data());
  for (int block = 0; block < blocks; ++block) {
    WAYPOST_RETURN_IF_ERROR(cancelled.status());
    if (!sweeper.Sweep(static_cast<std::size_t>(block), parallelism, cancelled))
      return absl::InternalError(
          absl::StrCat("TrainEase: want a positive definite matrix, got another in block ", block, " of ", blocks));
    WAYPOST_RETURN_IF_ERROR(cancelled.status());
    WAYPOST_RETURN_IF_ERROR(ReportProgress(control, {.epoch = block + 1, .epochs = blocks}));
  }
  WeightsOfInverse(items, size, parallelism, weights.data());
  return FactorMatrix(items, items, std::move(weights).Build(items * size));
}

}  // namespace internal

// Trains on every positive interaction. Reports progress in equal parts.
//
// Errors  kInvalidArgument: options out of range, an empty matrix, a strength out of range (names user and item), a
//         regularization too small for float32 (names the least that will do), a state or first vectors in `control`.
//         kCancelled.  kResourceExhausted: memory ended.
inline absl::StatusOr<EaseModel> TrainEase(const InteractionMatrix& matrix, const EaseOptions& options,
                                           const TrainingControl& control = {}, const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    WAYPOST_RETURN_IF_ERROR(internal::ValidateRidge(matrix, options.regularization, "EaseOptions", parallelism));
    WAYPOST_ASSIGN_OR_RETURN(FactorMatrix weights, internal::EaseWeights(matrix, options, control, parallelism));
    return EaseModel(std::move(weights));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("TrainEase: memory ended with ", matrix.items(), " items"));
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_EASE_HPP_
