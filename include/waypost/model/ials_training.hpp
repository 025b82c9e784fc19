// waypost/model/ials_training.hpp - TrainIals: the epochs around the row solver. ials.hpp says what is minimised.
#ifndef WAYPOST_MODEL_IALS_TRAINING_HPP_
#define WAYPOST_MODEL_IALS_TRAINING_HPP_

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/model/ials_model.hpp"
#include "waypost/model/ials_options.hpp"
#include "waypost/model/ials_state.hpp"
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

// Returns `options` with what was left to the training filled in.
// Requires  strengths that ValidateTrainingMatrix accepts.
inline IalsOptions EffectiveOptions(const InteractionMatrix& matrix, IalsOptions options) {
  if (!options.unobserved_weight) options.unobserved_weight = AutomaticUnobservedWeight(matrix);
  const bool may_step = options.solver == IalsSolver::kAuto || options.solver == IalsSolver::kCg;
  if (may_step && !options.cg_steps) options.cg_steps = kDefaultCgSteps;
  return options;
}

namespace internal {

inline absl::Status ValidateIalsControl(const InteractionMatrix& matrix, const IalsOptions& options,
                                        const TrainingControl& control) {
  if (options.patience > 0 && !control.validation)
    return absl::InvalidArgumentError(
        absl::StrCat("IalsOptions.patience: want 0 without a validation measure, got ", options.patience));
  if (control.checkpoint_every < 1)
    return absl::InvalidArgumentError(
        absl::StrCat("TrainingControl.checkpoint_every: want at least 1, got ", control.checkpoint_every));
  const FactorMatrix& first = control.first_items;
  if (first.rows() == 0) return absl::OkStatus();
  if (control.resume != nullptr)
    return absl::InvalidArgumentError("TrainingControl.first_items: want none beside a state to resume, got some");
  if (first.rows() != matrix.items() || first.dimensions() != static_cast<std::size_t>(options.dimensions))
    return absl::InvalidArgumentError(absl::StrCat("TrainingControl.first_items: want ", matrix.items(), " x ",
                                                   options.dimensions, ", got ", first.rows(), " x ",
                                                   first.dimensions()));
  for (float value : first.values())
    if (!(std::abs(value) <= kLargestIalsFactor))  // also a NaN
      return absl::InvalidArgumentError(absl::StrCat("TrainingControl.first_items: want numbers of at most ",
                                                     kLargestIalsFactor, " in size, got ", value));
  return absl::OkStatus();
}

// Whether a training of these can go on from `state`.
inline absl::Status ValidateIalsResume(const MatrixFingerprint& data, const IalsOptions& options, IalsSolver solver,
                                       const TrainingControl& control, const IalsState& state) {
  WAYPOST_RETURN_IF_ERROR(Validate(state));
  const auto shown = [](const MatrixFingerprint& matrix) {
    return absl::StrCat(matrix.users, " users, ", matrix.items, " items and ", matrix.entries, " entries of content ",
                        absl::Hex(matrix.content, absl::kZeroPad16));
  };
  if (data != state.data)
    return absl::InvalidArgumentError(
        absl::StrCat("TrainingControl.resume: want the matrix that the state was made from, of ", shown(state.data),
                     ", got ", shown(data)));
  IalsOptions same = state.options;
  same.epochs = options.epochs;
  if (same != options)
    return absl::InvalidArgumentError("TrainingControl.resume: want the options of the state, got others");
  if (options.epochs < state.epoch)
    return absl::InvalidArgumentError(absl::StrCat("IalsOptions.epochs: want at least ", state.epoch,
                                                   ", the epochs that the state has done, got ", options.epochs));
  if (control.validation ? state.validation.empty() : !state.validation.empty())
    return absl::InvalidArgumentError(absl::StrCat("TrainingControl.validation: want ",
                                                   control.validation ? "none" : "one", ", as the state was made, got ",
                                                   control.validation ? "one" : "none"));
  const bool needs_users = solver != IalsSolver::kExact;
  if (needs_users && state.users.rows() == 0)
    return absl::InvalidArgumentError(absl::StrCat("IalsState.users: want ", state.data.users, " rows with solver ",
                                                   ToAbsl(IalsSolverName(solver)), ", got 0"));
  return absl::OkStatus();
}

// The epochs of one training.
class IalsRun {
 public:
  // Lifetime  the arguments outlive the run; `options` are effective.
  IalsRun(const InteractionMatrix& matrix, const IalsOptions& options, const TrainingControl& control,
          const Parallelism& parallelism)
      : options_(options),
        control_(control),
        solver_(ChooseIalsSolver(matrix, options)),
        cancelled_(control),
        trainer_(matrix, options, solver_, parallelism, cancelled_) {
    if (control.checkpoint || control.resume != nullptr) data_ = Fingerprint(matrix);
  }

