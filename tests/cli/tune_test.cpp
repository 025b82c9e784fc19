// tune: what it writes, that it goes on where it was killed, keeps its budget and cannot see the test part.
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class TuneVerb : public CliTest {
 protected:
  std::vector<std::string> Command(const std::string& events, const std::string& out,
                                   const std::vector<std::string>& more) const {
    std::vector<std::string> command = {"tune",         "--train",  events,   "--model", "ials",   "--set",
                                        "dimensions=8", "--metric", "ndcg@5", "--out",   Path(out)};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }

  // The trials of a table without what a clock wrote.
  std::string Trials(const std::string& name) const {
    std::istringstream lines(ReadFile(Path(name)));
    std::string line, trials;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      Json json = Json::parse(line);
      json.erase("seconds");
      trials += json.dump() + "\n";
    }
    return trials;
  }
};

TEST_F(TuneVerb, FindsBetterOptionsThanTheDefaultsAndTrainTakesThem) {
  const std::string events = Write("e.csv", TwoTribes(120, 40));
  const Json json = RunJson(Command(events, "s.json", {"--split", "random", "--trials", "10"}));
  ASSERT_EQ(json["trials"].size(), 10u);
  double best = 0;
  for (const Json& trial : json["trials"]) {
    best = std::max(best, trial["value"].get<double>());
    EXPECT_EQ(trial["options"]["dimensions"], 8);  // given, so not searched
  }
  EXPECT_EQ(json["best"]["value"], best);
  EXPECT_GE(best, json["trials"][0]["value"].get<double>());
  const Json file = Json::parse(ReadFile(Path("s.json")));
  EXPECT_EQ(file["model"], "ials");
  EXPECT_EQ(file["options"], json["best"]["options"]);
  EXPECT_EQ(file["options"]["patience"], 0);
  EXPECT_LE(file["options"]["epochs"].get<int>(), 16);
  const Json trained = RunJson({"train", "--train", events, "--settings", Path("s.json"), "--out", Path("m.waypost")});
  EXPECT_EQ(trained["options"], file["options"]);
}

TEST_F(TuneVerb, TheSameTrialsForAnyNumberOfThreads) {
  const std::string events = Write("e.csv", TwoTribes(120, 40));
  for (const char* threads : {"1", "7"})
    ASSERT_EQ(Run(Command(events, std::string("s") + threads, {"--trials", "8", "--threads", threads})).exit_status, 0);
  EXPECT_EQ(Trials("s1.trials.jsonl"), Trials("s7.trials.jsonl"));
  EXPECT_EQ(ReadFile(Path("s1")), ReadFile(Path("s7")));
}

TEST_F(TuneVerb, GoesOnFromAnyPlaceToTheSameTable) {
  const std::string events = Write("e.csv", TwoTribes(120, 40));
  ASSERT_EQ(Run(Command(events, "whole", {"--trials", "9"})).exit_status, 0);
  ASSERT_EQ(Run(Command(events, "part", {"--trials", "4"})).exit_status, 0);
  std::string table = ReadFile(Path("part.trials.jsonl"));
  Write("part.trials.jsonl", table + R"({"candidate":4,"ru)");  // killed while it wrote
  const ToolResult refused = Run(Command(events, "part", {"--trials", "9"}));
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, HasSubstr("--resume"));
  const ToolResult resumed = Run(Command(events, "part", {"--trials", "9", "--resume"}));
  EXPECT_EQ(resumed.exit_status, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("going on after 4 trials"));
  EXPECT_EQ(Trials("part.trials.jsonl"), Trials("whole.trials.jsonl"));
  EXPECT_EQ(ReadFile(Path("part")), ReadFile(Path("whole")));
}

TEST_F(TuneVerb, ProgressShowsTheBestOfEarlierTrialsToo) {
  const std::string events = Write("e.csv", TwoTribes(120, 40));
  ASSERT_EQ(Run(Command(events, "s", {"--trials", "2"})).exit_status, 0);
  std::istringstream lines(ReadFile(Path("s.trials.jsonl")));
  std::string line, table;
  for (int number = 0; std::getline(lines, line); ++number) {
    Json json = Json::parse(line);
    if (number == 1) json["value"] = 0.75;  // of the first trial: more than any of this search reaches
    table += json.dump() + "\n";
  }
  Write("s.trials.jsonl", table);
  const ToolResult resumed = Run(Command(events, "s", {"--trials", "3", "--resume"}));
  ASSERT_EQ(resumed.exit_status, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("best 0.75000"));
}

