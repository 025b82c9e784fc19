#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <span>
#include <utility>

#include "base/shown.hpp"
#include "text/encoder_model.hpp"
#include "text/encoder_pass.hpp"
#include "waypost/base/random.hpp"

namespace waypost::internal {
namespace {

std::string ShapeText(std::span<const std::uint64_t> shape) {
  std::string text = "[";
  for (const std::uint64_t size : shape) absl::StrAppend(&text, text.size() > 1 ? ", " : "", size);
  return text + "]";
}

// Reads tensors of a model; some files name them with "bert." in front.
//
// Immutable: safe to use from any number of threads.
class WeightReader {
 public:
  explicit WeightReader(const Safetensors& file)
      : file_(file), prefix_(file.Find("embeddings.word_embeddings.weight").ok() ? "" : "bert.") {}

  // The tensor, of this shape and a type of floating-point numbers.
  absl::StatusOr<const Tensor*> Find(std::string_view name, std::initializer_list<std::uint64_t> shape) const {
    WAYPOST_ASSIGN_OR_RETURN(const Tensor* tensor, file_.Find(prefix_ + std::string(name)));
    if (!std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end()))
      return absl::InvalidArgumentError(absl::StrCat("tensor ", Shown(tensor->name), ": want the shape ",
                                                     ShapeText({shape.begin(), shape.size()}), ", got ",
                                                     ShapeText(tensor->shape)));
    if (tensor->type == TensorType::kOther)
      return absl::UnimplementedError(
          absl::StrCat("tensor ", Shown(tensor->name), ": want F32, F16 or BF16, got ", Shown(tensor->type_name)));
    return tensor;
  }

  absl::Status Read(std::string_view name, std::initializer_list<std::uint64_t> shape, std::span<float> to) const {
    WAYPOST_ASSIGN_OR_RETURN(const Tensor* tensor, Find(name, shape));
    CopyElements(*tensor, 0, to);
    return CheckFinite(*tensor, to);
  }

  // All elements of a large tensor, a part at a time.
  absl::Status Check(const Tensor& tensor) const {
    std::vector<float> part(std::min<std::uint64_t>(tensor.elements, 1 << 14));
    for (std::uint64_t first = 0; first < tensor.elements; first += part.size()) {
      const std::span<float> to(part.data(), std::min<std::uint64_t>(part.size(), tensor.elements - first));
      CopyElements(tensor, first, to);
      WAYPOST_RETURN_IF_ERROR(CheckFinite(tensor, to));
    }
    return absl::OkStatus();
  }

  absl::Status ReadNorm(const std::string& name, std::size_t size, NormWeights* norm) const {
    norm->weight.resize(size);
    norm->bias.resize(size);
    WAYPOST_RETURN_IF_ERROR(Read(name + ".weight", {size}, norm->weight));
    return Read(name + ".bias", {size}, norm->bias);
  }

  // The layers of these names side by side.
  absl::StatusOr<DenseWeights> ReadDense(std::initializer_list<std::string> names, std::size_t inputs,
                                         std::size_t outputs) const {
    DenseWeights dense;
    dense.inputs = inputs;
    dense.outputs = names.size() * outputs;
    dense.weights.resize(dense.outputs * inputs);
    dense.bias.resize(dense.outputs);
    std::size_t place = 0;
    for (const std::string& name : names) {
      const std::span<float> weights = std::span(dense.weights).subspan(place * outputs * inputs, outputs * inputs);
      WAYPOST_RETURN_IF_ERROR(Read(name + ".weight", {outputs, inputs}, weights));
      WAYPOST_RETURN_IF_ERROR(Read(name + ".bias", {outputs}, std::span(dense.bias).subspan(place * outputs, outputs)));
      ++place;
    }
    return dense;
  }

