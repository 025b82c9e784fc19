#include "waypost/insight/forecast.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <span>
#include <utility>

#include "insight/forecast_design.hpp"
#include "waypost/base/random.hpp"
#include "waypost/insight/features.hpp"

namespace waypost {
namespace {

using insight::FactsAt;
using insight::ForecastDesign;
using Case = ForecastDesign::Case;

constexpr std::size_t kReasons = 3;
constexpr double kOwnWeight = 2;  // payments of everyone's mean that stand beside a user's own

// What is forecast; each has regressions of its own.
enum Target : std::size_t { kLeave, kFirstPayment, kRepeatPayment, kTargets };

// What became of one case: in each period 1 or 0, or kGone where the user was no longer asked about.
using Outcomes = std::vector<std::uint8_t>;  // cases x horizon
constexpr std::uint8_t kGone = 2;

// Numbers of one set of columns and the regressions on them.
struct PeriodModel {
  std::optional<LogisticFit> fit;
  double constant = 0;  // without a fit
};

struct World {
  World(const EventLog& events, const UserTable& table, const Parallelism& threads)
      : log(events), facts(events, table), activity(events, threads), parallelism(threads) {}

  const EventLog& log;
  FactsAt facts;
  Activity activity;
  const Parallelism& parallelism;
};

std::int64_t FollowUp(const ForecastOptions& o) {
  return std::max((o.horizon - 1) * o.period_us + o.inactive_us, o.horizon * o.period_us);
}

// The users of one moment who are asked about.
struct Moment {
  std::unique_ptr<UserFeatures> features;
  std::vector<Case> cases;
};

Moment AtRisk(const World& world, const ForecastOptions& o, std::int64_t moment_us) {
  Moment moment;
  moment.features =
      std::make_unique<UserFeatures>(ComputeUserFeatures(world.activity.Before(moment_us), world.parallelism));
  const double inactive_days = static_cast<double>(o.inactive_us) / static_cast<double>(kDayMicros);
  for (std::size_t n = 0; n < moment.features->users.size(); ++n)
    if (moment.features->row(n)[kRecencyDays] <= inactive_days) moment.cases.push_back({moment.features.get(), n});
  return moment;
}

bool PaidBefore(const Case& c) {
  return c.features->row(c.row)[kPayments] > 0;
}

// Period from 0 in which the user leaves; the horizon where they stay.
std::size_t LeavesIn(std::span<const ActivityEvent> future, std::int64_t moment, const ForecastOptions& o) {
  auto event = future.begin();
  for (int period = 0; period < o.horizon; ++period) {
    const std::int64_t begin = moment + period * o.period_us;
    while (event != future.end() && (event->time_us < begin || !event->act)) ++event;
    if (event == future.end() || event->time_us >= begin + o.inactive_us) return static_cast<std::size_t>(period);
  }
  return static_cast<std::size_t>(o.horizon);
}

void Observe(const World& world, const ForecastOptions& o, std::span<const Case> cases,
             std::array<Outcomes, kTargets>& outcomes) {
  const auto horizon = static_cast<std::size_t>(o.horizon);
  for (Outcomes& of_target : outcomes) of_target.assign(cases.size() * horizon, kGone);
  ForEachBlock(world.parallelism, cases.size(), 1024, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t n = begin; n < end; ++n) {
      const std::int64_t moment = cases[n].features->moment_us;
      const std::span<const ActivityEvent> future = world.activity.From(moment).events(cases[n].user());
      const std::size_t left = LeavesIn(future, moment, o);
      for (std::size_t t = 0; t < horizon && t <= left; ++t) outcomes[kLeave][n * horizon + t] = t == left;
      const bool repeat = PaidBefore(cases[n]);
      std::uint8_t* paid = outcomes[repeat ? kRepeatPayment : kFirstPayment].data() + n * horizon;
      std::fill(paid, paid + horizon, std::uint8_t{0});
      for (const ActivityEvent& event : future) {
        if (event.time_us >= moment + o.horizon * o.period_us) break;
        const std::int64_t period = (event.time_us - moment) / o.period_us;
        if (!event.act || !world.activity.kinds().at(event.kind).pays) continue;
        paid[period] = 1;
        if (repeat) continue;
        std::fill(paid + period + 1, paid + horizon, kGone);
        break;
      }
    }
  });
}

