// The laws of every split: nothing is lost, nothing leaks, values are conserved, order is kept, the seed decides.
#include "waypost/matrix/split.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/matrix/weighting.hpp"

namespace waypost {
namespace {

using testing_support::RandomLog;
using Splitter = std::function<absl::StatusOr<EventSplit>(const EventLog&, std::uint64_t seed)>;

const std::map<std::string, Splitter>& Splitters() {
  static const std::map<std::string, Splitter> splitters = {
      {"leave the last out", [](const EventLog& log, std::uint64_t) { return SplitLeaveOneOut(log); }},
      {"leave three out",
       [](const EventLog& log, std::uint64_t seed) {
         return SplitLeaveOneOut(log, {.which = LeaveOut::kRandom, .count = 3, .seed = seed});
       }},
      {"the last share", [](const EventLog& log, std::uint64_t) { return SplitLastShare(log); }},
      {"by user",
       [](const EventLog& log, std::uint64_t seed) { return SplitByUser(log, {.test_share = 0.3, .seed = seed}); }},
      {"by time", [](const EventLog& log, std::uint64_t) { return SplitByTime(log); }},
      {"random",
       [](const EventLog& log, std::uint64_t seed) { return SplitRandom(log, {.test_share = 0.25, .seed = seed}); }},
  };
  return splitters;
}

void ForEveryWorld(const std::function<void(const EventLog&, const std::string& name, const EventSplit&)>& check) {
  for (const auto& [name, splitter] : Splitters()) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      SCOPED_TRACE(name + ", seed " + std::to_string(seed));
      const EventLog log = RandomLog(seed, {.kinds = seed % 2 == 0, .values = true, .all_times = true});
      const absl::StatusOr<EventSplit> split = splitter(log, seed);
      ASSERT_TRUE(split.ok()) << split.status();
      check(log, name, *split);
    }
  }
}

TEST(SplitLaws, NothingIsLostAndTheOrderOfRowsIsKept) {
  ForEveryWorld([](const EventLog& log, const std::string&, const EventSplit& split) {
    std::vector<std::size_t> all;
    for (const auto* side : {&split.train, &split.fold_in, &split.test}) {
      EXPECT_TRUE(std::is_sorted(side->begin(), side->end()));
      all.insert(all.end(), side->begin(), side->end());
    }
    std::sort(all.begin(), all.end());
    ASSERT_EQ(all.size(), log.size());
    for (std::size_t row = 0; row < all.size(); ++row) EXPECT_EQ(all[row], row);
  });
}

TEST(SplitLaws, NoPairOfUserAndItemIsOnTwoSides) {
  ForEveryWorld([](const EventLog& log, const std::string&, const EventSplit& split) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::set<int>> sides;
    int side = 0;
    for (const auto* rows : {&split.train, &split.fold_in, &split.test}) {
      for (std::size_t row : *rows) sides[{log.columns().users[row], log.columns().items[row]}].insert(side);
      ++side;
    }
    for (const auto& [pair, on] : sides) EXPECT_EQ(on.size(), 1u);
  });
}

TEST(SplitLaws, ValuesTimesAndIdsAreConserved) {
  ForEveryWorld([](const EventLog& log, const std::string&, const EventSplit& split) {
    double total = 0;
    for (std::size_t row = 0; row < log.size(); ++row)
      if (!std::isnan(log.value(row))) total += log.value(row);
    double parts = 0;
    for (const auto* rows : {&split.train, &split.fold_in, &split.test}) {
      const EventLog part = log.Select(*rows);
      ASSERT_EQ(part.size(), rows->size());
      for (std::size_t n = 0; n < part.size(); ++n) {
        const std::size_t row = (*rows)[n];
        EXPECT_EQ(part.users().id(part.columns().users[n]), log.users().id(log.columns().users[row]));
        EXPECT_EQ(part.items().id(part.columns().items[n]), log.items().id(log.columns().items[row]));
        EXPECT_EQ(part.time_us(n), log.time_us(row));
        if (!std::isnan(part.value(n))) parts += part.value(n);
      }
    }
    EXPECT_EQ(parts, total);  // small whole numbers: exact in any order
  });
}

TEST(SplitLaws, CuttingTwiceGivesThreePartsOfWhichTheSecondComesFromTheFirstAlone) {
  for (const auto& [name, splitter] : Splitters()) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(name + ", seed " + std::to_string(seed));
      const EventLog log = RandomLog(seed, {.kinds = true, .values = true, .all_times = true});
      const EventSplit outer = *splitter(log, seed);
      const EventLog train = log.Select(outer.train), test = log.Select(outer.test);
      const absl::StatusOr<EventSplit> inner = splitter(train, seed);
      ASSERT_TRUE(inner.ok()) << inner.status();
      EXPECT_EQ(inner->train.size() + inner->fold_in.size() + inner->test.size() + outer.fold_in.size() + test.size(),
                log.size());
      std::set<std::pair<std::string, std::string>> tested;
      for (std::size_t row = 0; row < test.size(); ++row)
        tested.emplace(test.users().id(test.columns().users[row]), test.items().id(test.columns().items[row]));
      for (const auto* rows : {&inner->train, &inner->fold_in, &inner->test})
        for (std::size_t row : *rows)
          EXPECT_FALSE(tested.contains({std::string(train.users().id(train.columns().users[row])),
                                        std::string(train.items().id(train.columns().items[row]))}));
    }
  }
}

TEST(SplitLaws, TrainingKnowsNoIdOfAHeldOutUserAndNoMomentAfterTheCut) {
  ForEveryWorld([](const EventLog& log, const std::string& name, const EventSplit& split) {
    const EventLog train = log.Select(split.train);
    EXPECT_FALSE(split.test.empty());
    if (name == "by user") {
      for (const auto* rows : {&split.fold_in, &split.test})
        for (std::size_t row : *rows) EXPECT_FALSE(train.users().Find(log.users().id(log.columns().users[row])));
    } else {
      EXPECT_TRUE(split.fold_in.empty());
    }
    if (name == "by time") {
      std::int64_t last = kNoTime;
      for (std::size_t row = 0; row < train.size(); ++row) last = std::max(last, train.time_us(row));
      std::int64_t cut = last;  // each test pair reaches beyond the last training moment
      std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> latest;
      for (std::size_t row : split.test) {
        std::int64_t& time = latest[{log.columns().users[row], log.columns().items[row]}];
        time = std::max(time, log.time_us(row));
      }
      for (const auto& [pair, time] : latest) EXPECT_GT(time, cut);
    }
  });
}

TEST(SplitLaws, TheTestGetsOnlyPairsThatCanBePredicted) {
  ForEveryWorld([](const EventLog& log, const std::string& name, const EventSplit& split) {
    if (name == "by time") return;  // takes all there is after the cut
    const absl::StatusOr<Interactions> test = BuildInteractions(log.Select(split.test));
    ASSERT_TRUE(test.ok());
    EXPECT_EQ(test->positives.entries(), test->history.entries());
  });
}

TEST(SplitLaws, TheSameSeedGivesTheSameSplitAndAnotherSeedAnother) {
  const EventLog log = RandomLog(1, {.rows = 400, .users = 30, .all_times = true});
  for (const auto& [name, splitter] : Splitters()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(splitter(log, 5)->test, splitter(log, 5)->test);
    if (name == "leave the last out" || name == "the last share" || name == "by time") continue;
    EXPECT_NE(splitter(log, 5)->test, splitter(log, 6)->test);
  }
}

}  // namespace
}  // namespace waypost
