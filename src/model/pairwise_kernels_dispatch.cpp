#include "base/simd_dispatch.hpp"
#include "waypost/model/pairwise_kernels.hpp"

WAYPOST_DEFINE_KERNEL_TABLE(waypost::PairwiseKernels, PairwiseKernelTable, GetPairwiseKernels)
