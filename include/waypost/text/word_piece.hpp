// waypost/text/word_piece.hpp - the tokens of BERT-type sentence encoders.
//
// Definition   A text loses its control characters and is cut at white space, around each punctuation mark and around
//              each Chinese character; with lower-casing, characters are decomposed (NFD), nonspacing marks dropped and
//              the rest lowered. Each word then is the longest known piece from its start, the longest known
//              continuation from there, and so on; a word that cannot be covered, or that is longer than
//              max_input_chars_per_word characters, is one unknown token. [CLS] stands before, [SEP] behind.
// Sources      [1] Y. Wu et al., "Google's neural machine translation system", arXiv:1609.08144, 2016, section 4.1.
//              [2] J. Devlin et al., "BERT", NAACL 2019. The file is tokenizer.json of the `tokenizers` package.
// Deviations   Character classes are those of the ICU that the library is built with: a character newer than the tables
//              of another implementation may be cut differently. Malformed UTF-8 is refused, not replaced.
// Trust        A tokenizer file may come from anywhere: at most 32 MiB; ids are distinct and below the number of
//              tokens' limit, and what is not understood is refused.
// Complexity   O(bytes) for usual words, at most max_input_chars_per_word^2 look-ups for each; stops where the limit of
//              tokens is reached.
// Checked by   tests/unit/text_word_piece_test.cpp; tests/data/text_sentence_encoder_test.cpp against the ids of the
//              `tokenizers` package; tests/fuzz/word_piece_fuzz.cpp.
#ifndef WAYPOST_TEXT_WORD_PIECE_HPP_
#define WAYPOST_TEXT_WORD_PIECE_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

namespace internal {
struct WordPieceTables;
}  // namespace internal

// Immutable: safe to use from any number of threads.
class WordPiece {
 public:
  // Reads the text of a tokenizer.json.
  // Errors  kInvalidArgument: damaged or hostile, names the member; kUnimplemented: another kind of tokenizer;
  //         kResourceExhausted: beyond a limit.
  static absl::StatusOr<WordPiece> FromJson(std::string_view json);

  // Reads a tokenizer.json.
  static absl::StatusOr<WordPiece> Open(const std::string& path);

  // Appends the tokens of `text`, [CLS] first and [SEP] last, at most `max_tokens` of them: what is beyond is cut off.
  //
  // Requires  max_tokens >= 2.
  // Errors    kInvalidArgument: `text` is not UTF-8; then nothing is appended.
  absl::Status Encode(std::string_view text, std::size_t max_tokens, std::vector<std::uint32_t>& ids) const;

  // Every id is below it.
  std::uint32_t id_limit() const;

 private:
  explicit WordPiece(std::shared_ptr<const internal::WordPieceTables> tables);

  std::shared_ptr<const internal::WordPieceTables> tables_;
};

}  // namespace waypost

#endif  // WAYPOST_TEXT_WORD_PIECE_HPP_
