// waypost/model/sparse_item_model.hpp - a trained item-item model of few weights: a sparse table.
//
// What item_knn.hpp, rp3beta.hpp, sparse_ease.hpp and slim.hpp train; they have the definitions, the sources and the
// numerics.
#ifndef WAYPOST_MODEL_SPARSE_ITEM_MODEL_HPP_
#define WAYPOST_MODEL_SPARSE_ITEM_MODEL_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/scorer.hpp"
#include "waypost/model/sparse_item_scores.hpp"

namespace waypost {

inline constexpr std::array<std::string_view, 4> kSparseItemKinds = {"item-knn", "rp3beta", "sparse-ease", "slim"};

// score(u, i) = sum over the items j of u's history, ascending, of strength(u, j) * weights(j, i): float32, each
// product rounded before it is added. The history alone represents a user, known to the training or not.
//
// Immutable: safe to use from any number of threads.
class SparseItemModel final : public Scorer {
 public:
  // `kind`     one of kSparseItemKinds: what the weights are.
  // `weights`  items x items: row j holds what item j of a history adds to other items.
  // Requires   a square matrix, values finite and at most kMaxWeight in size: scores are then finite. A damaged file
  //            that was opened unchecked gives kDataLoss or other scores, never a read out of bounds.
  SparseItemModel(std::string_view kind, SparseMatrix weights)
      : kind_(*std::find(kSparseItemKinds.begin(), kSparseItemKinds.end(), kind)), weights_(std::move(weights)) {
    assert(weights_.rows() == weights_.columns());
  }

  static constexpr float kMaxWeight = 1e22f;

  const SparseMatrix& weights() const { return weights_; }

  std::string_view kind() const override { return kind_; }
  std::size_t item_count() const override { return weights_.columns(); }

  absl::Status Score(std::span<const UserView> users, std::span<float> scores,
                     const Parallelism& parallelism) const override try {
    WAYPOST_RETURN_IF_ERROR(internal::ValidateScoreArguments(*this, users, scores));
    std::vector<char> finite(users.size());
    ForEachBlock(parallelism, users.size(), kUserBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t q = begin; q < end; ++q)
        finite[q] = ScoreHistory(users[q].history, scores.subspan(q * item_count(), item_count()));
    });
    return internal::CheckFiniteScores(*this, finite);
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("Score");
  }

  // One row of scores a thread, kept from call to call, instead of one for every user of the batch.
  absl::StatusOr<std::vector<std::vector<ScoredItem>>> TopK(std::span<const UserView> users,
                                                            std::span<const Candidates> candidates, std::size_t k,
                                                            const Parallelism& parallelism) const override try {
    WAYPOST_RETURN_IF_ERROR(internal::ValidateTopKArguments(*this, users, candidates));
    std::vector<std::vector<ScoredItem>> results(users.size());
    std::vector<char> finite(users.size());
    ForEachBlock(parallelism, users.size(), kUserBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      thread_local internal::SparseItemScores scores;
      for (std::size_t q = begin; q < end; ++q) {
        std::optional<std::vector<ScoredItem>> best = scores.TopK(weights_, users[q].history, k, candidates[q]);
        finite[q] = best.has_value();
        if (best) results[q] = *std::move(best);
      }
    });
    WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, finite));
    return results;
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("TopK");
  }

  // The strongest entries of the item's row.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override try {
    WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
    const SparseRowView row = weights_.row(item.value);
    TopKHeap heap(std::min(k, row.size()));
    for (std::size_t n = 0; n < row.size(); ++n) {
      const std::uint32_t other = row.columns[n];
      if (other == item.value || other >= item_count()) continue;
      if (!(row.value(n) > 0 && row.value(n) <= kMaxWeight)) continue;
      if (candidates.allowed != nullptr && !candidates.allowed->Test(other)) continue;
      if (std::binary_search(candidates.excluded.begin(), candidates.excluded.end(), other)) continue;
      heap.Push(row.value(n), ItemIndex{other});
    }
    return heap.Take();
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("Similar");
  }

  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override try {
    WAYPOST_RETURN_IF_ERROR(ValidateUser(user, 0, item_count()));
    WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
    Explanation explanation;
    for (std::size_t n = 0; n < user.history.size(); ++n) {
      const SparseRowView row = weights_.row(user.history.columns[n]);
      const auto found = std::lower_bound(row.columns.begin(), row.columns.end(), item.value);
      if (found == row.columns.end() || *found != item.value) continue;
      const float amount = user.history.value(n) * row.value(static_cast<std::size_t>(found - row.columns.begin()));
      explanation.score += amount;
      explanation.contributions.push_back({ItemIndex{user.history.columns[n]}, amount});
    }
    WAYPOST_RETURN_IF_ERROR(
        internal::CheckFiniteScores(*this, std::array{static_cast<char>(std::isfinite(explanation.score))}));
    internal::SortContributions(explanation.contributions);
    return explanation;
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("Explain");
  }

 private:
  static constexpr std::size_t kUserBlock = 16;

  // Returns whether every score is finite. Indices are checked here because a file may have been opened without.
  bool ScoreHistory(const SparseRowView& history, std::span<float> scores) const {
    std::fill(scores.begin(), scores.end(), 0.0f);
    for (std::size_t n = 0; n < history.size(); ++n) {
      const float strength = history.value(n);
      const SparseRowView row = weights_.row(history.columns[n]);
      for (std::size_t p = 0; p < row.size(); ++p)
        if (row.columns[p] < scores.size()) scores[row.columns[p]] += strength * row.value(p);
    }
    return AllFinite(scores);
  }

  std::string_view kind_;
  SparseMatrix weights_;
};

}  // namespace waypost

#endif  // WAYPOST_MODEL_SPARSE_ITEM_MODEL_HPP_