std::vector<PeriodModel> FitPeriods(const std::vector<double>& values, const std::vector<std::string>& columns,
                                    const Outcomes& outcomes, const ForecastOptions& o, const Parallelism& parallelism,
                                    std::vector<std::string>& problems, absl::Status& status) {
  const auto horizon = static_cast<std::size_t>(o.horizon);
  const std::size_t cases = outcomes.size() / horizon, width = columns.size();
  std::vector<PeriodModel> models;
  for (std::size_t t = 0; t < horizon && status.ok(); ++t) {
    std::vector<double> of_period;
    std::vector<std::uint8_t> labels;
    std::size_t ones = 0;
    for (std::size_t n = 0; n < cases; ++n) {
      const std::uint8_t outcome = outcomes[n * horizon + t];
      if (outcome == kGone) continue;
      of_period.insert(of_period.end(), values.begin() + static_cast<std::ptrdiff_t>(n * width),
                       values.begin() + static_cast<std::ptrdiff_t>((n + 1) * width));
      labels.push_back(outcome);
      ones += outcome;
    }
    PeriodModel model;
    if (ones == 0 || ones == labels.size()) {
      // Nothing to tell the cases apart by: the share of ones with half a case of either kind added.
      model.constant = (static_cast<double>(ones) + 0.5) / (static_cast<double>(labels.size()) + 1);
    } else {
      absl::StatusOr<LogisticFit> fit = FitLogistic(
          {.values = of_period, .columns = columns, .labels = labels, .groups = {}}, o.regression, parallelism);
      if (!fit.ok()) {
        status = fit.status();
        break;
      }
      if (!fit->converged) problems.push_back("period " + std::to_string(t + 1) + ": " + fit->problems.back().message);
      model.fit = *std::move(fit);
    }
    models.push_back(std::move(model));
  }
  return models;
}

double Predict(const PeriodModel& model, std::span<const double> row) {
  return model.fit ? model.fit->Probability(row) : model.constant;
}

// Probabilities as seen from the moment. Where `once`, a period is reached only by those it did not happen to before.
std::vector<double> SeenFromMoment(const std::vector<PeriodModel>& models, std::span<const double> row, bool once) {
  std::vector<double> probabilities;
  double waiting = 1;
  for (const PeriodModel& model : models) {
    const double hazard = Predict(model, row);
    probabilities.push_back(waiting * hazard);
    if (once) waiting *= 1 - hazard;
  }
  return probabilities;
}

// What is learned at one moment.
struct Learned {
  ForecastDesign design;
  std::array<std::vector<PeriodModel>, kTargets> models, baseline;
  std::vector<std::int64_t> cut_offs;
  std::size_t rows = 0;
  std::vector<std::string> problems;
};

