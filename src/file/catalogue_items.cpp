#include "waypost/file/catalogue_items.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "file/guard.hpp"
#include "waypost/matrix/item_features.hpp"
#include "waypost/model/ials_model.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost {
namespace {

const IalsModel* WithMap(const NamedModel& model) {
  const auto* ials = dynamic_cast<const IalsModel*>(model.scorer.get());
  return ials != nullptr && ials->feature_map() != nullptr ? ials : nullptr;
}

// The items that any map of the bundle says something about.
std::vector<const CatalogueItem*> FindNewItems(const Catalogue& catalogue, const ModelBundle& bundle) {
  std::vector<const CatalogueItem*> found;
  for (const CatalogueItem& item : catalogue.items()) {
    if (bundle.items.Find(item.id)) continue;
    bool known = false;
    for (const NamedModel& model : bundle.models)
      if (const IalsModel* ials = WithMap(model))
        known = known || !FindFeatures(item, ials->feature_map()->names).empty();
    if (known) found.push_back(&item);
  }
  return found;
}

absl::StatusOr<std::shared_ptr<const Scorer>> WithItems(const NamedModel& model, const Catalogue& catalogue,
                                                        const IdDictionary& added, const Parallelism& parallelism) {
  if (const IalsModel* ials = WithMap(model)) {
    WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix features,
                             BuildFeatureMatrix(catalogue, added, ials->feature_map()->names));
    WAYPOST_ASSIGN_OR_RETURN(IalsModel larger, ials->WithItems(features, parallelism));
    return std::make_shared<const IalsModel>(std::move(larger));
  }
  if (const auto* popularity = dynamic_cast<const PopularityModel*>(model.scorer.get())) {
    AlignedVector<float> scores(popularity->scores().begin(), popularity->scores().end());
    scores.resize(scores.size() + added.size(), 0.0f);
    return std::make_shared<const PopularityModel>(SharedArray<float>(std::move(scores)));
  }
  return absl::FailedPreconditionError(absl::StrCat("AddCatalogueItems: want models that can take new items, got '",
                                                    model.name, "' of kind ", internal::ToAbsl(model.scorer->kind())));
}

ItemTitles WithTitles(const ModelBundle& bundle, const std::vector<const CatalogueItem*>& added) {
  std::vector<std::string> titles;
  for (std::uint32_t item = 0; item < bundle.items.size(); ++item)
    titles.emplace_back(bundle.titles.title(ItemIndex{item}));
  for (const CatalogueItem* item : added) titles.push_back(item->title);
  return ItemTitles::Of(titles);
}

}  // namespace

absl::StatusOr<std::size_t> AddCatalogueItems(const Catalogue& catalogue, ModelBundle& bundle,
                                              const Parallelism& parallelism) {
  return file::Guard("AddCatalogueItems", [&]() -> absl::StatusOr<std::size_t> {
    const std::vector<const CatalogueItem*> added = FindNewItems(catalogue, bundle);
    if (added.empty()) return std::size_t{0};
    IdDictionaryBuilder all, alone;
    for (std::uint32_t item = 0; item < bundle.items.size(); ++item)
      WAYPOST_RETURN_IF_ERROR(all.Add(bundle.items.id(item)).status());
    for (const CatalogueItem* item : added) {
      WAYPOST_RETURN_IF_ERROR(all.Add(item->id).status());
      WAYPOST_RETURN_IF_ERROR(alone.Add(item->id).status());
    }
    const IdDictionary new_items = std::move(alone).Build();
    ModelBundle larger = bundle;
    for (NamedModel& model : larger.models) {
      WAYPOST_ASSIGN_OR_RETURN(model.scorer, WithItems(model, catalogue, new_items, parallelism));
    }
    larger.titles = WithTitles(bundle, added);
    larger.items = std::move(all).Build();
    if (const SparseMatrix& history = bundle.history; history.rows() > 0)
      larger.history = SparseMatrix(larger.items.size(), history.offsets(), history.column_indices(), history.values());
    bundle = std::move(larger);
    return added.size();
  });
}

}  // namespace waypost
