#include "waypost/insight/lifetimes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

#include "insight/maximum.hpp"
#include "waypost/base/normal.hpp"

namespace waypost {
namespace {

using Real = long double;

absl::Status Check(std::span<const Lifetime> lifetimes, double confidence) {
  if (!(confidence > 0 && confidence < 1))
    return absl::InvalidArgumentError(absl::StrCat("confidence: want a value between 0 and 1, got ", confidence));
  if (lifetimes.empty()) return absl::InvalidArgumentError("lifetimes: want at least one, got none");
  for (std::size_t n = 0; n < lifetimes.size(); ++n) {
    if (!(lifetimes[n].time >= 0 && std::isfinite(lifetimes[n].time)))
      return absl::InvalidArgumentError(
          absl::StrCat("lifetimes.time: want a finite value >= 0, got ", lifetimes[n].time, " at ", n));
    if (!(lifetimes[n].weight > 0 && std::isfinite(lifetimes[n].weight)))
      return absl::InvalidArgumentError(
          absl::StrCat("lifetimes.weight: want a finite value > 0, got ", lifetimes[n].weight, " at ", n));
  }
  return absl::OkStatus();
}

struct Sums {
  Real events = 0;
  Real time = 0;      // of all
  Real log_time = 0;  // of those that are over
  double longest = 0;
};

Sums SumsOf(std::span<const Lifetime> lifetimes) {
  Sums sums;
  for (const Lifetime& life : lifetimes) {
    sums.time += static_cast<Real>(life.weight) * life.time;
    sums.longest = std::max(sums.longest, life.time);
    if (!life.over) continue;
    sums.events += life.weight;
    sums.log_time += static_cast<Real>(life.weight) * std::log(static_cast<Real>(life.time));
  }
  return sums;
}

internal::Maximum FitExponential(const Sums& sums) {
  internal::Maximum maximum{.status = FitStatus::kNotIdentified, .at = {}, .log_errors = {}, .value = 0};
  const Real rate = sums.time > 0 ? sums.events / sums.time : 0;
  maximum.at = {static_cast<double>(rate)};
  maximum.log_errors = {std::numeric_limits<double>::quiet_NaN()};
  if (!(rate > 0)) return maximum;
  maximum.status = FitStatus::kConverged;
  maximum.value = static_cast<double>(sums.events * std::log(rate) - rate * sums.time);
  maximum.log_errors = {static_cast<double>(1 / std::sqrt(sums.events))};
  return maximum;
}

absl::StatusOr<internal::Maximum> FitWeibull(std::span<const Lifetime> lifetimes, const Sums& sums) {
  if (sums.events > 0 && !std::isfinite(sums.log_time))
    return absl::InvalidArgumentError("lifetimes.time: want events after time 0 for weibull, got one at 0");
  const auto likelihood = [&](std::span<const Real> x) {
    const Real log_scale = std::log(x[0]), shape = x[1];
    Real hazard = 0;
    for (const Lifetime& life : lifetimes)
      if (life.time > 0) hazard += life.weight * std::exp(shape * (std::log(static_cast<Real>(life.time)) - log_scale));
    return sums.events * (std::log(shape) - shape * log_scale) + (shape - 1) * sums.log_time - hazard;
  };
  return internal::Maximise(likelihood, std::vector<double>{static_cast<double>(sums.time / sums.events), 1});
}

// What sbg's likelihood needs to know: in period t, counted from 1, how many were there and how many of them left.
struct Periods {
  std::vector<Real> at_risk;
  std::vector<Real> left;
};

absl::StatusOr<Periods> PeriodsOf(std::span<const Lifetime> lifetimes, const Sums& sums) {
  if (sums.longest > kMostPeriods)
    return absl::InvalidArgumentError(
        absl::StrCat("lifetimes.time: want at most ", kMostPeriods, " periods for sbg, got ", sums.longest));
  Periods periods;
  periods.at_risk.assign(static_cast<std::size_t>(sums.longest) + 1, 0);  // the last entry stays zero
  periods.left = periods.at_risk;
  for (std::size_t n = 0; n < lifetimes.size(); ++n) {
    const Lifetime& life = lifetimes[n];
    if (life.time != std::floor(life.time) || (life.over && life.time < 1))
      return absl::InvalidArgumentError(
          absl::StrCat("lifetimes.time: want whole periods from 1 for sbg, got ", life.time, " at ", n));
    if (life.time < 1) continue;
    const auto last = static_cast<std::size_t>(life.time) - 1;
    periods.at_risk[last] += life.weight;
    if (life.over) periods.left[last] += life.weight;
  }
  for (std::size_t t = periods.at_risk.size() - 1; t-- > 0;) periods.at_risk[t] += periods.at_risk[t + 1];
  return periods;
}

absl::StatusOr<internal::Maximum> FitShiftedBetaGeometric(std::span<const Lifetime> lifetimes, const Sums& sums) {
  WAYPOST_ASSIGN_OR_RETURN(const Periods periods, PeriodsOf(lifetimes, sums));
  const auto likelihood = [&](std::span<const Real> x) {
    const Real a = x[0], b = x[1];
    Real sum = 0;
    for (std::size_t t = 0; t < periods.at_risk.size() && periods.at_risk[t] > 0; ++t) {
      const Real before = static_cast<Real>(t);
      sum += periods.left[t] * std::log(a) + (periods.at_risk[t] - periods.left[t]) * std::log(b + before) -
             periods.at_risk[t] * std::log(a + b + before);
    }
    return sum;
  };
  return internal::Maximise(likelihood, std::vector<double>{1, static_cast<double>(sums.time / sums.events)});
}

}  // namespace

std::string_view NameOf(LifetimeModel model) {
  switch (model) {
    case LifetimeModel::kExponential:
      return "exponential";
    case LifetimeModel::kWeibull:
      return "weibull";
    case LifetimeModel::kShiftedBetaGeometric:
      break;
  }
  return "sbg";
}

absl::StatusOr<std::vector<SurvivalStep>> KaplanMeier(std::span<const Lifetime> lifetimes, double confidence) try {
  WAYPOST_RETURN_IF_ERROR(Check(lifetimes, confidence));
  std::vector<Lifetime> sorted(lifetimes.begin(), lifetimes.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Lifetime& a, const Lifetime& b) { return a.time < b.time; });
  const double z = NormalHalfWidth(confidence);
  // Summed from the end, so that the last at risk are not a difference of large sums.
  std::vector<double> at_risk(sorted.size());
  for (std::size_t n = sorted.size(); n-- > 0;)
    at_risk[n] = sorted[n].weight + (n + 1 < sorted.size() ? at_risk[n + 1] : 0);
  std::vector<SurvivalStep> steps;
  double estimate = 1, variance = 0;
  for (std::size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    SurvivalStep step{.time = sorted[begin].time, .at_risk = at_risk[begin], .low = {}, .high = {}};
    bool all = true;  // of those at risk leave: exactly none are left
    for (end = begin; end < sorted.size() && sorted[end].time == step.time; ++end) {
      if (sorted[end].over) step.events += sorted[end].weight;
      all = all && sorted[end].over;
    }
    if (!(step.events > 0)) continue;
    if (all && end == sorted.size()) {
      estimate = 0;
    } else {
      estimate *= 1 - step.events / step.at_risk;
      variance += step.events / (step.at_risk * (step.at_risk - step.events));
      const double width = z * std::sqrt(variance) / std::log(estimate);
      step.low = std::pow(estimate, std::exp(-width));
      step.high = std::pow(estimate, std::exp(width));
    }
    step.estimate = estimate;
    steps.push_back(step);
  }
  return steps;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("KaplanMeier: memory");
}

