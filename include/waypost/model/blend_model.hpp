// waypost/model/blend_model.hpp - several models as one: weighted sums of their scores or of their ranks.
//
// Definition   with s_p(u, i) the score of part p, w_p its weight:
//                scores  score(u, i) = sum over p of w_p s_p(u, i) / sd_p(u), sd_p(u) the standard deviation of
//                        s_p(u, .) over the items outside the history. A part whose scores there differ by less than
//                        float32 can tell (kLeastDeviation of the largest) says nothing and adds nothing
//                ranks   score(u, i) = sum over p of w_p / (offset + rank_p(u, i)), rank_p(u, i) = 1 + the items
//                        outside the history that part p puts before i                                            [1]
// Sources      [1] G. Cormack, C. Clarke, S. Buettcher, Reciprocal Rank Fusion, SIGIR 2009 (offset 60, weights 1).
// Explanation  of scores: the parts' contributions, scaled as their scores are. Of ranks: what a part adds is shared
//              over what speaks for the item in the part's own explanation.
// Similar      each part's similarities over the largest of them, or weights over ranks, added up.
// Numerics     the deviation depends on the user alone, not on candidates or k, so that one user has one score for an
//              item. A part's share of a score is at most w_p / kLeastDeviation in size: no sum overflows.
// Complexity   the sum of the parts, each of which scores all items; ranks sort them once a part. An explanation costs
//              one such row.
// Determinism  one user's score is computed in the order of the parts, whatever the batch.
// Checked by   tests/unit/model_blend_test.cpp against loops copied from the definition; the contract suite.
#ifndef WAYPOST_MODEL_BLEND_MODEL_HPP_
#define WAYPOST_MODEL_BLEND_MODEL_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/blend_options.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {
namespace internal {

// Calls visit(item) for every item outside the history, ascending.
template <typename Visit>
void ForEachNewItem(std::size_t items, const SparseRowView& history, const Visit& visit) {
  ForEachRun({.allowed = nullptr, .excluded = history.columns}, 0, static_cast<std::uint32_t>(items),
             [&](std::uint32_t begin, std::uint32_t end) {
               for (std::uint32_t item = begin; item < end; ++item) visit(item);
             });
}

inline constexpr double kLeastDeviation = 1e-7;  // relative to the largest score in size: the precision of float32

// 1 / the standard deviation of the scores outside the history; 0 where they do not differ.
inline double InverseDeviation(std::span<const float> scores, const SparseRowView& history) {
  double largest = 0;
  for (float score : scores) largest = std::max(largest, std::abs(static_cast<double>(score)));
  double sum = 0;
  std::size_t count = 0;
  ForEachNewItem(scores.size(), history, [&](std::uint32_t item) {
    sum += scores[item];
    ++count;
  });
  const double mean = count > 0 ? sum / static_cast<double>(count) : 0;
  double squares = 0;
  ForEachNewItem(scores.size(), history, [&](std::uint32_t item) {
    const double difference = scores[item] - mean;
    squares += difference * difference;
  });
  const double deviation = count > 0 ? std::sqrt(squares / static_cast<double>(count)) : 0;
  return deviation > kLeastDeviation * largest ? 1 / deviation : 0;
}

// ranks[i] = 1 + the number of items outside the history before item i.
inline std::vector<std::uint32_t> RanksOf(std::span<const float> scores, const SparseRowView& history) {
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  std::vector<std::uint32_t> ranks(scores.size());
  std::uint32_t next = 1;
  for (std::uint32_t item : order) {
    ranks[item] = next;
    if (!std::binary_search(history.columns.begin(), history.columns.end(), item)) ++next;
  }
  return ranks;
}

}  // namespace internal

// Immutable: safe to use from any number of threads.
class BlendModel final : public Scorer {
 public:
  // Requires  options.weights and as many parts as options.parts, all over the same items; those with stored users over
  //           the same users.
  BlendModel(BlendOptions options, std::vector<std::shared_ptr<const Scorer>> parts)
      : options_(std::move(options)), parts_(std::move(parts)) {
    assert(!parts_.empty() && options_.weights && options_.weights->size() == parts_.size());
    for ([[maybe_unused]] const auto& part : parts_) assert(part->item_count() == parts_.front()->item_count());
  }

  const BlendOptions& options() const { return options_; }
  const std::vector<std::shared_ptr<const Scorer>>& parts() const { return parts_; }

  std::string_view kind() const override { return "blend"; }
  std::size_t item_count() const override { return parts_.front()->item_count(); }
  std::size_t user_count() const override {
    std::size_t count = 0;
    for (const auto& part : parts_) count = std::max(count, part->user_count());
    return count;
  }
  // The parts' vectors follow each other.
  std::size_t dimensions() const override {
    std::size_t sum = 0;
    for (const auto& part : parts_) sum += part->dimensions();
    return sum;
  }
  absl::Status FoldIn(const SparseRowView& history, std::span<float> vector) const override {
    if (vector.size() != dimensions())
      return absl::InvalidArgumentError(
          absl::StrCat("FoldIn.vector: want ", dimensions(), " elements, got ", vector.size()));
    for (const auto& part : parts_) {
      WAYPOST_RETURN_IF_ERROR(part->FoldIn(history, vector.first(part->dimensions())));
      vector = vector.subspan(part->dimensions());
    }
    return absl::OkStatus();
  }

  absl::Status Score(std::span<const UserView> users, std::span<float> scores,
                     const Parallelism& parallelism) const override;
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override;
  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override;

