// Engine::Train: from the events of a store to a model file.
#include <new>
#include <utility>

#include "serve/engine_errors.hpp"
#include "serve/engine_state.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/matrix/weighting_settings.hpp"
#include "waypost/model/ials_model.hpp"

namespace waypost {

absl::StatusOr<TrainReport> Engine::Train(const TrainSpec& spec) try {
  WAYPOST_RETURN_IF_ERROR(CheckSavePath(spec.file));
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
  std::shared_ptr<const Scorer> scorer = trained.scorer;
  if (const auto* ials = dynamic_cast<const IalsModel*>(scorer.get()))  // users are folded in: none is kept
    scorer = std::make_shared<const IalsModel>(ials->options(), FactorMatrix(0, ials->dimensions(), {}),
                                               ials->item_index(), ials->gramian_eigenvalues());
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
  bundle.models.push_back({name, std::move(scorer), FormatOptions(trained.options)});
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
