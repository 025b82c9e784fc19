#include "serve/live_model.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "file/file_io.hpp"
#include "serve/store_popularity.hpp"
#include "waypost/base/checksum.hpp"
#include "waypost/matrix/weighting_settings.hpp"
#include "waypost/model/popularity.hpp"
#include "waypost/rank/filter.hpp"

namespace waypost::serve {

ItemTitles TitlesOf(const Catalogue& catalogue, const IdDictionary& items, const ItemTitles& otherwise) {
  std::vector<std::string> titles(items.size());
  for (std::uint32_t item = 0; item < otherwise.size(); ++item) titles[item] = otherwise.title(ItemIndex{item});
  bool titled = otherwise.size() > 0;
  for (const CatalogueItem& entry : catalogue.items()) {
    const auto item = items.Find(entry.id);
    if (!item || entry.title.empty()) continue;
    titles[*item] = entry.title;
    titled = true;
  }
  return titled ? ItemTitles::Of(titles) : ItemTitles();
}

absl::StatusOr<std::uint64_t> FingerprintOf(const std::string& file) {
  WAYPOST_ASSIGN_OR_RETURN(const auto mapped, file::MappedFile::Open(file));
  return Checksum(mapped->bytes());
}

absl::StatusOr<std::shared_ptr<const LiveModel>> LiveModel::Open(const std::string& file, OpenCheck check,
                                                                 std::uint64_t fingerprint,
                                                                 const WeightingOptions& weighting,
                                                                 const StoreSnapshot& snapshot) {
  WAYPOST_ASSIGN_OR_RETURN(ModelBundle bundle, OpenBundle(file, {.check = check}));
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<WeightingOptions> told, ParseWeighting(bundle.facts.settings));
  RecommenderParts parts;
  parts.users = std::move(bundle.users);  // histories come from the store
  parts.items = std::move(bundle.items);
  parts.titles = std::move(bundle.titles);
  parts.default_model = std::move(bundle.default_model);
  for (NamedModel& model : bundle.models) parts.models.push_back({std::move(model.name), std::move(model.scorer)});
  WAYPOST_ASSIGN_OR_RETURN(auto live, Make(std::move(parts), snapshot));
  live->published_ = true;
  live->fingerprint_ = fingerprint;
  live->weighting_ = told.value_or(weighting);
  return live;
}

absl::StatusOr<std::shared_ptr<const LiveModel>> LiveModel::OfStore(const StoreSnapshot& snapshot,
                                                                    const WeightingOptions& weighting,
                                                                    std::uint64_t most_events,
                                                                    const LiveModel* before) {
  const bool same_items = before != nullptr && before->node_of_.size() == snapshot.item_count() &&
                          before->catalogue_version_ == snapshot.catalogue_version();
  RecommenderParts parts;
  if (same_items) {
    parts = before->Parts();
  } else {
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::string> stored, snapshot.ItemIds());
    WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, snapshot.ReadCatalogue());
    IdDictionaryBuilder items;
    for (const std::string& id : stored) WAYPOST_RETURN_IF_ERROR(items.Add(id).status());
    for (const CatalogueItem& entry : catalogue.items()) WAYPOST_RETURN_IF_ERROR(items.Add(entry.id).status());
    parts.items = std::move(items).Build();
  }
  WAYPOST_ASSIGN_OR_RETURN(AlignedVector<float> scores,
                           PopularityOfStore(snapshot, weighting, most_events, parts.items.size()));
  parts.models.assign(
      1, {std::string(kPopularityName), std::make_shared<PopularityModel>(SharedArray<float>(std::move(scores)))});
  parts.default_model = kPopularityName;
  std::shared_ptr<LiveModel> live;
  if (same_items) {
    WAYPOST_ASSIGN_OR_RETURN(Recommender recommender, Recommender::Create(std::move(parts)));
    live.reset(new LiveModel(std::move(recommender)));
    live->catalogue_version_ = before->catalogue_version_;
    live->node_of_ = before->node_of_;
    live->filters_ = before->filters_;
  } else {
    WAYPOST_ASSIGN_OR_RETURN(live, Make(std::move(parts), snapshot));
  }
  live->weighting_ = weighting;
  return live;
}

absl::StatusOr<std::shared_ptr<LiveModel>> LiveModel::Make(RecommenderParts parts, const StoreSnapshot& snapshot) {
  WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, snapshot.ReadCatalogue());
  parts.facts = nullptr;
  if (catalogue.size() > 0) {
    parts.titles = TitlesOf(catalogue, parts.items, parts.titles);
    WAYPOST_ASSIGN_OR_RETURN(ItemFacts facts, ItemFacts::Build(catalogue, parts.items));
    parts.facts = std::make_shared<const ItemFacts>(std::move(facts));
  }
  WAYPOST_ASSIGN_OR_RETURN(Recommender recommender, Recommender::Create(std::move(parts)));
  std::shared_ptr<LiveModel> live(new LiveModel(std::move(recommender)));
  live->catalogue_version_ = snapshot.catalogue_version();
  WAYPOST_RETURN_IF_ERROR(live->MapNodes(snapshot));
  return live;
}

