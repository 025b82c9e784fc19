// waypost/model/pairwise_training.hpp - TrainPairwise: the epochs of BPR and WARP. pairwise.hpp says what is minimised.
#ifndef WAYPOST_MODEL_PAIRWISE_TRAINING_HPP_
#define WAYPOST_MODEL_PAIRWISE_TRAINING_HPP_

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/random.hpp"
#include "waypost/model/pairwise_model.hpp"
#include "waypost/model/spectral_start.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

struct PairwiseTraining {
  PairwiseModel model;
  int epochs = 0;  // the epoch that was kept: the last, or the best by the validation measure
};

namespace internal {

// Into how many strata users and items are cut: few enough that a stratum of items has negatives to choose from, enough
// that it fits a cache. A function of shapes alone.
inline std::size_t PairwiseStrata(std::size_t users, std::size_t items, std::size_t stride) {
  constexpr std::size_t kStratumBytes = 1u << 19;
  constexpr std::size_t kLeastItems = 64;
  constexpr std::size_t kLeastUsers = 16;
  constexpr std::size_t kLeast = 16;
  constexpr std::size_t kMost = 64;
  const std::size_t cached = std::clamp(items * stride * sizeof(float) / kStratumBytes, kLeast, kMost);
  return std::max<std::size_t>(1, std::min({cached, items / kLeastItems, users / kLeastUsers}));
}

inline float MeanStrength(const InteractionMatrix& matrix) {
  if (!matrix.user_item().weighted()) return 1;
  double sum = 0;
  for (float strength : matrix.user_item().values()) sum += static_cast<double>(strength);
  return static_cast<float>(sum / static_cast<double>(matrix.entries()));
}

// The epochs of one training.
//
// An epoch visits every interaction once. Users and items are cut into as many strata; those of the items are drawn
// anew for each epoch. Stratum s of the users meets stratum (s + r) mod S of the items in round r: within a round no
// two pairs of strata share a vector, so they may run at once, and what they do depends on the seed alone.
class PairwiseRun {
 public:
  // Lifetime  the arguments outlive the run.
  PairwiseRun(const InteractionMatrix& matrix, const PairwiseOptions& options, const TrainingControl& control,
              const Parallelism& parallelism)
      : matrix_(matrix),
        options_(options),
        control_(control),
        parallelism_(parallelism),
        cancelled_(control),
        mean_strength_(MeanStrength(matrix)),
        rank_weights_(PairwiseRankWeights(options, matrix.items())),
        step_(MakePairwiseStep(options, rank_weights_)),
        strata_(PairwiseStrata(matrix.users(), matrix.items(), step_.stride)) {}

  absl::StatusOr<PairwiseTraining> Train() && {
    WAYPOST_RETURN_IF_ERROR(Begin());
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
    return PairwiseTraining{
        .model = PairwiseModel(options_, mean_strength_, std::move(users), TopKIndex(std::move(items))),
        .epochs = kept > 0 ? kept : options_.epochs};
  }

 private:
  static constexpr std::size_t kBlock = 64;  // users folded in together

  enum class Purpose : std::uint64_t { kNoise, kUsers, kItems, kOrder, kNegatives };

  // A random stream of its own for each use.
  std::uint64_t Stream(Purpose purpose, std::uint64_t epoch, std::uint64_t unit) const {
    return (epoch * 8 + static_cast<std::uint64_t>(purpose)) << 33 | unit;  // units are rows or cells: below 2^33
  }

  std::size_t dimensions() const { return static_cast<std::size_t>(options_.dimensions); }

  FactorMatrix Borrowed(std::size_t rows, const AlignedVector<float>& table) const {
    return FactorMatrix(rows, dimensions(),
                        SharedArray<float>(std::span<const float>(table).first(rows * step_.stride), nullptr));
  }
  // A model that borrows the tables.
  PairwiseModel Model(FactorMatrix users, const AlignedVector<float>& items) const {
    return PairwiseModel(options_, mean_strength_, std::move(users), TopKIndex(Borrowed(matrix_.items(), items)));
  }

  absl::Status Begin() {
    users_.assign(matrix_.users() * step_.stride, 0.0f);
    items_.assign(matrix_.items() * step_.stride, 0.0f);
    if (step_.bias > 0) WAYPOST_RETURN_IF_ERROR(BeginSpectrally());
    for (std::size_t user = 0; user < matrix_.users(); ++user) users_[user * step_.stride + step_.bias] = 1.0f;
    user_order_.resize(matrix_.users());
    std::iota(user_order_.begin(), user_order_.end(), 0u);
    Random(options_.seed, Stream(Purpose::kUsers, 0, 0)).Shuffle(std::span(user_order_));
    item_order_.resize(matrix_.items());
    std::iota(item_order_.begin(), item_order_.end(), 0u);
    item_stratum_.resize(matrix_.items());
    samples_.resize(matrix_.entries());
    stratum_starts_.assign(strata_ + 1, 0);
    for (std::size_t s = 0; s < strata_; ++s) {
      stratum_starts_[s + 1] = stratum_starts_[s];
      for (std::uint32_t user : Stratum(user_order_, s)) stratum_starts_[s + 1] += matrix_.user_item().row_size(user);
    }
    cell_starts_.resize(strata_ * (strata_ + 1));
    return cancelled_.status();
  }

