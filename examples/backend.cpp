// A backend's life: open a folder, record what learners do, recommend, retrain beside, publish, forget.
//
//   backend FOLDER EVENTS
//
// Run again on the same folder it goes on where it was: the events are delivered again and count once.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "waypost/event/reader.hpp"
#include "waypost/serve/engine.hpp"

namespace {

using namespace waypost;

absl::Status Show(Engine& engine, const std::string& user) {
  EngineQuery query;
  query.query.user = user;
  query.query.n = 2;
  WAYPOST_ASSIGN_OR_RETURN(const EngineAnswer answer, engine.Recommend(query));
  std::printf("%s:", user.c_str());
  for (const Suggestion& suggestion : answer.recommendation.items)
    std::printf(" %s (%s)", std::string(suggestion.id).c_str(), std::string(SourceName(suggestion.source)).c_str());
  std::printf("\n");
  return absl::OkStatus();
}

// [readme]
absl::Status Run(const std::string& folder, const std::string& events) {
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(folder));

  // What happened so far. The source and the row are an event's identity: delivered again it counts once.
  EventLogBuilder builder;
  WAYPOST_RETURN_IF_ERROR(ReadEvents(events, {}, builder).status());
  const EventLog log = std::move(builder).Build();
  WAYPOST_RETURN_IF_ERROR(engine->store().AppendLog(log, "courses").status());

  // A nightly job: trains on what the folder holds while questions go on, then the new model takes over.
  const std::string model = folder + "/courses.waypost";
  WAYPOST_RETURN_IF_ERROR(
      engine->Train({.file = model, .model = IalsOptions{.dimensions = 8, .unobserved_weight = 0.05f}, .control = {}})
          .status());
  WAYPOST_RETURN_IF_ERROR(engine->Publish(model));

  // A request: what a visitor does now is known to the next question, without any training.
  const std::vector<Event> clicks = {{.user = "visitor", .item = "html-css"}, {.user = "visitor", .item = "react"}};
  WAYPOST_RETURN_IF_ERROR(engine->Record(clicks).status());
  WAYPOST_RETURN_IF_ERROR(Show(*engine, "visitor"));

  // The visitor asks to be forgotten: from here on no call knows them; the bytes go with the next Compact.
  WAYPOST_RETURN_IF_ERROR(engine->Forget("visitor").status());
  return Show(*engine, "visitor");
}
// [/readme]

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: backend FOLDER EVENTS\n");
    return 2;
  }
  const absl::Status status = Run(argv[1], argv[2]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
