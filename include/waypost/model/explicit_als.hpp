// waypost/model/explicit_als.hpp - explicit ratings: biases and latent vectors by alternating least squares on
// posterior distributions, with variances and prior means learned from the data.
//
// Model        y(u, i) = mean + deviation x (p_u . q_i + b_u + b_i) + noise of the user's own variance. (p_u, b_u) is
//              normal around W^T f_u, (q_i, b_i) around V^T g_i, with one variance for each number, learned. The
//              features f and g say who rated what, not how: the logarithm of the number of ratings, and the projection
//              on the strongest singular directions of E^-1/2 R D^-1/2, R the ratings as ones, E and D the numbers of
//              entries of its rows and columns.
// Objective    the evidence lower bound of [1] over products of a normal distribution for each user and item. A pass
//              over users or items is exact given the others; noise, variances and W, V, whose numbers have one
//              variance for each number of a vector, follow each pass.
// Sources      [1] Y. J. Lim, Y. W. Teh, Variational Bayesian Approach to Movie Rating Prediction, KDD Cup 2007.
//              [2] T. Raiko, A. Ilin, J. Karhunen, Principal Component Analysis for Large Scale Problems with Lots of
//                  Missing Values, ECML 2007: covariances of the vectors, learned variances.
//              [3] Y. Koren, Factorization Meets the Neighborhood, KDD 2008: SVD++, a user as a sum of implicit vectors
//                  of the rated items over the root of their number. Here they are spanned by few directions.
// Deviations   [2] has one noise for all ratings: each user's own counts, drawn to that of all like
//              ExplicitAlsPrior::kNoiseRatings ratings. W and V are found by ridge regression on the posterior means
//              (explicit_als_features.hpp), not with the uncertainty of these.
// Complexity   an epoch: 2 d^2 multiply-adds a rating and some 2 d^3 a user; memory (users + items) x (d^2 / 2 + r) x
//              4 bytes, r the implicit dimensions.
// Determinism  rows are solved one by one, sums over them combined in block order: the same bits for any number of
//              threads.
// Checked by   tests/unit/model_explicit_als_test.cpp: planted ratings, noise and variances; the contract suite;
//              tests/data/explicit_als_test.cpp beside published figures, docs/results.md.
#ifndef WAYPOST_MODEL_EXPLICIT_ALS_HPP_
#define WAYPOST_MODEL_EXPLICIT_ALS_HPP_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "waypost/base/array_builder.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/random.hpp"
#include "waypost/model/explicit_als_features.hpp"
#include "waypost/model/explicit_als_model.hpp"
#include "waypost/model/explicit_als_options.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

namespace internal {

// One training. Sides: 0 users, 1 items.
class ExplicitAlsRun {
 public:
  ExplicitAlsRun(const InteractionMatrix& matrix, const ExplicitAlsOptions& options, const TrainingControl& control,
                 const Parallelism& parallelism)
      : matrix_(matrix),
        options_(options),
        control_(control),
        parallelism_(parallelism),
        cancelled_(control),
        size_(static_cast<std::size_t>(options.dimensions) + 1),
        sides_{Side{matrix.user_item()}, Side{matrix.item_user()}} {}

  absl::StatusOr<ExplicitAlsModel> Run() {
    Standardise();
    WAYPOST_ASSIGN_OR_RETURN(RatingFeatures features, FindRatingFeatures(matrix_, options_, cancelled_, parallelism_));
    for (const std::size_t s : {0u, 1u}) sides_[s].features = std::move(features.sides[s]);
    direction_ = std::move(features.directions);
    Begin();
    for (int epoch = 1; epoch <= options_.epochs; ++epoch) {
      for (const std::size_t s : {0u, 1u}) {
        Spread(s);
        if (s == 0) {
          SolveUsers();
        } else {
          SolveItems();
        }
        WAYPOST_RETURN_IF_ERROR(cancelled_.status());
        // The first means are far from what they will be.
        if (epoch > 1) LearnPrior(s);
      }
      WAYPOST_RETURN_IF_ERROR(ReportProgress(control_, {.epoch = epoch, .epochs = options_.epochs}));
    }
    Spread(0);
    return Finish();
  }

 private:
  // Where learning begins, in standardised ratings.
  static constexpr double kFirstNoise = 0.7;
  static constexpr double kFirstVariance = 0.1;
  static constexpr double kFirstBiasVariance = 0.3;
  static constexpr double kFirstSpread = 0.1;
  static constexpr double kFirstRidge = 30;       // of the weights
  static constexpr double kLeastVariance = 1e-6;  // ratings that are all alike leave no variance at all