  absl::StatusOr<IalsTraining> Train() && {
    if (control_.resume != nullptr) {
      WAYPOST_RETURN_IF_ERROR(Resume(*control_.resume));
    } else {
      WAYPOST_RETURN_IF_ERROR(Begin());
    }
    while (!Ended()) WAYPOST_RETURN_IF_ERROR(Epoch());
    const bool earlier = kept_ > 0 && kept_ != epoch_;
    if (earlier) trainer_.Restore(std::move(kept_items_));
    if (earlier || solver_ != IalsSolver::kExact) WAYPOST_RETURN_IF_ERROR(trainer_.SolveUsersExactly());
    IalsTraining result{.model = std::move(trainer_).Finish(),
                        .loss = std::move(loss_),
                        .epochs = kept_ > 0 ? kept_ : epoch_,
                        .solver = solver_,
                        .validation = {}};
    if (kept_ > 0) result.validation = validation_[static_cast<std::size_t>(kept_) - 1];
    return result;
  }

 private:
  bool Ended() const {
    return epoch_ >= options_.epochs || (options_.patience > 0 && epoch_ - kept_ >= options_.patience);
  }

  absl::Status Begin() {
    const bool given = control_.first_items.rows() > 0;
    if (!given && !options_.init_sd) {
      WAYPOST_RETURN_IF_ERROR(trainer_.BeginSpectrally());
      return trainer_.SolveUsersExactly();
    }
    trainer_.BeginRandomly(static_cast<double>(options_.init_sd.value_or(kDefaultIalsInitSd)));
    if (given) trainer_.BeginWith(control_.first_items);
    WAYPOST_RETURN_IF_ERROR(trainer_.SolveUsers());
    // The users belong to items that are good already: steps from 0 would not reach them.
    if (given && solver_ != IalsSolver::kExact) return trainer_.SolveUsersExactly();
    return absl::OkStatus();
  }

  absl::Status Resume(const IalsState& state) {
    WAYPOST_RETURN_IF_ERROR(ValidateIalsResume(data_, options_, solver_, control_, state));
    epoch_ = state.epoch;
    kept_ = state.kept;
    loss_ = state.loss;
    validation_ = state.validation;
    trainer_.Restore(CopyOf(state.items, state.eigenvalues));
    if (state.kept_items.rows() > 0) {
      kept_items_ = CopyOf(state.kept_items, state.kept_eigenvalues);
    } else if (kept_ > 0) {
      kept_items_ = trainer_.CopyItems();
    }
    if (solver_ == IalsSolver::kExact) return trainer_.SolveUsersExactly();
    trainer_.RestoreUsers(state.users.values());
    return absl::OkStatus();
  }

