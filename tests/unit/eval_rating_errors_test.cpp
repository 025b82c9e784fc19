#include "waypost/eval/rating_errors.hpp"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/table_scorer.hpp"
#include "support/worlds.hpp"
#include "waypost/eval/evaluate.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost {
namespace {

using testing_support::LogOf;
using testing_support::TableScorer;

// Users a and b; items x, y, z with ratings of 2 to 5.
const EventLog& Train() {
  static const EventLog log = LogOf({{"a", "x", "rate", 2.0f}, {"a", "y", "rate", 5.0f}, {"b", "z", "rate", 3.0f}});
  return log;
}

TestSet Rated(const EventLog& test, ValueTransform transform = ValueTransform::kLinear) {
  WeightingOptions weighting;
  weighting.transform = transform;
  return BuildTestSet({Train().users(), Train().items(), BuildInteractions(Train(), weighting).value()}, test, {},
                      weighting)
      .value();
}

TEST(RatingErrors, AreTakenOverAllRatingsOfWhatTrainingKnows) {
  const float weight = KindTable().at(*KindTable().Find("rate")).weight;
  ASSERT_EQ(weight, 1.0f) << "ratings are strengths of weight 1 here";
  // a, z: predicted 4, is 3. b, x: predicted 9, which no rating reaches: 5, is 4. b, y: predicted 2.5, is 5.
  const TestSet test = Rated(LogOf({{"a", "z", "rate", 3.0f},
                                    {"b", "x", "rate", 4.0f},
                                    {"b", "y", "rate", 5.0f},
                                    {"b", "unknown", "rate", 1.0f},
                                    {"stranger", "x", "rate", 1.0f}}));
  const TableScorer scorer({{0, 0, 4}, {9, 2.5f, 0}, {2, 2, 2}});
  for (int threads : {1, 3}) {
    const Evaluation evaluation =
        Evaluate(scorer, test, ParseMetrics("rmse,mae,recall@1").value(), {}, Parallelism(threads)).value();
    // The stranger's x is predicted as 2.
    EXPECT_NEAR(evaluation.Find("rmse")->mean, std::sqrt((1 + 1 + 6.25 + 1) / 4), 1e-6);
    EXPECT_NEAR(evaluation.Find("mae")->mean, (1 + 1 + 2.5 + 1) / 4, 1e-6);
    EXPECT_TRUE(evaluation.Find("rmse")->values.empty());
    EXPECT_FALSE(evaluation.Find("rmse")->interval.has_value());
    EXPECT_EQ(evaluation.Find("recall@1")->values.size(), 3u);
  }
}

TEST(RatingErrors, APopularityThatRanksUsersWithoutHistoryPredictsNoRating) {
  const TestSet test = Rated(LogOf({{"stranger", "x", "rate", 2.0f}}));
  const TableScorer scorer({{0, 0, 0}, {0, 0, 0}, {2, 2, 2}});
  const PopularityModel popularity = TrainPopularity(test.training().interactions.positives);
  const Evaluation evaluation = Evaluate(scorer, test, ParseMetrics("rmse").value(), {.fallback = &popularity}).value();
  EXPECT_EQ(evaluation.Find("rmse")->mean, 0);
}

TEST(RatingErrors, WantValuesAsStrengths) {
  const TestSet test = Rated(LogOf({{"a", "z", "rate", 3.0f}}), ValueTransform::kNone);
  const TableScorer scorer({{0, 0, 4}, {9, 2.5f, 0}, {2, 2, 2}});
  const absl::Status status = Evaluate(scorer, test, ParseMetrics("mae").value()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("--value-transform linear"));
}

TEST(RatingErrors, AreRefusedWhereNoRatingCanBeCompared) {
  const TableScorer scorer({{0, 0, 4}, {9, 2.5f, 0}, {2, 2, 2}});
  const TestSet unknown = Rated(LogOf({{"a", "elsewhere", "rate", 3.0f}}));
  EXPECT_EQ(Evaluate(scorer, unknown, ParseMetrics("rmse").value()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Evaluate(scorer, unknown, ParseMetrics("recall@1").value()).ok());
}

TEST(RatingErrors, WhatIsNoRatingStopsNoOtherMetric) {
  const TableScorer scorer({{0, 0, 4}, {9, 2.5f, 0}, {2, 2, 2}});
  const TestSet zero = Rated(LogOf({{"a", "z", "rate", 0.0f}}));
  EXPECT_TRUE(Evaluate(scorer, zero, ParseMetrics("recall@1").value()).ok());
  EXPECT_FALSE(Evaluate(scorer, zero, ParseMetrics("rmse").value()).ok());
  WeightingOptions decaying;
  decaying.transform = ValueTransform::kLinear;
  decaying.half_life_days = 30;
  decaying.now_us = 0;
  const TestSet decayed = BuildTestSet({Train().users(), Train().items(), BuildInteractions(Train()).value()},
                                       LogOf({{"a", "z", "rate", 3.0f}}), {}, decaying)
                              .value();
  EXPECT_THAT(std::string(Evaluate(scorer, decayed, ParseMetrics("rmse").value()).status().message()),
              testing::HasSubstr("--half-life"));
}

TEST(RatingErrors, HaveNoCut) {
  EXPECT_EQ(Name(ParseMetrics("rmse").value().front()), "rmse");
  EXPECT_FALSE(ParseMetrics("rmse@5").ok());
  EXPECT_FALSE(ParseMetrics("mae@5").ok());
  EXPECT_TRUE(LessIsBetter(MetricKind::kRmse));
}

}  // namespace
}  // namespace waypost
