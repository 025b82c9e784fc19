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

TEST(Checksum, IsXxh3OfThePublishedVectors) {
  // XXH3-64 of nothing with seed 0, from the xxHash test vectors.
  EXPECT_EQ(Checksum({}), 0x2D06800538D394C2u);
}

}  // namespace
}  // namespace waypost
