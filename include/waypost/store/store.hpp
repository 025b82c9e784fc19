// waypost/store/store.hpp - the keeper of truth: a folder with events, ids, catalogue, user attributes and impressions,
// which survives crashes and is read by many processes while one writes. The format: docs/store-format.md.
//
// Durability   kSync: what a call acknowledged is on the disk; it survives the end of the process and of the power.
//              kFast: it has been handed to the system; it survives the end of the process, also by kill -9. When the
//              power fails everything since the last sync may be lost and the folder may need a backup (Verify tells).
//              Sync() makes all before it as safe as kSync.
// Commits      Calls of several threads that meet are committed together, with one sync: one of them does the work for
//              all, in the order they came. Each call is taken whole or not at all.
// Processes    One process writes: a second gets kUnavailable, which names the lock and the process. Any number read,
//              and each of their calls sees the last commit. A process that dies, by whatever means, leaves nothing
//              that must be cleaned: the next writer takes the lock, and its reader slots are taken back. A folder that
//              cannot be written is read all the same.
// One process  Stores of one folder in one process share what is open; at most one of them writes.
// fork         A child must open the folder anew: calls on a Store of its parent's are kFailedPrecondition, and its
//              destruction touches nothing.
// Failures     A full disk, a full map or an error of the disk is a status; what was acknowledged stays, and nothing of
//              the failed call is visible. After kUnavailable with "want to be opened again" the store must be.
// Clock        None: times are the caller's.
// Checked by   tests/unit/store_*_test.cpp, tests/property/store_*_test.cpp, tests/store (crashes and failing disks).
#ifndef WAYPOST_STORE_STORE_HPP_
#define WAYPOST_STORE_STORE_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/kinds.hpp"
#include "waypost/event/user_table.hpp"
#include "waypost/store/records.hpp"
#include "waypost/store/snapshot.hpp"

namespace waypost {

namespace store {
class Access;
class Session;
}  // namespace store

enum class StoreAccess {
  kRead,   // the folder must hold a store
  kWrite,  // a store is made where there is none; one writer at a time, over all processes
};

enum class Durability {
  kSync,
  kFast,
};

// Options of Store::Open. Aggregate: use designated initializers.
struct StoreOptions {
  StoreAccess access = StoreAccess::kRead;
  Durability durability = Durability::kSync;
  // -- limits --
  // Address space for the data file, in bytes; costs nothing until used. A file that needs more gets twice as much when
  // no snapshot of this process is alive, up to max_map_bytes.
  std::uint64_t map_bytes = std::uint64_t{1} << 36;
  // The data file never grows beyond: kResourceExhausted then.
  std::uint64_t max_map_bytes = std::uint64_t{1} << 42;
  // Snapshots alive at once over all processes. Taken from the first process that opens the folder.
  std::uint32_t max_readers = 1024;
  // -- speed --
  // Append seals what has come once it reaches so many events, after its own commit; 0: only Maintain does. A larger
  // number makes histories slower (they scan what is not sealed) and writes fewer bytes.
  std::uint64_t seal_events = std::uint64_t{1} << 16;
  // Threads that seal and compact.
  Parallelism parallelism = {};
};
absl::Status Validate(const StoreOptions& options);

// A handle of one store.
//
// Thread-safe: all members may be called concurrently. A snapshot taken during a write sees all of it or nothing.
class Store {
 public:
  // Opens `folder`, made with its parents for kWrite. One whose creation was cut short opens as an empty store.
  //
  // Errors  kNotFound: no store there (kRead).  kUnavailable: another writer; names the lock file and the process.
  //         kPermissionDenied: cannot be written (kWrite).  kUnimplemented: a newer format; names both versions.
  //         kDataLoss: damaged.  kInvalidArgument: options.  kResourceExhausted: address space, disk.
  // Cost    no more than milliseconds, whatever the store holds.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& folder, const StoreOptions& options = {});

  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  Store(Store&&) = delete;
  Store& operator=(Store&&) = delete;

