// waypost/model/sparse_item_scores.hpp - the scores of one user while they are summed, and the best of them.
//
// Most items share nothing with a history: blocks of items remember whether anything was added to them, and only those
// are looked at and cleared. Every other score is 0.
#ifndef WAYPOST_MODEL_SPARSE_ITEM_SCORES_HPP_
#define WAYPOST_MODEL_SPARSE_ITEM_SCORES_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "waypost/base/top_k.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost::internal {

// (1) Between calls every score is 0 and every block is untouched.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class SparseItemScores {
 public:
  // The best items by sum over the items j of `history` of strength(j) * weights(j, i), as SparseItemModel defines it;
  // nothing where a score is not finite.
  std::optional<std::vector<ScoredItem>> TopK(const SparseMatrix& weights, const SparseRowView& history, std::size_t k,
                                              const Candidates& candidates) {
    const std::size_t items = weights.columns();
    Reserve(items);
    TopKHeap heap(std::min(k, items));  // what follows allocates nothing: (1) survives a lack of memory
    for (std::size_t n = 0; n < history.size(); ++n) {
      Prefetch(weights, history, n + 1);
      AddScaled(weights.row(history.columns[n]), history.value(n), static_cast<std::uint32_t>(items));
    }
    bool finite = true;
    for (std::uint32_t item : candidates.excluded) {
      if (item >= items || touched_[item / kBlock] == 0) continue;
      finite &= std::isfinite(scores_[item]);
      scores_[item] = kExcluded;
    }
    for (std::size_t block = 0; block < touched_.size(); ++block)
      if (touched_[block] != 0) finite &= PushTouched(block, static_cast<std::uint32_t>(items), candidates, heap);
    PushUntouched(static_cast<std::uint32_t>(items), candidates, heap);
    std::fill(touched_.begin(), touched_.end(), 0);
    if (!finite) return std::nullopt;
    return heap.Take();
  }

 private:
  static constexpr std::size_t kBlock = 64;  // items: four cache lines, looked at together
  static constexpr std::size_t kRun = 16;    // items compared at once
  // Of an item that is no candidate: less than any sum of strengths and similarities within their bounds.
  static constexpr float kExcluded = std::numeric_limits<float>::lowest();

  void Reserve(std::size_t items) {
    const std::size_t blocks = (items + kBlock - 1) / kBlock;
    if (blocks <= touched_.size()) return;
    scores_.resize(blocks * kBlock, 0.0f);
    touched_.resize(blocks, 0);
  }

  // An index beyond the items comes from a damaged file that was opened unchecked.
  void AddScaled(const SparseRowView& row, float strength, std::uint32_t items) {
    float* scores = scores_.data();
    std::uint32_t* touched = touched_.data();
    const auto add = [=](std::uint32_t item, float amount) {
      if (item >= items) return;
      scores[item] += amount;
      touched[item / kBlock] = 1;
    };
    if (row.values.empty()) {
      for (std::uint32_t item : row.columns) add(item, strength);
    } else {
      for (std::size_t n = 0; n < row.size(); ++n) add(row.columns[n], strength * row.values[n]);
    }
  }

  // Asks for the beginning of an item's row: it lies anywhere in memory.
  static void Prefetch(const SparseMatrix& weights, const SparseRowView& history, std::size_t n) {
    if (n >= history.size()) return;
    const SparseRowView row = weights.row(history.columns[n]);
    constexpr std::size_t kLine = kAlignment / sizeof(float);
    for (std::size_t p = 0; p < std::min(row.size(), 8 * kLine); p += kLine) {
      __builtin_prefetch(row.columns.data() + p);
      if (!row.values.empty()) __builtin_prefetch(row.values.data() + p);
    }
  }

  struct RunSummary {
    float largest;
    bool finite;
  };
  // In lanes, so that the loops vectorise without reordering what is written.
  static RunSummary Summarize(const float* scores) {
    constexpr std::size_t kLanes = 4;
    float largest[kLanes] = {kExcluded, kExcluded, kExcluded, kExcluded};
    float zero[kLanes] = {};  // x - x is 0 for every finite x and NaN for others
    for (std::size_t n = 0; n < kRun; n += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float score = scores[n + lane];
        largest[lane] = largest[lane] < score ? score : largest[lane];
        zero[lane] += score - score;
      }
    }
    return {std::max(std::max(largest[0], largest[1]), std::max(largest[2], largest[3])),
            zero[0] + zero[1] + zero[2] + zero[3] == 0};
  }

  // Offers the items of a block and sets it to 0. Returns whether all of its scores are finite.
  bool PushTouched(std::size_t block, std::uint32_t items, const Candidates& candidates, TopKHeap& heap) {
    const std::span<float> scores = std::span(scores_).subspan(block * kBlock, kBlock);
    bool finite = true;
    for (std::size_t run = 0; run < kBlock; run += kRun) {
      const RunSummary summary = Summarize(scores.data() + run);
      const std::uint32_t first = static_cast<std::uint32_t>(block * kBlock + run);
      finite &= summary.finite;
      if (!finite || !heap.Accepts(summary.largest, ItemIndex{first})) continue;
      for (std::uint32_t item = first; item < std::min(items, first + static_cast<std::uint32_t>(kRun)); ++item) {
        const float score = scores_[item];
        if (!heap.Accepts(score, ItemIndex{item}) || score == kExcluded) continue;
        if (candidates.allowed == nullptr || candidates.allowed->Test(item)) heap.Push(score, ItemIndex{item});
      }
    }
    std::ranges::fill(scores, 0.0f);
    return finite;
  }

  // Offers the items whose score is 0 because nothing was added to it.
  void PushUntouched(std::uint32_t items, const Candidates& candidates, TopKHeap& heap) {
    if (!heap.Accepts(0, ItemIndex{0})) return;
    ForEachRun(candidates, 0, items, [&](std::uint32_t begin, std::uint32_t end) {
      for (std::uint32_t item = begin; item < end; ++item) {
        if (touched_[item / kBlock] != 0) {
          item |= static_cast<std::uint32_t>(kBlock - 1);  // the last of its block
          continue;
        }
        if (!heap.Accepts(0, ItemIndex{item})) return;  // nor any that follows
        if (candidates.allowed == nullptr || candidates.allowed->Test(item)) heap.Push(0, ItemIndex{item});
      }
    });
  }

  std::vector<float> scores_;
  std::vector<std::uint32_t> touched_;  // a block each: 1 where something was added
};

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_SPARSE_ITEM_SCORES_HPP_
