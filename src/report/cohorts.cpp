// report/cohorts.cpp - how many come back: the share that is active N days after the first, and the same by cohort.
//
// Definition   Day-N retention: of the users whose first activity lies at least N days before the last day of the data,
//              the share with activity exactly N days after it, with Wilson's 95 % interval [1]. A cohort are the users
//              whose first activity lies in one period; its k-th cell is the share of them active in the k-th period
//              after it. A period that is not over has no cell.
// Sources      [1] E. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22, 1927.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "report/community_facts.hpp"

namespace waypost::report {
namespace {

constexpr std::int64_t kMostDays = 90;     // after the first, of the curve
constexpr std::int64_t kFewUsers = 30;     // days that fewer users have lived to see are left out
constexpr std::int64_t kMostWeeks = 20;    // more cohorts are months
constexpr std::int64_t kMostCohorts = 24;  // the newest

// Wilson's interval of `hits` of `count`.
std::pair<double, double> ShareInterval(double hits, double count) {
  constexpr double kZ = 1.959963984540054;  // of 95 %
  const double share = hits / count, extra = kZ * kZ / count;
  const double middle = (share + extra / 2) / (1 + extra);
  const double half = kZ * std::sqrt(share * (1 - share) / count + extra / (4 * count)) / (1 + extra);
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

// Calls visit(first, before, day) for every active day: the first day of its user and the one before it, which is
// kNoDay on the first.
template <typename Visit>
void ForEachDay(const CommunityFacts& facts, const Visit& visit) {
  std::int32_t first = 0, before = kNoDay;
  for (std::size_t n = 0; n < facts.active_days.size(); ++n) {
    const ActiveDay& active = facts.active_days[n];
    if (n == 0 || facts.active_days[n - 1].user != active.user) {
      first = active.day;
      before = kNoDay;
    }
    visit(first, before, active.day);
    before = active.day;
  }
}

PageChart RetentionChart(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  std::vector<double> hits(kMostDays + 1), could(kMostDays + 1);
  ForEachDay(facts, [&](std::int32_t first, std::int32_t /*before*/, std::int32_t day) {
    if (day - first <= kMostDays) ++hits[static_cast<std::size_t>(day - first)];
    if (day != first) return;
    for (std::int64_t after = std::min(kMostDays, facts.last_day - first); after >= 0; --after)
      ++could[static_cast<std::size_t>(after)];
  });
  PageChart chart{.title = texts("retention.chart"),
                  .summary = {},
                  .table = {.name = "retention", .caption = texts("retention.chart"), .columns = {}, .rows = {}},
                  .series = {{.column = 3, .form = SeriesForm::kLine, .low = 4, .high = 5}},
                  .y_title = texts("retention.share")};
  chart.table.columns = {
      {texts("retention.day"), ColumnForm::kCount},  {texts("retention.could"), ColumnForm::kCount},
      {texts("retention.hits"), ColumnForm::kCount}, {texts("retention.share"), ColumnForm::kPercent},
      {texts("interval.low"), ColumnForm::kPercent}, {texts("interval.high"), ColumnForm::kPercent}};
  for (std::size_t after = 1; after <= static_cast<std::size_t>(kMostDays); ++after) {
    if (could[after] < kFewUsers) break;
    const auto [low, high] = ShareInterval(hits[after], could[after]);
    chart.table.rows.push_back(
        {static_cast<double>(after), could[after], hits[after], hits[after] / could[after], low, high});
  }
  std::string listed;
  for (std::size_t after : {std::size_t{1}, std::size_t{7}, std::size_t{28}})
    if (after <= chart.table.rows.size())
      listed += (listed.empty() ? "" : texts("page.comma")) +
                texts("retention.item", {std::to_string(after), PercentText(hits[after] / could[after])});
  chart.summary = texts("retention.summary", {listed});
  return chart;
}

PageHeatMap CohortMap(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  const Period period = PeriodOf(Period::kWeek, facts.last_day) - PeriodOf(Period::kWeek, facts.first_day) < kMostWeeks
                            ? Period::kWeek
                            : Period::kMonth;
  const std::int64_t last = PeriodOf(period, facts.last_day);
  const std::int64_t complete = PeriodOf(period, facts.last_day + 1) == last ? last - 1 : last;
  const std::int64_t first = std::max(PeriodOf(period, facts.first_day), last - kMostCohorts + 1);
  const auto cohorts = static_cast<std::size_t>(std::max<std::int64_t>(0, last - first + 1));
  std::vector<std::vector<double>> active(cohorts, std::vector<double>(cohorts));
  ForEachDay(facts, [&](std::int32_t first_day, std::int32_t before, std::int32_t day) {
    const std::int64_t cohort = PeriodOf(period, first_day), now = PeriodOf(period, day);
    if (cohort >= first && (before == kNoDay || PeriodOf(period, before) != now))
      ++active[static_cast<std::size_t>(cohort - first)][static_cast<std::size_t>(now - cohort)];
  });
  PageHeatMap map{.title = texts("cohort.chart"),
                  .table = {.name = "cohorts",
                            .caption = texts(period == Period::kWeek ? "cohort.caption.week" : "cohort.caption.month"),
                            .columns = {},
                            .rows = {}},
                  .first = 2};
  map.table.columns = {{texts(period == Period::kWeek ? "period.week" : "period.month"), ColumnForm::kDate},
                       {texts("overview.users"), ColumnForm::kCount}};
  for (std::size_t after = 1; after < cohorts; ++after)
    map.table.columns.push_back({std::to_string(after), ColumnForm::kPercent});
  double most = 0;
  for (std::size_t cohort = 0; cohort < cohorts; ++cohort) {
    const double size = active[cohort][0];
    if (size == 0) continue;
    std::vector<PageCell> row(map.table.columns.size());
    row[0] = static_cast<double>(FirstDay(period, first + static_cast<std::int64_t>(cohort)));
    row[1] = size;
    for (std::size_t after = 1; after < cohorts; ++after) {
      if (first + static_cast<std::int64_t>(cohort + after) > complete) break;
      row[after + 1] = active[cohort][after] / size;
      most = std::max(most, active[cohort][after] / size);
    }
    map.table.rows.push_back(std::move(row));
  }
  std::size_t filled = 2;  // columns in which a cohort has a cell
  for (const std::vector<PageCell>& row : map.table.rows)
    for (std::size_t column = filled; column < row.size(); ++column)
      if (std::holds_alternative<double>(row[column])) filled = column + 1;
  map.table.columns.resize(filled);
  for (std::vector<PageCell>& row : map.table.rows) row.resize(filled);
  map.high = most;
  return map;
}

}  // namespace

PageSection CohortSection(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  PageSection section{"retention-section", texts("retention.title"), {}};
  if (facts.active_days.empty()) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("absent.times")});
    return section;
  }
  PageChart chart = RetentionChart(facts);
  if (chart.table.rows.empty()) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("retention.absent", {std::to_string(kFewUsers)})});
  } else {
    section.blocks.emplace_back(std::move(chart));
  }
  AddSurvival(facts, section);
  PageHeatMap map = CohortMap(facts);
  if (map.table.columns.size() > 2) {
    section.blocks.emplace_back(PageNote{NoteLevel::kPlain, texts("cohort.note")});
    section.blocks.emplace_back(std::move(map));
  }
  return section;
}

}  // namespace waypost::report
