// waypost/text/sentence_encoder.hpp - sentence vectors by a BERT-type model on disk.
//
// Definition   h = Norm(word[id] + position[place] + kind[0]) for each token of word_piece.hpp; then, layer by layer,
//              h = Norm(h + A(h)) and h = Norm(h + W2 gelu(W1 h + b1) + b2), A multi-head attention over the tokens of
//              the text ([2] of encoder_kernels.hpp). The vector is the mean of the last h, or that of [CLS], as the
//              model's folder says, and by default has length 1, so that the dot product of two is their cosine.
// Sources      [1] J. Devlin et al., "BERT", NAACL 2019. [2] N. Reimers, I. Gurevych, "Sentence-BERT", EMNLP 2019.
//              The folder is that of the sentence-transformers package: config.json, tokenizer.json, model.safetensors,
//              and where they exist sentence_bert_config.json, modules.json and the pooling's config.json.
// Deviations   Texts are not padded: the tokens of a batch lie one behind the other. Weights of dense layers are
//              copied into panels; word vectors are read from the mapped file.
//              kInt8: dense layers in whole numbers (encoder_kernels.hpp), weights of each output and activations of
//              each token with a scale of their own, found as they come; attention, norms and word vectors stay
//              float32.
// Complexity   For n tokens, hidden size h, L layers: L (12 n h^2 + 2 n^2 h) products and sums. Memory: the dense
//              weights, 4 bytes each or 1, and about 30 h bytes for each token under way.
// Determinism  A text's vector depends on nothing else: not on the batch, the order or the number of threads. Between
//              instruction sets results differ by the rounding of float32.
// Checked by   tests/unit/text_sentence_encoder_test.cpp against a naive forward pass in double precision;
//              tests/data/text_sentence_encoder_test.cpp against reference vectors of all-MiniLM-L6-v2.
#ifndef WAYPOST_TEXT_SENTENCE_ENCODER_HPP_
#define WAYPOST_TEXT_SENTENCE_ENCODER_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

namespace internal {
struct EncoderModel;
}  // namespace internal

enum class EncoderPrecision : std::uint8_t { kFloat32, kInt8 };

// Options of SentenceEncoder::Open. Aggregate: use designated initializers.
struct SentenceEncoderOptions {
  // kInt8 is several times as fast in a quarter of the memory; its vectors have a cosine of 0.999 or more to those of
  // kFloat32 with models of this kind.
  EncoderPrecision precision = EncoderPrecision::kInt8;
  // Tokens of a text beyond it are cut off. 0: what the model's folder says; 64 is enough for titles.
  int max_tokens = 0;
};

// Immutable: safe to use from any number of threads.
class SentenceEncoder {
 public:
  // Opens the folder of a model. Its files must not be changed in place while this value or a copy of it lives.
  // Errors  kNotFound: no such folder or file; kInvalidArgument, kDataLoss: a damaged or hostile file, names it;
  //         kUnimplemented: a model of another kind; kResourceExhausted: beyond a limit or the memory.
  static absl::StatusOr<SentenceEncoder> Open(const std::string& folder, const SentenceEncoderOptions& options = {});

  // Length of a vector.
  std::size_t dimensions() const;
  // Tokens of a text, [CLS] and [SEP] among them, beyond which it is cut off.
  std::size_t max_tokens() const;
  // Length of vectors is 1.
  bool normalizes() const;

  // Returns a row for each text. An empty text has a vector too: that of [CLS] and [SEP] alone.
  //
  // Errors  kInvalidArgument: a text is not UTF-8, names its number from 0; kOutOfRange: weights so large that a
  //         vector is not finite; kResourceExhausted: out of memory.
  absl::StatusOr<FactorMatrix> Encode(std::span<const std::string_view> texts,
                                      const Parallelism& parallelism = Parallelism(1)) const;

 private:
  explicit SentenceEncoder(std::shared_ptr<const internal::EncoderModel> model);

  std::shared_ptr<const internal::EncoderModel> model_;
};

}  // namespace waypost

#endif  // WAYPOST_TEXT_SENTENCE_ENCODER_HPP_
