// store/pages.hpp - the pages of a data file, looked at without LMDB: are they what their parents say?
//
// LMDB trusts its pages. A damaged header can lead it astray in silence, or out of the file. This walk checks every
// page in use against the format of LMDB 0.9 (docs/store-format.md): number, kind, bounds, every node, sizes, and the
// counts of its table; it reads nothing outside the file, whatever the pages say.
#ifndef WAYPOST_SRC_STORE_PAGES_HPP_
#define WAYPOST_SRC_STORE_PAGES_HPP_

#include <cstdint>
#include <string>
#include <vector>

#include "store/records_codec.hpp"

namespace waypost::store {

// The problems of the pages that transaction `transaction` sees; none: sound. Ends after kMostProblems.
//
//   file   the whole data file.
std::vector<std::string> CheckPages(Bytes file, std::uint64_t transaction);

inline constexpr std::size_t kMostProblems = 100;

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_PAGES_HPP_
