// Turns what the standard library throws into a status, at the entry points of the library.
#ifndef WAYPOST_SRC_FILE_GUARD_HPP_
#define WAYPOST_SRC_FILE_GUARD_HPP_

#include <exception>
#include <new>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost::file {

// A status whose message could not be allocated keeps its code.
inline absl::Status StatusWithoutThrow(absl::StatusCode code, std::string_view where, std::string_view what) {
  try {
    return absl::Status(code, absl::StrCat(internal::ToAbsl(where), ": ", internal::ToAbsl(what)));
  } catch (...) {
    return absl::Status(code, "");
  }
}

// Returns body(), or an error in place of an exception.
template <typename Body>
auto Guard(std::string_view where, const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return StatusWithoutThrow(absl::StatusCode::kResourceExhausted, where, "out of memory");
  } catch (const std::exception& exception) {
    return StatusWithoutThrow(absl::StatusCode::kInternal, where, exception.what());
  }
}

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_GUARD_HPP_