absl::StatusOr<Learned> LearnAt(const World& world, const ForecastOptions& o, std::int64_t at_us, bool with_baseline) {
  Learned learned;
  std::vector<Moment> moments;
  std::vector<Case> cases;
  for (int m = 0; m < o.cut_offs; ++m) {
    const std::int64_t cut_off = at_us - FollowUp(o) - m * o.horizon * o.period_us;
    if (world.activity.event_count() == 0 || cut_off <= world.activity.first_us()) break;
    Moment moment = AtRisk(world, o, cut_off);
    if (moment.cases.empty()) continue;
    learned.cut_offs.push_back(cut_off);
    cases.insert(cases.end(), moment.cases.begin(), moment.cases.end());
    moments.push_back(std::move(moment));
  }
  if (cases.empty())
    return absl::FailedPreconditionError(absl::StrCat("ForecastUsers: want acts more than ", FollowUp(o) / kDayMicros,
                                                      " days before the moment to learn from, got none"));
  if (cases.size() > o.max_rows) {
    const double share = static_cast<double>(o.max_rows) / static_cast<double>(cases.size());
    std::erase_if(cases, [&](const Case& c) {
      return Random(c.user(), static_cast<std::uint64_t>(c.features->moment_us)).Uniform() >= share;
    });
  }
  learned.rows = cases.size();
  learned.design = ForecastDesign::Learn(world.facts, cases, learned.problems);
  std::array<Outcomes, kTargets> outcomes;
  Observe(world, o, cases, outcomes);
  absl::Status status;
  const std::vector<double> values = learned.design.Encode(world.facts, cases, world.parallelism);
  for (std::size_t target = 0; target < kTargets && status.ok(); ++target)
    learned.models[target] =
        FitPeriods(values, learned.design.columns(), outcomes[target], o, world.parallelism, learned.problems, status);
  if (with_baseline) {
    const std::vector<double> two = ForecastDesign::EncodeBaseline(cases);
    const std::vector<std::string> names = {"log1p(recency_days)", "log1p(events)"};
    for (std::size_t target = 0; target < kTargets && status.ok(); ++target)
      learned.baseline[target] =
          FitPeriods(two, names, outcomes[target], o, world.parallelism, learned.problems, status);
  }
  if (!status.ok()) return status;
  return learned;
}

// The features that raise the first period's probability most, their columns added up.
std::vector<ForecastReason> Reasons(const PeriodModel& model, const ForecastDesign& design,
                                    std::span<const double> row) {
  if (!model.fit) return {};
  std::map<std::string, double> amounts;
  for (std::size_t j = 0; j < row.size(); ++j)
    amounts[design.features()[j]] += model.fit->coefficients[j] * (row[j] - model.fit->means[j]);
  std::vector<ForecastReason> reasons;
  for (const auto& [feature, amount] : amounts)
    if (amount > 0) reasons.push_back({feature, amount});
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const ForecastReason& a, const ForecastReason& b) { return a.amount > b.amount; });
  if (reasons.size() > kReasons) reasons.resize(kReasons);
  return reasons;
}

absl::Status CheckWorld(const World& world, const ForecastOptions& options) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  if (world.activity.event_count() == 0)
    return absl::FailedPreconditionError("ForecastUsers.log: want events with a time, got none");
  // Every time that is computed lies within 64 bits.
  const std::int64_t reach = FollowUp(options) + 200 * options.horizon * options.period_us;
  std::int64_t ignored = 0;
  if (__builtin_sub_overflow(options.at_us, reach, &ignored) || __builtin_add_overflow(options.at_us, reach, &ignored))
    return absl::InvalidArgumentError(
        absl::StrCat("ForecastOptions.at_us: want a time that leaves room for periods, got ", options.at_us));
  return absl::OkStatus();
}

