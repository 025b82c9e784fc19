// waypost/rank/candidate_set.hpp - a query's lists and the user's history, compiled into what a Scorer takes.
//
// Definition   with met = stored history + the query's history, and rejected = stored entries below 0:
//              candidates = (include list or all) - exclude list - rejected,
//                           - met (kDrop), or restricted to met (kOnly).
//              evidence   = stored entries above 0 + the query's history, the larger strength where both have an item;
//                           a rejected item is no evidence, whatever the query says.
// Complexity   O(history + lists log lists); a bitmap of one bit an item only with an include list or kOnly. The usual
//              query (a known user, kDrop, no list) borrows the stored row and allocates nothing.
// Checked by   tests/property/rank_recommender_test.cpp against brute force over all items.
#ifndef WAYPOST_RANK_CANDIDATE_SET_HPP_
#define WAYPOST_RANK_CANDIDATE_SET_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/status.hpp"
#include "waypost/base/top_k.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/scorer.hpp"
#include "waypost/rank/query.hpp"

namespace waypost {

// Lifetime  borrows the stored row and the query for as long as it is used.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class CandidateSet {
 public:
  CandidateSet() = default;

  //   stored  the user's row of Interactions::history: above 0 positive, 0 met only, below 0 rejected; empty if none.
  // Errors    kInvalidArgument: a strength of the history.  kOutOfRange: an index of a list.  kDataLoss: `stored`.
  static absl::StatusOr<CandidateSet> Compile(const IndexedQuery& query, const SparseRowView& stored,
                                              std::size_t item_count);

  // The user's positive history, items ascending strictly.
  SparseRowView evidence() const {
    return owns_evidence_ ? SparseRowView{evidence_items_, evidence_strengths_} : stored_;
  }

  // Lifetime  borrows this object.
  Candidates candidates() const {
    return {.allowed = restricted_ ? &allowed_ : nullptr,
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
  void BuildAllowed(const IndexedQuery& query);
  void BuildExcluded(const IndexedQuery& query);

  SparseRowView stored_;
  std::size_t item_count_ = 0;
  bool owns_evidence_ = false;
  bool owns_excluded_ = false;
  bool restricted_ = false;
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

inline absl::Status ValidateIndexedQuery(const IndexedQuery& query, std::size_t item_count) {
  for (std::size_t n = 0; n < query.history.size(); ++n) {
    if (query.history[n].item.value >= item_count)
      return absl::OutOfRangeError(
          absl::StrCat("Query.history[", n, "].item: want below ", item_count, ", got ", query.history[n].item.value));
    WAYPOST_RETURN_IF_ERROR(ValidateHistoryWeight(n, query.history[n].weight));
  }
  if (!query.use_include && !query.include.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("Query.use_include: want true with an include list, got false with ", query.include.size()));
  for (const auto& [field, list] : {std::pair("include", query.include), std::pair("exclude", query.exclude)})
    for (std::size_t n = 0; n < list.size(); ++n)
      if (list[n].value >= item_count)
        return absl::OutOfRangeError(
            absl::StrCat("Query.", field, "[", n, "]: want below ", item_count, ", got ", list[n].value));
  return absl::OkStatus();
}

}  // namespace internal

inline absl::StatusOr<CandidateSet> CandidateSet::Compile(const IndexedQuery& query, const SparseRowView& stored,
                                                          std::size_t item_count) {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateIndexedQuery(query, item_count));
  WAYPOST_RETURN_IF_ERROR(internal::ValidateStoredRow(stored, item_count));
  CandidateSet set;
  set.stored_ = stored;
  set.item_count_ = item_count;
  if (!query.history.empty() || !set.StoredIsPositive()) set.BuildEvidence(query.history);
  if (query.use_include || query.seen == SeenPolicy::kOnly) set.BuildAllowed(query);
  if (query.seen != SeenPolicy::kDrop || !query.history.empty() || !query.exclude.empty()) set.BuildExcluded(query);
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

inline void CandidateSet::BuildAllowed(const IndexedQuery& query) {
  restricted_ = true;
  allowed_ = Bitmap(item_count_);
  if (query.seen != SeenPolicy::kOnly) {
    for (ItemIndex item : query.include) allowed_.Set(item.value);
    return;
  }
  for (std::uint32_t item : stored_.columns) allowed_.Set(item);
  for (const WeightedItem& entry : query.history) allowed_.Set(entry.item.value);
  if (!query.use_include) return;
  Bitmap both(item_count_);
  for (ItemIndex item : query.include)
    if (allowed_.Test(item.value)) both.Set(item.value);
  allowed_ = std::move(both);
}

inline void CandidateSet::BuildExcluded(const IndexedQuery& query) {
  owns_excluded_ = true;
  for (std::size_t s = 0; s < stored_.size(); ++s)
    if (query.seen == SeenPolicy::kDrop || stored_.value(s) < 0) excluded_.push_back(stored_.columns[s]);
  if (query.seen == SeenPolicy::kDrop)
    for (const WeightedItem& entry : query.history) excluded_.push_back(entry.item.value);
  for (ItemIndex item : query.exclude) excluded_.push_back(item.value);
  std::sort(excluded_.begin(), excluded_.end());
  excluded_.erase(std::unique(excluded_.begin(), excluded_.end()), excluded_.end());
}

inline ShortReason CandidateSet::FindShortReason(const IndexedQuery& query) const {
  if (item_count_ < query.n) return ShortReason::kCatalogue;
  Bitmap left(item_count_, !query.use_include);
  for (ItemIndex item : query.include) left.Set(item.value);
  if (left.Count() < query.n) return ShortReason::kInclude;
  if (query.seen == SeenPolicy::kOnly) {
    Bitmap met(item_count_);
    for (std::uint32_t item : stored_.columns)
      if (left.Test(item)) met.Set(item);
    for (const WeightedItem& entry : query.history)
      if (left.Test(entry.item.value)) met.Set(entry.item.value);
    left = std::move(met);
    if (left.Count() < query.n) return ShortReason::kOnlySeen;
  }
  for (std::size_t s = 0; s < stored_.size(); ++s)
    if (query.seen == SeenPolicy::kDrop || stored_.value(s) < 0) left.Clear(stored_.columns[s]);
  if (query.seen == SeenPolicy::kDrop)
    for (const WeightedItem& entry : query.history) left.Clear(entry.item.value);
  if (left.Count() < query.n) return ShortReason::kSeen;
  for (ItemIndex item : query.exclude) left.Clear(item.value);
  return left.Count() < query.n ? ShortReason::kExclude : ShortReason::kNoEvidence;
}

}  // namespace waypost

#endif  // WAYPOST_RANK_CANDIDATE_SET_HPP_
