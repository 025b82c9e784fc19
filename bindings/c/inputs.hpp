// What several calls read from the caller's structures.
#ifndef WAYPOST_BINDINGS_C_INPUTS_HPP_
#define WAYPOST_BINDINGS_C_INPUTS_HPP_

#include <string_view>

#include "waypost.h"
#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost::c {

// Returns the options; the defaults where none are given.
absl::StatusOr<WeightingOptions> ReadWeighting(const waypost_weighting_options* given);
absl::StatusOr<ModelOptions> ReadModelOptions(const waypost_popularity_options* given);
absl::StatusOr<ModelOptions> ReadModelOptions(const waypost_item_knn_options* given);
absl::StatusOr<ModelOptions> ReadModelOptions(const waypost_ials_options* given);
//   kind, settings  as waypost_train has them.
absl::StatusOr<ModelOptions> ReadModelOptions(std::string_view kind, std::string_view settings);

// Returns the events of the columns; titles are not looked at.
absl::StatusOr<EventLog> ReadLog(const waypost_events& events);

}  // namespace waypost::c

#endif  // WAYPOST_BINDINGS_C_INPUTS_HPP_
