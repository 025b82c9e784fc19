// The answer to a query, from the definition: every item is tested by every rule in turn, scored alone, and all that
// are left are sorted.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_RECOMMEND_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_RECOMMEND_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "waypost/rank/recommender.hpp"

namespace waypost::reference {

struct NaiveAnswer {
  std::vector<ScoredItem> items;
  Source source = Source::kModel;
  std::size_t candidates = 0;
};

inline NaiveAnswer NaiveRecommend(const Recommender& recommender, const Query& query) {
  const IdDictionary& ids = recommender.items();
  std::map<std::uint32_t, float> stored;
  const std::uint32_t user = query.user ? recommender.users().Find(*query.user).value_or(kMaxEntities) : kMaxEntities;
  const bool known = user < recommender.users().size();
  if (known) {
    const SparseRowView row = recommender.history().row(user);
    for (std::size_t n = 0; n < row.size(); ++n) stored[row.columns[n]] = row.value(n);
  }
  std::set<std::uint32_t> met;
  std::set<std::uint32_t> rejected;
  std::map<std::uint32_t, float> evidence;
  for (const auto& [item, value] : stored) {
    met.insert(item);
    if (value < 0) rejected.insert(item);
    if (value > 0) evidence[item] = value;
  }
  bool given = false;
  for (const HistoryItem& entry : query.history) {
    const auto item = ids.Find(entry.item);
    if (!item) continue;
    given = true;
    met.insert(*item);
    if (!rejected.contains(*item)) evidence[*item] = std::max(evidence[*item], entry.weight);
  }

  NaiveAnswer answer;
  const Scorer* scorer = recommender.FindModel(query.model).value();
  UserView view;
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  for (const auto& [item, strength] : evidence) {
    columns.push_back(item);
    values.push_back(strength);
  }
  if (evidence.empty() || scorer->kind() == "popularity") {
    answer.source = Source::kPopular;
    scorer = recommender.FindModel("popularity").value();
  } else {
    answer.source = known && !given ? Source::kModel : Source::kFoldIn;
    view.history = {columns, values};
    if (answer.source == Source::kModel) view.user = UserIndex{user};
  }
  std::vector<float> scores(scorer->item_count());
  if (!scorer->Score(std::span(&view, 1), scores, Parallelism(1)).ok()) return {};

  const auto contains = [](const std::vector<std::string>& list, std::string_view id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  for (std::uint32_t item = 0; item < scores.size(); ++item) {
    if (query.include && !contains(*query.include, ids.id(item))) continue;
    if (contains(query.exclude, ids.id(item))) continue;
    if (rejected.contains(item)) continue;
    if (query.seen == SeenPolicy::kDrop && met.contains(item)) continue;
    if (query.seen == SeenPolicy::kOnly && !met.contains(item)) continue;
    answer.items.push_back({ItemIndex{item}, scores[item]});
  }
  answer.candidates = answer.items.size();
  std::sort(answer.items.begin(), answer.items.end(), BetterFirst{});
  answer.items.resize(std::min(query.n, answer.items.size()));
  return answer;
}

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_RECOMMEND_HPP_
