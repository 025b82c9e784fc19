// Trains within a task arena of the host program: Waypost starts no threads beyond it, and the result does not depend
// on how many it has.
#include <cstdio>
#include <string>
#include <utility>

#include <oneapi/tbb/task_arena.h>

#include "waypost/event/reader.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/ials.hpp"

namespace {

using namespace waypost;

absl::Status Run(const std::string& events) {
  EventLogBuilder builder;
  WAYPOST_RETURN_IF_ERROR(ReadEvents(events, {}, builder).status());
  const EventLog log = std::move(builder).Build();
  WAYPOST_ASSIGN_OR_RETURN(const Interactions interactions, BuildInteractions(log));

  oneapi::tbb::task_arena arena(2);  // the host's own
  WAYPOST_ASSIGN_OR_RETURN(const IalsTraining in_arena,
                           TrainIals(interactions.positives, {.dimensions = 8}, {}, Parallelism(arena)));
  WAYPOST_ASSIGN_OR_RETURN(const IalsTraining alone,
                           TrainIals(interactions.positives, {.dimensions = 8}, {}, Parallelism(1)));
  std::printf("%d epochs; one thread and the arena end with %s losses\n", in_arena.epochs,
              in_arena.loss == alone.loss ? "the same" : "different");
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: host_arena EVENTS\n");
    return 2;
  }
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
