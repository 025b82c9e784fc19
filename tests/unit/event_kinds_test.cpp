#include "waypost/event/kinds.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace waypost {
namespace {

TEST(KindTable, HasTheBuiltInKindsAtTheirNumbers) {
  const KindTable kinds;
  ASSERT_EQ(kinds.size(), 15u);
  const std::pair<const char*, BuiltInKind> expected[] = {{"view", kView},
                                                          {"start", kStart},
                                                          {"progress", kProgress},
                                                          {"complete", kComplete},
                                                          {"rate", kRate},
                                                          {"like", kLike},
                                                          {"pay", kPay},
                                                          {"dislike", kDislike},
                                                          {"ask", kAsk},
                                                          {"answer", kAnswer},
                                                          {"comment", kComment},
                                                          {"follow", kFollow},
                                                          {"impression", kImpression},
                                                          {"dismiss", kDismiss},
                                                          {"remind", kRemind}};
  for (const auto& [name, kind] : expected) {
    EXPECT_EQ(kinds.Find(name), kind);
    EXPECT_EQ(kinds.at(kind).name, name);
  }
  EXPECT_EQ(kinds.at(kDislike).role, Role::kNegative);
  EXPECT_EQ(kinds.at(kDismiss).role, Role::kNegative);
  EXPECT_EQ(kinds.at(kImpression).role, Role::kNeutral);
  EXPECT_TRUE(kinds.at(kPay).pays);
  EXPECT_TRUE(kinds.at(kComplete).completes);
}

TEST(KindTable, AddsNewKindsAndChangesKnownOnes) {
  KindTable kinds;
  EXPECT_EQ(*kinds.Set({"enrol-now", 2.5f, Role::kPositive, true, false}), 15);
  EXPECT_EQ(*kinds.Set({"view", 0.5f, Role::kNeutral}), kView);
  EXPECT_EQ(kinds.size(), 16u);
  EXPECT_EQ(kinds.at(15).weight, 2.5f);
  EXPECT_EQ(kinds.at(kView).weight, 0.5f);
  EXPECT_EQ(kinds.at(kView).role, Role::kNeutral);
}

TEST(KindTable, RefusesBadNamesAndWeights) {
  KindTable kinds;
  for (const std::string& name : {std::string(), std::string("View"), std::string("1st"), std::string("a b"),
                                  std::string("a\xC3\xA9"), std::string(65, 'a')})
    EXPECT_EQ(kinds.Set({name}).status().code(), absl::StatusCode::kInvalidArgument) << name;
  EXPECT_TRUE(kinds.Set({std::string(64, 'a')}).ok());
  EXPECT_TRUE(kinds.Set({"free", 0}).ok());
  for (const float weight : {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    EXPECT_EQ(kinds.Set({"x", weight}).status().code(), absl::StatusCode::kInvalidArgument) << weight;
}

}  // namespace
}  // namespace waypost
