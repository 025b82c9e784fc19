// waypost/model/item_knn.hpp - item-item nearest neighbours: who took this also took that.
//
// Definition   score(u, i) = sum over j in history(u) of x(u, j) W(j, i), with x the strength of an interaction and
//              W(j, i), i != j, the similarity of source j to target i:
//                degree   s_j^-a s_i^-b sum_u s_u^-c x(u, j) x(u, i)                                        [1, 2]
//                cosine   the cosine of the items' columns                                                  [3]
//                tfidf    the cosine after x -> sqrt(x) idf_u: a user of many items says less               [4]
//                bm25     the dot product after the BM25 term weight: an item of many users says less       [4]
//              s_u, s_i are sums of strengths (degrees where every strength is 1). `degree` holds the cosine of 0/1
//              data (c, a, b) = (0, .5, .5), the linear filter of [1] (1, .5, .5) and the random walk of [2] (1, 1, 0)
//              with a power, and everything between. item_knn_terms.hpp has all four in one form.
// Neighbours   `neighbours` keeps for each source its n strongest targets; `neighbour_mass` keeps for each target its
//              strongest sources up to that share of the sum of its similarities. Each is the better side for its
//              kind of cut: docs/results.md has the curves. With both, the share is applied first. Ties keep the
//              lower index.
// Sources      [1] Y. Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021 (linear filter).
//              [2] B. Paudel et al., Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive
//                  Applications, TiiS 7(1), 2016 (RP3beta).
//              [3] M. Deshpande, G. Karypis, Item-Based Top-N Recommendation Algorithms, TOIS 22(1), 2004.
//              [4] S. Robertson, H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
// Deviations   idf is ln((1 + I) / (1 + n)), never negative; the target exponent is free, [1] and [2] fix it.
// Complexity   time O(sum over users of n_u^2 + I^2 / 4096), n_u the items of a user; memory O(pairs of items with a
//              common user), 8 bytes a kept pair, 20 bytes an item a thread beside. A query costs O(the entries of its
//              history's rows + I).
// Numerics     sums of a pair in float64, users ascending; stored as float32. Pairs that round to 0 are dropped. A
//              similarity beyond ItemKnnModel::kMaxSimilarity is an error. Empty users and items have no pairs.
// Determinism  a row is computed by one thread, and rows are put together in order.
// Checked by   tests/unit/model_item_knn_test.cpp against tests/reference/naive_item_knn.hpp; laws; the contract suite;
//              the published level of gowalla in docs/results.md.
#ifndef WAYPOST_MODEL_ITEM_KNN_HPP_
#define WAYPOST_MODEL_ITEM_KNN_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "waypost/base/parallel.hpp"
#include "waypost/model/item_knn_accumulator.hpp"
#include "waypost/model/item_knn_model.hpp"
#include "waypost/model/item_knn_options.hpp"
#include "waypost/model/item_knn_terms.hpp"
#include "waypost/model/training.hpp"

namespace waypost {
namespace internal {

struct Neighbour {
  std::uint32_t item = 0;
  float similarity = 0;
};

// Keeps the `count` strongest of a row (0: all), then of these the strongest that hold the share `mass` of their sum,
// and leaves them ascending by item.
inline void KeepStrongest(std::vector<Neighbour>& row, std::size_t count, double mass) {
  const auto stronger = [](const Neighbour& a, const Neighbour& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.item < b.item;
  };
  const auto by_item = [](const Neighbour& a, const Neighbour& b) { return a.item < b.item; };
  const bool cut = count > 0 && count < row.size();
  if (!cut && mass >= 1) return;
  if (cut) {
    std::nth_element(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(count), row.end(), stronger);
    row.resize(count);
  }
  if (mass < 1) {
    std::sort(row.begin(), row.end(), stronger);
    double total = 0;
    for (const Neighbour& neighbour : row) total += neighbour.similarity;
    double held = 0;
    std::size_t kept = 0;
    while (kept < row.size() && held < mass * total) held += row[kept++].similarity;
    row.resize(kept);
  }
  std::sort(row.begin(), row.end(), by_item);
}

// Some consecutive rows of a sparse matrix, until they are put together.
struct RowBlock {
  std::vector<std::size_t> sizes;
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  absl::Status status;

