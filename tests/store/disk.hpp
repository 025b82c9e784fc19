// A disk that can be looked into and made to fail: the system calls that write files, put before those of the C
// library. A test program that includes this in one source file records every write, flush, rename and removal below
// one folder, and can make calls fail; everything still happens for real.
#ifndef WAYPOST_TESTS_STORE_DISK_HPP_
#define WAYPOST_TESTS_STORE_DISK_HPP_

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/random.hpp"

namespace waypost::testing_support {

enum class DiskCall { kWrite, kFlush, kRename, kRemove, kNote };

struct DiskOperation {
  DiskCall call = DiskCall::kNote;
  std::string path;          // below the folder
  std::string to;            // of a rename
  std::uint64_t offset = 0;  // of a write
  std::string bytes;         // of a write
  bool flushed = false;      // a write by O_DSYNC: it is on the disk when it returns
  std::uint64_t note = 0;
};

// What fails: the n-th call that writes or flushes, counted from 1.
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
  void Note(std::uint64_t note) {
    const std::lock_guard lock(mutex_);
    if (folder_.empty()) return;
    operations_.push_back({.call = DiskCall::kNote, .path = {}, .to = {}, .bytes = {}, .note = note});
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
    if (std::string_view(path).starts_with(folder_) && !folder_.empty())
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
    if (files_.find(file) == files_.end()) return 0;
    ++calls_;
    if (fault_.at == 0 || calls_ < fault_.at || (calls_ > fault_.at && !fault_.lasting)) return 0;
    short_write = fault_.error == 0;
    return fault_.error;
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
  void Flushed(int file) {
    const std::lock_guard lock(mutex_);
    const auto at = files_.find(file);
    if (at == files_.end() || folder_.empty()) return;
    operations_.push_back({.call = DiskCall::kFlush, .path = at->second.path, .to = {}, .bytes = {}});
  }
  void Moved(const char* from, const char* to) {
    const std::lock_guard lock(mutex_);
    if (folder_.empty() || !std::string_view(from).starts_with(folder_)) return;
    operations_.push_back({.call = DiskCall::kRename,
                           .path = std::string(from).substr(folder_.size()),
                           .to = std::string(to).substr(folder_.size()),
                           .bytes = {}});
  }
  void Removed(const char* path) {
    const std::lock_guard lock(mutex_);
    if (folder_.empty() || !std::string_view(path).starts_with(folder_)) return;
    operations_.push_back(
        {.call = DiskCall::kRemove, .path = std::string(path).substr(folder_.size()), .to = {}, .bytes = {}});
  }

 private:
  struct File {
    std::string path;
    bool dsync = false;
  };

  std::mutex mutex_;
  std::string folder_;
  std::map<int, File> files_;
  std::vector<DiskOperation> operations_;
  DiskFault fault_;
  std::uint64_t calls_ = 0;
};

// Writes to `folder` what a disk may hold that lost its power behind `operations[0, cut)`: of each file all that was
// flushed, and of the later writes a random subset, some of them in part (whole sectors of 512 bytes). Names (renames
// and removals) keep their order; those behind the last flush of the folder may be missing from some point on.
inline void RebuildAfterPowerLoss(const std::vector<DiskOperation>& operations, std::size_t cut, Random& random,
                                  const std::string& folder) {
  constexpr std::size_t kSector = 512;
  std::map<std::string, std::size_t> flushed;  // of each name: the last flush before the cut
  for (std::size_t n = 0; n < cut; ++n)
    if (operations[n].call == DiskCall::kFlush) flushed[operations[n].path] = n;
  std::size_t names_until = flushed.contains("") ? flushed[""] : 0;  // names before it are safe
  names_until += random.Below(cut - names_until + 1);
  // A file that is renamed takes its flushes with it: files are followed from their first name on.
  std::map<std::string, std::string> contents;
  for (std::size_t n = 0; n < cut; ++n) {
    const DiskOperation& operation = operations[n];
    if (operation.call == DiskCall::kWrite) {
      const auto flush = flushed.find(operation.path);
      const bool safe = operation.flushed || (flush != flushed.end() && n < flush->second);
      std::string bytes = operation.bytes;
      std::size_t begin = 0;
      if (!safe) {
        const std::uint64_t fate = random.Below(4);
        if (fate == 0) continue;
        if (fate == 1 && bytes.size() > kSector) {  // some sectors of it
          begin = kSector * random.Below(bytes.size() / kSector);
          bytes = bytes.substr(begin, kSector * (1 + random.Below((bytes.size() - begin) / kSector + 1)));
        }
      }
      std::string& content = contents[operation.path];
      const std::size_t at = operation.offset + begin;
      if (content.size() < at + bytes.size()) content.resize(at + bytes.size());
      content.replace(at, bytes.size(), bytes);
    } else if (n < names_until && operation.call == DiskCall::kRename) {
      if (contents.contains(operation.path)) contents[operation.to] = std::move(contents[operation.path]);
      contents.erase(operation.path);
    } else if (n < names_until && operation.call == DiskCall::kRemove) {
      contents.erase(operation.path);
    }
  }
  std::filesystem::create_directories(folder);
  for (const auto& [name, content] : contents) std::ofstream(folder + "/" + name, std::ios::binary) << content;
}

template <typename Function>
Function* RealCall(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

inline int OpenForReal(const char* name, const char* path, int flags, mode_t mode) {
  const int file = RealCall<int(const char*, int, ...)>(name)(path, flags, mode);
  if (file >= 0) Disk::Get().Opened(file, path, flags);
  return file;
}

// Common to all calls that write: `real(size)` writes that many bytes at most.
template <typename Real>
ssize_t WriteForReal(int file, std::uint64_t offset, const std::string& bytes, const Real& real) {
  bool short_write = false;
  if (const int error = Disk::Get().Fault(file, short_write); error != 0) {
    errno = error;
    return -1;
  }
  const ssize_t written = real(short_write ? bytes.size() / 2 : bytes.size());
  if (written > 0) Disk::Get().Wrote(file, offset, bytes.substr(0, static_cast<std::size_t>(written)));
  return written;
}

inline int FlushForReal(const char* name, int file) {
  bool ignored = false;
  if (const int error = Disk::Get().Fault(file, ignored); error != 0) {
    errno = error;
    return -1;
  }
  const int result = RealCall<int(int)>(name)(file);
  if (result == 0) Disk::Get().Flushed(file);
  return result;
}

}  // namespace waypost::testing_support

// The calls. Not inline: one source file of a program includes this.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>(va_arg(rest, int));
  va_end(rest);
  return waypost::testing_support::OpenForReal("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>(va_arg(rest, int));
  va_end(rest);
  return waypost::testing_support::OpenForReal("open64", path, flags, mode);
}

int close(int file) {
  waypost::testing_support::Disk::Get().Closed(file);
  return waypost::testing_support::RealCall<int(int)>("close")(file);
}

ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t offset) {
  using namespace waypost::testing_support;
  return WriteForReal(file, static_cast<std::uint64_t>(offset), std::string(static_cast<const char*>(bytes), size),
                      [&](std::size_t most) {
                        return RealCall<ssize_t(int, const void*, std::size_t, off_t)>("pwrite")(file, bytes, most,
                                                                                                 offset);
                      });
}

