#include "waypost/insight/purchases.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <new>
#include <tuple>

#include "insight/maximum.hpp"
#include "waypost/base/normal.hpp"

namespace waypost {
namespace {

using Real = long double;
using internal::LogGamma;

absl::Status Check(std::span<const PurchaseHistory> customers, double confidence) {
  if (!(confidence > 0 && confidence < 1))
    return absl::InvalidArgumentError(absl::StrCat("confidence: want a value between 0 and 1, got ", confidence));
  if (customers.empty()) return absl::InvalidArgumentError("customers: want at least one, got none");
  for (std::size_t n = 0; n < customers.size(); ++n) {
    const PurchaseHistory& one = customers[n];
    if (!(one.repeats >= 0 && std::isfinite(one.repeats) && one.repeats == std::floor(one.repeats)))
      return absl::InvalidArgumentError(
          absl::StrCat("customers.repeats: want a whole number >= 0, got ", one.repeats, " at ", n));
    if (!(one.recency >= 0 && one.recency <= one.age && std::isfinite(one.age)))
      return absl::InvalidArgumentError(
          absl::StrCat("customers.recency: want 0 <= recency <= age, got ", one.recency, " of ", one.age, " at ", n));
  }
  return absl::OkStatus();
}

PurchaseFit Describe(const internal::Maximum& maximum, std::span<const std::string_view> names, std::size_t customers,
                     double confidence) {
  PurchaseFit fit{.status = maximum.status, .parameters = {}};
  fit.log_likelihood = maximum.value;
  fit.aic = 2 * static_cast<double>(names.size()) - 2 * maximum.value;
  fit.customers = customers;
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
}

// A fit whose parameters nothing tells.
PurchaseFit Untold(std::span<const std::string_view> names, double confidence) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> none(names.size(), kNone);
  return Describe({.status = FitStatus::kNotIdentified, .at = none, .log_errors = none, .value = kNone}, names, 0,
                  confidence);
}

}  // namespace

absl::StatusOr<PurchaseFit> FitBgNbd(std::span<const PurchaseHistory> customers, double confidence) try {
  WAYPOST_RETURN_IF_ERROR(Check(customers, confidence));
  constexpr std::array<std::string_view, 4> kNames = {"r", "alpha", "a", "b"};
  std::map<std::tuple<double, double, double>, double> counts;  // customers alike are summed once
  double most_repeats = 0, age = 0;
  for (const PurchaseHistory& one : customers) {
    ++counts[{one.repeats, one.recency, one.age}];
    most_repeats = std::max(most_repeats, one.repeats);
    age += one.age / static_cast<double>(customers.size());
  }
  if (!(most_repeats > 0) || !(age > 0)) return Untold(kNames, confidence);
  const std::vector<std::pair<std::tuple<double, double, double>, double>> alike(counts.begin(), counts.end());
  const auto likelihood = [&](std::span<const Real> parameters) {
    const Real r = parameters[0], alpha = parameters[1], a = parameters[2], b = parameters[3];
    const Real log_alpha = std::log(alpha), log_a = std::log(a), gamma_r = LogGamma(r);
    Real sum = 0, last_x = -1, common = 0;
    for (const auto& [history, count] : alike) {  // sorted by x
      const auto [x, recency, age_of] = history;
      if (x != last_x) {
        common = LogGamma(r + x) - gamma_r + r * log_alpha;
        common += LogGamma(b + x) - LogGamma(b) + LogGamma(a + b) - LogGamma(a + b + x);  // B(a, b + x) / B(a, b)
        last_x = x;
      }
      const Real stays = -(r + x) * std::log(alpha + age_of);
      if (x == 0) {
        sum += count * (common + stays);
        continue;
      }
      // B(a + 1, b + x - 1) / B(a, b + x) = a / (b + x - 1).
      const Real left = log_a - std::log(b + x - 1) - (r + x) * std::log(alpha + recency);
      const Real larger = std::max(stays, left);
      sum += count * (common + larger + std::log1p(std::exp(-std::abs(stays - left))));
    }
    return sum;
  };
  const internal::Maximum maximum = internal::Maximise(likelihood, std::vector<double>{1, age, 1, 1});
  return Describe(maximum, kNames, customers.size(), confidence);
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("FitBgNbd: memory");
}

absl::StatusOr<PurchaseFit> FitGammaGamma(std::span<const PurchaseHistory> customers, double confidence) try {
  WAYPOST_RETURN_IF_ERROR(Check(customers, confidence));
  constexpr std::array<std::string_view, 3> kNames = {"p", "q", "v"};
  std::vector<std::pair<Real, Real>> spends;  // x, m
  Real mean = 0;
  for (std::size_t n = 0; n < customers.size(); ++n) {
    const PurchaseHistory& one = customers[n];
    if (!(one.mean_spend >= 0 && std::isfinite(one.mean_spend)))
      return absl::InvalidArgumentError(
          absl::StrCat("customers.mean_spend: want a finite value >= 0, got ", one.mean_spend, " at ", n));
    if (!(one.repeats > 0 && one.mean_spend > 0)) continue;
    spends.emplace_back(one.repeats, one.mean_spend);
    mean += one.mean_spend;
  }
  if (spends.size() < kNames.size()) return Untold(kNames, confidence);
  mean /= static_cast<Real>(spends.size());
  const auto likelihood = [&](std::span<const Real> parameters) {
    const Real p = parameters[0], q = parameters[1], v = parameters[2];
    const Real gamma_q = LogGamma(q), log_v = std::log(v);
    Real sum = 0;
    for (const auto& [x, m] : spends) {
      const Real px = p * x;
      sum += LogGamma(px + q) - LogGamma(px) - gamma_q + q * log_v + (px - 1) * std::log(m) + px * std::log(x) -
             (px + q) * std::log(v + m * x);
    }
    return sum;
  };
  const internal::Maximum maximum =
      internal::Maximise(likelihood, std::vector<double>{2, 3, static_cast<double>(mean)});
  return Describe(maximum, kNames, spends.size(), confidence);
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("FitGammaGamma: memory");
}

double AliveProbability(const PurchaseFit& bg_nbd, const PurchaseHistory& customer) {
  if (!(customer.repeats > 0)) return 1;
  const double r = bg_nbd.parameters[0].estimate, alpha = bg_nbd.parameters[1].estimate;
  const double a = bg_nbd.parameters[2].estimate, b = bg_nbd.parameters[3].estimate;
  const double odds = std::log(a / (b + customer.repeats - 1)) +
                      (r + customer.repeats) * std::log((alpha + customer.age) / (alpha + customer.recency));
  return 1 / (1 + std::exp(odds));
}

double ExpectedSpend(const PurchaseFit& gamma_gamma, const PurchaseHistory& customer) {
  const double p = gamma_gamma.parameters[0].estimate, q = gamma_gamma.parameters[1].estimate;
  const double v = gamma_gamma.parameters[2].estimate;
  const double weight = p * customer.repeats + q - 1;
  return weight > 0 ? p * (v + customer.mean_spend * customer.repeats) / weight
                    : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace waypost
