// waypost/model/item_knn_product.hpp - the sparse product behind item_knn.hpp, row by row.
//
// (1) A row is computed by one thread: sums of pairs in float64 over the users, ascending.
// (2) The rows are counted first and then written into their place in the result, so that nothing is held twice. Rows
//     are counted by their items alone where all or a number of them is kept, and computed twice where a share is.
// (3) Entries that round to 0 are known only when they are computed: the gaps they leave are closed at the end.
#ifndef WAYPOST_MODEL_ITEM_KNN_PRODUCT_HPP_
#define WAYPOST_MODEL_ITEM_KNN_PRODUCT_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "waypost/base/array_builder.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/model/item_knn_accumulator.hpp"
#include "waypost/model/item_knn_row.hpp"
#include "waypost/model/item_knn_terms.hpp"
#include "waypost/model/sparse_item_model.hpp"
#include "waypost/model/training.hpp"

namespace waypost::internal {

// A weighted sparse matrix whose rows are written once, by any thread, in places of at least their size.
class RowTable {
 public:
  //   sizes  room for each row.
  RowTable(std::size_t column_count, std::vector<std::uint64_t> sizes)
      : column_count_(column_count),
        sizes_(std::move(sizes)),
        begins_(Begins(sizes_)),
        columns_(begins_.back()),
        values_(begins_.back()) {}

  // Requires  at most the room of the row; each row is written once.
  void Write(std::size_t row, const KnnRow& entries) {
    const std::uint64_t begin = begins_[row];
    std::copy(entries.items().begin(), entries.items().end(), columns_.data() + begin);
    float* values = values_.data() + begin;
    for (std::size_t n = 0; n < entries.size(); ++n) values[n] = entries.similarity(n);
    sizes_[row] = entries.size();
  }
  // Leaves out values of 0.
  void Write(std::size_t row, std::span<const std::uint32_t> columns, const float* values) {
    const std::uint64_t begin = begins_[row];
    std::uint64_t end = begin;
    for (std::size_t n = 0; n < columns.size(); ++n) {
      if (values[n] == 0) continue;
      columns_.data()[end] = columns[n];
      values_.data()[end++] = values[n];
    }
    sizes_[row] = end - begin;
  }

  // Moves the rows together where some are smaller than their room.
  SparseMatrix Build() && {
    AlignedVector<std::uint64_t> offsets = Begins(sizes_);
    if (offsets.back() != begins_.back()) {
      for (std::size_t row = 0; row < sizes_.size(); ++row) {
        std::copy_n(columns_.data() + begins_[row], sizes_[row], columns_.data() + offsets[row]);
        std::copy_n(values_.data() + begins_[row], sizes_[row], values_.data() + offsets[row]);
      }
    }
    const std::uint64_t entries = offsets.back();
    return SparseMatrix(column_count_, SharedArray<std::uint64_t>(std::move(offsets)),
                        std::move(columns_).Build(entries), std::move(values_).Build(entries));
  }

 private:
  static AlignedVector<std::uint64_t> Begins(const std::vector<std::uint64_t>& sizes) {
    AlignedVector<std::uint64_t> begins(sizes.size() + 1, 0);
    for (std::size_t row = 0; row < sizes.size(); ++row) begins[row + 1] = begins[row] + sizes[row];
    return begins;
  }

  std::size_t column_count_;
  std::vector<std::uint64_t> sizes_;
  AlignedVector<std::uint64_t> begins_;
  ArrayBuilder<std::uint32_t> columns_;
  ArrayBuilder<float> values_;
};

// Which index of W a row of the product stands for.
enum class KnnRows { kSources, kTargets };

// Computes the rows of W (or of its transpose) and keeps the strongest of each.
class KnnProduct {
 public:
  KnnProduct(const KnnTerms& terms, KnnRows rows, std::size_t count, double mass)
      : terms_(terms),
        row_factor_(rows == KnnRows::kSources ? terms.source_factor : terms.target_factor),
        column_factor_(rows == KnnRows::kSources ? terms.target_factor : terms.source_factor),
        count_(count),
        mass_(mass) {}

  absl::StatusOr<SparseMatrix> Run(const TrainingControl& control, const Parallelism& parallelism) const {
    oneapi::tbb::enumerable_thread_specific<Workspace> workspaces(items());
    std::vector<std::uint64_t> sizes(items());
    const int steps = (mass_ < 1 ? 2 : 1) * kSteps;
    CancelPoll cancelled(control);
    if (mass_ < 1) {
      WAYPOST_RETURN_IF_ERROR(ForEachRow(control, cancelled, parallelism, 0, steps, workspaces,
                                         [&](std::size_t item, const KnnRow& row) { sizes[item] = row.size(); }));
    } else {
      ForEachBlock(parallelism, items(), kRowBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
        if (cancelled()) return;
        DistinctCounter& counter = workspaces.local().counter;
        for (std::size_t item = begin; item < end; ++item) sizes[item] = CountRow(item, counter);
      });
      WAYPOST_RETURN_IF_ERROR(cancelled.status());
    }
    RowTable table(items(), std::move(sizes));
    WAYPOST_RETURN_IF_ERROR(ForEachRow(control, cancelled, parallelism, steps - kSteps, steps, workspaces,
                                       [&](std::size_t item, const KnnRow& row) { table.Write(item, row); }));
    return std::move(table).Build();
  }

 private:
  static constexpr std::size_t kRowBlock = 16;
  static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);
  static constexpr int kSteps = 16;  // of a pass: how often a caller hears of the progress and can cancel

  // What a thread needs beside the table.
  struct Workspace {
    explicit Workspace(std::size_t items)
        : sums(items), touched(items + SparseAccumulator::kSlack), counter(items), row(items) {}

    SparseAccumulator sums;
    std::vector<std::uint32_t> touched;
    DistinctCounter counter;
    KnnRow row;
  };

  std::size_t items() const { return terms_.item_user.rows(); }

  // Calls visit(item, row) for every row, on any thread, and reports the steps done + 1 .. done + kSteps of `steps`.
  template <typename Workspaces, typename Visit>
  absl::Status ForEachRow(const TrainingControl& control, CancelPoll& cancelled, const Parallelism& parallelism,
                          int done, int steps, Workspaces& workspaces, const Visit& visit) const {
    const std::size_t block_count = (items() + kRowBlock - 1) / kRowBlock;
    std::vector<absl::Status> statuses(block_count);
    for (std::size_t step = 0; step < kSteps; ++step) {
      const std::size_t first = step * block_count / kSteps;
      const std::size_t last = (step + 1) * block_count / kSteps;
      ForEachBlock(parallelism, last - first, 1, [&](std::size_t n, std::size_t, std::size_t) {
        if (cancelled()) return;
        const std::size_t block = first + n;
        Workspace& workspace = workspaces.local();
        for (std::size_t item = block * kRowBlock; item < std::min(items(), (block + 1) * kRowBlock); ++item) {
          statuses[block].Update(ComputeRow(item, workspace));
          visit(item, workspace.row);
        }
      });
      WAYPOST_RETURN_IF_ERROR(cancelled.status());
      for (std::size_t block = first; block < last; ++block) WAYPOST_RETURN_IF_ERROR(statuses[block]);
      WAYPOST_RETURN_IF_ERROR(ReportProgress(control, {.epoch = done + static_cast<int>(step) + 1, .epochs = steps}));
    }
    return absl::OkStatus();
  }

  // The entries that a row will hold; more where some round to 0.
  std::size_t CountRow(std::size_t item, DistinctCounter& counter) const {
    counter.Begin(static_cast<std::uint32_t>(item));
    for (std::uint32_t user : terms_.item_user.row(item).columns) {
      counter.Add(terms_.user_item.row(user).columns);
      if (count_ > 0 && counter.count() >= count_) return count_;
    }
    return counter.count();
  }

  absl::Status ComputeRow(std::size_t item, Workspace& workspace) const {
    // sums[i] += w_u t(u, item) t(u, i) for every user u of the item.
    const SparseRowView users = terms_.item_user.row(item);
    for (std::size_t n = 0; n < users.size(); ++n) {
      Prefetch(users, n);
      workspace.sums.AddScaled(terms_.user_item.row(users.columns[n]),
                               terms_.user_weight[users.columns[n]] * users.value(n));
    }
    workspace.sums.Take(static_cast<std::uint32_t>(item));
    const std::size_t touched = workspace.sums.TakeIndices(workspace.touched.data());
    KnnRow& row = workspace.row;
    row.Clear();
    const double row_factor = row_factor_[item];
    const double* column_factor = column_factor_.data();
    std::uint32_t too_similar = kNone;
    for (std::uint32_t other : std::span<const std::uint32_t>(workspace.touched).first(touched)) {
      const double similarity = row_factor * column_factor[other] * workspace.sums.Take(other);
      too_similar = similarity <= SparseItemModel::kMaxWeight ? too_similar : other;  // also for a NaN
      row.Push(other, static_cast<float>(similarity));
    }
    if (too_similar != kNone) return SimilarityError(item, too_similar);
    row.KeepStrongest(count_, mass_);
    return absl::OkStatus();
  }

  // Asks for the beginning of the rows that follow user n: they lie anywhere in memory.
  void Prefetch(const SparseRowView& users, std::size_t n) const {
    constexpr std::size_t kAhead = 6;
    const std::uint64_t* offsets = terms_.user_item.offsets().data();
    if (n + 2 * kAhead < users.size()) __builtin_prefetch(offsets + users.columns[n + 2 * kAhead]);
    if (n + kAhead < users.size())
      __builtin_prefetch(terms_.user_item.column_indices().data() + offsets[users.columns[n + kAhead]]);
  }

  static absl::Status SimilarityError(std::size_t item, std::uint32_t other) {
    return absl::InvalidArgumentError(absl::StrCat("SparseItemModel.weights: want similarities up to ",
                                                   SparseItemModel::kMaxWeight, ", got a larger one between items ",
                                                   item, " and ", other));
  }

  const KnnTerms& terms_;
  const std::vector<double>& row_factor_;
  const std::vector<double>& column_factor_;
  std::size_t count_;
  double mass_;
};

// Keeps the `count` strongest entries of each row.
inline SparseMatrix KeepStrongestOfRows(const SparseMatrix& matrix, std::size_t count, const Parallelism& parallelism) {
  constexpr std::size_t kRowBlock = 256;
  std::vector<std::uint64_t> sizes(matrix.rows());
  for (std::size_t row = 0; row < sizes.size(); ++row) sizes[row] = std::min(count, matrix.row_size(row));
  RowTable table(matrix.columns(), std::move(sizes));
  ForEachBlock(parallelism, matrix.rows(), kRowBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    KnnRow row(matrix.columns() + 1);
    for (std::size_t source = begin; source < end; ++source) {
      const SparseRowView entries = matrix.row(source);
      row.Clear();
      for (std::size_t n = 0; n < entries.size(); ++n) row.Push(entries.columns[n], entries.values[n]);
      row.KeepStrongest(count, 1);
      table.Write(source, row);
    }
  });
  return std::move(table).Build();
}

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_ITEM_KNN_PRODUCT_HPP_
