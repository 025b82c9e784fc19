// insight leaderboard and allocate: what they print, and what they refuse.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class LeaderboardVerb : public CliTest {
 protected:
  std::string Events() const {
    return Write("e.csv",
                 "user,item,kind,value,time\n"
                 "ann,q1,answer,5,2024-01-03\nbob,q1,answer,3,2024-01-03\nann,q2,answer,4,2024-01-04\n"
                 "bob,q2,comment,,2024-02-01\nann,q3,dislike,,2024-02-02\ncid,q1,answer,1,\n");
  }
};

TEST_F(LeaderboardVerb, RanksByMonth) {
  const Json json = RunJson({"insight", "leaderboard", "--train", Events(), "--period", "month"});
  ASSERT_EQ(json["boards"].size(), 2u);
  EXPECT_EQ(json["boards"][0]["period"], "2024-01");
  EXPECT_TRUE(json["boards"][0]["category"].is_null());
  EXPECT_EQ(json["boards"][0]["users"], 2);
  EXPECT_EQ(json["boards"][0]["entries"][0]["user"], "ann");
  EXPECT_EQ(json["boards"][0]["entries"][0]["score"], 2);
  EXPECT_EQ(json["boards"][0]["entries"][0]["last"], "2024-01-04");
  EXPECT_EQ(json["boards"][1]["period"], "2024-02");
  EXPECT_EQ(json["boards"][1]["entries"].size(), 1u);  // a dislike is no contribution
  const ToolResult shown = Run({"insight", "leaderboard", "--train", Events(), "--period", "month", "--format", "csv"});
  EXPECT_EQ(shown.exit_status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("month,rank,user,score,events,counted,last\n2024-01,1,ann,2.000,2,2,2024-01-04\n"));
  EXPECT_THAT(shown.err, HasSubstr("passed over 1 event without a time"));
}

TEST_F(LeaderboardVerb, HasBoardsByItemAndByCategory) {
  const std::string catalogue = Write("c.csv", "id,category\nq1,math\nq2,code\n");
  const Json by_category = RunJson({"insight", "leaderboard", "--train", Events(), "--by", "category", "--catalog",
                                    catalogue, "--measure", "value"});
  ASSERT_EQ(by_category["boards"].size(), 2u);
  EXPECT_EQ(by_category["boards"][0]["category"], "code");
  EXPECT_EQ(by_category["boards"][1]["category"], "math");
  EXPECT_EQ(by_category["boards"][1]["entries"][0]["score"], 5);
  const Json by_item = RunJson({"insight", "leaderboard", "--train", Events(), "--by", "item", "--top", "1"});
  EXPECT_EQ(by_item["boards"][0]["category"], "q1");
  EXPECT_EQ(by_item["boards"][0]["entries"].size(), 3u);  // one answer each: they share the first rank
}

TEST_F(LeaderboardVerb, CapsFadesAndShrinks) {
  const Json capped = RunJson({"insight", "leaderboard", "--train", Events(), "--daily-cap", "1", "--item-cap", "1",
                               "--only-kind", "answer", "--half-life", "30", "--now", "2024-02-02"});
  EXPECT_EQ(capped["boards"][0]["entries"][1]["user"], "cid");  // no time: fresh
  EXPECT_EQ(capped["boards"][0]["entries"][1]["score"], 1);
  const Json mean = RunJson({"insight", "leaderboard", "--train", Events(), "--measure", "mean", "--prior-count", "1"});
  EXPECT_NEAR(mean["boards"][0]["entries"][0]["score"].get<double>(), (9 + 13.0 / 4) / 3, 1e-12);
}

TEST_F(LeaderboardVerb, RefusesWhatItCannotDo) {
  const auto refusal = [&](std::vector<std::string> more, int status) {
    std::vector<std::string> arguments = {"insight", "leaderboard", "--train", Events()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ToolResult result = Run(arguments);
    EXPECT_EQ(result.exit_status, status) << result.out;
    return result.err;
  };
  EXPECT_THAT(refusal({"--by", "category"}, 2), HasSubstr("--catalog FILE"));
  EXPECT_THAT(refusal({"--catalog", "c.csv"}, 2), HasSubstr("--by category"));
  EXPECT_THAT(refusal({"--only-kind", "badge"}, 1), HasSubstr("got 'badge'"));
  EXPECT_THAT(refusal({"--period", "moon"}, 2), HasSubstr("moon"));
  const ToolResult untimed =
      Run({"insight", "leaderboard", "--train", Write("u.csv", "user,item\na,b\n"), "--half-life", "3"});
  EXPECT_THAT(untimed.err, HasSubstr("want events with times"));
}

#ifdef WAYPOST_STORE
TEST_F(LeaderboardVerb, ReadsAStore) {
  ASSERT_EQ(Run({"import", "--store", Path("shop"), Events(), "--catalog", Write("c.csv", "id,category\nq1,math\n")})
                .exit_status,
            0);
  const Json json = RunJson({"insight", "leaderboard", "--store", Path("shop"), "--by", "category"});
  ASSERT_EQ(json["boards"].size(), 2u);
  EXPECT_EQ(json["boards"][1]["category"], "math");
  EXPECT_EQ(json["boards"][1]["users"], 3);
}
#endif

TEST_F(LeaderboardVerb, AllocatesABudgetWithABound) {
  const std::string table =
      Write("i.csv", "user,option,cost,value\nann,mail,1,4\nbob,mail,1,3\ncid,call,2,4\nann,call,3,5\n");
  const Json json = RunJson({"insight", "allocate", "--table", table, "--budget", "3"});
  EXPECT_EQ(json["chosen"].size(), 2u);
  EXPECT_EQ(json["chosen"][0]["user"], "ann");
  EXPECT_EQ(json["chosen"][0]["option"], "mail");
  EXPECT_EQ(json["value"], 7);
  EXPECT_EQ(json["dual_bound"], 9);
  EXPECT_EQ(json["multiplier"], 2);
  EXPECT_LE(json["gap"].get<double>(), json["largest_step"].get<double>());
  const ToolResult shown = Run({"insight", "allocate", "--table", table, "--budget", "3", "--format", "csv"});
  EXPECT_EQ(shown.out, "user,option,cost,value\nann,mail,1,4\nbob,mail,1,3\n");
  EXPECT_THAT(
      Run({"insight", "allocate", "--table", Write("b.csv", "user,option,cost,value\na,m,-1,2\n"), "--budget", "1"})
          .err,
      HasSubstr("b.csv:2: column 'cost': want >= 0"));
  EXPECT_EQ(Run({"insight", "allocate", "--table", table}).exit_status, 2);
  EXPECT_EQ(Run({"insight", "allocate", "--table", table, "--budget", "-1"}).exit_status, 2);
}

}  // namespace
}  // namespace waypost::testing_support