TEST_F(TuneVerb, ASearchThatIsKilledGoesOn) {
  const std::string events = Write("e.csv", TwoTribes(300, 60));
  const pid_t child = Start(Command(events, "s", {"--seconds", "600"}));
  for (int wait = 0; wait < 3000; ++wait) {
    const std::string table = ReadFile(Path("s.trials.jsonl"));
    if (std::count(table.begin(), table.end(), '\n') >= 4) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(child, SIGKILL);
  Wait(child);
  const std::string table = ReadFile(Path("s.trials.jsonl"));
  const long done = std::count(table.begin(), table.end(), '\n') - 1;
  ASSERT_GE(done, 3);
  const Json json = RunJson(Command(events, "s", {"--trials", std::to_string(done + 3), "--resume"}));
  EXPECT_EQ(json["trials"].size(), static_cast<std::size_t>(done) + 3);
}

TEST_F(TuneVerb, RefusesToGoOnWithAnotherSearch) {
  const std::string events = Write("e.csv", TwoTribes(120, 40));
  ASSERT_EQ(Run(Command(events, "s", {"--trials", "2"})).exit_status, 0);
  const auto refusal = [&](const std::string& file, const std::vector<std::string>& more) {
    std::vector<std::string> command = Command(file, "s", {"--trials", "3", "--resume"});
    command.insert(command.end(), more.begin(), more.end());
    const ToolResult result = Run(command);
    EXPECT_EQ(result.exit_status, 1);
    return result.err;
  };
  EXPECT_THAT(refusal(events, {"--seed", "7"}), HasSubstr("seed is 7, was \"42\""));
  EXPECT_THAT(refusal(events, {"--validation", "random"}), HasSubstr("validation"));
  EXPECT_THAT(refusal(Write("other.csv", TwoTribes(120, 42)), {}), HasSubstr("matrix"));
  for (const char* damage : {"{}\n", "nonsense\n", "[1]\n", "{\"candidate\":-1}\n"}) {
    const std::string whole = ReadFile(Path("s.trials.jsonl"));
    Write("s.trials.jsonl", whole.substr(0, whole.find('\n') + 1) + damage);
    EXPECT_THAT(refusal(events, {}), HasSubstr("line 2: want a trial"));
    Write("s.trials.jsonl", whole);
  }
}

// The test part of one file is another user's taste in the other: nothing of it may show.
TEST_F(TuneVerb, WhatIsInTheTestPartChangesNothing) {
  std::string same, one, other;
  for (int user = 0; user < 80; ++user) {
    const std::string id = "u" + std::to_string(user);
    for (int n = 0; n < 8; ++n)
      same += id + ",c" + std::to_string(user % 2 + 2 * ((user + n * 3) % 15)) + ",2024-01-" + std::to_string(10 + n) +
              "\n";
    one += id + ",c" + std::to_string(user % 2 + 2 * ((user + 1) % 15)) + ",2024-03-01\n";
    other += id + ",d" + std::to_string(user) + ",2024-03-01\n";
  }
  const std::string head = "user,item,time\n";
  const std::vector<std::string> more = {"--split",      "time", "--cut",    "2024-02-01",
                                         "--validation", "last", "--trials", "5"};
  // A pair that reaches beyond the cut is of the test with all its events: the first file must not repeat a pair.
  ASSERT_EQ(Run(Command(Write("a.csv", head + same + other), "a", more)).exit_status, 0);
  ASSERT_EQ(Run(Command(Write("b.csv", head + same), "b", {"--validation", "last", "--trials", "5"})).exit_status, 0);
  EXPECT_EQ(Trials("a.trials.jsonl"), Trials("b.trials.jsonl"));
}

TEST_F(TuneVerb, KeepsItsSecondsAndShowsTheTableInEveryForm) {
  const std::string events = Write("e.csv", TwoTribes(120, 40));
  const Json json = RunJson(Command(events, "s", {"--seconds", "1"}));
  EXPECT_GT(json["trials"].size(), 1u);
  const ToolResult table = Run(Command(events, "t", {"--trials", "3"}));
  EXPECT_EQ(std::count(table.out.begin(), table.out.end(), '\n'), 4);
  EXPECT_THAT(table.out, HasSubstr("regularization"));
  EXPECT_THAT(Run(Command(events, "v", {"--trials", "3", "--format", "csv"})).out,
              HasSubstr("trial,candidate,rung,regularization,unobserved_weight,epochs,ndcg@5,s\n"));
}

TEST_F(TuneVerb, WrongUseIsNamed) {
  const std::string events = Write("e.csv", TwoTribes(20, 10));
  const auto refusal = [&](const std::vector<std::string>& command) {
    const ToolResult result = Run(command);
    EXPECT_EQ(result.exit_status, 2) << result.err;
    return result.err;
  };
  EXPECT_THAT(refusal(Command(events, "s", {})), HasSubstr("--seconds"));
  EXPECT_THAT(refusal({"tune", "--train", events, "--model", "popularity", "--trials", "2", "--out", Path("s")}),
              HasSubstr("options to search"));
  EXPECT_THAT(refusal({"tune", "--train", events, "--model", "ials", "--trials", "2", "--out", Path("s"), "--metric",
                       "gini@5"}),
              HasSubstr("--metric"));
  EXPECT_THAT(refusal(Command(events, "s", {"--trials", "2", "--fraction", "0.1"})), HasSubstr("--split"));
  EXPECT_THAT(refusal(Command(events, "s", {"--trials", "2", "--table", Path("s")})), HasSubstr("--table"));
}

}  // namespace
}  // namespace waypost::testing_support
