// waypost/model/popularity.hpp - the same ranking for everybody: the sum of an item's interaction strengths.
//
// Definition   score(u, i) = sum over users v of strength(v, i). Decay enters through the strengths
// (matrix/weighting.hpp). Complexity   training O(entries); a query O(items). Numerics     sums in float64, stored as
// float32. Determinism  users are added in index order. Checked by   tests/unit/model_popularity_test.cpp; published
// figures of two real data sets.
#ifndef WAYPOST_MODEL_POPULARITY_HPP_
#define WAYPOST_MODEL_POPULARITY_HPP_

#include <cstddef>
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
    for (std::size_t q = 0; q < users.size(); ++q) {
      WAYPOST_RETURN_IF_ERROR(ValidateUser(users[q], 0, item_count()));
      std::copy(scores_.begin(), scores_.end(), scores.begin() + static_cast<std::ptrdiff_t>(q * item_count()));
    }
    return absl::OkStatus();
  }

  // Popularity knows no similarity: the result is empty.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates&, std::size_t) const override {
    WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
    return std::vector<ScoredItem>{};
  }

  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override {
    WAYPOST_RETURN_IF_ERROR(ValidateUser(user, 0, item_count()));
    WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
    return Explanation{.score = scores_[item.value], .base = scores_[item.value], .contributions = {}};
  }

 private:
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
