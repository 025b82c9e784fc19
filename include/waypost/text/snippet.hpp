// waypost/text/snippet.hpp - the stretch of a text that shows best why it was found.
#ifndef WAYPOST_TEXT_SNIPPET_HPP_
#define WAYPOST_TEXT_SNIPPET_HPP_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "waypost/text/tokenizer.hpp"
#include "waypost/text/types.hpp"

namespace waypost {

// Returns the stretch of at most `length` bytes whose distinct matched words have the largest amount together, the
// first of equals; the beginning of the text where none matches.
//
//   text     UTF-8; what is malformed becomes a space.
//   matched  those of TextIndex::Explain.
//   length   "..." counts; less than 8 is 8. White space and control characters become single spaces.
// Cost       one pass of the tokenizer over the text.
std::string MakeSnippet(std::string_view text, std::span<const MatchedTerm> matched, const Tokenizer& tokenizer,
                        std::size_t length = 160);

}  // namespace waypost

#endif  // WAYPOST_TEXT_SNIPPET_HPP_
