// insight ab-test and feedback: what they print, and what they refuse.
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"
#include "waypost/base/random.hpp"
#ifdef WAYPOST_STORE
#include "waypost/store/store.hpp"
#endif

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class FeedbackVerb : public CliTest {};

TEST_F(FeedbackVerb, AnExperimentIsToldWhenItCanBe) {
  Random random(1);
  std::string table = "arm,value\n";
  for (int n = 0; n < 3000; ++n) {
    table += "control," + std::string(random.Bernoulli(0.10) ? "1" : "0") + "\n";
    table += "bold," + std::string(random.Bernoulli(0.20) ? "1" : "0") + "\n";
    if (n % 60 == 0) table += "late,1\n";
  }
  const std::string file = Write("t.csv", table);
  const Json json = RunJson({"insight", "ab-test", "--table", file, "--baseline", "control"});
  ASSERT_EQ(json["arms"].size(), 3u);
  EXPECT_EQ(json["arms"][0]["arm"], "bold");
  EXPECT_EQ(json["arms"][0]["to_baseline"]["verdict"], "higher");
  EXPECT_GT(json["arms"][0]["to_baseline"]["interval"][0].get<double>(), 0);
  EXPECT_LT(json["arms"][0]["to_baseline"]["p_value"].get<double>(), 0.05);
  EXPECT_TRUE(json["arms"][1]["to_baseline"].is_null());
  EXPECT_EQ(json["arms"][2]["to_baseline"]["verdict"], "too early");  // 50 users
  EXPECT_TRUE(json["arms"][2]["to_baseline"]["interval"].is_null());
  const ToolResult shown = Run({"insight", "ab-test", "--table", file, "--baseline", "control", "--format", "csv"});
  EXPECT_THAT(shown.out, HasSubstr("control,\"3,000\""));
  EXPECT_THAT(Run({"insight", "ab-test", "--table", file, "--baseline", "other"}).err, HasSubstr("got 'other'"));
  EXPECT_EQ(Run({"insight", "ab-test", "--table", file}).exit_status, 2);
  EXPECT_THAT(Run({"insight", "ab-test", "--table", Write("b.csv", "arm,value\na,1\n,2\n"), "--baseline", "a"}).err,
              HasSubstr("b.csv:3: column 'arm'"));
}

#ifdef WAYPOST_STORE
constexpr std::int64_t kHour = 3'600'000'000;

// Two models, each with users of its own, whose impressions are clicked with rates 0.1 and 0.3; some of those pay.
class FeedbackOfAStore : public FeedbackVerb {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(Path("shop"), {.access = StoreAccess::kWrite});
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->PutModel({.name = "old", .file = "old.waypost", .fingerprint = 17}).ok());
    Random random(2);
    std::vector<Impression> impressions;
    std::vector<std::string> users, items;
    std::vector<std::uint16_t> kinds;
    for (int user = 0; user < 400; ++user)
      for (std::uint16_t rank = 0; rank < 3; ++rank) {
        const bool is_new = user % 2 == 1;
        const std::string id = "u" + std::to_string(user), item = "i" + std::to_string(rank);
        impressions.push_back({.request = 1 + static_cast<std::uint64_t>(user),
                               .user = id,
                               .item = item,
                               .rank = rank,
                               .model = is_new ? 0xABCu : 17u,
                               .time_us = user * kHour});
        if (!random.Bernoulli(is_new ? 0.3 : 0.1)) continue;
        clicked_[is_new] += 1;
        users.push_back(id);
        items.push_back(item);
        kinds.push_back(rank == 0 ? kPay : kView);
      }
    impressions.push_back({.request = 9999, .user = "u0", .item = "i0", .kind = kRemind, .time_us = 0});
    impressions.push_back(
        {.request = 9998, .user = "u0", .item = "i9", .model = 0xABC, .time_us = 0});      // a second model
    impressions.push_back({.request = 9997, .user = "ghost", .item = "i9", .model = 17});  // no time, no event
    ASSERT_TRUE((*store)->AppendImpressions(impressions).ok());
    std::vector<Event> events;
    for (std::size_t n = 0; n < users.size(); ++n)
      events.push_back({.user = users[n],
                        .item = items[n],
                        .kind = kinds[n],
                        .time_us = std::stoi(users[n].substr(1)) * kHour + kHour / 2});
    ASSERT_TRUE((*store)->Append(events).ok());
  }

  int clicked_[2] = {};
};

