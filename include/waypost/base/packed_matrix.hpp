// waypost/base/packed_matrix.hpp - small symmetric matrices, the upper part packed row after row.
//
// Layout      element (a, b), a <= b, of an n x n matrix is the (a n - a (a - 1) / 2 + b - a)-th of n (n + 1) / 2.
// Numerics    float64.
// Checked by  tests/unit/base_packed_matrix_test.cpp against Eigen.
#ifndef WAYPOST_BASE_PACKED_MATRIX_HPP_
#define WAYPOST_BASE_PACKED_MATRIX_HPP_

#include <cmath>
#include <cstddef>
#include <span>

namespace waypost {

constexpr std::size_t PackedSize(std::size_t n) {
  return n * (n + 1) / 2;
}
// Where row a begins, less a: element (a, b) stands at PackedRow(n, a) + b.
constexpr std::size_t PackedRow(std::size_t n, std::size_t a) {
  return a * n - a * (a + 1) / 2;
}

// Replaces a positive definite matrix by its Cholesky factor U, matrix = U^T U. Returns false where it is not positive
// definite; the matrix is then spoilt.
inline bool PackedCholesky(std::size_t n, std::span<double> matrix) {
  for (std::size_t a = 0; a < n; ++a) {
    double* row = matrix.data() + PackedRow(n, a);
    if (!(row[a] > 0)) return false;  // a NaN too
    const double scale = 1 / std::sqrt(row[a]);
    for (std::size_t b = a; b < n; ++b) row[b] *= scale;
    for (std::size_t c = a + 1; c < n; ++c) {
      double* other = matrix.data() + PackedRow(n, c);
      for (std::size_t b = c; b < n; ++b) other[b] -= row[c] * row[b];
    }
  }
  return true;
}

// Solves U^T U x = x in place.
inline void PackedCholeskySolve(std::size_t n, std::span<const double> factor, std::span<double> x) {
  for (std::size_t a = 0; a < n; ++a) {
    const double* row = factor.data() + PackedRow(n, a);
    x[a] /= row[a];
    for (std::size_t b = a + 1; b < n; ++b) x[b] -= row[b] * x[a];
  }
  for (std::size_t a = n; a-- > 0;) {
    const double* row = factor.data() + PackedRow(n, a);
    for (std::size_t b = a + 1; b < n; ++b) x[a] -= row[b] * x[b];
    x[a] /= row[a];
  }
}

// Replaces a Cholesky factor U by (U^T U)^-1.
inline void PackedCholeskyInverse(std::size_t n, std::span<double> factor) {
  // V = U^-1, row by row from the last: V(a, b) = -(sum over c in a+1..b of U(a, c) V(c, b)) / U(a, a).
  for (std::size_t a = n; a-- > 0;) {
    double* row = factor.data() + PackedRow(n, a);
    const double diagonal = 1 / row[a];
    for (std::size_t b = n; b-- > a + 1;) {
      double sum = 0;
      for (std::size_t c = a + 1; c <= b; ++c) sum += row[c] * factor[PackedRow(n, c) + b];
      row[b] = -sum * diagonal;
    }
    row[a] = diagonal;
  }
  // V V^T: element (a, b) needs V's rows a and b from column b on, which later elements of row a leave alone.
  for (std::size_t a = 0; a < n; ++a) {
    double* row = factor.data() + PackedRow(n, a);
    for (std::size_t b = a; b < n; ++b) {
      const double* other = factor.data() + PackedRow(n, b);
      double sum = 0;
      for (std::size_t c = b; c < n; ++c) sum += row[c] * other[c];
      row[b] = sum;
    }
  }
}

}  // namespace waypost

#endif  // WAYPOST_BASE_PACKED_MATRIX_HPP_
