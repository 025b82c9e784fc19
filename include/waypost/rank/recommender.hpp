// waypost/rank/recommender.hpp - answers queries in ids with the models of one bundle.
//
// Which score  a known user without further history   the model's stored row           Source::kModel
//              any other user with evidence           the model, history folded in     Source::kFoldIn
//              nobody, no evidence, or that model     the model named "popularity"     Source::kPopular
//              Evidence is a positive stored or given history item that the bundle knows.
// Equality     One query, many, and every user at once give the same bits: each is Scorer::TopK over the candidates of
//              candidate_set.hpp, which equals scoring every item and sorting; a query with value weights, caps,
//              diversity or exploration chooses among them as selection.hpp says.
// Complexity   a query costs Scorer::TopK plus O(history + lists); queries that share model and n share a call.
// Determinism  a query's answer depends on nothing but the query.
// Checked by   tests/unit/rank_recommender_test.cpp; tests/property/rank_recommender_test.cpp against brute force.
#ifndef WAYPOST_RANK_RECOMMENDER_HPP_
#define WAYPOST_RANK_RECOMMENDER_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/event/item_titles.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/scorer.hpp"
#include "waypost/rank/candidate_set.hpp"
#include "waypost/rank/item_facts.hpp"
#include "waypost/rank/query.hpp"
#include "waypost/rank/selection.hpp"

namespace waypost {

inline constexpr std::string_view kPopularityName = "popularity";

struct RankedModel {
  std::string name;
  std::shared_ptr<const Scorer> scorer;
};

// What a recommender is made of: the parts of a model bundle.
struct RecommenderParts {
  IdDictionary users;
  IdDictionary items;
  ItemTitles titles;     // may be empty
  SparseMatrix history;  // Interactions::history; 0 rows when it was stripped
  std::vector<RankedModel> models;
  std::string default_model;
  std::shared_ptr<const ItemFacts> facts = {};  // of the catalogue, for the same items; null: no rule may need it
};

// Why an item has its score, and where the score comes from.
struct Explained {
  Explanation explanation;
  Source source = Source::kModel;
};

namespace internal {

inline absl::Status OutOfMemory(std::size_t queries) {
  return absl::ResourceExhaustedError(absl::StrCat("Recommender: want memory for ", queries, " queries, got none"));
}

// Every Scorer promises it.
inline absl::Status CheckFiniteScores(std::span<const ScoredItem> items) {
  for (const ScoredItem& item : items)
    if (!std::isfinite(item.score))
      return absl::InternalError(
          absl::StrCat("Score: want a finite value, got ", item.score, " for item ", item.item.value));
  return absl::OkStatus();
}

}  // namespace internal

// Immutable: safe to use from any number of threads.
class Recommender {
 public:
  // Errors  kInvalidArgument: parts whose sizes differ, two models of one name.  kNotFound: no model `default_model`.
  static absl::StatusOr<Recommender> Create(RecommenderParts parts);

  const IdDictionary& users() const { return parts_.users; }
  const IdDictionary& items() const { return parts_.items; }
  const ItemTitles& titles() const { return parts_.titles; }
  const SparseMatrix& history() const { return parts_.history; }
  std::span<const RankedModel> models() const { return parts_.models; }
  // Null: there is no catalogue.
  const ItemFacts* facts() const { return parts_.facts.get(); }
  std::shared_ptr<const ItemFacts> shared_facts() const { return parts_.facts; }
  std::string_view default_model() const { return parts_.default_model; }
  // Returns the item that is this user: of that id, and a person by the catalogue.
  std::optional<ItemIndex> FindPerson(std::string_view user) const;

  // Returns the model of that name; empty: the default one.
  // Errors  kNotFound.
  absl::StatusOr<const Scorer*> FindModel(std::string_view name) const;

  // Errors    kInvalidArgument: a strength of the history, a weight or share of the rules, a filter of other items, no
  //           `now` where the catalogue has windows.  kNotFound: the model.  kFailedPrecondition: a known user with
  //           kDrop or kOnly and no stored histories; nothing known of the user and no popularity model; a rule that
  //           needs a catalogue without one; diversity by a model without item vectors.
  // Lifetime  the views in the result live as long as a copy of this recommender.
  absl::StatusOr<Recommendation> Recommend(const Query& query) const&;
  absl::StatusOr<Recommendation> Recommend(const Query& query) const&& = delete;

  // Answers many queries at once, in their order. One invalid query fails the call and is named.
  absl::StatusOr<std::vector<Recommendation>> Recommend(std::span<const Query> queries,
                                                        const Parallelism& parallelism = {}) const&;
  absl::StatusOr<std::vector<Recommendation>> Recommend(std::span<const Query> queries,
                                                        const Parallelism& parallelism = {}) const&& = delete;

  // The same in dense indices.
  // Errors  also kOutOfRange: an index of the query.
  absl::StatusOr<std::vector<Ranking>> Rank(std::span<const IndexedQuery> queries,
                                            const Parallelism& parallelism = {}) const;

  // Answers one query on the calling thread, in the caller's memory.
  //   best    where the items go, best first: room for min(query.n, items().size()) at least.
  // Errors    as Rank.  kInvalidArgument: too little room.
  // Cost      allocates nothing for a known user of an iALS model with no list and no history in the query.
  absl::StatusOr<RankingFacts> RankInto(const IndexedQuery& query, std::span<ScoredItem> best) const;

  // Answers one query in dense indices, on the calling thread, with ids and titles.
  //   explain  whether to fill Suggestion::base and Suggestion::reasons.
  // Errors     as Rank.
  // Lifetime   as Recommend.
  absl::StatusOr<Recommendation> Answer(const IndexedQuery& query, bool explain) const&;
  absl::StatusOr<Recommendation> Answer(const IndexedQuery& query, bool explain) const&& = delete;

  // Returns the items most similar to one, best first; never the item itself.
  // Errors    kNotFound: the item, the model.
  // Lifetime  as Recommend.
  absl::StatusOr<Recommendation> Similar(const SimilarQuery& query) const&;
  absl::StatusOr<Recommendation> Similar(const SimilarQuery& query) const&& = delete;

  // The same in dense indices; `query.user`, `history` and `seen` are not used and must be unset, unset and kKeep.
  // Errors  also kOutOfRange: an index.
  absl::StatusOr<Ranking> Similar(ItemIndex item, const IndexedQuery& query) const;

  // Returns what brought `item` its score in the answer to `query`, whether or not it was returned.
  // Errors  as Rank.
  absl::StatusOr<Explained> Explain(const IndexedQuery& query, ItemIndex item) const;

  // Returns the vector of a user whose evidence is that of `query`: what a training that knew it would have ended with.
  // Empty for a model without user vectors.
  // Errors  as Rank.
  absl::StatusOr<std::vector<float>> FoldIn(const IndexedQuery& query) const;

 private:
  // A query, ready for a scorer.
  struct Plan {
    CandidateSet set;
    const Scorer* scorer = nullptr;
    std::optional<UserIndex> user;  // set only where the stored row is the answer
    Source source = Source::kModel;

    UserView view() const { return {user, source == Source::kPopular ? SparseRowView{} : set.evidence()}; }
  };

  // A query's ids, looked up: an IndexedQuery with the arrays it borrows.
  struct Lookup {
    std::vector<WeightedItem> history;
    std::vector<ItemIndex> include;
    std::vector<ItemIndex> exclude;
    std::vector<ItemIndex> completed;
    std::vector<ItemIndex> in_progress;
    std::vector<WeightedItem> value_weights;
    std::size_t unknown_ids = 0;

    //   find(id)  std::optional of an index or of an ItemIndex.
    template <typename Find>
    void Add(const Find& find, const std::vector<std::string>& ids, std::vector<ItemIndex>& list) {
      list.reserve(ids.size());
      for (const std::string& id : ids) {
        if (const auto index = find(id)) {
          list.push_back(ItemIndex{*index});
        } else {
          ++unknown_ids;
        }
      }
    }
  };

  explicit Recommender(RecommenderParts parts) : parts_(std::move(parts)) {}

  absl::StatusOr<CandidateSet> Compile(const IndexedQuery& query) const;
  absl::StatusOr<Plan> MakePlan(const IndexedQuery& query) const;
  absl::StatusOr<std::vector<Plan>> MakePlans(std::span<const IndexedQuery> queries,
                                              const Parallelism& parallelism) const;
  absl::StatusOr<std::vector<Ranking>> RankPlans(std::span<const IndexedQuery> queries, std::span<const Plan> plans,
                                                 const Parallelism& parallelism) const;
  // Requires  room for min(query.n, items().size()) in `best`.
  absl::StatusOr<RankingFacts> RankPlan(const IndexedQuery& query, const Plan& plan, std::span<ScoredItem> best) const;
  absl::StatusOr<IndexedQuery> LookUp(const Query& query, Lookup& lookup) const;
  Recommendation NameItems(std::span<const ScoredItem> items, std::span<const float> propensities, Source source,
                           ShortReason reason) const;
  absl::Status AddReasons(const IndexedQuery& query, const Plan& plan, Recommendation& recommendation) const;
  // Answers a query for which NeedsSelection holds.
  absl::StatusOr<Ranking> SelectPlan(const IndexedQuery& query, const Plan& plan, const Parallelism& parallelism) const;

  RecommenderParts parts_;
};

inline absl::StatusOr<Recommender> Recommender::Create(RecommenderParts parts) {
  const auto want = [](std::string_view what, std::size_t wanted, std::size_t got) {
    return absl::InvalidArgumentError(
        absl::StrCat("RecommenderParts.", internal::ToAbsl(what), ": want ", wanted, ", got ", got));
  };
  const SparseMatrix& history = parts.history;
  if (history.rows() != 0 && history.rows() != parts.users.size())
    return want("history: rows", parts.users.size(), history.rows());
  if (history.rows() != 0 && history.columns() != parts.items.size())
    return want("history: columns", parts.items.size(), history.columns());
  if (parts.facts != nullptr && parts.facts->item_count() != parts.items.size())
    return want("facts", parts.items.size(), parts.facts->item_count());
  if (parts.titles.size() != 0 && parts.titles.size() != parts.items.size())
    return want("titles", parts.items.size(), parts.titles.size());
  for (std::size_t m = 0; m < parts.models.size(); ++m) {
    const RankedModel& model = parts.models[m];
    if (model.scorer == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("RecommenderParts.models[", m, "].scorer: want one, got null"));
    if (model.scorer->item_count() != parts.items.size())
      return want(model.name + ": items", parts.items.size(), model.scorer->item_count());
    if (model.scorer->user_count() != 0 && model.scorer->user_count() != parts.users.size())
      return want(model.name + ": users", parts.users.size(), model.scorer->user_count());
    for (std::size_t other = 0; other < m; ++other)
      if (parts.models[other].name == model.name)
        return absl::InvalidArgumentError(
            absl::StrCat("RecommenderParts.models: want distinct names, got ", model.name, " twice"));
  }
  Recommender recommender(std::move(parts));
  WAYPOST_RETURN_IF_ERROR(recommender.FindModel({}).status());
  return recommender;
}

inline absl::StatusOr<const Scorer*> Recommender::FindModel(std::string_view name) const {
  const std::string_view wanted = name.empty() ? std::string_view(parts_.default_model) : name;
  for (const RankedModel& model : parts_.models)
    if (model.name == wanted) return model.scorer.get();
  std::string known;
  for (const RankedModel& model : parts_.models) absl::StrAppend(&known, known.empty() ? "" : ", ", model.name);
  return absl::NotFoundError(absl::StrCat("Query.model: want one of ", known, ", got ", internal::ToAbsl(wanted)));
}

inline std::optional<ItemIndex> Recommender::FindPerson(std::string_view user) const {
  if (parts_.facts == nullptr || !parts_.facts->has_people()) return std::nullopt;  // without looking the id up
  const auto item = parts_.items.Find(user);
  return item && parts_.facts->IsPerson(ItemIndex{*item}) ? std::optional(ItemIndex{*item}) : std::nullopt;
}

inline absl::StatusOr<CandidateSet> Recommender::Compile(const IndexedQuery& query) const {
  const std::size_t user_count = parts_.users.size();
  if (query.user && query.user->value >= user_count)
    return absl::OutOfRangeError(absl::StrCat("Query.user: want below ", user_count, ", got ", query.user->value));
  const bool stripped = query.user && parts_.history.rows() == 0;
  if (stripped && query.seen != SeenPolicy::kKeep)
    return absl::FailedPreconditionError(
        "Query.seen: want keep, because the bundle holds no user histories, got drop or only");
  const SparseRowView stored = query.user && !stripped ? parts_.history.row(query.user->value) : SparseRowView{};
  return CandidateSet::Compile(query, stored, parts_.items.size(), parts_.facts.get());
}

inline absl::StatusOr<Recommender::Plan> Recommender::MakePlan(const IndexedQuery& query) const {
  Plan plan;
  WAYPOST_ASSIGN_OR_RETURN(plan.scorer, FindModel(query.model));
  WAYPOST_ASSIGN_OR_RETURN(plan.set, Compile(query));
  const bool stripped = query.user && parts_.history.rows() == 0;
  const bool has_stored_row = query.user && query.history.empty() && (!stripped || plan.scorer->user_count() > 0);
  if (plan.scorer->kind() == kPopularityName || (plan.set.evidence().empty() && !(stripped && has_stored_row))) {
    plan.source = Source::kPopular;
    if (plan.scorer->kind() != kPopularityName) {
      const absl::StatusOr<const Scorer*> popularity = FindModel(kPopularityName);
      if (!popularity.ok())
        return absl::FailedPreconditionError(
            "Query.user: want evidence about the user, because the bundle has no model popularity, got none");
      plan.scorer = *popularity;
    }
  } else if (has_stored_row) {
    plan.user = query.user;
  } else {
    plan.source = Source::kFoldIn;
  }
  return plan;
}

inline absl::StatusOr<std::vector<Recommender::Plan>> Recommender::MakePlans(std::span<const IndexedQuery> queries,
                                                                             const Parallelism& parallelism) const {
  constexpr std::size_t kBlock = 64;  // queries: microseconds of work a block, so that one query wakes no thread
  std::vector<Plan> plans(queries.size());
  std::vector<absl::Status> failures((queries.size() + kBlock - 1) / kBlock);
  ForEachBlock(parallelism, queries.size(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t block) {
    for (std::size_t q = begin; q < end; ++q) {
      absl::StatusOr<Plan> plan = MakePlan(queries[q]);
      if (!plan.ok()) {
        failures[block] = queries.size() == 1
                              ? plan.status()
                              : internal::AddContext("queries[" + std::to_string(q) + "]", plan.status());
        return;
      }
      plans[q] = *std::move(plan);
    }
  });
  for (const absl::Status& failure : failures) WAYPOST_RETURN_IF_ERROR(failure);
  return plans;
}

inline absl::StatusOr<std::vector<Ranking>> Recommender::RankPlans(std::span<const IndexedQuery> queries,
                                                                   std::span<const Plan> plans,
                                                                   const Parallelism& parallelism) const {
  std::vector<Ranking> rankings(queries.size());
  std::vector<std::size_t> order;
  std::vector<std::size_t> selecting;
  for (std::size_t q = 0; q < queries.size(); ++q) (NeedsSelection(queries[q]) ? selecting : order).push_back(q);
  std::vector<absl::Status> failures(selecting.size());
  ForEachBlock(parallelism, selecting.size(), 1, [&](std::size_t n, std::size_t, std::size_t) {
    absl::StatusOr<Ranking> ranking = SelectPlan(queries[selecting[n]], plans[selecting[n]], Parallelism(1));
    failures[n] = ranking.status();
    if (ranking.ok()) rankings[selecting[n]] = *std::move(ranking);
  });
  for (const absl::Status& failure : failures) WAYPOST_RETURN_IF_ERROR(failure);
  const auto length = [&](std::size_t q) { return std::min(queries[q].n, parts_.items.size()); };
  const auto position = [&](std::size_t q) {
    const auto is_scorer = [&](const RankedModel& model) { return model.scorer.get() == plans[q].scorer; };
    return std::find_if(parts_.models.begin(), parts_.models.end(), is_scorer) - parts_.models.begin();
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(position(a), length(a)) < std::pair(position(b), length(b));
  });

  std::vector<UserView> users;
  std::vector<Candidates> candidates;
  for (std::size_t first = 0; first < order.size();) {
    const Scorer* scorer = plans[order[first]].scorer;
    const std::size_t k = length(order[first]);
    users.clear();
    candidates.clear();
    std::size_t last = first;
    for (; last < order.size() && plans[order[last]].scorer == scorer && length(order[last]) == k; ++last) {
      users.push_back(plans[order[last]].view());
      candidates.push_back(plans[order[last]].set.candidates());
    }
    WAYPOST_ASSIGN_OR_RETURN(auto lists, scorer->TopK(users, candidates, k, parallelism));
    for (std::size_t n = 0; n < lists.size(); ++n) {
      const std::size_t q = order[first + n];
      WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(lists[n]));
      rankings[q].items = std::move(lists[n]);
      rankings[q].source = plans[q].source;
      if (rankings[q].items.size() < queries[q].n) rankings[q].reason = plans[q].set.FindShortReason(queries[q]);
    }
    first = last;
  }
  return rankings;
}

inline absl::StatusOr<std::vector<Ranking>> Recommender::Rank(std::span<const IndexedQuery> queries,
                                                              const Parallelism& parallelism) const try {
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<Plan> plans, MakePlans(queries, parallelism));
  return RankPlans(queries, plans, parallelism);
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(queries.size());
}

inline absl::StatusOr<RankingFacts> Recommender::RankPlan(const IndexedQuery& query, const Plan& plan,
                                                          std::span<ScoredItem> best) const {
  best = best.first(std::min(query.n, parts_.items.size()));
  RankingFacts facts{.source = plan.source};
  if (NeedsSelection(query)) {
    WAYPOST_ASSIGN_OR_RETURN(const Ranking ranking, SelectPlan(query, plan, Parallelism(1)));
    std::copy(ranking.items.begin(), ranking.items.end(), best.begin());
    return RankingFacts{.count = ranking.items.size(), .source = ranking.source, .reason = ranking.reason};
  }
  WAYPOST_ASSIGN_OR_RETURN(facts.count, plan.scorer->TopKInto(plan.view(), plan.set.candidates(), best));
  WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(best.first(facts.count)));
  if (facts.count < query.n) facts.reason = plan.set.FindShortReason(query);
  return facts;
}

inline absl::StatusOr<Ranking> Recommender::SelectPlan(const IndexedQuery& query, const Plan& plan,
                                                       const Parallelism& parallelism) const {
  WAYPOST_ASSIGN_OR_RETURN(const Selection selection,
                           Selection::Compile(query, parts_.items.size(), parts_.facts.get()));
  WAYPOST_ASSIGN_OR_RETURN(const Scorer* likeness_model, FindModel(query.model));  // also where popularity ranks
  if (query.diversity.strength > 0 && query.diversity.basis == DiversityBasis::kModel &&
      likeness_model->dimensions() == 0)
    return absl::FailedPreconditionError(absl::StrCat("Query.diversity.basis: want a model with item vectors, got ",
                                                      internal::ToAbsl(likeness_model->kind())));
  const UserView view = plan.view();
  const Candidates candidates = plan.set.candidates();
  const auto search = [&](std::size_t k) -> absl::StatusOr<std::vector<ScoredItem>> {
    WAYPOST_ASSIGN_OR_RETURN(auto lists,
                             plan.scorer->TopK(std::span(&view, 1), std::span(&candidates, 1), k, parallelism));
    WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(lists.front()));
    return std::move(lists.front());
  };
  Bitmap pool_items;
  const auto likeness = [&](ItemIndex item, std::span<const ScoredItem> pool, std::span<float> alike) -> absl::Status {
    if (pool_items.size() == 0) {
      pool_items = Bitmap(parts_.items.size());
      for (const ScoredItem& entry : pool) pool_items.Set(entry.item.value);
    }
    const Candidates others{.allowed = &pool_items};
    WAYPOST_ASSIGN_OR_RETURN(std::vector<ScoredItem> similar, likeness_model->Similar(item, others, pool.size()));
    std::sort(similar.begin(), similar.end(), [](const ScoredItem& a, const ScoredItem& b) { return a.item < b.item; });
    for (std::size_t p = 0; p < pool.size(); ++p) {  // not named: no evidence of likeness
      const auto found = std::lower_bound(similar.begin(), similar.end(), pool[p].item,
                                          [](const ScoredItem& entry, ItemIndex i) { return entry.item < i; });
      alike[p] = found != similar.end() && found->item == pool[p].item ? std::clamp(found->score, 0.0f, 1.0f) : 0.0f;
    }
    return absl::OkStatus();
  };
  WAYPOST_ASSIGN_OR_RETURN(Selected selected, selection.Choose(search, likeness));
  Ranking ranking{.items = std::move(selected.items),
                  .propensities = std::move(selected.propensities),
                  .source = plan.source,
                  .reason = ShortReason::kNone};
  if (ranking.items.size() < query.n) {
    ranking.reason = plan.set.FindShortReason(query);
    if (selected.capped && ranking.reason == ShortReason::kNoEvidence) ranking.reason = ShortReason::kCategoryCap;
  }
  return ranking;
}

inline absl::StatusOr<RankingFacts> Recommender::RankInto(const IndexedQuery& query, std::span<ScoredItem> best) const
    try {
  const std::size_t wanted = std::min(query.n, parts_.items.size());
  if (best.size() < wanted)
    return absl::InvalidArgumentError(absl::StrCat("RankInto.best: want room for ", wanted, ", got ", best.size()));
  WAYPOST_ASSIGN_OR_RETURN(const Plan plan, MakePlan(query));
  return RankPlan(query, plan, best);
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(1);
}

inline absl::StatusOr<IndexedQuery> Recommender::LookUp(const Query& query, Lookup& lookup) const {
  IndexedQuery indexed{.n = query.n, .seen = query.seen, .model = query.model};
  const auto find_item = [&](const std::string& id) { return parts_.items.Find(id); };
  if (query.user)
    if (const auto user = parts_.users.Find(*query.user)) indexed.user = UserIndex{*user};
  lookup.history.reserve(query.history.size());
  for (std::size_t n = 0; n < query.history.size(); ++n) {
    const HistoryItem& entry = query.history[n];
    WAYPOST_RETURN_IF_ERROR(internal::ValidateHistoryWeight(n, entry.weight));  // of an unknown item too
    if (const auto item = parts_.items.Find(entry.item)) {
      lookup.history.push_back({ItemIndex{*item}, entry.weight});
    } else {
      ++lookup.unknown_ids;
    }
  }
  indexed.use_include = query.include.has_value();
  if (query.include) lookup.Add(find_item, *query.include, lookup.include);
  lookup.Add(find_item, query.exclude, lookup.exclude);
  if (query.user)
    if (const auto self = FindPerson(*query.user)) lookup.exclude.push_back(*self);
  const auto find_node = [&](const std::string& id) -> std::optional<std::uint32_t> {
    if (parts_.facts == nullptr) return parts_.items.Find(id);
    const auto node = parts_.facts->prerequisites().FindNode(id);
    return node ? std::optional(node->value) : std::nullopt;
  };
  lookup.Add(find_node, query.completed, lookup.completed);
  lookup.Add(find_node, query.in_progress, lookup.in_progress);
  for (const ValueWeight& entry : query.value_weights) {
    if (const auto item = parts_.items.Find(entry.item)) {
      lookup.value_weights.push_back({ItemIndex{*item}, entry.weight});
    } else {
      ++lookup.unknown_ids;
    }
  }
  indexed.history = lookup.history;
  indexed.include = lookup.include;
  indexed.exclude = lookup.exclude;
  indexed.filter = query.filter.get();
  indexed.now_us = query.now_us;
  indexed.completed = lookup.completed;
  indexed.in_progress = lookup.in_progress;
  indexed.prerequisites = query.prerequisites;
  indexed.category_cap = query.category_cap;
  indexed.category_caps = query.category_caps;
  indexed.value_weights = lookup.value_weights;
  indexed.diversity = query.diversity;
  indexed.exploration = query.exploration;
  return indexed;
}

inline Recommendation Recommender::NameItems(std::span<const ScoredItem> items, std::span<const float> propensities,
                                             Source source, ShortReason reason) const {
  Recommendation named{.items = {}, .source = source, .reason = reason, .unknown_ids = 0};
  named.items.reserve(items.size());
  for (const ScoredItem& item : items) {
    const float propensity = propensities.empty() ? 1.0f : propensities[named.items.size()];
    named.items.push_back({.item = item.item,
                           .id = parts_.items.id(item.item.value),
                           .title = parts_.titles.title(item.item),
                           .score = item.score,
                           .source = source,
                           .propensity = propensity,
                           .base = 0,
                           .reasons = {}});
  }
  return named;
}

inline absl::Status Recommender::AddReasons(const IndexedQuery& query, const Plan& plan,
                                            Recommendation& recommendation) const {
  std::optional<Selection> selection;
  if (!query.value_weights.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(selection, Selection::Compile(query, parts_.items.size(), parts_.facts.get()));
  }
  for (Suggestion& suggestion : recommendation.items) {
    WAYPOST_ASSIGN_OR_RETURN(const Explanation explanation, plan.scorer->Explain(plan.view(), suggestion.item));
    const float factor = selection ? selection->Factor(suggestion.item, explanation.score) : 1.0f;
    suggestion.base = factor * explanation.base;
    suggestion.reasons.reserve(explanation.contributions.size());
    for (const Contribution& part : explanation.contributions)
      suggestion.reasons.push_back({.item = part.item,
                                    .id = parts_.items.id(part.item.value),
                                    .title = parts_.titles.title(part.item),
                                    .amount = factor * part.amount});
  }
  return absl::OkStatus();
}

inline absl::StatusOr<std::vector<Recommendation>> Recommender::Recommend(std::span<const Query> queries,
                                                                          const Parallelism& parallelism) const& try {
  std::vector<Lookup> lookups(queries.size());
  std::vector<IndexedQuery> indexed(queries.size());
  for (std::size_t q = 0; q < queries.size(); ++q) {
    absl::StatusOr<IndexedQuery> query = LookUp(queries[q], lookups[q]);
    if (!query.ok())
      return queries.size() == 1 ? query.status()
                                 : internal::AddContext("queries[" + std::to_string(q) + "]", query.status());
    indexed[q] = *query;
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<Plan> plans, MakePlans(indexed, parallelism));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<Ranking> rankings, RankPlans(indexed, plans, parallelism));

  std::vector<Recommendation> recommendations(queries.size());
  std::vector<absl::Status> failures(queries.size());
  ForEachBlock(parallelism, queries.size(), 1, [&](std::size_t q, std::size_t, std::size_t) {
    recommendations[q] = NameItems(rankings[q].items, rankings[q].propensities, rankings[q].source, rankings[q].reason);
    recommendations[q].unknown_ids = lookups[q].unknown_ids;
    if (queries[q].explain) failures[q] = AddReasons(indexed[q], plans[q], recommendations[q]);
  });
  for (const absl::Status& failure : failures) WAYPOST_RETURN_IF_ERROR(failure);
  return recommendations;
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(queries.size());
}

inline absl::StatusOr<Recommendation> Recommender::Answer(const IndexedQuery& query, bool explain) const& try {
  WAYPOST_ASSIGN_OR_RETURN(const Plan plan, MakePlan(query));
  Ranking ranking;
  if (NeedsSelection(query)) {
    WAYPOST_ASSIGN_OR_RETURN(ranking, SelectPlan(query, plan, Parallelism(1)));
  } else {
    ranking.items.resize(std::min(query.n, parts_.items.size()));
    WAYPOST_ASSIGN_OR_RETURN(const RankingFacts facts, RankPlan(query, plan, ranking.items));
    ranking.items.resize(facts.count);
    ranking.source = facts.source;
    ranking.reason = facts.reason;
  }
  Recommendation recommendation = NameItems(ranking.items, ranking.propensities, ranking.source, ranking.reason);
  if (explain) WAYPOST_RETURN_IF_ERROR(AddReasons(query, plan, recommendation));
  return recommendation;
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(1);
}

