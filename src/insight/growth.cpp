#include "waypost/insight/growth.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <new>
#include <numbers>
#include <numeric>
#include <utility>

#include "waypost/base/student.hpp"

namespace waypost {
namespace {

using Real = long double;

// What the curve is fitted in.
enum Coordinate : std::size_t { kLogCapacity, kRate, kLogCount, kLogShape };  // kLogCount: of N at the reference time
constexpr std::size_t kCoordinates = 4;
using Coordinates = std::array<Real, kCoordinates>;

constexpr int kMostSteps = 300;  // of a fit; those of real curves take 10 to 30
constexpr int kMostWalk = 80;    // steps outwards in search of the end of an interval
constexpr int kMostBisection = 60;
constexpr double kEndTolerance = 1e-6;  // of an interval's end, as a share of its length
constexpr double kProfileTolerance = 1e-4;
constexpr Real kFarthest = 200;  // of log K and log v: within, S is flat beyond the bounds
constexpr Real kLogShapes = 12;  // log v lies within: beyond, the curve is Gompertz's or bends at once
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// A value and its derivatives by the coordinates.
struct Slopes {
  Real value = 0;
  Coordinates by{};
};

// log N(reference time + after). With v the shape, left = log(K / N) at the reference time, q = exp(v left) - 1,
// decay = exp(-r after): log N = log K - log(1 + q decay) / v.
Slopes LogCount(const Coordinates& at, Real after) {
  const Real shape = std::exp(at[kLogShape]);
  const Real left = at[kLogCapacity] - at[kLogCount];
  const Real q = std::expm1(shape * left);
  const Real decay = std::exp(-at[kRate] * after);
  const Real part = std::log1p(q * decay) / shape;
  const Real share = (q + 1) * decay / (1 + q * decay);
  Slopes slopes{at[kLogCapacity] - part, {}};
  slopes.by[kLogCapacity] = 1 - share;
  slopes.by[kRate] = q * decay * after / (shape * (1 + q * decay));
  slopes.by[kLogCount] = share;
  slopes.by[kLogShape] = part - left * share;
  return slopes;
}

Slopes Count(const Coordinates& at, Real after) {
  Slopes slopes = LogCount(at, after);
  slopes.value = std::exp(slopes.value);
  for (Real& slope : slopes.by) slope *= slopes.value;
  return slopes;
}

// Time after the reference at which growth is fastest; NaN where it has no such time.
double MidpointAfter(const Coordinates& at) {
  const Real shape = std::exp(at[kLogShape]);
  const Real odds = std::expm1(shape * (at[kLogCapacity] - at[kLogCount])) / shape;
  return at[kRate] > 0 && odds > 0 ? static_cast<double>(std::log(odds) / at[kRate]) : kNone;
}

// The series to fit and what of the curve is free.
struct Series {
  std::span<const double> times;
  std::span<const double> counts;
  GrowthModel model = GrowthModel::kLogistic;
  CountKind kind = CountKind::kCumulative;
  std::optional<Real> log_capacity;  // K given
  Real most_log_capacity = 0;        // K beyond is as good as infinite

  double first_time() const {  // where the curve begins
    return kind == CountKind::kCumulative ? times[0] : times[0] - (times[1] - times[0]);
  }
  bool free(std::size_t coordinate) const {
    if (coordinate == kLogCapacity) return !log_capacity.has_value();
    return coordinate != kLogShape || model == GrowthModel::kRichards;
  }
};

// The curve at one row: its value, or what it gained since the row before.
Slopes RowOf(const Series& series, const Coordinates& at, double reference, std::size_t row) {
  Slopes now = Count(at, static_cast<Real>(series.times[row]) - reference);
  if (series.kind == CountKind::kCumulative) return now;
  const double before_time = row == 0 ? series.first_time() : series.times[row - 1];
  const Slopes before = Count(at, static_cast<Real>(before_time) - reference);
  now.value -= before.value;
  for (std::size_t c = 0; c < kCoordinates; ++c) now.by[c] -= before.by[c];
  return now;
}

struct Fitted {
  Coordinates at{};
  std::vector<std::size_t> free;  // coordinates, as in `fit`
  LeastSquaresFit fit;

  bool holds(std::size_t coordinate) const { return std::find(free.begin(), free.end(), coordinate) == free.end(); }
};

// Fits the coordinates of `free` from `start`; the others keep its values.
absl::StatusOr<Fitted> Fit(const Series& series, double reference, const Coordinates& start,
                           std::vector<std::size_t> free, double tolerance = 1e-10) {
  Fitted fitted{start, std::move(free), {}};
  std::vector<double> begin;
  for (const std::size_t c : fitted.free) begin.push_back(static_cast<double>(start[c]));
  const Curve curve = [&](std::size_t row, std::span<const Real> b, std::span<Real> slopes) {
    Coordinates at = start;
    for (std::size_t j = 0; j < b.size(); ++j) at[fitted.free[j]] = b[j];
    if (std::abs(at[kLogShape]) > kFarthest || at[kLogCapacity] > kFarthest + series.most_log_capacity)
      return std::numeric_limits<Real>::quiet_NaN();
    const Slopes value = RowOf(series, at, reference, row);
    for (std::size_t j = 0; j < b.size(); ++j) slopes[j] = value.by[fitted.free[j]];
    return value.value;
  };
  WAYPOST_ASSIGN_OR_RETURN(
      fitted.fit, FitLeastSquares(series.counts, curve, begin, {.max_steps = kMostSteps, .tolerance = tolerance}));
  for (std::size_t j = 0; j < begin.size(); ++j) fitted.at[fitted.free[j]] = fitted.fit.parameters[j];
  return fitted;
}

std::vector<std::size_t> FreeOf(const Series& series) {
  std::vector<std::size_t> free;
  for (std::size_t c = 0; c < kCoordinates; ++c)
    if (series.free(c)) free.push_back(c);
  return free;
}

// Starts for some capacities: a straight line through log(N / (K - N)).
std::vector<Coordinates> Starts(const Series& series) {
  std::vector<double> levels(series.counts.begin(), series.counts.end());
  if (series.kind == CountKind::kPerPeriod)
    for (std::size_t n = 1; n < levels.size(); ++n) levels[n] += levels[n - 1];
  const double most = *std::max_element(levels.begin(), levels.end());
  const double span = series.times.back() - series.times.front();
  std::vector<double> capacities = {1.02 * most, 1.3 * most, 2 * most, 6 * most, 40 * most};
  if (series.log_capacity) capacities = {static_cast<double>(std::exp(*series.log_capacity))};
  std::vector<Coordinates> starts;
  for (const double capacity : capacities) {
    double n = 0, mean_t = 0, mean_z = 0, cross = 0, square = 0;
    for (std::size_t row = 0; row < levels.size(); ++row) {
      if (!(levels[row] > 1e-3 * most && levels[row] < 0.999 * capacity)) continue;
      const double t = (series.times[row] - series.first_time()) / span;
      const double z = std::log(levels[row] / (capacity - levels[row]));
      ++n;
      cross += (n - 1) / n * (t - mean_t) * (z - mean_z);
      square += (n - 1) / n * (t - mean_t) * (t - mean_t);
      mean_t += (t - mean_t) / n;
      mean_z += (z - mean_z) / n;
    }
    const double slope = square > 0 && cross > 0 ? cross / square : 1;
    const double first = n > 0 ? mean_z - slope * mean_t : -2;  // log odds where the curve begins
    starts.push_back({std::log(static_cast<Real>(capacity)), slope / span,
                      std::log(static_cast<Real>(capacity)) - std::log1p(std::exp(-static_cast<Real>(first))), 0});
    if (series.log_capacity) starts.back()[kLogCapacity] = *series.log_capacity;
  }
  return starts;
}

bool Better(const Fitted& a, const Fitted& b) {
  const bool a_good = a.fit.status == FitStatus::kConverged, b_good = b.fit.status == FitStatus::kConverged;
  if (a.fit.rss < b.fit.rss * (1 - 1e-9)) return true;
  return a_good && !b_good && a.fit.rss <= b.fit.rss * (1 + 1e-9);
}

// A fit that ran against a bound, with that coordinate held there: its others are then well defined.
absl::StatusOr<Fitted> HeldAtBounds(const Series& series, Fitted fitted) {
  constexpr Real kNear = 3;
  std::vector<std::size_t> free;
  Coordinates at = fitted.at;
  for (const std::size_t c : fitted.free) {
    if (c == kLogCapacity && at[c] > series.most_log_capacity - kNear) {
      at[c] = series.most_log_capacity;
    } else if (c == kLogShape && std::abs(at[c]) > kLogShapes - kNear) {
      at[c] = std::copysign(kLogShapes, at[c]);
    } else {
      free.push_back(c);
    }
  }
  if (free.size() == fitted.free.size()) return fitted;
  return Fit(series, series.first_time(), at, free);
}

absl::StatusOr<Fitted> BestFit(const Series& series) {
  std::vector<Coordinates> starts = Starts(series);
  if (series.model == GrowthModel::kRichards) {  // from the logistic curve, of shape 1
    Series logistic = series;
    logistic.model = GrowthModel::kLogistic;
    WAYPOST_ASSIGN_OR_RETURN(const Fitted first, BestFit(logistic));
    starts.assign(3, first.at);
    starts[1][kLogShape] = -1.5L;
    starts[2][kLogShape] = 1;
    for (Coordinates& start : starts)  // off the bound, where steps end
      if (!series.log_capacity) start[kLogCapacity] = std::min(start[kLogCapacity], series.most_log_capacity - 5);
  }
  absl::StatusOr<Fitted> best = absl::InternalError("FitGrowth: no start");
  for (const Coordinates& start : starts) {
    absl::StatusOr<Fitted> fitted = Fit(series, series.first_time(), start, FreeOf(series));
    if (fitted.ok() ? !best.ok() || Better(*fitted, *best) : !best.ok()) best = std::move(fitted);
  }
  if (!best.ok()) return best;
  return HeldAtBounds(series, *std::move(best));
}

double Autocorrelation(std::span<const double> residuals) {
  double products = 0, squares = 0;
  for (std::size_t n = 0; n < residuals.size(); ++n) {
    squares += residuals[n] * residuals[n];
    if (n > 0) products += residuals[n] * residuals[n - 1];
  }
  return squares > 0 ? products / squares : 0;
}

// c of a function of the coordinates with that gradient: the variance that correlated residuals give it over the one
// of independent residuals.
double VarianceRatio(const Series& series, const Fitted& best, std::span<const Real> gradient) {
  const std::size_t n = series.times.size(), p = best.free.size();
  std::vector<Real> direction(p, 0);  // (J^T J)^-1 gradient
  Real naive = 0;
  const Real variance = static_cast<Real>(best.fit.residual_sd) * best.fit.residual_sd;
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t k = 0; k < p; ++k)
      direction[j] += best.fit.covariance[j * p + k] / variance * gradient[best.free[k]];
    naive += direction[j] * gradient[best.free[j]] * variance;
  }
  if (!(naive > 0) || !std::isfinite(naive)) return 1;
  std::vector<Real> influence(n);  // of each residual on the function
  for (std::size_t row = 0; row < n; ++row) {
    const Slopes value = RowOf(series, best.at, series.first_time(), row);
    for (std::size_t j = 0; j < p; ++j) influence[row] += direction[j] * value.by[best.free[j]];
  }
  std::vector<Real> parts(n);
  if (series.kind == CountKind::kPerPeriod) {
    for (std::size_t row = 0; row < n; ++row) parts[row] = influence[row] * best.fit.residuals[row];
  } else {
    Real later = 0;  // an error that comes at a row stays in all later ones
    for (std::size_t row = n; row-- > 0;) {
      later += influence[row];
      parts[row] = later * (best.fit.residuals[row] - (row == 0 ? 0 : best.fit.residuals[row - 1]));
    }
  }
  const auto width = static_cast<std::size_t>(std::ceil(1.3 * std::sqrt(static_cast<double>(n))));
  Real sum = 0;
  for (std::size_t lag = 0; lag <= std::min(width, n - 1); ++lag) {
    Real products = 0;
    for (std::size_t row = lag; row < n; ++row) products += parts[row] * parts[row - lag];
    sum += products * (lag == 0 ? 1 : 2 * (1 - static_cast<Real>(lag) / static_cast<Real>(width + 1)));
  }
  const Real degrees = static_cast<Real>(n) / static_cast<Real>(n - p);
  // The long-run variance of so few residuals is itself uncertain: [6] widens the quantiles of Bartlett's kernel.
  const double b = static_cast<double>(width) / static_cast<double>(n);
  const double wider = (1.96 + b * (2.9694 + b * (0.4160 - b * 0.5324))) / 1.96;
  return std::max(1.0, wider * wider * static_cast<double>(degrees * sum / naive));
}

