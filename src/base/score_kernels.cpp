// Compiled once per instruction set (scripts/cmake/simd.cmake).
#include "waypost/base/score_kernels_inline.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

const ScoreKernels& ScoreKernelTableExport();
const ScoreKernels& ScoreKernelTableExport() {
  return ScoreKernelTable();
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET
