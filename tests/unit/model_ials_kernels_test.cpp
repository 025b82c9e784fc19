#include "waypost/model/ials_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "reference/naive_ials.hpp"
#include "waypost/base/random.hpp"
#include "waypost/model/ials_model.hpp"

namespace waypost {
namespace {

// A fixed side in the eigenbasis of its Gramian, one row of interactions with it, and how to solve it.
struct RowProblem {
  std::size_t d = 0;
  std::size_t stride = 0;
  AlignedVector<float> factors;
  reference::Rows rows;  // the same in float64
  SharedArray<float> ridge;
  reference::Rows gramian;  // diagonal, as the solver is told
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  IalsOptions options;

  SparseRowView row() const { return {columns, values}; }
  IalsSideView side() const { return internal::IalsSide(options, factors.data(), rows.size(), ridge); }
};

// The scales of the dimensions fall by `spread` from the first to the last.
RowProblem RandomProblem(std::uint64_t seed, std::size_t d, std::size_t n, bool weighted, float regularization,
                         double spread) {
  Random random(seed);
  RowProblem p;
  p.d = d;
  p.stride = PaddedDimensions(d);
  p.options = {.dimensions = static_cast<int>(d), .regularization = regularization, .unobserved_weight = 0.1f};
  const std::size_t fixed = n + 20;
  p.factors.assign(fixed * p.stride, 0.0f);
  p.rows.assign(fixed, std::vector<double>(d));
  std::vector<double> eigenvalues(d, 0.0);
  for (std::size_t i = 0; i < fixed; ++i) {
    for (std::size_t k = 0; k < d; ++k) {
      const double scale = std::pow(spread, -static_cast<double>(k) / static_cast<double>(d));
      const float value = static_cast<float>(scale * random.Normal());
      p.factors[i * p.stride + k] = value;
      p.rows[i][k] = value;
      eigenvalues[k] += static_cast<double>(value) * value;
    }
  }
  p.ridge = internal::IalsRidge(eigenvalues, *p.options.unobserved_weight);
  p.gramian.assign(d, std::vector<double>(d, 0.0));
  for (std::size_t k = 0; k < d; ++k) p.gramian[k][k] = eigenvalues[k];
  p.columns.resize(fixed);
  std::iota(p.columns.begin(), p.columns.end(), 0u);
  random.Shuffle(std::span(p.columns));
  p.columns.resize(n);
  std::sort(p.columns.begin(), p.columns.end());
  if (weighted)
    for (std::size_t j = 0; j < n; ++j) p.values.push_back(static_cast<float>(0.125 + 4 * random.Uniform()));
  return p;
}

enum class Solver { kExact, kPrimal, kCg, kBlock };

constexpr std::size_t kBlockWidth = 16;

std::vector<float> Solve(const RowProblem& p, Solver solver, double* loss = nullptr) {
  const IalsSideView side = p.side();
  const std::uint64_t offsets[] = {0, p.columns.size()};
  const IalsRowsView rows{offsets, p.columns.data(), p.values.empty() ? nullptr : p.values.data(), 1};
  AlignedVector<float> workspace(IalsBlockWorkspaceSize(p.stride, std::max(p.stride, p.columns.size()), kBlockWidth),
                                 NAN);
  AlignedVector<float> out(p.stride, 0.0f);
  const IalsKernels& kernels = GetIalsKernels();
  if (solver == Solver::kExact) kernels.solve_exact(side, rows, out.data(), workspace.data(), loss);
  if (solver == Solver::kPrimal) kernels.solve_primal(side, rows, out.data(), workspace.data(), loss);
  for (int sweep = 0; solver == Solver::kBlock && sweep < 200; ++sweep) {
    if (loss != nullptr) *loss = 0;
    kernels.solve_block(side, rows, kBlockWidth, out.data(), workspace.data(), loss);
  }
  if (solver == Solver::kCg) kernels.solve_cg(side, rows, 200, out.data(), workspace.data(), loss);
  for (std::size_t k = p.d; k < p.stride; ++k) EXPECT_EQ(out[k], 0) << "padding";
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(p.d)};
}

// |a - b| / |b|.
double RelativeDifference(const std::vector<float>& a, const std::vector<double>& b) {
  double difference = 0;
  double norm = 0;
  for (std::size_t k = 0; k < b.size(); ++k) {
    difference += (a[k] - b[k]) * (a[k] - b[k]);
    norm += b[k] * b[k];
  }
  return std::sqrt(difference / norm);
}

// Largest eigenvalue by power iteration.
double LargestEigenvalue(const reference::Rows& matrix) {
  std::vector<double> vector(matrix.size(), 1.0);
  double norm = 1;
  for (int step = 0; step < 100; ++step) {
    std::vector<double> next(matrix.size());
    for (std::size_t a = 0; a < matrix.size(); ++a) next[a] = reference::Dot(matrix[a], vector) / norm;
    vector = next;
    norm = std::sqrt(reference::Dot(vector, vector));
  }
  return norm;
}

struct Shape {
  std::size_t d;
  std::size_t n;
};

class IalsRows : public testing::TestWithParam<bool> {};

TEST_P(IalsRows, ExactRowsAgreeWithADoublePrecisionSolve) {
  for (const Shape shape : {Shape{1, 3}, Shape{7, 2}, Shape{16, 15}, Shape{16, 16}, Shape{16, 17}, Shape{40, 1},
                            Shape{48, 47}, Shape{48, 48}, Shape{48, 300}, Shape{100, 37}, Shape{130, 700},
                            Shape{64, 31}, Shape{64, 32}, Shape{64, 33}, Shape{33, 32}}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      SCOPED_TRACE(testing::Message() << "d " << shape.d << ", n " << shape.n << ", seed " << seed);
      const RowProblem p = RandomProblem(seed, shape.d, shape.n, GetParam(), 0.01f, 3);
      const std::vector<double> expected = reference::NaiveRow(p.row(), p.rows, p.gramian, p.options);
      EXPECT_LT(RelativeDifference(Solve(p, Solver::kExact), expected), 1e-5);
      EXPECT_LT(RelativeDifference(Solve(p, Solver::kPrimal), expected), 1e-5);
      EXPECT_LT(RelativeDifference(Solve(p, Solver::kCg), expected), 1e-4);
      EXPECT_LT(RelativeDifference(Solve(p, Solver::kBlock), expected), 1e-4);
    }
  }
}

TEST_P(IalsRows, ExactRowsStayAccurateAtAConditionNumberOfAThousand) {
  for (const Shape shape : {Shape{48, 20}, Shape{48, 48}, Shape{48, 150}, Shape{128, 60}, Shape{128, 128}}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      SCOPED_TRACE(testing::Message() << "d " << shape.d << ", n " << shape.n << ", seed " << seed);
      // Finds the regularization at which the largest eigenvalue is a thousand times the smallest.
      RowProblem p = RandomProblem(seed, shape.d, shape.n, GetParam(), 0.0f, 1000);
      const double largest = LargestEigenvalue(reference::NaiveSystem(p.row(), p.rows, p.gramian, p.options));
      p.options.regularization = static_cast<float>(
          largest / 1000 / (static_cast<double>(shape.n) + 0.1 * static_cast<double>(p.rows.size())));
      const std::vector<double> expected = reference::NaiveRow(p.row(), p.rows, p.gramian, p.options);
      EXPECT_LT(RelativeDifference(Solve(p, Solver::kExact), expected), 1e-4);
      EXPECT_LT(RelativeDifference(Solve(p, Solver::kPrimal), expected), 1e-4);
    }
  }
}

TEST_P(IalsRows, TheLossIsTheMinimisedExpression) {
  for (const Shape shape : {Shape{24, 9}, Shape{24, 60}}) {
    const RowProblem p = RandomProblem(3, shape.d, shape.n, GetParam(), 0.02f, 5);
    double loss = 1;
    const std::vector<float> w = Solve(p, Solver::kExact, &loss);
    double expected = 1;
    for (std::size_t j = 0; j < shape.n; ++j) {
      double error = -1;
      for (std::size_t k = 0; k < p.d; ++k) error += p.rows[p.columns[j]][k] * w[k];
      expected += p.row().value(j) * error * error;
    }
    const double lambda = reference::NaiveLambda(p.options, shape.n, p.rows.size());
    for (std::size_t k = 0; k < p.d; ++k)
      expected += (static_cast<double>(*p.options.unobserved_weight) * p.gramian[k][k] + lambda) * w[k] * w[k];
    EXPECT_NEAR(loss, expected, 1e-5 * expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Weighted, IalsRows, testing::Bool());

TEST(IalsRows, StayFiniteWhereFloat32Ends) {
  for (float regularization : {0.0f, 1e-30f, 1e9f}) {
    for (float scale : {1e-30f, 1e-12f, 1e6f}) {
      for (const Shape shape : {Shape{32, 5}, Shape{32, 40}}) {
        RowProblem p = RandomProblem(1, shape.d, shape.n, true, regularization, 1e6);
        std::vector<double> eigenvalues(shape.d, 0.0);
        for (float& value : p.factors) value *= scale;
        for (std::size_t k = 0; k < p.d; ++k)
          eigenvalues[k] = p.gramian[k][k] * static_cast<double>(scale) * static_cast<double>(scale);
        p.ridge = internal::IalsRidge(eigenvalues, *p.options.unobserved_weight);
        p.values.back() = 1e6f;
        for (Solver solver : {Solver::kExact, Solver::kPrimal, Solver::kCg, Solver::kBlock})
          for (float value : Solve(p, solver)) EXPECT_TRUE(std::isfinite(value)) << regularization << " " << scale;
      }
    }
  }
}

TEST(IalsRows, EqualFixedVectorsAreSolvedWithoutARidge) {
  RowProblem p = RandomProblem(2, 16, 8, false, 0.0f, 1);
  for (std::size_t i = 1; i < p.rows.size(); ++i) std::copy_n(p.factors.begin(), 16, p.factors.begin() + i * 16);
  std::vector<double> eigenvalues(16, 0.0);
  p.ridge = internal::IalsRidge(eigenvalues, 0.1f);
  const std::vector<float> w = Solve(p, Solver::kExact);
  double score = 0;
  for (std::size_t k = 0; k < 16; ++k) score += static_cast<double>(w[k]) * p.factors[k];
  EXPECT_NEAR(score, 1.0, 1e-3);  // the jitter of a singular system moves the result by about 1e-6 of its trace
}

TEST(IalsRows, WithoutEntriesAreZero) {
  const RowProblem p = RandomProblem(1, 16, 0, false, 0.01f, 3);
  for (Solver solver : {Solver::kExact, Solver::kPrimal, Solver::kCg, Solver::kBlock})
    for (float value : Solve(p, solver)) EXPECT_EQ(value, 0);
}

TEST(IalsRows, SolvedSideBySideAreThoseSolvedAlone) {
  // 37 rows of each length: full vectors of lanes, and some left over. Row 5 of each has no solution in float32.
  for (const std::size_t size : {std::size_t{1}, std::size_t{4}, std::size_t{7}, std::size_t{32}, std::size_t{40}}) {
    const RowProblem p = RandomProblem(9, 48, 37 * size, true, 0.01f, 3);
    AlignedVector<float> values(p.values.begin(), p.values.end());
    for (std::size_t j = 5 * size; j < 6 * size; ++j) values[j] = 1e38f;
    std::vector<std::uint64_t> offsets(38);
    for (std::size_t row = 0; row < 38; ++row) offsets[row] = row * size;
    std::vector<std::uint32_t> order(37);
    std::iota(order.rbegin(), order.rend(), 0u);
    AlignedVector<float> workspace(IalsWorkspaceSize(p.stride, size, 37), NAN);
    AlignedVector<float> together(37 * p.stride, 1.0f);
    AlignedVector<float> ordered(37 * p.stride, 2.0f);
    double loss = 0;
    GetIalsKernels().solve_exact(p.side(), {offsets.data(), p.columns.data(), values.data(), 37}, together.data(),
                                 workspace.data(), &loss);
    GetIalsKernels().solve_exact(p.side(), {offsets.data(), p.columns.data(), values.data(), 37, order.data()},
                                 ordered.data(), workspace.data(), nullptr);
    EXPECT_EQ(together, ordered);
    for (std::size_t row = 0; row < 37; ++row) {
      AlignedVector<float> alone(p.stride, 3.0f);
      GetIalsKernels().solve_exact(p.side(), {offsets.data() + row, p.columns.data(), values.data(), 1}, alone.data(),
                                   workspace.data(), nullptr);
      EXPECT_TRUE(
          std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(row * p.stride)))
          << size << " " << row;
    }
  }
}

TEST(IalsRows, DoNotDependOnTheBlockAroundThem) {
  const RowProblem p = RandomProblem(5, 32, 60, true, 0.01f, 3);
  const std::uint64_t offsets[] = {0, 7, 7, 60};
  AlignedVector<float> workspace(IalsWorkspaceSize(p.stride, 60, 3));
  AlignedVector<float> together(3 * p.stride, 1.0f);
  GetIalsKernels().solve_exact(p.side(), {offsets, p.columns.data(), p.values.data(), 3}, together.data(),
                               workspace.data(), nullptr);
  for (std::size_t row = 0; row < 3; ++row) {
    AlignedVector<float> alone(p.stride, 2.0f);
    GetIalsKernels().solve_exact(p.side(), {offsets + row, p.columns.data(), p.values.data(), 1}, alone.data(),
                                 workspace.data(), nullptr);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(row * p.stride)));
  }
}

}  // namespace
}  // namespace waypost
