// cli/trial_table.hpp - the trials of a search in a file of JSON lines, one written after each trial.
//
// The first line says what is searched, each further one is a trial. A line that a killed run left half-written is
// dropped when the search goes on.
#ifndef WAYPOST_CLI_TRIAL_TABLE_HPP_
#define WAYPOST_CLI_TRIAL_TABLE_HPP_

#include <string>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/eval/tune.hpp"

namespace waypost::cli {

// What must be the same for a search to go on: names and values.
using SearchFacts = std::vector<std::pair<std::string, std::string>>;

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class TrialTable {
 public:
  // Begins a table, or with `resume` goes on with the one of the file, where there is one.
  // Errors  kFailedPrecondition: the file is there and `resume` is not asked for, or it is of another search (names the
  //         first fact that differs); kDataLoss: it is no table of trials; those of the file.
  static absl::StatusOr<TrialTable> Open(const std::string& path, const SearchFacts& facts, bool resume);

  const std::vector<Trial>& trials() const { return trials_; }

  // Adds a line to the file and flushes it.
  absl::Status Add(const Trial& trial);

 private:
  std::string path_;
  std::vector<Trial> trials_;
};

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TRIAL_TABLE_HPP_
