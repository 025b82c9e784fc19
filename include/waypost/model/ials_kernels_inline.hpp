// waypost/model/ials_kernels_inline.hpp - the code of ials_kernels.hpp for the instruction set of this compilation.
#ifndef WAYPOST_MODEL_IALS_KERNELS_INLINE_HPP_
#define WAYPOST_MODEL_IALS_KERNELS_INLINE_HPP_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "waypost/base/dense_kernels_inline.hpp"
#include "waypost/model/ials_kernels.hpp"
#include "waypost/model/ials_lanes_inline.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

struct IalsRow {
  const std::uint32_t* columns;
  const float* values;  // null: 1
  std::size_t size;

  float strength(std::size_t n) const { return values == nullptr ? 1.0f : values[n]; }
};

// The parts of a workspace; names as in ials_kernels.hpp.
struct IalsWorkspace {
  float* scale;     // D^-1/2
  float* roots;     // C^1/2 1
  float* right;     // right side of a system
  float* solution;  // of a system
  float* inverse;   // reciprocals of a factor's diagonal
  float* x;         // D^1/2 w
  float* spare;     // conjugate gradients: the direction
  float* image;     // conjugate gradients: the system times the direction
  float* system;    // its size depends on the row
  float* rows;      // E, behind the system
};

inline IalsWorkspace CutWorkspace(float* memory, std::size_t stride) {
  const std::size_t vector = PaddedDimensions(stride > kProductPanel ? stride : kProductPanel);
  IalsWorkspace w{};
  float** const vectors[] = {&w.scale, &w.roots, &w.right, &w.solution, &w.inverse, &w.x, &w.spare, &w.image};
  for (float** part : vectors) {
    *part = memory;
    memory += vector;
  }
  w.system = memory;
  return w;
}

inline void SetScale(const IalsSideView& side, double lambda, float* scale) {
  const DenseTag tag;
  const auto floor = hn::Set(tag, IalsRidgeFloor(side, lambda));
  const auto add = hn::Set(tag, static_cast<float>(lambda));
  for (std::size_t k = 0; k < side.stride; k += kDenseLanes) {
    const auto ridge = hn::Max(hn::Add(hn::Load(tag, side.ridge + k), add), floor);
    hn::Store(hn::Div(hn::Set(tag, 1.0f), hn::Sqrt(ridge)), tag, scale + k);
  }
}

inline void ZeroRow(std::size_t size, float* to) {
  for (std::size_t k = 0; k < size; ++k) to[k] = 0;
}

// Rows begin..end of E, and their roots of strength.
inline void Gather(const IalsSideView& side, const IalsRow& row, std::size_t begin, std::size_t end,
                   const IalsWorkspace& w) {
  const DenseTag tag;
  constexpr std::size_t kAhead = 4;  // rows asked for before they are used: they lie anywhere in memory
  for (std::size_t n = begin; n < end; ++n) {
    if (n + kAhead < end) {
      const float* next = side.factors + std::size_t{row.columns[n + kAhead]} * side.stride;
      for (std::size_t k = 0; k < side.stride; k += kLanes) __builtin_prefetch(next + k);
    }
    const float* from = side.factors + std::size_t{row.columns[n]} * side.stride;
    const float root = std::sqrt(row.strength(n));
    w.roots[n - begin] = root;
    float* to = w.rows + (n - begin) * side.stride;
    const auto factor = hn::Set(tag, root);
    for (std::size_t k = 0; k < side.stride; k += kDenseLanes)
      hn::Store(hn::Mul(hn::Mul(hn::Load(tag, from + k), factor), hn::Load(tag, w.scale + k)), tag, to + k);
  }
}

// All rows of E, as GramOfRows takes them.
inline void GatherAll(const IalsSideView& side, const IalsRow& row, const IalsWorkspace& w) {
  Gather(side, row, 0, row.size, w);
  ZeroRow((PaddedToFour(row.size) - row.size) * side.stride, w.rows + row.size * side.stride);
}

