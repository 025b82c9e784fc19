// cli/insight_growth.cpp - waypost insight growth: growth curves fitted to a series of counts.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "line_plot.hpp"
#include "output_flags.hpp"
#include "table.hpp"
#include "table_source.hpp"
#include "text_file.hpp"
#include "waypost/insight/growth.hpp"

namespace waypost::cli {
namespace {

struct Options {
  std::string table;
  std::string input_format = "auto";
  std::string time_column = "time";
  std::string value_column = "value";
  std::string counts = "cumulative";
  std::optional<double> capacity;
  double confidence = 0.95;
  std::string plot;
  OutputFlags output;
};

struct CountSeries {
  std::vector<double> times;
  std::vector<double> counts;
  std::size_t skipped = 0;  // rows without a time or a value
  bool dates = false;       // times are days since the first
};

// The rows in order of time.
absl::StatusOr<CountSeries> ReadSeries(const Options& options) {
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadTable(options.table, options.input_format));
  std::optional<std::int64_t> first;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> times, table.Times(options.time_column, &first));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> counts, table.Numbers(options.value_column));
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (counts[row] < 0)
      return table.ErrorAt(row,
                           "column '" + options.value_column + "': want a count >= 0, got " + NumberText(counts[row]));
    if (!std::isnan(times[row]) && !std::isnan(counts[row])) rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) { return times[a] < times[b]; });
  CountSeries series;
  series.skipped = table.rows() - rows.size();
  series.dates = first.has_value();
  for (const std::size_t row : rows) {
    if (!series.times.empty() && series.times.back() == times[row])
      return table.ErrorAt(row, "column '" + options.time_column + "': want every time once, got it again");
    series.times.push_back(times[row]);
    series.counts.push_back(counts[row]);
  }
  if (series.times.size() < 4)
    return table.Error("want at least 4 rows with a time and a value, got " + std::to_string(series.times.size()));
  return series;
}

std::string StatusOf(const GrowthFit& fit) {
  if (fit.status == FitStatus::kNotConverged) return "not converged";
  if (!fit.capacity_identified) return "K not identified";
  return fit.status == FitStatus::kNotIdentified ? "not identified" : "converged";
}

// A number with six digits, as people read them.
std::string Short(double number) {
  if (!std::isfinite(number)) return "-";
  const double size = std::abs(number);
  if (size >= 1e7 || (size < 1e-4 && size > 0)) return NumberText(static_cast<float>(number));
  const int whole = size >= 1 ? static_cast<int>(std::floor(std::log10(size))) + 1 : 0;
  const int leading = size > 0 && size < 1 ? -static_cast<int>(std::floor(std::log10(size))) - 1 : 0;
  return Fixed(number, std::max(0, 6 - whole + leading));
}

std::string Short(const std::optional<double>& number) {
  return number ? Short(*number) : "-";
}

// What the data say about K, in one sentence.
std::string Verdict(const GrowthFit& fit, const CountSeries& series, const Options& options) {
  const GrowthParameter& capacity = fit.parameter("K");
  if (capacity.given) return "K is given";
  const std::string at_least = capacity.low ? "; it is at least " + Short(capacity.low) : "";
  if (fit.status == FitStatus::kNotConverged) return "the fit did not converge";
  if (std::isnan(fit.midpoint)) return "K not identified: the counts do not grow";
  if (std::isnan(capacity.estimate)) return "K not identified: growth is exponential as far as the data go" + at_least;
  if (fit.midpoint > series.times.back())
    return "K not identified: the data end before the midpoint, " + Short(fit.midpoint) + at_least;
  if (!capacity.high && fit.rss > 0) return "K not identified: the data do not bound it above" + at_least;
  if (fit.status == FitStatus::kNotIdentified) return "other parameters fit as well";
  if (!capacity.high)
    return fit.capacity_identified ? "the curve fits exactly" : "K not identified: the counts do not grow";
  return "K is between " + Short(capacity.low) + " and " + Short(capacity.high) + " with " +
         Short(100 * options.confidence) + " % confidence" +
         (fit.variance_ratio > 1 ? ", serial correlation allowed for" : "");
}

