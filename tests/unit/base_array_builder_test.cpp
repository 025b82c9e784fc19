#include "waypost/base/array_builder.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waypost {
namespace {

TEST(ArrayBuilder, KeepsWhatWasWrittenAsLongAsACopyLives) {
  SharedArray<float> kept;
  {
    ArrayBuilder<float> builder(100);
    ASSERT_EQ(builder.size(), 100u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(builder.data()) % kAlignment, 0u);
    for (std::size_t n = 0; n < 3; ++n) builder.data()[n] = static_cast<float>(n);
    const SharedArray<float> built = std::move(builder).Build(3);
    kept = built;
  }
  EXPECT_THAT(kept.span(), testing::ElementsAre(0, 1, 2));
}

TEST(ArrayBuilder, CanBeEmpty) {
  EXPECT_TRUE(ArrayBuilder<std::uint32_t>(0).Build(0).empty());
}

}  // namespace
}  // namespace waypost
