#include "waypost/model/pairwise_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "reference/naive_pairwise.hpp"
#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/random.hpp"
#include "waypost/base/shared_array.hpp"

namespace waypost {
namespace {

// Tables of random vectors, in the form of the kernels and in that of the reference.
struct World {
  std::size_t dimensions;
  std::size_t stride = PaddedDimensions(dimensions);
  std::vector<std::vector<std::uint32_t>> own = {{0, 3, 4}, {1}, {2, 5, 6, 7}};
  AlignedVector<float> users = Table(1, 3, /*bias=*/true);
  AlignedVector<float> items = Table(2, 40, /*bias=*/false);
  std::vector<std::uint64_t> offsets = {0, 3, 4, 8};
  std::vector<std::uint32_t> columns = {0, 3, 4, 1, 2, 5, 6, 7};

  AlignedVector<float> Table(std::uint64_t seed, std::size_t rows, bool bias) const {
    Random random(seed);
    AlignedVector<float> table(rows * stride, 0.0f);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t k = 0; k < dimensions; ++k)
        table[row * stride + k] = static_cast<float>(random.Normal() / std::sqrt(static_cast<double>(dimensions)));
      if (bias) table[row * stride + dimensions - 1] = 1.0f;
    }
    return table;
  }
  reference::DenseRows Dense(const AlignedVector<float>& table) const {
    reference::DenseRows rows(table.size() / stride);
    for (std::size_t row = 0; row < rows.size(); ++row)
      rows[row].assign(table.begin() + static_cast<std::ptrdiff_t>(row * stride),
                       table.begin() + static_cast<std::ptrdiff_t>(row * stride + dimensions));
    return rows;
  }
  void ExpectNear(const AlignedVector<float>& table, const reference::DenseRows& want) const {
    for (std::size_t row = 0; row < want.size(); ++row) {
      for (std::size_t k = 0; k < dimensions; ++k)
        ASSERT_NEAR(table[row * stride + k], want[row][k], 2e-5) << row << ", " << k;
      for (std::size_t k = dimensions; k < stride; ++k) ASSERT_EQ(table[row * stride + k], 0) << "padding of " << row;
    }
  }
};

struct Losses {
  std::vector<float> rank_weights;
  PairwiseStep Step(const World& world) const {
    return {.stride = world.stride,
            .bias = world.dimensions - 1,
            .learning_rate = 0.05f,
            .regularization = 0.1f,
            .rank_weights = rank_weights.empty() ? nullptr : rank_weights.data(),
            .max_trials = rank_weights.empty() ? 1 : static_cast<int>(rank_weights.size())};
  }
  reference::NaiveStep Naive(const World& world) const {
    return {.bias = world.dimensions - 1,
            .learning_rate = 0.05f,
            .regularization = 0.1f,
            .rank_weights = {rank_weights.begin(), rank_weights.end()}};
  }
};
const Losses kLosses[] = {{{}}, {{3.6f, 2.9f, 2.5f}}};

TEST(PairwiseKernels, StepsAreThoseOfTheFormulas) {
  const std::vector<std::uint32_t> candidates = {0, 5, 9, 12, 17, 21, 30, 39};
  for (const Losses& losses : kLosses) {
    for (std::size_t dimensions : {1u, 2u, 15u, 16u, 33u, 64u}) {
      World world{dimensions};
      std::vector<PairwiseSample> samples;
      Random random(7);
      for (int n = 0; n < 60; ++n) {
        const auto user = static_cast<std::uint32_t>(random.Below(3));
        const auto& own = world.own[user];
        samples.push_back({user, own[random.Below(own.size())], static_cast<float>(1 + random.Below(3))});
      }
      reference::DenseRows users = world.Dense(world.users);
      reference::DenseRows items = world.Dense(world.items);
      std::uint64_t state = 11;
      for (const PairwiseSample& sample : samples)
        reference::NaiveVisit(users[sample.user], items, sample.item, world.own[sample.user], candidates,
                              losses.Naive(world), sample.weight, /*items_stay=*/false, state);
      GetPairwiseKernels().train({world.users.data(), world.items.data(), world.offsets.data(), world.columns.data()},
                                 losses.Step(world), samples.data(), samples.size(), candidates.data(),
                                 candidates.size(), 11);
      world.ExpectNear(world.users, users);
      world.ExpectNear(world.items, items);
    }
  }
}

TEST(PairwiseKernels, AFoldInMakesTheSameStepsWhileItemsStayAndTellsThem) {
  std::vector<std::uint32_t> all(40);
  std::iota(all.begin(), all.end(), 0u);
  constexpr std::size_t kSteps = 50;
  for (const Losses& losses : kLosses) {
    for (std::size_t dimensions : {2u, 16u, 40u}) {
      const World world{dimensions};
      const std::vector<std::uint32_t>& own = world.own[2];
      const std::vector<float> weights = {1, 0.5f, 2, 1};
      AlignedVector<float> vector(world.stride, 0.0f);
      vector[dimensions - 1] = 1;
      std::vector<PairwiseTerm> terms(kSteps);
      GetPairwiseKernels().fold_in({world.items.data(), 40, own.data(), weights.data(), own.size()}, losses.Step(world),
                                   kSteps, 3, vector.data(), terms.data());
      std::vector<double> w(dimensions, 0.0);
      w[dimensions - 1] = 1;
      reference::DenseRows items = world.Dense(world.items);
      reference::NaiveStep step = losses.Naive(world);
      std::uint64_t state = 3;
      std::vector<double> told(dimensions, 0.0);
      for (std::size_t n = 0; n < kSteps; ++n) {
        step.learning_rate = double{0.05f} * (1 - 0.9 * static_cast<double>(n) / kSteps);
        const std::size_t position = n % own.size();
        const std::int64_t negative = reference::NaiveVisit(w, items, own[position], own, all, step, weights[position],
                                                            /*items_stay=*/true, state);
        EXPECT_EQ(terms[n].position, position);
        EXPECT_EQ(terms[n].amount != 0, negative >= 0) << n;
        if (negative >= 0) {
          EXPECT_EQ(terms[n].negative, negative) << n;
        } else {
          EXPECT_EQ(terms[n].shrink, 1) << n;
        }
        for (std::size_t k = 0; k + 1 < dimensions; ++k)
          told[k] =
              terms[n].shrink * told[k] + terms[n].amount * (items[own[position]][k] - items[terms[n].negative][k]);
      }
      for (std::size_t k = 0; k < dimensions; ++k) EXPECT_NEAR(vector[k], w[k], 2e-5) << k;
      for (std::size_t k = 0; k + 1 < dimensions; ++k) EXPECT_NEAR(vector[k], told[k], 2e-5) << k;
    }
  }
}

TEST(PairwiseKernels, AUserOfAllCandidatesMakesNoStep) {
  World world{16};
  const AlignedVector<float> users = world.users;
  const AlignedVector<float> items = world.items;
  const std::vector<std::uint32_t> candidates = {0, 3, 4};
  const PairwiseSample sample{0, 3, 1};
  for (const Losses& losses : kLosses)
    GetPairwiseKernels().train({world.users.data(), world.items.data(), world.offsets.data(), world.columns.data()},
                               losses.Step(world), &sample, 1, candidates.data(), candidates.size(), 5);
  EXPECT_EQ(world.users, users);
  EXPECT_EQ(world.items, items);
}

}  // namespace
}  // namespace waypost
