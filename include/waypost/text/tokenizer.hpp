// waypost/text/tokenizer.hpp - the words of a text, as an index keeps them.
//
// Definition   Compatibility forms are one form (NFKC), letters are folded to one case, and a word is a run of letters,
//              digits and marks. Words of code stay whole and give their parts beside: node.js, .NET, snake_case,
//              getElementById, relational-algebra, C++11; C++, C#, F# and g++ are words of their own. A Chinese,
//              Japanese or Korean character is a word; two neighbours in one run are a pair beside. Scripts without
//              spaces of another kind (Thai, Lao, Khmer, Myanmar) are cut by a dictionary. An emoji is a word.
// Sources      [1] The Unicode Standard, annex 15 (NFKC), annex 29 (word boundaries), through ICU.
//              [2] M. Porter, Snowball: A language for stemming algorithms, 2001, through libstemmer.
// Deviations   From annex 29: an apostrophe and a comma end a word; full stop, hyphen and underscore join what becomes
//              a word with parts; a sign that is not well-formed UTF-8 ends a word and is passed over.
// Complexity   O(bytes); text in ASCII is cut without ICU.
// Determinism  The tokens depend on the text and the options alone, whatever the locale.
// Checked by   tests/unit/text_tokenizer_test.cpp: tables of words, text in ASCII against the same among other
//              characters.
#ifndef WAYPOST_TEXT_TOKENIZER_HPP_
#define WAYPOST_TEXT_TOKENIZER_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

#include "waypost/base/status.hpp"

namespace waypost {

// A longer word is cut to its first characters.
inline constexpr std::size_t kMaxTermBytes = 128;

enum class TokenKind : std::uint8_t {
  kWord,
  kPart,  // of the word before, which is a whole of several parts
  kPair,  // two characters of a run of Chinese, Japanese or Korean
};

struct Token {
  std::string_view text;    // folded, not stemmed; 1..kMaxTermBytes bytes of UTF-8
  std::uint32_t begin = 0;  // of the source, in bytes
  std::uint32_t end = 0;
  TokenKind kind = TokenKind::kWord;
};

using TokenSink = absl::FunctionRef<void(const Token&)>;

enum class CharacterScripts : std::uint8_t {
  kCharacters,  // characters and pairs
  kWords,       // words of ICU's dictionary
};

// Options of Tokenizer. Aggregate: use designated initializers.
struct TokenizerOptions {
  // Language whose endings are cut off ("english", "german", "french", ...: see StemmerNames()), or "none". It lifts
  // short questions most; words of other scripts are left alone.
  std::string stemmer = "english";
  // Words that are no terms, as they stand in a text. The default ranking needs none: common words weigh little.
  std::vector<std::string> stop_words = {};
  // How Chinese, Japanese and Korean become words.
  CharacterScripts character_scripts = CharacterScripts::kCharacters;
};

// Languages that TokenizerOptions.stemmer may name, "none" first.
std::vector<std::string> StemmerNames();

// Immutable: safe to use from any number of threads.
class Tokenizer {
 public:
  // A tokenizer of the host's: hands its tokens to the sink in the order of the text; what it does is called from
  // any number of threads. Lifetime  a token's text is borrowed for the call of the sink.
  using Function = std::function<void(std::string_view text, TokenSink sink)>;

  // Errors  kInvalidArgument: a stemmer that libstemmer does not have.  kInternal: ICU has no data.
  static absl::StatusOr<Tokenizer> Create(const TokenizerOptions& options = {});

  // Terms are the tokens as they are: nothing is stemmed, no word is left out. Empty tokens are passed over and long
  // ones cut.
  static Tokenizer FromFunction(Function function);

  // Hands every token of `text` to `sink`.
  //
  //   text   UTF-8; what is malformed separates words.
  // Requires  text is shorter than 4 GiB.
  void Tokenize(std::string_view text, TokenSink sink) const;

  // The term of a token's text, under which the index keeps it: its stem; empty for a stop word.
  std::string Term(std::string_view token) const;

 private:
  struct State;
  explicit Tokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace waypost

#endif  // WAYPOST_TEXT_TOKENIZER_HPP_
