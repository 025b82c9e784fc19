#include "waypost/model/ials_row_plan.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"

namespace waypost {
namespace {

TEST(IalsRowPlan, TakesEachRowOnceLongRowsFirstInBlocksOfBoundedWork) {
  const SparseMatrix rows = testing_support::RandomMatrix(1, 700, 600, 0.3).user_item();
  for (std::size_t stride : {std::size_t{16}, std::size_t{512}}) {
    const internal::IalsRowPlan plan = internal::PlanIalsRows(rows, stride);
    for (std::size_t at = 1; at < plan.order.size(); ++at) {
      const std::size_t before = rows.row_size(plan.order[at - 1]);
      const std::size_t here = rows.row_size(plan.order[at]);
      EXPECT_TRUE(before > here || (before == here && plan.order[at - 1] < plan.order[at]));
    }
    std::vector<std::uint32_t> sorted = plan.order;
    std::sort(sorted.begin(), sorted.end());
    for (std::uint32_t row = 0; row < rows.rows(); ++row) EXPECT_EQ(sorted[row], row);
    EXPECT_EQ(plan.starts.front(), 0u);
    EXPECT_EQ(plan.starts.back(), rows.rows());
    for (std::size_t block = 0; block < plan.blocks(); ++block) {
      EXPECT_LT(plan.starts[block], plan.starts[block + 1]);
      EXPECT_LE(plan.starts[block + 1] - plan.starts[block], internal::IalsRowPlan::kBlock);
    }
    const std::size_t fewest = 700 / internal::IalsRowPlan::kBlock + 1;
    EXPECT_EQ(plan.blocks() > fewest, stride == 512);  // 180 entries a row: there the work bounds the blocks
  }
}

TEST(IalsRowPlan, OfNoRowsHasNoBlock) {
  EXPECT_EQ(internal::PlanIalsRows(SparseMatrix(), 16).blocks(), 0u);
}

}  // namespace
}  // namespace waypost
