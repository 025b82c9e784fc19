// A disk that can be looked into and made to fail: it is told of every write, flush, rename and removal below one
// folder and says which calls fail. disk_calls.hpp tells it, in a test program or, preloaded, in the tool
// (disk_preload.cpp); disk_image.hpp makes of it what is left when the power fails.
#ifndef WAYPOST_TESTS_STORE_DISK_HPP_
#define WAYPOST_TESTS_STORE_DISK_HPP_

#include <fcntl.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace waypost::testing_support {

enum class DiskCall { kWrite, kResize, kFlush, kRename, kRemove, kNote };

struct DiskOperation {
  DiskCall call = DiskCall::kNote;
  std::string path;          // below the folder
  std::string to;            // of a rename
  std::uint64_t offset = 0;  // of a write; of a resize the size
  std::string bytes;         // of a write; of a note its text
  bool flushed = false;      // a write by O_DSYNC: it is on the disk when it returns
};

// What fails: the n-th call that writes, resizes, flushes or renames, counted from 1.
struct DiskFault {
  std::uint64_t at = 0;  // 0: none
  int error = 0;         // 0: a write that stops in the middle
  bool lasting = false;  // and all calls after it
};

// Thread-safe: all members may be called concurrently.
class Disk {
 public:
  static Disk& Get() {
    static Disk* const disk = new Disk;
    return *disk;
  }

  // Records what happens below `folder` from now on.
  void Watch(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    folder_ = folder + "/";
    operations_.clear();
  }
  // Keeps what the program says, such as that it is done with something, in the place where it says so.
  void Note(std::string text) {
    const std::lock_guard lock(mutex_);
    if (folder_.empty()) return;
    operations_.push_back({.call = DiskCall::kNote, .path = {}, .to = {}, .bytes = std::move(text)});
  }
  std::vector<DiskOperation> Stop() {
    const std::lock_guard lock(mutex_);
    folder_.clear();
    return std::move(operations_);
  }
  void Fail(const DiskFault& fault) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    calls_ = 0;
  }
  std::uint64_t calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

  // -- from the calls below --
  void Opened(int file, const char* path, int flags) {
    const std::lock_guard lock(mutex_);
    files_.erase(file);
    if (Watches(path))
      files_[file] = {std::string(path).substr(folder_.size()), (flags & O_DSYNC) != 0};
    else if (!folder_.empty() && std::string(path) + "/" == folder_)
      files_[file] = {"", false};
  }
  void Closed(int file) {
    const std::lock_guard lock(mutex_);
    files_.erase(file);
  }
  // Whether a call on this file fails; `short_write` is set where it stops in the middle.
  int Fault(int file, bool& short_write) {
    const std::lock_guard lock(mutex_);
    return files_.contains(file) ? NextFault(short_write) : 0;
  }
  int FaultOfName(const char* path) {
    const std::lock_guard lock(mutex_);
    bool ignored = false;
    return Watches(path) ? NextFault(ignored) : 0;
  }
  void Wrote(int file, std::uint64_t offset, std::string bytes) {
    const std::lock_guard lock(mutex_);
    const auto at = files_.find(file);
    if (at == files_.end() || folder_.empty()) return;
    operations_.push_back({.call = DiskCall::kWrite,
                           .path = at->second.path,
                           .to = {},
                           .offset = offset,
                           .bytes = std::move(bytes),
                           .flushed = at->second.dsync});
  }
  void Resized(int file, std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    const auto at = files_.find(file);
    if (at == files_.end() || folder_.empty()) return;
    operations_.push_back({.call = DiskCall::kResize, .path = at->second.path, .to = {}, .offset = size, .bytes = {}});
  }
  void Flushed(int file) {
    const std::lock_guard lock(mutex_);
    const auto at = files_.find(file);
    if (at == files_.end() || folder_.empty()) return;
    operations_.push_back({.call = DiskCall::kFlush, .path = at->second.path, .to = {}, .bytes = {}});
  }
  void Moved(const char* from, const char* to) {
    const std::lock_guard lock(mutex_);
    if (!Watches(from)) return;
    operations_.push_back({.call = DiskCall::kRename,
                           .path = std::string(from).substr(folder_.size()),
                           .to = std::string(to).substr(folder_.size()),
                           .bytes = {}});
  }
  void Removed(const char* path) {
    const std::lock_guard lock(mutex_);
    if (!Watches(path)) return;
    operations_.push_back(
        {.call = DiskCall::kRemove, .path = std::string(path).substr(folder_.size()), .to = {}, .bytes = {}});
  }

 private:
  struct File {
    std::string path;
    bool dsync = false;
  };

  bool Watches(std::string_view path) const { return !folder_.empty() && path.starts_with(folder_); }
  int NextFault(bool& short_write) {
    ++calls_;
    if (fault_.at == 0 || calls_ < fault_.at || (calls_ > fault_.at && !fault_.lasting)) return 0;
    short_write = fault_.error == 0;
    return fault_.error;
  }

  std::mutex mutex_;
  std::string folder_;
  std::map<int, File> files_;
  std::vector<DiskOperation> operations_;
  DiskFault fault_;
  std::uint64_t calls_ = 0;
};

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_STORE_DISK_HPP_
