// waypost insight features, churn and payment on a store.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A store of a simulated community of 400 learners over 200 days.
class InsightForecast : public CliTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(
        Run({"simulate", "--out", Path("community"), "--users", "400", "--days", "200", "--seed", "3"}).exit_status, 0);
    ASSERT_EQ(
        Run({"import", "--store", Path("store"), Path("community/events.csv"), "--users", Path("community/users.csv")})
            .exit_status,
        0);
  }
};

TEST_F(InsightForecast, FeaturesAreThoseOfTheDocumentAndKnowNothingLater) {
  const json run = RunJson({"insight", "features", "--store", Path("store"), "--at", "2023-05-01"});
  EXPECT_EQ(run["at"], "2023-05-01T00:00:00Z");
  const std::string document = ReadFile(std::string(WAYPOST_SOURCE_DIR) + "/docs/insight.md");
  for (const json& feature : run["features"])
    EXPECT_THAT(document, HasSubstr("| `" + feature["name"].get<std::string>() + "` | " +
                                    feature["meaning"].get<std::string>() + " |\n"));
  ASSERT_GT(run["users"].size(), 20u);
  for (const json& user : run["users"]) {
    EXPECT_EQ(user["features"].size(), run["features"].size());
    EXPECT_GT(user["features"]["recency_days"].get<double>(), 0);
    EXPECT_TRUE(user["facts"].contains("hours_per_week"));
  }
  const json later = RunJson({"insight", "features", "--store", Path("store")});
  EXPECT_GT(later["users"].size(), run["users"].size());
  const ToolResult csv =
      Run({"insight", "features", "--store", Path("store"), "--at", "2023-05-01", "--format", "csv"});
  EXPECT_THAT(csv.out, testing::StartsWith("user,recency_days,tenure_days,events,"));
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), static_cast<long>(run["users"].size()) + 1);
}

TEST_F(InsightForecast, ListsWhoIsAtRiskFirstWithReasonsAndKeepsItAsFacts) {
  const std::vector<std::string> churn = {"insight", "churn",      "--store",   Path("store"),
                                          "--at",    "2023-07-01", "--horizon", "3"};
  const json run = RunJson(churn);
  ASSERT_GT(run["users"].size(), 50u);
  double before = 0;
  for (const json& user : run["users"]) {
    EXPECT_EQ(user["p_leave"].size(), 3u);
    EXPECT_EQ(user["p_pay"].size(), 3u);
    ASSERT_EQ(user["survival"].size(), 3u);
    EXPECT_GE(user["survival"][2].get<double>(), before);  // least likely to stay first
    before = user["survival"][2].get<double>();
    EXPECT_NEAR(user["expected_payments"].get<double>(),
                user["p_pay"][0].get<double>() + user["p_pay"][1].get<double>() + user["p_pay"][2].get<double>(),
                1e-12);
    EXPECT_LE(user["because"].size(), 3u);
  }
  EXPECT_FALSE(run["users"][0]["because"].empty());
  const json payment = RunJson({"insight", "payment", "--store", Path("store"), "--at", "2023-07-01"});
  EXPECT_GE(payment["users"][0]["expected_payments"].get<double>(),
            payment["users"].back()["expected_payments"].get<double>());

  std::vector<std::string> kept = churn;
  kept.push_back("--write-back");
  EXPECT_EQ(RunJson(kept)["users"], run["users"]);
  const json features = RunJson({"insight", "features", "--store", Path("store"), "--at", "2023-07-02"});
  std::size_t facts = 0;
  for (const json& user : features["users"]) facts += user["facts"].contains("waypost.p_leave");
  EXPECT_EQ(facts, run["users"].size());
  EXPECT_EQ(RunJson(churn)["users"], run["users"]);  // what was forecast is not learned from
}

TEST_F(InsightForecast, BacktestComparesWithRecencyAndFrequency) {
  const json run =
      RunJson({"insight", "churn", "--store", Path("store"), "--backtest", "2", "--horizon", "2", "--inactive", "14d"});
  EXPECT_EQ(run["backtest"]["cut_offs"].size(), 2u);
  ASSERT_EQ(run["backtest"]["leave"].size(), 2u);
  for (const json& horizon : run["backtest"]["leave"]) {
    for (const char* name : {"auc", "brier", "calibration_error", "log_loss"}) {
      EXPECT_TRUE(horizon["metrics"][name].is_number()) << name;
      EXPECT_TRUE(horizon["baseline"][name].is_number()) << name;
    }
    EXPECT_EQ(horizon["users"], run["backtest"]["forecasts"]);
  }
  const ToolResult shown = Run({"insight", "payment", "--store", Path("store"), "--backtest", "1"});
  EXPECT_EQ(shown.exit_status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("first payment by"));
  EXPECT_THAT(shown.out, HasSubstr("repeat payment in"));
}

TEST_F(InsightForecast, SaysWhatIsWrong) {
  const auto error = [&](std::vector<std::string> arguments, int status) {
    arguments.insert(arguments.begin(), {"insight", "churn", "--store", Path("store")});
    const ToolResult result = Run(arguments);
    EXPECT_EQ(result.exit_status, status) << result.err;
    return result.err;
  };
  EXPECT_THAT(error({"--period", "7"}, 2), HasSubstr("--period: want a number of h, d or w, at most 3650d, got '7'"));
  EXPECT_THAT(error({"--at", "yesterday"}, 2), HasSubstr("--at: "));
  EXPECT_THAT(error({"--label", "x"}, 2), HasSubstr("--label: want --table FILE beside it"));
  EXPECT_THAT(error({"--table", "x.csv"}, 2), HasSubstr("want --store DIR or --table FILE"));
  EXPECT_THAT(error({"--backtest", "2", "--write-back"}, 2), HasSubstr("--write-back"));
  EXPECT_THAT(error({"--at", "2023-01-20"}, 1), HasSubstr("want acts more than 49 days before the moment"));
  const ToolResult table = Run({"insight", "churn", "--table", "x.csv", "--label", "y", "--horizon", "3"});
  EXPECT_EQ(table.exit_status, 2);
  EXPECT_THAT(table.err, HasSubstr("--horizon: want --store DIR beside it"));
}

}  // namespace
}  // namespace waypost::testing_support