// The end of a profile interval on one side of `best`, as the coordinate's value; none where S stays below the limit
// up to `bound`.
//   step   about how far the end is, with the sign of the side.
std::optional<Real> ProfileEnd(const Series& series, double reference, const Coordinates& best, std::size_t coordinate,
                               Real step, Real bound, double least, double limit) {
  Coordinates warm = best;
  std::vector<std::size_t> others = FreeOf(series);
  std::erase(others, coordinate);
  const double rise = std::sqrt(limit - least);
  // Of the root of S above its minimum, which about is a straight line.
  const auto excess = [&](Real value) {
    Coordinates start = warm;
    if (series.free(kLogCapacity)) start[kLogCapacity] = std::min(start[kLogCapacity], series.most_log_capacity - 5);
    start[kLogShape] = std::clamp(start[kLogShape], 5 - kLogShapes, kLogShapes - 5);  // off the bounds
    start[coordinate] = value;
    const absl::StatusOr<Fitted> fitted = Fit(series, reference, start, others, kProfileTolerance);
    if (!fitted.ok()) return std::numeric_limits<double>::infinity();
    if (fitted->fit.rss <= limit) warm = fitted->at;
    return std::sqrt(std::max(0.0, fitted->fit.rss - least)) - rise;
  };
  Real inside = best[coordinate], outside = inside;
  double below = -rise, above = 0;
  bool found = false;
  for (int walk = 0; walk < kMostWalk && !found; ++walk, step *= 1.6L) {
    const bool last = step > 0 ? inside + step >= bound : inside + step <= bound;
    outside = last ? bound : inside + step;
    above = excess(outside);
    found = above > 0;
    if (found) break;
    if (last) return std::nullopt;
    inside = outside;
    below = above;
  }
  if (!found) return std::nullopt;
  for (int round = 0; round < kMostBisection; ++round) {
    if (std::abs(outside - inside) <= static_cast<Real>(kEndTolerance) * std::abs(outside - best[coordinate])) break;
    Real share = std::isfinite(above) && round % 4 != 3 ? static_cast<Real>(below / (below - above)) : 0.5L;
    share = std::clamp(share, 1e-7L, 1 - 1e-7L);
    // A little towards the side that moved less, so that both close in.
    share += (share < 0.5L ? 1 : -1) * 0.02L * std::min(share, 1 - share);
    const Real middle = inside + share * (outside - inside);
    const double value = excess(middle);
    if (std::abs(value) <= kEndTolerance * rise) return middle;
    (value > 0 ? outside : inside) = middle;
    (value > 0 ? above : below) = value;
  }
  return inside;
}

