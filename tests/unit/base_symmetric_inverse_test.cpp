#include "waypost/base/symmetric_inverse.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

constexpr auto kNeverStop = [] { return false; };

// X^T X + ridge I of random numbers.
Eigen::MatrixXd RandomPositive(std::uint64_t seed, std::size_t size, double ridge) {
  Random random(seed);
  const auto n = static_cast<Eigen::Index>(size);
  Eigen::MatrixXd x(n / 2 + 3, n);
  for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = random.Normal();
  Eigen::MatrixXd matrix = x.transpose() * x;
  matrix.diagonal().array() += ridge;
  return matrix;
}

// The upper part of -matrix^-1 by the sweeper; elements left of the diagonal's strip are never a number before.
AlignedVector<float> Swept(const Eigen::MatrixXd& matrix, int threads) {
  const auto size = static_cast<std::size_t>(matrix.rows());
  AlignedVector<float> values(size * size, NAN);
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = i / kSweepStrip * kSweepStrip; j < size; ++j)
      values[i * size + j] = static_cast<float>(matrix(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
  SymmetricSweeper sweeper(values.data(), size);
  for (std::size_t block = 0; block < sweeper.blocks(); ++block)
    EXPECT_TRUE(sweeper.Sweep(block, Parallelism(threads), kNeverStop));
  return values;
}

TEST(SymmetricSweeper, GivesTheNegativeInverseOfAnySize) {
  for (std::size_t size : {16, 48, 64, 80, 256, 272, 528, 784}) {
    SCOPED_TRACE(size);
    const Eigen::MatrixXd matrix = RandomPositive(size, size, 30);
    const Eigen::MatrixXd inverse = matrix.inverse();
    const AlignedVector<float> values = Swept(matrix, 2);
    const double largest = inverse.cwiseAbs().maxCoeff();
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = i; j < size; ++j)  // condition about 100: 100 * 2^-24 and a few more roundings
        ASSERT_NEAR(-values[i * size + j], inverse(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)),
                    2e-5 * largest);
  }
}

TEST(SymmetricSweeper, GivesTheSameBytesForAnyNumberOfThreads) {
  const Eigen::MatrixXd matrix = RandomPositive(1, 592, 10);
  const AlignedVector<float> one = Swept(matrix, 1);
  for (int threads : {2, 7}) {
    const AlignedVector<float> many = Swept(matrix, threads);
    for (std::size_t i = 0; i < 592; ++i)
      ASSERT_TRUE(std::equal(&one[i * 592 + i], &one[i * 592] + 592, &many[i * 592 + i])) << threads << " " << i;
  }
}

TEST(SymmetricSweeper, RefusesAMatrixThatIsNotPositiveDefinite) {
  AlignedVector<float> values(32 * 32, 0.0f);
  for (std::size_t i = 0; i < 32; ++i) values[i * 33] = i == 20 ? -1.0f : 1.0f;
  SymmetricSweeper sweeper(values.data(), 32);
  EXPECT_FALSE(sweeper.Sweep(0, Parallelism(1), kNeverStop));
}

TEST(SymmetricSweeper, StopsWhenAsked) {
  const Eigen::MatrixXd matrix = RandomPositive(2, 320, 10);
  AlignedVector<float> values(320 * 320, 0.0f);
  for (std::size_t i = 0; i < 320; ++i)
    for (std::size_t j = 0; j < 320; ++j)
      values[i * 320 + j] = static_cast<float>(matrix(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
  const float before = values[300 * 320 + 310];
  SymmetricSweeper sweeper(values.data(), 320);
  EXPECT_TRUE(sweeper.Sweep(0, Parallelism(1), [] { return true; }));
  EXPECT_EQ(values[300 * 320 + 310], before);
}

}  // namespace
}  // namespace waypost
