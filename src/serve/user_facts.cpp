#include "serve/user_facts.hpp"

#include <algorithm>
#include <string>

#include "waypost/rank/candidate_set.hpp"

namespace waypost::serve {

void UserFacts::Clear() {
  stored.clear();
  events.clear();
  met.clear();
  history.clear();
  exclude.clear();
  include.clear();
  in_progress.clear();
  completed.clear();
  value_weights.clear();
  unknown_ids = 0;
}

absl::Status UserFacts::Read(const StoreSnapshot& snapshot, const LiveModel& live, const Query& query,
                             std::int64_t now_us) {
  Clear();
  WAYPOST_RETURN_IF_ERROR(ReadStore(snapshot, live, query, now_us));
  return ReadLists(live, query);
}

absl::Status UserFacts::ReadStore(const StoreSnapshot& snapshot, const LiveModel& live, const Query& query,
                                  std::int64_t now_us) {
  if (query.user) {
    WAYPOST_ASSIGN_OR_RETURN(const auto user, snapshot.FindUser(*query.user));
    if (user) WAYPOST_RETURN_IF_ERROR(snapshot.History(*user, stored));
  }
  for (const StoredEvent& event : stored) {
    const std::uint32_t item = live.NodeOf(event.item.value);
    if (item >= live.recommender().items().size()) {  // not of the model; it may be a prerequisite all the same
      const KindTable& kinds = snapshot.kinds();
      if (item != kEmptySlot && event.kind < kinds.size() && kinds.at(event.kind).completes)
        completed.push_back(ItemIndex{item});
      continue;
    }
    events.push_back({.item = item,
                      .order = static_cast<std::uint32_t>(events.size()),
                      .time_us = event.time_us,
                      .value = event.value,
                      .kind = event.kind});
  }
  WeightingOptions weighting = live.weighting();
  weighting.now_us = now_us;
  WAYPOST_RETURN_IF_ERROR(CollectUserHistory(events, snapshot.kinds(), weighting, met, codes));
  for (const MetItem& entry : met) {
    const ItemIndex item{entry.item};
    if (entry.code > 0) history.push_back({item, std::min(entry.code, kMaxStrength)});
    if (entry.code < 0) exclude.push_back(item);
    (entry.completed ? completed : in_progress).push_back(item);
  }
  return absl::OkStatus();
}

absl::Status UserFacts::ReadLists(const LiveModel& live, const Query& query) {
  const IdDictionary& items = live.recommender().items();
  const ItemFacts* item_facts = live.recommender().facts();
  const auto add = [&](const std::vector<std::string>& ids, bool nodes, std::vector<ItemIndex>& list) {
    for (const std::string& id : ids) {
      if (nodes && item_facts != nullptr) {
        if (const auto node = item_facts->prerequisites().FindNode(id)) {
          list.push_back(*node);
          continue;
        }
      } else if (const auto item = items.Find(id)) {
        list.push_back(ItemIndex{*item});
        continue;
      }
      ++unknown_ids;
    }
  };
  // The store's rejections hold whatever the query says: an item on both sides is no evidence.
  const std::vector<ItemIndex> rejected = exclude;
  for (std::size_t n = 0; n < query.history.size(); ++n) {
    const HistoryItem& entry = query.history[n];
    WAYPOST_RETURN_IF_ERROR(internal::ValidateHistoryWeight(n, entry.weight));
    const auto item = items.Find(entry.item);
    if (!item) {
      ++unknown_ids;
    } else if (!std::binary_search(rejected.begin(), rejected.end(), ItemIndex{*item})) {
      history.push_back({ItemIndex{*item}, entry.weight});
    }
  }
  if (query.include) add(*query.include, false, include);
  add(query.exclude, false, exclude);
  if (query.user)
    if (const auto self = live.recommender().FindPerson(*query.user)) exclude.push_back(*self);
  add(query.completed, true, completed);
  add(query.in_progress, true, in_progress);
  for (const ValueWeight& entry : query.value_weights) {
    if (const auto item = items.Find(entry.item)) {
      value_weights.push_back({ItemIndex{*item}, entry.weight});
    } else {
      ++unknown_ids;
    }
  }
  return absl::OkStatus();
}

}  // namespace waypost::serve
