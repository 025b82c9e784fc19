// waypost/model/rp3beta_options.hpp - the options of TrainRp3Beta.
#ifndef WAYPOST_MODEL_RP3BETA_OPTIONS_HPP_
#define WAYPOST_MODEL_RP3BETA_OPTIONS_HPP_

#include "waypost/base/status.hpp"

namespace waypost {

// Options of TrainRp3Beta. Aggregate: use designated initializers.
struct Rp3BetaOptions {
  // -- quality --
  // Power of the walk's probabilities: above 1 likely steps weigh more, below 1 less. 0.5..1.5 is usual.
  float alpha = 0.8f;
  // How much a popular item is recommended less. 0..0.6 is usual; tune first.
  float beta = 0.25f;
  // Most likely targets kept for each item; 0 keeps all. Memory and query time grow with it.
  int neighbours = 0;

  friend bool operator==(const Rp3BetaOptions&, const Rp3BetaOptions&) = default;
};

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const Rp3BetaOptions& options) {
  const auto outside = [](const char* name, float value) {
    return absl::InvalidArgumentError(absl::StrCat("Rp3BetaOptions.", name, ": want 0..2, got ", value));
  };
  if (!(options.alpha >= 0 && options.alpha <= 2)) return outside("alpha", options.alpha);  // also a NaN
  if (!(options.beta >= 0 && options.beta <= 2)) return outside("beta", options.beta);
  if (options.neighbours < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("Rp3BetaOptions.neighbours: want 0 (all) or more, got ", options.neighbours));
  return absl::OkStatus();
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_RP3BETA_OPTIONS_HPP_
