// waypost/base/lane_shuffles_inline.hpp - sums and transposes across the lanes of vectors, for the instruction set of
// this compilation.
#ifndef WAYPOST_BASE_LANE_SHUFFLES_INLINE_HPP_
#define WAYPOST_BASE_LANE_SHUFFLES_INLINE_HPP_

#include <cstddef>
#include <utility>

#include <hwy/highway.h>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/simd.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

namespace hn = hwy::HWY_NAMESPACE;

using DenseTag = hn::CappedTag<float, kLanes>;
inline constexpr std::size_t kDenseLanes = hn::MaxLanes(DenseTag());
using DenseVec = hn::Vec<DenseTag>;

template <std::size_t kValue>
struct UnrolledIndex {
  static constexpr std::size_t value = kValue;
};

template <typename Body, std::size_t... kIndex>
[[gnu::always_inline]] inline void UnrollOver(const Body& body, std::index_sequence<kIndex...>) {
  (body(UnrolledIndex<kIndex>{}), ...);
}

// body(UnrolledIndex<0>), body(UnrolledIndex<1>) ...: for register tiles, whose indices the compiler must know.
template <std::size_t kCount, typename Body>
[[gnu::always_inline]] inline void Unroll(const Body& body) {
  UnrollOver(body, std::make_index_sequence<kCount>());
}

// The sums of the lanes of 4 x (kDenseLanes / 4, or one row at least) vectors: to[4 r + c] = sum of vectors[r][c].
inline constexpr std::size_t kSummedRows = kDenseLanes < 4 ? 1 : kDenseLanes / 4;

#if HWY_TARGET == HWY_SCALAR

inline void SumsOfLanes(const DenseVec (*vectors)[4], float* to) {
  for (std::size_t c = 0; c < 4; ++c) to[c] = hn::GetLane(vectors[0][c]);
}

// to[k * kDenseLanes + l] = from[l * from_step + k] for k and l below kDenseLanes.
inline void TransposeLanes(const float* from, std::size_t, float* to) {
  to[0] = from[0];
}

#else

// In each block of four lanes the sums of that block of a, b, c and d.
inline DenseVec SumsOfBlocks(DenseVec a, DenseVec b, DenseVec c, DenseVec d) {
  const DenseTag tag;
  const hn::RepartitionToWide<DenseTag> wide;
  const auto ab = hn::BitCast(wide, hn::Add(hn::InterleaveLower(tag, a, b), hn::InterleaveUpper(tag, a, b)));
  const auto cd = hn::BitCast(wide, hn::Add(hn::InterleaveLower(tag, c, d), hn::InterleaveUpper(tag, c, d)));
  return hn::Add(hn::BitCast(tag, hn::InterleaveLower(wide, ab, cd)),
                 hn::BitCast(tag, hn::InterleaveUpper(wide, ab, cd)));
}

// Block k of the result is the sum of the blocks of parts[k]; as many parts as there are blocks in a vector.
inline DenseVec SumsOfParts(const DenseVec* parts) {
  if constexpr (kDenseLanes == 16) {
    const DenseTag tag;
    const auto halves = [&](DenseVec low, DenseVec high) {
      return hn::Add(hn::ConcatLowerLower(tag, high, low), hn::ConcatUpperUpper(tag, high, low));
    };
    const DenseVec even = halves(parts[0], parts[2]);
    const DenseVec odd = halves(parts[1], parts[3]);
    return hn::OddEvenBlocks(hn::Add(odd, hn::SwapAdjacentBlocks(odd)), hn::Add(even, hn::SwapAdjacentBlocks(even)));
  } else if constexpr (kDenseLanes == 8) {
    const DenseTag tag;
    return hn::Add(hn::ConcatLowerLower(tag, parts[1], parts[0]), hn::ConcatUpperUpper(tag, parts[1], parts[0]));
  } else {
    return parts[0];
  }
}

inline void SumsOfLanes(const DenseVec (*vectors)[4], float* to) {
  DenseVec parts[kSummedRows];
  for (std::size_t r = 0; r < kSummedRows; ++r)
    parts[r] = SumsOfBlocks(vectors[r][0], vectors[r][1], vectors[r][2], vectors[r][3]);
  hn::StoreU(SumsOfParts(parts), DenseTag(), to);
}

// to[k * kDenseLanes + l] = from[l * from_step + k] for k and l below kDenseLanes.
inline void TransposeLanes(const float* from, std::size_t from_step, float* to) {
  const DenseTag tag;
  const hn::RepartitionToWide<DenseTag> wide;
  DenseVec rows[kDenseLanes];
  for (std::size_t r = 0; r < kDenseLanes; ++r) rows[r] = hn::LoadU(tag, from + r * from_step);
  // Blocks of 4 x 4: rows[4 q + c] then has in block b element 4 b + c of rows 4 q .. 4 q + 3.
  for (std::size_t q = 0; q < kDenseLanes; q += 4) {
    const auto lower01 = hn::BitCast(wide, hn::InterleaveLower(tag, rows[q], rows[q + 1]));
    const auto upper01 = hn::BitCast(wide, hn::InterleaveUpper(tag, rows[q], rows[q + 1]));
    const auto lower23 = hn::BitCast(wide, hn::InterleaveLower(tag, rows[q + 2], rows[q + 3]));
    const auto upper23 = hn::BitCast(wide, hn::InterleaveUpper(tag, rows[q + 2], rows[q + 3]));
    rows[q] = hn::BitCast(tag, hn::InterleaveLower(wide, lower01, lower23));
    rows[q + 1] = hn::BitCast(tag, hn::InterleaveUpper(wide, lower01, lower23));
    rows[q + 2] = hn::BitCast(tag, hn::InterleaveLower(wide, upper01, upper23));
    rows[q + 3] = hn::BitCast(tag, hn::InterleaveUpper(wide, upper01, upper23));
  }
  for (std::size_t c = 0; c < 4; ++c) {
    if constexpr (kDenseLanes == 16) {
      const DenseVec low02 = hn::ConcatLowerLower(tag, rows[8 + c], rows[c]);
      const DenseVec high02 = hn::ConcatUpperUpper(tag, rows[8 + c], rows[c]);
      const DenseVec low13 = hn::ConcatLowerLower(tag, rows[12 + c], rows[4 + c]);
      const DenseVec high13 = hn::ConcatUpperUpper(tag, rows[12 + c], rows[4 + c]);
      hn::StoreU(hn::OddEvenBlocks(hn::SwapAdjacentBlocks(low13), low02), tag, to + c * 16);
      hn::StoreU(hn::OddEvenBlocks(low13, hn::SwapAdjacentBlocks(low02)), tag, to + (4 + c) * 16);
      hn::StoreU(hn::OddEvenBlocks(hn::SwapAdjacentBlocks(high13), high02), tag, to + (8 + c) * 16);
      hn::StoreU(hn::OddEvenBlocks(high13, hn::SwapAdjacentBlocks(high02)), tag, to + (12 + c) * 16);
    } else if constexpr (kDenseLanes == 8) {
      hn::StoreU(hn::ConcatLowerLower(tag, rows[4 + c], rows[c]), tag, to + c * 8);
      hn::StoreU(hn::ConcatUpperUpper(tag, rows[4 + c], rows[c]), tag, to + (4 + c) * 8);
    } else {
      hn::StoreU(rows[c], tag, to + c * 4);
    }
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_BASE_LANE_SHUFFLES_INLINE_HPP_
