#include "waypost/text/sentence_encoder.hpp"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_bert.hpp"
#include "support/encoder_folder.hpp"
#include "support/files.hpp"
#include "waypost/text/word_piece.hpp"

namespace waypost {
namespace {

using reference::NaiveBert;
using reference::NaiveVector;
using reference::RandomBert;
using testing::HasSubstr;
using testing_support::SmallConfig;
using testing_support::SmallTokenizer;
using testing_support::TemporaryFolder;
using testing_support::WriteEncoder;
using testing_support::WriteText;

const std::vector<std::string_view> kTexts = {
    "the abc reading", "a", "", "write, read. abca!", "a b c a b c a b c a b c a b c a b c a b c a b c", "zzz a"};

double Cosine(const float* a, const std::vector<double>& b) {
  double dot = 0;
  double left = 0;
  double right = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    dot += a[i] * b[i];
    left += double{a[i]} * a[i];
    right += b[i] * b[i];
  }
  return dot / std::sqrt(left * right);
}

TEST(SentenceEncoder, GivesTheVectorsOfTheDefinition) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    NaiveBert bert = RandomBert(seed);
    bert.mean = seed != 2;
    bert.normalize = seed != 3;
    const TemporaryFolder folder;
    WriteEncoder(folder.path(), bert);
    const auto tokenizer = WordPiece::FromJson(SmallTokenizer());
    ASSERT_TRUE(tokenizer.ok());
    for (const EncoderPrecision precision : {EncoderPrecision::kFloat32, EncoderPrecision::kInt8}) {
      const auto encoder = SentenceEncoder::Open(folder.path(), {.precision = precision, .max_tokens = 0});
      ASSERT_TRUE(encoder.ok()) << encoder.status();
      EXPECT_EQ(encoder->dimensions(), bert.hidden);
      EXPECT_EQ(encoder->max_tokens(), bert.positions);
      EXPECT_EQ(encoder->normalizes(), bert.normalize);
      const auto vectors = encoder->Encode(kTexts);
      ASSERT_TRUE(vectors.ok()) << vectors.status();
      ASSERT_EQ(vectors->rows(), kTexts.size());
      for (std::size_t n = 0; n < kTexts.size(); ++n) {
        std::vector<std::uint32_t> ids;
        ASSERT_TRUE(tokenizer->Encode(kTexts[n], bert.positions, ids).ok());
        const std::vector<double> expected = NaiveVector(bert, ids);
        if (precision == EncoderPrecision::kInt8) {
          EXPECT_GT(Cosine(vectors->row(n), expected), 0.999) << kTexts[n];
          continue;
        }
        for (std::size_t i = 0; i < expected.size(); ++i)
          EXPECT_NEAR(vectors->row(n)[i], expected[i], 2e-5) << kTexts[n];
      }
    }
  }
}

TEST(SentenceEncoder, AVectorDependsOnItsTextAlone) {
  const TemporaryFolder folder;
  WriteEncoder(folder.path(), RandomBert(5));
  std::vector<std::string_view> many;
  for (std::size_t n = 0; n < 200; ++n) many.push_back(kTexts[n * n % kTexts.size()]);
  for (const EncoderPrecision precision : {EncoderPrecision::kFloat32, EncoderPrecision::kInt8}) {
    const auto encoder = SentenceEncoder::Open(folder.path(), {.precision = precision, .max_tokens = 0});
    ASSERT_TRUE(encoder.ok()) << encoder.status();
    const auto one = encoder->Encode(many, Parallelism(1));
    const auto seven = encoder->Encode(many, Parallelism(7));
    ASSERT_TRUE(one.ok() && seven.ok());
    EXPECT_TRUE(std::equal(one->values().begin(), one->values().end(), seven->values().begin()));
    for (std::size_t n = 0; n < many.size(); n += 17) {
      const auto alone = encoder->Encode(std::span(many).subspan(n, 1));
      ASSERT_TRUE(alone.ok());
      EXPECT_TRUE(std::equal(alone->row(0), alone->row(0) + alone->stride(), one->row(n))) << n;
    }
  }
}

TEST(SentenceEncoder, NoTextsGiveNoRows) {
  const TemporaryFolder folder;
  WriteEncoder(folder.path(), RandomBert(6));
  const auto encoder = SentenceEncoder::Open(folder.path());
  ASSERT_TRUE(encoder.ok());
  const auto none = encoder->Encode({});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->rows(), 0u);
}

