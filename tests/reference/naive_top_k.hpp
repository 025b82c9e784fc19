// The k best candidates by a full sort.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_TOP_K_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_TOP_K_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "waypost/base/top_k.hpp"

namespace waypost::reference {

inline std::vector<ScoredItem> NaiveTopK(std::span<const float> scores, std::size_t k, const Candidates& candidates) {
  std::vector<ScoredItem> all;
  for (std::uint32_t item = 0; item < scores.size(); ++item) {
    if (candidates.allowed != nullptr && !candidates.allowed->Test(item)) continue;
    if (std::count(candidates.excluded.begin(), candidates.excluded.end(), item) > 0) continue;
    all.push_back({ItemIndex{item}, scores[item]});
  }
  std::stable_sort(all.begin(), all.end(), [](const ScoredItem& a, const ScoredItem& b) { return a.score > b.score; });
  all.resize(std::min(k, all.size()));
  return all;
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_TOP_K_HPP_
