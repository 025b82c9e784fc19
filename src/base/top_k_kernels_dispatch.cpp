#include "simd_dispatch.hpp"
#include "waypost/base/top_k_kernels.hpp"

WAYPOST_DEFINE_KERNEL_TABLE(waypost::TopKKernels, TopKKernelTable, GetTopKKernels)
