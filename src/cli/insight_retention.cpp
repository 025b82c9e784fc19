// cli/insight_retention.cpp - waypost insight retention: how long learners stay, from lifetimes or from purchases.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "line_plot.hpp"
#include "output_flags.hpp"
#include "table.hpp"
#include "table_source.hpp"
#include "text_file.hpp"
#include "waypost/event/timestamp.hpp"
#include "waypost/insight/lifetimes.hpp"
#include "waypost/insight/purchases.hpp"

namespace waypost::cli {
namespace {

constexpr double kDayUs = 86'400e6;

struct Options {
  std::string table;
  std::string purchases;
  std::string input_format = "auto";
  std::string time_column = "time";
  std::string event_column = "event";
  std::optional<std::string> weight_column;
  std::string user_column = "user";
  std::optional<std::string> value_column;
  std::optional<std::string> until;
  std::string time_format = "auto";
  double period = 1;
  double confidence = 0.95;
  std::string plot;
  OutputFlags output;
};

// A fit of either kind, as it is written.
struct NamedFit {
  std::string name;
  FitStatus status = FitStatus::kNotConverged;
  std::vector<FittedParameter> parameters;
  double log_likelihood = 0;
  double aic = 0;
  std::string problem;  // why there is none
};

std::string StatusOf(const NamedFit& fit) {
  if (!fit.problem.empty()) return "not fitted";
  return fit.status == FitStatus::kConverged       ? "converged"
         : fit.status == FitStatus::kNotIdentified ? "not identified"
                                                   : "not converged";
}

void WriteFits(JsonWriter& json, const std::vector<NamedFit>& fits) {
  json.Key("fits");
  json.BeginArray();
  for (const NamedFit& fit : fits) {
    json.BeginObject();
    json.Member("model", fit.name);
    json.Key("parameters");
    json.BeginObject();
    for (const FittedParameter& parameter : fit.parameters) {
      json.Key(parameter.name);
      json.BeginObject();
      json.Member("estimate", parameter.estimate);
      json.Member("se", parameter.standard_error);
      json.Member("low", parameter.low);
      json.Member("high", parameter.high);
      json.EndObject();
    }
    json.EndObject();
    json.Key("rss");
    json.Null();  // fitted by likelihood
    json.Member("log_likelihood", fit.log_likelihood);
    json.Member("aic", fit.aic);
    json.Member("status", StatusOf(fit));
    if (!fit.problem.empty()) json.Member("problem", fit.problem);
    json.EndObject();
  }
  json.EndArray();
}

void WriteFitTable(const std::vector<NamedFit>& fits, TableFormat format, Console& console) {
  const bool csv = format == TableFormat::kCsv;
  const auto text = [&](double number) {
    if (!std::isfinite(number)) return std::string(csv ? "" : "-");
    return csv ? NumberText(number) : Fixed(number, std::abs(number) >= 1000 ? 3 : 6);
  };
  Table table({{"model"},
               {"parameter"},
               {"estimate", true},
               {"se", true},
               {"low", true},
               {"high", true},
               {"log likelihood", true},
               {"aic", true},
               {"status"}});
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  for (const NamedFit& fit : fits)
    for (const FittedParameter& parameter : fit.parameters) {
      const bool first = csv || &parameter == &fit.parameters.front();
      table.AddRow({first ? fit.name : "", std::string(parameter.name), text(parameter.estimate),
                    text(parameter.standard_error), text(parameter.low.value_or(kNone)),
                    text(parameter.high.value_or(kNone)), first ? text(fit.log_likelihood) : "",
                    first ? text(fit.aic) : "", first ? StatusOf(fit) : ""});
    }
  table.Write(console, format);
  for (const NamedFit& fit : fits)
    if (!fit.problem.empty()) console.Note(fit.name + ": " + fit.problem);
}

absl::StatusOr<std::vector<Lifetime>> ReadLifetimes(const Options& options, std::size_t& skipped) {
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadTable(options.table, options.input_format));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> times, table.Numbers(options.time_column));
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const events, table.Find(options.event_column));
  std::vector<double> weights(table.rows(), 1);
  if (options.weight_column) {
    WAYPOST_ASSIGN_OR_RETURN(weights, table.Numbers(*options.weight_column));
  }
  std::vector<Lifetime> lifetimes;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string_view event = events->text(row);
    const bool over = events->number(row) == 1 || event == "true";
    if (!events->missing(row) && !over && events->number(row) != 0 && event != "false")
      return table.ErrorAt(
          row, "column '" + options.event_column + "': want 0, 1, true or false, got '" + std::string(event) + "'");
    if (times[row] < 0)
      return table.ErrorAt(row,
                           "column '" + options.time_column + "': want a time >= 0, got " + NumberText(times[row]));
    if (weights[row] < 0)
      return table.ErrorAt(
          row, "column '" + *options.weight_column + "': want a count >= 0, got " + NumberText(weights[row]));
    if (std::isnan(times[row]) || std::isnan(weights[row]) || events->missing(row)) {
      ++skipped;
    } else if (weights[row] > 0) {
      lifetimes.push_back({.time = times[row], .over = over, .weight = weights[row]});
    }
  }
  if (lifetimes.empty()) return table.Error("want at least one row with a time and an event, got none");
  return lifetimes;
}

