// Metrics as loops copied from their definitions (eval/metrics.hpp): one user, all items scored, sorted in full.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_METRICS_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_METRICS_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace waypost::reference {

struct NaiveUser {
  std::vector<float> scores;        // of every item
  std::set<std::uint32_t> history;  // no candidates
  std::set<std::uint32_t> test;     // test items that training knows
  std::size_t unknown_test = 0;     // test items that it does not
};

// The candidates, best first, ties by index.
inline std::vector<std::uint32_t> NaiveRanking(const NaiveUser& user) {
  std::vector<std::uint32_t> ranking;
  for (std::uint32_t item = 0; item < user.scores.size(); ++item)
    if (!user.history.contains(item)) ranking.push_back(item);
  std::stable_sort(ranking.begin(), ranking.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return user.scores[a] > user.scores[b]; });
  return ranking;
}

// recall, precision, ndcg, map, mrr, hit-rate at k and auc, by name.
inline std::map<std::string, double> NaiveMetrics(const NaiveUser& user, std::size_t k) {
  const std::vector<std::uint32_t> ranking = NaiveRanking(user);
  const std::size_t all = user.test.size() + user.unknown_test;
  double hits = 0, dcg = 0, precisions = 0, first = 0;
  for (std::size_t rank = 1; rank <= k && rank <= ranking.size(); ++rank) {
    if (!user.test.contains(ranking[rank - 1])) continue;
    hits += 1;
    dcg += 1 / std::log2(double(rank) + 1);
    precisions += hits / double(rank);
    if (first == 0) first = 1 / double(rank);
  }
  double ideal = 0;
  for (std::size_t rank = 1; rank <= std::min(k, all); ++rank) ideal += 1 / std::log2(double(rank) + 1);
  double right = 0, pairs = 0;
  for (std::uint32_t item : user.test) {
    for (std::uint32_t other : ranking) {
      if (user.test.contains(other)) continue;
      pairs += 1;
      if (user.scores[item] > user.scores[other]) right += 1;
      if (user.scores[item] == user.scores[other]) right += 0.5;
    }
  }
  for (std::size_t n = 0; n < user.unknown_test; ++n)
    for (std::uint32_t other : ranking) pairs += user.test.contains(other) ? 0 : 1;
  return {{"recall", hits / double(all)},
          {"precision", hits / double(k)},
          {"ndcg", dcg / ideal},
          {"map", precisions / double(std::min(k, all))},
          {"mrr", first},
          {"hit-rate", hits > 0 ? 1.0 : 0.0},
          {"auc", right / pairs}};
}

// stratified-recall, ips-recall and ips-ndcg at k, by name.
//   takers  training users of each item
inline std::map<std::string, double> NaiveWeightedMetrics(const NaiveUser& user, std::size_t k,
                                                          const std::vector<std::size_t>& takers) {
  const std::vector<std::uint32_t> ranking = NaiveRanking(user);
  std::map<std::string, double> found;
  for (const auto& [name, exponent] :
       std::map<std::string, double>{{"stratified-recall", 0.5}, {"ips-recall", 1.0}, {"ips-ndcg", 1.0}}) {
    const bool discounted = name == "ips-ndcg";
    const auto weight = [&, power = exponent](std::uint32_t item) {
      return 1 / std::pow(takers[item] == 0 ? 1.0 : double(takers[item]), power);
    };
    std::vector<double> all(user.unknown_test, 1.0);
    for (std::uint32_t item : user.test) all.push_back(weight(item));
    std::sort(all.rbegin(), all.rend());
    double gain = 0, ideal = 0;
    for (std::size_t rank = 1; rank <= k && rank <= ranking.size(); ++rank)
      if (user.test.contains(ranking[rank - 1]))
        gain += weight(ranking[rank - 1]) / (discounted ? std::log2(double(rank) + 1) : 1);
    for (std::size_t rank = 1; rank <= all.size() && (rank <= k || !discounted); ++rank)
      ideal += all[rank - 1] / (discounted ? std::log2(double(rank) + 1) : 1);
    found[name] = gain / ideal;
  }
  return found;
}

// Mean absolute difference of all pairs over twice the mean: another writing of the Gini coefficient.
inline double NaiveGini(const std::vector<std::uint64_t>& counts) {
  double differences = 0, total = 0;
  for (std::uint64_t a : counts) {
    total += double(a);
    for (std::uint64_t b : counts) differences += std::abs(double(a) - double(b));
  }
  return differences / (2 * double(counts.size()) * total);
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_METRICS_HPP_
