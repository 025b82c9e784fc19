#include "waypost/insight/leaderboard.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kDay = 86'400'000'000;

struct Row {
  std::string user, item;
  std::uint16_t kind = kAnswer;
  std::optional<float> value = std::nullopt;
  std::optional<std::int64_t> time_us = std::nullopt;
};

EventLog Log(const std::vector<Row>& rows) {
  EventLogBuilder builder;
  for (const Row& row : rows)
    EXPECT_TRUE(
        builder
            .Append({.user = row.user, .item = row.item, .kind = row.kind, .value = row.value, .time_us = row.time_us})
            .ok());
  return std::move(builder).Build();
}

std::vector<Row> RandomRows(std::uint64_t seed, int count) {
  Random random(seed);
  std::vector<Row> rows;
  for (int n = 0; n < count; ++n) {
    Row row{"u" + std::to_string(random.Below(12)), "i" + std::to_string(random.Below(6)),
            static_cast<std::uint16_t>(random.Bernoulli(0.5) ? kAnswer : kComment)};
    row.value = static_cast<float>(random.Below(5));
    if (random.Bernoulli(0.9)) row.time_us = static_cast<std::int64_t>(random.Below(100)) * kDay / 2 - 20 * kDay;
    rows.push_back(row);
  }
  return rows;
}

// "period category: 1 user score, ..." of every board, with the scores to the last bit.
std::string Shown(const EventLog& log, const Leaderboards& boards) {
  std::string text;
  for (const Leaderboard& board : boards.boards) {
    text += std::to_string(board.begin_us.value_or(0) / kDay) + ":";
    for (const BoardEntry& entry : board.entries) {
      char score[40];
      std::snprintf(score, sizeof score, "%a", entry.score);
      text += " " + std::to_string(entry.rank) + " " + std::string(log.users().id(entry.user)) + " " + score + " " +
              std::to_string(entry.counted) + "/" + std::to_string(entry.events);
    }
    text += "\n";
  }
  return text;
}

std::vector<std::string> Users(const EventLog& log, const Leaderboard& board) {
  std::vector<std::string> users;
  for (const BoardEntry& entry : board.entries) users.emplace_back(log.users().id(entry.user));
  return users;
}

// The points of one user on the board of all time, from the definition: of the events that stand, the strongest of each
// item, then of each day.
double NaiveTotal(const std::vector<Row>& rows, const std::string& user, const LeaderboardOptions& options) {
  struct Event {
    double points;
    std::uint16_t kind;
    std::string item;
    std::int64_t day;
    bool out = false;
  };
  std::vector<Event> events;
  for (const Row& row : rows) {
    if (row.user != user || (row.time_us && *row.time_us > *options.now_us)) continue;
    const double age = row.time_us ? static_cast<double>(*options.now_us - *row.time_us) / kDay : 0;
    const auto day = static_cast<std::int64_t>(std::floor(static_cast<double>(row.time_us.value_or(0)) / kDay));
    events.push_back({std::exp2(-age / options.half_life_days), row.kind, row.item, row.time_us ? day : -1'000'000});
  }
  const auto cap = [&](std::uint32_t most, auto&& same) {
    for (const Event& event : events) {
      for (;;) {
        std::vector<Event*> group;
        for (Event& other : events)
          if (!other.out && other.kind == event.kind && same(event, other)) group.push_back(&other);
        if (group.size() <= most) break;
        (*std::min_element(group.begin(), group.end(), [](auto* a, auto* b) { return a->points < b->points; }))->out =
            true;
      }
    }
  };
  cap(options.item_cap, [](const Event& a, const Event& b) { return a.item == b.item; });
  cap(options.daily_cap, [](const Event& a, const Event& b) { return a.day == b.day; });
  double total = 0;
  for (const Event& event : events) total += event.out ? 0 : event.points;
  return total;
}

TEST(Leaderboard, AgreesWithANaiveReferenceOnRandomLogs) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<Row> rows = RandomRows(seed, 200);
    const EventLog log = Log(rows);
    const LeaderboardOptions options{.half_life_days = 7, .now_us = 25 * kDay, .daily_cap = 2, .item_cap = 4};
    const Leaderboards found = *BuildLeaderboards(log, options);
    ASSERT_EQ(found.boards.size(), 1u);
    double before = INFINITY;
    for (const BoardEntry& entry : found.boards[0].entries) {
      EXPECT_NEAR(entry.score, NaiveTotal(rows, std::string(log.users().id(entry.user)), options), 1e-12);
      EXPECT_LE(entry.score, before);
      before = entry.score;
    }
  }
}

