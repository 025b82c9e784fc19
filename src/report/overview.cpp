// report/overview.cpp - how much there is: totals, and events by period and kind.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "report/community_facts.hpp"

namespace waypost::report {
namespace {

constexpr std::size_t kShownKinds = 7;  // the colours of a chart that are told apart; the others are one more
constexpr int kMonthDays = 28;

std::size_t ActiveUsersSince(const CommunityFacts& facts, std::int64_t day) {
  std::size_t count = 0;
  for (std::size_t n = 0; n < facts.active_days.size(); ++n) {
    const bool last_of_user =
        n + 1 == facts.active_days.size() || facts.active_days[n + 1].user != facts.active_days[n].user;
    if (last_of_user && facts.active_days[n].day >= day) ++count;
  }
  return count;
}

std::vector<PageFigure> Totals(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  std::vector<bool> payer(facts.events.users().size());
  std::size_t payments = 0;
  for (std::size_t row = 0; row < facts.events.size(); ++row)
    if (facts.events.kind(row).pays) {
      payer[facts.events.columns().users[row]] = true;
      ++payments;
    }
  const auto payers = static_cast<double>(std::count(payer.begin(), payer.end(), true));
  const auto users = static_cast<double>(facts.events.users().size());
  std::vector<PageFigure> figures = {
      {texts("overview.events"), static_cast<double>(facts.events.size()), ColumnForm::kCount, {}},
      {texts("overview.users"), users, ColumnForm::kCount, {}},
      {texts("overview.items"), static_cast<double>(facts.events.items().size()), ColumnForm::kCount,
       facts.catalogue.size() == 0
           ? std::string()
           : texts("overview.catalogue", {CountText(static_cast<double>(facts.catalogue.size()))})}};
  if (facts.dated())
    figures.push_back({texts("overview.active"),
                       static_cast<double>(ActiveUsersSince(facts, facts.last_day - kMonthDays + 1)),
                       ColumnForm::kCount, texts("overview.active.detail", {DateText(facts.last_day)})});
  figures.push_back({texts("overview.payers"), payers, ColumnForm::kCount,
                     texts("overview.payers.detail",
                           {PercentText(users > 0 ? payers / users : 0), CountText(static_cast<double>(payments))})});
  return figures;
}

PageChart EventsByKind(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  const EventLog& events = facts.events;
  const std::int64_t first = PeriodOf(facts.period, facts.first_day);
  const auto periods = static_cast<std::size_t>(PeriodOf(facts.period, facts.last_day) - first + 1);
  std::vector<std::size_t> totals(events.kinds().size());
  for (std::size_t row = 0; row < events.size(); ++row)
    if (facts.days[row] != kNoDay) ++totals[events.columns().kinds[row]];
  std::vector<std::uint16_t> order(totals.size());
  std::iota(order.begin(), order.end(), std::uint16_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return totals[a] > totals[b]; });
  while (!order.empty() && totals[order.back()] == 0) order.pop_back();
  const bool others = order.size() > kShownKinds + 1;
  const std::size_t shown = others ? kShownKinds : order.size();

  PageChart chart{.title = texts("overview.chart"),
                  .summary = {},
                  .table = {.name = "events-by-kind", .caption = texts("overview.chart"), .columns = {}, .rows = {}},
                  .series = {},
                  .y_title = texts("overview.events"),
                  .stacked = true};
  chart.table.columns = {{texts(facts.period == Period::kDay    ? "period.day"
                                : facts.period == Period::kWeek ? "period.week"
                                                                : "period.month"),
                          ColumnForm::kDate}};
  std::vector<std::size_t> column_of(totals.size(), shown + 1);
  for (std::size_t n = 0; n < shown; ++n) {
    chart.table.columns.push_back({facts.KindName(events.kinds().at(order[n])), ColumnForm::kCount});
    column_of[order[n]] = n + 1;
  }
  if (others) chart.table.columns.push_back({texts("overview.other"), ColumnForm::kCount});
  for (std::size_t column = 1; column < chart.table.columns.size(); ++column)
    chart.series.push_back({.column = column, .form = SeriesForm::kBars});

  std::vector<std::vector<double>> counts(periods, std::vector<double>(chart.table.columns.size()));
  for (std::size_t row = 0; row < events.size(); ++row)
    if (facts.days[row] != kNoDay)
      ++counts[static_cast<std::size_t>(PeriodOf(facts.period, facts.days[row]) - first)]
              [column_of[events.columns().kinds[row]]];
  double most = 0;
  std::size_t busiest = 0;
  for (std::size_t n = 0; n < periods; ++n) {
    counts[n][0] = static_cast<double>(FirstDay(facts.period, first + static_cast<std::int64_t>(n)));
    const double total = std::accumulate(counts[n].begin() + 1, counts[n].end(), 0.0);
    if (total > most) {
      most = total;
      busiest = n;
    }
    chart.table.rows.emplace_back(counts[n].begin(), counts[n].end());
  }
  chart.summary = texts(facts.period == Period::kDay    ? "overview.chart.day"
                        : facts.period == Period::kWeek ? "overview.chart.week"
                                                        : "overview.chart.month",
                        {DateText(static_cast<std::int64_t>(counts[busiest][0])), CountText(most)});
  return chart;
}

}  // namespace

PageSection OverviewSection(const CommunityFacts& facts) {
  PageSection section{"overview", facts.texts("overview.title"), {}};
  section.blocks.emplace_back(Totals(facts));
  if (facts.dated()) {
    section.blocks.emplace_back(EventsByKind(facts));
  } else {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, facts.texts("absent.times")});
  }
  return section;
}

}  // namespace waypost::report
