// Reads a file of events, trains a model, and ranks courses for one learner with reasons. Shown in README.md.
//
//   train_and_recommend FILE USER
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "waypost/event/reader.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/ials.hpp"
#include "waypost/rank/recommender.hpp"

namespace {

// [readme]
using namespace waypost;

absl::Status Recommend(const std::string& file, const std::string& user) {
  EventLogBuilder builder;
  WAYPOST_RETURN_IF_ERROR(ReadEvents(file, {}, builder).status());
  const EventLog log = std::move(builder).Build();
  WAYPOST_ASSIGN_OR_RETURN(const Interactions interactions, BuildInteractions(log));
  WAYPOST_ASSIGN_OR_RETURN(IalsTraining training,
                           TrainIals(interactions.positives, {.dimensions = 8, .unobserved_weight = 0.05f}));

  WAYPOST_ASSIGN_OR_RETURN(
      const Recommender recommender,
      Recommender::Create({.users = log.users(),
                           .items = log.items(),
                           .titles = {},
                           .history = interactions.history,
                           .models = {{"ials", std::make_shared<IalsModel>(std::move(training.model))}},
                           .default_model = "ials"}));
  WAYPOST_ASSIGN_OR_RETURN(const Recommendation best, recommender.Recommend({.user = user, .n = 2, .explain = true}));
  for (const Suggestion& suggestion : best.items)
    std::printf("%s, because of %s\n", std::string(suggestion.id).c_str(),
                std::string(suggestion.reasons.at(0).id).c_str());
  return absl::OkStatus();
}
// [/readme]

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: train_and_recommend FILE USER\n");
    return 2;
  }
  const absl::Status status = Recommend(argv[1], argv[2]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
