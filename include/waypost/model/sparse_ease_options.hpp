// waypost/model/sparse_ease_options.hpp - the options of TrainSparseEase.
#ifndef WAYPOST_MODEL_SPARSE_EASE_OPTIONS_HPP_
#define WAYPOST_MODEL_SPARSE_EASE_OPTIONS_HPP_

#include "waypost/base/status.hpp"

namespace waypost {

inline constexpr int kMaxRegressionNeighbours = 8192;  // 256 MB of equations a thread

// Options of TrainSparseEase. Aggregate: use designated initializers.
struct SparseEaseOptions {
  // -- quality --
  // Strength of L2 regularization, as of EASE. Tune it on a log scale, 10..1000; more users want more.
  float regularization = 100.0f;
  // Most items that an item's weights are made of. 100..600 is usual; memory grows with it, time with its cube.
  int neighbours = 400;

  friend bool operator==(const SparseEaseOptions&, const SparseEaseOptions&) = default;
};

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const SparseEaseOptions& options) {
  if (!(options.regularization > 0 && options.regularization <= 1e9f))  // also a NaN
    return absl::InvalidArgumentError(
        absl::StrCat("SparseEaseOptions.regularization: want above 0..1e9, got ", options.regularization));
  if (options.neighbours < 1 || options.neighbours > kMaxRegressionNeighbours)
    return absl::InvalidArgumentError(
        absl::StrCat("SparseEaseOptions.neighbours: want 1..", kMaxRegressionNeighbours, ", got ", options.neighbours));
  return absl::OkStatus();
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_SPARSE_EASE_OPTIONS_HPP_
