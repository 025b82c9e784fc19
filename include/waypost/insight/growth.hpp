// waypost/insight/growth.hpp - how a community grows: growth curves fitted to counts, and how well they are known.
//
// Definition   Logistic [1]: dN/dt = r N (1 - N / K), so N(t) = K / (1 + (K / N0 - 1) exp(-r t)); its midpoint, where
//              growth is fastest, is log(K / N0 - 1) / r. Richards [2]: N(t) = K / (1 + ((K / N0)^v - 1) exp(-r
//              t))^(1/v), of shape v; v = 1 is the logistic, v -> 0 Gompertz's curve; midpoint log(((K / N0)^v - 1) /
//              v) / r, where N = K (1 + v)^(-1/v). t is the time as given, N0 is N at its zero.
//              Cumulative counts are fitted to N(t_i), counts per period to N(t_i) - N(t_(i-1)), the first period as
//              long as the second; both by least squares. AIC = 2 (p + 1) - 2 L, L the normal log-likelihood.
//              Intervals are profiles [3]: all values at which S, minimised over the other parameters, is at most
//              S_min (1 + c t^2 / (n - p)), t Student's quantile. c = 1 while residuals are independent; where their
//              first autocorrelation is above 2 / sqrt(n), c is the ratio of the variance that they show to the one
//              that independent residuals would give. That variance is the sandwich of [4] with the width 1.3 sqrt(n)
//              of [5]: over the residuals of counts per period, and over the increments of the residuals of
//              cumulative counts, whose errors add up.
// Sources      [1] P.-F. Verhulst, Notice sur la loi que la population suit dans son accroissement, 1838.
//              [2] F. Richards, A Flexible Growth Function for Empirical Use, J. Exp. Botany 10(2), 1959.
//              [3] D. Bates, D. Watts, Nonlinear Regression Analysis and Its Applications, 1988, chapter 6.
//              [4] W. Newey, K. West, A Simple, Positive Semi-definite, Heteroskedasticity and Autocorrelation
//              Consistent Covariance Matrix, Econometrica 55(3), 1987.
//              [5] E. Lazarus et al., HAR Inference: Recommendations for Practice, JBES 36(4), 2018.
//              [6] N. Kiefer, T. Vogelsang, A New Asymptotic Theory for Heteroskedasticity-Autocorrelation Robust
//              Tests, Econometric Theory 21(6), 2005: the wider quantiles that [5] asks for.
// Deviations   K counts as not identified when the data end before the midpoint, whatever the fit says (the bend that
//              shows K has not come), when S does not rise enough towards K = kMostCapacity times the largest count,
//              and when the counts do not grow.
// Complexity   tens of least-squares fits a curve, each O(n) a step: 10,000 counts take seconds.
// Numerics     fitted in log K, r, log N, log v, so that K, N0 and v stay positive; long double (least_squares.hpp).
// Determinism  one thread, no random numbers.
// Checked by   tests/unit/insight_growth_test.cpp (exact curves, coverage of the intervals on simulated counts),
//              tests/data/growth_test.cpp (Rat42 and Rat43 of NIST, a real community).
#ifndef WAYPOST_INSIGHT_GROWTH_HPP_
#define WAYPOST_INSIGHT_GROWTH_HPP_

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/insight/least_squares.hpp"

namespace waypost {

enum class GrowthModel { kLogistic, kRichards };

// "logistic", "richards".
std::string_view NameOf(GrowthModel model);

enum class CountKind {
  kCumulative,  // how many there are
  kPerPeriod,   // how many came since the time before
};

inline constexpr double kMostCapacity = 1e6;  // of the largest count: beyond, K is as good as infinite

// Options of FitGrowth. Aggregate: use designated initializers.
struct GrowthOptions {
  CountKind counts = CountKind::kCumulative;
  // K where it is known: the size of the market, of the school. Positive. Fitted where not set.
  std::optional<double> capacity = std::nullopt;
  double confidence = 0.95;  // in (0, 1)
};
absl::Status Validate(const GrowthOptions& options);

struct GrowthParameter {
  std::string_view name;      // "K", "r", "N0", "shape"
  double estimate = 0;        // NaN of a K beyond kMostCapacity times the largest count
  double standard_error = 0;  // as if residuals were independent; NaN where there is none
  std::optional<double> low;  // of the interval; none where nothing bounds it
  std::optional<double> high;
  bool given = false;  // not fitted: no error and no interval
};

struct GrowthFit {
  GrowthModel model = GrowthModel::kLogistic;
  FitStatus status = FitStatus::kNotConverged;
  bool capacity_identified = false;         // true where K is given
  std::vector<GrowthParameter> parameters;  // K, r, N0 and, of Richards, shape
  double midpoint = 0;                      // when growth is fastest; NaN where no time is
  double rss = 0;
  double log_likelihood = 0;
  double aic = 0;
  double autocorrelation = 0;     // first, of the residuals
  double variance_ratio = 1;      // c of K, or of r where K is given
  double first_time = 0;          // of the curve: the first time, or where the first period begins
  double first_count = 0;         // N there
  std::vector<double> residuals;  // count - curve

  // Requires  a name of `parameters`.
  const GrowthParameter& parameter(std::string_view name) const;
};

// Fits a growth curve.
//
//   times    ascending, in any unit.
//   counts   as many; none negative, not all zero.
// Errors     kInvalidArgument: options, lengths, fewer counts than parameters and one, values that are not finite,
//            negative, all zero or, times, not ascending.
absl::StatusOr<GrowthFit> FitGrowth(std::span<const double> times, std::span<const double> counts, GrowthModel model,
                                    const GrowthOptions& options = {});

// Returns N(t) of a fit.
double GrowthAt(const GrowthFit& fit, double time);

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_GROWTH_HPP_
