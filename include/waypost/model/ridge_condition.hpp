// waypost/model/ridge_condition.hpp - whether float32 holds a ridge regression of items on items.
//
// The condition of G + lambda I, G = X^T X, is at most 1 + the largest eigenvalue of G over lambda. Above
// kMaxRidgeCondition its inverse loses its meaning in float32: a larger lambda, or strengths that vary less, help.
#ifndef WAYPOST_MODEL_RIDGE_CONDITION_HPP_
#define WAYPOST_MODEL_RIDGE_CONDITION_HPP_

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

inline constexpr double kMaxRidgeCondition = 0x1p20;

namespace internal {

// An upper bound of the largest eigenvalue of X^T X, close after a few steps: the largest ratio (G v)_i / v_i for any
// positive v (Collatz, Wielandt), with v a few powers of G on ones.
inline double LargestGramEigenvalue(const InteractionMatrix& matrix, const Parallelism& parallelism) {
  constexpr int kSteps = 8;
  constexpr std::size_t kBlock = 1024;
  std::vector<double> items(matrix.items(), 1.0);
  std::vector<double> next(matrix.items());
  std::vector<double> users(matrix.users());
  const auto multiply = [&](const SparseMatrix& rows, const std::vector<double>& from, std::vector<double>& to) {
    ForEachBlock(parallelism, rows.rows(), kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t r = begin; r < end; ++r) {
        const SparseRowView row = rows.row(r);
        double sum = 0;
        for (std::size_t n = 0; n < row.size(); ++n) sum += row.value(n) * from[row.columns[n]];
        to[r] = sum;
      }
    });
  };
  double bound = 0;
  for (int step = 0; step < kSteps; ++step) {
    multiply(matrix.user_item(), items, users);
    multiply(matrix.item_user(), users, next);
    double largest = 0;
    for (std::size_t i = 0; i < next.size(); ++i) largest = std::max(largest, next[i] / items[i]);
    bound = step == 0 ? largest : std::min(bound, largest);
    const double scale = *std::max_element(next.begin(), next.end());
    // Far below the largest an element has no part in the bound; it must stay above 0.
    for (std::size_t i = 0; i < next.size(); ++i) items[i] = std::max(next[i] / scale, 1e-30);
  }
  return bound;
}

// Errors  kInvalidArgument: names the option of `options` and the least that will do.
inline absl::Status ValidateRidge(const InteractionMatrix& matrix, float regularization, std::string_view options,
                                  const Parallelism& parallelism) {
  const double least = LargestGramEigenvalue(matrix, parallelism) / (kMaxRidgeCondition - 1);
  if (regularization >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(options), ".regularization: want at least ", least,
                                                 " for these strengths, got ", regularization));
}

}  // namespace internal
}  // namespace waypost

#endif  // WAYPOST_MODEL_RIDGE_CONDITION_HPP_
