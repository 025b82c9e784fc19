// cli/splits.hpp - --split and what belongs to it.
#ifndef WAYPOST_CLI_SPLITS_HPP_
#define WAYPOST_CLI_SPLITS_HPP_

#include <cstdint>
#include <optional>
#include <string>

#include "command_line.hpp"
#include "inputs.hpp"
#include "waypost/matrix/split.hpp"

namespace waypost::cli {

struct SplitFlags {
  std::string kind;
  std::optional<double> fraction;
  std::optional<std::string> cut;
};
void AddSplitFlags(Verb& verb, SplitFlags& flags);

// The smallest value that is worth predicting, where the weighting has one.
std::optional<float> MinValue(const WeightingFlags& flags);

// The kinds of splits, for the help.
std::string SplitHelp();

// Errors  usage: neither or both of --test and --split; an option that the split does not use.
absl::Status CheckSplit(const SplitFlags& flags, bool has_test_files);

//   min_value  of the weighting: only events that reach it are worth predicting.
absl::StatusOr<EventSplit> MakeSplit(const SplitFlags& flags, const EventFileFlags& files, const EventLog& log,
                                     std::optional<float> min_value, std::uint64_t seed);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SPLITS_HPP_
