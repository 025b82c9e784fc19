// waypost/base/counters.hpp - counters, gauges and histograms that many threads write at once, and their text for
// Prometheus.
//
// Definition   A histogram counts whole numbers (nanoseconds, bytes) in log-linear buckets [1]: numbers below 256 each
//              have a bucket, and every octave above them has 128 of equal width. A quantile q is the middle of the
//              bucket of the ceil(q count)-th number in ascending order, but not more than the largest number recorded.
// Error        A bucket of numbers v.. is at most v / 128 wide: a quantile departs from the exact order statistic by at
//              most its 256th part (0.4 %), and by nothing below 256. Numbers from kLimit on are counted in the last
//              bucket and told apart by their maximum.
// Sources      [1] G. Tene, HdrHistogram. Text format: Prometheus exposition format 0.0.4.
// Complexity   Record: four relaxed atomic additions or less, no lock, no allocation. Memory 36 KB a histogram.
// Determinism  Sums of whole numbers: the order of the threads does not show.
// Checked by   tests/unit/base_counters_test.cpp against exact quantiles; from many threads; a golden text.
#ifndef WAYPOST_BASE_COUNTERS_HPP_
#define WAYPOST_BASE_COUNTERS_HPP_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/number_text.hpp"

namespace waypost {

// Only grows.
//
// Thread-safe: all members may be called concurrently. A reader sees each addition whole, in no certain order.
class Counter {
 public:
  void Add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What something is now.
//
// Thread-safe: all members may be called concurrently. A reader sees the value set last.
class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

namespace internal {

inline constexpr int kHistogramBits = 7;  // 128 buckets an octave: part of the error above
inline constexpr int kHistogramLimitBits = 40;
inline constexpr std::size_t kHistogramBuckets =
    (std::size_t{1} << kHistogramBits) * static_cast<std::size_t>(kHistogramLimitBits - kHistogramBits + 1);

// The bucket of a number below 2^kHistogramLimitBits.
constexpr std::size_t HistogramBucket(std::uint64_t number) {
  const int octave = std::max(0, static_cast<int>(std::bit_width(number)) - kHistogramBits - 1);
  return (static_cast<std::size_t>(octave) << kHistogramBits) + static_cast<std::size_t>(number >> octave);
}
// The smallest number of a bucket; that of one past the last bucket is the limit.
constexpr std::uint64_t HistogramLow(std::size_t bucket) {
  const std::size_t half = std::size_t{1} << kHistogramBits;
  if (bucket < 2 * half) return bucket;
  const std::size_t octave = bucket / half - 1;
  return static_cast<std::uint64_t>(bucket - octave * half) << octave;
}

}  // namespace internal

// What a histogram held at one moment.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class HistogramSnapshot {
 public:
  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  std::uint64_t max() const { return max_; }

  // As in Definition; 0 of an empty histogram.
  // Requires  0 <= q <= 1.
  std::uint64_t Quantile(double q) const {
    assert(q >= 0 && q <= 1);
    if (count_ == 0) return 0;
    const double position = std::ceil(q * static_cast<double>(count_));
    const std::uint64_t wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(position), 1, count_);
    std::uint64_t before = 0;
    std::size_t bucket = 0;
    while (before + counts_[bucket] < wanted) before += counts_[bucket++];
    if (bucket + 1 == counts_.size()) return max_;
    const std::uint64_t low = internal::HistogramLow(bucket);
    return std::min(max_, low + (internal::HistogramLow(bucket + 1) - low) / 2);
  }

  // How many numbers are below 2^bits.
  // Requires  8 <= bits <= 40.
  std::uint64_t CountBelowPower(int bits) const {
    std::uint64_t below = 0;
    const std::size_t end = counts_.empty() ? 0 : internal::HistogramBucket(std::uint64_t{1} << bits);
    for (std::size_t bucket = 0; bucket < std::min(end, counts_.size() - 1); ++bucket) below += counts_[bucket];
    return below;
  }

  void Add(const HistogramSnapshot& other) {
    if (other.counts_.empty()) return;
    counts_.resize(other.counts_.size(), 0);
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) counts_[bucket] += other.counts_[bucket];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }

 private:
  friend class Histogram;

  std::vector<std::uint64_t> counts_;  // the last one: of numbers from the limit on
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

