// waypost/base/top_k_shortlist.hpp - the rows that may belong to the k best, known by bounds before any is scored.
//
// Definition   Each row that is added has a score between `lower` and `upper`. threshold() is at most the k-th largest
//              of the lower bounds added: k rows score at least that, so a row whose upper bound is below it is not
//              among the k best.
// Method       Lower bounds are counted in 2048 buckets of equal width, the last of which is what lies above, the first
//              what lies below or has no order. The threshold is the lower edge of the highest bucket from which on k
//              were counted: it is less than the k-th largest by at most a bucket, and a row costs no search.
// Complexity   Add O(1), Raise O(1) amortized, Reset O(buckets).
// Numerics     An edge is lowered by 1/64 of a bucket, which covers the rounding of a bound's place among the buckets.
// Checked by   tests/unit/base_top_k_kernels_test.cpp against sorted bounds.
#ifndef WAYPOST_BASE_TOP_K_SHORTLIST_HPP_
#define WAYPOST_BASE_TOP_K_SHORTLIST_HPP_

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace waypost {

// Without memory of its own beyond its size. Nothing is set before Reset.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class TopKShortlist {
 public:
  struct Row {
    std::uint32_t item;
    std::uint32_t position;  // in the order of TopKTables
    float upper;
  };
  static constexpr std::size_t kCapacity = 1024;

  // Begins anew for the `k` best. Bounds between -`largest` and `largest` are told apart; any other is allowed.
  // Requires  k > 0.
  void Reset(std::size_t k, double largest) {
    k_ = k;
    lowest_ = -largest;
    width_ = 2 * largest / static_cast<double>(kBuckets - 2);
    per_width_ = 1 / width_;
    std::fill_n(counts_, kBuckets, 0u);
    std::fill_n(span_counts_, kSpans, 0u);
    bucket_ = 0;
    above_ = 0;
    threshold_ = -std::numeric_limits<double>::infinity();
    size_ = 0;
  }

  // -infinity until k rows were added. It rises in Raise alone.
  double threshold() const { return threshold_; }

  // Requires  size() < kCapacity.
  void Add(std::uint32_t item, std::uint32_t position, double lower, double upper) {
    assert(size_ < kCapacity);
    constexpr double kUp = 0x1p-20;  // more than the rounding to float32
    rows_[size_++] = {item, position, static_cast<float>(upper + std::abs(upper) * kUp)};
    const double place = (lower - lowest_) * per_width_;
    // A bound that is not a number comes first.
    const std::size_t bucket =
        place >= 0 ? 1 + static_cast<std::size_t>(std::min(place, static_cast<double>(kBuckets - 2))) : 0;
    ++counts_[bucket];
    ++span_counts_[bucket / kSpan];
    above_ += bucket >= bucket_ ? 1 : 0;
  }

  // Raises the threshold to what the rows added so far allow.
  void Raise() {
    if (above_ < k_) return;
    std::size_t bucket = bucket_;
    std::size_t above = above_;
    for (;;) {
      const bool whole_span = bucket % kSpan == 0 && above - span_counts_[bucket / kSpan] >= k_;
      const std::size_t count = whole_span ? span_counts_[bucket / kSpan] : counts_[bucket];
      if (above - count < k_) break;
      above -= count;
      bucket += whole_span ? kSpan : 1;
    }
    if (bucket == bucket_) return;
    bucket_ = bucket;
    above_ = above;
    threshold_ = lowest_ + (static_cast<double>(bucket_) - (1 + 0x1p-6)) * width_;
  }

  std::size_t size() const { return size_; }
  std::span<const Row> rows() const { return {rows_, size_}; }
  // Drops the rows whose upper bound is below `threshold`.
  void Keep(double threshold) {
    std::size_t kept = 0;
    for (std::size_t n = 0; n < size_; ++n) {
      rows_[kept] = rows_[n];
      kept += rows_[n].upper < threshold ? 0 : 1;
    }
    size_ = kept;
  }
  // Drops the rows; their lower bounds still count.
  void Clear() { size_ = 0; }

 private:
  static constexpr std::size_t kBuckets = 2048;
  static constexpr std::size_t kSpan = 64;  // buckets that Raise passes at once
  static constexpr std::size_t kSpans = kBuckets / kSpan;

  std::size_t k_;
  double lowest_;
  double width_;
  double per_width_;
  std::size_t bucket_;  // the highest from which on k bounds were counted; 0 where there is none
  std::size_t above_;   // bounds in this bucket and above
  double threshold_;
  std::size_t size_;
  std::uint32_t counts_[kBuckets];
  std::uint32_t span_counts_[kSpans];  // sums of counts_
  Row rows_[kCapacity];
};

}  // namespace waypost

#endif  // WAYPOST_BASE_TOP_K_SHORTLIST_HPP_
