#include "waypost/text/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <utility>

#include <libstemmer.h>

#include "text/unicode.hpp"

namespace waypost {
namespace {

using internal::CharacterClass;
using internal::WideText;

constexpr std::array<CharacterClass, 128> kAsciiClasses = [] {
  std::array<CharacterClass, 128> classes{};
  for (char c = 'a'; c <= 'z'; ++c) classes[static_cast<std::size_t>(c)] = CharacterClass::kLetter;
  for (char c = 'A'; c <= 'Z'; ++c) classes[static_cast<std::size_t>(c)] = CharacterClass::kLetter;
  for (char c = '0'; c <= '9'; ++c) classes[static_cast<std::size_t>(c)] = CharacterClass::kDigit;
  return classes;
}();

bool IsWordClass(CharacterClass type) {
  return type == CharacterClass::kLetter || type == CharacterClass::kDigit;
}

// The front of a text that is not longer than a term may be, cut between characters.
std::string_view CutToTerm(std::string_view text) {
  if (text.size() <= kMaxTermBytes) return text;
  std::size_t size = kMaxTermBytes;
  while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

// A run of text in ASCII.
struct AsciiText {
  std::string_view bytes;
  std::uint32_t offset;

  std::size_t size() const { return bytes.size(); }
  char32_t at(std::size_t n) const { return static_cast<unsigned char>(bytes[n]); }
  CharacterClass type(std::size_t n) const { return kAsciiClasses[static_cast<unsigned char>(bytes[n])]; }
  bool upper(std::size_t n) const { return bytes[n] >= 'A' && bytes[n] <= 'Z'; }
  bool lower(std::size_t n) const { return bytes[n] >= 'a' && bytes[n] <= 'z'; }
  std::uint32_t begin(std::size_t n) const { return offset + static_cast<std::uint32_t>(n); }
  std::uint32_t end(std::size_t n) const { return begin(n) + 1; }
  void Append(std::size_t n, std::string& text) const {
    text.push_back(upper(n) ? static_cast<char>(bytes[n] + ('a' - 'A')) : bytes[n]);
  }
};

// The same of any text.
struct ClassedText {
  WideText wide;
  std::vector<CharacterClass> types;

  std::size_t size() const { return wide.size(); }
  char32_t at(std::size_t n) const { return wide.characters[n]; }
  CharacterClass type(std::size_t n) const { return types[n]; }
  bool upper(std::size_t n) const { return internal::IsUpper(at(n)); }
  bool lower(std::size_t n) const { return internal::IsLower(at(n)); }
  std::uint32_t begin(std::size_t n) const { return wide.begins[n]; }
  std::uint32_t end(std::size_t n) const { return wide.ends[n]; }
  void Append(std::size_t n, std::string& text) const { internal::AppendFolded(at(n), text); }
};

// Cuts one text into tokens. The buffers are kept from call to call.
class Cutter {
 public:
  Cutter(CharacterScripts character_scripts, TokenSink sink) : character_scripts_(character_scripts), sink_(sink) {}

  // Text between spaces goes by one of two ways to the same tokens.
  void Cut(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      while (at < text.size() && IsSpace(text[at])) ++at;
      std::size_t end = at;
      std::uint8_t all = 0;
      for (; end < text.size() && !IsSpace(text[end]); ++end) all |= static_cast<std::uint8_t>(text[end]);
      if (end == at) break;
      const std::string_view chunk = text.substr(at, end - at);
      if (all < 0x80) {
        CutWords(AsciiText{chunk, static_cast<std::uint32_t>(at)}, 0, chunk.size());
      } else {
        CutWide(chunk, static_cast<std::uint32_t>(at));
      }
      at = end;
    }
  }

 private:
  static bool IsSpace(char c) { return static_cast<unsigned char>(c) <= ' '; }

  template <typename Text>
  void Emit(const Text& text, std::size_t begin, std::size_t end, TokenKind kind) {
    term_.clear();
    for (std::size_t n = begin; n < end && term_.size() <= kMaxTermBytes; ++n) text.Append(n, term_);
    if (term_.empty()) return;
    sink_({CutToTerm(term_), text.begin(begin), text.end(end - 1), kind});
  }

  void CutWide(std::string_view chunk, std::uint32_t offset) {
    internal::Normalize(chunk, offset, text_.wide);
    text_.types.resize(text_.size());
    for (std::size_t n = 0; n < text_.size(); ++n)
      text_.types[n] = text_.at(n) < 0x80 ? kAsciiClasses[text_.at(n)] : internal::ClassOf(text_.at(n));
    for (std::size_t at = 0; at < text_.size();) {
      const CharacterClass type = text_.type(at);
      const auto in_run = [&](std::size_t n) {
        const CharacterClass other = text_.type(n);
        return type == CharacterClass::kCharacter || type == CharacterClass::kDictionary ||
                       type == CharacterClass::kEmoji
                   ? other == type
                   : other == CharacterClass::kSeparator || IsWordClass(other);
      };
      std::size_t end = at + 1;
      while (end < text_.size() && in_run(end)) ++end;
      if (type == CharacterClass::kDictionary ||
          (type == CharacterClass::kCharacter && character_scripts_ == CharacterScripts::kWords)) {
        breaks_.Cut(text_.wide, at, end,
                    [&](std::size_t from, std::size_t to) { Emit(text_, from, to, TokenKind::kWord); });
      } else if (type == CharacterClass::kCharacter) {
        for (std::size_t n = at; n < end; ++n) {
          Emit(text_, n, n + 1, TokenKind::kWord);
          if (n + 1 < end) Emit(text_, n, n + 2, TokenKind::kPair);
        }
      } else if (type == CharacterClass::kEmoji) {
        for (std::size_t n = at; n < end; ++n) Emit(text_, n, n + 1, TokenKind::kWord);
      } else {
        CutWords(text_, at, end);
      }
      at = end;
    }
  }

  // Words of letters and digits between separators, in [at, end).
  template <typename Text>
  void CutWords(const Text& text, std::size_t at, std::size_t end) {
    const auto is_word = [&](std::size_t n) { return n < end && IsWordClass(text.type(n)); };
    while (at < end) {
      if (!is_word(at)) {
        ++at;
        continue;
      }
      const std::size_t first = at;
      const bool dotted = first > 0 && text.at(first - 1) == '.' && (first < 2 || text.at(first - 2) != '.') &&
                          text.type(first) == CharacterClass::kLetter;  // .NET
      parts_.clear();
      bool digits_only = true;
      for (;;) {  // one round for each part between joining signs
        std::size_t part = at;
        for (; is_word(at); ++at) {
          if (text.type(at) != CharacterClass::kDigit) digits_only = false;
          if (at > part && IsHump(text, at, end)) {
            parts_.emplace_back(part, at);
            part = at;
          }
        }
        const bool letter = text.type(at - 1) == CharacterClass::kLetter;
        if (letter && at + 1 < end && text.at(at) == '+' && text.at(at + 1) == '+') {
          at += 2;
        } else if (letter && at < end && text.at(at) == '#' && !is_word(at + 1)) {
          at += 1;
        }
        parts_.emplace_back(part, at);
        if (is_word(at)) continue;  // C++11
        const char32_t sign = at < end ? text.at(at) : U' ';
        if (!((sign == '.' || sign == '-' || sign == '_') && is_word(at + 1))) break;
        ++at;
      }
      Emit(text, dotted ? first - 1 : first, at, TokenKind::kWord);
      if (dotted || (parts_.size() > 1 && !digits_only))
        for (const auto& [from, to] : parts_) Emit(text, from, to, TokenKind::kPart);
    }
  }

  // Whether a capital begins a part: camelCase, HTMLParser; not the last of URLs.
  template <typename Text>
  static bool IsHump(const Text& text, std::size_t at, std::size_t end) {
    if (!text.upper(at)) return false;
    if (text.lower(at - 1)) return true;
    if (!text.upper(at - 1) || at + 1 >= end || !text.lower(at + 1)) return false;
    return text.at(at + 1) != 's' || (at + 2 < end && IsWordClass(text.type(at + 2)));
  }

  CharacterScripts character_scripts_;
  TokenSink sink_;
  std::string term_;
  std::vector<std::pair<std::size_t, std::size_t>> parts_;
  ClassedText text_;
  internal::WordBreaks breaks_;
};

struct DeleteStemmer {
  void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
};
using Stemmer = std::unique_ptr<sb_stemmer, DeleteStemmer>;

// A stemmer has buffers of its own: each call takes one that is free.
class StemmerPool {
 public:
  explicit StemmerPool(std::string language) : language_(std::move(language)) {}

