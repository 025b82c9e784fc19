#include "experiment.hpp"

#include <algorithm>

#include "models.hpp"
#include "settings_file.hpp"
#include "table.hpp"
#include "training.hpp"
#include "waypost/eval/evaluate.hpp"

namespace waypost::cli {
namespace {

constexpr int kDigits = 4;

// Training and test part as the flags say.
struct Parts {
  EventLog train;
  EventLog fold_in;
  EventLog test;
  std::uint64_t skipped = 0;
};

absl::StatusOr<Parts> ReadParts(const ExperimentFlags& flags, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(EventInput input,
                           ReadEventSource(flags.source, flags.input, Parallelism(flags.threads), console));
  if (!flags.test_files.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(EventInput test, ReadEventFiles(flags.test_files, flags.input, input.log.kinds(),
                                                             Parallelism(flags.threads), console));
    return Parts{std::move(input.log), {}, std::move(test.log), input.skipped + test.skipped};
  }
  WAYPOST_ASSIGN_OR_RETURN(const EventSplit split,
                           MakeSplit(flags.split, flags.input, input.log, MinValue(flags.weighting), flags.seed));
  console.Note("split " + flags.split.kind + ": " + Count(split.train.size(), "event") + " to train on, " +
               (split.fold_in.empty() ? "" : Digits(split.fold_in.size()) + " to fold in, ") +
               Digits(split.test.size()) + " to test on");
  return Parts{input.log.Select(split.train), input.log.Select(split.fold_in), input.log.Select(split.test),
               input.skipped};
}

// The models by label with their options, not yet run.
absl::StatusOr<std::vector<ModelRun>> PrepareRuns(const ExperimentFlags& flags, const std::vector<std::string>& models,
                                                  const std::string& option) {
  std::vector<std::string> labels, kinds;
  for (const std::string& model : models) {
    const std::size_t equals = model.find('=');
    labels.push_back(model.substr(0, equals));
    kinds.push_back(equals == std::string::npos ? model : model.substr(equals + 1));
    if (labels.back().empty() || labels.back().find('.') != std::string::npos)
      return UsageError(option + ": want NAME or LABEL=NAME, a label without a dot, got '" + model + "'");
    if (std::count(labels.begin(), labels.end(), labels.back()) > 1)
      return UsageError(option + ": want each model once, got " + labels.back() + " twice");
  }
  WAYPOST_ASSIGN_OR_RETURN(auto settings, AssignSettings(labels, flags.settings));
  WAYPOST_RETURN_IF_ERROR(AddSettingsOfFiles(flags.settings_files, kinds, settings));
  std::vector<ModelRun> runs;
  for (std::size_t m = 0; m < labels.size(); ++m) {
    WAYPOST_ASSIGN_OR_RETURN(ModelOptions parsed, MakeModelOptions(kinds[m], settings[m], flags.seed));
    runs.push_back({.label = labels[m], .options = std::move(parsed), .trained = {}, .evaluation = {}});
  }
  return runs;
}

}  // namespace

void AddExperimentFlags(Verb& verb, ExperimentFlags& flags) {
  AddEventSource(verb, flags.source, "Event files to train on, or to split");
  verb.List("--test", "FILE", flags.test_files, "Event files to test on");
  AddSplitFlags(verb, flags.split);
  verb.List("--set", "NAME=VALUE", flags.settings, "An option of the model; MODEL.NAME=VALUE with several models");
  AddSettingsFiles(verb, flags.settings_files);
  verb.Option("--metrics", "LIST", flags.metrics, "Of " + MetricNames());
  AddEventFileFlags(verb, flags.input);
  AddWeightingFlags(verb, flags.weighting);
  AddThreads(verb, flags.threads);
  AddMemoryLimit(verb, flags.memory_limit_mb);
  AddSeed(verb, flags.seed);
}

absl::StatusOr<Experiment> RunExperiment(const ExperimentFlags& flags, const std::vector<std::string>& models,
                                         const std::string& option, Console& console) {
  WAYPOST_RETURN_IF_ERROR(CheckSplit(flags.split, !flags.test_files.empty()));
  const absl::StatusOr<MetricList> metrics = ParseMetrics(flags.metrics);
  if (!metrics.ok()) return UsageError("--metrics: " + std::string(metrics.status().message()));
  WAYPOST_ASSIGN_OR_RETURN(std::vector<ModelRun> runs, PrepareRuns(flags, models, option));

  const Parallelism parallelism(flags.threads);
  WAYPOST_ASSIGN_OR_RETURN(Parts parts, ReadParts(flags, console));
  Experiment experiment{.runs = {},
                        .leaks = {},
                        .train_events = parts.train.size(),
                        .test_events = parts.test.size(),
                        .skipped = parts.skipped,
                        .threads = parallelism.threads()};
  WAYPOST_ASSIGN_OR_RETURN(const WeightingOptions weighting, MakeWeighting(flags.weighting, flags.input, parts.train));
  WAYPOST_ASSIGN_OR_RETURN(Interactions interactions, BuildInteractions(parts.train, weighting, parallelism));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet test,
                           BuildTestSet({parts.train.users(), parts.train.items(), std::move(interactions)}, parts.test,
                                        parts.fold_in, weighting));
  for (const Metric& metric : *metrics)  // before any training
    if (LooksAtRatings(metric.kind)) WAYPOST_RETURN_IF_ERROR(internal::AddContext("--metrics", test.ratings_status()));
  WAYPOST_ASSIGN_OR_RETURN(experiment.leaks, FindLeaks(parts.train, parts.test));
  parts = Parts();  // the events have become matrices
  EvaluateOptions evaluate;
  evaluate.bootstrap.seed = flags.seed;
  evaluate.strata = true;
  evaluate.sample_seed = flags.seed;
  if (flags.sampled_negatives) evaluate.sampled_negatives = static_cast<std::size_t>(*flags.sampled_negatives);
  WAYPOST_ASSIGN_OR_RETURN(const TrainedModel popularity,
                           TrainModel(test.training().interactions.positives, PopularityOptions{}, {}, parallelism));
  evaluate.fallback = popularity.scorer.get();
  for (ModelRun& run : runs) {
    const bool measured = ResetPeakRss();
    double begin = console.seconds();
    WAYPOST_ASSIGN_OR_RETURN(run.trained,
                             TrainModel(test.training().interactions.positives, run.options,
                                        WatchTraining(console, run.label, flags.memory_limit_mb), parallelism));
    run.train_seconds = console.seconds() - begin;
    begin = console.seconds();
    evaluate.on_progress = [&](std::size_t, std::size_t) {
      run.rank_seconds = console.seconds() - begin;
      return !Console::Interrupted();
    };
    WAYPOST_ASSIGN_OR_RETURN(run.evaluation, Evaluate(*run.trained.scorer, test, *metrics, evaluate, parallelism));
    if (measured) run.peak_bytes = PeakRssSinceReset();
    run.trained.scorer.reset();
  }
  experiment.runs = std::move(runs);
  return experiment;
}

