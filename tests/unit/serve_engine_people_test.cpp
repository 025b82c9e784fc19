// People and projects in an engine: whom to follow, from the store's newest events, along the whole chain.
#include <string>
#include <utility>

#include <gmock/gmock.h>

#include "support/engine_world.hpp"
#include "support/typed_item.hpp"

namespace waypost {
namespace {

using testing::Contains;
using testing::Each;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing_support::EngineTest;
using testing_support::For;
using testing_support::Strings;
using testing_support::TypedItem;

class EnginePeople : public EngineTest {
 protected:
  // a0..a9 follow each other in a ring's neighbourhood and like projects p0..p4.
  void RecordCommunity(Engine& engine) const {
    std::vector<std::pair<std::string, std::string>> follows, likes;
    CatalogueBuilder catalogue;
    for (int user = 0; user < 10; ++user) {
      const std::string id = "a" + std::to_string(user);
      for (const int step : {1, 2, 9}) follows.emplace_back(id, "a" + std::to_string((user + step) % 10));
      likes.emplace_back(id, "p" + std::to_string(user % 5));
      ASSERT_TRUE(catalogue.Add(TypedItem(id, "person")).ok());
    }
    for (int project = 0; project < 5; ++project)
      ASSERT_TRUE(catalogue.Add(TypedItem("p" + std::to_string(project), "project")).ok());
    ASSERT_TRUE(engine.store().PutCatalogue(std::move(catalogue).Build()).ok());
    Record(engine, follows, kFollow);
    Record(engine, likes, kLike);
  }

  static Strings People(Engine& engine, const std::string& user) {
    EngineQuery query = For(user, 20);
    query.type = "person";
    return Ids(Ask(engine, query));
  }
};

TEST_F(EnginePeople, RecommendsPeopleButNeitherOneselfNorThoseAlreadyFollowed) {
  const auto engine = Open();
  RecordCommunity(*engine);
  for (const bool published : {false, true}) {
    SCOPED_TRACE(published);
    if (published) TrainAndPublish(*engine);
    const Strings people = People(*engine, "a0");
    EXPECT_THAT(people, testing::UnorderedElementsAre("a3", "a4", "a5", "a6", "a7", "a8"));
    const Strings strangers = People(*engine, "stranger");
    EXPECT_EQ(strangers.size(), 10u);
    EXPECT_THAT(strangers, Each(StartsWith("a")));
  }
  Record(*engine, {{"a0", "a5"}}, kFollow);
  EXPECT_THAT(People(*engine, "a0"), Not(Contains("a5")));  // the next question knows it
}

TEST_F(EnginePeople, AMemberWithoutEventsIsNotShownToThemselvesByAnyLink) {
  const auto engine = Open();
  RecordCommunity(*engine);
  CatalogueBuilder catalogue;
  ASSERT_TRUE(catalogue.Add(TypedItem("new", "person")).ok());
  ASSERT_TRUE(engine->store().PutCatalogue(std::move(catalogue).Build()).ok());
  Record(*engine, {{"a1", "new"}, {"a2", "new"}, {"a3", "new"}}, kFollow);  // trends
  TrainAndPublish(*engine);
  EXPECT_THAT(People(*engine, "a9"), Contains("new"));
  EXPECT_THAT(People(*engine, "new"), Not(Contains("new")));
}

TEST_F(EnginePeople, ATypeStandsBesideAFilterAndIsRefusedWithoutACatalogue) {
  const auto engine = Open();
  EngineQuery query = For("a0", 9);
  query.type = "person";
  EXPECT_EQ(engine->Recommend(query).status().code(), absl::StatusCode::kFailedPrecondition);
  RecordCommunity(*engine);
  query.filter = "type != 'project'";
  EXPECT_EQ(Ids(Ask(*engine, query)).size(), 6u);
  query.filter = "type == 'project'";
  EXPECT_THAT(Ids(Ask(*engine, query)), IsEmpty());
  EXPECT_EQ(Ask(*engine, query).recommendation.reason, ShortReason::kFilter);
  query.filter.clear();
  query.type = "project";
  EXPECT_EQ(Ids(Ask(*engine, query)).size(), 4u);  // a0 likes p0
  query.query.filter = std::make_shared<const Bitmap>(Bitmap(3, true));
  EXPECT_EQ(engine->Recommend(query).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace waypost