absl::StatusOr<Forecast> RunForecast(const EventLog& log, const UserTable& facts, const ForecastOptions& o,
                                     const Parallelism& parallelism) {
  WAYPOST_RETURN_IF_ERROR(Validate(o));
  const World world(log, facts, parallelism);
  WAYPOST_RETURN_IF_ERROR(CheckWorld(world, o));
  WAYPOST_ASSIGN_OR_RETURN(Learned learned, LearnAt(world, o, o.at_us, /*with_baseline=*/false));
  const Moment now = AtRisk(world, o, o.at_us);
  const std::vector<double> values = learned.design.Encode(world.facts, now.cases, parallelism);
  const std::size_t width = learned.design.columns().size();
  double spend = 0, payments = 0;
  for (std::size_t n = 0; n < now.features->users.size(); ++n) {
    spend += now.features->row(n)[kSpend];
    payments += now.features->row(n)[kPayments];
  }
  const double usual = payments == 0 ? 0 : spend / payments;
  Forecast forecast;
  forecast.users.resize(now.cases.size());
  ForEachBlock(parallelism, now.cases.size(), 256, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t n = begin; n < end; ++n) {
      const std::span<const double> row = std::span(values).subspan(n * width, width);
      const std::span<const double> features = now.features->row(now.cases[n].row);
      UserForecast& user = forecast.users[n];
      user.user = now.cases[n].user();
      user.paid_before = PaidBefore(now.cases[n]);
      const Target pays = user.paid_before ? kRepeatPayment : kFirstPayment;
      user.p_leave = SeenFromMoment(learned.models[kLeave], row, /*once=*/true);
      user.p_pay = SeenFromMoment(learned.models[pays], row, !user.paid_before);
      double left = 0;
      for (const double p : user.p_leave) user.survival.push_back(std::max(0.0, 1 - (left += p)));
      user.expected_payments = std::accumulate(user.p_pay.begin(), user.p_pay.end(), 0.0);
      user.expected_value =
          user.expected_payments * (features[kSpend] + kOwnWeight * usual) / (features[kPayments] + kOwnWeight);
      user.leave_because = Reasons(learned.models[kLeave][0], learned.design, row);
      user.pay_because = Reasons(learned.models[pays][0], learned.design, row);
    }
  });
  forecast.cut_offs = std::move(learned.cut_offs);
  forecast.rows = learned.rows;
  forecast.columns = learned.design.columns();
  forecast.problems = std::move(learned.problems);
  return forecast;
}

// Forecasts and outcomes of one target, by horizon, gathered over cut-offs.
struct Gathered {
  std::vector<std::vector<double>> model, baseline;
  std::vector<std::vector<std::uint8_t>> outcomes;

  explicit Gathered(std::size_t horizon) : model(horizon), baseline(horizon), outcomes(horizon) {}
};

absl::StatusOr<std::vector<HorizonFigures>> Compare(const Gathered& gathered) {
  std::vector<HorizonFigures> figures;
  for (std::size_t t = 0; t < gathered.model.size(); ++t) {
    if (gathered.model[t].empty()) continue;
    HorizonFigures found;
    found.period = static_cast<int>(t) + 1;
    WAYPOST_ASSIGN_OR_RETURN(found.model, EvaluateProbabilities(gathered.model[t], gathered.outcomes[t]));
    WAYPOST_ASSIGN_OR_RETURN(found.baseline, EvaluateProbabilities(gathered.baseline[t], gathered.outcomes[t]));
    const auto ones = std::count(gathered.outcomes[t].begin(), gathered.outcomes[t].end(), 1);
    if (ones >= 2 && static_cast<std::ptrdiff_t>(gathered.outcomes[t].size()) - ones >= 2) {
      WAYPOST_ASSIGN_OR_RETURN(found.advantage,
                               CompareAuc(gathered.model[t], gathered.baseline[t], gathered.outcomes[t]));
    }
    figures.push_back(std::move(found));
  }
  return figures;
}

