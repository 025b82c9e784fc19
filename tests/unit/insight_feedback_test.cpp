#include "waypost/insight/feedback.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kHour = 3'600'000'000;

struct Row {
  std::uint32_t user, item;
  std::uint16_t kind;
  std::int64_t time_us;
};

// Users "0".."9" and items "0".."9" have the indices of their names.
EventLog Log(const std::vector<Row>& rows) {
  EventLogBuilder builder;
  for (int n = 0; n < 10; ++n)
    EXPECT_TRUE(builder.Append({.user = std::to_string(n), .item = std::to_string(n), .kind = kDismiss}).ok());
  for (const Row& row : rows) {
    const std::string user = std::to_string(row.user), item = std::to_string(row.item);
    Event event{.user = user, .item = item, .kind = row.kind};
    if (row.time_us != kNoTime) event.time_us = row.time_us;
    EXPECT_TRUE(builder.Append(event).ok());
  }
  return std::move(builder).Build();
}

TEST(Feedback, AgreesWithANaiveAttributionOnRandomLogs) {
  const std::uint16_t kinds[] = {kView, kPay, kComplete, kDislike};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<ShownItem> shown;
    std::vector<Row> rows;
    std::vector<std::int64_t> times(60);  // no two impressions of a pair at one time: who wins is another test
    std::iota(times.begin(), times.end(), 0);
    random.Shuffle(std::span(times));
    for (int n = 0; n < 60; ++n)
      shown.push_back({static_cast<std::uint32_t>(random.Below(4)), static_cast<std::uint32_t>(random.Below(3)), 0, 0,
                       random.Bernoulli(0.9) ? times[static_cast<std::size_t>(n)] * kHour : kNoTime});
    for (int n = 0; n < 60; ++n)
      rows.push_back({static_cast<std::uint32_t>(random.Below(4)), static_cast<std::uint32_t>(random.Below(3)),
                      kinds[random.Below(4)],
                      random.Bernoulli(0.9) ? static_cast<std::int64_t>(random.Below(70)) * kHour : kNoTime});
    std::vector<char> clicked(shown.size(), 0), converted(shown.size(), 0);
    for (const Row& row : rows) {
      if (row.time_us == kNoTime || row.kind == kDislike) continue;
      std::size_t best = shown.size();
      for (std::size_t n = 0; n < shown.size(); ++n)
        if (shown[n].user == row.user && shown[n].item == row.item && shown[n].time_us != kNoTime &&
            shown[n].time_us <= row.time_us && row.time_us - shown[n].time_us <= 5 * kHour &&
            (best == shown.size() || shown[n].time_us > shown[best].time_us))
          best = n;
      if (best == shown.size()) continue;
      clicked[best] = 1;
      if (row.kind != kView) converted[best] = 1;
    }
    const Feedback found = *AttributeFeedback(shown, Log(rows), {.window_us = 5 * kHour});
    EXPECT_EQ(found.clicked, clicked);
    EXPECT_EQ(found.converted, converted);
  }
}

