#include "text/unicode.hpp"

#include <algorithm>
#include <array>

#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

namespace waypost::internal {
namespace {

constexpr char32_t kMalformed = 0xFFFD;
constexpr int kMaxSegment = 32;  // characters that are normalised together: a pile of more marks is cut

const UNormalizer2* Nfkc() {
  UErrorCode error = U_ZERO_ERROR;
  return unorm2_getNFKCInstance(&error);
}

bool IsIdeograph(UChar32 c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF);
}

// Whether a character that stands alone is in NFKC as it is.
bool IsNormal(UChar32 c) {
  return c < 0xA0 || IsIdeograph(c) || u_getIntPropertyValue(c, UCHAR_NFKC_QUICK_CHECK) == UNORM_YES;
}

bool BeginsSegment(const UNormalizer2* nfkc, UChar32 c) {
  return c < 0xA0 || IsIdeograph(c) || unorm2_hasBoundaryBefore(nfkc, c);
}

void Push(UChar32 c, std::uint32_t begin, std::uint32_t end, WideText& wide) {
  if (c >= 0xA0 && !IsIdeograph(c) && u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) return;
  wide.characters.push_back(static_cast<char32_t>(c));
  wide.begins.push_back(begin);
  wide.ends.push_back(end);
}

void AppendUtf8(UChar32 c, std::string& text) {
  std::array<char, 4> bytes;
  std::int32_t length = 0;
  U8_APPEND_UNSAFE(bytes.data(), length, c);
  text.append(bytes.data(), static_cast<std::size_t>(length));
}

}  // namespace

absl::Status CheckUnicode() {
  UErrorCode error = U_ZERO_ERROR;
  UBreakIterator* const breaks = ubrk_open(UBRK_WORD, "", nullptr, 0, &error);
  if (breaks != nullptr) ubrk_close(breaks);
  if (U_FAILURE(error) || Nfkc() == nullptr)
    return absl::InternalError(absl::StrCat("Tokenizer: want the data of ICU, got ", u_errorName(error)));
  return absl::OkStatus();
}

void Normalize(std::string_view text, std::uint32_t offset, WideText& wide) {
  wide.Clear();
  const UNormalizer2* const nfkc = Nfkc();
  const char* const bytes = text.data();
  const auto size = static_cast<std::int64_t>(text.size());
  const auto next = [&](std::int64_t& at) {
    UChar32 c = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"  // in the macro
    U8_NEXT(bytes, at, size, c);
#pragma GCC diagnostic pop
    return c < 0 ? static_cast<UChar32>(kMalformed) : c;
  };
  for (std::int64_t at = 0; at < size;) {
    const auto begin = static_cast<std::uint32_t>(offset + at);
    const UChar32 first = next(at);
    std::int64_t ahead = at;
    UChar32 following = ahead < size ? next(ahead) : 0;
    if (IsNormal(first) && (at >= size || BeginsSegment(nfkc, following))) {
      Push(first, begin, static_cast<std::uint32_t>(offset + at), wide);
      continue;
    }
    std::array<UChar, 2 * kMaxSegment> segment;
    std::int32_t units = 0;
    U16_APPEND_UNSAFE(segment.data(), units, first);
    for (int count = 1; at < size && count < kMaxSegment && !BeginsSegment(nfkc, following); ++count) {
      U16_APPEND_UNSAFE(segment.data(), units, following);
      at = ahead;
      following = ahead < size ? next(ahead) : 0;
    }
    std::array<UChar, 20 * 2 * kMaxSegment> normal;  // one character becomes at most 18 units (U+FDFA)
    UErrorCode error = U_ZERO_ERROR;
    const std::int32_t count =
        unorm2_normalize(nfkc, segment.data(), units, normal.data(), static_cast<std::int32_t>(normal.size()), &error);
    if (U_FAILURE(error)) continue;
    for (std::int32_t n = 0; n < count;) {
      UChar32 c = 0;
      U16_NEXT(normal.data(), n, count, c);
      Push(c, begin, static_cast<std::uint32_t>(offset + at), wide);
    }
  }
}

