// waypost/model/logistic_mf_training.hpp - TrainLogisticMf: the epochs. logistic_mf.hpp says what is minimised.
#ifndef WAYPOST_MODEL_LOGISTIC_MF_TRAINING_HPP_
#define WAYPOST_MODEL_LOGISTIC_MF_TRAINING_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "waypost/base/random.hpp"
#include "waypost/model/logistic_mf_model.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

struct LogisticMfTraining {
  LogisticMfModel model;
  int epochs = 0;  // the epoch that was kept: the last, or the best by the validation measure
};

namespace internal {

// Draws about `count` rows, with probabilities between their share of the entries and an equal one, by systematic
// sampling: a row stands for 1 / its expected number of draws, so that the weights of all add up to about all rows.
// Empty where `count` is 0 or does not leave any out.
inline LogisticBackground DrawBackground(const SparseMatrix& rows, std::size_t count, Random random) {
  if (count == 0 || count >= rows.rows()) return {};
  AlignedVector<std::uint32_t> drawn;
  AlignedVector<float> weights;
  const double equal = 0.5 / static_cast<double>(rows.rows());
  const double popular = 0.5 / static_cast<double>(rows.entries());
  double sum = random.Uniform();  // of the expected draws so far
  double draws = std::floor(sum);
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const double expected = static_cast<double>(count) * (equal + popular * static_cast<double>(rows.row_size(row)));
    sum += expected;
    const double here = std::floor(sum) - draws;
    if (here < 1) continue;
    draws += here;
    drawn.push_back(static_cast<std::uint32_t>(row));
    weights.push_back(static_cast<float>(here / expected));
  }
  return {SharedArray<std::uint32_t>(std::move(drawn)), SharedArray<float>(std::move(weights))};
}

// The epochs of one training: users and items in turn, each row by one Newton step from where it is. A row is solved by
// one thread while the other side stays.
class LogisticMfRun {
 public:
  // Lifetime  the arguments outlive the run.
  LogisticMfRun(const InteractionMatrix& matrix, const LogisticMfOptions& options, const TrainingControl& control,
                const Parallelism& parallelism)
      : matrix_(matrix),
        options_(options),
        control_(control),
        parallelism_(parallelism),
        cancelled_(control),
        stride_(PaddedDimensions(dimensions())),
        users_(matrix.users() * stride_, 0.0f),
        items_(matrix.items() * stride_, 0.0f) {}

  absl::StatusOr<LogisticMfTraining> Train() && {
    Begin();
    int kept = 0;
    double best = 0;
    AlignedVector<float> kept_items;
    for (int epoch = 1; epoch <= options_.epochs; ++epoch) {
      WAYPOST_RETURN_IF_ERROR(Epoch(epoch));
      TrainingProgress progress{.epoch = epoch, .epochs = options_.epochs};
      if (control_.validation) {
        WAYPOST_ASSIGN_OR_RETURN(const double measure, control_.validation(Model(Borrowed(0, users_), items_)));
        if (!std::isfinite(measure))
          return absl::InvalidArgumentError(
              absl::StrCat("TrainingControl.validation: want a finite measure, got ", measure));
        progress.validation = measure;
        if (kept == 0 || measure > best) {
          kept = epoch;
          best = measure;
          kept_items = items_;
        }
      }
      WAYPOST_RETURN_IF_ERROR(ReportProgress(control_, progress));
      if (options_.patience > 0 && epoch - kept >= options_.patience) break;
    }
    if (kept > 0) items_ = std::move(kept_items);
    WAYPOST_RETURN_IF_ERROR(FoldInUsers());
    FactorMatrix users(matrix_.users(), dimensions(), SharedArray<float>(std::move(users_)));
    FactorMatrix items(matrix_.items(), dimensions(), SharedArray<float>(std::move(items_)));
    return LogisticMfTraining{
        .model = LogisticMfModel(options_, FoldInBackground(), std::move(users), TopKIndex(std::move(items))),
        .epochs = kept > 0 ? kept : options_.epochs};
  }

 private:
  static constexpr std::size_t kBlock = 16;  // rows solved by a thread at a time
  static constexpr int kFirstSteps = 3;      // Newton steps of the users in the first epoch, which begins with none

  std::size_t dimensions() const { return static_cast<std::size_t>(options_.dimensions); }
  std::size_t count() const { return static_cast<std::size_t>(options_.background); }
  // A random stream of its own for each use: 0 the item vectors, then the background of users and of items.
  Random Stream(int epoch, int use) const {
    return Random(options_.seed, static_cast<std::uint64_t>(epoch) * 4 + static_cast<std::uint64_t>(use));
  }
  LogisticBackground FoldInBackground() const { return DrawBackground(matrix_.item_user(), count(), Stream(0, 1)); }

  FactorMatrix Borrowed(std::size_t rows, const AlignedVector<float>& table) const {
    return FactorMatrix(rows, dimensions(),
                        SharedArray<float>(std::span<const float>(table).first(rows * stride_), nullptr));
  }
  // A model that borrows the tables.
  LogisticMfModel Model(FactorMatrix users, const AlignedVector<float>& items) const {
    return LogisticMfModel(options_, FoldInBackground(), std::move(users), TopKIndex(Borrowed(matrix_.items(), items)));
  }

