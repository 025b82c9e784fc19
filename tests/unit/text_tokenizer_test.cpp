#include "waypost/text/tokenizer.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/parallel.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Tokenizer Make(const TokenizerOptions& options = {}) {
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Create(options);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

// The tokens of a text; parts with a leading '>', pairs with a leading '&'.
std::vector<std::string> Tokens(const std::string& text, const TokenizerOptions& options = {}) {
  std::vector<std::string> tokens;
  Make(options).Tokenize(text, [&](const Token& token) {
    const char* const mark = token.kind == TokenKind::kPart ? ">" : token.kind == TokenKind::kPair ? "&" : "";
    tokens.push_back(mark + std::string(token.text));
  });
  return tokens;
}

TEST(Tokenizer, FoldsCaseAndEndsWordsAtSigns) {
  EXPECT_THAT(Tokens("Why is QUICKSORT better, in practice?"),
              ElementsAre("why", "is", "quicksort", "better", "in", "practice"));
  EXPECT_THAT(Tokens("$O(n \\log n)$ don't"), ElementsAre("o", "n", "log", "n", "don", "t"));
}

TEST(Tokenizer, KeepsWordsOfCodeWholeAndGivesTheirParts) {
  EXPECT_THAT(Tokens("C++, C# or F#; g++!"), ElementsAre("c++", "c#", "or", "f#", "g++"));
  EXPECT_THAT(Tokens("C++11"), ElementsAre("c++11", ">c++", ">11"));
  EXPECT_THAT(Tokens(".NET and node.js."), ElementsAre(".net", ">net", "and", "node.js", ">node", ">js"));
  EXPECT_THAT(Tokens("max_heap_size __init__"), ElementsAre("max_heap_size", ">max", ">heap", ">size", "init"));
  EXPECT_THAT(Tokens("getElementById"), ElementsAre("getelementbyid", ">get", ">element", ">by", ">id"));
  EXPECT_THAT(Tokens("HTMLParser URLs"), ElementsAre("htmlparser", ">html", ">parser", "urls"));
  EXPECT_THAT(Tokens("relational-algebra"), ElementsAre("relational-algebra", ">relational", ">algebra"));
  EXPECT_THAT(Tokens("3.14 2012-03-06 a+b #5"), ElementsAre("3.14", "2012-03-06", "a", "b", "5"));
}

TEST(Tokenizer, CutsChineseJapaneseAndKoreanIntoCharactersAndPairs) {
  // "algorithm and C++", then Hiragana, Katakana with a long vowel, Hangul.
  EXPECT_THAT(Tokens("\u7b97\u6cd5C++\u5165\u95e8\uff1f"),
              ElementsAre("\u7b97", "&\u7b97\u6cd5", "\u6cd5", "c++", "\u5165", "&\u5165\u95e8", "\u95e8"));
  EXPECT_THAT(Tokens("\u3042\u30ab\u30fc"),
              ElementsAre("\u3042", "&\u3042\u30ab", "\u30ab", "&\u30ab\u30fc", "\u30fc"));
  EXPECT_THAT(Tokens("\ud55c\uad6d"), ElementsAre("\ud55c", "&\ud55c\uad6d", "\uad6d"));
}

TEST(Tokenizer, CutsChineseIntoWordsWhereAsked) {
  EXPECT_THAT(Tokens("\u4eba\u5de5\u667a\u80fd\u8bfe\u7a0b", {.character_scripts = CharacterScripts::kWords}),
              ElementsAre("\u4eba\u5de5", "\u667a\u80fd", "\u8bfe\u7a0b"));
}

TEST(Tokenizer, CutsThaiByADictionary) {
  // "Thai language"
  EXPECT_THAT(Tokens("\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22"),
              ElementsAre("\u0e20\u0e32\u0e29\u0e32", "\u0e44\u0e17\u0e22"));
}

TEST(Tokenizer, TakesCompatibilityFormsAndComposedLettersAsOne) {
  EXPECT_THAT(Tokens("\uff21\uff22\uff11 \ufb01nd"), ElementsAre("ab1", "find"));  // full width, ligature
  EXPECT_EQ(Tokens("caf\u00e9"), Tokens("cafe\u0301"));
  EXPECT_THAT(Tokens("STRASSE stra\u00dfe"), ElementsAre("strasse", "strasse"));
  EXPECT_THAT(Tokens("co\u00adoperate \u200bx"), ElementsAre("cooperate", "x"));  // soft hyphen, zero-width space
  EXPECT_THAT(Tokens("\u041c\u0418\u0420"), ElementsAre("\u043c\u0438\u0440"));
}

TEST(Tokenizer, PassesOverMalformedBytes) {
  EXPECT_THAT(Tokens("ab\xff\xfe"
                     "cd \xed\xa0\x80 \xf0\x9f"),
              ElementsAre("ab", "cd"));
  EXPECT_THAT(Tokens(std::string("a\0b", 3)), ElementsAre("a", "b"));
}

