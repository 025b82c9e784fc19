// A backend that never rests: several threads record, deliver again, recommend, train, publish, compact, forget and
// back up, for $WAYPOST_SOAK_SECONDS (60; 10 under a sanitizer). Every event is kept in a ledger by source and sequence
// number, and the store is compared with it again and again: nothing is lost, nothing stays that should have gone, no
// call fails; the data file stays bounded after compaction and, without a sanitizer, resident memory stays flat.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/base/random.hpp"
#include "waypost/serve/engine.hpp"
#include "waypost/store/verify.hpp"

namespace waypost {
namespace {

using testing_support::TemporaryFolder;

constexpr std::uint64_t kWriters = 2;
constexpr std::uint64_t kUsers = 300;             // of each writer
constexpr std::uint64_t kItems = 400;             // of all
constexpr std::int64_t kRetainedEvents = 20'000;  // the retention window, in ticks of the clock
// What the window's events, 300 users at each of two writers and the impressions may take.
constexpr std::uint64_t kMostBytes = std::uint64_t{2} << 20;
#ifdef WAYPOST_SANITIZED
constexpr bool kSanitized = true;
constexpr int kDefaultSeconds = 10;
#else
constexpr bool kSanitized = false;
constexpr int kDefaultSeconds = 60;
#endif

std::uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string UserName(std::uint64_t writer, std::uint64_t user) {
  return "w" + std::to_string(writer) + " u" + std::to_string(user);
}
std::string ItemName(std::uint64_t item) {
  return "course " + std::to_string(item);
}

// An event that was acknowledged. Every tick of the soak's clock belongs to one event.
struct Entry {
  std::int64_t tick;
  std::uint64_t sequence;
  std::uint32_t user;

  friend bool operator<(const Entry& a, const Entry& b) { return a.tick < b.tick; }
};

struct Writer {
  std::string source;
  std::uint64_t next_sequence = 0;
  std::deque<Entry> entries;  // by tick
  Random random{0};
};

class Soak : public testing::Test {
 protected:
  void SetUp() override {
    const char* const wanted = std::getenv("WAYPOST_SOAK_SECONDS");
    seconds_ = wanted == nullptr ? kDefaultSeconds : std::atoi(wanted);
    ASSERT_GT(seconds_, 0);
    EngineOptions options;
    options.store = {.access = StoreAccess::kWrite, .seal_events = 20'000};
    options.parallelism = Parallelism(1);
    options.clock_us = [this] { return clock_.load(); };
    engine_ = Open(options);
    ASSERT_NE(engine_, nullptr);
    for (std::uint64_t w = 0; w < kWriters; ++w) {
      writers_[w].source = "writer " + std::to_string(w);
      writers_[w].random = Random(w);
      for (int n = 0; n < 20; ++n) Record(writers_[w], w, 100);
    }
    Publish();
    options.store.access = StoreAccess::kRead;
    reader_ = Open(options);
    ASSERT_NE(reader_, nullptr);
    begin_ = std::chrono::steady_clock::now();
  }

  std::unique_ptr<Engine> Open(const EngineOptions& options) {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(folder_.path() + "/store", options);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return engine.ok() ? std::move(*engine) : nullptr;
  }

  double Elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  bool Goes() const { return Elapsed() < seconds_ && !HasFailure(); }
  void Rest(int milliseconds) const {
    for (int n = 0; n < milliseconds && Goes(); n += 20)
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min(20, milliseconds)));
  }

  void Write(std::uint64_t w);
  void Record(Writer& writer, std::uint64_t w, std::uint64_t count);
  void Forget(Writer& writer, std::uint64_t w, std::uint32_t user);
  void Ask(Engine& engine, std::uint64_t seed, bool reload);
  void Publish();
  void Train();
  void Back();
  void CheckBackup(const std::string& folder) const;
  void Compact();
  void Compare();
  void ExpectFlatMemory() const;

