// cli/store_impressions.hpp - what a store's models showed, by the numbers of its log.
#ifndef WAYPOST_CLI_STORE_IMPRESSIONS_HPP_
#define WAYPOST_CLI_STORE_IMPRESSIONS_HPP_

#include <cstdint>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/insight/feedback.hpp"
#include "waypost/store/store.hpp"

namespace waypost::cli {

struct StoredImpressions {
  std::vector<ShownItem> shown;
  std::uint64_t interventions = 0;  // that are no impressions
};

// Users and items are the indices of `log`, or numbers above them where they have no event.
absl::StatusOr<StoredImpressions> ReadStoredImpressions(const StoreSnapshot& snapshot, const EventLog& log);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_STORE_IMPRESSIONS_HPP_
