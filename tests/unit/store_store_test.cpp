// A store against a model of it in memory: what is appended, delivered again, sealed, merged, forgotten, compacted.
#include "waypost/store/store.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "support/files.hpp"
#include "support/worlds.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

using testing_support::LogOf;
using testing_support::RandomLog;
using testing_support::TemporaryFolder;

std::unique_ptr<Store> OpenOrFail(const std::string& folder, StoreOptions options = {}) {
  options.access = StoreAccess::kWrite;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder, options);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

StoreSnapshot SnapshotOf(const Store& store) {
  return store.Snapshot().value();
}

Event EventOf(const EventLog& log, std::size_t row) {
  Event event{.user = log.user_id(row), .item = log.item_id(row), .kind = log.columns().kinds[row]};
  if (!std::isnan(log.value(row))) event.value = log.value(row);
  if (log.time_us(row) != kNoTime) event.time_us = log.time_us(row);
  return event;
}

std::vector<Event> EventsOf(const EventLog& log, std::size_t begin, std::size_t end) {
  std::vector<Event> events;
  for (std::size_t row = begin; row < end; ++row) events.push_back(EventOf(log, row));
  return events;
}

void ExpectSameLog(const EventLog& got, const EventLog& want) {
  ASSERT_EQ(got.size(), want.size());
  ASSERT_EQ(got.users().size(), want.users().size());
  ASSERT_EQ(got.items().size(), want.items().size());
  for (std::uint32_t user = 0; user < want.users().size(); ++user)
    ASSERT_EQ(got.users().id(user), want.users().id(user));
  for (std::uint32_t item = 0; item < want.items().size(); ++item)
    ASSERT_EQ(got.items().id(item), want.items().id(item));
  EXPECT_EQ(got.columns().users, want.columns().users);
  EXPECT_EQ(got.columns().items, want.columns().items);
  EXPECT_EQ(got.columns().kinds, want.columns().kinds);
  EXPECT_EQ(got.columns().values, want.columns().values);
  EXPECT_EQ(got.columns().times_us, want.columns().times_us);
}

// What each user did, by rows of a log, in its order.
std::vector<std::vector<StoredEvent>> HistoriesOf(const EventLog& log) {
  std::vector<std::vector<StoredEvent>> histories(log.users().size());
  for (std::size_t row = 0; row < log.size(); ++row)
    histories[log.columns().users[row]].push_back(
        {ItemIndex{log.columns().items[row]}, log.columns().kinds[row], log.value(row), log.time_us(row)});
  return histories;
}

void ExpectHistories(const StoreSnapshot& snapshot, const EventLog& want) {
  const std::vector<std::vector<StoredEvent>> histories = HistoriesOf(want);
  for (std::uint32_t user = 0; user < histories.size(); ++user) {
    std::vector<StoredEvent> events;
    ASSERT_TRUE(snapshot.History(UserIndex{user}, events).ok());
    ASSERT_EQ(events, histories[user]) << user;
  }
}

void ExpectSound(const std::string& folder) {
  const absl::StatusOr<StoreReport> report = VerifyStore(folder);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->problems, std::vector<std::string>());
}

