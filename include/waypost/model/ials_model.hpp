// waypost/model/ials_model.hpp - a trained iALS model: scores, fold-in, similar items, explanations.
//
// (1) Both factor tables are written in the eigenbasis of the item Gramian H^T H, which is therefore
//     diag(gramian_eigenvalues): a score does not change when both sides rotate, and fold-in needs nothing else.
// (2) A stored user vector is the exact solution for the user's training history, so it equals FoldIn of that history
//     to the bit. Users and items without interactions have a zero vector.
// (3) Items added by their features alone (WithItems) stand behind those of the training and have no part in (1): a
//     fold-in takes them as seldom as the training would, and the penalty of a user counts the training's items.
#ifndef WAYPOST_MODEL_IALS_MODEL_HPP_
#define WAYPOST_MODEL_IALS_MODEL_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/model/factor_scorer.hpp"
#include "waypost/model/feature_map.hpp"
#include "waypost/model/ials_kernels.hpp"
#include "waypost/model/ials_options.hpp"

namespace waypost {

// Immutable: safe to use from any number of threads.
class IalsModel final : public FactorScorer {
 public:
  // options.unobserved_weight is set. Both tables have options.dimensions columns, are finite and obey (1) and (2); one
  // eigenvalue >= 0 a dimension. `user_factors` may have no rows: every user is then folded in.
  IalsModel(IalsOptions options, FactorMatrix user_factors, FactorMatrix item_factors,
            SharedArray<double> gramian_eigenvalues)
      : IalsModel(options, std::move(user_factors), TopKIndex(std::move(item_factors)),
                  std::move(gramian_eigenvalues)) {}
  // The same with an index over the item factors.
  IalsModel(IalsOptions options, FactorMatrix user_factors, TopKIndex item_index,
            SharedArray<double> gramian_eigenvalues);
  // The same with a map of features to item vectors, and with items beyond the first `trained_items` of (3).
  // Requires  trained_items <= the rows of item_index; a map of options.dimensions dimensions.
  IalsModel(IalsOptions options, FactorMatrix user_factors, TopKIndex item_index,
            SharedArray<double> gramian_eigenvalues, std::size_t trained_items,
            std::shared_ptr<const FeatureMap> feature_map);

  const IalsOptions& options() const { return options_; }
  // Items of the training; the others were added by their features.
  std::size_t trained_items() const { return trained_items_; }
  // What gives new items their vectors; null where none was learned.
  const std::shared_ptr<const FeatureMap>& feature_map() const { return feature_map_; }

  // The same model with a map.
  // Requires  a map of dimensions() dimensions.
  IalsModel WithFeatureMap(std::shared_ptr<const FeatureMap> map) const;

  // The same model with more items behind its own.
  //   features  new items x features of the map.
  // Errors      kFailedPrecondition: no map.  kInvalidArgument: features of another map.  kResourceExhausted: memory.
  // Cost        a copy of the item vectors.
  absl::StatusOr<IalsModel> WithItems(const SparseMatrix& features, const Parallelism& parallelism = {}) const;

  const SharedArray<double>& gramian_eigenvalues() const { return gramian_eigenvalues_; }

  std::string_view kind() const override { return "ials"; }

  // The user's vector is A^-1 sum_j c_j h_j, so item j brings c_j h_i^T A^-1 h_j. Solved in float64; what the rounding
  // of the stored float32 vector leaves is shared in proportion. Where a stored user's `history` is not the training
  // history, the difference is the base.
  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override;

 private:
  // A history without entries gives the zero vector.
  // Cost  O(n^2 d) for n < d entries, else O(n d^2); allocates only when the calling thread meets its longest history.
  void FoldInPadded(const SparseRowView& history, float* vector) const override;
  std::vector<double> ExactContributions(const SparseRowView& history, const float* item) const;

