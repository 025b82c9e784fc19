// waypost/model/ials_row_plan.hpp - the order in which a half-epoch of iALS solves its rows.
#ifndef WAYPOST_MODEL_IALS_ROW_PLAN_HPP_
#define WAYPOST_MODEL_IALS_ROW_PLAN_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost::internal {

// The rows of one orientation by length: long ones first, so that threads end together, and rows of one length side by
// side. Block b solves the rows order[starts[b]] .. order[starts[b + 1] - 1], the first of which is its longest.
struct IalsRowPlan {
  static constexpr std::size_t kBlock = 64;  // rows of a block, at most: whole groups of vector lanes
  static constexpr double kBlockWork = 4e6;  // multiply-adds of a block with more than one row, at most

  std::vector<std::uint32_t> order;
  std::vector<std::size_t> starts;

  std::size_t blocks() const { return starts.size() - 1; }
};

// A function of the row lengths and the stride of the factors alone.
inline IalsRowPlan PlanIalsRows(const SparseMatrix& rows, std::size_t stride) {
  IalsRowPlan plan;
  plan.order.resize(rows.rows());
  std::iota(plan.order.begin(), plan.order.end(), 0u);
  std::stable_sort(plan.order.begin(), plan.order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return rows.row_size(a) > rows.row_size(b); });
  const auto d = static_cast<double>(stride);
  double work = 0;
  for (std::size_t at = 0; at < plan.order.size(); ++at) {
    const auto n = static_cast<double>(rows.row_size(plan.order[at]));
    const double cost = n < d ? n * n * (d / 2 + n / 6) : d * d * (n / 2 + d / 6);
    if (plan.starts.empty() || at == plan.starts.back() + IalsRowPlan::kBlock ||
        work + cost > IalsRowPlan::kBlockWork) {
      plan.starts.push_back(at);
      work = 0;
    }
    work += cost;
  }
  plan.starts.push_back(plan.order.size());
  return plan;
}

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_IALS_ROW_PLAN_HPP_
