#include "store/folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <system_error>

namespace waypost::store {
namespace {

constexpr std::uint64_t kLargestEmptyFile = std::uint64_t{1} << 17;

using Identity = std::pair<std::uint64_t, std::uint64_t>;

// The folders this process has open. Never destroyed: stores may outlive the statics of other files.
struct Registry {
  struct Place {
    std::weak_ptr<Folder> folder;
    pid_t process = 0;
    const Folder* address = nullptr;
  };
  std::mutex mutex;
  std::condition_variable closed;
  std::map<Identity, Place> places;

  static Registry& Get() {
    static Registry* const registry = new Registry;
    return *registry;
  }
};

absl::StatusOr<Identity> IdentityOf(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return ToStatus(errno, absl::StrCat("'", path, "'"));
  if (!S_ISDIR(status.st_mode))
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': want a folder, got a file"));
  return Identity(status.st_dev, status.st_ino);
}

struct flock LockOf(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Folder::Folder(std::string path, const StoreOptions& options)
    : path_(std::move(path)), options_(options), process_(getpid()) {}

Folder::~Folder() {
  Registry& registry = Registry::Get();
  const std::lock_guard lock(registry.mutex);
  layout_.reset();
  environment_.reset();
  (void)lock_.Close();
  const auto at = registry.places.find(identity_);
  if (at != registry.places.end() && at->second.address == this) registry.places.erase(at);
  registry.closed.notify_all();
}

absl::StatusOr<std::shared_ptr<Folder>> Folder::Open(const std::string& path, const StoreOptions& options) {
  if (path.empty() || path.find('\0') != std::string::npos)
    return absl::InvalidArgumentError("Store.folder: want the name of a folder, got none");
  std::error_code error;
  if (options.access == StoreAccess::kWrite) std::filesystem::create_directories(path, error);
  if (error && error != std::errc::not_a_directory)
    return ToStatus(error.value(), absl::StrCat("cannot make '", path, "'"));
  WAYPOST_ASSIGN_OR_RETURN(const Identity identity, IdentityOf(path));

  Registry& registry = Registry::Get();
  std::unique_lock lock(registry.mutex);
  std::shared_ptr<Folder> folder;
  for (;;) {
    const auto at = registry.places.find(identity);
    if (at == registry.places.end() || at->second.process != getpid()) break;  // a child of fork() opens it anew
    folder = at->second.folder.lock();
    if (folder != nullptr) break;
    registry.closed.wait(lock);  // it is being closed
  }
  if (folder == nullptr) {
    folder = std::make_shared<Folder>(path, options);
    folder->identity_ = identity;
    absl::Status status;
    if (options.access == StoreAccess::kWrite) status = folder->LockForWriting();
    if (status.ok()) status = folder->OpenData();
    if (status.ok()) {
      registry.places[identity] = {folder, getpid(), folder.get()};
    } else {
      lock.unlock();  // its destructor takes the lock
      return status;
    }
  }
  lock.unlock();
  if (options.access == StoreAccess::kWrite) WAYPOST_RETURN_IF_ERROR(folder->StartWriting(options));
  return folder;
}

absl::Status Folder::CheckProcess() const {
  if (getpid() == process_) return absl::OkStatus();
  return absl::FailedPreconditionError("Store: want the process that opened it, got a child of fork()");
}

absl::Status Folder::LockForWriting() {
  if (lock_.get() >= 0) return absl::OkStatus();
  const std::string path = absl::StrCat(path_, "/", internal::ToAbsl(kLockFile));
  file::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0) return ToStatus(errno, absl::StrCat("'", path, "'"));
  struct flock lock = LockOf(F_WRLCK);
  if (fcntl(file.get(), F_SETLK, &lock) != 0) {
    const int error = errno;
    if (error != EACCES && error != EAGAIN) return ToStatus(error, absl::StrCat("'", path, "'"));
    struct flock holder = LockOf(F_WRLCK);
    if (fcntl(file.get(), F_GETLK, &holder) != 0 || holder.l_type == F_UNLCK) holder.l_pid = 0;
    return absl::UnavailableError(absl::StrCat("Store.Open: want '", path, "' free, got it held by process ",
                                               holder.l_pid, holder.l_type == F_RDLCK ? ", which reads" : ""));
  }
  lock_ = std::move(file);
  return absl::OkStatus();
}

absl::Status Folder::LockForReading() {
  const std::string path = absl::StrCat(path_, "/", internal::ToAbsl(kLockFile));
  file::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return errno == ENOENT ? absl::OkStatus() : ToStatus(errno, absl::StrCat("'", path, "'"));
  struct flock lock = LockOf(F_RDLCK);
  if (fcntl(file.get(), F_SETLK, &lock) != 0)
    return absl::UnavailableError(
        absl::StrCat("Store.Open: want '", path, "' without a writer, as no lock file can be made here, got one"));
  lock_ = std::move(file);
  return absl::OkStatus();
}

absl::Status Folder::StartWriting(const StoreOptions& options) {
  const std::lock_guard lock(mutex_);
  if (writing_)
    return absl::UnavailableError(absl::StrCat("Store.Open: want '", path_, "/", internal::ToAbsl(kLockFile),
                                               "' free, got it held by this process"));
  if (environment_->options().read_only)
    return absl::PermissionDeniedError(absl::StrCat("'", path_, "': want a folder that can be written, got another"));
  WAYPOST_RETURN_IF_ERROR(CheckSettled());  // readers that are still open keep this object
  WAYPOST_RETURN_IF_ERROR(LockForWriting());
  WAYPOST_RETURN_IF_ERROR(RemoveLeftDataFiles(path_, number_));
  options_ = options;
  environment_->SetFast(options.durability == Durability::kFast);
  writing_ = true;
  return absl::OkStatus();
}

void Folder::StopWriting() {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  (void)lock_.Close();
}

EnvironmentOptions Folder::OptionsOfEnvironment() const {
  return {.map_bytes = options_.map_bytes,
          .max_map_bytes = options_.max_map_bytes,
          .max_readers = options_.max_readers,
          .fast = options_.durability == Durability::kFast};
}

absl::Status Folder::Create() {
  RemoveOtherDataFiles(path_, 0);
  EnvironmentOptions options = OptionsOfEnvironment();
  options.create = true;
  options.fast = false;
  const std::uint64_t number = 1;
  {
    WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<Environment> fresh,
                             Environment::Open(absl::StrCat(path_, "/", DataFileName(number)), options));
    WAYPOST_RETURN_IF_ERROR(fresh->Write(PutEmptyStore));
  }
  return WriteCurrent(path_, number);
}

absl::Status Folder::OpenData() {
  absl::StatusOr<std::uint64_t> number = ReadCurrent(path_);
  if (absl::IsNotFound(number.status())) {
    // Creation was cut short, or there is nothing at all.
    const bool writes = options_.access == StoreAccess::kWrite;
    if (!writes && !IsUnfinished(path_))
      return absl::NotFoundError(absl::StrCat("'", path_, "': want a store, got a folder without one"));
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path_, ignored))
      if (DataFileNumber(entry.path().filename().string()).ok() && entry.file_size(ignored) > kLargestEmptyFile)
        return absl::DataLossError(absl::StrCat("'", path_,
                                                "': want the file 'current', which names the data file, "
                                                "got none beside ",
                                                entry.path().filename().string()));
    WAYPOST_RETURN_IF_ERROR(LockForWriting());
    const absl::Status created = Create();
    if (!writes) (void)lock_.Close();
    WAYPOST_RETURN_IF_ERROR(created);
    number = ReadCurrent(path_);
  }
  constexpr int kMostTries = 100;  // a compaction may put another file there while this one is being opened
  absl::Status status;
  for (int tries = 0; tries < kMostTries; ++tries) {
    WAYPOST_RETURN_IF_ERROR(number.status());
    EnvironmentOptions options = OptionsOfEnvironment();
    const std::string data = absl::StrCat(path_, "/", DataFileName(*number));
    // LMDB would make a file that is not there.
    if (access(data.c_str(), R_OK) != 0) {
      status = errno == ENOENT ? absl::DataLossError(absl::StrCat("'", data, "': want the data file, got none"))
                               : ToStatus(errno, absl::StrCat("'", data, "'"));
    } else {
      options.read_only = access(data.c_str(), W_OK) != 0 || access(path_.c_str(), W_OK) != 0;
      if (options.read_only && options_.access == StoreAccess::kWrite)
        return absl::PermissionDeniedError(
            absl::StrCat("'", path_, "': want a folder that can be written, got another"));
      absl::StatusOr<std::shared_ptr<Environment>> opened = Environment::Open(data, options);
      status = opened.status();
      if (opened.ok()) {
        environment_ = *std::move(opened);
        number_ = *number;
        if (environment_->lockless()) WAYPOST_RETURN_IF_ERROR(LockForReading());
        WAYPOST_ASSIGN_OR_RETURN(MDB_txn* const transaction, environment_->BeginReading());
        status = CheckFormat(Reading(transaction, environment_->tables())).status();
        environment_->Release(transaction);
        return status;
      }
    }
    const absl::StatusOr<std::uint64_t> again = ReadCurrent(path_);
    if (again.ok() && *again == *number) return status;
    number = again;
  }
  return status;
}