// The one with the least AIC, among those whose K is identified where there is one.
const GrowthFit* Best(const std::vector<GrowthFit>& fits) {
  const GrowthFit* best = nullptr;
  for (const GrowthFit& fit : fits) {
    if (fit.status == FitStatus::kNotConverged) continue;
    const bool better =
        best == nullptr ||
        (fit.capacity_identified != best->capacity_identified ? fit.capacity_identified : fit.aic < best->aic);
    if (better) best = &fit;
  }
  return best;
}

void WriteJson(const Options& options, const CountSeries& series, const std::vector<GrowthFit>& fits,
               Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("rows", series.times.size());
  json.Member("skipped", series.skipped);
  json.Member("counts", options.counts);
  json.Member("confidence", options.confidence);
  json.Key("fits");
  json.BeginArray();
  for (const GrowthFit& fit : fits) {
    json.BeginObject();
    json.Member("model", NameOf(fit.model));
    json.Key("parameters");
    json.BeginObject();
    for (const GrowthParameter& parameter : fit.parameters) {
      json.Key(parameter.name);
      json.BeginObject();
      json.Member("estimate", parameter.estimate);
      json.Member("se", parameter.standard_error);
      json.Member("low", parameter.low);
      json.Member("high", parameter.high);
      json.Member("given", parameter.given);
      json.EndObject();
    }
    json.EndObject();
    json.Member("midpoint", fit.midpoint);
    json.Member("rss", fit.rss);
    json.Member("log_likelihood", fit.log_likelihood);
    json.Member("aic", fit.aic);
    json.Member("autocorrelation", fit.autocorrelation);
    json.Member("variance_ratio", fit.variance_ratio);
    json.Member("status", StatusOf(fit));
    json.Member("verdict", Verdict(fit, series, options));
    json.EndObject();
  }
  json.EndArray();
  const GrowthFit* best = Best(fits);
  json.Key("best");
  best != nullptr ? json.Value(NameOf(best->model)) : json.Null();
  WriteRunFacts(json, console, 1, std::nullopt);
  json.EndObject();
  console.Write("\n");
}

void WriteTable(const Options& options, const CountSeries& series, const std::vector<GrowthFit>& fits,
                Console& console) {
  const TableFormat format = options.output.table_format();
  const bool csv = format == TableFormat::kCsv;
  const auto text = [&](double number) { return csv && std::isfinite(number) ? NumberText(number) : Short(number); };
  Table table({{"model"},
               {"parameter"},
               {"estimate", true},
               {"se", true},
               {"low", true},
               {"high", true},
               {"rss", true},
               {"aic", true},
               {"status"}});
  for (const GrowthFit& fit : fits)
    for (const GrowthParameter& parameter : fit.parameters) {
      const bool first = csv || &parameter == &fit.parameters.front();  // once for people, on each row for programs
      table.AddRow({first ? std::string(NameOf(fit.model)) : "", std::string(parameter.name), text(parameter.estimate),
                    text(parameter.standard_error),
                    parameter.low ? text(*parameter.low)
                    : csv         ? ""
                                  : "-",
                    parameter.high ? text(*parameter.high)
                    : csv          ? ""
                                   : "-",
                    first ? text(fit.rss) : "", first ? text(fit.aic) : "", first ? StatusOf(fit) : ""});
    }
  table.Write(console, format);
  for (const GrowthFit& fit : fits) {
    std::string note = std::string(NameOf(fit.model)) + ": " + Verdict(fit, series, options);
    if (std::isfinite(fit.midpoint)) note += "; midpoint " + Short(fit.midpoint);
    if (fit.variance_ratio > 1)
      note += "; residuals are correlated (" + Fixed(fit.autocorrelation, 2) + "), se is as if they were not";
    console.Note(note);
  }
  if (series.skipped > 0) console.Note("left out " + Count(series.skipped, "row") + " without a time or a value");
}