TEST(SentenceEncoder, ALimitOfTokensCutsTexts) {
  const TemporaryFolder folder;
  WriteEncoder(folder.path(), RandomBert(7));
  const auto encoder = SentenceEncoder::Open(folder.path(), {.precision = EncoderPrecision::kFloat32, .max_tokens = 4});
  ASSERT_TRUE(encoder.ok());
  EXPECT_EQ(encoder->max_tokens(), 4u);
  const std::vector<std::string_view> texts = {"a b c the", "a b"};
  const auto vectors = encoder->Encode(texts);
  ASSERT_TRUE(vectors.ok());
  EXPECT_TRUE(std::equal(vectors->row(0), vectors->row(0) + vectors->stride(), vectors->row(1)));
  EXPECT_EQ(
      SentenceEncoder::Open(folder.path(), {.precision = EncoderPrecision::kInt8, .max_tokens = 1}).status().code(),
      absl::StatusCode::kInvalidArgument);
}

TEST(SentenceEncoder, AnErrorNamesTheText) {
  const TemporaryFolder folder;
  WriteEncoder(folder.path(), RandomBert(8));
  const auto encoder = SentenceEncoder::Open(folder.path());
  ASSERT_TRUE(encoder.ok());
  const std::vector<std::string_view> texts = {"a", "\xFF"};
  const auto vectors = encoder->Encode(texts);
  EXPECT_EQ(vectors.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(vectors.status().message()), HasSubstr("text 1"));
}

TEST(SentenceEncoder, RefusesFoldersThatAreDamagedOrOfAnotherKind) {
  const struct {
    const char* file;
    std::string text;
    const char* message;
  } cases[] = {
      {"config.json", "{}", "model_type"},
      {"config.json", R"({"model_type":"roberta"})", "roberta"},
      {"config.json", "", "config.json"},
      {"modules.json", R"([{"type":"a.Dense"}])", "Dense"},
      {"modules.json", R"([{"type":"a.Pooling","path":"../x"}])", "folder's name"},
      {"1_Pooling/config.json", R"({"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true})", "want one true"},
      {"1_Pooling/config.json",
       R"({"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true,"pooling_mode_max_tokens":true})", "max"},
      {"tokenizer.json", "[]", "tokenizer.json"},
      {"model.safetensors", "", "model.safetensors"},
  };
  for (const auto& [file, text, message] : cases) {
    SCOPED_TRACE(message);
    const TemporaryFolder folder;
    WriteEncoder(folder.path(), RandomBert(9));
    WriteText(std::filesystem::path(folder.path()) / file, text);
    const auto encoder = SentenceEncoder::Open(folder.path());
    ASSERT_FALSE(encoder.ok());
    EXPECT_THAT(std::string(encoder.status().message()), HasSubstr(message));
  }
  EXPECT_EQ(SentenceEncoder::Open("/no/such/folder").status().code(), absl::StatusCode::kNotFound);
}

TEST(SentenceEncoder, RefusesWeightsThatDoNotFit) {
  const auto open = [](const NaiveBert& bert, const NaiveBert& config) {
    const TemporaryFolder folder;
    WriteEncoder(folder.path(), bert);
    WriteText(std::filesystem::path(folder.path()) / "config.json", SmallConfig(config));
    return SentenceEncoder::Open(folder.path()).status();
  };
  const NaiveBert good = RandomBert(10);
  NaiveBert wrong = good;
  wrong.layers = 3;
  EXPECT_EQ(open(good, wrong).code(), absl::StatusCode::kNotFound);
  wrong = good;
  wrong.words = 31;
  EXPECT_THAT(std::string(open(good, wrong).message()), HasSubstr("shape [31, 32]"));
  wrong = good;
  wrong.heads = 3;
  EXPECT_EQ(open(good, wrong).code(), absl::StatusCode::kUnimplemented);
  wrong = good;
  wrong.tensors["encoder.layer.1.output.dense.bias"].values[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(std::string(open(wrong, good).message()), HasSubstr("want finite numbers"));
  wrong = good;
  wrong.words = 29;
  wrong.tensors["embeddings.word_embeddings.weight"].shape[0] = 29;
  wrong.tensors["embeddings.word_embeddings.weight"].values.resize(29 * 32);
  EXPECT_THAT(std::string(open(wrong, wrong).message()), HasSubstr("ids below 29, got 29"));
}

TEST(SentenceEncoder, AVectorThatIsNotFiniteIsAnError) {
  NaiveBert bert = RandomBert(11);
  for (float& value : bert.tensors["encoder.layer.1.output.LayerNorm.weight"].values) value = 3e38f;
  for (float& value : bert.tensors["encoder.layer.0.output.LayerNorm.weight"].values) value = 3e38f;
  const TemporaryFolder folder;
  WriteEncoder(folder.path(), bert);
  for (const EncoderPrecision precision : {EncoderPrecision::kFloat32, EncoderPrecision::kInt8}) {
    const auto encoder = SentenceEncoder::Open(folder.path(), {.precision = precision, .max_tokens = 0});
    ASSERT_TRUE(encoder.ok()) << encoder.status();
    EXPECT_EQ(encoder->Encode(kTexts).status().code(), absl::StatusCode::kOutOfRange);
  }
}

}  // namespace
}  // namespace waypost
