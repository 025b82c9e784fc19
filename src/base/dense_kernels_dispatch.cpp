#include "base/simd_dispatch.hpp"
#include "waypost/base/dense_kernels.hpp"

WAYPOST_DEFINE_KERNEL_TABLE(waypost::DenseKernels, DenseKernelTable, GetDenseKernels)
