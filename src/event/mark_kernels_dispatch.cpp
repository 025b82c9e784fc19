#include "base/simd_dispatch.hpp"
#include "event/mark_kernels.hpp"

WAYPOST_DEFINE_KERNEL_TABLE(waypost::MarkKernels, MarkKernelTable, GetMarkKernels)
