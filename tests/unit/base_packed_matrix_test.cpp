#include "waypost/base/packed_matrix.hpp"

#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

// A positive definite matrix, dense.
Eigen::MatrixXd Definite(std::uint64_t seed, int n) {
  Random random(seed);
  Eigen::MatrixXd root(n, n);
  for (int a = 0; a < n; ++a)
    for (int b = 0; b < n; ++b) root(a, b) = random.Normal();
  return root.transpose() * root + 0.1 * Eigen::MatrixXd::Identity(n, n);
}

std::vector<double> Pack(const Eigen::MatrixXd& matrix) {
  std::vector<double> packed;
  for (int a = 0; a < matrix.rows(); ++a)
    for (int b = a; b < matrix.cols(); ++b) packed.push_back(matrix(a, b));
  return packed;
}

TEST(PackedMatrix, RowsFollowEachOther) {
  for (std::size_t n : {1, 2, 5}) {
    std::size_t next = 0;
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = a; b < n; ++b) EXPECT_EQ(PackedRow(n, a) + b, next++);
    EXPECT_EQ(PackedSize(n), next);
  }
}

TEST(PackedMatrix, SolvesAndInvertsAsEigenDoes) {
  for (int n : {1, 2, 3, 7, 17, 40}) {
    const Eigen::MatrixXd matrix = Definite(static_cast<std::uint64_t>(n), n);
    Eigen::VectorXd right = Eigen::VectorXd::LinSpaced(n, -1, 2);
    std::vector<double> factor = Pack(matrix), x(right.begin(), right.end());
    const std::size_t size = static_cast<std::size_t>(n);
    ASSERT_TRUE(PackedCholesky(size, factor));
    PackedCholeskySolve(size, factor, x);
    const Eigen::VectorXd expected = matrix.ldlt().solve(right);
    for (int a = 0; a < n; ++a) EXPECT_NEAR(x[static_cast<std::size_t>(a)], expected[a], 1e-9 * expected.norm());
    PackedCholeskyInverse(size, factor);
    const Eigen::MatrixXd inverse = matrix.inverse();
    for (int a = 0; a < n; ++a)
      for (int b = a; b < n; ++b)
        EXPECT_NEAR(factor[PackedRow(size, static_cast<std::size_t>(a)) + static_cast<std::size_t>(b)], inverse(a, b),
                    1e-9 * inverse.norm());
  }
}

TEST(PackedMatrix, RefusesWhatIsNotPositiveDefinite) {
  std::vector<double> indefinite = {1, 2, 1};
  EXPECT_FALSE(PackedCholesky(2, indefinite));
  std::vector<double> zero = {0};
  EXPECT_FALSE(PackedCholesky(1, zero));
  std::vector<double> undefined = {std::numeric_limits<double>::quiet_NaN()};
  EXPECT_FALSE(PackedCholesky(1, undefined));
}

}  // namespace
}  // namespace waypost
