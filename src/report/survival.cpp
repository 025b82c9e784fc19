// report/survival.cpp - how long users stay: Kaplan-Meier with the curves fitted to lifetimes.
//
// Definition   A user's lifetime runs from the first to the last day of activity, both counted. It is over when no
//              activity followed in the kSilentDays after the last; else it is censored there.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/community_facts.hpp"
#include "waypost/insight/lifetimes.hpp"

namespace waypost::report {
namespace {

constexpr std::int64_t kSilentDays = 28;
constexpr std::size_t kMostSteps = 200;

std::vector<Lifetime> Lifetimes(const CommunityFacts& facts) {
  std::vector<Lifetime> lifetimes;
  std::int64_t first = 0;
  for (std::size_t n = 0; n < facts.active_days.size(); ++n) {
    const ActiveDay& active = facts.active_days[n];
    if (n == 0 || facts.active_days[n - 1].user != active.user) first = active.day;
    if (n + 1 < facts.active_days.size() && facts.active_days[n + 1].user == active.user) continue;
    lifetimes.push_back(
        {.time = static_cast<double>(active.day - first + 1), .over = facts.last_day - active.day >= kSilentDays});
  }
  return lifetimes;
}

}  // namespace

void AddSurvival(const CommunityFacts& facts, PageSection& section) {
  const Texts& texts = facts.texts;
  const std::vector<Lifetime> lifetimes = Lifetimes(facts);
  const absl::StatusOr<std::vector<SurvivalStep>> steps = KaplanMeier(lifetimes);
  if (!steps.ok() || steps->size() < 2) {
    section.blocks.emplace_back(
        PageNote{NoteLevel::kAbsent, texts("survival.absent", {CountText(static_cast<double>(kSilentDays))})});
    return;
  }
  PageChart chart{.title = texts("survival.chart"),
                  .table = {.name = "survival", .caption = texts("survival.chart")},
                  .series = {{.column = 3, .form = SeriesForm::kSteps, .low = 4, .high = 5}},
                  .y_title = texts("survival.share")};
  chart.table.columns = {{texts("survival.day"), ColumnForm::kCount},   {texts("survival.risk"), ColumnForm::kCount},
                         {texts("survival.left"), ColumnForm::kCount},  {texts("survival.share"), ColumnForm::kPercent},
                         {texts("interval.low"), ColumnForm::kPercent}, {texts("interval.high"), ColumnForm::kPercent}};
  std::vector<LifetimeFit> fits;
  for (const LifetimeModel model : {LifetimeModel::kExponential, LifetimeModel::kWeibull}) {
    absl::StatusOr<LifetimeFit> fit = FitLifetimes(lifetimes, model);
    if (!fit.ok() || fit->status != FitStatus::kConverged) continue;
    chart.series.push_back({.column = chart.table.columns.size(), .form = SeriesForm::kDashed});
    chart.table.columns.push_back(
        {texts("survival.fit." + std::string(NameOf(model)), {CountText(fit->aic)}), ColumnForm::kPercent});
    fits.push_back(*std::move(fit));
  }
  const std::size_t stride = (steps->size() + kMostSteps - 1) / kMostSteps;
  for (std::size_t n = 0; n < steps->size(); ++n) {
    if (n % stride != 0 && n + 1 != steps->size()) continue;
    const SurvivalStep& step = (*steps)[n];
    const auto bound = [](const std::optional<double>& end) { return end ? PageCell(*end) : PageCell(); };
    std::vector<PageCell> row = {step.time,     step.at_risk,    step.events,
                                 step.estimate, bound(step.low), bound(step.high)};
    for (const LifetimeFit& fit : fits) row.emplace_back(SurvivalAt(fit, step.time));
    chart.table.rows.push_back(std::move(row));
  }
  const std::optional<double> median = MedianOf(*steps);
  chart.summary = texts("survival.summary", {CountText(static_cast<double>(kSilentDays))}) + " " +
                  (median ? texts("survival.median", {CountText(*median)}) : texts("survival.median.none"));
  section.blocks.emplace_back(std::move(chart));
}

}  // namespace waypost::report
