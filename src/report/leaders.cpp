// report/leaders.cpp - who contributes most, and what came of what was shown.
#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "report/community_facts.hpp"
#include "waypost/insight/feedback.hpp"
#include "waypost/insight/leaderboard.hpp"

namespace waypost::report {
namespace {

constexpr std::size_t kTopUsers = 20;
constexpr double kHalfLifeDays = 30;
constexpr std::uint32_t kDailyCap = 20;  // events of a user, kind and day: beyond, they are no work of a person's
constexpr std::uint16_t kShownRanks = 10;

}  // namespace

PageSection LeaderSection(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  PageSection section{"leaders-section", texts("leaders.title"), {}};
  LeaderboardOptions options{
      .half_life_days = kHalfLifeDays, .now_us = facts.moment_us, .daily_cap = kDailyCap, .top = kTopUsers};
  std::vector<bool> occurs(facts.events.kinds().size());
  for (std::size_t row = 0; row < facts.events.size(); ++row) occurs[facts.events.columns().kinds[row]] = true;
  for (const std::uint16_t kind : {kAsk, kAnswer, kComment})
    if (occurs[kind]) options.kinds.push_back(kind);
  const bool contributions = !options.kinds.empty();
  const absl::StatusOr<Leaderboards> boards = BuildLeaderboards(facts.events, options);
  if (!boards.ok() || boards->boards.empty() || !facts.dated()) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("leaders.absent")});
    return section;
  }
  section.blocks.emplace_back(
      PageNote{NoteLevel::kPlain, texts(contributions ? "leaders.note" : "leaders.note.all",
                                        {CountText(kHalfLifeDays), CountText(static_cast<double>(kDailyCap))})});
  PageTable table{.name = "leaders", .caption = texts("leaders.title")};
  table.columns = {{texts("leaders.user"), ColumnForm::kText},
                   {texts("leaders.rank"), ColumnForm::kCount},
                   {texts("leaders.score"), ColumnForm::kNumber},
                   {texts("overview.events"), ColumnForm::kCount},
                   {texts("leaders.last"), ColumnForm::kDate}};
  for (const BoardEntry& entry : boards->boards[0].entries) {
    if (table.rows.size() == kTopUsers) break;  // ties may go on
    table.rows.push_back({std::string(facts.events.users().id(entry.user)), static_cast<double>(entry.rank),
                          entry.score, static_cast<double>(entry.events),
                          entry.last_us == kNoTime ? PageCell() : PageCell(static_cast<double>(DayOf(entry.last_us)))});
  }
  section.blocks.emplace_back(std::move(table));
  return section;
}

PageSection FeedbackSection(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  PageSection section{"feedback-section", texts("feedback.title"), {}};
  const absl::StatusOr<Feedback> feedback =
      AttributeFeedback(facts.shown, facts.events, {.until_us = facts.options.now_us});
  if (facts.shown.empty() || !feedback.ok()) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("feedback.absent")});
    return section;
  }
  constexpr double kConfidence = 0.95;
  const FeedbackRow all = SummariseFeedback(facts.shown, *feedback, kConfidence, [](std::size_t) { return true; });
  const auto interval = [&](const FeedbackRate& rate) {
    return texts("interval", {PercentText(rate.interval.low), PercentText(rate.interval.high)});
  };
  section.blocks.emplace_back(std::vector<PageFigure>{
      {texts("feedback.shown"), static_cast<double>(all.impressions), ColumnForm::kCount,
       texts("feedback.users", {CountText(static_cast<double>(all.users))})},
      {texts("feedback.clicked"), all.clicks.rate, ColumnForm::kPercent, interval(all.clicks)},
      {texts("feedback.converted"), all.conversions.rate, ColumnForm::kPercent, interval(all.conversions)}});
  PageChart chart{.title = texts("feedback.chart"),
                  .summary = texts("feedback.summary"),
                  .table = {.name = "feedback", .caption = texts("feedback.chart")},
                  .series = {{.column = 2, .form = SeriesForm::kLine, .low = 3, .high = 4},
                             {.column = 5, .form = SeriesForm::kLine, .low = 6, .high = 7}},
                  .y_title = texts("feedback.rate")};
  chart.table.columns = {
      {texts("feedback.place"), ColumnForm::kCount},     {texts("feedback.shown"), ColumnForm::kCount},
      {texts("feedback.clicked"), ColumnForm::kPercent}, {texts("interval.low"), ColumnForm::kPercent},
      {texts("interval.high"), ColumnForm::kPercent},    {texts("feedback.converted"), ColumnForm::kPercent},
      {texts("interval.low"), ColumnForm::kPercent},     {texts("interval.high"), ColumnForm::kPercent}};
  for (std::uint16_t rank = 0; rank < kShownRanks; ++rank) {
    const FeedbackRow row = SummariseFeedback(facts.shown, *feedback, kConfidence,
                                              [&](std::size_t n) { return facts.shown[n].rank == rank; });
    if (row.impressions == 0) continue;
    chart.table.rows.push_back({static_cast<double>(rank + 1), static_cast<double>(row.impressions), row.clicks.rate,
                                row.clicks.interval.low, row.clicks.interval.high, row.conversions.rate,
                                row.conversions.interval.low, row.conversions.interval.high});
  }
  if (!chart.table.rows.empty()) section.blocks.emplace_back(std::move(chart));
  return section;
}

}  // namespace waypost::report
