#include "waypost/report/community.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/calendar.hpp"
#include "waypost/base/random.hpp"
#include "waypost/event/timestamp.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kDay = 86'400'000'000;

std::int64_t At(const std::string& time) {
  return ParseTimestamp(time, std::nullopt).value();
}

Page MakePage(const EventLog& events, const Catalogue& catalogue, const std::string& now = "2024-06-01",
              std::span<const ShownItem> shown = {}) {
  const absl::StatusOr<Page> page = CommunityPage({events, catalogue, UserTable(), shown}, {.now_us = At(now)});
  EXPECT_TRUE(page.ok()) << page.status();
  const absl::StatusOr<std::string> html = RenderPage(*page);
  EXPECT_TRUE(html.ok()) << html.status();
  return *page;
}

const PageTable* FindTable(const Page& page, const std::string& name) {
  for (const PageSection& section : page.sections)
    for (const PageBlock& block : section.blocks) {
      const PageTable* table = std::get_if<PageTable>(&block);
      if (const PageChart* chart = std::get_if<PageChart>(&block)) table = &chart->table;
      if (const PageHeatMap* map = std::get_if<PageHeatMap>(&block)) table = &map->table;
      if (table != nullptr && table->name == name) return table;
    }
  return nullptr;
}

double Number(const PageTable& table, std::size_t row, std::size_t column) {
  return std::get<double>(table.rows.at(row).at(column));
}

std::string AllNotes(const Page& page) {
  std::string notes;
  for (const PageSection& section : page.sections)
    for (const PageBlock& block : section.blocks)
      if (const PageNote* note = std::get_if<PageNote>(&block)) notes += note->text + "\n";
  return notes;
}

// 200 users who come and go over 300 days.
EventLog RandomCommunity() {
  Random random(5);
  EventLogBuilder builder;
  for (int user = 0; user < 200; ++user) {
    std::int64_t day = static_cast<std::int64_t>(random.Below(200));
    const int visits = 1 + static_cast<int>(random.Below(40));
    for (int visit = 0; visit < visits && day < 300; ++visit) {
      const std::string name = "u" + std::to_string(user), item = "c" + std::to_string(random.Below(30));
      EXPECT_TRUE(builder.Append({.user = name, .item = item, .time_us = At("2023-01-01") + day * kDay}).ok());
      day += static_cast<std::int64_t>(random.Below(12));
    }
  }
  return std::move(builder).Build();
}

TEST(CommunityPage, AccountsOfUsersSumExactly) {
  const Page page = MakePage(RandomCommunity(), {});
  const PageTable* accounts = FindTable(page, "active-users-account");
  ASSERT_NE(accounts, nullptr);
  ASSERT_GT(accounts->rows.size(), 20u);
  double before = 0, fresh = 0;
  for (std::size_t row = 0; row < accounts->rows.size(); ++row) {
    const double kept = Number(*accounts, row, 1), added = Number(*accounts, row, 2);
    const double returned = Number(*accounts, row, 3), lost = -Number(*accounts, row, 4);
    EXPECT_EQ(before, kept + lost) << row;
    before = kept + added + returned;
    fresh += added;
  }
  EXPECT_EQ(fresh, 200);
}

TEST(CommunityPage, ActiveUsersAreThoseOfTheWindow) {
  const EventLog log = RandomCommunity();
  const Page page = MakePage(log, {});
  const PageTable* active = FindTable(page, "active-users");
  ASSERT_NE(active, nullptr);
  const std::int64_t windows[] = {1, 7, 28};
  for (std::size_t row = 0; row < active->rows.size(); row += 37)
    for (std::size_t w = 0; w < 3; ++w) {
      const auto day = static_cast<std::int64_t>(Number(*active, row, 0));
      std::set<std::uint32_t> users;
      for (std::size_t event = 0; event < log.size(); ++event) {
        const std::int64_t age = day - log.time_us(event) / kDay;
        if (age >= 0 && age < windows[w]) users.insert(log.columns().users[event]);
      }
      EXPECT_EQ(Number(*active, row, w + 1), users.size()) << row << " " << w;
    }
}

TEST(CommunityPage, RetentionAndCohortsAreThoseOfANaiveCount) {
  const EventLog log = RandomCommunity();
  const Page page = MakePage(log, {});
  std::map<std::uint32_t, std::set<std::int64_t>> days;
  for (std::size_t event = 0; event < log.size(); ++event)
    days[log.columns().users[event]].insert(log.time_us(event) / kDay);
  std::int64_t last = 0;
  for (const auto& [user, list] : days) last = std::max(last, *list.rbegin());
  const PageTable* retention = FindTable(page, "retention");
  ASSERT_NE(retention, nullptr);
  for (std::size_t after : {std::size_t{1}, std::size_t{7}, std::size_t{60}}) {
    double could = 0, came = 0;
    for (const auto& [user, list] : days) {
      const std::int64_t day = *list.begin() + static_cast<std::int64_t>(after);
      could += day <= last ? 1 : 0;
      came += list.contains(day) ? 1 : 0;
    }
    EXPECT_EQ(Number(*retention, after - 1, 1), could);
    EXPECT_EQ(Number(*retention, after - 1, 2), came);
    EXPECT_LE(Number(*retention, after - 1, 4), came / could);
    EXPECT_GE(Number(*retention, after - 1, 5), came / could);
  }
  const PageTable* cohorts = FindTable(page, "cohorts");
  ASSERT_NE(cohorts, nullptr);
  using report::Period;
  using report::PeriodOf;
  for (std::size_t row = 0; row < cohorts->rows.size(); ++row) {
    const std::int64_t month = PeriodOf(Period::kMonth, static_cast<std::int64_t>(Number(*cohorts, row, 0)));
    double size = 0, second = 0;
    for (const auto& [user, list] : days) {
      if (PeriodOf(Period::kMonth, *list.begin()) != month) continue;
      ++size;
      second += std::any_of(list.begin(), list.end(), [&](auto d) { return PeriodOf(Period::kMonth, d) == month + 2; });
    }
    EXPECT_EQ(Number(*cohorts, row, 1), size);
    if (const double* share = std::get_if<double>(&cohorts->rows[row][3])) {
      EXPECT_DOUBLE_EQ(*share, second / size);
    }
  }
}

// Users of days whose running total follows N(t) = 1000 / (1 + 49 exp(-0.05 t)), rounded.
EventLog LogisticCommunity(int days) {
  EventLogBuilder builder;
  int users = 0;
  for (int day = 0; day < days; ++day)
    for (const double wanted = 1000 / (1 + 49 * std::exp(-0.05 * day)); users + 1 <= wanted; ++users) {
      const std::string name = "u" + std::to_string(users);
      EXPECT_TRUE(builder.Append({.user = name, .item = "c", .time_us = At("2023-01-01") + day * kDay}).ok());
    }
  return std::move(builder).Build();
}

TEST(CommunityPage, GrowthFindsThePlantedCurveAndGoesOnBeyondTheData) {
  const Page page = MakePage(LogisticCommunity(150), {});
  const auto& figures = std::get<std::vector<PageFigure>>(page.sections[1].blocks[0]);
  ASSERT_EQ(figures.size(), 3u);
  EXPECT_NEAR(figures[0].value, 1000, 5);
  EXPECT_NEAR(figures[1].value, 0.05, 0.001);
  EXPECT_NEAR(figures[2].value, static_cast<double>(At("2023-01-01") / kDay) + std::log(49) / 0.05, 1);
  const PageTable* growth = FindTable(page, "growth");
  ASSERT_NE(growth, nullptr);
  ASSERT_EQ(growth->columns.size(), 5u);
  EXPECT_GT(growth->rows.size(), 180u);  // a quarter more days than there are
  for (std::size_t row = 0; row < growth->rows.size(); ++row) {
    EXPECT_LE(Number(*growth, row, 3), Number(*growth, row, 4));
    if (row < 150) {
      EXPECT_NEAR(Number(*growth, row, 1), Number(*growth, row, 2), 3) << row;
    }
  }
}

TEST(CommunityPage, GrowthBeforeItsMidpointHasNoEndAndNoProjection) {
  const Page page = MakePage(LogisticCommunity(60), {});
  EXPECT_THAT(AllNotes(page), HasSubstr("K is not identified"));
  EXPECT_EQ(FindTable(page, "growth")->rows.size(), 60u);
}

TEST(CommunityPage, SurvivalIsTheShareWhoseLastDayIsYetToCome) {
  EventLogBuilder builder;
  // Nobody is censored: user n acts on the first day and n days later, and the last day of all is far away.
  for (int user = 0; user < 10; ++user)
    for (const int day : {0, 10 * user}) {
      const std::string name = "u" + std::to_string(user);
      EXPECT_TRUE(builder.Append({.user = name, .item = "c", .time_us = At("2023-01-01") + day * kDay}).ok());
    }
  EXPECT_TRUE(builder.Append({.user = "last", .item = "c", .time_us = At("2023-12-01")}).ok());
  const Page page = MakePage(std::move(builder).Build(), {});
  const PageTable* survival = FindTable(page, "survival");
  ASSERT_NE(survival, nullptr);
  ASSERT_EQ(survival->rows.size(), 10u);
  // The user of the last day is at risk for one day and has not left.
  EXPECT_DOUBLE_EQ(Number(*survival, 0, 3), 10.0 / 11);
  for (std::size_t row = 1; row < 10; ++row)
    EXPECT_NEAR(Number(*survival, row, 3), 10.0 / 11 * static_cast<double>(9 - row) / 9, 1e-12);
}

