// waypost/base/top_k_kernels_inline.hpp - the code of top_k_kernels.hpp for the instruction set of this compilation.
//
// x86 multiplies unsigned by signed bytes: rows are stored with 128 added, queries are signed. VPDPBUSD adds four
// products to a 32-bit sum; without it VPMADDUBSW adds two in 16 bits, which 7-bit queries keep from saturating
// (2 * 255 * 63 < 2^15). Processors without AVX-512 may have it as AVX-VNNI.
#ifndef WAYPOST_BASE_TOP_K_KERNELS_INLINE_HPP_
#define WAYPOST_BASE_TOP_K_KERNELS_INLINE_HPP_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__AVX2__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "waypost/base/simd.hpp"
#include "waypost/base/top_k_kernels.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

inline constexpr std::size_t kPanelStep = 4 * kTopKGroup;  // bytes of one step of four dimensions

// The bits of the rows whose sum is above `bound`; where there are any, all sums.
//   sums   int32[64], 64-byte aligned.
template <typename Dot>
std::uint64_t AboveBound(const std::uint8_t* panel, const std::int8_t* words, std::size_t stride, std::int32_t bound,
                         std::int32_t* sums);

struct PortableDot {
  static constexpr int kQueryLimit = 127;
};

template <>
inline std::uint64_t AboveBound<PortableDot>(const std::uint8_t* panel, const std::int8_t* words, std::size_t stride,
                                             std::int32_t bound, std::int32_t* sums) {
  std::fill_n(sums, kTopKGroup, 0);
  for (std::size_t j = 0; j < stride; j += 4, panel += kPanelStep)
    for (std::size_t row = 0; row < kTopKGroup; ++row)
      for (std::size_t c = 0; c < 4; ++c) sums[row] += panel[4 * row + c] * words[j + c];
  std::uint64_t above = 0;
  for (std::size_t row = 0; row < kTopKGroup; ++row) above |= std::uint64_t{sums[row] > bound} << row;
  return above;
}

#if defined(__AVX2__)

inline std::int32_t FourWords(const std::int8_t* words) {
  std::int32_t four;
  std::memcpy(&four, words, sizeof(four));
  return four;
}

#if defined(__AVX512F__) && defined(__AVX512BW__)

struct Avx512Dot {
  static constexpr int kQueryLimit = 63;
};
struct VnniDot {
  static constexpr int kQueryLimit = 127;
};

template <>
inline std::uint64_t AboveBound<Avx512Dot>(const std::uint8_t* panel, const std::int8_t* words, std::size_t stride,
                                           std::int32_t bound, std::int32_t* sums) {
  const __m512i ones = _mm512_set1_epi16(1);
  __m512i a[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  for (std::size_t j = 0; j < stride; j += 4, panel += kPanelStep) {
    const __m512i four = _mm512_set1_epi32(FourWords(words + j));
    for (std::size_t v = 0; v < 4; ++v)
      a[v] = _mm512_add_epi32(a[v],
                              _mm512_madd_epi16(_mm512_maddubs_epi16(_mm512_loadu_si512(panel + 64 * v), four), ones));
  }
  std::uint64_t above = 0;
  for (std::size_t v = 0; v < 4; ++v)
    above |= static_cast<std::uint64_t>(_mm512_cmpgt_epi32_mask(a[v], _mm512_set1_epi32(bound))) << (16 * v);
  if (above != 0)
    for (std::size_t v = 0; v < 4; ++v) _mm512_store_si512(sums + 16 * v, a[v]);
  return above;
}

// VPDPBUSD as an instruction: around its intrinsic gcc 12 moves the sums through other registers and the stack.
inline __m512i AddProducts(__m512i sums, __m512i rows, __m512i four) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(rows), "v"(four));
  return sums;
}