struct LifetimeResult {
  std::vector<SurvivalStep> survival;
  std::vector<LifetimeFit> curves;  // those that were fitted
  std::vector<NamedFit> fits;       // all
  const NamedFit* best = nullptr;
};

absl::StatusOr<LifetimeResult> Analyse(const Options& options, const std::vector<Lifetime>& lifetimes) {
  LifetimeResult result;
  WAYPOST_ASSIGN_OR_RETURN(result.survival, KaplanMeier(lifetimes, options.confidence));
  for (const LifetimeModel model :
       {LifetimeModel::kExponential, LifetimeModel::kWeibull, LifetimeModel::kShiftedBetaGeometric}) {
    NamedFit named{.name = std::string(NameOf(model)), .parameters = {}, .problem = {}};
    const absl::StatusOr<LifetimeFit> fit = FitLifetimes(lifetimes, model, options.confidence);
    if (fit.ok()) {
      named.status = fit->status;
      named.parameters = fit->parameters;
      named.log_likelihood = fit->log_likelihood;
      named.aic = fit->aic;
      result.curves.push_back(*fit);
    } else if (absl::IsInvalidArgument(fit.status())) {  // times that this model cannot have
      constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
      named.problem = std::string(fit.status().message());
      named.parameters.push_back({.name = "-", .estimate = kNone, .standard_error = kNone, .low = {}, .high = {}});
      named.log_likelihood = named.aic = kNone;
    } else {
      return fit.status();
    }
    result.fits.push_back(std::move(named));
  }
  for (const NamedFit& fit : result.fits)
    if (fit.problem.empty() && fit.status == FitStatus::kConverged &&
        (result.best == nullptr || fit.aic < result.best->aic))
      result.best = &fit;
  return result;
}

absl::Status WritePlot(const Options& options, const std::vector<Lifetime>& lifetimes, const LifetimeResult& result,
                       Console& console) {
  double longest = 0;
  for (const Lifetime& life : lifetimes) longest = std::max(longest, life.time);
  PlotSeries observed{.label = "Kaplan-Meier", .shape = PlotShape::kSteps, .x = {0}, .y = {1}, .high = {}};
  PlotSeries band{.label = {}, .shape = PlotShape::kBand, .x = {}, .y = {}, .high = {}};
  std::optional<SurvivalStep> last;
  const auto widen = [&](double x, const SurvivalStep& step) {
    if (!step.low) return;
    band.x.push_back(x);
    band.y.push_back(*step.low);
    band.high.push_back(*step.high);
  };
  for (const SurvivalStep& step : result.survival) {
    if (last) widen(step.time, *last);
    widen(step.time, step);
    observed.x.push_back(step.time);
    observed.y.push_back(step.estimate);
    last = step;
  }
  observed.x.push_back(longest);
  observed.y.push_back(observed.y.back());
  if (last) widen(longest, *last);
  LinePlot plot{.title = "Share still there", .x_label = options.time_column, .y_label = "S", .series = {}};
  if (!band.x.empty()) plot.series.push_back(std::move(band));
  plot.series.push_back(std::move(observed));
  constexpr int kPieces = 200;
  for (const LifetimeFit& fit : result.curves) {
    if (fit.status != FitStatus::kConverged) continue;
    PlotSeries curve{.label = std::string(NameOf(fit.model)), .shape = PlotShape::kLine, .x = {}, .y = {}, .high = {}};
    for (int n = 0; n <= kPieces; ++n) {
      curve.x.push_back(longest * n / kPieces);
      curve.y.push_back(SurvivalAt(fit, curve.x.back()));
    }
    plot.series.push_back(std::move(curve));
  }
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(options.plot, SvgOf(plot)));
  console.Note("wrote " + options.plot);
  return absl::OkStatus();
}

