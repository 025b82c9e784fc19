// cli/insight_leaderboard.cpp - waypost insight leaderboard: who contributes most, by period and category.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "waypost/insight/leaderboard.hpp"
#ifdef WAYPOST_STORE
#include "waypost/store/store.hpp"
#endif

namespace waypost::cli {
namespace {

struct Options {
  EventSource source;
  EventFileFlags files;
  CatalogFlags catalog;
  std::string period = "all";
  std::string measure = "total";
  std::string by = "none";
  std::vector<std::string> only_kinds;
  std::optional<std::string> now;
  LeaderboardOptions board;  // what the options below do not say
  int daily_cap = 0;
  int item_cap = 0;
  int top = 10;
  int threads = 0;
  OutputFlags output;
};

// "2014-03-10"; empty for no time, or one beyond the calendar.
std::string DateText(std::int64_t time_us) {
  if (time_us == kNoTime || std::abs(internal::DayOf(time_us)) > internal::kLastBoardDay) return "";
  const std::chrono::sys_days date{std::chrono::days(internal::DayOf(time_us))};
  const std::chrono::year_month_day civil(date);
  const auto two = [](unsigned number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  std::string year = std::to_string(static_cast<int>(civil.year()));
  if (year[0] != '-') year.insert(0, 4 - std::min<std::size_t>(4, year.size()), '0');
  return year + "-" + two(static_cast<unsigned>(civil.month())) + "-" + two(static_cast<unsigned>(civil.day()));
}

// "2014-03" of a month, "2014" of a year, "2014-03-10" of a day or a week.
std::string PeriodText(BoardPeriod period, std::int64_t begin_us) {
  const std::string date = DateText(begin_us);
  return period == BoardPeriod::kMonth  ? date.substr(0, date.size() - 3)
         : period == BoardPeriod::kYear ? date.substr(0, date.size() - 6)
                                        : date;
}

// What each item counts under: names in order, and the place of each item among them.
struct Categories {
  std::vector<std::string> names;  // empty: one board for all
  std::vector<std::uint32_t> of_item;
};

absl::StatusOr<Categories> ReadCategories(const Options& options, const EventLog& log, Console& console) {
  Categories categories;
  if (options.by == "none") return categories;
  Catalogue catalogue;
  if (options.by == "category") {
#ifdef WAYPOST_STORE
    if (!options.source.store.empty()) {
      WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                               Store::Open(options.source.store, {.access = StoreAccess::kRead}));
      WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store->Snapshot());
      WAYPOST_ASSIGN_OR_RETURN(catalogue, snapshot.ReadCatalogue());
    }
#endif
    if (options.source.store.empty() && options.catalog.file.empty())
      return UsageError("--by category: want --catalog FILE beside it");
    if (!options.catalog.file.empty()) {
      WAYPOST_ASSIGN_OR_RETURN(catalogue, ReadCatalogFile(options.catalog, options.files, console));
    }
  }
  std::vector<std::string> name_of(log.items().size());
  for (std::uint32_t item = 0; item < log.items().size(); ++item) {
    const std::string_view id = log.items().id(item);
    if (options.by == "item") {
      name_of[item] = id;
    } else if (const auto known = catalogue.Find(id)) {
      name_of[item] = catalogue.item(*known).category;
    }
  }
  categories.names = name_of;
  std::sort(categories.names.begin(), categories.names.end());
  categories.names.erase(std::unique(categories.names.begin(), categories.names.end()), categories.names.end());
  for (const std::string& name : name_of)
    categories.of_item.push_back(static_cast<std::uint32_t>(
        std::lower_bound(categories.names.begin(), categories.names.end(), name) - categories.names.begin()));
  return categories;
}

absl::StatusOr<LeaderboardOptions> MakeOptions(const Options& options, const EventLog& log) {
  LeaderboardOptions board = options.board;
  board.daily_cap = static_cast<std::uint32_t>(options.daily_cap);
  board.item_cap = static_cast<std::uint32_t>(options.item_cap);
  board.top = static_cast<std::size_t>(options.top);
  board.period = options.period == "day"     ? BoardPeriod::kDay
                 : options.period == "week"  ? BoardPeriod::kWeek
                 : options.period == "month" ? BoardPeriod::kMonth
                 : options.period == "year"  ? BoardPeriod::kYear
                                             : BoardPeriod::kAll;
  board.measure = options.measure == "mean" ? BoardMeasure::kMean : BoardMeasure::kTotal;
  board.by_value = options.measure == "value";
  for (const std::string& name : options.only_kinds) {
    const auto kind = log.kinds().Find(name);
    if (!kind) return absl::NotFoundError("--only-kind: want a kind of the events, got '" + name + "'");
    board.kinds.push_back(*kind);
  }
  if (options.now) {
    WAYPOST_ASSIGN_OR_RETURN(board.now_us, ParseTimeFlag("--now", *options.now, options.files));
  } else if (board.half_life_days > 0) {
    for (std::size_t row = 0; row < log.size(); ++row)
      if (log.time_us(row) != kNoTime) board.now_us = std::max(board.now_us.value_or(kNoTime), log.time_us(row));
    if (!board.now_us) return absl::FailedPreconditionError("--half-life: want events with times, got none");
  }
  return board;
}

absl::Status RunLeaderboard(const Options& options, Console& console) {
  if (options.by != "category" && !options.catalog.file.empty())
    return UsageError("--catalog: want --by category beside it");
  WAYPOST_ASSIGN_OR_RETURN(const EventInput input,
                           ReadEventSource(options.source, options.files, Parallelism(options.threads), console));
  const EventLog& log = input.log;
  WAYPOST_ASSIGN_OR_RETURN(const LeaderboardOptions board_options, MakeOptions(options, log));
  WAYPOST_ASSIGN_OR_RETURN(const Categories categories, ReadCategories(options, log, console));
  WAYPOST_ASSIGN_OR_RETURN(const Leaderboards found, BuildLeaderboards(log, board_options, categories.of_item));
  for (const auto& [count, what] : {std::pair(found.untimed, "without a time"), std::pair(found.later, "after now"),
                                    std::pair(found.unvalued, "without a value")})
    if (count > 0) console.Note("passed over " + Count(count, "event") + " " + what);
  const auto period = [&](const Leaderboard& board) {
    return board.begin_us ? std::optional(PeriodText(board_options.period, *board.begin_us)) : std::nullopt;
  };
  const auto category = [&](const Leaderboard& board) {
    return categories.names.empty() ? std::nullopt : std::optional(categories.names[board.category]);
  };
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Key("boards");
    json.BeginArray();
    for (const Leaderboard& board : found.boards) {
      json.BeginObject();
      json.Member("period", period(board));
      json.Member("category", category(board));
      json.Member("users", board.users);
      json.Key("entries");
      json.BeginArray();
      for (const BoardEntry& entry : board.entries) {
        json.BeginObject();
        json.Member("rank", entry.rank);
        json.Member("user", log.users().id(entry.user));
        json.Member("score", entry.score);
        json.Member("events", entry.events);
        json.Member("counted", entry.counted);
        json.Key("last");
        const std::string last = DateText(entry.last_us);
        last.empty() ? json.Null() : json.Value(last);
        json.EndObject();
      }
      json.EndArray();
      json.EndObject();
    }
    json.EndArray();
    json.Member("events", log.size());
    json.Member("skipped", input.skipped);
    WriteRunFacts(json, console, Parallelism(options.threads).threads(), std::nullopt);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  std::vector<Column> columns;
  if (board_options.period != BoardPeriod::kAll) columns.push_back({options.period});
  if (!categories.names.empty()) columns.push_back({options.by});
  for (const Column& column :
       std::vector<Column>{{"rank", true}, {"user"}, {"score", true}, {"events", true}, {"counted", true}, {"last"}})
    columns.push_back(column);
  Table table(columns);
  for (const Leaderboard& board : found.boards)
    for (const BoardEntry& entry : board.entries) {
      std::vector<std::string> cells;
      if (const auto text = period(board)) cells.push_back(*text);
      if (const auto text = category(board)) cells.push_back(*text);
      cells.insert(cells.end(),
                   {std::to_string(entry.rank), std::string(log.users().id(entry.user)), Fixed(entry.score, 3),
                    std::to_string(entry.events), std::to_string(entry.counted), DateText(entry.last_us)});
      table.AddRow(std::move(cells));
    }
  if (table.empty()) console.Note("nobody contributed");
  table.Write(console, options.output.table_format());
  return absl::OkStatus();
}

}  // namespace

