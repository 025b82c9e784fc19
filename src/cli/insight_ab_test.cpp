// cli/insight_ab_test.cpp - waypost insight ab-test: the arms of an experiment, read as often as one likes.
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "experiment_text.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "output_flags.hpp"
#include "table_source.hpp"
#include "waypost/eval/ab_test.hpp"

namespace waypost::cli {
namespace {

struct Options {
  std::string table;
  std::string format = "auto";
  std::string arm_column = "arm";
  std::string value_column = "value";
  std::string baseline;
  ExperimentOptions experiment;
  int min_units = 100;
  OutputFlags output;
};

absl::Status RunAbTest(const Options& options, Console& console) {
  ExperimentOptions experiment = options.experiment;
  experiment.min_units = static_cast<std::uint64_t>(options.min_units);
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadTable(options.table, options.format));
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const arm, table.Find(options.arm_column));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> values, ReadWholeColumn(table, options.value_column));
  std::map<std::string, ExperimentArm, std::less<>> arms;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (arm->missing(row)) return table.ErrorAt(row, "column '" + options.arm_column + "': want an arm, got none");
    arms[std::string(arm->text(row))].Add(values[row]);
  }
  const auto baseline = arms.find(options.baseline);
  if (baseline == arms.end())
    return absl::NotFoundError("--baseline: want an arm of " + options.table + ", got '" + options.baseline + "'");
  std::map<std::string, ExperimentReadOut> found;
  for (const auto& [name, one] : arms) {
    if (name == options.baseline) continue;
    WAYPOST_ASSIGN_OR_RETURN(found[name], ReadExperiment(one, baseline->second, experiment));
  }
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Member("baseline", options.baseline);
    json.Key("arms");
    json.BeginArray();
    for (const auto& [name, one] : arms) {
      json.BeginObject();
      json.Member("arm", name);
      json.Member("units", one.units());
      json.Member("mean", one.mean());
      json.Key("to_baseline");
      const auto read_out = found.find(name);
      read_out == found.end() ? json.Null() : WriteExperiment(json, read_out->second);
      json.EndObject();
    }
    json.EndArray();
    WriteRunFacts(json, console, 1, std::nullopt);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  Table shown(
      {{"arm"}, {"units", true}, {"mean", true}, {"difference", true}, {"at any time"}, {"p", true}, {"verdict"}});
  for (const auto& [name, one] : arms) {
    const auto read_out = found.find(name);
    std::vector<std::string> cells = {name, Digits(one.units()), Fixed(one.mean(), 5)};
    if (read_out == found.end()) {
      cells.insert(cells.end(), {"", "", "", "baseline"});
    } else {
      const ExperimentReadOut& read = read_out->second;
      cells.insert(cells.end(), {Fixed(read.difference, 5), ExperimentInterval(read.interval, 5),
                                 Fixed(read.p_value, 4), ExperimentVerdict(read)});
    }
    shown.AddRow(std::move(cells));
  }
  shown.Write(console, options.output.table_format());
  return absl::OkStatus();
}

}  // namespace

void AddInsightAbTest(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("ab-test", "Read an experiment as often as you like",
                             "waypost insight ab-test --table users.csv --baseline control --planned-units 20000");
  verb.Option("--table", "FILE", options->table, "One row for each user (or what else was assigned at random)")
      .Required();
  verb.Option("--baseline", "ARM", options->baseline, "The arm that the others are held against").Required();
  verb.Option("--arm-col", "COL", options->arm_column, "The arm the user was in");
  verb.Option("--value-col", "COL", options->value_column, "What came of it: 0 or 1, an amount");
  verb.Option("--planned-units", "N", options->experiment.planned_units,
              "Users of two arms together at which the interval is narrowest; choose it before the first look")
      .Between(1, 1e12);
  verb.Option("--min-units", "N", options->min_units, "Users in each arm before anything is told").Between(2, 1e9);
  verb.Option("--confidence", "C", options->experiment.confidence, "Of the intervals").Between(0.5, 0.999999);
  AddTableFormat(verb, options->format);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "The interval 'at any time' and p hold for all looks together: look daily, stop when it suits. With several "
      "arms\n"
      "each is compared alone.\n");
  verb.Runs([options](Console& console) { return RunAbTest(*options, console); });
}

}  // namespace waypost::cli
