// cli/insight_uplift.cpp - waypost insight uplift: whom an intervention moves.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "output_flags.hpp"
#include "table_source.hpp"
#include "text_file.hpp"
#include "waypost/base/normal.hpp"
#include "waypost/insight/table_model.hpp"
#include "waypost/insight/uplift.hpp"

namespace waypost::cli {
namespace {

constexpr std::size_t kParts = 10;  // of users by uplift

struct Options {
  std::string table;
  std::string format = "auto";
  std::string treatment_column = "treated";
  std::string outcome_column = "outcome";
  std::optional<std::string> propensity_column;
  std::optional<double> propensity;
  std::optional<std::string> id_column;
  std::vector<std::string> excluded;
  std::vector<std::string> categorical;
  std::string learner = "dr";
  std::string out;
  UpliftOptions uplift;
  double confidence = 0.95;
  OutputFlags output;
};

// The experiment as numbers.
struct Input {
  std::vector<std::string> names, ids;
  std::vector<double> values, outcomes, propensities;
  std::vector<std::uint8_t> treated;
};

absl::StatusOr<Input> ReadInput(const Options& options) {
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadTable(options.table, options.format));
  Input input;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> treated, ReadWholeColumn(table, options.treatment_column));
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (treated[row] != 0 && treated[row] != 1)
      return table.ErrorAt(row,
                           "column '" + options.treatment_column + "': want 0 or 1, got " + NumberText(treated[row]));
    input.treated.push_back(treated[row] == 1);
  }
  WAYPOST_ASSIGN_OR_RETURN(input.outcomes, ReadWholeColumn(table, options.outcome_column));
  if (options.propensity_column) {
    WAYPOST_ASSIGN_OR_RETURN(input.propensities, ReadWholeColumn(table, *options.propensity_column));
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (!(input.propensities[row] > 0 && input.propensities[row] < 1))
        return table.ErrorAt(row, "column '" + *options.propensity_column + "': want a value between 0 and 1, got " +
                                      NumberText(input.propensities[row]));
  } else {
    const double share = std::accumulate(treated.begin(), treated.end(), 0.0) / static_cast<double>(table.rows());
    if (!options.propensity && (share == 0 || share == 1))
      return table.Error("column '" + options.treatment_column + "': want users of both arms, got one");
    input.propensities.assign(table.rows(), options.propensity.value_or(share));
  }
  std::set<std::string, std::less<>> taken = {options.treatment_column, options.outcome_column};
  if (options.propensity_column) taken.insert(*options.propensity_column);
  if (options.id_column) {
    WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const id, table.Find(*options.id_column));
    for (std::size_t row = 0; row < table.rows(); ++row) input.ids.emplace_back(id->text(row));
    taken.insert(*options.id_column);
  } else {
    for (std::size_t row = 0; row < table.rows(); ++row) input.ids.push_back(std::to_string(row + 1));
  }
  for (const std::string& name : options.excluded) {
    WAYPOST_RETURN_IF_ERROR(table.Find(name).status());
    taken.insert(name);
  }
  for (const std::string& name : options.categorical) {
    WAYPOST_RETURN_IF_ERROR(table.Find(name).status());
    if (taken.contains(name)) return UsageError("--categorical: want a column that predicts, got '" + name + "'");
  }
  std::vector<std::size_t> columns, rows(table.rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::vector<bool> categorical;
  for (std::size_t c = 0; c < table.columns().size(); ++c) {
    const std::string& name = table.columns()[c].name();
    if (taken.contains(name)) continue;
    columns.push_back(c);
    categorical.push_back(std::find(options.categorical.begin(), options.categorical.end(), name) !=
                          options.categorical.end());
  }
  // The outcome plays no part in how columns become numbers: all rows may.
  WAYPOST_ASSIGN_OR_RETURN(const TableEncoder encoder, TableEncoder::Learn(table, columns, categorical, rows));
  input.names = encoder.names();
  input.values = encoder.Encode(table, rows);
  return input;
}

// A tenth of the users, by uplift.
struct Part {
  std::size_t users = 0;
  double predicted = 0;
  double observed = 0;  // mean of the scores
  double error = 0;     // its standard error
  double gain = 0;      // of treating this part and all before it, by user of all
};

std::vector<Part> Parts(const UpliftFit& fit) {
  const std::size_t n = fit.uplift.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return fit.uplift[a] > fit.uplift[b]; });
  std::vector<Part> parts;
  double gain = 0;
  for (std::size_t k = 0; k < kParts; ++k) {
    std::vector<double> predicted, scores;
    for (std::size_t r = k * n / kParts; r < (k + 1) * n / kParts; ++r) {
      predicted.push_back(fit.uplift[order[r]]);
      scores.push_back(fit.scores[order[r]]);
      gain += fit.scores[order[r]] / static_cast<double>(n);
    }
    if (scores.empty()) continue;
    parts.push_back({scores.size(), Mean(predicted), Mean(scores),
                     StandardDeviation(scores) / std::sqrt(static_cast<double>(scores.size())), gain});
  }
  return parts;
}

void WriteFigure(JsonWriter& json, const char* name, double value, double error, double confidence) {
  const double half = NormalHalfWidth(confidence) * error;
  json.Key(name);
  json.BeginObject();
  json.Member("value", value);
  json.Member("standard_error", error);
  json.Key("interval");
  WriteInterval(json, Interval{value - half, value + half});
  json.EndObject();
}

