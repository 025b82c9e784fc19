// Four keepers of the same events behind one interface: the store, SQLite (WAL, synchronous=FULL, an index by user),
// RocksDB (WAL, sync, key user-sequence) and a plain log with a checksum a batch and one fdatasync.
#ifndef WAYPOST_BENCHMARKS_STORE_JOURNALS_HPP_
#define WAYPOST_BENCHMARKS_STORE_JOURNALS_HPP_

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <sqlite3.h>

#include "waypost/base/checksum.hpp"
#include "waypost/base/random.hpp"
#include "waypost/store/store.hpp"

namespace waypost::bench {

// 29 bytes: what every keeper stores of an event.
struct BenchEvent {
  std::uint32_t user;
  std::uint32_t item;
  std::int64_t time_us;
  float value;
  std::uint16_t kind;
};

inline void Require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "bench store: %s\n", what.c_str());
  std::exit(1);
}

// `users` x `items`, squared so that some are frequent; kinds 0..4, values 1..5, a second or so between events.
inline std::vector<BenchEvent> MakeEvents(std::size_t count, std::uint32_t users, std::uint32_t items,
                                          std::uint64_t seed) {
  Random random(seed);
  std::vector<BenchEvent> events(count);
  std::int64_t time = 1'700'000'000'000'000;
  for (BenchEvent& event : events) {
    time += static_cast<std::int64_t>(random.Below(2000)) * 1000;
    const double u = random.Uniform();
    event = {static_cast<std::uint32_t>(random.Below(users)), static_cast<std::uint32_t>(u * u * items), time,
             static_cast<float>(1 + random.Below(5)), static_cast<std::uint16_t>(random.Below(5))};
  }
  return events;
}

class Journal {
 public:
  virtual ~Journal() = default;
  virtual const char* name() const = 0;
  virtual void Append(std::span<const BenchEvent> events) = 0;
};

class StoreJournal : public Journal {
 public:
  explicit StoreJournal(const std::string& folder, std::uint64_t seal_events = 0) {
    absl::StatusOr<std::unique_ptr<Store>> opened =
        Store::Open(folder, {.access = StoreAccess::kWrite, .seal_events = seal_events});
    Require(opened.ok(), opened.status().ToString());
    store_ = *std::move(opened);
  }
  const char* name() const override { return "waypost"; }
  Store& store() { return *store_; }

  // For the store ids are texts, as the host has them; having the events at hand in that form is not part of the work.
  // Lifetime  the events appended must lie in `all`.
  void Know(std::span<const BenchEvent> all, std::uint32_t users, std::uint32_t items) {
    for (std::uint32_t n = 0; n < users; ++n) users_.push_back("u" + std::to_string(n));
    for (std::uint32_t n = 0; n < items; ++n) items_.push_back("i" + std::to_string(n));
    all_ = all;
    for (const BenchEvent& event : all)
      events_.push_back({.user = users_[event.user],
                         .item = items_[event.item],
                         .kind = event.kind,
                         .value = event.value,
                         .time_us = event.time_us});
  }
  void Append(std::span<const BenchEvent> events) override {
    const auto first = static_cast<std::size_t>(events.data() - all_.data());
    const auto added = store_->Append(std::span(events_).subspan(first, events.size()));
    Require(added.ok(), added.status().ToString());
  }

 private:
  std::unique_ptr<Store> store_;
  std::vector<std::string> users_;
  std::vector<std::string> items_;
  std::span<const BenchEvent> all_;
  std::vector<Event> events_;
};

class SqliteJournal : public Journal {
 public:
  explicit SqliteJournal(const std::string& path) {
    Require(sqlite3_open(path.c_str(), &database_) == SQLITE_OK, "sqlite3_open");
    Run("pragma journal_mode=wal");
    Run("pragma synchronous=full");
    Run("create table events(user integer, item integer, time integer, value real, kind integer)");
    Run("create index by_user on events(user)");
    Prepare("insert into events values(?,?,?,?,?)", insert_);
    Prepare("select item, kind, value, time from events where user = ?", history_);
  }
  ~SqliteJournal() override {
    sqlite3_finalize(insert_);
    sqlite3_finalize(history_);
    sqlite3_close(database_);
  }
  const char* name() const override { return "SQLite"; }
  void Append(std::span<const BenchEvent> events) override {
    Run("begin");
    for (const BenchEvent& event : events) {
      sqlite3_bind_int64(insert_, 1, event.user);
      sqlite3_bind_int64(insert_, 2, event.item);
      sqlite3_bind_int64(insert_, 3, event.time_us);
      sqlite3_bind_double(insert_, 4, event.value);
      sqlite3_bind_int(insert_, 5, event.kind);
      Require(sqlite3_step(insert_) == SQLITE_DONE, "sqlite3_step");
      sqlite3_reset(insert_);
    }
    Run("commit");
  }
  std::size_t Scan(EventColumns& columns) {
    sqlite3_stmt* scan = nullptr;
    Prepare("select user, item, kind, value, time from events", scan);
    while (sqlite3_step(scan) == SQLITE_ROW) {
      columns.users.push_back(static_cast<std::uint32_t>(sqlite3_column_int64(scan, 0)));
      columns.items.push_back(static_cast<std::uint32_t>(sqlite3_column_int64(scan, 1)));
      columns.kinds.push_back(static_cast<std::uint16_t>(sqlite3_column_int(scan, 2)));
      columns.values.push_back(static_cast<float>(sqlite3_column_double(scan, 3)));
      columns.times_us.push_back(sqlite3_column_int64(scan, 4));
    }
    sqlite3_finalize(scan);
    return columns.users.size();
  }
  std::size_t History(std::uint32_t user) {
    std::size_t count = 0;
    sqlite3_bind_int64(history_, 1, user);
    while (sqlite3_step(history_) == SQLITE_ROW) count += sqlite3_column_int64(history_, 0) >= 0 ? 1 : 0;
    sqlite3_reset(history_);
    return count;
  }

 private:
  void Run(const char* text) { Require(sqlite3_exec(database_, text, nullptr, nullptr, nullptr) == SQLITE_OK, text); }
  void Prepare(const char* text, sqlite3_stmt*& statement) {
    Require(sqlite3_prepare_v2(database_, text, -1, &statement, nullptr) == SQLITE_OK, text);
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* history_ = nullptr;
};

class RocksJournal : public Journal {
 public:
  explicit RocksJournal(const std::string& path) {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* database = nullptr;
    Require(rocksdb::DB::Open(options, path, &database).ok(), "rocksdb");
    database_.reset(database);
  }
  const char* name() const override { return "RocksDB"; }
  void Append(std::span<const BenchEvent> events) override {
    rocksdb::WriteBatch batch;
    for (const BenchEvent& event : events) {
      char key[12];  // big-endian: in the order of users
      const std::uint32_t user = __builtin_bswap32(event.user);
      const std::uint64_t sequence = __builtin_bswap64(next_++);
      std::memcpy(key, &user, 4);
      std::memcpy(key + 4, &sequence, 8);
      batch.Put(rocksdb::Slice(key, sizeof(key)),
                rocksdb::Slice(reinterpret_cast<const char*>(&event) + 4, sizeof(event) - 4));
    }
    rocksdb::WriteOptions options;
    options.sync = true;
    Require(database_->Write(options, &batch).ok(), "rocksdb write");
  }

 private:
  std::unique_ptr<rocksdb::DB> database_;
  std::uint64_t next_ = 0;
};

class LogJournal : public Journal {
 public:
  explicit LogJournal(const std::string& path) : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644)) {
    Require(file_ >= 0, "log");
  }
  ~LogJournal() override { close(file_); }
  LogJournal(const LogJournal&) = delete;
  LogJournal& operator=(const LogJournal&) = delete;
  const char* name() const override { return "plain log"; }
  void Append(std::span<const BenchEvent> events) override {
    const std::span<const std::byte> bytes = std::as_bytes(events);
    std::vector<std::byte> frame(16 + bytes.size());
    const std::uint64_t size = bytes.size(), sum = Checksum(bytes);
    std::memcpy(frame.data(), &size, 8);
    std::memcpy(frame.data() + 8, &sum, 8);
    std::memcpy(frame.data() + 16, bytes.data(), bytes.size());
    Require(write(file_, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size()) && fdatasync(file_) == 0,
            "log write");
  }

 private:
  int file_;
};

}  // namespace waypost::bench

#endif  // WAYPOST_BENCHMARKS_STORE_JOURNALS_HPP_
