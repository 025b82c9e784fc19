// waypost/rank/query.hpp - what is asked of a recommender, and what comes back.
//
// Query and Recommendation speak in ids, IndexedQuery and Ranking in dense indices; the answers are the same.
//
// (1) n items come back when n candidates exist. Fewer come back only with a ShortReason; nothing is ever padded or
//     repeated. Order: score descending, then item index ascending; scores are finite.
// (2) Items that the user has rejected (dislike, dismiss) are never returned, whatever the seen policy.
// (3) The include and the exclude list may be combined; an item on both is not returned.
// (4) Unknown ids in history, include and exclude lists are left out and counted in `unknown_ids`.
#ifndef WAYPOST_RANK_QUERY_HPP_
#define WAYPOST_RANK_QUERY_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  kModel = 0,    // the model's own knowledge of this user
  kFoldIn = 1,   // the model, applied to a history that it was not trained on
  kPopular = 2,  // the popularity ranking: asked for, or nothing is known about the user
};

// Why fewer than n items came back: the first step at which fewer than n were left.
enum class ShortReason : std::uint8_t {
  kNone = 0,        // n came back
  kCatalogue = 1,   // the catalogue has fewer items
  kInclude = 2,     // the include list has fewer known items
  kOnlySeen = 3,    // SeenPolicy::kOnly: the user has met fewer of them
  kSeen = 4,        // SeenPolicy::kDrop: the user has met or rejected the others
  kExclude = 5,     // the exclude list removes the others
  kNoEvidence = 6,  // Similar: the model has evidence of similarity for fewer
};

// The value of the tool's `source`: "model", "fold-in", "popular".
constexpr std::string_view SourceName(Source source) {
  switch (source) {
    case Source::kModel:
      return "model";
    case Source::kFoldIn:
      return "fold-in";
    case Source::kPopular:
      return "popular";
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
  }
  return "";
}

struct HistoryItem {
  std::string item;
  float weight = 1;  // strength of the evidence, in (0, kMaxStrength]
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
  float score = 0;         // comparable within one answer only
  Source source = Source::kModel;
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
};

struct Ranking {
  std::vector<ScoredItem> items;
  Source source = Source::kModel;
  ShortReason reason = ShortReason::kNone;
};

// A Ranking whose items lie in the caller's memory.
struct RankingFacts {
  std::size_t count = 0;
  Source source = Source::kModel;
  ShortReason reason = ShortReason::kNone;
};

}  // namespace waypost

#endif  // WAYPOST_RANK_QUERY_HPP_
