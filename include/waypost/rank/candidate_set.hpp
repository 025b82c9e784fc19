// waypost/rank/candidate_set.hpp - a query's lists and the user's history, compiled into what a Scorer takes.
//
// Definition   with met = stored history + the query's history, completed and begun items, and rejected = stored
//              entries below 0:
//              candidates = (include list or all) that pass the filter, are available at `now` and unlocked
//                           - exclude list - rejected, - met (kDrop), or restricted to met - completed (kOnly).
//              evidence   = stored entries above 0 + the query's history, the larger strength where both have an item;
//                           a rejected item is no evidence, whatever the query says.
// Complexity   O(history + lists log lists); a bitmap of one bit an item only with an include list, kOnly or a rule
//              beside a filter. The usual query (a known user, kDrop, no list, perhaps a filter) borrows the stored row
//              and the filter and allocates nothing.
// Checked by   tests/property/rank_recommender_test.cpp against brute force over all items.
#ifndef WAYPOST_RANK_CANDIDATE_SET_HPP_
#define WAYPOST_RANK_CANDIDATE_SET_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/status.hpp"
#include "waypost/base/top_k.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/scorer.hpp"
#include "waypost/rank/item_facts.hpp"
#include "waypost/rank/query.hpp"

namespace waypost {

// Lifetime  borrows the stored row and the query for as long as it is used.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class CandidateSet {
 public:
  CandidateSet() = default;

  //   stored  the user's row of Interactions::history: above 0 positive, 0 met only, below 0 rejected; empty if none.
  //   facts   of the catalogue; null: there is none.
  // Errors    kInvalidArgument: a strength of the history, the size of the filter, windows of availability and no
  //           `now`.  kFailedPrecondition: a rule that needs a catalogue, without one.  kOutOfRange: an index of a
  //           list.  kDataLoss: `stored`.
  static absl::StatusOr<CandidateSet> Compile(const IndexedQuery& query, const SparseRowView& stored,
                                              std::size_t item_count, const ItemFacts* facts = nullptr);

  // The user's positive history, items ascending strictly.
  SparseRowView evidence() const {
    return owns_evidence_ ? SparseRowView{evidence_items_, evidence_strengths_} : stored_;
  }

  // Lifetime  borrows this object.
  Candidates candidates() const {
    return {.allowed = restricted_ ? &allowed_ : borrowed_allowed_,
            .excluded = owns_excluded_ ? std::span<const std::uint32_t>(excluded_) : stored_.columns};
  }

  // Why fewer than query.n items were found.
  // Requires  `query` is what this set was compiled from.
  // Cost  O(item_count / 64 + lists).
  ShortReason FindShortReason(const IndexedQuery& query) const;

 private:
  bool StoredIsPositive() const {
    return std::all_of(stored_.values.begin(), stored_.values.end(), [](float value) { return value > 0; });
  }
  void BuildEvidence(std::span<const WeightedItem> history);
  void BuildExcluded(const IndexedQuery& query);
  // Takes from `left`, which holds every item, what each step takes, and asks `stop(reason)` after each whether to end.
  template <typename Stop>
  ShortReason Restrict(const IndexedQuery& query, Bitmap& left, const Stop& stop) const;
  // Calls visit(item) for each item of the model that the user has met since training, repeats and all.
  template <typename Visit>
  void ForEachMet(const IndexedQuery& query, const Visit& visit) const {
    for (const WeightedItem& entry : query.history) visit(entry.item.value);
    for (const std::span<const ItemIndex> list : {query.in_progress, query.completed})
      for (ItemIndex item : list)
        if (item.value < item_count_) visit(item.value);
  }

  SparseRowView stored_;
  std::size_t item_count_ = 0;
  bool owns_evidence_ = false;
  bool owns_excluded_ = false;
  bool restricted_ = false;
  const ItemFacts* facts_ = nullptr;
  const Bitmap* borrowed_allowed_ = nullptr;
  std::shared_ptr<const Availability> available_;  // null: every item is
  std::vector<std::uint32_t> evidence_items_;
  std::vector<float> evidence_strengths_;
  std::vector<std::uint32_t> excluded_;  // ascending strictly
  Bitmap allowed_;
};

