// waypost/model/graph_filter_options.hpp - the options of TrainGfCf and TrainBspm; graph_filter.hpp has the formulas.
#ifndef WAYPOST_MODEL_GRAPH_FILTER_OPTIONS_HPP_
#define WAYPOST_MODEL_GRAPH_FILTER_OPTIONS_HPP_

#include <cstdint>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost {

inline constexpr int kMaxFilterDimensions = 4096;
inline constexpr int kMaxFilterIterations = 1000;
inline constexpr float kMaxLowPassWeight = 1e4f;
inline constexpr float kMaxSharpeningTime = 100;
inline constexpr int kMaxSharpeningSteps = 100;

// Options of TrainGfCf. Aggregate: use designated initializers.
struct GfCfOptions {
  // -- quality --
  // Singular vectors that the low-pass filter keeps. 64..512 is usual; memory and query time grow with it.
  int dimensions = 256;
  // Weight of the low-pass filter beside the linear one (alpha in [1]). 0..1 is usual; tune it with `dimensions`.
  float low_pass_weight = 0.3f;
  // -- speed --
  // Passes of the singular value decomposition. 4..12 is usual; more are more exact.
  int iterations = 8;
  // -- reproducibility --
  std::uint64_t seed = 42;

  friend bool operator==(const GfCfOptions&, const GfCfOptions&) = default;
};

// How the sharpening equation is integrated: the steps of both are part of the model, for they are taken far apart.
enum class SharpeningSolver { kRk4, kEuler };

// Whether the low-pass scores are added before the sharpening (EM in [2]) or after it (LM).
enum class FilterMerge { kEarly, kLate };

// Options of TrainBspm. Aggregate: use designated initializers.
struct BspmOptions {
  // -- quality --
  // As in GfCfOptions.
  int dimensions = 448;
  float low_pass_weight = 0.2f;
  // How long scores are sharpened (T_s in [2]); 0 leaves them as they are. 0.5..4 is usual; tune it first.
  float sharpening_time = 2.5f;
  // Steps of the solver over that time. Query time grows with it.
  int sharpening_steps = 1;
  SharpeningSolver sharpening_solver = SharpeningSolver::kRk4;
  FilterMerge merge = FilterMerge::kEarly;
  // -- speed --
  int iterations = 8;
  // -- reproducibility --
  std::uint64_t seed = 42;

  friend bool operator==(const BspmOptions&, const BspmOptions&) = default;
};

inline constexpr std::string_view SharpeningSolverName(SharpeningSolver solver) {
  switch (solver) {
    case SharpeningSolver::kRk4:
      return "rk4";
    case SharpeningSolver::kEuler:
      return "euler";
  }
  return "";
}

inline constexpr std::string_view FilterMergeName(FilterMerge merge) {
  switch (merge) {
    case FilterMerge::kEarly:
      return "early";
    case FilterMerge::kLate:
      return "late";
  }
  return "";
}

namespace internal {

template <typename Value>
absl::Status ValidateFilterOption(std::string_view name, Value value, Value low, Value high) {
  if (value >= low && value <= high) return absl::OkStatus();  // false for a NaN
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(name), ": want ", low, "..", high, ", got ", value));
}

// The options that both kinds have.
template <typename Options>
absl::Status ValidateLowPass(std::string_view name, const Options& options) {
  const auto field = [&](const char* member) { return absl::StrCat(ToAbsl(name), ".", member); };
  WAYPOST_RETURN_IF_ERROR(ValidateFilterOption(field("dimensions"), options.dimensions, 1, kMaxFilterDimensions));
  WAYPOST_RETURN_IF_ERROR(
      ValidateFilterOption(field("low_pass_weight"), options.low_pass_weight, 0.0f, kMaxLowPassWeight));
  return ValidateFilterOption(field("iterations"), options.iterations, 1, kMaxFilterIterations);
}

}  // namespace internal

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const GfCfOptions& options) {
  return internal::ValidateLowPass("GfCfOptions", options);
}

// Errors  kInvalidArgument: a value out of range.
inline absl::Status Validate(const BspmOptions& options) {
  using internal::ValidateFilterOption;
  WAYPOST_RETURN_IF_ERROR(internal::ValidateLowPass("BspmOptions", options));
  WAYPOST_RETURN_IF_ERROR(
      ValidateFilterOption("BspmOptions.sharpening_time", options.sharpening_time, 0.0f, kMaxSharpeningTime));
  WAYPOST_RETURN_IF_ERROR(
      ValidateFilterOption("BspmOptions.sharpening_steps", options.sharpening_steps, 1, kMaxSharpeningSteps));
  if (SharpeningSolverName(options.sharpening_solver).empty())
    return absl::InvalidArgumentError(absl::StrCat("BspmOptions.sharpening_solver: want rk4 or euler, got ",
                                                   static_cast<int>(options.sharpening_solver)));
  if (FilterMergeName(options.merge).empty())
    return absl::InvalidArgumentError(
        absl::StrCat("BspmOptions.merge: want early or late, got ", static_cast<int>(options.merge)));
  return absl::OkStatus();
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_GRAPH_FILTER_OPTIONS_HPP_
