#include "event/json_record.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/shown.hpp"

namespace waypost::internal {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Writes `code` as UTF-8 and returns the place after it.
char* PutUtf8(std::uint32_t code, char* to) {
  const auto put = [&](std::uint32_t byte) { *to++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return to;
}

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Parser {
 public:
  explicit Parser(std::span<char> text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // The functions return false after Fail has kept what was wanted and where.
  bool Record(std::vector<std::string_view>& names, std::vector<Cell>& cells);
  bool List(std::vector<std::string>& list);
  bool Array(std::vector<std::string_view>& elements);
  absl::Status error() const;

 private:
  bool Fail(const char* want) {
    want_ = want;
    return false;
  }
  void SkipSpace() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n')) ++at_;
  }
  bool Next(char c) const { return at_ < end_ && *at_ == c; }
  bool TakeIf(char c) {
    if (!Next(c)) return false;
    ++at_;
    return true;
  }
  bool End();
  bool Value(Cell& cell);
  bool String(bool decode, std::string_view& text);
  bool Escape(bool decode, char*& to);
  bool CodeUnit(std::uint32_t& unit);
  bool Number(std::string_view& text);
  bool Word(std::string_view word);
  bool SkipNested();

  char* begin_;
  char* at_;
  char* end_;
  const char* want_ = "";
};

absl::Status Parser::error() const {
  const std::string got = at_ == end_ ? "the end" : Shown(std::string_view(at_, static_cast<std::size_t>(end_ - at_)));
  return absl::InvalidArgumentError(absl::StrCat("JSON byte ", at_ - begin_ + 1, ": want ", want_, ", got ", got));
}

bool Parser::End() {
  SkipSpace();
  return at_ == end_ || Fail("the end of the line");
}

bool Parser::Record(std::vector<std::string_view>& names, std::vector<Cell>& cells) {
  SkipSpace();
  if (!TakeIf('{')) return Fail("'{'");
  SkipSpace();
  if (TakeIf('}')) return End();
  for (;;) {
    SkipSpace();
    if (!Next('"')) return Fail("a name in quotes");
    if (!String(true, names.emplace_back())) return false;
    SkipSpace();
    if (!TakeIf(':')) return Fail("':'");
    SkipSpace();
    if (!Value(cells.emplace_back())) return false;
    SkipSpace();
    if (TakeIf('}')) return End();
    if (!TakeIf(',')) return Fail("',' or '}'");
  }
}

bool Parser::List(std::vector<std::string>& list) {
  SkipSpace();
  if (!TakeIf('[')) return Fail("'['");
  SkipSpace();
  if (TakeIf(']')) return End();
  for (;;) {
    SkipSpace();
    Cell cell;
    char* const start = at_;
    if (!Value(cell)) return false;
    if (cell.type != CellType::kText && cell.type != CellType::kNumber) {
      at_ = start;
      return Fail("a string or a number");
    }
    list.emplace_back(cell.text);
    SkipSpace();
    if (TakeIf(']')) return End();
    if (!TakeIf(',')) return Fail("',' or ']'");
  }
}

// Decodes nothing, so the text stays as it is.
bool Parser::Array(std::vector<std::string_view>& elements) {
  SkipSpace();
  if (!TakeIf('[')) return Fail("'['");
  SkipSpace();
  if (TakeIf(']')) return End();
  for (;;) {
    SkipSpace();
    const char* const start = at_;
    Cell cell;
    if (Next('"') ? !String(false, cell.text) : !Value(cell)) return false;
    elements.emplace_back(start, static_cast<std::size_t>(at_ - start));
    SkipSpace();
    if (TakeIf(']')) return End();
    if (!TakeIf(',')) return Fail("',' or ']'");
  }
}

bool Parser::Value(Cell& cell) {
  constexpr const char* kWant = "a value";
  if (at_ == end_) return Fail(kWant);
  char* const start = at_;
  switch (*at_) {
    case '"':
      cell.type = CellType::kText;
      return String(true, cell.text);
    case '{':
    case '[':
      if (!SkipNested()) return false;
      cell = {std::string_view(start, static_cast<std::size_t>(at_ - start)), CellType::kJson};
      return true;
    case 't':
    case 'f':
      if (!Word(*at_ == 't' ? "true" : "false")) return Fail(kWant);
      cell = {std::string_view(start, static_cast<std::size_t>(at_ - start)), CellType::kBool};
      return true;
    case 'n':
      if (!Word("null")) return Fail(kWant);
      cell = {};
      return true;
    default:
      cell.type = CellType::kNumber;
      return Number(cell.text);
  }
}

bool Parser::Word(std::string_view word) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) != word) return false;
  at_ += word.size();
  return true;
}

bool Parser::Number(std::string_view& text) {
  char* const start = at_;
  const auto digits = [&] {
    char* const first = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > first;
  };
  TakeIf('-');
  if (!TakeIf('0') && !digits()) {
    at_ = start;
    return Fail("a value");
  }
  if (TakeIf('.') && !digits()) return Fail("a digit");
  if (TakeIf('e') || TakeIf('E')) {
    if (!TakeIf('+')) TakeIf('-');
    if (!digits()) return Fail("a digit");
  }
  text = std::string_view(start, static_cast<std::size_t>(at_ - start));
  return true;
}

