// report/growth_section.cpp - how many users there have ever been, the logistic curve through it, and where it leads.
//
// Definition   N(t), the users whose first activity lies on day t or before, at the end of each period. The curve is
//              insight/growth.hpp's. Its band lies between the curves that fit best with K at either end of its
//              interval; it is drawn, and the curve goes on beyond the data, only where K is identified.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "report/community_facts.hpp"
#include "waypost/insight/growth.hpp"

namespace waypost::report {
namespace {

constexpr std::int64_t kMostPoints = 200;  // of the fit: the time of an interval grows with them
constexpr double kAhead = 0.25;            // of the time seen, that the curve goes on

struct Growth {
  std::vector<double> days;    // since first_day, at the end of each period
  std::vector<double> counts;  // users by then
};

Growth CountUsers(const CommunityFacts& facts) {
  std::vector<double> fresh(static_cast<std::size_t>(facts.last_day - facts.first_day + 1));
  for (std::size_t n = 0; n < facts.active_days.size(); ++n)
    if (n == 0 || facts.active_days[n - 1].user != facts.active_days[n].user)
      ++fresh[static_cast<std::size_t>(facts.active_days[n].day - facts.first_day)];
  const Period period = PeriodFor(facts.first_day, facts.last_day, kMostPoints);
  Growth growth;
  double users = 0;
  for (std::int64_t day = facts.first_day; day <= facts.last_day; ++day) {
    users += fresh[static_cast<std::size_t>(day - facts.first_day)];
    if (day != facts.last_day && PeriodOf(period, day + 1) == PeriodOf(period, day)) continue;
    growth.days.push_back(static_cast<double>(day - facts.first_day));
    growth.counts.push_back(users);
  }
  return growth;
}

// The fits with K at the ends of its interval; empty where it has none, or one of them fails.
std::vector<GrowthFit> Envelope(const Growth& growth, const GrowthFit& fit) {
  const GrowthParameter& capacity = fit.parameter("K");
  std::vector<GrowthFit> fits;
  for (const std::optional<double>& end : {capacity.low, capacity.high}) {
    if (!end) return {};
    absl::StatusOr<GrowthFit> bound = FitGrowth(growth.days, growth.counts, GrowthModel::kLogistic, {.capacity = *end});
    if (!bound.ok()) return {};
    fits.push_back(*std::move(bound));
  }
  return fits;
}

std::string IntervalText(const CommunityFacts& facts, const GrowthParameter& parameter, ColumnForm form) {
  const auto text = [&](const std::optional<double>& end) {
    return !end ? facts.texts("interval.open") : form == ColumnForm::kCount ? CountText(*end) : NumberToRead(*end);
  };
  return facts.texts("interval", {text(parameter.low), text(parameter.high)});
}

std::vector<PageFigure> Figures(const CommunityFacts& facts, const GrowthFit& fit) {
  const Texts& texts = facts.texts;
  std::vector<PageFigure> figures;
  if (fit.capacity_identified)
    figures.push_back({texts("growth.capacity"), fit.parameter("K").estimate, ColumnForm::kCount,
                       IntervalText(facts, fit.parameter("K"), ColumnForm::kCount)});
  figures.push_back({texts("growth.rate"), fit.parameter("r").estimate, ColumnForm::kNumber,
                     IntervalText(facts, fit.parameter("r"), ColumnForm::kNumber)});
  const double midpoint = static_cast<double>(facts.first_day) + fit.midpoint;
  if (fit.capacity_identified && std::isfinite(midpoint))
    figures.push_back({texts("growth.midpoint"), midpoint, ColumnForm::kDate, texts("growth.midpoint.detail")});
  return figures;
}

PageChart GrowthChart(const CommunityFacts& facts, const Growth& growth, const GrowthFit* fit) {
  const Texts& texts = facts.texts;
  PageChart chart{.title = texts("growth.chart"),
                  .table = {.name = "growth", .caption = texts("growth.chart")},
                  .series = {{.column = 1, .form = SeriesForm::kPoints}},
                  .y_title = texts("overview.users")};
  chart.table.columns = {{texts("period.day"), ColumnForm::kDate}, {texts("growth.users"), ColumnForm::kCount}};
  chart.summary = texts("growth.summary", {CountText(growth.counts.back()), DateText(facts.last_day)});
  std::vector<GrowthFit> envelope;
  std::vector<double> days = growth.days;
  if (fit != nullptr) {
    chart.table.columns.push_back({texts("growth.fit"), ColumnForm::kCount});
    chart.series.push_back({.column = 2});
    if (fit->capacity_identified) {
      envelope = Envelope(growth, *fit);
      const double step = days[1] - days[0], end = days.back() * (1 + kAhead);
      for (double day = days.back() + step; day <= end; day += step) days.push_back(std::floor(day));
    }
  }
  if (!envelope.empty()) {
    chart.table.columns.push_back({texts("interval.low"), ColumnForm::kCount});
    chart.table.columns.push_back({texts("interval.high"), ColumnForm::kCount});
    chart.series[1].low = 3;
    chart.series[1].high = 4;
  }
  for (std::size_t n = 0; n < days.size(); ++n) {
    std::vector<PageCell> row = {static_cast<double>(facts.first_day) + days[n]};
    row.push_back(n < growth.counts.size() ? PageCell(growth.counts[n]) : PageCell());
    if (fit != nullptr) row.emplace_back(GrowthAt(*fit, days[n]));
    if (!envelope.empty()) {
      const double a = GrowthAt(envelope[0], days[n]), b = GrowthAt(envelope[1], days[n]);
      row.emplace_back(std::min(a, b));
      row.emplace_back(std::max(a, b));
    }
    chart.table.rows.push_back(std::move(row));
  }
  return chart;
}

}  // namespace

PageSection GrowthSection(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  PageSection section{"growth-section", texts("growth.title"), {}};
  if (facts.active_days.empty()) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("absent.times")});
    return section;
  }
  const Growth growth = CountUsers(facts);
  const absl::StatusOr<GrowthFit> fit = FitGrowth(growth.days, growth.counts, GrowthModel::kLogistic);
  const bool fitted = fit.ok() && fit->status == FitStatus::kConverged;
  if (fitted) {
    section.blocks.emplace_back(Figures(facts, *fit));
    if (!fit->capacity_identified)
      section.blocks.emplace_back(PageNote{NoteLevel::kWarning, texts("growth.unidentified")});
  } else {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("growth.absent")});
  }
  section.blocks.emplace_back(GrowthChart(facts, growth, fitted ? &*fit : nullptr));
  if (fitted) section.blocks.emplace_back(PageNote{NoteLevel::kPlain, texts("growth.note")});
  return section;
}

}  // namespace waypost::report