std::shared_ptr<Environment> Folder::environment() const {
  const std::lock_guard lock(mutex_);
  return environment_;
}

std::uint64_t Folder::number() const {
  const std::lock_guard lock(mutex_);
  return number_;
}

absl::StatusOr<Folder::View> Folder::BeginReading() {
  for (;;) {
    View view;
    std::shared_ptr<const Layout> before;
    {
      const std::lock_guard lock(mutex_);
      view.environment = environment_;
      if (layout_environment_ == environment_.get()) before = layout_;
    }
    WAYPOST_ASSIGN_OR_RETURN(view.transaction, view.environment->BeginReading());
    if (before != nullptr && before->transaction == mdb_txn_id(view.transaction)) {
      view.layout = std::move(before);
    } else {
      absl::StatusOr<std::shared_ptr<const Layout>> layout =
          ReadLayout(Reading(view.transaction, view.environment->tables()), before.get());
      if (!layout.ok()) {
        view.environment->Release(view.transaction);
        return layout.status();
      }
      view.layout = *std::move(layout);
      const std::lock_guard lock(mutex_);
      if (environment_ == view.environment && (layout_environment_ != environment_.get() || layout_ == nullptr ||
                                               layout_->transaction < view.layout->transaction)) {
        layout_ = view.layout;
        layout_environment_ = environment_.get();
      }
    }
    if (view.layout->state.moved == 0) return view;
    // Another process may have put another data file in the place of this one.
    const absl::StatusOr<std::uint64_t> current = ReadCurrent(path_);
    const std::lock_guard lock(mutex_);
    if (!current.ok() || *current == number_ || writing_) {
      if (environment_ == view.environment) return view;
    } else if (environment_ == view.environment) {
      const std::shared_ptr<Environment> old = std::exchange(environment_, nullptr);
      layout_.reset();
      if (const absl::Status status = OpenData(); !status.ok()) {
        environment_ = old;
        view.environment->Release(view.transaction);
        return status;
      }
    }
    view.environment->Release(view.transaction);
  }
}

