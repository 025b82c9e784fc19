// Badges of a real community by month, counted by other means (awk over the file).
#include "waypost/insight/leaderboard.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/event/reader.hpp"

namespace waypost {
namespace {

struct Top {
  const char* user;
  double badges;
};

TEST(LeaderboardData, BadgesOfEachMonthAreThoseCounted) {
  WAYPOST_FIND_DATA_OR_SKIP(file, "qa-cs-stackexchange/badges.tsv.gz");
  EventLogBuilder builder;
  ASSERT_TRUE(ReadEvents(file, {.item_column = "badge", .time_column = "date"}, builder).ok());
  const EventLog log = std::move(builder).Build();
  const Leaderboards found = BuildLeaderboards(log, {.period = BoardPeriod::kMonth, .top = 0}).value();
  ASSERT_EQ(found.boards.size(), 27u);
  const auto board = [&](const char* month) {
    const std::int64_t begin = ParseTimestamp(std::string(month) + "-01", std::nullopt).value();
    for (const Leaderboard& one : found.boards)
      if (one.begin_us == begin) return one;
    return Leaderboard();
  };
  const auto expect = [&](const char* month, std::uint64_t users, const std::vector<Top>& tops) {
    const Leaderboard one = board(month);
    EXPECT_EQ(one.users, users) << month;
    ASSERT_GE(one.entries.size(), tops.size());
    for (std::size_t n = 0; n < tops.size(); ++n) {
      EXPECT_EQ(log.users().id(one.entries[n].user), tops[n].user) << month;
      EXPECT_EQ(one.entries[n].score, tops[n].badges) << month;
    }
  };
  expect("2012-03", 490, {{"98", 40}, {"39", 31}, {"31", 30}, {"92", 28}, {"24", 22}, {"157", 21}});
  expect("2013-10", 492, {{"2755", 19}, {"10572", 11}, {"683", 8}, {"10637", 7}, {"10254", 6}, {"10744", 6}});
  expect("2014-04", 652, {{"683", 13}, {"98", 9}, {"16367", 8}, {"16060", 6}, {"16546", 6}, {"16713", 6}});
  std::uint64_t badges = 0;
  for (const Leaderboard& one : found.boards)
    for (const BoardEntry& entry : one.entries) badges += entry.counted;
  EXPECT_EQ(badges, 18'378u);  // none is lost
}

}  // namespace
}  // namespace waypost
