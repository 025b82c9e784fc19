// waypost/model/explicit_als_features.hpp - who rated what, as numbers: the features of the prior means of
// TrainExplicitAls (explicit_als.hpp).
//
// Definition   Of a side's row, users or items: the logarithm of its number of ratings, standardised, then its
//              projection on the strongest singular directions of E^-1/2 R D^-1/2, R the ratings as ones, E and D the
//              numbers of entries of its rows and columns. Directions have a mean square of 1 over the rows with
//              entries; rows without have zeros.
// Complexity   the decomposition (matrix/truncated_svd.hpp), and rows x columns^2 for the Gramians.
// Determinism  sums over rows are combined in block order: the same bits for any number of threads.
// Checked by   tests/unit/model_explicit_als_test.cpp, through the models that it makes.
#ifndef WAYPOST_MODEL_EXPLICIT_ALS_FEATURES_HPP_
#define WAYPOST_MODEL_EXPLICIT_ALS_FEATURES_HPP_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/packed_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/matrix/truncated_svd.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/explicit_als_options.hpp"
#include "waypost/model/training.hpp"

namespace waypost::internal {

inline constexpr std::size_t kRatingBlock = 64;     // rows a task
inline constexpr std::size_t kMostRatingSums = 32;  // parts that a sum over rows is made of: all are in memory at once

// Rows that are summed by one task.
inline std::size_t RatingSumBlock(std::size_t rows) {
  return std::max(kRatingBlock, (rows + kMostRatingSums - 1) / kMostRatingSums);
}

inline void AddToSums(std::vector<double>& sum, const std::vector<double>& part) {
  for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += part[n];
}

// Of one side.
struct SideFeatures {
  std::size_t columns = 0;
  std::vector<float> values{};  // rows x columns: the activity, then the directions
  std::vector<double> gram{};   // their Gramian plus a ridge, packed, as its Cholesky factor
  double log_mean = 0;
  double log_deviation = 1;
};

struct RatingFeatures {
  std::array<SideFeatures, 2> sides;  // users, items
  std::vector<float> directions;      // items x directions: what an item adds to its users'
};

class RatingFeaturesRun {
 public:
  RatingFeaturesRun(const InteractionMatrix& matrix, const ExplicitAlsOptions& options, CancelPoll& cancelled,
                    const Parallelism& parallelism)
      : matrix_(matrix),
        options_(options),
        cancelled_(cancelled),
        parallelism_(parallelism),
        rows_{&matrix.user_item(), &matrix.item_user()} {}

  absl::StatusOr<RatingFeatures> Run() {
    const std::size_t directions =
        std::min({static_cast<std::size_t>(options_.implicit_dimensions), matrix_.users(), matrix_.items()});
    std::array<std::vector<float>, 2> scales;
    for (const std::size_t s : {0u, 1u}) {
      const SparseMatrix& rows = *rows_[s];
      scales[s].resize(rows.rows());
      for (std::size_t row = 0; row < rows.rows(); ++row)
        scales[s][row] = rows.row_size(row) == 0 ? 0 : 1 / std::sqrt(static_cast<float>(rows.row_size(row)));
    }
    FactorMatrix right;
    if (directions > 0) {
      const auto ones = [](const SparseMatrix& rows) {
        return SparseMatrix(rows.columns(), rows.offsets(), rows.column_indices(), {});
      };
      const SparseMatrix user_item = ones(matrix_.user_item()), item_user = ones(matrix_.item_user());
      WAYPOST_ASSIGN_OR_RETURN(
          TruncatedSvd svd,
          RightSingularVectors({user_item, item_user, scales[0], scales[1]},
                               {.rank = directions, .iterations = 6, .seed = options_.seed},
                               {.cancelled = [this] { return cancelled_(); }, .after_iteration = {}}, parallelism_));
      right = std::move(svd.right);
    }
    for (const std::size_t s : {0u, 1u}) {
      SideFeatures& side = features_.sides[s];
      side.columns = 1 + right.dimensions();
      side.values.assign(rows_[s]->rows() * side.columns, 0.0f);
      AddActivity(*rows_[s], side);
    }
    SideFeatures& items = features_.sides[1];
    features_.directions.assign(matrix_.items() * right.dimensions(), 0.0f);
    for (std::size_t item = 0; item < matrix_.items(); ++item)
      for (std::size_t k = 0; k < right.dimensions(); ++k) {
        items.values[item * items.columns + 1 + k] = right.row(item)[k];
        features_.directions[item * right.dimensions() + k] = scales[1][item] * right.row(item)[k];
      }
    AddDirections(scales[0]);
    ScaleDirections(*rows_[1], items, {});
    ScaleDirections(*rows_[0], features_.sides[0], features_.directions);
    for (const std::size_t s : {0u, 1u}) FactorGram(features_.sides[s]);
    return std::move(features_);
  }

