#include "waypost/matrix/item_features.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Catalogue MakeCatalogue(const std::vector<CatalogueItem>& items) {
  CatalogueBuilder builder;
  for (const CatalogueItem& item : items) EXPECT_TRUE(builder.Add(item).ok());
  return std::move(builder).Build();
}

IdDictionary Ids(const std::vector<std::string>& ids) {
  IdDictionaryBuilder builder;
  for (const std::string& id : ids) EXPECT_TRUE(builder.Add(id).ok());
  return std::move(builder).Build();
}

CatalogueItem Course(std::string id, std::string title, std::vector<std::string> tags = {}) {
  CatalogueItem item;
  item.id = std::move(id);
  item.title = std::move(title);
  item.tags = std::move(tags);
  return item;
}

std::vector<std::string> Names(const IdDictionary& dictionary) {
  std::vector<std::string> names;
  for (std::uint32_t n = 0; n < dictionary.size(); ++n) names.emplace_back(dictionary.id(n));
  return names;
}

TEST(TitleWords, AreRunsOfLettersAndDigitsInLowerCase) {
  EXPECT_THAT(TitleWords("Learn Python 3, fast!"), ElementsAre("learn", "python", "3", "fast"));
  EXPECT_THAT(TitleWords("caf\xC3\xA9 na\xC3\xAFve"), ElementsAre("caf\xC3\xA9", "na\xC3\xAFve"));
  EXPECT_THAT(TitleWords("\xE2\x80\x9Cquoted\xE2\x80\x9D"), ElementsAre("quoted"));  // quotation marks
  EXPECT_THAT(TitleWords(""), IsEmpty());
  EXPECT_THAT(TitleWords("?!"), IsEmpty());
}

TEST(TitleWords, OfChineseAreItsCharactersAndTheirPairs) {
  // ren gong zhi, then an ideographic comma, then Python, then zhi
  EXPECT_THAT(TitleWords("\xE4\xBA\xBA\xE5\xB7\xA5\xE6\x99\xBA\xE3\x80\x81Python\xE6\x99\xBA"),
              ElementsAre("\xE4\xBA\xBA", "\xE5\xB7\xA5", "\xE4\xBA\xBA\xE5\xB7\xA5", "\xE6\x99\xBA",
                          "\xE5\xB7\xA5\xE6\x99\xBA", "python", "\xE6\x99\xBA"));
}

TEST(TitleWords, EndAtTheFirstMalformedByte) {
  EXPECT_THAT(TitleWords("good \xFF bad"), ElementsAre("good"));
  EXPECT_THAT(TitleWords("cut \xE4\xBA"), ElementsAre("cut"));
}

TEST(FeaturesOf, AreFieldsWithTheirValuesEachOnce) {
  CatalogueItem item = Course("c1", "C and C", {"Math", "math", ""});
  item.type = "course";
  item.level = "Beginner";
  item.author = "Li";
  item.attributes = {{"school", "S1"}, {"rating", "4.5"}, {"school", "S2"}};
  EXPECT_THAT(FeaturesOf(item), ElementsAre("type:course", "level:beginner", "author:li", "tag:math", "title:c",
                                            "title:and", "school:s1", "school:s2"));
}

TEST(FeaturesOf, LeavesOutValuesAndNamesThatAreNoCategories) {
  CatalogueItem item = Course("c1", "");
  item.attributes = {{"note", std::string(201, 'x')}, {std::string(60, 'n'), "short"}, {"empty", ""}};
  EXPECT_THAT(FeaturesOf(item), IsEmpty());
  item.attributes = {{std::string(55, 'n'), std::string(200, 'x')}};
  EXPECT_EQ(FeaturesOf(item).at(0).size(), kMaxIdBytes);
}

TEST(FeatureVocabulary, CountsItemsOfTheTrainingAlone) {
  const Catalogue catalogue = MakeCatalogue({Course("new", "", {"rare", "common"}), Course("a", "", {"common", "once"}),
                                             Course("b", "", {"common", "rare"}), Course("c", "", {"other"})});
  const absl::StatusOr<IdDictionary> vocabulary = BuildFeatureVocabulary(catalogue, Ids({"a", "b", "c", "gone"}));
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_THAT(Names(*vocabulary), ElementsAre("tag:common"));
  const auto all = BuildFeatureVocabulary(catalogue, Ids({"a", "b", "c"}), {.min_items = 1});
  ASSERT_TRUE(all.ok());
  EXPECT_THAT(Names(*all), ElementsAre("tag:common", "tag:once", "tag:rare", "tag:other"));
  EXPECT_EQ(BuildFeatureVocabulary(catalogue, Ids({"a"}), {.min_items = 0}).status().message(),
            "FeatureVocabularyOptions.min_items: want at least 1, got 0");
}

TEST(FeatureMatrix, HasARowForEveryItemInTheirOrder) {
  const Catalogue catalogue =
      MakeCatalogue({Course("a", "", {"y", "x"}), Course("b", "", {"x"}), Course("c", "", {"x", "y"})});
  const IdDictionary items = Ids({"c", "gone", "a"});
  const absl::StatusOr<SparseMatrix> matrix = BuildFeatureMatrix(catalogue, items, Ids({"tag:x", "tag:z", "tag:y"}));
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  EXPECT_EQ(matrix->rows(), 3u);
  EXPECT_EQ(matrix->columns(), 3u);
  EXPECT_FALSE(matrix->weighted());
  EXPECT_THAT(matrix->row(0).columns, ElementsAre(0, 2));
  EXPECT_THAT(matrix->row(1).columns, IsEmpty());
  EXPECT_THAT(matrix->row(2).columns, ElementsAre(0, 2));
}

TEST(FeatureMatrix, OfNothingIsEmpty) {
  const Catalogue catalogue;
  const auto vocabulary = BuildFeatureVocabulary(catalogue, Ids({"a"}));
  ASSERT_TRUE(vocabulary.ok());
  EXPECT_EQ(vocabulary->size(), 0u);
  const auto matrix = BuildFeatureMatrix(catalogue, Ids({"a"}), *vocabulary);
  ASSERT_TRUE(matrix.ok());
  EXPECT_EQ(matrix->rows(), 1u);
  EXPECT_EQ(matrix->entries(), 0u);
}

}  // namespace
}  // namespace waypost
