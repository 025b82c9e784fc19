// The check of the harness: the popularity ranking has no parameter, so its published figures on two public splits must
// come out to the last digit given.
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "support/read_log.hpp"
#include "waypost/eval/evaluate.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost {
namespace {

absl::StatusOr<Evaluation> EvaluatePopularity(const std::string& train_path, const std::string& test_path,
                                              const std::string& metrics) {
  const EventLog train = testing_support::ReadLog(train_path);
  WAYPOST_ASSIGN_OR_RETURN(const Interactions interactions, BuildInteractions(train));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet test, BuildTestSet({train.users(), train.items(), interactions},
                                                            testing_support::ReadLog(test_path)));
  WAYPOST_ASSIGN_OR_RETURN(const MetricList list, ParseMetrics(metrics));
  return Evaluate(TrainPopularity(interactions.positives), test, list);
}

constexpr double kLastDigit = 0.00005;  // the figures are given with four decimals

TEST(PopularityOnRealData, HasThePublishedFiguresOnGowalla) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "cf-gowalla/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "cf-gowalla/test.txt.gz");
  const absl::StatusOr<Evaluation> evaluation = EvaluatePopularity(train, test, "recall@20,ndcg@20");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->users, 29858u);
  EXPECT_EQ(evaluation->users_without_test, 0u);
  EXPECT_EQ(evaluation->unknown_items, 0u);
  EXPECT_EQ(evaluation->already_met, 0u);
  const MetricResult& recall = *evaluation->Find("recall@20");
  EXPECT_NEAR(recall.mean, 0.0416, kLastDigit);
  EXPECT_NEAR(evaluation->Find("ndcg@20")->mean, 0.0317, kLastDigit);
  ASSERT_TRUE(recall.interval.has_value());
  EXPECT_LT(recall.interval->low, recall.mean);
  EXPECT_GT(recall.interval->high, recall.mean);
}

TEST(PopularityOnRealData, HasTheKnownFiguresOnCourseEnrolments) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "course-mooccubex-enrolments/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "course-mooccubex-enrolments/test.txt.gz");
  const absl::StatusOr<Evaluation> evaluation =
      EvaluatePopularity(train, test, "hit-rate@10,hit-rate@20,ndcg@10,ndcg@20");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->users, 97722u);
  EXPECT_NEAR(evaluation->Find("hit-rate@10")->mean, 0.0618, kLastDigit);
  EXPECT_NEAR(evaluation->Find("hit-rate@20")->mean, 0.1039, kLastDigit);
  EXPECT_NEAR(evaluation->Find("ndcg@10")->mean, 0.0336, kLastDigit);
  EXPECT_NEAR(evaluation->Find("ndcg@20")->mean, 0.0442, kLastDigit);
}

}  // namespace
}  // namespace waypost