  // Items begin with the vectors of spectral_start.hpp, the weakest direction left to the bias, users with the sum of
  // these over their items, each over its number of users, and over the square root of the user's number of items; both
  // of mean squared length 1, the items' columns weighed by what they explain. A little noise is added, for a direction
  // in which all are 0 would stay so.
  absl::Status BeginSpectrally() {
    const auto cancelled = [this] { return cancelled_(); };
    FactorAlgebra algebra(dimensions(), parallelism_, cancelled);
    AlignedVector<double> squares;
    if (!SpectralStart(matrix_, options_.seed, parallelism_, algebra, cancelled, users_, items_, squares))
      return absl::InternalError("TrainPairwise: want the eigenvectors of a Gramian, got none");
    WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    for (std::size_t item = 0; item < matrix_.items(); ++item) items_[item * step_.stride + step_.bias] = 0;
    const auto users_of = [&](std::size_t item) { return static_cast<double>(matrix_.item_user().row_size(item)); };
    const auto share = [&](std::size_t item) { return users_of(item) > 0 ? 1 / users_of(item) : 0.0; };
    algebra.ScaleRows(share, items_);
    SumNeighbours(
        matrix_.user_item(), EntryWeights::kOnes, items_, step_.stride,
        [&](std::size_t user) {
          return 1 / std::sqrt(std::max(1.0, static_cast<double>(matrix_.user_item().row_size(user))));
        },
        users_, parallelism_, cancelled);
    algebra.ScaleRows(users_of, items_);
    ScaleByStrength();
    ScaleToUnit(users_);
    ScaleToUnit(items_);
    return cancelled_.status();
  }

  // Multiplies each column of the items by the length that the users' column has for it: directions that few
  // interactions share weigh little, those that are only noise, where there are more dimensions than structure,
  // nothing.
  void ScaleByStrength() {
    std::vector<double> squares(step_.stride, 0.0);
    for (std::size_t at = 0; at < users_.size(); ++at)
      squares[at % step_.stride] += static_cast<double>(users_[at]) * users_[at];
    const double largest = *std::max_element(squares.begin(), squares.end());
    if (!(largest > 0)) return;
    for (std::size_t at = 0; at < items_.size(); ++at)
      items_[at] *= static_cast<float>(std::sqrt(squares[at % step_.stride] / largest));
  }

  void ScaleToUnit(AlignedVector<float>& table) {
    constexpr double kNoise = 0.01;
    double squares = 0;
    for (float value : table) squares += static_cast<double>(value) * value;
    const std::size_t rows = table.size() / step_.stride;
    const double scale = squares > 0 ? std::sqrt(static_cast<double>(rows) / squares) : 0.0;
    const double range = kNoise / std::sqrt(static_cast<double>(dimensions()));
    const std::uint64_t table_bit = &table == &users_ ? std::uint64_t{1} << 32 : 0;
    for (std::size_t row = 0; row < rows; ++row) {
      Random random(options_.seed, Stream(Purpose::kNoise, 0, table_bit | row));
      for (std::size_t k = 0; k < step_.bias; ++k) {
        float& value = table[row * step_.stride + k];
        value = static_cast<float>(value * scale + range * (random.Uniform() - 0.5));
      }
    }
  }

  std::size_t Bound(std::size_t stratum, std::size_t count) const { return stratum * count / strata_; }
  std::span<const std::uint32_t> Stratum(const std::vector<std::uint32_t>& order, std::size_t stratum) const {
    const std::size_t begin = Bound(stratum, order.size());
    return std::span(order).subspan(begin, Bound(stratum + 1, order.size()) - begin);
  }

  absl::Status Epoch(int epoch) {
    const auto e = static_cast<std::uint64_t>(epoch);
    Random(options_.seed, Stream(Purpose::kItems, e, 0)).Shuffle(std::span(item_order_));
    for (std::size_t q = 0; q < strata_; ++q)
      for (std::uint32_t item : Stratum(item_order_, q)) item_stratum_[item] = static_cast<std::uint16_t>(q);
    ForEachBlock(parallelism_, strata_, 1, [&](std::size_t s, std::size_t, std::size_t) {
      if (!cancelled_()) SortSamples(e, s);
    });
    PairwiseStep step = step_;
    step.learning_rate *= PairwiseDecay(e - 1, static_cast<std::size_t>(options_.epochs));
    const PairwiseTables tables{.users = users_.data(),
                                .items = items_.data(),
                                .offsets = matrix_.user_item().offsets().data(),
                                .columns = matrix_.user_item().column_indices().data()};
    for (std::size_t round = 0; round < strata_; ++round) {
      ForEachBlock(parallelism_, strata_, 1, [&](std::size_t s, std::size_t, std::size_t) {
        if (cancelled_()) return;
        const std::size_t q = (s + round) % strata_;
        const std::span<const PairwiseSample> cell = Cell(s, q);
        const std::span<const std::uint32_t> candidates = Stratum(item_order_, q);
        Random random(options_.seed, Stream(Purpose::kNegatives, e, s * strata_ + q));
        GetPairwiseKernels().train(tables, step, cell.data(), cell.size(), candidates.data(), candidates.size(),
                                   random.Bits());
      });
      WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    }
    return CheckFinite();
  }

  std::span<PairwiseSample> Cell(std::size_t s, std::size_t q) {
    const std::size_t* starts = cell_starts_.data() + s * (strata_ + 1);
    return std::span(samples_).subspan(starts[q], starts[q + 1] - starts[q]);
  }

  // Puts the interactions of a stratum of users in the order of this epoch: by strata of items, shuffled in each.
  void SortSamples(std::uint64_t epoch, std::size_t s) {
    const SparseMatrix& rows = matrix_.user_item();
    std::size_t* starts = cell_starts_.data() + s * (strata_ + 1);
    std::fill_n(starts, strata_ + 1, 0);
    for (std::uint32_t user : Stratum(user_order_, s))
      for (std::uint32_t item : rows.row(user).columns) ++starts[item_stratum_[item] + 1];
    starts[0] = stratum_starts_[s];
    std::partial_sum(starts, starts + strata_ + 1, starts);
    std::vector<std::size_t> next(starts, starts + strata_);
    for (std::uint32_t user : Stratum(user_order_, s)) {
      const SparseRowView row = rows.row(user);
      for (std::size_t n = 0; n < row.size(); ++n)
        samples_[next[item_stratum_[row.columns[n]]]++] = {user, row.columns[n],
                                                           PairwiseWeight(row.value(n), mean_strength_)};
    }
    for (std::size_t q = 0; q < strata_; ++q)
      Random(options_.seed, Stream(Purpose::kOrder, epoch, s * strata_ + q)).Shuffle(Cell(s, q));
  }

  absl::Status CheckFinite() const {
    if (AllFinite(users_) && AllFinite(items_)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("TrainPairwise: want steps under which vectors stay finite in "
                     "float32, got others with learning_rate ",
                     options_.learning_rate, " and regularization ", options_.regularization));
  }

  absl::Status FoldInUsers() {
    const PairwiseModel model = Model(Borrowed(0, users_), items_);
    ForEachBlock(parallelism_, matrix_.users(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t user = begin; user < end && !cancelled_(); ++user)
        model.FoldInPadded(matrix_.user_item().row(user), users_.data() + user * step_.stride);
    });
    WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    return CheckFinite();
  }

  const InteractionMatrix& matrix_;
  const PairwiseOptions& options_;
  const TrainingControl& control_;
  const Parallelism& parallelism_;
  CancelPoll cancelled_;
  float mean_strength_;
  std::vector<float> rank_weights_;
  PairwiseStep step_;
  std::size_t strata_;
  AlignedVector<float> users_;
  AlignedVector<float> items_;
  std::vector<std::uint32_t> user_order_;  // cut into strata
  std::vector<std::uint32_t> item_order_;
  std::vector<std::uint16_t> item_stratum_;
  std::vector<PairwiseSample> samples_;      // by stratum of users, then of items
  std::vector<std::size_t> stratum_starts_;  // in samples_
  std::vector<std::size_t> cell_starts_;     // strata + 1 for each stratum of users
};

}  // namespace internal

// Trains BPR or WARP on `matrix`.
//
// Errors  kInvalidArgument: options (Validate), no entry, a strength that is not in (0, kMaxStrength], patience without
//         a validation measure, a control that only models with a state know, steps so large that vectors leave
//         float32; kCancelled; kResourceExhausted; errors of control.validation.
// Cost    the start: spectral_start.hpp. An epoch: for each interaction 4 d multiply-adds
//         (WARP: up to max_trials + 4) and, for the order, some 30 bytes of traffic. At last a fold-in of every user.
//         Memory (U + I) d float32, 12 bytes an interaction.
inline absl::StatusOr<PairwiseTraining> TrainPairwise(const InteractionMatrix& matrix, const PairwiseOptions& options,
                                                      const TrainingControl& control = {},
                                                      const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  if (options.patience > 0 && !control.validation)
    return absl::InvalidArgumentError(
        absl::StrCat("PairwiseOptions.patience: want 0 without a validation measure, got ", options.patience));
  try {
    return internal::PairwiseRun(matrix, options, control, parallelism).Train();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("TrainPairwise: out of memory");
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_PAIRWISE_TRAINING_HPP_