// Thread-safe: all members may be called concurrently. A snapshot taken during a Record has all or part of it: sum and
// maximum may lag behind the counts by the calls under way.
class Histogram {
 public:
  static constexpr std::uint64_t kLimit = std::uint64_t{1} << internal::kHistogramLimitBits;  // 18 minutes in ns

  void Record(std::uint64_t number) {
    const std::size_t bucket = number < kLimit ? internal::HistogramBucket(number) : internal::kHistogramBuckets;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(number, std::memory_order_relaxed);
    std::uint64_t max = max_.load(std::memory_order_relaxed);
    while (number > max && !max_.compare_exchange_weak(max, number, std::memory_order_relaxed)) {
    }
  }

  HistogramSnapshot Snapshot() const {
    HistogramSnapshot snapshot;
    snapshot.counts_.reserve(counts_.size());
    for (const std::atomic<std::uint64_t>& count : counts_) {
      snapshot.counts_.push_back(count.load(std::memory_order_relaxed));
      snapshot.count_ += snapshot.counts_.back();
    }
    snapshot.sum_ = sum_.load(std::memory_order_relaxed);
    snapshot.max_ = max_.load(std::memory_order_relaxed);
    return snapshot;
  }

 private:
  std::array<std::atomic<std::uint64_t>, internal::kHistogramBuckets + 1> counts_{};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
};

// Writes metrics as Prometheus reads them: for each family HELP and TYPE, then its samples.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class PrometheusText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a family of one value each; `type` is "counter" or "gauge". A counter's name ends in _total.
  // Requires  names of metrics and labels are [a-zA-Z_][a-zA-Z0-9_]*; a family is begun once.
  void Begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ");
    Escape(help, /*quotes=*/false);
    text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
  }

  // One value of the family begun last. Label values may be any text.
  template <typename Number>
  void Sample(Labels labels, Number value) {
    Line("", labels, {}, {}, value);
  }

  // A histogram of nanoseconds as a family in seconds, with boundaries of powers of two from a microsecond to 8
  // seconds. A boundary is the largest whole number of nanoseconds below the power, so that its count is exact.
  // Requires  Begin with the type "histogram".
  void Nanoseconds(Labels labels, const HistogramSnapshot& histogram) {
    for (int bits = 10; bits <= 33; ++bits) {
      const double edge = static_cast<double>((std::uint64_t{1} << bits) - 1) / 1e9;
      Line("_bucket", labels, "le", Text(edge), histogram.CountBelowPower(bits));
    }
    Line("_bucket", labels, "le", "+Inf", histogram.count());
    Line("_sum", labels, {}, {}, static_cast<double>(histogram.sum()) / 1e9);
    Line("_count", labels, {}, {}, histogram.count());
  }

  std::string Take() { return std::move(text_); }

 private:
  static std::string Text(std::uint64_t value) { return internal::NumberText(value); }
  static std::string Text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return internal::NumberText(value);
  }

  void Escape(std::string_view text, bool quotes) {
    for (char c : text) {
      if (c == '\\') {
        text_ += "\\\\";
      } else if (c == '\n') {
        text_ += "\\n";
      } else if (c == '"' && quotes) {
        text_ += "\\\"";
      } else {
        text_ += c;
      }
    }
  }

  void Label(std::string_view name, std::string_view value, bool first) {
    text_.append(first ? "{" : ",").append(name).append("=\"");
    Escape(value, /*quotes=*/true);
    text_.append("\"");
  }

  template <typename Number>
  void Line(std::string_view suffix, Labels labels, std::string_view last_name, std::string_view last_value,
            Number value) {
    text_.append(name_).append(suffix);
    bool first = true;
    for (const auto& [label, text] : labels) {
      Label(label, text, first);
      first = false;
    }
    if (!last_name.empty()) {
      Label(last_name, last_value, first);
      first = false;
    }
    text_.append(first ? " " : "} ").append(Text(value)).append("\n");
  }

  std::string name_;
  std::string text_;
};

}  // namespace waypost

#endif  // WAYPOST_BASE_COUNTERS_HPP_