TEST(Tokenizer, TakesAnEmojiAsAWord) {
  EXPECT_THAT(Tokens("\U0001F600\U0001F680 \u2764\ufe0f"), ElementsAre("\U0001F600", "\U0001F680", "\u2764"));
}

TEST(Tokenizer, FindsNoWordsInSignsAndNothing) {
  EXPECT_THAT(Tokens(""), IsEmpty());
  EXPECT_THAT(Tokens(" \t\r\n"), IsEmpty());
  EXPECT_THAT(Tokens("?!... -- ++ # _ $$ \u3002\uff0c"), IsEmpty());
}

TEST(Tokenizer, CutsWordsThatAreTooLongBetweenCharacters) {
  const std::vector<std::string> tokens = Tokens(std::string(100'000, 'x'));
  EXPECT_THAT(tokens, ElementsAre(std::string(kMaxTermBytes, 'x')));
  std::string accents = "x";
  for (int n = 0; n < 1000; ++n) accents += "\u00e9";
  ASSERT_EQ(Tokens(accents).size(), 1u);
  EXPECT_EQ(Tokens(accents)[0].size(), kMaxTermBytes - 1);
}

TEST(Tokenizer, SaysWhereATokenStands) {
  const std::string text = "na\u00efve nodeJs \u7b97\u6cd5";
  std::vector<std::string> sources;
  Make().Tokenize(text,
                  [&](const Token& token) { sources.push_back(text.substr(token.begin, token.end - token.begin)); });
  EXPECT_THAT(sources, ElementsAre("na\u00efve", "nodeJs", "node", "Js", "\u7b97", "\u7b97\u6cd5", "\u6cd5"));
}

TEST(Tokenizer, CutsAsciiAlikeWhetherOrNotOtherCharactersStandBeside) {
  const std::string ascii = "fooBar_baz.Qux-3 C++x y#z .NETFrame ++a--b HTTPServer2Go 1.2.3-rc4";
  const std::vector<std::string> alone = Tokens(ascii);
  std::vector<std::string> beside;
  Make().Tokenize(ascii, [&](const Token&) {});
  std::string wide;
  for (const char c : ascii) wide += c == ' ' ? std::string("\u2003") : std::string(1, c);  // a space beyond ASCII
  EXPECT_EQ(Tokens(wide), alone);
}

TEST(Tokenizer, CutsOffEndingsOfTheChosenLanguage) {
  EXPECT_EQ(Make().Term("sorting"), "sort");
  EXPECT_EQ(Make().Term("algorithms"), "algorithm");
  EXPECT_EQ(Make().Term("c++"), "c++");
  EXPECT_EQ(Make().Term("utf8s"), "utf8s");
  EXPECT_EQ(Make({.stemmer = "none"}).Term("sorting"), "sorting");
  EXPECT_EQ(Make({.stemmer = "german"}).Term("h\u00e4user"), "haus");
  EXPECT_EQ(Make().Term("\u7b97\u6cd5"), "\u7b97\u6cd5");
}

TEST(Tokenizer, RefusesAStemmerThatIsNotThere) {
  const absl::Status status = Tokenizer::Create({.stemmer = "klingon"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("want one of none, "));
}

TEST(Tokenizer, LeavesStopWordsOutAsTheyStand) {
  const Tokenizer tokenizer = Make({.stop_words = {"The", "of"}});
  EXPECT_EQ(tokenizer.Term("the"), "");
  EXPECT_EQ(tokenizer.Term("theory"), "theori");
}

TEST(Tokenizer, TakesTheTokensOfTheHost) {
  const Tokenizer tokenizer = Tokenizer::FromFunction([](std::string_view text, TokenSink sink) {
    sink({text, 0, static_cast<std::uint32_t>(text.size()), TokenKind::kWord});
    sink({"", 0, 0, TokenKind::kWord});
  });
  std::vector<std::string> tokens;
  tokenizer.Tokenize("Whole Text", [&](const Token& token) { tokens.emplace_back(token.text); });
  EXPECT_THAT(tokens, ElementsAre("Whole Text"));
  EXPECT_EQ(tokenizer.Term("sorting"), "sorting");
}

TEST(Tokenizer, ServesManyThreadsAlike) {
  const Tokenizer tokenizer = Make();
  std::vector<std::string> terms(400);
  ForEachBlock(Parallelism(7), terms.size(), 10, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t n = begin; n < end; ++n)
      tokenizer.Tokenize("recommendations \u0e20\u0e32\u0e29\u0e32",
                         [&](const Token& token) { terms[n] += tokenizer.Term(token.text); });
  });
  for (const std::string& term : terms) EXPECT_EQ(term, "recommend\u0e20\u0e32\u0e29\u0e32");
}

}  // namespace
}  // namespace waypost