template <>
inline std::uint64_t AboveBound<VnniDot>(const std::uint8_t* panel, const std::int8_t* words, std::size_t stride,
                                         std::int32_t bound, std::int32_t* sums) {
  // Two chains of sums hide the latency. By name: gcc 12 would keep arrays of them on the stack.
  __m512i a0 = _mm512_setzero_si512();
  __m512i a1 = a0;
  __m512i a2 = a0;
  __m512i a3 = a0;
  __m512i b0 = a0;
  __m512i b1 = a0;
  __m512i b2 = a0;
  __m512i b3 = a0;
  for (std::size_t j = 0; j < stride; j += 8, panel += 2 * kPanelStep) {
    const __m512i first = _mm512_set1_epi32(FourWords(words + j));
    a0 = AddProducts(a0, _mm512_loadu_si512(panel), first);
    a1 = AddProducts(a1, _mm512_loadu_si512(panel + 64), first);
    a2 = AddProducts(a2, _mm512_loadu_si512(panel + 128), first);
    a3 = AddProducts(a3, _mm512_loadu_si512(panel + 192), first);
    const __m512i second = _mm512_set1_epi32(FourWords(words + j + 4));
    b0 = AddProducts(b0, _mm512_loadu_si512(panel + 256), second);
    b1 = AddProducts(b1, _mm512_loadu_si512(panel + 320), second);
    b2 = AddProducts(b2, _mm512_loadu_si512(panel + 384), second);
    b3 = AddProducts(b3, _mm512_loadu_si512(panel + 448), second);
  }
  a0 = _mm512_add_epi32(a0, b0);
  a1 = _mm512_add_epi32(a1, b1);
  a2 = _mm512_add_epi32(a2, b2);
  a3 = _mm512_add_epi32(a3, b3);
  const __m512i limit = _mm512_set1_epi32(bound);
  const std::uint64_t above = static_cast<std::uint64_t>(_mm512_cmpgt_epi32_mask(a0, limit)) |
                              static_cast<std::uint64_t>(_mm512_cmpgt_epi32_mask(a1, limit)) << 16 |
                              static_cast<std::uint64_t>(_mm512_cmpgt_epi32_mask(a2, limit)) << 32 |
                              static_cast<std::uint64_t>(_mm512_cmpgt_epi32_mask(a3, limit)) << 48;
  if (above != 0) {
    _mm512_store_si512(sums, a0);
    _mm512_store_si512(sums + 16, a1);
    _mm512_store_si512(sums + 32, a2);
    _mm512_store_si512(sums + 48, a3);
  }
  return above;
}

#else

struct Avx2Dot {
  static constexpr int kQueryLimit = 63;
};
struct AvxVnniDot {
  static constexpr int kQueryLimit = 127;
};

// The bits of 64 sums above `bound`; where there are any, `sums` are written.
inline std::uint64_t StoreAbove(const __m256i (&a)[8], std::int32_t bound, std::int32_t* sums) {
  std::uint64_t above = 0;
  for (std::size_t v = 0; v < 8; ++v) {
    const __m256i larger = _mm256_cmpgt_epi32(a[v], _mm256_set1_epi32(bound));
    above |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(_mm256_movemask_ps(_mm256_castsi256_ps(larger))))
             << (8 * v);
  }
  if (above != 0)
    for (std::size_t v = 0; v < 8; ++v) _mm256_store_si256(reinterpret_cast<__m256i*>(sums + 8 * v), a[v]);
  return above;
}

// As for AVX-512. Its encoding there is not the usual one.
inline __m256i AddProducts(__m256i sums, __m256i rows, __m256i four) {
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(rows), "x"(four));
  return sums;
}

template <>
inline std::uint64_t AboveBound<AvxVnniDot>(const std::uint8_t* panel, const std::int8_t* words, std::size_t stride,
                                            std::int32_t bound, std::int32_t* sums) {
  __m256i a[8];
  for (__m256i& sum : a) sum = _mm256_setzero_si256();
  for (std::size_t j = 0; j < stride; j += 4, panel += kPanelStep) {
    const __m256i four = _mm256_set1_epi32(FourWords(words + j));
    for (std::size_t v = 0; v < 8; ++v)
      a[v] = AddProducts(a[v], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel + 32 * v)), four);
  }
  return StoreAbove(a, bound, sums);
}

// By CPUID: not every compiler has a name for this feature. That AVX runs is known where this code is chosen.
inline bool HasAvxVnni() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}

template <>
inline std::uint64_t AboveBound<Avx2Dot>(const std::uint8_t* panel, const std::int8_t* words, std::size_t stride,
                                         std::int32_t bound, std::int32_t* sums) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i a[8];
  for (__m256i& sum : a) sum = _mm256_setzero_si256();
  for (std::size_t j = 0; j < stride; j += 4, panel += kPanelStep) {
    const __m256i four = _mm256_set1_epi32(FourWords(words + j));
    for (std::size_t v = 0; v < 8; ++v) {
      const __m256i rows = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel + 32 * v));
      a[v] = _mm256_add_epi32(a[v], _mm256_madd_epi16(_mm256_maddubs_epi16(rows, four), ones));
    }
  }
  return StoreAbove(a, bound, sums);
}

#endif
#endif

// The bound of top_k_kernels.hpp for one query and any group: error = residual * R + norm * N + constant.
struct ErrorTerms {
  explicit ErrorTerms(const TopKQuery& query)
      : residual(query.norm + query.residual),
        norm(query.residual + query.rounding * query.norm + query.tiny * (1 + query.norm)),
        constant(query.tiny * (1 + query.norm)) {}

  double residual;
  double norm;
  double constant;
};

// B, or infinity where a score may overflow.
inline double GroupError(const TopKGroup& group, const TopKQuery& query, const ErrorTerms& terms) {
  if (!(query.norm * group.largest_norm < kTopKLargestProduct))  // also for a NaN
    return std::numeric_limits<double>::infinity();
  return terms.residual * group.residual + terms.norm * group.largest_norm + terms.constant;
}

