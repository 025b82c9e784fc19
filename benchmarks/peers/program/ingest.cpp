// From a CSV file to ids and a matrix.
#include <string>
#include <utility>

#include "commands.hpp"
#include "report.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/reader.hpp"
#include "waypost/matrix/weighting.hpp"

namespace waypost::peers {

namespace {

absl::StatusOr<Interactions> Ingest(const std::string& path) {
  EventLogBuilder builder;
  WAYPOST_RETURN_IF_ERROR(ReadEvents(path, {}, builder).status());
  return BuildInteractions(std::move(builder).Build(), {.transform = ValueTransform::kLinear});
}

}  // namespace

absl::Status RunIngest(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string path, arguments.Text("csv"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t repeats, arguments.Count("repeats", 1));
  WAYPOST_ASSIGN_OR_RETURN(const std::string name, arguments.Text("case"));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  Timing timing;
  Interactions interactions;
  for (std::size_t n = 0; n < repeats; ++n) {
    interactions = {};
    WAYPOST_RETURN_IF_ERROR(timing.Run([&]() -> absl::Status {
      WAYPOST_ASSIGN_OR_RETURN(interactions, Ingest(path));
      return absl::OkStatus();
    }));
  }
  const SparseMatrix& matrix = interactions.positives.user_item();
  double sum = 0;
  for (float value : matrix.values()) sum += value;
  Report report(name, AllowedThreads());
  report.Add(timing);
  report.Add("users", static_cast<double>(matrix.rows()));
  report.Add("items", static_cast<double>(matrix.columns()));
  report.Add("entries", static_cast<double>(matrix.entries()));
  report.Add("value_sum", sum);
  report.Print();
  return absl::OkStatus();
}

}  // namespace waypost::peers