 private:
  static absl::Status CheckFinite(const Tensor& tensor, std::span<const float> values) {
    float sum = 0;  // of zeros, or NaN: a loop without a branch
    for (const float value : values) sum += 0.0f * value;
    if (sum == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", Shown(tensor.name), ": want finite numbers, got others among them"));
  }

  const Safetensors& file_;
  std::string prefix_;
};

}  // namespace

DenseLayer::DenseLayer(const DenseWeights& dense) : inputs_(dense.inputs), outputs_(dense.outputs) {
  const std::size_t padded = (outputs_ + kEncoderPanel - 1) / kEncoderPanel * kEncoderPanel;
  bias_.assign(padded, 0.0f);
  std::copy(dense.bias.begin(), dense.bias.end(), bias_.begin());
  panels_.assign(padded * inputs_, 0.0f);
  for (std::size_t output = 0; output < outputs_; ++output)
    for (std::size_t input = 0; input < inputs_; ++input)
      panels_[PanelAt(input, output, inputs_)] = dense.weights[output * inputs_ + input];
}

DenseLayer::DenseLayer(const DenseWeights& dense, std::span<const float> largest)
    : inputs_(dense.inputs), outputs_(dense.outputs) {
  const std::size_t padded = (outputs_ + kEncoderPanel - 1) / kEncoderPanel * kEncoderPanel;
  bias_.assign(padded, 0.0f);
  std::copy(dense.bias.begin(), dense.bias.end(), bias_.begin());
  std::vector<std::uint32_t> order(inputs_);
  for (std::size_t input = 0; input < inputs_; ++input) order[input] = static_cast<std::uint32_t>(input);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return largest[a] > largest[b]; });
  exact_.assign(order.begin(), order.begin() + kEncoderExact);
  exact_weights_.assign(kEncoderExact * padded, 0.0f);
  words_.assign(padded * inputs_, 0);
  scale_.assign(padded, 0.0f);
  sum_.assign(padded, 0.0f);
  for (std::size_t output = 0; output < outputs_; ++output) {
    std::vector<float> row(dense.weights.begin() + static_cast<std::ptrdiff_t>(output * inputs_),
                           dense.weights.begin() + static_cast<std::ptrdiff_t>((output + 1) * inputs_));
    for (std::size_t m = 0; m < kEncoderExact; ++m)
      exact_weights_[m * padded + output] = std::exchange(row[exact_[m]], 0.0f);
    float most = 0;
    for (const float weight : row) most = std::max(most, std::abs(weight));
    if (most < 0x1p-100f) continue;  // nothing that a sum would show
    const float scale = most / 127;
    std::int64_t sum = 0;
    for (std::size_t input = 0; input < inputs_; ++input) {
      const auto word = static_cast<std::int8_t>(std::lrint(std::clamp(row[input] / scale, -127.0f, 127.0f)));
      words_[Int8PanelAt(input, output, inputs_)] = word;
      sum += word;
    }
    scale_[output] = scale;
    sum_[output] = scale * static_cast<float>(sum);
  }
}

namespace {

// Texts of random words that every model of this size may meet.
struct Sample {
  explicit Sample(std::size_t words, std::size_t positions) {
    constexpr std::size_t kTexts = 4;
    constexpr std::size_t kTokens = 16;
    Random random(1);
    const std::size_t length = std::min(kTokens, positions);
    ids.resize(kTexts * length);
    for (std::uint32_t& id : ids) id = static_cast<std::uint32_t>(random.Below(words));
    for (std::size_t n = 0; n < kTexts; ++n) texts.push_back(std::span(ids).subspan(n * length, length));
  }

