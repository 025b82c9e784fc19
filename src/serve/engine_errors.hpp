// serve/engine_errors.hpp - what the calls of an engine return where memory ends.
#ifndef WAYPOST_SRC_SERVE_ENGINE_ERRORS_HPP_
#define WAYPOST_SRC_SERVE_ENGINE_ERRORS_HPP_

#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost::serve {

inline absl::Status OutOfMemory(std::string_view call) {
  return absl::ResourceExhaustedError(absl::StrCat("Engine.", internal::ToAbsl(call), ": out of memory"));
}

}  // namespace waypost::serve

#endif  // WAYPOST_SRC_SERVE_ENGINE_ERRORS_HPP_
