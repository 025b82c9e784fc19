// train --checkpoint, --resume and --warm-start; interrupts.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Continuation : public CliTest {
 protected:
  std::vector<std::string> Command(const std::string& events, const std::vector<std::string>& options,
                                   const std::string& out = "m.waypost") const {
    std::vector<std::string> arguments = {"train", "--train", events, "--model", "ials", "--out", Path(out)};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }

  // Starts the tool and sends it `signal` once the file `name` is there, or it has ended.
  ToolResult Signalled(const std::vector<std::string>& command, const std::string& name, int signal) const {
    const pid_t child = Start(command);
    for (int wait = 0; wait < 6000 && !std::filesystem::exists(Path(name)); ++wait)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    kill(child, signal);
    return Wait(child);
  }

  std::string ErrorOf(const std::vector<std::string>& command, int exit_status) const {
    const ToolResult result = Run(command);
    EXPECT_EQ(result.exit_status, exit_status) << result.err;
    return result.err;
  }
};

TEST_F(Continuation, AKilledTrainingGoesOnToTheSameBytes) {
  const std::string events = Write("e.csv", TwoTribes(400, 80));
  for (const char* solver : {"solver=exact", "solver=cg"}) {
    for (const char* threads : {"1", "2"}) {
      SCOPED_TRACE(std::string(solver) + " " + threads);
      const std::vector<std::string> options = {"--threads", threads, "--set", "dimensions=32", "epochs=60", solver};
      ASSERT_EQ(Run(Command(events, options)).exit_status, 0);
      const std::string whole = ReadFile(Path("m.waypost"));
      std::filesystem::remove(Path("m.waypost"));
      std::vector<std::string> kept = options;
      kept.insert(kept.end(), {"--checkpoint", Path("c")});
      (void)Signalled(Command(events, kept), "c", SIGKILL);
      std::vector<std::string> resumed = kept;
      resumed.insert(resumed.end(), {"--resume", Path("c")});
      const ToolResult result = Run(Command(events, resumed));
      ASSERT_EQ(result.exit_status, 0) << result.err;
      EXPECT_THAT(result.err, HasSubstr("going on after epoch "));
      EXPECT_EQ(ReadFile(Path("m.waypost")), whole);
      std::filesystem::remove(Path("c"));
    }
  }
}

TEST_F(Continuation, AnInterruptedTrainingSaysWhatIsKeptAndLeavesNothingElse) {
  const std::string events = Write("e.csv", TwoTribes(1000, 200));
  for (int signal : {SIGINT, SIGTERM}) {
    const ToolResult result =
        Signalled(Command(events, {"--set", "dimensions=64", "epochs=10000", "--checkpoint", Path("c")}), "c", signal);
    EXPECT_EQ(result.exit_status, 1);
    EXPECT_THAT(result.err, HasSubstr("interrupted: '" + Path("c") + "' holds epoch "));
    EXPECT_THAT(Files(), ElementsAre("c", "e.csv"));
    // Interrupted before its first epoch ends, a resumed training keeps what it began with.
    const ToolResult again = Signalled(
        Command(events, {"--set", "dimensions=64", "epochs=10000", "--resume", Path("c")}), "captured.err", signal);
    EXPECT_NE(again.exit_status, 0);
    EXPECT_THAT(Files(), ElementsAre("c", "e.csv"));
    std::filesystem::remove(Path("c"));
  }
}

TEST_F(Continuation, GoesOnWithASearchForTheEpochsAndWithTheTrainingAfterIt) {
  const std::string events = Write("e.csv", TwoTribes(200, 40));
  const std::vector<std::string> options = {"--set",      "dimensions=8", "epochs=12",
                                            "patience=3", "--early-stop", "ndcg@10"};
  std::vector<std::string> kept = options;
  kept.insert(kept.end(), {"--checkpoint", Path("c")});
  std::vector<std::string> resumed = kept;
  resumed.insert(resumed.end(), {"--resume", Path("c")});
  const nlohmann::json whole = RunJson(Command(events, options));
  const std::string bytes = ReadFile(Path("m.waypost"));
  (void)Signalled(Command(events, kept), "c", SIGKILL);  // most likely in the search
  for (int time = 0; time < 2; ++time) {                 // then after the last epoch
    const nlohmann::json json = RunJson(Command(events, resumed));
    EXPECT_EQ(json["validation"], whole["validation"]);
    EXPECT_EQ(json["loss"], whole["loss"]);
    EXPECT_EQ(ReadFile(Path("m.waypost")), bytes);
  }
  EXPECT_THAT(ErrorOf(Command(events, {"--set", "dimensions=8", "--resume", Path("c")}), 1),
              HasSubstr("want the early stop (metric, share, seed) that the checkpoint was made with, ndcg@10 0.1 42, "
                        "got none"));
}

