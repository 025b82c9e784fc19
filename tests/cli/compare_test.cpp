// compare: one table of models with intervals, differences and costs, in every form, and the picture.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

class CompareVerb : public CliTest {
 protected:
  std::vector<std::string> Command(const std::string& models) const {
    return {"compare",         "--train",  Write("e.csv", TwoTribes(100, 30)),
            "--split",         "random",   "--metrics",
            "recall@5,ndcg@5", "--models", models};
  }
};

TEST_F(CompareVerb, SaysWhichIsBestAndWhatIsSignificantlyWorseWithWhatItCost) {
  const Json json = RunJson(Command("popularity,item-knn"));
  ASSERT_EQ(json["models"].size(), 2u);
  EXPECT_EQ(json["best"]["ndcg@5"], "item-knn");
  EXPECT_TRUE(json["models"][1]["to_best"]["ndcg@5"].is_null());
  const Json lag = json["models"][0]["to_best"]["ndcg@5"];
  EXPECT_NEAR(
      lag["mean"].get<double>(),
      json["models"][0]["metrics"]["ndcg@5"].get<double>() - json["models"][1]["metrics"]["ndcg@5"].get<double>(),
      1e-12);
  EXPECT_LT(lag["interval"][1].get<double>(), 0);
  EXPECT_LT(lag["p_holm"].get<double>(), 0.01);
  EXPECT_EQ(lag["p"], lag["p_holm"]);  // one comparison: nothing to correct
  for (const Json& model : json["models"]) {
    EXPECT_GE(model["train_seconds"].get<double>(), 0);
    EXPECT_GE(model["rank_seconds"].get<double>(), 0);
    EXPECT_TRUE(model["peak_rss_bytes"].is_null() || model["peak_rss_bytes"].get<double>() > 1e6);
    EXPECT_EQ(model["intervals"]["recall@5"].size(), 2u);
  }
  for (const char* key : {"seconds", "peak_rss_bytes", "threads", "seed", "simd", "version", "definitions", "users"})
    EXPECT_TRUE(json.contains(key)) << key;
}

TEST_F(CompareVerb, FiguresAreThoseOfEvaluateAndDoNotDependOnThreads) {
  std::vector<std::string> command = Command("popularity,item-knn,ials");
  command.insert(command.end(), {"--set", "ials.dimensions=8", "--threads"});
  std::vector<Json> runs;
  for (const char* threads : {"1", "7"}) {
    std::vector<std::string> with = command;
    with.push_back(threads);
    Json run = RunJson(with)["models"];
    for (Json& model : run) {
      for (const char* key : {"train_seconds", "rank_seconds", "peak_rss_bytes"}) model.erase(key);
    }
    runs.push_back(run);
  }
  EXPECT_EQ(runs[0], runs[1]);
  const Json evaluated = RunJson({"evaluate", "--train", Path("e.csv"), "--split", "random", "--metrics",
                                  "recall@5,ndcg@5", "--model", "item-knn"});
  EXPECT_EQ(runs[0][1]["metrics"], evaluated["metrics"]);
  EXPECT_EQ(runs[0][1]["intervals"], evaluated["intervals"]);
}

TEST_F(CompareVerb, OneModelMayRunUnderSeveralLabels) {
  std::vector<std::string> command = Command("small=ials,large=ials");
  command.insert(command.end(), {"--set", "small.dimensions=2", "--set", "large.dimensions=8"});
  const Json json = RunJson(command);
  EXPECT_EQ(json["models"][0]["model"], "small");
  EXPECT_EQ(json["models"][0]["kind"], "ials");
  EXPECT_EQ(json["models"][0]["options"]["dimensions"], 2);
  EXPECT_EQ(json["models"][1]["options"]["dimensions"], 8);
}

