#include "waypost/base/bitmap.hpp"

#include <set>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

TEST(Bitmap, BehavesLikeASetOfIntegers) {
  for (std::size_t size : {1, 63, 64, 65, 1000}) {
    SCOPED_TRACE(size);
    Random random(size);
    Bitmap bitmap(size);
    std::set<std::size_t> set;
    for (int step = 0; step < 500; ++step) {
      const std::size_t position = random.Below(size);
      if (random.Below(3) == 0) {
        bitmap.Clear(position);
        set.erase(position);
      } else {
        bitmap.Set(position);
        set.insert(position);
      }
    }
    EXPECT_EQ(bitmap.Count(), set.size());
    for (std::size_t position = 0; position < size; ++position)
      EXPECT_EQ(bitmap.Test(position), set.contains(position));
  }
}

TEST(Bitmap, AFullOneHasNoBitBeyondItsSize) {
  for (std::size_t size : {0, 1, 63, 64, 65, 128, 130}) {
    const Bitmap full(size, true);
    EXPECT_EQ(full.Count(), size);
    EXPECT_EQ(full.words().size(), (size + 63) / 64);
  }
  EXPECT_EQ(Bitmap().size(), 0u);
}

}  // namespace
}  // namespace waypost