  const std::string& folder() const;
  const StoreOptions& options() const;

  // The store as of now.
  // Errors  kResourceExhausted: more than max_readers snapshots.  kDataLoss.  kFailedPrecondition: after fork().
  // Cost    below a microsecond while nothing is written; some after a commit.
  absl::StatusOr<StoreSnapshot> Snapshot() const;

  // -- writing: kFailedPrecondition on a store opened with kRead --

  // Adds events. On return they are as safe as `durability` says and every later snapshot has them.
  //
  // Errors  kInvalidArgument: an event, as EventLogBuilder::Validate says, or text that is not UTF-8, or sequences that
  //         do not ascend; names the position.  kResourceExhausted: map, disk, ids.  Nothing of `events` is kept then.
  absl::StatusOr<AppendResult> Append(std::span<const Event> events, const Delivery& delivery = {});

  // Adds the rows [first_row, size()) of a log whose row n has sequence number n. Many rows go straight into segments,
  // a million or so a transaction: after an error the source tells how far it came, and the same call goes on there.
  // Kinds of the log that the store does not know are added.
  absl::StatusOr<AppendResult> AppendLog(const EventLog& log, std::string_view source = {}, std::size_t first_row = 0);

  // Adds a kind, or changes the one of that name; returns its number.
  absl::StatusOr<std::uint16_t> SetKind(const Kind& kind);

  // Sets the retention windows, in place of those before. They are kept in the folder and hold for every Compact from
  // now on; nothing goes before one.
  //
  // Errors  kInvalidArgument: a window of 0 or less, a kind that the store does not know.
  absl::Status SetRetention(const Retention& retention);

  // Adds items, or replaces those of the same id, in one transaction; an item keeps its place.
  absl::Status PutCatalogue(const Catalogue& catalogue);

  // Adds facts about users, in one transaction; a fact that is there already counts once.
  absl::Status PutUserTable(const UserTable& users);

  // Adds impressions and interventions, in one transaction. Users and items are added to the dictionaries.
  // Errors  kInvalidArgument: an id, kind, or propensity; names the position.
  absl::Status AppendImpressions(std::span<const Impression> impressions);

  // Puts a model on record, in place of the one of that name; takes one off.
  absl::Status PutModel(const ModelRecord& model);
  absl::Status DropModel(std::string_view name);

  // Forgets a user: on return no call returns the id, an event, a fact or an impression of the user; the bytes are gone
  // after Compact. The same id, met again, is a new user with a new index.
  // Errors  kNotFound: no such user.
  absl::StatusOr<ForgetReport> Forget(std::string_view user);

  // Makes all that was acknowledged survive the power; for kFast.
  absl::Status Sync();

  // Seals what has come since the last time and merges segments, a step at a time; writers go on meanwhile. Returns
  // whether there is more to do.
  absl::StatusOr<bool> Maintain();

  // Seals everything.
  absl::Status Seal();

  // Writes the data file anew without what was forgotten, what is outside the retention windows, and free pages, then
  // puts it in the place of the old one. Snapshots stay as they are; other processes go over by themselves. Writers go
  // on meanwhile and wait only while the last of what they added is copied and flushed; Forget, Maintain and Seal wait
  // for all of it.
  //
  // Errors  kResourceExhausted: disk. The store is then as before.
  //         kFailedPrecondition: the store has a retention window, and options.now_us is not set.
  absl::StatusOr<CompactReport> Compact(const CompactOptions& options = {});

  // Writes a store of the same content to `target`, a folder that is missing or empty, while writers go on.
  // Also on a store opened with kRead.
  // Errors  kAlreadyExists: `target` is not empty.
  absl::Status Backup(const std::string& target) const;

 private:
  friend class store::Access;
  explicit Store(std::unique_ptr<store::Session> session);

  std::unique_ptr<store::Session> session_;
};

}  // namespace waypost

#endif  // WAYPOST_STORE_STORE_HPP_
