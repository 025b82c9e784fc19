// waypost/base/top_k_kernels.hpp - the int8 scan that finds, without missing one, the rows a top-k search must score.
//
// Definition   Rows lie in groups of 64. Row x of a group is s a + e: s the group's scale, a whole numbers in
//              -127..127, |e| <= R, its residual. A query q is t b + f: t its scale, b whole numbers, |f| <= E. Scan()
//              returns the rows of a group whose score could reach a threshold: those whose whole-number product
//              a . b is not below a bound that belongs to the query and the group.
// Bound        The score S = fl(q . x) of score_kernels.hpp reaches w only if a . b >= (w - B) / (s t), where
//                B = |q| R + E (N + R) + g |q| N + u (1 + |q|) (1 + N),       N >= |x| for every x of the group.
//              Proof. q . x = q . (s a) + q . e, and |q . e| <= |q| R by Cauchy-Schwarz. Further q . (s a) =
//              s t a . b + f . (s a), and |f . (s a)| <= E |x - e| <= E (N + R). A product passes at most
//              stride / 16 + 1 roundings in its partial sum and 4 in the tree, each by a factor within 1 -+ 2^-24, so
//              |S - q . x| <= g sum |q_i x_i| <= g |q| N with g = 1.01 (stride / 16 + 6) 2^-24. A product or sum that
//              falls below the normal numbers adds at most 2^-126, also where the host has them flushed to zero, and
//              so does a subnormal element times its partner: u = stride 2^-124 covers both. Together
//              |S - s t a . b| <= B: what the scan reports of a row bounds its score from below as well.
//              Norms and residuals are rounded away from 0 by 2^-20 and B is float64, so that its own rounding is
//              far below; the whole-number bound is lowered by 2 more.
// Stop         S <= (1 + g) |q| N + u (1 + |q|) (1 + N): where this is below w, so it is for every later group, whose
//              norms are no larger.
// By norm      With w >= 0 and `by_norm`, a row must reach w |x|, hence at least w times the group's smallest norm.
// Not finite   A norm or threshold that is not finite, and |q| N >= 2^120, exclude nothing: such rows are scored, and
//              a score that overflows is seen.
// Safety       Any bytes in panels and groups give whole numbers without overflow: |acc| <= 255 * 127 * 4096.
// Checked by   tests/unit/base_top_k_kernels_test.cpp against the definition in exact whole numbers, and the bound
//              against scores.
#ifndef WAYPOST_BASE_TOP_K_KERNELS_HPP_
#define WAYPOST_BASE_TOP_K_KERNELS_HPP_

#include <cstddef>
#include <cstdint>

namespace waypost {

inline constexpr std::size_t kTopKGroup = 64;           // on disk: do not change
inline constexpr std::size_t kTopKMaxStride = 4096;     // keeps every sum of products within 32 bits
inline constexpr double kTopKLargestProduct = 0x1p120;  // |q| N below which no score can overflow

// What holds for the 64 rows of a group. On disk: do not change.
struct TopKGroup {
  float largest_norm;   // at least the norm of each
  float smallest_norm;  // at most the norm of each
  float scale;          // of the whole numbers, > 0
  float residual;       // at least the norm of row - scale * whole numbers, for each

  friend bool operator==(const TopKGroup&, const TopKGroup&) = default;
};
static_assert(sizeof(TopKGroup) == 16);

// A query as whole numbers, with what the bound needs.
struct TopKQuery {
  double norm = 0;      // at least |q|
  double residual = 0;  // at least |f|
  double scale = 0;
  double offset = 0;    // 128 times the sum of the whole numbers: panels hold them with 128 added
  double rounding = 0;  // g
  double tiny = 0;      // u
};

// What a scan found.
struct TopKHit {
  std::size_t group;                          // the group, or where the scan ended
  std::uint64_t rows;                         // its rows that could reach the threshold, as bits
  double unit;                                // s t
  double error;                               // B; infinity where nothing is excluded
  alignas(64) std::int32_t sums[kTopKGroup];  // for each row a . b + TopKQuery::offset
};

struct TopKKernels {
  // Writes the whole numbers of a query.
  //   query   float32[stride], 64-byte aligned, stride a multiple of 16, at most kTopKMaxStride.
  //   words   int8[stride], 64-byte aligned.
  TopKQuery (*prepare)(const float* query, std::size_t stride, std::int8_t* words);

  // Finds the first group of [begin, end) with a row that could reach the threshold and returns its number; `end` where
  // there is none; kTopKStop where none of all later groups has one. Then hit->group alone is set.
  //   panels     of all groups: byte 4 (64 j + row) + c of a group is 128 + whole number 4 j + c of the row.
  //   threshold  -infinity: every row.
  //   by_norm    the threshold is per unit of a row's norm.
  std::size_t (*scan)(const std::uint8_t* panels, const TopKGroup* groups, std::size_t begin, std::size_t end,
                      std::size_t stride, const std::int8_t* words, const TopKQuery& query, double threshold,
                      bool by_norm, TopKHit* hit);

  // The table for a processor of this instruction set that cannot add four products at once; null where it is this one.
  const TopKKernels* plain;
};

inline constexpr std::size_t kTopKStop = static_cast<std::size_t>(-1);

}  // namespace waypost

#ifdef WAYPOST_COMPILED

namespace waypost {

// The table of the instruction set that runs.
const TopKKernels& GetTopKKernels();

}  // namespace waypost

#else

#include "waypost/base/top_k_kernels_inline.hpp"

namespace waypost {

inline const TopKKernels& GetTopKKernels() {
  return simd::WAYPOST_SIMD_TARGET::TopKKernelTable();
}

}  // namespace waypost

#endif

#endif  // WAYPOST_BASE_TOP_K_KERNELS_HPP_
