// waypost/model/ease_model.hpp - the trained dense item-item model: a weight for every pair of items.
//
// ease.hpp has the definition, the sources and the numerics.
#ifndef WAYPOST_MODEL_EASE_MODEL_HPP_
#define WAYPOST_MODEL_EASE_MODEL_HPP_

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/factor_matrix.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {

// score(u, i) = sum over the items j of u's history, ascending, of strength(u, j) * weights(j, i): float32, each
// product rounded before it is added. The history alone represents a user, known to the training or not.
//
// Immutable: safe to use from any number of threads.
class EaseModel final : public Scorer {
 public:
  // `weights`  items x items: row j holds what item j of a history adds to every item; 0 on the diagonal.
  // Requires   values finite and at most kMaxWeight in size: scores are then finite. A damaged file that was opened
  //            unchecked gives kDataLoss or other scores.
  explicit EaseModel(FactorMatrix weights) : weights_(std::move(weights)) {
    assert(weights_.rows() == weights_.dimensions());
  }

  static constexpr float kMaxWeight = 1e22f;

  const FactorMatrix& weights() const { return weights_; }

  std::string_view kind() const override { return "ease"; }
  std::size_t item_count() const override { return weights_.rows(); }

  absl::Status Score(std::span<const UserView> users, std::span<float> scores,
                     const Parallelism& parallelism) const override try {
    WAYPOST_RETURN_IF_ERROR(internal::ValidateScoreArguments(*this, users, scores));
    std::vector<char> finite(users.size());
    ForEachBlock(parallelism, users.size(), 1, [&](std::size_t q, std::size_t, std::size_t) {
      thread_local AlignedVector<float> row;  // padded and aligned, as `scores` is not
      row.resize(std::max(row.size(), weights_.stride()));
      const SparseRowView& history = users[q].history;
      GetDenseKernels().sum_scaled_rows(weights_.data(), weights_.stride(), history.columns.data(),
                                        history.values.empty() ? nullptr : history.values.data(), history.size(),
                                        row.data());
      const std::span<const float> sums = std::span<const float>(row).first(item_count());
      finite[q] = AllFinite(sums);
      std::copy(sums.begin(), sums.end(), scores.data() + q * item_count());
    });
    return internal::CheckFiniteScores(*this, finite);
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("Score");
  }

  // The items with the largest weights above 0 in the item's row.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override try {
    WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
    const float* weights = weights_.row(item.value);
    TopKHeap heap(std::min(k, item_count()));
    for (std::uint32_t other = 0; other < item_count(); ++other) {
      if (other == item.value || !(weights[other] > 0 && weights[other] <= kMaxWeight)) continue;
      if (candidates.allowed != nullptr && !candidates.allowed->Test(other)) continue;
      if (std::binary_search(candidates.excluded.begin(), candidates.excluded.end(), other)) continue;
      heap.Push(weights[other], ItemIndex{other});
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
      const std::uint32_t source = user.history.columns[n];
      const float amount = user.history.value(n) * weights_.row(source)[item.value];
      explanation.score += amount;
      if (amount != 0) explanation.contributions.push_back({ItemIndex{source}, amount});
    }
    if (!std::isfinite(explanation.score))
      return absl::DataLossError(absl::StrCat("model ease: want a finite score, got another for item ", item.value));
    internal::SortContributions(explanation.contributions);
    return explanation;
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("Explain");
  }

 private:
  FactorMatrix weights_;
};

}  // namespace waypost

#endif  // WAYPOST_MODEL_EASE_MODEL_HPP_
