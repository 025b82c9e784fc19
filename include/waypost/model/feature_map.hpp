// waypost/model/feature_map.hpp - item vectors from features: what a model of factors says of an item without events.
//
// Objective    |F B - H|^2 + mu |B|^2 over B, features x d: F the features of the items that the model knows from
//              events (items x features), H their vectors. An item's vector is the sum of its features' rows of B; an
//              item without a known feature has the zero vector, the mean of the prior.
// Method       conjugate gradients on (F^T F + mu I) B = F^T H with the diagonal as preconditioner, for all d columns
//              side by side, until every column's residual is 1e-5 of its first.
// Sources      [1] Z. Gantner, L. Drumond, C. Freudenthaler, S. Rendle, L. Schmidt-Thieme, Learning
//                  Attribute-to-Feature Mappings for Cold-Start Recommendations, ICDM 2010.
// Deviations   one ridge for all columns instead of a map learned by descent for each. An item counts once however
//              often it was met, and there is no row for all items: both lost recall of held-out items on MovieLens
//              and on MOOCCube (docs/results.md).
// Complexity   a step: 4 entries x d multiply-adds; usually 20..80 steps. Memory 5 x features x d float32.
// Numerics     tables in float32, products of columns in float64.
// Determinism  16 columns are solved by one thread and share nothing with the others: equal bytes for any number of
//              threads.
// Checked by   tests/unit/model_feature_map_test.cpp against the dense solution by Eigen.
#ifndef WAYPOST_MODEL_FEATURE_MAP_HPP_
#define WAYPOST_MODEL_FEATURE_MAP_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/random.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/matrix/sparse_product.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

// B with the names of its rows.
//
// Immutable: safe to use from any number of threads.
struct FeatureMap {
  IdDictionary names;
  FactorMatrix weights;  // names.size() rows
};

// Returns the vectors of items with these features.
//   features  items x map.weights.rows(); values are weights.
// Errors      throws std::bad_alloc.
inline FactorMatrix MapFeatures(const FeatureMap& map, const SparseMatrix& features,
                                const Parallelism& parallelism = {}) {
  AlignedVector<float> rows(features.rows() * map.weights.stride(), 0.0f);
  if (map.weights.rows() > 0)
    SumNeighbours(
        features, EntryWeights::kValues, map.weights.values(), map.weights.stride(), [](std::size_t) { return 1.0; },
        std::span(rows), parallelism, [] { return false; });
  return FactorMatrix(features.rows(), map.weights.dimensions(), SharedArray<float>(std::move(rows)));
}

namespace internal {

// One system for any ridge and any choice of items.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class FeatureRidge {
 public:
  // Lifetime  the arguments outlive the object.
  // Errors    throws std::bad_alloc.
  FeatureRidge(const SparseMatrix& features, const FactorMatrix& items, const Parallelism& parallelism,
               CancelPoll& cancelled)
      : features_(features),
        of_feature_(Transpose(features, parallelism)),
        items_(items),
        parallelism_(parallelism),
        cancelled_(cancelled) {}

  // Returns B, features x stride, of the items with a 1 in `used`; what is left of it when cancelled.
  AlignedVector<float> Solve(double ridge, std::span<const char> used) {
    AlignedVector<float> solution(rows() * items_.stride(), 0.0f);
    const std::vector<float> scale = InverseDiagonal(ridge, used);
    ForEachBlock(parallelism_, items_.stride() / kLanes, 1, [&](std::size_t panel, std::size_t, std::size_t) {
      const Table columns = SolvePanel(panel * kLanes, ridge, used, scale);
      for (std::size_t row = 0; row < rows(); ++row)
        std::copy_n(columns.begin() + static_cast<std::ptrdiff_t>(row * kLanes), kLanes,
                    solution.begin() + static_cast<std::ptrdiff_t>(row * items_.stride() + panel * kLanes));
    });
    return solution;
  }

 private:
  // kLanes columns of a table, row after row.
  using Table = AlignedVector<float>;
  using Lanes = std::array<double, kLanes>;

  static constexpr double kTolerance = 1e-5;
  static constexpr int kMaxSteps = 300;

  std::size_t rows() const { return features_.columns(); }