TEST(Feedback, AnEventBelongsToTheLatestImpressionAndThereToTheFirstPlace) {
  const std::vector<ShownItem> shown = {
      {1, 2, 0, 5, 0}, {1, 2, 0, 3, kHour}, {1, 2, 0, 1, kHour}, {1, 2, 0, 0, 9 * kHour}};
  EXPECT_THAT(AttributeFeedback(shown, Log({{1, 2, kView, 2 * kHour}}))->clicked, ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(AttributeFeedback(shown, Log({{1, 2, kView, 0}}))->clicked, ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(AttributeFeedback(shown, Log({{1, 2, kView, -1}, {2, 2, kView, 2 * kHour}}))->clicked,
              ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(AttributeFeedback(shown, Log({{1, 2, kView, 2 * kHour}}), {.until_us = 2 * kHour - 1})->clicked,
              ElementsAre(0, 0, 0, 0));
}

TEST(Feedback, KindsSayWhatIsAClickAndWhatAConversion) {
  const std::vector<ShownItem> shown = {{1, 1, 0, 0, 0}, {1, 2, 0, 0, 0}};
  const EventLog log = Log({{1, 1, kView, 1}, {1, 2, kLike, 1}});
  EXPECT_THAT(AttributeFeedback(shown, log, {.clicks = {kView}})->clicked, ElementsAre(1, 0));
  const Feedback found = *AttributeFeedback(shown, log, {.clicks = {kView}, .conversions = {kLike}});
  EXPECT_THAT(found.clicked, ElementsAre(1, 1));
  EXPECT_THAT(found.converted, ElementsAre(0, 1));
}

TEST(Feedback, ExtremeTimesAndUnknownUsersBelongToNothing) {
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min() + 1;
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  const std::vector<ShownItem> shown = {{1, 1, 0, 0, kFirst}, {4'000'000'000u, 1, 0, 0, 0}, {1, 1, 0, 0, kNoTime}};
  const Feedback found = *AttributeFeedback(shown, Log({{1, 1, kView, kLast}}));
  EXPECT_THAT(found.clicked, ElementsAre(0, 0, 0));
  EXPECT_EQ(found.untimed, 1u);
  EXPECT_TRUE(AttributeFeedback({}, EventLog())->clicked.empty());
  EXPECT_THAT(std::string(AttributeFeedback(shown, EventLog(), {.window_us = 0}).status().message()),
              HasSubstr("window_us"));
  EXPECT_THAT(std::string(AttributeFeedback(shown, EventLog(), {.clicks = {99}}).status().message()),
              HasSubstr("got 99"));
}

TEST(FeedbackRate, IsWilsonsIntervalWhereUsersAreAlike) {
  const Interval found = internal::WilsonInterval(0.1, 100, 0.95);
  EXPECT_NEAR(found.low, 0.0552, 5e-5);  // published: 10 of 100
  EXPECT_NEAR(found.high, 0.1744, 5e-5);
  EXPECT_EQ(internal::WilsonInterval(0, 20, 0.95).low, 0);
  EXPECT_NEAR(internal::WilsonInterval(0, 20, 0.95).high, 0.1611, 5e-5);
}

// Users who click much and users who click little: an interval that takes impressions as independent is too narrow.
TEST(FeedbackRate, HoldsTheTruthWhenUsersDiffer) {
  int held = 0, held_if_independent = 0;
  constexpr int kWorlds = 400;
  for (std::uint64_t world = 0; world < kWorlds; ++world) {
    Random random(21, world);
    std::vector<ShownItem> shown;
    Feedback feedback;
    for (std::uint32_t user = 0; user < 150; ++user) {
      const double rate = random.Bernoulli(0.25) ? 0.4 : 0.0667;  // 0.15 in the mean
      for (std::uint64_t n = 5 + random.Below(30); n > 0; --n) {
        shown.push_back({.user = user});
        feedback.clicked.push_back(random.Bernoulli(rate));
        feedback.converted.push_back(0);
      }
    }
    const FeedbackRow row = SummariseFeedback(shown, feedback, 0.95, [](std::size_t) { return true; });
    held += row.clicks.interval.low <= 0.15 && 0.15 <= row.clicks.interval.high;
    const Interval independent = internal::WilsonInterval(row.clicks.rate, static_cast<double>(row.impressions), 0.95);
    held_if_independent += independent.low <= 0.15 && 0.15 <= independent.high;
    EXPECT_EQ(row.users, 150u);
    EXPECT_EQ(row.conversions.rate, 0);
    EXPECT_LT(row.conversions.interval.high, 0.03);
  }
  EXPECT_NEAR(held, 0.95 * kWorlds, 0.03 * kWorlds);
  EXPECT_LT(held_if_independent, 0.85 * kWorlds);
}

TEST(FeedbackRate, NothingShownTellsNothing) {
  const FeedbackRow row = SummariseFeedback({}, {}, 0.95, [](std::size_t) { return true; });
  EXPECT_EQ(row.impressions, 0u);
  EXPECT_EQ(row.clicks.interval, (Interval{0, 1}));
  const std::vector<ShownItem> one = {{.user = 3}};
  const FeedbackRow single = SummariseFeedback(one, {{1}, {0}}, 0.95, [](std::size_t) { return true; });
  EXPECT_EQ(single.clicks.rate, 1);
  EXPECT_LT(single.clicks.interval.low, 0.25);
}

}  // namespace
}  // namespace waypost
