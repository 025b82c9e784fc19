// serve/store_popularity.hpp - how popular the items of a store are, by its latest events.
//
// Definition   score(i) = sum over users of the strength of (user, i), as matrix/weighting.hpp defines it for these
//              events: what TrainPopularity gives for them. A user whose events have no strength counts nothing.
// Complexity   O(events log events) in the events read, whatever the store holds.
#ifndef WAYPOST_SRC_SERVE_STORE_POPULARITY_HPP_
#define WAYPOST_SRC_SERVE_STORE_POPULARITY_HPP_

#include <cstddef>
#include <cstdint>

#include "waypost/base/shared_array.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/event_strength.hpp"
#include "waypost/store/snapshot.hpp"

namespace waypost::serve {

// Returns float32[items], finite, by the store's index; 0 for items beyond those of the store.
//
// Requires  items >= snapshot.item_count(); weighting.now_us where it has a half-life.
// Errors    the store's.
absl::StatusOr<AlignedVector<float>> PopularityOfStore(const StoreSnapshot& snapshot, const WeightingOptions& weighting,
                                                       std::uint64_t most_events, std::size_t items);

}  // namespace waypost::serve

#endif  // WAYPOST_SRC_SERVE_STORE_POPULARITY_HPP_
