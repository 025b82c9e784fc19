// Compiled once per instruction set (scripts/cmake/simd.cmake).
#include "waypost/base/dense_kernels_inline.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

const DenseKernels& DenseKernelTableExport();
const DenseKernels& DenseKernelTableExport() {
  return DenseKernelTable();
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET
