// waypost/model/ials_kernels.hpp - the row solver of iALS: a pure function of a block of compressed rows, the fixed
// side's factors in the eigenbasis of their Gramian, and three numbers.
//
// Definition   For a row with entries j of strengths c_j and fixed vectors h_j (rows of B), the minimum of
//                sum_j c_j (h_j . w - 1)^2 + w^T D w,   D = diag(ridge) + lambda I,   lambda = reg (n + mass)^nu.
//              With E = C^1/2 B D^-1/2 and x = D^1/2 w it is
//                n < d    x = E^T (I + E E^T)^-1 C^1/2 1      an n x n system (dual)
//                n >= d   x = (I + E^T E)^-1 E^T C^1/2 1      a  d x d system (primal)
//              Conjugate gradients on the second system are those on w preconditioned by D.
// Numerics     Float32. The scaled systems have no eigenvalue below 1. D is kept above kRidgeFloor of its largest
//              element: directions in which the fixed side is rounding noise do not count. Where a factorization fails
//              all the same, kJitter times the trace is added to the diagonal, 100 times more at each new failure; a
//              row that still has no finite solution is zero. Rows without entries are zero.
// Determinism  A row's result depends on its own entries alone, never on the block around it, so that a stored row and
//              the fold-in of its history are the same bits.
// Checked by   tests/unit/model_ials_kernels_test.cpp against tests/reference/naive_ials.hpp in double precision.
#ifndef WAYPOST_MODEL_IALS_KERNELS_HPP_
#define WAYPOST_MODEL_IALS_KERNELS_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "waypost/base/dense_kernels.hpp"
#include "waypost/base/factor_matrix.hpp"

