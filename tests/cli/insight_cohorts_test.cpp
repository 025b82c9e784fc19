// waypost insight cohorts: days of activity go in, retention by cohort and an account of users come out.
#include <string>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;

class InsightCohorts : public CliTest {
 protected:
  std::string Visits() const {
    return Write("visits.csv",
                 "user,time\nann,2024-01-01\nann,2024-01-02T10:00\nann,2024-01-09\nbob,2024-01-01\nbob,2024-01-16\n"
                 "cid,2024-01-10\ncid,2024-01-11\ncid,2024-01-11\ndan,2024-01-16\neve,2024-01-18\n");
  }
};

TEST_F(InsightCohorts, SharesAndAccountAreThoseCountedByHand) {
  const nlohmann::json json = RunJson({"insight", "cohorts", "--table", Visits(), "--days", "1,8"});
  EXPECT_EQ(json["until"], "2024-01-18");  // eve's day is not over
  EXPECT_EQ(json["all"]["users"], 4);
  EXPECT_EQ(json["all"]["cells"][0]["eligible"], 4);
  EXPECT_EQ(json["all"]["cells"][0]["retained"], 2);  // ann, cid
  EXPECT_EQ(json["all"]["cells"][1]["eligible"], 2);
  EXPECT_EQ(json["all"]["cells"][1]["retained"], 1);  // ann
  EXPECT_EQ(json["all"]["cells"][1]["partial"], true);
  ASSERT_EQ(json["cohorts"].size(), 3u);
  EXPECT_EQ(json["cohorts"][1]["start"], "2024-01-08");
  ASSERT_EQ(json["periods"].size(), 3u);
  const nlohmann::json& last = json["periods"][2];  // from the 15th: bob came back, dan is new, ann and cid are gone
  EXPECT_EQ(last["active"], 2);
  EXPECT_EQ(last["new"], 1);
  EXPECT_EQ(last["kept"], 0);
  EXPECT_EQ(last["returned"], 1);
  EXPECT_EQ(last["lost"], 2);
  EXPECT_EQ(last["partial"], true);
  EXPECT_EQ(last["wau"], 3);  // the 11th to the 17th: bob, cid, dan
}

TEST_F(InsightCohorts, AStartOfItsOwnMakesTheCohort) {
  const std::string starts = Write("starts.csv", "user,start\nann,2023-12-31\nzoe,2024-01-02\nbob,2024-01-15\n");
  const nlohmann::json json = RunJson({"insight", "cohorts", "--table", Visits(), "--starts", starts, "--days", "1",
                                       "--until", "2024-01-18", "--retention", "day"});
  EXPECT_EQ(json["all"]["users"], 3);
  EXPECT_EQ(json["all"]["cells"][0]["retained"], 2);  // ann on the 1st, bob on the 16th; zoe never came
  EXPECT_EQ(json["strangers"], 5);                    // rows of cid, dan, eve
}

TEST_F(InsightCohorts, AStoreGivesTheSameAsItsEvents) {
  const std::string events = Write("events.csv",
                                   "user,item,kind,time\nann,c1,view,2024-01-01\nann,c1,view,2024-01-02\n"
                                   "bob,c1,view,2024-01-01\nbob,c1,impression,2024-01-02\ncid,c2,view,2024-01-03\n");
  if (Run({"import", "--help"}).exit_status != 0) GTEST_SKIP() << "not run: built without the store";
  ASSERT_EQ(Run({"import", "--store", Path("shop"), events}).exit_status, 0);
  const nlohmann::json json = RunJson({"insight", "cohorts", "--store", Path("shop"), "--days", "1"});
  EXPECT_EQ(json["all"]["users"], 2);
  EXPECT_EQ(json["all"]["cells"][0]["retained"], 1);  // an impression is nothing that bob did
}

TEST_F(InsightCohorts, WritesTablesAndNamesErrors) {
  const ToolResult result = Run({"insight", "cohorts", "--table", Visits(), "--days", "1", "--plot", Path("c.svg")});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("50.000 %"));
  EXPECT_THAT(ReadFile(Path("c.svg")), HasSubstr("<svg"));
  EXPECT_EQ(Run({"insight", "cohorts"}).exit_status, 2);
  EXPECT_EQ(Run({"insight", "cohorts", "--table", Visits(), "--days", "1,x"}).exit_status, 2);
  EXPECT_EQ(Run({"insight", "cohorts", "--table", Visits(), "--days", "0"}).exit_status, 2);
  EXPECT_THAT(Run({"insight", "cohorts", "--table", Write("a.csv", "user,time\nann,\n")}).err,
              HasSubstr("a.csv:2: column 'time': want a time, got none"));
}

}  // namespace
}  // namespace waypost::testing_support
