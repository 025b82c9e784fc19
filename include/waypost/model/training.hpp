// waypost/model/training.hpp - how a caller watches, stops and steers a training.
#ifndef WAYPOST_MODEL_TRAINING_HPP_
#define WAYPOST_MODEL_TRAINING_HPP_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {

// What is known when a step of a training is over.
struct TrainingProgress {
  int epoch = 0;                       // steps done, 1..epochs
  int epochs = 0;                      // steps planned; a model that makes one pass counts equal parts of it
  std::optional<double> loss{};        // the objective after this step, where the model has one
  std::optional<double> validation{};  // what TrainingControl::validation returned, where it was asked
};

struct IalsState;  // model/ials_state.hpp

// How one training is watched, ended, kept and begun. Callbacks are called on the calling thread; empty: not called.
struct TrainingControl {
  // Returns false to cancel: the training then returns kCancelled.
  std::function<bool(const TrainingProgress&)> on_epoch;
  // Measures a model on held-out data, higher is better. Models that stop early call it after each epoch; the others
  // do not. An error ends the training with that error.
  std::function<absl::StatusOr<double>(const Scorer&)> validation;
  // Asked every few rows, so it must be cheap; true ends the training at once with kCancelled.
  std::function<bool()> cancelled{};
  // Takes the state of the training after every `checkpoint_every` epochs and after the last one; what it takes borrows
  // the training's arrays for the call. An error ends the training with that error. Models that are trained in one pass
  // have no state: they refuse this, `resume` and `first_items`.
  std::function<absl::Status(const IalsState&)> checkpoint{};
  int checkpoint_every = 1;
  // Goes on from this state in place of the beginning. `epochs` may differ from what the state was made with, every
  // other option and the matrix may not.
  // Lifetime  borrowed for the training.
  const IalsState* resume = nullptr;
  // The first item vectors, in any basis: items x dimensions of the training, or no rows. An item whose row is 0 begins
  // with a random one. With vectors of an older model of nearly the same data few epochs are needed.
  FactorMatrix first_items{};
  // Bytes that TrainModel may plan for, the matrix included; 0: what the process can still have beside the matrix.
  std::uint64_t memory_limit_bytes = 0;
};

// Asks TrainingControl::cancelled between pieces of work that several threads do: on the calling thread alone, whose
// answer the others see.
//
// Thread-safe: all members may be called concurrently.
class CancelPoll {
 public:
  // Lifetime  `control` must outlive the poll.
  explicit CancelPoll(const TrainingControl& control)
      : cancelled_(control.cancelled ? &control.cancelled : nullptr), caller_(ThisThread()) {}

  // Whether the rest of the work is to be left out.
  bool operator()() {
    if (cancelled_ == nullptr) return false;
    if (!seen_.load(std::memory_order_relaxed) && ThisThread() == caller_ && (*cancelled_)())
      seen_.store(true, std::memory_order_relaxed);
    return seen_.load(std::memory_order_relaxed);
  }

  // kCancelled once the caller wanted an end.
  absl::Status status() {
    return (*this)() ? absl::CancelledError("training: cancelled inside an epoch") : absl::OkStatus();
  }

 private:
  // The same for every call on one thread, different for two that live at once.
  static const void* ThisThread() {
    static thread_local const char mark = 0;
    return &mark;
  }

  const std::function<bool()>* cancelled_;
  const void* caller_;
  std::atomic<bool> seen_ = false;
};

// Reports a step, and returns kCancelled when the caller wants no further one.
inline absl::Status ReportProgress(const TrainingControl& control, const TrainingProgress& progress) {
  if ((!control.on_epoch || control.on_epoch(progress)) && !(control.cancelled && control.cancelled()))
    return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("training: cancelled after step ", progress.epoch, " of ", progress.epochs));
}

// What a trainer without epochs requires of `control`: no state to keep, to go on from or to begin with.
// Errors  kInvalidArgument, with the first field that is set.
inline absl::Status ValidateOnePassControl(const TrainingControl& control) {
  const char* set = control.checkpoint               ? "checkpoint"
                    : control.resume != nullptr      ? "resume"
                    : control.first_items.rows() > 0 ? "first_items"
                                                     : nullptr;
  if (set == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("TrainingControl.", set, ": want it with a model that trains in epochs, got one of a single pass"));
}

// What every trainer requires of its matrix: at least one entry, every strength in (0, kMaxStrength].
// Errors  kInvalidArgument, with user and item of the first bad strength.
inline absl::Status ValidateTrainingMatrix(const InteractionMatrix& matrix) {
  if (matrix.entries() == 0)
    return absl::InvalidArgumentError(absl::StrCat("InteractionMatrix: want at least one positive interaction, got 0 (",
                                                   matrix.users(), " users, ", matrix.items(), " items)"));
  if (!matrix.user_item().weighted()) return absl::OkStatus();
  for (std::size_t user = 0; user < matrix.users(); ++user) {
    const SparseRowView row = matrix.user_item().row(user);
    for (std::size_t n = 0; n < row.size(); ++n) {
      if (row.values[n] > 0 && row.values[n] <= kMaxStrength) continue;  // false for a NaN
      return absl::InvalidArgumentError(absl::StrCat("InteractionMatrix.values: want in (0, ", kMaxStrength, "], got ",
                                                     row.values[n], " at user ", user, ", item ", row.columns[n]));
    }
  }
  return absl::OkStatus();
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_TRAINING_HPP_
