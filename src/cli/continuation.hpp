// cli/continuation.hpp - trainings that are kept, gone on with and begun from an older model: --checkpoint, --resume,
// --warm-start.
#ifndef WAYPOST_CLI_CONTINUATION_HPP_
#define WAYPOST_CLI_CONTINUATION_HPP_

#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "console.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/file/checkpoint.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/model/training.hpp"

namespace waypost::cli {

struct ContinuationFlags {
  std::string checkpoint;
  std::optional<int> every;
  std::string resume;
  std::string warm_start;
};
void AddContinuationFlags(Verb& verb, ContinuationFlags& flags);

// Errors  usage: flags that contradict each other or the model; `out` is --out.
absl::Status CheckContinuation(const ContinuationFlags& flags, const ModelOptions& options, const std::string& out);

// The two trainings of a run with --early-stop; without it there is only the second.
enum class TrainingPhase { kSearch, kFinal };

// What one run of the tool keeps and goes on with.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Continuation {
 public:
  //   search   how the number of epochs is looked for ("ndcg@20 0.1 42"), or "" where it is given
  // Errors  of the file to go on with; kInvalidArgument: it was made with another `search`.
  static absl::StatusOr<Continuation> Open(const ContinuationFlags& flags, const std::string& search);

  // The state to go on with, if it belongs to `phase`.
  const IalsState* resumed(TrainingPhase phase) const;
  // The measures of a search that had ended when the state was kept; empty otherwise.
  const std::vector<double>& searched() const { return searched_; }

  // Has `control` go on with the file of --resume where it belongs to `phase`, begin from the model of --warm-start
  // and write --checkpoint.
  //   searched  the measures of the search, kept beside the final training
  // Errors    of the older model; kInvalidArgument: its dimensions are others.
  // Lifetime  this object must outlive the training.
  absl::Status Prepare(TrainingPhase phase, const ModelOptions& options, const IdDictionary& items,
                       const std::vector<double>& searched, Console& console, TrainingControl& control);

  // What an interrupted run ends with: says what is kept.
  absl::Status Interruption() const;

 private:
  ContinuationFlags flags_;
  std::string search_;
  std::optional<Checkpoint> checkpoint_;
  TrainingPhase phase_ = TrainingPhase::kFinal;  // of checkpoint_
  std::vector<double> searched_;
  std::string kept_;  // what a file holds that this run can be gone on with; "": nothing
};

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_CONTINUATION_HPP_
