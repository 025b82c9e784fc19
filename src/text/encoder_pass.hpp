// text/encoder_pass.hpp - the forward pass of a few texts, whose tokens lie one behind the other.
#ifndef WAYPOST_SRC_TEXT_ENCODER_PASS_HPP_
#define WAYPOST_SRC_TEXT_ENCODER_PASS_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/encoder_model.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/text/encoder_kernels.hpp"

namespace waypost::internal {

// Room for one pass; grows and is used again, for fresh memory must be zeroed by the system first.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
struct EncoderRoom {
  AlignedVector<float> state;   // tokens x hidden
  AlignedVector<float> joined;  // tokens x hidden
  AlignedVector<float> mixed;   // tokens x the widest layer
  AlignedVector<std::uint8_t> words;
  AlignedVector<float> scale;
  AlignedVector<float> offset;
  AlignedVector<float> exact;
  AlignedVector<float> scratch;
};

// The largest absolute value of each input of a layer's four products.
struct LargestInputs {
  std::vector<float> attention;
  std::vector<float> joined;
  std::vector<float> wide;
  std::vector<float> narrow;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class EncoderPass {
 public:
  using Tokens = std::span<const std::uint32_t>;

  // Lifetime  all arguments must outlive the pass.
  EncoderPass(const EncoderModel& model, std::span<const Tokens> texts, EncoderRoom* room);

  // Sets the state to the sum of word, position and kind, normalized.
  void Embed();

  // With `largest`, which must be empty at first, notes the inputs of the layer.
  void RunLayer(const EncoderLayer& layer, LargestInputs* largest = nullptr);

  // Writes the vector of a text; false where it is not finite.
  bool Pool(std::size_t text, float* out) const;

 private:
  void Dense(float* rows, std::size_t stride, const DenseLayer& layer, bool gelu, float* out, std::size_t out_stride,
             std::vector<float>* largest);

  const EncoderModel& model_;
  std::span<const Tokens> texts_;
  EncoderRoom& room_;
  const EncoderKernels& kernels_ = GetEncoderKernels();
  std::vector<std::size_t> starts_;  // of each text's tokens, and the end
  std::size_t hidden_;               // stride
};

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_TEXT_ENCODER_PASS_HPP_
