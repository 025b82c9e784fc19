#include "waypost/base/search_range.hpp"

#include <gtest/gtest.h>

namespace waypost {
namespace {

TEST(SearchRange, PlacesAreValuesOnTheScaleOfTheRange) {
  EXPECT_EQ(ValueAt(LinearRange(0.2, 1), 0), "0.2");
  EXPECT_EQ(ValueAt(LinearRange(0.2, 1), 0.5), "0.6");
  EXPECT_EQ(ValueAt(LinearRange(0.2, 1), 1), "1");
  EXPECT_EQ(ValueAt(LogRange(0.001, 10), 0.5), "0.1");
  EXPECT_EQ(ValueAt(LogRange(0.001, 10), 0.3), "0.0158");  // three digits
  EXPECT_EQ(ValueAt(WholeLogRange(1, 100), 0.25), "3");    // 3.16
  EXPECT_EQ(ValueAt(ResourceRange(64, 1024), 1), "1024");
}

TEST(SearchRange, APlaceComesBackFromItsValueWithinTheRounding) {
  for (const SearchRange& range : {LinearRange(0, 1.5), LogRange(5e-4, 0.2), WholeLogRange(100, 1e6)})
    for (double place = 0; place <= 1; place += 0.05)
      EXPECT_NEAR(PlaceOf(range, ValueAt(range, place)).value(), place, 0.005);  // half a unit of the third digit
}

TEST(SearchRange, ValuesOutsideAreClampedAndTextThatIsNoNumberHasNoPlace) {
  EXPECT_EQ(PlaceOf(LogRange(0.001, 1), "0"), 0);
  EXPECT_EQ(PlaceOf(LogRange(0.001, 1), "7"), 1);
  EXPECT_EQ(PlaceOf(LinearRange(0, 1), "auto"), std::nullopt);
  EXPECT_EQ(PlaceOf(LinearRange(0, 1), ""), std::nullopt);
  EXPECT_EQ(PlaceOf(LinearRange(0, 1), "nan"), std::nullopt);
}

}  // namespace
}  // namespace waypost