  void Append(const std::vector<Neighbour>& row) {
    sizes.push_back(row.size());
    for (const Neighbour& neighbour : row) {
      columns.push_back(neighbour.item);
      values.push_back(neighbour.similarity);
    }
  }
};

// Gives each block's memory back once it is copied: the pages of the result are first touched as they are filled.
inline SparseMatrix JoinRows(std::size_t column_count, std::vector<RowBlock> blocks) {
  std::size_t rows = 0;
  std::size_t entries = 0;
  for (const RowBlock& block : blocks) {
    rows += block.sizes.size();
    entries += block.columns.size();
  }
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  AlignedVector<float> values;
  offsets.reserve(rows + 1);
  columns.reserve(entries);
  values.reserve(entries);
  for (RowBlock& block : blocks) {
    for (std::size_t size : block.sizes) offsets.push_back(offsets.back() + size);
    columns.insert(columns.end(), block.columns.begin(), block.columns.end());
    values.insert(values.end(), block.values.begin(), block.values.end());
    block = RowBlock();
  }
  return SparseMatrix(column_count, SharedArray<std::uint64_t>(std::move(offsets)),
                      SharedArray<std::uint32_t>(std::move(columns)), SharedArray<float>(std::move(values)));
}

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
    const std::size_t items = terms_.item_user.rows();
    const std::size_t block_count = (items + kRowBlock - 1) / kRowBlock;
    std::vector<RowBlock> blocks(block_count);
    oneapi::tbb::enumerable_thread_specific<SparseAccumulator> accumulators(items);
    for (std::size_t step = 0; step < kSteps; ++step) {
      const std::size_t first = step * block_count / kSteps;
      const std::size_t last = (step + 1) * block_count / kSteps;
      ForEachBlock(parallelism, last - first, 1, [&](std::size_t n, std::size_t, std::size_t) {
        const std::size_t block = first + n;
        blocks[block] = ComputeRows(block * kRowBlock, std::min(items, (block + 1) * kRowBlock), accumulators.local());
      });
      for (std::size_t block = first; block < last; ++block) WAYPOST_RETURN_IF_ERROR(blocks[block].status);
      WAYPOST_RETURN_IF_ERROR(
          ReportProgress(control, {.epoch = static_cast<int>(step) + 1, .epochs = static_cast<int>(kSteps)}));
    }
    return JoinRows(items, std::move(blocks));
  }

 private:
  static constexpr std::size_t kRowBlock = 32;
  static constexpr std::size_t kSteps = 16;  // how often a caller hears of the progress and can cancel

  RowBlock ComputeRows(std::size_t begin, std::size_t end, SparseAccumulator& sums) const {
    RowBlock block;
    std::vector<Neighbour> row;
    for (std::size_t item = begin; item < end; ++item) {
      AddPairs(item, sums);
      row.clear();
      sums.Drain([&](std::uint32_t other, double sum) {
        if (other == item) return;
        const double similarity = row_factor_[item] * column_factor_[other] * sum;
        if (!(similarity <= ItemKnnModel::kMaxSimilarity) && block.status.ok())
          block.status = absl::InvalidArgumentError(absl::StrCat("TrainItemKnn: want similarities up to ",
                                                                 ItemKnnModel::kMaxSimilarity, ", got ", similarity,
                                                                 " between items ", item, " and ", other));
        if (const float stored = static_cast<float>(similarity); stored > 0) row.push_back({other, stored});
      });
      KeepStrongest(row, count_, mass_);
      block.Append(row);
    }
    return block;
  }

  // sums[i] += w_u t(u, item) t(u, i) for every user u of the item.
  void AddPairs(std::size_t item, SparseAccumulator& sums) const {
    const SparseRowView users = terms_.item_user.row(item);
    for (std::size_t n = 0; n < users.size(); ++n) {
      const double weight = terms_.user_weight[users.columns[n]] * users.value(n);
      const SparseRowView others = terms_.user_item.row(users.columns[n]);
      if (others.values.empty()) {
        for (std::uint32_t other : others.columns) sums.Add(other, weight);
      } else {
        for (std::size_t m = 0; m < others.size(); ++m) sums.Add(others.columns[m], weight * others.values[m]);
      }
    }
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
  std::vector<RowBlock> blocks((matrix.rows() + kRowBlock - 1) / kRowBlock);
  ForEachBlock(parallelism, matrix.rows(), kRowBlock, [&](std::size_t begin, std::size_t end, std::size_t block) {
    std::vector<Neighbour> row;
    for (std::size_t source = begin; source < end; ++source) {
      const SparseRowView entries = matrix.row(source);
      row.clear();
      for (std::size_t n = 0; n < entries.size(); ++n) row.push_back({entries.columns[n], entries.values[n]});
      KeepStrongest(row, count, 1);
      blocks[block].Append(row);
    }
  });
  return JoinRows(matrix.columns(), std::move(blocks));
}

inline absl::StatusOr<SparseMatrix> MakeNeighbours(const InteractionMatrix& matrix, const ItemKnnOptions& options,
                                                   const TrainingControl& control, const Parallelism& parallelism) {
  const KnnTerms terms = MakeKnnTerms(matrix, options);
  const std::size_t count = static_cast<std::size_t>(options.neighbours);
  if (options.neighbour_mass >= 1) return KnnProduct(terms, KnnRows::kSources, count, 1).Run(control, parallelism);
  WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix by_target,
                           KnnProduct(terms, KnnRows::kTargets, 0, options.neighbour_mass).Run(control, parallelism));
  SparseMatrix by_source = Transpose(by_target);
  if (count == 0) return by_source;
  return KeepStrongestOfRows(by_source, count, parallelism);
}

}  // namespace internal

// Trains on every positive interaction. Reports progress in equal parts of the one pass.
//
// Errors  kInvalidArgument: options out of range or without effect, an empty matrix, a strength out of range (names
//         user and item), similarities too large to store.  kCancelled.  kResourceExhausted: memory ended.
inline absl::StatusOr<ItemKnnModel> TrainItemKnn(const InteractionMatrix& matrix, const ItemKnnOptions& options,
                                                 const TrainingControl& control = {},
                                                 const Parallelism& parallelism = {}) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    WAYPOST_ASSIGN_OR_RETURN(SparseMatrix neighbours, internal::MakeNeighbours(matrix, options, control, parallelism));
    return ItemKnnModel(std::move(neighbours));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("TrainItemKnn: memory ended with ", matrix.items(), " items and ",
                                                     matrix.entries(), " interactions"));
  }
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_ITEM_KNN_HPP_
