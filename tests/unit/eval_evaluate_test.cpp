#include "waypost/eval/evaluate.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_metrics.hpp"
#include "support/table_scorer.hpp"
#include "support/worlds.hpp"
#include "waypost/matrix/split.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost {
namespace {

using ::testing::HasSubstr;
using testing_support::LogOf;
using testing_support::RandomLog;
using testing_support::RandomScores;
using testing_support::TableScorer;

const char* const kAll =
    "recall@5,precision@5,ndcg@5,map@5,mrr@5,hit-rate@5,auc,coverage@5,novelty@5,gini@5,recall@2,ndcg@100,"
    "stratified-recall@5,ips-recall@5,ips-ndcg@5,ips-ndcg@2";

TrainingData TrainedOn(const EventLog& log) {
  return {log.users(), log.items(), *BuildInteractions(log)};
}

// The same scores for everybody.
std::vector<std::vector<float>> Same(std::size_t rows, std::vector<float> row) {
  return std::vector<std::vector<float>>(rows, row);
}

// Scores of every training user and of a stranger, with ties.
TableScorer RandomTable(std::uint64_t seed, const EventLog& train, std::uint64_t distinct = 6) {
  std::vector<std::vector<float>> rows;
  for (std::size_t user = 0; user <= train.users().size(); ++user)
    rows.push_back(RandomScores(seed * 1000 + user, train.items().size(), distinct));
  return TableScorer(rows);
}

TEST(Evaluate, AgreesWithNaiveLoopsOnRandomWorlds) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const EventLog log = RandomLog(seed, {.rows = 120, .users = 10, .items = 25, .kinds = seed % 2 == 0});
    std::vector<std::size_t> first(80), second(40);  // a cut by row: pairs already met, unknown users and items occur
    for (std::size_t row = 0; row < 120; ++row) (row < 80 ? first[row] : second[row - 80]) = row;
    const EventLog train = log.Select(first);
    const absl::StatusOr<TestSet> test = BuildTestSet(TrainedOn(train), log.Select(second));
    ASSERT_TRUE(test.ok()) << test.status();
    const TableScorer scorer = RandomTable(seed, train);
    const absl::StatusOr<Evaluation> result =
        Evaluate(scorer, *test, *ParseMetrics(kAll), {.intervals = false}, Parallelism(1 + static_cast<int>(seed % 3)));
    ASSERT_TRUE(result.ok()) << result.status();
    std::vector<std::uint64_t> counts(train.items().size(), 0);
    for (std::size_t user = 0; user < test->users(); ++user) {
      reference::NaiveUser naive;
      naive.scores.resize(train.items().size());
      const UserView view = test->view(user);
      ASSERT_TRUE(scorer.Score(std::span(&view, 1), naive.scores, Parallelism(1)).ok());
      naive.history.insert(test->history(user).begin(), test->history(user).end());
      naive.test.insert(test->relevant(user).begin(), test->relevant(user).end());
      naive.unknown_test = test->test_items(user) - naive.test.size();
      std::vector<std::size_t> takers;
      for (std::size_t item = 0; item < train.items().size(); ++item)
        takers.push_back(test->training().interactions.positives.item_user().row_size(item));
      for (const std::size_t cut : {2, 5, 100}) {
        std::map<std::string, double> expected = reference::NaiveMetrics(naive, cut);
        expected.merge(reference::NaiveWeightedMetrics(naive, cut, takers));
        for (const auto& [name, value] : expected) {
          const MetricResult* found = result->Find(name == "auc" ? name : name + "@" + std::to_string(cut));
          if (found == nullptr) continue;
          EXPECT_NEAR(found->values[user], value, 1e-12) << found->name;  // the same sums in float64
        }
      }
      const std::vector<std::uint32_t> ranking = reference::NaiveRanking(naive);
      for (std::size_t n = 0; n < std::min<std::size_t>(5, ranking.size()); ++n) ++counts[ranking[n]];
    }
    EXPECT_NEAR(result->Find("gini@5")->mean, reference::NaiveGini(counts), 1e-12);
    const double listed =
        static_cast<double>(std::count_if(counts.begin(), counts.end(), [](std::uint64_t count) { return count > 0; }));
    EXPECT_DOUBLE_EQ(result->Find("coverage@5")->mean, listed / static_cast<double>(counts.size()));
    for (const MetricResult& metric : result->metrics) {
      if (metric.metric.kind == MetricKind::kNovelty) continue;
      EXPECT_GE(metric.mean, 0) << metric.name;
      EXPECT_LE(metric.mean, 1) << metric.name;
    }
  }
}

TEST(Evaluate, NoveltyIsTheMeanSurpriseOfTheList) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "x"}, {"c", "x"}, {"d", "y"}, {"a", "z", "impression"}});
  const TestSet test = *BuildTestSet(TrainedOn(train), LogOf({{"d", "x"}}));
  const TableScorer scorer(Same(5, {3, 2, 1}));
  const absl::StatusOr<Evaluation> result = Evaluate(scorer, test, *ParseMetrics("novelty@1,novelty@2"));
  ASSERT_TRUE(result.ok());
  EXPECT_DOUBLE_EQ(result->metrics[0].mean, -std::log2(3.0 / 4));
  EXPECT_DOUBLE_EQ(result->metrics[1].mean, (-std::log2(3.0 / 4) - std::log2(1.0 / 4)) / 2);  // z counts as one taker
}

TEST(Evaluate, AConstantScorerGetsTheExpectationOfRandomGuessing) {
  // 40 items in an order drawn per seed, one test item each: with ties by index the list is always items 0..9, which
  // hold a random test item with probability 10/40.
  double recall = 0, auc = 0, ndcg = 0, hit_rate = 0, precision = 0;
  constexpr int kWorlds = 40, kUsers = 50, kItems = 40;
  for (int world = 0; world < kWorlds; ++world) {
    Random random(static_cast<std::uint64_t>(world));
    std::vector<testing_support::Row> train, test;
    for (int item = 0; item < kItems; ++item) train.push_back({"everything", "i" + std::to_string(item)});
    for (int user = 0; user < kUsers; ++user)
      test.push_back({"u" + std::to_string(user), "i" + std::to_string(random.Below(kItems))});
    const EventLog log = LogOf(train);
    const TestSet set = *BuildTestSet(TrainedOn(log), LogOf(test));
    const TableScorer constant(Same(2, std::vector<float>(kItems, 0.5f)));
    const absl::StatusOr<Evaluation> result =
        Evaluate(constant, set, *ParseMetrics("recall@10,auc,ndcg@10,hit-rate@10,precision@10"));
    ASSERT_TRUE(result.ok());
    recall += result->metrics[0].mean / kWorlds;
    auc += result->metrics[1].mean / kWorlds;
    ndcg += result->metrics[2].mean / kWorlds;
    hit_rate += result->metrics[3].mean / kWorlds;
    precision += result->metrics[4].mean / kWorlds;
  }
  double gain = 0, squares = 0;  // of a hit, by its rank
  for (int rank = 1; rank <= 10; ++rank) {
    gain += 1 / std::log2(rank + 1.0);
    squares += std::pow(std::log2(rank + 1.0), -2);
  }
  EXPECT_NEAR(ndcg, gain / kItems, 4 * std::sqrt(squares / kItems / (kWorlds * kUsers)));  // four standard errors
  EXPECT_DOUBLE_EQ(hit_rate, recall);
  EXPECT_NEAR(precision, recall / 10, 1e-12);
  EXPECT_NEAR(recall, 0.25, 4 * std::sqrt(0.25 * 0.75 / (kWorlds * kUsers)));  // four standard errors
  EXPECT_DOUBLE_EQ(auc, 0.5);
}

TEST(Evaluate, RefusesAScoreThatIsNotFiniteAndNamesUserAndItem) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}, {"b", "z"}});
  const TestSet test = *BuildTestSet(TrainedOn(train), LogOf({{"a", "y"}}));
  for (float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    const TableScorer scorer({{1, 2, bad}, {1, 2, 3}, {1, 2, 3}});
    for (const char* metrics : {"recall@1", "auc"}) {
      const absl::Status status = Evaluate(scorer, test, *ParseMetrics(metrics)).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(status.message()), HasSubstr("user 'a' and item 'z'"));
    }
  }
}

// Returns the same list for everybody, whatever it is.
class FixedList : public TableScorer {
 public:
  FixedList(std::size_t items, std::vector<ScoredItem> list) : TableScorer({std::vector<float>(items)}), list_(list) {}
  absl::StatusOr<std::vector<std::vector<ScoredItem>>> TopK(std::span<const UserView> users,
                                                            std::span<const Candidates>, std::size_t,
                                                            const Parallelism&) const override {
    return std::vector<std::vector<ScoredItem>>(users.size(), list_);
  }