TEST_F(FeedbackOfAStore, CountsByModelAndRankAndComparesModels) {
  const Json json = RunJson({"insight", "feedback", "--store", Path("shop"), "--ranks", "2"});
  EXPECT_EQ(json["impressions"], 1202);
  EXPECT_EQ(json["untimed"], 1);
  EXPECT_EQ(json["interventions"], 1);
  ASSERT_EQ(json["models"].size(), 2u);
  const Json &old = json["models"][0], &bold = json["models"][1];
  EXPECT_EQ(old["model"], "old");
  EXPECT_EQ(bold["model"], "0000000000000abc");
  EXPECT_EQ(old["clicks"]["count"], clicked_[0]);
  EXPECT_EQ(bold["clicks"]["count"], clicked_[1]);
  ASSERT_EQ(bold["ranks"].size(), 3u);
  EXPECT_EQ(bold["ranks"][2]["rank"], "3+");
  EXPECT_EQ(bold["ranks"][0]["conversions"]["count"], bold["ranks"][0]["clicks"]["count"]);  // place 1 is paid for
  EXPECT_EQ(bold["ranks"][1]["conversions"]["count"], 0);
  EXPECT_LT(bold["clicks"]["interval"][0].get<double>(), 0.3);
  EXPECT_GT(bold["clicks"]["interval"][1].get<double>(), 0.3);
  const Json& experiment = json["experiment"];
  EXPECT_EQ(experiment["baseline"], "old");
  EXPECT_EQ(experiment["mixed_users"], 1);
  EXPECT_EQ(experiment["comparisons"][0]["users"], 200);
  EXPECT_EQ(experiment["comparisons"][0]["baseline_users"], 200);  // without the user of both, with the ghost
  EXPECT_EQ(experiment["comparisons"][0]["clicks"]["verdict"], "higher");
  const ToolResult shown = Run({"insight", "feedback", "--store", Path("shop"), "--baseline", "0000000000000abc"});
  EXPECT_EQ(shown.exit_status, 0) << shown.err;
  EXPECT_THAT(shown.err, HasSubstr("old to 0000000000000abc, share of a user's impressions that is clicked: -0."));
}

TEST_F(FeedbackOfAStore, WindowAndKindsDecideWhatBelongs) {
  const Json late = RunJson({"insight", "feedback", "--store", Path("shop"), "--window", "0.01"});
  EXPECT_EQ(late["models"][0]["clicks"]["count"], 0);
  const Json views =
      RunJson({"insight", "feedback", "--store", Path("shop"), "--click", "view", "--conversion", "like"});
  EXPECT_LT(views["models"][1]["clicks"]["count"].get<int>(), clicked_[1]);
  EXPECT_EQ(views["models"][1]["conversions"]["count"], 0);
  EXPECT_THAT(Run({"insight", "feedback", "--store", Path("shop"), "--click", "tap"}).err, HasSubstr("got 'tap'"));
  EXPECT_THAT(Run({"insight", "feedback", "--store", Path("shop"), "--baseline", "x"}).err, HasSubstr("got 'x'"));
}

TEST_F(FeedbackVerb, AStoreThatShowedNothingHasNoModels) {
  ASSERT_EQ(Run({"import", "--store", Path("shop"), Write("e.csv", "user,item\na,b\n")}).exit_status, 0);
  const Json json = RunJson({"insight", "feedback", "--store", Path("shop")});
  EXPECT_EQ(json["impressions"], 0);
  EXPECT_TRUE(json["models"].empty());
  EXPECT_TRUE(json["experiment"].is_null());
  EXPECT_EQ(Run({"insight", "feedback", "--store", Path("none")}).exit_status, 1);
}
#endif

}  // namespace
}  // namespace waypost::testing_support