absl::Status Folder::Run(Request& request) {
  std::unique_lock lock(queue_mutex_);
  queue_.push_back(&request);
  queue_changed_.wait(lock, [&] { return request.done || !leading_; });
  if (request.done) return request.status;
  // This thread commits for all that wait, its own request among them: it has not been taken by another.
  leading_ = true;
  while (!request.done) {
    std::deque<Request*> group;
    if (queue_.front()->alone) {
      group.push_back(queue_.front());
      queue_.pop_front();
    }
    while (group.empty() || !group.front()->alone) {
      if (queue_.empty() || queue_.front()->alone) break;
      group.push_back(queue_.front());
      queue_.pop_front();
    }
    lock.unlock();
    const absl::Status status = RunGroup(group);
    lock.lock();
    for (Request* const member : group) {
      if (member->status.ok()) member->status = status;
      member->done = true;
    }
    queue_changed_.notify_all();
  }
  leading_ = false;
  queue_changed_.notify_all();
  return request.status;
}

absl::Status Folder::RunGroup(std::deque<Request*>& group) try {
  return CommitGroup(group);
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("Store.commit: memory");
}

absl::Status Folder::Unsettled(std::string_view why) const {
  return absl::UnavailableError(absl::StrCat("'", path_, "/", internal::ToAbsl(kCurrentFile),
                                             "': want to know which data file it names when the power fails, got ",
                                             internal::ToAbsl(why), "; the store wants to be opened again"));
}

