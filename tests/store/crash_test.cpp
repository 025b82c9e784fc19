// kill -9 at a random moment of creation, recording, sealing, compaction, backup and publication: every acknowledged
// event is there, the published model is the one acknowledged last or the one on its way, nothing half-written is
// visible, and the next process goes on. Runs: $WAYPOST_CRASH_RUNS (20).
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/base/random.hpp"
#include "waypost/serve/engine.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

using testing_support::TemporaryFolder;

constexpr std::uint64_t kThreads = 3;

// What the writer tells through shared memory, which survives it.
struct Shared {
  std::atomic<std::uint64_t> acknowledged[kThreads];  // events of each thread
  std::atomic<std::uint64_t> sent[kThreads];
  std::atomic<std::uint64_t> published;  // models whose publication was acknowledged
  std::atomic<std::uint64_t> publishing;
};

// Thread `t` appends its events on from what the store has of it, in batches of 1 to 40.
void Record(Store& store, std::uint64_t t, Shared& shared) {
  const std::string user = "writer " + std::to_string(t);
  Random random(t);
  for (std::uint64_t next = shared.acknowledged[t]; true;) {
    const std::uint64_t count = 1 + random.Below(40);
    std::vector<std::string> items;
    for (std::uint64_t n = next; n < next + count; ++n) items.push_back("item " + std::to_string(n % 13));
    std::vector<Event> events;
    for (std::uint64_t n = 0; n < count; ++n)
      events.push_back({.user = user, .item = items[n], .time_us = static_cast<std::int64_t>(next + n)});
    shared.sent[t] = next + count;
    if (!store.Append(events, {.source = user, .first_sequence = next}).ok()) _exit(3);
    next += count;
    shared.acknowledged[t] = next;
  }
}

// A process that writes until it is killed.
[[noreturn]] void Write(const std::string& folder, Durability durability, Shared& shared) {
  const auto store =
      Store::Open(folder, {.access = StoreAccess::kWrite, .durability = durability, .seal_events = 2000});
  if (!store.ok()) _exit(2);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < kThreads; ++t) threads.emplace_back([&, t] { Record(**store, t, shared); });
  for (int n = 0;; ++n) {
    if (!(*store)->Compact().ok()) _exit(4);
    const std::string copy = folder + "-backup";
    std::error_code ignored;
    std::filesystem::remove_all(copy, ignored);
    if (!(*store)->Backup(copy).ok()) _exit(5);
    if (!(*store)->Seal().ok()) _exit(6);
  }
}

void ExpectWhole(const std::string& folder, const Shared& shared) {
  const absl::StatusOr<StoreReport> report = VerifyStore(folder);
  if (absl::IsNotFound(report.status()) && shared.acknowledged[0] == 0) return;
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->problems, std::vector<std::string>());
  const auto begin = std::chrono::steady_clock::now();
  const auto store = Store::Open(folder, {.access = StoreAccess::kWrite});
  ASSERT_TRUE(store.ok()) << store.status();
  const absl::StatusOr<StoreSnapshot> snapshot = (*store)->Snapshot();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const std::chrono::duration<double, std::milli> opened = std::chrono::steady_clock::now() - begin;
  static double slowest = 0;
  slowest = std::max(slowest, opened.count());
  testing::Test::RecordProperty("slowest_reopen_ms", std::to_string(slowest));
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    const std::string user = "writer " + std::to_string(t);
    std::vector<StoredEvent> events;
    const auto index = snapshot->FindUser(user);
    ASSERT_TRUE(index.ok());
    if (*index) {
      ASSERT_TRUE(snapshot->History(**index, events).ok());
    }
    ASSERT_GE(events.size(), shared.acknowledged[t]) << "an acknowledged event is lost";
    ASSERT_LE(events.size(), shared.sent[t]);
    ASSERT_EQ(*snapshot->NextSequence(user), events.size());
    for (std::size_t n = 0; n < events.size(); ++n) ASSERT_EQ(events[n].time_us, static_cast<std::int64_t>(n));
  }
}

// Two model files to be published in turn.
struct Models {
  std::string files[2];
  std::uint64_t fingerprints[2] = {};
};

// The models of two users that like different items.
Models MakeModels(const std::string& folder) {
  Models models;
  const auto engine = Engine::Open(folder + "/teacher", {.parallelism = Parallelism(1)});
  EXPECT_TRUE(engine.ok()) << engine.status();
  for (int n = 0; n < 2; ++n) {
    const std::string item = "item " + std::to_string(n);
    models.files[n] = folder + "/model" + std::to_string(n) + ".waypost";
    EXPECT_TRUE((*engine)->Record(std::vector<Event>{{.user = "teacher", .item = item, .time_us = n}}).ok());
    EXPECT_TRUE((*engine)->Train({.file = models.files[n], .model = PopularityOptions{}}).ok());
    EXPECT_TRUE((*engine)->Publish(models.files[n]).ok());
    models.fingerprints[n] = (*engine)->Stats()->model;
  }
  EXPECT_NE(models.fingerprints[0], models.fingerprints[1]);
  return models;
}

