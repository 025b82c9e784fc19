// waypost/base/statistics.hpp - means, quantiles, bootstrap intervals, paired differences, Holm's correction and the
// area under the ROC curve.
//
// Definition   Quantile p of sorted x_0..x_(n-1): linear interpolation at position p (n - 1) (type 7 of [1]).
//              Percentile bootstrap [2]: B times, n values are drawn with replacement and averaged; the interval runs
//              between the quantiles (1 - c) / 2 and (1 + c) / 2 of the B means.
//              Paired difference of two lists over the same users: the mean of d_n = a_n - b_n, the percentile
//              bootstrap interval of that mean, and p = min(1, 2 (1 + min(#{m* <= 0}, #{m* >= 0})) / (B + 1)) over the
//              B replicate means m* [2, chapter 15]: below 1 - c, within one replicate, where the interval does not
//              hold 0. Holm [3]: with p_(1) <= ... <= p_(m), the adjusted p_(j) is the largest (m - i + 1) p_(i) of i
//              <= j, at most 1. Calling those up to a significant calls a true null so with probability a at most. AUC:
//              the share of (positive, negative) pairs in which the positive scores higher, ties counting half.
// Sources      [1] R. Hyndman, Y. Fan, Sample Quantiles in Statistical Packages, The American Statistician 50(4), 1996.
//              [2] B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
//              [3] S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scand. J. Statistics 6(2), 1979.
// Complexity   bootstrap B n columns; AUC about (n + m) log(min(n, m)).
// Numerics     float64 throughout; AUC counts in integers.
// Determinism  Each replicate has its own stream of random numbers: any number of threads gives the same interval.
// Checked by   tests/unit/base_statistics_test.cpp: values by hand, naive AUC, coverage of the intervals,
//              the rate of false alarms of the tests.
#ifndef WAYPOST_BASE_STATISTICS_HPP_
#define WAYPOST_BASE_STATISTICS_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/random.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

