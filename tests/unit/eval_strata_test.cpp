#include "waypost/eval/strata.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/table_scorer.hpp"
#include "support/worlds.hpp"
#include "waypost/eval/evaluate.hpp"

namespace waypost {
namespace {

using testing_support::LogOf;
using testing_support::Row;
using testing_support::TableScorer;

// Item "hit" has 10 users, "mid" 8, "low" 7, "rare" 2: 27 pairs, of which hit and mid hold half.
std::vector<Row> Community() {
  std::vector<Row> rows;
  const std::map<std::string, int> takers = {{"hit", 10}, {"mid", 8}, {"low", 7}, {"rare", 2}};
  for (const char* item : {"hit", "mid", "low", "rare"})
    for (int user = 0; user < takers.at(item); ++user) rows.push_back({"u" + std::to_string(user), item});
  return rows;
}

TEST(Strata, HeadHoldsHalfOfThePairsAndColdHasFewUsers) {
  const Interactions interactions = *BuildInteractions(LogOf(Community()));
  EXPECT_EQ(ItemStrataOf(interactions.positives),
            (std::vector<ItemStratum>{ItemStratum::kHead, ItemStratum::kHead, ItemStratum::kTail, ItemStratum::kCold}));
  EXPECT_EQ(UserStratumOf(0), UserStratum::kCold);
  EXPECT_EQ(UserStratumOf(5), UserStratum::kFew);
  EXPECT_EQ(UserStratumOf(6), UserStratum::kWarm);
}

TEST(Strata, EachStratumOfItemsIsMeasuredOnItsOwnTestItems) {
  std::vector<Row> rows = Community();
  for (int n = 0; n < 8; ++n) rows.push_back({"w", "x" + std::to_string(n)});  // w is warm; its items are cold
  const EventLog train = LogOf(rows);
  // u9 has "hit" in training; w and a stranger have nothing of the four.
  const TestSet test = *BuildTestSet({train.users(), train.items(), *BuildInteractions(train)},
                                     LogOf({{"w", "hit"}, {"w", "rare"}, {"u9", "low"}, {"u9", "new"}, {"s", "mid"}}));
  std::vector<float> scores(train.items().size(), 0);
  scores[0] = 4, scores[1] = 3, scores[2] = 2, scores[3] = 1;  // by popularity
  const TableScorer scorer(std::vector<std::vector<float>>(train.users().size() + 1, scores));
  const Evaluation found = *Evaluate(scorer, test, *ParseMetrics("recall@2,mrr@2,coverage@2"), {.strata = true});
  std::map<std::string, StratumResult> strata;
  for (const StratumResult& stratum : found.strata) strata[stratum.name] = stratum;
  ASSERT_EQ(strata.size(), 6u);
  // Lists of two: w hit, mid; u9 mid, low; s hit, mid.
  EXPECT_EQ(strata["head items"].users, 2u);
  EXPECT_EQ(strata["head items"].test_items, 2u);
  EXPECT_EQ(strata["head items"].metrics[0].mean, 1);
  EXPECT_EQ(strata["head items"].metrics[1].mean, (1 + 0.5) / 2);
  EXPECT_EQ(strata["tail items"].users, 1u);
  EXPECT_EQ(strata["tail items"].metrics[0].mean, 1);
  EXPECT_EQ(strata["tail items"].metrics[1].mean, 0.5);
  EXPECT_EQ(strata["cold items"].users, 2u);  // rare, and what training does not know
  EXPECT_EQ(strata["cold items"].metrics[0].mean, 0);
  EXPECT_EQ(strata["cold users"].users, 1u);
  EXPECT_EQ(strata["cold users"].metrics[0].mean, 1);
  EXPECT_EQ(strata["users of 1..5"].users, 1u);
  EXPECT_EQ(strata["users of 1..5"].metrics[0].mean, 0.5);
  EXPECT_EQ(strata["users of more"].users, 1u);
  EXPECT_EQ(strata["users of more"].test_items, 2u);
  EXPECT_EQ(strata["head items"].metrics.size(), 2u);  // coverage is of all lists
}

TEST(Strata, MeansOfUserStrataAddUpToTheMeanOfAllAndTestItemsToAll) {
  const EventLog log = testing_support::RandomLog(4, {.rows = 2000, .users = 300, .items = 90});
  std::vector<std::size_t> first, second;
  for (std::size_t row = 0; row < log.size(); ++row) (row % 3 == 0 ? second : first).push_back(row);
  const EventLog train = log.Select(first);
  const TestSet test = *BuildTestSet({train.users(), train.items(), *BuildInteractions(train)}, log.Select(second));
  std::vector<std::vector<float>> rows;
  for (std::size_t user = 0; user <= train.users().size(); ++user)
    rows.push_back(testing_support::RandomScores(user, train.items().size(), 50));
  std::vector<Evaluation> runs;
  for (int threads : {1, 7})
    runs.push_back(
        *Evaluate(TableScorer(rows), test, *ParseMetrics("ndcg@10"), {.strata = true}, Parallelism(threads)));
  double sum = 0;
  std::size_t test_items = 0, of_users = 0;
  for (std::size_t s = 0; s < 6; ++s) {
    const StratumResult& stratum = runs[0].strata[s];
    if (s < 3) sum += stratum.metrics.empty() ? 0 : stratum.metrics[0].mean * static_cast<double>(stratum.users);
    (s < 3 ? of_users : test_items) += stratum.test_items;
    ASSERT_EQ(stratum.metrics.size(), runs[1].strata[s].metrics.size());
    if (!stratum.metrics.empty()) {
      EXPECT_EQ(stratum.metrics[0].mean, runs[1].strata[s].metrics[0].mean);
    }
  }
  EXPECT_NEAR(sum / static_cast<double>(test.users()), runs[0].metrics[0].mean, 1e-12);
  EXPECT_EQ(test_items, of_users);
}

}  // namespace
}  // namespace waypost
