#include "store/environment.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace waypost::store {
namespace {

constexpr std::uint64_t kLeastMapBytes = std::uint64_t{1} << 16;

// Ends a cursor with its scope.
class Cursor {
 public:
  ~Cursor() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  }
  Cursor() = default;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  Cursor(Cursor&&) = delete;
  Cursor& operator=(Cursor&&) = delete;

  int Open(MDB_txn* transaction, MDB_dbi table) { return mdb_cursor_open(transaction, table, &cursor_); }
  // Whether there is an entry; `code` is another failure.
  bool Move(MDB_cursor_op operation, Entry& entry, int& code) {
    MDB_val value = {};
    code = mdb_cursor_get(cursor_, &entry.key, &value, operation);
    if (code == MDB_NOTFOUND)
      code = 0;
    else if (code == 0) {
      entry.value = {static_cast<const std::byte*>(value.mv_data), value.mv_size};
      return true;
    }
    return false;
  }

 private:
  MDB_cursor* cursor_ = nullptr;
};

}  // namespace

absl::Status ToStatus(int code, std::string_view what) {
  if (code == 0) return absl::OkStatus();
  const std::string message = absl::StrCat(internal::ToAbsl(what), ": ", mdb_strerror(code));
  switch (code) {
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_DBS_FULL:
    case MDB_READERS_FULL:
    case MDB_TLS_FULL:
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_DBI:
    case MDB_NOTFOUND:
      return absl::DataLossError(message);
    case MDB_VERSION_MISMATCH:
      return absl::UnimplementedError(message);
    case MDB_PANIC:
      return absl::UnavailableError(absl::StrCat(message, "; the store wants to be opened again"));
    case EIO:
      return absl::UnavailableError(message);
    default:
      return absl::ErrnoToStatus(code > 0 ? code : EINVAL, message);
  }
}

absl::StatusOr<std::optional<Bytes>> Reading::Get(Table table, Key key) const {
  MDB_val name = key.value();
  MDB_val value = {};
  const int code = mdb_get(transaction_, handle(table), &name, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0) return ToStatus(code, absl::StrCat("table ", internal::ToAbsl(Name(table))));
  return Bytes(static_cast<const std::byte*>(value.mv_data), value.mv_size);
}

absl::StatusOr<std::optional<Entry>> Reading::Last(Table table) const {
  Cursor cursor;
  int code = cursor.Open(transaction_, handle(table));
  Entry entry = {};
  if (code == 0 && cursor.Move(MDB_LAST, entry, code)) return entry;
  if (code != 0) return ToStatus(code, absl::StrCat("table ", internal::ToAbsl(Name(table))));
  return std::nullopt;
}

absl::StatusOr<std::optional<Entry>> Reading::AtMost(Table table, std::uint64_t key) const {
  Cursor cursor;
  int code = cursor.Open(transaction_, handle(table));
  Entry entry = {};
  entry.key = {sizeof(key), &key};
  bool found = code == 0 && cursor.Move(MDB_SET_RANGE, entry, code);
  if (code == 0 && !(found && entry.number() == key)) found = cursor.Move(found ? MDB_PREV : MDB_LAST, entry, code);
  if (code != 0) return ToStatus(code, absl::StrCat("table ", internal::ToAbsl(Name(table))));
  return found ? std::optional(entry) : std::nullopt;
}

absl::Status Reading::ForEach(Table table, std::uint64_t from,
                              const std::function<absl::StatusOr<bool>(const Entry&)>& visit) const {
  Cursor cursor;
  int code = cursor.Open(transaction_, handle(table));
  Entry entry = {};
  entry.key = {sizeof(from), &from};
  bool found = code == 0 && cursor.Move(MDB_SET_RANGE, entry, code);
  while (found) {
    WAYPOST_ASSIGN_OR_RETURN(const bool more, visit(entry));
    if (!more) return absl::OkStatus();
    found = cursor.Move(MDB_NEXT, entry, code);
  }
  return ToStatus(code, absl::StrCat("table ", internal::ToAbsl(Name(table))));
}

absl::Status Reading::ForEach(Table table, const std::function<absl::Status(const Entry&)>& visit) const {
  Cursor cursor;
  int code = cursor.Open(transaction_, handle(table));
  Entry entry = {};
  for (bool found = code == 0 && cursor.Move(MDB_FIRST, entry, code); found; found = cursor.Move(MDB_NEXT, entry, code))
    WAYPOST_RETURN_IF_ERROR(visit(entry));
  return ToStatus(code, absl::StrCat("table ", internal::ToAbsl(Name(table))));
}

absl::StatusOr<std::uint64_t> Reading::Count(Table table) const {
  MDB_stat stat = {};
  WAYPOST_RETURN_IF_ERROR(ToStatus(mdb_stat(transaction_, handle(table), &stat), Name(table)));
  return stat.ms_entries;
}

absl::StatusOr<std::uint64_t> Reading::PageBytes(Table table) const {
  MDB_stat stat = {};
  WAYPOST_RETURN_IF_ERROR(ToStatus(mdb_stat(transaction_, handle(table), &stat), Name(table)));
  return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * std::uint64_t{stat.ms_psize};
}

