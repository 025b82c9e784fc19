// waypost/rank/selection.hpp - which n of the candidates come back, where that is more than the n best scores: value
// weights, caps of categories, diversity, exploration.
//
// Definition   value(i) = score(i) w(i) for score(i) >= 0, else score(i) / w(i); the value order is value descending,
//              then item ascending.
//              The pool is the shortest beginning of the value order of all candidates that has P items and from which
//              the caps leave n: every candidate where there are not so many. P = n; with diversity or exploration the
//              largest pool asked for, at least n.
//              The answer is chosen from the pool place by place, among its items not chosen whose category is not
//              full: the first in the value order; with diversity [1] the largest
//                (1 - s) relevance(i) - s max over the chosen j of likeness(i, j), ties by the value order, where
//                relevance runs linearly from 0 for the pool's least value to 1 for its largest (1 if they are equal);
//              with exploration, with probability e, one of those items drawn uniformly instead. propensity(i), given
//              the places before, is e / m + (1 - e) [i is the best of the m].
// Exact        Without diversity and exploration the answer is the value order of every candidate, each taken that its
//              category's cap allows: what a full sort would give. The search asks for more and more of the best scores
//              until no candidate left out can be among the pool: value grows with score and with weight, so it is at
//              most that of the last score with the largest weight (the threshold argument of [2]).
// n of n       A cap allows the same number of items in whatever order they are taken (a partition matroid), so n come
//              back from any pool from which n may come back.
// Sources      [1] J. Carbonell, J. Goldstein, "The use of MMR, diversity-based reranking for reordering documents and
//              producing summaries", SIGIR 1998. [2] R. Fagin, A. Lotem, M. Naor, "Optimal aggregation algorithms for
//              middleware", J. Computer and System Sciences 66, 2003.
// Deviations   Of [1]: relevance is scaled over the pool, so that a strength means the same for every model.
// Complexity   a few searches of growing size, mostly one; O(pool log pool), and with diversity O(pool n) likenesses.
// Determinism  A function of the candidates' scores, the rules and the seed.
// Checked by   tests/property/rank_rules_test.cpp against a full sort and against the definition.
#ifndef WAYPOST_RANK_SELECTION_HPP_
#define WAYPOST_RANK_SELECTION_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "waypost/base/random.hpp"
#include "waypost/base/status.hpp"
#include "waypost/base/top_k.hpp"
#include "waypost/rank/item_facts.hpp"
#include "waypost/rank/query.hpp"

namespace waypost {

struct Selected {
  std::vector<ScoredItem> items;    // scores are values
  std::vector<float> propensities;  // one an item with exploration, else none
  bool capped = false;              // fewer than n, because of the caps
};

// Whether `query` asks for more than the n best scores.
inline bool NeedsSelection(const IndexedQuery& query) {
  return query.category_cap || !query.category_caps.empty() || !query.value_weights.empty() ||
         query.diversity.strength != 0 || query.exploration.share != 0;  // also what Compile refuses
}

// The rules of one query, checked and looked up.
//
// Lifetime  borrows the query and the facts.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Selection {
 public:
  // Errors  kInvalidArgument: a weight, a strength, a share.  kOutOfRange: an item of the weights.
  //         kFailedPrecondition: caps or DiversityBasis::kCatalogue without a catalogue.
  static absl::StatusOr<Selection> Compile(const IndexedQuery& query, std::size_t item_count, const ItemFacts* facts);

  // Chooses min(n, candidates that the caps allow) items.
  //
  //   search(k)               the k best candidates by score, StatusOr<std::vector<ScoredItem>>.
  //   likeness(i, pool, out)  absl::Status; out[p] = how alike item i and pool[p] are, in 0..1. Called with
  //                           DiversityBasis::kModel only.
  // Errors                    those of the two functions.
  template <typename Search, typename Likeness>
  absl::StatusOr<Selected> Choose(const Search& search, const Likeness& likeness) const;