// x = E^T y for `count` rows of E; elements of y are `step` apart.
inline void Combine(const float* rows, std::size_t count, std::size_t stride, const float* y, std::size_t step,
                    float* x) {
  ProductRows<1, Store::kSet>({y, step, 0}, rows, stride, count, x, 0, stride);
}

// Adds the same amount to each diagonal element of a matrix.
inline void AddToDiagonal(float amount, std::size_t size, std::size_t stride, float* matrix) {
  for (std::size_t k = 0; k < size; ++k) matrix[k * stride + k] += amount;
}

// w.system = I + E E^T, w.right = C^1/2 1. Returns the system's stride.
inline std::size_t BuildDual(const IalsSideView& side, const IalsRow& row, float jitter, const IalsWorkspace& w) {
  const std::size_t stride = PaddedDimensions(row.size);
  GatherAll(side, row, w);
  GramOfRows(w.rows, row.size, side.stride, w.system, stride);
  double trace = 0;
  for (std::size_t n = 0; n < row.size; ++n) trace += w.system[n * stride + n];
  AddToDiagonal(1.0f + jitter * static_cast<float>(trace), row.size, stride, w.system);
  for (std::size_t n = 0; n < row.size; ++n) w.right[n] = w.roots[n];
  for (std::size_t n = row.size; n < stride; ++n) w.right[n] = 0;
  return stride;
}

// w.system = I + E^T E, w.right = E^T C^1/2 1.
inline void BuildPrimal(const IalsSideView& side, const IalsRow& row, float jitter, const IalsWorkspace& w) {
  const std::size_t stride = side.stride;
  for (std::size_t k = 0; k < stride; ++k)
    ZeroRow(stride - k / kLanes * kLanes, w.system + k * stride + k / kLanes * kLanes);
  ZeroRow(stride, w.right);
  for (std::size_t begin = 0; begin < row.size; begin += kProductPanel) {
    const std::size_t end = SmallerOf(begin + kProductPanel, row.size);
    Gather(side, row, begin, end, w);
    ProductRows<1, Store::kAdd>({w.roots, 1, 0}, w.rows, stride, end - begin, w.right, 0, stride);
    Product<Store::kAdd>({w.rows, stride, 1}, w.rows, stride, end - begin, w.system, stride, stride, stride, true);
  }
  double trace = 0;
  for (std::size_t k = 0; k < stride; ++k) trace += w.system[k * stride + k];
  AddToDiagonal(1.0f + jitter * static_cast<float>(trace), stride, stride, w.system);
}

// w = D^-1/2 x, or zero and false where that is not finite.
inline bool Unscale(std::size_t stride, const float* scale, const float* x, float* out) {
  const DenseTag tag;
  for (std::size_t k = 0; k < stride; k += kDenseLanes)
    hn::Store(hn::Mul(hn::Load(tag, scale + k), hn::Load(tag, x + k)), tag, out + k);
  // 0 times a finite number is 0; times any other it is not a number, and stays so in the sum.
  auto zero = hn::Zero(tag);
  for (std::size_t k = 0; k < stride; k += kDenseLanes) zero = hn::MulAdd(hn::Load(tag, out + k), hn::Zero(tag), zero);
  const bool finite = hn::GetLane(hn::SumOfLanes(tag, zero)) == 0;
  if (!finite) ZeroRow(stride, out);
  return finite;
}

// sum_j c_j^1/2 y_j = sum_j c_j (1 - h_j . w): the minimum, as the dual solution y = C^1/2 (1 - B w) gives it.
inline double MinimumOfDual(const float* roots, const float* y, std::size_t step, std::size_t size) {
  double sum = 0;
  for (std::size_t j = 0; j < size; ++j) sum += static_cast<double>(roots[j]) * y[j * step];
  return sum;
}

