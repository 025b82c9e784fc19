#include "base/simd_dispatch.hpp"
#include "waypost/text/encoder_kernels.hpp"

WAYPOST_DEFINE_KERNEL_TABLE(waypost::EncoderKernels, EncoderKernelTable, GetEncoderKernels)