  Stemmer Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return Stemmer(sb_stemmer_new(language_.c_str(), "UTF_8"));
    Stemmer stemmer = std::move(free_.back());
    free_.pop_back();
    return stemmer;
  }
  void Give(Stemmer stemmer) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(stemmer));
  }

 private:
  const std::string language_;
  std::mutex mutex_;
  std::vector<Stemmer> free_;
};

// Words of letters alone have endings; of ASCII the letters are told at once.
bool HasEnding(std::string_view word) {
  return std::none_of(word.begin(), word.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 && kAsciiClasses[byte] != CharacterClass::kLetter;
  });
}

}  // namespace

struct Tokenizer::State {
  TokenizerOptions options;
  Function function;  // of the host, or none
  std::set<std::string, std::less<>> stop_words;
  std::unique_ptr<StemmerPool> stemmers;  // none: words are left as they are
};

std::vector<std::string> StemmerNames() {
  std::vector<std::string> names = {"none"};
  for (const char** name = sb_stemmer_list(); *name != nullptr; ++name) names.emplace_back(*name);
  return names;
}

absl::StatusOr<Tokenizer> Tokenizer::Create(const TokenizerOptions& options) {
  WAYPOST_RETURN_IF_ERROR(internal::CheckUnicode());
  auto state = std::make_shared<State>();
  state->options = options;
  if (options.stemmer != "none") {
    const std::vector<std::string> names = StemmerNames();
    if (std::find(names.begin(), names.end(), options.stemmer) == names.end()) {
      std::string known;
      for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
      return absl::InvalidArgumentError(
          absl::StrCat("TokenizerOptions.stemmer: want one of ", known, ", got '", options.stemmer, "'"));
    }
    state->stemmers = std::make_unique<StemmerPool>(options.stemmer);
  }
  for (const std::string& word : options.stop_words)
    Cutter(options.character_scripts, [&](const Token& token) {
      if (token.kind != TokenKind::kPair) state->stop_words.emplace(token.text);
    }).Cut(word);
  return Tokenizer(std::move(state));
}

