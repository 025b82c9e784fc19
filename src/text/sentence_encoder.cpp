#include "waypost/text/sentence_encoder.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/shown.hpp"
#include "file/guard.hpp"
#include "text/encoder_model.hpp"
#include "text/encoder_pass.hpp"

namespace waypost {
namespace {

using internal::EncoderModel;
using internal::EncoderPass;
using internal::EncoderRoom;

// Tokens that share one pass over the weights; a longer text is a batch of its own.
constexpr std::size_t kBatchTokens = 128;

// The tokens of all texts, one behind the other, and where the batches begin.
struct Work {
  std::vector<std::uint32_t> ids;
  std::vector<std::size_t> starts;   // of each text's tokens in `ids`, and the end
  std::vector<std::size_t> order;    // texts by their number of tokens, then as they came
  std::vector<std::size_t> batches;  // places in `order`, and the end
};

std::size_t TokensOf(const Work& work, std::size_t text) {
  return work.starts[text + 1] - work.starts[text];
}

void CutIntoBatches(Work* work) {
  const std::size_t count = work->starts.size() - 1;
  work->order.resize(count);
  for (std::size_t n = 0; n < count; ++n) work->order[n] = n;
  std::stable_sort(work->order.begin(), work->order.end(),
                   [&](std::size_t a, std::size_t b) { return TokensOf(*work, a) > TokensOf(*work, b); });
  std::size_t tokens = 0;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t more = TokensOf(*work, work->order[n]);
    if (n == 0 || tokens + more > kBatchTokens) {
      work->batches.push_back(n);
      tokens = 0;
    }
    tokens += more;
  }
  work->batches.push_back(count);
}

// Rooms that no batch uses at the moment.
//
// Thread-safe: all members may be called concurrently.
class Rooms {
 public:
  std::unique_ptr<EncoderRoom> Take() {
    const std::lock_guard lock(mutex_);
    if (rooms_.empty()) return std::make_unique<EncoderRoom>();
    std::unique_ptr<EncoderRoom> room = std::move(rooms_.back());
    rooms_.pop_back();
    return room;
  }
  void Give(std::unique_ptr<EncoderRoom> room) {
    const std::lock_guard lock(mutex_);
    rooms_.push_back(std::move(room));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<EncoderRoom>> rooms_;
};

// Writes the vectors of the texts of one batch to their rows; false where one is not finite.
bool RunBatch(const EncoderModel& model, const Work& work, std::size_t batch, EncoderRoom* room, float* out,
              std::size_t stride) {
  const std::span<const std::size_t> texts =
      std::span(work.order).subspan(work.batches[batch], work.batches[batch + 1] - work.batches[batch]);
  std::vector<EncoderPass::Tokens> tokens;
  for (const std::size_t text : texts)
    tokens.push_back(std::span(work.ids).subspan(work.starts[text], TokensOf(work, text)));
  EncoderPass pass(model, tokens, room);
  pass.Embed();
  for (const internal::EncoderLayer& layer : model.layers) pass.RunLayer(layer);
  bool finite = true;
  for (std::size_t n = 0; n < texts.size(); ++n)
    if (!pass.Pool(n, out + texts[n] * stride)) finite = false;
  return finite;
}

absl::Status CheckOptions(const SentenceEncoderOptions& options) {
  if (options.max_tokens != 0 && options.max_tokens < 2)
    return absl::InvalidArgumentError(
        absl::StrCat("SentenceEncoderOptions.max_tokens: want 0 or at least 2, got ", options.max_tokens));
  return absl::OkStatus();
}

}  // namespace

SentenceEncoder::SentenceEncoder(std::shared_ptr<const EncoderModel> model) : model_(std::move(model)) {}

absl::StatusOr<SentenceEncoder> SentenceEncoder::Open(const std::string& folder,
                                                      const SentenceEncoderOptions& options) {
  return file::Guard("SentenceEncoder", [&]() -> absl::StatusOr<SentenceEncoder> {
    WAYPOST_RETURN_IF_ERROR(CheckOptions(options));
    WAYPOST_ASSIGN_OR_RETURN(const internal::EncoderConfig config, internal::ReadEncoderConfig(folder));
    WAYPOST_ASSIGN_OR_RETURN(WordPiece tokenizer, WordPiece::Open(folder + "/tokenizer.json"));
    WAYPOST_ASSIGN_OR_RETURN(Safetensors file, Safetensors::Open(folder + "/model.safetensors"));
    auto model = std::make_shared<EncoderModel>(std::move(tokenizer), std::move(file));
    model->config = config;
    model->precision = options.precision;
    if (options.max_tokens > 0)
      model->config.max_tokens = std::min(config.positions, static_cast<std::size_t>(options.max_tokens));
    if (const absl::Status status = internal::ReadEncoderWeights(model.get()); !status.ok())
      return internal::AddContext(internal::ToStd(absl::StrCat("'", folder, "'")), status);
    return SentenceEncoder(std::move(model));
  });
}

std::size_t SentenceEncoder::dimensions() const {
  return model_->config.hidden;
}

std::size_t SentenceEncoder::max_tokens() const {
  return model_->config.max_tokens;
}

bool SentenceEncoder::normalizes() const {
  return model_->config.normalize;
}

absl::StatusOr<FactorMatrix> SentenceEncoder::Encode(std::span<const std::string_view> texts,
                                                     const Parallelism& parallelism) const {
  return file::Guard("SentenceEncoder.Encode", [&]() -> absl::StatusOr<FactorMatrix> {
    Work work;
    work.starts.push_back(0);
    for (std::size_t n = 0; n < texts.size(); ++n) {
      const absl::Status status = model_->tokenizer.Encode(texts[n], model_->config.max_tokens, work.ids);
      if (!status.ok()) return internal::AddContext(internal::ToStd(absl::StrCat("text ", n)), status);
      work.starts.push_back(work.ids.size());
    }
    CutIntoBatches(&work);
    const std::size_t stride = PaddedDimensions(dimensions());
    AlignedVector<float> vectors(texts.size() * stride);
    Rooms rooms;
    std::atomic<bool> finite = true;
    ForEachBlock(parallelism, work.batches.size() - 1, 1, [&](std::size_t batch, std::size_t, std::size_t) {
      std::unique_ptr<EncoderRoom> room = rooms.Take();
      if (!RunBatch(*model_, work, batch, room.get(), vectors.data(), stride)) finite = false;
      rooms.Give(std::move(room));
    });
    if (!finite)
      return absl::OutOfRangeError("SentenceEncoder.Encode: want finite vectors, got weights too large for float32");
    return FactorMatrix(texts.size(), dimensions(), SharedArray<float>(std::move(vectors)));
  });
}

}  // namespace waypost
