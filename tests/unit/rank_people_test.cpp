// People as items: they are found by their type, and nobody is recommended to themselves.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/rank_world.hpp"
#include "support/typed_item.hpp"
#include "waypost/rank/filter.hpp"

namespace waypost {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing_support::PartsOf;
using testing_support::RandomHistory;
using testing_support::TypedItem;

constexpr std::size_t kPeople = 6;
constexpr std::size_t kItems = 9;

// Users u0..u5. Items: the people u0..u5 whom they follow, a course whose id is that of the user u6 who is unknown to
// training, and two projects.
Recommender Community(bool with_catalogue = true) {
  RecommenderParts parts = PartsOf(RandomHistory(3, kPeople, kItems, 0.2), kPeople);
  IdDictionaryBuilder ids;
  CatalogueBuilder catalogue;
  for (std::size_t item = 0; item < kItems; ++item) {
    const bool project = item >= kPeople + 1;
    const std::string id = (project ? "p" : "u") + std::to_string(item);
    ids.Add(id).value();
    const std::string type = project ? "project" : item == kPeople ? "course" : "person";
    EXPECT_TRUE(catalogue.Add(TypedItem(id, type)).ok());
  }
  parts.items = std::move(ids).Build();
  if (with_catalogue)
    parts.facts =
        std::make_shared<const ItemFacts>(ItemFacts::Build(std::move(catalogue).Build(), parts.items).value());
  return Recommender::Create(std::move(parts)).value();
}

std::vector<std::string> Answer(const Recommender& recommender, const Query& query) {
  std::vector<std::string> ids;
  const Recommendation answer = recommender.Recommend(query).value();
  for (const Suggestion& suggestion : answer.items) ids.emplace_back(suggestion.id);
  return ids;
}

TEST(People, NobodyIsRecommendedToThemselves) {
  const Recommender community = Community();
  for (std::size_t user = 0; user < kPeople; ++user) {
    const std::string id = "u" + std::to_string(user);
    for (const SeenPolicy seen : {SeenPolicy::kDrop, SeenPolicy::kKeep})
      EXPECT_THAT(Answer(community, {.user = id, .n = kItems, .seen = seen}), Not(Contains(id)));
    EXPECT_EQ(Answer(community, {.user = id, .n = kItems, .seen = SeenPolicy::kKeep}).size(), kItems - 1);
    EXPECT_THAT(Answer(community, {.user = id, .n = kItems, .include = {{id}}, .seen = SeenPolicy::kKeep}),
                testing::IsEmpty());
  }
}

TEST(People, APersonWhomTrainingDidNotKnowAsAUserIsStillOneself) {
  RecommenderParts parts = PartsOf(RandomHistory(3, 2, 3, 0.4), 2);
  CatalogueBuilder catalogue;
  ASSERT_TRUE(catalogue.Add(TypedItem("i2", "person")).ok());
  parts.facts = std::make_shared<const ItemFacts>(ItemFacts::Build(std::move(catalogue).Build(), parts.items).value());
  const Recommender recommender = Recommender::Create(std::move(parts)).value();
  EXPECT_THAT(Answer(recommender, {.user = "i2", .history = {{"i0"}}, .n = 3}), ElementsAre("i1"));
  EXPECT_THAT(Answer(recommender, {.user = "i2", .n = 3}), Not(Contains("i2")));  // by popularity
}

TEST(People, AnItemThatIsNoPersonMayShareTheUsersId) {
  EXPECT_THAT(Answer(Community(), {.user = "u6", .history = {{"u0"}}, .n = kItems}), Contains("u6"));
  EXPECT_THAT(Answer(Community(false), {.user = "u1", .n = kItems, .seen = SeenPolicy::kKeep}), Contains("u1"));
}

TEST(People, AreFoundByTheirType) {
  const Recommender community = Community();
  Query query{.user = "u1", .n = kItems, .seen = SeenPolicy::kKeep};
  query.filter = std::make_shared<const Bitmap>(CompileFilter(TypeFilter("person"), *community.facts()).value());
  EXPECT_THAT(Answer(community, query), testing::UnorderedElementsAre("u0", "u2", "u3", "u4", "u5"));
  query.filter = std::make_shared<const Bitmap>(CompileFilter(TypeFilter("project"), *community.facts()).value());
  EXPECT_THAT(Answer(community, query), testing::UnorderedElementsAre("p7", "p8"));
}

}  // namespace
}  // namespace waypost
