// JSON lines, as the event reader and the catalogue reader see them.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/event/reader.hpp"

namespace waypost {
namespace {

// Reads one line as an item of a catalogue.
absl::StatusOr<CatalogueItem> ReadItem(const std::string& line) {
  const testing_support::TemporaryFolder folder;
  const absl::StatusOr<Catalogue> catalogue = ReadCatalogue(folder.Write("a.jsonl", line + "\n"), {});
  if (!catalogue.ok()) {
    std::string message(catalogue.status().message());
    const std::string place = folder.path() + "/a.jsonl:1: ";
    EXPECT_EQ(message.substr(0, place.size()), place);
    return absl::Status(catalogue.status().code(), message.substr(place.size()));
  }
  return catalogue->item(0);
}

std::string TitleOf(const std::string& json) {
  const absl::StatusOr<CatalogueItem> item = ReadItem("{\"id\":\"a\",\"title\":" + json + "}");
  return item.ok() ? item->title : std::string(item.status().message());
}

TEST(JsonRecord, DecodesEveryEscape) {
  EXPECT_EQ(TitleOf(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(TitleOf(R"("\u0041\u00e9\u6c49\ud83d\ude00")"), "A\xC3\xA9\xE6\xB1\x89\xF0\x9F\x98\x80");
  EXPECT_EQ(TitleOf(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(TitleOf(R"("")"), "");
}

TEST(JsonRecord, RefusesBrokenEscapesAndNamesTheByte) {
  EXPECT_EQ(TitleOf(R"("\x")"), "JSON byte 21: want one of \"\\/bfnrtu after a backslash, got 'x\\\"}'");
  EXPECT_EQ(TitleOf(R"("\u12g4")"), "JSON byte 24: want four hexadecimal digits, got 'g4\\\"}'");
  for (const char* surrogate : {R"("\ud83d")", R"("\ude00")", R"("\ud83d\u0041")", R"("\ud83dx")", R"("\ud83d\n")"})
    EXPECT_THAT(TitleOf(surrogate), testing::HasSubstr("want a pair of surrogates")) << surrogate;
  EXPECT_THAT(TitleOf("\"a\tb\""), testing::HasSubstr("want no control character in a string"));
}

TEST(JsonRecord, RefusesWhatIsNotOneObject) {
  for (const char* line : {"[]",
                           "1",
                           "\"a\"",
                           "{",
                           "{\"id\"",
                           "{\"id\":",
                           "{\"id\":\"a\"",
                           "{\"id\":\"a\",",
                           "{\"id\":\"a\",}",
                           "{\"id\" \"a\"}",
                           "{id:\"a\"}",
                           "{\"id\":\"a\"} x",
                           "{\"id\":\"a\"}{\"id\":\"b\"}",
                           "{\"id\":\"a",
                           "nul",
                           "{\"id\":'a'}",
                           "{\"id\":\"a\",\"b\":tru}",
                           "{\"id\":\"a\",\"b\":01}",
                           "{\"id\":\"a\",\"b\":1.}",
                           "{\"id\":\"a\",\"b\":1e}",
                           "{\"id\":\"a\",\"b\":-}",
                           "{\"id\":\"a\",\"b\":+1}",
                           "{\"id\":\"a\",\"b\":NaN}",
                           "{\"id\":\"a\",\"b\":[1,]}",
                           "{\"id\":\"a\",\"b\":[1}",
                           "{\"id\":\"a\",\"b\":{\"c\"}}",
                           "{\"id\":\"a\",\"b\":{\"c\":1]}",
                           "{\"id\":\"a\",\"b\":{1:2}}",
                           "{\"id\":\"a\",\"b\":[\"\\x\"]}"}) {
    const absl::StatusOr<CatalogueItem> item = ReadItem(line);
    EXPECT_EQ(item.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(item.status().message()), testing::StartsWith("JSON byte ")) << line;
  }
  EXPECT_EQ(std::string(ReadItem("{\"id\":\"a\",}").status().message()),
            "JSON byte 11: want a name in quotes, got '}'");
}

TEST(JsonRecord, RefusesDeepNestingWithoutRecursion) {
  const auto nested = [](std::size_t depth) {
    return "{\"id\":\"a\",\"b\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(ReadItem(nested(64)).ok());
  EXPECT_THAT(std::string(ReadItem(nested(65)).status().message()),
              testing::HasSubstr("want at most 64 levels of nesting"));
  EXPECT_THAT(std::string(ReadItem("{\"b\":" + std::string(500'000, '[')).status().message()),
              testing::HasSubstr("64 levels"));
  EXPECT_FALSE(ReadItem(std::string(500'000, '{')).ok());
}

TEST(JsonRecord, RefusesANameTwiceHoweverManyThereAre) {
  EXPECT_EQ(std::string(ReadItem(R"({"id":"a","x":1,"\u0078":2})").status().message()),
            "column 'x': want it once, got it again");
  std::string line = "{\"id\":\"a\"";
  for (int i = 0; i < 1000; ++i) line += ",\"n" + std::to_string(i) + "\":" + std::to_string(i);
  EXPECT_EQ(ReadItem(line + "}")->attributes.size(), 1000u);
  EXPECT_EQ(std::string(ReadItem(line + ",\"n500\":0}").status().message()),
            "column 'n500': want it once, got it again");
}

TEST(JsonRecord, TakesIntegersOf64BitsAsIds) {
  for (const char* id : {"0", "-9223372036854775808", "18446744073709551615"})
    EXPECT_EQ(ReadItem(std::string("{\"id\":") + id + "}")->id, id);
  for (const char* id : {"1.0", "1e3", "-0", "18446744073709551616", "true", "[1]", "{}"})
    EXPECT_THAT(std::string(ReadItem(std::string("{\"id\":") + id + "}").status().message()),
                testing::StartsWith("column 'id': want a string or a 64-bit integer, got '"))
        << id;
  EXPECT_THAT(std::string(ReadItem("{\"id\":null}").status().message()),
              testing::HasSubstr("want 1..256 bytes, got 0"));
}

TEST(JsonRecord, KeepsFurtherValuesAsTheyAreWritten) {
  const absl::StatusOr<CatalogueItem> item =
      ReadItem(R"( {"id" : "a", "n": -1.50e+2 ,"t":true,"f":false,"no":null,"list":[1, {"x":[]}],"o":{ "p":"\n"} } )");
  ASSERT_TRUE(item.ok()) << item.status();
  EXPECT_THAT(item->attributes,
              testing::ElementsAre(Attribute{"n", "-1.50e+2"}, Attribute{"t", "true"}, Attribute{"f", "false"},
                                   Attribute{"list", "[1, {\"x\":[]}]"}, Attribute{"o", "{ \"p\":\"\\n\"}"}));
}

}  // namespace
}  // namespace waypost
