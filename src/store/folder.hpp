// store/folder.hpp - an open store: its folder, its data file, who writes, and what all its users in one process share.
//
// (1) `writer.lock` is locked by the process that writes, and, shared, by readers that can have no lock file of LMDB's.
// (2) A folder is opened once in a process (LMDB's and our file locks belong to the process).
#ifndef WAYPOST_SRC_STORE_FOLDER_HPP_
#define WAYPOST_SRC_STORE_FOLDER_HPP_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "waypost/base/status.hpp"
#include "waypost/store/store.hpp"

#include "file/file_io.hpp"
#include "store/commit.hpp"
#include "store/data_files.hpp"
#include "store/environment.hpp"
#include "store/id_mirror.hpp"
#include "store/layout.hpp"

namespace waypost::store {

// What one call wants done. It lives on the stack of that call.
struct Request {
  // Adds to the commit; an error is for this request alone, if nothing was added before it.
  std::function<absl::Status(Commit&)> apply;
  // Not together with others.
  bool alone = false;

  absl::Status status;
  bool done = false;
};

// Thread-safe: all members may be called concurrently.
class Folder : public std::enable_shared_from_this<Folder> {
 public:
  // The open folder of that path; opened where this process has not yet.
  static absl::StatusOr<std::shared_ptr<Folder>> Open(const std::string& path, const StoreOptions& options);

  Folder(std::string path, const StoreOptions& options);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  Folder(Folder&&) = delete;
  Folder& operator=(Folder&&) = delete;

  const std::string& path() const { return path_; }
  const StoreOptions& options() const { return options_; }

  // Errors  kFailedPrecondition: a child of fork().
  absl::Status CheckProcess() const;

  // The right to write, given back by StopWriting.
  absl::Status StartWriting(const StoreOptions& options);
  void StopWriting();

  std::shared_ptr<Environment> environment() const;
  // A transaction on the data file of the moment, with what lies where.
  struct View {
    std::shared_ptr<Environment> environment;
    MDB_txn* transaction = nullptr;
    std::shared_ptr<const Layout> layout;
  };
  absl::StatusOr<View> BeginReading();

  IdMirror& users() { return users_; }
  IdMirror& items() { return items_; }
  const IdMirror& users() const { return users_; }
  const IdMirror& items() const { return items_; }

  // Has the request committed, together with those of other threads.
  absl::Status Run(Request& request);
  // Runs `body` while nothing is committed.
  absl::Status RunAlone(const std::function<absl::Status()>& body);
  // Puts another data file into the place of this one: `current` is written between the two. On an error this one
  // stays.
  absl::Status MoveTo(std::shared_ptr<Environment> environment, std::uint64_t number);
  std::uint64_t number() const;
  // Whether a move failed so that `current` may name either data file once the power fails. Both hold the same then, so
  // both must stay, and nothing more is committed until the folder is opened anew.
  bool unsettled() const { return unsettled_; }
  absl::Status CheckSettled() const;

  // Held by what moves rows: sealing, compaction, forgetting.
  std::mutex& maintenance() { return maintenance_; }

  EnvironmentOptions OptionsOfEnvironment() const;

 private:
  absl::Status OpenData();
  absl::Status Create();
  absl::Status LockForWriting();
  absl::Status LockForReading();
  absl::Status RunGroup(std::deque<Request*>& group);
  absl::Status CommitGroup(std::deque<Request*>& group);
  absl::Status Unsettled(std::string_view why) const;

  std::string path_;
  StoreOptions options_;
  pid_t process_ = 0;
  std::pair<std::uint64_t, std::uint64_t> identity_ = {};  // of the folder in the file system
  file::FileDescriptor lock_;

  IdMirror users_{Table::kUsers};
  IdMirror items_{Table::kItems};
  std::mutex maintenance_;
  std::atomic<bool> unsettled_ = false;

  mutable std::mutex mutex_;  // guards what follows
  bool writing_ = false;
  std::shared_ptr<Environment> environment_;
  std::uint64_t number_ = 0;
  std::shared_ptr<const Layout> layout_;  // of the newest transaction seen
  const Environment* layout_environment_ = nullptr;

  std::mutex queue_mutex_;  // guards what follows
  std::condition_variable queue_changed_;
  std::deque<Request*> queue_;
  bool leading_ = false;
};

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_FOLDER_HPP_
