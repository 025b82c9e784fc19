// waypost/model/pairwise_options.hpp - the options of TrainPairwise: BPR and WARP.
#ifndef WAYPOST_MODEL_PAIRWISE_OPTIONS_HPP_
#define WAYPOST_MODEL_PAIRWISE_OPTIONS_HPP_

#include <cstdint>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost {

inline constexpr int kMaxPairwiseDimensions = 4096;
inline constexpr int kMaxPairwiseEpochs = 10000;
inline constexpr int kMaxWarpTrials = 1000;

// Bayesian personalised ranking. Aggregate: use designated initializers. The defaults were chosen on a held-out tenth
// of gowalla's training part: docs/results.md.
struct BprOptions {
  // -- quality --
  // Length of the vectors, the item's bias included. 32..256 is usual; memory and time grow linearly.
  int dimensions = 64;
  // Visits of every interaction. 8..64 is usual; with a validation measure the best epoch is kept.
  int epochs = 16;
  // Size of the first epoch's steps; it falls linearly to a tenth. Tune on a log scale 0.03..0.3.
  float learning_rate = 0.1f;
  // Strength of L2 regularization of the vectors that a step touches. 0.001..0.05 is usual.
  float regularization = 0.005f;
  // Epochs without a better validation measure after which training stops; 0 runs all. Needs a validation measure.
  int patience = 0;
  // -- reproducibility --
  std::uint64_t seed = 42;  // of the order of the interactions and of the negatives

  friend bool operator==(const BprOptions&, const BprOptions&) = default;
};

// Weighted approximate-rank pairwise loss. Aggregate: use designated initializers. Defaults chosen as those of BPR.
struct WarpOptions {
  // -- quality --
  // As for BPR. Usual learning rates are 0.01..0.1, regularization 0.001..0.02.
  int dimensions = 64;
  int epochs = 16;
  float learning_rate = 0.03f;
  float regularization = 0.003f;
  // Negatives drawn for an interaction until one scores too high. 10..100 is usual; more cost time late in training.
  int max_trials = 20;
  int patience = 0;
  // -- reproducibility --
  std::uint64_t seed = 42;

  friend bool operator==(const WarpOptions&, const WarpOptions&) = default;
};

enum class PairwiseLoss : std::uint8_t { kBpr, kWarp };

// What both have in common; the form in which the trainer and the model hold them.
struct PairwiseOptions {
  PairwiseLoss loss = PairwiseLoss::kBpr;
  int dimensions = 64;
  int epochs = 16;
  float learning_rate = 0.1f;
  float regularization = 0.005f;
  int max_trials = 1;  // 1 with BPR
  int patience = 0;
  std::uint64_t seed = 42;

  PairwiseOptions() = default;
  PairwiseOptions(const BprOptions& options)  // NOLINT(google-explicit-constructor): the same options
      : loss(PairwiseLoss::kBpr),
        dimensions(options.dimensions),
        epochs(options.epochs),
        learning_rate(options.learning_rate),
        regularization(options.regularization),
        patience(options.patience),
        seed(options.seed) {}
  PairwiseOptions(const WarpOptions& options)  // NOLINT(google-explicit-constructor): the same options
      : loss(PairwiseLoss::kWarp),
        dimensions(options.dimensions),
        epochs(options.epochs),
        learning_rate(options.learning_rate),
        regularization(options.regularization),
        max_trials(options.max_trials),
        patience(options.patience),
        seed(options.seed) {}

  explicit operator BprOptions() const {
    return {.dimensions = dimensions,
            .epochs = epochs,
            .learning_rate = learning_rate,
            .regularization = regularization,
            .patience = patience,
            .seed = seed};
  }
  explicit operator WarpOptions() const {
    return {.dimensions = dimensions,
            .epochs = epochs,
            .learning_rate = learning_rate,
            .regularization = regularization,
            .max_trials = max_trials,
            .patience = patience,
            .seed = seed};
  }

  std::string_view kind() const { return loss == PairwiseLoss::kBpr ? "bpr" : "warp"; }

  friend bool operator==(const PairwiseOptions&, const PairwiseOptions&) = default;
};

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const PairwiseOptions& options) {
  const char* owner = options.loss == PairwiseLoss::kBpr ? "BprOptions." : "WarpOptions.";
  const auto outside = [&](std::string_view name, auto low, auto high, auto value) {
    if (value >= low && value <= high) return absl::OkStatus();  // false for a NaN
    return absl::InvalidArgumentError(
        absl::StrCat(owner, internal::ToAbsl(name), ": want ", low, "..", high, ", got ", value));
  };
  WAYPOST_RETURN_IF_ERROR(outside("dimensions", 1, kMaxPairwiseDimensions, options.dimensions));
  WAYPOST_RETURN_IF_ERROR(outside("epochs", 1, kMaxPairwiseEpochs, options.epochs));
  WAYPOST_RETURN_IF_ERROR(outside("learning_rate", 1e-6f, 10.0f, options.learning_rate));
  WAYPOST_RETURN_IF_ERROR(outside("regularization", 0.0f, 10.0f, options.regularization));
  WAYPOST_RETURN_IF_ERROR(outside("max_trials", 1, kMaxWarpTrials, options.max_trials));
  return outside("patience", 0, kMaxPairwiseEpochs, options.patience);
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_PAIRWISE_OPTIONS_HPP_