std::optional<double> MedianOf(std::span<const SurvivalStep> steps) {
  constexpr double kRounding = 1e-12;  // of a product of shares that is one half
  for (const SurvivalStep& step : steps)
    if (step.estimate <= 0.5 + kRounding) return step.time;
  return std::nullopt;
}

absl::StatusOr<LifetimeFit> FitLifetimes(std::span<const Lifetime> lifetimes, LifetimeModel model,
                                         double confidence) try {
  WAYPOST_RETURN_IF_ERROR(Check(lifetimes, confidence));
  const Sums sums = SumsOf(lifetimes);
  std::vector<std::string_view> names = {"lambda"};
  if (model == LifetimeModel::kWeibull) names = {"scale", "shape"};
  if (model == LifetimeModel::kShiftedBetaGeometric) names = {"alpha", "beta"};
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  internal::Maximum maximum{.status = FitStatus::kNotIdentified,
                            .at = std::vector<double>(names.size(), kNone),
                            .log_errors = std::vector<double>(names.size(), kNone),
                            .value = kNone};
  if (model == LifetimeModel::kExponential) {
    maximum = FitExponential(sums);
  } else if (sums.events > 0 && (sums.time > 0 || model == LifetimeModel::kShiftedBetaGeometric)) {
    WAYPOST_ASSIGN_OR_RETURN(maximum, model == LifetimeModel::kWeibull ? FitWeibull(lifetimes, sums)
                                                                       : FitShiftedBetaGeometric(lifetimes, sums));
  }
  LifetimeFit fit{.model = model, .status = maximum.status, .parameters = {}};
  fit.log_likelihood = maximum.value;
  fit.aic = 2 * static_cast<double>(names.size()) - 2 * maximum.value;
  const double z = NormalHalfWidth(confidence);
  for (std::size_t j = 0; j < names.size(); ++j) {
    const double estimate = maximum.at[j], error = maximum.log_errors[j];
    FittedParameter parameter{
        .name = names[j], .estimate = estimate, .standard_error = estimate * error, .low = {}, .high = {}};
    if (std::isfinite(error)) {
      parameter.low = estimate * std::exp(-z * error);
      parameter.high = estimate * std::exp(z * error);
    }
    fit.parameters.push_back(parameter);
  }
  return fit;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("FitLifetimes: memory");
}

double SurvivalAt(const LifetimeFit& fit, double time) {
  const double first = fit.parameters[0].estimate;
  if (fit.model == LifetimeModel::kExponential) return std::exp(-first * time);
  const double second = fit.parameters[1].estimate;
  if (fit.model == LifetimeModel::kWeibull) return std::exp(-std::pow(time / first, second));
  const Real a = first, b = second, t = std::floor(time);
  return static_cast<double>(std::exp(internal::LogGamma(b + t) - internal::LogGamma(a + b + t) +
                                      internal::LogGamma(a + b) - internal::LogGamma(b)));
}

}  // namespace waypost
