#include "serve/fallback.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace waypost::serve {
namespace {

// The items of the categories of what the user has met and not rejected; nothing where no category is known.
Bitmap ItemsOfCategoriesMet(const Recommender& recommender, const UserFacts& facts) {
  if (recommender.facts() == nullptr) return {};
  const FactColumn& category = recommender.facts()->category();
  std::vector<char> met(category.code_of.size(), 0);
  bool any = false;
  const auto meet = [&](std::uint32_t item) {
    const std::uint32_t code = category.codes[item];
    if (code == kNoText) return;
    met[code] = 1;
    any = true;
  };
  for (const MetItem& entry : facts.met)
    if (entry.code >= 0) meet(entry.item);
  for (const WeightedItem& entry : facts.history) meet(entry.item.value);
  if (!any) return {};
  const std::size_t item_count = recommender.items().size();
  Bitmap items(item_count);
  for (std::uint32_t item = 0; item < item_count; ++item)
    if (category.codes[item] != kNoText && met[category.codes[item]]) items.Set(item);
  return items;
}

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Chain {
 public:
  Chain(const LiveModel& live, const IndexedQuery& query, bool explain)
      : live_(live), query_(query), explain_(explain), exclude_(query.exclude.begin(), query.exclude.end()) {
    // Until a model knows how alike items are, the catalogue does.
    Diversity& diversity = query_.diversity;
    if (live.published() || diversity.strength <= 0 || diversity.basis != DiversityBasis::kModel) return;
    diversity.basis = DiversityBasis::kCatalogue;
    if (live.recommender().facts() == nullptr) diversity.strength = 0;  // nothing says that any two are
  }

  bool full() const { return answer_.items.size() >= query_.n; }

  //   ranked  with the items of the live model.
  //   only    the link's items; null: all.
  absl::Status Ask(const Recommender& ranked, std::string_view model, const Bitmap* only, Source source) {
    const std::uint64_t link_number = link_++;
    if (full() || (only != nullptr && only->size() == 0)) return absl::OkStatus();
    IndexedQuery link = query_;
    link.n = query_.n - answer_.items.size();
    link.model = model;
    link.exclude = exclude_;
    link.above = above_;
    link.exploration.seed += link_number * 0x9e3779b97f4a7c15u;  // links explore apart
    Bitmap allowed;
    if (only != nullptr) {
      allowed = *only;
      if (query_.filter != nullptr) allowed.IntersectWith(*query_.filter);
      link.filter = &allowed;
    }
    WAYPOST_ASSIGN_OR_RETURN(Recommendation found, ranked.Answer(link, explain_));
    if (answer_.items.empty()) answer_.source = source;
    for (Suggestion& suggestion : found.items) {
      suggestion.source = source;
      // Ids and titles of `ranked` are those of the live model.
      exclude_.push_back(suggestion.item);
      above_.push_back(suggestion.item);
      answer_.items.push_back(std::move(suggestion));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Recommendation> Take() {
    if (full()) return std::move(answer_);
    // Fewer than n exist. Why is what the question as a whole, not what was left of it, was short of.
    WAYPOST_ASSIGN_OR_RETURN(const Recommendation whole, live_.recommender().Answer(query_, /*explain=*/false));
    answer_.reason = whole.reason;
    return std::move(answer_);
  }

 private:
  const LiveModel& live_;
  IndexedQuery query_;
  bool explain_ = false;
  Recommendation answer_ = {.items = {}, .source = Source::kPopular};
  std::vector<ItemIndex> exclude_;  // the query's, and what the links gave
  std::vector<ItemIndex> above_;
  std::uint64_t link_ = 0;
};

}  // namespace

absl::StatusOr<Recommendation> AnswerByChain(const LiveModel& live, const LiveModel::TrendingRanks* trending,
                                             const IndexedQuery& query, const UserFacts& facts, bool explain) {
  const Recommender& recommender = live.recommender();
  WAYPOST_ASSIGN_OR_RETURN(const Scorer* asked, recommender.FindModel(query.model));
  if (query.filter != nullptr && query.filter->size() != recommender.items().size())
    return absl::InvalidArgumentError(
        absl::StrCat("Query.filter: want ", recommender.items().size(), " bits, got ", query.filter->size()));
  Chain chain(live, query, explain);
  if (trending != nullptr)
    WAYPOST_RETURN_IF_ERROR(chain.Ask(trending->recommender,
                                      asked->kind() == kPopularityName ? kPopularityName : query.model,
                                      &trending->items, Source::kTrending));
  const Bitmap of_categories = ItemsOfCategoriesMet(recommender, facts);
  WAYPOST_RETURN_IF_ERROR(chain.Ask(recommender, query.model, &of_categories, Source::kPopularInCategory));
  WAYPOST_RETURN_IF_ERROR(chain.Ask(recommender, query.model, nullptr, Source::kPopular));
  return chain.Take();
}

}  // namespace waypost::serve
