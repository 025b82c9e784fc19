// report/activity.cpp - how many are active, and how the active of one period become those of the next.
//
// Definition   Active users of a day, of the 7 and of the 28 days that end with it. Of a period: new (first activity),
//              kept (active in the period before too), returned (active earlier, not in the period before), lost
//              (active in the period before, not in this one): active = active before + new + returned - lost.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "report/community_facts.hpp"

namespace waypost::report {
namespace {

constexpr std::array<std::int64_t, 3> kWindows = {1, 7, 28};
constexpr std::int64_t kMostAccounts = 60;  // bars that are told apart
constexpr std::int64_t kFewDays = 21;       // of which weeks tell nothing

// counts[w][d]: users active in the kWindows[w] days that end with day first_day + d.
std::array<std::vector<double>, kWindows.size()> ActiveUsers(const CommunityFacts& facts) {
  const auto days = static_cast<std::size_t>(facts.last_day - facts.first_day + 1);
  std::array<std::vector<double>, kWindows.size()> counts;
  for (std::size_t w = 0; w < kWindows.size(); ++w) {
    std::vector<double>& change = counts[w];
    change.assign(days + 1, 0);
    for (std::size_t n = 0; n < facts.active_days.size(); ++n) {
      const ActiveDay& active = facts.active_days[n];
      std::int64_t end = active.day + kWindows[w];  // counts on [day, end), up to the user's next day
      if (n + 1 < facts.active_days.size() && facts.active_days[n + 1].user == active.user)
        end = std::min<std::int64_t>(end, facts.active_days[n + 1].day);
      ++change[static_cast<std::size_t>(active.day - facts.first_day)];
      --change[static_cast<std::size_t>(
          std::min<std::int64_t>(end - facts.first_day, static_cast<std::int64_t>(days)))];
    }
    for (std::size_t d = 1; d < days; ++d) change[d] += change[d - 1];
    change.resize(days);
  }
  return counts;
}

PageChart ActiveUsersChart(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  const auto counts = ActiveUsers(facts);
  PageChart chart{.title = texts("activity.chart"),
                  .summary = {},
                  .table = {.name = "active-users", .caption = texts("activity.chart"), .columns = {}, .rows = {}},
                  .series = {{.column = 1}, {.column = 2}, {.column = 3}},
                  .y_title = texts("overview.users")};
  chart.table.columns = {{texts("period.day"), ColumnForm::kDate},
                         {texts("activity.dau"), ColumnForm::kCount},
                         {texts("activity.wau"), ColumnForm::kCount},
                         {texts("activity.mau"), ColumnForm::kCount}};
  for (std::int64_t day = facts.first_day; day <= facts.last_day; ++day) {
    const bool ends_period = day == facts.last_day || PeriodOf(facts.period, day + 1) != PeriodOf(facts.period, day);
    const auto d = static_cast<std::size_t>(day - facts.first_day);
    if (ends_period) chart.table.rows.push_back({static_cast<double>(day), counts[0][d], counts[1][d], counts[2][d]});
  }
  chart.summary = texts("activity.summary", {DateText(facts.last_day), CountText(counts[0].back()),
                                             CountText(counts[1].back()), CountText(counts[2].back())});
  return chart;
}

struct Account {
  double fresh = 0, kept = 0, returned = 0, lost = 0;
};

PageChart AccountChart(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  const Period period = facts.last_day - facts.first_day < kFewDays ? Period::kDay
                        : PeriodFor(facts.first_day, facts.last_day, 7 * kMostAccounts) == Period::kDay
                            ? Period::kWeek
                            : Period::kMonth;
  const std::int64_t first = PeriodOf(period, facts.first_day);
  const std::int64_t last = PeriodOf(period, facts.last_day);
  std::vector<Account> accounts(static_cast<std::size_t>(last - first + 1));
  const auto at = [&](std::int64_t number) -> Account& { return accounts[static_cast<std::size_t>(number - first)]; };
  for (std::size_t n = 0; n < facts.active_days.size(); ++n) {
    const ActiveDay& active = facts.active_days[n];
    const std::int64_t now = PeriodOf(period, active.day);
    if (n == 0 || facts.active_days[n - 1].user != active.user) {
      ++at(now).fresh;
      continue;
    }
    const std::int64_t before = PeriodOf(period, facts.active_days[n - 1].day);
    if (now == before) continue;
    now == before + 1 ? ++at(now).kept : ++at(now).returned;
  }
  for (std::int64_t number = first + 1; number <= last; ++number) {
    const Account& before = at(number - 1);
    at(number).lost = before.fresh + before.kept + before.returned - at(number).kept;
  }
  PageChart chart{
      .title = texts("activity.account"),
      .summary = texts("activity.account.summary"),
      .table = {.name = "active-users-account", .caption = texts("activity.account"), .columns = {}, .rows = {}},
      .series = {},
      .y_title = texts("overview.users"),
      .stacked = true};
  const bool partial = PeriodOf(period, facts.last_day + 1) == last;
  if (partial) chart.summary += " " + texts("period.partial", {DateText(FirstDay(period, last))});
  chart.table.columns = {{texts(period == Period::kDay    ? "period.day"
                                : period == Period::kWeek ? "period.week"
                                                          : "period.month"),
                          ColumnForm::kDate},
                         {texts("activity.kept"), ColumnForm::kCount},
                         {texts("activity.new"), ColumnForm::kCount},
                         {texts("activity.returned"), ColumnForm::kCount},
                         {texts("activity.lost"), ColumnForm::kCount}};
  for (std::size_t column = 1; column <= 4; ++column)
    chart.series.push_back({.column = column, .form = SeriesForm::kBars});
  for (std::int64_t number = std::max(first, last - kMostPeriods + 1); number <= last; ++number) {
    const Account& account = at(number);
    chart.table.rows.push_back({static_cast<double>(FirstDay(period, number)), account.kept, account.fresh,
                                account.returned, account.lost > 0 ? -account.lost : 0.0});
  }
  return chart;
}

}  // namespace

PageSection ActivitySection(const CommunityFacts& facts) {
  PageSection section{"activity", facts.texts("activity.title"), {}};
  if (facts.active_days.empty()) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, facts.texts("absent.times")});
    return section;
  }
  section.blocks.emplace_back(ActiveUsersChart(facts));
  section.blocks.emplace_back(AccountChart(facts));
  return section;
}

}  // namespace waypost::report
