// waypost/text/encoder_kernels_inline.hpp - the code of encoder_kernels.hpp for the instruction set of this
// compilation.
#ifndef WAYPOST_TEXT_ENCODER_KERNELS_INLINE_HPP_
#define WAYPOST_TEXT_ENCODER_KERNELS_INLINE_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <hwy/highway.h>

#include "waypost/base/lane_shuffles_inline.hpp"
#include "waypost/base/simd.hpp"
#include "waypost/text/encoder_dot_inline.hpp"
#include "waypost/text/encoder_kernels.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {

// A tile of sums fills most of 32 registers, or of 16 where there are no more.
inline constexpr bool kManyVectors = kDenseLanes == kLanes;
inline constexpr std::size_t kEncoderRows = kManyVectors ? 6 : 4;
inline constexpr std::size_t kEncoderVectors = kManyVectors ? 4 : 2;
inline constexpr std::size_t kPanelVectors = kEncoderPanel / kDenseLanes;

// e^x within 2 units in the last place; 0 below -87.
inline DenseVec ExpOf(DenseVec x) {
  const DenseTag tag;
  const hn::RebindToSigned<DenseTag> whole;
  const auto low = hn::Set(tag, -87.0f);
  const auto small = hn::Lt(x, low);
  x = hn::Min(hn::Max(x, low), hn::Set(tag, 88.0f));
  // x = n log 2 + r, |r| <= log(2) / 2: the logarithm in two parts, so that n times the first is exact.
  const auto n = hn::Round(hn::Mul(x, hn::Set(tag, 1.44269504f)));
  auto r = hn::NegMulAdd(n, hn::Set(tag, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(tag, -2.12194440e-4f), r);
  // The series of e^r to r^7.
  auto sum = hn::Set(tag, 1.0f / 5040);
  for (const float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    sum = hn::MulAdd(sum, r, hn::Set(tag, term));
  const auto power = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(whole, n), hn::Set(whole, 127)));
  return hn::IfThenZeroElse(small, hn::Mul(sum, hn::BitCast(tag, power)));
}

// x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2.
inline DenseVec GeluOf(DenseVec x) {
  const DenseTag tag;
  const auto z = hn::Mul(hn::Abs(x), hn::Set(tag, 0.70710678f));
  const auto t = hn::Div(hn::Set(tag, 1.0f), hn::MulAdd(z, hn::Set(tag, 0.3275911f), hn::Set(tag, 1.0f)));
  auto sum = hn::Set(tag, 1.061405429f);
  for (const float term : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f})
    sum = hn::MulAdd(sum, t, hn::Set(tag, term));
  // tail = 1 - Phi(|x|)
  const auto tail = hn::Mul(hn::Mul(hn::Mul(sum, t), hn::Set(tag, 0.5f)), ExpOf(hn::Neg(hn::Mul(z, z))));
  return hn::Mul(x, hn::IfThenElse(hn::Lt(x, hn::Zero(tag)), tail, hn::Sub(hn::Set(tag, 1.0f), tail)));
}

// sums[r][v] = sum over k < count of left[r * left_row + k] * right[k * right_step + v].
template <std::size_t kRows, std::size_t kVectors>
[[gnu::always_inline]] inline void RowTile(const float* left, std::size_t left_row, const float* right,
                                           std::size_t right_step, std::size_t count,
                                           DenseVec (&sums)[kRows][kVectors]) {
  const DenseTag tag;
  Unroll<kRows>([&](auto r) { Unroll<kVectors>([&](auto v) { sums[r.value][v.value] = hn::Zero(tag); }); });
  for (std::size_t k = 0; k < count; ++k) {
    DenseVec b[kVectors];
    Unroll<kVectors>([&](auto v) { b[v.value] = hn::LoadU(tag, right + k * right_step + v.value * kDenseLanes); });
    Unroll<kRows>([&](auto r) {
      const auto factor = hn::Set(tag, left[r.value * left_row + k]);
      Unroll<kVectors>(
          [&](auto v) { sums[r.value][v.value] = hn::MulAdd(factor, b[v.value], sums[r.value][v.value]); });
    });
  }
}

// body(UnrolledIndex<rows>, first row) for tiles of `kMost` rows and one lower tile for the rest.
template <std::size_t kMost, typename Body>
inline void ForTiles(std::size_t count, const Body& body) {
  std::size_t r = 0;
  for (; r + kMost <= count; r += kMost) body(UnrolledIndex<kMost>{}, r);
  Unroll<kMost - 1>([&](auto rest) {
    if (count - r == rest.value + 1) body(UnrolledIndex<rest.value + 1>{}, r);
  });
}

inline void DenseFloat32(const float* rows, std::size_t stride, std::size_t count, const Float32Layer& layer, bool gelu,
                         float* out, std::size_t out_stride) {
  const DenseTag tag;
  const std::size_t panels = (layer.outputs + kEncoderPanel - 1) / kEncoderPanel;
  for (std::size_t panel = 0; panel < panels; ++panel) {
    const float* weights = layer.panels + panel * kEncoderPanel * layer.inputs;
    for (std::size_t part = 0; part < kPanelVectors; part += kEncoderVectors) {
      const std::size_t at = part * kDenseLanes;
      const float* bias = layer.bias + panel * kEncoderPanel + at;
      ForTiles<kEncoderRows>(count, [&](auto tile, std::size_t first) {
        DenseVec sums[tile.value][kEncoderVectors];
        RowTile<tile.value, kEncoderVectors>(rows + first * stride, stride, weights + at, kEncoderPanel, layer.inputs,
                                             sums);
        Unroll<tile.value>([&](auto r) {
          Unroll<kEncoderVectors>([&](auto v) {
            auto y = hn::Add(sums[r.value][v.value], hn::LoadU(tag, bias + v.value * kDenseLanes));
            if (gelu) y = GeluOf(y);
            hn::StoreU(y, tag,
                       out + (first + r.value) * out_stride + panel * kEncoderPanel + at + v.value * kDenseLanes);
          });
        });
      });
    }
  }
}

template <typename Dot>
inline void DenseInt8(const std::uint8_t* words, std::size_t words_stride, const float* scale, const float* offset,
                      const float* exact, std::size_t count, const Int8Layer& layer, bool gelu, float* out,
                      std::size_t out_stride) {
  const DenseTag tag;
  const hn::RebindToSigned<DenseTag> whole;
  const std::size_t steps = (layer.inputs + 3) / 4;
  const std::size_t panels = (layer.outputs + kEncoderPanel - 1) / kEncoderPanel;
  const std::size_t width = panels * kEncoderPanel;
  for (std::size_t panel = 0; panel < panels; ++panel) {
    const std::int8_t* weights = layer.panels + panel * kEncoderPanel * 4 * steps;
    for (std::size_t part = 0; part < kEncoderPanel; part += Dot::kColumns) {
      ForTiles<Dot::kRows>(count, [&](auto tile, std::size_t first) {
        alignas(64) std::int32_t sums[tile.value * Dot::kColumns];
        Dot::template Tile<tile.value>(words + first * words_stride, words_stride, weights + 4 * part, steps, sums);
        for (std::size_t v = 0; v < Dot::kColumns; v += kDenseLanes) {
          const std::size_t column = panel * kEncoderPanel + part + v;
          const auto weight_scale = hn::LoadU(tag, layer.scale + column);
          const auto weight_sum = hn::LoadU(tag, layer.sum + column);
          const auto bias = hn::LoadU(tag, layer.bias + column);
          DenseVec exact_weights[kEncoderExact];
          Unroll<kEncoderExact>(
              [&](auto m) { exact_weights[m.value] = hn::LoadU(tag, layer.exact_weights + m.value * width + column); });
          for (std::size_t r = 0; r < tile.value; ++r) {
            const auto products = hn::ConvertTo(tag, hn::LoadU(whole, sums + r * Dot::kColumns + v));
            auto y = hn::MulAdd(hn::Set(tag, offset[first + r]), weight_sum, bias);
            y = hn::MulAdd(hn::Mul(hn::Set(tag, scale[first + r]), weight_scale), products, y);
            Unroll<kEncoderExact>([&](auto m) {
              y = hn::MulAdd(hn::Set(tag, exact[(first + r) * kEncoderExact + m.value]), exact_weights[m.value], y);
            });
            if (gelu) y = GeluOf(y);
            hn::StoreU(y, tag, out + (first + r) * out_stride + column);
          }
        }
      });
    }
  }
}

