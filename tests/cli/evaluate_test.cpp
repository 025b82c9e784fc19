// evaluate: the fixed keys, the splits, several models, and the published figures of real data.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "support/data.hpp"
#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class EvaluateVerb : public CliTest {};

TEST_F(EvaluateVerb, ErrorsOfPredictedRatingsWantValuesAsStrengths) {
  std::string csv = "user,item,value\n";
  for (int user = 0; user < 30; ++user)
    for (int item = 0; item < 20; ++item)
      if ((user * 7 + item * 3) % 5 != 0)
        csv += "u" + std::to_string(user) + ",c" + std::to_string(item) + "," + std::to_string(1 + (user + item) % 5) +
               "\n";
  const std::string file = Write("ratings.csv", csv);
  const std::vector<std::string> question = {"evaluate",     "--train",   file,           "--split",
                                             "random",       "--model",   "explicit-als", "--set",
                                             "dimensions=4", "--metrics", "rmse,mae"};
  std::vector<std::string> arguments = question;
  arguments.insert(arguments.end(), {"--value-transform", "linear"});
  const nlohmann::json result = RunJson(arguments);
  EXPECT_GT(result["metrics"]["rmse"], result["metrics"]["mae"]);
  EXPECT_LT(result["metrics"]["rmse"], 2.0);  // the ratings' deviation is 1.4
  EXPECT_THAT(result["definitions"]["rmse"].get<std::string>(), testing::HasSubstr("over the ratings above 0"));
  for (const auto& [model, metric] : {std::pair("ials", "rmse"), std::pair("explicit-als", "ndcg@5")}) {
    const ToolResult stopped = Run({"train", "--train", file, "--model", model, "--value-transform", "linear",
                                    "--early-stop", metric, "--out", Path("m.waypost")});
    EXPECT_EQ(stopped.exit_status, 2) << model << " has nothing to stop by";
  }
  const ToolResult without = Run(question);
  EXPECT_EQ(without.exit_status, 1);
  EXPECT_EQ(without.err.find("explicit-als 1"), std::string::npos) << "it is said before any training";
  EXPECT_THAT(without.err, testing::HasSubstr("--value-transform linear"));
}

TEST_F(EvaluateVerb, JsonHasTheFixedKeys) {
  const std::string events = Write("e.csv", TwoTribes(60, 24));
  const Json json = RunJson({"evaluate", "--train", events, "--split", "loo", "--model", "item-knn", "--metrics",
                             "recall@5,ndcg@5,auc,coverage@5"});
  for (const char* name : {"recall@5", "ndcg@5", "auc", "coverage@5"}) {
    const double value = json["metrics"][name];
    EXPECT_GE(value, 0);
    EXPECT_LE(value, 1);
    EXPECT_TRUE(json["definitions"][name].is_string());
    EXPECT_TRUE(json["intervals"].contains(name));
  }
  EXPECT_LE(json["intervals"]["recall@5"][0].get<double>(), json["metrics"]["recall@5"].get<double>());
  EXPECT_GE(json["intervals"]["recall@5"][1].get<double>(), json["metrics"]["recall@5"].get<double>());
  EXPECT_EQ(json["users"], 60);
  EXPECT_EQ(json["users_without_test"], 0);
  EXPECT_TRUE(json["unknown_items"].is_number_unsigned());
  for (const char* key : {"seconds", "peak_rss_bytes", "threads", "seed", "simd", "version"})
    EXPECT_TRUE(json.contains(key)) << key;
}

TEST_F(EvaluateVerb, SeveralModelsGiveOneTableAndPersonalModelsBeatPopularity) {
  const std::string events = Write("e.csv", TwoTribes(100, 30));
  const std::vector<std::string> command = {"evaluate",          "--train",    events,     "--split", "random",
                                            "--model",           "popularity", "item-knn", "ials",    "--set",
                                            "ials.dimensions=8", "--metrics",  "recall@5"};
  const Json json = RunJson(command);
  ASSERT_EQ(json["models"].size(), 3u);
  EXPECT_EQ(json["models"][2]["options"]["dimensions"], 8);
  const double popularity = json["models"][0]["metrics"]["recall@5"];
  for (std::size_t m = 1; m < 3; ++m)
    EXPECT_GT(json["models"][m]["metrics"]["recall@5"].get<double>(), popularity + 0.1);
  const ToolResult table = Run(command);
  EXPECT_EQ(std::count(table.out.begin(), table.out.end(), '\n'), 4);
  EXPECT_THAT(table.out, HasSubstr("recall@5"));
}