 private:
  float weight(std::size_t part) const { return (*options_.weights)[part]; }
  bool by_rank() const { return options_.fusion == BlendFusion::kRanks; }
  double rank_term(std::size_t part, std::size_t rank) const {
    return weight(part) / (options_.rank_offset.value_or(kDefaultRankOffset) + static_cast<double>(rank));
  }

  // Adds what a part's scores of a user contribute; returns whether they are finite.
  bool AddPart(std::size_t part, const SparseRowView& history, std::span<const float> from, std::span<float> to) const {
    if (!AllFinite(from)) return false;
    if (by_rank()) {
      const std::vector<std::uint32_t> ranks = internal::RanksOf(from, history);
      for (std::size_t i = 0; i < to.size(); ++i) to[i] += static_cast<float>(rank_term(part, ranks[i]));
      return true;
    }
    const double factor = weight(part) * internal::InverseDeviation(from, history);
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += static_cast<float>(factor * from[i]);
    return true;
  }

  BlendOptions options_;
  std::vector<std::shared_ptr<const Scorer>> parts_;
};

inline absl::Status BlendModel::Score(std::span<const UserView> users, std::span<float> scores,
                                      const Parallelism& parallelism) const try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateScoreArguments(*this, users, scores));
  constexpr std::size_t kUserBlock = 64;  // bounds the memory: 64 rows of scores at a time
  std::vector<float> memory(std::min(users.size(), kUserBlock) * item_count());
  std::vector<char> finite(users.size(), 1);
  for (std::size_t first = 0; first < users.size(); first += kUserBlock) {
    const std::size_t count = std::min(users.size() - first, kUserBlock);
    const std::span<float> fused = scores.subspan(first * item_count(), count * item_count());
    const std::span<float> own = std::span(memory).first(count * item_count());
    std::fill(fused.begin(), fused.end(), 0.0f);
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      if (weight(p) == 0) continue;
      WAYPOST_RETURN_IF_ERROR(parts_[p]->Score(users.subspan(first, count), own, parallelism));
      ForEachBlock(parallelism, count, 1, [&](std::size_t q, std::size_t, std::size_t) {
        if (!AddPart(p, users[first + q].history, own.subspan(q * item_count(), item_count()),
                     fused.subspan(q * item_count(), item_count())))
          finite[first + q] = 0;
      });
    }
  }
  return internal::CheckFiniteScores(*this, finite);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Score");
}

inline absl::StatusOr<std::vector<ScoredItem>> BlendModel::Similar(ItemIndex item, const Candidates& candidates,
                                                                   std::size_t k) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  std::vector<float> fused(item_count(), 0.0f);
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    if (weight(p) == 0) continue;
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<ScoredItem> similar, parts_[p]->Similar(item, {}, item_count()));
    for (std::size_t n = 0; n < similar.size() && similar.front().score > 0; ++n) {
      const double share = static_cast<double>(similar[n].score) / similar.front().score;
      fused[similar[n].item.value] +=
          static_cast<float>(by_rank() ? rank_term(p, n + 1) : weight(p) * std::max(share, 0.0));
    }
  }
  TopKHeap heap(std::min(k, fused.size()));
  ForEachRun(candidates, 0, static_cast<std::uint32_t>(fused.size()), [&](std::uint32_t begin, std::uint32_t end) {
    for (std::uint32_t other = begin; other < end; ++other) {
      if (other == item.value || !(fused[other] > 0)) continue;
      if (candidates.allowed != nullptr && !candidates.allowed->Test(other)) continue;
      heap.Push(fused[other], ItemIndex{other});
    }
  });
  return heap.Take();
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Similar");
}

inline absl::StatusOr<Explanation> BlendModel::Explain(const UserView& user, ItemIndex item) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateUser(user, user_count(), item_count()));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  std::vector<float> fused(item_count(), 0.0f);
  std::vector<float> own(item_count());
  std::vector<double> amounts(user.history.size(), 0.0);
  double base = 0;
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    if (weight(p) == 0) continue;
    WAYPOST_RETURN_IF_ERROR(parts_[p]->Score(std::span(&user, 1), own, Parallelism(1)));
    const float before = fused[item.value];
    const bool finite = AddPart(p, user.history, own, fused);
    WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, std::array{static_cast<char>(finite)}));
    WAYPOST_ASSIGN_OR_RETURN(const Explanation part, parts_[p]->Explain(user, item));
    double factor = 0;
    if (by_rank()) {
      double speaking = std::max(part.base, 0.0f);
      for (const Contribution& contribution : part.contributions) speaking += std::max(contribution.amount, 0.0f);
      const double added = static_cast<double>(fused[item.value]) - before;
      if (!(speaking > 0)) base += added;
      factor = speaking > 0 ? added / speaking : 0;
    } else {
      factor = weight(p) * internal::InverseDeviation(own, user.history);
    }
    const auto counted = [&](float amount) { return factor * (by_rank() ? std::max(amount, 0.0f) : amount); };
    base += counted(part.base);
    for (const Contribution& contribution : part.contributions) {
      const auto& items = user.history.columns;
      const auto at = std::lower_bound(items.begin(), items.end(), contribution.item.value);
      amounts[static_cast<std::size_t>(at - items.begin())] += counted(contribution.amount);
    }
  }
  return internal::ExplanationOf(fused[item.value], user.history, std::move(amounts), base);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Explain");
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_BLEND_MODEL_HPP_