  // The factor between the score and the value of an item: base and reasons of an explanation grow by it.
  float Factor(ItemIndex item, float score) const {
    const float weight = Weight(item);
    return score >= 0 ? weight : 1 / weight;
  }

 private:
  static constexpr std::uint32_t kNoCap = std::numeric_limits<std::uint32_t>::max();

  float Weight(ItemIndex item) const {
    const auto found = std::lower_bound(weights_.begin(), weights_.end(), item,
                                        [](const WeightedItem& entry, ItemIndex i) { return entry.item < i; });
    return found != weights_.end() && found->item == item ? found->weight : 1.0f;
  }
  static float Value(float score, float weight) { return score >= 0 ? score * weight : score / weight; }

  std::uint32_t Category(ItemIndex item) const { return facts_->category().codes[item.value]; }
  bool capped() const { return !caps_.empty(); }

  // How many more items a category may have. Starts with the caps.
  class Room {
   public:
    explicit Room(const Selection& selection) : selection_(selection), left_(selection.caps_) {}
    bool Has(ItemIndex item) const {
      if (left_.empty()) return true;
      const std::uint32_t category = selection_.Category(item);
      return category == kNoText || left_[category] > 0;
    }
    // Requires  Has(item).
    void Take(ItemIndex item) {
      if (left_.empty()) return;
      const std::uint32_t category = selection_.Category(item);
      if (category != kNoText && left_[category] != kNoCap) --left_[category];
    }

   private:
    const Selection& selection_;
    std::vector<std::uint32_t> left_;
  };

  template <typename Search>
  absl::StatusOr<std::vector<ScoredItem>> Pool(const Search& search) const;
  void LikenessByCatalogue(ItemIndex item, std::span<const ScoredItem> pool, std::span<float> likeness) const;
  template <typename Likeness>
  absl::StatusOr<Selected> ChooseFrom(std::span<const ScoredItem> pool, const Likeness& likeness) const;

  const ItemFacts* facts_ = nullptr;
  std::size_t item_count_ = 0;
  std::size_t n_ = 0;
  std::size_t pool_size_ = 0;
  std::vector<WeightedItem> weights_;  // by item
  float largest_weight_ = 1;
  std::vector<std::uint32_t> caps_;  // by code of the category; empty: no cap
  Diversity diversity_;
  Exploration exploration_;
  std::span<const ItemIndex> above_;
};