TEST_F(EvaluateVerb, EverySplitWorksAndDoesNotDependOnThreads) {
  std::string events = "user,item,time\n";
  for (int user = 0; user < 60; ++user)
    for (int n = 0; n < 8; ++n)
      events += "u" + std::to_string(user) + ",c" + std::to_string((user % 2) + 2 * ((user * 5 + n * 3) % 12)) +
                ",2024-01-" + std::to_string(10 + (user + n * 2) % 20) + "\n";
  const std::string file = Write("e.csv", events);
  for (const std::vector<std::string>& split : std::vector<std::vector<std::string>>{{"loo"},
                                                                                     {"loo-random"},
                                                                                     {"last", "--fraction", "0.3"},
                                                                                     {"users", "--fraction", "0.3"},
                                                                                     {"time", "--cut", "2024-01-25"},
                                                                                     {"time"},
                                                                                     {"random", "--fraction", "0.4"}}) {
    SCOPED_TRACE(testing::PrintToString(split));
    std::vector<Json> runs;
    for (const char* threads : {"1", "7"}) {
      std::vector<std::string> command = {"evaluate", "--train",      file,        "--model",         "ials",
                                          "--set",    "dimensions=8", "--metrics", "recall@5,ndcg@5", "--threads",
                                          threads,    "--split"};
      command.insert(command.end(), split.begin(), split.end());
      runs.push_back(RunJson(command));
    }
    EXPECT_EQ(runs[0]["metrics"], runs[1]["metrics"]);
    EXPECT_EQ(runs[0]["intervals"], runs[1]["intervals"]);
    EXPECT_GT(runs[0]["users"].get<int>(), 0);
    EXPECT_EQ(runs[0]["train_events"].get<int>() + runs[0]["test_events"].get<int>() <= 480, true);
  }
}

TEST_F(EvaluateVerb, ItemsUnknownToTrainingStayInTheDenominatorAndAreCounted) {
  const std::string train = Write("train.csv", "user,item\na,x\nb,x\nb,y\n");
  const std::string test = Write("test.csv", "user,item\na,y\na,new\n");
  const Json json =
      RunJson({"evaluate", "--train", train, "--test", test, "--model", "popularity", "--metrics", "recall@2"});
  EXPECT_EQ(json["metrics"]["recall@2"], 0.5);
  EXPECT_EQ(json["unknown_items"], 1);
  EXPECT_EQ(json["users"], 1);
  EXPECT_EQ(json["users_without_test"], 1);
}

TEST_F(EvaluateVerb, UsersWithoutHistoryAreRankedByPopularityAsInRecommend) {
  const std::string train = Write("train.csv", TwoTribes(60, 24) + "u0,hit\nu1,hit\nu2,hit\n");
  std::string rows = "user,item\n";
  for (int user = 0; user < 30; ++user) rows += "new" + std::to_string(user) + ",c" + std::to_string(user % 24) + "\n";
  const std::string test = Write("test.csv", rows);
  const Json json = RunJson({"evaluate", "--train", train, "--test", test, "--model", "popularity", "item-knn", "ials",
                             "--set", "ials.dimensions=4", "--metrics", "recall@5,auc"});
  EXPECT_EQ(json["users_by_popularity"], 30);
  for (std::size_t m = 1; m < 3; ++m) EXPECT_EQ(json["models"][m]["metrics"], json["models"][0]["metrics"]);
  EXPECT_THAT(Run({"evaluate", "--train", train, "--test", test, "--model", "item-knn"}).err,
              HasSubstr("30 users without training history: ranked by popularity"));
}

TEST_F(EvaluateVerb, StrataAndLeaksAreReported) {
  std::string events = "user,item,time\n";
  for (int user = 0; user < 60; ++user)
    for (int n = 0; n < 8; ++n)
      events += "u" + std::to_string(user) + ",c" + std::to_string((user % 2) + 2 * ((user * 5 + n * 3) % 12)) +
                ",2024-01-" + std::to_string(10 + (user + n * 2) % 20) + "\n";
  const std::string file = Write("e.csv", events);
  const std::vector<std::string> command = {"evaluate", "--train", file, "--model", "item-knn", "--split"};
  std::vector<std::string> random = command, time = command;
  random.push_back("random");
  time.push_back("time");
  const Json json = RunJson(random);
  EXPECT_GT(json["leaks"]["later_events"].get<int>(), 0);
  EXPECT_EQ(json["leaks"]["pairs_in_training"], 0);
  EXPECT_EQ(json["strata"].size(), 6u);
  EXPECT_EQ(json["strata"]["users of more"]["users"].get<int>() + json["strata"]["users of 1..5"]["users"].get<int>(),
            json["users"]);
  EXPECT_THAT(Run(random).err, HasSubstr("leak: "));
  EXPECT_EQ(RunJson(time)["leaks"]["later_events"], 0);
  EXPECT_EQ(Run(time).err.find("leak: "), std::string::npos);
  random.push_back("--strata");
  const std::string table = Run(random).out;
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 7);
  EXPECT_THAT(table, HasSubstr("cold items"));
}

