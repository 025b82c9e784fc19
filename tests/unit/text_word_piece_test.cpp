#include "waypost/text/word_piece.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/encoder_folder.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::SmallTokenizer;

std::vector<std::uint32_t> Ids(std::string_view text, std::size_t most = 512) {
  static const absl::StatusOr<WordPiece> tokenizer = WordPiece::FromJson(SmallTokenizer());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  std::vector<std::uint32_t> ids;
  const absl::Status status = tokenizer->Encode(text, most, ids);
  EXPECT_TRUE(status.ok()) << status;
  return ids;
}

std::string Replaced(const std::string& from, const std::string& to) {
  std::string text = SmallTokenizer();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(WordPiece, TakesTheLongestPieceFirst) {
  EXPECT_THAT(Ids("abc"), ElementsAre(2, 11, 3));
  EXPECT_THAT(Ids("abca"), ElementsAre(2, 11, 5, 3));
  EXPECT_THAT(Ids("ababc"), ElementsAre(2, 12, 10, 3));  // ab ##abc
  EXPECT_THAT(Ids("the readings"), ElementsAre(2, 15, 21, 20, 16, 3));
}

TEST(WordPiece, AWordThatCannotBeCoveredIsOneUnknownToken) {
  EXPECT_THAT(Ids("abz"), ElementsAre(2, 1, 3));
  EXPECT_THAT(Ids("ab zzz a"), ElementsAre(2, 12, 1, 4, 3));
  EXPECT_THAT(Ids("\xF0\x9F\x98\x80"), ElementsAre(2, 1, 3));  // an emoji
}

TEST(WordPiece, LowersAndDropsAccents) {
  EXPECT_THAT(Ids("ABC Caf\xC3\xA9"), ElementsAre(2, 11, 19, 3));
  EXPECT_THAT(Ids("cafe\xCC\x81"), ElementsAre(2, 19, 3));  // a combining accent
  EXPECT_THAT(Ids("\xC4\xB0"), ElementsAre(2, 28, 3));      // a capital i with a dot is an i
}

TEST(WordPiece, CutsAtPunctuationSpaceAndChineseCharacters) {
  EXPECT_THAT(Ids("a,b.\tc!"), ElementsAre(2, 4, 13, 6, 14, 8, 25, 3));
  EXPECT_THAT(Ids("a\xC2\xA0"
                  "b\xE3\x80\x80"
                  "c\r\n"),
              ElementsAre(2, 4, 6, 8, 3));
  EXPECT_THAT(Ids("a\xE4\xBF\x9D\xE9\x99\xA9"
                  "b"),
              ElementsAre(2, 4, 1, 1, 6, 3));
  EXPECT_THAT(Ids(std::string_view("a\0b\x07\xE2\x80\x8B", 7)), ElementsAre(2, 12, 3));  // control characters go
}

TEST(WordPiece, NothingButSpaceIsTheTwoTokensOfAnEmptyText) {
  EXPECT_THAT(Ids(""), ElementsAre(2, 3));
  EXPECT_THAT(Ids(" \n\t "), ElementsAre(2, 3));
}

TEST(WordPiece, AddedTokensAreFoundBeforeAnythingElse) {
  EXPECT_THAT(Ids("a[SEP]b"), ElementsAre(2, 4, 3, 6, 3));
  EXPECT_THAT(Ids("ab[PAD][PAD]"), ElementsAre(2, 12, 0, 0, 3));
  EXPECT_THAT(Ids("[sep]"), ElementsAre(2, 1, 1, 1, 3));  // as written only
}

TEST(WordPiece, WhatIsBeyondTheLimitIsCutOff) {
  EXPECT_THAT(Ids("a b c the", 4), ElementsAre(2, 4, 6, 3));
  EXPECT_THAT(Ids("a b", 2), ElementsAre(2, 3));
  EXPECT_THAT(Ids("a abca", 4), ElementsAre(2, 4, 11, 3));  // within a word
  const std::string huge = std::string(1 << 20, 'a') + " b";
  EXPECT_THAT(Ids(huge), ElementsAre(2, 1, 6, 3));  // longer than any word
  std::string many;
  for (int n = 0; n < 100000; ++n) many += "the ";
  EXPECT_EQ(Ids(many).size(), 512u);
}

TEST(WordPiece, ALongRunWithoutSpaceIsTheSameAsInPieces) {
  std::string run;
  for (int n = 0; n < 700; ++n) run += "\xC3\xA9,";  // an e with an accent, across the chunks
  const std::vector<std::uint32_t> ids = Ids(run, 2000);
  ASSERT_EQ(ids.size(), 1402u);
  for (std::size_t n = 0; n < 700; ++n) EXPECT_EQ(ids[1 + 2 * n], 17u) << n;
}

TEST(WordPiece, MalformedUtf8IsRefused) {
  const auto tokenizer = WordPiece::FromJson(SmallTokenizer());
  ASSERT_TRUE(tokenizer.ok());
  std::vector<std::uint32_t> ids;
  for (const std::string_view text : {"a\xFF", "\xC3", "\xED\xA0\x80"}) {
    const absl::Status status = tokenizer->Encode(text, 8, ids);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("want UTF-8"));
  }
  EXPECT_TRUE(ids.empty());
}

TEST(WordPiece, RefusesDamagedFilesByNamingWhatIsWrong) {
  const struct {
    std::string json;
    const char* message;
  } files[] = {
      {"", "JSON"},
      {"{}", "normalizer"},
      {Replaced("BertNormalizer", "NFKC"), "BertNormalizer"},
      {Replaced("BertPreTokenizer", "Metaspace"), "BertPreTokenizer"},
      {Replaced("\"WordPiece\"", "\"Unigram\""), "WordPiece"},
      {Replaced("\"a\":4", "\"a\":5"), "each id once, got 5"},
      {Replaced("\"a\":4", "\"a\":-4"), "whole number"},
      {Replaced("\"a\":4", "\"a\":4000000000"), "whole number"},
      {Replaced("\"a\":4", "\"a\":[4]"), "whole number"},
      {Replaced("\"[CLS]\":2", "\"[CLT]\":2"), "[CLS]"},
      {Replaced("\"unk_token\":\"[UNK]\"", "\"unk_token\":\"[UNX]\""), "[UNX]"},
      {Replaced("\"max_input_chars_per_word\":100", "\"max_input_chars_per_word\":0"), "max_input_chars_per_word"},
      {Replaced("\"lstrip\":false", "\"lstrip\":true"), "lstrip"},
      {Replaced("\"content\":\"[SEP]\"", "\"content\":\"\""), "content"},
      {Replaced("TemplateProcessing", "ByteLevel"), "post_processor"},
  };
  for (const auto& [json, message] : files) {
    SCOPED_TRACE(message);
    const auto tokenizer = WordPiece::FromJson(json);
    ASSERT_FALSE(tokenizer.ok());
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace waypost
