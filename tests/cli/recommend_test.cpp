// recommend and similar: one for one, for many and for all the same, and equal to brute force.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"
#include "waypost/event/reader.hpp"
#include "waypost/file/model_bundle.hpp"
#ifdef WAYPOST_STORE
#include "waypost/serve/engine.hpp"
#endif

namespace waypost::testing_support {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::json;

// Ids of the items of one result, best first.
std::vector<std::string> Items(const Json& result) {
  std::vector<std::string> items;
  for (const Json& item : result["items"]) items.push_back(item["item"]);
  return items;
}

class Recommend : public CliTest {
 protected:
  void TrainModel(const std::string& model, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {
        "train", "--train", Write("e.csv", TwoTribes(60, 24)), "--model", model, "--out", Path("m.waypost")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ToolResult result = Run(arguments);
    ASSERT_EQ(result.exit_status, 0) << result.err;
  }

  Json Ask(const std::vector<std::string>& options, const char* verb = "recommend") const {
    std::vector<std::string> arguments = {verb, "--model", Path("m.waypost")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunJson(arguments)["results"];
  }
};

TEST_F(Recommend, OneManyAndAllAgreeToTheBitAndEqualBruteForce) {
  for (const char* model : {"popularity", "item-knn", "ials"}) {
    SCOPED_TRACE(model);
    TrainModel(model);
    const absl::StatusOr<ModelBundle> bundle = OpenBundle(Path("m.waypost"));
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    const Json all = Ask({"--all", "-n", "5", "--threads", "7"});
    ASSERT_EQ(all.size(), bundle->users.size());
    const Json many = Ask({"--user", "u3", "u4", "u59", "-n", "5", "--threads", "2"});
    ASSERT_EQ(many.size(), 3u);
    for (const Json& result : many) {
      const std::string user = result["user"];
      SCOPED_TRACE(user);
      EXPECT_EQ(Ask({"--user", user, "-n", "5", "--threads", "1"})[0], result);
      const std::uint32_t index = bundle->users.Find(user).value();
      EXPECT_EQ(all[index], result);
      // Brute force: score everything, sort.
      std::vector<float> scores(bundle->items.size());
      const UserView view{UserIndex{index}, bundle->history.row(index)};
      ASSERT_TRUE(bundle->models[0].scorer->Score(std::span(&view, 1), scores, Parallelism(1)).ok());
      std::vector<ScoredItem> expected;
      const auto met = view.history.columns;
      for (std::uint32_t item = 0; item < scores.size(); ++item)
        if (std::find(met.begin(), met.end(), item) == met.end()) expected.push_back({ItemIndex{item}, scores[item]});
      std::sort(expected.begin(), expected.end(), BetterFirst{});
      ASSERT_EQ(result["items"].size(), 5u);
      for (std::size_t n = 0; n < 5; ++n) {
        EXPECT_EQ(result["items"][n]["item"], std::string(bundle->items.id(expected[n].item.value)));
        EXPECT_EQ(result["items"][n]["score"].get<float>(), expected[n].score);
      }
    }
  }
}

TEST_F(Recommend, ItemsHaveTheFixedKeysAndExplanationsAddUp) {
  for (const char* model : {"item-knn", "ials"}) {
    SCOPED_TRACE(model);
    TrainModel(model);
    const Json result = Ask({"--user", "u3", "-n", "3", "--explain"})[0];
    EXPECT_EQ(result["reason"], nullptr);
    for (const Json& item : result["items"]) {
      EXPECT_EQ(item["source"], "model");
      EXPECT_EQ(item["title"], nullptr);
      double sum = item["base"].get<double>();
      double largest = std::abs(item["score"].get<double>());
      for (const Json& reason : item["because"]) {
        sum += reason["amount"].get<double>();
        largest = std::max(largest, std::abs(reason["amount"].get<double>()));
      }
      EXPECT_NEAR(sum, item["score"].get<double>(), 1e-5 * largest);
    }
    EXPECT_FALSE(result["items"][0]["because"].empty());
  }
}

TEST_F(Recommend, AnUnknownUserGetsPopularItemsAndIsToldSo) {
  TrainModel("item-knn");
  const Json result = Ask({"--user", "stranger", "-n", "3"})[0];
  EXPECT_EQ(result["user"], "stranger");
  EXPECT_EQ(result["reason"], "unknown user");
  for (const Json& item : result["items"]) EXPECT_EQ(item["source"], "popular");
}

TEST_F(Recommend, AGivenHistoryIsFoldedInAndCountsAsMet) {
  for (const char* model : {"item-knn", "ials"}) {
    SCOPED_TRACE(model);
    TrainModel(model);
    const Json result = Ask({"--history", "c0,c2", "--history", "c4", "-n", "4"})[0];
    EXPECT_EQ(result["user"], nullptr);
    for (const Json& item : result["items"]) {
      EXPECT_EQ(item["source"], "fold-in");
      // The even tribe's courses.
      EXPECT_EQ(std::stoi(item["item"].get<std::string>().substr(1)) % 2, 0);
    }
    for (const char* met : {"c0", "c2", "c4"}) EXPECT_THAT(Items(result), testing::Not(testing::Contains(met)));
  }
}

TEST_F(Recommend, FoldInOfAUsersOwnHistoryGivesThatUsersRanking) {
  for (const char* model : {"item-knn", "ials"}) {
    SCOPED_TRACE(model);
    TrainModel(model);
    const absl::StatusOr<ModelBundle> bundle = OpenBundle(Path("m.waypost"));
    ASSERT_TRUE(bundle.ok());
    std::string history;
    for (std::uint32_t item : bundle->history.row(bundle->users.Find("u5").value()).columns)
      history += std::string(bundle->items.id(item)) + ",";
    EXPECT_EQ(Items(Ask({"--history", history, "-n", "20"})[0]), Items(Ask({"--user", "u5", "-n", "20"})[0]));
  }
}

TEST_F(Recommend, ListsAndSeenPoliciesAreKept) {
  TrainModel("item-knn");
  EXPECT_EQ(Items(Ask({"--user", "stranger", "--include", "c1,c2", "-n", "9"})[0]).size(), 2u);
  const std::vector<std::string> best = Items(Ask({"--user", "u3", "-n", "3"})[0]);
  const std::vector<std::string> others = Items(Ask({"--user", "u3", "-n", "3", "--exclude", best[0]})[0]);
  EXPECT_EQ(others[0], best[1]);
  EXPECT_EQ(others.size(), 3u);
  EXPECT_EQ(Items(Ask({"--user", "u3", "-n", "2", "--exclude",
                       "@" + Write("list", best[0] + "\r\n" + best[1] + "\n")})[0])[0],
            best[2]);
  const Json only = Ask({"--user", "u3", "-n", "24", "--seen", "only"})[0];
  EXPECT_LT(only["items"].size(), 24u);
  EXPECT_THAT(only["reason"].get<std::string>(), HasSubstr("met fewer"));
  EXPECT_EQ(Ask({"--user", "u3", "-n", "24", "--seen", "keep"})[0]["items"].size(), 24u);
  EXPECT_THAT(Ask({"--user", "u3", "-n", "24"})[0]["reason"].get<std::string>(), HasSubstr("has met"));
  EXPECT_THAT(Run({"recommend", "--model", Path("m.waypost"), "--user", "u3", "--exclude", "nothing"}).err,
              HasSubstr("does not know 1 item, 'nothing' first"));
}

TEST_F(Recommend, AnIdWithCommasOrBracketsIsTakenAsItIs) {
  Write("e.jsonl",
        "{\"user\":\"[a,b]\",\"item\":\"C, C++\"}\n{\"user\":\"-5\",\"item\":\"Go\"}\n{\"user\":\"-5\",\"item\":\"C, "
        "C++\"}\n");
  ASSERT_EQ(Run({"train", "--train", Path("e.jsonl"), "--model", "item-knn", "--out", Path("m.waypost")}).exit_status,
            0);
  const Json results = Ask({"--user", "[a,b]", "--user=-5", "-n", "1"});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0]["user"], "[a,b]");
  EXPECT_THAT(Items(results[0]), ElementsAre("Go"));
  EXPECT_EQ(results[1]["user"], "-5");
  EXPECT_THAT(Items(Ask({"--history", "C, C++", "-n", "1"})[0]), ElementsAre("Go"));
}

TEST_F(Recommend, ChineseTitlesComeThroughEveryFormat) {
  Write("e.csv", "user,item\n\xe5\xbc\xa0\xe4\xb8\x89,c1\nb,c1\nb,c2\n");
  Write("c.csv", "id,title\nc2,\"\xe6\x95\xb0\xe6\x8d\xae, \xe7\xbb\x93\xe6\x9e\x84\"\nc9,unused\n");
  const ToolResult train = Run({"train", "--train", Path("e.csv"), "--catalog", Path("c.csv"), "--model", "item-knn",
                                "--out", Path("m.waypost")});
  ASSERT_EQ(train.exit_status, 0) << train.err;
  EXPECT_THAT(train.err, HasSubstr("titles for 1 of 2 items"));
  const std::string user = "\xe5\xbc\xa0\xe4\xb8\x89";
  const std::string title = "\xe6\x95\xb0\xe6\x8d\xae, \xe7\xbb\x93\xe6\x9e\x84";
  const Json result = Ask({"--user", user, "-n", "1"})[0];
  EXPECT_EQ(result["user"], user);
  EXPECT_EQ(result["items"][0]["title"], title);
  const auto run = [&](const char* format) {
    return Run({"recommend", "--model", Path("m.waypost"), "--user", user, "-n", "1", "--format", format}).out;
  };
  EXPECT_THAT(run("csv"), HasSubstr("user,rank,item,title,score,source\n" + user + ",1,c2,\"" + title + "\","));
  EXPECT_THAT(run("table"), HasSubstr(title));
  EXPECT_THAT(run("md"), HasSubstr("| " + title + " |"));
}

TEST_F(Recommend, ACsvOfManyUsersHasOneHeading) {
  TrainModel("item-knn");
  const std::string csv = Run({"recommend", "--model", Path("m.waypost"), "--all", "-n", "2", "--format", "csv"}).out;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 2 * 60);
  EXPECT_EQ(csv.find("user,rank"), 0u);
  EXPECT_EQ(csv.rfind("user,rank"), 0u);
}

