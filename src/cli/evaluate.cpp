// cli/evaluate.cpp - waypost evaluate: how well models rank what is held out.
#include "waypost/eval/evaluate.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "splits.hpp"
#include "table.hpp"
#include "training.hpp"

namespace waypost::cli {
namespace {

struct Options {
  EventSource source;
  std::vector<std::string> test_files;
  SplitFlags split;
  EventFileFlags input;
  WeightingFlags weighting;
  std::vector<std::string> models;
  std::vector<std::string> settings;
  std::string metrics = "recall@20,ndcg@20";
  int threads = 0;
  std::uint64_t seed = 42;
  OutputFlags output;
};

struct Evaluated {
  std::string model;
  ModelOptions options;
  TrainedModel trained;
  Evaluation evaluation;
  double train_seconds = 0;
};

// Training and test part as the options say.
struct Parts {
  EventLog train;
  EventLog fold_in;
  EventLog test;
  std::uint64_t skipped = 0;
};

absl::StatusOr<Parts> ReadParts(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(EventInput input,
                           ReadEventSource(options.source, options.input, Parallelism(options.threads), console));
  if (!options.test_files.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(EventInput test, ReadEventFiles(options.test_files, options.input, input.log.kinds(),
                                                             Parallelism(options.threads), console));
    return Parts{std::move(input.log), {}, std::move(test.log), input.skipped + test.skipped};
  }
  std::optional<float> min_value;
  if (options.weighting.min_value) min_value = static_cast<float>(*options.weighting.min_value);
  WAYPOST_ASSIGN_OR_RETURN(const EventSplit split,
                           MakeSplit(options.split, options.input, input.log, min_value, options.seed));
  console.Note("split " + options.split.kind + ": " + Count(split.train.size(), "event") + " to train on, " +
               (split.fold_in.empty() ? "" : Digits(split.fold_in.size()) + " to fold in, ") +
               Digits(split.test.size()) + " to test on");
  return Parts{input.log.Select(split.train), input.log.Select(split.fold_in), input.log.Select(split.test),
               input.skipped};
}

void WriteFigures(JsonWriter& json, const Evaluation& evaluation) {
  json.Key("metrics");
  json.BeginObject();
  for (const MetricResult& metric : evaluation.metrics) json.Member(metric.name, metric.mean);
  json.EndObject();
  json.Key("intervals");
  json.BeginObject();
  for (const MetricResult& metric : evaluation.metrics) {
    json.Key(metric.name);
    if (!metric.interval) {
      json.Null();
      continue;
    }
    json.BeginArray();
    json.Value(metric.interval->low);
    json.Value(metric.interval->high);
    json.EndArray();
  }
  json.EndObject();
}

void WriteModel(JsonWriter& json, const Evaluated& evaluated) {
  json.Member("model", evaluated.model);
  json.Key("options");
  WriteSettings(json, FormatOptions(evaluated.trained.options));
  json.Member("epochs", evaluated.trained.epochs);
  json.Member("train_seconds", evaluated.train_seconds);
  WriteFigures(json, evaluated.evaluation);
}

void WriteJson(const Options& options, const std::vector<Evaluated>& results, const Parts& parts, Console& console,
               int threads) {
  JsonWriter json(console);
  json.BeginObject();
  if (results.size() == 1) {
    WriteModel(json, results.front());
  } else {
    json.Key("models");
    json.BeginArray();
    for (const Evaluated& evaluated : results) {
      json.BeginObject();
      WriteModel(json, evaluated);
      json.EndObject();
    }
    json.EndArray();
  }
  const Evaluation& evaluation = results.front().evaluation;
  json.Key("definitions");
  json.BeginObject();
  for (const MetricResult& metric : evaluation.metrics) json.Member(metric.name, metric.definition);
  json.EndObject();
  json.Member("users", evaluation.users);
  json.Member("users_without_test", evaluation.users_without_test);
  json.Member("unknown_items", evaluation.unknown_items);
  json.Member("already_met", evaluation.already_met);
  json.Member("users_by_popularity", evaluation.users_by_fallback);
  json.Member("train_events", parts.train.size());
  json.Member("test_events", parts.test.size());
  json.Member("skipped", parts.skipped);
  WriteRunFacts(json, console, threads, options.seed);
  json.EndObject();
  console.Write("\n");
}

// The figures of one metric in a cell: for people with the interval, "0.0416 [0.0405, 0.0427]".
constexpr int kDigits = 4;

void WriteTable(const Options& options, const std::vector<Evaluated>& results, Console& console) {
  const TableFormat format = options.output.table_format();
  const bool csv = format == TableFormat::kCsv;
  std::vector<Column> columns = {{"model"}};
  for (const MetricResult& metric : results.front().evaluation.metrics) {
    columns.push_back({metric.name, true});
    if (csv) columns.insert(columns.end(), {{metric.name + " low", true}, {metric.name + " high", true}});
  }
  columns.push_back({"train s", true});
  Table table(std::move(columns));
  for (const Evaluated& evaluated : results) {
    std::vector<std::string> row = {evaluated.model};
    for (const MetricResult& metric : evaluated.evaluation.metrics) {
      const std::optional<Interval>& interval = metric.interval;
      if (csv) {
        row.push_back(NumberText(metric.mean));
        row.push_back(interval ? NumberText(interval->low) : "");
        row.push_back(interval ? NumberText(interval->high) : "");
      } else {
        row.push_back(
            Fixed(metric.mean, kDigits) +
            (interval ? " [" + Fixed(interval->low, kDigits) + ", " + Fixed(interval->high, kDigits) + "]" : ""));
      }
    }
    row.push_back(Fixed(evaluated.train_seconds, 1));
    table.AddRow(std::move(row));
  }
  table.Write(console, format);
  const Evaluation& evaluation = results.front().evaluation;
  console.Note("95 % intervals over " + Count(evaluation.users, "user") + "; " + Digits(evaluation.users_without_test) +
               " without test items; " + Count(evaluation.unknown_items, "test item") + " unknown to training");
  if (evaluation.users_by_fallback > 0)
    console.Note(Count(evaluation.users_by_fallback, "user") +
                 " without training history: ranked by popularity, as recommend does");
  if (evaluation.already_met > 0)
    console.Note(Count(evaluation.already_met, "test pair") + " left out: met in training already");
}

absl::Status RunEvaluate(const Options& options, Console& console) {
  WAYPOST_RETURN_IF_ERROR(CheckSplit(options.split, !options.test_files.empty()));
  const absl::StatusOr<MetricList> metrics = ParseMetrics(options.metrics);
  if (!metrics.ok()) return UsageError("--metrics: " + std::string(metrics.status().message()));
  WAYPOST_ASSIGN_OR_RETURN(const auto settings, AssignSettings(options.models, options.settings));
  std::vector<Evaluated> results;
  for (std::size_t m = 0; m < options.models.size(); ++m) {
    if (std::count(options.models.begin(), options.models.end(), options.models[m]) > 1)
      return UsageError("--model: want each model once, got " + options.models[m] + " twice");
    WAYPOST_ASSIGN_OR_RETURN(ModelOptions parsed, MakeModelOptions(options.models[m], settings[m], options.seed));
    results.push_back({.model = options.models[m], .options = std::move(parsed), .trained = {}, .evaluation = {}});
  }

  WAYPOST_ASSIGN_OR_RETURN(const Parts parts, ReadParts(options, console));
  WAYPOST_ASSIGN_OR_RETURN(const WeightingOptions weighting,
                           MakeWeighting(options.weighting, options.input, parts.train));
  WAYPOST_ASSIGN_OR_RETURN(Interactions interactions,
                           BuildInteractions(parts.train, weighting, Parallelism(options.threads)));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet test,
                           BuildTestSet({parts.train.users(), parts.train.items(), std::move(interactions)}, parts.test,
                                        parts.fold_in, weighting));
  const Parallelism parallelism(options.threads);
  EvaluateOptions evaluate;
  evaluate.bootstrap.seed = options.seed;
  WAYPOST_ASSIGN_OR_RETURN(const TrainedModel popularity,
                           TrainModel(test.training().interactions.positives, PopularityOptions{}, {}, parallelism));
  evaluate.fallback = popularity.scorer.get();
  for (Evaluated& evaluated : results) {
    const double begin = console.seconds();
    WAYPOST_ASSIGN_OR_RETURN(evaluated.trained, TrainModel(test.training().interactions.positives, evaluated.options,
                                                           WatchTraining(console, evaluated.model), parallelism));
    evaluated.train_seconds = console.seconds() - begin;
    WAYPOST_ASSIGN_OR_RETURN(evaluated.evaluation,
                             Evaluate(*evaluated.trained.scorer, test, *metrics, evaluate, parallelism));
    evaluated.trained.scorer.reset();  // one model in memory at a time
  }
  if (options.output.json) {
    WriteJson(options, results, parts, console, parallelism.threads());
  } else {
    WriteTable(options, results, console);
  }
  return absl::OkStatus();
}

}  // namespace

