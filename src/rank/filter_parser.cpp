#include <charconv>
#include <cmath>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "waypost/rank/filter.hpp"

#include "base/shown.hpp"
#include "rank/filter_error.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/base/utf8.hpp"

namespace waypost {
namespace {

using internal::FilterError;
using internal::Shown;

enum class TokenKind { kEnd, kName, kWord, kText, kNumber, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text = {};  // of a name, a keyword, a text without its quotes, a symbol; as written otherwise
  double number = 0;
  std::size_t position = 1;

  bool Is(TokenKind wanted, std::string_view spelled) const { return kind == wanted && text == spelled; }
};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool BeginsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool ContinuesName(char c) {
  return BeginsName(c) || IsDigit(c) || c == '-' || c == '.';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  absl::StatusOr<Token> Next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      Advance(1);
    Token token{.position = position_};
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (c == '"' || c == '\'') return Text(c);
    if (c == '`') return QuotedName();
    if (IsDigit(c) || c == '-') return Number();
    if (BeginsName(c)) {
      std::size_t end = at_;
      while (end < text_.size() && ContinuesName(text_[end])) ++end;
      token.text = text_.substr(at_, end - at_);
      Advance(end - at_);
      const bool keyword =
          token.text == "and" || token.text == "or" || token.text == "not" || token.text == "in" || token.text == "has";
      token.kind = keyword ? TokenKind::kWord : TokenKind::kName;
      return token;
    }
    for (std::string_view symbol : {"==", "!=", "<=", ">=", "<", ">", "(", ")", ","}) {
      if (text_.substr(at_, symbol.size()) != symbol) continue;
      token.kind = TokenKind::kSymbol;
      token.text = symbol;
      Advance(symbol.size());
      return token;
    }
    const std::string_view hint = c == '=' ? ", did you mean ==" : c == '&' || c == '|' ? ", write and, or" : "";
    return FilterError(position_, absl::StrCat("want a name, a value or a sign, got ", Shown(text_.substr(at_, 1)),
                                               internal::ToAbsl(hint)));
  }

 private:
  // Goes on by `bytes`, counting characters: bytes that do not continue one.
  void Advance(std::size_t bytes) {
    for (const std::size_t end = at_ + bytes; at_ < end; ++at_)
      position_ += (static_cast<unsigned char>(text_[at_]) & 0xC0) != 0x80;
  }

  absl::StatusOr<Token> Text(char quote) {
    Token token{.kind = TokenKind::kText, .position = position_};
    for (Advance(1); at_ < text_.size(); Advance(1)) {
      if (text_[at_] == quote) {
        Advance(1);
        return token;
      }
      if (text_[at_] != '\\') {
        token.text += text_[at_];
        continue;
      }
      const std::size_t backslash = position_;
      Advance(1);
      constexpr std::string_view kEscapes = "\"'\\nt";
      constexpr std::string_view kMeanings = "\"'\\\n\t";
      const std::size_t escape = at_ < text_.size() ? kEscapes.find(text_[at_]) : std::string_view::npos;
      if (escape == std::string_view::npos)
        return FilterError(backslash, "want one of the escapes \\\" \\' \\\\ \\n \\t, got another");
      token.text += kMeanings[escape];
    }
    return FilterError(token.position, "want a closing quote, got the end");
  }

  absl::StatusOr<Token> QuotedName() {
    Token token{.kind = TokenKind::kName, .position = position_};
    const std::size_t end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) return FilterError(token.position, "want a closing `, got the end");
    token.text = text_.substr(at_ + 1, end - at_ - 1);
    if (token.text.empty()) return FilterError(token.position, "want a name between ` and `, got none");
    Advance(end + 1 - at_);
    return token;
  }

  absl::StatusOr<Token> Number() {
    Token token{.kind = TokenKind::kNumber, .position = position_};
    std::size_t end = at_ + 1;
    while (end < text_.size() && (ContinuesName(text_[end]) || (text_[end] == '+' && text_[end - 1] == 'e'))) ++end;
    token.text = text_.substr(at_, end - at_);
    if (!internal::ReadNumber(token.text, token.number) || !std::isfinite(token.number))
      return FilterError(token.position, absl::StrCat("want a finite number, got ", Shown(token.text)));
    Advance(end - at_);
    return token;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t position_ = 1;
};

// Reads by recursive descent; `depth_` bounds the recursion.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  absl::StatusOr<std::vector<FilterStep>> Parse() {
    WAYPOST_RETURN_IF_ERROR(Advance());
    WAYPOST_RETURN_IF_ERROR(Any());
    if (token_.kind != TokenKind::kEnd) return Want("and, or, or the end");
    return std::move(steps_);
  }

 private:
  absl::Status Advance() {
    WAYPOST_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return absl::OkStatus();
  }

  absl::Status Want(std::string_view what) const {
    return FilterError(token_.position, absl::StrCat("want ", internal::ToAbsl(what), ", got ",
                                                     token_.kind == TokenKind::kEnd ? "the end" : Shown(token_.text)));
  }

  absl::Status Symbol(std::string_view symbol) {
    if (!token_.Is(TokenKind::kSymbol, symbol)) return Want(symbol);
    return Advance();
  }

  void Combine(FilterStep::Kind kind) { steps_.push_back({.kind = kind, .name = {}, .position = 0, .values = {}}); }

  absl::Status Any() {
    WAYPOST_RETURN_IF_ERROR(All());
    while (token_.Is(TokenKind::kWord, "or")) {
      WAYPOST_RETURN_IF_ERROR(Advance());
      WAYPOST_RETURN_IF_ERROR(All());
      Combine(FilterStep::Kind::kOr);
    }
    return absl::OkStatus();
  }

  absl::Status All() {
    WAYPOST_RETURN_IF_ERROR(One());
    while (token_.Is(TokenKind::kWord, "and")) {
      WAYPOST_RETURN_IF_ERROR(Advance());
      WAYPOST_RETURN_IF_ERROR(One());
      Combine(FilterStep::Kind::kAnd);
    }
    return absl::OkStatus();
  }

  absl::Status One() {
    const bool nested = token_.Is(TokenKind::kWord, "not") || token_.Is(TokenKind::kSymbol, "(");
    if (!nested) return Test();
    if (depth_ == kMaxFilterDepth)
      return FilterError(token_.position, absl::StrCat("want at most ", kMaxFilterDepth,
                                                       " of ( and not within each other, got one more"));
    ++depth_;
    const bool negated = token_.kind == TokenKind::kWord;
    WAYPOST_RETURN_IF_ERROR(Advance());
    WAYPOST_RETURN_IF_ERROR(negated ? One() : Any());
    if (negated) {
      Combine(FilterStep::Kind::kNot);
    } else {
      WAYPOST_RETURN_IF_ERROR(Symbol(")"));
    }
    --depth_;
    return absl::OkStatus();
  }

  absl::Status Test() {
    FilterStep step;
    if (token_.Is(TokenKind::kWord, "has")) {
      WAYPOST_RETURN_IF_ERROR(Advance());
      WAYPOST_RETURN_IF_ERROR(Symbol("("));
      WAYPOST_RETURN_IF_ERROR(Name(step));
      WAYPOST_RETURN_IF_ERROR(Symbol(")"));
      steps_.push_back(std::move(step));
      return absl::OkStatus();
    }
    WAYPOST_RETURN_IF_ERROR(Name(step));
    bool negated = false;
    if (token_.kind == TokenKind::kWord && (token_.text == "not" || token_.text == "in")) {
      step.kind = FilterStep::Kind::kIn;
      negated = token_.text == "not";
      if (negated) WAYPOST_RETURN_IF_ERROR(Advance());
      if (!token_.Is(TokenKind::kWord, "in")) return Want("in");
      WAYPOST_RETURN_IF_ERROR(Advance());
      WAYPOST_RETURN_IF_ERROR(Symbol("("));
      WAYPOST_RETURN_IF_ERROR(Value(step));
      while (token_.Is(TokenKind::kSymbol, ",")) {
        WAYPOST_RETURN_IF_ERROR(Advance());
        WAYPOST_RETURN_IF_ERROR(Value(step));
      }
      WAYPOST_RETURN_IF_ERROR(Symbol(")"));
    } else {
      constexpr std::pair<std::string_view, FilterStep::Kind> kSigns[] = {
          {"==", FilterStep::Kind::kIn},     {"!=", FilterStep::Kind::kIn},
          {"<", FilterStep::Kind::kLess},    {"<=", FilterStep::Kind::kLessEqual},
          {">", FilterStep::Kind::kGreater}, {">=", FilterStep::Kind::kGreaterEqual}};
      std::optional<FilterStep::Kind> kind;
      for (const auto& [sign, meaning] : kSigns)
        if (token_.Is(TokenKind::kSymbol, sign)) kind = meaning;
      if (!kind) return Want("==, !=, <, <=, >, >=, in or not in");
      step.kind = *kind;
      negated = token_.text == "!=";
      WAYPOST_RETURN_IF_ERROR(Advance());
      WAYPOST_RETURN_IF_ERROR(Value(step));
    }
    steps_.push_back(std::move(step));
    if (negated) Combine(FilterStep::Kind::kNot);
    return absl::OkStatus();
  }

  absl::Status Name(FilterStep& step) {
    if (token_.kind != TokenKind::kName) return Want("the name of an attribute");
    step.name = std::move(token_.text);
    step.position = token_.position;
    return Advance();
  }

  absl::Status Value(FilterStep& step) {
    if (token_.kind == TokenKind::kName)
      return FilterError(token_.position, absl::StrCat("want a text in quotes or a number, got ", Shown(token_.text)));
    if (token_.kind != TokenKind::kText && token_.kind != TokenKind::kNumber) return Want("a text or a number");
    step.values.push_back({.is_number = token_.kind == TokenKind::kNumber,
                           .number = token_.number,
                           .text = std::move(token_.text),
                           .position = token_.position});
    return Advance();
  }

  Lexer lexer_;
  Token token_;
  std::size_t depth_ = 0;
  std::vector<FilterStep> steps_;
};

}  // namespace

absl::StatusOr<Filter> Filter::Parse(std::string_view text) try {
  if (text.size() > kMaxFilterBytes)
    return absl::InvalidArgumentError(
        absl::StrCat("Filter: want at most ", kMaxFilterBytes, " bytes, got ", text.size()));
  if (const std::size_t bad = FindInvalidUtf8(text); bad < text.size())
    return absl::InvalidArgumentError(absl::StrCat("Filter: byte ", bad + 1, ": want UTF-8, got another"));
  Filter filter;
  WAYPOST_ASSIGN_OR_RETURN(filter.steps_, Parser(text).Parse());
  return filter;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("Filter: out of memory");
}

}  // namespace waypost
