// Retention windows: kept in the folder, applied by every compaction.
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

using testing_support::TemporaryFolder;

constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::int64_t kNow = 1000 * kDay;

std::unique_ptr<Store> OpenOrFail(const std::string& folder) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder, {.access = StoreAccess::kWrite});
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

// An event of each of four kinds on each of 100 days up to now, and one of each kind without a time.
absl::Status AppendDays(Store& store) {
  std::vector<Event> events;
  for (const std::uint16_t kind : {kView, kLike, kComplete, kPay}) {
    for (std::int64_t day = 0; day < 100; ++day)
      events.push_back({.user = "u", .item = "i", .kind = kind, .value = {}, .time_us = kNow - day * kDay});
    events.push_back({.user = "u", .item = "i", .kind = kind});
  }
  return store.Append(events).status();
}

std::map<std::uint16_t, int> CountKinds(const Store& store) {
  std::map<std::uint16_t, int> counts;
  const EventLog log = store.Snapshot()->ReadLog().value();
  for (std::size_t n = 0; n < log.size(); ++n) ++counts[log.columns().kinds[n]];
  return counts;
}

TEST(Retention, HoldsForEveryCompactionAfterTheFolderIsOpenedAgain) {
  const TemporaryFolder folder;
  const Retention windows{.keep_us = 50 * kDay, .kinds = {{"view", 10 * kDay}, {"pay", std::nullopt}}};
  {
    const std::unique_ptr<Store> store = OpenOrFail(folder.path());
    EXPECT_TRUE(store->Snapshot()->ReadRetention()->unlimited());
    ASSERT_TRUE(AppendDays(*store).ok());
    ASSERT_TRUE(store->SetRetention(windows).ok());
    EXPECT_EQ(CountKinds(*store).at(kView), 101) << "nothing goes before a compaction";
  }
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  EXPECT_EQ(*store->Snapshot()->ReadRetention(), windows);
  EXPECT_EQ(store->Snapshot()->Stats()->retention, windows);
  const auto expect = [&](int view, int others, int pay) {
    const std::map<std::uint16_t, int> expected = {{kView, view}, {kLike, others}, {kComplete, others}, {kPay, pay}};
    EXPECT_EQ(CountKinds(*store), expected);
  };
  const absl::StatusOr<CompactReport> report = store->Compact({.now_us = kNow});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->events_dropped, 89u + 2 * 49u);
  expect(12, 52, 101);  // an event as old as its window stays, and so does the one without a time
  ASSERT_TRUE(store->Compact({.now_us = kNow + 5 * kDay}).ok());
  expect(7, 47, 101);
  ASSERT_TRUE(store->Compact({.now_us = kNow + 5 * kDay, .keep_from_us = kNow}).ok());
  expect(2, 2, 2);  // this once, over all kinds
  EXPECT_EQ(*store->Snapshot()->ReadRetention(), windows) << "compaction loses it";
  const StoreReport sound = VerifyStore(folder.path()).value();
  EXPECT_TRUE(sound.problems.empty());
  EXPECT_EQ(sound.retention, windows);
}

TEST(Retention, LeavesOutImpressionsByTheirKind) {
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  const std::vector<Impression> shown = {{.user = "u", .item = "i", .time_us = kNow - 40 * kDay},
                                         {.user = "u", .item = "i", .time_us = kNow - 20 * kDay},
                                         {.user = "u", .item = "i"},
                                         {.user = "u", .item = "i", .kind = kRemind, .time_us = kNow - 40 * kDay}};
  ASSERT_TRUE(store->AppendImpressions(shown).ok());
  ASSERT_TRUE(store->SetRetention({.kinds = {{"impression", 30 * kDay}}}).ok());
  ASSERT_TRUE(store->Compact({.now_us = kNow}).ok());
  EXPECT_EQ(*store->Snapshot()->ReadImpressions(0, 4), std::vector<Impression>(shown.begin() + 1, shown.end()));
}

TEST(Retention, IsNotPassedOverByACompactionThatDoesNotSayWhenItIs) {
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  ASSERT_TRUE(AppendDays(*store).ok());
  ASSERT_TRUE(store->SetRetention({.kinds = {{"pay", std::nullopt}}}).ok());
  EXPECT_TRUE(store->Compact().ok()) << "everything is kept for ever";
  ASSERT_TRUE(store->SetRetention({.kinds = {{"pay", 1}}}).ok());
  const absl::Status status = store->Compact().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find("CompactOptions.now_us"), std::string::npos) << status;
  EXPECT_EQ(CountKinds(*store).at(kPay), 101);
  // A window that begins before all time leaves nothing out.
  ASSERT_TRUE(store->SetRetention({.keep_us = std::numeric_limits<std::int64_t>::max()}).ok());
  ASSERT_TRUE(store->Compact({.now_us = -kNow}).ok());
  EXPECT_EQ(CountKinds(*store).at(kPay), 101);
}

TEST(Retention, RefusesWindowsOfNothingAndKindsThatAreNotThere) {
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  const Retention windows{.keep_us = kDay};
  ASSERT_TRUE(store->SetRetention(windows).ok());
  for (const Retention& wrong : {Retention{.keep_us = 0}, Retention{.keep_us = -1}, Retention{.kinds = {{"view", 0}}},
                                 Retention{.kinds = {{"bookmark", kDay}}}, Retention{.kinds = {{"", kDay}}}}) {
    const absl::Status status = store->SetRetention(wrong);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  }
  EXPECT_EQ(*store->Snapshot()->ReadRetention(), windows);
  ASSERT_TRUE(store->SetKind({.name = "bookmark", .weight = 2}).ok());
  EXPECT_TRUE(store->SetRetention({.kinds = {{"bookmark", kDay}}}).ok());
  const absl::StatusOr<std::unique_ptr<Store>> reader = Store::Open(folder.path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_TRUE(absl::IsFailedPrecondition((*reader)->SetRetention({})));
  EXPECT_EQ((*reader)->Snapshot()->ReadRetention()->kinds.count("bookmark"), 1u);
}

}  // namespace
}  // namespace waypost
