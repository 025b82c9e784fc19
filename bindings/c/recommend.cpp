// Questions and answers: the caller's structures in, the caller's arrays out.
#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "guard.hpp"
#include "id_column.hpp"
#include "objects.hpp"
#include "structs.hpp"

namespace waypost::c {
namespace {

constexpr std::size_t kQueriesAtATime = 4096;  // bounds the working memory of waypost_recommend_many

// An IndexedQuery with the arrays it borrows. Not copied: the query points into it.
struct PreparedQuery {
  IndexedQuery query;
  std::vector<WeightedItem> history;
  std::vector<ItemIndex> include;
  std::vector<ItemIndex> exclude;
  std::uint64_t unknown_ids = 0;
};

// Appends the known items of a list.
absl::Status ReadItems(const Recommender& recommender, const waypost_ids* ids, std::string_view name,
                       std::vector<ItemIndex>& items, std::uint64_t& unknown_ids) {
  WAYPOST_ASSIGN_OR_RETURN(const IdColumn column, IdColumn::Read(ids, name));
  items.reserve(static_cast<std::size_t>(column.size()));
  std::string scratch;
  for (std::uint64_t row = 0; row < column.size(); ++row) {
    WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t item, column.Index(row, recommender.items(), scratch));
    if (item == WAYPOST_NO_INDEX) {
      ++unknown_ids;
    } else {
      items.push_back(ItemIndex{item});
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHistory(const Recommender& recommender, const waypost_query& query, PreparedQuery& prepared) {
  WAYPOST_ASSIGN_OR_RETURN(const IdColumn column, IdColumn::Read(query.history, "waypost_query.history"));
  prepared.history.reserve(static_cast<std::size_t>(column.size()));
  std::string scratch;
  for (std::uint64_t row = 0; row < column.size(); ++row) {
    const float weight = query.history_weights == nullptr ? 1.0f : query.history_weights[row];
    WAYPOST_RETURN_IF_ERROR(internal::ValidateHistoryWeight(row, weight));
    WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t item, column.Index(row, recommender.items(), scratch));
    if (item == WAYPOST_NO_INDEX) {
      ++prepared.unknown_ids;
    } else {
      prepared.history.push_back({ItemIndex{item}, weight});
    }
  }
  return absl::OkStatus();
}

absl::Status ReadUser(const Recommender& recommender, const waypost_query& query, IndexedQuery& indexed) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view id, ReadText(query.user, query.user_size, "waypost_query.user"));
  if (query.user_index != WAYPOST_NO_INDEX) {
    if (query.user != nullptr)
      return absl::InvalidArgumentError("waypost_query.user_index: want no index beside an id, got both");
    indexed.user = UserIndex{query.user_index};
  } else if (query.user != nullptr) {
    if (const auto user = recommender.users().Find(id)) indexed.user = UserIndex{*user};
  }
  return absl::OkStatus();
}

absl::Status Prepare(const Recommender& recommender, const waypost_query* given, PreparedQuery& prepared) {
  WAYPOST_ASSIGN_OR_RETURN(const waypost_query query,
                           ReadStruct(given, waypost_query(WAYPOST_QUERY_INIT), "waypost_query"));
  IndexedQuery& indexed = prepared.query;
  indexed.n = query.n;
  WAYPOST_ASSIGN_OR_RETURN(indexed.seen, ReadEnum(query.seen, SeenPolicy::kOnly, "waypost_query.seen"));
  WAYPOST_ASSIGN_OR_RETURN(indexed.model, ReadText(query.model, query.model_size, "waypost_query.model"));
  WAYPOST_RETURN_IF_ERROR(ReadUser(recommender, query, indexed));
  if (query.history != nullptr) {
    WAYPOST_RETURN_IF_ERROR(ReadHistory(recommender, query, prepared));
  } else if (query.history_weights != nullptr) {
    return absl::InvalidArgumentError("waypost_query.history_weights: want a history beside it, got NULL");
  }
  indexed.use_include = query.include != nullptr;
  if (query.include != nullptr)
    WAYPOST_RETURN_IF_ERROR(
        ReadItems(recommender, query.include, "waypost_query.include", prepared.include, prepared.unknown_ids));
  if (query.exclude != nullptr)
    WAYPOST_RETURN_IF_ERROR(
        ReadItems(recommender, query.exclude, "waypost_query.exclude", prepared.exclude, prepared.unknown_ids));
  indexed.history = prepared.history;
  indexed.include = prepared.include;
  indexed.exclude = prepared.exclude;
  return absl::OkStatus();
}

// The caller's arrays for `rows` answers.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Answers {
 public:
  static absl::StatusOr<Answers> Read(waypost_results* given, std::uint64_t rows) {
    Answers answers;
    WAYPOST_ASSIGN_OR_RETURN(answers.arrays_,
                             ReadStruct<waypost_results>(given, WAYPOST_RESULTS_INIT, "waypost_results"));
    answers.rows_ = rows;
    const waypost_results& arrays = answers.arrays_;
    WAYPOST_RETURN_IF_ERROR(RequireZero(arrays.reserved, "waypost_results"));
    constexpr std::uint64_t kMaxPlaces = std::uint64_t{1} << 48;  // beyond any address space; guards the product
    if (arrays.row_capacity > kMaxPlaces || rows > kMaxPlaces / std::max<std::uint64_t>(1, arrays.row_capacity))
      return absl::InvalidArgumentError(absl::StrCat("waypost_results.row_capacity: want at most ", kMaxPlaces,
                                                     " places in all, got ", rows, " rows of ", arrays.row_capacity));
    if (rows * arrays.row_capacity > 0) WAYPOST_RETURN_IF_ERROR(Require(arrays.items, "waypost_results.items"));
    return answers;
  }

  void Clear() const {
    const std::uint64_t places = rows_ * arrays_.row_capacity;
    if (arrays_.items != nullptr) std::fill_n(arrays_.items, places, WAYPOST_NO_INDEX);
    if (arrays_.scores != nullptr) std::fill_n(arrays_.scores, places, 0.0f);
    if (arrays_.sources != nullptr) std::fill_n(arrays_.sources, places, 0u);
    if (arrays_.counts != nullptr) std::fill_n(arrays_.counts, rows_, 0u);
    if (arrays_.reasons != nullptr) std::fill_n(arrays_.reasons, rows_, 0u);
    if (arrays_.unknown_ids != nullptr) std::fill_n(arrays_.unknown_ids, rows_, std::uint64_t{0});
  }

  absl::Status CheckRoomFor(std::size_t n, std::size_t item_count) const {
    const std::size_t wanted = std::min(n, item_count);
    if (wanted <= arrays_.row_capacity) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("waypost_results.row_capacity: want at least ", wanted, ", got ", arrays_.row_capacity));
  }

  // Requires  CheckRoomFor; the row is clear.
  void Write(std::uint64_t row, std::span<const ScoredItem> items, Source source, ShortReason reason,
             std::uint64_t unknown_ids) const {
    const std::uint64_t first = row * arrays_.row_capacity;
    for (std::size_t n = 0; n < items.size(); ++n) {
      arrays_.items[first + n] = items[n].item.value;
      if (arrays_.scores != nullptr) arrays_.scores[first + n] = items[n].score;
      if (arrays_.sources != nullptr) arrays_.sources[first + n] = static_cast<std::uint32_t>(source);
    }
    if (arrays_.counts != nullptr) arrays_.counts[row] = static_cast<std::uint32_t>(items.size());
    if (arrays_.reasons != nullptr) arrays_.reasons[row] = static_cast<std::uint32_t>(reason);
    if (arrays_.unknown_ids != nullptr) arrays_.unknown_ids[row] = unknown_ids;
  }

 private:
  waypost_results arrays_ = WAYPOST_RESULTS_INIT;
  std::uint64_t rows_ = 0;
};

// Answers queries [first, first + count) of the caller's.
absl::Status AnswerSome(const Recommender& recommender, const char* queries, std::uint32_t distance,
                        std::uint64_t first, std::size_t count, const Parallelism& parallelism,
                        const Answers& answers) {
  std::vector<PreparedQuery> prepared(count);
  std::vector<IndexedQuery> indexed(count);
  for (std::size_t n = 0; n < count; ++n) {
    const auto* given = reinterpret_cast<const waypost_query*>(queries + (first + n) * distance);
    absl::Status status =
        given->struct_size == distance
            ? Prepare(recommender, given, prepared[n])
            : absl::InvalidArgumentError(absl::StrCat("waypost_query.struct_size: want that of the first, ", distance,
                                                      ", got ", given->struct_size));
    if (status.ok()) status = answers.CheckRoomFor(prepared[n].query.n, recommender.items().size());
    if (!status.ok()) return internal::AddContext(absl::StrCat("queries[", first + n, "]"), status);
    indexed[n] = prepared[n].query;
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<Ranking> rankings, recommender.Rank(indexed, parallelism));
  for (std::size_t n = 0; n < count; ++n)
    answers.Write(first + n, rankings[n].items, rankings[n].source, rankings[n].reason, prepared[n].unknown_ids);
  return absl::OkStatus();
}

absl::Status RecommendOne(const waypost_model* model, const waypost_query* query, waypost_results* results) {
  WAYPOST_ASSIGN_OR_RETURN(const Answers answers, Answers::Read(results, 1));
  answers.Clear();
  WAYPOST_RETURN_IF_ERROR(Require(model, "model"));
  PreparedQuery prepared;
  WAYPOST_RETURN_IF_ERROR(Prepare(model->recommender, query, prepared));
  const std::size_t item_count = model->recommender.items().size();
  WAYPOST_RETURN_IF_ERROR(answers.CheckRoomFor(prepared.query.n, item_count));
  thread_local std::vector<ScoredItem> best;  // grows to the thread's longest answer
  best.resize(std::max(best.size(), std::min(prepared.query.n, item_count)));
  WAYPOST_ASSIGN_OR_RETURN(const RankingFacts facts, model->recommender.RankInto(prepared.query, best));
  answers.Write(0, std::span(best).first(facts.count), facts.source, facts.reason, prepared.unknown_ids);
  return absl::OkStatus();
}

absl::Status RecommendMany(const waypost_model* model, const waypost_query* queries, std::uint64_t query_count,
                           std::uint32_t max_threads, waypost_results* results) {
  WAYPOST_ASSIGN_OR_RETURN(const Answers answers, Answers::Read(results, query_count));
  answers.Clear();
  WAYPOST_RETURN_IF_ERROR(Require(model, "model"));
  WAYPOST_ASSIGN_OR_RETURN(const Parallelism parallelism, ReadThreads(max_threads, "max_threads"));
  if (query_count == 0) return absl::OkStatus();
  WAYPOST_RETURN_IF_ERROR(ReadStruct(queries, waypost_query(WAYPOST_QUERY_INIT), "queries[0]").status());
  for (std::uint64_t first = 0; first < query_count; first += kQueriesAtATime) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kQueriesAtATime, query_count - first));
    const absl::Status status = AnswerSome(model->recommender, reinterpret_cast<const char*>(queries),
                                           queries->struct_size, first, count, parallelism, answers);
    if (status.ok()) continue;
    answers.Clear();
    return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<ItemIndex> ReadItem(const Recommender& recommender, const waypost_similar_query& query) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view id,
                           ReadText(query.item, query.item_size, "waypost_similar_query.item"));
  if ((query.item == nullptr) == (query.item_index == WAYPOST_NO_INDEX))
    return absl::InvalidArgumentError("waypost_similar_query.item: want an id or an index, got neither or both");
  if (query.item == nullptr) return ItemIndex{query.item_index};
  const auto item = recommender.items().Find(id);
  if (!item)
    return absl::NotFoundError(
        absl::StrCat("waypost_similar_query.item: want a known item, got ", internal::ToAbsl(id)));
  return ItemIndex{*item};
}

absl::Status FindSimilar(const waypost_model* model, const waypost_similar_query* given, waypost_results* results) {
  WAYPOST_ASSIGN_OR_RETURN(const Answers answers, Answers::Read(results, 1));
  answers.Clear();
  WAYPOST_RETURN_IF_ERROR(Require(model, "model"));
  const Recommender& recommender = model->recommender;
  WAYPOST_ASSIGN_OR_RETURN(
      const waypost_similar_query query,
      ReadStruct(given, waypost_similar_query(WAYPOST_SIMILAR_QUERY_INIT), "waypost_similar_query"));
  WAYPOST_RETURN_IF_ERROR(RequireZero(query.reserved, "waypost_similar_query"));
  WAYPOST_ASSIGN_OR_RETURN(const ItemIndex item, ReadItem(recommender, query));
  PreparedQuery prepared;
  IndexedQuery& indexed = prepared.query;
  indexed.n = query.n;
  indexed.seen = SeenPolicy::kKeep;
  WAYPOST_ASSIGN_OR_RETURN(indexed.model, ReadText(query.model, query.model_size, "waypost_similar_query.model"));
  indexed.use_include = query.include != nullptr;
  if (query.include != nullptr)
    WAYPOST_RETURN_IF_ERROR(
        ReadItems(recommender, query.include, "waypost_similar_query.include", prepared.include, prepared.unknown_ids));
  if (query.exclude != nullptr)
    WAYPOST_RETURN_IF_ERROR(
        ReadItems(recommender, query.exclude, "waypost_similar_query.exclude", prepared.exclude, prepared.unknown_ids));
  indexed.include = prepared.include;
  indexed.exclude = prepared.exclude;
  WAYPOST_RETURN_IF_ERROR(answers.CheckRoomFor(indexed.n, recommender.items().size()));
  WAYPOST_ASSIGN_OR_RETURN(const Ranking ranking, recommender.Similar(item, indexed));
  answers.Write(0, ranking.items, ranking.source, ranking.reason, prepared.unknown_ids);
  return absl::OkStatus();
}