// Requires  values is not empty.
inline double Mean(std::span<const double> values) {
  assert(!values.empty());
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Of the population the values are a sample of (divisor n - 1); 0 for a single value.
// Requires  values is not empty.
inline double StandardDeviation(std::span<const double> values) {
  const double mean = Mean(values);
  double squares = 0;  // about the mean: a difference of sums of squares would cancel
  for (double value : values) squares += (value - mean) * (value - mean);
  return values.size() < 2 ? 0 : std::sqrt(squares / static_cast<double>(values.size() - 1));
}

// Requires  sorted ascends and is not empty; 0 <= p <= 1.
inline double Quantile(std::span<const double> sorted, double p) {
  assert(!sorted.empty() && p >= 0 && p <= 1);
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

struct Interval {
  double low = 0;
  double high = 0;

  friend bool operator==(const Interval&, const Interval&) = default;
};

// Options of BootstrapMeans. Aggregate: use designated initializers.
struct BootstrapOptions {
  int replicates = 1000;     // 1000 gives a 95 % interval to about 5 % of its width
  double confidence = 0.95;  // in (0, 1)
  std::uint64_t seed = 42;
};

inline absl::Status Validate(const BootstrapOptions& options) {
  if (options.replicates < 1 || options.replicates > 1'000'000)
    return absl::InvalidArgumentError(
        absl::StrCat("BootstrapOptions.replicates: want 1..1000000, got ", options.replicates));
  if (!(options.confidence > 0 && options.confidence < 1))
    return absl::InvalidArgumentError(
        absl::StrCat("BootstrapOptions.confidence: want a value between 0 and 1, got ", options.confidence));
  return absl::OkStatus();
}

namespace internal {

inline constexpr std::size_t kReplicatesTogether = 4;  // each waits for its own random numbers only

// Writes the column means of replicates begin..end-1, at most kReplicatesTogether, each of its own stream.
//   means  float64[columns x replicates].
inline void ReplicateMeans(std::span<const double> values, std::size_t columns, std::uint64_t seed, std::size_t begin,
                           std::size_t end, std::span<double> means) {
  constexpr std::size_t kLanes = kReplicatesTogether;
  const std::size_t rows = values.size() / columns;
  const std::size_t replicates = means.size() / columns;
  std::array<Random, kLanes> random = {Random(seed, begin), Random(seed, begin + 1), Random(seed, begin + 2),
                                       Random(seed, begin + 3)};
  std::vector<std::uint32_t> drawn(rows * kLanes, 0);  // counts first: the values are then read in order, once
  for (std::size_t draw = 0; draw < rows; ++draw)
    for (std::size_t lane = 0; lane < kLanes; ++lane) ++drawn[random[lane].Below(rows) * kLanes + lane];
  std::vector<std::array<double, kLanes>> sums(columns, std::array<double, kLanes>{});
  for (std::size_t row = 0; row < rows; ++row) {
    const std::uint32_t* times = drawn.data() + row * kLanes;
    for (std::size_t c = 0; c < columns; ++c)
      for (std::size_t lane = 0; lane < kLanes; ++lane) sums[c][lane] += times[lane] * values[row * columns + c];
  }
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t replicate = begin; replicate < end; ++replicate)
      means[c * replicates + replicate] = sums[c][replicate - begin] / static_cast<double>(rows);
}

// The replicate means of each column, ascending: float64[columns x replicates].
inline absl::StatusOr<std::vector<double>> SortedReplicates(std::span<const double> values, std::size_t columns,
                                                            const BootstrapOptions& options,
                                                            const Parallelism& parallelism) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  if (columns == 0 || values.empty() || values.size() % columns != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("BootstrapMeans.values: want whole rows of ", columns, " columns, got ", values.size()));
  for (std::size_t n = 0; n < values.size(); ++n)
    if (!std::isfinite(values[n]))
      return absl::InvalidArgumentError(
          absl::StrCat("BootstrapMeans.values: want finite values, got ", values[n], " at ", n));
  const auto replicates = static_cast<std::size_t>(options.replicates);
  std::vector<double> means(columns * replicates);
  ForEachBlock(parallelism, replicates, kReplicatesTogether, [&](std::size_t begin, std::size_t end, std::size_t) {
    ReplicateMeans(values, columns, options.seed, begin, end, means);
  });
  for (std::size_t c = 0; c < columns; ++c) {
    const std::span<double> column = std::span(means).subspan(c * replicates, replicates);
    std::sort(column.begin(), column.end());
  }
  return means;
}

inline Interval PercentileInterval(std::span<const double> sorted, double confidence) {
  return {Quantile(sorted, (1 - confidence) / 2), Quantile(sorted, (1 + confidence) / 2)};
}

}  // namespace internal

// Returns the percentile bootstrap interval of the mean of each column. All columns share the draws, so a row (a user)
// is drawn with all its values.
//
//   values  float64[rows x columns], row-major, finite; at least one row.
// Errors    kInvalidArgument: options, no row, a value that is not finite.
inline absl::StatusOr<std::vector<Interval>> BootstrapMeans(std::span<const double> values, std::size_t columns,
                                                            const BootstrapOptions& options = {},
                                                            const Parallelism& parallelism = {}) {
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> means,
                           internal::SortedReplicates(values, columns, options, parallelism));
  std::vector<Interval> intervals;
  for (std::size_t c = 0; c < columns; ++c)
    intervals.push_back(internal::PercentileInterval(
        std::span(means).subspan(c * static_cast<std::size_t>(options.replicates), options.replicates),
        options.confidence));
  return intervals;
}

// The same for one list.
inline absl::StatusOr<Interval> BootstrapMean(std::span<const double> values, const BootstrapOptions& options = {},
                                              const Parallelism& parallelism = {}) {
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<Interval> intervals, BootstrapMeans(values, 1, options, parallelism));
  return intervals.front();
}

// How much one list lies above another over the same users.
struct PairedDifference {
  double mean = 0;
  Interval interval;
  double p_value = 1;  // two-sided, that the mean of the differences is 0; at least 2 / (replicates + 1)

  friend bool operator==(const PairedDifference&, const PairedDifference&) = default;
};