  struct Side {
    const SparseMatrix& rows;
    SideFeatures features{};
    std::vector<float> prior_mean{};    // rows x size; of items alone: those of users come with each fold-in
    AlignedVector<float> mean{};        // rows x size
    AlignedVector<float> covariance{};  // rows x PackedSize(size)
    std::vector<double> variances{};    // size
    std::vector<double> weights{};      // features x size: W or V
  };

  void Standardise() {
    const SparseMatrix& rows = matrix_.user_item();
    const auto mean_of = [&](const auto& number) {
      const double sum = ReduceBlocks(
          parallelism_, rows.rows(), kRatingBlock, 0.0,
          [&](std::size_t begin, std::size_t end) {
            double part = 0;
            for (std::size_t user = begin; user < end; ++user) {
              const SparseRowView row = rows.row(user);
              for (std::size_t n = 0; n < row.size(); ++n) part += number(static_cast<double>(row.value(n)));
            }
            return part;
          },
          [](double& all, double part) { all += part; });
      return sum / static_cast<double>(rows.entries());
    };
    prior_.mean = mean_of([](double rating) { return rating; });
    const double variance = mean_of([&](double rating) { return (rating - prior_.mean) * (rating - prior_.mean); });
    // Ratings that are all alike differ by rounding.
    prior_.deviation = variance > 1e-12 * prior_.mean * prior_.mean ? std::sqrt(variance) : 1;
    prior_.noise = kFirstNoise;
  }

  void Begin() {
    for (Side& side : sides_) {
      side.variances.assign(size_, kFirstVariance);
      side.variances.back() = kFirstBiasVariance;
      side.weights.assign(side.features.columns * size_, 0.0);
      side.mean.assign(side.rows.rows() * size_, 0.0f);
      side.covariance.assign(side.rows.rows() * PackedSize(size_), 0.0f);
    }
    noises_.assign(matrix_.users(), kFirstNoise);
    Side& items = sides_[1];
    items.prior_mean.assign(matrix_.items() * size_, 0.0f);
    for (std::size_t item = 0; item < matrix_.items(); ++item) {
      Random random(options_.seed, item);
      for (std::size_t a = 0; a + 1 < size_; ++a)
        items.mean[item * size_ + a] = static_cast<float>(kFirstSpread * random.Normal());
    }
  }

  // The prior means of a side, or, of users, the implicit vectors of the items that they are made of.
  void Spread(std::size_t s) {
    Side& side = sides_[s];
    const std::size_t directions = side.features.columns - 1;
    if (s == 0) {
      implicit_.assign(matrix_.items() * size_, 0.0f);
      Multiply(matrix_.items(), direction_.data(), directions, directions, side.weights.data() + size_, implicit_);
    } else {
      Multiply(side.rows.rows(), side.features.values.data(), side.features.columns, side.features.columns,
               side.weights.data(), side.prior_mean);
    }
  }

