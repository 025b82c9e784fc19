// Engine::Train: from the events of a store to a model file.
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "serve/engine_errors.hpp"
#include "serve/engine_state.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/matrix/weighting_settings.hpp"
#include "waypost/model/blend_model.hpp"
#include "waypost/model/explicit_als_model.hpp"
#include "waypost/model/ials_model.hpp"
#include "waypost/model/logistic_mf_model.hpp"
#include "waypost/model/pairwise_model.hpp"

namespace waypost {
namespace {

// The model without the vectors of its users: each is folded in. `model` itself where it has none.
std::shared_ptr<const Scorer> WithoutUsers(const std::shared_ptr<const Scorer>& model) {
  if (model->user_count() == 0) return model;
  FactorMatrix nobody(0, model->dimensions(), {});
  if (const auto* ials = dynamic_cast<const IalsModel*>(model.get()))
    return std::make_shared<const IalsModel>(ials->options(), std::move(nobody), ials->item_index(),
                                             ials->gramian_eigenvalues());
  if (const auto* pairwise = dynamic_cast<const PairwiseModel*>(model.get()))
    return std::make_shared<const PairwiseModel>(pairwise->options(), pairwise->mean_strength(), std::move(nobody),
                                                 pairwise->item_index());
  if (const auto* logistic = dynamic_cast<const LogisticMfModel*>(model.get()))
    return std::make_shared<const LogisticMfModel>(logistic->options(), logistic->background(), std::move(nobody),
                                                   logistic->item_index());
  if (const auto* als = dynamic_cast<const ExplicitAlsModel*>(model.get()))
    return std::make_shared<const ExplicitAlsModel>(als->options(), als->prior(), std::move(nobody), als->item_index(),
                                                    als->covariances(), als->implicit());
  if (const auto* blend = dynamic_cast<const BlendModel*>(model.get())) {
    std::vector<std::shared_ptr<const Scorer>> parts;
    for (const std::shared_ptr<const Scorer>& part : blend->parts()) parts.push_back(WithoutUsers(part));
    return std::make_shared<const BlendModel>(blend->options(), std::move(parts));
  }
  return model;
}

}  // namespace

absl::StatusOr<TrainReport> Engine::Train(const TrainSpec& spec) try {
  WAYPOST_RETURN_IF_ERROR(CheckSavePath(spec.file));
  if (HoldsInteractions(spec.model))
    return absl::InvalidArgumentError(
        absl::StrCat("TrainSpec.model: want a kind whose model does without the interactions of its training, got ",
                     internal::ToAbsl(ModelKind(spec.model))));
  const Parallelism& parallelism = state_->options().parallelism;
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, state_->store().Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(EventLog log, snapshot.ReadLog(parallelism));
  WeightingOptions weighting = state_->options().weighting;
  weighting.now_us = state_->now_us();
  WAYPOST_ASSIGN_OR_RETURN(const Interactions interactions, BuildInteractions(log, weighting, parallelism));
  const InteractionMatrix& matrix = interactions.positives;
  if (matrix.entries() == 0)
    return absl::FailedPreconditionError("Engine.Train: want at least one positive event, got none");
  TrainReport report{.file = spec.file,
                     .events = log.size(),
                     .users = matrix.users(),
                     .items = matrix.items(),
                     .pairs = matrix.entries(),
                     .epochs = 0,
                     .loss = {}};
  WAYPOST_ASSIGN_OR_RETURN(TrainedModel trained, TrainModel(matrix, spec.model, spec.control, parallelism));
  report.epochs = trained.epochs;
  report.loss = trained.loss;
  ModelBundle bundle;
  bundle.items = log.items();
  WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, snapshot.ReadCatalogue());
  bundle.titles = serve::TitlesOf(catalogue, bundle.items, {});
  bundle.facts = {.events = report.events,
                  .users = report.users,
                  .items = report.items,
                  .pairs = report.pairs,
                  .settings = FormatWeighting(weighting)};
  const std::string name(ModelKind(spec.model));
  bundle.models.push_back({name, WithoutUsers(trained.scorer), FormatOptions(trained.options)});
  if (name != kPopularityName) {
    WAYPOST_ASSIGN_OR_RETURN(TrainedModel popularity, TrainModel(matrix, PopularityOptions{}, {}, parallelism));
    bundle.models.push_back({std::string(kPopularityName), popularity.scorer, {}});
  }
  bundle.default_model = name;
  WAYPOST_RETURN_IF_ERROR(SaveBundle(bundle, spec.file));
  return report;
} catch (const std::bad_alloc&) {
  return serve::OutOfMemory("Train");
}

}  // namespace waypost
