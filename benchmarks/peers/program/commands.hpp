// peers/program/commands.hpp - the subcommands; main.cpp says what each measures and how it is called.
#ifndef WAYPOST_BENCHMARKS_PEERS_PROGRAM_COMMANDS_HPP_
#define WAYPOST_BENCHMARKS_PEERS_PROGRAM_COMMANDS_HPP_

#include "arguments.hpp"
#include "waypost/base/status.hpp"

namespace waypost::peers {

absl::Status RunTrain(Arguments& arguments);
absl::Status RunEpoch(Arguments& arguments);
absl::Status RunPairs(Arguments& arguments);
absl::Status RunItemKnn(Arguments& arguments);
absl::Status RunRoofline(Arguments& arguments);
absl::Status RunTopK(Arguments& arguments);
absl::Status RunRecommendAll(Arguments& arguments);
absl::Status RunFoldIn(Arguments& arguments);
absl::Status RunOpen(Arguments& arguments);
absl::Status RunMakeModel(Arguments& arguments);
absl::Status RunEvaluate(Arguments& arguments);
absl::Status RunIngest(Arguments& arguments);

}  // namespace waypost::peers

#endif  // WAYPOST_BENCHMARKS_PEERS_PROGRAM_COMMANDS_HPP_
