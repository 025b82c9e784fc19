// waypost/eval/ab_test.hpp - two arms of an experiment, read as often as one likes.
//
// Definition   Units (users, requests) fall into one of two arms at random; each brings a value. With means m and
//              variances s^2 of n units in each arm, t = n_a + n_b and v = t (s_a^2/n_a + s_b^2/n_b), the interval
//              d +- sqrt(v) sqrt(2 (t r^2 + 1) / (t^2 r^2) ln(sqrt(t r^2 + 1) / a)) of the difference d of the means
//              holds the truth at all times together with probability 1 - a, in the limit of long first waits [1,
//              Theorem 2.2]: one may look after every unit and stop when it suits. r makes it narrowest at a planned
//              number of units [1, (9)]. An interval for one look does not bear that: under continuous looks it misses
//              in a third of the experiments and more.
//              The p-value is the smallest a whose interval leaves out 0, r being fixed; it is valid at all times too.
// Sources      [1] I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy, A. Ramdas, Time-uniform Central Limit Theory and
//              Asymptotic Confidence Sequences, Annals of Statistics 52(6), 2024. [2] H. Robbins, Statistical Methods
//              Related to the Law of the Iterated Logarithm, Annals of Math. Statistics 41, 1970.
// Deviations   The limit needs a first wait: below `min_units` in either arm nothing is told. Half the square of the
//              range is added to each sum of squares, for among the first units of a rare outcome the variance seems 0.
// Numerics     Welford's sums.
// Checked by   tests/unit/eval_ab_test_test.cpp: coverage over 1,000 experiments that are read after every unit, beside
//              that of the interval for one look.
#ifndef WAYPOST_EVAL_AB_TEST_HPP_
#define WAYPOST_EVAL_AB_TEST_HPP_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

// The units of one arm so far.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class ExperimentArm {
 public:
  // Requires  value is finite.
  void Add(double value) {
    ++units_;
    const double before = value - mean_;
    mean_ += before / static_cast<double>(units_);
    squares_ += before * (value - mean_);
    least_ = std::min(least_, value);
    most_ = std::max(most_, value);
  }

  std::uint64_t units() const { return units_; }
  double mean() const { return mean_; }
  double squares() const { return squares_; }  // about the mean
  double least() const { return least_; }      // infinity without a unit
  double most() const { return most_; }

 private:
  std::uint64_t units_ = 0;
  double mean_ = 0;
  double squares_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = -std::numeric_limits<double>::infinity();
};

// Options of ReadExperiment. Aggregate: use designated initializers.
struct ExperimentOptions {
  double confidence = 0.95;
  // Units of both arms together at which the interval is narrowest; it holds at any other number too. To be chosen
  // before the first look.
  double planned_units = 10'000;
  // Units in each arm before anything is told.
  std::uint64_t min_units = 100;
};

inline absl::Status Validate(const ExperimentOptions& options) {
  if (!(options.confidence > 0 && options.confidence < 1))
    return absl::InvalidArgumentError(
        absl::StrCat("ExperimentOptions.confidence: want a value between 0 and 1, got ", options.confidence));
  if (!(options.planned_units >= 1 && std::isfinite(options.planned_units)))
    return absl::InvalidArgumentError(
        absl::StrCat("ExperimentOptions.planned_units: want at least 1, got ", options.planned_units));
  if (options.min_units < 2)
    return absl::InvalidArgumentError(
        absl::StrCat("ExperimentOptions.min_units: want at least 2, got ", options.min_units));
  return absl::OkStatus();
}

struct ExperimentReadOut {
  double difference = 0;  // mean of the candidate less that of the baseline
  Interval interval;      // valid at all times together; infinite before min_units
  double p_value = 1;     // valid at all times
  // Of the difference; infinite before min_units. An interval of 1.96 of it bears a single look only.
  double standard_error = 0;

  // Whether the difference is told from 0.
  bool told() const { return interval.low > 0 || interval.high < 0; }
};

// Returns what the two arms tell so far.
// Errors  kInvalidArgument: options.
inline absl::StatusOr<ExperimentReadOut> ReadExperiment(const ExperimentArm& candidate, const ExperimentArm& baseline,
                                                        const ExperimentOptions& options = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ExperimentReadOut found{.difference = candidate.mean() - baseline.mean(),
                          .interval = {-kInfinity, kInfinity},
                          .standard_error = kInfinity};
  const double range = std::max(candidate.most(), baseline.most()) - std::min(candidate.least(), baseline.least());
  if (candidate.units() < options.min_units || baseline.units() < options.min_units || !(range > 0)) return found;
  const auto error = [&](const ExperimentArm& arm) {  // of its mean, squared
    const auto n = static_cast<double>(arm.units());
    return (arm.squares() + 0.5 * range * range) / (n * n);
  };
  const double squared_error = error(candidate) + error(baseline);
  const auto t = static_cast<double>(candidate.units() + baseline.units());
  const double alpha = 1 - options.confidence;
  const double level = -2 * std::log(alpha);
  const double spread = t * (level + std::log1p(level)) / options.planned_units;  // t r^2
  const double half = std::sqrt(squared_error * 2 * (spread + 1) / spread * std::log(std::sqrt(spread + 1) / alpha));
  found.interval = {found.difference - half, found.difference + half};
  const double square = found.difference * found.difference / squared_error;
  found.p_value = std::min(1.0, std::sqrt(spread + 1) * std::exp(-0.5 * square * spread / (spread + 1)));
  found.standard_error = std::sqrt(squared_error);
  return found;
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_AB_TEST_HPP_
