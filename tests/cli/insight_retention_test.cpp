// waypost insight retention: lifetimes and purchases go in, curves with intervals and likelihoods come out.
#include <string>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;

class InsightRetention : public CliTest {
 protected:
  // Gehan's leukemia trial, 6-MP.
  std::string Trial() const {
    return Write("trial.csv",
                 "weeks,relapse\n6,1\n6,1\n6,1\n6,0\n7,1\n9,0\n10,1\n10,0\n11,0\n13,1\n16,1\n17,0\n19,0\n20,0\n22,1\n"
                 "23,1\n25,0\n32,0\n32,0\n34,0\n35,0\n");
  }
};

TEST_F(InsightRetention, LifetimesGiveSurvivalMedianAndCurvesSideBySide) {
  const nlohmann::json json =
      RunJson({"insight", "retention", "--table", Trial(), "--time-col", "weeks", "--event-col", "relapse"});
  EXPECT_EQ(json["median"], 23);
  ASSERT_EQ(json["survival"].size(), 7u);
  EXPECT_EQ(json["survival"][0]["at_risk"], 21);
  EXPECT_EQ(json["survival"][0]["events"], 3);
  EXPECT_NEAR(json["survival"][6]["estimate"].get<double>(), 0.448179, 5e-7);
  ASSERT_EQ(json["fits"].size(), 3u);
  EXPECT_EQ(json["fits"][0]["model"], "exponential");
  EXPECT_NEAR(json["fits"][0]["parameters"]["lambda"]["estimate"].get<double>(), 9.0 / 359, 1e-14);
  EXPECT_EQ(json["fits"][1]["model"], "weibull");
  EXPECT_GT(json["fits"][1]["log_likelihood"], json["fits"][0]["log_likelihood"]);
  EXPECT_EQ(json["fits"][2]["model"], "sbg");
  EXPECT_TRUE(json["best"].is_string());
}

TEST_F(InsightRetention, CountsOfRowsAreThePapersShiftedBetaGeometric) {
  const std::string file =
      Write("years.csv", "time,event,n\n1,1,131\n2,1,126\n3,1,90\n4,1,60\n5,1,42\n6,1,34\n7,1,26\n7,0,491\n");
  const nlohmann::json json = RunJson({"insight", "retention", "--table", file, "--weight-col", "n"});
  const nlohmann::json& fit = json["fits"][2];
  EXPECT_NEAR(fit["parameters"]["alpha"]["estimate"].get<double>(), 0.6680885, 5e-7);
  EXPECT_NEAR(fit["parameters"]["beta"]["estimate"].get<double>(), 3.8060957, 2e-6);
  EXPECT_NEAR(fit["log_likelihood"].get<double>(), -1611.1581, 5e-5);
}

TEST_F(InsightRetention, WhatAModelCannotHaveIsSaid) {
  const std::string file = Write("zeros.csv", "time,event\n0,true\n1.5,true\n2,false\n,1\n");
  const nlohmann::json json = RunJson({"insight", "retention", "--table", file});
  EXPECT_EQ(json["skipped"], 1);
  EXPECT_EQ(json["fits"][0]["status"], "converged");
  EXPECT_EQ(json["fits"][1]["status"], "not fitted");
  EXPECT_THAT(json["fits"][1]["problem"].get<std::string>(), HasSubstr("want events after time 0"));
  EXPECT_EQ(json["fits"][2]["status"], "not fitted");
  const nlohmann::json censored =
      RunJson({"insight", "retention", "--table", Write("all.csv", "time,event\n5,0\n7,0\n")});
  EXPECT_EQ(censored["fits"][0]["status"], "not identified");
  EXPECT_TRUE(censored["best"].is_null());
  EXPECT_TRUE(censored["median"].is_null());
  EXPECT_TRUE(censored["survival"].empty());
}

TEST_F(InsightRetention, PurchasesOfOneDayAreOneAndThoseAfterUntilAreNone) {
  std::string csv = "customer,day,paid\n";
  for (int user = 0; user < 60; ++user) {
    const std::string id = "c" + std::to_string(user);
    csv += id + ",2024-01-01,5\n" + id + ",2024-01-01,3\n";
    for (int again = 1; again <= user % 5; ++again)
      csv += id + ",2024-0" + std::to_string(1 + again) + "-1" + std::to_string(user % 7) + "," +
             std::to_string(10 + user % 9) + "\n";
    csv += id + ",2024-12-24,99\n";
  }
  const nlohmann::json json =
      RunJson({"insight", "retention", "--purchases", Write("shop.csv", csv), "--user-col", "customer", "--time-col",
               "day", "--value-col", "paid", "--until", "2024-09-30", "--period", "7"});
  EXPECT_EQ(json["customers"], 60);
  EXPECT_EQ(json["repeaters"], 48);
  EXPECT_EQ(json["fits"][0]["model"], "bg-nbd");
  EXPECT_EQ(json["fits"][1]["model"], "gamma-gamma");
  EXPECT_TRUE(json["fits"][0]["log_likelihood"].is_number());
}

TEST_F(InsightRetention, DrawsAPictureAndNamesErrors) {
  const std::string plot = Path("retention.svg");
  const ToolResult result = Run(
      {"insight", "retention", "--table", Trial(), "--time-col", "weeks", "--event-col", "relapse", "--plot", plot});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("median 23; 21 rows"));
  EXPECT_THAT(ReadFile(plot), HasSubstr("Kaplan-Meier"));
  const auto error = [&](const std::string& csv) {
    return Run({"insight", "retention", "--table", Write("a.csv", csv)}).err;
  };
  EXPECT_THAT(error("time,event\n1,2\n"), HasSubstr("a.csv:2: column 'event': want 0, 1, true or false, got '2'"));
  EXPECT_THAT(error("time,event\n1,1\n-1,1\n"), HasSubstr("a.csv:3: column 'time': want a time >= 0, got -1"));
  EXPECT_EQ(Run({"insight", "retention"}).exit_status, 2);
  EXPECT_EQ(Run({"insight", "retention", "--table", "a", "--until", "3"}).exit_status, 2);
}

}  // namespace
}  // namespace waypost::testing_support
