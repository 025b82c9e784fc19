// The C boundary: errors as objects, one guard around every body, and the log.
//
// Nothing that a body throws leaves the library: memory that ends becomes WAYPOST_RESOURCE_EXHAUSTED, anything else
// WAYPOST_INTERNAL. An error that cannot itself be allocated is a fixed object, which waypost_error_free knows.
#ifndef WAYPOST_BINDINGS_C_GUARD_HPP_
#define WAYPOST_BINDINGS_C_GUARD_HPP_

#include <cstdint>
#include <exception>
#include <new>
#include <string_view>

#include "waypost.h"
#include "waypost/base/status.hpp"

namespace waypost::c {

// Returns null for an ok status; logs any other one.
waypost_error* MakeError(const char* function, const absl::Status& status) noexcept;
waypost_error* MakeError(const char* function, absl::StatusCode code, const char* message) noexcept;

// Hands a line to the callback that is set, if any: "<function>: <text>", control characters as spaces.
void Log(std::uint32_t level, std::string_view function, std::string_view text) noexcept;

// Returns what `body()`, a status, says.
template <typename Body>
waypost_error* Guard(const char* function, const Body& body) noexcept {
  try {
    return MakeError(function, body());
  } catch (const std::bad_alloc&) {
    return MakeError(function, absl::StatusCode::kResourceExhausted, "memory: want more, got none");
  } catch (const std::exception& exception) {
    return MakeError(function, absl::StatusCode::kInternal, exception.what());
  } catch (...) {
    return MakeError(function, absl::StatusCode::kInternal, "want no exception, got one of an unknown type");
  }
}

// Errors  kInvalidArgument: a required pointer is null.
inline absl::Status Require(const void* pointer, std::string_view name) {
  if (pointer != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(internal::ToAbsl(name), ": want a pointer, got NULL"));
}

}  // namespace waypost::c

#endif  // WAYPOST_BINDINGS_C_GUARD_HPP_