inline absl::StatusOr<Selection> Selection::Compile(const IndexedQuery& query, std::size_t item_count,
                                                    const ItemFacts* facts) {
  Selection selection;
  selection.facts_ = facts;
  selection.item_count_ = item_count;
  selection.n_ = std::min(query.n, item_count);
  selection.diversity_ = query.diversity;
  selection.exploration_ = query.exploration;
  const auto want_share = [](const char* field, float share) {
    if (share >= 0 && share <= 1) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("Query.", field, ": want 0..1, got ", share));
  };
  WAYPOST_RETURN_IF_ERROR(want_share("diversity.strength", query.diversity.strength));
  WAYPOST_RETURN_IF_ERROR(want_share("exploration.share", query.exploration.share));
  const bool by_catalogue = query.diversity.strength > 0 && query.diversity.basis == DiversityBasis::kCatalogue;
  if (facts == nullptr && (query.category_cap || !query.category_caps.empty() || by_catalogue))
    return absl::FailedPreconditionError(absl::StrCat("Query.", by_catalogue ? "diversity.basis" : "category_cap",
                                                      ": want a recommender with a catalogue, got none"));

  selection.pool_size_ = selection.n_;
  const auto widen = [&](bool on, std::size_t asked) {
    const std::size_t usual =
        std::max<std::size_t>(100, selection.n_ < item_count / 10 ? 10 * selection.n_ : item_count);
    if (on) selection.pool_size_ = std::max(selection.pool_size_, std::min(asked == 0 ? usual : asked, item_count));
  };
  widen(query.diversity.strength > 0, query.diversity.pool);
  widen(query.exploration.share > 0, query.exploration.pool);

  selection.weights_.assign(query.value_weights.begin(), query.value_weights.end());
  for (const WeightedItem& entry : selection.weights_) {
    if (entry.item.value >= item_count)
      return absl::OutOfRangeError(
          absl::StrCat("Query.value_weights: want items below ", item_count, ", got ", entry.item.value));
    if (!(entry.weight >= kMinValueWeight && entry.weight <= kMaxValueWeight))  // true for a NaN
      return absl::InvalidArgumentError(absl::StrCat("Query.value_weights: want a weight in [", kMinValueWeight, ", ",
                                                     kMaxValueWeight, "], got ", entry.weight));
    selection.largest_weight_ = std::max(selection.largest_weight_, entry.weight);
  }
  const auto by_item = [](const WeightedItem& a, const WeightedItem& b) { return a.item < b.item; };
  std::sort(selection.weights_.begin(), selection.weights_.end(), by_item);
  const auto same_item = [](const WeightedItem& a, const WeightedItem& b) { return a.item == b.item; };
  const auto twice = std::adjacent_find(selection.weights_.begin(), selection.weights_.end(), same_item);
  if (twice != selection.weights_.end())
    return absl::InvalidArgumentError(
        absl::StrCat("Query.value_weights: want an item once, got item ", twice->item.value, " again"));

  for (std::size_t n = 0; n < query.above.size(); ++n)
    if (query.above[n].value >= item_count)
      return absl::OutOfRangeError(
          absl::StrCat("Query.above[", n, "]: want below ", item_count, ", got ", query.above[n].value));
  selection.above_ = query.above;

  if (!query.category_cap && query.category_caps.empty()) return selection;
  const auto cap_of = [](std::size_t most) { return static_cast<std::uint32_t>(std::min<std::size_t>(most, kNoCap)); };
  const FactColumn& category = facts->category();
  selection.caps_.assign(std::max<std::size_t>(1, category.code_of.size()),
                         cap_of(query.category_cap.value_or(kNoCap)));
  for (const CategoryCap& cap : query.category_caps)  // a category that no item has caps nothing
    if (const auto code = category.FindCode(cap.category)) selection.caps_[*code] = cap_of(cap.most);
  for (ItemIndex item : query.above) {
    const std::uint32_t code = category.codes[item.value];
    if (code != kNoText && selection.caps_[code] != kNoCap && selection.caps_[code] > 0) --selection.caps_[code];
  }
  return selection;
}

template <typename Search>
absl::StatusOr<std::vector<ScoredItem>> Selection::Pool(const Search& search) const {
  for (std::size_t k = capped() || !weights_.empty() ? std::max<std::size_t>(4 * pool_size_, 64) : pool_size_;;
       k *= 4) {
    k = std::min(k, item_count_);
    WAYPOST_ASSIGN_OR_RETURN(std::vector<ScoredItem> found, search(k));
    const bool all = found.size() < k || k == item_count_;
    const float bound = all ? 0 : Value(found.back().score, largest_weight_);  // of what was not found
    if (!weights_.empty()) {
      for (ScoredItem& item : found) item.score = Value(item.score, Weight(item.item));
      std::sort(found.begin(), found.end(), BetterFirst{});
    }
    Room room(*this);
    std::size_t allowed = 0;
    std::size_t size = 0;
    for (; size < found.size() && (size < pool_size_ || allowed < n_); ++size) {
      // An item not found may have this very value, and come first by its index.
      if (!all && !weights_.empty() && !(found[size].score > bound)) break;
      if (!room.Has(found[size].item)) continue;
      room.Take(found[size].item);
      ++allowed;
    }
    if (!all && (size < pool_size_ || allowed < n_)) continue;
    found.resize(size);
    return found;
  }
}

