#include "waypost/base/top_k_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/base/score_kernels.hpp"
#include "waypost/base/top_k_shortlist.hpp"
#include "waypost/base/top_k_tables.hpp"

namespace waypost {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

AlignedVector<float> RandomValues(std::uint64_t seed, std::size_t size, double scale) {
  Random random(seed);
  AlignedVector<float> values(size);
  for (float& value : values) value = static_cast<float>(scale * random.Normal());
  return values;
}

// The tables of the instruction set that this processor can run.
std::vector<const TopKKernels*> AllKernels() {
  std::vector<const TopKKernels*> all;
  for (const TopKKernels* kernels = &GetTopKKernels(); kernels != nullptr; kernels = kernels->plain)
    all.push_back(kernels);
  return all;
}

class TopKKernelsOfAProcessor : public testing::TestWithParam<const TopKKernels*> {};

INSTANTIATE_TEST_SUITE_P(All, TopKKernelsOfAProcessor, testing::ValuesIn(AllKernels()));

struct World {
  World(const TopKKernels* chosen, std::uint64_t seed, std::size_t rows, std::size_t stride, double row_scale,
        double query_scale)
      : kernels(chosen),
        table(rows, stride, SharedArray<float>(RandomValues(seed, rows * stride, row_scale))),
        tables(BuildTopKTables(table, Parallelism(1))),
        query(RandomValues(seed + 1000, stride, query_scale)),
        words(stride),
        prepared(chosen->prepare(query.data(), stride, words.data())) {}

  float Score(std::size_t position) const {
    return GetScoreKernels().dot(query.data(), table.row(tables.order[position]), table.stride());
  }
  // The whole-number product, from the layout as it is written down.
  std::int64_t Product(std::size_t position) const {
    const std::uint8_t* panel = tables.panels.data() + position / kTopKGroup * kTopKGroup * table.stride();
    std::int64_t sum = 0;
    for (std::size_t j = 0; j < table.stride(); ++j)
      sum += (panel[4 * (kTopKGroup * (j / 4) + position % kTopKGroup) + j % 4] - 128) * std::int64_t{words[j]};
    return sum;
  }
  // B of the header.
  double Error(const TopKGroup& group) const {
    return prepared.norm * group.residual + prepared.residual * (group.largest_norm + group.residual) +
           prepared.rounding * prepared.norm * group.largest_norm +
           prepared.tiny * (1 + prepared.norm) * (1 + group.largest_norm);
  }
  std::size_t Scan(std::size_t begin, double threshold, bool by_norm, TopKHit* hit) const {
    return kernels->scan(tables.panels.data(), tables.groups.data(), begin, tables.groups.size(), table.stride(),
                         words.data(), prepared, threshold, by_norm, hit);
  }