Tokenizer Tokenizer::FromFunction(Function function) {
  auto state = std::make_shared<State>();
  state->function = std::move(function);
  return Tokenizer(std::move(state));
}

void Tokenizer::Tokenize(std::string_view text, TokenSink sink) const {
  if (!state_->function) return Cutter(state_->options.character_scripts, sink).Cut(text);
  state_->function(text, [&](const Token& token) {
    Token cut = token;
    cut.text = CutToTerm(token.text);
    if (!cut.text.empty()) sink(cut);
  });
}

std::string Tokenizer::Term(std::string_view token) const {
  if (!state_->stop_words.empty() && state_->stop_words.contains(token)) return {};
  if (state_->stemmers == nullptr || !HasEnding(token)) return std::string(token);
  Stemmer stemmer = state_->stemmers->Take();
  if (stemmer == nullptr) return std::string(token);
  const sb_symbol* const stem =
      sb_stemmer_stem(stemmer.get(), reinterpret_cast<const sb_symbol*>(token.data()), static_cast<int>(token.size()));
  std::string term(token);
  if (stem != nullptr) {
    const auto size = static_cast<std::size_t>(sb_stemmer_length(stemmer.get()));
    if (size > 0) term.assign(reinterpret_cast<const char*>(stem), size);
  }
  state_->stemmers->Give(std::move(stemmer));
  return term;
}

}  // namespace waypost