TEST_F(Continuation, MoreEpochsGoOnWhereFewerEnded) {
  const std::string events = Write("e.csv", TwoTribes(100, 40));
  ASSERT_EQ(Run(Command(events, {"--set", "epochs=3", "--checkpoint", Path("c")})).exit_status, 0);
  ASSERT_EQ(Run(Command(events, {"--set", "epochs=5", "--resume", Path("c")})).exit_status, 0);
  const std::string longer = ReadFile(Path("m.waypost"));
  ASSERT_EQ(Run(Command(events, {"--set", "epochs=5"})).exit_status, 0);
  EXPECT_EQ(ReadFile(Path("m.waypost")), longer);
}

TEST_F(Continuation, RefusesACheckpointOfOtherEventsOrOptionsAndNamesTheDifference) {
  const std::string events = Write("e.csv", TwoTribes(60, 20));
  const std::string others = Write("o.csv", TwoTribes(61, 20));
  ASSERT_EQ(Run(Command(events, {"--set", "epochs=3", "--checkpoint", Path("c")})).exit_status, 0);
  EXPECT_THAT(ErrorOf(Command(events, {"--set", "epochs=3", "dimensions=8", "--resume", Path("c")}), 1),
              HasSubstr("want the options of the state, dimensions 64, got dimensions 8"));
  EXPECT_THAT(ErrorOf(Command(events, {"--set", "epochs=3", "--seed", "7", "--resume", Path("c")}), 1),
              HasSubstr("seed 42, got seed 7"));
  EXPECT_THAT(ErrorOf(Command(events, {"--set", "epochs=2", "--resume", Path("c")}), 1),
              HasSubstr("epochs: want at least 3"));
  ASSERT_EQ(Run(Command(events, {"--set", "unobserved_weight=0.1", "--checkpoint", Path("w")})).exit_status, 0);
  EXPECT_THAT(ErrorOf(Command(others, {"--set", "unobserved_weight=0.1", "--resume", Path("w")}), 1),
              HasSubstr("want the matrix that the state was made from, of 60 users, 20 items"));
  EXPECT_THAT(ErrorOf(Command(events, {"--resume", Path("none")}), 1), HasSubstr("--resume: "));
  EXPECT_THAT(ErrorOf(Command(events, {"--resume", events}), 1), HasSubstr("a Waypost checkpoint"));
}

TEST_F(Continuation, FlagsThatContradictEachOtherAreUsageErrors) {
  const std::string events = Write("e.csv", TwoTribes(20, 10));
  EXPECT_THAT(ErrorOf(Command(events, {"--checkpoint-every", "2"}), 2), HasSubstr("want --checkpoint FILE"));
  EXPECT_THAT(ErrorOf(Command(events, {"--resume", "a", "--warm-start", "b"}), 2), HasSubstr("without --resume"));
  EXPECT_THAT(ErrorOf(Command(events, {"--checkpoint", Path("m.waypost")}), 2), HasSubstr("another file than --out"));
  EXPECT_THAT(ErrorOf({"train", "--train", events, "--model", "item-knn", "--out", Path("m"), "--warm-start", "b"}, 2),
              HasSubstr("--warm-start: want a model that trains in epochs, got item-knn"));
  EXPECT_THAT(ErrorOf(Command(events, {"--checkpoint", "/nowhere/c"}), 1), HasSubstr("--checkpoint: "));
}

TEST_F(Continuation, AWarmStartMatchesItemsByIdAndBeginsNearItsModel) {
  // The later events hold other users and items, in another order.
  std::string later = "user,item\nnew,c1\nnew,fresh\nnew2,fresh\nnew2,c3\n";
  const std::string rows = TwoTribes(200, 40);
  later += rows.substr(rows.find('\n', 200) + 1);
  const std::string before = Write("before.csv", rows);
  const std::string after = Write("after.csv", later);
  const std::vector<std::string> exact = {"--set", "dimensions=8", "solver=exact", "unobserved_weight=0.1"};
  ASSERT_EQ(Run(Command(before, exact, "old.waypost")).exit_status, 0);
  std::vector<std::string> one = exact;
  one.push_back("epochs=1");
  const double cold = RunJson(Command(after, one))["loss"][0];
  const double best = RunJson(Command(after, exact))["loss"].back();
  one.insert(one.end(), {"--warm-start", Path("old.waypost")});
  const double warm = RunJson(Command(after, one))["loss"][0];
  EXPECT_LT(warm - best, 0.2 * (cold - best));
  std::vector<std::string> searched = exact;
  searched.insert(searched.end(), {"--warm-start", Path("old.waypost"), "--early-stop", "ndcg@5"});
  EXPECT_EQ(Run(Command(after, searched)).exit_status, 0);
  EXPECT_THAT(ErrorOf(Command(after, {"--set", "dimensions=9", "--warm-start", Path("old.waypost")}), 1),
              HasSubstr("--warm-start: older model.dimensions: want 9, got 8"));
  ASSERT_EQ(Run({"train", "--train", before, "--model", "item-knn", "--out", Path("knn.waypost")}).exit_status, 0);
  EXPECT_THAT(ErrorOf(Command(after, {"--warm-start", Path("knn.waypost")}), 1),
              HasSubstr("want one of kind ials, got item-knn, popularity"));
}

}  // namespace
}  // namespace waypost::testing_support
