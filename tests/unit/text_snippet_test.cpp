#include "waypost/text/snippet.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/utf8.hpp"

namespace waypost {
namespace {

using ::testing::HasSubstr;

std::string Make(const std::string& text, const std::vector<MatchedTerm>& matched, std::size_t length = 60) {
  return MakeSnippet(text, matched, *Tokenizer::Create(), length);
}

TEST(Snippet, IsTheWholeOfAShortText) {
  EXPECT_EQ(Make("Sorts  a\nlinked\tlist.", {{"sort", 1}}), "Sorts a linked list.");
  EXPECT_EQ(Make("", {{"sort", 1}}), "");
}

TEST(Snippet, ShowsTheWordsThatBroughtMost) {
  std::string text;
  for (int n = 0; n < 50; ++n) text += "filler ";
  text += "common ";
  for (int n = 0; n < 50; ++n) text += "filler ";
  text += "a quicksort pivot here ";
  for (int n = 0; n < 50; ++n) text += "filler ";
  const std::string snippet = Make(text, {{"common", 1}, {"quicksort", 2}, {"pivots", 2}});
  EXPECT_THAT(snippet, HasSubstr("quicksort pivot"));
  EXPECT_TRUE(snippet.starts_with("...filler "));
  EXPECT_TRUE(snippet.ends_with(" filler..."));
  EXPECT_LE(snippet.size(), 60u);
}

TEST(Snippet, BeginsAtTheTopWhereNothingMatches) {
  EXPECT_EQ(Make("one two three four", {}, 16), "one two...");
}

TEST(Snippet, CutsBetweenCharacters) {
  std::string text;
  for (int n = 0; n < 100; ++n) text += "\u6570\u636e\u5e93\u5165\u95e8";
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string snippet = Make(text, {{"\u5e93", 1}}, length);
    EXPECT_TRUE(IsValidUtf8(snippet)) << snippet;
    EXPECT_LE(snippet.size(), std::max<std::size_t>(length, 8));
  }
}

TEST(Snippet, PassesOverMalformedBytes) {
  EXPECT_EQ(Make("ab\xff"
                 "cd \x01 sort \xe6\x95",
                 {{"sort", 1}}),
            "ab cd sort");
}

}  // namespace
}  // namespace waypost
