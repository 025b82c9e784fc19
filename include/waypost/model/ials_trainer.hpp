// waypost/model/ials_trainer.hpp - one training of iALS: the factor tables and the half-epochs that change them.
#ifndef WAYPOST_MODEL_IALS_TRAINER_HPP_
#define WAYPOST_MODEL_IALS_TRAINER_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/random.hpp"
#include "waypost/model/ials_kernels.hpp"
#include "waypost/model/ials_model.hpp"
#include "waypost/model/ials_options.hpp"
#include "waypost/model/ials_row_plan.hpp"
#include "waypost/model/training.hpp"

namespace waypost {

// The solver that kAuto stands for: a function of the row lengths of both orientations and `dimensions` alone.
inline IalsSolver ChooseIalsSolver(const InteractionMatrix& matrix, const IalsOptions& options) {
  if (options.solver != IalsSolver::kAuto) return options.solver;
  // Exact rows run near the processor's peak; conjugate-gradient steps wait for memory: one of their operations is
  // taken to cost the time of eight of the others. An assumption, not a measurement, so that the choice is the same
  // everywhere.
  constexpr double kSlowdown = 8;
  // An exact epoch may cost this many others: it also saves epochs.
  constexpr double kWorth = 2;
  const double d = options.dimensions;
  const double steps = 1 + options.cg_steps.value_or(kDefaultCgSteps);
  double exact = 0;
  double cg = 0;
  for (const SparseMatrix* rows : {&matrix.user_item(), &matrix.item_user()}) {
    for (std::size_t row = 0; row < rows->rows(); ++row) {
      const double n = static_cast<double>(rows->row_size(row));
      exact += n < d ? n * n * (d + n / 3) : d * d * (n + d / 3);
      cg += steps * 4 * n * d;
    }
  }
  return exact <= kWorth * kSlowdown * cg ? IalsSolver::kExact : IalsSolver::kCg;
}

namespace internal {

// One training: both factor tables and the half-epochs that change them.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class IalsTrainer {
 public:
  // Requires  options.unobserved_weight is set.
  // Lifetime  the arguments outlive the trainer.
  IalsTrainer(const InteractionMatrix& matrix, const IalsOptions& options, IalsSolver solver,
              const Parallelism& parallelism, CancelPoll& cancelled)
      : matrix_(matrix),
        options_(options),
        solver_(solver),
        parallelism_(parallelism),
        cancelled_(cancelled),
        dimensions_(static_cast<std::size_t>(options.dimensions)),
        stride_(PaddedDimensions(dimensions_)),
        user_plan_(PlanIalsRows(matrix.user_item(), stride_)),
        item_plan_(PlanIalsRows(matrix.item_user(), stride_)),
        users_(matrix.users() * stride_, 0.0f),
        items_(matrix.items() * stride_, 0.0f) {}

  // Begins with random item vectors whose length has the standard deviation `sd`.
  void BeginRandomly(double sd) {
    // Uniform elements: their variance is a twelfth of the squared range.
    const double range = sd * std::sqrt(12.0 / static_cast<double>(dimensions_));
    ForEachBlock(parallelism_, matrix_.items(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t item = begin; item < end; ++item) {
        Random random(options_.seed, item);
        for (std::size_t k = 0; k < dimensions_; ++k)
          items_[item * stride_ + k] = static_cast<float>(range * (random.Uniform() - 0.5));
      }
    });
  }

  // Begins with the item vectors of deviation (d) in ials.hpp, in the eigenbasis of their Gramian.
  absl::Status BeginSpectrally() {
    constexpr int kPasses = 2;
    BeginRandomly(1);
    ScaleItems([](double users) { return users == 0 ? 0 : 1 / std::sqrt(users); });
    for (int pass = 0; pass < kPasses; ++pass) {
      Average(matrix_.user_item(), items_, users_);
      Average(matrix_.item_user(), users_, items_);
      WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    }
    ScaleItems([](double users) { return users; });
    WAYPOST_RETURN_IF_ERROR(OrthonormalizeItems());
    const double square = FirstSquare();
    ScaleItems([length = std::sqrt(square)](double) { return length; });
    for (double& value : eigenvalues_) value *= square;
    return cancelled_.status();
  }

  // Minimises over all users with the items fixed, in the eigenbasis of the item Gramian.
  absl::Status SolveUsers() {
    WAYPOST_RETURN_IF_ERROR(ToEigenbasis(items_, users_));
    return Solve(matrix_.user_item(), user_plan_, items_, matrix_.items(), solver_, users_, nullptr);
  }

  // The same in the basis at hand, exactly.
  absl::Status SolveUsersExactly() {
    return Solve(matrix_.user_item(), user_plan_, items_, matrix_.items(), IalsSolver::kExact, users_, nullptr);
  }

  // Minimises over all items with the users fixed; returns the objective.
  absl::StatusOr<double> SolveItems() {
    const double penalty = UserPenalty();
    WAYPOST_RETURN_IF_ERROR(ToEigenbasis(users_, items_));
    double loss = 0;
    WAYPOST_RETURN_IF_ERROR(Solve(matrix_.item_user(), item_plan_, users_, matrix_.users(), solver_, items_, &loss));
    return loss + penalty;
  }

  // Begins with the rows of `first` that are not 0 in place of the usual vectors.
  // Requires  first has a row an item and the dimensions of the training.
  void BeginWith(const FactorMatrix& first) {
    ForEachBlock(parallelism_, matrix_.items(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t item = begin; item < end; ++item) {
        const std::span<const float> row(first.row(item), stride_);
        if (std::any_of(row.begin(), row.end(), [](float value) { return value != 0; }))
          std::copy(row.begin(), row.end(), items_.begin() + static_cast<std::ptrdiff_t>(item * stride_));
      }
    });
  }

  // The items and their Gramian's eigenvalues: with them a model is complete up to a pass over users.
  struct Items {
    AlignedVector<float> factors;
    AlignedVector<double> eigenvalues;
  };
  Items CopyItems() const { return {items_, eigenvalues_}; }
  void Restore(Items items) {
    items_ = std::move(items.factors);
    eigenvalues_ = std::move(items.eigenvalues);
  }
  // The users as a half-epoch left them.
  void RestoreUsers(std::span<const float> users) { std::copy(users.begin(), users.end(), users_.begin()); }

  // The tables, borrowed: valid until the next half-epoch.
  FactorMatrix users() const { return Borrowed(matrix_.users(), users_); }
  FactorMatrix items() const { return Borrowed(matrix_.items(), items_); }
  std::span<const double> eigenvalues() const { return eigenvalues_; }

  // A model that borrows the tables: valid until the next half-epoch.
  IalsModel View() const { return Model(users(), items()); }
  IalsModel Finish() && {
    return Model(FactorMatrix(matrix_.users(), dimensions_, SharedArray<float>(std::move(users_))),
                 FactorMatrix(matrix_.items(), dimensions_, SharedArray<float>(std::move(items_))));
  }

 private:
  static constexpr std::size_t kBlock = 256;         // rows initialised or rotated together
  static constexpr std::size_t kGramianRows = 4096;  // rows whose Gramian is one unit of work, at least
  static constexpr std::size_t kGramianUnits = 64;   // of work that a Gramian is cut into, if its rows suffice

  using Memory = oneapi::tbb::enumerable_thread_specific<AlignedVector<float>>;
  static float* Reserve(Memory& memory, std::size_t size) {
    AlignedVector<float>& local = memory.local();
    if (local.size() < size) local.resize(size);
    return local.data();
  }

  FactorMatrix Borrowed(std::size_t rows, const AlignedVector<float>& factors) const {
    return FactorMatrix(rows, dimensions_, SharedArray<float>(std::span<const float>(factors), nullptr));
  }
  IalsModel Model(FactorMatrix users, FactorMatrix items) const {
    return IalsModel(options_, std::move(users), std::move(items), SharedArray<double>::CopyOf(eigenvalues_));
  }

  // The upper part, by tiles, of the Gramian of `factors`: float64[d x d].
  AlignedVector<double> Gramian(const AlignedVector<float>& factors) {
    const std::size_t rows = factors.size() / stride_;
    const std::size_t tiles = (stride_ + kGramianTile - 1) / kGramianTile;
    const std::size_t pairs = tiles * (tiles + 1) / 2;
    const std::size_t chunks =
        std::clamp<std::size_t>(rows / kGramianRows, 1, std::max<std::size_t>(1, kGramianUnits / pairs));
    const std::size_t chunk_rows = (rows + chunks - 1) / chunks;
    partial_gramians_.resize(chunks * stride_ * stride_);
    ForEachBlock(parallelism_, chunks * pairs, 1, [&](std::size_t unit, std::size_t, std::size_t) {
      const std::size_t chunk = unit / pairs;
      std::size_t row = 0;
      std::size_t column = unit % pairs;
      for (; column >= tiles - row; ++row) column -= tiles - row;
      column += row;
      const std::size_t first = std::min(rows, chunk * chunk_rows);
      const std::size_t last = std::min(rows, first + chunk_rows);
      const std::size_t height = std::min(kGramianTile, stride_ - row * kGramianTile);
      const std::size_t width = std::min(kGramianTile, stride_ - column * kGramianTile);
      double* sum = partial_gramians_.data() + (chunk * stride_ + row * kGramianTile) * stride_ + column * kGramianTile;
      for (std::size_t i = 0; i < height; ++i) std::fill_n(sum + i * stride_, width, 0.0);
      GetDenseKernels().gramian(factors.data() + first * stride_, last - first, stride_, row * kGramianTile, height,
                                column * kGramianTile, width, sum, stride_, Reserve(scratch_, kGramianScratch));
    });
    AlignedVector<double> gramian(dimensions_ * dimensions_);
    ForEachBlock(parallelism_, dimensions_, kLanes, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t i = begin; i < end; ++i) {
        for (std::size_t j = i; j < dimensions_; ++j) {
          double sum = 0;
          for (std::size_t chunk = 0; chunk < chunks; ++chunk)
            sum += partial_gramians_[(chunk * stride_ + i) * stride_ + j];
          gramian[i * dimensions_ + j] = gramian[j * dimensions_ + i] = sum;
        }
      }
    });
    return gramian;
  }

  // Every row of `out` becomes the mean of the rows of `in` that the interactions join it to.
  void Average(const SparseMatrix& rows, const AlignedVector<float>& in, AlignedVector<float>& out) {
    ForEachBlock(parallelism_, rows.rows(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      if (cancelled_()) return;
      for (std::size_t row = begin; row < end; ++row) {
        const std::size_t count = rows.row_size(row);
        GetDenseKernels().sum_rows(in.data(), stride_, rows.column_indices().data() + rows.offsets()[row], count,
                                   count == 0 ? 0.0f : 1.0f / static_cast<float>(count), out.data() + row * stride_);
      }
    });
  }

  // Multiplies every item vector by factor(number of its users).
  template <typename Factor>
  void ScaleItems(const Factor& factor) {
    ForEachBlock(parallelism_, matrix_.items(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t item = begin; item < end; ++item) {
        const auto by = static_cast<float>(factor(static_cast<double>(matrix_.item_user().row_size(item))));
        for (std::size_t k = 0; k < stride_; ++k) items_[item * stride_ + k] *= by;
      }
    });
  }

  // The square of the length that the orthonormal columns of the first items get: the ridge of all users times
  // kRidgeShare is what the data of a direction then weighs. Without a ridge any length is as good.
  double FirstSquare() const {
    constexpr double kRidgeShare = 0.5;
    const IalsSideView users = UserLambdas();
    double ridge = 0;
    for (std::size_t user = 0; user < matrix_.users(); ++user)
      ridge += IalsLambda(users, matrix_.user_item().row_size(user));
    const double mass = static_cast<double>(*options_.unobserved_weight) * static_cast<double>(matrix_.users());
    const double weight = SumOverRows(
        items_, [&](std::size_t item) { return static_cast<double>(matrix_.item_user().row_size(item)) + mass; });
    const double d = static_cast<double>(dimensions_);
    const double usual = static_cast<double>(matrix_.items()) / d;  // vectors of length 1
    const double square = kRidgeShare * ridge * d / weight;
    return square > 0 ? std::clamp(square, 1e-6 * usual, 1e6 * usual) : usual;  // false for a NaN
  }

  // The eigenvectors of the Gramian of `factors`, a row each; eigenvalues_ get its eigenvalues.
  absl::StatusOr<AlignedVector<double>> Eigenvectors(const AlignedVector<float>& factors) {
    AlignedVector<double> vectors = Gramian(factors);
    WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    if (!std::all_of(vectors.begin(), vectors.end(), [](double value) { return std::isfinite(value); }))
      return absl::InvalidArgumentError("TrainIals: want vectors whose Gramian is finite in float32, got an overflow");
    eigenvalues_.assign(dimensions_, 0.0);
    if (!GetDenseKernels().symmetric_eigen(vectors.data(), dimensions_, eigenvalues_.data()))
      return absl::InternalError(absl::StrCat("TrainIals: want the eigenvectors of a ", dimensions_, " x ", dimensions_,
                                              " Gramian, got none"));
    for (double& value : eigenvalues_) value = std::max(value, 0.0);
    return vectors;
  }

  // The rotation whose column k is row k of `vectors` times scale(k).
  template <typename Scale>
  AlignedVector<float> RotationOf(const AlignedVector<double>& vectors, const Scale& scale) const {
    AlignedVector<float> rotation(stride_ * stride_, 0.0f);
    for (std::size_t k = 0; k < dimensions_; ++k)
      for (std::size_t j = 0; j < dimensions_; ++j)
        rotation[RotationAt(j, k, stride_)] = static_cast<float>(vectors[k * dimensions_ + j] * scale(k));
    return rotation;
  }

  // Rotates both tables into the eigenbasis of the Gramian of `fixed`; `solved` only where its rows are used again.
  absl::Status ToEigenbasis(AlignedVector<float>& fixed, AlignedVector<float>& solved) {
    WAYPOST_ASSIGN_OR_RETURN(const AlignedVector<double> vectors, Eigenvectors(fixed));
    const AlignedVector<float> rotation = RotationOf(vectors, [](std::size_t) { return 1.0; });
    Rotate(rotation, fixed);
    if (solver_ != IalsSolver::kExact) Rotate(rotation, solved);
    return absl::OkStatus();
  }

  // Makes the columns of the items orthogonal and of length 1, those shorter whose part of the Gramian float32 hardly
  // carries; eigenvalues_ get the squares of the lengths.
  absl::Status OrthonormalizeItems() {
    constexpr double kFloor = 1e-5;
    WAYPOST_ASSIGN_OR_RETURN(const AlignedVector<double> vectors, Eigenvectors(items_));
    const double least = std::max(kFloor * eigenvalues_.front(), std::numeric_limits<double>::min());
    Rotate(RotationOf(vectors, [&](std::size_t k) { return 1 / std::sqrt(std::max(eigenvalues_[k], least)); }), items_);
    for (double& value : eigenvalues_) value /= std::max(value, least);
    return absl::OkStatus();
  }

  void Rotate(const AlignedVector<float>& rotation, AlignedVector<float>& factors) {
    ForEachBlock(parallelism_, factors.size() / stride_, kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      if (cancelled_()) return;
      float* rows = factors.data() + begin * stride_;
      float* rotated = Reserve(scratch_, kBlock * stride_);
      GetDenseKernels().rotate(rows, end - begin, stride_, rotation.data(), rotated);
      std::copy(rotated, rotated + (end - begin) * stride_, rows);
    });
  }

  absl::Status Solve(const SparseMatrix& rows, const IalsRowPlan& plan, const AlignedVector<float>& fixed,
                     std::size_t fixed_rows, IalsSolver solver, AlignedVector<float>& solved, double* loss) {
    const SharedArray<float> ridge = IalsRidge(eigenvalues_, *options_.unobserved_weight);
    const IalsSideView side = IalsSide(options_, fixed.data(), fixed_rows, ridge);
    const IalsKernels& kernels = GetIalsKernels();
    const std::size_t width =
        solver == IalsSolver::kBlock
            ? std::min<std::size_t>(stride_, static_cast<std::size_t>(options_.block.value_or(kDefaultIalsBlock)))
            : 0;
    std::vector<double> losses(plan.blocks(), 0.0);
    ForEachBlock(parallelism_, plan.blocks(), 1, [&](std::size_t block, std::size_t, std::size_t) {
      if (cancelled_()) return;
      const std::size_t begin = plan.starts[block];
      const IalsRowsView view{.offsets = rows.offsets().data(),
                              .columns = rows.column_indices().data(),
                              .values = rows.weighted() ? rows.values().data() : nullptr,
                              .count = plan.starts[block + 1] - begin,
                              .order = plan.order.data() + begin};
      const std::size_t longest = rows.row_size(plan.order[begin]);
      float* workspace = Reserve(scratch_, IalsBlockWorkspaceSize(stride_, longest, width, view.count));
      double* sum = loss == nullptr ? nullptr : &losses[block];
      if (solver == IalsSolver::kCg) {
        kernels.solve_cg(side, view, options_.cg_steps.value_or(kDefaultCgSteps), solved.data(), workspace, sum);
      } else if (solver == IalsSolver::kBlock) {
        kernels.solve_block(side, view, width, solved.data(), workspace, sum);
      } else {
        kernels.solve_exact(side, view, solved.data(), workspace, sum);
      }
    });
    if (loss != nullptr)
      for (double part : losses) *loss += part;
    return cancelled_.status();
  }

  // What IalsLambda reads, for users.
  IalsSideView UserLambdas() const {
    IalsSideView side;
    side.regularization = options_.regularization;
    side.exponent = options_.regularization_exponent;
    side.unobserved_mass = static_cast<double>(*options_.unobserved_weight) * static_cast<double>(matrix_.items());
    return side;
  }

  // sum over users of lambda_u |w_u|^2.
  double UserPenalty() const {
    const IalsSideView side = UserLambdas();
    return SumOverRows(users_, [&](std::size_t user) { return IalsLambda(side, matrix_.user_item().row_size(user)); });
  }

  // sum over rows of weight(row) |row|^2.
  template <typename Weight>
  double SumOverRows(const AlignedVector<float>& factors, const Weight& weight) const {
    return ReduceBlocks(
        parallelism_, factors.size() / stride_, kBlock, 0.0,
        [&](std::size_t begin, std::size_t end) {
          double sum = 0;
          for (std::size_t row = begin; row < end; ++row) {
            double square = 0;
            for (std::size_t k = 0; k < dimensions_; ++k) {
              const double value = factors[row * stride_ + k];
              square += value * value;
            }
            sum += weight(row) * square;
          }
          return sum;
        },
        [](double& total, double part) { total += part; });
  }

  const InteractionMatrix& matrix_;
  const IalsOptions& options_;
  IalsSolver solver_;
  const Parallelism& parallelism_;
  CancelPoll& cancelled_;
  std::size_t dimensions_;
  std::size_t stride_;
  IalsRowPlan user_plan_;
  IalsRowPlan item_plan_;
  AlignedVector<float> users_;
  AlignedVector<float> items_;
  AlignedVector<double> partial_gramians_;
  AlignedVector<double> eigenvalues_;  // of the Gramian of the side fixed last
  Memory scratch_;
};

}  // namespace internal

}  // namespace waypost

#endif  // WAYPOST_MODEL_IALS_TRAINER_HPP_