absl::Status LiveModel::MapNodes(const StoreSnapshot& snapshot) {
  node_of_.assign(snapshot.item_count(), kEmptySlot);
  const auto map_node = [&](std::string_view id, std::size_t node) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const auto stored, snapshot.FindItem(id));
    if (stored && stored->value < node_of_.size()) node_of_[stored->value] = static_cast<std::uint32_t>(node);
    return absl::OkStatus();
  };
  const IdDictionary& items = recommender_.items();
  for (std::uint32_t item = 0; item < items.size(); ++item) WAYPOST_RETURN_IF_ERROR(map_node(items.id(item), item));
  const ItemFacts* const facts = recommender_.facts();
  if (facts == nullptr) return absl::OkStatus();
  const PrerequisiteGraph& graph = facts->prerequisites();
  for (std::size_t node = items.size(); node < graph.node_count(); ++node)
    WAYPOST_RETURN_IF_ERROR(map_node(graph.id(ItemIndex{static_cast<std::uint32_t>(node)}), node));
  return absl::OkStatus();
}

RecommenderParts LiveModel::Parts() const {
  RecommenderParts parts;
  parts.users = recommender_.users();
  parts.items = recommender_.items();
  parts.titles = recommender_.titles();
  parts.models.assign(recommender_.models().begin(), recommender_.models().end());
  parts.default_model = recommender_.default_model();
  parts.facts = recommender_.shared_facts();
  return parts;
}

absl::StatusOr<std::shared_ptr<const LiveModel>> LiveModel::WithCatalogueOf(const StoreSnapshot& snapshot) const {
  WAYPOST_ASSIGN_OR_RETURN(auto live, Make(Parts(), snapshot));
  live->published_ = published_;
  live->fingerprint_ = fingerprint_;
  live->weighting_ = weighting_;
  return live;
}

absl::StatusOr<std::shared_ptr<const Bitmap>> LiveModel::Filter(const std::string& text, Counter& hits,
                                                                Counter& misses) const {
  if (recommender_.facts() == nullptr)
    return absl::FailedPreconditionError(
        "EngineQuery.filter: want a catalogue in the store (Store::PutCatalogue, then Engine::Reload), got none");
  {
    const std::lock_guard lock(filters_->mutex);
    const auto found = filters_->compiled.find(text);
    if (found != filters_->compiled.end()) {
      hits.Add();
      return found->second;
    }
  }
  misses.Add();
  WAYPOST_ASSIGN_OR_RETURN(Bitmap items, CompileFilter(text, *recommender_.facts()));
  auto shared = std::make_shared<const Bitmap>(std::move(items));
  const std::lock_guard lock(filters_->mutex);
  if (filters_->compiled.size() >= kMaxFilters) filters_->compiled.clear();
  filters_->compiled[text] = shared;
  return shared;
}

absl::StatusOr<LiveModel::TrendingRanks> LiveModel::RankTrending(const Trending& trending, std::int64_t now_us) const {
  const std::size_t items = recommender_.items().size();
  AlignedVector<float> scores(items, 0.0f);
  Bitmap any(items);
  for (std::uint32_t stored = 0; stored < trending.item_count(); ++stored) {
    const std::uint32_t item = NodeOf(stored);
    const auto score = static_cast<float>(trending.Score(stored, now_us));
    if (item >= items || !(score > 0)) continue;
    scores[item] = std::min(score, std::numeric_limits<float>::max());
    any.Set(item);
  }
  RecommenderParts parts = Parts();
  // The other models stay: diversity may ask them how alike items are.
  std::erase_if(parts.models, [](const RankedModel& model) {
    return model.name == kPopularityName || model.scorer->kind() == kPopularityName;
  });
  const bool has_default = std::any_of(parts.models.begin(), parts.models.end(),
                                       [&](const RankedModel& model) { return model.name == parts.default_model; });
  if (!has_default) parts.default_model = kPopularityName;
  parts.models.push_back(
      {std::string(kPopularityName), std::make_shared<PopularityModel>(SharedArray<float>(std::move(scores)))});
  WAYPOST_ASSIGN_OR_RETURN(Recommender recommender, Recommender::Create(std::move(parts)));
  return TrendingRanks{std::move(recommender), std::move(any)};
}

}  // namespace waypost::serve
