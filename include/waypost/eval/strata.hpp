// waypost/eval/strata.hpp - figures by how much training knows of the users and of the items.
//
// Definition   Users by the positives of their training row or fold-in history: cold 0, few 1..5, warm more. Items by
//              their training users: cold 0..5; of the others the most popular ones that hold half of the training's
//              pairs are the head, the rest the tail. Among items of equal popularity the lower index is taken as the
//              more popular one.
//              A stratum of users takes the mean of a metric over its users. A stratum of items counts as test items
//              those of the stratum alone: its users are those who have one, and the others of their test items
//              neither help nor count. Items that training does not know belong to cold, where they are misses.
// Sources      [1] H. Steck, Item Popularity and Recommendation Accuracy, RecSys 2011.
// Checked by   tests/unit/eval_strata_test.cpp.
#ifndef WAYPOST_EVAL_STRATA_HPP_
#define WAYPOST_EVAL_STRATA_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

inline constexpr std::size_t kFewPositives = 5;  // at most: a user or item of whom training knows little

enum class UserStratum { kCold, kFew, kWarm };
enum class ItemStratum { kCold, kTail, kHead };
inline constexpr std::array<std::string_view, 3> kUserStratumNames = {"cold users", "users of 1..5", "users of more"};
inline constexpr std::array<std::string_view, 3> kItemStratumNames = {"cold items", "tail items", "head items"};

inline UserStratum UserStratumOf(std::size_t positives) {
  return positives == 0 ? UserStratum::kCold : positives <= kFewPositives ? UserStratum::kFew : UserStratum::kWarm;
}

// The stratum of each item.
inline std::vector<ItemStratum> ItemStrataOf(const InteractionMatrix& positives) {
  std::vector<std::uint32_t> order(positives.items());
  std::iota(order.begin(), order.end(), 0u);
  const auto users = [&](std::uint32_t item) { return positives.item_user().row_size(item); };
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return users(a) > users(b); });
  std::vector<ItemStratum> strata(positives.items(), ItemStratum::kCold);
  std::size_t before = 0;  // pairs of more popular items
  for (std::uint32_t item : order) {
    if (users(item) <= kFewPositives) break;
    strata[item] = 2 * before < positives.entries() ? ItemStratum::kHead : ItemStratum::kTail;
    before += users(item);
  }
  return strata;
}

// One metric within one stratum.
struct StratumFigure {
  std::string metric;
  double mean = 0;
};

struct StratumResult {
  std::string name;
  std::size_t users = 0;       // who enter the means
  std::size_t test_items = 0;  // pairs of user and test item that they are measured on
  std::vector<StratumFigure> metrics;
};

}  // namespace waypost

#endif  // WAYPOST_EVAL_STRATA_HPP_