  std::vector<std::uint32_t> ids;
  std::vector<EncoderPass::Tokens> texts;
};

// Reads one layer; `pass` is null in float32.
absl::Status ReadLayer(const WeightReader& reader, const EncoderConfig& config, const std::string& name,
                       EncoderPass* pass, EncoderLayer* layer) {
  const std::size_t hidden = config.hidden;
  const std::string attention = name + "attention.";
  const std::string self = attention + "self.";
  WAYPOST_ASSIGN_OR_RETURN(const DenseWeights mixed,
                           reader.ReadDense({self + "query", self + "key", self + "value"}, hidden, hidden));
  WAYPOST_ASSIGN_OR_RETURN(const DenseWeights joined, reader.ReadDense({attention + "output.dense"}, hidden, hidden));
  WAYPOST_ASSIGN_OR_RETURN(const DenseWeights wide,
                           reader.ReadDense({name + "intermediate.dense"}, hidden, config.intermediate));
  WAYPOST_ASSIGN_OR_RETURN(const DenseWeights narrow,
                           reader.ReadDense({name + "output.dense"}, config.intermediate, hidden));
  WAYPOST_RETURN_IF_ERROR(reader.ReadNorm(attention + "output.LayerNorm", hidden, &layer->joined_norm));
  WAYPOST_RETURN_IF_ERROR(reader.ReadNorm(name + "output.LayerNorm", hidden, &layer->narrow_norm));
  layer->attention = DenseLayer(mixed);
  layer->joined = DenseLayer(joined);
  layer->wide = DenseLayer(wide);
  layer->narrow = DenseLayer(narrow);
  if (pass == nullptr) return absl::OkStatus();
  LargestInputs largest;
  pass->RunLayer(*layer, &largest);
  layer->attention = DenseLayer(mixed, largest.attention);
  layer->joined = DenseLayer(joined, largest.joined);
  layer->wide = DenseLayer(wide, largest.wide);
  layer->narrow = DenseLayer(narrow, largest.narrow);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadEncoderWeights(EncoderModel* model) {
  const EncoderConfig& config = model->config;
  const WeightReader reader(model->file);
  const std::size_t hidden = config.hidden;
  WAYPOST_ASSIGN_OR_RETURN(model->words, reader.Find("embeddings.word_embeddings.weight", {config.words, hidden}));
  WAYPOST_RETURN_IF_ERROR(reader.Check(*model->words));
  if (model->tokenizer.id_limit() > config.words)
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.json: want ids below ", config.words, ", got ", model->tokenizer.id_limit() - 1));
  model->places.resize(config.positions * hidden);
  WAYPOST_RETURN_IF_ERROR(
      reader.Read("embeddings.position_embeddings.weight", {config.positions, hidden}, model->places));
  WAYPOST_ASSIGN_OR_RETURN(
      const Tensor* kinds,
      model->file.Find(model->words->name.substr(0, model->words->name.size() - 22) + "token_type_embeddings.weight"));
  if (kinds->shape.size() != 2 || kinds->shape[0] < 1 || kinds->shape[1] != hidden || kinds->type == TensorType::kOther)
    return absl::InvalidArgumentError(absl::StrCat("tensor ", Shown(kinds->name), ": want the shape [2, ", hidden,
                                                   "], got ", ShapeText(kinds->shape), " of ",
                                                   Shown(kinds->type_name)));
  WAYPOST_RETURN_IF_ERROR(reader.Check(*kinds));
  std::vector<float> kind(hidden);
  CopyElements(*kinds, 0, kind);
  for (std::size_t n = 0; n < model->places.size(); ++n) model->places[n] += kind[n % hidden];
  WAYPOST_RETURN_IF_ERROR(reader.ReadNorm("embeddings.LayerNorm", hidden, &model->first_norm));
  const Sample sample(config.words, config.positions);
  EncoderRoom room;
  EncoderPass pass(*model, sample.texts, &room);
  const bool whole = model->precision == EncoderPrecision::kInt8;
  if (whole) pass.Embed();
  for (std::size_t n = 0; n < config.layers; ++n) {
    const std::string name = "encoder.layer." + std::to_string(n) + ".";
    WAYPOST_RETURN_IF_ERROR(ReadLayer(reader, config, name, whole ? &pass : nullptr, &model->layers.emplace_back()));
  }
  return absl::OkStatus();
}

}  // namespace waypost::internal
