// waypost/model/logistic_mf_model.hpp - a trained logistic matrix factorization: scores, fold-in, similar items,
// explanations.
//
// (1) The last two elements of a vector are biases: an item's vector ends with 1 and its bias, a user's with the user's
//     bias and 1. Scores, the log-odds of an interaction, are plain products of two vectors and are ranked by the exact
//     top-k index.
// (2) A user's vector is the minimum that Newton steps from 0 find for a history while the items stay. So a stranger
//     with the history of a training user gets that user's vector to the bit. Without a history it is 0, and the items'
//     biases rank.
#ifndef WAYPOST_MODEL_LOGISTIC_MF_MODEL_HPP_
#define WAYPOST_MODEL_LOGISTIC_MF_MODEL_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/factor_scorer.hpp"
#include "waypost/model/logistic_mf_options.hpp"
#include "waypost/model/logistic_mf_row.hpp"

namespace waypost {

// The rows that stand for all of a side, and how many each stands for. Empty: all, each for itself.
struct LogisticBackground {
  SharedArray<std::uint32_t> rows;  // ascending strictly
  SharedArray<float> weights;       // positive
};

// Immutable: safe to use from any number of threads.
class LogisticMfModel final : public FactorScorer {
 public:
  // Both tables have options.dimensions columns, are finite and obey (1) and (2); `user_factors` may have no rows:
  // every user is then folded in. The rows of `background` are items. Throws std::bad_alloc.
  LogisticMfModel(const LogisticMfOptions& options, LogisticBackground background, FactorMatrix user_factors,
                  TopKIndex item_index)
      : FactorScorer(std::move(user_factors), std::move(item_index)),
        options_(options),
        background_(std::move(background)),
        gathered_(background_.rows.size() * stride()) {
    assert(background_.weights.size() == background_.rows.size());
    for (std::size_t n = 0; n < background_.rows.size(); ++n)
      std::copy_n(item_factors().row(background_.rows[n]), stride(), gathered_.data() + n * stride());
  }

  const LogisticMfOptions& options() const { return options_; }
  const LogisticBackground& background() const { return background_; }

  std::string_view kind() const override { return "logistic-mf"; }

  // By the cosine of item vectors without their biases; items whose cosine is not above 0 are no evidence.
  // Cost  items x dimensions: every item is scored.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override {
    return SimilarByLeading(dimensions() - 2, item, candidates, k);
  }

  // An item of the history brings what its term of the objective does to the vector (logistic_mf_row.hpp); the item's
  // bias and what all items together do are the base.
  // Cost  up to 2 d conjugate-gradient steps, each as of a fold-in.
  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override;

  // Cost  up to kFoldInSteps Newton steps: logistic_mf_row.hpp.
  void FoldInPadded(const SparseRowView& history, float* vector) const override {
    std::fill_n(vector, stride(), 0.0f);
    vector[dimensions() - 1] = 1.0f;
    if (!history.empty()) Row().Minimise(side(), history, kFoldInSteps, vector);
  }

 private:
  static constexpr int kFoldInSteps = 16;

  static internal::LogisticRow& Row() {
    thread_local internal::LogisticRow row;
    return row;
  }

  internal::LogisticSide side() const {
    const bool all = background_.rows.empty();
    return {.rows = item_factors().data(),
            .background = all ? item_factors().data() : gathered_.data(),
            .background_weights = all ? nullptr : background_.weights.data(),
            .background_count = all ? item_count() : background_.rows.size(),
            .stride = stride(),
            .fixed = dimensions() - 1,
            .positive_weight = options_.positive_weight,
            .regularization = options_.regularization};
  }

  LogisticMfOptions options_;
  LogisticBackground background_;
  AlignedVector<float> gathered_;  // the item vectors of the background
};

inline absl::StatusOr<Explanation> LogisticMfModel::Explain(const UserView& user, ItemIndex item) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateUser(user, user_count(), item_count()));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  const float* target = item_factors().row(item.value);
  AlignedVector<float> vector(stride());
  WriteVector(user, vector.data());
  const float score = GetScoreKernels().dot(vector.data(), target, stride());
  WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, std::array{static_cast<char>(std::isfinite(score))}));
  std::vector<double> amounts;
  if (user.history.empty()) return internal::ExplanationOf(score, user.history, std::move(amounts), score);
  const double rest = Row().Explain(side(), user.history, vector.data(), target, amounts);
  const auto finite = [](double amount) { return std::isfinite(amount); };
  if (!finite(rest) || !std::all_of(amounts.begin(), amounts.end(), finite))
    return internal::CheckFiniteScores(*this, std::array{char{0}});
  return internal::ExplanationOf(score, user.history, std::move(amounts), rest);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Explain");
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_LOGISTIC_MF_MODEL_HPP_