// Adds sum_j c_j (h_j . w - 1)^2 + w^T (diag(ridge) + lambda I) w to `loss`.
inline void Measure(const IalsSideView& side, const IalsRow& row, double lambda, const float* out, double* loss) {
  double sum = 0;
  for (std::size_t n = 0; n < row.size; ++n) {
    const float* h = side.factors + std::size_t{row.columns[n]} * side.stride;
    const double error = static_cast<double>(DenseDot(h, out, side.stride)) - 1.0;
    sum += static_cast<double>(row.strength(n)) * error * error;
  }
  for (std::size_t k = 0; k < side.stride; ++k) {
    const double w = out[k];
    sum += (static_cast<double>(side.ridge[k]) + lambda) * w * w;
  }
  *loss += sum;
}

inline void SolveExactRow(const IalsSideView& side, const IalsRow& row, bool dual, float jitter, IalsWorkspace w,
                          double lambda, float* out, double* loss) {
  const std::size_t system = dual ? PaddedDimensions(row.size) : side.stride;
  w.rows = w.system + system * system;
  constexpr int kAttempts = 5;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (dual) {
      const std::size_t stride = BuildDual(side, row, jitter, w);
      if (Cholesky(w.system, row.size, stride, w.inverse)) {
        CholeskySolve(w.system, row.size, stride, w.inverse, w.right, w.solution);
        Combine(w.rows, row.size, side.stride, w.solution, 1, w.x);
        if (Unscale(side.stride, w.scale, w.x, out)) {
          if (loss != nullptr) *loss += MinimumOfDual(w.roots, w.solution, 1, row.size);
          return;
        }
      }
    } else {
      BuildPrimal(side, row, jitter, w);
      if (Cholesky(w.system, side.stride, side.stride, w.inverse)) {
        CholeskySolve(w.system, side.stride, side.stride, w.inverse, w.right, w.x);
        if (Unscale(side.stride, w.scale, w.x, out)) {
          if (loss != nullptr) Measure(side, row, lambda, out, loss);
          return;
        }
      }
    }
    jitter = jitter == 0 ? kJitter : jitter * 100;
  }
  ZeroRow(side.stride, out);
  if (loss != nullptr) Measure(side, row, lambda, out, loss);
}

// Asks for the fixed vectors of a row that comes next.
inline void PrefetchRow(const IalsSideView& side, const IalsRow& row) {
  const std::size_t most = SmallerOf(side.stride, 128);  // the rest of a vector follows by the processor's own guess
  for (std::size_t n = 0; n < row.size; ++n)
    for (std::size_t k = 0; k < most; k += kLanes)
      __builtin_prefetch(side.factors + std::size_t{row.columns[n]} * side.stride + k);
}

// Solves at most kDenseLanes rows of the same length, which is at most kIalsLaneRow and less than d.
inline void SolveExactLanes(const IalsSideView& side, const IalsRow* rows, float* const* out, std::size_t count,
                            double lambda, IalsWorkspace w, double* loss) {
  const std::size_t size = rows[0].size;
  const std::size_t block_rows = (size + 3) / 4;
  const std::size_t elements = 16 * LaneBlock(block_rows, 0);
  float* const system = w.system;
  float* const grams = system + kLanes * kIalsLaneSystem;
  float* const right = grams + kLanes * kIalsLaneSystem;
  float* const inverse = right + kLanes * kIalsLaneRow;
  float* const gathered = inverse + kLanes * kIalsLaneRow;
  const std::size_t row_step = 4 * block_rows * side.stride;
  const DenseTag tag;
  for (std::size_t j = 0; j < 4 * block_rows; ++j)
    hn::Store(hn::Set(tag, j < size ? 1.0f : 0.0f), tag, right + j * kDenseLanes);
  for (std::size_t lane = 0; lane < count; ++lane) {
    if (lane + 1 < count) PrefetchRow(side, rows[lane + 1]);
    w.rows = gathered + lane * row_step;
    GatherAll(side, rows[lane], w);
    for (std::size_t j = 0; j < size; ++j) right[j * kDenseLanes + lane] = w.roots[j];
    LaneGram(w.rows, size, side.stride, grams + lane * elements);
  }
  JoinLanes(grams, elements, elements, count, system);
  for (std::size_t k = 0; k < 4 * block_rows; ++k) {
    float* diagonal = LaneElement(system, LaneBlock(k / 4, k / 4), k % 4 * 5);
    hn::Store(hn::Add(hn::Load(tag, diagonal), hn::Set(tag, 1.0f)), tag, diagonal);
  }
  FactorLanes(system, block_rows, inverse);
  SolveLanes(system, block_rows, inverse, right);
  bool solved[kDenseLanes];
  for (std::size_t lane = 0; lane < count; ++lane) {
    Combine(gathered + lane * row_step, size, side.stride, right + lane, kDenseLanes, w.x);
    solved[lane] = Unscale(side.stride, w.scale, w.x, out[lane]);
    if (!solved[lane] || loss == nullptr) continue;
    for (std::size_t j = 0; j < size; ++j) w.roots[j] = std::sqrt(rows[lane].strength(j));
    *loss += MinimumOfDual(w.roots, right + lane, kDenseLanes, size);
  }
  for (std::size_t lane = 0; lane < count; ++lane)
    if (!solved[lane]) SolveExactRow(side, rows[lane], true, kJitter, w, lambda, out[lane], loss);
}