TEST(CommunityPage, LeadersAreThoseWhoContributeAndFeedbackIsByPlace) {
  EventLogBuilder builder;
  const auto add = [&](const char* user, const char* item, std::uint16_t kind, const char* time) {
    EXPECT_TRUE(builder.Append({.user = user, .item = item, .kind = kind, .time_us = At(time)}).ok());
  };
  add("ada", "q1", kAnswer, "2024-05-30");
  add("ada", "q2", kAnswer, "2024-05-30");
  add("bob", "q1", kAnswer, "2024-05-30");
  for (int n = 0; n < 5; ++n) add("cid", "c", kView, "2024-05-30");
  add("bob", "c", kPay, "2024-05-30");
  const EventLog log = std::move(builder).Build();
  const std::vector<ShownItem> shown = {
      {.user = *log.users().Find("bob"), .item = *log.items().Find("c"), .rank = 0, .time_us = At("2024-05-29")},
      {.user = *log.users().Find("ada"), .item = *log.items().Find("c"), .rank = 1, .time_us = At("2024-05-29")},
      {.user = 99, .item = 99, .rank = 0, .time_us = At("2024-05-29")}};
  const Page page = MakePage(log, {}, "2024-06-01", shown);
  const PageTable* leaders = FindTable(page, "leaders");
  ASSERT_NE(leaders, nullptr);
  ASSERT_EQ(leaders->rows.size(), 2u);  // looking is no contribution where there are answers
  EXPECT_EQ(std::get<std::string>(leaders->rows[0][0]), "ada");
  EXPECT_GT(Number(*leaders, 0, 2), Number(*leaders, 1, 2));
  const PageTable* feedback = FindTable(page, "feedback");
  ASSERT_NE(feedback, nullptr);
  EXPECT_EQ(Number(*feedback, 0, 1), 2);
  EXPECT_EQ(Number(*feedback, 0, 2), 0.5);
  EXPECT_EQ(Number(*feedback, 0, 5), 0.5);
  EXPECT_EQ(Number(*feedback, 1, 2), 0);
  EXPECT_THAT(AllNotes(MakePage(log, {})), HasSubstr("The store has no impressions"));
}

TEST(CommunityPage, RiskNamesWhoWasSilentLongestAndHowGoodThatWasBefore) {
  // Half of the users come every third day for ever; of the others a share stops each week, first coming seldom.
  Random random(3);
  EventLogBuilder builder;
  for (int user = 0; user < 300; ++user) {
    const std::string name = (user % 2 == 0 ? "steady" : "leaving") + std::to_string(user);
    const std::int64_t end = user % 2 == 0 ? 400 : 60 + static_cast<std::int64_t>(random.Below(340));
    for (std::int64_t day = static_cast<std::int64_t>(random.Below(3)); day < end;) {
      EXPECT_TRUE(builder.Append({.user = name, .item = "c", .time_us = At("2023-01-01") + day * kDay}).ok());
      day += end - day < 40 && user % 2 == 1 ? 11 : 3;
    }
  }
  const Page page = MakePage(std::move(builder).Build(), {});
  const PageTable* users = FindTable(page, "churn-users");
  ASSERT_NE(users, nullptr);
  ASSERT_EQ(users->rows.size(), 20u);
  for (std::size_t row = 0; row < 5; ++row)
    EXPECT_TRUE(std::get<std::string>(users->rows[row][0]).starts_with("leaving")) << row;
  for (std::size_t row = 1; row < users->rows.size(); ++row)
    EXPECT_GE(Number(*users, row - 1, 1), Number(*users, row, 1));
  const PageTable* reliability = FindTable(page, "churn-reliability");
  ASSERT_NE(reliability, nullptr);
  EXPECT_GE(reliability->rows.size(), 5u);
  EXPECT_THAT(AllNotes(page), HasSubstr("Nobody has paid"));
}

