// Steps of BPR and WARP as the formulas of pairwise_kernels.hpp read, in double precision.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_PAIRWISE_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_PAIRWISE_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "waypost/base/random.hpp"

namespace waypost::reference {

using DenseRows = std::vector<std::vector<double>>;

struct NaiveStep {
  std::size_t bias = 0;
  double learning_rate = 0;
  double regularization = 0;
  std::vector<double> rank_weights;  // empty: BPR
};

inline double NaiveDot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

// What one visit of `item` by a user of vector w does. Returns the negative, or -1 where there is no step.
inline std::int64_t NaiveVisit(std::vector<double>& w, DenseRows& items, std::uint32_t item,
                               const std::vector<std::uint32_t>& own, const std::vector<std::uint32_t>& candidates,
                               const NaiveStep& step, double weight, bool items_stay, std::uint64_t& state) {
  const double score = NaiveDot(w, items[item]);
  const std::size_t trials = std::max<std::size_t>(1, step.rank_weights.size());
  for (std::size_t trial = 0; trial < trials; ++trial) {
    std::uint32_t negative = item;
    int draws = 0;
    while (std::find(own.begin(), own.end(), negative) != own.end()) {
      if (draws++ == 16) return -1;
      negative = candidates[((SplitMix64(state) >> 32) * candidates.size()) >> 32];
    }
    const double other = NaiveDot(w, items[negative]);
    double z = 0;
    if (step.rank_weights.empty()) {
      z = 1 / (1 + std::exp(score - other));
    } else if (other > score - 1) {
      z = step.rank_weights[trial];
    } else {
      continue;
    }
    const double shrink = 1 - step.learning_rate * step.regularization;
    const double amount = step.learning_rate * weight * z;
    for (std::size_t k = 0; k < w.size(); ++k) {
      const double before = w[k];
      const double better = items[item][k];
      const double worse = items[negative][k];
      w[k] = shrink * before + amount * (better - worse);
      if (items_stay) continue;
      items[item][k] = shrink * better + amount * before;
      items[negative][k] = shrink * worse - amount * before;
    }
    w[step.bias] = 1;
    return negative;
  }
  return -1;
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_PAIRWISE_HPP_