  // Items begin with random directions of length about 1 and the log-odds of being met as their biases.
  void Begin() {
    const double deviation = 1 / std::sqrt(static_cast<double>(dimensions() - 2));
    Random random = Stream(0, 0);
    const auto users = static_cast<double>(matrix_.users());
    for (std::size_t item = 0; item < matrix_.items(); ++item) {
      float* row = items_.data() + item * stride_;
      for (std::size_t k = 0; k + 2 < dimensions(); ++k) row[k] = static_cast<float>(deviation * random.Normal());
      const double met = options_.positive_weight * (0.5 + static_cast<double>(matrix_.item_user().row_size(item)));
      row[dimensions() - 2] = 1.0f;
      row[dimensions() - 1] = static_cast<float>(std::log(met / users));
    }
    for (std::size_t user = 0; user < matrix_.users(); ++user) users_[user * stride_ + dimensions() - 1] = 1.0f;
  }

  absl::Status Epoch(int epoch) {
    const int steps = epoch == 1 ? kFirstSteps : 1;
    WAYPOST_RETURN_IF_ERROR(
        SolveSide(matrix_.user_item(), matrix_.item_user(), items_, dimensions() - 1, steps, Stream(epoch, 1), users_));
    return SolveSide(matrix_.item_user(), matrix_.user_item(), users_, dimensions() - 2, 1, Stream(epoch, 2), items_);
  }

  // Moves every row of `table` towards its minimum while `other` stays.
  //   own, opposite  the interactions by rows of `table` and of `other`.
  absl::Status SolveSide(const SparseMatrix& own, const SparseMatrix& opposite, const AlignedVector<float>& other,
                         std::size_t fixed, int steps, Random random, AlignedVector<float>& table) {
    const LogisticBackground background = DrawBackground(opposite, count(), random);
    AlignedVector<float> gathered(background.rows.size() * stride_);
    for (std::size_t n = 0; n < background.rows.size(); ++n)
      std::copy_n(other.data() + background.rows[n] * stride_, stride_, gathered.data() + n * stride_);
    const bool all = background.rows.empty();
    const LogisticSide side{.rows = other.data(),
                            .background = all ? other.data() : gathered.data(),
                            .background_weights = all ? nullptr : background.weights.data(),
                            .background_count = all ? opposite.rows() : background.rows.size(),
                            .stride = stride_,
                            .fixed = fixed,
                            .positive_weight = options_.positive_weight,
                            .regularization = options_.regularization};
    ForEachBlock(parallelism_, own.rows(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      LogisticRow& row = solvers_.local();
      for (std::size_t n = begin; n < end && !cancelled_(); ++n)
        row.Minimise(side, own.row(n), steps, table.data() + n * stride_);
    });
    WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    return CheckFinite(table);
  }

  absl::Status CheckFinite(const AlignedVector<float>& table) const {
    if (AllFinite(table)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("TrainLogisticMf: want vectors that stay finite in float32, got "
                     "others with positive_weight ",
                     options_.positive_weight, " and regularization ", options_.regularization));
  }

  absl::Status FoldInUsers() {
    const LogisticMfModel model = Model(Borrowed(0, users_), items_);
    ForEachBlock(parallelism_, matrix_.users(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t user = begin; user < end && !cancelled_(); ++user)
        model.FoldInPadded(matrix_.user_item().row(user), users_.data() + user * stride_);
    });
    WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    return CheckFinite(users_);
  }

  const InteractionMatrix& matrix_;
  const LogisticMfOptions& options_;
  const TrainingControl& control_;
  const Parallelism& parallelism_;
  CancelPoll cancelled_;
  std::size_t stride_;
  AlignedVector<float> users_;
  AlignedVector<float> items_;
  oneapi::tbb::enumerable_thread_specific<LogisticRow> solvers_;
};

}  // namespace internal

// Trains logistic matrix factorization on `matrix`.
//
// Errors  kInvalidArgument: options (Validate), no entry, a strength that is not in (0, kMaxStrength], patience without
//         a validation measure, a control that only models with a state know, vectors that leave float32;
//         kCancelled; kResourceExhausted; errors of control.validation.
// Cost    an epoch: for each user and item a Newton step (logistic_mf_row.hpp); at last a fold-in of every user. Memory
//         (U + I) d float32.
inline absl::StatusOr<LogisticMfTraining> TrainLogisticMf(const InteractionMatrix& matrix,
                                                          const LogisticMfOptions& options,
                                                          const TrainingControl& control = {},
                                                          const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  if (options.patience > 0 && !control.validation)
    return absl::InvalidArgumentError(
        absl::StrCat("LogisticMfOptions.patience: want 0 without a validation measure, got ", options.patience));
  try {
    return internal::LogisticMfRun(matrix, options, control, parallelism).Train();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("TrainLogisticMf: out of memory");
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_LOGISTIC_MF_TRAINING_HPP_
