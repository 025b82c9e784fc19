// What train writes and says.
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Train : public CliTest {
 protected:
  std::vector<std::string> Command(const std::string& events, const std::string& model, const std::string& out,
                                   const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {"train", "--train", events, "--model", model, "--out", Path(out)};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }
};

TEST_F(Train, EqualBytesForOneTwoAndSevenThreads) {
  const std::string events = Write("e.csv", TwoTribes(300, 60));
  for (const char* model : {"popularity", "item-knn", "ials", "ease", "gf-cf", "bspm", "bpr", "warp", "sparse-ease",
                            "slim", "rp3beta", "blend", "explicit-als", "user-knn", "logistic-mf"}) {
    SCOPED_TRACE(model);
    std::vector<std::string> bytes;
    for (const char* threads : {"1", "2", "7"}) {
      const ToolResult result = Run(Command(events, model, "m.waypost", {"--threads", threads}));
      ASSERT_EQ(result.exit_status, 0) << result.err;
      bytes.push_back(ReadFile(Path("m.waypost")));
    }
    EXPECT_EQ(bytes[0], bytes[1]);
    EXPECT_EQ(bytes[0], bytes[2]);
  }
}

TEST_F(Train, AModelBeyondTheMemoryLimitIsRefusedAndNothingIsWritten) {
  const std::string events = Write("e.csv", TwoTribes(300, 600));
  const ToolResult result = Run(Command(events, "ease", "m.waypost", {"--memory-limit", "2"}));
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.err, HasSubstr("TrainModel.memory: want at most 2 MB, got a plan of "));
  EXPECT_THAT(result.err, HasSubstr(" MB for ease with 600 items; with their defaults would fit: popularity"));
  EXPECT_FALSE(std::filesystem::exists(Path("m.waypost")));
  EXPECT_EQ(Run(Command(events, "ease", "m.waypost", {"--memory-limit", "1000"})).exit_status, 0);
}

TEST_F(Train, TheSeedChangesIalsAndNothingElseDoes) {
  const std::string events = Write("e.csv", TwoTribes(60, 20));
  const auto train = [&](const std::vector<std::string>& options) {
    EXPECT_EQ(Run(Command(events, "ials", "m.waypost", options)).exit_status, 0);
    return ReadFile(Path("m.waypost"));
  };
  const std::string first = train({});
  EXPECT_EQ(train({}), first);
  EXPECT_EQ(train({"--seed", "42"}), first);
  EXPECT_NE(train({"--seed", "7"}), first);
  EXPECT_EQ(train({"--seed", "7"}), train({"--set", "seed=7"}));
}

TEST_F(Train, JsonHasTheFixedKeys) {
  const std::string events = Write("e.csv", TwoTribes(60, 20));
  const nlohmann::json json =
      RunJson(Command(events, "ials", "m.waypost", {"--set", "epochs=5", "dimensions=4", "--threads", "2"}));
  EXPECT_EQ(json["model"], "ials");
  EXPECT_EQ(json["options"]["dimensions"], 4);
  EXPECT_EQ(json["epochs"], 5);
  EXPECT_EQ(json["loss"].size(), 5u);
  EXPECT_EQ(json["file"], Path("m.waypost"));
  EXPECT_EQ(json["threads"], 2);
  EXPECT_EQ(json["seed"], 42);
  EXPECT_GT(json["seconds"].get<double>(), 0);
  EXPECT_GT(json["peak_rss_bytes"].get<std::uint64_t>(), 1'000'000u);
  EXPECT_TRUE(json["simd"].is_string());
  EXPECT_TRUE(json["version"].is_string());
  for (std::size_t epoch = 1; epoch < json["loss"].size(); ++epoch)
    EXPECT_LE(json["loss"][epoch].get<double>(), json["loss"][epoch - 1].get<double>() * (1 + 1e-6));
}

TEST_F(Train, OutputIsTheSameInAnyLocaleAndOnlyDiagnosticsGoToStandardError) {
  const std::string events = Write("e.csv", TwoTribes(60, 20));
  const std::vector<std::string> command = Command(events, "item-knn", "m.waypost");
  const ToolResult result = Run(command);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("events from " + events));
  const std::string plain = ReadFile(Path("m.waypost"));
  setenv("LC_ALL", "de_DE.UTF-8", 1);
  EXPECT_EQ(Run(command).exit_status, 0);
  unsetenv("LC_ALL");
  EXPECT_EQ(ReadFile(Path("m.waypost")), plain);
}

