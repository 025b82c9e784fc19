#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "insight_metrics.hpp"
#include "insight_store.hpp"
#include "json_writer.hpp"
#include "store_insight_input.hpp"
#include "table.hpp"
#include "waypost/insight/forecast.hpp"

namespace waypost::cli {
namespace {

// "12h", "7d" or "4w" as microseconds.
absl::StatusOr<std::int64_t> ParseSpan(const std::string& option, const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  const double micros = unit == "h" ? kDayMicros / 24.0 : unit == "d" ? kDayMicros : unit == "w" ? 7.0 * kDayMicros : 0;
  if (error != std::errc() || micros == 0 || !(number > 0) || number * micros > 3650.0 * kDayMicros ||
      std::llround(number * micros) < 1)
    return UsageError(option + ": want a number of h, d or w, at most 3650d, got '" + text + "'");
  return std::llround(number * micros);
}

void WriteTimes(JsonWriter& json, const std::string& key, const std::vector<std::int64_t>& times) {
  json.Key(key);
  json.BeginArray();
  for (const std::int64_t time : times) json.Value(TimeText(time));
  json.EndArray();
}

void WriteNumbers(JsonWriter& json, const std::string& key, const std::vector<double>& numbers) {
  json.Key(key);
  json.BeginArray();
  for (const double number : numbers) json.Value(number);
  json.EndArray();
}

void WriteTexts(JsonWriter& json, const std::string& key, const std::vector<std::string>& texts) {
  json.Key(key);
  json.BeginArray();
  for (const std::string& text : texts) json.Value(text);
  json.EndArray();
}

void BeginRun(JsonWriter& json, const InsightStoreFlags& flags, std::int64_t at_us) {
  json.BeginObject();
  json.Member("at", TimeText(at_us));
  json.Member("period", flags.period);
  json.Member("horizon", flags.horizon);
  json.Member("inactive", flags.inactive);
}

void EndRun(JsonWriter& json, int threads, Console& console) {
  WriteRunFacts(json, console, Parallelism(threads).threads(), std::nullopt);
  json.EndObject();
  console.Write("\n");
}

void WriteHorizons(JsonWriter& json, const std::string& key, const std::vector<HorizonFigures>& horizons) {
  json.Key(key);
  json.BeginArray();
  for (const HorizonFigures& figures : horizons) {
    json.BeginObject();
    json.Member("period", figures.period);
    json.Member("users", figures.model.count);
    json.Member("positives", figures.model.positives);
    json.Key("metrics");
    WriteMetrics(json, MeanMetrics({figures.model}));
    json.Key("baseline");
    WriteMetrics(json, MeanMetrics({figures.baseline}));
    json.Key("auc_difference");
    if (figures.advantage) {
      json.BeginObject();
      json.Member("mean", figures.advantage->difference);
      json.Key("interval");
      WriteInterval(json, figures.advantage->interval);
      json.Member("p_value", figures.advantage->p_value);
      json.EndObject();
    } else {
      json.Null();
    }
    json.Key("reliability");
    json.BeginArray();
    for (const ReliabilityBin& bin : figures.model.reliability) {
      json.BeginObject();
      json.Member("users", bin.count);
      json.Member("predicted", bin.predicted);
      json.Member("observed", bin.observed);
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
}

std::string Shown(const std::optional<double>& value, int digits) {
  return value ? Fixed(*value, digits) : "";
}

void AddHorizons(Table& table, const std::string& what, const std::vector<HorizonFigures>& horizons) {
  for (const HorizonFigures& f : horizons)
    table.AddRow({what, std::to_string(f.period), std::to_string(f.model.count),
                  Fixed(static_cast<double>(f.model.positives) / static_cast<double>(f.model.count), 4),
                  Shown(f.model.auc, 4), Shown(f.baseline.auc, 4),
                  f.advantage
                      ? "[" + Fixed(f.advantage->interval.low, 4) + ", " + Fixed(f.advantage->interval.high, 4) + "]"
                      : "",
                  Fixed(f.model.brier, 4), Fixed(f.baseline.brier, 4), Fixed(f.model.calibration_error, 4),
                  Shown(f.model.calibration_slope, 3)});
}

absl::Status ShowBacktest(const InsightStoreFlags& flags, ForecastSubject subject, const Backtest& backtest,
                          std::int64_t at_us, int threads, const OutputFlags& output, Console& console) {
  for (const std::string& problem : backtest.problems) console.Note(problem);
  if (output.json) {
    JsonWriter json(console);
    BeginRun(json, flags, at_us);
    json.Key("backtest");
    json.BeginObject();
    WriteTimes(json, "cut_offs", backtest.cut_offs);
    json.Member("forecasts", backtest.forecasts);
    if (subject == ForecastSubject::kChurn) {
      WriteHorizons(json, "leave", backtest.leave);
    } else {
      WriteHorizons(json, "first_payment", backtest.first_payment);
      WriteHorizons(json, "repeat_payment", backtest.repeat_payment);
    }
    json.EndObject();
    WriteTexts(json, "problems", backtest.problems);
    EndRun(json, threads, console);
    return absl::OkStatus();
  }
  Table table({{"what"},
               {"period", true},
               {"users", true},
               {"share", true},
               {"auc", true},
               {"baseline", true},
               {"difference", true},
               {"brier", true},
               {"baseline brier", true},
               {"calibration error", true},
               {"slope", true}});
  if (subject == ForecastSubject::kChurn) {
    AddHorizons(table, "left by", backtest.leave);
  } else {
    AddHorizons(table, "first payment by", backtest.first_payment);
    AddHorizons(table, "repeat payment in", backtest.repeat_payment);
  }
  table.Write(console, output.table_format());
  return absl::OkStatus();
}

// The forecasts as facts dated by their moment.
absl::Status WriteBack(Store& store, const EventLog& log, const Forecast& forecast, std::int64_t at_us) {
  UserTableBuilder table;
  const std::string prefix(kForecastFactPrefix);
  for (const UserForecast& user : forecast.users)
    WAYPOST_RETURN_IF_ERROR(
        table.Add(log.users().id(user.user), {{prefix + "p_leave", NumberText(1 - user.survival.back()), at_us},
                                              {prefix + "expected_payments", NumberText(user.expected_payments), at_us},
                                              {prefix + "expected_value", NumberText(user.expected_value), at_us}}));
  return store.PutUserTable(std::move(table).Build());
}

absl::Status ShowForecast(const InsightStoreFlags& flags, ForecastSubject subject, const Forecast& forecast,
                          const StoreInput& input, int threads, const OutputFlags& output, Console& console) {
  for (const std::string& problem : forecast.problems) console.Note(problem);
  const bool churn = subject == ForecastSubject::kChurn;
  std::vector<std::size_t> order(forecast.users.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const UserForecast& x = forecast.users[a];
    const UserForecast& y = forecast.users[b];
    return churn ? x.survival.back() < y.survival.back() : x.expected_payments > y.expected_payments;
  });
  if (output.json) {
    JsonWriter json(console);
    BeginRun(json, flags, input.at_us);
    WriteTimes(json, "cut_offs", forecast.cut_offs);
    json.Member("rows", forecast.rows);
    json.Key("users");
    json.BeginArray();
    for (const std::size_t n : order) {
      const UserForecast& user = forecast.users[n];
      json.BeginObject();
      json.Member("user", input.log.users().id(user.user));
      WriteNumbers(json, "p_leave", user.p_leave);
      WriteNumbers(json, "p_pay", user.p_pay);
      WriteNumbers(json, "survival", user.survival);
      json.Member("expected_payments", user.expected_payments);
      json.Member("expected_value", user.expected_value);
      json.Member("paid_before", user.paid_before);
      json.Key("because");
      json.BeginArray();
      for (const ForecastReason& reason : churn ? user.leave_because : user.pay_because) {
        json.BeginObject();
        json.Member("feature", reason.feature);
        json.Member("amount", reason.amount);
        json.EndObject();
      }
      json.EndArray();
      json.EndObject();
    }
    json.EndArray();
    WriteTexts(json, "problems", forecast.problems);
    EndRun(json, threads, console);
    return absl::OkStatus();
  }
  Table table({{"user"}, {"leaves", true}, {"pays", true}, {"value", true}, {"because"}});
  for (const std::size_t n : order) {
    const UserForecast& user = forecast.users[n];
    std::string because;
    for (const ForecastReason& reason : churn ? user.leave_because : user.pay_because)
      because += (because.empty() ? "" : ", ") + reason.feature + " +" + Fixed(reason.amount, 2);
    table.AddRow({std::string(input.log.users().id(user.user)), Fixed(1 - user.survival.back(), 4),
                  Fixed(user.expected_payments, 4), Fixed(user.expected_value, 2), because});
  }
  table.Write(console, output.table_format());
  return absl::OkStatus();
}

}  // namespace

void AddInsightStoreFlags(Verb& verb, InsightStoreFlags& flags) {
  const std::string group = "A store";
  verb.Option("--store", "DIR", flags.store, "Forecast from the events of this store").Group(group);
  const auto keep = [&](const std::string& name, OptionHandle option) {
    option.Group(group);
    flags.options.emplace_back(name, option);
  };
  keep("--at", verb.Option("--at", "TIME", flags.at, "The moment asked at, a date; default: after the newest event"));
  keep("--period", verb.Option("--period", "SPAN", flags.period, "Length of a period: 12h, 7d, 4w"));
  keep("--horizon", verb.Option("--horizon", "N", flags.horizon, "Periods looked ahead").Between(1, 52));
  keep("--inactive", verb.Option("--inactive", "SPAN", flags.inactive, "Silence that means that a user has left"));
  keep("--backtest", verb.Option("--backtest", "K", flags.backtest,
                                 "Judge forecasts made at K earlier moments instead of forecasting")
                         .Between(1, 100));
  keep("--write-back", verb.Flag("--write-back", flags.write_back,
                                 "Keep the forecasts in the store as facts about the users, dated by the moment"));
}

absl::Status RunInsightStore(const InsightStoreFlags& flags, ForecastSubject subject, double l2, int threads,
                             const OutputFlags& output, Console& console) {
  if (flags.backtest && flags.write_back)
    return UsageError("--write-back: want no --backtest, which forecasts nothing");
  ForecastOptions options{.horizon = flags.horizon, .regression = {.l2 = l2}};
  WAYPOST_ASSIGN_OR_RETURN(options.period_us, ParseSpan("--period", flags.period));
  WAYPOST_ASSIGN_OR_RETURN(options.inactive_us, ParseSpan("--inactive", flags.inactive));
  WAYPOST_ASSIGN_OR_RETURN(
      const StoreInput input,
      ReadStoreInput(flags.store, flags.at, flags.write_back ? StoreAccess::kWrite : StoreAccess::kRead, threads,
                     console));
  options.at_us = input.at_us;
  const Parallelism parallelism(threads);
  if (flags.backtest) {
    WAYPOST_ASSIGN_OR_RETURN(const Backtest backtest,
                             BacktestForecast(input.log, input.facts, options, *flags.backtest, parallelism));
    return ShowBacktest(flags, subject, backtest, input.at_us, threads, output, console);
  }
  WAYPOST_ASSIGN_OR_RETURN(const Forecast forecast, ForecastUsers(input.log, input.facts, options, parallelism));
  if (flags.write_back) WAYPOST_RETURN_IF_ERROR(WriteBack(*input.store, input.log, forecast, input.at_us));
  return ShowForecast(flags, subject, forecast, input, threads, output, console);
}

}  // namespace waypost::cli