absl::Status Folder::CheckSettled() const {
  return unsettled_ ? Unsettled("a disk that failed") : absl::OkStatus();
}

absl::Status Folder::CommitGroup(std::deque<Request*>& group) {
  WAYPOST_RETURN_IF_ERROR(CheckSettled());
  Commit commit(users_, items_);
  const absl::Status status = environment()->Write([&](Writing& writing) -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(commit.Begin(writing));
    for (Request* const request : group) {
      request->status = request->apply(commit);
      if (!request->status.ok()) return request->status;
    }
    return commit.Finish();
  });
  if (status.ok()) {
    commit.Publish();
    return status;
  }
  // One request of several must not fail for another: each is tried by itself.
  if (group.size() > 1) {
    for (Request* const request : group) {
      std::deque<Request*> one = {request};
      request->status = CommitGroup(one);
    }
    return absl::OkStatus();
  }
  return status;
}

absl::Status Folder::RunAlone(const std::function<absl::Status()>& body) {
  std::unique_lock lock(queue_mutex_);
  queue_changed_.wait(lock, [&] { return !leading_; });
  leading_ = true;
  lock.unlock();
  absl::Status status;
  try {
    status = CheckSettled();
    if (status.ok()) status = body();
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError("Store: memory");
  }
  lock.lock();
  leading_ = false;
  queue_changed_.notify_all();
  return status;
}

absl::Status Folder::MoveTo(std::shared_ptr<Environment> fresh, std::uint64_t number) {
  const std::shared_ptr<Environment> old = environment();
  const auto set_moved = [](std::uint64_t moved) {
    return [moved](Writing& writing) -> absl::Status {
      WAYPOST_ASSIGN_OR_RETURN(State state, ReadState(writing));
      state.moved = moved;
      return PutState(writing, state);
    };
  };
  WAYPOST_RETURN_IF_ERROR(old->Write(set_moved(1)));
  if (const absl::Status status = WriteCurrent(path_, number); !status.ok()) {
    // The name may be there without being on the disk for sure: the old one must then be put back, and be.
    const std::uint64_t before = this->number();
    const absl::StatusOr<std::uint64_t> named = ReadCurrent(path_);
    if ((named.ok() && *named == before) || WriteCurrent(path_, before).ok()) {
      (void)old->Write(set_moved(0));
      return status;
    }
    unsettled_ = true;
    return Unsettled(std::string(status.message()));
  }
  const std::lock_guard lock(mutex_);
  environment_ = std::move(fresh);
  number_ = number;
  layout_.reset();
  RemoveOtherDataFiles(path_, number);
  return absl::OkStatus();
}

}  // namespace waypost::store