TEST_F(Train, AnInterruptStopsCleanlyAndWritesNothing) {
  const std::string events = Write("e.csv", TwoTribes(2000, 300));
  const pid_t child =
      Start(Command(events, "ials", "m.waypost", {"--set", "dimensions=128", "epochs=10000", "--threads", "1"}));
  // The interrupt must come after the tool began to train.
  for (int wait = 0; wait < 600 && ReadFile(Path("captured.err")).find("training ials") == std::string::npos; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  kill(child, SIGINT);
  const ToolResult result = Wait(child);
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("interrupted: nothing was written"));
  EXPECT_THAT(Files(), ElementsAre("e.csv"));
}

TEST_F(Train, EarlyStopFindsTheEpochsAndThenTrainsOnEverything) {
  const std::string events = Write("e.csv", TwoTribes(200, 40));
  const nlohmann::json json = RunJson(Command(
      events, "ials", "m.waypost",
      {"--set", "dimensions=8", "epochs=12", "patience=3", "--early-stop", "ndcg@10", "--validation-share", "0.2"}));
  EXPECT_EQ(json["validation"]["metric"], "ndcg@10");
  const std::vector<double> values = json["validation"]["values"];
  ASSERT_FALSE(values.empty());
  const auto best = std::max_element(values.begin(), values.end()) - values.begin() + 1;
  EXPECT_EQ(json["epochs"], best);
  EXPECT_EQ(json["pairs"], json["events"]);
  // The same as naming that number of epochs.
  const std::string found = ReadFile(Path("m.waypost"));
  EXPECT_EQ(Run(Command(events, "ials", "m.waypost", {"--set", "dimensions=8", "epochs=" + std::to_string(best)}))
                .exit_status,
            0);
  EXPECT_EQ(ReadFile(Path("m.waypost")), found);
}

TEST_F(Train, EarlyStopRefusesWhatItCannotUse) {
  const std::string events = Write("e.csv", TwoTribes(20, 10));
  EXPECT_EQ(Run(Command(events, "item-knn", "m.waypost", {"--early-stop", "ndcg@10"})).exit_status, 2);
  EXPECT_EQ(Run(Command(events, "ials", "m.waypost", {"--early-stop", "loss"})).exit_status, 2);
  EXPECT_EQ(Run(Command(events, "ials", "m.waypost", {"--set", "patience=2"})).exit_status, 2);
  EXPECT_EQ(Run(Command(events, "ials", "m.waypost", {"--validation-share", "0.5"})).exit_status, 2);
}

TEST_F(Train, WeightingChangesStrengths) {
  const std::string events = Write("e.csv",
                                   "user,item,kind,value,time\n"
                                   "a,x,view,10,2024-01-01\n"
                                   "a,x,view,20,2024-01-31\n"
                                   "b,y,pay,5,2024-01-31\n"
                                   "c,z,dislike,5,2024-01-31\n");
  const auto scores = [&](std::vector<std::string> options) {
    EXPECT_EQ(Run(Command(events, "popularity", "m.waypost", options)).exit_status, 0);
    const nlohmann::json json = RunJson({"recommend", "--model", Path("m.waypost"), "--user", "new", "-n", "3"});
    std::map<std::string, double> found;
    for (const auto& item : json["results"][0]["items"]) found[item["item"]] = item["score"];
    return found;
  };
  using Scores = std::map<std::string, double>;
  EXPECT_EQ(scores({}), (Scores{{"x", 1}, {"y", 1}, {"z", 0}}));
  EXPECT_EQ(scores({"--duplicates", "sum"}), (Scores{{"x", 2}, {"y", 1}, {"z", 0}}));
  EXPECT_EQ(scores({"--value-transform", "linear", "--duplicates", "sum"}), (Scores{{"x", 30}, {"y", 5}, {"z", 0}}));
  EXPECT_EQ(scores({"--min-value", "6"}), (Scores{{"x", 1}, {"y", 0}, {"z", 0}}));
  EXPECT_EQ(scores({"--kind", "pay=3"}), (Scores{{"x", 1}, {"y", 3}, {"z", 0}}));
  EXPECT_EQ(scores({"--kind", "dislike=2:positive", "pay=1:neutral"}), (Scores{{"x", 1}, {"y", 0}, {"z", 2}}));
  // Ages count from the latest event: 30 days are one half-life.
  EXPECT_EQ(scores({"--half-life", "30", "--duplicates", "sum"}), (Scores{{"x", 1.5}, {"y", 1}, {"z", 0}}));
  EXPECT_EQ(scores({"--half-life", "30", "--now", "2024-03-01"}), (Scores{{"x", 0.5}, {"y", 0.5}, {"z", 0}}));
  EXPECT_EQ(Run(Command(events, "popularity", "m.waypost", {"--now", "2024-03-01"})).exit_status, 2);
  EXPECT_EQ(Run(Command(events, "popularity", "m.waypost", {"--duplicates", "error"})).exit_status, 1);
}

}  // namespace
}  // namespace waypost::testing_support