 private:
  std::vector<ScoredItem> list_;
};

TEST(Evaluate, RefusesAListThatBreaksTheContractOfScorers) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}, {"b", "z"}});
  const TestSet test = *BuildTestSet(TrainedOn(train), LogOf({{"a", "y"}}));
  const auto refusal = [&](std::vector<ScoredItem> list) {
    const absl::Status status = Evaluate(FixedList(3, std::move(list)), test, *ParseMetrics("recall@3")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  const auto x = ItemIndex{0}, y = ItemIndex{1}, z = ItemIndex{2}, beyond = ItemIndex{3};
  EXPECT_THAT(refusal({{y, 2}, {z, 1.5f}, {y, 1}}), HasSubstr("once in a list"));  // would give a recall of 2
  EXPECT_THAT(refusal({{x, 2}}), HasSubstr("candidates only"));                    // is in the history
  EXPECT_THAT(refusal({{beyond, 2}}), HasSubstr("candidates only"));
  EXPECT_THAT(refusal({{y, 1}, {z, 2}}), HasSubstr("descending"));
  EXPECT_THAT(refusal({{y, std::nanf("")}}), HasSubstr("finite"));
}

TEST(Evaluate, UnknownItemsStayInTheDenominator) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}, {"b", "z"}});
  const TestSet test = *BuildTestSet(TrainedOn(train), LogOf({{"a", "y"}, {"a", "new"}, {"a", "newer"}, {"b", "new"}}));
  const TableScorer scorer(Same(3, {1, 3, 2}));
  const absl::StatusOr<Evaluation> result = Evaluate(scorer, test, *ParseMetrics("recall@5,auc"));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->unknown_items, 2u);
  EXPECT_DOUBLE_EQ(result->metrics[0].values[0], 1.0 / 3);
  EXPECT_DOUBLE_EQ(result->metrics[0].values[1], 0);
  EXPECT_DOUBLE_EQ(result->metrics[1].values[0], 1.0 / 3);  // y is above z; the two unknown ones are below it
  EXPECT_DOUBLE_EQ(result->metrics[1].values[1], 0);
}

// A model that knows nothing of a user gives every item the same score, which is the order of indices: not what a host
// serves, and worse than popularity.
TEST(Evaluate, RanksUsersWithoutHistoryByTheFallback) {
  const EventLog train = LogOf({{"u", "a"}, {"u", "b"}, {"v", "b"}, {"v", "c"}, {"w", "c"}, {"x", "c"}});
  const TestSet test = *BuildTestSet(TrainedOn(train), LogOf({{"u", "c"}, {"new", "c"}, {"other", "a"}}));
  const TableScorer scorer(Same(5, {3, 2, 1}));
  const PopularityModel popularity = TrainPopularity(test.training().interactions.positives);
  const MetricList metrics = *ParseMetrics("hit-rate@1,auc");
  const Evaluation without = *Evaluate(scorer, test, metrics);
  EXPECT_EQ(without.users_by_fallback, 0u);
  EXPECT_EQ(without.metrics[0].values, (std::vector<double>{1, 0, 1}));
  EXPECT_EQ(without.metrics[1].values[1], 0);
  for (const int threads : {1, 2, 7}) {
    const Evaluation with = *Evaluate(scorer, test, metrics, {.fallback = &popularity}, Parallelism(threads));
    EXPECT_EQ(with.users_by_fallback, 2u);
    EXPECT_EQ(with.metrics[0].values, (std::vector<double>{1, 1, 0}));
    EXPECT_EQ(with.metrics[1].values[1], 1);
    EXPECT_EQ(with.metrics[1].values[2], 0);
  }
  const TableScorer small(Same(5, {1, 2}));
  EXPECT_THAT(std::string(Evaluate(scorer, test, metrics, {.fallback = &small}).status().message()),
              HasSubstr("EvaluateOptions.fallback: want a model of 3 items, got 2"));
}

TEST(Evaluate, SaysThatTheTestPairsAreTrainingPairs) {
  const EventLog log = LogOf({{"u", "a"}, {"v", "b"}});
  const TestSet test = *BuildTestSet(TrainedOn(log), log);
  EXPECT_THAT(std::string(Evaluate(TableScorer(Same(3, {1, 2})), test, *ParseMetrics("recall@1")).status().message()),
              HasSubstr("2 test pairs are training pairs"));
}

