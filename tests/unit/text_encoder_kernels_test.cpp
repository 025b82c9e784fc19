#include "waypost/text/encoder_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/base/shared_array.hpp"

namespace waypost {
namespace {

AlignedVector<float> RandomValues(std::uint64_t seed, std::size_t size, double scale = 1) {
  Random random(seed);
  AlignedVector<float> values(size);
  for (float& value : values) value = static_cast<float>(scale * random.Normal());
  return values;
}

double Gelu(double x) {
  return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
}

// The tables of the instruction set that this processor can run.
std::vector<const EncoderKernels*> AllKernels() {
  std::vector<const EncoderKernels*> all;
  for (const EncoderKernels* kernels = &GetEncoderKernels(); kernels != nullptr; kernels = kernels->plain)
    all.push_back(kernels);
  return all;
}

class EncoderKernelsOfAProcessor : public testing::TestWithParam<const EncoderKernels*> {};

INSTANTIATE_TEST_SUITE_P(All, EncoderKernelsOfAProcessor, testing::ValuesIn(AllKernels()));

TEST_P(EncoderKernelsOfAProcessor, DenseIsTheProductWhateverTheNumberOfRows) {
  constexpr std::size_t kInputs = 48;
  constexpr std::size_t kOutputs = 80;
  constexpr std::size_t kPadded = 128;
  const AlignedVector<float> weights = RandomValues(1, kInputs * kOutputs, 0.3);
  AlignedVector<float> bias = RandomValues(2, kPadded);
  AlignedVector<float> panels(kInputs * kPadded);
  for (std::size_t i = 0; i < kInputs; ++i)
    for (std::size_t o = 0; o < kOutputs; ++o) panels[PanelAt(i, o, kInputs)] = weights[o * kInputs + i];
  const Float32Layer layer{panels.data(), bias.data(), kInputs, kOutputs};
  const AlignedVector<float> rows = RandomValues(3, 20 * kInputs);
  AlignedVector<float> all(20 * kPadded);
  GetParam()->dense(rows.data(), kInputs, 20, layer, false, all.data(), kPadded);
  for (std::size_t count = 1; count <= 13; ++count) {
    for (const bool gelu : {false, true}) {
      AlignedVector<float> out(count * kPadded);
      GetParam()->dense(rows.data(), kInputs, count, layer, gelu, out.data(), kPadded);
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t o = 0; o < kOutputs; ++o) {
          double sum = bias[o];
          for (std::size_t i = 0; i < kInputs; ++i) sum += double{rows[r * kInputs + i]} * weights[o * kInputs + i];
          ASSERT_NEAR(out[r * kPadded + o], gelu ? Gelu(sum) : sum, 2e-5) << count << " " << r << " " << o;
          if (!gelu) {
            ASSERT_EQ(out[r * kPadded + o], all[r * kPadded + o]);  // a row depends on no other
          }
        }
      }
    }
  }
}

struct Int8World {
  static constexpr std::size_t kInputs = 96;
  static constexpr std::size_t kOutputs = 70;
  static constexpr std::size_t kPadded = 128;

  Int8World() : scale(RandomValues(5, kPadded)), sum(kPadded), bias(RandomValues(6, kPadded)) {
    Random random(7);
    words.resize(kInputs * kPadded);
    for (std::size_t o = 0; o < kOutputs; ++o) {
      double total = 0;
      for (std::size_t i = 0; i < kInputs; ++i) {
        // Extremes of both signs among them: nothing may saturate.
        const auto word = static_cast<std::int8_t>(o < 2 ? (o == 0 ? 127 : -127) : int(random.Below(255)) - 127);
        const bool kept = std::find(std::begin(exact), std::end(exact), i) != std::end(exact);
        words[Int8PanelAt(i, o, kInputs)] = kept ? std::int8_t{0} : word;
        total += words[Int8PanelAt(i, o, kInputs)];
      }
      sum[o] = static_cast<float>(scale[o] * total);
    }
    exact_weights = RandomValues(8, kEncoderExact * kPadded);
  }

  Int8Layer layer() const {
    return {words.data(), scale.data(), sum.data(), bias.data(), exact, exact_weights.data(), kInputs, kOutputs};
  }

  std::uint32_t exact[kEncoderExact] = {3, 95, 40, 41};
  AlignedVector<std::int8_t> words;
  AlignedVector<float> scale;
  AlignedVector<float> sum;
  AlignedVector<float> bias;
  AlignedVector<float> exact_weights;
};

TEST_P(EncoderKernelsOfAProcessor, QuantizeLosesAtMostHalfAStepAndRestoresTheRows) {
  constexpr std::size_t kSize = 96;
  const Int8World world;
  AlignedVector<float> rows = RandomValues(9, 3 * kSize);
  std::fill(rows.begin() + kSize, rows.begin() + 2 * kSize, 0.0f);  // nothing but zeros
  rows[3] = 1000;                                                   // large, but exact
  const AlignedVector<float> before = rows;
  AlignedVector<std::uint8_t> words(3 * kSize);
  float scale[3];
  float offset[3];
  float exact[3 * kEncoderExact];
  GetParam()->quantize(rows.data(), kSize, 3, kSize, world.exact, words.data(), kSize, scale, offset, exact);
  EXPECT_EQ(rows, before);
  EXPECT_EQ(exact[0], 1000.0f);
  EXPECT_LT(scale[0], 0.05f);
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t i = 0; i < kSize; ++i) {
      const bool kept = std::find(std::begin(world.exact), std::end(world.exact), i) != std::end(world.exact);
      const double x = kept ? 0.0 : rows[r * kSize + i];
      // Half a step, and as much again where the zero was rounded at an end of the range.
      EXPECT_NEAR(words[r * kSize + i] * scale[r] + offset[r], x, 1.001 * scale[r]) << r << " " << i;
      if (x == 0) {
        EXPECT_NEAR(words[r * kSize + i] * scale[r] + offset[r], 0, 1e-6);
      }
    }
  }
}

TEST_P(EncoderKernelsOfAProcessor, WholeNumbersAreMultipliedExactly) {
  const Int8World world;
  constexpr std::size_t kInputs = Int8World::kInputs;
  Random random(10);
  AlignedVector<std::uint8_t> words(9 * kInputs);
  for (std::uint8_t& word : words) word = static_cast<std::uint8_t>(random.Below(256));
  std::fill(words.begin(), words.begin() + kInputs, std::uint8_t{255});
  const AlignedVector<float> scale = RandomValues(11, 9);
  const AlignedVector<float> offset = RandomValues(12, 9);
  const AlignedVector<float> exact = RandomValues(13, 9 * kEncoderExact);
  for (std::size_t count = 1; count <= 9; ++count) {
    AlignedVector<float> out(count * Int8World::kPadded);
    GetParam()->dense_int8(words.data(), kInputs, scale.data(), offset.data(), exact.data(), count, world.layer(),
                           false, out.data(), Int8World::kPadded);
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t o = 0; o < Int8World::kOutputs; ++o) {
        std::int64_t products = 0;
        for (std::size_t i = 0; i < kInputs; ++i)
          products += std::int64_t{words[r * kInputs + i]} * world.words[Int8PanelAt(i, o, kInputs)];
        double y = double{scale[r]} * world.scale[o] * static_cast<double>(products) +
                   double{offset[r]} * world.sum[o] + world.bias[o];
        double size = std::abs(double{scale[r]} * world.scale[o] * static_cast<double>(products)) +
                      std::abs(double{offset[r]} * world.sum[o]) + 10;
        for (std::size_t m = 0; m < kEncoderExact; ++m)
          y += double{exact[r * kEncoderExact + m]} * world.exact_weights[m * Int8World::kPadded + o];
        ASSERT_NEAR(out[r * Int8World::kPadded + o], y, size * 1e-6) << count << " " << r << " " << o;
      }
    }
  }
}

TEST_P(EncoderKernelsOfAProcessor, AttentionIsTheSoftmaxOfTheScaledProducts) {
  constexpr std::size_t kHeads = 2;
  constexpr std::size_t kSize = 16;
  constexpr std::size_t kStride = 3 * kHeads * kSize;
  for (const std::size_t count : {1, 2, 5, 15, 16, 17, 70}) {
    const AlignedVector<float> qkv = RandomValues(20 + count, count * kStride, 2);
    AlignedVector<float> scratch(AttentionScratch(count, kSize));
    AlignedVector<float> out(count * kHeads * kSize);
    GetParam()->attend(qkv.data(), kStride, count, kHeads, kSize, scratch.data(), out.data(), kHeads * kSize);
    for (std::size_t h = 0; h < kHeads; ++h) {
      for (std::size_t t = 0; t < count; ++t) {
        std::vector<double> weight(count);
        double sum = 0;
        for (std::size_t u = 0; u < count; ++u) {
          double dot = 0;
          for (std::size_t i = 0; i < kSize; ++i)
            dot += double{qkv[t * kStride + h * kSize + i]} * qkv[u * kStride + (kHeads + h) * kSize + i];
          weight[u] = std::exp(dot / 4);
          sum += weight[u];
        }
        for (std::size_t i = 0; i < kSize; ++i) {
          double y = 0;
          for (std::size_t u = 0; u < count; ++u)
            y += weight[u] / sum * qkv[u * kStride + (2 * kHeads + h) * kSize + i];
          ASSERT_NEAR(out[t * kHeads * kSize + h * kSize + i], y, 2e-5) << count << " " << t;
        }
      }
    }
  }
}

TEST_P(EncoderKernelsOfAProcessor, NormsHaveTheGivenMeanAndSpread) {
  constexpr std::size_t kSize = 32;
  AlignedVector<float> rows = RandomValues(30, 4 * kSize, 3);
  std::fill(rows.begin(), rows.begin() + kSize, 5.0f);  // without spread: the bias is left
  const AlignedVector<float> before = rows;
  const AlignedVector<float> added = RandomValues(31, 4 * kSize);
  const AlignedVector<float> weight = RandomValues(32, kSize);
  const AlignedVector<float> bias = RandomValues(33, kSize);
  for (const float* more : {static_cast<const float*>(nullptr), added.data()}) {
    rows = before;
    GetParam()->add_norm(rows.data(), kSize, more, kSize, 4, kSize, weight.data(), bias.data(), 1e-5f);
    for (std::size_t r = 0; r < 4; ++r) {
      std::vector<double> x(kSize);
      double mean = 0;
      double variance = 0;
      for (std::size_t i = 0; i < kSize; ++i) {
        x[i] = double{before[r * kSize + i]} + (more == nullptr ? 0.0 : more[r * kSize + i]);
        mean += x[i] / kSize;
      }
      for (std::size_t i = 0; i < kSize; ++i) variance += (x[i] - mean) * (x[i] - mean) / kSize;
      for (std::size_t i = 0; i < kSize; ++i)
        ASSERT_NEAR(rows[r * kSize + i], (x[i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i], 1e-5);
    }
  }
}

}  // namespace
}  // namespace waypost