void AddEvaluate(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb(
      "evaluate", "Measure models on held-out events",
      "waypost evaluate --train events.csv --split time --model popularity item-knn ials --set ials.dimensions=128");
  AddEventSource(verb, options->source, "Event files to train on, or to split");
  verb.List("--test", "FILE", options->test_files, "Event files to test on");
  AddSplitFlags(verb, options->split);
  verb.List("--model", "NAME", options->models, "What to train and measure: see below").Required();
  verb.List("--set", "NAME=VALUE", options->settings, "An option of the model; MODEL.NAME=VALUE with several models");
  verb.Option("--metrics", "LIST", options->metrics,
              "Of recall@K, precision@K, ndcg@K, map@K, mrr@K, hit-rate@K, auc, coverage@K, novelty@K, gini@K");
  AddEventFileFlags(verb, options->input);
  AddWeightingFlags(verb, options->weighting);
  AddThreads(verb, options->threads);
  AddSeed(verb, options->seed);
  AddOutputFlags(verb, options->output);
  verb.Notes(SplitHelp() + "\n" + ModelHelp() +
             "\nEvery item of the training is ranked but those the user has met; for a user without any history\n"
             "popularity ranks, as in recommend. With --json: metrics, intervals, definitions (what each figure means\n"
             "exactly), users, users_without_test, users_by_popularity, unknown_items, already_met; with several\n"
             "models the first two are in the list models.\n");
  verb.Runs([options](Console& console) { return RunEvaluate(*options, console); });
}

}  // namespace waypost::cli
