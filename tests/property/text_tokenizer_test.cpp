// Laws of the tokenizer on bytes of any kind, and of an index over them.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/base/utf8.hpp"
#include "waypost/text/snippet.hpp"
#include "waypost/text/text_index.hpp"

namespace waypost {
namespace {

// Bytes, characters of many scripts, and the signs that words of code are made of, mixed.
std::string RandomText(Random& random) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "Z",
                                                   "9",
                                                   ".",
                                                   "-",
                                                   "_",
                                                   "+",
                                                   "#",
                                                   "'",
                                                   " ",
                                                   "\n",
                                                   "\u00e9",
                                                   "e\u0301",
                                                   "\u00df",
                                                   "\u0130",
                                                   "\ufdfa",
                                                   "\u4e2d",
                                                   "\u3042",
                                                   "\uac00",
                                                   "\u1112\u1161",
                                                   "\u0e01",
                                                   "\u0e34",
                                                   "\u0915",
                                                   "\u094d",
                                                   "\u200d",
                                                   "\u00ad",
                                                   "\U0001F600",
                                                   "\U0001F1E9",
                                                   "\ufe0f",
                                                   "\ud7a3",
                                                   "\xff",
                                                   "\xed\xa0\x80",
                                                   "\xf4\x90\x80\x80",
                                                   "\xe4\xb8",
                                                   "\xc0\x80",
                                                   "\u0345",
                                                   "\U00020000",
                                                   "\u30fc"};
  std::string text;
  for (std::uint64_t left = random.Below(60); left > 0; --left)
    text += random.Below(5) == 0 ? std::string(1, static_cast<char>(random.Below(256)))
                                 : kPieces[random.Below(kPieces.size())];
  return text;
}

TEST(TokenizerProperty, TokensAreShortValidUtf8InTheOrderOfTheText) {
  for (const CharacterScripts scripts : {CharacterScripts::kCharacters, CharacterScripts::kWords}) {
    const Tokenizer tokenizer = *Tokenizer::Create({.character_scripts = scripts});
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
      SCOPED_TRACE(seed);
      Random random(seed, 0);
      const std::string text = RandomText(random);
      std::uint32_t before = 0;
      tokenizer.Tokenize(text, [&](const Token& token) {
        EXPECT_FALSE(token.text.empty());
        EXPECT_LE(token.text.size(), kMaxTermBytes);
        EXPECT_TRUE(IsValidUtf8(token.text));
        EXPECT_LT(token.begin, token.end);
        EXPECT_LE(token.end, text.size());
        if (token.kind == TokenKind::kWord) {
          EXPECT_GE(token.begin, before);
          before = token.begin;
        }
        EXPECT_FALSE(tokenizer.Term(token.text).empty());
      });
    }
  }
}

TEST(TokenizerProperty, ADocumentIsFoundByEachOfItsWordsAndShowsThem) {
  Random random(1, 0);
  const Tokenizer tokenizer = *Tokenizer::Create();
  std::vector<TextDocument> documents;
  for (int n = 0; n < 200; ++n) documents.push_back({"d" + std::to_string(n), {RandomText(random)}});
  const TextIndex index = *TextIndex::Build(documents, {.fields = {{"text", 1}}}, tokenizer);
  for (std::uint32_t n = 0; n < documents.size(); ++n) {
    SCOPED_TRACE(n);
    const std::string& text = documents[n].texts[0];
    std::size_t words = 0;
    tokenizer.Tokenize(text, [&](const Token&) { ++words; });
    const TextQuery query{.texts = {{text}}, .n = documents.size()};
    const std::vector<TextHit> hits = *index.Search(query);
    const bool found =
        std::any_of(hits.begin(), hits.end(), [&](const TextHit& hit) { return hit.document.value == n; });
    EXPECT_EQ(found, words > 0);
    const std::vector<MatchedTerm> matched = *index.Explain(query, DocumentIndex{n});
    EXPECT_EQ(matched.empty(), words == 0);
    EXPECT_TRUE(IsValidUtf8(MakeSnippet(text, matched, tokenizer, random.Below(80))));
  }
}

}  // namespace
}  // namespace waypost
