// waypost/base/status.hpp - the two control-flow macros and the one bridge to Abseil's string view.
#ifndef WAYPOST_BASE_STATUS_HPP_
#define WAYPOST_BASE_STATUS_HPP_

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace waypost::internal {

// Some packaged Abseil builds have an `absl::string_view` that is not `std::string_view`.
inline absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}
inline std::string_view ToStd(absl::string_view text) {
  return std::string_view(text.data(), text.size());
}

// Returns `status` with `context` put before its message: "section FACT: want ...". Used once per level.
inline absl::Status AddContext(std::string_view context, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(ToAbsl(context), ": ", status.message()));
}

}  // namespace waypost::internal

#define WAYPOST_RETURN_IF_ERROR(expression)                                                      \
  do {                                                                                           \
    if (absl::Status waypost_status = (expression); !waypost_status.ok()) return waypost_status; \
  } while (false)

#define WAYPOST_INTERNAL_CONCAT_(a, b) a##b
#define WAYPOST_INTERNAL_CONCAT(a, b) WAYPOST_INTERNAL_CONCAT_(a, b)
#define WAYPOST_INTERNAL_ASSIGN_OR_RETURN(result, declaration, expression) \
  auto result = (expression);                                              \
  if (!result.ok()) return std::move(result).status();                     \
  declaration = *std::move(result)

#define WAYPOST_ASSIGN_OR_RETURN(declaration, expression) \
  WAYPOST_INTERNAL_ASSIGN_OR_RETURN(WAYPOST_INTERNAL_CONCAT(waypost_result_, __LINE__), declaration, expression)

#endif  // WAYPOST_BASE_STATUS_HPP_
