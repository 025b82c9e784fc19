// rank/filter_error.hpp - the one form of every error about a filter's text.
#ifndef WAYPOST_SRC_RANK_FILTER_ERROR_HPP_
#define WAYPOST_SRC_RANK_FILTER_ERROR_HPP_

#include <cstddef>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost::internal {

inline absl::Status FilterError(std::size_t position, std::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("Filter: character ", position, ": ", ToAbsl(message)));
}

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_RANK_FILTER_ERROR_HPP_
