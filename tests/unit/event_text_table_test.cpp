#include "waypost/event/text_table.hpp"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing_support::TemporaryFolder;

const ReadOptions kById = {.item_column = "id"};

TEST(TextTable, ReadsEveryColumnOfACsvFile) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("d.csv", "title,id,body\r\n\"a, b\",1,\"two\nlines\"\r\n,\u4e00,x\r\n");
  const TextTable table = *ReadTextTable(path, kById);
  EXPECT_THAT(table.columns, ElementsAre("title", "body"));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].id, "1");
  EXPECT_EQ(table.text(0, 0), "a, b");
  EXPECT_EQ(table.text(0, 1), "two\nlines");
  EXPECT_EQ(table.rows[1].id, "\u4e00");
  EXPECT_EQ(table.text(1, 0), "");
  EXPECT_EQ(table.text(1, 1), "x");
}

TEST(TextTable, TakesTextsAndListsOfJsonAndNothingElse) {
  const TemporaryFolder folder;
  const std::string path =
      folder.Write("d.jsonl",
                   "{\"id\":7,\"title\":\"t\",\"score\":3,\"new\":true,\"tags\":[\"a b\",\"c\"],\"o\":{},\"n\":null}\n"
                   "{\"body\":\"later\",\"id\":\"x\"}\n");
  const TextTable table = *ReadTextTable(path, kById);
  EXPECT_THAT(table.columns, ElementsAre("title", "tags", "body"));
  EXPECT_EQ(table.text(0, 1), "a b\nc");
  EXPECT_EQ(table.text(0, 2), "");
  EXPECT_EQ(table.text(1, 0), "");
  EXPECT_EQ(table.text(1, 2), "later");
}

TEST(TextTable, ReadsTheColumnsAskedForInTheirOrder) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("d.csv", "id,a,b,c\n1,x,y,z\n");
  const TextTable table = *ReadTextTable(path, kById, {"c", "a"});
  EXPECT_THAT(table.columns, ElementsAre("c", "a"));
  EXPECT_THAT(table.rows[0].texts, ElementsAre("z", "x"));
  const absl::Status missing = ReadTextTable(path, kById, {"a", "title"}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("d.csv: want a column of texts 'title', got no row with one"));
}

TEST(TextTable, NamesFileAndLineOfWhatIsWrong) {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& name, const std::string& text) {
    return std::string(ReadTextTable(folder.Write(name, text), kById).status().message());
  };
  EXPECT_THAT(message("twice.csv", "id,a\n1,x\n1,y\n"), HasSubstr("twice.csv:3: id: want every row once, got '1'"));
  EXPECT_THAT(message("empty.csv", "id,a\n,x\n"), HasSubstr("empty.csv:2: column 'id': want 1..256 bytes, got 0"));
  EXPECT_THAT(message("none.csv", "a,b\n1,x\n"), HasSubstr("none.csv:1:"));
  EXPECT_THAT(message("lines.txt", "a b\n"), HasSubstr("want csv, tsv or jsonl, got lines"));
  EXPECT_THAT(message("bytes.csv", "id,a\n1,\xff\n"), HasSubstr("bytes.csv:2:"));
}

TEST(TextTable, PassesOverBadRowsWhereAsked) {
  const TemporaryFolder folder;
  ReadReport report;
  const TextTable table = *ReadTextTable(folder.Write("d.csv", "id,a\n1,x\n1,y\n2,z\n"),
                                         {.on_error = OnError::kSkip, .item_column = "id"}, {}, &report);
  EXPECT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(report.skipped, 1u);
}

TEST(IdPairs, AreReadByTheirColumns) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("r.tsv", "document\tgrade\tquery\nd1\t2\tq1\nd2\t1\tq1\n");
  EXPECT_THAT(*ReadIdPairs(path, "query", "document", {}), ElementsAre(Pair("q1", "d1"), Pair("q1", "d2")));
  EXPECT_THAT(std::string(ReadIdPairs(path, "query", "answer", {}).status().message()), HasSubstr("r.tsv:1:"));
  EXPECT_THAT(*ReadIdPairs(folder.Write("r.jsonl", "{\"query\":1,\"document\":\"d\"}\n"), "query", "document", {}),
              ElementsAre(Pair("1", "d")));
}

}  // namespace
}  // namespace waypost