absl::Status FoldInUser(const waypost_model* model, const waypost_query* query, float* vector, std::uint64_t capacity,
                        std::uint64_t* dimensions) {
  if (dimensions != nullptr) *dimensions = 0;
  if (capacity > 0) WAYPOST_RETURN_IF_ERROR(Require(vector, "vector"));
  WAYPOST_RETURN_IF_ERROR(Require(dimensions, "dimensions"));
  WAYPOST_RETURN_IF_ERROR(Require(model, "model"));
  PreparedQuery prepared;
  WAYPOST_RETURN_IF_ERROR(Prepare(model->recommender, query, prepared));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<float> folded, model->recommender.FoldIn(prepared.query));
  if (capacity > 0 && capacity < folded.size())
    return absl::InvalidArgumentError(absl::StrCat("capacity: want 0 or at least ", folded.size(), ", got ", capacity));
  if (capacity > 0) std::copy(folded.begin(), folded.end(), vector);
  *dimensions = folded.size();
  return absl::OkStatus();
}

absl::Status ExplainItem(const waypost_model* model, const waypost_query* query, std::uint32_t item,
                         waypost_explanation* given) {
  WAYPOST_ASSIGN_OR_RETURN(waypost_explanation explanation,
                           ReadStruct(given, waypost_explanation(WAYPOST_EXPLANATION_INIT), "waypost_explanation"));
  explanation.source = 0;
  explanation.count = 0;
  explanation.score = 0;
  explanation.base = 0;
  WriteStruct(given, explanation);
  WAYPOST_RETURN_IF_ERROR(Require(model, "model"));
  if (explanation.capacity > 0 && explanation.items == nullptr && explanation.amounts == nullptr)
    return absl::InvalidArgumentError("waypost_explanation.items: want an array beside a capacity, got NULL");
  PreparedQuery prepared;
  WAYPOST_RETURN_IF_ERROR(Prepare(model->recommender, query, prepared));
  WAYPOST_ASSIGN_OR_RETURN(const Explained explained, model->recommender.Explain(prepared.query, ItemIndex{item}));
  const std::vector<Contribution>& parts = explained.explanation.contributions;
  const std::size_t written = static_cast<std::size_t>(std::min<std::uint64_t>(explanation.capacity, parts.size()));
  for (std::size_t n = 0; n < written; ++n) {
    if (explanation.items != nullptr) explanation.items[n] = parts[n].item.value;
    if (explanation.amounts != nullptr) explanation.amounts[n] = parts[n].amount;
  }
  explanation.source = static_cast<std::uint32_t>(explained.source);
  explanation.count = parts.size();
  explanation.score = explained.explanation.score;
  explanation.base = explained.explanation.base;
  WriteStruct(given, explanation);
  return absl::OkStatus();
}

}  // namespace
}  // namespace waypost::c

waypost_error* waypost_recommend(const waypost_model* model, const waypost_query* query, waypost_results* results) {
  return waypost::c::Guard(__func__, [&] { return waypost::c::RecommendOne(model, query, results); });
}

waypost_error* waypost_recommend_many(const waypost_model* model, const waypost_query* queries, uint64_t query_count,
                                      uint32_t max_threads, waypost_results* results) {
  return waypost::c::Guard(
      __func__, [&] { return waypost::c::RecommendMany(model, queries, query_count, max_threads, results); });
}

waypost_error* waypost_similar(const waypost_model* model, const waypost_similar_query* query,
                               waypost_results* results) {
  return waypost::c::Guard(__func__, [&] { return waypost::c::FindSimilar(model, query, results); });
}

waypost_error* waypost_fold_in(const waypost_model* model, const waypost_query* query, float* vector, uint64_t capacity,
                               uint64_t* dimensions) {
  return waypost::c::Guard(__func__,
                           [&] { return waypost::c::FoldInUser(model, query, vector, capacity, dimensions); });
}

waypost_error* waypost_explain(const waypost_model* model, const waypost_query* query, uint32_t item,
                               waypost_explanation* explanation) {
  return waypost::c::Guard(__func__, [&] { return waypost::c::ExplainItem(model, query, item, explanation); });
}
