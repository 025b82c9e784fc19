#include "waypost/eval/metrics.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_metrics.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using ::testing::HasSubstr;

double Value(MetricKind kind, std::uint32_t cut, const std::vector<std::uint8_t>& hits, std::size_t test_items) {
  return HitMetric({kind, cut}, {hits, test_items});
}

TEST(Metrics, OfAnyHitsLieBetweenZeroAndOne) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t test_items = 1 + random.Below(30);
    std::vector<std::uint8_t> hits(random.Below(40));
    for (std::size_t found = 0; std::uint8_t & hit : hits)  // an item is listed once, so no more hits than test items
      if (found < test_items && random.Bernoulli(0.7)) found += hit = 1;
    for (const MetricKind kind : {MetricKind::kRecall, MetricKind::kPrecision, MetricKind::kNdcg, MetricKind::kMap,
                                  MetricKind::kMrr, MetricKind::kHitRate}) {
      const double value = Value(kind, static_cast<std::uint32_t>(1 + random.Below(45)), hits, test_items);
      EXPECT_GE(value, 0);
      EXPECT_LE(value, 1 + 1e-12);  // sums of at most 40 terms, each rounded once
    }
  }
}

// A list of five whose ranks 1, 3 and 4 are test items, of four test items in all:
//   recall 3/4, precision 3/5, average precision (1/1 + 2/3 + 3/4) / 4 = 29/48, reciprocal rank 1,
//   dcg = 1 + 1/log2(4) + 1/log2(5) = 1 + 0.5 + 0.430677 = 1.930677,
//   ideal = 1 + 1/log2(3) + 1/log2(4) + 1/log2(5) = 1 + 0.630930 + 0.5 + 0.430677 = 2.561606, ndcg 0.753698.
TEST(Metrics, HaveTheValuesComputedByHand) {
  const std::vector<std::uint8_t> hits = {1, 0, 1, 1, 0};
  EXPECT_DOUBLE_EQ(Value(MetricKind::kRecall, 5, hits, 4), 0.75);
  EXPECT_DOUBLE_EQ(Value(MetricKind::kPrecision, 5, hits, 4), 0.6);
  EXPECT_DOUBLE_EQ(Value(MetricKind::kMap, 5, hits, 4), 29.0 / 48);
  EXPECT_NEAR(Value(MetricKind::kNdcg, 5, hits, 4), 0.753698, 5e-7);
  EXPECT_DOUBLE_EQ(Value(MetricKind::kMrr, 5, hits, 4), 1);
  EXPECT_DOUBLE_EQ(Value(MetricKind::kHitRate, 5, hits, 4), 1);
}

// Of the same list only the first two ranks count: one hit; the ideal list has two: 1 + 1/log2(3) = 1.630930.
TEST(Metrics, LookAtNothingBeyondTheCut) {
  const std::vector<std::uint8_t> hits = {1, 0, 1, 1, 0};
  EXPECT_DOUBLE_EQ(Value(MetricKind::kRecall, 2, hits, 4), 0.25);
  EXPECT_DOUBLE_EQ(Value(MetricKind::kPrecision, 2, hits, 4), 0.5);
  EXPECT_DOUBLE_EQ(Value(MetricKind::kMap, 2, hits, 4), 0.5);
  EXPECT_NEAR(Value(MetricKind::kNdcg, 2, hits, 4), 0.613147, 5e-7);
  const std::vector<std::uint8_t> late = {0, 0, 1};
  EXPECT_DOUBLE_EQ(Value(MetricKind::kMrr, 2, late, 1), 0);
  EXPECT_DOUBLE_EQ(Value(MetricKind::kHitRate, 2, late, 1), 0);
  EXPECT_DOUBLE_EQ(Value(MetricKind::kMrr, 3, late, 1), 1.0 / 3);
}

