// Chooses, once, the instruction set that runs, and with it the tables of kernels.
#ifndef WAYPOST_SRC_BASE_SIMD_DISPATCH_HPP_
#define WAYPOST_SRC_BASE_SIMD_DISPATCH_HPP_

namespace waypost::internal {

enum class SimdTarget { kBaseline, kAvx2, kAvx512 };

// The best target that both the processor and WAYPOST_SIMD allow.
SimdTarget ActiveSimdTarget();

}  // namespace waypost::internal

// Declares `table` of each target's namespace and defines `getter`, which returns that of the active target.
#ifdef WAYPOST_SIMD_VARIANTS
#define WAYPOST_DEFINE_KERNEL_TABLE(Type, table, getter) \
  namespace waypost::simd {                              \
  namespace baseline {                                   \
  const Type& table##Export();                           \
  }                                                      \
  namespace avx2 {                                       \
  const Type& table##Export();                           \
  }                                                      \
  namespace avx512 {                                     \
  const Type& table##Export();                           \
  }                                                      \
  }                                                      \
  namespace waypost {                                    \
  const Type& getter() {                                 \
    switch (internal::ActiveSimdTarget()) {              \
      case internal::SimdTarget::kAvx512:                \
        return simd::avx512::table##Export();            \
      case internal::SimdTarget::kAvx2:                  \
        return simd::avx2::table##Export();              \
      case internal::SimdTarget::kBaseline:              \
        break;                                           \
    }                                                    \
    return simd::baseline::table##Export();              \
  }                                                      \
  }
#else
#define WAYPOST_DEFINE_KERNEL_TABLE(Type, table, getter) \
  namespace waypost::simd::baseline {                    \
  const Type& table##Export();                           \
  }                                                      \
  namespace waypost {                                    \
  const Type& getter() {                                 \
    return simd::baseline::table##Export();              \
  }                                                      \
  }
#endif

#endif  // WAYPOST_SRC_BASE_SIMD_DISPATCH_HPP_
