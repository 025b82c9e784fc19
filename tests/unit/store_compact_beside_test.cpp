// Compaction beside writers: they go on while the data file is copied, and what they add meanwhile is in the copy.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/user_table.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

using testing_support::TemporaryFolder;

// Nothing is sealed but by compactions; commits are not flushed, so that many fit beside one.
constexpr StoreOptions kWriter{.access = StoreAccess::kWrite, .durability = Durability::kFast, .seal_events = 0};

std::unique_ptr<Store> OpenOrFail(const std::string& folder) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder, kWriter);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

// Events n .. n + count - 1, whose times are their numbers and whose users are new now and then.
absl::Status AppendSome(Store& store, std::uint64_t first, std::uint64_t count) {
  std::vector<std::string> users, items;
  for (std::uint64_t n = first; n < first + count; ++n) {
    users.push_back("u" + std::to_string(n / 50));
    items.push_back("i" + std::to_string(n / 70));
  }
  std::vector<Event> events;
  for (std::uint64_t n = 0; n < count; ++n)
    events.push_back({.user = users[n], .item = items[n], .time_us = static_cast<std::int64_t>(first + n)});
  return store.Append(events, {.source = "test", .first_sequence = first}).status();
}

void ExpectEvents(const Store& store, std::uint64_t count) {
  const StoreSnapshot snapshot = store.Snapshot().value();
  EXPECT_EQ(*snapshot.NextSequence("test"), count);
  const EventLog log = snapshot.ReadLog().value();
  ASSERT_EQ(log.size(), count);
  for (std::uint64_t n = 0; n < count; ++n) {
    ASSERT_EQ(log.time_us(n), static_cast<std::int64_t>(n));
    ASSERT_EQ(log.user_id(n), "u" + std::to_string(n / 50));
    ASSERT_EQ(log.item_id(n), "i" + std::to_string(n / 70));
  }
}

TEST(CompactBeside, WritersGoOnWhileTheFileIsCopied) {
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  std::uint64_t sent = 300'000;
  ASSERT_TRUE(AppendSome(*store, 0, sent).ok());
  std::atomic<std::uint64_t> commits = 0;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (; !stop; sent += 3) {
      if (!AppendSome(*store, sent, 3).ok()) return;
      ++commits;
    }
  });
  // A compaction that keeps writers waiting lets the commits finish that had begun, and no more.
  std::uint64_t most = 0;
  for (int n = 0; n < 20 && most < 10; ++n) {
    const std::uint64_t before = commits;
    EXPECT_TRUE(store->Compact().ok());
    most = std::max(most, commits - before);
  }
  stop = true;
  writer.join();
  EXPECT_GE(most, 10u);
  ExpectEvents(*store, sent);
  EXPECT_TRUE(VerifyStore(folder.path())->problems.empty());
}

TEST(CompactBeside, TheCopyHasWhatWasAddedMeanwhileToEveryTable) {
  const TemporaryFolder folder;
  std::unique_ptr<Store> store = OpenOrFail(folder.path());
  std::uint64_t sent = 100'000;
  ASSERT_TRUE(AppendSome(*store, 0, sent).ok());
  std::atomic<bool> stop = false;
  std::uint64_t rounds = 0;
  std::thread writer([&] {
    for (; !stop; ++rounds, sent += 7) {
      const std::string n = std::to_string(rounds);
      CatalogueBuilder catalogue;
      CatalogueItem item;
      item.id = "course " + std::to_string(rounds % 5);
      item.title = n;
      UserTableBuilder users;
      Kind kind;
      kind.name = "kind-" + std::to_string(rounds % 30);
      const std::vector<Impression> shown = {{.request = rounds, .user = "seen " + n, .item = "i0", .time_us = 5},
                                             {.request = rounds, .user = "seen " + n, .item = "i1", .time_us = 100}};
      EXPECT_TRUE(AppendSome(*store, sent, 7).ok());
      EXPECT_TRUE(catalogue.Add(std::move(item)).ok());
      EXPECT_TRUE(store->PutCatalogue(std::move(catalogue).Build()).ok());
      EXPECT_TRUE(users.Add("u1", {{"round", n, std::nullopt}}).ok());
      if (rounds % 10 == 0) {
        EXPECT_TRUE(store->PutUserTable(std::move(users).Build()).ok());
      }
      EXPECT_TRUE(store->SetKind(kind).ok());
      EXPECT_TRUE(store->AppendImpressions(shown).ok());
      EXPECT_TRUE(store->PutModel({.name = "m" + n, .file = n}).ok());
      if (rounds > 0) {
        EXPECT_TRUE(store->DropModel("m" + std::to_string(rounds - 1)).ok());
      }
    }
  });
  for (int n = 0; n < 12; ++n) EXPECT_TRUE(store->Compact().ok());
  stop = true;
  writer.join();
  ASSERT_GT(rounds, 5u);
  const auto expect = [&](const Store& opened) {
    const std::string last = std::to_string(rounds - 1);
    ExpectEvents(opened, sent);
    const StoreSnapshot snapshot = opened.Snapshot().value();
    const Catalogue catalogue = snapshot.ReadCatalogue().value();
    ASSERT_EQ(catalogue.size(), 5u);
    EXPECT_EQ(catalogue.item(static_cast<std::uint32_t>((rounds - 1) % 5)).title, last);
    EXPECT_EQ(snapshot.ReadUserTable()->facts(0).size(), (rounds + 9) / 10);
    EXPECT_TRUE(snapshot.kinds().Find("kind-" + std::to_string(std::min<std::uint64_t>(rounds - 1, 29))));
    const std::vector<ModelRecord> models = snapshot.ReadModels().value();
    ASSERT_EQ(models.size(), 1u);
    EXPECT_EQ(models[0].file, last);
    const std::vector<Impression> shown = snapshot.ReadImpressions(0, snapshot.end_impression()).value();
    ASSERT_EQ(shown.size(), 2 * rounds);
    for (std::uint64_t n = 0; n < shown.size(); ++n) {
      ASSERT_EQ(shown[n].request, n / 2);
      ASSERT_EQ(shown[n].user, "seen " + std::to_string(n / 2));
    }
  };
  expect(*store);
  ASSERT_TRUE(store->Compact({.keep_from_us = 50}).ok());
  EXPECT_EQ(store->Snapshot()->event_count(), sent - 50);
  EXPECT_EQ(store->Snapshot()->ReadImpressions(0, 2 * rounds)->size(), rounds);
  store.reset();
  const StoreReport report = VerifyStore(folder.path()).value();
  EXPECT_EQ(report.problems, std::vector<std::string>());
  EXPECT_EQ(report.events, sent - 50);
}

}  // namespace
}  // namespace waypost
