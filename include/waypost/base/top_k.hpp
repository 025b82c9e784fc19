// waypost/base/top_k.hpp - the k best of many scores, in a total order.
//
// Order        score descending, then index ascending. Total for finite scores, so equal inputs give equal outputs
//              whatever the number of threads or the order of insertion.
// Complexity   O(n + (number of improvements) log k), O(k) memory.
// Checked by   tests/unit/base_top_k_test.cpp against a full sort; ties, k = 0, k > n, candidate sets.
#ifndef WAYPOST_BASE_TOP_K_HPP_
#define WAYPOST_BASE_TOP_K_HPP_

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/ids.hpp"

namespace waypost {

struct ScoredItem {
  ItemIndex item;
  float score = 0;

  friend bool operator==(const ScoredItem&, const ScoredItem&) = default;
};

// The only comparison used for ranking anywhere in the library.
struct BetterFirst {
  bool operator()(const ScoredItem& a, const ScoredItem& b) const {
    // Without branches, which heaps of scores would mispredict.
    return static_cast<bool>((a.score > b.score) | ((a.score == b.score) & (a.item < b.item)));
  }
};

// Whether no score is NaN or infinite.
inline bool AllFinite(std::span<const float> scores) {
  bool finite = true;  // without an early exit, so that the loop vectorises
  for (float score : scores) finite &= std::abs(score) <= std::numeric_limits<float>::max();
  return finite;
}

// Which items may be returned. Borrowed for the call.
struct Candidates {
  const Bitmap* allowed = nullptr;            // null: every item
  std::span<const std::uint32_t> excluded{};  // ascending; taken away from `allowed`
};

// Calls `visit(begin, end)` for the runs of items in [begin, end) that are not in candidates.excluded, ascending.
// The bitmap is left to the caller, who tests it only for items that would enter the result.
template <typename Visit>
void ForEachRun(const Candidates& candidates, std::uint32_t begin, std::uint32_t end, const Visit& visit) {
  auto next = std::lower_bound(candidates.excluded.begin(), candidates.excluded.end(), begin);
  while (begin < end) {
    const std::uint32_t stop = next == candidates.excluded.end() || *next >= end ? end : *next;
    if (begin < stop) visit(begin, stop);
    begin = stop;
    while (next != candidates.excluded.end() && *next <= begin) {
      if (*next == begin && begin < end) ++begin;  // skips the excluded item; repeats in the list are harmless
      ++next;
    }
  }
}

// Keeps the k best of the items offered to it, in memory that the caller gives.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class TopKHeapView {
 public:
  // Room for k items.
  // Lifetime  `memory` must live as long as the view.
  explicit TopKHeapView(std::span<ScoredItem> memory) : memory_(memory) {}

  std::size_t capacity() const { return memory_.size(); }
  bool full() const { return size_ == memory_.size(); }
  // The kept item that the next better one replaces.
  // Requires  full(), k > 0.
  const ScoredItem& worst() const { return memory_.front(); }

  // Whether an item of this score and index would be kept now.
  bool Accepts(float score, ItemIndex item) const {
    return !full() || (!memory_.empty() && BetterFirst{}({item, score}, worst()));
  }

  // Requires  the score is finite; an item is offered at most once.
  void Push(float score, ItemIndex item) {
    assert(std::isfinite(score));
    if (!full()) {
      memory_[size_++] = {item, score};
      std::push_heap(memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(size_), BetterFirst{});
    } else if (Accepts(score, item)) {
      ReplaceWorst({item, score});
    }
  }

  // Offers scores[i - first] for every candidate i of [first, first + scores.size()).
  void PushAll(std::span<const float> scores, std::uint32_t first, const Candidates& candidates) {
    ForEachRun(candidates, first, first + static_cast<std::uint32_t>(scores.size()),
               [&](std::uint32_t begin, std::uint32_t end) {
                 for (std::uint32_t item = begin; item < end; ++item) {
                   const float score = scores[item - first];
                   if (!Accepts(score, ItemIndex{item})) continue;
                   if (candidates.allowed == nullptr || candidates.allowed->Test(item)) Push(score, ItemIndex{item});
                 }
               });
  }

  // Sorts the kept items, best first, and returns them. Nothing may be offered afterwards.
  std::span<const ScoredItem> Finish() {
    const std::span<ScoredItem> kept = memory_.first(size_);
    std::sort(kept.begin(), kept.end(), BetterFirst{});
    return kept;
  }

  // Whether an item was offered twice and kept, against the rule of Push. Nothing may be offered afterwards.
  bool RepeatsAnItem() {
    const std::span<ScoredItem> kept = memory_.first(size_);
    std::sort(kept.begin(), kept.end(), [](const ScoredItem& a, const ScoredItem& b) { return a.item < b.item; });
    const auto same = [](const ScoredItem& a, const ScoredItem& b) { return a.item == b.item; };
    return std::adjacent_find(kept.begin(), kept.end(), same) != kept.end();
  }

  // Forgets every item.
  void Clear() { size_ = 0; }

 private:
  void ReplaceWorst(const ScoredItem& item) {
    std::size_t hole = 0;
    for (std::size_t child = 1; child < size_; child = 2 * hole + 1) {
      if (child + 1 < size_)
        child += BetterFirst{}(memory_[child], memory_[child + 1]) ? 1 : 0;  // the worse of the two
      if (!BetterFirst{}(item, memory_[child])) break;
      memory_[hole] = memory_[child];
      hole = child;
    }
    memory_[hole] = item;
  }

  std::span<ScoredItem> memory_;  // a heap of size_ items whose front is the worst
  std::size_t size_ = 0;
};

// Keeps the k best of the items offered to it.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class TopKHeap {
 public:
  explicit TopKHeap(std::size_t k) : memory_(k), heap_(memory_) {}
  TopKHeap(const TopKHeap&) = delete;  // the view points into the memory
  TopKHeap& operator=(const TopKHeap&) = delete;

  // As TopKHeapView.
  bool Accepts(float score, ItemIndex item) const { return heap_.Accepts(score, item); }
  void Push(float score, ItemIndex item) { heap_.Push(score, item); }
  void PushAll(std::span<const float> scores, std::uint32_t first, const Candidates& candidates) {
    heap_.PushAll(scores, first, candidates);
  }

  // Returns the items kept, best first. Nothing may be offered afterwards.
  std::vector<ScoredItem> Take() {
    memory_.resize(heap_.Finish().size());
    return std::move(memory_);
  }

 private:
  std::vector<ScoredItem> memory_;
  TopKHeapView heap_;
};

// Returns the min(k, candidates) best items, best first.
//
//   scores    float32[n], indexed by item.
// Requires    every score is finite (a NaN has no place in an order; trainers guarantee it).
inline std::vector<ScoredItem> TopK(std::span<const float> scores, std::size_t k, const Candidates& candidates = {}) {
  TopKHeap heap(std::min(k, scores.size()));
  heap.PushAll(scores, 0, candidates);
  return heap.Take();
}

}  // namespace waypost

#endif  // WAYPOST_BASE_TOP_K_HPP_
