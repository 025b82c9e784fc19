// waypost/model/popularity.hpp - the same ranking for everybody: the sum of an item's interaction strengths.
//
// Definition   score(u, i) = sum over users v of strength(v, i). Decay enters through the strengths
//              (matrix/weighting.hpp).
// Complexity   training O(entries); a query O(items), many queries together O(items + the excluded items of each).
// Numerics     sums in float64, stored as float32.
// Determinism  users are added in index order.
// Checked by   tests/unit/model_popularity_test.cpp; published figures of two real data sets.
#ifndef WAYPOST_MODEL_POPULARITY_HPP_
#define WAYPOST_MODEL_POPULARITY_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/scorer.hpp"

namespace waypost {

// Immutable: safe to use from any number of threads.
class PopularityModel final : public Scorer {
 public:
  // `scores`  float32[items], finite.
  explicit PopularityModel(SharedArray<float> scores) : scores_(std::move(scores)) {}

  const SharedArray<float>& scores() const { return scores_; }

  std::string_view kind() const override { return "popularity"; }
  std::size_t item_count() const override { return scores_.size(); }

  absl::Status Score(std::span<const UserView> users, std::span<float> scores, const Parallelism&) const override {
    WAYPOST_RETURN_IF_ERROR(internal::ValidateScoreArguments(*this, users, scores));
    WAYPOST_RETURN_IF_ERROR(CheckFinite(scores_.span()));
    for (std::size_t q = 0; q < users.size(); ++q)
      std::copy(scores_.begin(), scores_.end(), scores.begin() + static_cast<std::ptrdiff_t>(q * item_count()));
    return absl::OkStatus();
  }

  // Everybody has the same ranking: it is made once per call, as long as any user can need, and each user skips in it.
  absl::StatusOr<std::vector<std::vector<ScoredItem>>> TopK(std::span<const UserView> users,
                                                            std::span<const Candidates> candidates, std::size_t k,
                                                            const Parallelism& parallelism) const override try {
    WAYPOST_RETURN_IF_ERROR(internal::ValidateTopKArguments(*this, users, candidates));
    WAYPOST_RETURN_IF_ERROR(CheckFinite(scores_.span()));
    std::size_t longest = 0;
    for (const Candidates& own : candidates)
      if (own.allowed == nullptr) longest = std::max(longest, std::min(k, item_count()) + own.excluded.size());
    const std::vector<ScoredItem> ranking = waypost::TopK(scores_.span(), longest);
    std::vector<std::vector<ScoredItem>> results(users.size());
    ForEachBlock(parallelism, users.size(), 64, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t q = begin; q < end; ++q) {
        const Candidates& own = candidates[q];
        if (own.allowed != nullptr) {  // may leave few items: no prefix of the ranking is surely long enough
          results[q] = waypost::TopK(scores_.span(), k, own);
          continue;
        }
        results[q].reserve(std::min(k, item_count()));
        for (std::size_t n = 0; n < ranking.size() && results[q].size() < k; ++n)
          if (!std::binary_search(own.excluded.begin(), own.excluded.end(), ranking[n].item.value))
            results[q].push_back(ranking[n]);
      }
    });
    return results;
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("TopK");
  }

  // Popularity knows no similarity: the result is empty.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates&, std::size_t) const override {
    WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
    return std::vector<ScoredItem>{};
  }

  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override {
    WAYPOST_RETURN_IF_ERROR(ValidateUser(user, 0, item_count()));
    WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
    WAYPOST_RETURN_IF_ERROR(CheckFinite(scores_.span().subspan(item.value, 1)));
    return Explanation{.score = scores_[item.value], .base = scores_[item.value], .contributions = {}};
  }

 private:
  absl::Status CheckFinite(std::span<const float> scores) const {
    return internal::CheckFiniteScores(*this, std::array{static_cast<char>(AllFinite(scores))});
  }

  SharedArray<float> scores_;
};

inline PopularityModel TrainPopularity(const InteractionMatrix& matrix) {
  AlignedVector<float> scores(matrix.items());
  for (std::size_t item = 0; item < matrix.items(); ++item) {
    const SparseRowView users = matrix.item_user().row(item);
    double sum = 0;
    for (std::size_t n = 0; n < users.size(); ++n) sum += users.value(n);
    scores[item] = static_cast<float>(sum);
  }
  return PopularityModel(SharedArray<float>(std::move(scores)));
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_POPULARITY_HPP_