  // out = table x weights, float64[columns x size].
  template <typename Table>
  void Multiply(std::size_t rows, const float* table, std::size_t stride, std::size_t columns, const double* weights,
                Table& out) {
    ForEachBlock(parallelism_, rows, kRatingBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      std::vector<double> sums(size_);
      for (std::size_t row = begin; row < end; ++row) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::size_t k = 0; k < columns; ++k)
          for (std::size_t a = 0; a < size_; ++a)
            sums[a] += static_cast<double>(table[row * stride + k]) * weights[k * size_ + a];
        for (std::size_t a = 0; a < size_; ++a) out[row * size_ + a] = static_cast<float>(sums[a]);
      }
    });
  }

  ExplicitAlsPrior UserPrior() const {
    ExplicitAlsPrior prior = prior_;
    prior.log_mean = sides_[0].features.log_mean;
    prior.log_deviation = sides_[0].features.log_deviation;
    prior.variances = sides_[0].variances;
    prior.activity_weights.assign(sides_[0].weights.begin(),
                                  sides_[0].weights.begin() + static_cast<std::ptrdiff_t>(size_));
    return prior;
  }

  struct Workspace {
    ExplicitAlsRow row;
    std::vector<double> prior_mean, precision;
  };

  void Keep(Side& side, std::size_t row, const Workspace& work) {
    std::copy(work.row.mean().begin(), work.row.mean().end(),
              side.mean.begin() + static_cast<std::ptrdiff_t>(row * size_));
    const auto covariance = work.row.covariance();
    float* out = side.covariance.data() + row * covariance.size();
    for (std::size_t n = 0; n < covariance.size(); ++n) out[n] = static_cast<float>(covariance[n]);
  }

  void SolveUsers() {
    const ExplicitAlsPrior prior = UserPrior();
    const ExplicitAlsItems items{.means = sides_[1].mean.data(),
                                 .mean_stride = size_,
                                 .covariances = sides_[1].covariance.data(),
                                 .covariance_stride = PackedSize(size_),
                                 .implicit = implicit_.data(),
                                 .implicit_stride = size_};
    ForEachBlock(parallelism_, matrix_.users(), kRatingBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      Workspace& work = workspaces_.local();
      for (std::size_t user = begin; user < end && !cancelled_(); ++user) {
        noises_[user] =
            FoldInRatings(prior, items, sides_[0].rows.row(user), work.row, work.prior_mean, work.precision);
        Keep(sides_[0], user, work);
      }
    });
  }

  void SolveItems() {
    Side& items = sides_[1];
    const Side& users = sides_[0];
    ForEachBlock(parallelism_, matrix_.items(), kRatingBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      Workspace& work = workspaces_.local();
      work.prior_mean.resize(size_);
      work.precision.resize(size_);
      for (std::size_t item = begin; item < end && !cancelled_(); ++item) {
        for (std::size_t a = 0; a < size_; ++a) {
          work.prior_mean[a] = items.prior_mean[item * size_ + a];
          work.precision[a] = 1 / items.variances[a];
        }
        work.row.Begin(size_);
        const SparseRowView row = items.rows.row(item);
        for (std::size_t n = 0; n < row.size(); ++n) {
          const std::size_t user = row.columns[n];
          work.row.Add(users.mean.data() + user * size_, users.covariance.data() + user * PackedSize(size_),
                       (row.value(n) - prior_.mean) / prior_.deviation, 1 / noises_[user]);
        }
        work.row.Solve(work.prior_mean, work.precision, 1);
        Keep(items, item, work);
      }
    });
  }

  // The noise of all users after theirs, and a side's weights and variances after its means.
  void LearnPrior(std::size_t s) {
    Side& side = sides_[s];
    const std::size_t n = side.features.columns;
    if (s == 0) {
      double sum = 0;
      for (std::size_t user = 0; user < matrix_.users(); ++user)
        sum += noises_[user] * static_cast<double>(side.rows.row_size(user));
      prior_.noise = std::max(sum / static_cast<double>(matrix_.entries()), kLeastVariance);
    }
    // Features times means, by columns of the weights.
    std::vector<double> products = ReduceBlocks(
        parallelism_, side.rows.rows(), RatingSumBlock(side.rows.rows()), std::vector<double>(size_ * n, 0.0),
        [&](std::size_t begin, std::size_t end) {
          std::vector<double> part(size_ * n, 0.0);
          for (std::size_t row = begin; row < end; ++row) {
            if (side.rows.row_size(row) == 0) continue;
            const float* feature = side.features.values.data() + row * n;
            for (std::size_t a = 0; a < size_; ++a)
              for (std::size_t k = 0; k < n; ++k)
                part[a * n + k] += static_cast<double>(side.mean[row * size_ + a]) * feature[k];
          }
          return part;
        },
        AddToSums);
    for (std::size_t a = 0; a < size_; ++a) {
      const std::span<double> column = std::span(products).subspan(a * n, n);
      PackedCholeskySolve(n, side.features.gram, column);
      for (std::size_t k = 0; k < n; ++k) side.weights[k * size_ + a] = column[k];
    }
    LearnVariances(side);
  }

  void LearnVariances(Side& side) {
    const std::size_t n = side.features.columns;
    std::vector<double> sums = ReduceBlocks(
        parallelism_, side.rows.rows(), RatingSumBlock(side.rows.rows()), std::vector<double>(size_ + 1, 0.0),
        [&](std::size_t begin, std::size_t end) {
          std::vector<double> part(size_ + 1, 0.0), expected(size_);
          for (std::size_t row = begin; row < end; ++row) {
            if (side.rows.row_size(row) == 0) continue;
            std::fill(expected.begin(), expected.end(), 0.0);
            for (std::size_t k = 0; k < n; ++k)
              for (std::size_t a = 0; a < size_; ++a)
                expected[a] += static_cast<double>(side.features.values[row * n + k]) * side.weights[k * size_ + a];
            const float* covariance = side.covariance.data() + row * PackedSize(size_);
            for (std::size_t a = 0; a < size_; ++a) {
              const double off = side.mean[row * size_ + a] - expected[a];
              part[a] += off * off + covariance[PackedRow(size_, a) + a];
            }
            ++part[size_];
          }
          return part;
        },
        AddToSums);
    for (std::size_t a = 0; a < size_; ++a) side.variances[a] = std::max(sums[a] / sums[size_], kLeastVariance);
  }

  template <typename Write>
  FactorMatrix Table(std::size_t rows, std::size_t dimensions, const Write& write) const {
    const std::size_t stride = PaddedDimensions(dimensions);
    ArrayBuilder<float> builder(rows * stride);
    ForEachBlock(parallelism_, rows, kRatingBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t row = begin; row < end; ++row) {
        std::fill_n(builder.data() + row * stride, stride, 0.0f);
        write(row, builder.data() + row * stride);
      }
    });
    return FactorMatrix(rows, dimensions, std::move(builder).Build(rows * stride));
  }

  absl::StatusOr<ExplicitAlsModel> Finish() {
    Side& items = sides_[1];
    const std::size_t packed = PackedSize(size_);
    FactorMatrix factors = Table(matrix_.items(), size_ + 1, [&](std::size_t item, float* row) {
      std::copy_n(items.mean.data() + item * size_, size_, row);
      row[size_] = 1;
    });
    FactorMatrix covariances = Table(matrix_.items(), packed, [&](std::size_t item, float* row) {
      std::copy_n(items.covariance.data() + item * packed, packed, row);
    });
    FactorMatrix implicit = Table(matrix_.items(), size_, [&](std::size_t item, float* row) {
      std::copy_n(implicit_.data() + item * size_, size_, row);
    });
    if (!AllFinite(factors.values()) || !AllFinite(covariances.values()) || !AllFinite(implicit.values()))
      return absl::InvalidArgumentError("TrainExplicitAls: want ratings that float32 can tell apart, got others");
    const ExplicitAlsPrior prior = UserPrior();
    const TopKIndex index(std::move(factors));
    const ExplicitAlsModel strangers(options_, prior, FactorMatrix(0, size_ + 1, {}), index, covariances, implicit);
    AlignedVector<float> vectors(matrix_.users() * (size_ + 1));
    std::vector<SparseRowView> histories;
    for (std::size_t user = 0; user < matrix_.users(); ++user) histories.push_back(matrix_.user_item().row(user));
    WAYPOST_RETURN_IF_ERROR(strangers.FoldIn(histories, vectors, parallelism_));
    FactorMatrix users = Table(matrix_.users(), size_ + 1, [&](std::size_t user, float* row) {
      std::copy_n(vectors.data() + user * (size_ + 1), size_ + 1, row);
    });
    return ExplicitAlsModel(options_, prior, std::move(users), index, std::move(covariances), std::move(implicit));
  }

  const InteractionMatrix& matrix_;
  const ExplicitAlsOptions& options_;
  const TrainingControl& control_;
  const Parallelism& parallelism_;
  CancelPoll cancelled_;
  std::size_t size_;
  std::array<Side, 2> sides_;
  ExplicitAlsPrior prior_;
  std::vector<float> direction_;  // items x directions: what an item adds to its users'
  std::vector<float> implicit_;   // items x size
  std::vector<double> noises_;    // of each user
  oneapi::tbb::enumerable_thread_specific<Workspace> workspaces_;
};

}  // namespace internal

// Trains on every positive interaction; strengths are the ratings.
//
// Errors  kInvalidArgument: options out of range, an empty matrix, a strength out of range (names user and item), a
//         state or first vectors in `control`.  kCancelled.  kResourceExhausted: memory ended.
inline absl::StatusOr<ExplicitAlsModel> TrainExplicitAls(const InteractionMatrix& matrix,
                                                         const ExplicitAlsOptions& options,
                                                         const TrainingControl& control = {},
                                                         const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    return internal::ExplicitAlsRun(matrix, options, control, parallelism).Run();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("TrainExplicitAls: memory ended with ", matrix.users(), " users and ", matrix.items(), " items"));
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_EXPLICIT_ALS_HPP_
