// text/word_piece_tables.hpp - what a tokenizer.json says, ready for look-ups.
#ifndef WAYPOST_SRC_TEXT_WORD_PIECE_TABLES_HPP_
#define WAYPOST_SRC_TEXT_WORD_PIECE_TABLES_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost::internal {

inline constexpr std::size_t kMaxTokenizerFile = std::size_t{1} << 25;

// A token that is found in the text before anything else is done with it.
struct AddedToken {
  std::string text;
  std::uint32_t id = 0;
};

// Immutable: safe to use from any number of threads.
struct WordPieceTables {
  WordPieceTables() = default;
  WordPieceTables(const WordPieceTables&) = delete;  // the maps point into `pieces`
  WordPieceTables& operator=(const WordPieceTables&) = delete;

  std::vector<std::string> pieces;                              // without the prefix of a continuation
  std::unordered_map<std::string_view, std::uint32_t> starts;   // pieces that begin a word
  std::unordered_map<std::string_view, std::uint32_t> follows;  // pieces that continue one
  std::vector<AddedToken> added;
  std::size_t longest = 0;  // bytes of the longest piece
  std::size_t max_word = 100;
  std::uint32_t unknown = 0;
  std::uint32_t first = 0;  // [CLS]
  std::uint32_t last = 0;   // [SEP]
  std::uint32_t id_limit = 0;
  bool clean = true;
  bool chinese = true;
  bool strip_accents = true;
  bool lower = true;
};

// Errors  as WordPiece::FromJson.
absl::Status ReadWordPiece(std::string_view json, WordPieceTables* tables);

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_TEXT_WORD_PIECE_TABLES_HPP_