namespace internal {

inline absl::Status ValidateHistoryWeight(std::size_t position, float weight) {
  if (weight > 0 && weight <= kMaxStrength) return absl::OkStatus();  // false for a NaN
  return absl::InvalidArgumentError(
      absl::StrCat("Query.history[", position, "].weight: want in (0, ", kMaxStrength, "], got ", weight));
}

// A file opened with OpenCheck::kStructure may hold a damaged row.
inline absl::Status ValidateStoredRow(const SparseRowView& stored, std::size_t item_count) {
  for (std::size_t n = 0; n < stored.size(); ++n)
    if (stored.columns[n] >= item_count || (n > 0 && stored.columns[n] <= stored.columns[n - 1]))
      return absl::DataLossError(absl::StrCat("history: want items ascending strictly below ", item_count, ", got ",
                                              stored.columns[n], " at entry ", n, " of the user's row"));
  return absl::OkStatus();
}

inline absl::Status ValidateIndexedQuery(const IndexedQuery& query, std::size_t item_count, const ItemFacts* facts) {
  for (std::size_t n = 0; n < query.history.size(); ++n) {
    if (query.history[n].item.value >= item_count)
      return absl::OutOfRangeError(
          absl::StrCat("Query.history[", n, "].item: want below ", item_count, ", got ", query.history[n].item.value));
    WAYPOST_RETURN_IF_ERROR(ValidateHistoryWeight(n, query.history[n].weight));
  }
  if (!query.use_include && !query.include.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("Query.use_include: want true with an include list, got false with ", query.include.size()));
  const auto check_list = [](const char* field, std::span<const ItemIndex> list, std::size_t count) {
    for (std::size_t n = 0; n < list.size(); ++n)
      if (list[n].value >= count)
        return absl::OutOfRangeError(
            absl::StrCat("Query.", field, "[", n, "]: want below ", count, ", got ", list[n].value));
    return absl::OkStatus();
  };
  WAYPOST_RETURN_IF_ERROR(check_list("include", query.include, item_count));
  WAYPOST_RETURN_IF_ERROR(check_list("exclude", query.exclude, item_count));
  const std::size_t nodes = facts == nullptr ? item_count : facts->prerequisites().node_count();
  WAYPOST_RETURN_IF_ERROR(check_list("completed", query.completed, nodes));
  WAYPOST_RETURN_IF_ERROR(check_list("in_progress", query.in_progress, nodes));
  if (query.filter != nullptr && query.filter->size() != item_count)
    return absl::InvalidArgumentError(
        absl::StrCat("Query.filter: want ", item_count, " bits, got ", query.filter->size()));
  if (query.prerequisites && facts == nullptr)
    return absl::FailedPreconditionError("Query.prerequisites: want a recommender with a catalogue, got none");
  if (facts != nullptr && facts->has_windows() && (!query.now_us || *query.now_us == kNoTime))
    return absl::InvalidArgumentError(
        "Query.now: want a time, because the catalogue has windows of availability, got none");
  return absl::OkStatus();
}

}  // namespace internal

inline absl::StatusOr<CandidateSet> CandidateSet::Compile(const IndexedQuery& query, const SparseRowView& stored,
                                                          std::size_t item_count, const ItemFacts* facts) {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateIndexedQuery(query, item_count, facts));
  WAYPOST_RETURN_IF_ERROR(internal::ValidateStoredRow(stored, item_count));
  CandidateSet set;
  set.stored_ = stored;
  set.item_count_ = item_count;
  set.facts_ = facts;
  if (facts != nullptr && facts->has_windows()) set.available_ = facts->AvailableAt(*query.now_us);
  if (!query.history.empty() || !set.StoredIsPositive()) set.BuildEvidence(query.history);
  if (query.use_include || query.seen == SeenPolicy::kOnly || query.prerequisites || (set.available_ && query.filter)) {
    set.restricted_ = true;
    set.allowed_ = Bitmap(item_count, true);
    set.Restrict(query, set.allowed_, [](ShortReason) { return false; });
  } else {
    set.borrowed_allowed_ = set.available_ ? &set.available_->items : query.filter;
  }
  const bool met_more = !query.history.empty() || !query.completed.empty() || !query.in_progress.empty();
  if (query.seen != SeenPolicy::kDrop || met_more || !query.exclude.empty()) set.BuildExcluded(query);
  return set;
}