TEST(Leaderboard, TheOrderOfTheEventsDoesNotMatterToTheLastBit) {
  for (const BoardMeasure measure : {BoardMeasure::kTotal, BoardMeasure::kMean})
    for (const BoardPeriod period : {BoardPeriod::kAll, BoardPeriod::kWeek, BoardPeriod::kMonth}) {
      std::vector<Row> rows = RandomRows(3, 400);
      const LeaderboardOptions options{.period = period,
                                       .measure = measure,
                                       .half_life_days = 5,
                                       .now_us = 40 * kDay,
                                       .daily_cap = 3,
                                       .item_cap = 5};
      EventLog log = Log(rows);
      const std::string before = Shown(log, *BuildLeaderboards(log, options));
      Random random(4);
      for (int shuffle = 0; shuffle < 5; ++shuffle) {
        random.Shuffle(std::span(rows));
        log = Log(rows);
        EXPECT_EQ(Shown(log, *BuildLeaderboards(log, options)), before);
      }
    }
}

TEST(Leaderboard, ACappedUserCannotOvertakeByRepeating) {
  std::vector<Row> rows;
  for (int n = 0; n < 4; ++n) rows.push_back({"steady", "q" + std::to_string(n), kAnswer, {}, n * kDay});
  for (int n = 0; n < 3; ++n) rows.push_back({"gamer", "q" + std::to_string(n), kAnswer, {}, 5 * kDay + n});
  const LeaderboardOptions options{.daily_cap = 3};
  EventLog log = Log(rows);
  EXPECT_THAT(Users(log, BuildLeaderboards(log, options)->boards[0]), ElementsAre("steady", "gamer"));
  for (int n = 0; n < 1000; ++n) rows.push_back({"gamer", "r" + std::to_string(n), kAnswer, {}, 5 * kDay + 9 + n});
  log = Log(rows);
  const Leaderboard capped = BuildLeaderboards(log, options)->boards[0];
  EXPECT_THAT(Users(log, capped), ElementsAre("steady", "gamer"));
  EXPECT_EQ(capped.entries[1].events, 1003u);
  EXPECT_EQ(capped.entries[1].counted, 3u);
  EXPECT_THAT(Users(log, BuildLeaderboards(log, {})->boards[0]), ElementsAre("gamer", "steady"));

  for (int n = 0; n < 1000; ++n) rows.push_back({"echo", "q1", kAnswer, {}, n * kDay});  // one item, day after day
  log = Log(rows);
  EXPECT_THAT(Users(log, BuildLeaderboards(log, {.daily_cap = 3, .item_cap = 1})->boards[0]),
              ElementsAre("steady", "gamer", "echo"));
}

TEST(Leaderboard, EqualScoresShareARank) {
  const EventLog log = Log({{"c", "1"}, {"a", "2"}, {"b", "1"}, {"b", "2"}, {"d", "1"}, {"e", "x", kLike, {}, {}}});
  const Leaderboard board = BuildLeaderboards(log, {.top = 3})->boards[0];
  EXPECT_THAT(Users(log, board), ElementsAre("b", "a", "c", "d", "e"));  // ties by id, whatever came first
  EXPECT_EQ(board.entries[0].rank, 1u);
  for (std::size_t n = 1; n < 5; ++n) EXPECT_EQ(board.entries[n].rank, 2u);
  EXPECT_EQ(BuildLeaderboards(log, {.top = 1})->boards[0].entries.size(), 1u);
  EXPECT_EQ(BuildLeaderboards(log, {.top = 1})->boards[0].users, 5u);
}

TEST(Leaderboard, FreshWorkCountsMoreAndNoTimeIsNeutral) {
  const EventLog log = Log({{"old", "1", kAnswer, {}, 0},
                            {"new", "2", kAnswer, {}, 7 * kDay},
                            {"timeless", "3"},
                            {"future", "4", kAnswer, {}, 15 * kDay}});
  const Leaderboards found = *BuildLeaderboards(log, {.half_life_days = 7, .now_us = 14 * kDay});
  EXPECT_THAT(Users(log, found.boards[0]), ElementsAre("timeless", "new", "old"));
  EXPECT_DOUBLE_EQ(found.boards[0].entries[0].score, 1);
  EXPECT_DOUBLE_EQ(found.boards[0].entries[1].score, 0.5);
  EXPECT_DOUBLE_EQ(found.boards[0].entries[2].score, 0.25);
  EXPECT_EQ(found.later, 1u);
}

TEST(Leaderboard, FewMarksShrinkToTheMeanOfTheBoard) {
  std::vector<Row> rows = {{"lucky", "1", kRate, 5.0f, {}}};
  for (int n = 0; n < 60; ++n) rows.push_back({"good", std::to_string(n), kRate, 4.5f, {}});
  for (int n = 0; n < 60; ++n) rows.push_back({"poor", std::to_string(n), kRate, 2.0f, {}});
  rows.push_back({"none", "1", kRate, {}, {}});
  const EventLog log = Log(rows);
  const Leaderboards found = *BuildLeaderboards(log, {.measure = BoardMeasure::kMean, .prior_count = 10});
  EXPECT_THAT(Users(log, found.boards[0]), ElementsAre("good", "lucky", "poor"));
  const double mean = (5 + 60 * 4.5 + 60 * 2) / 121;
  EXPECT_NEAR(found.boards[0].entries[1].score, (5 + 10 * mean) / 11, 1e-12);
  EXPECT_EQ(found.unvalued, 1u);
  const Leaderboards raw = *BuildLeaderboards(log, {.measure = BoardMeasure::kMean, .prior_count = 0});
  EXPECT_THAT(Users(log, raw.boards[0]), ElementsAre("lucky", "good", "poor"));
}

