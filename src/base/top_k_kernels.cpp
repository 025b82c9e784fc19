// Compiled once per instruction set (scripts/cmake/simd.cmake).
#include "waypost/base/top_k_kernels_inline.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

const TopKKernels& TopKKernelTableExport();
const TopKKernels& TopKKernelTableExport() {
  return TopKKernelTable();
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET
