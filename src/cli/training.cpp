#include "training.hpp"

#include "table.hpp"

namespace waypost::cli {
namespace {

// Digits of losses and metrics in progress lines: enough to see an epoch's gain.
constexpr int kProgressDigits = 5;

}  // namespace

TrainingControl WatchTraining(Console& console, const std::string& name) {
  TrainingControl control;
  control.on_epoch = [&console, name](const TrainingProgress& progress) {
    std::string detail;
    if (progress.loss) detail += "loss " + Fixed(*progress.loss, kProgressDigits);
    if (progress.validation)
      detail +=
          (detail.empty() ? "" : "  ") + std::string("validation ") + Fixed(*progress.validation, kProgressDigits);
    console.Progress(name, static_cast<std::uint64_t>(progress.epoch), static_cast<std::uint64_t>(progress.epochs),
                     detail);
    return !Console::Interrupted();
  };
  control.cancelled = Console::Interrupted;
  return control;
}

absl::Status Interruption() {
  return absl::CancelledError("interrupted: nothing was written");
}

}  // namespace waypost::cli
