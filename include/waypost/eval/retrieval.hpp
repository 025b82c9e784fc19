// waypost/eval/retrieval.hpp - how well a search finds the documents that are relevant to queries.
//
// Definition   For one query, T is the number of its relevant documents, those that the search does not have included,
//              and hit(r) is 1 where the document at rank r is one of them; the metrics are those of eval/metrics.hpp
//              that look at hits alone: recall, precision, ndcg, map, mrr, hit-rate. The figure is the mean over
//              queries with relevant documents, with a percentile bootstrap interval over them.
// Determinism  Sums over queries are taken in their order: any number of threads gives the same values.
// Checked by   tests/unit/eval_retrieval_test.cpp: values by hand.
#ifndef WAYPOST_EVAL_RETRIEVAL_HPP_
#define WAYPOST_EVAL_RETRIEVAL_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

#include "waypost/base/parallel.hpp"
#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"
#include "waypost/eval/evaluation.hpp"
#include "waypost/text/types.hpp"

namespace waypost {

// What is relevant to one query.
struct RelevantDocuments {
  std::vector<DocumentIndex> documents;  // ascending, each once
  std::size_t unknown = 0;               // those that the search does not have: misses
};

struct RetrievalEvaluation {
  std::vector<MetricResult> metrics;  // in the order asked for
  std::size_t queries = 0;            // with relevant documents
  std::size_t queries_without_relevant = 0;
  std::size_t unknown_documents = 0;  // relevant ones that the search does not have
};

// Returns the best `n` documents for a query, best first. Called from several threads.
using RankDocuments = absl::FunctionRef<absl::StatusOr<std::vector<DocumentIndex>>(std::size_t query, std::size_t n)>;

// What the number means exactly, one sentence for people.
inline std::string RetrievalDefinition(const Metric& metric) {
  std::string text(internal::TextOf(metric.kind).definition);
  for (const auto& [from, to] :
       std::initializer_list<std::pair<std::string, std::string>>{{"@", std::to_string(metric.cut)},
                                                                  {"the user's test items", "the relevant documents"},
                                                                  {"test items", "relevant documents"},
                                                                  {"test item", "relevant document"},
                                                                  {"a user's", "a query's"}})
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  return "mean over queries with relevant documents of: " + text +
         ". Candidates: every document but the one with the query's own id, by score, ties by order.";
}

// Measures a search.
//
//   relevant  of each query.
// Errors      kInvalidArgument: a metric that does not look at hits alone; those of BootstrapOptions.
//             kFailedPrecondition: no query has a relevant document. What `rank` returns.
inline absl::StatusOr<RetrievalEvaluation> EvaluateRetrieval(const std::vector<RelevantDocuments>& relevant,
                                                             const MetricList& metrics, RankDocuments rank,
                                                             const BootstrapOptions& bootstrap = {},
                                                             const Parallelism& parallelism = {}) {
  std::size_t longest = 0;
  for (const Metric& metric : metrics) {
    if (!internal::LooksAtHits(metric.kind))
      return absl::InvalidArgumentError(
          absl::StrCat("metrics: want recall, precision, ndcg, map, mrr or hit-rate of queries, got ", Name(metric)));
    longest = std::max<std::size_t>(longest, metric.cut);
  }
  RetrievalEvaluation evaluation;
  std::vector<std::size_t> queries;
  for (std::size_t query = 0; query < relevant.size(); ++query) {
    evaluation.unknown_documents += relevant[query].unknown;
    if (relevant[query].documents.size() + relevant[query].unknown > 0)
      queries.push_back(query);
    else
      ++evaluation.queries_without_relevant;
  }
  evaluation.queries = queries.size();
  if (queries.empty()) return absl::FailedPreconditionError("EvaluateRetrieval: want a query with relevant documents");
  std::vector<std::vector<double>> values(metrics.size(), std::vector<double>(queries.size()));
  std::vector<absl::Status> statuses(queries.size());
  ForEachBlock(parallelism, queries.size(), 8, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t n = begin; n < end; ++n) {
      const RelevantDocuments& wanted = relevant[queries[n]];
      const absl::StatusOr<std::vector<DocumentIndex>> ranked = rank(queries[n], longest);
      if (!ranked.ok()) {
        statuses[n] = ranked.status();
        continue;
      }
      std::vector<std::uint8_t> hits;
      for (const DocumentIndex document : *ranked)
        hits.push_back(std::binary_search(wanted.documents.begin(), wanted.documents.end(), document));
      for (std::size_t m = 0; m < metrics.size(); ++m)
        values[m][n] = HitMetric(metrics[m], {hits, wanted.documents.size() + wanted.unknown});
    }
  });
  for (const absl::Status& status : statuses) WAYPOST_RETURN_IF_ERROR(status);
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    evaluation.metrics.push_back(internal::Summarize(metrics[m], std::move(values[m]), {}));
    evaluation.metrics.back().definition = RetrievalDefinition(metrics[m]);
  }
  WAYPOST_RETURN_IF_ERROR(internal::AddIntervals(bootstrap, parallelism, evaluation.metrics));
  return evaluation;
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_RETRIEVAL_HPP_
