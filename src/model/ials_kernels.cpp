// Compiled once per instruction set (scripts/cmake/simd.cmake).
#include "waypost/model/ials_kernels_inline.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

const IalsKernels& IalsKernelTableExport();
const IalsKernels& IalsKernelTableExport() {
  return IalsKernelTable();
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET
