// cli/suggest.hpp - "did you mean ...?" for a mistyped word.
#ifndef WAYPOST_CLI_SUGGEST_HPP_
#define WAYPOST_CLI_SUGGEST_HPP_

#include <span>
#include <string>
#include <string_view>

namespace waypost::cli {

// Returns "; did you mean 'KNOWN'?" for the known word nearest to `word`, or nothing where none is near.
std::string Suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SUGGEST_HPP_