CharacterClass ClassOf(char32_t character) {
  const auto c = static_cast<UChar32>(character);
  if (IsIdeograph(c)) return CharacterClass::kCharacter;
  const std::uint32_t type = U_MASK(u_charType(c));
  if ((type & (U_GC_L_MASK | U_GC_M_MASK | U_GC_N_MASK)) == 0)
    return c >= 0x80 && u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) ? CharacterClass::kEmoji
                                                                            : CharacterClass::kSeparator;
  if (c >= 0x0E00) {  // Thai is the first of the scripts below
    if (u_getIntPropertyValue(c, UCHAR_LINE_BREAK) == U_LB_COMPLEX_CONTEXT) return CharacterClass::kDictionary;
    UErrorCode error = U_ZERO_ERROR;
    switch (uscript_getScript(c, &error)) {
      case USCRIPT_HAN:
      case USCRIPT_HIRAGANA:
      case USCRIPT_KATAKANA:
      case USCRIPT_HANGUL:
      case USCRIPT_BOPOMOFO:
        return CharacterClass::kCharacter;
      default:
        if (c == 0x30FC) return CharacterClass::kCharacter;  // the long vowel of Katakana and Hiragana
    }
  }
  return (type & U_GC_N_MASK) != 0 ? CharacterClass::kDigit : CharacterClass::kLetter;
}

bool IsUpper(char32_t character) {
  return u_isupper(static_cast<UChar32>(character)) != 0;
}

bool IsLower(char32_t character) {
  return u_islower(static_cast<UChar32>(character)) != 0;
}

void AppendFolded(char32_t character, std::string& text) {
  const auto c = static_cast<UChar32>(character);
  if (IsIdeograph(c) || !u_hasBinaryProperty(c, UCHAR_CHANGES_WHEN_CASEFOLDED)) return AppendUtf8(c, text);
  std::array<UChar, 2> source;
  std::int32_t units = 0;
  U16_APPEND_UNSAFE(source.data(), units, c);
  std::array<UChar, 8> folded;  // at most three units
  UErrorCode error = U_ZERO_ERROR;
  std::int32_t count =
      u_strFoldCase(folded.data(), static_cast<std::int32_t>(folded.size()), source.data(), units, 0, &error);
  if (U_FAILURE(error)) count = 0;
  for (std::int32_t n = 0; n < count;) {
    UChar32 part = 0;
    U16_NEXT(folded.data(), n, count, part);
    AppendUtf8(part, text);
  }
}

WordBreaks::~WordBreaks() {
  if (breaks_ != nullptr) ubrk_close(breaks_);
}

void WordBreaks::Cut(const WideText& wide, std::size_t begin, std::size_t end,
                     absl::FunctionRef<void(std::size_t, std::size_t)> take) {
  units_.clear();
  characters_.clear();
  for (std::size_t n = begin; n < end; ++n) {
    std::array<UChar, 2> pair;
    std::int32_t count = 0;
    U16_APPEND_UNSAFE(pair.data(), count, static_cast<UChar32>(wide.characters[n]));
    units_.insert(units_.end(), pair.begin(), pair.begin() + count);
    characters_.insert(characters_.end(), static_cast<std::size_t>(count), n);
  }
  characters_.push_back(end);
  UErrorCode error = U_ZERO_ERROR;
  const auto length = static_cast<std::int32_t>(units_.size());
  if (breaks_ == nullptr) breaks_ = ubrk_open(UBRK_WORD, "", nullptr, 0, &error);
  if (breaks_ != nullptr) ubrk_setText(breaks_, units_.data(), length, &error);
  if (U_FAILURE(error) || breaks_ == nullptr) return take(begin, end);
  std::int32_t from = ubrk_first(breaks_);
  for (std::int32_t to = ubrk_next(breaks_); to != UBRK_DONE; from = to, to = ubrk_next(breaks_))
    if (ubrk_getRuleStatus(breaks_) >= UBRK_WORD_NONE_LIMIT)
      take(characters_[static_cast<std::size_t>(from)], characters_[static_cast<std::size_t>(to)]);
}

}  // namespace waypost::internal