TEST(Store, KeepsWhatIsAppendedInChunksAndSegmentsAndAfterOpeningAgain) {
  for (const bool facts : {false, true}) {
    SCOPED_TRACE(facts);
    const EventLog log =
        RandomLog(7, {.rows = 9000, .users = 300, .items = 70, .kinds = facts, .values = facts, .times = facts});
    const TemporaryFolder folder;
    {
      const std::unique_ptr<Store> store = OpenOrFail(folder.path() + "/store");
      // Batches of many sizes: they open chunks, are joined to them and exceed them.
      std::size_t row = 0;
      for (std::size_t size = 1; row < 4000; size = size * 3 / 2 + 1, row += 0) {
        const std::size_t end = std::min<std::size_t>(4000, row + size);
        const absl::StatusOr<AppendResult> added = store->Append(EventsOf(log, row, end));
        ASSERT_TRUE(added.ok()) << added.status();
        EXPECT_EQ(added->accepted, end - row);
        EXPECT_EQ(added->first_row, row);
        row = end;
      }
      {
        const StoreSnapshot early = SnapshotOf(*store);
        ASSERT_TRUE(store->Append(EventsOf(log, row, 6000)).ok());
        EXPECT_EQ(early.event_count(), 4000u) << "a snapshot saw what came later";
        EXPECT_EQ(early.ReadLog()->size(), 4000u);
      }
      ASSERT_TRUE(store->Seal().ok());
      EXPECT_EQ(SnapshotOf(*store).Stats()->chunks, 0u);
      ASSERT_TRUE(store->Append(EventsOf(log, 6000, 9000)).ok());
      const StoreSnapshot snapshot = SnapshotOf(*store);
      EXPECT_EQ(snapshot.Stats()->sealed_events, 6000u);
      ExpectSameLog(*snapshot.ReadLog(Parallelism(2)), log);
      ExpectHistories(snapshot, log);
    }
    absl::StatusOr<std::unique_ptr<Store>> reader = Store::Open(folder.path() + "/store");
    ASSERT_TRUE(reader.ok()) << reader.status();
    const StoreSnapshot snapshot = SnapshotOf(**reader);
    ExpectSameLog(*snapshot.ReadLog(), log);
    ExpectHistories(snapshot, log);
    EXPECT_EQ(snapshot.FindUser(log.users().id(5))->value().value, 5u);
    EXPECT_EQ(snapshot.FindItem("nobody's")->has_value(), false);
    EXPECT_EQ(*snapshot.UserId(UserIndex{5}), log.users().id(5));
    EXPECT_EQ((*reader)->Append({}).status().code(), absl::StatusCode::kFailedPrecondition);
    // Any range of rows, also one that begins inside a segment.
    for (const auto& [first, last] : {std::pair(10u, 11u), std::pair(5990u, 6020u), std::pair(0u, 9000u)}) {
      EventColumns columns;
      std::vector<std::uint64_t> rows;
      ASSERT_TRUE(snapshot.ReadRows(first, last, Parallelism(1), columns, &rows).ok());
      ASSERT_EQ(rows.size(), last - first);
      for (std::size_t n = 0; n < rows.size(); ++n) {
        EXPECT_EQ(rows[n], first + n);
        EXPECT_EQ(columns.items[n], log.columns().items[first + n]);
      }
      EventColumns without_rows;
      ASSERT_TRUE(snapshot.ReadRows(first, last, Parallelism(1), without_rows).ok());
      EXPECT_EQ(without_rows.users, columns.users);
      EXPECT_EQ(without_rows.times_us, columns.times_us);
    }
    ExpectSound(folder.path() + "/store");
  }
}