// The largest whole number that no row which reaches `threshold` can have as its sum in a panel.
inline std::int32_t GroupBound(double unit, double error, double offset, double threshold) {
  const double bound = (threshold - error) / unit + offset;
  if (!(bound > -2e9)) return std::numeric_limits<std::int32_t>::min();  // also for a NaN
  return bound > 2e9 ? std::numeric_limits<std::int32_t>::max() : static_cast<std::int32_t>(std::floor(bound)) - 2;
}

template <typename Dot>
std::size_t ScanGroups(const std::uint8_t* panels, const TopKGroup* groups, std::size_t begin, std::size_t end,
                       std::size_t stride, const std::int8_t* words, const TopKQuery& query, double threshold,
                       bool by_norm, TopKHit* hit) {
  const ErrorTerms terms(query);
  for (std::size_t g = begin; g < end; ++g) {
    const TopKGroup& group = groups[g];
    if (!by_norm && (1 + query.rounding) * query.norm * group.largest_norm +
                            query.tiny * (1 + query.norm) * (1 + group.largest_norm) <
                        threshold) {
      hit->group = g;
      return kTopKStop;
    }
    const double unit = group.scale * query.scale;
    const double error = GroupError(group, query, terms);
    const std::int32_t bound = GroupBound(unit, error, query.offset,
                                          by_norm ? threshold * static_cast<double>(group.smallest_norm) : threshold);
    const std::uint64_t rows = AboveBound<Dot>(panels + g * kTopKGroup * stride, words, stride, bound, hit->sums);
    if (rows != 0) {
      hit->group = g;
      hit->rows = rows;
      hit->unit = unit;
      hit->error = error;
      return g;
    }
  }
  hit->group = end;
  return end;
}

template <typename Dot>
TopKQuery PrepareQuery(const float* query, std::size_t stride, std::int8_t* words) {
  constexpr std::size_t kParts = 16;  // sums side by side
  float largest[kParts] = {};
  for (std::size_t j = 0; j < stride; j += kParts)
    for (std::size_t l = 0; l < kParts; ++l) {
      const float size = std::abs(query[j + l]);
      largest[l] = size > largest[l] ? size : largest[l];
    }
  // Not smaller: the reciprocal must be finite. A NaN is not seen here but in the norm.
  const float scale = std::max(*std::max_element(largest, largest + kParts) / Dot::kQueryLimit, 0x1p-100f);
  const float reciprocal = 1 / scale;
  double squares[kParts] = {};
  double residuals[kParts] = {};
  std::int32_t sums[kParts] = {};
  for (std::size_t j = 0; j < stride; j += kParts) {
    for (std::size_t l = 0; l < kParts; ++l) {
      const float value = query[j + l];
      const float scaled = value * reciprocal;
      const float rounded = scaled + (scaled < 0 ? -0.5f : 0.5f);
      // Not so for a NaN, which becomes the limit.
      const float clamped =
          rounded < Dot::kQueryLimit ? (rounded > -Dot::kQueryLimit ? rounded : -Dot::kQueryLimit) : Dot::kQueryLimit;
      const auto whole = static_cast<std::int32_t>(clamped);
      words[j + l] = static_cast<std::int8_t>(whole);
      sums[l] += whole;
      const double residual = value - static_cast<double>(whole) * scale;
      squares[l] += static_cast<double>(value) * value;
      residuals[l] += residual * residual;
    }
  }
  double square = 0;
  double residual = 0;
  std::int32_t sum = 0;
  for (std::size_t l = 0; l < kParts; ++l) {
    square += squares[l];
    residual += residuals[l];
    sum += sums[l];
  }
  constexpr double kUp = 1 + 0x1p-20;
  return {.norm = std::sqrt(square) * kUp,
          .residual = std::sqrt(residual) * kUp,
          .scale = scale,
          .offset = 128.0 * sum,
          .rounding = 1.01 * (static_cast<double>(stride) / 16 + 6) * 0x1p-24,
          .tiny = static_cast<double>(stride) * 0x1p-124};
}

inline const TopKKernels& TopKKernelTable() {
#if defined(__AVX512F__) && defined(__AVX512BW__)
  static constexpr TopKKernels kTable{&PrepareQuery<Avx512Dot>, &ScanGroups<Avx512Dot>, nullptr};
  static constexpr TopKKernels kVnni{&PrepareQuery<VnniDot>, &ScanGroups<VnniDot>, &kTable};
  if (__builtin_cpu_supports("avx512vnni")) return kVnni;
#elif defined(__AVX2__)
  static constexpr TopKKernels kTable{&PrepareQuery<Avx2Dot>, &ScanGroups<Avx2Dot>, nullptr};
  static constexpr TopKKernels kVnni{&PrepareQuery<AvxVnniDot>, &ScanGroups<AvxVnniDot>, &kTable};
  static const bool has_vnni = HasAvxVnni();
  if (has_vnni) return kVnni;
#else
  static constexpr TopKKernels kTable{&PrepareQuery<PortableDot>, &ScanGroups<PortableDot>, nullptr};
#endif
  return kTable;
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_BASE_TOP_K_KERNELS_INLINE_HPP_