// At the opening quote. A decoded string is never longer than its escaped form, so it fits where it stands.
bool Parser::String(bool decode, std::string_view& text) {
  ++at_;
  char* const start = at_;
  char* to = at_;
  while (at_ < end_) {
    const char c = *at_;
    if (c == '"') {
      text = std::string_view(start, static_cast<std::size_t>((decode ? to : at_) - start));
      ++at_;
      return true;
    }
    if (c == '\\') {
      if (!Escape(decode, to)) return false;
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20) return Fail("no control character in a string");
    if (decode) *to++ = c;
    ++at_;
  }
  return Fail("a closing quote");
}

// At the backslash.
bool Parser::Escape(bool decode, char*& to) {
  ++at_;
  if (at_ == end_) return Fail("an escaped character");
  const char c = *at_++;
  std::uint32_t code = 0;
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kCharacters = "\"\\/\b\f\n\r\t";
  if (const std::size_t known = kNames.find(c); known != std::string_view::npos) {
    code = static_cast<unsigned char>(kCharacters[known]);
  } else if (c != 'u') {
    --at_;
    return Fail("one of \"\\/bfnrtu after a backslash");
  } else {
    if (!CodeUnit(code)) return false;
    if (code >= 0xD800 && code < 0xE000) {
      std::uint32_t low = 0;
      if (code >= 0xDC00 || !TakeIf('\\') || !TakeIf('u')) return Fail("a pair of surrogates");
      if (!CodeUnit(low)) return false;
      if (low < 0xDC00 || low >= 0xE000) return Fail("a pair of surrogates");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  if (decode) to = PutUtf8(code, to);
  return true;
}

bool Parser::CodeUnit(std::uint32_t& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const int digit = at_ < end_ ? HexDigit(*at_) : -1;
    if (digit < 0) return Fail("four hexadecimal digits");
    unit = 16 * unit + static_cast<std::uint32_t>(digit);
  }
  return true;
}

// At '{' or '['. The stack of open brackets is an array: no recursion.
bool Parser::SkipNested() {
  char closing[kMaxJsonDepth];
  int depth = 0;
  std::string_view text;
  for (;;) {
    // At the place of a value.
    SkipSpace();
    if (Next('{') || Next('[')) {
      if (depth == kMaxJsonDepth) return Fail("at most 64 levels of nesting");
      const bool object = *at_++ == '{';
      closing[depth++] = object ? '}' : ']';
      SkipSpace();
      if (!Next(closing[depth - 1])) {
        if (object) {
          if (!Next('"')) return Fail("a name in quotes");
          if (!String(false, text)) return false;
          SkipSpace();
          if (!TakeIf(':')) return Fail("':'");
        }
        continue;
      }
    } else if (Next('"')) {
      if (!String(false, text)) return false;
    } else {
      Cell cell;
      if (!Value(cell)) return false;
    }
    // After a value, or before the bracket that closes an empty object or array.
    for (;;) {
      SkipSpace();
      if (TakeIf(closing[depth - 1])) {
        if (--depth == 0) return true;
        continue;
      }
      if (!TakeIf(',')) return Fail(closing[depth - 1] == '}' ? "',' or '}'" : "',' or ']'");
      break;
    }
    if (closing[depth - 1] == '}') {
      SkipSpace();
      if (!Next('"')) return Fail("a name in quotes");
      if (!String(false, text)) return false;
      SkipSpace();
      if (!TakeIf(':')) return Fail("':'");
    }
  }
}

// A name that occurs twice, or nothing.
const std::string_view* FindRepeated(const std::vector<std::string_view>& names) {
  constexpr std::size_t kFew = 32;  // below it comparing all pairs is faster than sorting, and allocates nothing
  if (names.size() <= kFew) {
    for (std::size_t i = 0; i < names.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (names[i] == names[j]) return &names[i];
    return nullptr;
  }
  std::vector<std::size_t> order(names.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return names[a] < names[b]; });
  for (std::size_t i = 1; i < order.size(); ++i)
    if (names[order[i]] == names[order[i - 1]]) return &names[order[i]];
  return nullptr;
}

}  // namespace

absl::Status ParseJsonRecord(std::span<char> line, std::vector<std::string_view>& names, std::vector<Cell>& cells) {
  names.clear();
  cells.clear();
  Parser parser(line);
  if (!parser.Record(names, cells)) return parser.error();
  if (const std::string_view* repeated = FindRepeated(names))
    return absl::InvalidArgumentError(absl::StrCat("column ", Shown(*repeated), ": want it once, got it again"));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ParseJsonList(std::string_view json) {
  std::string text(json);  // strings are decoded in place
  std::vector<std::string> list;
  Parser parser(text);
  if (!parser.List(list)) return parser.error();
  return list;
}

absl::Status SplitJsonArray(std::string_view json, std::vector<std::string_view>& elements) {
  elements.clear();
  Parser parser(std::span<char>(const_cast<char*>(json.data()), json.size()));  // Array writes nothing
  return parser.Array(elements) ? absl::OkStatus() : parser.error();
}

}  // namespace waypost::internal
