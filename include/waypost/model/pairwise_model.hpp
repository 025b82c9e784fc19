// waypost/model/pairwise_model.hpp - a trained BPR or WARP model: scores, fold-in, similar items, explanations.
//
// (1) The last element of an item's vector is its bias; a user's vector has 1 there. Scores are plain products of two
//     vectors and are ranked by the exact top-k index.
// (2) A user's vector is what the steps of training make of a history while the items stay: from 0, a fixed number of
//     steps with negatives drawn from one stream. So a stranger with the history of a training user gets that user's
//     vector to the bit.
#ifndef WAYPOST_MODEL_PAIRWISE_MODEL_HPP_
#define WAYPOST_MODEL_PAIRWISE_MODEL_HPP_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/factor_scorer.hpp"
#include "waypost/model/pairwise_kernels.hpp"
#include "waypost/model/pairwise_options.hpp"

namespace waypost {

namespace internal {

// A step weighs in proportion to the strength of its interaction, the mean one 1, but at most this.
inline constexpr float kMostPairwiseWeight = 10;
inline float PairwiseWeight(float strength, float mean_strength) {
  return std::min(strength / mean_strength, kMostPairwiseWeight);
}

// The weight of WARP's step for a negative found at draw t of 1..: the logarithm of the rank that it tells,
// (items - 1) / t, over that of the last rank: 0..1. Empty with BPR.
inline std::vector<float> PairwiseRankWeights(const PairwiseOptions& options, std::size_t items) {
  std::vector<float> weights;
  if (options.loss == PairwiseLoss::kBpr) return weights;
  for (int trial = 1; trial <= options.max_trials; ++trial) {
    const double last = std::max(2.0, static_cast<double>(items) - 1);
    const double rank = std::max(1.0, std::floor(last / trial));
    weights.push_back(static_cast<float>(std::log(rank) / std::log(last)));
  }
  return weights;
}

// Lifetime  borrows `rank_weights`.
inline PairwiseStep MakePairwiseStep(const PairwiseOptions& options, std::span<const float> rank_weights) {
  return {.stride = PaddedDimensions(static_cast<std::size_t>(options.dimensions)),
          .bias = static_cast<std::size_t>(options.dimensions) - 1,
          .learning_rate = options.learning_rate,
          .regularization = options.regularization,
          .rank_weights = rank_weights.empty() ? nullptr : rank_weights.data(),
          .max_trials = options.max_trials};
}

// Steps of a fold-in of n entries: as many as training makes for most users, more for short histories.
constexpr std::size_t PairwiseFoldInSteps(std::size_t entries) {
  constexpr std::size_t kLeast = 256;
  constexpr std::size_t kPerEntry = 6;
  return std::max(kLeast, kPerEntry * entries);
}

}  // namespace internal

// Immutable: safe to use from any number of threads.
class PairwiseModel final : public FactorScorer {
 public:
  // Both tables have options.dimensions columns, are finite and obey (1) and (2); mean_strength > 0 is that of the
  // interactions trained on. `user_factors` may have no rows: every user is then folded in.
  PairwiseModel(const PairwiseOptions& options, float mean_strength, FactorMatrix user_factors, TopKIndex item_index)
      : FactorScorer(std::move(user_factors), std::move(item_index)),
        options_(options),
        mean_strength_(mean_strength),
        rank_weights_(internal::PairwiseRankWeights(options, item_count())) {}

  const PairwiseOptions& options() const { return options_; }
  const float& mean_strength() const { return mean_strength_; }

  std::string_view kind() const override { return options_.kind(); }

  // By the cosine of item vectors without their biases; items whose cosine is not above 0 are no evidence.
  // Cost  items x dimensions: every item is scored.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override {
    return SimilarByLeading(dimensions() - 1, item, candidates, k);
  }

  // The user's vector is a sum of differences of item vectors, one for each step that an item of the history took part
  // in; the item's amount is what these bring. The item's bias is the base.
  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override;

  // A history without entries gives a vector that ranks by the biases alone.
  // Cost  max(256, 6 n) steps of 3 d multiply-adds (WARP: up to max_trials + 2 d) for n entries; allocates only when
  //       the calling thread meets its longest history.
  void FoldInPadded(const SparseRowView& history, float* vector) const override { FoldInTerms(history, vector, {}); }

 private:
  // terms  empty or PairwiseTerm[PairwiseFoldInSteps(history.size())]: what the steps did.
  void FoldInTerms(const SparseRowView& history, float* vector, std::span<PairwiseTerm> terms) const;

  PairwiseOptions options_;
  float mean_strength_;
  std::vector<float> rank_weights_;
};

inline void PairwiseModel::FoldInTerms(const SparseRowView& history, float* vector,
                                       std::span<PairwiseTerm> terms) const {
  const PairwiseStep step = internal::MakePairwiseStep(options_, rank_weights_);
  std::fill_n(vector, step.stride, 0.0f);
  vector[step.bias] = 1.0f;
  if (history.empty()) return;
  thread_local std::vector<float> weights;
  weights.resize(std::max(weights.size(), history.size()));
  for (std::size_t n = 0; n < history.size(); ++n)
    weights[n] = internal::PairwiseWeight(history.value(n), mean_strength_);
  GetPairwiseKernels().fold_in({.items = item_factors().data(),
                                .item_count = item_count(),
                                .columns = history.columns.data(),
                                .weights = weights.data(),
                                .size = history.size()},
                               step, internal::PairwiseFoldInSteps(history.size()), options_.seed, vector,
                               terms.empty() ? nullptr : terms.data());
}

inline absl::StatusOr<Explanation> PairwiseModel::Explain(const UserView& user, ItemIndex item) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateUser(user, user_count(), item_count()));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  const std::size_t bias = dimensions() - 1;
  const float* target = item_factors().row(item.value);
  AlignedVector<float> vector(stride());
  std::vector<PairwiseTerm> terms(user.history.empty() ? 0 : internal::PairwiseFoldInSteps(user.history.size()));
  FoldInTerms(user.history, vector.data(), terms);
  if (Known(user)) WriteVector(user, vector.data());
  const float score = GetScoreKernels().dot(vector.data(), target, stride());
  WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, std::array{static_cast<char>(std::isfinite(score))}));
  const auto product = [&](std::size_t other) {
    const float* row = item_factors().row(other);
    double sum = 0;
    for (std::size_t n = 0; n < bias; ++n) sum += static_cast<double>(target[n]) * row[n];
    return sum;
  };
  std::vector<double> own;
  for (std::uint32_t column : user.history.columns) own.push_back(product(column));
  std::vector<double> amounts(user.history.size(), 0.0);
  double left = 1;  // of what a step did, after all later ones
  for (std::size_t n = terms.size(); n-- > 0;) {
    const PairwiseTerm& term = terms[n];
    if (term.amount != 0) amounts[term.position] += left * term.amount * (own[term.position] - product(term.negative));
    left *= term.shrink;
  }
  return internal::ExplanationOf(score, user.history, std::move(amounts));
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Explain");
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_PAIRWISE_MODEL_HPP_
