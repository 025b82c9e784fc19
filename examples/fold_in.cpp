// Saves a model file, opens it as a server would, and ranks courses for someone whom training never saw: the model is
// folded in over the visitor's clicks.
//
//   fold_in EVENTS MODEL-FILE ITEM...
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "waypost/event/reader.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/ials.hpp"
#include "waypost/model/popularity.hpp"
#include "waypost/rank/recommender.hpp"

namespace {

using namespace waypost;

absl::Status TrainAndSave(const std::string& events, const std::string& path) {
  EventLogBuilder builder;
  WAYPOST_RETURN_IF_ERROR(ReadEvents(events, {}, builder).status());
  const EventLog log = std::move(builder).Build();
  WAYPOST_ASSIGN_OR_RETURN(const Interactions interactions, BuildInteractions(log));
  WAYPOST_ASSIGN_OR_RETURN(IalsTraining training,
                           TrainIals(interactions.positives, {.dimensions = 8, .unobserved_weight = 0.05f}));
  const ModelBundle bundle{
      .users = log.users(),
      .items = log.items(),
      .titles = {},
      .history = interactions.history,
      .models = {{"ials", std::make_shared<IalsModel>(std::move(training.model)), {}},
                 {"popularity", std::make_shared<PopularityModel>(TrainPopularity(interactions.positives)), {}}},
      .default_model = "ials",
      .facts = {.events = log.size(),
                .users = log.users().size(),
                .items = log.items().size(),
                .pairs = interactions.positives.user_item().entries(),
                .settings = {}}};
  return SaveBundle(bundle, path);
}

absl::StatusOr<Recommender> Open(const std::string& path) {
  WAYPOST_ASSIGN_OR_RETURN(ModelBundle bundle, OpenBundle(path));
  std::vector<RankedModel> models;
  for (const NamedModel& model : bundle.models) models.push_back({model.name, model.scorer});
  return Recommender::Create({.users = bundle.users,
                              .items = bundle.items,
                              .titles = bundle.titles,
                              .history = bundle.history,
                              .models = std::move(models),
                              .default_model = bundle.default_model});
}

absl::Status Run(const std::string& events, const std::string& path, std::vector<HistoryItem> clicks) {
  WAYPOST_RETURN_IF_ERROR(TrainAndSave(events, path));
  WAYPOST_ASSIGN_OR_RETURN(const Recommender recommender, Open(path));
  WAYPOST_ASSIGN_OR_RETURN(const Recommendation visitor, recommender.Recommend({.history = std::move(clicks), .n = 2}));
  for (const Suggestion& suggestion : visitor.items)
    std::printf("%s (%s)\n", std::string(suggestion.id).c_str(), std::string(SourceName(suggestion.source)).c_str());
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: fold_in EVENTS MODEL-FILE ITEM...\n");
    return 2;
  }
  std::vector<HistoryItem> clicks;
  for (int n = 3; n < argc; ++n) clicks.push_back({.item = argv[n]});
  const absl::Status status = Run(argv[1], argv[2], std::move(clicks));
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
