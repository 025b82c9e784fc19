// waypost/model/spectral_start.hpp - item vectors that a training of factors begins with in place of random ones.
//
// Definition   D^1/2 times an approximate basis of the strongest right singular vectors of E^-1/2 R D^-1/2, R the
//              interactions as ones, E and D the numbers of entries of its rows and columns [2]: two subspace
//              iterations from random vectors [1], then columns made orthogonal and of one length. More iterations come
//              closer to the strongest vectors alone and rank worse after the first epochs: directions beyond them are
//              wanted.
// Sources      [1] N. Halko, P. G. Martinsson, J. A. Tropp, Finding Structure with Randomness, SIAM Review 53(2), 2011.
//              [2] Y. Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021.
// Complexity   4 d additions an entry, 1.5 I d^2 and 9 d^3 multiply-adds.
// Determinism  as factor_algebra.hpp and sparse_product.hpp.
// Checked by   tests/unit/model_ials_start_test.cpp.
#ifndef WAYPOST_MODEL_SPECTRAL_START_HPP_
#define WAYPOST_MODEL_SPECTRAL_START_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "waypost/base/factor_algebra.hpp"
#include "waypost/matrix/sparse_product.hpp"

namespace waypost {

// Fills `items`, columns by strength, descending; `squares` get the squares of their lengths: 1, or less where float32
// hardly carries a direction. Returns false where the Gramian is not finite. `cancelled()`: true leaves the rest out.
//   users, items   float32[.. x algebra.stride()]; what `users` holds is overwritten by what is on the way.
template <typename Cancelled>
bool SpectralStart(const InteractionMatrix& matrix, std::uint64_t seed, const Parallelism& parallelism,
                   FactorAlgebra& algebra, const Cancelled& cancelled, AlignedVector<float>& users,
                   AlignedVector<float>& items, AlignedVector<double>& squares) {
  constexpr int kPasses = 2;
  const auto users_of = [&](std::size_t item) { return static_cast<double>(matrix.item_user().row_size(item)); };
  // Every row of `out` becomes the mean of the rows of `in` that the interactions join it to.
  const auto average = [&](const SparseMatrix& rows, const AlignedVector<float>& in, AlignedVector<float>& out) {
    const auto share = [&](std::size_t row) {
      const std::size_t count = rows.row_size(row);
      return count == 0 ? 0.0f : 1.0f / static_cast<float>(count);
    };
    SumNeighbours(rows, EntryWeights::kOnes, in, algebra.stride(), share, out, parallelism, cancelled);
  };
  // Uniform elements: their variance is a twelfth of the squared range.
  algebra.FillRandomly(seed, std::sqrt(12.0 / static_cast<double>(algebra.dimensions())), items);
  algebra.ScaleRows([&](std::size_t item) { return users_of(item) == 0 ? 0 : 1 / std::sqrt(users_of(item)); }, items);
  for (int pass = 0; pass < kPasses && !cancelled(); ++pass) {
    average(matrix.user_item(), items, users);
    average(matrix.item_user(), users, items);
  }
  algebra.ScaleRows(users_of, items);
  return algebra.Orthonormalize(items, squares);
}

}  // namespace waypost

#endif  // WAYPOST_MODEL_SPECTRAL_START_HPP_
