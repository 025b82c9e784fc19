// cli/insight_cohorts.cpp - waypost insight cohorts: who comes back, and an account of active users that adds up.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_map>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "line_plot.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "table.hpp"
#include "table_source.hpp"
#include "text_file.hpp"
#include "waypost/event/timestamp.hpp"
#include "waypost/insight/cohorts.hpp"

namespace waypost::cli {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

struct Options {
  std::string table;
  std::string store;
  std::string starts;
  std::string input_format = "auto";
  std::string user_column = "user";
  std::string time_column = "time";
  std::string start_column = "start";
  std::string days = "1,3,7,14,30";
  std::string kind = "day";
  int cohort_days = 7;
  int period_days = 7;
  std::optional<std::string> until;
  std::string plot;
  int threads = 0;
  OutputFlags output;
};

struct Community {
  std::vector<ActiveDay> activity;
  std::vector<std::optional<std::int64_t>> starts;
  bool dates = true;            // days are since 1970-01-01; else numbers of the table
  std::uint64_t strangers = 0;  // days of activity of users without a start
};

std::int64_t FloorDay(std::int64_t time_us) {
  return time_us / kDayUs - (time_us % kDayUs < 0 ? 1 : 0);
}

std::string DayText(std::int64_t day, bool dates) {
  if (!dates) return std::to_string(day);
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  const auto two = [](unsigned number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return std::to_string(static_cast<int>(date.year())) + "-" + two(static_cast<unsigned>(date.month())) + "-" +
         two(static_cast<unsigned>(date.day()));
}

// Days of a column; none where a cell is missing.
absl::StatusOr<std::vector<std::optional<std::int64_t>>> ReadDays(const DataTable& table, const std::string& column,
                                                                  bool& dates) {
  std::optional<std::int64_t> first;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> times, table.Times(column, &first));
  dates = first.has_value();
  std::vector<std::optional<std::int64_t>> days(times.size());
  for (std::size_t row = 0; row < times.size(); ++row) {
    if (std::isnan(times[row])) continue;
    if (std::abs(times[row]) > 1e12)
      return table.ErrorAt(row, "column '" + column + "': want a day, got " + NumberText(times[row]));
    days[row] = first ? FloorDay(*first + static_cast<std::int64_t>(std::llround(times[row] * kDayUs)))
                      : static_cast<std::int64_t>(std::floor(times[row]));
  }
  return days;
}

absl::StatusOr<Community> ReadTables(const Options& options) {
  Community community;
  WAYPOST_ASSIGN_OR_RETURN(const DataTable table, ReadTable(options.table, options.input_format));
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const users, table.Find(options.user_column));
  WAYPOST_ASSIGN_OR_RETURN(const auto days, ReadDays(table, options.time_column, community.dates));
  std::unordered_map<std::string, std::uint32_t> number;
  if (!options.starts.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(const DataTable starts, ReadTable(options.starts, options.input_format));
    WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const names, starts.Find(options.user_column));
    bool dates = true;
    WAYPOST_ASSIGN_OR_RETURN(const auto first_days, ReadDays(starts, options.start_column, dates));
    if (dates != community.dates)
      return starts.Error("column '" + options.start_column + "': want dates or numbers as in --table, got the other");
    for (std::size_t row = 0; row < starts.rows(); ++row) {
      const std::string name(names->text(row));
      if (name.empty()) return starts.ErrorAt(row, "column '" + options.user_column + "': want a user, got none");
      if (!number.try_emplace(name, static_cast<std::uint32_t>(number.size())).second)
        return starts.ErrorAt(row,
                              "column '" + options.user_column + "': want every user once, got '" + name + "' again");
      community.starts.push_back(first_days[row]);
    }
  }
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string name(users->text(row));
    if (name.empty()) return table.ErrorAt(row, "column '" + options.user_column + "': want a user, got none");
    if (!days[row]) return table.ErrorAt(row, "column '" + options.time_column + "': want a time, got none");
    const auto [found, added] = number.try_emplace(name, static_cast<std::uint32_t>(number.size()));
    if (added && !options.starts.empty()) community.starts.emplace_back();
    if (!options.starts.empty() && !community.starts[found->second]) ++community.strangers;
    community.activity.push_back({found->second, *days[row]});
  }
  if (options.starts.empty()) community.starts = FirstDays(community.activity, number.size());
  return community;
}