absl::Status Writing::Put(Table table, Key key, Bytes value, bool at_end) {
  MDB_val name = key.value();
  MDB_val bytes = {value.size(), const_cast<std::byte*>(value.data())};
  return ToStatus(mdb_put(transaction_, handle(table), &name, &bytes, at_end ? MDB_APPEND : 0), Name(table));
}

absl::StatusOr<std::span<std::byte>> Writing::Reserve(Table table, Key key, std::size_t size, bool at_end) {
  MDB_val name = key.value();
  MDB_val bytes = {size, nullptr};
  WAYPOST_RETURN_IF_ERROR(ToStatus(
      mdb_put(transaction_, handle(table), &name, &bytes, (at_end ? MDB_APPEND : 0) | MDB_RESERVE), Name(table)));
  return std::span(static_cast<std::byte*>(bytes.mv_data), size);
}

absl::StatusOr<bool> Writing::Delete(Table table, Key key) {
  MDB_val name = key.value();
  const int code = mdb_del(transaction_, handle(table), &name, nullptr);
  if (code == MDB_NOTFOUND) return false;
  WAYPOST_RETURN_IF_ERROR(ToStatus(code, Name(table)));
  return true;
}

absl::StatusOr<std::shared_ptr<Environment>> Environment::Open(const std::string& path,
                                                               const EnvironmentOptions& options) {
  std::shared_ptr<Environment> environment(new Environment(path, options));
  WAYPOST_RETURN_IF_ERROR(environment->Start());
  return environment;
}

absl::Status Environment::Start() {
  process_ = getpid();
  const auto open = [&](unsigned more) {
    if (environment_ != nullptr) mdb_env_close(environment_);
    environment_ = nullptr;
    int code = mdb_env_create(&environment_);
    if (code == 0) code = mdb_env_set_maxdbs(environment_, kTables);
    if (code == 0) code = mdb_env_set_maxreaders(environment_, options_.max_readers);
    if (code == 0) code = mdb_env_set_mapsize(environment_, std::max(options_.map_bytes, kLeastMapBytes));
    if (code == 0 && options_.ends_on_damage)
      code = mdb_env_set_assert(environment_, [](MDB_env*, const char*) { ::_exit(kPagesDamaged); });
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | more;
    if (options_.read_only) flags |= MDB_RDONLY;
    if (options_.fast) flags |= MDB_NOSYNC;
    if (code == 0) code = mdb_env_open(environment_, path_.c_str(), flags, 0644);
    return code;
  };
  int code = open(0);
  if (options_.read_only && (code == EACCES || code == EROFS)) {  // no lock file can be had
    lockless_ = true;
    code = open(MDB_NOLOCK);
  }
  WAYPOST_RETURN_IF_ERROR(ToStatus(code, absl::StrCat("'", path_, "'")));
  MDB_envinfo info = {};
  struct stat file {};
  MDB_stat stat = {};
  mdb_env_info(environment_, &info);
  mdb_env_stat(environment_, &stat);
  if (::stat(path_.c_str(), &file) != 0) return ToStatus(errno, absl::StrCat("'", path_, "'"));
  const std::uint64_t want = (std::uint64_t{info.me_last_pgno} + 1) * stat.ms_psize;
  if (info.me_last_txnid > 0 && static_cast<std::uint64_t>(file.st_size) < want)
    return absl::DataLossError(absl::StrCat("'", path_, "': want at least ", want, " bytes, got ", file.st_size));
  if (!options_.read_only) mdb_reader_check(environment_, nullptr);  // slots of processes that died
  return OpenTables();
}

absl::Status Environment::OpenTables() {
  MDB_txn* transaction = nullptr;
  WAYPOST_RETURN_IF_ERROR(
      ToStatus(mdb_txn_begin(environment_, nullptr, options_.create ? 0 : MDB_RDONLY, &transaction), path_));
  for (std::size_t n = 0; n < kTables; ++n) {
    const auto table = static_cast<Table>(n);
    const unsigned flags = (HasNumberKeys(table) ? MDB_INTEGERKEY : 0u) | (options_.create ? MDB_CREATE : 0u);
    const int code = mdb_dbi_open(transaction, std::string(Name(table)).c_str(), flags, &tables_[n]);
    if (code != 0) {
      mdb_txn_abort(transaction);
      return ToStatus(code, absl::StrCat("'", path_, "': table ", internal::ToAbsl(Name(table))));
    }
  }
  return ToStatus(mdb_txn_commit(transaction), path_);  // keeps the handles
}

Environment::~Environment() {
  if (environment_ == nullptr || !OfThisProcess()) return;  // the parent's lock file must not be touched
  for (MDB_txn* transaction : resting_) mdb_txn_abort(transaction);
  mdb_env_close(environment_);
}

bool Environment::OfThisProcess() const {
  return getpid() == process_;
}

