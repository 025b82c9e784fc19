// waypost/model/factor_scorer.hpp - what models of user and item vectors have in common: a score is the product of two
// vectors, the best items are found by the exact top-k index.
//
// (1) A stored user vector equals FoldIn of the user's training history to the bit.
#ifndef WAYPOST_MODEL_FACTOR_SCORER_HPP_
#define WAYPOST_MODEL_FACTOR_SCORER_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/score_kernels.hpp"
#include "waypost/base/top_k_index.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {

// Immutable: safe to use from any number of threads.
class FactorScorer : public Scorer {
 public:
  const FactorMatrix& user_factors() const { return user_factors_; }
  const FactorMatrix& item_factors() const { return index_.rows(); }
  const TopKIndex& item_index() const { return index_; }

  std::size_t item_count() const override { return item_factors().rows(); }
  std::size_t user_count() const override { return user_factors_.rows(); }
  std::size_t dimensions() const override { return item_factors().dimensions(); }

  absl::Status FoldIn(const SparseRowView& history, std::span<float> vector) const override;

  // The same for many histories at once, in parallel.
  //   vectors  float32[histories x dimensions()], row-major.
  absl::Status FoldIn(std::span<const SparseRowView> histories, std::span<float> vectors,
                      const Parallelism& parallelism) const;

  // A known user is scored with the stored vector, any other with the fold-in of the history.
  absl::Status Score(std::span<const UserView> users, std::span<float> scores,
                     const Parallelism& parallelism) const override;
  absl::StatusOr<std::vector<std::vector<ScoredItem>>> TopK(std::span<const UserView> users,
                                                            std::span<const Candidates> candidates, std::size_t k,
                                                            const Parallelism& parallelism) const override;

  // A known user's stored vector is used in place.
  // Cost  allocates nothing for a known user, otherwise as FoldIn.
  absl::StatusOr<std::size_t> TopKInto(const UserView& user, const Candidates& candidates,
                                       std::span<ScoredItem> best) const override;

  // By the cosine of item vectors; items whose cosine is not above 0 are no evidence.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override;

 protected:
  static constexpr std::size_t kUserBlock = 16;  // users folded in and scored together

  // `user_factors` may have no rows: every user is then folded in.
  FactorScorer(FactorMatrix user_factors, TopKIndex item_index)
      : user_factors_(std::move(user_factors)), index_(std::move(item_index)) {
    assert(user_factors_.dimensions() == index_.rows().dimensions());
  }

  std::size_t stride() const { return item_factors().stride(); }
  bool Known(const UserView& user) const { return user.user && user_count() > 0; }

  // Writes the vector of a user with this history. Throws std::bad_alloc.
  //   vector   float32[stride()], 64-byte aligned.
  // Requires  a valid history.
  virtual void FoldInPadded(const SparseRowView& history, float* vector) const = 0;

  // Similar by the cosine of the first `leading` elements of item vectors.
  absl::StatusOr<std::vector<ScoredItem>> SimilarByLeading(std::size_t leading, ItemIndex item,
                                                           const Candidates& candidates, std::size_t k) const;

  // The stored vector of a known user, the fold-in of any other.
  void WriteVector(const UserView& user, float* vector) const;

 private:
  void WriteVectors(std::span<const UserView> users, float* vectors, const Parallelism& parallelism) const;

  FactorMatrix user_factors_;
  TopKIndex index_;
};

namespace internal {

// The calling thread's memory for the vector of a user: at least `size` elements.
inline float* ThreadVector(std::size_t size) {
  thread_local AlignedVector<float> memory;
  memory.resize(std::max(memory.size(), size));
  return memory.data();
}

}  // namespace internal

inline void FactorScorer::WriteVector(const UserView& user, float* vector) const {
  if (!Known(user)) return FoldInPadded(user.history, vector);
  const float* stored = user_factors_.row(user.user->value);
  std::copy(stored, stored + stride(), vector);
}

inline void FactorScorer::WriteVectors(std::span<const UserView> users, float* vectors,
                                       const Parallelism& parallelism) const {
  ForEachBlock(parallelism, users.size(), kUserBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t q = begin; q < end; ++q) WriteVector(users[q], vectors + q * stride());
  });
}

inline absl::Status FactorScorer::FoldIn(const SparseRowView& history, std::span<float> vector) const {
  if (vector.size() != dimensions())
    return absl::InvalidArgumentError(
        absl::StrCat("FoldIn.vector: want ", dimensions(), " elements, got ", vector.size()));
  WAYPOST_RETURN_IF_ERROR(ValidateUser({.user = {}, .history = history}, user_count(), item_count()));
  try {
    float* padded = internal::ThreadVector(stride());
    FoldInPadded(history, padded);
    std::copy(padded, padded + vector.size(), vector.data());
    WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, std::array{static_cast<char>(AllFinite(vector))}));
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("FoldIn");
  }
  return absl::OkStatus();
}

inline absl::Status FactorScorer::FoldIn(std::span<const SparseRowView> histories, std::span<float> vectors,
                                         const Parallelism& parallelism) const try {
  if (vectors.size() != histories.size() * dimensions())
    return absl::InvalidArgumentError(
        absl::StrCat("FoldIn.vectors: want ", histories.size() * dimensions(), " elements, got ", vectors.size()));
  std::vector<absl::Status> statuses(histories.size());
  ForEachBlock(parallelism, histories.size(), kUserBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t q = begin; q < end; ++q)
      statuses[q] = FoldIn(histories[q], vectors.subspan(q * dimensions(), dimensions()));
  });
  for (const absl::Status& status : statuses) WAYPOST_RETURN_IF_ERROR(status);
  return absl::OkStatus();
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("FoldIn");
}

inline absl::Status FactorScorer::Score(std::span<const UserView> users, std::span<float> scores,
                                        const Parallelism& parallelism) const try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateScoreArguments(*this, users, scores));
  AlignedVector<float> vectors(users.size() * stride());
  std::vector<char> finite(users.size());
  WriteVectors(users, vectors.data(), parallelism);
  ForEachBlock(parallelism, users.size(), kUserBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    constexpr std::size_t kItemBlock = 256;  // item vectors that stay in the cache for all users of the block
    for (std::size_t item = 0; item < item_count(); item += kItemBlock)
      GetScoreKernels().dot_block(vectors.data() + begin * stride(), end - begin, item_factors().row(item),
                                  std::min(kItemBlock, item_count() - item), stride(),
                                  scores.data() + begin * item_count() + item, item_count());
    for (std::size_t q = begin; q < end; ++q) finite[q] = AllFinite(scores.subspan(q * item_count(), item_count()));
  });
  return internal::CheckFiniteScores(*this, finite);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Score");
}

inline absl::StatusOr<std::vector<std::vector<ScoredItem>>> FactorScorer::TopK(std::span<const UserView> users,
                                                                               std::span<const Candidates> candidates,
                                                                               std::size_t k,
                                                                               const Parallelism& parallelism) const
    try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateTopKArguments(*this, users, candidates));
  constexpr std::size_t kBatch = 1024;  // users whose vectors are held at a time
  std::vector<std::vector<ScoredItem>> results;
  AlignedVector<float> vectors(std::min(users.size(), kBatch) * stride());
  for (std::size_t first = 0; first < users.size(); first += kBatch) {
    const std::size_t count = std::min(kBatch, users.size() - first);
    WriteVectors(users.subspan(first, count), vectors.data(), parallelism);
    WAYPOST_ASSIGN_OR_RETURN(auto part, index_.Search(std::span<const float>(vectors).first(count * stride()),
                                                      candidates.subspan(first, count), k, parallelism));
    if (first == 0) {
      results = std::move(part);
      results.reserve(users.size());
    } else {
      std::move(part.begin(), part.end(), std::back_inserter(results));
    }
  }
  return results;
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("TopK");
}

inline absl::StatusOr<std::size_t> FactorScorer::TopKInto(const UserView& user, const Candidates& candidates,
                                                          std::span<ScoredItem> best) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateUser(user, user_count(), item_count()));
  if (Known(user)) return index_.SearchInto(user_factors_.row(user.user->value), candidates, best);
  float* vector = internal::ThreadVector(stride());
  FoldInPadded(user.history, vector);
  return index_.SearchInto(vector, candidates, best);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("TopK");
}

inline absl::StatusOr<std::vector<ScoredItem>> FactorScorer::Similar(ItemIndex item, const Candidates& candidates,
                                                                     std::size_t k) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  std::vector<ScoredItem> best(std::min(k, item_count()));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t found, index_.SimilarInto(item.value, candidates, best));
  best.resize(found);
  return best;
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Similar");
}

inline absl::StatusOr<std::vector<ScoredItem>> FactorScorer::SimilarByLeading(std::size_t leading, ItemIndex item,
                                                                              const Candidates& candidates,
                                                                              std::size_t k) const try {
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  const auto norm = [&](const float* row) {
    double sum = 0;
    for (std::size_t n = 0; n < leading; ++n) sum += static_cast<double>(row[n]) * row[n];
    return std::sqrt(sum);
  };
  AlignedVector<float> query(item_factors().row(item.value), item_factors().row(item.value) + stride());
  std::fill(query.begin() + static_cast<std::ptrdiff_t>(leading), query.end(), 0.0f);
  const double own = norm(query.data());
  if (!(own > 0)) return std::vector<ScoredItem>{};
  std::vector<float> scores(item_count());
  GetScoreKernels().dot_block(query.data(), 1, item_factors().data(), item_count(), stride(), scores.data(),
                              item_count());
  for (std::size_t other = 0; other < item_count(); ++other) {
    const double length = own * norm(item_factors().row(other));
    scores[other] = length > 0 && other != item.value ? static_cast<float>(scores[other] / length) : -1.0f;
  }
  if (!AllFinite(scores)) return internal::CheckFiniteScores(*this, std::array{char{0}});
  std::vector<ScoredItem> best = waypost::TopK(scores, k, candidates);
  std::erase_if(best, [](const ScoredItem& found) { return !(found.score > 0); });
  return best;
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("Similar");
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_FACTOR_SCORER_HPP_
