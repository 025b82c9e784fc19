// waypost/model/ials_trainer.hpp - one training of iALS: the factor tables and the half-epochs that change them.
#ifndef WAYPOST_MODEL_IALS_TRAINER_HPP_
#define WAYPOST_MODEL_IALS_TRAINER_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/factor_algebra.hpp"
#include "waypost/model/ials_kernels.hpp"
#include "waypost/model/ials_model.hpp"
#include "waypost/model/ials_options.hpp"
#include "waypost/model/ials_row_plan.hpp"
#include "waypost/model/spectral_start.hpp"
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
        algebra_(static_cast<std::size_t>(options.dimensions), parallelism, [this] { return cancelled_(); }),
        dimensions_(algebra_.dimensions()),
        stride_(algebra_.stride()),
        user_plan_(PlanIalsRows(matrix.user_item(), stride_)),
        item_plan_(PlanIalsRows(matrix.item_user(), stride_)),
        users_(matrix.users() * stride_, 0.0f),
        items_(matrix.items() * stride_, 0.0f) {}

  // Begins with random item vectors whose length has the standard deviation `sd`.
  void BeginRandomly(double sd) {
    // Uniform elements: their variance is a twelfth of the squared range.
    const double range = sd * std::sqrt(12.0 / static_cast<double>(dimensions_));
    algebra_.FillRandomly(options_.seed, range, items_);
  }

  // Begins with the item vectors of deviation (d) in ials.hpp, in the eigenbasis of their Gramian.
  absl::Status BeginSpectrally() {
    const auto cancelled = [this] { return cancelled_(); };
    if (!SpectralStart(matrix_, options_.seed, parallelism_, algebra_, cancelled, users_, items_, eigenvalues_))
      return NoEigenvectors();
    WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    const double square = FirstSquare();
    algebra_.ScaleRows([length = std::sqrt(square)](std::size_t) { return length; }, items_);
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
    ForEachBlock(parallelism_, matrix_.items(), FactorAlgebra::kBlock,
                 [&](std::size_t begin, std::size_t end, std::size_t) {
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
  FactorMatrix Borrowed(std::size_t rows, const AlignedVector<float>& factors) const {
    return FactorMatrix(rows, dimensions_, SharedArray<float>(std::span<const float>(factors), nullptr));
  }
  IalsModel Model(FactorMatrix users, FactorMatrix items) const {
    return IalsModel(options_, std::move(users), std::move(items), SharedArray<double>::CopyOf(eigenvalues_));
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

  absl::Status NoEigenvectors() const {
    return absl::InvalidArgumentError(absl::StrCat("TrainIals: want vectors whose ", dimensions_, " x ", dimensions_,
                                                   " Gramian is finite in float32, got an overflow"));
  }

  // Rotates both tables into the eigenbasis of the Gramian of `fixed`; `solved` only where its rows are used again.
  absl::Status ToEigenbasis(AlignedVector<float>& fixed, AlignedVector<float>& solved) {
    AlignedVector<double> vectors = algebra_.Gramian(fixed);
    WAYPOST_RETURN_IF_ERROR(cancelled_.status());
    if (!algebra_.ToEigenvectors(vectors, eigenvalues_)) return NoEigenvectors();
    const AlignedVector<float> rotation = algebra_.RotationOf(vectors, [](std::size_t) { return 1.0; });
    algebra_.Rotate(rotation, fixed);
    if (solver_ != IalsSolver::kExact) algebra_.Rotate(rotation, solved);
    return absl::OkStatus();
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
      float* workspace = algebra_.Scratch(IalsBlockWorkspaceSize(stride_, longest, width, view.count));
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
        parallelism_, factors.size() / stride_, FactorAlgebra::kBlock, 0.0,
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
  FactorAlgebra algebra_;
  std::size_t dimensions_;
  std::size_t stride_;
  IalsRowPlan user_plan_;
  IalsRowPlan item_plan_;
  AlignedVector<float> users_;
  AlignedVector<float> items_;
  AlignedVector<double> eigenvalues_;  // of the Gramian of the side fixed last
};

}  // namespace internal

}  // namespace waypost

#endif  // WAYPOST_MODEL_IALS_TRAINER_HPP_
