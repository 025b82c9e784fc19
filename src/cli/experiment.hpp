// cli/experiment.hpp - models trained on one part of the events and measured on another: what evaluate and compare
// share.
#ifndef WAYPOST_CLI_EXPERIMENT_HPP_
#define WAYPOST_CLI_EXPERIMENT_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "splits.hpp"
#include "table.hpp"
#include "waypost/base/status.hpp"
#include "waypost/eval/evaluation.hpp"
#include "waypost/eval/leaks.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost::cli {

struct ExperimentFlags {
  EventSource source;
  std::vector<std::string> test_files;
  SplitFlags split;
  EventFileFlags input;
  WeightingFlags weighting;
  std::vector<std::string> settings;
  std::vector<std::string> settings_files;
  std::string metrics = "recall@20,ndcg@20";
  std::optional<int> sampled_negatives;  // a flag of evaluate alone: such figures are not to be compared
  int threads = 0;
  std::uint64_t memory_limit_mb = 0;
  std::uint64_t seed = 42;
};
// Everything but the models, which the verb declares.
void AddExperimentFlags(Verb& verb, ExperimentFlags& flags);

// One model as it came out.
struct ModelRun {
  std::string label;  // the model's name, or what the command line calls it
  ModelOptions options;
  TrainedModel trained;  // without the model itself: one is in memory at a time
  Evaluation evaluation;
  double train_seconds = 0;
  double rank_seconds = 0;                    // of the lists of all users, intervals not included
  std::optional<std::uint64_t> peak_bytes{};  // of the process while it trained and ranked; none where Linux hides it
};

struct Experiment {
  std::vector<ModelRun> runs;
  LeakReport leaks;
  std::size_t train_events = 0;
  std::size_t test_events = 0;
  std::uint64_t skipped = 0;
  int threads = 0;
};

//   models  NAME or LABEL=NAME each
//   option  what the command line calls the list, for errors
// Errors    usage: a model, setting, metric or split that is none; and those of the work.
absl::StatusOr<Experiment> RunExperiment(const ExperimentFlags& flags, const std::vector<std::string>& models,
                                         const std::string& option, Console& console);

// Members of one run in an open object: model, options, epochs, seconds, metrics, intervals, strata.
void WriteRun(JsonWriter& json, const ModelRun& run);
// Members of the whole in an open object: definitions, users, what was left out, leaks, counts.
void WriteTestFacts(JsonWriter& json, const Experiment& experiment);
// The same in words on standard error.
void NoteTestFacts(const Experiment& experiment, Console& console);

// A row for each model and stratum in place of one for each model.
void WriteStrata(const Experiment& experiment, TableFormat format, Console& console);

// "0.0416 [0.0405, 0.0427]".
std::string FigureText(double mean, const std::optional<Interval>& interval);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_EXPERIMENT_HPP_
