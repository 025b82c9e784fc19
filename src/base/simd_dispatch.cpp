#include "simd_dispatch.hpp"

#include <cstdlib>
#include <string_view>

#include "waypost/base/score_kernels.hpp"
#include "waypost/base/simd.hpp"

namespace waypost {
namespace internal {
namespace {

SimdTarget Detect() {
#ifdef WAYPOST_SIMD_VARIANTS
  const char* wanted = std::getenv("WAYPOST_SIMD");
  const std::string_view limit = wanted == nullptr ? "" : wanted;
  if (limit == "baseline") return SimdTarget::kBaseline;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2"))
    return SimdTarget::kBaseline;
  if (limit == "avx2" || !__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
    return SimdTarget::kAvx2;
  return SimdTarget::kAvx512;
#else
  return SimdTarget::kBaseline;
#endif
}

}  // namespace

SimdTarget ActiveSimdTarget() {
  static const SimdTarget target = Detect();
  return target;
}

}  // namespace internal

const char* SimdTargetName() {
  switch (internal::ActiveSimdTarget()) {
    case internal::SimdTarget::kAvx512:
      return "avx512";
    case internal::SimdTarget::kAvx2:
      return "avx2";
    case internal::SimdTarget::kBaseline:
      break;
  }
  return "baseline";
}

}  // namespace waypost

WAYPOST_DEFINE_KERNEL_TABLE(waypost::ScoreKernels, ScoreKernelTable, GetScoreKernels)
