// waypost/base/top_k_index.hpp - the exact k best rows of a factor table for one or many query vectors.
//
// Definition   Row r of query q scores GetScoreKernels().dot(q, r). The answer is the k best candidates in the order of
//              top_k.hpp: what scoring every row and sorting would give, to the bit.
// Complexity   time queries x rows x stride; memory O(k) and one block of scores a thread. Blocks without an allowed
//              row are not read.
// Determinism  A query is answered by one thread; its result depends on nothing else.
// Checked by   tests/unit/base_top_k_index_test.cpp against brute force, to the bit.
#ifndef WAYPOST_BASE_TOP_K_INDEX_HPP_
#define WAYPOST_BASE_TOP_K_INDEX_HPP_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/score_kernels.hpp"
#include "waypost/base/status.hpp"
#include "waypost/base/top_k.hpp"

namespace waypost {

// Immutable: safe to use from any number of threads.
class TopKIndex {
 public:
  TopKIndex() = default;
  explicit TopKIndex(FactorMatrix rows) : rows_(std::move(rows)) {}

  const FactorMatrix& rows() const { return rows_; }

  // Returns, for each query, the min(k, candidates) best rows, best first.
  //
  //   queries     float32[query count x stride()], 64-byte aligned, padding 0, finite.
  //   candidates  one for each query.
  // Errors      kDataLoss: a score that is not finite has no place in an order.
  // Lifetime    arguments are borrowed for the call.
  absl::StatusOr<std::vector<std::vector<ScoredItem>>> Search(std::span<const float> queries,
                                                              std::span<const Candidates> candidates, std::size_t k,
                                                              const Parallelism& parallelism) const {
    const std::size_t stride = rows_.stride();
    assert(queries.size() == candidates.size() * stride);
    std::vector<std::vector<ScoredItem>> results(candidates.size());
    std::vector<char> finite(candidates.size(), 1);
    ForEachBlock(parallelism, candidates.size(), kQueryBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      SearchBlock(queries.subspan(begin * stride, (end - begin) * stride), candidates.subspan(begin, end - begin),
                  std::min(k, rows_.rows()), results.data() + begin, finite.data() + begin);
    });
    const auto bad = std::find(finite.begin(), finite.end(), 0);
    if (bad != finite.end())
      return absl::DataLossError(
          absl::StrCat("TopKIndex.Search: want finite scores, got another for query ", bad - finite.begin()));
    return results;
  }

 private:
  static constexpr std::size_t kQueryBlock = 16;  // queries that share one pass over the rows
  static constexpr std::size_t kRowBlock = 256;   // rows a pass: with d = 128 they fill half a usual L2 cache

  static bool AnyAllowed(const Candidates& candidates, std::size_t begin, std::size_t end) {
    if (candidates.allowed == nullptr) return true;
    const auto words = candidates.allowed->words().subspan(begin / 64, (end + 63) / 64 - begin / 64);
    return std::any_of(words.begin(), words.end(), [](std::uint64_t word) { return word != 0; });
  }

  void SearchBlock(std::span<const float> queries, std::span<const Candidates> candidates, std::size_t k,
                   std::vector<ScoredItem>* results, char* finite) const {
    const std::size_t stride = rows_.stride();
    const ScoreKernels& kernels = GetScoreKernels();
    std::vector<TopKHeap> heaps(candidates.size(), TopKHeap(k));
    std::vector<float> scores(candidates.size() * kRowBlock);
    for (std::size_t begin = 0; begin < rows_.rows(); begin += kRowBlock) {
      const std::size_t end = std::min(rows_.rows(), begin + kRowBlock);
      const bool all = std::all_of(candidates.begin(), candidates.end(),
                                   [&](const Candidates& c) { return AnyAllowed(c, begin, end); });
      if (all)
        kernels.dot_block(queries.data(), candidates.size(), rows_.row(begin), end - begin, stride, scores.data(),
                          kRowBlock);
      for (std::size_t q = 0; q < candidates.size(); ++q) {
        float* row_scores = scores.data() + q * kRowBlock;
        if (!all) {
          if (!AnyAllowed(candidates[q], begin, end)) continue;
          kernels.dot_block(queries.data() + q * stride, 1, rows_.row(begin), end - begin, stride, row_scores,
                            kRowBlock);
        }
        const std::span<const float> found(row_scores, end - begin);
        if (!AllFinite(found)) finite[q] = 0;
        if (finite[q] != 0) heaps[q].PushAll(found, static_cast<std::uint32_t>(begin), candidates[q]);
      }
    }
    for (std::size_t q = 0; q < heaps.size(); ++q) results[q] = heaps[q].Take();
  }

  FactorMatrix rows_;
};

}  // namespace waypost

#endif  // WAYPOST_BASE_TOP_K_INDEX_HPP_
