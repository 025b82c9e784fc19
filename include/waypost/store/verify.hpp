// waypost/store/verify.hpp - is every byte of a store sound?
#ifndef WAYPOST_STORE_VERIFY_HPP_
#define WAYPOST_STORE_VERIFY_HPP_

#include <cstdint>
#include <string>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/store/records.hpp"

namespace waypost {

struct StoreReport {
  std::uint64_t events = 0;
  std::uint64_t users = 0;
  std::uint64_t items = 0;
  Retention retention;
  std::vector<std::string> problems;  // empty: sound
};

// Reads every value of the store in `folder` and checks it: checksums, counts, order, indices. The reading is done by a
// child process, so that damage which ends it is a problem in the report and no more.
//
// A folder whose creation was cut short is an empty store.
// Errors  kNotFound: no store there.  kResourceExhausted: no child process.
absl::StatusOr<StoreReport> VerifyStore(const std::string& folder);

}  // namespace waypost

#endif  // WAYPOST_STORE_VERIFY_HPP_