void WriteRun(JsonWriter& json, const ModelRun& run) {
  json.Member("model", run.label);
  json.Key("options");
  WriteSettings(json, FormatOptions(run.trained.options));
  json.Member("epochs", run.trained.epochs);
  json.Member("train_seconds", run.train_seconds);
  json.Member("rank_seconds", run.rank_seconds);
  json.Key("metrics");
  json.BeginObject();
  for (const MetricResult& metric : run.evaluation.metrics) json.Member(metric.name, metric.mean);
  json.EndObject();
  json.Key("intervals");
  json.BeginObject();
  for (const MetricResult& metric : run.evaluation.metrics) {
    json.Key(metric.name);
    WriteInterval(json, metric.interval);
  }
  json.EndObject();
  json.Key("strata");
  json.BeginObject();
  for (const StratumResult& stratum : run.evaluation.strata) {
    json.Key(stratum.name);
    json.BeginObject();
    json.Member("users", stratum.users);
    json.Member("test_items", stratum.test_items);
    json.Key("metrics");
    json.BeginObject();
    for (const StratumFigure& figure : stratum.metrics) json.Member(figure.metric, figure.mean);
    json.EndObject();
    json.EndObject();
  }
  json.EndObject();
}

void WriteTestFacts(JsonWriter& json, const Experiment& experiment) {
  const Evaluation& evaluation = experiment.runs.front().evaluation;
  json.Key("definitions");
  json.BeginObject();
  for (const MetricResult& metric : evaluation.metrics) json.Member(metric.name, metric.definition);
  json.EndObject();
  json.Member("users", evaluation.users);
  json.Member("users_without_test", evaluation.users_without_test);
  json.Member("unknown_items", evaluation.unknown_items);
  json.Member("already_met", evaluation.already_met);
  json.Member("users_by_popularity", evaluation.users_by_fallback);
  json.Key("leaks");
  json.BeginObject();
  json.Member("pairs_in_training", experiment.leaks.pairs_in_training);
  json.Member("repeated_events", experiment.leaks.repeated_events);
  json.Member("later_events", experiment.leaks.later_events);
  json.Member("users_with_later", experiment.leaks.users_with_later);
  json.EndObject();
  json.Member("sampled_negatives", evaluation.sampled_negatives);
  json.Member("train_events", experiment.train_events);
  json.Member("test_events", experiment.test_events);
  json.Member("skipped", experiment.skipped);
}