// image = (I + E^T E) direction, with E read from the unscaled factors: long rows need no copy.
inline void ApplySystem(const IalsSideView& side, const IalsRow& row, const IalsWorkspace& w, const float* direction,
                        float* image) {
  const DenseTag tag;
  const std::size_t stride = side.stride;
  float* scaled = w.right;
  for (std::size_t k = 0; k < stride; k += kDenseLanes)
    hn::Store(hn::Mul(hn::Load(tag, direction + k), hn::Load(tag, w.scale + k)), tag, scaled + k);
  ZeroRow(stride, image);
  for (std::size_t n = 0; n < row.size; ++n) {
    const float* h = side.factors + std::size_t{row.columns[n]} * stride;
    AddScaled(row.strength(n) * DenseDot(h, scaled, stride), h, stride, image);
  }
  for (std::size_t k = 0; k < stride; k += kDenseLanes)
    hn::Store(hn::MulAdd(hn::Load(tag, image + k), hn::Load(tag, w.scale + k), hn::Load(tag, direction + k)), tag,
              image + k);
}

inline void SolveCgRow(const IalsSideView& side, const IalsRow& row, int steps, const IalsWorkspace& w, float* out) {
  const DenseTag tag;
  const std::size_t stride = side.stride;
  float* residual = w.solution;
  float* direction = w.spare;
  for (std::size_t k = 0; k < stride; k += kDenseLanes)
    hn::Store(hn::Div(hn::Load(tag, out + k), hn::Load(tag, w.scale + k)), tag, w.x + k);
  ApplySystem(side, row, w, w.x, w.image);
  ZeroRow(stride, residual);
  for (std::size_t n = 0; n < row.size; ++n)
    AddScaled(row.strength(n), side.factors + std::size_t{row.columns[n]} * stride, stride, residual);
  for (std::size_t k = 0; k < stride; k += kDenseLanes)
    hn::Store(hn::MulSub(hn::Load(tag, residual + k), hn::Load(tag, w.scale + k), hn::Load(tag, w.image + k)), tag,
              residual + k);
  for (std::size_t k = 0; k < stride; ++k) direction[k] = residual[k];
  float norm = DenseDot(residual, residual, stride);
  for (int step = 0; step < steps && norm > 0 && norm < HUGE_VALF; ++step) {
    ApplySystem(side, row, w, direction, w.image);
    const float curvature = DenseDot(direction, w.image, stride);
    if (!(curvature > 0) || !(curvature < HUGE_VALF)) break;
    AddScaled(norm / curvature, direction, stride, w.x);
    AddScaled(-norm / curvature, w.image, stride, residual);
    const float next = DenseDot(residual, residual, stride);
    Scale(next / norm, stride, direction);
    AddScaled(1.0f, residual, stride, direction);
    norm = next;
  }
  Unscale(stride, w.scale, w.x, out);
}

