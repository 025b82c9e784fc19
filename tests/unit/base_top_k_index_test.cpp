#include "waypost/base/top_k_index.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_top_k.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

// Elements are small whole numbers, so that equal scores are frequent; padding is 0.
AlignedVector<float> RandomRows(std::uint64_t seed, std::size_t rows, std::size_t dimensions) {
  Random random(seed);
  AlignedVector<float> values(rows * PaddedDimensions(dimensions), 0.0f);
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t d = 0; d < dimensions; ++d)
      values[row * PaddedDimensions(dimensions) + d] = static_cast<float>(random.Below(5)) - 2;
  return values;
}

struct World {
  World(std::uint64_t seed, std::size_t rows, std::size_t queries, std::size_t dimensions)
      : index(FactorMatrix(rows, dimensions, SharedArray<float>(RandomRows(seed, rows, dimensions)))),
        query_values(RandomRows(seed + 1'000'000, queries, dimensions)) {}

  // Every row scored by the one score function, one query at a time, then sorted in full.
  std::vector<ScoredItem> BruteForce(std::size_t query, std::size_t k, const Candidates& candidates) const {
    const std::size_t stride = index.rows().stride();
    std::vector<float> scores(index.rows().rows());
    for (std::size_t row = 0; row < scores.size(); ++row)
      scores[row] = GetScoreKernels().dot(query_values.data() + query * stride, index.rows().row(row), stride);
    return reference::NaiveTopK(scores, k, candidates);
  }

  TopKIndex index;
  AlignedVector<float> query_values;
};

TEST(TopKIndex, EqualsBruteForceToTheBitForAnyListsCountsAndThreads) {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t rows = random.Below(900);
    const std::size_t queries = 1 + random.Below(40);
    const World world(seed, rows, queries, 1 + random.Below(40));
    std::vector<Bitmap> allowed;
    std::vector<std::vector<std::uint32_t>> excluded(queries);
    std::vector<Candidates> candidates;
    for (std::size_t q = 0; q < queries; ++q) {
      allowed.emplace_back(rows);
      const double share = q % 3 == 0 ? 0.004 : random.Uniform();  // also include lists far smaller than k
      for (std::size_t row = 0; row < rows; ++row) {
        if (random.Bernoulli(share)) allowed[q].Set(row);
        if (random.Bernoulli(0.3)) excluded[q].push_back(static_cast<std::uint32_t>(row));
      }
    }
    for (std::size_t q = 0; q < queries; ++q) {
      candidates.push_back({});
      if (random.Below(2) == 0) candidates[q].allowed = &allowed[q];
      if (random.Below(2) == 0) candidates[q].excluded = excluded[q];
    }
    for (std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{20}, rows + 5}) {
      for (int threads : {1, 2, 7}) {
        const auto found = *world.index.Search(world.query_values, candidates, k, Parallelism(threads));
        ASSERT_EQ(found.size(), queries);
        for (std::size_t q = 0; q < queries; ++q) EXPECT_EQ(found[q], world.BruteForce(q, k, candidates[q]));
      }
    }
  }
}

TEST(TopKIndex, AnEmptyTableAnswersWithEmptyLists) {
  const World world(1, 0, 2, 8);
  const std::vector<Candidates> candidates(2);
  const auto found = *world.index.Search(world.query_values, candidates, 5, Parallelism(1));
  EXPECT_THAT(found, testing::Each(testing::IsEmpty()));
  EXPECT_TRUE(world.index.Search({}, {}, 5, Parallelism(1))->empty());
}

TEST(TopKIndex, RejectingAllRowsGivesEmptyLists) {
  const World world(2, 300, 1, 8);
  const Bitmap nothing(300);
  const Candidates candidates{.allowed = &nothing, .excluded = {}};
  EXPECT_TRUE(world.index.Search(world.query_values, std::span(&candidates, 1), 5, Parallelism(1))->front().empty());
}

TEST(TopKIndex, OneQueryHasTheBitsItHasAmongMany) {
  const World world(3, 500, 33, 24);
  const std::vector<Candidates> candidates(33);
  const auto many = *world.index.Search(world.query_values, candidates, 10, Parallelism(2));
  const std::size_t stride = world.index.rows().stride();
  for (std::size_t q = 0; q < 33; ++q) {
    AlignedVector<float> alone(world.query_values.begin() + static_cast<std::ptrdiff_t>(q * stride),
                               world.query_values.begin() + static_cast<std::ptrdiff_t>((q + 1) * stride));
    EXPECT_EQ(world.index.Search(alone, std::span(candidates).first(1), 10, Parallelism(1))->front(), many[q]);
  }
}

TEST(TopKIndex, RefusesScoresThatAreNotFinite) {
  for (const float damage : {std::numeric_limits<float>::quiet_NaN(), 3e38f}) {  // the second overflows in the product
    AlignedVector<float> rows(300 * 16, 0.0f);
    rows[299 * 16] = damage;
    const TopKIndex index(FactorMatrix(300, 1, SharedArray<float>(std::move(rows))));
    AlignedVector<float> queries(2 * 16, 0.0f);
    queries[16] = 10;
    const std::vector<Candidates> candidates(2);
    const auto found = index.Search(queries, candidates, 5, Parallelism(1));
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss) << found.status();
  }
}

// 20,000 rows whose norms are skewed as those of trained factors, or rows that hardly differ.
World LargeWorld(bool alike) {
  constexpr std::size_t kRows = 20'000;
  constexpr std::size_t kStride = 16;
  World world(0, 0, 3, kStride);
  Random random(5);
  AlignedVector<float> rows(kRows * kStride);
  for (std::size_t row = 0; row < kRows; ++row) {
    const double length = alike ? 1e-4 : std::exp(0.7 * random.Normal());
    for (std::size_t d = 0; d < kStride; ++d)
      rows[row * kStride + d] = static_cast<float>(length * random.Normal() + (alike ? 1 : 0));
  }
  world.index = TopKIndex(FactorMatrix(kRows, kStride, SharedArray<float>(std::move(rows))));
  for (float& value : world.query_values) value = static_cast<float>(random.Normal());
  return world;
}

TEST(TopKIndex, ScoresEveryRowWherePruningCannotPayAndFewWhereItDoes) {
  for (bool alike : {false, true}) {
    const World world = LargeWorld(alike);
    for (std::size_t k : {10u, 100u, 1000u, 2000u, 10'000u}) {
      for (std::size_t q = 0; q < 3; ++q) {
        std::vector<ScoredItem> best(k);
        TopKCertificate certificate;
        const float* query = world.query_values.data() + q * world.index.rows().stride();
        ASSERT_EQ(*world.index.SearchInto(query, {}, best, &certificate), k);
        EXPECT_EQ(best, world.BruteForce(q, k, {})) << k;
        const bool pruned = !alike && k <= 20'000 / 16;
        EXPECT_EQ(certificate.pruned, pruned) << k;
        if (pruned) {
          EXPECT_LT(certificate.scored, 4 * k) << k;
        } else {
          EXPECT_GE(certificate.scored, 20'000u) << k;
        }
      }
    }
  }
}

}  // namespace
}  // namespace waypost