  // Solves for the columns from `first` on, side by side.
  Table SolvePanel(std::size_t first, double ridge, std::span<const char> used, std::span<const float> scale) {
    Table solution(rows() * kLanes, 0.0f), residual(rows() * kLanes), direction(rows() * kLanes),
        image(rows() * kLanes), vectors(items_.rows() * kLanes, 0.0f);
    for (std::size_t item = 0; item < used.size(); ++item)
      if (used[item]) std::copy_n(items_.row(item) + first, kLanes, vectors.data() + item * kLanes);
    ToFeatures(vectors, residual);
    Lanes square = Products(residual, residual, scale);
    Lanes wanted, turn{};
    for (std::size_t k = 0; k < kLanes; ++k) wanted[k] = kTolerance * kTolerance * square[k];
    Turn(turn, residual, scale, direction);
    for (int step = 0; step < kMaxSteps && !cancelled_(); ++step) {
      if (std::equal(square.begin(), square.end(), wanted.begin(), [](double a, double b) { return a <= b; })) break;
      SumNeighbours(
          features_, EntryWeights::kValues, std::span<const float>(direction), kLanes,
          [&](std::size_t item) { return used[item] ? 1.0 : 0.0; }, std::span(vectors), Parallelism(1), NeverCancelled);
      ToFeatures(vectors, image);
      Lanes length;
      length.fill(ridge);
      Add(length, direction, image);
      const Lanes curvature = Products(direction, image, {});
      for (std::size_t k = 0; k < kLanes; ++k) length[k] = curvature[k] > 0 ? square[k] / curvature[k] : 0.0;
      Add(length, direction, solution);
      for (double& value : length) value = -value;
      Add(length, image, residual);
      const Lanes next = Products(residual, residual, scale);
      for (std::size_t k = 0; k < kLanes; ++k) turn[k] = square[k] > 0 ? next[k] / square[k] : 0.0;
      Turn(turn, residual, scale, direction);
      square = next;
    }
    return solution;
  }

  static bool NeverCancelled() { return false; }

  void ToFeatures(const Table& vectors, Table& out) const {
    SumNeighbours(
        of_feature_, EntryWeights::kValues, std::span<const float>(vectors), kLanes, [](std::size_t) { return 1.0; },
        std::span(out), Parallelism(1), NeverCancelled);
  }

  // Of the system's matrix.
  std::vector<float> InverseDiagonal(double ridge, std::span<const char> used) const {
    std::vector<float> scale(rows());
    for (std::size_t feature = 0; feature < rows(); ++feature) {
      const SparseRowView row = of_feature_.row(feature);
      double sum = ridge;
      for (std::size_t n = 0; n < row.size(); ++n)
        if (used[row.columns[n]]) sum += static_cast<double>(row.value(n)) * row.value(n);
      scale[feature] = static_cast<float>(1 / sum);
    }
    return scale;
  }

  // Column by column the sum over rows of a * b * scale(row); without a scale, of a * b.
  Lanes Products(const Table& a, const Table& b, std::span<const float> scale) const {
    Lanes sums{};
    for (std::size_t row = 0; row < rows(); ++row) {
      const double by = scale.empty() ? 1.0 : scale[row];
      for (std::size_t k = 0; k < kLanes; ++k)
        sums[k] += by * a[row * kLanes + k] * static_cast<double>(b[row * kLanes + k]);
    }
    return sums;
  }

  // to += factor(column) * from.
  void Add(const Lanes& factor, const Table& from, Table& to) const {
    for (std::size_t n = 0; n < to.size(); ++n) to[n] += static_cast<float>(factor[n % kLanes]) * from[n];
  }

  // direction = turn(column) * direction + scale(row) * residual.
  void Turn(const Lanes& turn, const Table& residual, std::span<const float> scale, Table& direction) const {
    for (std::size_t row = 0; row < rows(); ++row)
      for (std::size_t n = row * kLanes; n < (row + 1) * kLanes; ++n)
        direction[n] = static_cast<float>(turn[n % kLanes]) * direction[n] + scale[row] * residual[n];
  }

  const SparseMatrix& features_;
  SparseMatrix of_feature_;
  const FactorMatrix& items_;
  const Parallelism& parallelism_;
  CancelPoll& cancelled_;
};

}  // namespace internal

// Options of TrainFeatureMap. Aggregate: use designated initializers.
struct FeatureMapOptions {
  // Strength of L2 regularization (mu). Unset: of 3, 10, 30 ... 1000 the one whose maps measure best on items that they
  // were not made from; 10..300 is usual.
  std::optional<float> regularization{};
  // Seed of the choice of those items.
  std::uint64_t seed = 42;

  friend bool operator==(const FeatureMapOptions&, const FeatureMapOptions&) = default;
};

// Errors  kInvalidArgument.
inline absl::Status Validate(const FeatureMapOptions& options) {
  if (!options.regularization || (*options.regularization > 0 && *options.regularization <= 1e9f))
    return absl::OkStatus();  // false for a NaN
  return absl::InvalidArgumentError(
      absl::StrCat("FeatureMapOptions.regularization: want above 0, at most 1e9, got ", *options.regularization));
}

// A part of the items that a map is not made from, to measure it on.
struct LeftOutItems {
  std::size_t part = 0;        // 0..kFeatureMapParts - 1; the same items whenever it is the same
  std::span<const char> held;  // 1 for the items of the part
};
inline constexpr std::size_t kFeatureMapParts = 3;  // that are tried, each a fifth of the items
inline constexpr std::size_t kFeatureMapShare = 5;

