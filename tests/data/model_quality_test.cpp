// What the models reach on public splits, at settings that docs/results.md documents: the bounds lie just under the
// figures there, so that a change of a model that costs quality is seen.
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "support/read_log.hpp"
#include "waypost/eval/evaluate.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost {
namespace {

absl::StatusOr<Evaluation> TrainAndEvaluate(const std::string& train_path, const std::string& test_path,
                                            const ModelOptions& options, const std::string& metrics) {
  const EventLog train = testing_support::ReadLog(train_path);
  WAYPOST_ASSIGN_OR_RETURN(Interactions interactions, BuildInteractions(train));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet test, BuildTestSet({train.users(), train.items(), std::move(interactions)},
                                                            testing_support::ReadLog(test_path)));
  WAYPOST_ASSIGN_OR_RETURN(const TrainedModel trained, TrainModel(test.training().interactions.positives, options));
  WAYPOST_ASSIGN_OR_RETURN(const MetricList list, ParseMetrics(metrics));
  return Evaluate(*trained.scorer, test, list, {.intervals = false});
}

TEST(ModelQuality, ItemKnnOnGowallaIsAtTheLevelOfTheBestPublishedModels) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "cf-gowalla/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "cf-gowalla/test.txt.gz");
  const ItemKnnOptions options{
      .neighbours = 100, .user_exponent = 1.0f, .source_exponent = 0.7f, .target_exponent = 0.15f};
  const absl::StatusOr<Evaluation> evaluation = TrainAndEvaluate(train, test, options, "recall@20,ndcg@20");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_GE(evaluation->Find("recall@20")->mean, 0.1860);
  EXPECT_GE(evaluation->Find("ndcg@20")->mean, 0.1540);
}

TEST(ModelQuality, IalsOnGowallaReachesWhatItsDimensionsAllow) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "cf-gowalla/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "cf-gowalla/test.txt.gz");
  const IalsOptions options{
      .dimensions = 64, .epochs = 8, .regularization = 0.003f, .unobserved_weight = 0.01f, .init_sd = 0.1f};
  const absl::StatusOr<Evaluation> evaluation = TrainAndEvaluate(train, test, options, "recall@20,ndcg@20");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_GE(evaluation->Find("recall@20")->mean, 0.1510);
  EXPECT_GE(evaluation->Find("ndcg@20")->mean, 0.1270);
}

TEST(ModelQuality, OneEpochOfIalsFromItsOwnStartIsAboveEightFromARandomOne) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "cf-gowalla/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "cf-gowalla/test.txt.gz");
  const IalsOptions options{.dimensions = 64, .epochs = 1, .regularization = 0.003f, .unobserved_weight = 0.01f};
  const absl::StatusOr<Evaluation> evaluation = TrainAndEvaluate(train, test, options, "recall@20,ndcg@20");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_GE(evaluation->Find("recall@20")->mean, 0.1585);
  EXPECT_GE(evaluation->Find("ndcg@20")->mean, 0.1365);
}

TEST(ModelQuality, GraphFiltersOnGowallaReachTheirPublishedFigures) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "cf-gowalla/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "cf-gowalla/test.txt.gz");
  const absl::StatusOr<Evaluation> gf_cf = TrainAndEvaluate(train, test, GfCfOptions{}, "recall@20,ndcg@20");
  ASSERT_TRUE(gf_cf.ok()) << gf_cf.status();
  EXPECT_GE(gf_cf->Find("recall@20")->mean, 0.1849);
  EXPECT_GE(gf_cf->Find("ndcg@20")->mean, 0.1518);
  const absl::StatusOr<Evaluation> bspm = TrainAndEvaluate(train, test, BspmOptions{}, "recall@20,ndcg@20");
  ASSERT_TRUE(bspm.ok()) << bspm.status();
  EXPECT_GE(bspm->Find("recall@20")->mean, 0.1920);
  EXPECT_GE(bspm->Find("ndcg@20")->mean, 0.1597);
}

TEST(ModelQuality, ItemKnnOnCourseEnrolmentsIsFarAbovePopularity) {
  WAYPOST_FIND_DATA_OR_SKIP(train, "course-mooccubex-enrolments/train.txt.gz");
  WAYPOST_FIND_DATA_OR_SKIP(test, "course-mooccubex-enrolments/test.txt.gz");
  const ItemKnnOptions options{.user_exponent = 0.6f, .source_exponent = 0.9f, .target_exponent = 0.5f};
  const absl::StatusOr<Evaluation> evaluation = TrainAndEvaluate(train, test, options, "hit-rate@10");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_GE(evaluation->Find("hit-rate@10")->mean, 0.2800);  // popularity 0.0618
}

}  // namespace
}  // namespace waypost
