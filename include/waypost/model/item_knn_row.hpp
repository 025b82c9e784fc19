// waypost/model/item_knn_row.hpp - one row of similarities while it is made, and the strongest of it.
//
// Similarities are positive floats: their bits ascend with them, so that they are counted by their leading bits. The
// count of the strongest costs three passes over the row and no sorting.
#ifndef WAYPOST_MODEL_ITEM_KNN_ROW_HPP_
#define WAYPOST_MODEL_ITEM_KNN_ROW_HPP_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace waypost::internal {

// Which entries of a row are kept: those above `weakest`, and of those equal to it the first `ties`.
struct KnnThreshold {
  std::uint32_t weakest = 0;  // bits of a similarity
  std::size_t ties = 0;
};

// Entries with ascending items, every similarity positive and finite.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class KnnRow {
 public:
  // Room for rows of up to `capacity` entries.
  explicit KnnRow(std::size_t capacity) : items_(capacity), keys_(capacity) {}

  std::size_t size() const { return size_; }
  std::span<const std::uint32_t> items() const { return std::span(items_).first(size_); }
  float similarity(std::size_t n) const { return std::bit_cast<float>(keys_[n]); }

  void Clear() { size_ = 0; }
  // Adds an entry behind the last one; one that is not positive is left out.
  // Requires  room: the entries left out do not count.
  void Push(std::uint32_t item, float similarity) {
    items_[size_] = item;
    keys_[size_] = std::bit_cast<std::uint32_t>(similarity);
    size_ += similarity > 0 ? 1 : 0;
  }

  // Keeps the `count` strongest (0: all), then of these the strongest that hold the share `mass` of their sum. Ties
  // keep the lower item.
  void KeepStrongest(std::size_t count, double mass) {
    if (count > 0 && count < size_) Keep(ThresholdOfCount(count));
    if (mass < 1 && size_ > 0) Keep(ThresholdOfMass(mass));
  }

 private:
  static constexpr int kBucketBits = 8;

  // Requires  0 < count < size().
  KnnThreshold ThresholdOfCount(std::size_t count) {
    const std::span<const std::uint32_t> keys = std::span(keys_).first(size_);
    std::uint32_t low = keys[0];
    std::uint32_t high = keys[0];
    for (std::uint32_t key : keys) {
      low = std::min(low, key);
      high = std::max(high, key);
    }
    const int shift = std::max(0, static_cast<int>(std::bit_width(high - low)) - kBucketBits);
    std::array<std::uint32_t, std::size_t{1} << kBucketBits> buckets{};
    for (std::uint32_t key : keys) ++buckets[(key - low) >> shift];
    std::size_t bucket = buckets.size() - 1;
    while (buckets[bucket] < count) count -= buckets[bucket--];
    // The weakest kept is number `count` of its bucket, from the strongest on.
    chosen_.resize(size_);
    std::size_t chosen = 0;
    for (std::uint32_t key : keys) {
      chosen_[chosen] = key;
      chosen += (key - low) >> shift == bucket ? 1 : 0;
    }
    const auto begin = chosen_.begin();
    const auto weakest = begin + static_cast<std::ptrdiff_t>(count - 1);
    std::nth_element(begin, weakest, begin + static_cast<std::ptrdiff_t>(chosen), std::greater<>());
    return {*weakest, static_cast<std::size_t>(std::count(begin, weakest + 1, *weakest))};
  }

  // Requires  size() > 0.
  KnnThreshold ThresholdOfMass(double mass) {
    chosen_.assign(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(size_));
    std::sort(chosen_.begin(), chosen_.end(), std::greater<>());
    double total = 0;
    for (std::uint32_t key : chosen_) total += std::bit_cast<float>(key);
    double held = 0;
    std::size_t kept = 0;
    while (kept < size_ && held < mass * total) held += std::bit_cast<float>(chosen_[kept++]);
    const auto end = chosen_.begin() + static_cast<std::ptrdiff_t>(kept);
    return {*(end - 1), static_cast<std::size_t>(std::count(chosen_.begin(), end, *(end - 1)))};
  }

  void Keep(KnnThreshold threshold) {
    std::size_t kept = 0;
    for (std::size_t n = 0; n < size_; ++n) {
      const std::uint32_t key = keys_[n];
      items_[kept] = items_[n];
      keys_[kept] = key;
      const bool tie = key == threshold.weakest && threshold.ties > 0;
      threshold.ties -= tie ? 1 : 0;
      kept += tie || key > threshold.weakest ? 1 : 0;
    }
    size_ = kept;
  }

  std::vector<std::uint32_t> items_;
  std::vector<std::uint32_t> keys_;    // bits of the similarities
  std::vector<std::uint32_t> chosen_;  // spare room to choose in
  std::size_t size_ = 0;
};

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_ITEM_KNN_ROW_HPP_
