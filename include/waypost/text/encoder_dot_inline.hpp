// waypost/text/encoder_dot_inline.hpp - tiles of products of bytes, for the instruction set of this compilation.
//
// x86 multiplies unsigned by signed bytes and adds four products to a 32-bit sum (VPDPBUSD) on processors that have it.
// Others multiply pairs of 16 bits (PMADDWD): the even and the odd bytes of each group of four, widened in place. Both
// are exact, so every processor computes the same whole numbers.
#ifndef WAYPOST_TEXT_ENCODER_DOT_INLINE_HPP_
#define WAYPOST_TEXT_ENCODER_DOT_INLINE_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <cpuid.h>
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "waypost/base/lane_shuffles_inline.hpp"
#include "waypost/base/simd.hpp"
#include "waypost/text/encoder_kernels.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

// Each has Tile<rows>: sums[r * kColumns + c] = sum over j < steps, i < 4 of
// words[r * stride + 4 j + i] * weights[4 (kEncoderPanel j + c) + i].

#if defined(__SSE2__)

// A vector of 32-bit sums.
#if defined(__AVX512F__) && defined(__AVX512BW__)

inline constexpr std::size_t kWholeLanes = 16;
struct Whole {
  __m512i v;
};
inline Whole WholeZero() {
  return {_mm512_setzero_si512()};
}
inline Whole WholeSet(std::int32_t x) {
  return {_mm512_set1_epi32(x)};
}
inline Whole WholeLoad(const void* from) {
  return {_mm512_loadu_si512(from)};
}
inline void WholeStore(Whole a, std::int32_t* to) {
  _mm512_storeu_si512(to, a.v);
}
inline Whole EvenWords(Whole a) {
  return {_mm512_and_si512(a.v, _mm512_set1_epi32(0x00FF00FF))};
}
inline Whole OddWords(Whole a) {
  return {_mm512_srli_epi16(a.v, 8)};
}
inline Whole EvenWeights(Whole a) {
  return {_mm512_srai_epi16(_mm512_slli_epi16(a.v, 8), 8)};
}
inline Whole OddWeights(Whole a) {
  return {_mm512_srai_epi16(a.v, 8)};
}
inline Whole AddPairs(Whole sum, Whole a, Whole b) {
  return {_mm512_add_epi32(sum.v, _mm512_madd_epi16(a.v, b.v))};
}

#elif defined(__AVX2__)

inline constexpr std::size_t kWholeLanes = 8;
struct Whole {
  __m256i v;
};
inline Whole WholeZero() {
  return {_mm256_setzero_si256()};
}
inline Whole WholeSet(std::int32_t x) {
  return {_mm256_set1_epi32(x)};
}
inline Whole WholeLoad(const void* from) {
  return {_mm256_loadu_si256(static_cast<const __m256i*>(from))};
}
inline void WholeStore(Whole a, std::int32_t* to) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a.v);
}
inline Whole EvenWords(Whole a) {
  return {_mm256_and_si256(a.v, _mm256_set1_epi32(0x00FF00FF))};
}
inline Whole OddWords(Whole a) {
  return {_mm256_srli_epi16(a.v, 8)};
}
inline Whole EvenWeights(Whole a) {
  return {_mm256_srai_epi16(_mm256_slli_epi16(a.v, 8), 8)};
}
inline Whole OddWeights(Whole a) {
  return {_mm256_srai_epi16(a.v, 8)};
}
inline Whole AddPairs(Whole sum, Whole a, Whole b) {
  return {_mm256_add_epi32(sum.v, _mm256_madd_epi16(a.v, b.v))};
}

#else

inline constexpr std::size_t kWholeLanes = 4;
struct Whole {
  __m128i v;
};
inline Whole WholeZero() {
  return {_mm_setzero_si128()};
}
inline Whole WholeSet(std::int32_t x) {
  return {_mm_set1_epi32(x)};
}
inline Whole WholeLoad(const void* from) {
  return {_mm_loadu_si128(static_cast<const __m128i*>(from))};
}
inline void WholeStore(Whole a, std::int32_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), a.v);
}
inline Whole EvenWords(Whole a) {
  return {_mm_and_si128(a.v, _mm_set1_epi32(0x00FF00FF))};
}
inline Whole OddWords(Whole a) {
  return {_mm_srli_epi16(a.v, 8)};
}
inline Whole EvenWeights(Whole a) {
  return {_mm_srai_epi16(_mm_slli_epi16(a.v, 8), 8)};
}
inline Whole OddWeights(Whole a) {
  return {_mm_srai_epi16(a.v, 8)};
}
inline Whole AddPairs(Whole sum, Whole a, Whole b) {
  return {_mm_add_epi32(sum.v, _mm_madd_epi16(a.v, b.v))};
}

#endif

inline std::int32_t FourBytes(const std::uint8_t* words) {
  std::int32_t four;
  std::memcpy(&four, words, sizeof(four));
  return four;
}

