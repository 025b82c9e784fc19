// waypost/model/explicit_als_row.hpp - the posterior of one user or item of explicit ALS, given those it is rated with.
//
// Definition   A row has n = d + 1 numbers x = (vector, bias) with prior mean m and precisions D (diagonal).
//              Each of its ratings y is with a partner of mean (q, b) and covariance C over both, and has a weight w:
//              y = x . (q, 1) + b + noise of variance v / w. With F = E[(q, 1) (q, 1)^T] and t = E[(q, 1) (y - b)]
//              summed over the ratings, G = sum w F, h = sum w t:
//              covariance S = (G / v + D)^-1, mean S (h / v + D m), and the expected sum of squared errors
//              sum w E[(y - b)^2] - 2 x . h + x^T G x + tr(G S).
// Sources      [1] Y. J. Lim, Y. W. Teh, Variational Bayesian Approach to Movie Rating Prediction, KDD Cup 2007.
// Complexity   n^2 multiply-adds a rating, n^3 / 2 a solution.
// Numerics     sums and solutions in float64.
// Checked by   tests/unit/model_explicit_als_test.cpp against Eigen's dense inverse.
#ifndef WAYPOST_MODEL_EXPLICIT_ALS_ROW_HPP_
#define WAYPOST_MODEL_EXPLICIT_ALS_ROW_HPP_

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "waypost/base/packed_matrix.hpp"

namespace waypost {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class ExplicitAlsRow {
 public:
  // Begins a row of `size` = d + 1 numbers without ratings.
  void Begin(std::size_t size) {
    size_ = size;
    gram_.assign(PackedSize(size), 0.0);
    product_.assign(size, 0.0);
    factor_.resize(size);
    square_ = 0;
  }

  // Adds a rating.
  //   mean        float32[size]: the partner's vector and bias.
  //   covariance  float32[PackedSize(size)].
  void Add(const float* mean, const float* covariance, double rating, double weight) {
    const std::size_t d = size_ - 1;
    const double rest = rating - mean[d];
    for (std::size_t a = 0; a < d; ++a) factor_[a] = mean[a];
    factor_[d] = 1;
    for (std::size_t a = 0; a < d; ++a) {
      const std::size_t at = PackedRow(size_, a);
      const double scaled = weight * factor_[a];
      for (std::size_t b = a; b < d; ++b) gram_[at + b] += scaled * factor_[b] + weight * covariance[at + b];
      gram_[at + d] += scaled;
      product_[a] += scaled * rest - weight * covariance[at + d];
    }
    const std::size_t last = PackedRow(size_, d) + d;
    gram_[last] += weight;
    product_[d] += weight * rest;
    square_ += weight * (rest * rest + covariance[last]);
  }

  // Finds mean() and covariance(), and returns the expected sum of squared errors; NaN everywhere where the system is
  // not positive definite, which finite input never is.
  double Solve(std::span<const double> prior_mean, std::span<const double> precision, double noise) {
    mean_.resize(size_);
    covariance_.resize(gram_.size());
    for (std::size_t p = 0; p < gram_.size(); ++p) covariance_[p] = gram_[p] / noise;
    for (std::size_t a = 0; a < size_; ++a) {
      covariance_[PackedRow(size_, a) + a] += precision[a];
      mean_[a] = product_[a] / noise + precision[a] * prior_mean[a];
    }
    if (!PackedCholesky(size_, covariance_)) {
      std::fill(mean_.begin(), mean_.end(), std::numeric_limits<double>::quiet_NaN());
      std::fill(covariance_.begin(), covariance_.end(), std::numeric_limits<double>::quiet_NaN());
      return std::numeric_limits<double>::quiet_NaN();
    }
    PackedCholeskySolve(size_, covariance_, mean_);
    PackedCholeskyInverse(size_, covariance_);
    double error = square_;
    for (std::size_t a = 0; a < size_; ++a) {
      const std::size_t at = PackedRow(size_, a);
      error += gram_[at + a] * (mean_[a] * mean_[a] + covariance_[at + a]) - 2 * mean_[a] * product_[a];
      for (std::size_t b = a + 1; b < size_; ++b)
        error += 2 * gram_[at + b] * (mean_[a] * mean_[b] + covariance_[at + b]);
    }
    return std::max(error, 0.0);
  }

  std::span<const double> mean() const { return mean_; }
  std::span<const double> covariance() const { return covariance_; }

 private:
  std::size_t size_ = 0;
  std::vector<double> gram_, product_, factor_, mean_, covariance_;
  double square_ = 0;
};

}  // namespace waypost

#endif  // WAYPOST_MODEL_EXPLICIT_ALS_ROW_HPP_
