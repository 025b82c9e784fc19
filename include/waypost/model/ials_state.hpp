// waypost/model/ials_state.hpp - an iALS training between two epochs: what it needs to go on.
//
// (1) A training that goes on from its state ends with the same bits as one that never stopped, with any number of
//     threads, on the same instruction set.
// (2) The state depends on nothing outside it but the matrix and the options; both are known by it and compared.
#ifndef WAYPOST_MODEL_IALS_STATE_HPP_
#define WAYPOST_MODEL_IALS_STATE_HPP_

#include <cstddef>
#include <vector>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/fingerprint.hpp"
#include "waypost/model/ials_options.hpp"

namespace waypost {

// Vectors that a training begins or goes on with have numbers of at most this size: the squares of a panel of rows then
// still have a finite sum in float32.
inline constexpr float kLargestIalsFactor = 1e15f;

// Immutable once filled: safe to use from any number of threads.
struct IalsState {
  IalsOptions options;     // of the training, with what was left to it filled in
  MatrixFingerprint data;  // of its matrix
  int epoch = 0;           // epochs done
  // The kept epoch: 1..epoch, the best by the validation measure so far; 0 without a measure.
  int kept = 0;
  std::vector<double> loss;        // after each epoch done
  std::vector<double> validation;  // after each epoch done; empty without a measure
  FactorMatrix items;              // in the basis of their Gramian
  SharedArray<double> eigenvalues;
  FactorMatrix users;       // no rows with the exact solver: they follow from the items
  FactorMatrix kept_items;  // of the kept epoch; no rows where that is this epoch, or without a measure
  SharedArray<double> kept_eigenvalues;
};

namespace internal {

inline absl::Status ValidateStateTable(std::string_view name, const FactorMatrix& table, std::size_t rows,
                                       std::size_t dimensions) {
  if (table.rows() == rows && table.dimensions() == dimensions) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("IalsState.", ToAbsl(name), ": want ", rows, " x ", dimensions,
                                                 ", got ", table.rows(), " x ", table.dimensions()));
}

}  // namespace internal

// Whether the parts of a state fit together.
// Errors  kInvalidArgument, naming the part.
inline absl::Status Validate(const IalsState& state) {
  using internal::ValidateStateTable;
  WAYPOST_RETURN_IF_ERROR(Validate(state.options));
  if (!state.options.unobserved_weight)
    return absl::InvalidArgumentError("IalsState.options.unobserved_weight: want a number, got none");
  const auto dimensions = static_cast<std::size_t>(state.options.dimensions);
  if (state.epoch < 1 || state.epoch > state.options.epochs)
    return absl::InvalidArgumentError(
        absl::StrCat("IalsState.epoch: want 1..", state.options.epochs, ", got ", state.epoch));
  const auto epochs = static_cast<std::size_t>(state.epoch);
  if (state.loss.size() != epochs)
    return absl::InvalidArgumentError(
        absl::StrCat("IalsState.loss: want ", epochs, " values, got ", state.loss.size()));
  if (!state.validation.empty() && state.validation.size() != epochs)
    return absl::InvalidArgumentError(
        absl::StrCat("IalsState.validation: want ", epochs, " values or none, got ", state.validation.size()));
  const int first = state.validation.empty() ? 0 : 1;
  const int last = state.validation.empty() ? 0 : state.epoch;
  if (state.kept < first || state.kept > last)
    return absl::InvalidArgumentError(absl::StrCat("IalsState.kept: want ", first, "..", last, ", got ", state.kept));
  WAYPOST_RETURN_IF_ERROR(ValidateStateTable("items", state.items, state.data.items, dimensions));
  if (state.users.rows() > 0)
    WAYPOST_RETURN_IF_ERROR(ValidateStateTable("users", state.users, state.data.users, dimensions));
  const bool earlier = state.kept > 0 && state.kept < state.epoch;
  if (earlier || state.kept_items.rows() > 0)
    WAYPOST_RETURN_IF_ERROR(
        ValidateStateTable("kept_items", state.kept_items, earlier ? state.data.items : 0, dimensions));
  for (const auto* eigenvalues : {&state.eigenvalues, &state.kept_eigenvalues}) {
    const std::size_t want = eigenvalues == &state.eigenvalues || earlier ? dimensions : 0;
    if (eigenvalues->size() != want)
      return absl::InvalidArgumentError(
          absl::StrCat("IalsState.eigenvalues: want ", want, ", got ", eigenvalues->size()));
  }
  return absl::OkStatus();
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_IALS_STATE_HPP_
