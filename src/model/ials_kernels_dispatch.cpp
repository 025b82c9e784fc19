#include "base/simd_dispatch.hpp"
#include "waypost/model/ials_kernels.hpp"

WAYPOST_DEFINE_KERNEL_TABLE(waypost::IalsKernels, IalsKernelTable, GetIalsKernels)