inline void CandidateSet::BuildEvidence(std::span<const WeightedItem> history) {
  std::vector<WeightedItem> added(history.begin(), history.end());
  std::sort(added.begin(), added.end(), [](const WeightedItem& a, const WeightedItem& b) {
    return a.item != b.item ? a.item < b.item : a.weight > b.weight;
  });
  const auto same_item = [](const WeightedItem& a, const WeightedItem& b) { return a.item == b.item; };
  added.erase(std::unique(added.begin(), added.end(), same_item), added.end());  // keeps the largest strength

  owns_evidence_ = true;
  evidence_items_.reserve(stored_.size() + added.size());
  evidence_strengths_.reserve(stored_.size() + added.size());
  const auto append = [&](std::uint32_t item, float strength) {
    if (strength <= 0) return;  // met or rejected only
    evidence_items_.push_back(item);
    evidence_strengths_.push_back(strength);
  };
  std::size_t a = 0;
  for (std::size_t s = 0; s < stored_.size(); ++s) {
    const std::uint32_t item = stored_.columns[s];
    for (; a < added.size() && added[a].item.value < item; ++a) append(added[a].item.value, added[a].weight);
    float strength = stored_.value(s);
    if (a < added.size() && added[a].item.value == item) {
      if (strength >= 0) strength = std::max(strength, added[a].weight);
      ++a;
    }
    append(item, strength);
  }
  for (; a < added.size(); ++a) append(added[a].item.value, added[a].weight);
}

template <typename Stop>
ShortReason CandidateSet::Restrict(const IndexedQuery& query, Bitmap& left, const Stop& stop) const {
  if (query.use_include) {
    Bitmap listed(item_count_);
    for (ItemIndex item : query.include) listed.Set(item.value);
    left = std::move(listed);
    if (stop(ShortReason::kInclude)) return ShortReason::kInclude;
  }
  if (query.filter != nullptr) {
    left.IntersectWith(*query.filter);
    if (stop(ShortReason::kFilter)) return ShortReason::kFilter;
  }
  if (available_) {
    left.IntersectWith(available_->items);
    if (stop(ShortReason::kUnavailable)) return ShortReason::kUnavailable;
  }
  if (query.prerequisites) {
    facts_->prerequisites().KeepUnlocked(query.completed, left);
    if (stop(ShortReason::kPrerequisites)) return ShortReason::kPrerequisites;
  }
  if (query.seen == SeenPolicy::kOnly) {
    Bitmap met(item_count_);
    for (std::uint32_t item : stored_.columns) met.Set(item);
    ForEachMet(query, [&](std::uint32_t item) { met.Set(item); });
    for (ItemIndex item : query.completed)
      if (item.value < item_count_) met.Clear(item.value);
    left.IntersectWith(met);
    if (stop(ShortReason::kOnlySeen)) return ShortReason::kOnlySeen;
  }
  return ShortReason::kNone;
}

inline void CandidateSet::BuildExcluded(const IndexedQuery& query) {
  owns_excluded_ = true;
  for (std::size_t s = 0; s < stored_.size(); ++s)
    if (query.seen == SeenPolicy::kDrop || stored_.value(s) < 0) excluded_.push_back(stored_.columns[s]);
  if (query.seen == SeenPolicy::kDrop) ForEachMet(query, [&](std::uint32_t item) { excluded_.push_back(item); });
  for (ItemIndex item : query.exclude) excluded_.push_back(item.value);
  std::sort(excluded_.begin(), excluded_.end());
  excluded_.erase(std::unique(excluded_.begin(), excluded_.end()), excluded_.end());
}

inline ShortReason CandidateSet::FindShortReason(const IndexedQuery& query) const {
  if (item_count_ < query.n) return ShortReason::kCatalogue;
  Bitmap left(item_count_, true);
  const auto short_of_n = [&](ShortReason) { return left.Count() < query.n; };
  if (const ShortReason reason = Restrict(query, left, short_of_n); reason != ShortReason::kNone) return reason;
  for (std::size_t s = 0; s < stored_.size(); ++s)
    if (query.seen == SeenPolicy::kDrop || stored_.value(s) < 0) left.Clear(stored_.columns[s]);
  if (query.seen == SeenPolicy::kDrop) ForEachMet(query, [&](std::uint32_t item) { left.Clear(item); });
  if (left.Count() < query.n) return ShortReason::kSeen;
  for (ItemIndex item : query.exclude) left.Clear(item.value);
  return left.Count() < query.n ? ShortReason::kExclude : ShortReason::kNoEvidence;
}

}  // namespace waypost

#endif  // WAYPOST_RANK_CANDIDATE_SET_HPP_