// Returns the paired bootstrap of each column of differences. All columns share the draws.
//
//   differences  float64[users x columns], row-major, finite; at least one user.
// Errors         those of BootstrapMeans.
// Cost           that of BootstrapMeans.
inline absl::StatusOr<std::vector<PairedDifference>> PairedBootstraps(std::span<const double> differences,
                                                                      std::size_t columns,
                                                                      const BootstrapOptions& options = {},
                                                                      const Parallelism& parallelism = {}) {
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<double> means,
                           internal::SortedReplicates(differences, columns, options, parallelism));
  const auto replicates = static_cast<std::size_t>(options.replicates);
  std::vector<PairedDifference> found(columns);
  for (std::size_t row = 0; row < differences.size() / columns; ++row)
    for (std::size_t c = 0; c < columns; ++c) found[c].mean += differences[row * columns + c];
  for (std::size_t c = 0; c < columns; ++c) {
    const std::span<const double> sorted = std::span(means).subspan(c * replicates, replicates);
    const auto not_above = std::upper_bound(sorted.begin(), sorted.end(), 0.0) - sorted.begin();
    const auto not_below = sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), 0.0);
    found[c].mean /= static_cast<double>(differences.size() / columns);
    found[c].interval = internal::PercentileInterval(sorted, options.confidence);
    found[c].p_value = std::min(
        1.0, 2.0 * static_cast<double>(1 + std::min(not_above, not_below)) / static_cast<double>(replicates + 1));
  }
  return found;
}

// The same for two lists, user by user: how much `a` lies above `b`.
// Errors  also kInvalidArgument: lists of different lengths.
inline absl::StatusOr<PairedDifference> PairedBootstrap(std::span<const double> a, std::span<const double> b,
                                                        const BootstrapOptions& options = {},
                                                        const Parallelism& parallelism = {}) {
  if (a.size() != b.size())
    return absl::InvalidArgumentError(
        absl::StrCat("PairedBootstrap: want two lists of the same users, got ", a.size(), " and ", b.size()));
  std::vector<double> differences(a.size());
  for (std::size_t n = 0; n < a.size(); ++n) differences[n] = a[n] - b[n];
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<PairedDifference> found,
                           PairedBootstraps(differences, 1, options, parallelism));
  return found.front();
}

// Returns Holm's adjusted p-values of as many tests, in their order.
// Requires  every value is in [0, 1].
inline std::vector<double> HolmAdjusted(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t n = 0; n < order.size(); ++n) {
    assert(p_values[order[n]] >= 0 && p_values[order[n]] <= 1);
    largest = std::max(largest, std::min(1.0, static_cast<double>(order.size() - n) * p_values[order[n]]));
    adjusted[order[n]] = largest;
  }
  return adjusted;
}

namespace internal {

// Twice the number of pairs (s of `few`, other of `many`) with s > other, plus those with s == other.
inline std::uint64_t DoubledWins(std::span<const float> few, std::span<const float> many) {
  std::uint64_t doubled = 0;
  if (few.size() <= 32) {  // plain counting, which vectorises, beats a search over so few
    for (float score : few) {
      std::uint64_t less = 0;
      std::uint64_t equal = 0;
      for (float other : many) {
        less += other < score;
        equal += other == score;
      }
      doubled += 2 * less + equal;
    }
    return doubled;
  }
  std::vector<float> sorted(few.begin(), few.end());
  std::sort(sorted.begin(), sorted.end());
  for (float other : many) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), other);
    doubled += 2 * static_cast<std::uint64_t>(sorted.end() - last) + static_cast<std::uint64_t>(last - first);
  }
  return doubled;
}

}  // namespace internal

// Returns the area under the ROC curve.
// Requires  both lists are not empty and hold no NaN.
inline double Auc(std::span<const float> positives, std::span<const float> negatives) {
  assert(!positives.empty() && !negatives.empty());
  const std::uint64_t doubled_pairs = 2 * static_cast<std::uint64_t>(positives.size()) * negatives.size();
  const std::uint64_t doubled_wins = positives.size() <= negatives.size()
                                         ? internal::DoubledWins(positives, negatives)
                                         : doubled_pairs - internal::DoubledWins(negatives, positives);
  return static_cast<double>(doubled_wins) / static_cast<double>(doubled_pairs);
}

}  // namespace waypost

#endif  // WAYPOST_BASE_STATISTICS_HPP_