EngineOptions EngineOptionsOf(Durability durability) {
  return {.store = {.access = StoreAccess::kWrite, .durability = durability, .seal_events = 2000},
          .parallelism = Parallelism(1)};
}

// A process that publishes the two models in turn, while events come and the data file changes, until it is killed.
[[noreturn]] void Publish(const std::string& folder, Durability durability, const Models& models, Shared& shared) {
  const auto engine = Engine::Open(folder, EngineOptionsOf(durability));
  if (!engine.ok()) _exit(2);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < kThreads; ++t) threads.emplace_back([&, t] { Record((*engine)->store(), t, shared); });
  for (std::uint64_t next = shared.published;; ++next) {
    shared.publishing = next + 1;
    if (!(*engine)->Publish(models.files[next % 2]).ok()) _exit(4);
    shared.published = next + 1;
    if (next % 8 == 7 && !(*engine)->store().Compact().ok()) _exit(5);
  }
}

// The engine that opens the folder next answers with the model that was acknowledged last, or the one after it.
void ExpectPublished(const std::string& folder, const Models& models, Shared& shared) {
  const auto engine = Engine::Open(folder, EngineOptionsOf(Durability::kSync));
  ASSERT_TRUE(engine.ok()) << engine.status();
  const std::uint64_t model = (*engine)->Stats()->model;
  const auto fingerprint = [&](std::uint64_t count) { return count == 0 ? 0 : models.fingerprints[(count - 1) % 2]; };
  ASSERT_TRUE(model == fingerprint(shared.published) || model == fingerprint(shared.publishing))
      << "an acknowledged publication is lost: " << model;
  if (model != fingerprint(shared.published)) shared.published = shared.publishing.load();
  if (model == 0) return;
  const auto answer = (*engine)->Recommend({.query = {.user = "nobody", .n = 2}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->model, model);
  EXPECT_FALSE(answer->recommendation.items.empty());
}

// Starts writers on a store, kills each at a random moment, and looks at what is left. The last writer of a store has
// time until `begun`, if given, 20 s at most.
void KillWriters(const std::function<void(const std::string&, Durability, Shared&)>& write,
                 const std::function<void(const std::string&, Shared&)>& expect,
                 const std::function<bool(const Shared&)>& begun = {}) {
  const char* const wanted = std::getenv("WAYPOST_CRASH_RUNS");
  const int runs = wanted == nullptr ? 20 : std::atoi(wanted);
  void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Random random(5);
  std::unique_ptr<TemporaryFolder> folder;
  Shared* shared = nullptr;
  for (int run = 0; run < runs; ++run) {
    SCOPED_TRACE(run);
    if (run % 5 == 0) {  // a new store: its creation is interrupted too
      folder = std::make_unique<TemporaryFolder>();
      shared = new (memory) Shared{};
    }
    const std::string place = folder->path() + "/store";
    const pid_t child = fork();
    if (child == 0) write(place, run % 2 == 0 ? Durability::kSync : Durability::kFast, *shared);
    for (int n = 0; begun && run % 5 == 4 && n < 20'000 && !begun(*shared); ++n)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::microseconds(random.Below(run % 5 == 0 ? 15'000 : 60'000)));
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, WNOHANG), 0) << "the writer ended by itself: " << WEXITSTATUS(status);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    expect(place, *shared);
    if (testing::Test::HasFatalFailure()) break;
    // What was sent and kept, but not acknowledged, is where the next writer goes on.
    if (const auto reader = Store::Open(place); reader.ok())
      for (std::uint64_t t = 0; t < kThreads; ++t)
        shared->acknowledged[t] = *(*reader)->Snapshot()->NextSequence("writer " + std::to_string(t));
  }
  munmap(memory, sizeof(Shared));
}

TEST(Crash, NothingAcknowledgedIsLostWhereverTheWriterIsKilled) {
  KillWriters(Write, ExpectWhole);
}

TEST(Crash, APublishedModelIsTheOldOneOrTheNewOneWhereverThePublisherIsKilled) {
  const TemporaryFolder folder;
  const Models models = MakeModels(folder.path());
  if (HasFailure()) return;
  std::uint64_t most = 0;
  KillWriters([&](const std::string& place, Durability durability,
                  Shared& shared) { Publish(place, durability, models, shared); },
              [&](const std::string& place, Shared& shared) {
                ExpectWhole(place, shared);
                if (!testing::Test::HasFatalFailure()) ExpectPublished(place, models, shared);
                most = std::max(most, shared.published.load());
              },
              [](const Shared& shared) { return shared.published.load() > 0; });
  EXPECT_GT(most, 0u) << "no model was ever published";
}

}  // namespace
}  // namespace waypost
