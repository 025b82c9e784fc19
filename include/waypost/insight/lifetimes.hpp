// waypost/insight/lifetimes.hpp - how long learners stay: Kaplan-Meier and curves fitted to lifetimes, some of which
// are not over yet (censored).
//
// Definition   Kaplan-Meier [1]: S(t) = prod over event times s <= t of (1 - d_s / n_s), d_s events among n_s at
//              risk. Interval [2]: S^exp(+- z sqrt(V) / log S), V = sum d / (n (n - d)), of log(-log S), within [0,
//              1]. Median: the first time at which S <= 1/2.
//              exponential  S = exp(-lambda t).
//              weibull      S = exp(-(t / scale)^shape).
//              sbg          shifted-beta-geometric [3]: S(t) = B(alpha, beta + t) / B(alpha, beta) over whole
//              periods:
//                           each learner leaves with a probability of their own, which is beta distributed.
//              Log-likelihood: of densities, for sbg of whole periods; the two compare when a period is short beside
//              a lifetime. AIC = 2 p - 2 L. Intervals: of the logarithms, estimate exp(+- z se / estimate).
// Sources      [1] E. Kaplan, P. Meier, Nonparametric Estimation from Incomplete Observations, JASA 53, 1958.
//              [2] J. Kalbfleisch, R. Prentice, The Statistical Analysis of Failure Time Data, 2002, 1.4.
//              [3] P. Fader, B. Hardie, How to Project Customer Retention, J. Interactive Marketing 21(1), 2007.
// Complexity   n log n; sbg the longest lifetime besides.
// Numerics     event counts may be weights, not whole; float64, fits in long double.
// Determinism  one thread, no random numbers.
// Checked by   tests/unit/insight_lifetimes_test.cpp (Gehan's leukemia trial, both tables of [3]),
//              tests/data/lifetimes_test.cpp (lung).
#ifndef WAYPOST_INSIGHT_LIFETIMES_HPP_
#define WAYPOST_INSIGHT_LIFETIMES_HPP_

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/insight/least_squares.hpp"

namespace waypost {

struct Lifetime {
  double time = 0;    // >= 0, in any unit
  bool over = false;  // they left at that time; else they were still there
  double weight = 1;  // how many; > 0
};

struct SurvivalStep {
  double time = 0;  // of events
  double at_risk = 0;
  double events = 0;
  double estimate = 1;        // of S from here on
  std::optional<double> low;  // none where nobody is left
  std::optional<double> high;
};

// Returns the Kaplan-Meier curve: a step for each time of events, ascending; none where all are censored.
// Errors  kInvalidArgument: no lifetime, one that is negative or not finite, a weight not above 0, a confidence
//         outside (0, 1).
absl::StatusOr<std::vector<SurvivalStep>> KaplanMeier(std::span<const Lifetime> lifetimes, double confidence = 0.95);

// The first time at which half or fewer are left; none where more than half are left at the end.
std::optional<double> MedianOf(std::span<const SurvivalStep> steps);

enum class LifetimeModel { kExponential, kWeibull, kShiftedBetaGeometric };

// "exponential", "weibull", "sbg".
std::string_view NameOf(LifetimeModel model);

struct FittedParameter {
  std::string_view name;  // "lambda"; "scale", "shape"; "alpha", "beta"
  double estimate = 0;
  double standard_error = 0;  // NaN where there is none
  std::optional<double> low;
  std::optional<double> high;
};

struct LifetimeFit {
  LifetimeModel model = LifetimeModel::kExponential;
  FitStatus status = FitStatus::kNotConverged;
  std::vector<FittedParameter> parameters;
  double log_likelihood = 0;
  double aic = 0;
};

// Fits a curve. Where nobody left, or everybody at once, it is not identified.
// Errors  those of KaplanMeier; kInvalidArgument: weibull with an event at time 0, whose density has no value there;
//         sbg with times that are not whole, or with an event in period 0, or beyond kMostPeriods.
absl::StatusOr<LifetimeFit> FitLifetimes(std::span<const Lifetime> lifetimes, LifetimeModel model,
                                         double confidence = 0.95);

inline constexpr double kMostPeriods = 1e6;

// Returns S(time) of a fit; for sbg of the last whole period.
double SurvivalAt(const LifetimeFit& fit, double time);

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_LIFETIMES_HPP_