TEST(Evaluate, TheSameForAnyNumberOfThreads) {
  const EventLog log = RandomLog(5, {.rows = 9000, .users = 700, .items = 60});
  const absl::StatusOr<EventSplit> split = SplitRandom(log);
  const EventLog train = log.Select(split->train);
  const TestSet test = *BuildTestSet(TrainedOn(train), log.Select(split->test));
  const TableScorer scorer = RandomTable(5, train);
  const auto run = [&](int threads) {
    return *Evaluate(scorer, test, *ParseMetrics(kAll), {.bootstrap = {.replicates = 100}}, Parallelism(threads));
  };
  const Evaluation one = run(1);
  for (int threads : {2, 7}) {
    const Evaluation other = run(threads);
    for (std::size_t m = 0; m < one.metrics.size(); ++m) {
      EXPECT_EQ(one.metrics[m].mean, other.metrics[m].mean);
      EXPECT_EQ(one.metrics[m].interval, other.metrics[m].interval);
      EXPECT_EQ(one.metrics[m].values, other.metrics[m].values);
    }
  }
}

TEST(Evaluate, TheOrderOfTheUsersChangesNobodysValues) {
  const EventLog log = RandomLog(9, {.rows = 3000, .users = 200, .items = 50});
  const absl::StatusOr<EventSplit> split = SplitRandom(log);
  const EventLog train = log.Select(split->train);
  const EventLog test = log.Select(split->test);
  std::vector<testing_support::Row> reversed;
  for (std::size_t row = test.size(); row-- > 0;)
    reversed.push_back({std::string(test.users().id(test.columns().users[row])),
                        std::string(test.items().id(test.columns().items[row]))});
  const TestSet one = *BuildTestSet(TrainedOn(train), test), other = *BuildTestSet(TrainedOn(train), LogOf(reversed));
  ASSERT_NE(one.user_id(0), other.user_id(0));
  const TableScorer scorer = RandomTable(9, train);
  for (const std::size_t negatives : {0, 20}) {
    const MetricList metrics = *ParseMetrics(negatives == 0 ? kAll : "recall@5,ndcg@5,ips-ndcg@5");
    const EvaluateOptions options{.intervals = false, .sampled_negatives = negatives};
    const Evaluation a = *Evaluate(scorer, one, metrics, options), b = *Evaluate(scorer, other, metrics, options);
    for (std::size_t m = 0; m < metrics.size(); ++m) {
      EXPECT_NEAR(a.metrics[m].mean, b.metrics[m].mean, 1e-12) << a.metrics[m].name;  // the sum in another order
      std::map<std::string, double> values;
      for (std::size_t user = 0; user < a.metrics[m].values.size(); ++user)
        values[std::string(one.user_id(user))] = a.metrics[m].values[user];
      for (std::size_t user = 0; user < b.metrics[m].values.size(); ++user)
        EXPECT_EQ(values[std::string(other.user_id(user))], b.metrics[m].values[user]) << a.metrics[m].name;
    }
  }
}

TEST(Evaluate, SampledFiguresHaveNamesOfTheirOwnAndApproachTheExactOnes) {
  const EventLog log = RandomLog(10, {.rows = 4000, .users = 200, .items = 120});
  const absl::StatusOr<EventSplit> split = SplitRandom(log);
  const EventLog train = log.Select(split->train);
  const TestSet test = *BuildTestSet(TrainedOn(train), log.Select(split->test));
  const TableScorer scorer = RandomTable(10, train, 1000);
  const MetricList metrics = *ParseMetrics("recall@5,ndcg@5");
  const Evaluation exact = *Evaluate(scorer, test, metrics, {.intervals = false});
  const auto sampled = [&](std::size_t negatives, int threads = 1) {
    return *Evaluate(scorer, test, metrics, {.intervals = false, .sampled_negatives = negatives}, Parallelism(threads));
  };
  EXPECT_EQ(sampled(10).metrics[0].name, "sampled-recall@5");
  EXPECT_THAT(sampled(10).metrics[0].definition, HasSubstr("10 drawn"));
  EXPECT_EQ(sampled(10).Find("recall@5"), nullptr);
  EXPECT_GT(sampled(10).metrics[0].mean, exact.metrics[0].mean + 0.1);
  EXPECT_EQ(sampled(1000).metrics[1].values, exact.metrics[1].values);  // more than there are: every candidate
  EXPECT_EQ(sampled(10).metrics[1].values, sampled(10, 7).metrics[1].values);
  const auto refused = Evaluate(scorer, test, *ParseMetrics("auc"), {.sampled_negatives = 10});
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("want metrics of hits"));
}

