#include "text/encoder_pass.hpp"

#include <algorithm>
#include <cmath>

namespace waypost::internal {
namespace {

std::size_t Padded(std::size_t size) {
  return (size + kEncoderPanel - 1) / kEncoderPanel * kEncoderPanel;
}

void Fit(auto& room, std::size_t size) {
  if (room.size() < size) room.resize(size);
}

}  // namespace

EncoderPass::EncoderPass(const EncoderModel& model, std::span<const Tokens> texts, EncoderRoom* room)
    : model_(model), texts_(texts), room_(*room), hidden_(Padded(model.config.hidden)) {
  std::size_t longest = 0;
  starts_.push_back(0);
  for (const Tokens& text : texts) {
    starts_.push_back(starts_.back() + text.size());
    longest = std::max(longest, text.size());
  }
  const std::size_t tokens = starts_.back();
  const std::size_t widest = Padded(std::max(3 * model.config.hidden, model.config.intermediate));
  Fit(room_.state, tokens * hidden_);
  Fit(room_.joined, tokens * hidden_);
  Fit(room_.mixed, tokens * widest);
  Fit(room_.words, tokens * widest);
  Fit(room_.scale, tokens);
  Fit(room_.offset, tokens);
  Fit(room_.exact, tokens * kEncoderExact);
  Fit(room_.scratch, AttentionScratch(longest, model.config.hidden / model.config.heads));
}

void EncoderPass::Embed() {
  const std::size_t size = model_.config.hidden;
  float* row = room_.state.data();
  for (const Tokens& text : texts_) {
    for (std::size_t t = 0; t < text.size(); ++t, row += hidden_) {
      CopyElements(*model_.words, std::uint64_t{text[t]} * size, std::span(row, size));
      for (std::size_t i = 0; i < size; ++i) row[i] += model_.places[t * size + i];
    }
  }
  kernels_.add_norm(room_.state.data(), hidden_, nullptr, 0, starts_.back(), size, model_.first_norm.weight.data(),
                    model_.first_norm.bias.data(), model_.config.epsilon);
}

void EncoderPass::Dense(float* rows, std::size_t stride, const DenseLayer& layer, bool gelu, float* out,
                        std::size_t out_stride, std::vector<float>* largest) {
  const std::size_t tokens = starts_.back();
  if (largest != nullptr) {
    largest->resize(layer.inputs());
    for (std::size_t t = 0; t < tokens; ++t)
      for (std::size_t i = 0; i < layer.inputs(); ++i)
        (*largest)[i] = std::max((*largest)[i], std::abs(rows[t * stride + i]));
  }
  if (layer.precision() == EncoderPrecision::kFloat32)
    return kernels_.dense(rows, stride, tokens, layer.float32(), gelu, out, out_stride);
  const Int8Layer words = layer.int8();
  kernels_.quantize(rows, stride, tokens, layer.inputs(), words.exact, room_.words.data(), layer.inputs(),
                    room_.scale.data(), room_.offset.data(), room_.exact.data());
  kernels_.dense_int8(room_.words.data(), layer.inputs(), room_.scale.data(), room_.offset.data(), room_.exact.data(),
                      tokens, words, gelu, out, out_stride);
}

void EncoderPass::RunLayer(const EncoderLayer& layer, LargestInputs* largest) {
  const EncoderConfig& config = model_.config;
  const std::size_t tokens = starts_.back();
  const std::size_t thrice = Padded(3 * config.hidden);
  const std::size_t wide = Padded(config.intermediate);
  float* state = room_.state.data();
  float* joined = room_.joined.data();
  float* mixed = room_.mixed.data();
  const auto noted = [&](std::vector<float> LargestInputs::*part) {
    return largest == nullptr ? nullptr : &(largest->*part);
  };
  Dense(state, hidden_, layer.attention, false, mixed, thrice, noted(&LargestInputs::attention));
  for (std::size_t n = 0; n < texts_.size(); ++n)
    kernels_.attend(mixed + starts_[n] * thrice, thrice, texts_[n].size(), config.heads, config.hidden / config.heads,
                    room_.scratch.data(), joined + starts_[n] * hidden_, hidden_);
  Dense(joined, hidden_, layer.joined, false, mixed, hidden_, noted(&LargestInputs::joined));
  kernels_.add_norm(state, hidden_, mixed, hidden_, tokens, config.hidden, layer.joined_norm.weight.data(),
                    layer.joined_norm.bias.data(), config.epsilon);
  Dense(state, hidden_, layer.wide, true, mixed, wide, noted(&LargestInputs::wide));
  Dense(mixed, wide, layer.narrow, false, joined, hidden_, noted(&LargestInputs::narrow));
  kernels_.add_norm(state, hidden_, joined, hidden_, tokens, config.hidden, layer.narrow_norm.weight.data(),
                    layer.narrow_norm.bias.data(), config.epsilon);
}

bool EncoderPass::Pool(std::size_t text, float* out) const {
  const std::size_t size = model_.config.hidden;
  const float* rows = room_.state.data() + starts_[text] * hidden_;
  const std::size_t pooled = model_.config.mean ? texts_[text].size() : 1;
  std::vector<double> sum(size);
  for (std::size_t t = 0; t < pooled; ++t)
    for (std::size_t i = 0; i < size; ++i) sum[i] += rows[t * hidden_ + i];
  double factor = 1.0 / static_cast<double>(pooled);
  if (model_.config.normalize) {
    double square = 0;
    for (const double value : sum) square += value * value;
    factor = square > 0 ? 1.0 / std::sqrt(square) : 0.0;
  }
  bool finite = true;
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = static_cast<float>(sum[i] * factor);
    finite = finite && std::isfinite(out[i]);
  }
  return finite;
}

}  // namespace waypost::internal