  IalsOptions options_;
  SharedArray<double> gramian_eigenvalues_;
  SharedArray<float> ridge_;  // unobserved weight x eigenvalue, padded
  std::size_t trained_items_;
  std::shared_ptr<const FeatureMap> feature_map_;
  IalsSideView side_;
};

namespace internal {

// What IalsSideView needs of a Gramian's eigenvalues: the same floats in training and in fold-in.
inline SharedArray<float> IalsRidge(std::span<const double> eigenvalues, float unobserved_weight) {
  AlignedVector<float> ridge(PaddedDimensions(eigenvalues.size()), 0.0f);
  for (std::size_t k = 0; k < eigenvalues.size(); ++k)
    ridge[k] = static_cast<float>(static_cast<double>(unobserved_weight) * std::max(0.0, eigenvalues[k]));
  return SharedArray<float>(std::move(ridge));
}

inline IalsSideView IalsSide(const IalsOptions& options, const float* factors, std::size_t rows,
                             const SharedArray<float>& ridge) {
  return {.factors = factors,
          .stride = ridge.size(),
          .ridge = ridge.data(),
          .largest_ridge = *std::max_element(ridge.begin(), ridge.end()),
          .regularization = options.regularization,
          .exponent = options.regularization_exponent,
          .unobserved_mass = static_cast<double>(*options.unobserved_weight) * static_cast<double>(rows)};
}

// The calling thread's memory for fold-ins: at least `size` elements.
inline float* IalsThreadWorkspace(std::size_t size) {
  thread_local AlignedVector<float> memory;
  if (memory.size() < size) {
    memory.clear();
    memory.resize(size);
  }
  return memory.data();
}

// Solves matrix * x = right for a positive definite matrix, by Cholesky in float64; spoils the matrix.
//   matrix  float64[n x n], row-major; the lower part is read.
// A pivot that is not positive counts as infinite: that unknown becomes 0.
inline void SolvePositive(std::vector<double>& matrix, std::vector<double>& right) {
  const std::size_t n = right.size();
  for (std::size_t i = 0; i < n; ++i) {
    double* row = matrix.data() + i * n;
    for (std::size_t j = 0; j <= i; ++j) {
      const double* other = matrix.data() + j * n;
      double sum = row[j];
      for (std::size_t k = 0; k < j; ++k) sum -= row[k] * other[k];
      if (j < i) {
        row[j] = sum * other[j];  // the diagonal holds reciprocals
      } else {
        row[i] = sum > 0 ? 1.0 / std::sqrt(sum) : 0.0;
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    double sum = right[i];
    for (std::size_t k = 0; k < i; ++k) sum -= matrix[i * n + k] * right[k];
    right[i] = sum * matrix[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    right[i] *= matrix[i * n + i];
    for (std::size_t k = 0; k < i; ++k) right[k] -= matrix[i * n + k] * right[i];
  }
}

}  // namespace internal

inline IalsModel::IalsModel(IalsOptions options, FactorMatrix user_factors, TopKIndex item_index,
                            SharedArray<double> gramian_eigenvalues)
    : IalsModel(options, std::move(user_factors), item_index, std::move(gramian_eigenvalues), item_index.rows().rows(),
                nullptr) {}

inline IalsModel::IalsModel(IalsOptions options, FactorMatrix user_factors, TopKIndex item_index,
                            SharedArray<double> gramian_eigenvalues, std::size_t trained_items,
                            std::shared_ptr<const FeatureMap> feature_map)
    : FactorScorer(std::move(user_factors), std::move(item_index)),
      options_(options),
      gramian_eigenvalues_(std::move(gramian_eigenvalues)),
      ridge_(internal::IalsRidge(gramian_eigenvalues_.span(), *options.unobserved_weight)),
      trained_items_(trained_items),
      feature_map_(std::move(feature_map)),
      side_(internal::IalsSide(options, item_factors().data(), trained_items, ridge_)) {
  assert(gramian_eigenvalues_.size() == dimensions());
  assert(trained_items_ <= item_count());
  assert(feature_map_ == nullptr || feature_map_->weights.dimensions() == dimensions());
}

inline IalsModel IalsModel::WithFeatureMap(std::shared_ptr<const FeatureMap> map) const {
  return IalsModel(options_, user_factors(), item_index(), gramian_eigenvalues_, trained_items_, std::move(map));
}

inline absl::StatusOr<IalsModel> IalsModel::WithItems(const SparseMatrix& features,
                                                      const Parallelism& parallelism) const try {
  if (feature_map_ == nullptr)
    return absl::FailedPreconditionError("IalsModel.WithItems: want a model with a map of features, got one without");
  if (features.columns() != feature_map_->weights.rows())
    return absl::InvalidArgumentError(absl::StrCat("IalsModel.WithItems.features: want ", feature_map_->weights.rows(),
                                                   " columns, got ", features.columns()));
  const FactorMatrix added = MapFeatures(*feature_map_, features, parallelism);
  AlignedVector<float> rows(item_factors().values().begin(), item_factors().values().end());
  rows.insert(rows.end(), added.values().begin(), added.values().end());
  return IalsModel(
      options_, user_factors(),
      TopKIndex(FactorMatrix(item_count() + added.rows(), dimensions(), SharedArray<float>(std::move(rows)))),
      gramian_eigenvalues_, trained_items_, feature_map_);
} catch (const std::bad_alloc&) {
  return internal::ScorerMemoryError("WithItems");
}

inline void IalsModel::FoldInPadded(const SparseRowView& history, float* vector) const {
  const std::uint64_t offsets[] = {0, history.size()};
  const IalsRowsView rows{.offsets = offsets,
                          .columns = history.columns.data(),
                          .values = history.values.empty() ? nullptr : history.values.data(),
                          .count = 1};
  float* workspace = internal::IalsThreadWorkspace(IalsWorkspaceSize(side_.stride, history.size()));
  GetIalsKernels().solve_exact(side_, rows, vector, workspace, nullptr);
}

// With g = B D^-1 h_i the amounts are K^-1 g, K = C^-1 + B D^-1 B^T, for n < d; otherwise v = A^-1 h_i is solved and
// item j brings c_j v . h_j.
inline std::vector<double> IalsModel::ExactContributions(const SparseRowView& history, const float* item) const {
  const std::size_t n = history.size();
  const std::size_t d = dimensions();
  const double lambda = IalsLambda(side_, n);
  std::vector<double> ridge(d);
  for (std::size_t k = 0; k < d; ++k) ridge[k] = IalsRowRidge(side_, lambda, k);
  const auto row = [&](std::size_t j) { return item_factors().row(history.columns[j]); };
  if (n < d) {
    std::vector<double> scaled(n * d);  // B D^-1/2
    std::vector<double> amounts(n, 0.0);
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < d; ++k) {
        scaled[j * d + k] = row(j)[k] / std::sqrt(ridge[k]);
        amounts[j] += row(j)[k] * (item[k] / ridge[k]);
      }
    }
    std::vector<double> system(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = i == j ? 1.0 / static_cast<double>(history.value(i)) : 0.0;
        for (std::size_t k = 0; k < d; ++k) sum += scaled[i * d + k] * scaled[j * d + k];
        system[i * n + j] = sum;
      }
    }
    internal::SolvePositive(system, amounts);
    return amounts;
  }
  std::vector<double> system(d * d, 0.0);
  for (std::size_t k = 0; k < d; ++k) system[k * d + k] = ridge[k];
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t a = 0; a < d; ++a) {
      const double factor = static_cast<double>(history.value(j)) * row(j)[a];
      for (std::size_t b = 0; b <= a; ++b) system[a * d + b] += factor * row(j)[b];
    }
  }
  std::vector<double> solution(item, item + d);
  internal::SolvePositive(system, solution);
  std::vector<double> amounts(n, 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < d; ++k) amounts[j] += solution[k] * row(j)[k];
    amounts[j] *= history.value(j);
  }
  return amounts;
}

inline absl::StatusOr<Explanation> IalsModel::Explain(const UserView& user, ItemIndex item) const {
  WAYPOST_RETURN_IF_ERROR(ValidateUser(user, user_count(), item_count()));
  WAYPOST_RETURN_IF_ERROR(ValidateItem(item, item_count()));
  try {
    AlignedVector<float> vector(side_.stride);
    WriteVector(user, vector.data());
    const float score = GetScoreKernels().dot(vector.data(), item_factors().row(item.value), side_.stride);
    WAYPOST_RETURN_IF_ERROR(internal::CheckFiniteScores(*this, std::array{static_cast<char>(std::isfinite(score))}));
    return internal::ExplanationOf(score, user.history,
                                   ExactContributions(user.history, item_factors().row(item.value)));
  } catch (const std::bad_alloc&) {
    return internal::ScorerMemoryError("Explain");
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_IALS_MODEL_HPP_
