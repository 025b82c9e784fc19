// insight strategy and off-policy: what they print, and what they refuse.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class StrategyVerb : public CliTest {
 protected:
  std::string Refusal(const std::vector<std::string>& arguments, int status = 1) const {
    const ToolResult result = Run(arguments);
    EXPECT_EQ(result.exit_status, status);
    EXPECT_EQ(result.out, "");
    return result.err;
  }
};

std::vector<std::string> Names(const Json& json) {
  std::vector<std::string> names;
  for (const Json& strategy : json["strategies"]) names.push_back(strategy["name"]);
  return names;
}

TEST_F(StrategyVerb, OrdersByValueAndComparesWithTheBaseline) {
  const std::string table =
      Write("s.csv",
            "name,retention,payment,users\r\nruin,.5,.1,500\r\ntoday,.8,.3,\r\n\xE5\xA4\xA7\xE8\x83\x86,.9,.4,500\r\n");
  const Json json = RunJson({"insight", "strategy", "--table", table, "--baseline", "today"});
  EXPECT_EQ(Names(json), (std::vector<std::string>{"\xE5\xA4\xA7\xE8\x83\x86", "today", "ruin"}));
  EXPECT_EQ(json["best"], "\xE5\xA4\xA7\xE8\x83\x86");
  const Json& bold = json["strategies"][0];
  EXPECT_NEAR(bold["baseline"]["signed_kl"].get<double>(), 0.035983, 5e-7);
  EXPECT_NEAR(bold["baseline"]["g"].get<double>(), 35.983, 5e-4);
  EXPECT_NEAR(bold["baseline"]["per_thousand"].get<double>(), 120, 1e-9);
  EXPECT_EQ(bold["baseline"]["verdict"], "better");
  EXPECT_LT(bold["bounds"][0].get<double>(), 0.36);
  EXPECT_TRUE(json["strategies"][1]["baseline"].is_null());
  EXPECT_NEAR(json["strategies"][2]["baseline"]["signed_kl"].get<double>(), -0.133556, 5e-7);
  EXPECT_EQ(json["strategies"][2]["baseline"]["verdict"], "worse");
  const ToolResult shown = Run({"insight", "strategy", "--table", table, "--baseline-rates", "0.8,0.3"});
  EXPECT_EQ(shown.exit_status, 0) << shown.err;
  EXPECT_LT(shown.out.find("today"), shown.out.find("ruin"));
}

TEST_F(StrategyVerb, AveragesProductsOfLearners) {
  const std::string table = Write("u.csv", "name,retention,payment\na,0.9,0.8\nb,0.5,0.4\na,0.1,0\nb,0.5,0.4\n");
  const Json json = RunJson({"insight", "strategy", "--table", table, "--per-user"});
  EXPECT_EQ(Names(json), (std::vector<std::string>{"a", "b"}));
  EXPECT_NEAR(json["strategies"][0]["value"].get<double>(), 0.36, 1e-15);
  EXPECT_NEAR(json["strategies"][0]["covariance"].get<double>(), 0.16, 1e-15);
  EXPECT_EQ(json["strategies"][0]["users"], 2);
  EXPECT_EQ(json["strategies"][0]["interval"].size(), 2u);
  EXPECT_NEAR(json["strategies"][1]["value"].get<double>(), 0.2, 1e-15);
}

TEST_F(StrategyVerb, SharesLearnersWithinABudgetOfDivergence) {
  const std::string table = Write("s.csv", "name,retention,payment\na,1,.24\nb,1,.30\nc,1,.20\n");
  const Json json = RunJson({"insight", "strategy", "--table", table, "--beta", "0.05"});
  EXPECT_NEAR(json["strategies"][0]["share"].get<double>(), 0.696122, 5e-7);
  EXPECT_NEAR(json["policy"]["objective"].get<double>(), 0.263181, 5e-7);
  const Json within = RunJson({"insight", "strategy", "--table", table, "--kl-budget", "0.296361"});
  EXPECT_NEAR(within["policy"]["beta"].get<double>(), 0.05, 1e-6);
}

TEST_F(StrategyVerb, NamesFileAndLineOfWhatItRefuses) {
  const auto strategy = [&](const std::string& text, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"insight", "strategy", "--table", Write("s.csv", text)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Refusal(arguments);
  };
  EXPECT_THAT(strategy("name,retention,payment\na,.5,.1\na,.6,.1\n"), HasSubstr("s.csv:3: want one row a strategy"));
  EXPECT_THAT(strategy("name,retention,payment\na,.5,1.1\n"), HasSubstr("s.csv:2: "));
  EXPECT_THAT(strategy("name,retention,payment\na,.5,\n"), HasSubstr("s.csv:2: column 'payment'"));
  EXPECT_THAT(strategy("name,retention,payment\na,.5,x\n"), HasSubstr("s.csv:2: column 'payment'"));
  EXPECT_THAT(strategy("name,retention\na,.5\n"), HasSubstr("payment"));
  EXPECT_THAT(strategy("name,retention,payment,users\na,.5,.1,0\n"), HasSubstr("users"));
  EXPECT_THAT(strategy("name,retention,payment\na,.5,.1\n", {"--baseline", "b"}), HasSubstr("--baseline"));
  const std::string table = Write("s.csv", "name,retention,payment\na,.5,.1\n");
  EXPECT_THAT(Refusal({"insight", "strategy", "--table", table, "--baseline-rates", "0.8"}, 2), HasSubstr("RETENTION"));
  EXPECT_THAT(Refusal({"insight", "strategy", "--table", table, "--beta", "1", "--kl-budget", "1"}, 2),
              HasSubstr("excludes"));
}

// Items a and b by rank; the log shows them alike, the other policy shows b more often, which is clicked more often.
std::string ShownLog(int rows) {
  std::string log = "item,rank,click,propensity,wanted\n";
  for (int n = 0; n < rows; ++n) {
    const bool b = n % 2 == 1;
    log += std::string(b ? "b" : "a") + "," + std::to_string(n / 2 % 2) + "," + (n % (b ? 4 : 12) < 2 ? "1" : "0") +
           ",0.5," + (b ? "0.9" : "0.1") + "\n";
  }
  return log;
}

TEST_F(StrategyVerb, OffPolicyEstimatesAnotherPolicyFromItsLog) {
  std::string target = "item,rank\n";
  for (int n = 0; n < 20; ++n) target += std::string(n % 10 == 0 ? "a" : "b") + "," + std::to_string(n / 10) + "\n";
  const std::string log = Write("log.csv", ShownLog(2400));
  const Json json = RunJson({"insight", "off-policy", "--log", log, "--context-col", "rank", "--reward-col", "click",
                             "--target-log", Write("target.csv", target)});
  const Json by_column =
      RunJson({"insight", "off-policy", "--log", log, "--reward-col", "click", "--target-col", "wanted"});
  // a is clicked at n = 0 of 12, b at n = 1 of 4
  const double expected = 0.1 / 6 + 0.9 / 2;
  EXPECT_NEAR(json["ips"]["value"].get<double>(), expected, 1e-12);
  EXPECT_NEAR(json["dr"]["value"].get<double>(), expected, 0.01);
  EXPECT_EQ(json["ips"]["value"], by_column["ips"]["value"]);
  EXPECT_TRUE(by_column["dr"].is_null());
  EXPECT_TRUE(by_column["dm"].is_null());
  EXPECT_EQ(json["verdict"], "better");
  EXPECT_EQ(json["decisions"], 2400);
  EXPECT_NEAR(json["effective_sample"].get<double>(), 2400 / (2 * (0.81 + 0.01)), 1e-6);
}

TEST_F(StrategyVerb, OffPolicyRefusesToAnswerWithoutPropensitiesOrFromTooFewDecisions) {
  const auto refusal = [&](const std::string& log, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"insight",      "off-policy", "--log",        Write("log.csv", log),
                                          "--reward-col", "click",      "--target-col", "wanted"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Refusal(arguments);
  };
  EXPECT_THAT(refusal("item,click,wanted\na,1,0.5\n"), HasSubstr("without the probability of each action"));
  EXPECT_THAT(refusal("item,click,wanted,propensity\na,1,0.5,0.5\nb,0,0.5,\n"),
              HasSubstr("log.csv:3: column 'propensity'"));
  EXPECT_THAT(refusal("item,click,wanted,propensity\na,1,0.5,0\n"), HasSubstr("log.csv:2: column 'propensity'"));
  EXPECT_THAT(refusal(ShownLog(60)), HasSubstr("effective_sample: want at least 100"));
  EXPECT_THAT(refusal(ShownLog(400), {"--min-effective-sample", "399"}), HasSubstr("at least 399"));
  const std::string log = Write("log.csv", ShownLog(400));
  EXPECT_THAT(Refusal({"insight", "off-policy", "--log", log}, 2), HasSubstr("--target-log FILE or --target-col"));
  EXPECT_THAT(Refusal({"insight", "off-policy", "--log", log, "--context-col", "rank", "--reward-col", "click",
                       "--target-log", Write("t.csv", "item,rank\na,0\n")}),
              HasSubstr("log.csv:4: want a context of"));
}

}  // namespace
}  // namespace waypost::testing_support