// Measures vectors of all items as the map gives them, of which those of the part count. Higher is better.
using FeatureMapMeasure = std::function<absl::StatusOr<double>(const LeftOutItems& items, const FactorMatrix& vectors)>;

struct FeatureMapTraining {
  FactorMatrix weights;  // features x dimensions
  float regularization = 0;
  std::optional<double> measure{};  // where the regularization was chosen by it: the mean over the parts
};

namespace internal {

// The items with a vector and a feature.
inline std::vector<char> FeatureMapItems(const SparseMatrix& features, const FactorMatrix& items) {
  std::vector<char> used(items.rows());
  for (std::size_t item = 0; item < items.rows(); ++item) {
    const std::span<const float> row(items.row(item), items.dimensions());
    used[item] = features.row_size(item) > 0 && std::any_of(row.begin(), row.end(), [](float x) { return x != 0; });
  }
  return used;
}

// The mean of the measure over the parts.
inline absl::StatusOr<double> MeasureRidge(FeatureRidge& system, double ridge, const SparseMatrix& features,
                                           const FactorMatrix& items, std::span<const char> used, std::uint64_t seed,
                                           const FeatureMapMeasure& measure, const Parallelism& parallelism) {
  double sum = 0;
  for (std::size_t part = 0; part < kFeatureMapParts; ++part) {
    std::vector<char> kept(used.begin(), used.end()), held(used.size());
    for (std::size_t item = 0; item < used.size(); ++item) {
      held[item] = used[item] && Random(seed, item).Below(kFeatureMapShare) == part;
      if (held[item]) kept[item] = 0;
    }
    const AlignedVector<float> map = system.Solve(ridge, kept);
    const FactorMatrix weights(features.columns(), items.dimensions(),
                               SharedArray<float>(std::span<const float>(map), nullptr));
    const FactorMatrix vectors = MapFeatures({.names = {}, .weights = weights}, features, parallelism);
    WAYPOST_ASSIGN_OR_RETURN(const double value, measure({.part = part, .held = held}, vectors));
    sum += value;
  }
  return sum / static_cast<double>(kFeatureMapParts);
}

}  // namespace internal

// Learns a map from the items that have a vector and a feature.
//   features  items x features.
//   items     their vectors; a row of zeros is an item without one.
//   measure   needed where options.regularization is unset.
// Errors      kInvalidArgument: options, sizes that differ, no measure.  kFailedPrecondition: no item with a vector and
//             a feature.  kCancelled.  kResourceExhausted: memory.  Those of the measure.
// Cost        one solution (see above); 19 where the regularization is chosen.
inline absl::StatusOr<FeatureMapTraining> TrainFeatureMap(const SparseMatrix& features, const FactorMatrix& items,
                                                          const FeatureMapOptions& options,
                                                          const FeatureMapMeasure& measure = {},
                                                          const TrainingControl& control = {},
                                                          const Parallelism& parallelism = {}) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  if (features.rows() != items.rows())
    return absl::InvalidArgumentError(
        absl::StrCat("TrainFeatureMap.features: want ", items.rows(), " rows, got ", features.rows()));
  if (!options.regularization && !measure)
    return absl::InvalidArgumentError("TrainFeatureMap.measure: want one with regularization unset, got none");
  const std::vector<char> used = internal::FeatureMapItems(features, items);
  if (std::find(used.begin(), used.end(), 1) == used.end())
    return absl::FailedPreconditionError(
        absl::StrCat("TrainFeatureMap.features: want an item with events and a feature, got none of ", items.rows()));
  CancelPoll cancelled(control);
  internal::FeatureRidge system(features, items, parallelism, cancelled);
  FeatureMapTraining training;
  if (options.regularization) {
    training.regularization = *options.regularization;
  } else {
    for (const float candidate : {3.0f, 10.0f, 30.0f, 100.0f, 300.0f, 1000.0f}) {
      WAYPOST_ASSIGN_OR_RETURN(const double value, internal::MeasureRidge(system, candidate, features, items, used,
                                                                          options.seed, measure, parallelism));
      WAYPOST_RETURN_IF_ERROR(cancelled.status());
      if (training.measure && value <= *training.measure) continue;
      training.measure = value;
      training.regularization = candidate;
    }
  }
  AlignedVector<float> weights = system.Solve(training.regularization, used);
  WAYPOST_RETURN_IF_ERROR(cancelled.status());
  training.weights = FactorMatrix(features.columns(), items.dimensions(), SharedArray<float>(std::move(weights)));
  return training;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat("TrainFeatureMap: want memory for ", features.columns(),
                                                   " features of ", items.rows(), " items, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_FEATURE_MAP_HPP_
