#include "waypost/matrix/weighting.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/matrix/user_history.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_support::LogOf;
using testing_support::RandomLog;

constexpr std::int64_t kDay = 86'400'000'000;

// The definition, with a map of pairs: a second writing of BuildInteractions without its sorting.
std::map<std::pair<std::uint32_t, std::uint32_t>, float> NaiveHistory(const EventLog& log,
                                                                      const WeightingOptions& options) {
  struct Met {
    std::int64_t time_us;
    std::size_t row;
    int sign;
    double strength;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Met>> pairs;
  for (std::size_t row = 0; row < log.size(); ++row) {
    const Kind& kind = log.kind(row);
    Met met{log.time_us(row), row, kind.role == Role::kPositive ? 1 : kind.role == Role::kNegative ? -1 : 0, 0};
    if (met.sign > 0) {
      const float value = log.value(row);
      met.strength = kind.weight;
      if (!std::isnan(value)) {
        if (options.transform == ValueTransform::kLinear) met.strength *= value;
        if (options.transform == ValueTransform::kLog1p) met.strength *= std::log1p(double{value});
        if (options.min_value && value < *options.min_value) met.strength = 0;
      }
      if (options.half_life_days > 0 && met.time_us != kNoTime)
        met.strength *=
            std::exp2(-std::max(0.0, double(*options.now_us - met.time_us)) / (options.half_life_days * kDay));
    }
    pairs[{log.columns().users[row], log.columns().items[row]}].push_back(met);
  }
  std::map<std::pair<std::uint32_t, std::uint32_t>, float> history;
  for (auto& [pair, all] : pairs) {
    std::sort(all.begin(), all.end(),
              [](const Met& a, const Met& b) { return std::pair(a.time_us, a.row) < std::pair(b.time_us, b.row); });
    double merged = 0;
    float code = 0;
    for (const Met& met : all) {
      if (met.sign < 0) code = -1;
      if (met.sign > 0 && met.strength > 0) {
        code = 1;
        if (options.duplicates == DuplicatePolicy::kSum) merged += static_cast<float>(met.strength);
        if (options.duplicates == DuplicatePolicy::kMax) merged = std::max(merged, met.strength);
        if (options.duplicates == DuplicatePolicy::kLast) merged = met.strength;
      }
      if (met.sign > 0 && met.strength == 0 && options.duplicates == DuplicatePolicy::kLast) code = 0;
    }
    history[pair] = code > 0 ? static_cast<float>(merged) : code;
  }
  return history;
}

TEST(Weighting, AgreesWithANaiveMapOfPairsOnRandomWorlds) {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    const EventLog log = RandomLog(seed, {.kinds = seed % 2 == 0, .values = seed % 3 != 0, .times = seed % 5 != 0});
    WeightingOptions options;
    options.transform = static_cast<ValueTransform>(seed % 3);
    options.duplicates = static_cast<DuplicatePolicy>(seed / 3 % 3);
    if (seed % 4 == 0) options.min_value = 3.0f;
    if (seed % 7 < 3) {
      options.half_life_days = 10;
      options.now_us = 50 * kDay;
    }
    const absl::StatusOr<Interactions> built = BuildInteractions(log, options);
    ASSERT_TRUE(built.ok()) << built.status();
    const auto naive = NaiveHistory(log, options);
    ASSERT_EQ(built->history.rows(), log.users().size());
    ASSERT_EQ(built->history.columns(), log.items().size());
    ASSERT_EQ(built->history.entries(), naive.size());
    std::size_t positives = 0;
    for (std::uint32_t user = 0; user < built->history.rows(); ++user) {
      const SparseRowView row = built->history.row(user);
      const SparseRowView positive = built->positives.user_item().row(user);
      std::size_t at = 0;
      for (std::size_t n = 0; n < row.size(); ++n) {
        const float expected = naive.at({user, row.columns[n]});
        EXPECT_EQ(row.value(n), expected);
        EXPECT_TRUE(n == 0 || row.columns[n - 1] < row.columns[n]);
        if (!(expected > 0)) continue;
        ASSERT_LT(at, positive.size());
        EXPECT_EQ(positive.columns[at], row.columns[n]);
        EXPECT_EQ(positive.value(at++), expected);
      }
      EXPECT_EQ(at, positive.size());
      positives += at;
    }
    EXPECT_EQ(built->positives.entries(), positives);
  }
}