  TemporaryFolder folder_;
  int seconds_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::atomic<std::int64_t> clock_{1};
  std::shared_mutex pause_;  // whoever changes events shares it
  Writer writers_[kWriters];
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Engine> reader_;
  std::vector<std::uint64_t> compacted_bytes_;
  std::vector<std::uint64_t> resident_bytes_;
  std::atomic<std::uint64_t> answers_{0};
  std::uint64_t published_ = 0;
  std::uint64_t backups_ = 0;
};

// Records events of the writer's users, now and then a second time.
void Soak::Record(Writer& writer, std::uint64_t w, std::uint64_t count) {
  const std::int64_t tick = clock_.fetch_add(static_cast<std::int64_t>(count));
  std::vector<std::string> users;
  std::vector<std::string> items;
  std::vector<Event> events;
  std::vector<Entry> entries;
  for (std::uint64_t n = 0; n < count; ++n) {
    const auto user = static_cast<std::uint32_t>(writer.random.Below(kUsers));
    users.push_back(UserName(w, user));
    items.push_back(ItemName((user % 7 * kItems / 7 + writer.random.Below(kItems / 4)) % kItems));
    entries.push_back({tick + static_cast<std::int64_t>(n), writer.next_sequence + n, user});
  }
  for (std::uint64_t n = 0; n < count; ++n)
    events.push_back({.user = users[n], .item = items[n], .kind = kLike, .value = {}, .time_us = entries[n].tick});
  const Delivery delivery{.source = writer.source, .first_sequence = writer.next_sequence};
  const absl::StatusOr<AppendResult> added = engine_->Record(events, delivery);
  ASSERT_TRUE(added.ok()) << added.status();
  ASSERT_EQ(added->accepted, count);
  writer.next_sequence += count;
  writer.entries.insert(writer.entries.end(), entries.begin(), entries.end());
  if (writer.random.Below(10) != 0) return;
  const absl::StatusOr<AppendResult> again = engine_->Record(events, delivery);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_EQ(again->accepted, 0u);
  ASSERT_EQ(again->repeated, count);
}

void Soak::Write(std::uint64_t w) {
  Writer& writer = writers_[w];
  for (double forget_at = 1; Goes();) {
    {
      const std::shared_lock lock(pause_);
      Record(writer, w, 1 + writer.random.Below(100));
      if (Elapsed() > forget_at) {
        forget_at += 1;
        Forget(writer, w, static_cast<std::uint32_t>(writer.random.Below(kUsers)));
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Soak::Forget(Writer& writer, std::uint64_t w, std::uint32_t user) {
  const absl::StatusOr<ForgetReport> forgotten = engine_->Forget(UserName(w, user));
  if (absl::IsNotFound(forgotten.status())) return;
  ASSERT_TRUE(forgotten.ok()) << forgotten.status();
  std::erase_if(writer.entries, [&](const Entry& entry) { return entry.user == user; });
}

void Soak::Ask(Engine& engine, std::uint64_t seed, bool reload) {
  Random random(seed);
  for (std::uint64_t n = 0; Goes(); ++n) {
    if (reload && n % 256 == 0) {
      const absl::Status loaded = engine.Reload();
      ASSERT_TRUE(loaded.ok()) << loaded;
    }
    EngineQuery query;
    query.query.user = UserName(random.Below(kWriters), random.Below(kUsers + 3));
    query.query.n = 10;
    if (!reload && n % 16 == 0) query.request = n + 1;
    const absl::StatusOr<EngineAnswer> answer = engine.Recommend(query);
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_LE(answer->recommendation.items.size(), 10u);
    ++answers_;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
}

void Soak::Publish() {
  const std::string file = folder_.path() + "/" + std::to_string(published_) + ".waypost";
  const IalsOptions model{.dimensions = 8, .epochs = 2, .unobserved_weight = 0.05f};
  const absl::StatusOr<TrainReport> trained = engine_->Train({.file = file, .model = model, .control = {}});
  ASSERT_TRUE(trained.ok()) << trained.status();
  const absl::Status published = engine_->Publish(file);
  ASSERT_TRUE(published.ok()) << published;
  if (++published_ > 3) std::filesystem::remove(folder_.path() + "/" + std::to_string(published_ - 4) + ".waypost");
}

void Soak::Train() {
  while (Goes()) {
    Publish();
    Rest(1000);
  }
}

void Soak::CheckBackup(const std::string& folder) const {
  if (kSanitized) {  // its allocator may be locked by another thread at fork(), and VerifyStore's child waits for ever
    const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(folder);
    ASSERT_TRUE(store.ok()) << store.status();
    const absl::StatusOr<EventLog> log = (*store)->Snapshot()->ReadLog(Parallelism(1));
    ASSERT_TRUE(log.ok()) << log.status();
    ASSERT_GT(log->size(), 0u);
    return;
  }
  const absl::StatusOr<StoreReport> report = VerifyStore(folder);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->problems, std::vector<std::string>());
  ASSERT_GT(report->events, 0u);
}

void Soak::Back() {
  const std::string target = folder_.path() + "/backup";
  while (Goes()) {
    const absl::Status copied = (backups_ % 2 == 0 ? engine_ : reader_)->store().Backup(target);
    ASSERT_TRUE(copied.ok()) << copied;
    CheckBackup(target);
    if (HasFatalFailure()) return;
    std::filesystem::remove_all(target);
    ++backups_;
    Rest(2000);
  }
}

void Soak::Compact() {
  while (Goes()) {
    Rest(2000);
    const std::int64_t keep_from = clock_ - kRetainedEvents;
    const absl::StatusOr<CompactReport> report = engine_->store().Compact({.keep_from_us = keep_from});
    ASSERT_TRUE(report.ok()) << report.status();
    const std::unique_lock lock(pause_);
    for (Writer& writer : writers_)
      while (!writer.entries.empty() && writer.entries.front().tick < keep_from) writer.entries.pop_front();
    compacted_bytes_.push_back(report->bytes_after);
    Compare();
  }
}

// Requires  nothing is recorded or forgotten meanwhile.
void Soak::Compare() {
  struct Seen {
    std::int64_t tick;
    std::uint32_t user;
  };
  const absl::StatusOr<StoreSnapshot> snapshot = reader_->store().Snapshot();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EventColumns columns;
  const absl::Status read = snapshot->ReadRows(0, snapshot->end_row(), Parallelism(1), columns);
  ASSERT_TRUE(read.ok()) << read;
  const absl::StatusOr<std::vector<std::string>> users = snapshot->UserIds();
  ASSERT_TRUE(users.ok()) << users.status();
  std::vector<Seen> seen(columns.users.size());
  for (std::size_t n = 0; n < seen.size(); ++n) seen[n] = {columns.times_us[n], columns.users[n]};
  std::sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) { return a.tick < b.tick; });
  std::size_t kept = 0;
  for (std::uint64_t w = 0; w < kWriters; ++w) {
    const Writer& writer = writers_[w];
    const absl::StatusOr<std::uint64_t> next = snapshot->NextSequence(writer.source);
    ASSERT_TRUE(next.ok()) << next.status();
    ASSERT_EQ(*next, writer.next_sequence) << writer.source;
    kept += writer.entries.size();
    for (const Entry& entry : writer.entries) {
      const auto at = std::lower_bound(seen.begin(), seen.end(), entry.tick,
                                       [](const Seen& a, std::int64_t tick) { return a.tick < tick; });
      ASSERT_TRUE(at != seen.end() && at->tick == entry.tick)
          << writer.source << " lost its event " << entry.sequence << " of " << writer.next_sequence;
      ASSERT_EQ((*users)[at->user], UserName(w, entry.user));
    }
  }
  ASSERT_EQ(seen.size(), kept) << "events that were forgotten or are too old, or count twice";
}

template <typename Number>
Number Median(std::vector<Number> numbers) {
  std::nth_element(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2), numbers.end());
  return numbers[numbers.size() / 2];
}

// The last third is no larger than the middle one; the first is for warming up.
void Soak::ExpectFlatMemory() const {
  const auto third = static_cast<std::ptrdiff_t>(resident_bytes_.size() / 3);
  ASSERT_GT(third, 0);
  const auto begin = resident_bytes_.begin();
  const std::uint64_t middle = Median(std::vector(begin + third, begin + 2 * third));
  const std::uint64_t last = Median(std::vector(begin + 2 * third, resident_bytes_.end()));
  RecordProperty("resident_mb_middle", std::to_string(middle >> 20));
  RecordProperty("resident_mb_last", std::to_string(last >> 20));
  // 4 MiB for pages of the data file, which come and go, and heaps of threads.
  EXPECT_LE(last, middle + middle / 8 + (std::uint64_t{4} << 20)) << "resident memory grows";
}

TEST_F(Soak, NothingIsLostAndNothingGrows) {
  std::vector<std::thread> threads;
  for (std::uint64_t w = 0; w < kWriters; ++w) threads.emplace_back([this, w] { Write(w); });
  threads.emplace_back([this] { Ask(*engine_, 10, /*reload=*/false); });
  threads.emplace_back([this] { Ask(*reader_, 11, /*reload=*/true); });
  threads.emplace_back([this] { Train(); });
  threads.emplace_back([this] { Back(); });
  threads.emplace_back([this] { Compact(); });
  while (Goes()) {
    resident_bytes_.push_back(ResidentBytes());
    Rest(100);
  }
  for (std::thread& thread : threads) thread.join();
  if (HasFailure()) return;
  Compare();
  const absl::StatusOr<EngineStats> stats = engine_->Stats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->errors, 0u);
  std::uint64_t sent = 0;
  for (const Writer& writer : writers_) sent += writer.next_sequence;
  EXPECT_EQ(stats->recorded_events, sent);
  EXPECT_GT(answers_, 0u);
  ASSERT_FALSE(compacted_bytes_.empty());
  const std::uint64_t largest = *std::max_element(compacted_bytes_.begin(), compacted_bytes_.end());
  EXPECT_LE(largest, kMostBytes);
  if (!kSanitized) ExpectFlatMemory();
  std::printf(
      "%llu events, %llu answers, %llu models, %llu backups, %zu compactions to at most %llu KiB, resident %llu MiB\n",
      static_cast<unsigned long long>(sent), static_cast<unsigned long long>(answers_),
      static_cast<unsigned long long>(published_), static_cast<unsigned long long>(backups_), compacted_bytes_.size(),
      static_cast<unsigned long long>(largest >> 10), static_cast<unsigned long long>(resident_bytes_.back() >> 20));
}

}  // namespace
}  // namespace waypost