// One sweep over blocks of columns: with y = C^1/2 (1 - B w) and the columns E_k of E,
// x_k += (I + E_k^T E_k)^-1 (E_k^T y - x_k), each time with the y of the columns so far.
inline void SolveBlockRow(const IalsSideView& side, const IalsRow& row, std::size_t block, const IalsWorkspace& w,
                          float* out) {
  const DenseTag tag;
  const std::size_t stride = side.stride;
  float* const gathered = w.system + block * block;
  float* const y = gathered + block * kProductPanel;
  for (std::size_t n = 0; n < row.size; ++n) {
    const float* h = side.factors + std::size_t{row.columns[n]} * stride;
    y[n] = std::sqrt(row.strength(n)) * (1.0f - DenseDot(h, out, stride));
  }
  for (std::size_t k = 0; k < stride; k += kDenseLanes)
    hn::Store(hn::Div(hn::Load(tag, out + k), hn::Load(tag, w.scale + k)), tag, w.x + k);
  for (std::size_t first = 0; first < stride; first += block) {
    const std::size_t width = SmallerOf(block, stride - first);
    ZeroRow(width * width, w.system);
    for (std::size_t k = 0; k < width; ++k) w.right[k] = -w.x[first + k];
    for (std::size_t begin = 0; begin < row.size; begin += kProductPanel) {
      const std::size_t count = SmallerOf(kProductPanel, row.size - begin);
      for (std::size_t n = 0; n < count; ++n) {
        const float* h = side.factors + std::size_t{row.columns[begin + n]} * stride + first;
        const auto root = hn::Set(tag, std::sqrt(row.strength(begin + n)));
        for (std::size_t k = 0; k < width; k += kDenseLanes)
          hn::Store(hn::Mul(hn::Mul(hn::Load(tag, h + k), root), hn::Load(tag, w.scale + first + k)), tag,
                    gathered + n * width + k);
      }
      ProductRows<1, Store::kAdd>({y + begin, 1, 0}, gathered, width, count, w.right, 0, width);
      Product<Store::kAdd>({gathered, width, 1}, gathered, width, count, w.system, width, width, width, true);
    }
    AddToDiagonal(1.0f, width, width, w.system);
    if (!Cholesky(w.system, width, width, w.inverse)) continue;  // the block stays as it is
    CholeskySolve(w.system, width, width, w.inverse, w.right, w.solution);
    AddScaled(1.0f, w.solution, width, w.x + first);
    for (std::size_t k = 0; k < width; k += kDenseLanes)
      hn::Store(hn::Mul(hn::Load(tag, w.solution + k), hn::Load(tag, w.scale + first + k)), tag, w.spare + k);
    for (std::size_t n = 0; n < row.size; ++n) {
      const float* h = side.factors + std::size_t{row.columns[n]} * stride + first;
      y[n] -= std::sqrt(row.strength(n)) * DenseDot(h, w.spare, width);
    }
  }
  Unscale(stride, w.scale, w.x, out);
}

inline IalsRow RowAt(const IalsRowsView& rows, std::size_t index) {
  const std::size_t row = rows.order == nullptr ? index : rows.order[index];
  const std::size_t begin = static_cast<std::size_t>(rows.offsets[row]);
  return {rows.columns + begin, rows.values == nullptr ? nullptr : rows.values + begin,
          static_cast<std::size_t>(rows.offsets[row + 1]) - begin};
}

