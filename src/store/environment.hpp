// store/environment.hpp - one data file, opened with LMDB, and its transactions.
//
// (1) A data file is opened once in a process (LMDB's file locks belong to the process): folder.hpp sees to it.
// (2) The map changes its size only while no transaction of this process is alive; live_ counts them.
// (3) Pages go to the file by pwrite and are flushed by fdatasync before the page that makes them reachable is written,
//     with O_DSYNC: a data file is whole at every moment (but for kFast, whose flushes are left out).
#ifndef WAYPOST_SRC_STORE_ENVIRONMENT_HPP_
#define WAYPOST_SRC_STORE_ENVIRONMENT_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lmdb.h>
#include <sys/types.h>

#include "waypost/base/status.hpp"

#include "store/records_codec.hpp"
#include "store/tables.hpp"

namespace waypost::store {

// `what` failed with a code of LMDB or of the system.
absl::Status ToStatus(int code, std::string_view what);

using TableHandles = std::array<MDB_dbi, kTables>;

// A key: a number or a text.
class Key {
 public:
  Key(std::uint64_t number) : number_(number) {}
  Key(std::string_view text) : text_(text) {}

  MDB_val value() {
    if (text_.data() == nullptr) return {sizeof(number_), &number_};
    return {text_.size(), const_cast<char*>(text_.data())};
  }

 private:
  std::uint64_t number_ = 0;
  std::string_view text_;
};

struct Entry {
  MDB_val key;
  Bytes value;

  std::uint64_t number() const { return key.mv_size == 8 ? LoadAt<std::uint64_t>(as_bytes()) : 0; }
  std::string_view text() const { return {static_cast<const char*>(key.mv_data), key.mv_size}; }

 private:
  const std::byte* as_bytes() const { return static_cast<const std::byte*>(key.mv_data); }
};

// What can be read in a transaction. Values live as long as the transaction, or until it writes.
//
// Thread-compatible: no two calls may run concurrently.
class Reading {
 public:
  Reading(MDB_txn* transaction, const TableHandles& tables) : transaction_(transaction), tables_(&tables) {}

  absl::StatusOr<std::optional<Bytes>> Get(Table table, Key key) const;
  // The last entry; the last with a key at most `key`; the first with a key at least `key`.
  absl::StatusOr<std::optional<Entry>> Last(Table table) const;
  absl::StatusOr<std::optional<Entry>> AtMost(Table table, std::uint64_t key) const;
  // Calls visit(entry) for every entry whose key is at least `from`, ascending, while it returns true.
  absl::Status ForEach(Table table, std::uint64_t from,
                       const std::function<absl::StatusOr<bool>(const Entry&)>& visit) const;
  absl::Status ForEach(Table table, const std::function<absl::Status(const Entry&)>& visit) const;
  absl::StatusOr<std::uint64_t> Count(Table table) const;
  // Bytes of the pages of a table.
  absl::StatusOr<std::uint64_t> PageBytes(Table table) const;

  MDB_txn* get() const { return transaction_; }

 protected:
  MDB_dbi handle(Table table) const { return (*tables_)[static_cast<std::size_t>(table)]; }

  MDB_txn* transaction_;
  const TableHandles* tables_;
};

// Thread-compatible: no two calls may run concurrently; all of them on the thread that began it.
class Writing : public Reading {
 public:
  using Reading::Reading;

  // `at_end`: the key is greater than all that are there, or the last one.
  absl::Status Put(Table table, Key key, Bytes value, bool at_end = false);
  // Room for a value of that size, to be filled before the next call.
  absl::StatusOr<std::span<std::byte>> Reserve(Table table, Key key, std::size_t size, bool at_end);
  // Whether it was there.
  absl::StatusOr<bool> Delete(Table table, Key key);
};

inline constexpr int kPagesDamaged = 65;  // exit status

struct EnvironmentOptions {
  std::uint64_t map_bytes = 0;
  std::uint64_t max_map_bytes = 0;
  std::uint32_t max_readers = 0;
  bool read_only = false;
  bool fast = false;
  bool create = false;  // tables are made
  // What LMDB finds wrong with its pages ends the process at once, with kPagesDamaged, and not by abort() with a line
  // on standard error: for a process that was made to look.
  bool ends_on_damage = false;
};

// Thread-safe: all members may be called concurrently.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  // Errors  kDataLoss: no LMDB file, or one cut short.  kNotFound.  Those of the system.
  static absl::StatusOr<std::shared_ptr<Environment>> Open(const std::string& path, const EnvironmentOptions& options);

  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  Environment(Environment&&) = delete;
  Environment& operator=(Environment&&) = delete;

  const std::string& path() const { return path_; }
  const EnvironmentOptions& options() const { return options_; }
  bool lockless() const { return lockless_; }  // no reader table: nobody may write meanwhile
  // Of the process that opened it; another is a child of fork().
  bool OfThisProcess() const;

  // A transaction that reads, ended by Release.
  absl::StatusOr<MDB_txn*> BeginReading();
  void Release(MDB_txn* transaction);
  const TableHandles& tables() const { return tables_; }

  // Runs `body` in a transaction that writes and commits it; on an error of either nothing has changed. A full map is
  // made larger, and `body` runs again.
  absl::Status Write(const std::function<absl::Status(Writing&)>& body);

  // Whether commits leave out their flushes.
  void SetFast(bool fast) { mdb_env_set_flags(environment_, MDB_NOSYNC, fast ? 1 : 0); }

  absl::Status Sync();
  // Writes the pages in use to a new file.
  absl::Status CopyTo(const std::string& path);

  std::uint64_t last_transaction() const;
  std::uint64_t used_bytes() const;
  std::uint64_t readers_used() const;
  std::uint64_t map_bytes() const;

 private:
  Environment(std::string path, const EnvironmentOptions& options) : path_(std::move(path)), options_(options) {}

  absl::Status Start();
  absl::Status OpenTables();
  absl::Status WriteOnce(const std::function<absl::Status(Writing&)>& body, bool& full);
  absl::Status Grow();

  std::string path_;
  EnvironmentOptions options_;
  bool lockless_ = false;
  pid_t process_ = 0;
  MDB_env* environment_ = nullptr;
  TableHandles tables_ = {};

  mutable std::mutex mutex_;  // guards what follows and the size of the map
  std::size_t live_ = 0;
  std::vector<MDB_txn*> resting_;  // transactions to be used again
};

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_ENVIRONMENT_HPP_
