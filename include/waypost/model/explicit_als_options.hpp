// waypost/model/explicit_als_options.hpp - the options of TrainExplicitAls.
#ifndef WAYPOST_MODEL_EXPLICIT_ALS_OPTIONS_HPP_
#define WAYPOST_MODEL_EXPLICIT_ALS_OPTIONS_HPP_

#include <cstdint>

#include "waypost/base/status.hpp"

namespace waypost {

// Options of TrainExplicitAls: nothing that regularizes, for variances are learned. Aggregate: use designated
// initializers.
struct ExplicitAlsOptions {
  // -- quality --
  int dimensions = 16;  // of the latent vectors, biases not counted. Memory and time grow with the square
  int epochs = 30;      // passes over users and items; the error falls slowly after some 20
  // Spectral directions of who rated what, from which, beside the number of ratings, the vectors' means before any
  // rating are learned; 0: from the number alone. More are better where users are few for the items they rated.
  int implicit_dimensions = 40;
  // -- reproducibility --
  std::uint64_t seed = 42;  // of the first vectors

  friend bool operator==(const ExplicitAlsOptions&, const ExplicitAlsOptions&) = default;
};

inline constexpr int kMaxExplicitAlsDimensions = 256;

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const ExplicitAlsOptions& options) {
  const auto check = [](const char* field, int least, int most, int value) {
    if (value >= least && value <= most) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("ExplicitAlsOptions.", field, ": want ", least, "..", most, ", got ", value));
  };
  WAYPOST_RETURN_IF_ERROR(check("dimensions", 1, kMaxExplicitAlsDimensions, options.dimensions));
  WAYPOST_RETURN_IF_ERROR(check("epochs", 1, 10000, options.epochs));
  return check("implicit_dimensions", 0, 1024, options.implicit_dimensions);
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_EXPLICIT_ALS_OPTIONS_HPP_