absl::StatusOr<Backtest> RunBacktest(const EventLog& log, const UserTable& facts, const ForecastOptions& o, int count,
                                     const Parallelism& parallelism) {
  WAYPOST_RETURN_IF_ERROR(Validate(o));
  if (count < 1 || count > 100)
    return absl::InvalidArgumentError(absl::StrCat("BacktestForecast.count: want 1..100, got ", count));
  const World world(log, facts, parallelism);
  WAYPOST_RETURN_IF_ERROR(CheckWorld(world, o));
  const auto horizon = static_cast<std::size_t>(o.horizon);
  std::vector<Gathered> gathered(kTargets, Gathered(horizon));
  Backtest backtest;
  for (int k = 0; k < count; ++k) {
    const std::int64_t moment = o.at_us - FollowUp(o) - k * o.horizon * o.period_us;
    const absl::StatusOr<Learned> learned = LearnAt(world, o, moment, /*with_baseline=*/true);
    if (!learned.ok()) {
      if (k == 0 || learned.status().code() != absl::StatusCode::kFailedPrecondition) return learned.status();
      backtest.problems.push_back(absl::StrCat("the events reach back for ", k, " of ", count, " cut-offs"));
      break;
    }
    const Moment then = AtRisk(world, o, moment);
    const std::vector<double> values = learned->design.Encode(world.facts, then.cases, parallelism);
    const std::vector<double> two = ForecastDesign::EncodeBaseline(then.cases);
    const std::size_t width = learned->design.columns().size();
    std::array<Outcomes, kTargets> outcomes;
    Observe(world, o, then.cases, outcomes);
    for (std::size_t target = 0; target < kTargets; ++target) {
      const bool once = target != kRepeatPayment;
      for (std::size_t n = 0; n < then.cases.size(); ++n) {
        if (outcomes[target][n * horizon] == kGone) continue;  // of the other target
        const std::vector<double> p =
            SeenFromMoment(learned->models[target], std::span(values).subspan(n * width, width), once);
        const std::vector<double> b = SeenFromMoment(learned->baseline[target], std::span(two).subspan(n * 2, 2), once);
        double p_by = 0, b_by = 0;
        std::uint8_t happened = 0;
        for (std::size_t t = 0; t < horizon; ++t) {
          const std::uint8_t outcome = outcomes[target][n * horizon + t];
          p_by = once ? std::min(1.0, p_by + p[t]) : p[t];
          b_by = once ? std::min(1.0, b_by + b[t]) : b[t];
          happened = once ? std::max<std::uint8_t>(happened, outcome == 1) : outcome;
          gathered[target].model[t].push_back(p_by);
          gathered[target].baseline[t].push_back(b_by);
          gathered[target].outcomes[t].push_back(happened);
        }
      }
    }
    backtest.cut_offs.push_back(moment);
    backtest.forecasts += then.cases.size();
    for (const std::string& problem : learned->problems)
      if (std::find(backtest.problems.begin(), backtest.problems.end(), problem) == backtest.problems.end())
        backtest.problems.push_back(problem);
  }
  WAYPOST_ASSIGN_OR_RETURN(backtest.leave, Compare(gathered[kLeave]));
  WAYPOST_ASSIGN_OR_RETURN(backtest.first_payment, Compare(gathered[kFirstPayment]));
  WAYPOST_ASSIGN_OR_RETURN(backtest.repeat_payment, Compare(gathered[kRepeatPayment]));
  return backtest;
}

}  // namespace

absl::Status Validate(const ForecastOptions& o) {
  constexpr std::int64_t kLongest = 3650 * kDayMicros;
  for (const auto& [name, value] : {std::pair("period_us", o.period_us), std::pair("inactive_us", o.inactive_us)})
    if (value < 1 || value > kLongest)
      return absl::InvalidArgumentError(
          absl::StrCat("ForecastOptions.", name, ": want 1 microsecond to 3650 days, got ", value, " microseconds"));
  if (o.horizon < 1 || o.horizon > 52)
    return absl::InvalidArgumentError(absl::StrCat("ForecastOptions.horizon: want 1..52, got ", o.horizon));
  if (o.cut_offs < 1 || o.cut_offs > 100)
    return absl::InvalidArgumentError(absl::StrCat("ForecastOptions.cut_offs: want 1..100, got ", o.cut_offs));
  if (o.max_rows < 100)
    return absl::InvalidArgumentError(absl::StrCat("ForecastOptions.max_rows: want 100 or more, got ", o.max_rows));
  return Validate(o.regression);
}

absl::StatusOr<Forecast> ForecastUsers(const EventLog& log, const UserTable& facts, const ForecastOptions& options,
                                       const Parallelism& parallelism) {
  try {
    return RunForecast(log, facts, options, parallelism);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("ForecastUsers: want more memory for the rows to learn from");
  }
}

absl::StatusOr<Backtest> BacktestForecast(const EventLog& log, const UserTable& facts, const ForecastOptions& options,
                                          int count, const Parallelism& parallelism) {
  try {
    return RunBacktest(log, facts, options, count, parallelism);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("BacktestForecast: want more memory for the rows to learn from");
  }
}

}  // namespace waypost
