// text/unicode.hpp - what the tokenizer asks ICU: normal forms, classes of characters, case, dictionary words.
#ifndef WAYPOST_TEXT_UNICODE_HPP_
#define WAYPOST_TEXT_UNICODE_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

#include "waypost/base/status.hpp"

struct UBreakIterator;

namespace waypost::internal {

enum class CharacterClass : std::uint8_t {
  kSeparator,
  kLetter,      // also marks
  kDigit,       // any number
  kCharacter,   // Chinese, Japanese, Korean
  kDictionary,  // scripts without spaces that need one
  kEmoji,
};

// Code points in NFKC with the bytes of the source that each came from.
struct WideText {
  std::vector<char32_t> characters;
  std::vector<std::uint32_t> begins;
  std::vector<std::uint32_t> ends;

  std::size_t size() const { return characters.size(); }
  void Clear() {
    characters.clear();
    begins.clear();
    ends.clear();
  }
};

// Errors  kInternal: ICU has no data.
absl::Status CheckUnicode();

// Puts `text` into NFKC; malformed bytes become U+FFFD, characters that are never seen (soft hyphens, joiners,
// variation selectors) are left out.
//   offset  of the text in its source.
void Normalize(std::string_view text, std::uint32_t offset, WideText& wide);

CharacterClass ClassOf(char32_t character);
bool IsUpper(char32_t character);
bool IsLower(char32_t character);

// Appends the character, its case folded, in UTF-8.
void AppendFolded(char32_t character, std::string& text);

// ICU's word breaks. Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class WordBreaks {
 public:
  WordBreaks() = default;
  ~WordBreaks();
  WordBreaks(const WordBreaks&) = delete;
  WordBreaks& operator=(const WordBreaks&) = delete;
  WordBreaks(WordBreaks&&) = delete;
  WordBreaks& operator=(WordBreaks&&) = delete;

  // Hands the words of characters [begin, end) to `take` as ranges of characters.
  void Cut(const WideText& wide, std::size_t begin, std::size_t end,
           absl::FunctionRef<void(std::size_t, std::size_t)> take);

 private:
  UBreakIterator* breaks_ = nullptr;
  std::vector<char16_t> units_;
  std::vector<std::size_t> characters_;  // which character each unit belongs to
};

}  // namespace waypost::internal

#endif  // WAYPOST_TEXT_UNICODE_HPP_
