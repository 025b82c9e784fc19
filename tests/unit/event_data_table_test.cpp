#include "waypost/event/data_table.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::NanSensitiveDoubleEq;
using testing_support::Gzip;

class DataTableTest : public testing::Test {
 protected:
  DataTable Read(const std::string& name, std::string_view bytes) const {
    absl::StatusOr<DataTable> table = ReadDataTable(folder_.Write(name, bytes));
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? *std::move(table) : DataTable();
  }
  std::string MessageOf(const std::string& name, std::string_view bytes) const {
    return std::string(ReadDataTable(folder_.Write(name, bytes)).status().message());
  }

  testing_support::TemporaryFolder folder_;
};

TEST_F(DataTableTest, AColumnIsNumericWhenEveryCellThatIsNotBlankIs) {
  const DataTable table = Read("a.csv", "id,age,note,none\r\n007, 1.5 ,x,\r\n8,,2, \r\n");
  ASSERT_EQ(table.columns().size(), 4u);
  EXPECT_EQ(table.rows(), 2u);
  const DataColumn& id = table.columns()[0];
  EXPECT_TRUE(id.numeric());
  EXPECT_EQ(id.text(0), "007");  // as written: an id may look like a number
  EXPECT_EQ(id.number(0), 7);
  const DataColumn& age = table.columns()[1];
  EXPECT_TRUE(age.numeric());
  EXPECT_EQ(age.missing(), 1u);
  EXPECT_TRUE(age.missing(1));
  EXPECT_EQ(age.number(0), 1.5);
  EXPECT_TRUE(std::isnan(age.number(1)));
  EXPECT_FALSE(table.columns()[2].numeric());
  EXPECT_EQ(table.columns()[2].number(1), 2);
  EXPECT_TRUE(table.columns()[3].numeric());
  EXPECT_EQ(table.columns()[3].missing(), 2u);
}

TEST_F(DataTableTest, InfinityAndNanAreTexts) {
  const DataTable table = Read("a.csv", "a,b,c\ninf,nan,1e999\n");
  for (const DataColumn& column : table.columns()) EXPECT_FALSE(column.numeric()) << column.name();
}

TEST_F(DataTableTest, TheThreeFormsGiveTheSameTable) {
  for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
           {"a.csv", "id,n\n\xE5\xAD\xA6,1\n\"b,c\",\n"},
           {"a.tsv", "id\tn\n\xE5\xAD\xA6\t1\nb,c\t\n"},
           {"a.jsonl", "{\"id\":\"\xE5\xAD\xA6\",\"n\":1}\n{\"id\":\"b,c\"}\n"},
           {"b.jsonl", "{\"n\":1,\"id\":\"\xE5\xAD\xA6\"}\n{\"id\":\"b,c\",\"n\":null}\n"}}) {
    for (const bool packed : {false, true}) {
      SCOPED_TRACE(name + (packed ? ".gz" : ""));
      const DataTable table = packed ? Read(name + ".gz", Gzip(bytes)) : Read(name, bytes);
      const absl::StatusOr<const DataColumn*> id = table.Find("id");
      ASSERT_TRUE(id.ok());
      EXPECT_EQ((*id)->text(0), "\xE5\xAD\xA6");
      EXPECT_EQ((*id)->text(1), "b,c");
      EXPECT_THAT(table.Numbers("n").value(), ElementsAre(1, NanSensitiveDoubleEq(DataColumn::kMissing)));
    }
  }
}

TEST_F(DataTableTest, AKeyThatAppearsLaterIsMissingBefore) {
  const DataTable table = Read("a.jsonl", "{\"a\":1}\n{\"b\":true}\n{\"a\":3,\"b\":false}\n");
  EXPECT_THAT(table.Numbers("a").value(), ElementsAre(1, NanSensitiveDoubleEq(DataColumn::kMissing), 3));
  const DataColumn& b = *table.Find("b").value();
  EXPECT_TRUE(b.missing(0));
  EXPECT_EQ(b.text(1), "true");
}

TEST_F(DataTableTest, RecordsThatEachBringAColumnEndAtALimit) {
  std::string lines;
  for (int n = 0; n < 5000; ++n) lines += "{\"k" + std::to_string(n) + "\":1}\n";
  EXPECT_THAT(MessageOf("a.jsonl", lines), testing::HasSubstr("a.jsonl:4097: want at most 4096 columns"));
}

TEST_F(DataTableTest, TimesAreNumbersOrDaysSinceTheFirstDate) {
  const DataTable table = Read("a.csv", "n,day,both\n5,2024-03-01,1\n,2024-02-28T12:00,2024-01-01\n7,,2\n");
  std::optional<std::int64_t> first = 1;
  EXPECT_THAT(table.Times("n", &first).value(), ElementsAre(5, NanSensitiveDoubleEq(DataColumn::kMissing), 7));
  EXPECT_EQ(first, std::nullopt);
  EXPECT_THAT(table.Times("day", &first).value(), ElementsAre(1.5, 0, NanSensitiveDoubleEq(DataColumn::kMissing)));
  EXPECT_EQ(first, 1'709'121'600'000'000);  // 2024-02-28T12:00
  EXPECT_THAT(std::string(table.Times("both").status().message()),
              EndsWith("/a.csv:2: column 'both': want numbers alone or dates alone, got '1'"));
}

TEST_F(DataTableTest, ErrorsNameTheFileTheLineAndTheColumns) {
  const DataTable table = Read("a.csv", "id,n\na,1\n\n\"b\nc\",2\nd,x\n");
  EXPECT_THAT(std::string(table.Numbers("n").status().message()),
              EndsWith("/a.csv:6: column 'n': want a finite number, got 'x'"));
  EXPECT_THAT(std::string(table.Find("m").status().message()),
              EndsWith("/a.csv: column 'm': want this column, got 'id', 'n'"));
  EXPECT_THAT(std::string(table.ErrorAt(1, "want less").message()), EndsWith("/a.csv:4: want less"));
  EXPECT_THAT(MessageOf("b.csv", "id,n\n"), EndsWith("/b.csv:2: want at least one row, got the end of the file"));
  EXPECT_THAT(MessageOf("b.csv", ""), EndsWith("/b.csv:1: want a header line, got an empty file"));
  EXPECT_THAT(MessageOf("b.csv", "a,b\n1\n"), testing::HasSubstr("/b.csv:2: "));
  EXPECT_THAT(MessageOf("b.jsonl", "{\"a\":[1]}\n"), EndsWith("/b.jsonl:1: column 'a': want a text, got '[1]'"));
  EXPECT_THAT(MessageOf("b.jsonl", "{}\n"), EndsWith("/b.jsonl: want at least one column with a name, got none"));
  EXPECT_THAT(MessageOf("b.txt", "a b\n"), EndsWith("/b.txt: want csv, tsv or jsonl, got lines"));
  EXPECT_EQ(ReadDataTable(folder_.path() + "/absent.csv").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace waypost
