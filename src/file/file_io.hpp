// Files as the operating system gives them: a read-only mapping, and a file that appears whole or not at all.
#ifndef WAYPOST_SRC_FILE_FILE_IO_HPP_
#define WAYPOST_SRC_FILE_FILE_IO_HPP_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "waypost/base/status.hpp"

namespace waypost::file {

// A read-only mapping of a whole file. The file must not be changed in place while it is mapped.
//
// Immutable: safe to use from any number of threads.
class MappedFile {
 public:
  // Errors  kNotFound, kInvalidArgument: not a regular file; kPermissionDenied and others of the system.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);

  MappedFile() = default;
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile(MappedFile&&) = delete;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// A file descriptor, closed at the end of its life.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor = -1) : descriptor_(descriptor) {}
  ~FileDescriptor() { (void)Close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return descriptor_; }
  // Returns what close() does; a second call does nothing.
  int Close();

 private:
  int descriptor_;
};

// Writes a temporary file in the folder of `path`, which Commit flushes and renames to `path`. Without Commit nothing
// is left behind. A symbolic link stays: the file it leads to is replaced.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class AtomicFile {
 public:
  // Errors  of the system: kNotFound for a missing folder, kPermissionDenied ...; kInvalidArgument: a device or pipe.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(const std::string& path);

  AtomicFile(std::string path, std::string temporary, FileDescriptor file, FileDescriptor folder)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)), folder_(std::move(folder)) {}
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  AtomicFile(AtomicFile&&) = delete;
  AtomicFile& operator=(AtomicFile&&) = delete;

  absl::Status Write(std::span<const std::byte> bytes);
  absl::Status Commit();

 private:
  std::string path_;
  std::string temporary_;  // empty once renamed
  FileDescriptor file_;
  FileDescriptor folder_;
};

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_FILE_IO_HPP_
