// waypost/base/simd.hpp - which instruction set a piece of code is compiled for, and which one the library runs.
//
// Kernels are headers whose code lies in `namespace waypost::simd::WAYPOST_SIMD_TARGET`. A program that uses the
// headers alone gets the kernels of its own compiler flags. The compiled library builds each kernel source once per
// instruction set, with Eigen's namespace renamed alike, and picks a table of function pointers at run time: no
// symbol compiled for a newer processor can be linked into code for an older one (tests/architecture checks this).
#ifndef WAYPOST_BASE_SIMD_HPP_
#define WAYPOST_BASE_SIMD_HPP_

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define WAYPOST_SIMD_TARGET avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define WAYPOST_SIMD_TARGET avx2
#else
#define WAYPOST_SIMD_TARGET baseline
#endif

#define WAYPOST_SIMD_STRINGIZE_(x) #x
#define WAYPOST_SIMD_STRINGIZE(x) WAYPOST_SIMD_STRINGIZE_(x)

namespace waypost {

// The name of the instruction set that runs: "avx512", "avx2" or "baseline" (SSE2 on x86, NEON on ARM). Results are
// the same bytes for any number of threads on one target; between targets they may differ by rounding.
//
// In the compiled library the environment variable WAYPOST_SIMD, read once, may name a lesser target, for tests.
#ifdef WAYPOST_COMPILED
const char* SimdTargetName();
#else
inline const char* SimdTargetName() {
  return WAYPOST_SIMD_STRINGIZE(WAYPOST_SIMD_TARGET);
}
#endif

}  // namespace waypost

#endif  // WAYPOST_BASE_SIMD_HPP_
