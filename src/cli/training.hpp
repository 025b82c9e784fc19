// cli/training.hpp - trainings as the tool runs them: watched on standard error, interruptible.
#ifndef WAYPOST_CLI_TRAINING_HPP_
#define WAYPOST_CLI_TRAINING_HPP_

#include <cstdint>
#include <string>

#include "command_line.hpp"
#include "console.hpp"
#include "waypost/base/status.hpp"
#include "waypost/model/training.hpp"

namespace waypost::cli {

// Shows the steps of a training; an interrupt ends it with kCancelled.
//   memory_limit_mb  as AddMemoryLimit reads it.
// Lifetime  `console` must outlive the training.
TrainingControl WatchTraining(Console& console, const std::string& name, std::uint64_t memory_limit_mb = 0);

void AddMemoryLimit(Verb& verb, std::uint64_t& memory_limit_mb);

// What an interrupted run ends with.
absl::Status Interruption();

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TRAINING_HPP_