absl::Status RunUplift(const Options& options, Console& console) {
  UpliftOptions uplift = options.uplift;
  uplift.learner = options.learner == "t" ? UpliftLearner::kT : UpliftLearner::kDr;
  WAYPOST_RETURN_IF_ERROR(Validate(uplift));
  WAYPOST_ASSIGN_OR_RETURN(const Input input, ReadInput(options));
  WAYPOST_ASSIGN_OR_RETURN(const UpliftFit fit, LearnUplift({.values = input.values,
                                                             .columns = input.names.size(),
                                                             .treated = input.treated,
                                                             .outcomes = input.outcomes,
                                                             .propensities = input.propensities},
                                                            uplift));
  const std::vector<Part> parts = Parts(fit);
  if (!options.out.empty()) {
    std::string text = "user,uplift\n";
    for (std::size_t n = 0; n < fit.uplift.size(); ++n) {
      std::string id = input.ids[n];
      if (id.find_first_of(",\"\r\n") != std::string::npos) {
        std::string quoted = "\"";
        for (const char c : id) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
        id = quoted + "\"";
      }
      text += id + "," + NumberText(fit.uplift[n]) + "\n";
    }
    WAYPOST_RETURN_IF_ERROR(WriteTextFile(options.out, text));
  }
  const auto treated = static_cast<std::uint64_t>(std::count(input.treated.begin(), input.treated.end(), 1));
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Member("users", input.treated.size());
    json.Member("treated", treated);
    json.Member("learner", options.learner);
    WriteFigure(json, "average", fit.average, fit.average_error, options.confidence);
    WriteFigure(json, "qini", fit.qini, fit.qini_error, options.confidence);
    json.Key("parts");
    json.BeginArray();
    for (const Part& part : parts) {
      json.BeginObject();
      json.Member("users", part.users);
      json.Member("predicted", part.predicted);
      json.Member("observed", part.observed);
      json.Member("standard_error", part.error);
      json.Member("gain", part.gain);
      json.EndObject();
    }
    json.EndArray();
    json.Member("intercept", fit.intercept);
    json.Key("coefficients");
    json.BeginObject();
    for (std::size_t j = 0; j < input.names.size(); ++j) json.Member(input.names[j], fit.coefficients[j]);
    json.EndObject();
    WriteRunFacts(json, console, 1, uplift.seed);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  Table table({{"tenth", true},
               {"users", true},
               {"predicted uplift", true},
               {"observed", true},
               {"SE", true},
               {"gain if treated so far", true}});
  for (std::size_t k = 0; k < parts.size(); ++k)
    table.AddRow({std::to_string(k + 1), Digits(parts[k].users), Fixed(parts[k].predicted, 5),
                  Fixed(parts[k].observed, 5), Fixed(parts[k].error, 5), Fixed(parts[k].gain, 5)});
  table.Write(console, options.output.table_format());
  const auto figure = [&](double value, double error) {
    const double half = NormalHalfWidth(options.confidence) * error;
    return Fixed(value, 5) + " [" + Fixed(value - half, 5) + ", " + Fixed(value + half, 5) + "]";
  };
  console.Note(Count(input.treated.size(), "user") + ", " + Digits(treated) + " treated: average effect " +
               figure(fit.average, fit.average_error) + ", Qini " + figure(fit.qini, fit.qini_error));
  if (fit.qini < NormalHalfWidth(options.confidence) * fit.qini_error)
    console.Note("the order of users by uplift is not told from chance");
  return absl::OkStatus();
}

}  // namespace

void AddInsightUplift(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb =
      group.AddVerb("uplift", "Learn from an experiment whom an intervention moves",
                    "waypost insight uplift --table reminders.csv --treatment-col reminded --outcome-col paid");
  verb.Option("--table", "FILE", options->table, "One row a user of the experiment").Required();
  verb.Option("--treatment-col", "COL", options->treatment_column, "1: treated, 0: not");
  verb.Option("--outcome-col", "COL", options->outcome_column, "What came of it: 0 or 1, an amount");
  const OptionHandle column = verb.Option("--propensity-col", "COL", options->propensity_column,
                                          "Probability with which the user was to be treated");
  verb.Option("--propensity", "P", options->propensity, "The same for all users (default: the share treated)")
      .Between(0.000001, 0.999999)
      .Excludes(column);
  verb.Option("--id-col", "COL", options->id_column, "The user's id, for --out; it predicts nothing");
  verb.List("--exclude-col", "COL", options->excluded, "Columns that predict nothing");
  verb.List("--categorical", "COL", options->categorical, "Columns whose numbers are names");
  verb.Option("--learner", "NAME", options->learner, "dr: of doubly robust scores; t: a regression for each arm")
      .OneOf({"dr", "t"});
  verb.Option("--l2", "L", options->uplift.l2, "Strength of the ridge penalty, in users").Between(0, 1e12);
  verb.Option("--folds", "N", options->uplift.folds, "Parts for cross-fitting").Between(3, 20);
  verb.Option("--out", "FILE", options->out, "Write each user's uplift, from regressions without the user, as CSV");
  verb.Option("--confidence", "C", options->confidence, "Of the intervals").Between(0.5, 0.999999);
  verb.Option("--seed", "N", options->uplift.seed, "Of the folds");
  AddTableFormat(verb, options->format);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "All other columns predict: numbers as they are (and their logarithm), texts as 0 and 1 each. Qini is the area\n"
      "between the gain of treating users in the order of uplift and that of treating as many at random.\n");
  verb.Runs([options](Console& console) { return RunUplift(*options, console); });
}

}  // namespace waypost::cli
