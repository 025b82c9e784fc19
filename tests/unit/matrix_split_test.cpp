#include "waypost/matrix/split.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::LogOf;
using testing_support::RandomLog;
using testing_support::Row;

TEST(LeaveOneOut, TakesTheLastByTimeElseByRow) {
  const EventLog by_row = LogOf({{"a", "x"}, {"a", "y"}, {"a", "z"}, {"b", "x"}});
  EXPECT_THAT(SplitLeaveOneOut(by_row)->test, ElementsAre(2));  // b has one item: it stays
  const EventLog by_time = LogOf({{"a", "x", "view", {}, 1}, {"a", "y", "view", {}, 3}, {"a", "z", "view", {}, 2}});
  EXPECT_THAT(SplitLeaveOneOut(by_time)->test, ElementsAre(1));
  EXPECT_THAT(SplitLeaveOneOut(by_time, {.count = 2})->test, ElementsAre(1, 2));
  EXPECT_THAT(SplitLeaveOneOut(by_time, {.count = 9})->train, ElementsAre(0));  // one stays
}

TEST(LeaveOneOut, TakesTheItemTurnedToLastWithAllItsEvents) {
  const EventLog log = LogOf({{"a", "x"}, {"a", "y"}, {"a", "y"}, {"a", "x"}});
  const absl::StatusOr<EventSplit> split = SplitLeaveOneOut(log);
  EXPECT_THAT(split->test, ElementsAre(1, 2));
  EXPECT_THAT(split->train, ElementsAre(0, 3));
}

TEST(LeaveOneOut, NeverTestsWhatTheUserRejectedOrOnlySaw) {
  const EventLog log = LogOf({{"a", "x"}, {"a", "y"}, {"a", "bad", "dislike"}, {"a", "shown", "impression"}});
  EXPECT_THAT(SplitLeaveOneOut(log)->test, ElementsAre(1));
}

TEST(SplitLastShare, TakesEachUsersNewestByTimeElseByRow) {
  std::vector<Row> rows;
  for (int n = 0; n < 10; ++n) rows.push_back({"a", "i" + std::to_string(n)});
  rows.push_back({"b", "x"});
  EXPECT_THAT(SplitLastShare(LogOf(rows))->test, ElementsAre(8, 9));  // b has one item: it stays
  for (int n = 0; n < 10; ++n) rows[static_cast<std::size_t>(n)].time_us = 100 - n;
  EXPECT_THAT(SplitLastShare(LogOf(rows), {.test_share = 0.3})->test, ElementsAre(0, 1, 2));
  EXPECT_THAT(SplitLastShare(LogOf(rows), {.test_share = 0.99})->train, ElementsAre(9, 10));  // one stays
}

TEST(SplitByUser, HoldsOutTheShareOfUsersAndFoldsInFourFifthsOfTheirItems) {
  std::vector<Row> rows;
  for (int user = 0; user < 50; ++user)
    for (int item = 0; item < 10; ++item) rows.push_back({"u" + std::to_string(user), "i" + std::to_string(item)});
  const absl::StatusOr<EventSplit> split = SplitByUser(LogOf(rows), {.test_share = 0.2});
  ASSERT_TRUE(split.ok());
  EXPECT_EQ(split->train.size(), 400u);
  EXPECT_EQ(split->fold_in.size(), 80u);
  EXPECT_EQ(split->test.size(), 20u);
}

TEST(SplitByTime, CutsAtTheTimeOrAtTheShareOfRows) {
  std::vector<Row> rows;
  for (int n = 0; n < 10; ++n)
    rows.push_back({"u" + std::to_string(n % 3), "i" + std::to_string(n), "view", {}, 9 - n});
  const EventLog log = LogOf(rows);
  EXPECT_THAT(SplitByTime(log, {.test_share = 0.3})->test, ElementsAre(0, 1, 2));
  EXPECT_THAT(SplitByTime(log, {.cut_us = 8})->test, ElementsAre(0, 1));
  EXPECT_THAT(SplitByTime(log, {.cut_us = 10})->test, IsEmpty());
}