// Jaccard's share of the tags and the category together; 0 where neither item has any.
inline void Selection::LikenessByCatalogue(ItemIndex item, std::span<const ScoredItem> pool,
                                           std::span<float> likeness) const {
  const FactColumn& tags = *facts_->FindColumn("tags");
  const auto features = [&](ItemIndex i) {
    std::vector<std::uint64_t> found(tags.codes.begin() + static_cast<std::ptrdiff_t>(tags.offsets[i.value]),
                                     tags.codes.begin() + static_cast<std::ptrdiff_t>(tags.offsets[i.value + 1]));
    if (Category(i) != kNoText) found.push_back((std::uint64_t{1} << 32) | Category(i));
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  };
  const std::vector<std::uint64_t> own = features(item);
  for (std::size_t p = 0; p < pool.size(); ++p) {
    const std::vector<std::uint64_t> other = features(pool[p].item);
    std::size_t shared = 0;
    for (std::uint64_t feature : own) shared += std::binary_search(other.begin(), other.end(), feature);
    const std::size_t together = own.size() + other.size() - shared;
    likeness[p] = together == 0 ? 0.0f : static_cast<float>(shared) / static_cast<float>(together);
  }
}

template <typename Likeness>
absl::StatusOr<Selected> Selection::ChooseFrom(std::span<const ScoredItem> pool, const Likeness& likeness) const {
  Selected selected;
  Room room(*this);
  Random random(exploration_.seed);
  const double strength = diversity_.strength;
  std::vector<double> nearest(pool.size(), 0);  // the largest likeness to a chosen item
  std::vector<float> alike(pool.size());
  std::vector<char> taken(pool.size(), 0);
  std::vector<std::size_t> open;
  const auto keep_away_from = [&](ItemIndex item) -> absl::Status {
    if (diversity_.basis == DiversityBasis::kCatalogue) {
      LikenessByCatalogue(item, pool, alike);
    } else {
      WAYPOST_RETURN_IF_ERROR(likeness(item, pool, std::span<float>(alike)));
    }
    for (std::size_t p = 0; p < pool.size(); ++p) nearest[p] = std::max(nearest[p], double{alike[p]});
    return absl::OkStatus();
  };
  if (strength > 0)
    for (ItemIndex item : above_) WAYPOST_RETURN_IF_ERROR(keep_away_from(item));
  const double range = pool.empty() ? 0 : double{pool.front().score} - double{pool.back().score};
  const auto gain = [&](std::size_t p) {
    const double relevance = range > 0 ? (double{pool[p].score} - double{pool.back().score}) / range : 1.0;
    return (1 - strength) * relevance - strength * nearest[p];
  };
  while (selected.items.size() < n_) {
    open.clear();
    std::size_t best = pool.size();
    for (std::size_t p = 0; p < pool.size(); ++p) {
      if (taken[p] || !room.Has(pool[p].item)) continue;
      open.push_back(p);
      if (best == pool.size() || (strength > 0 && gain(p) > gain(best))) best = p;
      if (strength == 0 && exploration_.share == 0) break;  // the first is the best
    }
    if (open.empty()) break;
    std::size_t chosen = best;
    if (exploration_.share > 0) {
      const double share = exploration_.share;
      if (random.Bernoulli(share)) chosen = open[random.Below(open.size())];
      const double drawn = share / static_cast<double>(open.size());
      selected.propensities.push_back(static_cast<float>(drawn + (chosen == best ? 1 - share : 0)));
    }
    taken[chosen] = 1;
    room.Take(pool[chosen].item);
    selected.items.push_back(pool[chosen]);
    if (strength == 0 || selected.items.size() == n_) continue;
    WAYPOST_RETURN_IF_ERROR(keep_away_from(pool[chosen].item));
  }
  selected.capped = capped() && selected.items.size() < std::min(n_, pool.size());
  return selected;
}

template <typename Search, typename Likeness>
absl::StatusOr<Selected> Selection::Choose(const Search& search, const Likeness& likeness) const {
  if (n_ == 0) return Selected{};
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<ScoredItem> pool, Pool(search));
  return ChooseFrom(pool, likeness);
}

}  // namespace waypost

#endif  // WAYPOST_RANK_SELECTION_HPP_
