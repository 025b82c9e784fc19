// all-MiniLM-L6-v2 beside reference ids and vectors that scripts/encoder-model computes with other programs.
#include "waypost/text/sentence_encoder.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/text/word_piece.hpp"

namespace waypost {
namespace {

// What scripts/encoder-model leaves behind.
class EncoderOnARealModel : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::path cache;
    if (const char* model = std::getenv("WAYPOST_ENCODER_MODEL")) {
      model_ = model;
      cache = std::filesystem::path(model).parent_path();
    } else {
      const char* home = std::getenv("HOME");
      cache = std::filesystem::path(home == nullptr ? "" : home) / ".cache" / "waypost" / "encoder";
      model_ = (cache / "model").string();
    }
    std::ifstream sentences(cache / "reference" / "sentences.txt");
    for (std::string line; std::getline(sentences, line);) lines_.push_back(line);
    std::ifstream ids(cache / "reference" / "ids.txt");
    for (std::string line; std::getline(ids, line);) {
      std::istringstream numbers(line);
      ids_.emplace_back(std::istream_iterator<std::uint32_t>(numbers), std::istream_iterator<std::uint32_t>());
    }
    std::ifstream vectors(cache / "reference" / "vectors.f32", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(vectors)), std::istreambuf_iterator<char>());
    vectors_.resize(bytes.size() / sizeof(float));
    std::copy_n(bytes.data(), vectors_.size() * sizeof(float), reinterpret_cast<char*>(vectors_.data()));
    if (lines_.empty() || !std::filesystem::exists(model_ + "/model.safetensors"))
      GTEST_SKIP() << "not run: no model in " << model_ << " (WAYPOST_ENCODER_MODEL, scripts/encoder-model)";
    ASSERT_EQ(ids_.size(), lines_.size());
  }

  // The least cosine to the reference.
  double LeastCosine(EncoderPrecision precision) const {
    const auto encoder = SentenceEncoder::Open(model_, {.precision = precision, .max_tokens = 0});
    EXPECT_TRUE(encoder.ok()) << encoder.status();
    if (!encoder.ok()) return 0;
    const std::vector<std::string_view> texts(lines_.begin(), lines_.end());
    const auto vectors = encoder->Encode(texts, Parallelism());
    EXPECT_TRUE(vectors.ok()) << vectors.status();
    EXPECT_EQ(vectors_.size(), lines_.size() * encoder->dimensions());
    if (!vectors.ok() || vectors_.size() != lines_.size() * encoder->dimensions()) return 0;
    double least = 1;
    for (std::size_t n = 0; n < texts.size(); ++n) {
      double dot = 0;
      for (std::size_t i = 0; i < encoder->dimensions(); ++i)
        dot += double{vectors->row(n)[i]} * vectors_[n * encoder->dimensions() + i];
      least = std::min(least, dot);  // both have length 1
    }
    return least;
  }

  std::string model_;
  std::vector<std::string> lines_;
  std::vector<std::vector<std::uint32_t>> ids_;
  std::vector<float> vectors_;
};

TEST_F(EncoderOnARealModel, TokensAreThoseOfTheTokenizersPackage) {
  const auto tokenizer = WordPiece::Open(model_ + "/tokenizer.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  for (std::size_t n = 0; n < lines_.size(); ++n) {
    std::vector<std::uint32_t> ids;
    ASSERT_TRUE(tokenizer->Encode(lines_[n], 256, ids).ok());
    ASSERT_EQ(ids, ids_[n]) << lines_[n];
  }
}

TEST_F(EncoderOnARealModel, Float32VectorsAreTheReference) {
  EXPECT_GT(LeastCosine(EncoderPrecision::kFloat32), 0.999999);
}

TEST_F(EncoderOnARealModel, Int8VectorsAreCloseToTheReference) {
  EXPECT_GT(LeastCosine(EncoderPrecision::kInt8), 0.999);
}

}  // namespace
}  // namespace waypost
