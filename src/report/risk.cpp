// report/risk.cpp - who is about to leave and who to pay, why, and how well such forecasts did before.
//
// Definition   insight/forecast.hpp, asked at the end of the last day about four weeks; its backtest at earlier moments
//              gives the reliability (the share that it happened to among those of like forecasts) and the lift.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "report/community_facts.hpp"
#include "waypost/insight/forecast.hpp"

namespace waypost::report {
namespace {

constexpr std::size_t kListed = 20;
constexpr int kBacktests = 2;
constexpr int kCutOffs = 4;

std::string Because(const CommunityFacts& facts, const std::vector<ForecastReason>& reasons) {
  std::string text;
  for (const ForecastReason& reason : reasons) text += (text.empty() ? "" : facts.texts("page.comma")) + reason.feature;
  return text;
}

// What one list and its backtest are about.
struct Subject {
  std::string key;  // of texts and names: "churn", "payment"
  std::function<double(const UserForecast&)> probability;
  std::function<const std::vector<ForecastReason>&(const UserForecast&)> because;
};

PageTable AtRisk(const CommunityFacts& facts, const Forecast& forecast, const Subject& subject) {
  const Texts& texts = facts.texts;
  PageTable table{.name = subject.key + "-users", .caption = texts(subject.key + ".list")};
  table.columns = {{texts("leaders.user"), ColumnForm::kText},
                   {texts(subject.key + ".probability"), ColumnForm::kPercent},
                   {texts("risk.because"), ColumnForm::kText}};
  std::vector<const UserForecast*> order;
  for (const UserForecast& user : forecast.users)
    if (subject.probability(user) > 0) order.push_back(&user);
  std::stable_sort(order.begin(), order.end(), [&](const UserForecast* a, const UserForecast* b) {
    return subject.probability(*a) > subject.probability(*b);
  });
  for (std::size_t n = 0; n < std::min(kListed, order.size()); ++n)
    table.rows.push_back({std::string(facts.events.users().id(order[n]->user)), subject.probability(*order[n]),
                          Because(facts, subject.because(*order[n]))});
  return table;
}

void AddQuality(const CommunityFacts& facts, const Subject& subject, const std::vector<HorizonFigures>& horizons,
                PageSection& section) {
  const Texts& texts = facts.texts;
  const auto known = std::find_if(horizons.rbegin(), horizons.rend(),
                                  [](const HorizonFigures& figures) { return figures.model.auc.has_value(); });
  if (known == horizons.rend()) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("risk.unknown")});
    return;
  }
  const ProbabilityMetrics& model = known->model;
  std::vector<PageFigure> figures = {
      {texts("risk.auc"), *model.auc, ColumnForm::kNumber,
       known->baseline.auc ? texts("risk.auc.baseline", {NumberToRead(*known->baseline.auc)}) : std::string()},
      {texts("risk.calibration"), model.calibration_error, ColumnForm::kPercent, texts("risk.calibration.detail")}};
  if (model.top_decile_lift)
    figures.push_back({texts("risk.lift"), *model.top_decile_lift, ColumnForm::kNumber, texts("risk.lift.detail")});
  section.blocks.emplace_back(std::move(figures));
  PageChart chart{.title = texts(subject.key + ".reliability"),
                  .summary = texts("risk.reliability.summary"),
                  .table = {.name = subject.key + "-reliability", .caption = texts(subject.key + ".reliability")},
                  .series = {{.column = 1}},
                  .y_title = texts("risk.observed"),
                  .diagonal = true};
  chart.table.columns = {{texts("risk.predicted"), ColumnForm::kPercent},
                         {texts("risk.observed"), ColumnForm::kPercent},
                         {texts("overview.users"), ColumnForm::kCount}};
  for (const ReliabilityBin& bin : model.reliability)
    chart.table.rows.push_back({bin.predicted, bin.observed, static_cast<double>(bin.count)});
  section.blocks.emplace_back(std::move(chart));
}

}  // namespace

PageSection RiskSection(const CommunityFacts& facts) {
  const Texts& texts = facts.texts;
  PageSection section{"risk", texts("risk.title"), {}};
  ForecastOptions options;
  options.at_us = facts.moment_us;
  options.cut_offs = kCutOffs;
  const absl::StatusOr<Forecast> forecast =
      ForecastUsers(facts.events, facts.users, options, facts.options.parallelism);
  if (!facts.dated() || !forecast.ok() || forecast->users.empty()) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("risk.absent")});
    return section;
  }
  const absl::StatusOr<Backtest> backtest =
      BacktestForecast(facts.events, facts.users, options, kBacktests, facts.options.parallelism);
  section.blocks.emplace_back(
      PageNote{NoteLevel::kPlain,
               texts("risk.note", {CountText(static_cast<double>(forecast->users.size())), DateText(facts.last_day)})});
  const Subject churn{
      "churn", [](const UserForecast& user) { return user.survival.empty() ? 0 : 1 - user.survival.back(); },
      [](const UserForecast& user) -> const std::vector<ForecastReason>& { return user.leave_because; }};
  section.blocks.emplace_back(AtRisk(facts, *forecast, churn));
  if (backtest.ok()) AddQuality(facts, churn, backtest->leave, section);
  bool pays = false;
  for (std::size_t row = 0; row < facts.events.size() && !pays; ++row)
    pays = facts.days[row] != kNoDay && facts.events.kind(row).pays;
  if (!pays) {
    section.blocks.emplace_back(PageNote{NoteLevel::kAbsent, texts("payment.absent")});
    return section;
  }
  const Subject payment{
      "payment", [](const UserForecast& user) { return user.paid_before ? 0 : user.expected_payments; },
      [](const UserForecast& user) -> const std::vector<ForecastReason>& { return user.pay_because; }};
  section.blocks.emplace_back(AtRisk(facts, *forecast, payment));
  if (backtest.ok()) AddQuality(facts, payment, backtest->first_payment, section);
  return section;
}

}  // namespace waypost::report