// What users did themselves: neither what they were shown nor reminders.
absl::StatusOr<Community> ReadStore(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const EventInput input, ReadEventSource({.files = {}, .store = options.store}, {},
                                                                   Parallelism(options.threads), console));
  const EventLog& log = input.log;
  Community community;
  for (std::size_t row = 0; row < log.size(); ++row) {
    const std::string_view kind = log.kind(row).name;
    if (log.time_us(row) == kNoTime || kind == "impression" || kind == "remind") continue;
    community.activity.push_back({log.columns().users[row], FloorDay(log.time_us(row))});
  }
  community.starts = FirstDays(community.activity, log.users().size());
  return community;
}

absl::StatusOr<std::vector<int>> ParseDays(const std::string& text) {
  std::vector<int> days;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    int day = 0;
    const auto [rest, error] = std::from_chars(text.data() + begin, text.data() + end, day);
    if (error != std::errc() || rest != text.data() + end)
      return UsageError("--days: want numbers with commas between, got '" + text + "'");
    days.push_back(day);
    begin = end + 1;
  }
  return days;
}

// The first day not looked at: --until, else the last day of the data, which need not be over.
absl::StatusOr<std::int64_t> UntilOf(const Options& options, const Community& community) {
  if (!options.until) {
    std::int64_t last = std::numeric_limits<std::int64_t>::min();
    for (const ActiveDay& active : community.activity) last = std::max(last, active.day);
    return last;
  }
  std::int64_t day = 0;
  if (community.dates) {
    const absl::StatusOr<std::int64_t> time_us = ParseTimestamp(*options.until, std::nullopt);
    if (!time_us.ok()) return UsageError("--until: want a date, got '" + *options.until + "'");
    return FloorDay(*time_us);
  }
  const char* const end = options.until->data() + options.until->size();
  const auto [rest, error] = std::from_chars(options.until->data(), end, day);
  constexpr std::int64_t kMostDay = 1'000'000'000'000;  // as of the days of a table
  if (error != std::errc() || rest != end || day < -kMostDay || day > kMostDay)
    return UsageError("--until: want a day number, got '" + *options.until + "'");
  return day;
}

std::optional<double> ShareOf(const RetentionCell& cell) {
  if (cell.eligible == 0) return std::nullopt;
  return static_cast<double>(cell.retained) / static_cast<double>(cell.eligible);
}