void AddInsightLeaderboard(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("leaderboard", "Rank contributors: fresh work first, gaming capped",
                             "waypost insight leaderboard --train badges.tsv --item-col badge --time-col date "
                             "--period month");
  AddEventSource(verb, options->source, "Event files");
  verb.Option("--period", "PERIOD", options->period, "A board for each of these in UTC; weeks begin on Monday")
      .OneOf({"all", "day", "week", "month", "year"});
  verb.Option("--by", "WHAT", options->by, "A board for each item, or category of the catalogue")
      .OneOf({"none", "item", "category"});
  verb.Option("--measure", "MEASURE", options->measure,
              "total: weights of kinds; value: times the event's value; mean: of the values, shrunk for few of them")
      .OneOf({"total", "value", "mean"});
  verb.List("--only-kind", "NAME", options->only_kinds, "Kinds that count (default: the positive ones)");
  verb.Option("--half-life", "DAYS", options->board.half_life_days, "Days after which work counts half; 0: never fades")
      .Between(0, 1e6);
  verb.Option("--now", "TIME", options->now, "What is later does not count; ages end here (default: the latest event)");
  verb.Option("--daily-cap", "N", options->daily_cap, "Events of one user and kind that count a day; 0: all")
      .Between(0, 1e9);
  verb.Option("--item-cap", "N", options->item_cap, "Events of one user and kind with one item that count; 0: all")
      .Between(0, 1e9);
  verb.Option("--prior-count", "N", options->board.prior_count, "Marks that the board's mean counts for, with mean")
      .Between(0, 1e9);
  verb.Option("--top", "N", options->top, "Ranks shown, ties included; 0: all").Between(0, 1e9);
  AddCatalogFlags(verb, options->catalog);
  AddEventFileFlags(verb, options->files);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "Of several events of a user beyond a cap the strongest count, so that repeating gains nothing. Equal scores\n"
      "share a rank and stand by id.\n");
  verb.Runs([options](Console& console) { return RunLeaderboard(*options, console); });
}

}  // namespace waypost::cli
