// waypost/model/ials_options.hpp - the options of TrainIals.
#ifndef WAYPOST_MODEL_IALS_OPTIONS_HPP_
#define WAYPOST_MODEL_IALS_OPTIONS_HPP_

#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost {

// How the rows of a half-epoch are solved; ials.hpp gives the formulas. kAuto takes kExact or kCg by the shape of the
// matrix alone, and the training reports which.
enum class IalsSolver { kAuto, kExact, kCg, kBlock };

inline constexpr std::string_view IalsSolverName(IalsSolver solver) {
  switch (solver) {
    case IalsSolver::kAuto:
      return "auto";
    case IalsSolver::kExact:
      return "exact";
    case IalsSolver::kCg:
      return "cg";
    case IalsSolver::kBlock:
      return "block";
  }
  return "";
}

inline constexpr int kMaxIalsDimensions = 4096;
inline constexpr int kMaxIalsEpochs = 10000;
inline constexpr int kDefaultCgSteps = 3;
inline constexpr int kDefaultIalsBlock = 64;
// Of a random start; also of the items that a warm start does not know.
inline constexpr float kDefaultIalsInitSd = 0.1f;
inline constexpr float kMaxUnobservedWeight = 1e3f;
// Where unobserved_weight is unset, the zeros of all pairs together weigh this many times what the interactions weigh,
// and one zero at most this share of the mean interaction. Chosen on held-out parts of five data sets: docs/results.md.
inline constexpr double kUnobservedToObserved = 4;
inline constexpr double kMostUnobserved = 0.3;

// Options of TrainIals. Aggregate: use designated initializers.
struct IalsOptions {
  // -- quality --
  // Length of the factor vectors. 32..1024 is usual; memory grows linearly, time an epoch between d and d^3.
  int dimensions = 64;
  // Passes over items and users. 8..16 is usual; with a validation measure the best epoch is kept.
  int epochs = 8;
  // Strength of L2 regularization (lambda). Tune first, with unobserved_weight, on a log scale 1e-3..1e-1.
  float regularization = 0.02f;
  // How the regularization of a row grows with its number of interactions (nu): 0 not at all, 1 in proportion.
  float regularization_exponent = 1.0f;
  // Weight of every user-item pair as a zero (alpha0). Unset: from the matrix, by AutomaticUnobservedWeight
  // (ials_training.hpp); 0.003..0.3 is usual, smaller for larger catalogues.
  std::optional<float> unobserved_weight{};
  // Unset: the first item vectors span the strongest directions of the interactions (ials.hpp), which saves epochs.
  // Set: they are random, with this standard deviation of a vector's length.
  std::optional<float> init_sd{};
  // Epochs without a better validation measure after which training stops; 0 runs all. Needs a validation measure.
  int patience = 0;
  // -- speed --
  // Exact rows, conjugate gradients, blocks of columns (iALS++), or what suits the shape of the matrix: exact rows or
  // conjugate gradients.
  IalsSolver solver = IalsSolver::kAuto;
  // Conjugate-gradient steps a row; 3 when unset. Must stay unset with the exact solver.
  std::optional<int> cg_steps{};
  // Columns of a long row that the block solver minimises over together, a multiple of 16; 64 when unset. Rows of no
  // more entries are exact. Smaller blocks are cheaper and need more epochs. Must stay unset with another solver.
  std::optional<int> block{};
  // -- reproducibility --
  // Seed of the random vectors that a training begins with.
  std::uint64_t seed = 42;

  friend bool operator==(const IalsOptions&, const IalsOptions&) = default;
};

namespace internal {

inline absl::Status ValidateIalsCount(std::string_view name, int value, int low, int high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("IalsOptions.", ToAbsl(name), ": want ", low, "..", high, ", got ", value));
}

inline absl::Status ValidateIalsReal(std::string_view name, float value, float low, float high) {
  if (value >= low && value <= high) return absl::OkStatus();  // false for a NaN
  return absl::InvalidArgumentError(
      absl::StrCat("IalsOptions.", ToAbsl(name), ": want ", low, "..", high, ", got ", value));
}

}  // namespace internal

// Errors  kInvalidArgument: a value out of range, cg_steps or block set although the solver is another, or both
//         unobserved_weight and regularization 0 (the objective then has no unique minimum).
inline absl::Status Validate(const IalsOptions& options) {
  using internal::ValidateIalsCount;
  using internal::ValidateIalsReal;
  WAYPOST_RETURN_IF_ERROR(ValidateIalsCount("dimensions", options.dimensions, 1, kMaxIalsDimensions));
  WAYPOST_RETURN_IF_ERROR(ValidateIalsCount("epochs", options.epochs, 1, kMaxIalsEpochs));
  WAYPOST_RETURN_IF_ERROR(ValidateIalsReal("regularization", options.regularization, 0, 1e9f));
  WAYPOST_RETURN_IF_ERROR(ValidateIalsReal("regularization_exponent", options.regularization_exponent, 0, 2));
  if (options.unobserved_weight)
    WAYPOST_RETURN_IF_ERROR(ValidateIalsReal("unobserved_weight", *options.unobserved_weight, 0, kMaxUnobservedWeight));
  if (options.unobserved_weight == 0.0f && options.regularization == 0)
    return absl::InvalidArgumentError("IalsOptions.regularization: want > 0 with unobserved_weight 0, got 0");
  if (options.init_sd) WAYPOST_RETURN_IF_ERROR(ValidateIalsReal("init_sd", *options.init_sd, 1e-6f, 1e3f));
  WAYPOST_RETURN_IF_ERROR(ValidateIalsCount("patience", options.patience, 0, kMaxIalsEpochs));
  if (IalsSolverName(options.solver).empty())
    return absl::InvalidArgumentError(
        absl::StrCat("IalsOptions.solver: want auto, exact, cg or block, got ", static_cast<int>(options.solver)));
  if (options.cg_steps) {
    if (options.solver == IalsSolver::kExact || options.solver == IalsSolver::kBlock)
      return absl::InvalidArgumentError(absl::StrCat("IalsOptions.cg_steps: want it unset with solver ",
                                                     internal::ToAbsl(IalsSolverName(options.solver)), ", got ",
                                                     *options.cg_steps));
    WAYPOST_RETURN_IF_ERROR(ValidateIalsCount("cg_steps", *options.cg_steps, 1, 1000));
  }
  if (!options.block) return absl::OkStatus();
  if (options.solver != IalsSolver::kBlock)
    return absl::InvalidArgumentError(absl::StrCat("IalsOptions.block: want it unset with solver ",
                                                   internal::ToAbsl(IalsSolverName(options.solver)), ", got ",
                                                   *options.block));
  if (*options.block % 16 != 0)
    return absl::InvalidArgumentError(absl::StrCat("IalsOptions.block: want a multiple of 16, got ", *options.block));
  return ValidateIalsCount("block", *options.block, 16, kMaxIalsDimensions);
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_IALS_OPTIONS_HPP_