TEST(Evaluate, IntervalsHoldTheMeanAndListMetricsHaveNone) {
  const EventLog log = RandomLog(6, {.rows = 3000, .users = 200, .items = 60});
  const absl::StatusOr<EventSplit> split = SplitLeaveOneOut(log);
  const EventLog train = log.Select(split->train);
  const TestSet test = *BuildTestSet(TrainedOn(train), log.Select(split->test));
  const absl::StatusOr<Evaluation> result = Evaluate(RandomTable(6, train, 1000), test, *ParseMetrics(kAll));
  ASSERT_TRUE(result.ok());
  for (const MetricResult& metric : result->metrics) {
    const bool of_lists = metric.metric.kind == MetricKind::kCoverage || metric.metric.kind == MetricKind::kGini;
    ASSERT_EQ(metric.interval.has_value(), !of_lists);
    EXPECT_EQ(metric.values.size(), of_lists ? 0u : test.users());
    if (of_lists) continue;
    EXPECT_LT(metric.interval->low, metric.mean);
    EXPECT_GT(metric.interval->high, metric.mean);
  }
}

TEST(Evaluate, PerUserValuesCompareTwoModelsUserByUser) {
  const EventLog log = RandomLog(8, {.rows = 4000, .users = 300, .items = 40});
  const absl::StatusOr<EventSplit> split = SplitRandom(log);
  const EventLog train = log.Select(split->train);
  const TestSet test = *BuildTestSet(TrainedOn(train), log.Select(split->test));
  std::vector<std::vector<float>> oracle(train.users().size() + 1, std::vector<float>(train.items().size(), 0));
  for (std::size_t user = 0; user < test.users(); ++user)
    for (std::uint32_t item : test.relevant(user)) oracle[test.view(user).user->value][item] = 1;
  const auto metrics = *ParseMetrics("ndcg@10");
  const Evaluation best = *Evaluate(TableScorer(oracle), test, metrics);
  const Evaluation other = *Evaluate(TrainPopularity(test.training().interactions.positives), test, metrics);
  EXPECT_DOUBLE_EQ(best.metrics[0].mean, 1);
  std::vector<double> differences;
  for (std::size_t user = 0; user < test.users(); ++user)
    differences.push_back(best.metrics[0].values[user] - other.metrics[0].values[user]);
  EXPECT_GT(BootstrapMean(differences)->low, 0);
}

TEST(Evaluate, CanBeWatchedAndCancelled) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}});
  const TestSet test = *BuildTestSet(TrainedOn(train), LogOf({{"a", "y"}}));
  const TableScorer scorer(Same(3, {1, 2}));
  std::size_t seen = 0;
  EXPECT_TRUE(Evaluate(scorer, test, *ParseMetrics("mrr@1"),
                       {.on_progress =
                            [&](std::size_t done, std::size_t total) {
                              seen = done;
                              return done <= total;
                            }})
                  .ok());
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(
      Evaluate(scorer, test, *ParseMetrics("mrr@1"), {.on_progress = [](std::size_t, std::size_t) { return false; }})
          .status()
          .code(),
      absl::StatusCode::kCancelled);
}

TEST(Evaluate, RefusesWhatCannotBeMeasured) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}});
  const TestSet test = *BuildTestSet(TrainedOn(train), LogOf({{"a", "y"}}));
  const TestSet nobody = *BuildTestSet(TrainedOn(train), LogOf({{"a", "x"}}));
  const TableScorer fits(Same(3, {1, 2}));
  const auto code = [](const Scorer& scorer, const TestSet& set, const MetricList& metrics,
                       const EvaluateOptions& options = {}) {
    return Evaluate(scorer, set, metrics, options).status().code();
  };
  const MetricList recall = *ParseMetrics("recall@1");
  EXPECT_EQ(code(fits, test, recall), absl::StatusCode::kOk);
  EXPECT_EQ(code(fits, nobody, recall), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(fits, test, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(fits, test, {{MetricKind::kRecall, 0}}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(TableScorer(Same(3, {1, 2, 3})), test, recall), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(TableScorer(Same(9, {1, 2})), test, recall), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(fits, test, recall, {.bootstrap = {.replicates = 0}}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(fits, test, recall, {.bootstrap = {.confidence = 1}}), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace waypost
