// waypost/model/logistic_mf_row.hpp - the convex problem of one user or one item while the other side stays.
//
// Objective    f(w) = sum over the background b of omega_b log(1 + exp(z_b)) + sum over the row's interactions j of
//              alpha r_j (log(1 + exp(z_j)) - z_j) + lambda / 2 |w|^2, z = w . y the product with a vector of the other
//              side, alpha r_j the weight of an interaction. One element of w stays 1: it meets the other side's bias.
// Method       Newton steps [1]. A direction comes from conjugate gradients on the Hessian, the sum of lambda and omega
//              s (1 - s) y y^T with s the sigmoid of z. Products z change along it linearly, so that a step length
//              costs no product: where f rises at the end of a whole step, bracketed secants of f' end it where f is
//              flat.
// Sources      [1] C.-J. Lin, R. Weng, S. Keerthi, Trust Region Newton Method for Large-Scale Logistic Regression, JMLR
//                  9, 2008 (truncated Newton).
// Complexity   a Newton step of c conjugate-gradient steps: (c + 1) (background + interactions) 2 d multiply-adds and
//              two exponentials a product, up to 14 where whole steps are too long.
// Numerics     products and directions in float32, sums over elements of f' in float64. lambda > 0 keeps the Hessian
//              positive definite.
#ifndef WAYPOST_MODEL_LOGISTIC_MF_ROW_HPP_
#define WAYPOST_MODEL_LOGISTIC_MF_ROW_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/score_kernels.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost::internal {

// What the rows of one side are solved against. Borrowed.
struct LogisticSide {
  const float* rows = nullptr;                // the other side: float32[.. x stride], 64-byte aligned
  const float* background = nullptr;          // float32[background_count x stride], 64-byte aligned
  const float* background_weights = nullptr;  // omega, float32[background_count]; null: 1
  std::size_t background_count = 0;
  std::size_t stride = 0;
  std::size_t fixed = 0;  // the element that stays 1
  float positive_weight = 1;
  float regularization = 1;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class LogisticRow {
 public:
  // Makes at most `steps` Newton steps from `vector`; fewer where the gradient is below kTolerance of its first length.
  //   interactions  valid for side.rows.
  //   vector        float32[stride], 64-byte aligned, 1 at side.fixed.
  void Minimise(const LogisticSide& side, const SparseRowView& interactions, int steps, float* vector) {
    Begin(side, interactions, vector);
    double first = 0;
    for (int step = 0; step < steps; ++step) {
      Differentiate();
      const double length = Gradient(vector);
      if (step == 0) first = length;
      if (!(length > kTolerance * first)) return;  // also where it is no number
      for (std::size_t k = 0; k < side.stride; ++k) right_side_[k] = -gradient_[k];
      SolveHessian(kSteps, kTruncation);
      Move(vector);
    }
  }

  // What each interaction of a row brings the product of its minimum `vector` and `target`: with the Hessian H, w =
  // H^-1 sum over all terms of (s (1 - s) z - s') y, s' the derivative of the term. Returns what the rest brings, the
  // background and the element that stays.
  double Explain(const LogisticSide& side, const SparseRowView& interactions, const float* vector, const float* target,
                 std::vector<double>& amounts) {
    Begin(side, interactions, vector);
    Differentiate();
    std::copy_n(target, side.stride, right_side_.data());
    right_side_[side.fixed] = 0;
    SolveHessian(static_cast<int>(2 * side.stride), kExactly);
    // step_ is H^-1 target; change_ holds its products with the rows.
    double rest = target[side.fixed];
    amounts.assign(interactions.size(), 0.0);
    for (std::size_t n = 0; n < terms(); ++n) {
      const double own = n < side.background_count ? side.background[n * side.stride + side.fixed]
                                                   : row(n)[side.fixed];  // not of what was solved for
      const double amount = (static_cast<double>(curvature_[n]) * (z_[n] - own) - slope_[n]) * change_[n];
      if (n < side.background_count) {
        rest += amount;
      } else {
        amounts[n - side.background_count] = amount;
      }
    }
    return rest;
  }

 private:
  static constexpr double kTolerance = 1e-3;   // of the first gradient
  static constexpr int kSteps = 10;            // of conjugate gradients for a direction
  static constexpr double kTruncation = 0.05;  // of the gradient, where conjugate gradients end
  static constexpr double kExactly = 1e-6;
  static constexpr int kTrials = 12;    // of step lengths
  static constexpr double kFlat = 0.2;  // of the first slope: the end of a step may rise or fall so much

  std::size_t terms() const { return side_.background_count + interactions_.size(); }
  const float* row(std::size_t term) const {
    return side_.rows + interactions_.columns[term - side_.background_count] * side_.stride;
  }

  void Begin(const LogisticSide& side, const SparseRowView& interactions, const float* vector) {
    side_ = side;
    interactions_ = interactions;
    for (std::vector<float>* values : {&z_, &slope_, &curvature_, &products_, &change_})
      values->resize(std::max(values->size(), terms()));
    for (AlignedVector<float>* values : {&gradient_, &right_side_, &step_, &direction_, &image_, &part_})
      values->resize(std::max(values->size(), side.stride));
    if (numbers_.size() < side.background_count) {
      numbers_.resize(side.background_count);
      std::iota(numbers_.begin(), numbers_.end(), 0u);
    }
    Products(vector, z_.data());
  }

  // to[n] = vector . the row of term n.
  void Products(const float* vector, float* to) const {
    const ScoreKernels& kernels = GetScoreKernels();
    if (side_.background_count > 0)
      kernels.dot_block(vector, 1, side_.background, side_.background_count, side_.stride, to, side_.background_count);
    kernels.dot_rows(vector, side_.rows, interactions_.columns.data(), interactions_.size(), side_.stride,
                     to + side_.background_count);
  }

  // to = sum over the terms n of factors[n] times their rows; 0 at the element that stays.
  void SumRows(const float* factors, float* to) {
    const DenseKernels& kernels = GetDenseKernels();
    kernels.sum_rows(side_.background, side_.stride, numbers_.data(), factors, side_.background_count, 1.0f, to);
    kernels.sum_rows(side_.rows, side_.stride, interactions_.columns.data(), factors + side_.background_count,
                     interactions_.size(), 1.0f, part_.data());
    for (std::size_t k = 0; k < side_.stride; ++k) to[k] += part_[k];
    to[side_.fixed] = 0;
  }

  static float Sigmoid(float z) { return 1.0f / (1.0f + std::exp(-z)); }
  float Omega(std::size_t n) const { return side_.background_weights == nullptr ? 1.0f : side_.background_weights[n]; }
  float PositiveWeight(std::size_t n) const { return side_.positive_weight * interactions_.value(n); }

  // The first and second derivatives of every term.
  void Differentiate() {
    for (std::size_t n = 0; n < side_.background_count; ++n) {
      const float s = Sigmoid(z_[n]);
      slope_[n] = Omega(n) * s;
      curvature_[n] = slope_[n] * (1 - s);
    }
    for (std::size_t n = 0; n < interactions_.size(); ++n) {
      const std::size_t term = side_.background_count + n;
      const float rest = Sigmoid(-z_[term]);  // 1 - s, exactly where s is nearly 1
      slope_[term] = -PositiveWeight(n) * rest;
      curvature_[term] = PositiveWeight(n) * rest * (1 - rest);
    }
  }

  double Dot(const AlignedVector<float>& a, const AlignedVector<float>& b) const {
    double sum = 0;
    for (std::size_t k = 0; k < side_.stride; ++k) sum += static_cast<double>(a[k]) * b[k];
    return sum;
  }

  // Fills gradient_ and returns its length.
  double Gradient(const float* vector) {
    SumRows(slope_.data(), gradient_.data());
    for (std::size_t k = 0; k < side_.stride; ++k)
      if (k != side_.fixed) gradient_[k] += side_.regularization * vector[k];
    return std::sqrt(Dot(gradient_, gradient_));
  }

  // step_ = H^-1 right_side_, change_ its products with the rows; spoils right_side_.
  void SolveHessian(int steps, double tolerance) {
    std::fill_n(step_.begin(), side_.stride, 0.0f);
    std::fill_n(change_.begin(), terms(), 0.0f);
    std::copy_n(right_side_.begin(), side_.stride, direction_.begin());
    double squares = Dot(right_side_, right_side_);
    const double enough = tolerance * tolerance * squares;
    for (int n = 0; n < steps && squares > enough; ++n) {
      Products(direction_.data(), products_.data());
      weighted_.resize(std::max(weighted_.size(), terms()));
      for (std::size_t t = 0; t < terms(); ++t) weighted_[t] = curvature_[t] * products_[t];
      SumRows(weighted_.data(), image_.data());
      for (std::size_t k = 0; k < side_.stride; ++k)
        if (k != side_.fixed) image_[k] += side_.regularization * direction_[k];
      const double curve = Dot(direction_, image_);
      if (!(curve > 0)) return;
      const auto length = static_cast<float>(squares / curve);
      for (std::size_t k = 0; k < side_.stride; ++k) {
        step_[k] += length * direction_[k];
        right_side_[k] -= length * image_[k];
      }
      for (std::size_t t = 0; t < terms(); ++t) change_[t] += length * products_[t];
      const double next = Dot(right_side_, right_side_);
      const auto turn = static_cast<float>(next / squares);
      for (std::size_t k = 0; k < side_.stride; ++k) direction_[k] = right_side_[k] + turn * direction_[k];
      squares = next;
    }
  }

  // f' at `length` along step_.
  double SlopeAt(const float* vector, double length) const {
    double sum = 0;
    const auto t = static_cast<float>(length);
    for (std::size_t n = 0; n < side_.background_count; ++n)
      sum += static_cast<double>(Omega(n) * Sigmoid(z_[n] + t * change_[n])) * change_[n];
    for (std::size_t n = 0; n < interactions_.size(); ++n) {
      const std::size_t term = side_.background_count + n;
      sum -= static_cast<double>(PositiveWeight(n) * Sigmoid(-z_[term] - t * change_[term])) * change_[term];
    }
    for (std::size_t k = 0; k < side_.stride; ++k)
      if (k != side_.fixed)
        sum += static_cast<double>(side_.regularization) * (vector[k] + length * step_[k]) * step_[k];
    return sum;
  }

  // The length of a step: 1, or where f rises at the end of it, one between where it falls and where it rises.
  double StepLength(const float* vector) const {
    const double falling = -Dot(gradient_, step_);
    double low = 0, low_slope = -falling;
    double high = 1, high_slope = SlopeAt(vector, high);
    if (high_slope <= kFlat * falling) return high;
    double length = high;
    for (int trial = 0; trial < kTrials; ++trial) {
      const double secant = low + (high - low) * low_slope / (low_slope - high_slope);
      const double margin = 0.1 * (high - low);
      length = std::clamp(secant, low + margin, high - margin);
      const double slope = SlopeAt(vector, length);
      if (std::abs(slope) <= kFlat * falling) break;
      if (slope < 0) {
        low = length;
        low_slope = slope;
      } else {
        high = length;
        high_slope = slope;
      }
    }
    return length;
  }

  void Move(float* vector) {
    const double length = StepLength(vector);
    const auto t = static_cast<float>(length);
    for (std::size_t k = 0; k < side_.stride; ++k) vector[k] += t * step_[k];
    for (std::size_t n = 0; n < terms(); ++n) z_[n] += t * change_[n];
  }

  LogisticSide side_;
  SparseRowView interactions_;
  std::vector<std::uint32_t> numbers_;  // 0, 1, 2, ...: every row of the background
  // Of terms: those of the background, then the row's own.
  std::vector<float> z_;
  std::vector<float> slope_;
  std::vector<float> curvature_;
  std::vector<float> products_;
  std::vector<float> weighted_;
  std::vector<float> change_;
  AlignedVector<float> gradient_;
  AlignedVector<float> right_side_;
  AlignedVector<float> step_;
  AlignedVector<float> direction_;
  AlignedVector<float> image_;
  AlignedVector<float> part_;
};

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_LOGISTIC_MF_ROW_HPP_