// The curve seen from time zero, whose count N0 then is a coordinate; and how log N0 changes with the coordinates.
struct AtZero {
  Coordinates at{};
  std::array<Real, kCoordinates> gradient{};
};

AtZero MovedToZero(const Series& series, const Coordinates& at) {
  const Slopes log_count = LogCount(at, -static_cast<Real>(series.first_time()));
  AtZero zero{at, log_count.by};
  zero.at[kLogCount] = log_count.value;
  return zero;
}

// Describes the parameters of a fit, one at a time.
//
// Immutable: safe to use from any number of threads.
class Description {
 public:
  Description(const Series& series, const Fitted& best, double confidence)
      : series_(series), best_(best), n_(static_cast<double>(series.times.size())) {
    const std::size_t freedom = series.times.size() - best.free.size();
    quantile_ = -StudentQuantile(std::max((1 - confidence) / 2, 2e-16), freedom);
    least_rise_ = best.fit.rss * quantile_ * quantile_ / static_cast<double>(freedom);
    correlated_ = Autocorrelation(best.fit.residuals) > 2 / std::sqrt(n_);
  }

  // The parameter whose logarithm, or itself if it is r, is that coordinate.
  GrowthParameter Of(std::string_view name, std::size_t coordinate) const {
    const bool zero = coordinate == kLogCount;
    const AtZero moved = zero ? MovedToZero(series_, best_.at) : AtZero{best_.at, {}};
    const Real at = moved.at[coordinate];
    const auto shown = [&](Real value) { return static_cast<double>(coordinate == kRate ? value : std::exp(value)); };
    GrowthParameter parameter{.name = name,
                              .estimate = shown(at),
                              .standard_error = kNone,
                              .low = std::nullopt,
                              .high = std::nullopt,
                              .given = !series_.free(coordinate)};
    if (parameter.given) return parameter;
    const bool held = !zero && best_.holds(coordinate);
    if (held && coordinate == kLogCapacity) parameter.estimate = kNone;
    const Coordinates gradient = GradientOf(moved, coordinate);
    const bool settled = best_.fit.status != FitStatus::kNotConverged;
    const Real error = held || !settled ? std::numeric_limits<Real>::quiet_NaN() : ErrorOf(gradient);
    parameter.standard_error = static_cast<double>(coordinate == kRate ? error : error * std::exp(at));
    // Where K is as good as infinite, only what it is at least is worth the search.
    if (series_.free(kLogCapacity) && best_.holds(kLogCapacity) && coordinate != kLogCapacity) return parameter;
    if (!(best_.fit.rss > 0) || !std::isfinite(best_.fit.rss) || !std::isfinite(at)) return parameter;

    const double limit = best_.fit.rss + RatioOf(coordinate) * least_rise_;
    const Real about = error * std::sqrt(limit / best_.fit.rss - 1) * std::sqrt(n_);
    const Real step = std::isfinite(about) && about > 0 ? std::min<Real>(about, 10) : 0.1L;
    constexpr Real kFar = 11'000;  // of a logarithm, about as far as long double goes
    Real low = -kFar, high = kFar;
    if (coordinate == kLogCapacity) high = series_.most_log_capacity;
    if (coordinate == kLogShape) high = -(low = -kLogShapes);
    const double reference = zero ? 0 : series_.first_time();
    const auto end = [&](Real sign, Real bound) -> std::optional<double> {
      if (at == bound) return std::nullopt;
      const std::optional<Real> value =
          ProfileEnd(series_, reference, moved.at, coordinate, sign * step, bound, best_.fit.rss, limit);
      return value ? std::optional<double>(shown(*value)) : std::nullopt;
    };
    parameter.low = end(-1, low);
    parameter.high = end(1, high);
    return parameter;
  }

