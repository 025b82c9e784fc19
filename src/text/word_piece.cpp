#include "waypost/text/word_piece.hpp"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "base/shown.hpp"
#include "file/guard.hpp"
#include "text/json_object.hpp"
#include "text/word_piece_tables.hpp"
#include "waypost/base/utf8.hpp"

namespace waypost {
namespace {

using internal::WordPieceTables;

bool IsSpace(UChar32 c) {
  return u_isUWhiteSpace(c) != 0;
}

bool IsControl(UChar32 c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return (U_MASK(u_charType(c)) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

bool IsPunctuation(UChar32 c) {
  if (c < 0x80) return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  return (U_MASK(u_charType(c)) & U_GC_P_MASK) != 0;
}

// The character at `at`, which moves behind it.
// Requires  well-formed UTF-8.
UChar32 NextCharacter(std::string_view text, std::size_t* at) {
  const auto byte = [&] { return static_cast<UChar32>(static_cast<unsigned char>(text[(*at)++])); };
  const UChar32 lead = byte();
  if (lead < 0x80) return lead;
  UChar32 c = lead < 0xE0 ? lead & 0x1F : lead < 0xF0 ? lead & 0xF : lead & 7;
  for (int rest = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3; rest > 0; --rest) c = c << 6 | (byte() & 0x3F);
  return c;
}

// The blocks that [2] takes for Chinese characters.
bool IsChinese(UChar32 c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

// Cuts one text into tokens.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Cutter {
 public:
  Cutter(const WordPieceTables& tables, std::size_t limit, std::vector<std::uint32_t>& ids)
      : tables_(tables), limit_(limit), ids_(ids) {}

  bool full() const { return ids_.size() >= limit_; }
  void Special(std::uint32_t id) {
    EndWord();
    Push(id);
  }
  void Text(std::string_view text);
  void EndWord();

 private:
  void Push(std::uint32_t id) {
    if (!full()) ids_.push_back(id);
  }
  void Chunk(std::string_view chunk);
  void Decompose();
  void Lowered(UChar32 c);
  void Normal(UChar32 c);

  const WordPieceTables& tables_;
  std::size_t limit_;
  std::vector<std::uint32_t>& ids_;
  std::string word_;               // UTF-8; not longer than max_word characters and one
  std::size_t letters_ = 0;        // of word_
  std::vector<std::size_t> ends_;  // of its characters
  std::vector<UChar> wide_;
  std::vector<UChar> decomposed_;
};

void Cutter::Text(std::string_view text) {
  constexpr std::size_t kChunk = 1024;  // bytes after which a chunk ends at the next character that starts anew, or,
                                        // after some more of them, at any: normalising marks takes their number squared
  std::size_t begin = 0;
  while (begin < text.size() && !full()) {
    std::size_t end = begin;
    while (end < text.size()) {
      std::size_t next = end;
      const UChar32 c = NextCharacter(text, &next);
      if (end - begin >= kChunk && (u_getCombiningClass(c) == 0 || end - begin >= 8 * kChunk)) break;
      end = next;
      if (c == ' ' || c == '\n') break;
    }
    Chunk(text.substr(begin, end - begin));
    begin = end;
  }
}

void Cutter::Chunk(std::string_view chunk) {
  wide_.clear();
  bool ascii = true;
  for (std::size_t at = 0; at < chunk.size();) {
    UChar32 c = NextCharacter(chunk, &at);
    if (tables_.clean) {
      if (c == 0 || c == 0xFFFD || IsControl(c)) continue;
      if (IsSpace(c)) c = ' ';
    }
    ascii = ascii && c < 0x80;
    const bool apart = tables_.chinese && IsChinese(c);
    if (apart) wide_.push_back(' ');
    if (c > 0xFFFF) {
      wide_.push_back(U16_LEAD(c));
      wide_.push_back(U16_TRAIL(c));
    } else {
      wide_.push_back(static_cast<UChar>(c));
    }
    if (apart) wide_.push_back(' ');
  }
  if (tables_.strip_accents && !ascii) Decompose();
  const auto length = static_cast<std::int32_t>(wide_.size());
  for (std::int32_t at = 0; at < length;) {
    UChar32 c = 0;
    U16_NEXT(wide_.data(), at, length, c);
    if (tables_.strip_accents && c >= 0x80 && u_charType(c) == U_NON_SPACING_MARK) continue;
    Lowered(c);
  }
}

void Cutter::Decompose() {
  UErrorCode error = U_ZERO_ERROR;
  const UNormalizer2* nfd = unorm2_getNFDInstance(&error);
  decomposed_.resize(4 * wide_.size());  // the longest canonical decomposition of a code unit has four
  const std::int32_t length =
      unorm2_normalize(nfd, wide_.data(), static_cast<std::int32_t>(wide_.size()), decomposed_.data(),
                       static_cast<std::int32_t>(decomposed_.size()), &error);
  if (U_FAILURE(error)) return;  // ICU without its data: characters stay whole
  decomposed_.resize(static_cast<std::size_t>(length));
  wide_.swap(decomposed_);
}

void Cutter::Lowered(UChar32 c) {
  if (!tables_.lower) return Normal(c);
  if (c < 0x80) return Normal(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (c == 0x130) {  // the one character whose lower case is two
    Normal('i');
    return Normal(0x307);
  }
  Normal(u_tolower(c));
}

void Cutter::Normal(UChar32 c) {
  if (c == ' ' || IsSpace(c)) return EndWord();
  const bool punctuation = IsPunctuation(c);
  if (punctuation) EndWord();
  if (letters_ <= tables_.max_word) {  // one more shows that the word is too long
    char bytes[U8_MAX_LENGTH];
    std::int32_t length = 0;
    U8_APPEND_UNSAFE(bytes, length, c);
    word_.append(bytes, static_cast<std::size_t>(length));
    ends_.push_back(word_.size());
    ++letters_;
  }
  if (punctuation) EndWord();
}

void Cutter::EndWord() {
  if (letters_ == 0) return;
  const std::string_view word = word_;
  const std::size_t before = ids_.size();
  bool known = letters_ <= tables_.max_word;
  std::size_t first = 0;  // character
  while (known && first < letters_) {
    const std::size_t begin = first == 0 ? 0 : ends_[first - 1];
    const auto& pieces = first == 0 ? tables_.starts : tables_.follows;
    std::size_t last = letters_;
    while (last > first && ends_[last - 1] - begin > tables_.longest) --last;
    auto piece = pieces.end();
    for (; last > first; --last) {
      piece = pieces.find(word.substr(begin, ends_[last - 1] - begin));
      if (piece != pieces.end()) break;
    }
    known = last > first;
    if (known) ids_.push_back(piece->second);
    first = last;
  }
  if (!known) {
    ids_.resize(before);
    Push(tables_.unknown);
  }
  if (ids_.size() > limit_) ids_.resize(limit_);
  word_.clear();
  ends_.clear();
  letters_ = 0;
}

// The first place of an added token, the longest where several begin there; null where there is none.
const internal::AddedToken* FindAdded(const WordPieceTables& tables, std::string_view text, std::size_t* place) {
  const internal::AddedToken* best = nullptr;
  *place = text.size();
  for (const internal::AddedToken& token : tables.added) {
    const std::size_t at = text.substr(0, std::min(text.size(), *place + token.text.size())).find(token.text);
    if (at == std::string_view::npos) continue;
    if (best != nullptr && (at > *place || (at == *place && token.text.size() <= best->text.size()))) continue;
    best = &token;
    *place = at;
  }
  return best;
}

}  // namespace

WordPiece::WordPiece(std::shared_ptr<const WordPieceTables> tables) : tables_(std::move(tables)) {}

absl::StatusOr<WordPiece> WordPiece::FromJson(std::string_view json) {
  return file::Guard("WordPiece", [&]() -> absl::StatusOr<WordPiece> {
    auto tables = std::make_shared<WordPieceTables>();
    WAYPOST_RETURN_IF_ERROR(internal::ReadWordPiece(json, tables.get()));
    return WordPiece(std::move(tables));
  });
}

absl::StatusOr<WordPiece> WordPiece::Open(const std::string& path) {
  return file::Guard("WordPiece", [&]() -> absl::StatusOr<WordPiece> {
    WAYPOST_ASSIGN_OR_RETURN(const std::string json, internal::ReadSmallFile(path, internal::kMaxTokenizerFile));
    absl::StatusOr<WordPiece> tokenizer = FromJson(json);
    if (!tokenizer.ok()) return internal::AddContext(internal::ToStd(absl::StrCat("'", path, "'")), tokenizer.status());
    return tokenizer;
  });
}

absl::Status WordPiece::Encode(std::string_view text, std::size_t max_tokens, std::vector<std::uint32_t>& ids) const {
  assert(max_tokens >= 2);
  if (const std::size_t at = FindInvalidUtf8(text); at != text.size())
    return absl::InvalidArgumentError(
        absl::StrCat("WordPiece.text: want UTF-8, got byte ", at + 1, " of ", internal::Shown(text)));
  std::vector<std::uint32_t> tokens = {tables_->first};
  Cutter cutter(*tables_, max_tokens - 1, tokens);
  while (!cutter.full()) {
    std::size_t place = 0;
    const internal::AddedToken* added = FindAdded(*tables_, text, &place);
    cutter.Text(text.substr(0, place));
    cutter.EndWord();
    if (added == nullptr) break;
    cutter.Special(added->id);
    text.remove_prefix(place + added->text.size());
  }
  tokens.push_back(tables_->last);
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  return absl::OkStatus();
}

std::uint32_t WordPiece::id_limit() const {
  return tables_->id_limit;
}

}  // namespace waypost
