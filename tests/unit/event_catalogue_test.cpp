#include "waypost/event/catalogue.hpp"

#include <limits>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/event/reader.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;

CatalogueItem Item(const std::string& id) {
  CatalogueItem item;
  item.id = id;
  return item;
}

TEST(Catalogue, FindsItemsByIdInTheOrderAdded) {
  CatalogueBuilder builder;
  for (const char* id : {"go", "rust", "c"}) ASSERT_TRUE(builder.Add(Item(id)).ok());
  const Catalogue catalogue = std::move(builder).Build();
  EXPECT_EQ(catalogue.size(), 3u);
  EXPECT_EQ(catalogue.Find("rust"), 1u);
  EXPECT_EQ(catalogue.Find("java"), std::nullopt);
  EXPECT_EQ(catalogue.item(2).id, "c");
  EXPECT_EQ(Catalogue().Find("go"), std::nullopt);
}

TEST(Catalogue, RefusesWhatCannotBeAndAddsNothingThen) {
  CatalogueBuilder builder;
  ASSERT_TRUE(builder.Add(Item("go")).ok());
  EXPECT_EQ(builder.Add(Item("go")), absl::InvalidArgumentError("id: want every item once, got 'go' again"));
  EXPECT_FALSE(builder.Add(Item("")).ok());
  EXPECT_FALSE(builder.Add(Item(std::string(257, 'x'))).ok());
  for (const float price : {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    CatalogueItem item = Item("rust");
    item.price = price;
    EXPECT_THAT(std::string(builder.Add(item).message()),
                testing::StartsWith("price: want a finite number >= 0, got "));
  }
  CatalogueItem item = Item("rust");
  item.available_from_us = 2;
  item.available_until_us = 1;
  EXPECT_FALSE(builder.Add(item).ok());
  item.available_until_us = 2;
  EXPECT_TRUE(builder.Add(item).ok());
  EXPECT_EQ(std::move(builder).Build().size(), 2u);
}

TEST(Catalogue, CountsPrerequisitesItDoesNotHave) {
  CatalogueBuilder builder;
  CatalogueItem item = Item("go");
  item.prerequisites = {"c", "rust", "lisp", "c"};
  ASSERT_TRUE(builder.Add(item).ok());
  ASSERT_TRUE(builder.Add(Item("rust")).ok());  // named before it is added
  EXPECT_EQ(std::move(builder).Build().unknown_prerequisites(), 3u);
}

CatalogueItem Expected() {
  return {.id = "go1",
          .type = "course",
          .title = "Go, \"quickly\"",
          .texts = {"First|part", "Second"},
          .tags = {"go", "backend"},
          .category = "languages",
          .level = "2",
          .language = "en",
          .author = "Ann",
          .price = 9.5f,
          .prerequisites = {"c"},
          .available_from_us = 0,
          .available_until_us = 86'400'000'000,
          .published_us = -1'000'000,
          .attributes = {{"lessons", "12"}}};
}

TEST(CatalogueReader, ReadsEveryFieldFromJsonLines) {
  const testing_support::TemporaryFolder folder;
  ReadReport report;
  const absl::StatusOr<Catalogue> catalogue = ReadCatalogue(
      folder.Write("items.jsonl",
                   R"({"id":"go1","type":"course","title":"Go, \"quickly\"","texts":["First|part","Second"],)"
                   R"("tags":["go","backend"],"category":"languages","level":2,"language":"en","author":"Ann",)"
                   R"("price":9.5,"prerequisites":["c"],"available_from":"1970-01-01","available_until":"1970-01-02",)"
                   R"("published":"1969-12-31T23:59:59Z","lessons":12,"nothing":null})"
                   "\n{\"id\":7}\n"),
      {}, &report);
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  EXPECT_EQ(catalogue->item(0), Expected());
  EXPECT_EQ(catalogue->item(1), Item("7"));
  EXPECT_EQ(catalogue->unknown_prerequisites(), 1u);
  EXPECT_EQ(report.accepted, 2u);
}

TEST(CatalogueReader, ReadsEveryFieldFromCsv) {
  const testing_support::TemporaryFolder folder;
  const absl::StatusOr<Catalogue> catalogue = ReadCatalogue(
      folder.Write("items.csv",
                   "item,type,title,texts,tags,category,level,language,author,price,prerequisites,"
                   "available_from,available_until,published,lessons,nothing\n"
                   "go1,course,\"Go, \"\"quickly\"\"\",\"[\"\"First|part\"\",\"\"Second\"\"]\",go|backend,"
                   "languages,2,en,Ann,9.5,\"[\"\"c\"\"]\",0,1,1969-12-31T23:59:59Z,12,\n"),
      {.time_unit = TimeUnit::kDays});
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  EXPECT_EQ(catalogue->item(0), Expected());
}

TEST(CatalogueReader, SplitsTagsAndKeepsTextsWhole) {
  const testing_support::TemporaryFolder folder;
  const absl::StatusOr<Catalogue> catalogue =
      ReadCatalogue(folder.Write("items.tsv", "id\ttags\ttexts\na\tx||y|\t[new] a|b\nb\t\t\nc\t|\tz\n"), {});
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  EXPECT_THAT(catalogue->item(0).tags, ElementsAre("x", "y"));
  EXPECT_THAT(catalogue->item(0).texts, ElementsAre("[new] a|b"));
  EXPECT_THAT(catalogue->item(1).tags, ElementsAre());
  EXPECT_THAT(catalogue->item(1).texts, ElementsAre());
  EXPECT_THAT(catalogue->item(2).tags, ElementsAre());
}

TEST(CatalogueReader, NamesFileLineAndColumnOfABadItem) {
  const testing_support::TemporaryFolder folder;
  const auto message = [&](const std::string& bytes) {
    const std::string path = folder.Write("a.jsonl", bytes);
    const absl::Status status = ReadCatalogue(path, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message()).substr(folder.path().size() + 1);
  };
  EXPECT_EQ(message("{\"id\":1}\n{\"id\":\"1\"}\n"), "a.jsonl:2: id: want every item once, got '1' again");
  EXPECT_EQ(message("{\"name\":1}\n"), "a.jsonl:1: column 'item' or 'id': want this column, got 'name'");
  EXPECT_EQ(message("{\"id\":1,\"price\":\"free\"}\n"), "a.jsonl:1: column 'price': want a finite number, got 'free'");
  EXPECT_EQ(message("{\"id\":1,\"price\":-1}\n"), "a.jsonl:1: price: want a finite number >= 0, got -1");
  EXPECT_EQ(message("{\"id\":1,\"title\":[\"x\"]}\n"), "a.jsonl:1: column 'title': want a text, got '[\\\"x\\\"]'");
  EXPECT_EQ(message("{\"id\":1,\"tags\":[[\"x\"]]}\n"),
            "a.jsonl:1: column 'tags': JSON byte 2: want a string or a number, got '[\\\"x\\\"]]'");
  EXPECT_EQ(message("{\"id\":1,\"tags\":{}}\n"), "a.jsonl:1: column 'tags': JSON byte 1: want '[', got '{}'");
  EXPECT_EQ(message("{\"id\":1,\"published\":5}\n"),
            "a.jsonl:1: column 'published': want a time unit (s, ms, us or d) for an integer time, got '5'");
}

TEST(CatalogueReader, CountsBadItemsWhenSkippingAndRefusesLines) {
  const testing_support::TemporaryFolder folder;
  ReadReport report;
  const absl::StatusOr<Catalogue> catalogue =
      ReadCatalogue(folder.Write("a.csv", "id,price\na,1\nb,x\na,2\nc,\n"), {.on_error = OnError::kSkip}, &report);
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  EXPECT_EQ(catalogue->size(), 2u);
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.skipped, 2u);
  EXPECT_FALSE(ReadCatalogue(folder.Write("a.txt", "a b\n"), {}).ok());
  EXPECT_FALSE(ReadCatalogue(folder.Write("b.csv", "id,title\n"), {}).ok());
}

}  // namespace
}  // namespace waypost