TEST(UserHistory, EqualsTheUsersRowOfBuildInteractions) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const EventLog log = RandomLog(seed, {.kinds = seed % 2 == 0, .values = seed % 3 != 0, .times = seed % 5 != 0});
    const WeightingOptions options{.min_value = seed % 4 == 0 ? std::optional(2.0f) : std::nullopt,
                                   .duplicates = static_cast<DuplicatePolicy>(seed % 3),
                                   .half_life_days = seed % 2 == 0 ? 30.0 : 0.0,
                                   .now_us = 400 * kDay};
    const absl::StatusOr<Interactions> expected = BuildInteractions(log, options);
    ASSERT_TRUE(expected.ok()) << expected.status();
    std::vector<float> codes;
    for (std::uint32_t user = 0; user < log.users().size(); ++user) {
      std::vector<UserEvent> events;
      std::vector<MetItem> want;
      for (std::uint32_t row = 0; row < log.size(); ++row)
        if (log.columns().users[row] == user)
          events.push_back({.item = log.columns().items[row],
                            .order = row,
                            .time_us = log.time_us(row),
                            .value = log.value(row),
                            .kind = log.columns().kinds[row]});
      const SparseRowView row = expected->history.row(user);
      for (std::size_t n = 0; n < row.size(); ++n) {
        const auto completes = [&](const UserEvent& event) {
          return event.item == row.columns[n] && log.kinds().at(event.kind).completes;
        };
        want.push_back({row.columns[n], row.value(n), std::any_of(events.begin(), events.end(), completes)});
      }
      std::vector<MetItem> met;
      const absl::Status collected = CollectUserHistory(events, log.kinds(), options, met, codes);
      ASSERT_TRUE(collected.ok()) << collected;
      EXPECT_EQ(met, want);
    }
  }
  std::vector<UserEvent> twice = {{.item = 3}, {.item = 3, .order = 1}};
  std::vector<MetItem> met;
  std::vector<float> codes;
  EXPECT_FALSE(CollectUserHistory(twice, KindTable(), {.duplicates = DuplicatePolicy::kError}, met, codes).ok());
  twice[0].kind = 99;
  EXPECT_FALSE(CollectUserHistory(twice, KindTable(), {}, met, codes).ok());
}

TEST(Weighting, WithoutOptionsEveryPairIsOneAndNoValuesAreStored) {
  const absl::StatusOr<Interactions> built = BuildInteractions(LogOf({{"a", "x"}, {"a", "x"}, {"b", "y"}, {"a", "y"}}));
  ASSERT_TRUE(built.ok());
  EXPECT_FALSE(built->history.weighted());
  EXPECT_FALSE(built->positives.user_item().weighted());
  EXPECT_THAT(built->history.column_indices().span(), ElementsAre(0, 1, 1));
}

TEST(Weighting, DuplicatesFollowTheNamedPolicy) {
  const EventLog log = LogOf({{"a", "x", "rate", 4.0f, 3}, {"a", "x", "rate", 5.0f, 1}, {"a", "x", "rate", 2.0f, 2}});
  const auto strength = [&](DuplicatePolicy policy) {
    return BuildInteractions(log, {.transform = ValueTransform::kLinear, .duplicates = policy})
        ->history.row(0)
        .value(0);
  };
  EXPECT_EQ(strength(DuplicatePolicy::kMax), 5);
  EXPECT_EQ(strength(DuplicatePolicy::kSum), 11);
  EXPECT_EQ(strength(DuplicatePolicy::kLast), 4);
  const absl::Status refused = BuildInteractions(log, {.duplicates = DuplicatePolicy::kError}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("user 'a', item 'x'"));
}

TEST(Weighting, AMissingTimeIsNeutralInDecay) {
  const EventLog log = LogOf({{"a", "dated", "view", {}, 0}, {"a", "undated"}, {"a", "future", "view", {}, 90 * kDay}});
  const absl::StatusOr<Interactions> built = BuildInteractions(log, {.half_life_days = 30, .now_us = 60 * kDay});
  ASSERT_TRUE(built.ok());
  EXPECT_THAT(built->history.values().span(), ElementsAre(0.25f, 1.0f, 1.0f));
}