absl::Status RunLifetimes(const Options& options, Console& console) {
  std::size_t skipped = 0;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<Lifetime> lifetimes, ReadLifetimes(options, skipped));
  WAYPOST_ASSIGN_OR_RETURN(const LifetimeResult result, Analyse(options, lifetimes));
  const std::optional<double> median = MedianOf(result.survival);
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Member("rows", lifetimes.size());
    json.Member("skipped", skipped);
    WriteFits(json, result.fits);
    json.Key("best");
    result.best != nullptr ? json.Value(result.best->name) : json.Null();
    json.Member("median", median);
    json.Key("survival");
    json.BeginArray();
    for (const SurvivalStep& step : result.survival) {
      json.BeginObject();
      json.Member("time", step.time);
      json.Member("at_risk", step.at_risk);
      json.Member("events", step.events);
      json.Member("estimate", step.estimate);
      json.Member("low", step.low);
      json.Member("high", step.high);
      json.EndObject();
    }
    json.EndArray();
    WriteRunFacts(json, console, 1, std::nullopt);
    json.EndObject();
    console.Write("\n");
  } else {
    WriteFitTable(result.fits, options.output.table_format(), console);
    console.Note("median " + (median ? NumberText(*median) : std::string("not reached")) + "; " +
                 Count(lifetimes.size(), "row") + (result.best != nullptr ? "; least AIC: " + result.best->name : ""));
    if (skipped > 0) console.Note("left out " + Count(skipped, "row") + " without a time or an event");
  }
  return options.plot.empty() ? absl::OkStatus() : WritePlot(options, lifetimes, result, console);
}

// The time of each purchase in days or in the table's own unit, and --until in the same.
absl::StatusOr<std::vector<double>> ReadPurchaseTimes(const Options& options, const DataTable& table, double& until) {
  until = std::numeric_limits<double>::infinity();
  const auto days = [](std::string_view text) -> absl::StatusOr<double> {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t time_us, ParseTimestamp(text, std::nullopt));
    return static_cast<double>(time_us) / kDayUs;
  };
  if (options.time_format == "yyyymmdd") {
    WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const column, table.Find(options.time_column));
    std::vector<double> times(table.rows());
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const std::string text(column->text(row));
      const absl::StatusOr<double> day = text.size() == 8
                                             ? days(text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6))
                                             : absl::StatusOr<double>(absl::InvalidArgumentError(""));
      if (!day.ok())
        return table.ErrorAt(row, "column '" + options.time_column + "': want a date YYYYMMDD, got '" + text + "'");
      times[row] = *day;
    }
    if (options.until) {
      const absl::StatusOr<double> end = days(*options.until);
      if (!end.ok()) return UsageError("--until: want a date, got '" + *options.until + "'");
      until = *end;
    }
    return times;
  }
  std::optional<std::int64_t> first;
  WAYPOST_ASSIGN_OR_RETURN(std::vector<double> times, table.Times(options.time_column, &first));
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (std::isnan(times[row]))
      return table.ErrorAt(row, "column '" + options.time_column + "': want a time, got none");
  if (options.until && first) {
    const absl::StatusOr<double> end = days(*options.until);
    if (!end.ok()) return UsageError("--until: want a date, got '" + *options.until + "'");
    until = *end - static_cast<double>(*first) / kDayUs;
  } else if (options.until) {
    char* rest = nullptr;
    until = std::strtod(options.until->c_str(), &rest);
    if (*rest != '\0' || !std::isfinite(until))
      return UsageError("--until: want a number, got '" + *options.until + "'");
  }
  return times;
}

// Purchases of one customer at one time (of one day, where times are dates) are one.
absl::StatusOr<std::vector<PurchaseHistory>> ReadPurchases(const Options& options) {
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadTable(options.purchases, options.input_format));
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const users, table.Find(options.user_column));
  double until = 0;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> times, ReadPurchaseTimes(options, table, until));
  std::vector<double> values(table.rows(), 0);
  if (options.value_column) {
    WAYPOST_ASSIGN_OR_RETURN(values, ReadWholeColumn(table, *options.value_column));
  }
  double latest = -std::numeric_limits<double>::infinity();
  std::map<std::string, std::map<double, double>> purchases;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (users->missing(row))
      return table.ErrorAt(row, "column '" + options.user_column + "': want a customer, got none");
    if (values[row] < 0)
      return table.ErrorAt(row,
                           "column '" + *options.value_column + "': want a value >= 0, got " + NumberText(values[row]));
    if (times[row] > until) continue;
    latest = std::max(latest, times[row]);
    purchases[std::string(users->text(row))][times[row]] += values[row];
  }
  if (purchases.empty()) return table.Error("want a purchase up to --until, got none");
  const double end = std::isfinite(until) ? until : latest;
  std::vector<PurchaseHistory> customers;
  for (const auto& [user, spends] : purchases) {
    const double first = spends.begin()->first;
    PurchaseHistory history{.repeats = static_cast<double>(spends.size() - 1),
                            .recency = (spends.rbegin()->first - first) / options.period,
                            .age = (end - first) / options.period};
    for (const auto& [time, spend] : spends)
      if (time > first) history.mean_spend += spend / history.repeats;
    customers.push_back(history);
  }
  return customers;
}

