// What the choice between the n x n and the d x d system saves: the exact row solver of iALS against the same solver
// forced to take the d x d system for every row, with the same factorization and rank-update kernels.
//
//   waypost_bench_ials_solver TRAIN [dimensions = 512] [rounds = 5] [sample = 64]
//
// Both sides are those of a training after one epoch. One thread; processor time, so that other work on the machine
// disturbs little. The two alternate, `rounds` times; the forced solver takes every `sample`-th row of each orientation
// (all rows would take minutes) and is scaled by the number of rows. The last lines add what only the eigenbasis costs:
// the time of a whole epoch of training with its Gramians, eigenvectors and rotations.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "waypost/base/simd.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/reader.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/ials.hpp"

namespace waypost {
namespace {

double ProcessorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// One orientation: rows to solve with a fixed side.
struct Side {
  const SparseMatrix* rows;
  IalsModel model;  // its items are the fixed side
  SharedArray<float> ridge;
  IalsSideView view;
};

Side MakeSide(const InteractionMatrix& matrix, const IalsOptions& options) {
  auto training = TrainIals(matrix, options);
  if (!training.ok()) {
    std::fprintf(stderr, "%s\n", training.status().ToString().c_str());
    std::exit(1);
  }
  Side side{&matrix.user_item(), training->model, {}, {}};
  side.ridge = internal::IalsRidge(side.model.gramian_eigenvalues().span(), *options.unobserved_weight);
  side.view = internal::IalsSide(options, side.model.item_factors().data(), side.model.item_count(), side.ridge);
  return side;
}

using Solver = decltype(IalsKernels::solve_exact);

// Seconds to solve every `step`-th row.
double Time(const Side& side, Solver solve, std::size_t step) {
  const std::size_t stride = side.view.stride;
  std::size_t longest = stride;
  for (std::size_t row = 0; row < side.rows->rows(); ++row) longest = std::max(longest, side.rows->row_size(row));
  AlignedVector<float> workspace(IalsWorkspaceSize(stride, longest));
  AlignedVector<float> out(stride);
  const double begin = ProcessorSeconds();
  for (std::size_t row = 0; row < side.rows->rows(); row += step) {
    const IalsRowsView view{side.rows->offsets().data() + row, side.rows->column_indices().data(),
                            side.rows->weighted() ? side.rows->values().data() : nullptr, 1};
    solve(side.view, view, out.data(), workspace.data(), nullptr);
  }
  return ProcessorSeconds() - begin;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Run(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: %s TRAIN [dimensions] [rounds] [sample]\n", arguments[0]);
    return 2;
  }
  const auto argument = [&](int position, int otherwise) {
    return count > position ? std::max(1, std::atoi(arguments[position])) : otherwise;
  };
  const IalsOptions options{.dimensions = argument(2, 512),
                            .epochs = 1,
                            .regularization = 0.0092f,
                            .unobserved_weight = 0.01f,
                            .solver = IalsSolver::kExact};
  const int rounds = argument(3, 5);
  const auto sample = static_cast<std::size_t>(argument(4, 64));
  EventLogBuilder builder;
  const auto report = ReadEvents(arguments[1], {}, builder);
  const EventLog log = std::move(builder).Build();
  const auto interactions = BuildInteractions(log, {});
  if (!report.ok() || !interactions.ok()) {
    std::fprintf(stderr, "%s\n", (report.ok() ? interactions.status() : report.status()).ToString().c_str());
    return 1;
  }
  const InteractionMatrix& matrix = interactions->positives;
  const InteractionMatrix transposed(matrix.item_user());
  const Side sides[] = {MakeSide(matrix, options), MakeSide(transposed, options)};
  std::vector<double> chosen;
  std::vector<double> forced;
  for (int round = 0; round < rounds; ++round) {
    double exact = 0;
    double primal = 0;
    for (const Side& side : sides) {
      exact += Time(side, GetIalsKernels().solve_exact, 1);
      const auto rows = static_cast<double>(side.rows->rows());
      const double sampled = static_cast<double>((side.rows->rows() + sample - 1) / sample);
      primal += Time(side, GetIalsKernels().solve_primal, sample) * rows / sampled;
    }
    chosen.push_back(exact);
    forced.push_back(primal);
  }
  IalsOptions three = options;
  three.epochs = 3;
  double begin = ProcessorSeconds();
  const bool one_ok = TrainIals(matrix, options, {}, Parallelism(1)).ok();
  const double one = ProcessorSeconds() - begin;
  begin = ProcessorSeconds();
  const bool three_ok = TrainIals(matrix, three, {}, Parallelism(1)).ok();
  const double epoch = (ProcessorSeconds() - begin - one) / 2;
  if (!one_ok || !three_ok) return 1;
  const double best_chosen = *std::min_element(chosen.begin(), chosen.end());
  const double best_forced = *std::min_element(forced.begin(), forced.end());
  std::printf("%zu users, %zu items, %zu entries, d = %d, %s, 1 thread, %d rounds\n", matrix.users(), matrix.items(),
              matrix.entries(), options.dimensions, SimdTargetName(), rounds);
  std::printf("rows of an epoch, processor seconds   minimum   median\n");
  std::printf("  smaller system                     %9.3f %8.3f\n", best_chosen, Median(chosen));
  std::printf("  always d x d (1 of %zu rows, scaled) %8.3f %8.3f\n", sample, best_forced, Median(forced));
  std::printf("  ratio                              %9.1f %8.1f\n", best_forced / best_chosen,
              Median(forced) / Median(chosen));
  std::printf("whole epoch with Gramians, eigenvectors, rotations: %.3f; always d x d, rows alone, over it: %.1f\n",
              epoch, Median(forced) / epoch);
  return 0;
}

}  // namespace
}  // namespace waypost

int main(int count, char** arguments) {
  return waypost::Run(count, arguments);
}