TEST_F(CompareVerb, TheBestIsBoldInMarkdownAndPlainWhereItIsRead) {
  std::vector<std::string> command = Command("popularity,item-knn");
  const std::string table = Run(command).out;
  EXPECT_THAT(table, HasSubstr(" *"));
  EXPECT_THAT(table, HasSubstr("best"));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));  // standard output is a file
  command.insert(command.end(), {"--format", "md"});
  const std::string markdown = Run(command).out;
  EXPECT_THAT(markdown, HasSubstr("| item-knn | **"));
  EXPECT_THAT(markdown, Not(HasSubstr("| popularity | **")));
  command.back() = "csv";
  const std::string csv = Run(command).out;
  EXPECT_THAT(csv, HasSubstr("ndcg@5 p holm"));
  EXPECT_THAT(csv, Not(HasSubstr("*")));
}

TEST_F(CompareVerb, DrawsQualityAgainstTimeForLightAndDarkPages) {
  std::vector<std::string> command = Command("popularity,item-knn,ials");
  command.insert(command.end(), {"--plot", Path("p.svg")});
  EXPECT_EQ(Run(command).exit_status, 0);
  const std::string svg = ReadFile(Path("p.svg"));
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
  for (const char* text : {">popularity<", ">item-knn<", ">ials<", ">recall@5<"}) EXPECT_THAT(svg, HasSubstr(text));
  command.back() = Path("no/folder.svg");
  EXPECT_EQ(Run(command).exit_status, 1);
}

TEST_F(CompareVerb, TakesSettingsFromFilesAndSetGoesBefore) {
  const std::string file = Write("s.json", R"({"model": "ials", "options": {"dimensions": 4, "epochs": 3}})");
  std::vector<std::string> command = Command("item-knn,ials");
  command.insert(command.end(), {"--settings", file, "--set", "ials.epochs=2"});
  const Json json = RunJson(command);
  EXPECT_EQ(json["models"][1]["options"]["dimensions"], 4);
  EXPECT_EQ(json["models"][1]["options"]["epochs"], 2);
  EXPECT_EQ(Run({"train", "--train", Path("e.csv"), "--settings", file, "--out", Path("m.waypost")}).exit_status, 0);
  EXPECT_EQ(Run({"train", "--train", Path("e.csv"), "--settings", file, "--model", "item-knn", "--out", Path("m")})
                .exit_status,
            2);
  EXPECT_EQ(Run({"train", "--train", Path("e.csv"), "--out", Path("m.waypost")}).exit_status, 2);
}

TEST_F(CompareVerb, WrongListsAndFilesAreNamed) {
  const auto refusal = [&](std::vector<std::string> command, int status) {
    const ToolResult result = Run(command);
    EXPECT_EQ(result.exit_status, status) << result.err;
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_THAT(refusal(Command("item-knn,item-knn"), 2), HasSubstr("--models: want each model once"));
  EXPECT_THAT(refusal(Command("item-knn,"), 2), HasSubstr("--models"));
  EXPECT_THAT(refusal(Command("a.b=ials"), 2), HasSubstr("without a dot"));
  EXPECT_THAT(refusal(Command("itemknn"), 2), HasSubstr("item-knn"));
  std::vector<std::string> command = Command("item-knn");
  command.insert(command.end(), {"--settings", Write("other.json", R"({"model": "ials", "options": {}})")});
  EXPECT_THAT(refusal(command, 2), HasSubstr("want a model of this run, got ials"));
  for (const char* text : {"", "[]", "{\"model\": 3}", "{\"model\": \"item-knn\"}",
                           "{\"model\": \"item-knn\", \"options\": {\"neighbours\": [1]}}"}) {
    command.back() = Write("bad.json", text);
    EXPECT_THAT(refusal(command, 1), HasSubstr("bad.json: want"));
  }
  command.back() = Path("none.json");
  EXPECT_THAT(refusal(command, 1), HasSubstr("no such file"));
}

}  // namespace
}  // namespace waypost::testing_support
