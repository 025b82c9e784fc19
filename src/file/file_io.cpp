#include "file/file_io.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace waypost::file {
namespace {

// "cannot open '/a/b.waypost': No such file or directory".
absl::Status SystemError(int error, std::string_view what, const std::string& path) {
  const absl::Status status =
      absl::ErrnoToStatus(error, absl::StrCat("cannot ", internal::ToAbsl(what), " '", path, "'"));
  return error == EIO ? absl::UnavailableError(status.message()) : status;  // of the disk, not unknown
}

absl::Status CheckPath(const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError("path: want a file's name, got ''");
  if (path.find('\0') != std::string::npos) return absl::InvalidArgumentError("path: want no zero byte, got one");
  return absl::OkStatus();
}

absl::Status NotRegular(const std::string& path, mode_t mode) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", path, "': want a regular file, got ", S_ISDIR(mode) ? "a folder" : "a device"));
}

// The file that a rename may replace: `path`, or what it leads to where it is a symbolic link. A rename would put a
// file in the place of a device or a pipe as well, so these are refused: /dev/null must survive a careless root.
absl::StatusOr<std::string> ReplaceableFile(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return path;  // new, or what follows says what is wrong
  if (S_ISDIR(status.st_mode)) return SystemError(EISDIR, "write", path);
  if (!S_ISREG(status.st_mode)) return NotRegular(path, status.st_mode);
  std::error_code error;
  std::filesystem::path target = std::filesystem::canonical(path, error);
  if (error) return SystemError(error.value(), "write", path);
  return target.string();
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash + 1);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  WAYPOST_RETURN_IF_ERROR(CheckPath(path));
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return SystemError(errno, "open", path);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return SystemError(errno, "read", path);
  if (!S_ISREG(status.st_mode)) return NotRegular(path, status.st_mode);
  auto mapped = std::make_shared<MappedFile>();
  if (status.st_size == 0) return mapped;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return SystemError(errno, "map", path);
  mapped->data_ = static_cast<const std::byte*>(data);
  mapped->size_ = size;
  return mapped;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

int FileDescriptor::Close() {
  const int descriptor = std::exchange(descriptor_, -1);
  return descriptor < 0 ? 0 : close(descriptor);
}

absl::StatusOr<std::unique_ptr<AtomicFile>> AtomicFile::Create(const std::string& path) {
  WAYPOST_RETURN_IF_ERROR(CheckPath(path));
  WAYPOST_ASSIGN_OR_RETURN(const std::string target, ReplaceableFile(path));
  const std::string folder_name = FolderOf(target);
  FileDescriptor folder(open(folder_name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return SystemError(errno, "open the folder", folder_name);
  // Of what is left by a process that was killed the name tells whose it was.
  constexpr std::size_t kMostOfName = 100;
  const std::string name = target.substr(target.rfind('/') + 1, kMostOfName);
  static std::atomic<std::uint64_t> counter = 0;  // makes names of one process unique; the process id those of several
  for (int attempts = 0; attempts < 1000; ++attempts) {
    std::string temporary = absl::StrCat(folder_name, folder_name.back() == '/' ? "" : "/", ".waypost-", name, "-",
                                         getpid(), "-", counter.fetch_add(1), ".tmp");
    FileDescriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.get() >= 0) {
      // The folder is not left with a file that nobody removes if the object cannot be allocated.
      try {
        return std::make_unique<AtomicFile>(target, temporary, std::move(file), std::move(folder));
      } catch (...) {
        unlink(temporary.c_str());
        throw;
      }
    }
    if (errno != EEXIST) return SystemError(errno, "write", path);
  }
  return absl::AlreadyExistsError(absl::StrCat("cannot find an unused temporary name in '", folder_name, "'"));
}

absl::Status AtomicFile::Write(std::span<const std::byte> bytes) {
  // The page cache may keep what one call writes in one piece and map it as a whole for whoever reads a byte of it:
  // after larger calls a model that is read here and there takes up far more memory.
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 16;
  while (!bytes.empty()) {
    const ssize_t written = write(file_.get(), bytes.data(), std::min(bytes.size(), kMostAtOnce));
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno, "write", path_);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Commit() {
  if (fsync(file_.get()) != 0) return SystemError(errno, "flush", path_);
  if (file_.Close() != 0) return SystemError(errno, "close", path_);  // some network file systems report errors here
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return SystemError(errno, "write", path_);
  temporary_.clear();
  // EINVAL: a file system that cannot flush a folder.
  if (fsync(folder_.get()) != 0 && errno != EINVAL) return SystemError(errno, "flush the folder of", path_);
  return absl::OkStatus();
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

}  // namespace waypost::file
