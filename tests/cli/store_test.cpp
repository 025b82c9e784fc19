// The verbs of a store: import, export, publish, verify, compact, backup, forget.
#include <filesystem>
#include <iterator>
#include <string>

#include <sched.h>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;

std::string Events(int count) {
  std::string csv = "user,item,kind\n";
  for (int n = 0; n < count; ++n) csv += "u" + std::to_string(n % 19) + ",c" + std::to_string(n % 7) + ",like\n";
  return csv;
}

using StoreVerbs = CliTest;

TEST_F(StoreVerbs, AFileImportedAgainCountsOnceAndWhatWasAppendedToItIsAdded) {
  const std::string store = Path("store"), file = Write("events.csv", Events(5000));
  EXPECT_EQ(RunJson({"import", "--store", store, file})["added"], 5000);
  const nlohmann::json again = RunJson({"import", "--store", store, file});
  EXPECT_EQ(again["added"], 0);
  EXPECT_EQ(again["repeated"], 5000);
  std::ofstream(file, std::ios::app) << Events(6000).substr(Events(5000).size());
  const nlohmann::json more = RunJson({"import", file, "--store", store});
  EXPECT_EQ(more["added"], 1000);
  EXPECT_EQ(more["events"], 6000);
  const ToolResult stream = Run({"import", "--store", store, "--input-format", "csv", "--source", "web", "-"}, file);
  EXPECT_EQ(stream.exit_status, 0) << stream.err;
  EXPECT_THAT(stream.out, HasSubstr("6,000 events added, 12,000 in all"));
  const nlohmann::json sound = RunJson({"verify", store});
  EXPECT_EQ(sound["events"], 12'000);
  EXPECT_EQ(sound["users"], 19);
  EXPECT_EQ(sound["items"], 7);
  EXPECT_TRUE(sound["problems"].empty());
}

TEST_F(StoreVerbs, ARuleOnAStoreWithoutACatalogueSaysHowToAddOne) {
  const std::string store = Path("store");
  ASSERT_EQ(RunJson({"import", "--store", store, Write("e.csv", Events(190))})["added"], 190);
  const std::vector<std::vector<std::string>> rules = {
      {"--filter", "price < 20"}, {"--prerequisites"}, {"--category-cap", "1"}, {"--diversity-by", "catalog"}};
  for (const std::vector<std::string>& rule : rules) {
    std::vector<std::string> arguments = {"recommend", "--store", store, "--user", "u1", "-n", "3"};
    arguments.insert(arguments.end(), rule.begin(), rule.end());
    const ToolResult result = Run(arguments);
    EXPECT_EQ(result.exit_status, 1) << rule[0];
    EXPECT_THAT(result.err, HasSubstr(rule[0]));
    EXPECT_THAT(result.err, HasSubstr("waypost import --catalog"));
  }
  const std::string catalog = Write("catalog.jsonl", "{\"id\":\"c1\",\"price\":10}\n");
  ASSERT_EQ(Run({"import", "--store", store, "--catalog", catalog}).exit_status, 0);
  EXPECT_EQ(Run({"recommend", "--store", store, "--user", "u1", "--filter", "price < 20"}).exit_status, 0);
}

TEST_F(StoreVerbs, BenchCountsTheCallsThatARateMadeDueAndThatNeverBegan) {
  const std::string store = Path("store");
  ASSERT_EQ(RunJson({"import", "--store", store, Write("e.csv", Events(190))})["added"], 190);
  const nlohmann::json late = RunJson({"bench", store, "--seconds", "0.2", "--rate", "10000000", "--recommend", "0"});
  std::uint64_t begun = 0;
  for (const nlohmann::json& verb : late["verbs"])
    begun += verb["calls"].get<std::uint64_t>() + verb["errors"].get<std::uint64_t>();
  EXPECT_GT(late["calls_not_begun"], 0);
  EXPECT_NEAR(static_cast<double>(begun + late["calls_not_begun"].get<std::uint64_t>()), 2e6, 2);  // one a thread
  EXPECT_EQ(RunJson({"bench", store, "--seconds", "0.1"})["calls_not_begun"], 0) << "without a rate none is due";
}

TEST_F(StoreVerbs, RetentionIsSetOnceShownAndAppliedByEveryCompaction) {
  const std::string store = Path("store");
  const auto write = [&](const std::string& user) {
    std::string csv = "user,item,kind,time\n";
    for (const std::string when : {"1971-01-01", "2001-01-01", "2999-01-01"})
      for (const std::string kind : {"view", "complete"}) csv += user + ",c," + kind + "," + when + "\n";
    return Write(user + ".csv", csv);
  };
  ASSERT_EQ(RunJson({"import", "--store", store, write("ann")})["added"], 6);
  const nlohmann::json unset = nlohmann::json::parse(R"({"days":null,"kinds":{}})");
  EXPECT_EQ(RunJson({"retention", "--store", store})["retention"], unset);
  EXPECT_EQ(RunJson({"verify", store})["retention"], unset);

  const nlohmann::json windows = nlohmann::json::parse(R"({"days":730.0,"kinds":{"complete":null,"view":0.5}})");
  EXPECT_EQ(
      RunJson({"retention", "--store", store, "--days", "730", "--kind", "complete=forever", "view=0.5"})["retention"],
      windows);
  EXPECT_EQ(RunJson({"verify", store})["retention"], windows);
  EXPECT_THAT(Run({"verify", store}).out, HasSubstr("kept for 730 days; complete for ever; view for 0.5 days"));
  EXPECT_EQ(RunJson({"compact", "--store", store})["events_dropped"], 2);
  EXPECT_EQ(RunJson({"compact", "--store", store})["events_dropped"], 0);
  EXPECT_EQ(RunJson({"retention", "--store", store, "--days", "forever", "--kind", "complete=default"})["retention"],
            nlohmann::json::parse(R"({"days":null,"kinds":{"view":0.5}})"));
  ASSERT_EQ(RunJson({"import", "--store", store, write("ben")})["added"], 6);
  EXPECT_EQ(RunJson({"compact", "--store", store})["events_dropped"], 2) << "the new events are as old";

  for (const std::string wrong : {"0", "-1", "soon", "1e9", "nan"})
    EXPECT_EQ(Run({"retention", "--store", store, "--days", wrong}).exit_status, 2) << wrong;
  for (const std::string wrong : {"view", "=3", "view=", "view=never"})
    EXPECT_EQ(Run({"retention", "--store", store, "--kind", wrong}).exit_status, 2) << wrong;
  const ToolResult unknown = Run({"retention", "--store", store, "--kind", "bookmark=3"});
  EXPECT_EQ(unknown.exit_status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("bookmark"));
}

TEST_F(StoreVerbs, ExportForgetCompactAndBackupWorkOnAStoreThatHasEverything) {
  const std::string store = Path("store");
  const std::string catalog = Write("catalog.jsonl", "{\"id\":\"c1\",\"title\":\"Soldering\"}\n");
  const std::string users = Write("users.csv", "id,city\nu3,Turin\n");
  const nlohmann::json imported =
      RunJson({"import", "--store", store, Write("e.csv", Events(190)), "--catalog", catalog, "--users", users});
  EXPECT_EQ(imported["catalogue_items"], 1);
  EXPECT_EQ(imported["users_with_facts"], 1);
  EXPECT_EQ(RunJson({"export", "--store", store, "--out", Path("out.csv")})["events"], 190);
  EXPECT_EQ(RunJson({"import", "--store", Path("other"), Path("out.csv")})["events"], 190);
  EXPECT_EQ(Run({"backup", "--store", store, "--out", Path("copy")}).exit_status, 0);
  const nlohmann::json forgotten = RunJson({"forget", "--store", store, "--user", "u3", "u4"});
  EXPECT_EQ(forgotten["events"], 20);
  EXPECT_TRUE(forgotten["models"].empty());
  EXPECT_EQ(Run({"forget", "--store", store, "--user", "u3"}).exit_status, 1);
  EXPECT_EQ(RunJson({"compact", "--store", store})["events_dropped"], 20);
  EXPECT_EQ(RunJson({"verify", store})["users"], 17);
  EXPECT_EQ(RunJson({"verify", Path("copy")})["users"], 19);
  EXPECT_EQ(ReadFile(Path("out.csv")).substr(0, 25), "user,item,kind,value,time");
}

TEST_F(StoreVerbs, AModelTrainedOnAStoreAndPublishedAnswersWithTheNewestEvents) {
  const std::string store = Path("store"), model = Path("m.waypost");
  ASSERT_EQ(Run({"import", "--store", store, Write("e.csv", Events(190))}).exit_status, 0);
  const nlohmann::json early = RunJson({"recommend", "--store", store, "--user", "u3", "new", "-n", "2"})["results"];
  EXPECT_TRUE(early[0]["items"].empty());  // u3 has met every course
  EXPECT_EQ(early[1]["items"].size(), 2u);
  EXPECT_EQ(early[1]["items"][0]["source"], "trending");
  ASSERT_EQ(Run({"train", "--store", store, "--model", "item-knn", "--out", model}).exit_status, 0);
  EXPECT_EQ(RunJson({"publish", "--store", store, "--model", model})["file"], model);
  const std::string catalog = Write("catalog.jsonl", "{\"id\":\"c1\",\"title\":\"Soldering\"}\n");
  const std::string more = Write("more.csv", "user,item,kind\nnew,c2,like\n");
  ASSERT_EQ(Run({"import", "--store", store, more, "--catalog", catalog}).exit_status, 0);
  const nlohmann::json answer = RunJson({"recommend", "--store", store, "--user", "new", "-n", "9"})["results"][0];
  ASSERT_EQ(answer["items"].size(), 6u);  // all but c2
  EXPECT_EQ(answer["items"][0]["source"], "fold-in");
  for (const nlohmann::json& item : answer["items"])
    EXPECT_EQ(item["title"], item["item"] == "c1" ? nlohmann::json("Soldering") : nlohmann::json());  // of the store
  EXPECT_EQ(Run({"publish", "--store", store, "--model", Path("absent")}).exit_status, 1);
  std::filesystem::remove(model);
  const ToolResult gone = Run({"recommend", "--store", store, "--user", "new", "-n", "2"});
  EXPECT_EQ(gone.exit_status, 0);
  EXPECT_THAT(gone.err, HasSubstr("no model, because"));
}

TEST_F(StoreVerbs, EventsWithTheirStreamsOwnNumbersCountOnceHoweverTheyAreDelivered) {
  const std::string store = Path("store");
  const auto import = [&](const std::string& name, const std::string& rows) {
    return RunJson({"import", "--store", store, "--source", "web", "--sequence-col", "seq",
                    Write(name, "seq,user,item\n" + rows)});
  };
  EXPECT_EQ(import("a.csv", "5,u,x\n6,u,x\n9,v,x\n")["added"], 3);
  const nlohmann::json again = import("a.csv", "5,u,x\n6,u,x\n9,v,x\n");
  EXPECT_EQ(again["added"], 0);
  EXPECT_EQ(again["repeated"], 3);
  const nlohmann::json overlap = import("b.csv", "6,u,x\n9,v,x\n12,v,y\n18446744073709551614,v,z\n");
  EXPECT_EQ(overlap["added"], 2);
  EXPECT_EQ(overlap["events"], 5);
  const std::string lines = Write("c.jsonl", "{\"seq\":3,\"user\":\"u\",\"item\":\"x\"}\n");
  EXPECT_EQ(RunJson({"import", "--store", store, "--source", "app", "--sequence-col", "seq", lines})["events"], 6);
}

TEST_F(StoreVerbs, SequenceNumbersThatCannotBeAreErrorsThatNameThem) {
  const std::string store = Path("store");
  const auto error = [&](const std::string& rows) {
    const ToolResult result = Run({"import", "--store", store, "--source", "web", "--sequence-col", "seq",
                                   Write("a.csv", "seq,user,item\n" + rows)});
    EXPECT_EQ(result.exit_status, 1);
    return result.err;
  };
  EXPECT_THAT(error("5,u,x\n5,u,y\n"), HasSubstr("column 'seq': want numbers that ascend, got 5 behind 5"));
  EXPECT_THAT(error("5,u,x\n,u,y\n"), HasSubstr("a.csv:3: column 'seq': want a whole number of 64 bits, got ''"));
  EXPECT_THAT(error("1.5,u,x\n"), HasSubstr("want a whole number"));
  EXPECT_THAT(Run({"import", "--store", store, "--source", "web", "--sequence-col", "no", Path("a.csv")}).err,
              HasSubstr("column 'no': want this column"));
  EXPECT_EQ(Run({"import", "--store", store, "--sequence-col", "seq", Path("a.csv")}).exit_status, 2);
}

TEST_F(StoreVerbs, PathTakesTheCatalogueAndWhatIsCompletedFromAStore) {
  const std::string store = Path("store");
  const std::string catalog = Write("catalog.jsonl",
                                    "{\"id\":\"a\"}\n{\"id\":\"b\",\"prerequisites\":[\"a\"]}\n"
                                    "{\"id\":\"c\",\"prerequisites\":[\"b\"]}\n");
  const std::string events = Write("e.csv", "user,item,kind\nada,a,complete\nada,b,view\n");
  ASSERT_EQ(Run({"import", "--store", store, events, "--catalog", catalog}).exit_status, 0);
  const auto path = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"path", "--store", store, "--to", "c"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<std::string> items;
    const nlohmann::json answer = RunJson(arguments);
    for (const nlohmann::json& step : answer["path"]) items.push_back(step["item"]);
    return items;
  };
  EXPECT_THAT(path({}), testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(path({"--user", "ada"}), testing::ElementsAre("b", "c"));
  EXPECT_THAT(path({"--user", "nobody"}), testing::ElementsAre("a", "b", "c"));
  ASSERT_EQ(Run({"import", "--store", store, Write("more.csv", "user,item,kind\nada,b,complete\n")}).exit_status, 0);
  EXPECT_THAT(path({"--user", "ada"}), testing::ElementsAre("c"));
  EXPECT_EQ(Run({"path", "--store", store, "--to", "z"}).exit_status, 1);
  EXPECT_EQ(Run({"path", "--store", store, "--catalog", catalog, "--to", "c"}).exit_status, 2);
  EXPECT_EQ(Run({"path", "--store", store, "--to", "c", "--user", "ada", "--events", events}).exit_status, 2);
}

TEST_F(StoreVerbs, TestFilesOfAnEvaluationMayHoldTheKindsOfTheStore) {
  const std::string store = Path("store");
  const std::string train = Write("train.csv", "user,item,kind\na,x,buy\na,y,buy\nb,x,buy\nb,z,buy\n");
  ASSERT_EQ(Run({"import", "--store", store, train, "--kind", "buy=2"}).exit_status, 0);
  const std::string test = Write("test.csv", "user,item,kind\na,z,buy\nb,y,buy\n");
  const nlohmann::json result =
      RunJson({"evaluate", "--store", store, "--test", test, "--model", "popularity", "--metrics", "recall@5"});
  EXPECT_EQ(result["metrics"]["recall@5"], 1);
}

TEST_F(StoreVerbs, BenchMeasuresACopyAndLeavesTheStoreAsItIs) {
  const std::string store = Path("store"), model = Path("m.waypost");
  ASSERT_EQ(Run({"import", "--store", store, Write("e.csv", TwoTribes(40, 30))}).exit_status, 0);
  ASSERT_EQ(Run({"train", "--store", store, "--model", "item-knn", "--out", model}).exit_status, 0);
  ASSERT_EQ(Run({"publish", "--store", store, "--model", model}).exit_status, 0);
  const std::vector<std::string> before = Files();
  const nlohmann::json events = RunJson({"verify", store})["events"];
  const nlohmann::json result =
      RunJson({"bench", store + "/", "--seconds", "0.3", "--threads", "3", "--recommend", "0.5", "--batch", "7"});
  ASSERT_EQ(result["verbs"].size(), 2u);
  std::uint64_t answers = 0;
  for (const auto& [source, count] : result["answers"].items()) answers += count.get<std::uint64_t>();
  for (const nlohmann::json& verb : result["verbs"]) {
    EXPECT_GT(verb["calls"], 0);
    EXPECT_EQ(verb["errors"], 0);
    EXPECT_LE(verb["p50_us"], verb["p99_us"]);
    EXPECT_LE(verb["p99_us"], verb["p999_us"]);
    EXPECT_LE(verb["p999_us"], verb["max_us"]);
  }
  EXPECT_EQ(result["verbs"][0]["calls"], answers);
  EXPECT_EQ(result["verbs"][1]["calls"].get<std::uint64_t>() * 7, result["events"]);
  EXPECT_EQ(result["fallbacks"], 0);  // every user has a history
  EXPECT_EQ(RunJson({"verify", store})["events"], events);
  EXPECT_EQ(Files(), before);
}

TEST_F(StoreVerbs, BenchKeepsToTheRateOfEventsAskedFor) {
  const std::string store = Path("store");
  ASSERT_EQ(Run({"import", "--store", store, Write("e.csv", Events(190))}).exit_status, 0);
  const nlohmann::json paced = RunJson({"bench", store, "--seconds", "0.5", "--rate", "40", "--recommend", "0"});
  EXPECT_LE(paced["events"], 20);  // those that are due within the time, and begin within it
  EXPECT_GE(paced["events"], 2);   // two threads: each has one that is due in the beginning
  const ToolResult table = Run({"bench", store, "--seconds", "0.1", "--rate", "40", "--recommend", "0"});
  EXPECT_THAT(table.out, HasSubstr("p99.9 us"));
  EXPECT_EQ(Run({"bench", store, "--rate", "40", "--recommend", "1"}).exit_status, 2);
  EXPECT_EQ(Run({"bench", Path("absent"), "--seconds", "0.1"}).exit_status, 1);
  const ToolResult nowhere = Run({"bench", store, "--seconds", "0.1", "--dir", Path("no such folder")});
  EXPECT_EQ(nowhere.exit_status, 1);
  EXPECT_THAT(nowhere.err, HasSubstr("no such folder/store-bench-"));
}

// Acceptance test 23, between processes: one asks while another exchanges the model.
TEST_F(StoreVerbs, QuestionsAreAnsweredWholeWhileModelsAreExchanged) {
  const std::string store = Path("store");
  const std::string models[] = {Path("knn.waypost"), Path("ials.waypost")};
  ASSERT_EQ(Run({"import", "--store", store, Write("e.csv", TwoTribes(40, 30))}).exit_status, 0);
  ASSERT_EQ(Run({"train", "--store", store, "--model", "item-knn", "--out", models[0]}).exit_status, 0);
  ASSERT_EQ(
      Run({"train", "--store", store, "--model", "ials", "--set", "dimensions=4", "--out", models[1]}).exit_status, 0);
  ASSERT_EQ(Run({"publish", "--store", store, "--model", models[0]}).exit_status, 0);
  for (int round = 0; round < 8; ++round) {
    const pid_t asking = Start({"recommend", "--store", store, "--all", "--json"}, "/dev/null", "captured.asking");
    EXPECT_EQ(Run({"publish", "--store", store, "--model", models[(round + 1) % 2]}).exit_status, 0);
    const ToolResult answers = Wait(asking, "captured.asking");
    ASSERT_EQ(answers.exit_status, 0) << answers.err;
    const nlohmann::json results = nlohmann::json::parse(answers.out)["results"];
    EXPECT_EQ(results.size(), 40u);
    for (const nlohmann::json& result : results) EXPECT_FALSE(result["items"].empty());
  }
}

#ifdef __SANITIZE_THREAD__
constexpr int kThreadsOfSanitizer = 1;
#else
constexpr int kThreadsOfSanitizer = 0;
#endif

// Acceptance test 15: where one processor is allowed, no thread is started.
TEST_F(StoreVerbs, AnswersOnTheOneProcessorThatIsAllowedWithoutStartingThreads) {
  const std::string store = Path("store"), model = Path("m.waypost");
  std::string events = "user,item\n";
  for (int n = 0; n < 8000; ++n) events += "u" + std::to_string(n % 2000) + ",c" + std::to_string(n * 7 % 331) + "\n";
  ASSERT_EQ(Run({"import", "--store", store, Write("e.csv", events)}).exit_status, 0);
  ASSERT_EQ(Run({"train", "--store", store, "--model", "item-knn", "--out", model}).exit_status, 0);
  ASSERT_EQ(Run({"publish", "--store", store, "--model", model}).exit_status, 0);
  for (const std::vector<std::string>& from : {std::vector<std::string>{"--store", store}, {"--model", model}}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(sched_getcpu(), &one);
      sched_setaffinity(0, sizeof(one), &one);
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      execl(WAYPOST_TOOL, WAYPOST_TOOL, "recommend", from[0].c_str(), from[1].c_str(), "--all", "--json", nullptr);
      _exit(127);
    }
    close(ends[1]);
    char byte = 0;
    ASSERT_EQ(read(ends[0], &byte, 1), 1);  // answers have begun, and their text is longer than a pipe takes
    const std::filesystem::directory_iterator threads("/proc/" + std::to_string(child) + "/task");
    EXPECT_LE(std::distance(begin(threads), end(threads)), 1 + kThreadsOfSanitizer);
    std::string rest(1 << 16, ' ');
    while (read(ends[0], rest.data(), rest.size()) > 0) continue;
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

TEST_F(StoreVerbs, SayWhatIsWrong) {
  const std::string store = Path("store");
  EXPECT_EQ(Run({"import", "--store", store}).exit_status, 2);
  EXPECT_EQ(Run({"import", "--store", store, "a.csv", "b.csv", "--source", "s"}).exit_status, 2);
  const ToolResult absent = Run({"export", "--store", store, "--out", Path("x")});
  EXPECT_EQ(absent.exit_status, 1);
  ASSERT_EQ(Run({"import", "--store", store, Write("e.csv", Events(3))}).exit_status, 0);
  std::filesystem::resize_file(store + "/data-000001.mdb", 8192);
  const ToolResult damaged = Run({"verify", store});
  EXPECT_EQ(damaged.exit_status, 1);
  EXPECT_THAT(damaged.err, HasSubstr("problem"));
}

}  // namespace
}  // namespace waypost::testing_support