  const TopKKernels* kernels;
  FactorMatrix table;
  TopKTables tables;
  AlignedVector<float> query;
  AlignedVector<std::int8_t> words;
  TopKQuery prepared;
};

TEST_P(TopKKernelsOfAProcessor, AQueryIsItsWholeNumbersAndWhatIsLeft) {
  for (std::size_t stride : {16u, 64u, 304u}) {
    for (double scale : {1.0, 1e-20, 1e30}) {
      const World world(GetParam(), stride, 1, stride, 1, scale);
      double square = 0;
      double rest = 0;
      double sum = 0;
      for (std::size_t j = 0; j < stride; ++j) {
        square += double{world.query[j]} * world.query[j];
        rest += std::pow(world.query[j] - world.prepared.scale * world.words[j], 2);
        sum += world.words[j];
      }
      EXPECT_GE(world.prepared.norm, std::sqrt(square));
      EXPECT_LE(world.prepared.norm, std::sqrt(square) * 1.00001);
      EXPECT_GE(world.prepared.residual, std::sqrt(rest));
      EXPECT_LE(world.prepared.residual, std::sqrt(rest) * 1.00001);
      EXPECT_LE(world.prepared.residual, 0.02 * world.prepared.norm);  // 7 bits at least
      EXPECT_EQ(world.prepared.offset, 128 * sum);
    }
  }
}

TEST_P(TopKKernelsOfAProcessor, FindsTheRowsWhoseProductReachesTheBoundAndNoOthers) {
  for (std::size_t stride = 16; stride <= 320; stride += 16) {
    const World world(GetParam(), stride, 200, stride, 0.1, 0.3);
    for (double threshold : {-1.0, 0.0, 0.05 * std::sqrt(stride)}) {
      for (std::size_t g = 0; g < world.tables.groups.size(); ++g) {
        TopKHit hit{};
        const std::size_t at = world.Scan(g, threshold, false, &hit);
        EXPECT_EQ(hit.group, at);
        const std::uint64_t found = at == g ? hit.rows : 0;
        const TopKGroup& group = world.tables.groups[g];
        const double error = world.Error(group);
        const double bound = (threshold - error) / (group.scale * world.prepared.scale);
        if (at == g) {
          EXPECT_NEAR(hit.error, error, 1e-6 * error);  // the naive sum N + R is float32
        }
        for (std::size_t slot = 0; slot < kTopKGroup && 64 * g + slot < 200; ++slot) {
          const double product = static_cast<double>(world.Product(64 * g + slot));
          const bool bit = ((found >> slot) & 1) != 0;
          if (at == g) {
            EXPECT_EQ(hit.sums[slot] - world.prepared.offset, product);
            EXPECT_LE(std::abs(world.Score(64 * g + slot) - hit.unit * product), hit.error);
          }
          if (product >= bound) {
            EXPECT_TRUE(bit) << product << " " << bound;
          }
          if (product < bound - 4) {  // lowered by at most 3
            EXPECT_FALSE(bit) << product << " " << bound;
          }
        }
      }
    }
  }
}

TEST_P(TopKKernelsOfAProcessor, NoRowThatReachesTheThresholdIsMissed) {
  std::size_t kept = 0;
  std::size_t all = 0;
  for (double row_scale : {1e-44, 1e-39, 1e-20, 1.0, 1e15, 1e18}) {
    for (double query_scale : {1e-44, 1e-20, 1.0, 1e18}) {
      for (std::uint64_t seed = 0; seed < 6; ++seed) {
        const World world(GetParam(), seed, 300, 16 * (1 + seed), row_scale, query_scale);
        std::vector<float> scores;
        for (std::size_t p = 0; p < 300; ++p) scores.push_back(world.Score(p));
        for (std::size_t p = 0; p < 300; p += 7) {  // thresholds that are scores: equality counts as reached
          const double threshold = scores[p];
          std::vector<bool> found(300 + kTopKGroup);
          TopKHit hit{};
          for (std::size_t g = 0; (g = world.Scan(g, threshold, false, &hit)) < world.tables.groups.size(); ++g) {
            for (std::size_t slot = 0; slot < kTopKGroup; ++slot) {
              found[64 * g + slot] = (hit.rows >> slot & 1) != 0;
              if (64 * g + slot >= 300) continue;
              const double product = hit.unit * (hit.sums[slot] - world.prepared.offset);
              EXPECT_LE(std::abs(scores[64 * g + slot] - product), hit.error) << row_scale << " " << query_scale;
            }
          }
          for (std::size_t q = 0; q < 300; ++q) {
            if (scores[q] >= scores[p]) {
              EXPECT_TRUE(found[q]) << row_scale << " " << query_scale << " " << q;
            }
            if (row_scale == 1.0 && query_scale == 1.0) {
              ++all;
              kept += found[q] && !(scores[q] >= scores[p]) ? 1 : 0;
            }
          }
        }
      }
    }
  }
  EXPECT_LT(kept, all / 20);  // the bound is worth something
}

TEST_P(TopKKernelsOfAProcessor, ByNormNoRowIsMissedEither) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const World world(GetParam(), seed, 300, 32, 1, 1);
    for (double cosine : {0.0, 0.1, 0.5}) {
      TopKHit hit{};
      std::vector<bool> found(300 + kTopKGroup);
      for (std::size_t g = 0; (g = world.Scan(g, cosine, true, &hit)) < world.tables.groups.size(); ++g)
        for (std::size_t slot = 0; slot < kTopKGroup; ++slot) found[64 * g + slot] = (hit.rows >> slot & 1) != 0;
      for (std::size_t p = 0; p < 300; ++p)
        if (world.Score(p) >= cosine * world.tables.norms[p]) {
          EXPECT_TRUE(found[p]);
        }
    }
  }
}

TEST(TopKKernels, StopsWhereNoLaterRowCanReachTheThreshold) {
  AlignedVector<float> values(640 * 16, 0.0f);
  for (std::size_t row = 0; row < 640; ++row) values[row * 16] = 1.0f / static_cast<float>(1 + row);
  const FactorMatrix table(640, 1, SharedArray<float>(std::move(values)));
  const TopKTables tables = BuildTopKTables(table, Parallelism(1));
  AlignedVector<float> query(16, 0.0f);
  query[0] = 1;
  AlignedVector<std::int8_t> words(16);
  const TopKQuery prepared = GetTopKKernels().prepare(query.data(), 16, words.data());
  TopKHit hit{};
  const auto scan = [&](double threshold) {
    return GetTopKKernels().scan(tables.panels.data(), tables.groups.data(), 2, 10, 16, words.data(), prepared,
                                 threshold, false, &hit);
  };
  EXPECT_EQ(scan(0.5), kTopKStop);
  EXPECT_EQ(hit.group, 2u);
  EXPECT_EQ(scan(1.0 / 129), 2u);
  EXPECT_EQ(hit.rows & 1, 1u);
  EXPECT_EQ(scan(-kInfinity), 2u);
  EXPECT_EQ(hit.rows, ~std::uint64_t{0});
}

