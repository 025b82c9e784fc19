// waypost/rank/query.hpp - what is asked of a recommender, and what comes back.
//
// Query and Recommendation speak in ids, IndexedQuery and Ranking in dense indices; the answers are the same.
//
// (1) n items come back when n candidates exist. Fewer come back only with a ShortReason; nothing is ever padded or
//     repeated. Order: score descending, then item index ascending; scores are finite.
// (2) Items that the user has rejected (dislike, dismiss) are never returned, whatever the seen policy.
// (3) The include and the exclude list may be combined; an item on both is not returned.
// (4) Unknown ids in the lists of a query are left out and counted in `unknown_ids`.
// (5) Rules restrict the candidates before the search, so (1) holds under every mix of them. With diversity or
//     exploration the order of an answer is the order of choice; nothing else departs from (1).
// (6) Nobody is recommended to themselves: an item of the catalogue's type "person" is never returned to the
//     user of that id. An IndexedQuery has no ids; who asks one puts that item (Recommender::FindPerson) on its exclude
//     list.
#ifndef WAYPOST_RANK_QUERY_HPP_
#define WAYPOST_RANK_QUERY_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/ids.hpp"
#include "waypost/base/top_k.hpp"

namespace waypost {

// What to do with items that the user has met: those of the stored history and of the query's.
enum class SeenPolicy : std::uint8_t {
  kDrop = 0,  // never return them
  kKeep = 1,  // return them like any other
  kOnly = 2,  // return nothing else: "continue where you left off"
};

// Where a score comes from.
enum class Source : std::uint8_t {
  kModel = 0,              // the model's own knowledge of this user
  kFoldIn = 1,             // the model, applied to a history that it was not trained on
  kPopular = 2,            // the popularity ranking: asked for, or nothing is known about the user
  kTrending = 3,           // Engine: what others do now
  kPopularInCategory = 4,  // Engine: the popularity ranking of the categories that the user has met
};

// Why fewer than n items came back: the first step at which fewer than n were left.
enum class ShortReason : std::uint8_t {
  kNone = 0,           // n came back
  kCatalogue = 1,      // the catalogue has fewer items
  kInclude = 2,        // the include list has fewer known items
  kOnlySeen = 3,       // SeenPolicy::kOnly: the user has met fewer of them
  kSeen = 4,           // SeenPolicy::kDrop: the user has met or rejected the others
  kExclude = 5,        // the exclude list removes the others
  kNoEvidence = 6,     // Similar: the model has evidence of similarity for fewer
  kFilter = 7,         // the filter lets fewer pass
  kUnavailable = 8,    // the others are not available at `now`
  kPrerequisites = 9,  // the user has not completed what the others need
  kCategoryCap = 10,   // the caps of their categories leave out the others
};

// The value of the tool's `source`: "model", "fold-in", "popular", "trending", "popular-in-category".
constexpr std::string_view SourceName(Source source) {
  switch (source) {
    case Source::kModel:
      return "model";
    case Source::kFoldIn:
      return "fold-in";
    case Source::kPopular:
      return "popular";
    case Source::kTrending:
      return "trending";
    case Source::kPopularInCategory:
      return "popular-in-category";
  }
  return "";
}

// The reason in words, for people; empty for kNone.
constexpr std::string_view ShortReasonText(ShortReason reason) {
  switch (reason) {
    case ShortReason::kNone:
      return "";
    case ShortReason::kCatalogue:
      return "the catalogue has fewer items";
    case ShortReason::kInclude:
      return "the include list has fewer known items";
    case ShortReason::kOnlySeen:
      return "the user has met fewer of the items";
    case ShortReason::kSeen:
      return "the user has met or rejected the other items";
    case ShortReason::kExclude:
      return "the exclude list removes the other items";
    case ShortReason::kNoEvidence:
      return "the model knows fewer similar items";
    case ShortReason::kFilter:
      return "the filter lets fewer items pass";
    case ShortReason::kUnavailable:
      return "the other items are not available now";
    case ShortReason::kPrerequisites:
      return "the user lacks the prerequisites of the other items";
    case ShortReason::kCategoryCap:
      return "the caps of their categories leave out the other items";
  }
  return "";
}

struct HistoryItem {
  std::string item;
  float weight = 1;  // strength of the evidence, in (0, kMaxStrength]
};

// At most `most` items of a category in one answer.
struct CategoryCap {
  std::string category;
  std::size_t most = 0;

  friend bool operator==(const CategoryCap&, const CategoryCap&) = default;
};

// What makes two items alike, for diversity.
enum class DiversityBasis : std::uint8_t {
  kModel = 0,      // the query's model: the cosine of item vectors
  kCatalogue = 1,  // shared tags and category, as Jaccard's share of all that the two have
};

// Maximal marginal relevance: each next item is the best of (1 - strength) x relevance - strength x the largest
// likeness to an item chosen before (rank/selection.hpp).
struct Diversity {
  float strength = 0;    // 0: off; 0.2..0.5 is usual; at most 1
  std::size_t pool = 0;  // choose among this many of the best; 0: 10 n, at least 100. Likeness costs pool x n
  DiversityBasis basis = DiversityBasis::kModel;

  friend bool operator==(const Diversity&, const Diversity&) = default;
};

// Each place of the answer is given, with probability `share`, to an item drawn uniformly from the pool's remaining
// ones instead of the best of them; Suggestion::propensity says how probable the choice was.
struct Exploration {
  float share = 0;         // 0: off; 0.05 is usual; at most 1
  std::size_t pool = 0;    // as of Diversity; the larger of the two counts
  std::uint64_t seed = 0;  // the same query and seed give the same answer: give each request its own