TEST_F(Recommend, AModelWithoutHistoriesRanksKnownUsersOnlyWithSeenKeep) {
  TrainModel("ials", {"--strip-history"});
  EXPECT_EQ(RunJson({"inspect", Path("m.waypost")})["history"], false);
  const ToolResult refused = Run({"recommend", "--model", Path("m.waypost"), "--user", "u1"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, HasSubstr("want keep"));
  const Json kept = Ask({"--user", "u1", "--seen", "keep", "-n", "3"})[0];
  EXPECT_EQ(kept["items"][0]["source"], "model");
  TrainModel("item-knn", {"--strip-history"});
  EXPECT_EQ(Ask({"--user", "u1", "--seen", "keep", "-n", "3"})[0]["items"][0]["source"], "popular");
}

TEST_F(Recommend, SimilarNeverReturnsTheItemItselfAndStaysInItsTribe) {
  for (const char* model : {"item-knn", "ials"}) {
    SCOPED_TRACE(model);
    TrainModel(model);
    const Json results = Ask({"--item", "c2", "c3", "-n", "4"}, "similar");
    ASSERT_EQ(results.size(), 2u);
    EXPECT_EQ(results[0]["item"], "c2");
    for (const std::string& item : Items(results[0])) {
      EXPECT_NE(item, "c2");
      EXPECT_EQ(std::stoi(item.substr(1)) % 2, 0);
    }
  }
  const ToolResult unknown = Run({"similar", "--model", Path("m.waypost"), "--item", "c2", "--item", "c99"});
  EXPECT_EQ(unknown.exit_status, 1);
  EXPECT_EQ(unknown.out, "");
  EXPECT_THAT(unknown.err, HasSubstr("'c99'"));
}

TEST_F(Recommend, PeopleAreItemsOfTheirTypeAndNobodyIsShownToThemselves) {
  std::string events = "user,item,kind\n", catalogue = "id,type\n";
  for (int user = 0; user < 20; ++user) {
    const std::string id = "a" + std::to_string(user);
    for (const int step : {1, 2, 3}) events += id + ",a" + std::to_string((user + step) % 20) + ",follow\n";
    events += id + ",p" + std::to_string(user % 4) + ",like\n";
    catalogue += id + ",person\n";
  }
  for (int project = 0; project < 4; ++project) catalogue += "p" + std::to_string(project) + ",project\n";
  const std::string catalog = Write("catalog.csv", catalogue);
  ASSERT_EQ(Run({"train", "--train", Write("e.csv", events), "--model", "ials", "--set", "dimensions=8", "--out",
                 Path("m.waypost")})
                .exit_status,
            0);
  const auto expect_people = [](const Json& result) {
    const std::vector<std::string> people = Items(result);
    EXPECT_EQ(people.size(), 16u);
    EXPECT_THAT(people, testing::Each(testing::StartsWith("a")));
    for (const char* other : {"a5", "a6", "a7", "a8"})  // oneself, and those followed
      EXPECT_THAT(people, testing::Not(testing::Contains(other)));
  };
  const std::vector<std::string> question = {"--user", "a5", "-n", "99", "--type", "person"};
  std::vector<std::string> options = question;
  options.insert(options.end(), {"--catalog", catalog});
  expect_people(Ask(options)[0]);
  EXPECT_THAT(
      Items(Ask({"--user", "a5", "--type", "project", "--filter", "type != 'person'", "--catalog", catalog})[0]),
      testing::UnorderedElementsAre("p0", "p2", "p3"));
  const ToolResult unknown =
      Run({"recommend", "--model", Path("m.waypost"), "--user", "a5", "--type", "course", "--catalog", catalog});
  EXPECT_EQ(unknown.exit_status, 0);
  EXPECT_THAT(unknown.err, HasSubstr("no item of the model has the type 'course'"));
  const ToolResult without = Run({"recommend", "--model", Path("m.waypost"), "--user", "a5", "--type", "person"});
  EXPECT_EQ(without.exit_status, 2);
  EXPECT_THAT(without.err, HasSubstr("--type: want --catalog FILE beside it"));
#ifdef WAYPOST_STORE
  ASSERT_EQ(Run({"import", "--store", Path("store"), Path("e.csv"), "--catalog", catalog}).exit_status, 0);
  ASSERT_EQ(Run({"publish", "--store", Path("store"), "--model", Path("m.waypost")}).exit_status, 0);
  std::vector<std::string> arguments = {"recommend", "--store", Path("store")};
  arguments.insert(arguments.end(), question.begin(), question.end());
  expect_people(RunJson(arguments)["results"][0]);
#endif
}

TEST_F(Recommend, KeepsTheRulesOfTheCatalogue) {
  TrainModel("ials", {"--set", "dimensions=8"});
  const std::string catalogue = Write("catalog.csv",
                                      "id,title,category,level,price,tags,available_until,prerequisites\n"
                                      "c0,Zero,math,beginner,5,java|web,,\n"
                                      "c2,Two,math,advanced,30,c++,,c0\n"
                                      "c4,Four,art,beginner,5,rust,,\n"
                                      "c6,Six,art,beginner,5,java,2020-01-01,c2|c4\n"
                                      "c8,Eight,\xe8\x89\xba\xe6\x9c\xaf,beginner,5,,,\n");
  const auto ask = [&](std::vector<std::string> options) {
    options.insert(options.end(), {"--user", "u0", "--seen", "keep", "-n", "9", "--catalog", catalogue});
    return Ask(options)[0];
  };
  using testing::UnorderedElementsAre;
  EXPECT_THAT(Items(ask({"--filter", "price < 20"})), UnorderedElementsAre("c0", "c4", "c8"));  // c6 is past
  EXPECT_EQ(ask({"--filter", "price < 20"})["reason"], "the filter lets fewer items pass");
  EXPECT_THAT(Items(ask({"--filter", "price < 20", "--now", "2019-12-31"})),
              UnorderedElementsAre("c0", "c4", "c6", "c8"));
  EXPECT_THAT(Items(ask({"--filter", "has(level) and not tag in ('java', 'c++')"})), UnorderedElementsAre("c4", "c8"));
  EXPECT_THAT(Items(ask({"--filter", "category == '\xe8\x89\xba\xe6\x9c\xaf'"})), ElementsAre("c8"));
  const std::vector<std::string> unlocked = Items(ask({"--filter", "has(price)", "--prerequisites"}));
  EXPECT_THAT(unlocked, UnorderedElementsAre("c0", "c4", "c8"));
  EXPECT_THAT(Items(ask({"--filter", "has(price)", "--prerequisites", "--completed", "c0"})),
              UnorderedElementsAre("c0", "c2", "c4", "c8"));
  EXPECT_EQ(Items(ask({"--filter", "category in ('math', 'art')", "--category-cap", "1"})).size(), 2u);
  EXPECT_EQ(Items(ask({"--filter", "has(price)", "--cap", "math=0"})).size(), 2u);
  EXPECT_EQ(Items(ask({"--filter", "has(price)", "--weight", "c8=1000"}))[0], "c8");
  EXPECT_EQ(Items(ask({"--filter", "has(price)", "--diversity", "0.4", "--diversity-by", "catalog"})).size(), 4u);
  EXPECT_TRUE(ask({"--explore", "0.5"})["items"][0].contains("propensity"));

  const ToolResult wrong = Run(
      {"recommend", "--model", Path("m.waypost"), "--user", "u0", "--catalog", catalogue, "--filter", "price < cheap"});
  EXPECT_EQ(wrong.exit_status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--filter: Filter: character 9: want a text in quotes or a number, got 'cheap'"));
  EXPECT_EQ(Run({"recommend", "--model", Path("m.waypost"), "--user", "u0", "--filter", "price < 3"}).exit_status, 2);
}

TEST_F(Recommend, PathOrdersTheCoursesToAGoal) {
  const std::string catalogue =
      Write("catalog.csv", "id,title,prerequisites\na,A,b|c\nb,B,d\nc,C,d|retired\nd,D,\nx,X,y\ny,Y,x\n");
  const std::string events = Write("e.csv", "user,item,kind\nann,d,complete\nann,b,view\n");
  const auto path = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"path", "--catalog", catalogue, "--to", "a"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::vector<std::string> items;
    const Json answer = RunJson(arguments);
    for (const Json& step : answer["path"]) items.push_back(step["item"]);
    return items;
  };
  EXPECT_THAT(path({}), ElementsAre("d", "b", "c", "a"));
  EXPECT_THAT(path({"--user", "ann", "--events", events}), ElementsAre("b", "c", "a"));
  EXPECT_THAT(path({"--completed", "b,c"}), ElementsAre("a"));
  const ToolResult circle = Run({"path", "--catalog", catalogue, "--to", "x"});
  EXPECT_EQ(circle.exit_status, 1);
  EXPECT_THAT(circle.err, HasSubstr("want prerequisites without a circle, got x -> y -> x"));
}

#ifdef WAYPOST_STORE
TEST_F(Recommend, StoresTrainEvaluateAndAnswer) {
  const std::string store = Path("store");
  {
    EngineOptions options;
    options.store.durability = Durability::kFast;
    const std::unique_ptr<Engine> engine = Engine::Open(store, options).value();
    EventLogBuilder log;
    ASSERT_TRUE(ReadEvents(Write("e.csv", TwoTribes(60, 24)), {}, log).ok());
    ASSERT_TRUE(engine->store().AppendLog(std::move(log).Build(), "tribes").ok());
    const Json before = RunJson({"recommend", "--store", store, "--user", "u1", "-n", "4"})["results"][0];  // no model
    ASSERT_EQ(before["items"].size(), 4u);
    for (const Json& item : before["items"]) EXPECT_NE(item["source"], "fold-in");
    const Json trained = RunJson({"train", "--store", store, "--model", "item-knn", "--out", Path("m.waypost")});
    EXPECT_EQ(trained["users"], 60);
    ASSERT_TRUE(engine->Publish(Path("m.waypost")).ok());
    const std::vector<Event> clicks = {{.user = "new", .item = "c3"}, {.user = "new", .item = "c7"}};
    ASSERT_TRUE(engine->Record(clicks).ok());
    // A reader beside the writer.
    const Json answer = RunJson({"recommend", "--store", store, "--user", "new", "-n", "4"})["results"][0];
    ASSERT_EQ(answer["items"].size(), 4u);
    for (const Json& item : answer["items"]) {
      EXPECT_EQ(item["source"], "fold-in");
      EXPECT_EQ(std::stoi(item["item"].get<std::string>().substr(1)) % 2, 1);
    }
  }
  const Json all = RunJson({"recommend", "--store", store, "--all", "-n", "2"})["results"];
  EXPECT_EQ(all.size(), 61u);
  const Json files = RunJson(
      {"evaluate", "--train", Path("e.csv"), "--split", "random", "--model", "popularity", "--metrics", "recall@5"});
  const Json stored =
      RunJson({"evaluate", "--store", store, "--split", "random", "--model", "popularity", "--metrics", "recall@5"});
  EXPECT_GT(stored["metrics"]["recall@5"].get<double>(), 0.5 * files["metrics"]["recall@5"].get<double>());
  EXPECT_EQ(
      Run({"train", "--store", store, "--train", Path("e.csv"), "--model", "item-knn", "--out", Path("x")}).exit_status,
      2);
  EXPECT_EQ(Run({"recommend", "--store", store, "--model", Path("m.waypost"), "--user", "u1"}).exit_status, 2);
}
#endif

}  // namespace
}  // namespace waypost::testing_support
