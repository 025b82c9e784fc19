// waypost/text/types.hpp - documents, and what a search for words answers.
#ifndef WAYPOST_TEXT_TYPES_HPP_
#define WAYPOST_TEXT_TYPES_HPP_

#include <cstddef>
#include <string>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/ids.hpp"

namespace waypost {

// A place in an index. Places of removed documents stay empty until the index drops them: a place is valid for one
// value of the index.
using DocumentIndex = Index<struct DocumentTag>;

struct TextDocument {
  std::string id;                  // UTF-8, 1..256 bytes
  std::vector<std::string> texts;  // one for each field of the index, in their order; those left out are empty
};

// A text that is asked for, and how much each of its words counts.
struct QueryText {
  std::string text;
  float weight = 1;  // finite, > 0
};

// Aggregate: use designated initializers.
struct TextQuery {
  std::vector<QueryText> texts = {};
  std::size_t n = 10;
  std::vector<DocumentIndex> exclude = {};
  // The documents that may be returned; nullptr: every one. As long as the index has places.
  // Lifetime  borrowed for the call.
  const Bitmap* allowed = nullptr;
};

struct TextHit {
  DocumentIndex document;
  float score = 0;  // above 0; comparable within one answer only

  friend bool operator==(const TextHit&, const TextHit&) = default;
};

// A word of the query that brought a document part of its score.
struct MatchedTerm {
  std::string term;  // as the query has it, folded
  float amount = 0;
};

}  // namespace waypost

#endif  // WAYPOST_TEXT_TYPES_HPP_
