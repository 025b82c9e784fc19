#include "training.hpp"

#include "table.hpp"

namespace waypost::cli {
namespace {

// Digits of losses and metrics in progress lines: enough to see an epoch's gain.
constexpr int kProgressDigits = 5;

}  // namespace

void AddMemoryLimit(Verb& verb, std::uint64_t& memory_limit_mb) {
  verb.Option("--memory-limit", "MB", memory_limit_mb,
              "Refuse a training that plans for more; 0: for more than is available")
      .Between(0, 1'000'000'000);
}

TrainingControl WatchTraining(Console& console, const std::string& name, std::uint64_t memory_limit_mb) {
  TrainingControl control;
  control.memory_limit_bytes = memory_limit_mb * 1'000'000;
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