inline void QuantizeRows(float* rows, std::size_t stride, std::size_t count, std::size_t size,
                         const std::uint32_t* exact_inputs, std::uint8_t* words, std::size_t words_stride, float* scale,
                         float* offset, float* exact) {
  constexpr float kMost = 255;
  const DenseTag tag;
  const hn::Rebind<std::uint8_t, DenseTag> bytes;
  for (std::size_t r = 0; r < count; ++r) {
    float* row = rows + r * stride;
    std::uint8_t* to = words + r * words_stride;
    float* kept = exact + r * kEncoderExact;
    for (std::size_t m = 0; m < kEncoderExact; ++m) {
      kept[m] = row[exact_inputs[m]];
      row[exact_inputs[m]] = 0;
    }
    auto low = hn::Zero(tag);  // 0 is a whole number itself: most activations are close to it
    auto high = low;
    for (std::size_t i = 0; i < size; i += kDenseLanes) {
      const auto x = hn::Load(tag, row + i);
      low = hn::Min(low, x);
      high = hn::Max(high, x);
    }
    const float least = hn::GetLane(hn::MinOfLanes(tag, low));
    const float width = hn::GetLane(hn::MaxOfLanes(tag, high)) - least;
    const bool flat = !(width > 0x1p-100f);
    const float unit = flat ? 0.0f : width / kMost;
    const float factor = flat ? 0.0f : kMost / width;
    const float zero = std::nearbyint(-least * factor);
    scale[r] = unit;
    offset[r] = -zero * unit;
    for (std::size_t i = 0; i < size; i += kDenseLanes) {
      const auto q = hn::MulAdd(hn::Load(tag, row + i), hn::Set(tag, factor), hn::Set(tag, zero));
      hn::StoreU(hn::DemoteTo(bytes, hn::NearestInt(hn::Min(q, hn::Set(tag, kMost)))), bytes, to + i);
    }
    for (std::size_t m = 0; m < kEncoderExact; ++m) row[exact_inputs[m]] = kept[m];
  }
}

// Scores in place become weights that add up to 1; `count` of them, zero behind.
inline void Softmax(float* scores, std::size_t count, std::size_t padded) {
  const DenseTag tag;
  const auto lowest = hn::Set(tag, -3e38f);
  const auto inside = [&](std::size_t i) { return hn::FirstN(tag, std::min(kDenseLanes, count - i)); };
  auto top = lowest;
  for (std::size_t i = 0; i < count; i += kDenseLanes)
    top = hn::Max(top, hn::IfThenElse(inside(i), hn::Load(tag, scores + i), lowest));
  top = hn::MaxOfLanes(tag, top);
  auto sum = hn::Zero(tag);
  for (std::size_t i = 0; i < count; i += kDenseLanes) {
    const auto e = hn::IfThenElseZero(inside(i), ExpOf(hn::Sub(hn::Load(tag, scores + i), top)));
    hn::Store(e, tag, scores + i);
    sum = hn::Add(sum, e);
  }
  const auto factor = hn::Div(hn::Set(tag, 1.0f), hn::SumOfLanes(tag, sum));
  for (std::size_t i = 0; i < padded; i += kDenseLanes)
    hn::Store(i < count ? hn::Mul(hn::Load(tag, scores + i), factor) : hn::Zero(tag), tag, scores + i);
}

// c (rows x columns) = left * right, columns a multiple of 16.
inline void SmallProduct(const float* left, std::size_t left_row, const float* right, std::size_t right_step,
                         std::size_t inner, float* c, std::size_t c_row, std::size_t rows, std::size_t columns) {
  const DenseTag tag;
  const auto strip = [&](auto vectors, std::size_t at) {
    ForTiles<kEncoderRows>(rows, [&](auto tile, std::size_t first) {
      DenseVec sums[tile.value][vectors.value];
      RowTile<tile.value, vectors.value>(left + first * left_row, left_row, right + at, right_step, inner, sums);
      Unroll<tile.value>([&](auto r) {
        Unroll<vectors.value>([&](auto v) {
          hn::StoreU(sums[r.value][v.value], tag, c + (first + r.value) * c_row + at + v.value * kDenseLanes);
        });
      });
    });
  };
  std::size_t at = 0;
  for (; at + 2 * kDenseLanes <= columns; at += 2 * kDenseLanes) strip(UnrolledIndex<2>{}, at);
  for (; at < columns; at += kDenseLanes) strip(UnrolledIndex<1>{}, at);
}

