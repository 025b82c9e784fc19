#include "waypost/text/safetensors.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.hpp"

namespace waypost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string FileOf(const std::string& header, const std::string& data) {
  std::string file(8, '\0');
  for (std::size_t n = 0; n < 8; ++n) file[n] = static_cast<char>(std::uint64_t{header.size()} >> (8 * n));
  return file + header + data;
}

absl::StatusOr<Safetensors> Read(const std::string& file) {
  return Safetensors::FromMemory(std::as_bytes(std::span(file)));
}

std::string Entry(const std::string& type, const std::string& shape, const std::string& range) {
  return R"({"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + range + "}";
}

TEST(Safetensors, FindsTensorsByNameWhateverTheirOrder) {
  const std::string header = R"({"__metadata__":{"format":"pt"},"b":)" + Entry("F32", "[2,1]", "[4,12]") + R"(,"a":)" +
                             Entry("I16", "[2]", "[0,4]") + ",\"none\":" + Entry("F32", "[0,7]", "[12,12]") + "}   ";
  const float values[] = {1.5f, -2.0f};
  const std::string file =
      FileOf(header, std::string("\1\0\2\0", 4) + std::string(reinterpret_cast<const char*>(values), sizeof(values)));
  const auto read = Read(file);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->tensors().size(), 3u);
  const auto b = read->Find("b");
  ASSERT_TRUE(b.ok());
  EXPECT_THAT((*b)->shape, ElementsAre(2, 1));
  std::vector<float> copied(1);
  CopyElements(**b, 1, copied);
  EXPECT_EQ(copied[0], -2.0f);
  EXPECT_EQ((*read->Find("a"))->type, TensorType::kOther);
  EXPECT_EQ((*read->Find("none"))->elements, 0u);
  EXPECT_EQ(read->Find("c").status().code(), absl::StatusCode::kNotFound);
}

TEST(Safetensors, WidensHalfNumbersExactly) {
  // 1, -2, the largest, the smallest and a subnormal number, infinity; then the same few of bfloat16.
  const std::uint16_t halves[] = {0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x7C00, 0x3F80, 0xC000};
  const std::string header =
      "{\"h\":" + Entry("F16", "[6]", "[0,12]") + ",\"b\":" + Entry("BF16", "[2]", "[12,16]") + "}";
  const auto file = FileOf(header, std::string(reinterpret_cast<const char*>(halves), sizeof(halves)));
  const auto read = Read(file);
  ASSERT_TRUE(read.ok()) << read.status();
  std::vector<float> h(6);
  CopyElements(**read->Find("h"), 0, h);
  EXPECT_THAT(h, ElementsAre(1.0f, -2.0f, 65504.0f, 0x1p-14f, 0x1p-24f, std::numeric_limits<float>::infinity()));
  std::vector<float> b(2);
  CopyElements(**read->Find("b"), 0, b);
  EXPECT_THAT(b, ElementsAre(1.0f, -2.0f));
}

TEST(Safetensors, RefusesHostileFilesByNamingWhatIsWrong) {
  const std::string four(4, '\0');
  const std::string eight(8, '\0');
  const struct {
    std::string file;
    const char* message;
  } hostile[] = {
      {"", "at least 8 bytes"},
      {std::string(8, '\xFF'), "header: want at most 0 bytes"},
      {FileOf("{}", "x"), "data: want 0 bytes, got 1"},
      {FileOf("[]", ""), "header"},
      {FileOf("{\"a\":1}", ""), "tensor 'a': want an object"},
      {FileOf("{\"a\":" + Entry("F31", "[1]", "[0,4]") + "}", four), "dtype"},
      {FileOf("{\"a\":" + Entry("F32", "[2]", "[0,4]") + "}", four), "want 8 bytes for the shape, got 4"},
      {FileOf("{\"a\":" + Entry("F32", "[1]", "[4,8]") + "}", four), "begin <= end <= 4"},
      {FileOf("{\"a\":" + Entry("F32", "[1]", "[4,0]") + "}", four), "begin <= end <= 4"},
      {FileOf("{\"a\":" + Entry("F32", "[-1]", "[0,4]") + "}", four), "whole number"},
      {FileOf("{\"a\":" + Entry("F32", "[1.5]", "[0,4]") + "}", four), "whole number"},
      {FileOf("{\"a\":" + Entry("F32", "[4294967296,4294967296]", "[0,4]") + "}", four), "at most 64 bits"},
      {FileOf("{\"a\":" + Entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", four), "at most 8 numbers"},
      {FileOf("{\"a\":" + Entry("F32", "[1]", "[0,4]") + ",\"b\":" + Entry("F32", "[1]", "[0,4]") + "}", four),
       "an overlap"},
      {FileOf("{\"a\":" + Entry("F32", "[1]", "[4,8]") + "}", eight), "a hole"},
      {FileOf("{\"a\":" + Entry("F32", "[1]", "[0,4]") + ",\"a\":" + Entry("F32", "[1]", "[4,8]") + "}", eight),
       "want it once"},
      {FileOf("{\"a\xFF\":1}", ""), "want UTF-8"},
  };
  for (const auto& [file, message] : hostile) {
    SCOPED_TRACE(message);
    const auto read = Read(file);
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(message));
  }
}

TEST(Safetensors, EveryCutOfAFileIsRefused) {
  const std::string file = FileOf("{\"a\":" + Entry("F32", "[2]", "[0,8]") + "}", std::string(8, '\0'));
  ASSERT_TRUE(Read(file).ok());
  for (std::size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(Read(file.substr(0, size)).ok()) << size;
}

TEST(Safetensors, OpensAFileAndNamesTheOneThatIsMissing) {
  const testing_support::TemporaryFolder folder;
  const auto read = Safetensors::Open(folder.Write("a.safetensors", FileOf("{}", "")));
  EXPECT_TRUE(read.ok()) << read.status();
  const auto missing = Safetensors::Open(folder.path() + "/b.safetensors");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("b.safetensors"));
}

}  // namespace
}  // namespace waypost
