// waypost/model/ials_training.hpp - TrainIals: the epochs around the row solver. ials.hpp says what is minimised.
#ifndef WAYPOST_MODEL_IALS_TRAINING_HPP_
#define WAYPOST_MODEL_IALS_TRAINING_HPP_

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "waypost/model/ials_model.hpp"
#include "waypost/model/ials_options.hpp"
#include "waypost/model/ials_trainer.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

struct IalsTraining {
  IalsModel model;
  std::vector<double> loss;  // the objective after each epoch that ran, before the epoch's exact pass over users
  int epochs = 0;            // the epoch that was kept: the last, or the best by the validation measure
  IalsSolver solver = IalsSolver::kExact;  // what kAuto chose
  std::optional<double> validation{};      // of the epoch that was kept
};

// The unobserved_weight that an unset one stands for: the mean strength of an interaction, times kUnobservedToObserved
// times the share of user-item pairs that have one, at most kMostUnobserved. So scaled strengths scale it.
// Requires  strengths that ValidateTrainingMatrix accepts.
inline float AutomaticUnobservedWeight(const InteractionMatrix& matrix) {
  const SparseMatrix& rows = matrix.user_item();
  const double entries = static_cast<double>(rows.entries());
  double total = entries;
  if (rows.weighted()) {
    total = 0;
    for (float strength : rows.values()) total += static_cast<double>(strength);
  }
  const double share = entries / static_cast<double>(matrix.users()) / static_cast<double>(matrix.items());
  const double weight = total / entries * std::min(kUnobservedToObserved * share, kMostUnobserved);
  return static_cast<float>(
      std::clamp(weight, double{std::numeric_limits<float>::min()}, static_cast<double>(kMaxUnobservedWeight)));
}

namespace internal {

// `options` with what was left to the training filled in.
inline IalsOptions EffectiveOptions(const InteractionMatrix& matrix, IalsOptions options) {
  if (!options.unobserved_weight) options.unobserved_weight = AutomaticUnobservedWeight(matrix);
  return options;
}

inline absl::StatusOr<IalsTraining> TrainValidIals(const InteractionMatrix& matrix, const IalsOptions& options,
                                                   const TrainingControl& control, const Parallelism& parallelism) {
  const IalsSolver solver = ChooseIalsSolver(matrix, options);
  IalsTrainer trainer(matrix, options, solver, parallelism);
  std::vector<double> loss;
  int kept = options.epochs;
  int last = 0;
  std::optional<double> best;
  IalsTrainer::Items best_items;
  WAYPOST_RETURN_IF_ERROR(trainer.SolveUsers());
  for (int epoch = 1; epoch <= options.epochs; ++epoch) {
    last = epoch;
    WAYPOST_ASSIGN_OR_RETURN(loss.emplace_back(), trainer.SolveItems());
    WAYPOST_RETURN_IF_ERROR(trainer.SolveUsers());
    TrainingProgress progress{.epoch = epoch, .epochs = options.epochs, .loss = loss.back(), .validation = {}};
    if (control.validation) {
      WAYPOST_ASSIGN_OR_RETURN(progress.validation, control.validation(trainer.View()));
      if (!std::isfinite(*progress.validation))
        return absl::InvalidArgumentError(
            absl::StrCat("TrainingControl.validation: want a finite measure, got ", *progress.validation));
      if (!best || *progress.validation > *best) {
        best = progress.validation;
        kept = epoch;
        best_items = trainer.CopyItems();
      }
    }
    WAYPOST_RETURN_IF_ERROR(ReportProgress(control, progress));
    if (options.patience > 0 && epoch - kept >= options.patience) break;
  }
  const bool restore = best && kept != last;
  if (restore) trainer.Restore(std::move(best_items));
  if (restore || solver != IalsSolver::kExact) trainer.SolveUsersExactly();
  return IalsTraining{.model = std::move(trainer).Finish(),
                      .loss = std::move(loss),
                      .epochs = kept,
                      .solver = solver,
                      .validation = best};
}

}  // namespace internal

// Trains the factors of `matrix`.
//
// Errors  kInvalidArgument: options (Validate), no entry, a strength that is not in (0, kMaxStrength], patience without
//         a validation measure; kCancelled; kResourceExhausted: out of memory; errors of control.validation.
// Cost    an epoch: 2 (U + I) d^2 + 2 x 9 d^3 + the rows (ials.hpp) multiply-adds. Memory (U + I) d float32, some 3 d^2
//         float64, 2 d^2 float32 a thread; with a validation measure I d float32 more.
inline absl::StatusOr<IalsTraining> TrainIals(const InteractionMatrix& matrix, const IalsOptions& options,
                                              const TrainingControl& control = {},
                                              const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  if (options.patience > 0 && !control.validation)
    return absl::InvalidArgumentError(
        absl::StrCat("IalsOptions.patience: want 0 without a validation measure, got ", options.patience));
  try {
    return internal::TrainValidIals(matrix, internal::EffectiveOptions(matrix, options), control, parallelism);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("TrainIals: out of memory");
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_IALS_TRAINING_HPP_