TEST(Metrics, AnIdealListHasNdcgAndMapOfOneAndAnEmptyOneZero) {
  for (std::size_t test_items : {1, 2, 5, 30}) {
    std::vector<std::uint8_t> ideal(20, 0);
    for (std::size_t n = 0; n < std::min<std::size_t>(20, test_items); ++n) ideal[n] = 1;
    for (MetricKind kind : {MetricKind::kNdcg, MetricKind::kMap, MetricKind::kMrr, MetricKind::kHitRate}) {
      EXPECT_DOUBLE_EQ(Value(kind, 20, ideal, test_items), 1);
      EXPECT_DOUBLE_EQ(Value(kind, 20, {}, test_items), 0);
    }
  }
}

TEST(Metrics, PrecisionDividesByTheCutEvenOfAShortList) {
  EXPECT_DOUBLE_EQ(Value(MetricKind::kPrecision, 10, {1, 1}, 2), 0.2);
}

TEST(Metrics, CoverageAndGiniOfListsHaveTheValuesComputedByHand) {
  EXPECT_DOUBLE_EQ(CoverageOf(std::vector<std::uint64_t>{3, 0, 1, 0}), 0.5);
  EXPECT_DOUBLE_EQ(GiniOf({5, 5, 5, 5}), 0);
  EXPECT_DOUBLE_EQ(GiniOf({0, 0, 0, 8}), 0.75);  // (n - 1) / n: one item for everybody
  EXPECT_DOUBLE_EQ(GiniOf({3, 1}), 0.25);        // (-1 * 1 + 1 * 3) / (2 * 4)
  EXPECT_DOUBLE_EQ(GiniOf({0, 0}), 0);
  Random random(7);
  for (int world = 0; world < 50; ++world) {
    std::vector<std::uint64_t> counts(1 + random.Below(20));
    for (std::uint64_t& count : counts) count = random.Below(6);
    counts[0] += 1;
    EXPECT_NEAR(GiniOf(counts), reference::NaiveGini(counts), 1e-12);  // a few dozen float64 additions
  }
}

TEST(Metrics, NamesAreReadAndWritten) {
  const absl::StatusOr<MetricList> metrics = ParseMetrics(
      "recall@20,precision@1,ndcg@5,map@10,mrr@10,hit-rate@10,auc,coverage@20,novelty@20,gini@20,recall@10");
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  std::string written;
  for (const Metric& metric : *metrics) written += (written.empty() ? "" : ",") + Name(metric);
  EXPECT_EQ(written,
            "recall@20,precision@1,ndcg@5,map@10,mrr@10,hit-rate@10,auc,coverage@20,novelty@20,gini@20,recall@10");
}

TEST(Metrics, WrongNamesAreRefusedWithTheKnownOnes) {
  for (const char* text : {"", "recal@20", "recall", "recall@", "recall@0", "recall@-1", "recall@20x",
                           "recall@99999999999", "auc@3", "auc,auc", "ndcg@3,,mrr@3", "recall@20,", "Recall@20"})
    EXPECT_EQ(ParseMetrics(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  EXPECT_THAT(std::string(ParseMetrics("recal@20").status().message()), HasSubstr("recall@K, precision@K"));
}

TEST(Metrics, EveryMetricSaysWhatItMeans) {
  const absl::StatusOr<MetricList> metrics = ParseMetrics(
      "recall@20,precision@20,ndcg@20,map@20,mrr@20,hit-rate@20,auc,coverage@20,"
      "novelty@20,gini@20");
  ASSERT_TRUE(metrics.ok());
  for (const Metric& metric : *metrics) {
    const std::string text = Definition(metric);
    EXPECT_EQ(text.find('@'), std::string::npos);
    EXPECT_THAT(text, HasSubstr("Candidates: every training item outside the user's training history"));
  }
  EXPECT_THAT(Definition({MetricKind::kRecall, 20}),
              HasSubstr("test items among the first 20, divided by the user's test items"));
}

}  // namespace
}  // namespace waypost