TEST(SplitByTime, MovesAPairThatReachesBeyondTheCutWhole) {
  const EventLog log = LogOf({{"a", "x", "view", {}, 1}, {"a", "y", "view", {}, 2}, {"a", "x", "view", {}, 5}});
  const absl::StatusOr<EventSplit> split = SplitByTime(log, {.cut_us = 3});
  EXPECT_THAT(split->train, ElementsAre(1));
  EXPECT_THAT(split->test, ElementsAre(0, 2));
}

TEST(SplitByTime, RefusesAnEventWithoutATime) {
  const EventLog log = LogOf({{"a", "x", "view", {}, 1}, {"b", "y"}});
  const absl::Status status = SplitByTime(log).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("event 1 (user 'b')"));
}

TEST(SplitRandom, TakesTheShareOfEachUsersItems) {
  std::vector<Row> rows;
  for (int user = 0; user < 7; ++user)
    for (int item = 0; item < 20; ++item) rows.push_back({"u" + std::to_string(user), "i" + std::to_string(item)});
  const EventLog log = LogOf(rows);
  const absl::StatusOr<EventSplit> split = SplitRandom(log, {.test_share = 0.25});
  std::vector<int> test(7, 0);
  for (std::size_t row : split->test) ++test[log.columns().users[row]];
  EXPECT_THAT(test, ::testing::Each(5));
}

// With a lowest value, a user's last rating may be a low one: the test item is the last that counts.
TEST(Split, TestsOnPairsThatReachTheLowestValue) {
  const EventLog log = LogOf({{"a", "x", "rate", 5.0f, 1},
                              {"a", "y", "rate", 4.0f, 2},
                              {"a", "z", "rate", 1.0f, 3},
                              {"b", "x", "rate", 2.0f, 1},
                              {"b", "y", "rate", 5.0f, 2},
                              {"c", "x", "view", {}, 1},
                              {"c", "y", "view", {}, 2}});
  EXPECT_THAT(SplitLeaveOneOut(log)->test, ElementsAre(2, 4, 6));
  EXPECT_THAT(SplitLeaveOneOut(log, {.min_value = 4.0f})->test, ElementsAre(1, 6));  // b has a single one that counts
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const absl::StatusOr<EventSplit>& split :
         {SplitLeaveOneOut(log, {.which = LeaveOut::kRandom, .seed = seed, .min_value = 4.0f}),
          SplitRandom(log, {.test_share = 0.5, .seed = seed, .min_value = 4.0f}),
          SplitLastShare(log, {.test_share = 0.5, .min_value = 4.0f}),
          SplitByUser(log, {.test_share = 0.6, .fold_in_share = 0.5, .seed = seed, .min_value = 4.0f})}) {
      for (std::size_t row : split->test) EXPECT_THAT(row, ::testing::AnyOf(0, 1, 5, 6));
      EXPECT_THAT(split->test, ::testing::SizeIs(2));
    }
  }
}

TEST(Split, RefusesSharesOutsideOfZeroToOne) {
  const EventLog log = RandomLog(1, {.all_times = true});
  for (double share : {0.0, 1.0, -0.1, std::nan("")}) {
    EXPECT_EQ(SplitByUser(log, {.test_share = share}).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(SplitByUser(log, {.fold_in_share = share}).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(SplitByTime(log, {.test_share = share}).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(SplitLastShare(log, {.test_share = share}).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(SplitRandom(log, {.test_share = share}).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(SplitLeaveOneOut(log, {.count = 0}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Split, AnEmptyLogOrOneUserIsNoCrash) {
  EXPECT_THAT(SplitLeaveOneOut(EventLog())->train, IsEmpty());
  EXPECT_THAT(SplitRandom(EventLog())->train, IsEmpty());
  EXPECT_THAT(SplitLastShare(EventLog())->train, IsEmpty());
  EXPECT_EQ(SplitByUser(EventLog()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(SplitByTime(EventLog()).status().code(), absl::StatusCode::kFailedPrecondition);
  const EventLog one = LogOf({{"a", "x"}});
  EXPECT_THAT(SplitLeaveOneOut(one)->train, ElementsAre(0));
  EXPECT_EQ(SplitByUser(one).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace waypost