absl::StatusOr<MDB_txn*> Environment::BeginReading() {
  const std::lock_guard lock(mutex_);
  MDB_txn* transaction = nullptr;
  const auto begin = [&] {
    if (transaction == nullptr && !resting_.empty()) {
      transaction = resting_.back();
      resting_.pop_back();
    }
    if (transaction == nullptr) return mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
    return mdb_txn_renew(transaction);
  };
  int code = begin();
  if (code == MDB_MAP_RESIZED && live_ == 0) {  // another process made the file larger than our map
    code = mdb_env_set_mapsize(environment_, 0);
    if (code == 0) code = begin();
  }
  if (code == MDB_READERS_FULL) {
    mdb_reader_check(environment_, nullptr);
    code = begin();
  }
  if (code != 0) {
    if (transaction != nullptr) mdb_txn_abort(transaction);
    if (code == MDB_MAP_RESIZED)
      return absl::ResourceExhaustedError(
          absl::StrCat("Snapshot.map: want no older snapshot alive while the map grows, got ", live_));
    if (code == MDB_READERS_FULL)
      return absl::ResourceExhaustedError(
          absl::StrCat("Snapshot.max_readers: want a free one of ", options_.max_readers, " reader slots, got none"));
    return ToStatus(code, "Snapshot");
  }
  ++live_;
  return transaction;
}

void Environment::Release(MDB_txn* transaction) {
  if (!OfThisProcess()) return;
  const std::lock_guard lock(mutex_);
  --live_;
  mdb_txn_reset(transaction);
  resting_.push_back(transaction);
}

absl::Status Environment::WriteOnce(const std::function<absl::Status(Writing&)>& body, bool& full) {
  MDB_txn* transaction = nullptr;
  {
    const std::lock_guard lock(mutex_);
    int code = mdb_txn_begin(environment_, nullptr, 0, &transaction);
    if (code == MDB_MAP_RESIZED && live_ == 0) {
      code = mdb_env_set_mapsize(environment_, 0);
      if (code == 0) code = mdb_txn_begin(environment_, nullptr, 0, &transaction);
    }
    WAYPOST_RETURN_IF_ERROR(ToStatus(code, "Store.write"));
  }
  Writing writing(transaction, tables_);
  absl::Status status;
  try {
    status = body(writing);
  } catch (...) {
    mdb_txn_abort(transaction);
    throw;
  }
  if (!status.ok()) {
    // The message is LMDB's for a full map; nothing else tells it from a full disk.
    full = absl::IsResourceExhausted(status) &&
           internal::ToStd(status.message()).find(mdb_strerror(MDB_MAP_FULL)) != std::string_view::npos;
    mdb_txn_abort(transaction);
    return status;
  }
  const int code = mdb_txn_commit(transaction);
  full = code == MDB_MAP_FULL;
  return ToStatus(code, "Store.commit");
}

absl::Status Environment::Grow() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t size = map_bytes();
  if (size >= options_.max_map_bytes)
    return absl::ResourceExhaustedError(absl::StrCat("StoreOptions.max_map_bytes: want a data file of at most ",
                                                     options_.max_map_bytes, " bytes, got one that is full"));
  if (live_ > 0)
    return absl::ResourceExhaustedError(absl::StrCat("StoreOptions.map_bytes: want no snapshot alive while the map of ",
                                                     size, " bytes grows, got ", live_));
  for (MDB_txn* transaction : resting_) mdb_txn_abort(transaction);
  resting_.clear();
  return ToStatus(mdb_env_set_mapsize(environment_, std::min(2 * size, options_.max_map_bytes)), "Store.map");
}

absl::Status Environment::Write(const std::function<absl::Status(Writing&)>& body) {
  for (;;) {
    bool full = false;
    absl::Status status = WriteOnce(body, full);
    if (status.ok() || !full) return status;
    WAYPOST_RETURN_IF_ERROR(Grow());
  }
}

absl::Status Environment::Sync() {
  return ToStatus(mdb_env_sync(environment_, 1), "Store.Sync");
}

absl::Status Environment::CopyTo(const std::string& path) {
  return ToStatus(mdb_env_copy2(environment_, path.c_str(), MDB_CP_COMPACT), absl::StrCat("'", path, "'"));
}

std::uint64_t Environment::last_transaction() const {
  MDB_envinfo info = {};
  mdb_env_info(environment_, &info);
  return info.me_last_txnid;
}

std::uint64_t Environment::used_bytes() const {
  MDB_envinfo info = {};
  MDB_stat stat = {};
  mdb_env_info(environment_, &info);
  mdb_env_stat(environment_, &stat);
  return (std::uint64_t{info.me_last_pgno} + 1) * stat.ms_psize;
}

std::uint64_t Environment::readers_used() const {
  MDB_envinfo info = {};
  mdb_env_info(environment_, &info);
  return info.me_numreaders;
}

std::uint64_t Environment::map_bytes() const {
  MDB_envinfo info = {};
  mdb_env_info(environment_, &info);
  return info.me_mapsize;
}

}  // namespace waypost::store
