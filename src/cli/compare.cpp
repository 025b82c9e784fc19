// cli/compare.cpp - waypost compare: one table of models, with what they cost and how sure the differences are.
#include <algorithm>
#include <memory>

#include "commands.hpp"
#include "experiment.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "scatter_plot.hpp"
#include "table.hpp"
#include "text_file.hpp"
#include "waypost/eval/comparison.hpp"

namespace waypost::cli {
namespace {

constexpr int kDigits = 4;
constexpr int kReplicates = 4000;  // p-values down to 2 / 4001, enough for Holm's correction over 50 models
constexpr double kSignificance = 0.05;
constexpr double kMegabyte = 1e6;

struct Options {
  ExperimentFlags experiment;
  std::string models;
  std::string plot;
  OutputFlags output;
};

void WriteLag(JsonWriter& json, const std::optional<LagBehindBest>& lag) {
  if (!lag) return json.Null();
  json.BeginObject();
  json.Member("mean", lag->difference.mean);
  json.Key("interval");
  WriteInterval(json, lag->difference.interval);
  json.Member("p", lag->difference.p_value);
  json.Member("p_holm", lag->p_adjusted);
  json.EndObject();
}

void WriteJson(const Options& options, const Experiment& experiment, const std::vector<MetricComparison>& comparisons,
               Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Key("models");
  json.BeginArray();
  for (std::size_t m = 0; m < experiment.runs.size(); ++m) {
    json.BeginObject();
    json.Member("kind", ModelKind(experiment.runs[m].options));
    WriteRun(json, experiment.runs[m]);
    json.Member("peak_rss_bytes", experiment.runs[m].peak_bytes);
    json.Key("to_best");
    json.BeginObject();
    for (const MetricComparison& comparison : comparisons) {
      json.Key(comparison.name);
      WriteLag(json, comparison.lags[m]);
    }
    json.EndObject();
    json.EndObject();
  }
  json.EndArray();
  json.Key("best");
  json.BeginObject();
  for (const MetricComparison& comparison : comparisons)
    json.Member(comparison.name, experiment.runs[comparison.best].label);
  json.EndObject();
  json.Member("replicates", kReplicates);
  WriteTestFacts(json, experiment);
  WriteRunFacts(json, console, experiment.threads, options.experiment.seed);
  json.EndObject();
  console.Write("\n");
}

// "-0.0043 [-0.0051, -0.0035] *", the star where it is significant.
std::string LagText(const std::optional<LagBehindBest>& lag, bool best) {
  if (!lag) return best ? "best" : "";
  return FigureText(lag->difference.mean, lag->difference.interval) +
         (lag->p_adjusted < kSignificance ? " *" : "  ");  // as wide, so that the columns stay aligned
}

void AddCsvCells(const MetricResult& metric, const std::optional<LagBehindBest>& lag, std::vector<std::string>& row) {
  row.push_back(NumberText(metric.mean));
  row.push_back(metric.interval ? NumberText(metric.interval->low) : "");
  row.push_back(metric.interval ? NumberText(metric.interval->high) : "");
  row.push_back(lag ? NumberText(lag->difference.mean) : "");
  row.push_back(lag ? NumberText(lag->difference.interval.low) : "");
  row.push_back(lag ? NumberText(lag->difference.interval.high) : "");
  row.push_back(lag ? NumberText(lag->p_adjusted) : "");
}

void WriteTable(const Options& options, const Experiment& experiment, const std::vector<MetricComparison>& comparisons,
                Console& console) {
  const TableFormat format = options.output.table_format();
  const bool csv = format == TableFormat::kCsv;
  std::vector<Column> columns = {{"model"}};
  for (const MetricComparison& comparison : comparisons) {
    columns.push_back({comparison.name, true});
    if (csv)
      for (const char* part : {"low", "high", "to best", "to best low", "to best high", "p holm"})
        columns.push_back({comparison.name + " " + part, true});
    if (!csv && experiment.runs.size() > 1) columns.push_back({"to the best", true});
  }
  columns.insert(columns.end(), {{"train s", true}, {"rank s", true}, {"peak MB", true}});
  Table table(std::move(columns));
  for (std::size_t m = 0; m < experiment.runs.size(); ++m) {
    const ModelRun& run = experiment.runs[m];
    std::vector<std::string> row = {run.label};
    std::vector<std::size_t> bold;
    for (std::size_t n = 0; n < comparisons.size(); ++n) {
      const MetricResult& metric = run.evaluation.metrics[n];
      if (csv) {
        AddCsvCells(metric, comparisons[n].lags[m], row);
        continue;
      }
      const bool best = comparisons[n].best == m;
      if (best) bold.push_back(row.size());
      row.push_back(FigureText(metric.mean, metric.interval));
      if (experiment.runs.size() > 1) row.push_back(LagText(comparisons[n].lags[m], best));
    }
    row.push_back(Fixed(run.train_seconds, 1));
    row.push_back(Fixed(run.rank_seconds, 1));
    row.push_back(run.peak_bytes ? Fixed(static_cast<double>(*run.peak_bytes) / kMegabyte, 0) : "");
    table.AddRow(std::move(row), std::move(bold));
  }
  table.Write(console, format);
  NoteTestFacts(experiment, console);
  if (experiment.runs.size() > 1)
    console.Note("* significant at 5 % over the same users: paired bootstrap, Holm's correction for " +
                 Count(experiment.runs.size() - 1, "comparison") + " a metric");
}

absl::Status WritePlot(const Options& options, const Experiment& experiment, Console& console) {
  ScatterPlot plot{.title = experiment.runs.front().evaluation.metrics.front().name + " against training time",
                   .x_label = "seconds to train, " + Count(static_cast<std::uint64_t>(experiment.threads), "thread"),
                   .y_label = experiment.runs.front().evaluation.metrics.front().name,
                   .points = {}};
  for (const ModelRun& run : experiment.runs) {
    const MetricResult& metric = run.evaluation.metrics.front();
    plot.points.push_back({run.label, run.train_seconds, metric.mean, metric.interval});
  }
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(options.plot, SvgOf(plot)));
  console.Note("wrote " + options.plot);
  return absl::OkStatus();
}

absl::Status RunCompare(const Options& options, Console& console) {
  std::vector<std::string> models;
  for (std::size_t begin = 0; begin <= options.models.size();) {
    const std::size_t end = std::min(options.models.find(',', begin), options.models.size());
    models.push_back(options.models.substr(begin, end - begin));
    begin = end + 1;
  }
  console.CatchInterrupts();
  WAYPOST_ASSIGN_OR_RETURN(const Experiment experiment, RunExperiment(options.experiment, models, "--models", console));
  std::vector<const Evaluation*> evaluations;
  for (const ModelRun& run : experiment.runs) evaluations.push_back(&run.evaluation);
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<MetricComparison> comparisons,
                           CompareEvaluations(evaluations, {.replicates = kReplicates, .seed = options.experiment.seed},
                                              Parallelism(options.experiment.threads)));
  if (options.output.json) {
    WriteJson(options, experiment, comparisons, console);
  } else {
    WriteTable(options, experiment, comparisons, console);
  }
  return options.plot.empty() ? absl::OkStatus() : WritePlot(options, experiment, console);
}

}  // namespace

void AddCompare(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb(
      "compare", "Compare models on held-out events in one table",
      "waypost compare --train events.csv --split last --models popularity,item-knn,ials --plot models.svg");
  verb.Option("--models", "LIST", options->models,
              "What to train and measure, with commas between: see below; LABEL=NAME to have one model several times")
      .Required();
  AddExperimentFlags(verb, options->experiment);
  verb.Option("--plot", "FILE", options->plot, "Also draw the first metric against the seconds to train (.svg)");
  AddOutputFlags(verb, options->output);
  verb.Notes(
      SplitHelp() + "\n" + ModelHelp() +
      "\nEach figure has its 95 % interval over users and its difference to the best model over the same users\n"
      "(paired bootstrap); a star marks what stays significant after Holm's correction for the number of models.\n"
      "train s and rank s are wall seconds, peak MB the process's memory while it trained and ranked, events\n"
      "and matrix included. The best is chosen by the same figures: a small lead of one among many may be luck.\n");
  verb.Runs([options](Console& console) { return RunCompare(*options, console); });
}

}  // namespace waypost::cli
