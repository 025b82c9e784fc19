#include "waypost/base/bytes.hpp"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "waypost/base/checksum.hpp"

namespace waypost {
namespace {

TEST(Bytes, AreStoredLeastSignificantFirst) {
  std::array<std::byte, 9> bytes{};
  StoreLittleEndian(std::span<std::byte>(bytes), 1, std::uint64_t{0x0102030405060708});
  EXPECT_EQ(bytes[0], std::byte{0});
  for (int n = 1; n < 9; ++n) EXPECT_EQ(bytes[n], std::byte(9 - n));
  EXPECT_EQ(LoadLittleEndian<std::uint64_t>(bytes, 1), 0x0102030405060708u);
  EXPECT_EQ(LoadLittleEndian<std::uint32_t>(bytes, 5), 0x01020304u);
  EXPECT_EQ(LoadLittleEndian<std::uint16_t>(bytes, 1), 0x0708u);
}

TEST(Bytes, SizesThatDoNotFitAreNoSize) {
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  EXPECT_EQ(CheckedAdd(kMost - 1, 1), kMost);
  EXPECT_EQ(CheckedAdd(kMost, 1), std::nullopt);
  EXPECT_EQ(CheckedMultiply(kMost / 3, 3), kMost);
  EXPECT_EQ(CheckedMultiply(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(CheckedMultiply(kMost, 0), 0u);
  EXPECT_EQ(CheckedAlign(65, 64), 128u);
  EXPECT_EQ(CheckedAlign(64, 64), 64u);
  EXPECT_EQ(CheckedAlign(kMost - 62, 64), std::nullopt);
}

TEST(Checksum, IsXxh3OfThePublishedVectors) {
  // XXH3-64 of nothing with seed 0, from the xxHash test vectors.
  EXPECT_EQ(Checksum({}), 0x2D06800538D394C2u);
}

}  // namespace
}  // namespace waypost