 private:
  static constexpr double kRidge = 30;  // of the regression on features

  void AddActivity(const SparseMatrix& rows, SideFeatures& side) {
    double sum = 0, squares = 0, count = 0;
    const auto logarithm = [&](std::size_t row) { return std::log(static_cast<double>(rows.row_size(row))); };
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      if (rows.row_size(row) == 0) continue;
      sum += logarithm(row);
      squares += logarithm(row) * logarithm(row);
      ++count;
    }
    side.log_mean = sum / count;
    const double variance = squares / count - side.log_mean * side.log_mean;
    side.log_deviation = variance > 1e-9 ? std::sqrt(variance) : 1;
    for (std::size_t row = 0; row < rows.rows(); ++row)
      if (rows.row_size(row) > 0)
        side.values[row * side.columns] = static_cast<float>((logarithm(row) - side.log_mean) / side.log_deviation);
  }

  // A user's directions: the sum of those of the items over the root of their number.
  void AddDirections(const std::vector<float>& scale) {
    SideFeatures& users = features_.sides[0];
    const SparseMatrix& rows = *rows_[0];
    const std::vector<float>& directions_of = features_.directions;
    const std::size_t directions = users.columns - 1;
    ForEachBlock(parallelism_, rows.rows(), kRatingBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t user = begin; user < end; ++user) {
        float* out = users.values.data() + user * users.columns + 1;
        for (const std::uint32_t item : rows.row(user).columns)
          for (std::size_t k = 0; k < directions; ++k) out[k] += directions_of[item * directions + k];
        for (std::size_t k = 0; k < directions; ++k) out[k] *= scale[user];
      }
    });
  }

  // Scales the directions of a side, and with them those of `beside`.
  void ScaleDirections(const SparseMatrix& rows, SideFeatures& side, std::span<float> beside) {
    const std::size_t directions = side.columns - 1;
    std::vector<double> squares(directions, 0.0);
    double count = 0;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      count += rows.row_size(row) > 0 ? 1 : 0;
      for (std::size_t k = 0; k < directions; ++k) {
        const double value = side.values[row * side.columns + 1 + k];
        squares[k] += value * value;
      }
    }
    for (std::size_t k = 0; k < directions; ++k) {
      const double mean = squares[k] / count;
      const float by = mean > 1e-12 ? static_cast<float>(1 / std::sqrt(mean)) : 0.0f;
      for (std::size_t row = 0; row < rows.rows(); ++row) side.values[row * side.columns + 1 + k] *= by;
      for (std::size_t at = k; at < beside.size(); at += directions) beside[at] *= by;
    }
  }

  // The features' Gramian does not change: its factor serves every epoch.
  void FactorGram(SideFeatures& side) {
    const std::size_t n = side.columns, rows = side.values.size() / n;
    side.gram = ReduceBlocks(
        parallelism_, rows, RatingSumBlock(rows), std::vector<double>(PackedSize(n), 0.0),
        [&](std::size_t begin, std::size_t end) {
          std::vector<double> part(PackedSize(n), 0.0);
          for (std::size_t row = begin; row < end; ++row) {
            const float* feature = side.values.data() + row * n;
            for (std::size_t a = 0; a < n; ++a)
              for (std::size_t b = a; b < n; ++b)
                part[PackedRow(n, a) + b] += static_cast<double>(feature[a]) * feature[b];
          }
          return part;
        },
        AddToSums);
    for (std::size_t a = 0; a < n; ++a) side.gram[PackedRow(n, a) + a] += kRidge;
    PackedCholesky(n, side.gram);  // positive definite by the ridge
  }

  const InteractionMatrix& matrix_;
  const ExplicitAlsOptions& options_;
  CancelPoll& cancelled_;
  const Parallelism& parallelism_;
  std::array<const SparseMatrix*, 2> rows_;
  RatingFeatures features_;
};

// Errors  kCancelled.  Throws std::bad_alloc.
inline absl::StatusOr<RatingFeatures> FindRatingFeatures(const InteractionMatrix& matrix,
                                                         const ExplicitAlsOptions& options, CancelPoll& cancelled,
                                                         const Parallelism& parallelism) {
  return RatingFeaturesRun(matrix, options, cancelled, parallelism).Run();
}

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_EXPLICIT_ALS_FEATURES_HPP_
