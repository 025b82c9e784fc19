// waypost/model/ease_options.hpp - the options of TrainEase.
#ifndef WAYPOST_MODEL_EASE_OPTIONS_HPP_
#define WAYPOST_MODEL_EASE_OPTIONS_HPP_

#include "waypost/base/status.hpp"

namespace waypost {

// Options of TrainEase. Aggregate: use designated initializers.
struct EaseOptions {
  // -- quality --
  // Strength of L2 regularization (lambda in [1]), in squared strengths. The one option there is: tune it on a log
  // scale, 10..1000; more users want more.
  float regularization = 100.0f;

  friend bool operator==(const EaseOptions&, const EaseOptions&) = default;
};

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const EaseOptions& options) {
  if (options.regularization > 0 && options.regularization <= 1e9f) return absl::OkStatus();  // false for a NaN
  return absl::InvalidArgumentError(
      absl::StrCat("EaseOptions.regularization: want above 0..1e9, got ", options.regularization));
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_EASE_OPTIONS_HPP_
