#include "waypost/eval/leaks.hpp"

#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/matrix/split.hpp"

namespace waypost {
namespace {

using testing_support::LogOf;
using testing_support::RandomLog;

TEST(FindLeaks, CountsEachKindByItself) {
  const EventLog train = LogOf(
      {{"u", "a", "view", {}, 10}, {"u", "b", "view", {}, 20}, {"v", "a", "view", {}, 35}, {"w", "c", "view", {}, 99}});
  const EventLog test = LogOf({{"u", "b", "view", {}, 20},  // the very event
                               {"u", "b", "like", {}, 30},  // the same pair
                               {"v", "c", "view", {}, 31},  // v's training goes on until 35
                               {"new", "a", "view", {}, 40}});
  const LeakReport found = *FindLeaks(train, test);
  EXPECT_EQ(found.pairs_in_training, 1u);
  EXPECT_EQ(found.repeated_events, 1u);
  EXPECT_EQ(found.later_events, 2u);  // later than 30, the last event of the first pair
  EXPECT_EQ(found.users_with_later, 1u);
  EXPECT_FALSE(found.none());
}

TEST(FindLeaks, AgreesWithNaiveLoopsOnRandomWorlds) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const EventLog train = RandomLog(seed, {.rows = 90, .kinds = true, .values = seed % 2 == 0, .times = true});
    const EventLog test = RandomLog(seed + 500, {.rows = 60, .kinds = true, .values = seed % 2 == 0, .times = true});
    const auto user = [](const EventLog& log, std::size_t row) { return log.users().id(log.columns().users[row]); };
    const auto item = [](const EventLog& log, std::size_t row) { return log.items().id(log.columns().items[row]); };
    std::set<std::pair<std::string, std::string>> pairs;
    std::set<std::string> later_users;
    LeakReport expected;
    std::vector<std::int64_t> moment(test.size(), kNoTime);  // of each test event's pair
    for (std::size_t t = 0; t < test.size(); ++t)
      for (std::size_t other = 0; other < test.size(); ++other)
        if (user(test, t) == user(test, other) && item(test, t) == item(test, other) && test.time_us(other) != kNoTime)
          moment[t] = std::max(moment[t], test.time_us(other));
    for (std::size_t t = 0; t < test.size(); ++t) {
      bool repeated = false;
      for (std::size_t n = 0; n < train.size(); ++n) {
        if (user(test, t) != user(train, n)) continue;
        if (moment[t] != kNoTime && train.time_us(n) != kNoTime && train.time_us(n) > moment[t])
          later_users.emplace(user(test, t));
        if (item(test, t) != item(train, n)) continue;
        pairs.emplace(user(test, t), item(test, t));
        const bool same_value =
            test.value(t) == train.value(n) || (std::isnan(test.value(t)) && std::isnan(train.value(n)));
        repeated =
            repeated || (same_value && test.kind(t).name == train.kind(n).name && test.time_us(t) == train.time_us(n));
      }
      expected.repeated_events += repeated ? 1 : 0;
    }
    for (std::size_t n = 0; n < train.size(); ++n) {
      bool later = false;
      for (std::size_t t = 0; t < test.size(); ++t)
        later = later || (moment[t] != kNoTime && train.time_us(n) != kNoTime && train.time_us(n) > moment[t]);
      expected.later_events += later ? 1 : 0;
    }
    expected.pairs_in_training = pairs.size();
    expected.users_with_later = later_users.size();
    EXPECT_EQ(*FindLeaks(train, test), expected);
  }
}

TEST(FindLeaks, ASplitByTimeHasNoneAndOneAtRandomHasLaterEvents) {
  const EventLog log = RandomLog(3, {.rows = 600, .users = 30, .items = 200, .all_times = true});
  const EventSplit by_time = *SplitByTime(log), random = *SplitRandom(log), last = *SplitLeaveOneOut(log);
  const LeakReport clean = *FindLeaks(log.Select(by_time.train), log.Select(by_time.test));
  EXPECT_TRUE(clean.none());  // although pairs that reach beyond the cut are moved with earlier events
  const LeakReport mixed = *FindLeaks(log.Select(random.train), log.Select(random.test));
  EXPECT_EQ(mixed.pairs_in_training, 0u);
  EXPECT_GT(mixed.later_events, 0u);
  EXPECT_GT(mixed.users_with_later, 0u);
  EXPECT_GT(FindLeaks(log.Select(last.train), log.Select(last.test))->later_events, 0u);
}

TEST(FindLeaks, PartsWithoutTimesOrEventsHaveNoMoment) {
  const EventLog log = LogOf({{"u", "a"}, {"v", "b"}});
  EXPECT_EQ(*FindLeaks(log, log), (LeakReport{.pairs_in_training = 2, .repeated_events = 2}));
  EXPECT_TRUE(FindLeaks(EventLog(), EventLog())->none());
  EXPECT_TRUE(FindLeaks(log, EventLog())->none());
}

}  // namespace
}  // namespace waypost