  // c of a coordinate; of one held at a bound the largest of the others.
  double RatioOf(std::size_t coordinate) const {
    if (!correlated_) return 1;
    double ratio = 1;
    for (const std::size_t other : best_.free)
      if (other == coordinate || best_.holds(coordinate)) {
        const AtZero moved = other == kLogCount ? MovedToZero(series_, best_.at) : AtZero{best_.at, {}};
        ratio = std::max(ratio, VarianceRatio(series_, best_, GradientOf(moved, other)));
      }
    return ratio;
  }

 private:
  static Coordinates GradientOf(const AtZero& moved, std::size_t coordinate) {
    Coordinates gradient = moved.gradient;
    if (coordinate != kLogCount) gradient[coordinate] = 1;
    return gradient;
  }

  Real ErrorOf(const Coordinates& gradient) const {
    const std::size_t p = best_.free.size();
    Real variance = 0;
    for (std::size_t j = 0; j < p; ++j)
      for (std::size_t k = 0; k < p; ++k)
        variance += gradient[best_.free[j]] * best_.fit.covariance[j * p + k] * gradient[best_.free[k]];
    return std::sqrt(variance);
  }

  const Series& series_;
  const Fitted& best_;
  double n_;
  double quantile_ = 0;
  double least_rise_ = 0;  // of S at the end of an interval, with independent residuals
  bool correlated_ = false;
};

absl::Status Check(std::span<const double> times, std::span<const double> counts, std::size_t parameters) {
  if (times.size() != counts.size())
    return absl::InvalidArgumentError(
        absl::StrCat("FitGrowth.counts: want as many as times, ", times.size(), ", got ", counts.size()));
  if (times.size() < parameters + 1)
    return absl::InvalidArgumentError(
        absl::StrCat("FitGrowth.counts: want at least ", parameters + 1, ", got ", counts.size()));
  double sum = 0;
  for (std::size_t n = 0; n < times.size(); ++n) {
    if (!std::isfinite(times[n]) || (n > 0 && !(times[n] > times[n - 1])))
      return absl::InvalidArgumentError(
          absl::StrCat("FitGrowth.times: want ascending finite times, got ", times[n], " at ", n));
    if (!std::isfinite(counts[n]) || counts[n] < 0)
      return absl::InvalidArgumentError(
          absl::StrCat("FitGrowth.counts: want finite counts >= 0, got ", counts[n], " at ", n));
    sum += counts[n];
  }
  if (!(sum > 0)) return absl::InvalidArgumentError("FitGrowth.counts: want a positive count, got zeros alone");
  return absl::OkStatus();
}

}  // namespace