absl::Status RunPurchases(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<PurchaseHistory> customers, ReadPurchases(options));
  WAYPOST_ASSIGN_OR_RETURN(const PurchaseFit visits, FitBgNbd(customers, options.confidence));
  std::vector<NamedFit> fits = {
      {"bg-nbd", visits.status, visits.parameters, visits.log_likelihood, visits.aic, std::string()}};
  std::size_t repeaters = 0;
  double alive = 0;
  for (const PurchaseHistory& customer : customers) {
    repeaters += customer.repeats > 0;
    alive += AliveProbability(visits, customer);
  }
  if (options.value_column) {
    WAYPOST_ASSIGN_OR_RETURN(const PurchaseFit spend, FitGammaGamma(customers, options.confidence));
    fits.push_back({"gamma-gamma", spend.status, spend.parameters, spend.log_likelihood, spend.aic, std::string()});
  }
  const bool known = visits.status == FitStatus::kConverged;
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Member("customers", customers.size());
    json.Member("repeaters", repeaters);
    WriteFits(json, fits);
    json.Key("expected_alive");
    known ? json.Value(alive) : json.Null();
    WriteRunFacts(json, console, 1, std::nullopt);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  WriteFitTable(fits, options.output.table_format(), console);
  console.Note(Count(customers.size(), "customer") + ", " + Digits(repeaters) + " of them came again" +
               (known ? "; " + Fixed(alive, 0) + " expected to be still there" : std::string()));
  return absl::OkStatus();
}

absl::Status RunRetention(const Options& options, Console& console) {
  if (options.table.empty() == options.purchases.empty()) return UsageError("want either --table or --purchases");
  if (options.table.empty() && !options.plot.empty()) return UsageError("--plot: want --table with it");
  if (options.table.empty() && options.weight_column) return UsageError("--weight-col: want --table with it");
  if (!options.table.empty() && (options.until || options.value_column || options.time_format != "auto"))
    return UsageError("--until, --value-col and --time-format: want --purchases with them");
  return options.table.empty() ? RunPurchases(options, console) : RunLifetimes(options, console);
}

}  // namespace

void AddInsightRetention(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("retention", "Fit how long learners stay, or how customers come back",
                             "waypost insight retention --table lives.csv --time-col days --event-col left --plot "
                             "retention.svg");
  constexpr char kLives[] = "Lifetimes";
  constexpr char kPurchases[] = "Purchases";
  verb.Option("--table", "FILE", options->table, "Rows of a lifetime and whether it is over (.csv, .tsv, .jsonl, .gz)")
      .Group(kLives);
  verb.Option("--event-col", "COL", options->event_column, "Column of whether they left: 1 or 0").Group(kLives);
  verb.Option("--weight-col", "COL", options->weight_column, "Column of how many a row stands for; else one")
      .Group(kLives);
  verb.Option("--plot", "FILE", options->plot, "Also draw the curves (.svg)").Group(kLives);
  verb.Option("--purchases", "FILE", options->purchases, "Rows of a customer and the time of a purchase")
      .Group(kPurchases);
  verb.Option("--user-col", "COL", options->user_column, "Column of the customer").Group(kPurchases);
  verb.Option("--value-col", "COL", options->value_column, "Column of what was paid; else spend is not fitted")
      .Group(kPurchases);
  verb.Option("--until", "TIME", options->until, "Leave out what came later; else up to the last purchase")
      .Group(kPurchases);
  verb.Option("--time-format", "FORMAT", options->time_format, "Of the time: a number or an ISO date, or 19970930")
      .OneOf({"auto", "yyyymmdd"})
      .Group(kPurchases);
  verb.Option("--period", "N", options->period, "Days, or units of the time, that the rates count: 7 for weeks")
      .Between(1e-9, 1e9)
      .Group(kPurchases);
  verb.Option("--time-col", "COL", options->time_column, "Column of the time");
  AddTableFormat(verb, options->input_format);
  verb.Option("--confidence", "P", options->confidence, "Of the intervals").Between(0.5, 0.9999);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "Lifetimes: Kaplan-Meier (--json has its steps), exponential, weibull and, for whole periods, sbg "
      "(shifted-beta-\n"
      "geometric) with likelihood and AIC side by side; sbg's likelihood is of whole periods, so the AIC compare when\n"
      "a period is short beside a lifetime. Purchases: bg-nbd, and gamma-gamma on those who came again.\n");
  verb.Runs([options](Console& console) { return RunRetention(*options, console); });
}

}  // namespace waypost::cli
