// store/impression_check.hpp - what the store takes as an impression.
#ifndef WAYPOST_SRC_STORE_IMPRESSION_CHECK_HPP_
#define WAYPOST_SRC_STORE_IMPRESSION_CHECK_HPP_

#include "waypost/base/status.hpp"
#include "waypost/event/kinds.hpp"
#include "waypost/store/records.hpp"

namespace waypost::store {

// Errors  kInvalidArgument: names the field. Store::AppendImpressions refuses no value that passes.
absl::Status CheckImpression(const Impression& impression, const KindTable& kinds);

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_IMPRESSION_CHECK_HPP_
