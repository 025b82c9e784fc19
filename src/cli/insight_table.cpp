#include "insight_table.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "inputs.hpp"
#include "insight_metrics.hpp"
#include "json_writer.hpp"
#include "table.hpp"
#include "waypost/insight/table_model.hpp"

namespace waypost::cli {
namespace {

std::vector<std::string> SplitNames(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    if (comma > begin) names.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return names;
}

void WriteJson(const TableModel& model, const std::vector<std::string>& ids, const std::vector<std::size_t>& order,
               const std::string& key, int threads, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("rows", model.rows);
  json.Member("positives", model.positives);
  json.Member("positive", model.positive);
  json.Key("metrics");
  WriteMetrics(json, MeanMetrics(model.folds));
  json.Key("folds");
  json.BeginArray();
  for (const ProbabilityMetrics& fold : model.folds) WriteMetrics(json, MeanMetrics({fold}));
  json.EndArray();
  json.Member("intercept", model.intercept);
  json.Key("coefficients");
  json.BeginArray();
  for (const NamedCoefficient& coefficient : model.coefficients) {
    json.BeginObject();
    json.Member("name", coefficient.name);
    json.Member("estimate", coefficient.value);
    json.Member("se", coefficient.standard_error);
    json.EndObject();
  }
  json.EndArray();
  if (!ids.empty()) {
    json.Key("users");
    json.BeginArray();
    for (const std::size_t row : order) {
      json.BeginObject();
      json.Member("user", ids[row]);
      json.Key(key);
      json.BeginArray();
      json.Value(model.probabilities[row]);
      json.EndArray();
      json.EndObject();
    }
    json.EndArray();
  }
  json.Key("problems");
  json.BeginArray();
  for (const std::string& problem : model.problems) json.Value(problem);
  json.EndArray();
  WriteRunFacts(json, console, threads, std::nullopt);
  json.EndObject();
  console.Write("\n");
}

}  // namespace

void AddInsightTableFlags(Verb& verb, InsightTableFlags& flags) {
  const std::string group = "A plain table";
  verb.Option("--table", "FILE", flags.file, "CSV, TSV or JSON lines, one row a user, also gzipped").Group(group);
  const auto keep = [&](const std::string& name, OptionHandle option) {
    option.Group(group);
    flags.options.emplace_back(name, option);
  };
  keep("--label", verb.Option("--label", "COL", flags.label, "The column to predict"));
  keep("--positive", verb.Option("--positive", "VALUE", flags.positive,
                                 "The label's value that counts as yes; known for yes, true and 1"));
  keep("--id-col", verb.Option("--id-col", "COL", flags.id_column,
                               "The user's id: predicts nothing; predictions are listed by it"));
  keep("--folds", verb.Option("--folds", "K", flags.folds, "Rows are judged in K parts, each by a model of the others")
                      .Between(2, 1000));
  keep("--categorical", verb.Option("--categorical", "COL,...", flags.categorical, "Columns whose numbers are names"));
  keep("--exclude-col", verb.Option("--exclude-col", "COL,...", flags.excluded, "Columns that predict nothing"));
}

absl::Status RunInsightTable(const InsightTableFlags& flags, const std::string& key, double l2, int threads,
                             const OutputFlags& output, Console& console) {
  if (!flags.label) return UsageError("--table: want --label, the column to predict");
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadDataTable(flags.file));
  TableModelOptions options{.label = *flags.label,
                            .positive = flags.positive,
                            .excluded = SplitNames(flags.excluded),
                            .categorical = SplitNames(flags.categorical),
                            .folds = flags.folds,
                            .regression = {.l2 = l2}};
  std::vector<std::string> ids;
  if (flags.id_column) {
    WAYPOST_ASSIGN_OR_RETURN(const DataColumn* column, table.Find(*flags.id_column));
    for (std::size_t row = 0; row < table.rows(); ++row) ids.emplace_back(column->text(row));
    options.excluded.push_back(*flags.id_column);
  }
  const Parallelism parallelism(threads);
  WAYPOST_ASSIGN_OR_RETURN(const TableModel model, CrossValidate(table, options, parallelism));
  for (const std::string& problem : model.problems) console.Note(problem);
  std::vector<std::size_t> order(model.rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return model.probabilities[a] > model.probabilities[b]; });
  if (output.json) {
    WriteJson(model, ids, order, key, parallelism.threads(), console);
    return absl::OkStatus();
  }
  Table figures({{"metric"}, {"mean", true}, {"least", true}, {"most", true}});
  for (const MetricValue& metric : MeanMetrics(model.folds)) {
    double least = 0, most = 0;
    bool first = true;
    for (const ProbabilityMetrics& fold : model.folds) {
      const std::vector<MetricValue> of_fold = MeanMetrics({fold});
      const auto same =
          std::find_if(of_fold.begin(), of_fold.end(), [&](const MetricValue& m) { return m.name == metric.name; });
      if (same == of_fold.end() || !same->value) continue;
      least = first ? *same->value : std::min(least, *same->value);
      most = first ? *same->value : std::max(most, *same->value);
      first = false;
    }
    if (metric.value) figures.AddRow({metric.name, Fixed(*metric.value, 4), Fixed(least, 4), Fixed(most, 4)});
  }
  figures.Write(console, output.table_format());
  if (!ids.empty()) {
    console.Write("\n");
    Table users({{"user"}, {key, true}});
    for (const std::size_t row : order) users.AddRow({ids[row], Fixed(model.probabilities[row], 4)});
    users.Write(console, output.table_format());
  }
  return absl::OkStatus();
}

}  // namespace waypost::cli
