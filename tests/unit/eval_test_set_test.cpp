#include "waypost/eval/test_set.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/matrix/split.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing_support::LogOf;
using testing_support::RandomLog;

TrainingData TrainedOn(const EventLog& log, const WeightingOptions& options = {}) {
  return {log.users(), log.items(), *BuildInteractions(log, options)};
}

TEST(TestSet, SeesTestEventsThroughTheDictionariesOfTheTraining) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}, {"b", "z"}});
  const absl::StatusOr<TestSet> set =
      BuildTestSet(TrainedOn(train), LogOf({{"b", "x"}, {"a", "z"}, {"a", "y"}, {"a", "new"}}));
  ASSERT_TRUE(set.ok());
  ASSERT_EQ(set->users(), 2u);
  EXPECT_EQ(set->user_id(0), "b");  // in the order of the test events
  EXPECT_EQ(set->view(0).user, UserIndex{1});
  EXPECT_THAT(set->view(0).history.columns, ElementsAre(1, 2));
  EXPECT_THAT(set->relevant(0), ElementsAre(0));
  EXPECT_EQ(set->view(1).user, UserIndex{0});
  EXPECT_THAT(set->relevant(1), ElementsAre(1, 2));
  EXPECT_EQ(set->test_items(1), 3u);
  EXPECT_EQ(set->unknown_items(), 1u);
  EXPECT_EQ(set->users_without_test(), 0u);
}

TEST(TestSet, HistoryHoldsWhatWasTakenSeenAndRejectedButTheModelGetsOnlyWhatWasTaken) {
  const EventLog train = LogOf({{"a", "taken"}, {"a", "seen", "impression"}, {"a", "bad", "dismiss"}, {"b", "free"}});
  const TestSet set = *BuildTestSet(TrainedOn(train), LogOf({{"a", "free"}, {"a", "seen"}, {"a", "taken"}}));
  EXPECT_THAT(set.history(0), ElementsAre(0, 1, 2));
  EXPECT_THAT(set.view(0).history.columns, ElementsAre(0));
  EXPECT_THAT(set.relevant(0), ElementsAre(3));
  EXPECT_EQ(set.test_items(0), 1u);
  EXPECT_EQ(set.already_met(), 2u);
}

TEST(TestSet, OnlyPositiveTestEventsAreRelevant) {
  const EventLog train = LogOf({{"a", "p"}, {"b", "x"}, {"b", "y"}, {"b", "z"}});
  const EventLog test =
      LogOf({{"a", "x", "rate", 5.0f}, {"a", "y", "rate", 1.0f}, {"a", "z", "dislike"}, {"b", "p", "impression"}});
  const TestSet set = *BuildTestSet(TrainedOn(train), test, {}, {.min_value = 4.0f});
  ASSERT_EQ(set.users(), 1u);
  EXPECT_THAT(set.relevant(0), ElementsAre(1));
  EXPECT_EQ(set.users_without_test(), 1u);
}

TEST(TestSet, AUserUnknownToTrainingHasTheFoldInHistoryOrAnEmptyOne) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}, {"b", "z"}});
  const EventLog fold_in =
      LogOf({{"c", "z", "rate", 3.0f}, {"c", "new"}, {"c", "x", "rate", 2.0f}, {"d", "x"}, {"c", "w", "dismiss"}});
  const absl::StatusOr<TestSet> set =
      BuildTestSet(TrainedOn(train), LogOf({{"c", "y"}, {"e", "y"}}), fold_in, {.transform = ValueTransform::kLinear});
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->users(), 2u);
  EXPECT_FALSE(set->view(0).user.has_value());
  EXPECT_THAT(set->view(0).history.columns, ElementsAre(0, 2));
  EXPECT_THAT(set->view(0).history.values, ElementsAre(2, 3));
  EXPECT_THAT(set->history(0), ElementsAre(0, 2));
  EXPECT_FALSE(set->view(1).user.has_value());
  EXPECT_THAT(set->view(1).history.columns, IsEmpty());
  EXPECT_EQ(set->users_without_test(), 3u);  // a and b of the training, d of the fold-in events
}

TEST(TestSet, RefusesAFoldInUserWhomTrainingKnows) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}});
  EXPECT_EQ(BuildTestSet(TrainedOn(train), LogOf({{"a", "y"}}), LogOf({{"b", "x"}})).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TestSet, RefusesATrainingWhoseMatrixAndDictionariesDiffer) {
  const EventLog train = LogOf({{"a", "x"}, {"b", "y"}});
  const EventLog other = LogOf({{"a", "x"}});
  EXPECT_EQ(BuildTestSet({other.users(), train.items(), *BuildInteractions(train)}, train).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TestSet, EverySplitGivesEveryTestPairOnceAndCountsEveryUser) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const EventLog log = RandomLog(seed, {.rows = 300, .users = 25, .items = 30, .kinds = true});
    for (const EventSplit& split :
         {*SplitLeaveOneOut(log), *SplitByUser(log, {.test_share = 0.3}), *SplitRandom(log)}) {
      const EventLog train = log.Select(split.train);
      const EventLog held_out = log.Select(split.test);
      const absl::StatusOr<TestSet> set = BuildTestSet(TrainedOn(train), held_out, log.Select(split.fold_in));
      ASSERT_TRUE(set.ok()) << set.status();
      std::size_t pairs = 0;
      for (std::size_t user = 0; user < set->users(); ++user) pairs += set->test_items(user);
      EXPECT_EQ(pairs, BuildInteractions(held_out)->positives.entries());
      EXPECT_EQ(set->already_met(), 0u);  // nothing leaked
      EXPECT_EQ(set->users() + set->users_without_test(), log.users().size());
    }
  }
}

}  // namespace
}  // namespace waypost