TEST_F(EvaluateVerb, SampledFiguresAreWarnedOfNamedOtherwiseAndNotCompared) {
  const std::string events = Write("e.csv", TwoTribes(60, 24));
  const std::vector<std::string> command = {"evaluate", "--train",  events,      "--split", "random",
                                            "--model",  "item-knn", "--metrics", "ndcg@5",  "--sampled-negatives",
                                            "5"};
  const Json json = RunJson(command);
  EXPECT_TRUE(json["metrics"].contains("sampled-ndcg@5"));
  EXPECT_FALSE(json["metrics"].contains("ndcg@5"));
  EXPECT_EQ(json["sampled_negatives"], 5);
  EXPECT_THAT(Run(command).err, HasSubstr("warning: test items ranked among 5 others"));
  EXPECT_EQ(Run({"compare", "--train", events, "--split", "random", "--models", "item-knn", "--sampled-negatives", "5"})
                .exit_status,
            2);
}

TEST_F(EvaluateVerb, TestPairsThatTrainingHoldsAreToldOf) {
  const std::string train = Write("train.csv", "user,item\nu,a\nu,b\nv,b\nv,c\n");
  const std::string test = Write("test.csv", "user,item\nu,a\nu,c\n");
  EXPECT_THAT(Run({"evaluate", "--train", train, "--test", test, "--model", "popularity"}).err,
              HasSubstr("1 test pair left out: met in training already"));
  EXPECT_THAT(Run({"evaluate", "--train", train, "--test", train, "--model", "popularity"}).err,
              HasSubstr("4 test pairs are training pairs"));
}

TEST_F(EvaluateVerb, WrongCommandLinesAreUsageErrors) {
  const std::string events = Write("e.csv", TwoTribes(20, 10));
  const auto status = [&](const std::vector<std::string>& options) {
    std::vector<std::string> command = {"evaluate", "--train", events, "--model", "popularity"};
    command.insert(command.end(), options.begin(), options.end());
    return Run(command).exit_status;
  };
  EXPECT_EQ(status({}), 2);
  EXPECT_EQ(status({"--split", "loo", "--test", events}), 2);
  EXPECT_EQ(status({"--split", "loo", "--fraction", "0.5"}), 2);
  EXPECT_EQ(status({"--split", "random", "--fraction", "1.5"}), 2);
  EXPECT_EQ(status({"--split", "random", "--cut", "2024-01-01"}), 2);
  EXPECT_EQ(status({"--split", "loo", "--metrics", "recal@5"}), 2);
  EXPECT_EQ(status({"--split", "loo", "--metrics", "recall"}), 2);
  EXPECT_EQ(status({"--split", "loo", "--model", "popularity"}), 2);
  EXPECT_EQ(status({"--split", "loo", "--set", "ials.epochs=2"}), 2);
  EXPECT_EQ(status({"--split", "time"}), 1);  // the events have no time
}

TEST_F(EvaluateVerb, PopularityOnGowallaHasThePublishedFigures) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "cf-gowalla/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "cf-gowalla/test.txt.gz");
  const Json json = RunJson(
      {"evaluate", "--train", train, "--test", test, "--model", "popularity", "--metrics", "recall@20,ndcg@20"});
  EXPECT_NEAR(json["metrics"]["recall@20"].get<double>(), 0.0416, 0.00005);  // published with four digits
  EXPECT_NEAR(json["metrics"]["ndcg@20"].get<double>(), 0.0317, 0.00005);
  EXPECT_EQ(json["users"], 29858);
}

TEST_F(EvaluateVerb, PopularityOnCourseEnrolmentsHasThePublishedFigures) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "course-mooccubex-enrolments/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "course-mooccubex-enrolments/test.txt.gz");
  const Json json = RunJson({"evaluate", "--train", train, "--test", test, "--model", "popularity", "--metrics",
                             "hit-rate@10,hit-rate@20,ndcg@10,ndcg@20"});
  EXPECT_NEAR(json["metrics"]["hit-rate@10"].get<double>(), 0.0618, 0.00005);  // published with four digits
  EXPECT_NEAR(json["metrics"]["hit-rate@20"].get<double>(), 0.1039, 0.00005);
  EXPECT_NEAR(json["metrics"]["ndcg@10"].get<double>(), 0.0336, 0.00005);
  EXPECT_NEAR(json["metrics"]["ndcg@20"].get<double>(), 0.0442, 0.00005);
}

}  // namespace
}  // namespace waypost::testing_support
