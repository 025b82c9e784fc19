#include "waypost/rank/filter.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/rank_world.hpp"
#include "support/typed_item.hpp"
#include "waypost/rank/prerequisites.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::Ids;
using testing_support::TypedItem;
using Positions = std::vector<std::size_t>;

constexpr char kChinese[] = "\xe6\x95\xb0\xe5\xad\xa6";  // mathematics

// Items i0..i4; the catalogue does not have i4, and has one course that the model does not.
Catalogue Courses() {
  CatalogueBuilder builder;
  CatalogueItem item;
  const auto add = [&](const char* id) {
    item.id = id;
    ASSERT_TRUE(builder.Add(std::exchange(item, {})).ok());
  };
  item.type = "course";
  item.tags = {"java", "web"};
  item.category = kChinese;
  item.level = "beginner";
  item.price = 19.99f;
  item.published_us = 1714521600000000;  // 2024-05-01
  item.attributes = {{"hours", "12"}, {"code", "007"}, {"school", "\"Q\""}};
  add("i0");
  item.tags = {"c++"};
  item.level = "advanced";
  item.price = 0.0f;
  item.attributes = {{"hours", "2.5"}, {"code", "7"}};
  add("i1");
  item.category = "data";
  item.level = "beginner";
  item.price = 20.0f;
  item.published_us = 0;
  add("i2");
  item.attributes = {{"hours", "many"}, {"two words", "x"}, {"tags", "not these"}};
  add("i3");
  item.tags = {"java"};
  item.level = "beginner";
  add("elsewhere");
  return std::move(builder).Build();
}

const ItemFacts& Facts() {
  static const ItemFacts facts = ItemFacts::Build(Courses(), Ids("i", 5)).value();
  return facts;
}

Positions Matches(const std::string& text) {
  const absl::StatusOr<Bitmap> found = CompileFilter(text, Facts());
  EXPECT_TRUE(found.ok()) << text << ": " << found.status();
  Positions positions;
  for (std::size_t item = 0; found.ok() && item < found->size(); ++item)
    if (found->Test(item)) positions.push_back(item);
  return positions;
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Bitmap> found = CompileFilter(text, Facts());
  EXPECT_EQ(found.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(found.status().message());
}

TEST(Filter, ComparesTextsByTheirBytes) {
  EXPECT_THAT(Matches("level == \"beginner\""), ElementsAre(0, 2));
  EXPECT_THAT(Matches("level == 'Beginner'"), IsEmpty());
  EXPECT_THAT(Matches(std::string("category == '") + kChinese + "'"), ElementsAre(0));
  EXPECT_THAT(Matches("school == '\"Q\"'"), ElementsAre(0));
  EXPECT_THAT(Matches("school == \"\\\"Q\\\"\""), ElementsAre(0));
  EXPECT_THAT(Matches("level in ('advanced', 'expert', 'beginner')"), ElementsAre(0, 1, 2));
}

TEST(Filter, ATypeIsQuotedWhateverItHolds) {
  EXPECT_EQ(TypeFilter("person"), "type == \"person\"");
  CatalogueBuilder builder;
  const std::string odd = "a\"b\\c' or has(title)";
  ASSERT_TRUE(builder.Add(TypedItem("i1", odd)).ok());
  ASSERT_TRUE(builder.Add(TypedItem("i2", "person")).ok());
  const ItemFacts facts = ItemFacts::Build(std::move(builder).Build(), Ids("i", 3)).value();
  const Bitmap found = CompileFilter(TypeFilter(odd), facts).value();
  EXPECT_TRUE(found.Test(1));
  EXPECT_EQ(found.Count(), 1u);
}

TEST(Filter, ATagTestHoldsWhereAnyTagDoes) {
  EXPECT_THAT(Matches("tag == 'web'"), ElementsAre(0));
  EXPECT_THAT(Matches("tags in ('java', 'c++')"), ElementsAre(0, 1));
  EXPECT_THAT(Matches("tag != 'java'"), ElementsAre(1, 2, 3, 4));  // no tag is java
  EXPECT_THAT(Matches("tag == 'not these'"), IsEmpty());           // the built-in column keeps its own values
}

TEST(Filter, ComparesNumbersAsTheCatalogueHoldsThem) {
  EXPECT_THAT(Matches("price == 19.99"), ElementsAre(0));  // float32 on both sides
  EXPECT_THAT(Matches("price < 20"), ElementsAre(0, 1));
  EXPECT_THAT(Matches("price <= 20 and price > 0"), ElementsAre(0, 2));
  EXPECT_THAT(Matches("price >= -1e3"), ElementsAre(0, 1, 2));
  EXPECT_THAT(Matches("price in (0, 20)"), ElementsAre(1, 2));
}

TEST(Filter, ComparesTimesWrittenAsDates) {
  EXPECT_THAT(Matches("published >= '2024-05-01'"), ElementsAre(0));
  EXPECT_THAT(Matches("published < '2024-05-01'"), ElementsAre(2));
  EXPECT_THAT(Matches("published == '2024-05-01T08:00+08:00'"), ElementsAre(0));
}

TEST(Filter, ComparesAnAttributeAsWhatStandsBesideIt) {
  EXPECT_THAT(Matches("hours > 2"), ElementsAre(0, 1));
  EXPECT_THAT(Matches("hours == 'many'"), ElementsAre(3));
  EXPECT_THAT(Matches("hours in (12, 'many')"), ElementsAre(0, 3));
  EXPECT_THAT(Matches("code == '007'"), ElementsAre(0));
  EXPECT_THAT(Matches("code == 7"), ElementsAre(0, 1));
  EXPECT_THAT(Matches("`two words` == 'x'"), ElementsAre(3));
}

TEST(Filter, AMissingValuePassesNoTestButItsNegation) {
  EXPECT_THAT(Matches("price != 20"), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(Matches("not price == 20"), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(Matches("level not in ('beginner')"), ElementsAre(1, 3, 4));
  EXPECT_THAT(Matches("has(price)"), ElementsAre(0, 1, 2));
  EXPECT_THAT(Matches("not has(tag) and has(level)"), ElementsAre(2));
  EXPECT_THAT(Matches("has(published) or has(hours)"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Matches("published < '9999-01-01' or published > '0001-01-01'"), ElementsAre(0, 2));
}

TEST(Filter, AndBindsCloserThanOrAndNotCloserThanBoth) {
  EXPECT_THAT(Matches("level == 'advanced' or level == 'beginner' and price == 20"), ElementsAre(1, 2));
  EXPECT_THAT(Matches("(level == 'advanced' or level == 'beginner') and price == 20"), ElementsAre(2));
  EXPECT_THAT(Matches("not level == 'advanced' and price < 20"), ElementsAre(0));
  EXPECT_THAT(Matches("not not(price<20)"), ElementsAre(0, 1));
  EXPECT_THAT(Matches("level == \"beginner\" and price < 20 and not tag in (\"java\", \"c++\")"), IsEmpty());
}

TEST(Filter, NamesTheCharacterWhereItsTextIsWrong) {
  EXPECT_EQ(ErrorOf(""), "Filter: character 1: want the name of an attribute, got the end");
  EXPECT_EQ(ErrorOf("level = 'x'"), "Filter: character 7: want a name, a value or a sign, got '=', did you mean ==");
  EXPECT_EQ(ErrorOf("price < cheap"), "Filter: character 9: want a text in quotes or a number, got 'cheap'");
  EXPECT_EQ(ErrorOf("price < 3 price > 1"), "Filter: character 11: want and, or, or the end, got 'price'");
  EXPECT_EQ(ErrorOf("price < 20x"), "Filter: character 9: want a finite number, got '20x'");
  EXPECT_EQ(ErrorOf("price < 1e999"), "Filter: character 9: want a finite number, got '1e999'");
  EXPECT_EQ(ErrorOf("level == 'x"), "Filter: character 10: want a closing quote, got the end");
  EXPECT_THAT(ErrorOf("level == 'a\\x'"), HasSubstr("character 12: want one of the escapes"));
  EXPECT_EQ(ErrorOf("(price < 3"), "Filter: character 11: want ), got the end");
  EXPECT_EQ(ErrorOf("tag in ()"), "Filter: character 9: want a text or a number, got ')'");
  EXPECT_EQ(ErrorOf("tag not 'x'"), "Filter: character 9: want in, got 'x'");
  // Characters are counted, not bytes.
  EXPECT_THAT(ErrorOf(std::string("category == '") + kChinese + "' and nonsense == 1"),
              HasSubstr("character 22: want an attribute of the catalogue, one of "));
  EXPECT_THAT(ErrorOf("level == '\xff'"), HasSubstr("byte 11: want UTF-8"));
}

TEST(Filter, RefusesValuesOfAnotherType) {
  EXPECT_EQ(ErrorOf("level == 3"), "Filter: character 10: want a text in quotes, because 'level' holds texts, got '3'");
  EXPECT_EQ(ErrorOf("price == '3'"), "Filter: character 10: want a number, because 'price' holds numbers, got '3'");
  EXPECT_EQ(ErrorOf("level < 'x'"),
            "Filter: character 1: want ==, != or in, because 'level' holds texts, got an order");
  EXPECT_THAT(ErrorOf("published > 3"), HasSubstr("want a date in quotes, because 'published' holds times"));
  EXPECT_THAT(ErrorOf("published > 'soon'"), HasSubstr("want a date, because 'published' holds times, got 'soon'"));
  EXPECT_THAT(ErrorOf("school > 3"), HasSubstr("want a text in quotes, because 'school' holds texts"));
}

TEST(Filter, BoundsLengthAndNesting) {
  EXPECT_EQ(ErrorOf(std::string(kMaxFilterBytes + 1, ' ')), "Filter: want at most 4096 bytes, got 4097");
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "price < 20" + std::string(depth, ')');
  };
  EXPECT_THAT(Matches(nested(kMaxFilterDepth)), ElementsAre(0, 1));
  EXPECT_THAT(ErrorOf(nested(kMaxFilterDepth + 1)), HasSubstr("character 65: want at most 64 of ( and not"));
}

TEST(ItemFacts, AvailabilityHoldsUntilTheNextWindowOpensOrCloses) {
  CatalogueBuilder builder;
  CatalogueItem item;
  item.id = "i0";
  item.available_from_us = 10;
  item.available_until_us = 20;
  ASSERT_TRUE(builder.Add(item).ok());
  item.id = "i1";
  item.available_from_us = std::nullopt;
  item.available_until_us = 15;
  ASSERT_TRUE(builder.Add(item).ok());
  const ItemFacts facts = ItemFacts::Build(std::move(builder).Build(), Ids("i", 3)).value();
  ASSERT_TRUE(facts.has_windows());
  for (std::int64_t now : {-5, 9, 10, 14, 15, 19, 20, 99, 10, -1}) {
    SCOPED_TRACE(now);
    const auto available = facts.AvailableAt(now);
    EXPECT_EQ(available->items.Test(0), now >= 10 && now < 20);
    EXPECT_EQ(available->items.Test(1), now < 15);
    EXPECT_TRUE(available->items.Test(2));
    EXPECT_LE(available->from_us, now);
    EXPECT_GT(available->until_us, now);
  }
  EXPECT_EQ(facts.AvailableAt(11), facts.AvailableAt(14));  // one answer, kept
}

// a needs b and c, b needs d, c needs d and "retired"; x is of the catalogue alone and needs a.
PrerequisiteGraph Courses(const std::vector<std::pair<std::string, std::vector<std::string>>>& needs) {
  CatalogueBuilder builder;
  for (const auto& [id, prerequisites] : needs) {
    CatalogueItem item;
    item.id = id;
    item.prerequisites = prerequisites;
    EXPECT_TRUE(builder.Add(item).ok());
  }
  IdDictionaryBuilder items;
  for (const char* id : {"a", "b", "c", "d"}) EXPECT_TRUE(items.Add(id).ok());
  return PrerequisiteGraph::Build(std::move(builder).Build(), std::move(items).Build()).value();
}

std::vector<std::string> Path(const PrerequisiteGraph& graph, const std::string& goal,
                              const std::vector<std::string>& completed) {
  std::vector<ItemIndex> nodes;
  for (const std::string& id : completed) nodes.push_back(graph.FindNode(id).value());
  std::vector<std::string> ids;
  const std::vector<ItemIndex> path = graph.PathTo(graph.FindNode(goal).value(), nodes).value();
  for (ItemIndex node : path) ids.emplace_back(graph.id(node));
  return ids;
}

TEST(PrerequisiteGraph, OrdersThePathToAGoal) {
  const PrerequisiteGraph graph =
      Courses({{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d", "retired"}}, {"d", {}}, {"x", {"a"}}});
  EXPECT_EQ(graph.unknown(), 1u);
  EXPECT_TRUE(graph.cycle().empty());
  EXPECT_THAT(Path(graph, "x", {}), ElementsAre("d", "b", "c", "a", "x"));
  EXPECT_THAT(Path(graph, "a", {"d", "c"}), ElementsAre("b", "a"));
  EXPECT_THAT(Path(graph, "x", {"a"}), ElementsAre("x"));  // what a completed course needs is not asked for
  EXPECT_THAT(Path(graph, "d", {"d"}), IsEmpty());
  EXPECT_EQ(graph.PathTo(ItemIndex{5}, {}).status().code(), absl::StatusCode::kOutOfRange);
  Bitmap allowed(4, true);
  const std::vector<ItemIndex> completed = {graph.FindNode("d").value(), graph.FindNode("b").value()};
  graph.KeepUnlocked(completed, allowed);
  EXPECT_FALSE(allowed.Test(0));  // c is missing
  EXPECT_TRUE(allowed.Test(1) && allowed.Test(2) && allowed.Test(3));
}

TEST(PrerequisiteGraph, NamesACircle) {
  const PrerequisiteGraph graph = Courses({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}, {"d", {}}});
  EXPECT_EQ(graph.DescribeCycle(graph.cycle()), "b -> c -> b");
  const absl::Status status = graph.PathTo(ItemIndex{0}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "PathTo.goal: want prerequisites without a circle, got b -> c -> b");
  EXPECT_THAT(Path(graph, "d", {}), ElementsAre("d"));
  EXPECT_THAT(Path(graph, "a", {"c"}), ElementsAre("b", "a"));  // completed somehow: the circle is open
}

}  // namespace
}  // namespace waypost