TEST(Weighting, AVeryOldEventIsWeakButNeverVanishes) {
  const EventLog log = LogOf({{"a", "x", "view", {}, std::numeric_limits<std::int64_t>::min() + 1}});
  const absl::StatusOr<Interactions> built =
      BuildInteractions(log, {.half_life_days = 1, .now_us = std::numeric_limits<std::int64_t>::max()});
  ASSERT_TRUE(built.ok());
  EXPECT_EQ(built->history.row(0).value(0), std::exp2(-60.0f));
}

TEST(Weighting, TheLatestOfApprovalAndRejectionDecides) {
  const EventLog log = LogOf({{"a", "came back", "dismiss"},
                              {"a", "came back", "view"},
                              {"a", "left", "like"},
                              {"a", "left", "dislike"},
                              {"a", "left", "impression"},
                              {"a", "shown", "impression"}});
  const absl::StatusOr<Interactions> built = BuildInteractions(log);
  ASSERT_TRUE(built.ok());
  EXPECT_THAT(built->history.values().span(), ElementsAre(1, -1, 0));
  EXPECT_EQ(built->positives.entries(), 1u);
}

TEST(Weighting, ARatingBelowTheThresholdIsSeenOnly) {
  const EventLog log = LogOf({{"a", "x", "rate", 3.5f}, {"a", "y", "rate", 4.0f}, {"a", "z", "rate"}});
  const absl::StatusOr<Interactions> built = BuildInteractions(log, {.min_value = 4.0f});
  ASSERT_TRUE(built.ok());
  EXPECT_THAT(built->history.values().span(), ElementsAre(0, 1, 1));
}

TEST(Weighting, AStrengthThatIsNotFiniteAndPositiveIsRefusedWithItsEvent) {
  KindTable kinds;
  ASSERT_TRUE(kinds.Set({"huge", std::numeric_limits<float>::max()}).ok());
  ASSERT_TRUE(kinds.Set({"nothing", 0}).ok());
  const auto refusal = [&](const testing_support::Row& row, const WeightingOptions& options) {
    const absl::Status status = BuildInteractions(LogOf({{"a", "x"}, row}, kinds), options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  const WeightingOptions linear{.transform = ValueTransform::kLinear};
  EXPECT_THAT(refusal({"b", "y", "view", -1.0f}, linear), HasSubstr("got -1 at event 1 (user 'b', item 'y'"));
  EXPECT_THAT(refusal({"b", "y", "view", 0.0f}, linear), HasSubstr("got 0 at event 1"));
  EXPECT_THAT(refusal({"b", "y", "view", -2.0f}, {.transform = ValueTransform::kLog1p}), HasSubstr("nan at event 1"));
  EXPECT_THAT(refusal({"b", "y", "huge", 10.0f}, linear), HasSubstr("at event 1"));
  EXPECT_THAT(refusal({"b", "y", "nothing"}, {}), HasSubstr("got 0 at event 1"));
  const EventLog twice = LogOf({{"a", "x", "huge"}, {"a", "x", "huge"}}, kinds);
  EXPECT_EQ(BuildInteractions(twice, {.duplicates = DuplicatePolicy::kSum}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Weighting, RefusesContradictoryOptions) {
  const EventLog log = LogOf({{"a", "x"}});
  for (const WeightingOptions& options :
       {WeightingOptions{.half_life_days = 30}, WeightingOptions{.half_life_days = -1, .now_us = 0},
        WeightingOptions{.half_life_days = std::nan(""), .now_us = 0}, WeightingOptions{.min_value = std::nanf("")}})
    EXPECT_EQ(BuildInteractions(log, options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Weighting, AnEmptyLogGivesAnEmptyMatrix) {
  const absl::StatusOr<Interactions> built = BuildInteractions(EventLog());
  ASSERT_TRUE(built.ok());
  EXPECT_EQ(built->history.rows(), 0u);
  EXPECT_EQ(built->positives.entries(), 0u);
}

TEST(Weighting, TheSameTextMayNameAUserAndAnItem) {
  const absl::StatusOr<Interactions> built = BuildInteractions(LogOf({{"7", "7"}, {"8", "7"}, {"7", "8"}}));
  ASSERT_TRUE(built.ok());
  EXPECT_THAT(built->history.column_indices().span(), ElementsAre(0, 1, 0));
}

}  // namespace
}  // namespace waypost
