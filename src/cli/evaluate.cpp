// cli/evaluate.cpp - waypost evaluate: how well models rank what is held out.
#include <memory>

#include "commands.hpp"
#include "experiment.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "table.hpp"
#ifdef WAYPOST_TEXT
#include "text_evaluation.hpp"
#endif

namespace waypost::cli {
namespace {

struct Options {
  ExperimentFlags experiment;
  std::vector<std::string> models;
  bool strata = false;
#ifdef WAYPOST_TEXT
  TextEvaluationFlags text;
#endif
  OutputFlags output;
};

void WriteJson(const Options& options, const Experiment& experiment, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  if (experiment.runs.size() == 1) {
    WriteRun(json, experiment.runs.front());
  } else {
    json.Key("models");
    json.BeginArray();
    for (const ModelRun& run : experiment.runs) {
      json.BeginObject();
      WriteRun(json, run);
      json.EndObject();
    }
    json.EndArray();
  }
  WriteTestFacts(json, experiment);
  WriteRunFacts(json, console, experiment.threads, options.experiment.seed);
  json.EndObject();
  console.Write("\n");
}

void WriteTable(const Options& options, const Experiment& experiment, Console& console) {
  const TableFormat format = options.output.table_format();
  const bool csv = format == TableFormat::kCsv;
  std::vector<Column> columns = {{"model"}};
  for (const MetricResult& metric : experiment.runs.front().evaluation.metrics) {
    columns.push_back({metric.name, true});
    if (csv) columns.insert(columns.end(), {{metric.name + " low", true}, {metric.name + " high", true}});
  }
  columns.push_back({"train s", true});
  Table table(std::move(columns));
  for (const ModelRun& run : experiment.runs) {
    std::vector<std::string> row = {run.label};
    for (const MetricResult& metric : run.evaluation.metrics) {
      if (csv) {
        row.push_back(NumberText(metric.mean));
        row.push_back(metric.interval ? NumberText(metric.interval->low) : "");
        row.push_back(metric.interval ? NumberText(metric.interval->high) : "");
      } else {
        row.push_back(FigureText(metric.mean, metric.interval));
      }
    }
    row.push_back(Fixed(run.train_seconds, 1));
    table.AddRow(std::move(row));
  }
  table.Write(console, format);
  NoteTestFacts(experiment, console);
}

absl::Status RunEvaluate(const Options& options, Console& console) {
#ifdef WAYPOST_TEXT
  if (WantsTextEvaluation(options.text)) {
    if (!options.models.empty()) return UsageError("--model: want none beside --documents");
    const ExperimentFlags& flags = options.experiment;
    return RunTextEvaluation(options.text, flags.settings, flags.input, flags.metrics, flags.threads, flags.seed,
                             options.output, console);
  }
#endif
  if (options.models.empty()) return UsageError("--model is required");
  WAYPOST_ASSIGN_OR_RETURN(const Experiment experiment,
                           RunExperiment(options.experiment, options.models, "--model", console));
  if (options.output.json) {
    WriteJson(options, experiment, console);
  } else if (options.strata) {
    WriteStrata(experiment, options.output.table_format(), console);
    NoteTestFacts(experiment, console);
  } else {
    WriteTable(options, experiment, console);
  }
  return absl::OkStatus();
}

std::string TextNotes() {
#ifdef WAYPOST_TEXT
  return "\nWith --documents, --queries and --relevant a search is measured: recall, precision, ndcg, map, mrr,\n"
         "hit-rate. A document with the query's own id is left out; columns of a query weigh as those of the\n"
         "documents.\n" +
         TextSettingsHelp();
#else
  return "";
#endif
}

}  // namespace

void AddEvaluate(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb(
      "evaluate", "Measure models on held-out events",
      "waypost evaluate --train events.csv --split time --model popularity item-knn ials --set ials.dimensions=128");
  verb.List("--model", "NAME", options->models,
            "What to train and measure: see below; LABEL=NAME to have one model several times");
  AddExperimentFlags(verb, options->experiment);
  verb.Flag("--strata", options->strata, "Show the figures by how much training knows of the users and of the items");
  verb.Option("--sampled-negatives", "N", options->experiment.sampled_negatives,
              "Rank test items among N random others only, for figures beside those of papers that do; see below")
      .Between(1, 1e6);
#ifdef WAYPOST_TEXT
  AddTextEvaluationFlags(verb, options->text);
#endif
  AddOutputFlags(verb, options->output);
  verb.Notes(
      SplitHelp() + "\n" + ModelHelp() +
      "\nEvery item of the training is ranked but those the user has met; for a user without any history\n"
      "popularity ranks, as in recommend. With --json: metrics, intervals, definitions (what each figure means\n"
      "exactly), users, users_without_test, users_by_popularity, unknown_items, already_met, strata and leaks\n"
      "(what training knows of the test part); with several models those of a model are in the list models.\n"
      "Figures of --sampled-negatives have names of their own (sampled-ndcg@10): they are far higher than those\n"
      "over all items, can order models otherwise, and compare does not take them.\n" +
      TextNotes());
  verb.Runs([options](Console& console) { return RunEvaluate(*options, console); });
}

}  // namespace waypost::cli