namespace waypost {

inline constexpr float kRidgeFloor = 1e-6f;  // float32 factors carry about 1e-7 of noise in every direction
inline constexpr float kJitter = 1e-6f;      // some units in the last place of a float32 factorization

// The fixed side of a half-epoch. Borrowed.
struct IalsSideView {
  const float* factors = nullptr;  // float32[rows x stride], in the eigenbasis of their Gramian
  std::size_t stride = 0;
  const float* ridge = nullptr;  // float32[stride]: unobserved weight x eigenvalue, >= 0; 0 in the padding
  float largest_ridge = 0;
  double regularization = 0;
  double exponent = 0;
  double unobserved_mass = 0;  // unobserved weight x number of rows of the fixed side
};

// The next three are always inlined: kernel sources leave no symbol that several instruction sets would share.

// lambda of a row with `size` entries.
[[gnu::always_inline]] inline double IalsLambda(const IalsSideView& side, std::size_t size) {
  const double lambda = side.regularization * std::pow(static_cast<double>(size) + side.unobserved_mass, side.exponent);
  return lambda < 1e30 ? lambda : 1e30;  // beyond, the row is zero in float32 anyway
}

// The smallest element that D may have.
[[gnu::always_inline]] inline float IalsRidgeFloor(const IalsSideView& side, double lambda) {
  const float largest = side.largest_ridge + static_cast<float>(lambda);
  return largest > 0 ? kRidgeFloor * largest : 1e-30f;
}

// Element k of D.
[[gnu::always_inline]] inline float IalsRowRidge(const IalsSideView& side, double lambda, std::size_t k) {
  const float ridge = side.ridge[k] + static_cast<float>(lambda);
  const float floor = IalsRidgeFloor(side, lambda);
  return ridge > floor ? ridge : floor;
}

// Rows of a compressed matrix. Borrowed.
struct IalsRowsView {
  const std::uint64_t* offsets = nullptr;  // of the first row; one more than rows
  const std::uint32_t* columns = nullptr;  // of the whole matrix: offsets point into it
  const float* values = nullptr;           // as columns, or null: every strength is 1
  std::size_t count = 0;
  const std::uint32_t* order = nullptr;  // uint32[count]: which rows, or null: the first `count`. Rows of equal length
                                         // that follow each other are solved together.
};

struct IalsKernels {
  // Each writes the solution of row r to out[r * stride] and, where `loss` is not null, adds to it the minimised
  // expressions at the vectors written, row by row.
  //   workspace  float32[IalsWorkspaceSize(stride, longest row, count)], 64-byte aligned.
  void (*solve_exact)(const IalsSideView& side, const IalsRowsView& rows, float* out, float* workspace, double* loss);
  // As solve_exact, always with the d x d system: the measure of what the choice saves.
  //   workspace  of IalsWorkspaceSize(stride, stride) or more.
  void (*solve_primal)(const IalsSideView& side, const IalsRowsView& rows, float* out, float* workspace, double* loss);
  // `steps` steps of conjugate gradients from the vectors in `out`.
  void (*solve_cg)(const IalsSideView& side, const IalsRowsView& rows, int steps, float* out, float* workspace,
                   double* loss);
  // From the vectors in `out` one sweep of exact minimisations over `block` columns at a time, a multiple of kLanes
  // (iALS++); rows of at most `block` entries are exact.
  //   workspace  of IalsBlockWorkspaceSize.
  void (*solve_block)(const IalsSideView& side, const IalsRowsView& rows, std::size_t block, float* out,
                      float* workspace, double* loss);
};

// Rows of at most this many entries are solved side by side, one in each lane of a vector, where n < d. Longer ones
// fill the vectors themselves, and their systems would no longer stay in the nearest cache together.
inline constexpr std::size_t kIalsLaneRow = 32;
inline constexpr std::size_t kIalsLaneSystem = kIalsLaneRow / 4 * (kIalsLaneRow / 4 + 1) / 2 * 16;  // elements, a lane

// Elements of workspace for calls of `count` rows of at most `longest_row` entries: eight vectors, and behind them
// either the system and the gathered rows of one row, or the systems, right sides and gathered rows of several lanes.
constexpr std::size_t IalsWorkspaceSize(std::size_t stride, std::size_t longest_row, std::size_t count = 1) {
  const std::size_t vectors = 8 * PaddedDimensions(stride > kProductPanel ? stride : kProductPanel);
  const std::size_t one = longest_row < stride
                              ? PaddedDimensions(longest_row) * (PaddedDimensions(longest_row) + stride)
                              : stride * (stride + (stride > kProductPanel ? stride : kProductPanel));
  const std::size_t lanes = 2 * kLanes * (kIalsLaneSystem + kIalsLaneRow) +
                            (count < kLanes ? count : kLanes) *
                                PaddedDimensions(longest_row < kIalsLaneRow ? longest_row : kIalsLaneRow) * stride;
  return vectors + (one > lanes ? one : lanes);
}

// The same for solve_block: the system and the gathered columns of a block, and what is left of each entry.
constexpr std::size_t IalsBlockWorkspaceSize(std::size_t stride, std::size_t longest_row, std::size_t block,
                                             std::size_t count = 1) {
  const std::size_t exact = IalsWorkspaceSize(stride, longest_row, count);
  const std::size_t vectors = 8 * PaddedDimensions(stride > kProductPanel ? stride : kProductPanel);
  const std::size_t swept = vectors + block * (block + kProductPanel) + PaddedDimensions(longest_row);
  return exact > swept ? exact : swept;
}

}  // namespace waypost

#ifdef WAYPOST_COMPILED

namespace waypost {

// The table of the instruction set that runs.
const IalsKernels& GetIalsKernels();

}  // namespace waypost

#else

#include "waypost/model/ials_kernels_inline.hpp"

namespace waypost {

inline const IalsKernels& GetIalsKernels() {
  return simd::WAYPOST_SIMD_TARGET::IalsKernelTable();
}

}  // namespace waypost

#endif

#endif  // WAYPOST_MODEL_IALS_KERNELS_HPP_