TEST(Leaderboard, PeriodsFollowTheCalendar) {
  const auto begin = [](BoardPeriod period, std::int64_t day) {
    return PeriodOf(period, day * kDay + 5).begin_us / kDay;
  };
  const auto end = [](BoardPeriod period, std::int64_t day) { return PeriodOf(period, day * kDay + 5).end_us / kDay; };
  EXPECT_EQ(begin(BoardPeriod::kMonth, 19782), 19782 - 28);  // 2024-02-29
  EXPECT_EQ(end(BoardPeriod::kMonth, 19782), 19783);
  EXPECT_EQ(begin(BoardPeriod::kWeek, 19782), 19779);  // a Thursday
  EXPECT_EQ(end(BoardPeriod::kWeek, 19782), 19786);
  EXPECT_EQ(begin(BoardPeriod::kYear, 19782), 19723);
  EXPECT_EQ(end(BoardPeriod::kYear, 19782), 20089);
  EXPECT_EQ(begin(BoardPeriod::kDay, -1), -1);  // the last day of 1969
  EXPECT_EQ(begin(BoardPeriod::kMonth, -1), -31);
  const EventLog log = Log({{"a", "1", kAnswer, {}, -1}, {"b", "1", kAnswer, {}, 0}, {"b", "1"}});
  const Leaderboards found = *BuildLeaderboards(log, {.period = BoardPeriod::kYear});
  ASSERT_EQ(found.boards.size(), 2u);
  EXPECT_THAT(Users(log, found.boards[0]), ElementsAre("a"));
  EXPECT_THAT(Users(log, found.boards[1]), ElementsAre("b"));
  EXPECT_EQ(found.untimed, 1u);
}

TEST(Leaderboard, CategoriesHaveBoardsOfTheirOwn) {
  const EventLog log = Log({{"a", "x"}, {"a", "y"}, {"b", "y"}, {"b", "y"}});
  const std::vector<std::uint32_t> category = {7, 3};
  const Leaderboards found = *BuildLeaderboards(log, {}, category);
  ASSERT_EQ(found.boards.size(), 2u);
  EXPECT_EQ(found.boards[0].category, 3u);
  EXPECT_THAT(Users(log, found.boards[0]), ElementsAre("b", "a"));
  EXPECT_THAT(Users(log, found.boards[1]), ElementsAre("a"));
  EXPECT_FALSE(BuildLeaderboards(log, {}, std::vector<std::uint32_t>{1}).ok());
}

TEST(Leaderboard, KindsAndValuesSayWhatCounts) {
  const EventLog log = Log({{"a", "x", kAnswer, 3.0f, {}},
                            {"b", "x", kComment, 9.0f, {}},
                            {"c", "x", kDislike, 9.0f, {}},
                            {"d", "x", kImpression, 9.0f, {}}});
  EXPECT_THAT(Users(log, BuildLeaderboards(log)->boards[0]), ElementsAre("a", "b"));  // what is positive
  EXPECT_THAT(Users(log, BuildLeaderboards(log, {.kinds = {kAnswer}})->boards[0]), ElementsAre("a"));
  EXPECT_EQ(BuildLeaderboards(log, {.by_value = true})->boards[0].entries[0].score, 9);
}

TEST(Leaderboard, AnEmptyLogHasNoBoardAndBadOptionsAreNamed) {
  EXPECT_TRUE(BuildLeaderboards(EventLog())->boards.empty());
  const auto refusal = [](const LeaderboardOptions& options) {
    return std::string(BuildLeaderboards(EventLog(), options).status().message());
  };
  EXPECT_THAT(refusal({.half_life_days = 3}), HasSubstr("now_us"));
  EXPECT_THAT(refusal({.half_life_days = -1}), HasSubstr("half_life_days"));
  EXPECT_THAT(refusal({.prior_count = std::nan("")}), HasSubstr("prior_count"));
  EXPECT_THAT(refusal({.kinds = {99}}), HasSubstr("kinds"));
  EXPECT_THAT(refusal({.measure = BoardMeasure::kMean, .by_value = true}), HasSubstr("by_value"));
  const EventLog far = Log({{"a", "x", kAnswer, {}, std::numeric_limits<std::int64_t>::max()},
                            {"a", "x", kAnswer, {}, std::numeric_limits<std::int64_t>::min() + 1}});
  EXPECT_TRUE(BuildLeaderboards(far, {.daily_cap = 1}).ok());
  EXPECT_FALSE(BuildLeaderboards(far, {.period = BoardPeriod::kDay}).ok());
}

}  // namespace
}  // namespace waypost
