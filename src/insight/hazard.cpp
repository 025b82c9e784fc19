#include "waypost/insight/hazard.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace waypost {
namespace {

std::string BinName(const std::vector<std::uint32_t>& ends, std::size_t bin) {
  const std::uint32_t first = bin == 0 ? 1 : ends[bin - 1] + 1;
  return first == ends[bin] ? absl::StrCat("period ", first) : absl::StrCat("periods ", first, "..", ends[bin]);
}

}  // namespace

absl::StatusOr<std::vector<LifeTableRow>> MakeLifeTable(std::span<const PersonLifetime> lifetimes) {
  if (lifetimes.empty()) return absl::InvalidArgumentError("MakeLifeTable.lifetimes: want one or more, got none");
  std::uint32_t longest = 0;
  for (std::size_t n = 0; n < lifetimes.size(); ++n) {
    if (lifetimes[n].periods < 1 || lifetimes[n].periods > kMaxPeriods)
      return absl::InvalidArgumentError(absl::StrCat("MakeLifeTable.lifetimes: want 1..", kMaxPeriods, " periods, got ",
                                                     lifetimes[n].periods, " at ", n));
    longest = std::max(longest, lifetimes[n].periods);
  }
  std::vector<std::size_t> ended(longest + 1), events(longest + 1);
  for (const PersonLifetime& lifetime : lifetimes) {
    ++ended[lifetime.periods];
    events[lifetime.periods] += lifetime.event;
  }
  std::vector<LifeTableRow> rows;
  std::size_t at_risk = lifetimes.size();
  double survival = 1, greenwood = 0;
  for (std::uint32_t period = 1; period <= longest; ++period) {
    const double n = static_cast<double>(at_risk), d = static_cast<double>(events[period]);
    survival *= 1 - d / n;
    if (d < n) greenwood += d / (n * (n - d));
    rows.push_back({period, at_risk, events[period], d / n, survival, survival * std::sqrt(greenwood)});
    at_risk -= ended[period];
  }
  return rows;
}

PersonPeriods::PersonPeriods(std::vector<std::string> columns, std::vector<std::uint32_t> bin_ends)
    : columns_(std::move(columns)), bin_ends_(std::move(bin_ends)) {
  assert(!bin_ends_.empty() && bin_ends_.front() >= 1);
  assert(std::adjacent_find(bin_ends_.begin(), bin_ends_.end(), std::greater_equal<>()) == bin_ends_.end());
}

std::size_t PersonPeriods::Bin(std::uint32_t period) const {
  const auto bin = std::lower_bound(bin_ends_.begin(), bin_ends_.end(), period) - bin_ends_.begin();
  return std::min(static_cast<std::size_t>(bin), bin_ends_.size() - 1);
}

void PersonPeriods::Add(std::uint32_t period, std::span<const double> covariates, bool event) {
  assert(period >= 1 && covariates.size() == columns_.size());
  values_.insert(values_.end(), covariates.begin(), covariates.end());
  labels_.push_back(event);
  groups_.push_back(static_cast<std::uint32_t>(Bin(period)));
}

void PersonPeriods::Reserve(std::size_t rows) {
  values_.reserve(rows * columns_.size());
  labels_.reserve(rows);
  groups_.reserve(rows);
}

double HazardModel::Hazard(std::uint32_t period, std::span<const double> covariates) const {
  assert(period >= 1 && covariates.size() == columns.size());
  const auto bin = std::lower_bound(bin_ends.begin(), bin_ends.end(), period) - bin_ends.begin();
  return fit.Probability(covariates, std::min(static_cast<std::size_t>(bin), bin_ends.size() - 1));
}

std::vector<double> HazardModel::Survival(std::uint32_t periods, std::span<const double> covariates) const {
  std::vector<double> survival;
  double alive = 1;
  for (std::uint32_t period = 1; period <= periods; ++period) {
    alive *= 1 - Hazard(period, covariates);
    survival.push_back(alive);
  }
  return survival;
}

absl::StatusOr<HazardModel> FitHazard(const PersonPeriods& rows, const LogisticOptions& options,
                                      const Parallelism& parallelism) {
  HazardModel model{rows.columns(), rows.bin_ends(), {}, {}};
  std::vector<bool> seen(model.bin_ends.size());
  const LogisticDataView view = rows.view();
  for (const std::uint32_t bin : view.groups) seen[bin] = true;
  if (view.labels.empty()) return absl::FailedPreconditionError("FitHazard: want rows, got none");
  for (std::size_t bin = 0; bin < seen.size(); ++bin)
    if (!seen[bin])
      return absl::FailedPreconditionError(
          absl::StrCat("FitHazard: want a row in every bin, got none of ", BinName(model.bin_ends, bin)));
  WAYPOST_ASSIGN_OR_RETURN(model.fit, FitLogistic(view, options, parallelism));
  for (const LogisticProblem& problem : model.fit.problems)
    if (problem.kind != LogisticProblemKind::kOneLabel)
      model.problems.push_back(absl::StrCat(LogisticProblemName(problem.kind), ": ", problem.message));
  for (std::size_t bin = 0; bin < seen.size(); ++bin)
    if (std::isinf(model.fit.intercepts[bin]))
      model.problems.push_back(
          absl::StrCat("one label: ", BinName(model.bin_ends, bin),
                       model.fit.intercepts[bin] < 0 ? " saw no event" : " saw nothing but events"));
  return model;
}

}  // namespace waypost