std::string_view NameOf(GrowthModel model) {
  return model == GrowthModel::kLogistic ? "logistic" : "richards";
}

absl::Status Validate(const GrowthOptions& options) {
  if (options.capacity && !(*options.capacity > 0 && std::isfinite(*options.capacity)))
    return absl::InvalidArgumentError(
        absl::StrCat("GrowthOptions.capacity: want a finite value > 0, got ", *options.capacity));
  if (!(options.confidence > 0 && options.confidence < 1))
    return absl::InvalidArgumentError(
        absl::StrCat("GrowthOptions.confidence: want a value between 0 and 1, got ", options.confidence));
  return absl::OkStatus();
}

const GrowthParameter& GrowthFit::parameter(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const GrowthParameter& parameter) { return parameter.name == name; });
  assert(found != parameters.end());
  return *found;
}

absl::StatusOr<GrowthFit> FitGrowth(std::span<const double> times, std::span<const double> counts, GrowthModel model,
                                    const GrowthOptions& options) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  Series series{.times = times, .counts = counts, .model = model, .kind = options.counts, .log_capacity = std::nullopt};
  const std::size_t parameters =
      2 + static_cast<std::size_t>(!options.capacity) + static_cast<std::size_t>(model == GrowthModel::kRichards);
  WAYPOST_RETURN_IF_ERROR(Check(times, counts, parameters));
  double most = *std::max_element(counts.begin(), counts.end());
  if (options.counts == CountKind::kPerPeriod) most = std::accumulate(counts.begin(), counts.end(), 0.0);
  series.most_log_capacity = std::log(static_cast<Real>(kMostCapacity) * most);
  if (options.capacity) series.log_capacity = std::log(static_cast<Real>(*options.capacity));
  WAYPOST_ASSIGN_OR_RETURN(const Fitted best, BestFit(series));

  GrowthFit fit{.model = model, .status = best.fit.status, .parameters = {}, .residuals = best.fit.residuals};
  fit.rss = best.fit.rss;
  const double n = static_cast<double>(times.size());
  fit.log_likelihood = -0.5 * n * (std::log(2 * std::numbers::pi * fit.rss / n) + 1);
  fit.aic = 2 * static_cast<double>(parameters + 1) - 2 * fit.log_likelihood;
  fit.autocorrelation = Autocorrelation(fit.residuals);
  fit.first_time = series.first_time();
  fit.first_count = static_cast<double>(std::exp(best.at[kLogCount]));
  fit.midpoint = series.first_time() + MidpointAfter(best.at);
  const Description description(series, best, options.confidence);
  fit.parameters.push_back(description.Of("K", kLogCapacity));
  fit.parameters.push_back(description.Of("r", kRate));
  fit.parameters.push_back(description.Of("N0", kLogCount));
  if (model == GrowthModel::kRichards) fit.parameters.push_back(description.Of("shape", kLogShape));
  fit.variance_ratio = description.RatioOf(options.capacity ? kRate : kLogCapacity);
  const bool bounded = fit.parameters[0].high.has_value() || (!(fit.rss > 0) && !best.holds(kLogCapacity));
  const bool rises = GrowthAt(fit, times.back()) > fit.first_count * (1 + 1e-9);  // else nothing of K shows
  const bool told = fit.status == FitStatus::kConverged && bounded && rises && fit.midpoint <= times.back();
  fit.capacity_identified = options.capacity.has_value() || told;
  return fit;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("FitGrowth: memory");
}

double GrowthAt(const GrowthFit& fit, double time) {
  Coordinates at{std::log(static_cast<Real>(fit.parameter("K").estimate)), fit.parameter("r").estimate,
                 std::log(static_cast<Real>(fit.first_count)), 0};
  if (fit.model == GrowthModel::kRichards) at[kLogShape] = std::log(static_cast<Real>(fit.parameter("shape").estimate));
  const Real after = static_cast<Real>(time) - fit.first_time;
  return static_cast<double>(Count(at, after).value);
}

}  // namespace waypost
