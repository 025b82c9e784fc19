// text/encoder_model.hpp - a sentence encoder's settings and weights as they lie in memory.
#ifndef WAYPOST_SRC_TEXT_ENCODER_MODEL_HPP_
#define WAYPOST_SRC_TEXT_ENCODER_MODEL_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "waypost/base/shared_array.hpp"
#include "waypost/base/status.hpp"
#include "waypost/text/encoder_kernels.hpp"
#include "waypost/text/safetensors.hpp"
#include "waypost/text/sentence_encoder.hpp"
#include "waypost/text/word_piece.hpp"

namespace waypost::internal {

struct EncoderConfig {
  std::size_t hidden = 0;
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t intermediate = 0;
  std::size_t positions = 0;
  std::size_t words = 0;
  std::size_t max_tokens = 0;
  float epsilon = 0;
  bool mean = true;  // the mean of all tokens, otherwise [CLS]
  bool normalize = true;
};

// Reads config.json and, where they are, sentence_bert_config.json, modules.json and the pooling's config.json.
absl::StatusOr<EncoderConfig> ReadEncoderConfig(const std::string& folder);

// The weights and the bias of a dense layer as a file has them.
struct DenseWeights {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::vector<float> weights;  // outputs x inputs, row-major
  std::vector<float> bias;
};

// One dense layer in one of the two forms.
class DenseLayer {
 public:
  DenseLayer() = default;
  explicit DenseLayer(const DenseWeights& weights);
  // Keeps the kEncoderExact inputs exact that are largest in `largest`, the first of equal ones.
  DenseLayer(const DenseWeights& weights, std::span<const float> largest);

  EncoderPrecision precision() const { return exact_.empty() ? EncoderPrecision::kFloat32 : EncoderPrecision::kInt8; }
  Float32Layer float32() const { return {panels_.data(), bias_.data(), inputs_, outputs_}; }
  Int8Layer int8() const {
    return {words_.data(), scale_.data(),         sum_.data(), bias_.data(),
            exact_.data(), exact_weights_.data(), inputs_,     outputs_};
  }
  std::size_t inputs() const { return inputs_; }

 private:
  std::size_t inputs_ = 0;
  std::size_t outputs_ = 0;
  AlignedVector<float> bias_;
  AlignedVector<float> panels_;
  AlignedVector<std::int8_t> words_;
  AlignedVector<float> scale_;
  AlignedVector<float> sum_;
  std::vector<std::uint32_t> exact_;
  AlignedVector<float> exact_weights_;
};

struct NormWeights {
  AlignedVector<float> weight;
  AlignedVector<float> bias;
};

struct EncoderLayer {
  DenseLayer attention;  // queries, keys and values side by side
  DenseLayer joined;
  NormWeights joined_norm;
  DenseLayer wide;
  DenseLayer narrow;
  NormWeights narrow_norm;
};

struct EncoderModel {
  EncoderModel(WordPiece tokens, Safetensors weights) : tokenizer(std::move(tokens)), file(std::move(weights)) {}

  EncoderConfig config;
  EncoderPrecision precision = EncoderPrecision::kInt8;
  WordPiece tokenizer;
  Safetensors file;
  const Tensor* words = nullptr;
  AlignedVector<float> places;  // position vectors with that of the first kind added, positions x hidden
  NormWeights first_norm;
  std::vector<EncoderLayer> layers;
};

// Fills the weights of a model whose config, precision and file are set. In kInt8, random words go through each layer
// in float32 first, to learn which inputs are large: it is the same few for all texts.
absl::Status ReadEncoderWeights(EncoderModel* model);

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_TEXT_ENCODER_MODEL_HPP_
