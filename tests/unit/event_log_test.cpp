#include "waypost/event/event_log.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing_support::LogOf;

// Everything an event says, as text.
std::string Describe(const EventLog& log, std::size_t row) {
  return absl::StrCat(internal::ToAbsl(log.users().id(log.columns().users[row])), " ",
                      internal::ToAbsl(log.items().id(log.columns().items[row])), " ", log.columns().kinds[row], " ",
                      log.value(row), " ", log.time_us(row));
}

TEST(EventLog, MarksMissingValuesAndTimes) {
  const EventLog log =
      LogOf({{"u", "a"}, {.user = "u", .item = "b", .value = 2}, {.user = "v", .item = "a", .time_us = -7}});
  EXPECT_TRUE(std::isnan(log.value(0)));
  EXPECT_EQ(log.value(1), 2);
  EXPECT_TRUE(std::isnan(log.value(2)));
  EXPECT_EQ(log.time_us(0), kNoTime);
  EXPECT_EQ(log.time_us(1), kNoTime);
  EXPECT_EQ(log.time_us(2), -7);
  EXPECT_FALSE(LogOf({{"u", "a"}}).has_values());
  EXPECT_FALSE(LogOf({{"u", "a"}}).has_times());
}

TEST(EventLog, RefusesBadEventsAndKeepsNoTraceOfThem) {
  EventLogBuilder builder;
  const float infinity = std::numeric_limits<float>::infinity();
  const std::string long_id(257, 'x');
  for (const Event& bad :
       {Event{.user = "", .item = "i"}, Event{.user = "u", .item = ""}, Event{.user = "u", .item = long_id},
        Event{.user = "u", .item = "i", .kind = 15}, Event{.user = "u", .item = "i", .value = infinity},
        Event{.user = "u", .item = "i", .value = std::nanf("")}, Event{.user = "u", .item = "i", .time_us = kNoTime}})
    EXPECT_EQ(builder.Append(bad).code(), absl::StatusCode::kInvalidArgument);
  const EventLog log = std::move(builder).Build();
  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.users().size(), 0u);
  EXPECT_EQ(log.items().size(), 0u);
}

TEST(EventLog, SelectKeepsTheRowsAndForgetsTheIdsOfTheOthers) {
  const EventLog log = LogOf({{"u", "a"}, {"v", "b", "like", 3, 5}, {"w", "c"}, {"v", "a", "view", {}, 9}});
  const EventLog selected = log.Select(std::vector<std::size_t>{3, 1});
  ASSERT_EQ(selected.size(), 2u);
  EXPECT_EQ(Describe(selected, 0), Describe(log, 3));
  EXPECT_EQ(Describe(selected, 1), Describe(log, 1));
  EXPECT_EQ(selected.users().size(), 1u);
  EXPECT_EQ(selected.users().Find("u"), std::nullopt);
  EXPECT_THAT(selected.columns().items, ElementsAre(0, 1));  // in the order of the selection
}

TEST(EventLog, SelectingFromASelectionIsSelectingOnce) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const EventLog log =
        testing_support::RandomLog(seed, {.kinds = seed % 2 == 0, .values = seed % 3 == 0, .times = seed % 5 == 0});
    Random random(seed);
    std::vector<std::size_t> rows;
    std::vector<std::size_t> positions;
    std::vector<std::size_t> composed;
    for (int n = 0; n < 60; ++n) rows.push_back(random.Below(log.size()));
    for (int n = 0; n < 40; ++n) positions.push_back(random.Below(rows.size()));
    for (const std::size_t position : positions) composed.push_back(rows[position]);
    const EventLog twice = log.Select(rows).Select(positions);
    const EventLog once = log.Select(composed);
    ASSERT_EQ(twice.size(), once.size());
    for (std::size_t row = 0; row < once.size(); ++row) {
      EXPECT_EQ(Describe(twice, row), Describe(once, row));
      EXPECT_EQ(Describe(once, row), Describe(log, composed[row]));
    }
    EXPECT_EQ(twice.columns().users, once.columns().users);
    EXPECT_EQ(twice.columns().items, once.columns().items);
  }
}

TEST(EventLog, SelectingNothingIsEmpty) {
  const EventLog empty = testing_support::RandomLog(1).Select({});
  EXPECT_EQ(empty.size(), 0u);
  EXPECT_EQ(empty.users().size(), 0u);
}

}  // namespace
}  // namespace waypost