template <std::size_t kTileRows, std::size_t kVectors>
inline void StoreSums(const Whole (&a)[kTileRows][kVectors], std::int32_t* sums) {
  Unroll<kTileRows>([&](auto r) {
    Unroll<kVectors>(
        [&](auto v) { WholeStore(a[r.value][v.value], sums + (r.value * kVectors + v.value) * kWholeLanes); });
  });
}

struct EncoderDot {
  static constexpr std::size_t kRows = 4;
  static constexpr std::size_t kVectors = kWholeLanes == 16 ? 4 : 2;
  static constexpr std::size_t kColumns = kVectors * kWholeLanes;

  template <std::size_t kTileRows>
  static void Tile(const std::uint8_t* words, std::size_t stride, const std::int8_t* weights, std::size_t steps,
                   std::int32_t* sums) {
    Whole a[kTileRows][kVectors];
    Unroll<kTileRows>([&](auto r) { Unroll<kVectors>([&](auto v) { a[r.value][v.value] = WholeZero(); }); });
    for (std::size_t j = 0; j < steps; ++j, words += 4, weights += 4 * kEncoderPanel) {
      Whole even[kVectors];
      Whole odd[kVectors];
      Unroll<kVectors>([&](auto v) {
        const Whole four = WholeLoad(weights + 4 * kWholeLanes * v.value);
        even[v.value] = EvenWeights(four);
        odd[v.value] = OddWeights(four);
      });
      Unroll<kTileRows>([&](auto r) {
        const Whole four = WholeSet(FourBytes(words + r.value * stride));
        const Whole even_words = EvenWords(four);
        const Whole odd_words = OddWords(four);
        Unroll<kVectors>([&](auto v) {
          Whole& sum = a[r.value][v.value];
          sum = AddPairs(AddPairs(sum, even_words, even[v.value]), odd_words, odd[v.value]);
        });
      });
    }
    StoreSums(a, sums);
  }
};

#if defined(__AVX2__)

// VPDPBUSD as an instruction: around its intrinsic gcc 12 moves the sums through other registers. AVX-VNNI has another
// encoding than AVX-512.
[[gnu::always_inline]] inline Whole AddFours(Whole sum, Whole words, Whole weights) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.v) : "v"(words.v), "v"(weights.v));
#else
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.v) : "x"(words.v), "x"(weights.v));
#endif
  return sum;
}

// By CPUID: not every compiler has a name for AVX-VNNI. That AVX runs is known where this code is chosen.
inline bool HasEncoderVnni() {
#if defined(__AVX512F__) && defined(__AVX512BW__)
  return __builtin_cpu_supports("avx512vnni") != 0;
#else
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
#endif
}

struct EncoderDotVnni {
  static constexpr std::size_t kRows = 6;
  static constexpr std::size_t kVectors = kWholeLanes == 16 ? 4 : 2;
  static constexpr std::size_t kColumns = kVectors * kWholeLanes;

  template <std::size_t kTileRows>
  static void Tile(const std::uint8_t* words, std::size_t stride, const std::int8_t* weights, std::size_t steps,
                   std::int32_t* sums) {
    Whole a[kTileRows][kVectors];
    Unroll<kTileRows>([&](auto r) { Unroll<kVectors>([&](auto v) { a[r.value][v.value] = WholeZero(); }); });
    for (std::size_t j = 0; j < steps; ++j, words += 4, weights += 4 * kEncoderPanel) {
      Whole b[kVectors];
      Unroll<kVectors>([&](auto v) { b[v.value] = WholeLoad(weights + 4 * kWholeLanes * v.value); });
      Unroll<kTileRows>([&](auto r) {
        const Whole four = WholeSet(FourBytes(words + r.value * stride));
        Unroll<kVectors>([&](auto v) { a[r.value][v.value] = AddFours(a[r.value][v.value], four, b[v.value]); });
      });
    }
    StoreSums(a, sums);
  }
};

#endif
#else

struct EncoderDot {
  static constexpr std::size_t kRows = 2;
  static constexpr std::size_t kColumns = kEncoderPanel;

  template <std::size_t kTileRows>
  static void Tile(const std::uint8_t* words, std::size_t stride, const std::int8_t* weights, std::size_t steps,
                   std::int32_t* sums) {
    std::memset(sums, 0, kTileRows * kColumns * sizeof(*sums));
    for (std::size_t j = 0; j < steps; ++j, weights += 4 * kEncoderPanel)
      for (std::size_t r = 0; r < kTileRows; ++r)
        for (std::size_t c = 0; c < kColumns; ++c) {
          std::int32_t sum = 0;
          for (std::size_t i = 0; i < 4; ++i) sum += words[r * stride + 4 * j + i] * weights[4 * c + i];
          sums[r * kColumns + c] += sum;
        }
  }
};

#endif

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_TEXT_ENCODER_DOT_INLINE_HPP_
