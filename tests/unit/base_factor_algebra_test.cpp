#include "waypost/base/factor_algebra.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

bool Never() {
  return false;
}

AlignedVector<float> RandomTable(std::size_t rows, std::size_t dimensions, std::size_t stride) {
  Random random(rows);
  AlignedVector<float> table(rows * stride, 0.0f);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t k = 0; k < dimensions; ++k) table[r * stride + k] = static_cast<float>(random.Normal());
  return table;
}

double Product(const AlignedVector<float>& table, std::size_t stride, std::size_t i, std::size_t j) {
  double sum = 0;
  for (std::size_t r = 0; r < table.size() / stride; ++r)
    sum += static_cast<double>(table[r * stride + i]) * table[r * stride + j];
  return sum;
}

TEST(FactorAlgebra, GramiansOfOneAndOfManyPartsAreTheSumsOfProducts) {
  const Parallelism parallelism(2);
  for (std::size_t rows : {std::size_t{1}, std::size_t{300}, std::size_t{9000}}) {
    FactorAlgebra algebra(19, parallelism, Never);
    const AlignedVector<float> table = RandomTable(rows, 19, algebra.stride());
    const AlignedVector<double> gramian = algebra.Gramian(table);
    for (std::size_t i = 0; i < 19; ++i)
      for (std::size_t j = 0; j < 19; ++j)
        // float32 sums of at most 256 products of size 1
        EXPECT_NEAR(gramian[i * 19 + j], Product(table, algebra.stride(), i, j),
                    1e-6 * static_cast<double>(rows) + 1e-5);
  }
}

TEST(FactorAlgebra, OrthonormalColumnsHaveTheGramianOne) {
  const Parallelism parallelism(1);
  FactorAlgebra algebra(7, parallelism, Never);
  AlignedVector<float> table = RandomTable(500, 7, algebra.stride());
  AlignedVector<double> squares;
  ASSERT_TRUE(algebra.Orthonormalize(table, squares));
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(squares[i], 1, 1e-12);
    for (std::size_t j = 0; j < 7; ++j)
      EXPECT_NEAR(Product(table, algebra.stride(), i, j), i == j ? 1 : 0, 1e-5);  // float32
  }
}

TEST(FactorAlgebra, ColumnsOfZerosStayAndNumbersThatAreNoneAreRefused) {
  const Parallelism parallelism(1);
  FactorAlgebra algebra(4, parallelism, Never);
  AlignedVector<double> squares;
  AlignedVector<float> zero(10 * algebra.stride(), 0.0f);
  ASSERT_TRUE(algebra.Orthonormalize(zero, squares));
  for (float value : zero) EXPECT_EQ(value, 0);
  EXPECT_EQ(squares[0], 0);
  AlignedVector<float> bad(10 * algebra.stride(), 0.0f);
  bad[3] = NAN;
  EXPECT_FALSE(algebra.Orthonormalize(bad, squares));
}

TEST(FactorAlgebra, ResultsAreTheSameForAnyNumberOfThreads) {
  const auto run = [](int threads) {
    const Parallelism parallelism(threads);
    FactorAlgebra algebra(40, parallelism, Never);
    AlignedVector<float> table(9000 * algebra.stride(), 0.0f);
    algebra.FillRandomly(3, 2, table);
    algebra.ScaleRows([](std::size_t row) { return static_cast<double>(row % 5); }, table);
    AlignedVector<double> squares;
    EXPECT_TRUE(algebra.Orthonormalize(table, squares));
    return table;
  };
  const AlignedVector<float> one = run(1);
  EXPECT_TRUE(run(2) == one);
  EXPECT_TRUE(run(7) == one);
}

TEST(FactorAlgebra, LeavesTheRestOutOnceItIsCancelled) {
  const Parallelism parallelism(1);
  FactorAlgebra algebra(3, parallelism, [] { return true; });
  AlignedVector<float> table = RandomTable(20, 3, algebra.stride());
  const AlignedVector<float> before = table;
  AlignedVector<double> squares;
  EXPECT_TRUE(algebra.Orthonormalize(table, squares));
  EXPECT_TRUE(table == before);
}

}  // namespace
}  // namespace waypost