TEST(Store, CountsWhatIsDeliveredAgainOnce) {
  const EventLog log = RandomLog(3, {.rows = 100});
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  ASSERT_TRUE(store->Append(EventsOf(log, 0, 40), {.source = "web", .first_sequence = 0}).ok());
  const absl::StatusOr<AppendResult> again =
      store->Append(EventsOf(log, 20, 60), {.source = "web", .first_sequence = 20});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->repeated, 20u);
  EXPECT_EQ(again->accepted, 20u);
  ASSERT_TRUE(store->Append(EventsOf(log, 60, 61), {.source = "app", .first_sequence = 0}).ok());
  const std::vector<std::uint64_t> sequences = {58, 59, 70, 71};
  const absl::StatusOr<AppendResult> gaps =
      store->Append(EventsOf(log, 61, 65), {.source = "web", .sequences = sequences});
  ASSERT_TRUE(gaps.ok()) << gaps.status();
  EXPECT_EQ(gaps->repeated, 2u);
  EXPECT_EQ(*SnapshotOf(*store).NextSequence("web"), 72u);
  EXPECT_EQ(*SnapshotOf(*store).NextSequence("app"), 1u);
  EXPECT_EQ(*SnapshotOf(*store).NextSequence("none"), 0u);
  EXPECT_EQ(SnapshotOf(*store).event_count(), 63u);
  const std::vector<std::uint64_t> falling = {9, 8};
  EXPECT_EQ(store->Append(EventsOf(log, 0, 2), {.source = "web", .sequences = falling}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Store, TakesABatchWholeOrNotAtAll) {
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  const std::vector<Event> bad[] = {
      {{.user = "u", .item = "i"}, {.user = "", .item = "i"}},
      {{.user = "u", .item = "\xC3\x28"}},
      {{.user = "u", .item = "i", .kind = 15}},
      {{.user = "u", .item = "i", .value = std::numeric_limits<float>::infinity()}},
      {{.user = std::string_view(), .item = "i"}},
  };
  for (const std::vector<Event>& events : bad) {
    const absl::Status status = store->Append(events).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_TRUE(std::string(status.message()).starts_with("event ")) << status;
  }
  EXPECT_EQ(SnapshotOf(*store).user_count(), 0u) << "a refused event left its user";
  const std::vector<Event> two_bad = {
      {.user = "u", .item = "i"}, {.user = "\xC3", .item = "i"}, {.user = "", .item = "i"}};
  EXPECT_TRUE(std::string(store->Append(two_bad).status().message()).starts_with("event 1:")) << "not the first";
  EXPECT_EQ(*store->SetKind({.name = "share", .weight = 2}), 15);
  EXPECT_TRUE(store->Append(bad[2]).ok());
  EXPECT_EQ(SnapshotOf(*store).kinds().at(15).name, "share");
  EXPECT_EQ(SnapshotOf(*store).event_count(), 1u);
}

TEST(Store, CommitsThreadsTogetherAndLosesNothing) {
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path(), {.durability = Durability::kFast, .seal_events = 700});
  constexpr int kThreads = 8, kEach = 400;
  std::vector<std::thread> threads;
  std::vector<int> failures(kThreads);
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int n = 0; n < kEach; ++n) {
        const std::string user = "u" + std::to_string(t), item = "i" + std::to_string(n);
        const Event event{.user = user, .item = item, .time_us = n};
        const auto added =
            store->Append({&event, 1}, {.source = user, .first_sequence = static_cast<std::uint64_t>(n)});
        if (!added.ok()) ++failures[static_cast<std::size_t>(t)];
        if (n % 50 != 0) continue;
        // What is acknowledged is there at once, for the thread that wrote it.
        const auto snapshot = store->Snapshot();
        std::vector<StoredEvent> events;
        if (!snapshot.ok() || !snapshot->History(snapshot->FindUser(user)->value(), events).ok() ||
            events.size() != static_cast<std::size_t>(n) + 1)
          ++failures[static_cast<std::size_t>(t)];
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, std::vector<int>(kThreads));
  const StoreSnapshot snapshot = SnapshotOf(*store);
  EXPECT_EQ(snapshot.event_count(), static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_GT(snapshot.Stats()->sealed_events, 0u);
  for (int t = 0; t < kThreads; ++t) {
    std::vector<StoredEvent> events;
    ASSERT_TRUE(snapshot.History(snapshot.FindUser("u" + std::to_string(t))->value(), events).ok());
    ASSERT_EQ(events.size(), static_cast<std::size_t>(kEach));
    for (int n = 0; n < kEach; ++n) EXPECT_EQ(events[static_cast<std::size_t>(n)].time_us, n);
  }
  EXPECT_LT(snapshot.version(), static_cast<std::uint64_t>(kThreads * kEach));
  ExpectSound(folder.path());
}