TEST(CommunityPage, CatalogueCountsWhatIsUsed) {
  EventLogBuilder builder;
  for (const auto& [user, item] : {std::pair("a", "x"), {"b", "x"}, {"a", "x"}, {"a", "y"}, {"a", "unknown"}})
    EXPECT_TRUE(builder.Append({.user = user, .item = item, .time_us = At("2024-05-01")}).ok());
  EXPECT_TRUE(builder.Append({.user = "a", .item = "z", .kind = kImpression, .time_us = At("2024-05-01")}).ok());
  CatalogueBuilder items;
  for (const char* id : {"x", "y", "z", "w"}) {
    CatalogueItem item;
    item.id = item.title = id;
    item.category = "all";
    EXPECT_TRUE(items.Add(item).ok());
  }
  const Page page = MakePage(std::move(builder).Build(), std::move(items).Build());
  const PageTable* top = FindTable(page, "top-items");
  ASSERT_NE(top, nullptr);
  EXPECT_EQ(std::get<std::string>(top->rows[0][0]), "x");
  EXPECT_EQ(Number(*top, 0, 2), 3);
  EXPECT_EQ(Number(*top, 0, 3), 2);
  EXPECT_EQ(top->rows.size(), 3u);  // an impression is no use
  const PageTable* categories = FindTable(page, "categories");
  ASSERT_NE(categories, nullptr);
  EXPECT_EQ(Number(*categories, 0, 3), 0.5);
  // Of the counts 0, 0, 1, 3 the mean absolute difference is 1.75 over all 16 pairs; halved over the mean 1.
  const auto& figures = std::get<std::vector<PageFigure>>(page.sections[5].blocks[0]);
  EXPECT_DOUBLE_EQ(figures[1].value, 0.625);
  EXPECT_THAT(AllNotes(page), HasSubstr("Items with events that the catalogue does not have: 1."));
}

TEST(CommunityPage, ReportsWhatIsWrongWithTheData) {
  EventLogBuilder builder;
  const Event event{.user = "a", .item = "x", .time_us = At("2024-05-01")};
  EXPECT_TRUE(builder.Append(event).ok());
  EXPECT_TRUE(builder.Append(event).ok());
  EXPECT_TRUE(builder.Append({.user = "a", .item = "x"}).ok());
  EXPECT_TRUE(builder.Append({.user = "a", .item = "x", .time_us = At("2025-01-01")}).ok());
  EXPECT_TRUE(builder.Append({.user = "a", .item = "x", .time_us = At("0001-01-01")}).ok());
  EXPECT_TRUE(builder.Append({.user = "a", .item = "x", .time_us = std::numeric_limits<std::int64_t>::max()}).ok());
  EXPECT_TRUE(builder.Append({.user = "a", .item = "x", .time_us = kNoTime + 1}).ok());
  EXPECT_TRUE(builder.Append({.user = "b", .item = "x", .kind = kPay, .time_us = At("2024-05-02")}).ok());
  const std::string notes = AllNotes(MakePage(std::move(builder).Build(), {}));
  EXPECT_THAT(notes, HasSubstr("Events without a time: 1."));
  EXPECT_THAT(notes, HasSubstr("Events later than the report: 2."));
  EXPECT_THAT(notes, HasSubstr("before the last: 2."));
  EXPECT_THAT(notes, HasSubstr("Rows that repeat an earlier one in everything: 1."));
  EXPECT_THAT(notes, HasSubstr("Payments without a value: 1."));
}

TEST(CommunityPage, AnEmptyStoreAndOneWithoutTimesSaySo) {
  EXPECT_THAT(AllNotes(MakePage({}, {})), HasSubstr("nothing can be said over time"));
  EventLogBuilder builder;
  EXPECT_TRUE(builder.Append({.user = "a", .item = "x"}).ok());
  const Page page = MakePage(std::move(builder).Build(), {});
  EXPECT_THAT(AllNotes(page), HasSubstr("nothing can be said over time"));
  EXPECT_EQ(FindTable(page, "retention"), nullptr);
  EXPECT_NE(FindTable(page, "top-items"), nullptr);
}

TEST(CommunityPage, OneEventMakesAPage) {
  EventLogBuilder builder;
  EXPECT_TRUE(builder.Append({.user = "\xE7\x94\xB2", .item = "\xE8\xAF\xBE", .time_us = At("2024-05-01")}).ok());
  const Page page = MakePage(std::move(builder).Build(), {});
  EXPECT_EQ(FindTable(page, "active-users")->rows.size(), 1u);
}

TEST(Calendar, PeriodsAreConsecutiveAndBeginWhereTheySay) {
  using report::FirstDay;
  using report::Period;
  using report::PeriodOf;
  for (Period period : {Period::kDay, Period::kWeek, Period::kMonth})
    for (std::int64_t day = -1000; day < 21000; ++day) {
      const std::int64_t number = PeriodOf(period, day);
      ASSERT_LE(FirstDay(period, number), day);
      ASSERT_GT(FirstDay(period, number + 1), day);
      ASSERT_EQ(PeriodOf(period, FirstDay(period, number)), number);
    }
  EXPECT_EQ(FirstDay(Period::kWeek, PeriodOf(Period::kWeek, 19843)), 19842);  // 2024-04-30 is a Tuesday
}

}  // namespace
}  // namespace waypost
