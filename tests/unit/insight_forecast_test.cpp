#include "waypost/insight/forecast.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kWeek = 7 * kDayMicros;

// Users act about once a day until they leave, in each week with a chance that grows with a fact about them, and pay in
// a week with a chance that grows with another.
struct World {
  EventLog log;
  UserTable facts;
};

World MakeWorld(int users, int weeks) {
  World world;
  EventLogBuilder builder;
  UserTableBuilder facts;
  for (int u = 0; u < users; ++u) {
    Random random(7, static_cast<std::uint64_t>(u));
    const std::string id = "u" + std::to_string(u);
    const bool restless = random.Bernoulli(0.5), rich = random.Bernoulli(0.5);
    EXPECT_TRUE(facts.Add(id, {{"mood", restless ? "restless" : "calm", 0}, {"income", rich ? "2" : "1", 0}}).ok());
    const int arrival = static_cast<int>(random.Below(static_cast<std::uint64_t>(weeks)));
    for (int week = arrival; week < weeks; ++week) {
      if (week > arrival && random.Bernoulli(restless ? 0.2 : 0.03)) break;
      for (int day = 0; day < 7; ++day)
        EXPECT_TRUE(builder.Append({id, "c1", kView, std::nullopt, week * kWeek + day * kDayMicros + 1}).ok());
      if (random.Bernoulli(rich ? 0.3 : 0.05)) {
        EXPECT_TRUE(builder.Append({id, "c2", kPay, 10.0f, week * kWeek + 2 * kDayMicros}).ok());
      }
    }
  }
  world.log = std::move(builder).Build();
  world.facts = std::move(facts).Build();
  return world;
}

double Mean(const std::vector<UserForecast>& users, const World& world, std::string_view fact, std::string_view value,
            const auto& read) {
  double sum = 0, count = 0;
  for (const UserForecast& user : users) {
    if (world.facts.Value(*world.facts.Find(world.log.users().id(user.user)), fact) != value) continue;
    sum += read(user);
    ++count;
  }
  return sum / count;
}

// The world has few users and strong causes: the default's penalty would show in what is recovered of them.
constexpr LogisticOptions kMild = {.l2 = 1};

TEST(Forecast, FindsWhatDrivesLeavingAndPayingAndSaysSo) {
  const World world = MakeWorld(1500, 40);
  const ForecastOptions options = {.at_us = 40 * kWeek, .horizon = 3, .inactive_us = 2 * kWeek, .regression = kMild};
  const Forecast forecast = ForecastUsers(world.log, world.facts, options).value();
  ASSERT_GT(forecast.users.size(), 100u);
  std::vector<UserForecast> active;  // in the last week: the others have left
  for (const UserForecast& user : forecast.users) {
    double left = 0;
    ASSERT_EQ(user.p_leave.size(), 3u);
    for (std::size_t t = 0; t < 3; ++t) {
      EXPECT_NEAR(user.survival[t], 1 - (left += user.p_leave[t]), 1e-12);
      EXPECT_GE(user.survival[t], 0);
    }
    EXPECT_LE(user.leave_because.size(), 3u);
    if (user.p_leave[0] < 0.6) active.push_back(user);
  }
  const auto leaves = [](const UserForecast& user) { return user.p_leave[1] / user.survival[0]; };
  EXPECT_NEAR(Mean(active, world, "mood", "restless", leaves), 0.2, 0.03);
  EXPECT_NEAR(Mean(active, world, "mood", "calm", leaves), 0.03, 0.02);
  std::vector<UserForecast> repeat;
  for (const UserForecast& user : active)
    if (user.paid_before && user.p_leave[0] < 0.3) repeat.push_back(user);
  const auto pays = [](const UserForecast& user) { return user.p_pay[0] / (1 - user.p_leave[0]); };
  EXPECT_NEAR(Mean(repeat, world, "income", "2", pays), 0.3, 0.06);
  for (const UserForecast& user : repeat) EXPECT_NEAR(user.expected_value, 10 * user.expected_payments, 1e-9);
  // A reason for leaving is the mood, of those who are restless.
  int named = 0, restless = 0;
  for (const UserForecast& user : active) {
    if (world.facts.Value(*world.facts.Find(world.log.users().id(user.user)), "mood") != "restless") continue;
    ++restless;
    for (const ForecastReason& reason : user.leave_because) named += reason.feature == "mood" && reason.amount > 0;
  }
  EXPECT_GT(named, restless * 3 / 4);
}

TEST(Forecast, BacktestKnowsMoreThanRecencyAndFrequency) {
  const World world = MakeWorld(1500, 40);
  const ForecastOptions options = {.at_us = 40 * kWeek, .horizon = 3, .inactive_us = 2 * kWeek, .regression = kMild};
  const Backtest backtest = BacktestForecast(world.log, world.facts, options, 3).value();
  ASSERT_EQ(backtest.cut_offs.size(), 3u);
  EXPECT_EQ(backtest.cut_offs[0],
            36 * kWeek);  // what leaving in the third week means is known two weeks after it began
  EXPECT_EQ(backtest.cut_offs[1], 33 * kWeek);
  ASSERT_EQ(backtest.leave.size(), 3u);
  for (const HorizonFigures& figures : backtest.leave) {
    EXPECT_EQ(figures.model.count, backtest.forecasts);
    EXPECT_GT(figures.advantage->interval.low, 0);
    EXPECT_NEAR(*figures.model.calibration_slope, 1, 0.25);
    EXPECT_LT(figures.model.brier, figures.baseline.brier);
  }
  EXPECT_EQ(backtest.first_payment[0].model.count + backtest.repeat_payment[0].model.count, backtest.forecasts);
  EXPECT_GT(*backtest.first_payment[0].model.auc, *backtest.first_payment[0].baseline.auc);
}

TEST(Forecast, IsTheSameBytesForAnyNumberOfThreads) {
  const World world = MakeWorld(300, 30);
  const ForecastOptions options = {.at_us = 30 * kWeek, .inactive_us = 2 * kWeek, .max_rows = 400};
  const Forecast one = ForecastUsers(world.log, world.facts, options, Parallelism(1)).value();
  const Forecast seven = ForecastUsers(world.log, world.facts, options, Parallelism(7)).value();
  EXPECT_EQ(one.users, seven.users);
  EXPECT_EQ(one.rows, seven.rows);
  EXPECT_LT(one.rows, 480u);
}

TEST(Forecast, SaysWhatItNeeds) {
  const World world = MakeWorld(50, 10);
  const auto message = [&](const ForecastOptions& options) {
    return std::string(ForecastUsers(world.log, world.facts, options).status().message());
  };
  EXPECT_THAT(message({.at_us = 3 * kWeek}), HasSubstr("want acts more than 49 days before the moment to learn from"));
  EXPECT_THAT(message({.horizon = 0}), HasSubstr("ForecastOptions.horizon: want 1..52, got 0"));
  EXPECT_THAT(message({.period_us = 0}), HasSubstr("ForecastOptions.period_us: want 1 microsecond"));
  EXPECT_THAT(message({.at_us = std::numeric_limits<std::int64_t>::min() + 1}), HasSubstr("leaves room for periods"));
  EXPECT_THAT(std::string(ForecastUsers(EventLog(), UserTable(), {}).status().message()),
              HasSubstr("want events with a time, got none"));
  EXPECT_THAT(std::string(BacktestForecast(world.log, world.facts, {}, 0).status().message()),
              HasSubstr("BacktestForecast.count: want 1..100, got 0"));
}

}  // namespace
}  // namespace waypost