inline void Attend(const float* qkv, std::size_t qkv_stride, std::size_t count, std::size_t heads,
                   std::size_t head_size, float* scratch, float* out, std::size_t out_stride) {
  const std::size_t padded = (count + kLanes - 1) / kLanes * kLanes;
  float* keys = scratch;
  float* scores = scratch + head_size * padded;
  const float unit = 1.0f / std::sqrt(static_cast<float>(head_size));
  for (std::size_t head = 0; head < heads; ++head) {
    const float* query = qkv + head * head_size;
    const float* key = query + heads * head_size;
    const float* value = key + heads * head_size;
    for (std::size_t i = 0; i < head_size; ++i) {
      for (std::size_t t = 0; t < count; ++t) keys[i * padded + t] = key[t * qkv_stride + i] * unit;
      for (std::size_t t = count; t < padded; ++t) keys[i * padded + t] = 0;
    }
    for (std::size_t first = 0; first < count; first += kAttentionRows) {
      const std::size_t rows = std::min(kAttentionRows, count - first);
      SmallProduct(query + first * qkv_stride, qkv_stride, keys, padded, head_size, scores, padded, rows, padded);
      for (std::size_t r = 0; r < rows; ++r) Softmax(scores + r * padded, count, padded);
      SmallProduct(scores, padded, value, qkv_stride, count, out + first * out_stride + head * head_size, out_stride,
                   rows, head_size);
    }
  }
}

inline void AddNorm(float* rows, std::size_t stride, const float* added, std::size_t added_stride, std::size_t count,
                    std::size_t size, const float* weight, const float* bias, float epsilon) {
  const DenseTag tag;
  const float share = 1.0f / static_cast<float>(size);
  for (std::size_t r = 0; r < count; ++r) {
    float* row = rows + r * stride;
    auto sum = hn::Zero(tag);
    for (std::size_t i = 0; i < size; i += kDenseLanes) {
      auto x = hn::Load(tag, row + i);
      if (added != nullptr) x = hn::Add(x, hn::Load(tag, added + r * added_stride + i));
      hn::Store(x, tag, row + i);
      sum = hn::Add(sum, x);
    }
    const auto mean = hn::Mul(hn::SumOfLanes(tag, sum), hn::Set(tag, share));
    auto square = hn::Zero(tag);
    for (std::size_t i = 0; i < size; i += kDenseLanes) {
      const auto d = hn::Sub(hn::Load(tag, row + i), mean);
      square = hn::MulAdd(d, d, square);
    }
    const float variance = hn::GetLane(hn::SumOfLanes(tag, square)) * share;
    const auto factor = hn::Set(tag, 1.0f / std::sqrt(variance + epsilon));
    for (std::size_t i = 0; i < size; i += kDenseLanes) {
      const auto d = hn::Mul(hn::Sub(hn::Load(tag, row + i), mean), factor);
      hn::Store(hn::MulAdd(d, hn::LoadU(tag, weight + i), hn::LoadU(tag, bias + i)), tag, row + i);
    }
  }
}

template <typename Dot>
constexpr EncoderKernels EncoderTableOf(const EncoderKernels* plain) {
  return {&QuantizeRows, &DenseInt8<Dot>, &DenseFloat32, &Attend, &AddNorm, plain};
}

inline const EncoderKernels& EncoderKernelTable() {
  static constexpr EncoderKernels kTable = EncoderTableOf<EncoderDot>(nullptr);
#if defined(__AVX2__)
  static constexpr EncoderKernels kVnni = EncoderTableOf<EncoderDotVnni>(&kTable);
  static const bool has_vnni = HasEncoderVnni();
  if (has_vnni) return kVnni;
#endif
  return kTable;
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET

#endif  // WAYPOST_TEXT_ENCODER_KERNELS_INLINE_HPP_
