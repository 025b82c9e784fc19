// waypost/text/encoder_kernels.hpp - the arithmetic of a transformer encoder, one table per instruction set.
//
// Conventions   Activations are float32, a token a row, rows 64-byte aligned and a multiple of 16 elements apart.
//               Weights of a dense layer lie in panels of kEncoderPanel outputs, the last filled with zeros: PanelAt
//               says where an element lies.
// Whole numbers Activations of a token are x = scale * (q - zero) with q in 0..255, weights of an output are scale * w
//               with w in -127..127, so that
//                 y = scale_x * (scale_w * sum q w) - zero scale_x * (scale_w * sum w) + bias.
//               The sum of products is exact in 32 bits: inputs * 255 * 127 < 2^31 for up to 65536 inputs. A few
//               inputs that are far larger than the others (every model of this kind has some) would leave the others
//               few steps: kEncoderExact of them keep float32 on both sides.
// Numerics      Sums of products are float32, in the order of the inputs, however many rows there are. The error
// function is
//               within 2e-7 ([1] 7.1.26), exponentials within 2 units in the last place.
// Sources       [1] M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 1964.
//               [2] A. Vaswani et al., "Attention is all you need", NIPS 2017.
// Determinism   Every kernel is a sequential function of its arguments; a row's result does not depend on other rows.
// Checked by    tests/unit/text_encoder_kernels_test.cpp against loops in double precision, on every table.
#ifndef WAYPOST_TEXT_ENCODER_KERNELS_HPP_
#define WAYPOST_TEXT_ENCODER_KERNELS_HPP_

#include <cstddef>
#include <cstdint>

namespace waypost {

inline constexpr std::size_t kEncoderPanel = 64;  // outputs
inline constexpr std::size_t kEncoderExact = 4;   // inputs
inline constexpr std::size_t kEncoderMaxInputs = 65536;

// A dense layer in whole numbers. Arrays cover the outputs rounded up to kEncoderPanel, and are 64-byte aligned.
struct Int8Layer {
  const std::int8_t* panels;  // inputs rounded up to 4, with zeros: see Int8PanelAt
  const float* scale;         // of each output's weights
  const float* sum;           // scale times the sum of its whole numbers
  const float* bias;
  const std::uint32_t* exact;  // kEncoderExact different inputs, whose whole numbers are 0
  const float* exact_weights;  // kEncoderExact x outputs
  std::size_t inputs;
  std::size_t outputs;
};

// A dense layer in float32.
struct Float32Layer {
  const float* panels;  // see PanelAt
  const float* bias;
  std::size_t inputs;
  std::size_t outputs;
};

struct EncoderKernels {
  // Writes the whole numbers of `count` rows, and apart from them the inputs that stay exact.
  //   rows    float32[count x stride], finite; size a multiple of 16. Changed meanwhile, and restored.
  //   words   uint8[count x words_stride], words_stride at least `size`.
  //   offset  -zero scale
  //   exact   float32[count x kEncoderExact].
  void (*quantize)(float* rows, std::size_t stride, std::size_t count, std::size_t size,
                   const std::uint32_t* exact_inputs, std::uint8_t* words, std::size_t words_stride, float* scale,
                   float* offset, float* exact);

  // out = x * weights + bias for the x that `quantize` wrote, and with `gelu` x Phi(x) of each element.
  //   out   float32[count x out_stride], out_stride at least the outputs rounded up to kEncoderPanel.
  void (*dense_int8)(const std::uint8_t* words, std::size_t words_stride, const float* scale, const float* offset,
                     const float* exact, std::size_t count, const Int8Layer& layer, bool gelu, float* out,
                     std::size_t out_stride);

  // The same in float32.
  void (*dense)(const float* rows, std::size_t stride, std::size_t count, const Float32Layer& layer, bool gelu,
                float* out, std::size_t out_stride);

  // The attention of one text: for each head, out = softmax(Q K^T / sqrt(head_size)) V.
  //   qkv      float32[count x qkv_stride]: queries of all heads, then keys, then values, each heads * head_size wide;
  //            head_size a multiple of 16.
  //   out      float32[count x out_stride].
  //   scratch  float32[AttentionScratch(count, head_size)], 64-byte aligned.
  void (*attend)(const float* qkv, std::size_t qkv_stride, std::size_t count, std::size_t heads, std::size_t head_size,
                 float* scratch, float* out, std::size_t out_stride);

  // rows = normalize(rows + added): each row less its mean, over its standard deviation, times weight plus bias.
  //   added   float32[count x added_stride] or null; size a multiple of 16.
  void (*add_norm)(float* rows, std::size_t stride, const float* added, std::size_t added_stride, std::size_t count,
                   std::size_t size, const float* weight, const float* bias, float epsilon);

  // The table for a processor of this instruction set that cannot add four products at once; null where it is this one.
  const EncoderKernels* plain;
};

// Where weight (input, output) lies.
constexpr std::size_t PanelAt(std::size_t input, std::size_t output, std::size_t inputs) {
  return output / kEncoderPanel * kEncoderPanel * inputs + input * kEncoderPanel + output % kEncoderPanel;
}
constexpr std::size_t Int8PanelAt(std::size_t input, std::size_t output, std::size_t inputs) {
  const std::size_t padded = (inputs + 3) / 4 * 4;
  return output / kEncoderPanel * kEncoderPanel * padded + input / 4 * 4 * kEncoderPanel +
         4 * (output % kEncoderPanel) + input % 4;
}

// Keys of one head, turned, and the scores of one block of queries.
inline constexpr std::size_t kAttentionRows = 64;
constexpr std::size_t AttentionScratch(std::size_t count, std::size_t head_size) {
  return (head_size + kAttentionRows) * ((count + kEncoderPanel - 1) / kEncoderPanel * kEncoderPanel);
}

}  // namespace waypost

#ifdef WAYPOST_COMPILED

namespace waypost {

// The table of the instruction set that runs.
const EncoderKernels& GetEncoderKernels();

}  // namespace waypost

#else

#include "waypost/text/encoder_kernels_inline.hpp"

namespace waypost {

inline const EncoderKernels& GetEncoderKernels() {
  return simd::WAYPOST_SIMD_TARGET::EncoderKernelTable();
}

}  // namespace waypost

#endif

#endif  // WAYPOST_TEXT_ENCODER_KERNELS_HPP_
