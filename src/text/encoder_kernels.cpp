// Compiled once per instruction set (scripts/cmake/simd.cmake).
#include "waypost/text/encoder_kernels_inline.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

const EncoderKernels& EncoderKernelTableExport();
const EncoderKernels& EncoderKernelTableExport() {
  return EncoderKernelTable();
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET
