// The store beside SQLite, RocksDB and a plain log, on the same events, in one run.
//
//   waypost_bench_store commits FOLDER   durable batches of 10,000, 100 and 1; 16 threads of one event each
//   waypost_bench_store scan FOLDER      5 million events: bytes, full scan, a user's history, before and after sealing
//   waypost_bench_store import FOLDER    10 million lines of CSV into a store; opening it
//   waypost_bench_store compact FOLDER   compactions of 10 million events, and how long they keep a writer waiting
//
// FOLDER is made and removed; it should be on the disk that matters. Each line: what, keeper, statistic. Candidates
// alternate; times of commits are medians. Reads are warm. It does not show: a disk that is busy, ids longer than ten
// bytes, memory.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <span>
#include <thread>

#include "journals.hpp"
#include "waypost/store/transfer.hpp"

namespace waypost::bench {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double Quantile(std::vector<double> values, double q) {
  Require(!values.empty(), "no measurements");
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

void MeasureSync(const std::string& folder) {
  const int file = open((folder + "/sync").c_str(), O_WRONLY | O_CREAT, 0644);
  std::vector<char> page(4096, 'x');
  std::vector<double> seconds;
  for (int n = 0; n < 200; ++n) {
    Require(write(file, page.data(), page.size()) == 4096, "write");
    const auto begin = Clock::now();
    Require(fdatasync(file) == 0, "fdatasync");
    seconds.push_back(SecondsSince(begin));
  }
  close(file);
  std::printf("fdatasync p50 %.3f ms, p99 %.3f ms\n", 1e3 * Quantile(seconds, 0.5), 1e3 * Quantile(seconds, 0.99));
}

void RunCommits(const std::string& folder) {
  constexpr std::uint32_t kUsers = 100'000, kItems = 20'000;
  const std::vector<BenchEvent> events = MakeEvents(400'000, kUsers, kItems, 1);
  MeasureSync(folder);
  StoreJournal ours(folder + "/store");
  ours.Know(events, kUsers, kItems);
  SqliteJournal sqlite(folder + "/sqlite");
  RocksJournal rocks(folder + "/rocks");
  LogJournal log(folder + "/log");
  Journal* const journals[] = {&ours, &sqlite, &rocks, &log};
  {  // from here on no id is new
    const auto begin = Clock::now();
    for (std::size_t at = 0; at < events.size(); at += 10'000) ours.Append(std::span(events).subspan(at, 10'000));
    const double seconds = SecondsSince(begin);
    const StoreStats stats = ours.store().Snapshot()->Stats().value();
    std::printf("batch 10000  waypost    %8.3f ms a commit (mean of 40), %.0f %% of the ids in it new\n",
                1e3 * seconds / 40, 50.0 * (stats.users + stats.items) / static_cast<double>(events.size()));
  }
  for (const auto& [batch, rounds] : {std::pair<std::size_t, int>(10'000, 24), {100, 150}, {1, 300}}) {
    std::vector<double> seconds[4];
    std::size_t at = 0;
    for (int round = 0; round < rounds; ++round, at = (at + batch) % (events.size() - batch + 1))
      for (std::size_t j = 0; j < 4; ++j) {
        const auto begin = Clock::now();
        journals[j]->Append(std::span(events).subspan(at, batch));
        seconds[j].push_back(SecondsSince(begin));
      }
    for (std::size_t j = 0; j < 4; ++j) {
      const double median = Quantile(seconds[j], 0.5);
      double sum = 0;
      for (const double one : seconds[j]) sum += one;
      std::printf("batch %5zu  %-9s  %8.3f ms a commit (p50), %11.0f events/s (mean)\n", batch, journals[j]->name(),
                  1e3 * median, static_cast<double>(batch) * rounds / sum);
    }
  }
  for (const int count : {1, 4, 16}) {
    std::vector<std::thread> threads;
    constexpr int kEach = 250;
    const auto begin = Clock::now();
    for (int t = 0; t < count; ++t)
      threads.emplace_back([&, t] {
        for (int n = 0; n < kEach; ++n)
          ours.Append(std::span(events).subspan(static_cast<std::size_t>(t * kEach + n), 1));
      });
    for (std::thread& thread : threads) thread.join();
    std::printf("one event a commit, %2d threads  waypost  %11.0f events/s\n", count,
                count * kEach / SecondsSince(begin));
  }
  MeasureSync(folder);
}

template <typename History>
void MeasureHistory(const char* what, const char* name, std::uint32_t users, const History& history) {
  Random random(9);
  std::vector<double> seconds;
  std::size_t events = 0;
  constexpr int kReads = 20'000;
  for (int n = 0; n < kReads; ++n) {
    const auto user = static_cast<std::uint32_t>(random.Below(users));
    const auto begin = Clock::now();
    events += history(user);
    seconds.push_back(SecondsSince(begin));
  }
  std::printf("history, %-7s %-9s  p50 %8.2f us, p99 %8.2f us, %.1f events\n", what, name, 1e6 * Quantile(seconds, 0.5),
              1e6 * Quantile(seconds, 0.99), static_cast<double>(events) / kReads);
}

void RunScan(const std::string& folder) {
  constexpr std::uint32_t kUsers = 100'000, kItems = 100'000;
  constexpr std::size_t kEvents = 5'000'000, kBatch = 10'000;
  const std::vector<BenchEvent> events = MakeEvents(kEvents, kUsers, kItems, 2);
  StoreJournal ours(folder + "/store");
  ours.Know(events, kUsers, kItems);
  for (std::size_t at = 0; at < kEvents; at += kBatch) ours.Append(std::span(events).subspan(at, kBatch));
  SqliteJournal sqlite(folder + "/sqlite");
  for (std::size_t at = 0; at < kEvents; at += 250'000) sqlite.Append(std::span(events).subspan(at, 250'000));
  Store& store = ours.store();
  const auto measure = [&](const char* what) {
    const StoreStats stats = store.Snapshot()->Stats().value();
    std::printf("bytes, %-7s waypost  %.2f an event (pages of events), %.2f (file)\n", what,
                static_cast<double>(stats.event_bytes) / kEvents, static_cast<double>(stats.file_bytes) / kEvents);
    for (int round = 0; round < 3; ++round) {
      const auto begin = Clock::now();
      const auto log = store.Snapshot()->ReadLog();
      const double seconds = SecondsSince(begin);
      Require(log.ok() && log->size() == kEvents, "scan");
      std::printf("scan, %-7s waypost  %.1f M events/s\n", what, kEvents / seconds / 1e6);
    }
    MeasureHistory(what, "waypost", kUsers, [&](std::uint32_t user) {
      static std::vector<StoredEvent> history;
      history.clear();
      Require(store.Snapshot()->History(UserIndex{user}, history).ok(), "history");
      return history.size();
    });
  };
  measure("fresh");
  const auto begin = Clock::now();
  Require(store.Seal().ok(), "seal");
  std::printf("seal  waypost  %.1f M events/s\n", kEvents / SecondsSince(begin) / 1e6);
  measure("sealed");
  Require(store.Compact().ok(), "compact");
  measure("compact");
  {
    EventColumns columns;
    const auto scan = Clock::now();
    Require(sqlite.Scan(columns) == kEvents, "scan");
    std::printf("scan           SQLite   %.1f M events/s\n", kEvents / SecondsSince(scan) / 1e6);
  }
  MeasureHistory("", "SQLite", kUsers, [&](std::uint32_t user) { return sqlite.History(user); });
}

void RunImport(const std::string& folder) {
  constexpr std::size_t kLines = 10'000'000;
  const std::string csv = folder + "/events.csv";
  {
    const std::vector<BenchEvent> events = MakeEvents(kLines, 200'000, 50'000, 3);
    std::string text = "user,item,kind,value,time\n";
    const char* const kinds[] = {"view", "start", "progress", "complete", "rate"};
    std::ofstream file(csv, std::ios::binary);
    for (const BenchEvent& event : events) {
      text += "u" + std::to_string(event.user) + ",i" + std::to_string(event.item) + "," + kinds[event.kind] + "," +
              std::to_string(static_cast<int>(event.value)) + "," + std::to_string(event.time_us / 1000) + "\n";
      if (text.size() > (1 << 20)) {
        file << text;
        text.clear();
      }
    }
    file << text;
  }
  const ReadOptions options{.time_unit = TimeUnit::kMilliseconds};
  {
    const auto opened = Store::Open(folder + "/store", {.access = StoreAccess::kWrite});
    Require(opened.ok(), opened.status().ToString());
    const auto begin = Clock::now();
    const auto report = ImportEvents(csv, options, **opened);
    const double seconds = SecondsSince(begin);
    Require(report.ok() && report->added == kLines, report.status().ToString());
    const StoreStats stats = (*opened)->Snapshot()->Stats().value();
    std::printf("import  %.2f M lines/s (%.2f s, durable); %.2f bytes an event, file %.2f\n", kLines / seconds / 1e6,
                seconds, static_cast<double>(stats.event_bytes) / kLines,
                static_cast<double>(stats.file_bytes) / kLines);
    const auto again = Clock::now();
    const auto repeated = ImportEvents(csv, options, **opened);
    Require(repeated.ok() && repeated->added == 0, "import again");
    std::printf("import again  %.2f s, 0 added\n", SecondsSince(again));
  }
  const auto begin = Clock::now();
  const auto opened = Store::Open(folder + "/store");
  Require(opened.ok(), opened.status().ToString());
  const auto snapshot = (*opened)->Snapshot();
  const double open_seconds = SecondsSince(begin);
  Require(snapshot->FindUser("u7")->has_value() && snapshot->FindItem("i7")->has_value(), "find");
  std::printf("open  %.2f ms, with both dictionaries %.2f ms\n", 1e3 * open_seconds, 1e3 * SecondsSince(begin));
  const auto scan = Clock::now();
  const auto log = snapshot->ReadLog();
  Require(log.ok() && log->size() == kLines, "scan");
  std::printf("scan  %.1f M events/s\n", kLines / SecondsSince(scan) / 1e6);
  MeasureHistory("import", "waypost", 200'000, [&](std::uint32_t user) {
    static std::vector<StoredEvent> history;
    history.clear();
    Require((*opened)->Snapshot()->History(UserIndex{user}, history).ok(), "history");
    return history.size();
  });
}

void RunCompactions(const std::string& folder) {
  constexpr std::size_t kEvents = 10'000'000, kBatch = 100'000;
  constexpr std::uint32_t kUsers = 100'000, kItems = 20'000;
  StoreJournal ours(folder + "/store");
  const std::vector<BenchEvent> events = MakeEvents(kEvents, kUsers, kItems, 4);
  ours.Know(events, kUsers, kItems);
  for (std::size_t begin = 0; begin < kEvents; begin += kBatch) ours.Append(std::span(events).subspan(begin, kBatch));
  for (int n = 0; n < 3; ++n) {
    std::atomic<bool> done = false;
    std::vector<double> waits;
    std::thread writer([&] {  // durable commits of 100 events, with a rest of 2 ms between
      while (!done) {
        const auto begin = Clock::now();
        ours.Append(std::span(events).first(100));
        waits.push_back(SecondsSince(begin));
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    });
    const auto begin = Clock::now();
    const bool compacted = ours.store().Compact().ok();
    const double seconds = SecondsSince(begin);
    done = true;
    writer.join();
    Require(compacted, "compact");
    std::printf("compact  %.2f s; %zu commits meanwhile, the longest %.1f ms\n", seconds, waits.size(),
                1e3 * Quantile(waits, 1));
  }
}

}  // namespace
}  // namespace waypost::bench

int main(int argc, char** argv) {
  using namespace waypost::bench;
  const std::string what = argc == 3 ? argv[1] : "";
  Require(what == "commits" || what == "scan" || what == "import" || what == "compact",
          "want commits, scan, import or compact and a folder to work in");
  const std::string folder = argv[2];
  Require(std::filesystem::create_directories(folder), folder + ": want a folder that is not there");
  if (what == "commits") RunCommits(folder);
  if (what == "scan") RunScan(folder);
  if (what == "import") RunImport(folder);
  if (what == "compact") RunCompactions(folder);
  std::filesystem::remove_all(folder);
  return 0;
}
