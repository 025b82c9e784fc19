// waypost/serve/trending.hpp - what many users turn to now: a count of each item's events that halves with time.
//
// Definition   score(i) at `now` = sum over the events e of item i of weight(e) 2^(-(now - time(e)) / half-life).
// Method       Sums are kept for a fixed moment, the base: an event adds weight(e) 2^((time(e) - base) / half-life),
//              and the score is the sum times 2^(-(now - base) / half-life): forward decay [1]. The base moves on
//              before the numbers grow large.
// Sources      [1] G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, "Forward decay", ICDE 2009.
// Numerics     float64; a base at most 512 half-lives back; what has decayed below 2^-60 counts 0.
// Complexity   Add O(1); Scores O(items).
// Checked by   tests/unit/serve_trending_test.cpp against the definition.
#ifndef WAYPOST_SERVE_TRENDING_HPP_
#define WAYPOST_SERVE_TRENDING_HPP_

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace waypost {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Trending {
 public:
  // Requires  half_life_us > 0.
  explicit Trending(double half_life_us) : half_life_us_(half_life_us) { assert(half_life_us > 0); }

  std::size_t item_count() const { return sums_.size(); }

  // Requires  weight is finite and >= 0.
  void Add(std::uint32_t item, double weight, std::int64_t time_us) {
    if (sums_.empty()) base_us_ = time_us;
    if (item >= sums_.size()) sums_.resize(std::size_t{item} + 1, 0);
    if (HalfLives(time_us) > kMaxHalfLives) Rebase(time_us);
    sums_[item] += weight * std::exp2(HalfLives(time_us));
  }

  // Returns the score of an item.
  double Score(std::uint32_t item, std::int64_t now_us) const {
    if (item >= sums_.size()) return 0;
    const double score = sums_[item] * std::exp2(-std::max(HalfLives(now_us), -kMaxHalfLives));
    return score < 0x1p-60 ? 0 : score;
  }

 private:
  static constexpr double kMaxHalfLives = 512;  // 2^512 times any count is far below the largest float64

  double HalfLives(std::int64_t time_us) const {
    return (static_cast<double>(time_us) - static_cast<double>(base_us_)) / half_life_us_;
  }
  void Rebase(std::int64_t base_us) {
    const double factor = std::exp2(-HalfLives(base_us));
    for (double& sum : sums_) sum *= factor;
    base_us_ = base_us;
  }

  double half_life_us_;
  std::int64_t base_us_ = 0;
  std::vector<double> sums_;  // by item, for the moment base_us_
};

}  // namespace waypost

#endif  // WAYPOST_SERVE_TRENDING_HPP_
