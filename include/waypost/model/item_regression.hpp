// waypost/model/item_regression.hpp - a regression for every item on the few others that explain it best.
//
// Definition   G = X^T X. The candidates S_i of a target item i are chosen among the items that share users with it, in
//              two steps. First come the n / 4 items j, rounded up, with the largest G(j, i) / (G(j, j) + lambda): the
//              weight that a ridge regression on j alone would give it. The regression on them leaves r(j) = G(j, i) -
//              sum over k of G(j, k) W(k, i), and the items with the largest r(j) / (G(j, j) + lambda) above 0 are
//              added, n in all. A solver gets the normal equations of S_i, A = G(S_i, S_i) and y = G(S_i, i), and gives
//              the weights W(S_i, i); all others of the target are 0. Ties keep the lower index, weights of 0 are not
//              stored.
// Sources      the steps are those of matching pursuits: Y. C. Pati et al., Orthogonal Matching Pursuit, Asilomar 1993.
//              On gowalla the second one, in place of choosing all n at once, raises ndcg@20 by half a percent.
// Complexity   time O(sum over users of n_u^2 + items n R) and the solver's, n_u the items of a user, R the mean number
//              of items that share users with a candidate. Memory: 8 bytes for each pair of items with a common user, 8
//              for each weight (16 when the pairs are gone), 4 n^2 a thread.
// Numerics     G is summed in float64 and kept in float32, as are A, y, r and the weights.
// Determinism  a target is solved by one thread.
#ifndef WAYPOST_MODEL_ITEM_REGRESSION_HPP_
#define WAYPOST_MODEL_ITEM_REGRESSION_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/model/item_knn_product.hpp"
#include "waypost/model/item_knn_row.hpp"
#include "waypost/model/item_knn_terms.hpp"
#include "waypost/model/training.hpp"

namespace waypost::internal {

// The normal equations of one target, in a thread's own memory.
struct ItemEquations {
  std::size_t size = 0;         // candidates
  std::size_t stride = 0;       // PaddedDimensions(size)
  float* matrix = nullptr;      // A, float32[size x stride], 64-byte aligned: the upper part, the rest may be anything
  float* right_side = nullptr;  // y, float32[stride]
  float* weights = nullptr;     // float32[stride], 64-byte aligned: where the solver writes
};

class ItemRegression {
 public:
  //   neighbours   n: most candidates of a target.
  //   ridge        lambda, which is not added to A.
  ItemRegression(const InteractionMatrix& matrix, std::size_t neighbours, double ridge)
      : matrix_(matrix), neighbours_(neighbours), ridge_(ridge), diagonal_(matrix.items()) {
    for (std::size_t item = 0; item < diagonal_.size(); ++item) {
      const SparseRowView users = matrix.item_user().row(item);
      for (std::size_t n = 0; n < users.size(); ++n)
        diagonal_[item] += static_cast<double>(users.value(n)) * users.value(n);
    }
  }

  // Calls solve(equations, thread's workspace of type Workspace) for every target with candidates, on any thread, and
  // returns W by source. `solve` returns whether it found weights.
  template <typename Workspace, typename Solve>
  absl::StatusOr<SparseMatrix> Run(const TrainingControl& control, const Parallelism& parallelism,
                                   const Solve& solve) const {
    const TrainingControl first_part = PartOf(control);
    SparseMatrix by_target;
    {
      const KnnTerms terms{matrix_.user_item(), matrix_.item_user(), std::vector<double>(matrix_.users(), 1.0),
                           std::vector<double>(matrix_.items(), 1.0), std::vector<double>(matrix_.items(), 1.0)};
      WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix gram,
                               KnnProduct(terms, KnnRows::kSources, 0, 1).Run(first_part, parallelism));
      WAYPOST_ASSIGN_OR_RETURN(by_target, SolveTargets<Workspace>(gram, control, parallelism, solve));
    }
    return Transpose(by_target, parallelism);
  }

 private:
  static constexpr int kGramSteps = 16;  // those of KnnProduct
  static constexpr int kSolveSteps = 48;
  static constexpr std::size_t kTargetBlock = 4;
  static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);  // the position of what is no candidate

  // What a thread needs beside the result.
  template <typename Workspace>
  struct Thread {
    Thread(std::size_t items, std::size_t neighbours)
        : candidates(items + 1),
          positions(items, kNone),
          matrix((neighbours + 1) * PaddedDimensions(neighbours) + kLanes),
          right_side(PaddedDimensions(neighbours)),
          weights(PaddedDimensions(neighbours)),
          rest(items) {}

    KnnRow candidates;
    std::vector<std::uint32_t> positions;  // of an item among the candidates
    AlignedVector<float> matrix;
    AlignedVector<float> right_side;
    AlignedVector<float> weights;
    std::vector<float> rest;
    Workspace workspace;
  };

  // The part of a training that is told of the steps of the product.
  static TrainingControl PartOf(const TrainingControl& control) {
    TrainingControl part;
    part.cancelled = control.cancelled;
    if (control.on_epoch)
      part.on_epoch = [&control](const TrainingProgress& progress) {
        return control.on_epoch({.epoch = progress.epoch, .epochs = kGramSteps + kSolveSteps});
      };
    return part;
  }

  template <typename Workspace, typename Solve>
  absl::StatusOr<SparseMatrix> SolveTargets(const SparseMatrix& gram, const TrainingControl& control,
                                            const Parallelism& parallelism, const Solve& solve) const {
    const std::size_t items = matrix_.items();
    const std::size_t most = std::min(neighbours_, items);
    std::vector<std::uint64_t> sizes(items);
    for (std::size_t item = 0; item < items; ++item) sizes[item] = std::min(most, gram.row_size(item));
    RowTable table(items, std::move(sizes));
    oneapi::tbb::enumerable_thread_specific<Thread<Workspace>> threads(items, most);
    std::vector<char> solved(items, 1);
    CancelPoll cancelled(control);
    for (std::size_t step = 0; step < kSolveSteps; ++step) {
      const std::size_t first = step * items / kSolveSteps;
      const std::size_t last = (step + 1) * items / kSolveSteps;
      ForEachBlock(parallelism, last - first, kTargetBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
        Thread<Workspace>& thread = threads.local();
        for (std::size_t target = first + begin; target < first + end; ++target) {
          if (cancelled()) return;
          if (gram.row_size(target) == 0) continue;
          solved[target] = SolveTarget(gram, target, thread, solve);
          table.Write(target, thread.candidates.items(), thread.weights.data());
        }
      });
      WAYPOST_RETURN_IF_ERROR(cancelled.status());
      const auto failed = std::find(solved.begin(), solved.end(), 0);
      if (failed != solved.end())
        return absl::InternalError(absl::StrCat(
            "ItemRegression: want a positive definite matrix, got another for item ", failed - solved.begin()));
      WAYPOST_RETURN_IF_ERROR(ReportProgress(
          control, {.epoch = kGramSteps + static_cast<int>(step) + 1, .epochs = kGramSteps + kSolveSteps}));
    }
    return std::move(table).Build();
  }

  template <typename Workspace, typename Solve>
  bool SolveTarget(const SparseMatrix& gram, std::size_t target, Thread<Workspace>& thread, const Solve& solve) const {
    const SparseRowView shared = gram.row(target);
    thread.candidates.Clear();
    for (std::size_t n = 0; n < shared.size(); ++n)
      thread.candidates.Push(shared.columns[n], std::max(WeightAlone(shared.values[n], shared.columns[n]),
                                                         std::numeric_limits<float>::min()));
    thread.candidates.KeepStrongest((neighbours_ + 3) / 4, 1);
    if (!SolveCandidates(gram, shared, thread, solve)) return false;
    if (thread.candidates.size() == std::min(neighbours_, shared.size())) return true;
    AddCandidates(gram, shared, thread);
    return SolveCandidates(gram, shared, thread, solve);
  }

  // Of an item whose product with what is to be explained is `product`.
  float WeightAlone(float product, std::uint32_t item) const {
    return static_cast<float>(product / (diagonal_[item] + ridge_));
  }

  template <typename Workspace>
  void AddCandidates(const SparseMatrix& gram, const SparseRowView& shared, Thread<Workspace>& thread) const {
    float* rest = thread.rest.data();  // r of the items of `shared`; what stands under others is never read
    for (std::size_t n = 0; n < shared.size(); ++n) rest[shared.columns[n]] = shared.values[n];
    const std::span<const std::uint32_t> items = thread.candidates.items();
    for (std::size_t p = 0; p < items.size(); ++p) {
      const SparseRowView row = gram.row(items[p]);
      const float weight = thread.weights[p];
      for (std::size_t n = 0; n < row.size(); ++n) rest[row.columns[n]] -= weight * row.values[n];
    }
    for (const std::uint32_t item : items) rest[item] = std::numeric_limits<float>::infinity();  // they stay
    thread.candidates.Clear();
    for (const std::uint32_t item : shared.columns)
      thread.candidates.Push(item, std::min(WeightAlone(rest[item], item), std::numeric_limits<float>::max()));
    thread.candidates.KeepStrongest(neighbours_, 1);
  }

  template <typename Workspace, typename Solve>
  bool SolveCandidates(const SparseMatrix& gram, const SparseRowView& shared, Thread<Workspace>& thread,
                       const Solve& solve) const {
    const std::span<const std::uint32_t> items = thread.candidates.items();
    const ItemEquations equations{.size = items.size(),
                                  .stride = PaddedDimensions(items.size()),
                                  .matrix = thread.matrix.data(),
                                  .right_side = thread.right_side.data(),
                                  .weights = thread.weights.data()};
    for (std::size_t p = 0; p < items.size(); ++p) thread.positions[items[p]] = static_cast<std::uint32_t>(p);
    std::fill_n(equations.matrix, equations.size * equations.stride, 0.0f);
    std::fill_n(equations.right_side, equations.stride, 0.0f);
    for (std::size_t n = 0; n < shared.size(); ++n)
      if (const std::uint32_t p = thread.positions[shared.columns[n]]; p != kNone)
        equations.right_side[p] = shared.values[n];
    for (std::size_t p = 0; p < items.size(); ++p) GatherRow(gram, items[p], p, thread.positions, equations);
    for (const std::uint32_t item : items) thread.positions[item] = kNone;
    return solve(equations, thread.workspace);
  }

  // Row p of A, right of the diagonal and on it.
  void GatherRow(const SparseMatrix& gram, std::uint32_t item, std::size_t p, std::span<const std::uint32_t> positions,
                 const ItemEquations& equations) const {
    const SparseRowView row = gram.row(item);
    const std::uint32_t* columns = row.columns.data();
    const float* values = row.values.data();
    float* to = equations.matrix + p * equations.stride;
    const auto junk = static_cast<std::uint32_t>(equations.stride);
    const auto after = std::upper_bound(row.columns.begin(), row.columns.end(), item);
    for (auto n = static_cast<std::size_t>(after - row.columns.begin()); n < row.size(); ++n)
      to[std::min(positions[columns[n]], junk)] =
          values[n];  // junk: the next row's first element, left of its diagonal
    to[p] = static_cast<float>(diagonal_[item]);
  }

  const InteractionMatrix& matrix_;
  std::size_t neighbours_;
  double ridge_;
  std::vector<double> diagonal_;
};

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_ITEM_REGRESSION_HPP_
