// A program that uses the headers alone: learns from four events and ranks.
#include <cstdio>
#include <span>

#include <waypost/event/event_log.hpp>
#include <waypost/matrix/weighting.hpp>
#include <waypost/model/ials.hpp>
#include <waypost/version.hpp>

#ifdef WAYPOST_COMPILED
#error "waypost::core must not ask for the compiled library"
#endif

int main() {
  waypost::EventLogBuilder log;
  for (const auto& [user, item] : {std::pair("ada", "c1"), {"ada", "c2"}, {"bo", "c1"}, {"cy", "c2"}})
    if (!log.Append({.user = user, .item = item}).ok()) return 1;
  const auto interactions = waypost::BuildInteractions(std::move(log).Build());
  if (!interactions.ok()) return 1;
  const auto training = waypost::TrainIals(interactions->positives, {.dimensions = 4});
  if (!training.ok()) return 1;
  const waypost::UserView bo{.user = waypost::UserIndex{1}, .history = interactions->positives.user_item().row(1)};
  const waypost::Candidates unseen{.allowed = nullptr, .excluded = bo.history.columns};
  const auto best = training->model.TopK(std::span(&bo, 1), std::span(&unseen, 1), 5, waypost::Parallelism(1));
  if (!best.ok() || best->front().size() != 1 || best->front()[0].item != waypost::ItemIndex{1}) return 1;
  std::printf("waypost %s ranks c2 for bo\n", WAYPOST_VERSION_STRING);
}
