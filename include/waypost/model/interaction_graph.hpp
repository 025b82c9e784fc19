// waypost/model/interaction_graph.hpp - the interactions as a graph between users and items, and one step of its
// degree-normalised walk: what graph filters multiply a history by.
//
// Definition   P = N^T N with N(u, i) = x(u, i) / sqrt(s_u s_i), s the sums of strengths of a user and of an item.
// Why sparse   P itself holds every pair of items with a common user: 42 million entries, 340 MB, on gowalla. Two
//              products with N, 13 MB that stay in the cache, give the same scores; for one history they touch only the
//              users of its items and the items of those.
#ifndef WAYPOST_MODEL_INTERACTION_GRAPH_HPP_
#define WAYPOST_MODEL_INTERACTION_GRAPH_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/matrix/sparse_product.hpp"

namespace waypost {

// The arrays of a damaged file that was opened unchecked may hold anything: every index is bounded where it is used.
//
// Immutable: safe to use from any number of threads.
struct InteractionGraph {
  SparseMatrix user_item;
  SparseMatrix item_user;         // its transpose
  SharedArray<float> user_scale;  // 1 / s_u; 0 without interactions
  SharedArray<float> item_scale;  // 1 / sqrt(s_i); 0 without interactions

  std::size_t users() const { return user_item.rows(); }
  std::size_t items() const { return item_user.rows(); }
};

namespace internal {

// (sum of a row)^-exponent, 0 for an empty row.
inline SharedArray<float> DegreeScale(const SparseMatrix& rows, double exponent) {
  constexpr double kLargest = 1e30;  // of strengths that are hardly numbers: products stay finite
  AlignedVector<float> scale(rows.rows(), 0.0f);
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const SparseRowView entries = rows.row(row);
    double sum = 0;
    for (std::size_t n = 0; n < entries.size(); ++n) sum += entries.value(n);
    if (sum > 0) scale[row] = static_cast<float>(std::min(std::pow(sum, -exponent), kLargest));
  }
  return SharedArray<float>(std::move(scale));
}

}  // namespace internal

// The graph of a matrix, which it shares.
inline InteractionGraph MakeInteractionGraph(const InteractionMatrix& matrix) {
  return {.user_item = matrix.user_item(),
          .item_user = matrix.item_user(),
          .user_scale = internal::DegreeScale(matrix.user_item(), 1),
          .item_scale = internal::DegreeScale(matrix.item_user(), 0.5)};
}

namespace internal {

// The product of one history and P, in the memory of a thread.
//
// (1) Between calls every user's weight is 0.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class HistoryWalk {
 public:
  // result(i) = sum over the items j of `history` of strength(j) P(j, i), float64[items], until the next call.
  // Cost  the interactions of the history's items, and of the users met there; 12 bytes a user and 8 an item a thread.
  std::span<const double> Run(const InteractionGraph& graph, const SparseRowView& history) {
    Reserve(graph);
    std::size_t met = 0;
    for (std::size_t n = 0; n < history.size(); ++n) {
      const std::uint32_t item = history.columns[n];
      const SparseRowView users = graph.item_user.row(item);
      const double weight = static_cast<double>(history.value(n)) * graph.item_scale[item];
      for (std::size_t m = 0; m < users.size(); ++m) {
        const std::uint32_t user = users.columns[m];
        if (user >= graph.users()) continue;
        if (weights_[user] == 0 && met < graph.users()) met_[met++] = user;
        weights_[user] += weight * users.value(m);
      }
    }
    const std::span<double> sums = std::span(sums_).first(graph.items());
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t n = 0; n < met; ++n) {
      const double weight = std::exchange(weights_[met_[n]], 0.0) * graph.user_scale[met_[n]];
      const SparseRowView items = graph.user_item.row(met_[n]);
      for (std::size_t m = 0; m < items.size(); ++m)
        if (items.columns[m] < sums.size()) sums[items.columns[m]] += weight * items.value(m);
    }
    for (std::size_t item = 0; item < sums.size(); ++item) sums[item] *= graph.item_scale[item];
    return sums;
  }

 private:
  void Reserve(const InteractionGraph& graph) {
    if (weights_.size() < graph.users()) {
      met_.resize(graph.users());
      weights_.resize(graph.users(), 0.0);
    }
    if (sums_.size() < graph.items()) sums_.resize(graph.items());
  }

  std::vector<double> weights_;  // of users
  std::vector<std::uint32_t> met_;
  std::vector<double> sums_;  // of items
};

// Vectors over all items for up to kLanes histories at once, and their products with P. A history's result does not
// depend on the others.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class GraphLanes {
 public:
  // Lifetime  the arguments outlive the object.
  GraphLanes(const InteractionGraph& graph, const Parallelism& parallelism)
      : graph_(graph),
        parallelism_(parallelism),
        lanes_(graph.items() * kLanes, 0.0f),
        work_(graph.items() * kLanes),
        users_(graph.users() * kLanes) {}

  // float32[items x kLanes].
  std::span<float> lanes() { return lanes_; }

  // The product of the lanes and P, until the next call.
  std::span<const float> Product() {
    ForEachItem([&](std::size_t at, std::size_t item) { work_[at] = lanes_[at] * graph_.item_scale[item]; });
    const auto never = [] { return false; };
    SumNeighbours(
        graph_.user_item, EntryWeights::kValues, work_, kLanes, [&](std::size_t u) { return graph_.user_scale[u]; },
        users_, parallelism_, never);
    SumNeighbours(
        graph_.item_user, EntryWeights::kValues, users_, kLanes, [&](std::size_t i) { return graph_.item_scale[i]; },
        work_, parallelism_, never);
    return work_;
  }

  // Integrates dy/dt = -y P over `time` from the lanes y, in `steps` steps of a Runge-Kutta method of this order, which
  // for a linear equation is the sum of its first powers: y - h y P + (h y P)^2 / 2 - ... .
  void Sharpen(double time, int steps, int order) {
    const double h = time / steps;
    for (int step = 0; step < steps; ++step) {
      const AlignedVector<float> begin = lanes_;
      for (int power = order; power >= 1; --power) {
        Product();
        const auto factor = static_cast<float>(h / power);
        for (std::size_t at = 0; at < lanes_.size(); ++at) lanes_[at] = begin[at] - factor * work_[at];
      }
    }
  }

 private:
  template <typename Visit>
  void ForEachItem(const Visit& visit) {
    for (std::size_t item = 0; item < graph_.items(); ++item)
      for (std::size_t lane = 0; lane < kLanes; ++lane) visit(item * kLanes + lane, item);
  }

  const InteractionGraph& graph_;
  const Parallelism& parallelism_;
  AlignedVector<float> lanes_;
  AlignedVector<float> work_;
  AlignedVector<float> users_;
};

}  // namespace internal

}  // namespace waypost

#endif  // WAYPOST_MODEL_INTERACTION_GRAPH_HPP_
