#include "waypost/matrix/weighting_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waypost {
namespace {

using testing::HasSubstr;

TEST(WeightingSettings, ReadBackAsTheyWereWritten) {
  for (const DuplicatePolicy duplicates :
       {DuplicatePolicy::kMax, DuplicatePolicy::kSum, DuplicatePolicy::kLast, DuplicatePolicy::kError})
    for (const ValueTransform transform : {ValueTransform::kNone, ValueTransform::kLinear, ValueTransform::kLog1p})
      for (const bool more : {false, true}) {
        WeightingOptions options{.transform = transform, .duplicates = duplicates};
        if (more) {
          options.min_value = 0.1f;
          options.half_life_days = 30.7;
          options.now_us = -5;
        }
        WeightingSettings settings = FormatWeighting(options);
        settings.emplace_back("kind", "ask=2");
        const std::optional<WeightingOptions> read = ParseWeighting(settings).value();
        ASSERT_TRUE(read.has_value());
        EXPECT_EQ(read->transform, transform);
        EXPECT_EQ(read->duplicates, duplicates);
        EXPECT_EQ(read->min_value, options.min_value);
        EXPECT_EQ(read->half_life_days, options.half_life_days);
        EXPECT_EQ(read->now_us, options.now_us);
      }
}

TEST(WeightingSettings, TellNothingWithoutThePolicyAndRefuseWhatIsNone) {
  EXPECT_EQ(ParseWeighting({}).value().has_value(), false);
  EXPECT_EQ(ParseWeighting({{"trained", "for a test"}}).value().has_value(), false);
  const auto message = [](const WeightingSettings& settings) {
    return std::string(ParseWeighting(settings).status().message());
  };
  EXPECT_THAT(message({{"duplicates", "mean"}}),
              HasSubstr("Weighting.duplicates: want a value of that name, got mean"));
  EXPECT_THAT(message({{"duplicates", "max"}, {"value_transform", "sqrt"}}), HasSubstr("sqrt"));
  EXPECT_THAT(message({{"duplicates", "max"}, {"min_value", "4x"}}), HasSubstr("4x"));
  EXPECT_THAT(message({{"duplicates", "max"}, {"half_life_days", "-1"}, {"now_us", "0"}}), HasSubstr("half_life_days"));
}

}  // namespace
}  // namespace waypost