void WriteCohort(JsonWriter& json, const Cohort& cohort, bool dates) {
  json.BeginObject();
  json.Member("start", DayText(cohort.first_day, dates));
  json.Member("users", cohort.users);
  json.Key("cells");
  json.BeginArray();
  for (const RetentionCell& cell : cohort.cells) {
    json.BeginObject();
    json.Member("day", cell.day);
    json.Member("eligible", cell.eligible);
    json.Member("retained", cell.retained);
    json.Member("share", ShareOf(cell));
    json.Member("partial", cell.partial);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void WriteJson(const Options& options, const Community& community, std::int64_t until, const CohortTable& table,
               const std::vector<AccountPeriod>& periods, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("retention", options.kind);
  json.Member("until", DayText(until, community.dates));
  json.Member("strangers", community.strangers);
  json.Key("all");
  WriteCohort(json, table.all, community.dates);
  json.Key("cohorts");
  json.BeginArray();
  for (const Cohort& cohort : table.cohorts) WriteCohort(json, cohort, community.dates);
  json.EndArray();
  json.Key("periods");
  json.BeginArray();
  for (const AccountPeriod& period : periods) {
    json.BeginObject();
    json.Member("start", DayText(period.first_day, community.dates));
    json.Member("days", period.days);
    json.Member("partial", period.partial);
    json.Member("active", period.active);
    json.Member("new", period.added);
    json.Member("kept", period.kept);
    json.Member("returned", period.returned);
    json.Member("lost", period.lost);
    json.Member("dau", period.daily);
    json.Member("wau", period.weekly);
    json.Member("mau", period.monthly);
    json.EndObject();
  }
  json.EndArray();
  WriteRunFacts(json, console, Parallelism(options.threads).threads(), std::nullopt);
  json.EndObject();
  console.Write("\n");
}

void WriteTables(const Options& options, const Community& community, std::int64_t until, const CohortTable& table,
                 const std::vector<AccountPeriod>& periods, Console& console) {
  const TableFormat format = options.output.table_format();
  std::vector<Column> columns = {{"cohort"}, {"users", true}};
  for (const RetentionCell& cell : table.all.cells) columns.push_back({"day " + std::to_string(cell.day), true});
  Table retention(std::move(columns));
  const auto add = [&](const std::string& name, const Cohort& cohort) {
    std::vector<std::string> row = {name, std::to_string(cohort.users)};
    for (const RetentionCell& cell : cohort.cells) {
      const std::optional<double> share = ShareOf(cell);
      row.push_back(share ? Fixed(100 * *share, 3) + " %" + (cell.partial ? "*" : "") : "");
    }
    retention.AddRow(std::move(row));
  };
  for (const Cohort& cohort : table.cohorts) add(DayText(cohort.first_day, community.dates), cohort);
  add("all", table.all);
  retention.Write(console, format);
  console.Write("\n");
  Table account({{"period"},
                 {"active", true},
                 {"new", true},
                 {"kept", true},
                 {"returned", true},
                 {"lost", true},
                 {"DAU", true},
                 {"WAU", true},
                 {"MAU", true}});
  for (const AccountPeriod& period : periods)
    account.AddRow({DayText(period.first_day, community.dates) + (period.partial ? "*" : ""),
                    std::to_string(period.active), std::to_string(period.added), std::to_string(period.kept),
                    std::to_string(period.returned), std::to_string(period.lost), std::to_string(period.daily),
                    std::to_string(period.weekly), std::to_string(period.monthly)});
  account.Write(console, format);
  console.Note("up to " + DayText(until, community.dates) + ", that day left out; * is partial: " +
               "a period that is not over, or a cohort some of whose users have not come so far");
  if (community.strangers > 0)
    console.Note(Count(community.strangers, "row") + " of users without a start count for the periods alone");
}

absl::Status WritePlot(const Options& options, const CohortTable& table, Console& console) {
  PlotSeries curve{.label = {}, .shape = PlotShape::kLine, .x = {}, .y = {}, .high = {}};
  PlotSeries points{.label = {}, .shape = PlotShape::kPoints, .x = {}, .y = {}, .high = {}};
  std::vector<RetentionCell> cells = table.all.cells;
  std::sort(cells.begin(), cells.end(), [](const RetentionCell& a, const RetentionCell& b) { return a.day < b.day; });
  for (const RetentionCell& cell : cells)
    if (const std::optional<double> share = ShareOf(cell)) {
      curve.x.push_back(cell.day);
      curve.y.push_back(100 * *share);
    }
  points.x = curve.x;
  points.y = curve.y;
  const LinePlot plot{.title = "Share active, by days since the start (" + options.kind + ")",
                      .x_label = "days since the start",
                      .y_label = "%",
                      .series = {curve, points}};
  if (curve.x.empty()) return absl::FailedPreconditionError("--plot: want a cohort that has come to a day, got none");
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(options.plot, SvgOf(plot)));
  console.Note("wrote " + options.plot);
  return absl::OkStatus();
}

absl::Status RunCohorts(const Options& options, Console& console) {
#ifdef WAYPOST_STORE
  if (options.table.empty() == options.store.empty()) return UsageError("want either --table or --store");
#else
  if (options.table.empty()) return UsageError("want --table");
#endif
  if (options.table.empty() && !options.starts.empty()) return UsageError("--starts: want --table with it");
  CohortOptions cohorts{.kind = options.kind == "day"       ? RetentionKind::kDay
                                : options.kind == "rolling" ? RetentionKind::kRolling
                                                            : RetentionKind::kUnbounded,
                        .days = {},
                        .cohort_days = options.cohort_days};
  WAYPOST_ASSIGN_OR_RETURN(cohorts.days, ParseDays(options.days));
  if (const absl::Status status = Validate(cohorts); !status.ok()) return UsageError(internal::ToStd(status.message()));
  WAYPOST_ASSIGN_OR_RETURN(const Community community,
                           options.table.empty() ? ReadStore(options, console) : ReadTables(options));
  if (community.activity.empty()) return absl::FailedPreconditionError("want an event with a time, got none");
  WAYPOST_ASSIGN_OR_RETURN(cohorts.until, UntilOf(options, community));
  WAYPOST_ASSIGN_OR_RETURN(const CohortTable table, RetainCohorts(community.starts, community.activity, cohorts));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<AccountPeriod> periods,
                           AccountForUsers(community.activity, options.period_days, cohorts.until));
  if (table.cohorts.empty())
    return absl::FailedPreconditionError("want a start before " + DayText(cohorts.until, community.dates) +
                                         ", got none");
  if (options.output.json) {
    WriteJson(options, community, cohorts.until, table, periods, console);
  } else {
    WriteTables(options, community, cohorts.until, table, periods, console);
  }
  return options.plot.empty() ? absl::OkStatus() : WritePlot(options, table, console);
}

}  // namespace