inline absl::StatusOr<Recommendation> Recommender::Recommend(const Query& query) const& try {
  Lookup lookup;
  WAYPOST_ASSIGN_OR_RETURN(const IndexedQuery indexed, LookUp(query, lookup));
  WAYPOST_ASSIGN_OR_RETURN(Recommendation recommendation, Answer(indexed, query.explain));
  recommendation.unknown_ids = lookup.unknown_ids;
  return recommendation;
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(1);
}

inline absl::StatusOr<Ranking> Recommender::Similar(ItemIndex item, const IndexedQuery& query) const try {
  if (query.user || !query.history.empty() || query.seen != SeenPolicy::kKeep)
    return absl::InvalidArgumentError("Similar.query: want no user, no history and seen policy keep");
  WAYPOST_ASSIGN_OR_RETURN(const Scorer* scorer, FindModel(query.model));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, parts_.items.size()));
  IndexedQuery others = query;
  std::vector<ItemIndex> exclude(query.exclude.begin(), query.exclude.end());
  exclude.push_back(item);
  others.exclude = exclude;
  WAYPOST_ASSIGN_OR_RETURN(const CandidateSet set, CandidateSet::Compile(others, {}, parts_.items.size()));
  Ranking ranking;
  WAYPOST_ASSIGN_OR_RETURN(ranking.items,
                           scorer->Similar(item, set.candidates(), std::min(query.n, parts_.items.size())));
  if (ranking.items.size() < query.n) {
    ranking.reason = set.FindShortReason(others);
    // The item itself is excluded by the question: without an exclude list the catalogue is what is short.
    if (ranking.reason == ShortReason::kExclude && query.exclude.empty())
      ranking.reason = query.use_include ? ShortReason::kInclude : ShortReason::kCatalogue;
  }
  return ranking;
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(1);
}

inline absl::StatusOr<Recommendation> Recommender::Similar(const SimilarQuery& query) const& try {
  const auto item = parts_.items.Find(query.item);
  if (!item) return absl::NotFoundError(absl::StrCat("Query.item: want a known item, got ", query.item));
  Lookup lookup;
  const auto find = [&](const std::string& id) { return parts_.items.Find(id); };
  if (query.include) lookup.Add(find, *query.include, lookup.include);
  lookup.Add(find, query.exclude, lookup.exclude);
  const IndexedQuery indexed{.user = {},
                             .history = {},
                             .n = query.n,
                             .use_include = query.include.has_value(),
                             .include = lookup.include,
                             .exclude = lookup.exclude,
                             .seen = SeenPolicy::kKeep,
                             .model = query.model};
  WAYPOST_ASSIGN_OR_RETURN(const Ranking ranking, Similar(ItemIndex{*item}, indexed));
  Recommendation recommendation = NameItems(ranking.items, {}, ranking.source, ranking.reason);
  recommendation.unknown_ids = lookup.unknown_ids;
  return recommendation;
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(1);
}

inline absl::StatusOr<Explained> Recommender::Explain(const IndexedQuery& query, ItemIndex item) const try {
  WAYPOST_ASSIGN_OR_RETURN(const Plan plan, MakePlan(query));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, parts_.items.size()));
  WAYPOST_ASSIGN_OR_RETURN(Explanation explanation, plan.scorer->Explain(plan.view(), item));
  return Explained{std::move(explanation), plan.source};
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(1);
}

inline absl::StatusOr<std::vector<float>> Recommender::FoldIn(const IndexedQuery& query) const try {
  WAYPOST_ASSIGN_OR_RETURN(const Scorer* scorer, FindModel(query.model));
  IndexedQuery question = query;
  if (parts_.history.rows() == 0 && query.user)
    return absl::FailedPreconditionError("FoldIn.user: want none, because the bundle holds no user histories");
  question.seen = SeenPolicy::kKeep;
  WAYPOST_ASSIGN_OR_RETURN(const CandidateSet set, Compile(question));
  std::vector<float> vector(scorer->dimensions());
  WAYPOST_RETURN_IF_ERROR(scorer->FoldIn(set.evidence(), vector));
  return vector;
} catch (const std::bad_alloc&) {
  return internal::OutOfMemory(1);
}

}  // namespace waypost

#endif  // WAYPOST_RANK_RECOMMENDER_HPP_
