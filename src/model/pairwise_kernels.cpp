// Compiled once per instruction set (scripts/cmake/simd.cmake).
#include "waypost/model/pairwise_kernels_inline.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

const PairwiseKernels& PairwiseKernelTableExport();
const PairwiseKernels& PairwiseKernelTableExport() {
  return PairwiseKernelTable();
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET
