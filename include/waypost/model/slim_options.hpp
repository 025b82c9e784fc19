// waypost/model/slim_options.hpp - the options of TrainSlim.
#ifndef WAYPOST_MODEL_SLIM_OPTIONS_HPP_
#define WAYPOST_MODEL_SLIM_OPTIONS_HPP_

#include "waypost/base/status.hpp"
#include "waypost/model/sparse_ease_options.hpp"

namespace waypost {

// Options of TrainSlim. Aggregate: use designated initializers.
struct SlimOptions {
  // -- quality --
  // Strength of L1 regularization, in squared strengths: what makes weights exactly 0. 0.1..20; tune with the next.
  float l1_regularization = 1.0f;
  // Strength of L2 regularization, in squared strengths. 10..1000; more users want more.
  float l2_regularization = 100.0f;
  // Most items that an item's weights are made of. 100..600 is usual; time grows with its square.
  int neighbours = 400;
  // -- speed --
  // Most passes over the weights of an item; fewer where no weight moves by more than 1e-4 of the largest. 10..100.
  int passes = 50;

  friend bool operator==(const SlimOptions&, const SlimOptions&) = default;
};

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const SlimOptions& options) {
  if (!(options.l1_regularization >= 0 && options.l1_regularization <= 1e9f))  // also a NaN
    return absl::InvalidArgumentError(
        absl::StrCat("SlimOptions.l1_regularization: want 0..1e9, got ", options.l1_regularization));
  if (!(options.l2_regularization >= 1e-6f && options.l2_regularization <= 1e9f))
    return absl::InvalidArgumentError(
        absl::StrCat("SlimOptions.l2_regularization: want 1e-6..1e9, got ", options.l2_regularization));
  if (options.neighbours < 1 || options.neighbours > kMaxRegressionNeighbours)
    return absl::InvalidArgumentError(
        absl::StrCat("SlimOptions.neighbours: want 1..", kMaxRegressionNeighbours, ", got ", options.neighbours));
  if (options.passes < 1 || options.passes > 10000)
    return absl::InvalidArgumentError(absl::StrCat("SlimOptions.passes: want 1..10000, got ", options.passes));
  return absl::OkStatus();
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_SLIM_OPTIONS_HPP_