void NoteTestFacts(const Experiment& experiment, Console& console) {
  const Evaluation& evaluation = experiment.runs.front().evaluation;
  console.Note("95 % intervals over " + Count(evaluation.users, "user") + "; " + Digits(evaluation.users_without_test) +
               " without test items; " + Count(evaluation.unknown_items, "test item") + " unknown to training");
  if (evaluation.users_by_fallback > 0)
    console.Note(Count(evaluation.users_by_fallback, "user") +
                 " without training history: ranked by popularity, as recommend does");
  if (evaluation.already_met > 0)
    console.Note(Count(evaluation.already_met, "test pair") + " left out: met in training already");
  if (experiment.leaks.repeated_events > 0)
    console.Note("leak: " + Count(experiment.leaks.repeated_events, "test event") + " are in training too");
  if (experiment.leaks.later_events > 0)
    console.Note("leak: " + Count(experiment.leaks.later_events, "training event") +
                 " later than the first test pair: models know what a server would not; --split time leaves none");
  if (evaluation.sampled_negatives > 0)
    console.Note("warning: test items ranked among " + Count(evaluation.sampled_negatives, "other") +
                 " drawn at random, not among all: such figures are higher and can order models otherwise");
}

void WriteStrata(const Experiment& experiment, TableFormat format, Console& console) {
  std::vector<Column> columns = {{"model"}, {"stratum"}, {"users", true}, {"test items", true}};
  for (const MetricResult& metric : experiment.runs.front().evaluation.metrics) columns.push_back({metric.name, true});
  Table table(std::move(columns));
  for (const ModelRun& run : experiment.runs) {
    for (const StratumResult& stratum : run.evaluation.strata) {
      std::vector<std::string> row = {run.label, stratum.name, std::to_string(stratum.users),
                                      std::to_string(stratum.test_items)};
      for (const MetricResult& metric : run.evaluation.metrics) {
        const auto figure = std::find_if(stratum.metrics.begin(), stratum.metrics.end(),
                                         [&](const StratumFigure& known) { return known.metric == metric.name; });
        row.push_back(figure == stratum.metrics.end() ? ""
                      : format == TableFormat::kCsv   ? NumberText(figure->mean)
                                                      : Fixed(figure->mean, kDigits));
      }
      table.AddRow(std::move(row));
    }
  }
  table.Write(console, format);
}

std::string FigureText(double mean, const std::optional<Interval>& interval) {
  return Fixed(mean, kDigits) +
         (interval ? " [" + Fixed(interval->low, kDigits) + ", " + Fixed(interval->high, kDigits) + "]" : "");
}

}  // namespace waypost::cli