  friend bool operator==(const Exploration&, const Exploration&) = default;
};

// The range of a value weight: scores stay finite.
inline constexpr float kMinValueWeight = 0x1p-20f;
inline constexpr float kMaxValueWeight = 0x1p20f;

struct ValueWeight {
  std::string item;
  float weight = 1;  // in [kMinValueWeight, kMaxValueWeight]
};

// A question about one user. Aggregate: use designated initializers.
struct Query {
  // The user's id. None, or an id that training did not know, stands for a new user.
  std::optional<std::string> user = {};
  // What the user did since training, or all that is known of a new user. It is put together with the stored history
  // of a known user; of the strengths of one item the largest counts, as in training. Items of it count as met.
  std::vector<HistoryItem> history = {};
  // How many items to return.
  std::size_t n = 10;
  // Only these items may come back. None: every item. An empty list allows no item.
  std::optional<std::vector<std::string>> include = {};
  // These items never come back.
  std::vector<std::string> exclude = {};
  SeenPolicy seen = SeenPolicy::kDrop;
  // Whether to fill Suggestion::base and Suggestion::reasons; costs about as much as the recommendation again.
  bool explain = false;
  // The name of a model of the bundle; empty: its default.
  std::string model = {};

  // -- rules --
  // Only these items may come back: CompileFilter of rank/filter.hpp, made once and shared by queries. Null: no filter.
  std::shared_ptr<const Bitmap> filter = {};
  // The moment of the question, microseconds since 1970-01-01 UTC. Required where the recommender's catalogue has
  // windows of availability: items outside theirs never come back.
  std::optional<std::int64_t> now_us = {};
  // What the user has completed and has begun. Both count as met; with kOnly completed items do not come back
  // ("continue where you left off"). No evidence of interest: give it in `history` too where it is.
  std::vector<std::string> completed = {};
  std::vector<std::string> in_progress = {};
  // Whether an item may come back only when all its prerequisites are in `completed`.
  bool prerequisites = false;

  // -- choice among the candidates --
  // At most so many items of each category; those of `category_caps` have their own. An item without a category has no
  // cap.
  std::optional<std::size_t> category_cap = {};
  std::vector<CategoryCap> category_caps = {};
  // What an item is worth to the host (price, margin, predicted retention x payment): a score >= 0 is multiplied by the
  // weight, one below 0 divided, so that a larger weight never harms. Items not named have weight 1.
  std::vector<ValueWeight> value_weights = {};
  Diversity diversity = {};
  Exploration exploration = {};
};

// A question about one item. Aggregate: use designated initializers.
struct SimilarQuery {
  std::string item;
  std::size_t n = 10;
  std::optional<std::vector<std::string>> include = {};
  std::vector<std::string> exclude = {};
  std::string model = {};
};

// One item of the user's history and what it contributed to a score. Views live as long as the recommender.
struct Reason {
  ItemIndex item;
  std::string_view id;
  std::string_view title;  // empty where the item has none
  float amount = 0;
};

// One item returned. Views live as long as the recommender.
struct Suggestion {
  ItemIndex item;
  std::string_view id;
  std::string_view title;  // empty where the item has none
  float score = 0;         // comparable within one answer only; includes the value weight
  Source source = Source::kModel;
  float propensity = 1;  // with Query::exploration: how probable this item was at its place, given those before
  // With Query::explain: base + the sum of the amounts = score, within 1e-5 relative to the largest of them.
  float base = 0;
  std::vector<Reason> reasons;  // amount descending, then item ascending
};

struct Recommendation {
  std::vector<Suggestion> items;
  Source source = Source::kModel;
  ShortReason reason = ShortReason::kNone;
  std::size_t unknown_ids = 0;  // ids of the query's lists that the bundle does not know
};

struct WeightedItem {
  ItemIndex item;
  float weight = 1;  // in (0, kMaxStrength]
};

// A Query in dense indices, in any order and with repeats. Borrowed for the call.
struct IndexedQuery {
  std::optional<UserIndex> user = {};
  std::span<const WeightedItem> history = {};
  std::size_t n = 10;
  bool use_include = false;  // false: every item may come back and `include` is empty
  std::span<const ItemIndex> include = {};
  std::span<const ItemIndex> exclude = {};
  SeenPolicy seen = SeenPolicy::kDrop;
  std::string_view model = {};
  const Bitmap* filter = nullptr;  // one bit an item
  std::optional<std::int64_t> now_us = {};
  std::span<const ItemIndex> completed = {};  // nodes of PrerequisiteGraph, which may lie beyond the model's items
  std::span<const ItemIndex> in_progress = {};
  bool prerequisites = false;
  std::optional<std::size_t> category_cap = {};
  std::span<const CategoryCap> category_caps = {};
  std::span<const WeightedItem> value_weights = {};  // an item at most once
  Diversity diversity = {};
  Exploration exploration = {};
  // Items that stand in the list above those asked for: they have taken their room under the caps, and diversity keeps
  // away from them. They come back unless `exclude` has them.
  std::span<const ItemIndex> above = {};
};

struct Ranking {
  std::vector<ScoredItem> items;
  std::vector<float> propensities;  // one an item with exploration, else none: all are 1
  Source source = Source::kModel;
  ShortReason reason = ShortReason::kNone;
};

// A Ranking whose items lie in the caller's memory; propensities are not told.
struct RankingFacts {
  std::size_t count = 0;
  Source source = Source::kModel;
  ShortReason reason = ShortReason::kNone;
};

}  // namespace waypost

#endif  // WAYPOST_RANK_QUERY_HPP_
