// serve/user_facts.hpp - what the store and a query say of one user, in the items of the model that answers.
#ifndef WAYPOST_SRC_SERVE_USER_FACTS_HPP_
#define WAYPOST_SRC_SERVE_USER_FACTS_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "serve/live_model.hpp"
#include "waypost/base/ids.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/user_history.hpp"
#include "waypost/rank/query.hpp"
#include "waypost/store/snapshot.hpp"

namespace waypost::serve {

// Kept by each thread: allocates while it grows.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
struct UserFacts {
  std::vector<StoredEvent> stored;
  std::vector<UserEvent> events;
  std::vector<MetItem> met;  // of the store
  std::vector<float> codes;
  std::vector<WeightedItem> history;  // evidence: the store's and the query's
  std::vector<ItemIndex> exclude;     // the query's, and what the user rejected
  std::vector<ItemIndex> include;
  std::vector<ItemIndex> in_progress;  // met and not completed
  std::vector<ItemIndex> completed;
  std::vector<WeightedItem> value_weights;
  std::size_t unknown_ids = 0;  // of the query's lists

  // Fills all of it.
  //
  // Errors  kInvalidArgument: a weight of the query's history, an event without a strength.  The store's.
  absl::Status Read(const StoreSnapshot& snapshot, const LiveModel& live, const Query& query, std::int64_t now_us);

 private:
  void Clear();
  absl::Status ReadStore(const StoreSnapshot& snapshot, const LiveModel& live, const Query& query, std::int64_t now_us);
  absl::Status ReadLists(const LiveModel& live, const Query& query);
};

}  // namespace waypost::serve

#endif  // WAYPOST_SRC_SERVE_USER_FACTS_HPP_
