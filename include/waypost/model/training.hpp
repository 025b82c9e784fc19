// waypost/model/training.hpp - how a caller watches, stops and steers a training.
#ifndef WAYPOST_MODEL_TRAINING_HPP_
#define WAYPOST_MODEL_TRAINING_HPP_

#include <cstddef>
#include <functional>
#include <optional>

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

// Callbacks of one training, called on the calling thread between steps. Empty: not called.
struct TrainingControl {
  // Returns false to cancel: the training then returns kCancelled.
  std::function<bool(const TrainingProgress&)> on_epoch;
  // Measures a model on held-out data, higher is better. Models that stop early call it after each epoch; the others
  // do not. An error ends the training with that error.
  std::function<absl::StatusOr<double>(const Scorer&)> validation;
};

// Reports a step, and returns kCancelled when the caller wants no further one.
inline absl::Status ReportProgress(const TrainingControl& control, const TrainingProgress& progress) {
  if (!control.on_epoch || control.on_epoch(progress)) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("training: cancelled after step ", progress.epoch, " of ", progress.epochs));
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