void AddInsightCohorts(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("cohorts", "Count who comes back, and account for new, kept, returned and lost users",
                             "waypost insight cohorts --table visits.csv --user-col user --time-col day --days 1,7,30");
  verb.Option("--table", "FILE", options->table, "Rows of a user and a day they were active (.csv, .tsv, .jsonl, .gz)");
#ifdef WAYPOST_STORE
  verb.Option("--store", "DIR", options->store,
              "Take the events of a store instead, but for impressions and reminders");
#endif
  verb.Option("--starts", "FILE", options->starts,
              "Rows of a user and the day they started; else the first active day");
  verb.Option("--user-col", "COL", options->user_column, "Column of the user, in both files");
  verb.Option("--time-col", "COL", options->time_column, "Column of the time: dates, or numbers of days");
  verb.Option("--start-col", "COL", options->start_column, "Column of the start in --starts");
  verb.Option("--days", "LIST", options->days, "Days after the start, with commas between");
  verb.Option("--retention", "KIND", options->kind, "What it is to come back: see below")
      .OneOf({"day", "rolling", "unbounded"});
  verb.Option("--cohort-days", "N", options->cohort_days, "Days of starts that make one cohort").Between(1, 100'000);
  verb.Option("--period-days", "N", options->period_days, "Days of one period of the account").Between(1, 100'000);
  verb.Option("--until", "DAY", options->until,
              "The first day left out; else the last of the data, which may not be over");
  verb.Option("--plot", "FILE", options->plot, "Also draw the retention of all (.svg)");
  AddTableFormat(verb, options->input_format);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "day: active exactly N days after the start. rolling: on any of the seven days that end with it. unbounded: on\n"
      "it or later. Only who started before --until - N is counted. active = new + kept + returned, and the active\n"
      "users of the period before = kept + lost.\n");
  verb.Runs([options](Console& console) { return RunCohorts(*options, console); });
}

}  // namespace waypost::cli
