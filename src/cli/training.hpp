// cli/training.hpp - trainings as the tool runs them: watched on standard error, interruptible.
#ifndef WAYPOST_CLI_TRAINING_HPP_
#define WAYPOST_CLI_TRAINING_HPP_

#include <string>

#include "console.hpp"
#include "waypost/base/status.hpp"
#include "waypost/model/training.hpp"

namespace waypost::cli {

// Shows the steps of a training; an interrupt ends it with kCancelled.
// Lifetime  `console` must outlive the training.
TrainingControl WatchTraining(Console& console, const std::string& name);

// What an interrupted run ends with.
absl::Status Interruption();

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TRAINING_HPP_
