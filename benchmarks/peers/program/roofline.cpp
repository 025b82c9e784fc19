// How much of a matrix product's rate the exact solver of long rows reaches.
#include <algorithm>
#include <string>
#include <vector>

#include "commands.hpp"
#include "data.hpp"
#include "report.hpp"

namespace waypost::peers {
namespace {

// One orientation: the rows with at least d entries, and the fixed side after one epoch.
struct LongRows {
  LongRows(const InteractionMatrix& matrix, IalsModel trained)
      : model(std::move(trained)),
        ridge(internal::IalsRidge(model.gramian_eigenvalues().span(), *model.options().unobserved_weight)),
        side(internal::IalsSide(model.options(), model.item_factors().data(), model.item_count(), ridge)) {
    const SparseMatrix& rows = matrix.user_item();
    AlignedVector<std::uint64_t> offset = {0};
    AlignedVector<std::uint32_t> column;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      const auto columns = rows.row(row).columns;
      if (columns.size() < model.dimensions()) continue;
      column.insert(column.end(), columns.begin(), columns.end());
      offset.push_back(column.size());
    }
    selected = SparseMatrix(rows.columns(), SharedArray<std::uint64_t>(std::move(offset)),
                            SharedArray<std::uint32_t>(std::move(column)), {});
  }

  // Multiply-adds: the weighted Gramian and the factorization of each row.
  double Work() const {
    const auto d = static_cast<double>(model.dimensions());
    double sum = 0;
    for (std::size_t row = 0; row < selected.rows(); ++row)
      sum += static_cast<double>(selected.row_size(row)) * d * (d + 1) / 2 + d * d * d / 6;
    return sum;
  }

  IalsModel model;
  SharedArray<float> ridge;
  IalsSideView side;
  SparseMatrix selected;
};

void SolveAll(const LongRows& rows, const Parallelism& parallelism, AlignedVector<float>& out) {
  constexpr std::size_t kBlock = 16;
  const std::size_t stride = rows.side.stride;
  out.resize(rows.selected.rows() * stride);
  ForEachBlock(parallelism, rows.selected.rows(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    thread_local AlignedVector<float> workspace;
    std::size_t longest = 0;
    for (std::size_t row = begin; row < end; ++row) longest = std::max(longest, rows.selected.row_size(row));
    workspace.resize(std::max(workspace.size(), IalsWorkspaceSize(stride, longest)));
    const IalsRowsView view{.offsets = rows.selected.offsets().data() + begin,
                            .columns = rows.selected.column_indices().data(),
                            .values = nullptr,
                            .count = end - begin};
    GetIalsKernels().solve_exact(rows.side, view, out.data() + begin * stride, workspace.data(), nullptr);
  });
}

}  // namespace

absl::Status RunRoofline(Arguments& arguments) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string train, arguments.Text("train"));
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions parsed, arguments.Options("ials"));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t threads, arguments.Count("threads", 0));
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t repeats, arguments.Count("repeats", 1));
  WAYPOST_RETURN_IF_ERROR(arguments.CheckAllUsed());
  WAYPOST_ASSIGN_OR_RETURN(SparseMatrix matrix, ReadMatrix(train));
  IalsOptions options = std::get<IalsOptions>(parsed);
  options.epochs = 1;
  const Parallelism parallelism(static_cast<int>(threads));
  const InteractionMatrix by_user(std::move(matrix));
  const InteractionMatrix by_item(by_user.item_user());
  std::vector<LongRows> sides;
  for (const InteractionMatrix* rows : {&by_user, &by_item}) {
    WAYPOST_ASSIGN_OR_RETURN(IalsTraining training, TrainIals(*rows, options, {}, parallelism));
    sides.emplace_back(*rows, std::move(training.model));
  }
  double work = 0;
  std::size_t count = 0;
  for (LongRows& rows : sides) {
    rows.side.ridge = rows.ridge.data();
    work += rows.Work();
    count += rows.selected.rows();
  }
  AlignedVector<float> out;
  Timing timing;
  for (std::size_t n = 0; n < repeats; ++n) {
    WAYPOST_RETURN_IF_ERROR(timing.Run([&] {
      for (const LongRows& rows : sides) SolveAll(rows, parallelism, out);
      return absl::OkStatus();
    }));
  }
  std::vector<double> rates;
  for (double seconds : timing.seconds) rates.push_back(2 * work / seconds);
  Report report("d=" + std::to_string(options.dimensions), parallelism.threads());
  report.Add(timing);
  report.Add("flops_per_second", rates);
  report.Add("rows", static_cast<double>(count));
  report.Print();
  return absl::OkStatus();
}

}  // namespace waypost::peers
