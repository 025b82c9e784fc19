// waypost/model/logistic_mf_options.hpp - the options of TrainLogisticMf.
#ifndef WAYPOST_MODEL_LOGISTIC_MF_OPTIONS_HPP_
#define WAYPOST_MODEL_LOGISTIC_MF_OPTIONS_HPP_

#include <cstdint>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost {

inline constexpr int kMaxLogisticDimensions = 4096;
inline constexpr int kMaxLogisticEpochs = 10000;
inline constexpr int kMaxLogisticBackground = 1 << 20;

// Logistic matrix factorization. Aggregate: use designated initializers. The defaults were chosen on held-out parts of
// gowalla and of a simulated community: docs/results.md.
struct LogisticMfOptions {
  // -- quality --
  // Length of the vectors, the biases of user and item included. 32..128 is usual; memory and time grow linearly.
  int dimensions = 64;
  // Passes over users and items. 5..20 is usual; with a validation measure the best epoch is kept.
  int epochs = 10;
  // How much more an interaction of strength 1 counts than a pair without one (alpha). Tune on a log scale 3..300,
  // with the next: what fits grows in proportion.
  float positive_weight = 30.0f;
  // Strength of L2 regularization of the vectors (lambda). Tune on a log scale 1..500.
  float regularization = 100.0f;
  // Rows of the other side, drawn by popularity, that stand for all of them in a row's sum over all pairs; 0: all, as
  // in the paper. 500..4000 is usual; time grows linearly.
  int background = 1000;
  // Epochs without a better validation measure after which training stops; 0 runs all. Needs a validation measure.
  int patience = 0;
  // -- reproducibility --
  std::uint64_t seed = 42;  // of the first item vectors and of the background

  friend bool operator==(const LogisticMfOptions&, const LogisticMfOptions&) = default;
};

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const LogisticMfOptions& options) {
  const auto outside = [](std::string_view name, auto low, auto high, auto value) {
    if (value >= low && value <= high) return absl::OkStatus();  // false for a NaN
    return absl::InvalidArgumentError(
        absl::StrCat("LogisticMfOptions.", internal::ToAbsl(name), ": want ", low, "..", high, ", got ", value));
  };
  WAYPOST_RETURN_IF_ERROR(outside("dimensions", 3, kMaxLogisticDimensions, options.dimensions));
  WAYPOST_RETURN_IF_ERROR(outside("epochs", 1, kMaxLogisticEpochs, options.epochs));
  WAYPOST_RETURN_IF_ERROR(outside("positive_weight", 1e-3f, 1e6f, options.positive_weight));
  WAYPOST_RETURN_IF_ERROR(outside("regularization", 1e-3f, 1e6f, options.regularization));
  WAYPOST_RETURN_IF_ERROR(outside("background", 0, kMaxLogisticBackground, options.background));
  return outside("patience", 0, kMaxLogisticEpochs, options.patience);
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_LOGISTIC_MF_OPTIONS_HPP_