absl::Status WritePlot(const Options& options, const CountSeries& series, const std::vector<GrowthFit>& fits,
                       Console& console) {
  const bool increments = options.counts == "per-period";
  LinePlot plot{
      .title = options.value_column + (increments ? " per period" : ""),
      .x_label = series.dates ? "days since the first" : options.time_column,
      .y_label = options.value_column,
      .series = {{.label = "counts", .shape = PlotShape::kPoints, .x = series.times, .y = series.counts, .high = {}}}};
  constexpr int kPieces = 200;
  for (const GrowthFit& fit : fits) {
    if (fit.status == FitStatus::kNotConverged || std::isnan(fit.parameter("K").estimate)) continue;
    const bool known = fit.capacity_identified;
    PlotSeries curve{.label = std::string(NameOf(fit.model)) + (known ? "" : ", K not identified"),
                     .shape = PlotShape::kLine,
                     .x = {},
                     .y = {},
                     .high = {}};
    if (increments) {
      for (std::size_t n = 0; n < series.times.size(); ++n) {
        curve.x.push_back(series.times[n]);
        curve.y.push_back(series.counts[n] - fit.residuals[n]);
      }
    } else {
      for (int n = 0; n <= kPieces; ++n) {
        curve.x.push_back(series.times.front() + (series.times.back() - series.times.front()) * n / kPieces);
        curve.y.push_back(GrowthAt(fit, curve.x.back()));
      }
    }
    plot.series.push_back(std::move(curve));
  }
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(options.plot, SvgOf(plot)));
  console.Note("wrote " + options.plot);
  return absl::OkStatus();
}

absl::Status RunGrowth(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const CountSeries series, ReadSeries(options));
  GrowthOptions growth{.counts = options.counts == "cumulative" ? CountKind::kCumulative : CountKind::kPerPeriod,
                       .capacity = options.capacity,
                       .confidence = options.confidence};
  std::vector<GrowthFit> fits;
  for (const GrowthModel model : {GrowthModel::kLogistic, GrowthModel::kRichards}) {
    if (model == GrowthModel::kRichards && series.times.size() < 5) continue;  // fewer than its parameters and one
    absl::StatusOr<GrowthFit> fit = FitGrowth(series.times, series.counts, model, growth);
    if (!fit.ok()) return internal::AddContext(options.table, fit.status());
    fits.push_back(*std::move(fit));
  }
  if (options.output.json) {
    WriteJson(options, series, fits, console);
  } else {
    WriteTable(options, series, fits, console);
  }
  return options.plot.empty() ? absl::OkStatus() : WritePlot(options, series, fits, console);
}

}  // namespace

void AddInsightGrowth(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("growth", "Fit growth curves to a series of counts",
                             "waypost insight growth --table members.csv --time-col date --value-col members --plot "
                             "growth.svg");
  verb.Option("--table", "FILE", options->table, "Rows of a time and a count (.csv, .tsv, .jsonl, each also .gz)")
      .Required();
  AddTableFormat(verb, options->input_format);
  verb.Option("--time-col", "COL", options->time_column,
              "Column of the time: numbers, or dates as days since the first");
  verb.Option("--value-col", "COL", options->value_column, "Column of the count");
  verb.Option("--counts", "KIND", options->counts, "Whether a count is how many there are, or how many came since")
      .OneOf({"cumulative", "per-period"});
  verb.Option("--capacity", "K", options->capacity, "K where it is known; else it is fitted").Between(1e-300, 1e300);
  verb.Option("--confidence", "P", options->confidence, "Of the intervals").Between(0.5, 0.9999);
  verb.Option("--plot", "FILE", options->plot, "Also draw counts and curves (.svg)");
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "logistic: dN/dt = r N (1 - N / K), N = N0 at time 0; richards has a shape besides, 1 for the logistic.\n"
      "Intervals are profiles and allow for serial correlation where the residuals show it; se does not.\n"
      "'K not identified': the data end before the midpoint, or do not bound K above.\n");
  verb.Runs([options](Console& console) { return RunGrowth(*options, console); });
}

}  // namespace waypost::cli