TEST_P(TopKKernelsOfAProcessor, DamagedTablesExcludeNothingOrEndTheScan) {
  World world(GetParam(), 1, 256, 32, 1, 1);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const AlignedVector<std::uint8_t> panels(256 * 32, 255);
  for (const TopKGroup& bad : {TopKGroup{nan, nan, nan, nan}, TopKGroup{inf, 0, 0, inf}, TopKGroup{1, 1, 0, nan},
                               TopKGroup{-1, -1, -1, -1}, TopKGroup{3e38f, 3e38f, 1e-45f, 3e38f}}) {
    const AlignedVector<TopKGroup> groups(4, bad);
    for (double threshold : {-kInfinity, -1.0, 0.0, 3e38}) {
      for (bool by_norm : {false, true}) {
        TopKHit hit{};
        const std::size_t found =
            GetParam()->scan(panels.data(), groups.data(), 0, 4, 32, world.words.data(), world.prepared,
                             by_norm ? std::abs(threshold) : threshold, by_norm, &hit);
        EXPECT_TRUE(found <= 4 || found == kTopKStop);
        EXPECT_LE(hit.group, 4u);
      }
    }
  }
}

// Bounds in ever higher buckets: the threshold passes empty and full ones, one or many at a time.
TEST(TopKShortlist, ItsThresholdFollowsRisingBounds) {
  const auto list = std::make_unique<TopKShortlist>();
  for (std::size_t k : {1u, 3u, 64u}) {
    for (double step : {1.0 / 2046, 5.0 / 2046, 0.13}) {
      list->Reset(k, 1.0);
      std::size_t added = 0;
      for (double bound = -1; bound < 1; bound += step) {
        list->Clear();
        list->Add(0, 0, bound, 1);
        ++added;
        if (added % 3 == 0) list->Raise();  // what was added before counts too
        if (added % 3 != 0 || added < k) continue;
        const double best = bound - step * static_cast<double>(k - 1);  // the k-th best so far
        EXPECT_LE(list->threshold(), best + 1e-12);
        EXPECT_GE(list->threshold(), best - 2.1 * 2 / 2046);
      }
    }
  }
}

TEST(TopKShortlist, ItsThresholdIsJustBelowTheKthBestLowerBound) {
  const auto list = std::make_unique<TopKShortlist>();
  for (std::size_t k : {1u, 7u, 100u, 900u}) {
    for (double spread : {1e-30, 0.2, 1.0, 3.0}) {  // the last: many bounds lie beyond the buckets
      Random random(k);
      list->Reset(k, 1.0);
      std::vector<double> lower;
      for (std::size_t n = 0; n < 2000; ++n) {
        if (list->size() == TopKShortlist::kCapacity) list->Clear();
        lower.push_back(n % 100 == 99 ? std::numeric_limits<double>::quiet_NaN() : spread * random.Normal());
        list->Add(static_cast<std::uint32_t>(n), 0, lower.back(), 1);
        list->Raise();
        std::vector<double> sorted = lower;
        std::erase_if(sorted, [](double value) { return std::isnan(value); });
        if (sorted.size() < k) {
          EXPECT_EQ(list->threshold(), -kInfinity);
          continue;
        }
        std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(k - 1), sorted.end(),
                         std::greater<>());
        const double best = sorted[k - 1];
        EXPECT_LE(list->threshold(), best);
        if (best > -1) {
          EXPECT_GE(list->threshold(), std::min(best, 1.0) - 2.1 * 2 / 2046);  // two buckets and a little
        }
      }
    }
  }
}

TEST(TopKShortlist, KeepsWhatReachesTheThreshold) {
  const auto list = std::make_unique<TopKShortlist>();
  list->Reset(3, 1.0);
  Random random(1);
  std::vector<double> upper;
  for (std::uint32_t n = 0; n < 500; ++n) {
    upper.push_back(random.Normal());
    list->Add(n, 2 * n, upper.back() - 1, upper.back());
  }
  list->Keep(upper[17]);
  std::size_t next = 0;
  for (const TopKShortlist::Row& row : list->rows()) {
    for (; next < row.item; ++next) EXPECT_LT(upper[next], upper[17]);
    EXPECT_GE(row.upper, upper[row.item]);
    EXPECT_EQ(row.position, 2 * row.item);
    next = row.item + 1;
  }
  for (; next < 500; ++next) EXPECT_LT(upper[next], upper[17]);
}

}  // namespace
}  // namespace waypost