ssize_t write(int file, const void* bytes, std::size_t size) {
  using namespace waypost::testing_support;
  const off_t offset = lseek(file, 0, SEEK_CUR);
  return WriteForReal(
      file, static_cast<std::uint64_t>(offset < 0 ? 0 : offset), std::string(static_cast<const char*>(bytes), size),
      [&](std::size_t most) { return RealCall<ssize_t(int, const void*, std::size_t)>("write")(file, bytes, most); });
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  using namespace waypost::testing_support;
  std::string bytes;
  for (int n = 0; n < count; ++n) bytes.append(static_cast<const char*>(parts[n].iov_base), parts[n].iov_len);
  const off_t offset = lseek(file, 0, SEEK_CUR);
  return WriteForReal(file, static_cast<std::uint64_t>(offset < 0 ? 0 : offset), bytes, [&](std::size_t most) {
    return RealCall<ssize_t(int, const void*, std::size_t)>("write")(file, bytes.data(), most);
  });
}

int fdatasync(int file) {
  return waypost::testing_support::FlushForReal("fdatasync", file);
}

int fsync(int file) {
  return waypost::testing_support::FlushForReal("fsync", file);
}

int rename(const char* from, const char* to) noexcept {
  const int result = waypost::testing_support::RealCall<int(const char*, const char*)>("rename")(from, to);
  if (result == 0) waypost::testing_support::Disk::Get().Moved(from, to);
  return result;
}

int unlink(const char* path) noexcept {
  const int result = waypost::testing_support::RealCall<int(const char*)>("unlink")(path);
  if (result == 0) waypost::testing_support::Disk::Get().Removed(path);
  return result;
}

int remove(const char* path) noexcept {
  const int result = waypost::testing_support::RealCall<int(const char*)>("remove")(path);
  if (result == 0) waypost::testing_support::Disk::Get().Removed(path);
  return result;
}

}  // extern "C"

#endif  // WAYPOST_TESTS_STORE_DISK_HPP_
