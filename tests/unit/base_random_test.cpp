#include "waypost/base/random.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waypost {
namespace {

using ::testing::ElementsAre;

// xoshiro256++ as its authors publish it, on a state given outright.
std::uint64_t Xoshiro(std::array<std::uint64_t, 4>& s) {
  const std::uint64_t result = std::rotl(s[0] + s[3], 23) + s[0];
  const std::uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

TEST(Random, SplitMix64HasItsPublishedFirstOutputs) {
  std::uint64_t state = 1234567;
  std::vector<std::uint64_t> outputs;
  for (int n = 0; n < 5; ++n) outputs.push_back(SplitMix64(state));
  EXPECT_THAT(outputs, ElementsAre(6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                   4593380528125082431u, 16408922859458223821u));
}

TEST(Random, Xoshiro256PlusPlusHasItsPublishedFirstOutputsAndIsTheGenerator) {
  std::array<std::uint64_t, 4> state = {1, 2, 3, 4};
  std::vector<std::uint64_t> outputs;
  for (int n = 0; n < 10; ++n) outputs.push_back(Xoshiro(state));
  EXPECT_THAT(outputs, ElementsAre(41943041u, 58720359u, 3588806011781223u, 3591011842654386u, 9228616714210784205u,
                                   9973669472204895162u, 14011001112246962877u, 12406186145184390807u,
                                   15849039046786891736u, 10450023813501588000u));
  for (std::uint64_t stream : {0, 1, 77}) {
    std::uint64_t mix = stream;
    std::uint64_t seeding = 42 ^ SplitMix64(mix);
    for (std::uint64_t& word : state) word = SplitMix64(seeding);
    Random random(42, stream);
    for (int n = 0; n < 100; ++n) EXPECT_EQ(random.Bits(), Xoshiro(state));
  }
}

// Compares a sample's mean and variance with the distribution's, within five standard errors.
template <typename Draw>
void ExpectMoments(double mean, double variance, double fourth_central_moment, const Draw& draw) {
  constexpr int kDraws = 200'000;
  double sum = 0, squares = 0;
  for (int n = 0; n < kDraws; ++n) {
    const double value = draw();
    sum += value;
    squares += (value - mean) * (value - mean);
  }
  EXPECT_NEAR(sum / kDraws, mean, 5 * std::sqrt(variance / kDraws));
  EXPECT_NEAR(squares / kDraws, variance, 5 * std::sqrt((fourth_central_moment - variance * variance) / kDraws));
}

TEST(Random, DistributionsHaveTheirMoments) {
  Random random(1);
  ExpectMoments(0.5, 1.0 / 12, 1.0 / 80, [&] { return random.Uniform(); });
  ExpectMoments(0, 1, 3, [&] { return random.Normal(); });
  ExpectMoments(1, 1, 9, [&] { return random.Exponential(); });
  ExpectMoments(0.3, 0.21, 0.3 * 0.7 * (1 - 3 * 0.21), [&] { return random.Bernoulli(0.3) ? 1.0 : 0.0; });
  for (double mean : {0.1, 1.0, 20.0})
    ExpectMoments(mean, mean, mean + 3 * mean * mean, [&] { return static_cast<double>(random.Poisson(mean)); });
  EXPECT_EQ(random.Poisson(0), 0u);
}

TEST(Random, BelowIsUniform) {
  Random random(2);
  for (std::uint64_t bound : {1, 2, 3, 10, 1000}) {
    std::vector<double> counts(bound, 0);
    const double draws = 100.0 * static_cast<double>(bound) + 10'000;
    for (double n = 0; n < draws; ++n) counts[random.Below(bound)] += 1;
    double chi_squared = 0;
    const double expected = draws / static_cast<double>(bound);
    for (double count : counts) chi_squared += (count - expected) * (count - expected) / expected;
    const double freedom = static_cast<double>(bound - 1);
    EXPECT_LE(chi_squared, freedom + 5 * std::sqrt(2 * freedom));  // five standard deviations
  }
  for (int n = 0; n < 100; ++n) EXPECT_LT(random.Below((1ull << 63) + 1), (1ull << 63) + 1);
}

TEST(Random, WeightedDrawsInProportionAndNeverAnImpossiblePosition) {
  Random random(3);
  const std::vector<double> weights = {0, 1, 3, 0, 6, 0};
  std::vector<int> counts(weights.size(), 0);
  for (int n = 0; n < 100'000; ++n) ++counts[random.Weighted(weights)];
  for (std::size_t position = 0; position < weights.size(); ++position)
    EXPECT_NEAR(counts[position], weights[position] * 10'000, weights[position] > 0 ? 5 * std::sqrt(25'000.0) : 0);
}

TEST(Random, ShuffleGivesEveryOrderEquallyOften) {
  Random random(4);
  std::vector<int> counts(64, 0);
  for (int n = 0; n < 24'000; ++n) {
    std::array<int, 3> order = {0, 1, 2};
    random.Shuffle(std::span<int>(order));
    ++counts[static_cast<std::size_t>(order[0] * 16 + order[1] * 4 + order[2])];
  }
  EXPECT_EQ(std::count_if(counts.begin(), counts.end(), [](int count) { return count > 0; }), 6);
  for (int count : counts) EXPECT_TRUE(count == 0 || std::abs(count - 4000) < 5 * std::sqrt(4000.0)) << count;
}

TEST(Random, SeedsAndStreamsDiffer) {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (std::uint64_t stream = 0; stream < 50; ++stream) first.insert(Random(seed, stream).Bits());
  EXPECT_EQ(first.size(), 2500u);
  EXPECT_EQ(Random(7, 3).Bits(), Random(7, 3).Bits());
}

}  // namespace
}  // namespace waypost