  absl::Status Epoch() {
    ++epoch_;
    WAYPOST_ASSIGN_OR_RETURN(loss_.emplace_back(), trainer_.SolveItems());
    WAYPOST_RETURN_IF_ERROR(trainer_.SolveUsers());
    TrainingProgress progress{.epoch = epoch_, .epochs = options_.epochs, .loss = loss_.back(), .validation = {}};
    if (control_.validation) {
      WAYPOST_ASSIGN_OR_RETURN(validation_.emplace_back(), control_.validation(trainer_.View()));
      progress.validation = validation_.back();
      if (!std::isfinite(validation_.back()))
        return absl::InvalidArgumentError(
            absl::StrCat("TrainingControl.validation: want a finite measure, got ", validation_.back()));
      if (kept_ == 0 || validation_.back() > validation_[static_cast<std::size_t>(kept_) - 1]) {
        kept_ = epoch_;
        kept_items_ = trainer_.CopyItems();
      }
    }
    if (control_.checkpoint && (epoch_ % control_.checkpoint_every == 0 || Ended()))
      WAYPOST_RETURN_IF_ERROR(control_.checkpoint(State()));
    return ReportProgress(control_, progress);
  }

  // Borrows the tables of the training.
  IalsState State() const {
    const auto borrowed = [](std::span<const double> values) { return SharedArray<double>(values, nullptr); };
    IalsState state{.options = options_,
                    .data = data_,
                    .epoch = epoch_,
                    .kept = kept_,
                    .loss = loss_,
                    .validation = validation_,
                    .items = trainer_.items(),
                    .eigenvalues = borrowed(trainer_.eigenvalues()),
                    .users = {},
                    .kept_items = {},
                    .kept_eigenvalues = {}};
    if (solver_ != IalsSolver::kExact) state.users = trainer_.users();
    if (kept_ > 0 && kept_ != epoch_) {
      state.kept_items = FactorMatrix(state.items.rows(), state.items.dimensions(),
                                      SharedArray<float>(std::span<const float>(kept_items_.factors), nullptr));
      state.kept_eigenvalues = borrowed(kept_items_.eigenvalues);
    }
    return state;
  }

  static IalsTrainer::Items CopyOf(const FactorMatrix& factors, const SharedArray<double>& eigenvalues) {
    return {{factors.values().begin(), factors.values().end()}, {eigenvalues.begin(), eigenvalues.end()}};
  }

  const IalsOptions& options_;
  const TrainingControl& control_;
  IalsSolver solver_;
  CancelPoll cancelled_;
  IalsTrainer trainer_;
  MatrixFingerprint data_;
  int epoch_ = 0;  // done
  int kept_ = 0;   // the best epoch; 0 without a measure
  std::vector<double> loss_;
  std::vector<double> validation_;
  IalsTrainer::Items kept_items_;  // of the best epoch
};

}  // namespace internal

// Trains the factors of `matrix`.
//
// Errors  kInvalidArgument: options (Validate), no entry, a strength that is not in (0, kMaxStrength], patience without
//         a validation measure, a state or first vectors of another matrix or of other options, vectors that grow
//         beyond float32 (a state or options with extreme numbers); kCancelled;
//         kResourceExhausted: out of memory; errors of control.validation and control.checkpoint.
// Cost    an epoch: 2 (U + I) d^2 + 2 x 9 d^3 + the rows (ials.hpp) multiply-adds. Memory (U + I) d float32, some 3 d^2
//         float64 and at most 15 MB of partial Gramians (d^2 float64 if that is more), 2 d^2 float32 a thread; with a
//         validation measure I d float32 more. A cancelled training ends within a few rows of each thread; the
//         eigenvectors of one Gramian, 9 d^3, are not cut short.
inline absl::StatusOr<IalsTraining> TrainIals(const InteractionMatrix& matrix, const IalsOptions& options,
                                              const TrainingControl& control = {},
                                              const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  WAYPOST_RETURN_IF_ERROR(internal::ValidateIalsControl(matrix, options, control));
  const IalsOptions effective = EffectiveOptions(matrix, options);
  try {
    return internal::IalsRun(matrix, effective, control, parallelism).Train();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("TrainIals: out of memory");
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_IALS_TRAINING_HPP_
