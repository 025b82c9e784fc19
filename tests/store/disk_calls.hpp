// The system calls that write files, put before those of the C library: everything still happens for real, and the Disk
// is told of it and asked what is to fail. One source file of a program, or of a library that is preloaded, includes
// this.
#ifndef WAYPOST_TESTS_STORE_DISK_CALLS_HPP_
#define WAYPOST_TESTS_STORE_DISK_CALLS_HPP_

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string>

#include "disk.hpp"

namespace waypost::testing_support {

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

int ftruncate(int file, off_t size) noexcept {
  using namespace waypost::testing_support;
  bool ignored = false;
  if (const int error = Disk::Get().Fault(file, ignored); error != 0) {
    errno = error;
    return -1;
  }
  const int result = RealCall<int(int, off_t)>("ftruncate")(file, size);
  if (result == 0) Disk::Get().Resized(file, static_cast<std::uint64_t>(size));
  return result;
}

int rename(const char* from, const char* to) noexcept {
  if (const int error = waypost::testing_support::Disk::Get().FaultOfName(from); error != 0) {
    errno = error;
    return -1;
  }
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

#endif  // WAYPOST_TESTS_STORE_DISK_CALLS_HPP_