TEST(Store, LoadsLogsIntoSegmentsMergesThemAndGoesOnAfterAnInterruption) {
  const EventLog log =
      RandomLog(11, {.rows = 150'000, .users = 9000, .items = 400, .kinds = true, .values = true, .times = true});
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  std::vector<std::size_t> first;  // the log in two parts, as after a crash between two commits
  for (std::size_t row = 0; row < 80'000; ++row) first.push_back(row);
  ASSERT_TRUE(store->AppendLog(log.Select(first), "file").ok());
  const absl::StatusOr<AppendResult> rest = store->AppendLog(log, "file");
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->repeated, 80'000u);
  EXPECT_EQ(rest->accepted, 70'000u);
  EXPECT_EQ(SnapshotOf(*store).Stats()->segments, 2u);
  ExpectSameLog(*SnapshotOf(*store).ReadLog(Parallelism(2)), log);
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_EQ(SnapshotOf(*store).Stats()->segments, 1u);
  ExpectSameLog(*SnapshotOf(*store).ReadLog(), log);
  ExpectHistories(SnapshotOf(*store), log);
  EXPECT_LE(static_cast<double>(SnapshotOf(*store).Stats()->event_bytes), 14.0 * 150'000);
  ExpectSound(folder.path());
}

TEST(Store, SealsAndMergesStepByStepWhileEventsCome) {
  const EventLog log = RandomLog(5, {.rows = 60'000, .users = 500, .items = 90, .kinds = true, .times = true});
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store =
      OpenOrFail(folder.path(), {.durability = Durability::kFast, .seal_events = 4000});
  for (std::size_t row = 0; row < log.size(); row += 500) {
    ASSERT_TRUE(store->Append(EventsOf(log, row, row + 500)).ok());
    if (row == 30'000) ExpectHistories(SnapshotOf(*store), LogOf({}));
  }
  EXPECT_LT(SnapshotOf(*store).Stats()->segments, 10u) << "eight of a size become one";
  EXPECT_LT(SnapshotOf(*store).Stats()->chunks, 12u);
  absl::StatusOr<bool> more = store->Maintain();
  while (more.ok() && *more) more = store->Maintain();
  ASSERT_TRUE(more.ok()) << more.status();
  ExpectSameLog(*SnapshotOf(*store).ReadLog(Parallelism(2)), log);
  ExpectHistories(SnapshotOf(*store), log);
  ExpectSound(folder.path());
}

TEST(Store, ForgetsAUserAtOnceAndItsBytesWithCompaction) {
  const EventLog log = RandomLog(2, {.rows = 3000, .users = 40, .items = 20, .kinds = true, .times = true});
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  ASSERT_TRUE(store->Append(EventsOf(log, 0, 2000)).ok());
  const std::string secret = "user-to-be-forgotten";
  std::vector<Event> events = EventsOf(log, 2000, 2100);
  for (std::size_t n = 0; n < events.size(); n += 10) events[n].user = secret;
  ASSERT_TRUE(store->Append(events).ok());
  UserTableBuilder facts;
  ASSERT_TRUE(facts.Add(secret, {{"city", "a-city-to-be-forgotten", std::nullopt}}).ok());
  ASSERT_TRUE(facts.Add("u1", {{"city", "Turin", std::nullopt}}).ok());
  ASSERT_TRUE(store->PutUserTable(std::move(facts).Build()).ok());
  ASSERT_TRUE(store
                  ->AppendImpressions(std::vector<Impression>{{.user = secret, .item = "i1", .time_us = 5},
                                                              {.user = "u1", .item = "i2", .rank = 1, .time_us = 6}})
                  .ok());
  const UserIndex index = SnapshotOf(*store).FindUser(secret)->value();
  ASSERT_TRUE(store->PutModel({.name = "before", .user_count = 5}).ok());
  ASSERT_TRUE(store->PutModel({.name = "now", .user_count = SnapshotOf(*store).user_count()}).ok());

  const absl::StatusOr<ForgetReport> report = store->Forget(secret);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->events, 10u);
  EXPECT_EQ(report->impressions, 1u);
  EXPECT_EQ(report->models, std::vector<std::string>{"now"});
  EXPECT_EQ(store->Forget(secret).status().code(), absl::StatusCode::kNotFound);
  const auto expect_gone = [&](const StoreSnapshot& snapshot) {
    EXPECT_FALSE(snapshot.FindUser(secret)->has_value());
    EXPECT_EQ(*snapshot.UserId(index), "");
    std::vector<StoredEvent> history;
    EXPECT_TRUE(snapshot.History(index, history).ok());
    EXPECT_TRUE(history.empty());
    EXPECT_FALSE(snapshot.ReadLog()->users().Find(secret).has_value());
    EXPECT_EQ(snapshot.ReadLog()->size(), snapshot.event_count());
    EXPECT_FALSE(snapshot.ReadUserTable()->Find(secret).has_value());
    const auto impressions = snapshot.ReadImpressions(0, snapshot.end_impression());
    EXPECT_EQ(impressions->size(), 1u);
    EXPECT_EQ(impressions->at(0).user, "u1");
    EXPECT_TRUE(snapshot.IsForgotten(index));
  };
  expect_gone(SnapshotOf(*store));
  EXPECT_EQ(SnapshotOf(*store).event_count(), 2090u);

  // Whatever stands for a forgotten id, no text reaches it.
  const std::string no_text = '\xFF' + std::to_string(index.value);
  EXPECT_FALSE(SnapshotOf(*store).FindUser(no_text)->has_value());
  const Event imposter{.user = no_text, .item = "i3"};
  EXPECT_EQ(store->Append({&imposter, 1}).status().code(), absl::StatusCode::kInvalidArgument);

  // The same person comes back as somebody new, and is forgotten again.
  const Event again{.user = secret, .item = "i3"};
  ASSERT_TRUE(store->Append({&again, 1}).ok());
  const UserIndex second = SnapshotOf(*store).FindUser(secret)->value();
  EXPECT_GT(second, index);
  ASSERT_TRUE(store->Forget(secret).ok());
  expect_gone(SnapshotOf(*store));
  ExpectSound(folder.path());

  const EventLog before = *SnapshotOf(*store).ReadLog();
  const absl::StatusOr<CompactReport> compacted = store->Compact();
  ASSERT_TRUE(compacted.ok()) << compacted.status();
  EXPECT_EQ(compacted->events_dropped, 11u);
  expect_gone(SnapshotOf(*store));
  ExpectSameLog(*SnapshotOf(*store).ReadLog(), before);
  EXPECT_EQ(*SnapshotOf(*store).FindUser(log.users().id(3)), UserIndex{3}) << "an index changed";
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(bytes.find("to-be-forgotten"), std::string::npos) << entry.path();
  }
  ASSERT_TRUE(store->Append({&again, 1}).ok());
  EXPECT_GT(SnapshotOf(*store).FindUser(secret)->value(), second) << "an index was used again";
  ExpectSound(folder.path());
}

TEST(Store, CompactionKeepsTheRetentionWindowSnapshotsAndRows) {
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  std::vector<std::string> users;
  for (int n = 0; n < 3000; ++n) users.push_back("u" + std::to_string(n % 17));
  std::vector<Event> events;
  for (std::size_t n = 0; n < users.size(); ++n) {
    events.push_back({.user = users[n], .item = "i"});
    if (n % 3 != 0) events.back().time_us = static_cast<std::int64_t>(n % 100);
  }
  ASSERT_TRUE(store->Append(events).ok());
  const StoreSnapshot old = SnapshotOf(*store);
  const absl::StatusOr<CompactReport> report = store->Compact({.keep_from_us = 50});
  ASSERT_TRUE(report.ok()) << report.status();
  std::vector<std::uint64_t> kept;
  for (std::size_t n = 0; n < users.size(); ++n)
    if (n % 3 == 0 || n % 100 >= 50) kept.push_back(n);
  EXPECT_EQ(report->events_dropped, users.size() - kept.size());
  EXPECT_EQ(old.ReadLog()->size(), users.size()) << "a snapshot lost what it saw";
  const StoreSnapshot snapshot = SnapshotOf(*store);
  EventColumns columns;
  std::vector<std::uint64_t> rows;
  ASSERT_TRUE(snapshot.ReadRows(0, snapshot.end_row(), Parallelism(1), columns, &rows).ok());
  EXPECT_EQ(rows, kept);
  EXPECT_EQ(snapshot.end_row(), users.size());
  ASSERT_TRUE(store->Append(std::span(events).first(2)).ok());
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_EQ(SnapshotOf(*store).event_count(), kept.size() + 2);
  ASSERT_TRUE(store->Compact().ok());
  EXPECT_EQ(SnapshotOf(*store).ReadLog()->size(), kept.size() + 2);
  ExpectSound(folder.path());
}

TEST(Store, KeepsCatalogueFactsImpressionsAndModels) {
  const TemporaryFolder folder;
  const std::unique_ptr<Store> store = OpenOrFail(folder.path());
  const auto item = [](std::string id) {
    CatalogueItem bare;
    bare.id = std::move(id);
    return bare;
  };
  CatalogueItem course = item("c1");
  course.title = "Soldering";
  course.texts = {"a", ""};
  course.tags = {"x"};
  course.price = 4.5f;
  course.prerequisites = {"c0"};
  course.available_until_us = -7;
  course.attributes = {{"room", "12"}};
  CatalogueBuilder first;
  ASSERT_TRUE(first.Add(item("c0")).ok());
  ASSERT_TRUE(first.Add(course).ok());
  ASSERT_TRUE(store->PutCatalogue(std::move(first).Build()).ok());
  const std::uint64_t version = SnapshotOf(*store).catalogue_version();
  course.title = "Brazing";
  CatalogueBuilder second;
  ASSERT_TRUE(second.Add(course).ok());
  ASSERT_TRUE(second.Add(item("c2")).ok());
  ASSERT_TRUE(store->PutCatalogue(std::move(second).Build()).ok());
  EXPECT_NE(SnapshotOf(*store).catalogue_version(), version);
  const Catalogue catalogue = *SnapshotOf(*store).ReadCatalogue();
  ASSERT_EQ(catalogue.size(), 3u);
  EXPECT_EQ(catalogue.item(1), course);
  EXPECT_EQ(catalogue.item(2).id, "c2");

  for (int twice = 0; twice < 2; ++twice) {
    UserTableBuilder users;
    ASSERT_TRUE(users.Add("u", {{"level", "2", 20}, {"level", "1", std::nullopt}}).ok());
    ASSERT_TRUE(store->PutUserTable(std::move(users).Build()).ok());
  }
  const UserTable table = *SnapshotOf(*store).ReadUserTable();
  EXPECT_EQ(table.facts(0).size(), 2u) << "a fact that was there counted again";
  EXPECT_EQ(table.Value(0, "level", 10), "1");

  std::vector<Impression> shown;
  for (int n = 0; n < 700; ++n)
    shown.push_back({.request = 9,
                     .user = "u" + std::to_string(n % 3),
                     .item = "c1",
                     .kind = kRemind,
                     .rank = static_cast<std::uint16_t>(n),
                     .propensity = 0.5f,
                     .model = 77,
                     .time_us = n});
  ASSERT_TRUE(store->AppendImpressions(std::span(shown).first(10)).ok());
  ASSERT_TRUE(store->AppendImpressions(std::span(shown).subspan(10)).ok());
  EXPECT_EQ(*SnapshotOf(*store).ReadImpressions(0, 700), shown);
  EXPECT_EQ(SnapshotOf(*store).ReadImpressions(8, 12)->front(), shown[8]);
  EXPECT_EQ(SnapshotOf(*store).ReadImpressions(8, 12)->size(), 4u);
  shown[0].propensity = 0;
  EXPECT_EQ(store->AppendImpressions(shown).code(), absl::StatusCode::kInvalidArgument);

  const ModelRecord model{.name = "m", .file = "m.waypost", .fingerprint = 5, .user_count = 3, .published_us = -4};
  ASSERT_TRUE(store->PutModel(model).ok());
  EXPECT_EQ(*SnapshotOf(*store).ReadModels(), std::vector<ModelRecord>{model});
  ASSERT_TRUE(store->Compact().ok());
  EXPECT_EQ(SnapshotOf(*store).ReadCatalogue()->item(1), course);
  EXPECT_EQ(*SnapshotOf(*store).ReadModels(), std::vector<ModelRecord>{model});
  EXPECT_EQ(SnapshotOf(*store).ReadImpressions(0, 700)->size(), 700u);
  ASSERT_TRUE(store->DropModel("m").ok());
  EXPECT_EQ(store->DropModel("m").code(), absl::StatusCode::kNotFound);
  ExpectSound(folder.path());
}

}  // namespace
}  // namespace waypost
