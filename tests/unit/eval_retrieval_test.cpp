#include "waypost/eval/retrieval.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waypost {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::vector<DocumentIndex>> Rank(std::size_t query, std::size_t n) {
  const std::vector<std::vector<std::uint32_t>> lists = {{4, 2, 9}, {1}, {}, {7}};
  std::vector<DocumentIndex> ranked;
  for (const std::uint32_t document : lists[query])
    if (ranked.size() < n) ranked.push_back({document});
  return ranked;
}

TEST(Retrieval, MeasuresAsByHand) {
  const std::vector<RelevantDocuments> relevant = {
      {{{2}, {9}}, 1}, {{{1}}, 0}, {{{3}}, 0}, {{}, 0}};  // the last has none; one of the first is unknown
  const RetrievalEvaluation evaluation =
      *EvaluateRetrieval(relevant, *ParseMetrics("recall@2,mrr@10,ndcg@3,hit-rate@1"), Rank);
  EXPECT_EQ(evaluation.queries, 3u);
  EXPECT_EQ(evaluation.queries_without_relevant, 1u);
  EXPECT_EQ(evaluation.unknown_documents, 1u);
  EXPECT_DOUBLE_EQ(evaluation.metrics[0].mean, (1.0 / 3 + 1 + 0) / 3);
  EXPECT_DOUBLE_EQ(evaluation.metrics[1].mean, (0.5 + 1 + 0) / 3);
  const double gain = 1 / std::log2(3) + 1 / std::log2(4);
  EXPECT_DOUBLE_EQ(evaluation.metrics[2].mean, (gain / (1 + gain) + 1 + 0) / 3);
  EXPECT_DOUBLE_EQ(evaluation.metrics[3].mean, 1.0 / 3);
  ASSERT_TRUE(evaluation.metrics[0].interval);
  EXPECT_EQ(evaluation.metrics[0].definition,
            "mean over queries with relevant documents of: relevant documents among the first 2, divided by the "
            "relevant documents. Candidates: every document but the one with the query's own id, by score, ties by "
            "order.");
}

TEST(Retrieval, RefusesWhatItCannotMeasure) {
  const std::vector<RelevantDocuments> relevant = {{{{2}}, 0}};
  const absl::Status metric = EvaluateRetrieval(relevant, *ParseMetrics("recall@2,auc"), Rank).status();
  EXPECT_EQ(metric.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(metric.message()), HasSubstr("hit-rate of queries, got auc"));
  EXPECT_EQ(EvaluateRetrieval({{{}, 0}}, *ParseMetrics("recall@2"), Rank).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const auto fails = [](std::size_t, std::size_t) -> absl::StatusOr<std::vector<DocumentIndex>> {
    return absl::ResourceExhaustedError("memory");
  };
  EXPECT_EQ(EvaluateRetrieval(relevant, *ParseMetrics("recall@2"), fails).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace waypost
