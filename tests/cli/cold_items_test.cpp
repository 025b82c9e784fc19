// Items of a catalogue that no event names: trained with, recommended, left out.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using Json = nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Learners u0..u19 of math (even) and art (odd), courses of both, each learner without one of them.
class ColdItems : public CliTest {
 protected:
  ColdItems() {
    std::string events = "user,item\n", courses;
    for (int user = 0; user < 20; ++user)
      for (int course = 0; course < 8; ++course)
        if (course % 2 == user % 2 && course / 2 != user / 2 % 4)
          events += "u" + std::to_string(user) + ",c" + std::to_string(course) + "\n";
    for (int course = 0; course < 8; ++course) courses += Course("c" + std::to_string(course), course % 2);
    events_ = Write("events.csv", events);
    known_ = Write("known.csv", kHeader + courses);
    with_new_ = Write("new.csv", kHeader + courses + Course("new-math", 0) + Course("new-art", 1) + "blank,,\n");
  }

  static std::string Course(const std::string& id, int subject) {
    return id + ",Title of " + id + "," + (subject == 0 ? "math|numbers" : "art|colours") + "\n";
  }
  Json Train(const std::string& catalogue, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"train", "--train", events_,        "--catalog", catalogue,        "--model",
                                          "ials",  "--set",   "dimensions=4", "--out",     Path("m.waypost")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunJson(arguments);
  }
  std::vector<std::string> Best(const std::string& user, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"recommend", "--model", Path("m.waypost"), "--user", user, "-n", "20"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<std::string> items;
    const Json answer = RunJson(arguments);
    for (const Json& item : answer["results"][0]["items"]) items.push_back(item["item"]);
    return items;
  }

  const std::string kHeader = "id,title,tags\n";
  std::string events_, known_, with_new_;
};

TEST_F(ColdItems, OfTheCatalogueAreRankedForThoseWhoLikeTheirKind) {
  const Json report = Train(with_new_);
  EXPECT_EQ(report["features"]["added_items"], 2);
  EXPECT_GT(report["features"]["regularization"], 0);
  EXPECT_EQ(report["items"], 8);
  for (const std::string user : {"u0", "u2", "u4"}) {
    const std::vector<std::string> best = Best(user, {"--include", "new-math,new-art"});
    EXPECT_THAT(best, ElementsAre("new-math", "new-art"));
    EXPECT_THAT(Best(user), Contains("new-math"));
  }
  EXPECT_THAT(Best("u1", {"--include", "new-math,new-art"}), ElementsAre("new-art", "new-math"));
  EXPECT_THAT(Best("u0"), Not(Contains("blank")));
  const Json named = RunJson({"recommend", "--model", Path("m.waypost"), "--user", "u0", "--include", "new-math",
                              "--explain"})["results"][0]["items"][0];
  EXPECT_EQ(named["title"], "Title of new-math");
  EXPECT_THAT(named["because"].size(), testing::Gt(0u));
}

TEST_F(ColdItems, ThatCameAfterTheTrainingAreRankedWithoutAnother) {
  EXPECT_EQ(Train(known_)["features"]["added_items"], 0);
  EXPECT_THAT(Best("u0"), Not(Contains("new-math")));
  EXPECT_THAT(Best("u0", {"--catalog", with_new_, "--include", "new-math,new-art"}),
              ElementsAre("new-math", "new-art"));
  EXPECT_THAT(Best("u1", {"--catalog", with_new_, "--include", "new-math,new-art"}),
              ElementsAre("new-art", "new-math"));
  EXPECT_EQ(Run({"verify", Path("m.waypost")}).exit_status, 0);
}

TEST_F(ColdItems, AreLeftOutOnRequestAndByOtherModels) {
  EXPECT_FALSE(Train(with_new_, {"--no-features"}).contains("features"));
  EXPECT_THAT(Best("u0", {"--catalog", with_new_}), Not(Contains("new-math")));
  ASSERT_EQ(
      Run({"train", "--train", events_, "--catalog", with_new_, "--model", "item-knn", "--out", Path("m.waypost")})
          .exit_status,
      0);
  EXPECT_THAT(Best("u0", {"--catalog", with_new_}), Not(Contains("new-math")));
  const ToolResult without =
      Run({"train", "--train", events_, "--model", "ials", "--no-features", "--out", Path("m.waypost")});
  EXPECT_EQ(without.exit_status, 2);
  EXPECT_THAT(without.err, HasSubstr("--no-features: want --catalog FILE beside it"));
}

TEST_F(ColdItems, OfACatalogueThatSaysNothingInCommonGetNoVector) {
  const std::string bare = Write("bare.csv", "id,title\nc0,One\nc1,Two\nnew,Three\n");
  const ToolResult trained =
      Run({"train", "--train", events_, "--catalog", bare, "--model", "ials", "--out", Path("m.waypost")});
  ASSERT_EQ(trained.exit_status, 0) << trained.err;
  EXPECT_THAT(trained.err, HasSubstr("features: no two items of the events share one"));
  EXPECT_THAT(Best("u0", {"--catalog", bare}), Not(Contains("new")));
}

}  // namespace
}  // namespace waypost::testing_support