// Calls solve(rows, out, count, lambda) for groups of at most `most(size)` rows of one length that follow each other;
// rows without entries become zero.
template <typename Most, typename Solve>
inline void ForEachGroup(const IalsSideView& side, const IalsRowsView& rows, const IalsWorkspace& w, float* out,
                         const Most& most, const Solve& solve) {
  IalsRow group[kLanes];
  float* to[kLanes];
  double lambda = 0;
  std::size_t scaled = 0;  // the length that w.scale and lambda belong to
  for (std::size_t first = 0; first < rows.count;) {
    const std::size_t size = RowAt(rows, first).size;
    const std::size_t largest = size == 0 ? 1 : most(size);
    std::size_t count = 0;
    for (; count < largest && first + count < rows.count; ++count) {
      group[count] = RowAt(rows, first + count);
      if (group[count].size != size) break;
      to[count] = out + (rows.order == nullptr ? first + count : rows.order[first + count]) * side.stride;
    }
    first += count;
    if (size == 0) {
      ZeroRow(side.stride, to[0]);
      continue;
    }
    if (size != scaled) {
      lambda = IalsLambda(side, size);
      SetScale(side, lambda, w.scale);
      scaled = size;
    }
    solve(group, to, count, lambda);
  }
}

inline bool InLanes(const IalsSideView& side, std::size_t size) {
  return size <= kIalsLaneRow && size < side.stride;
}
// The number of rows of one length that are solved together.
inline std::size_t RowsTogether(const IalsSideView& side, std::size_t size) {
  return InLanes(side, size) ? kDenseLanes : 1;
}
inline void SolveExactGroup(const IalsSideView& side, const IalsRow* group, float* const* to, std::size_t count,
                            double lambda, const IalsWorkspace& w, double* loss) {
  const std::size_t size = group[0].size;
  if (InLanes(side, size)) return SolveExactLanes(side, group, to, count, lambda, w, loss);
  SolveExactRow(side, group[0], size < side.stride, 0, w, lambda, to[0], loss);
}

inline void SolveExact(const IalsSideView& side, const IalsRowsView& rows, float* out, float* workspace, double* loss) {
  const IalsWorkspace w = CutWorkspace(workspace, side.stride);
  ForEachGroup(
      side, rows, w, out, [&](std::size_t size) { return RowsTogether(side, size); },
      [&](const IalsRow* group, float* const* to, std::size_t count, double lambda) {
        SolveExactGroup(side, group, to, count, lambda, w, loss);
      });
}

inline void SolveBlock(const IalsSideView& side, const IalsRowsView& rows, std::size_t block, float* out,
                       float* workspace, double* loss) {
  const IalsWorkspace w = CutWorkspace(workspace, side.stride);
  const std::size_t width = SmallerOf(block, side.stride);
  ForEachGroup(
      side, rows, w, out, [&](std::size_t size) { return size <= width ? RowsTogether(side, size) : 1; },
      [&](const IalsRow* group, float* const* to, std::size_t count, double lambda) {
        if (group[0].size <= width) return SolveExactGroup(side, group, to, count, lambda, w, loss);
        SolveBlockRow(side, group[0], width, w, to[0]);
        if (loss != nullptr) Measure(side, group[0], lambda, to[0], loss);
      });
}

inline void SolvePrimal(const IalsSideView& side, const IalsRowsView& rows, float* out, float* workspace,
                        double* loss) {
  const IalsWorkspace w = CutWorkspace(workspace, side.stride);
  ForEachGroup(
      side, rows, w, out, [](std::size_t) { return std::size_t{1}; },
      [&](const IalsRow* group, float* const* to, std::size_t, double lambda) {
        SolveExactRow(side, group[0], false, 0, w, lambda, to[0], loss);
      });
}

inline void SolveCg(const IalsSideView& side, const IalsRowsView& rows, int steps, float* out, float* workspace,
                    double* loss) {
  const IalsWorkspace w = CutWorkspace(workspace, side.stride);
  ForEachGroup(
      side, rows, w, out, [](std::size_t) { return std::size_t{1}; },
      [&](const IalsRow* group, float* const* to, std::size_t, double lambda) {
        SolveCgRow(side, group[0], steps, w, to[0]);
        if (loss != nullptr) Measure(side, group[0], lambda, to[0], loss);
      });
}

inline const IalsKernels& IalsKernelTable() {
  static constexpr IalsKernels kTable{&SolveExact, &SolvePrimal, &SolveCg, &SolveBlock};
  return kTable;
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_MODEL_IALS_KERNELS_INLINE_HPP_
