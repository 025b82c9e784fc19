#include "store/data_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>

#include "file/file_io.hpp"
#include "store/environment.hpp"

namespace waypost::store {
namespace {

constexpr std::string_view kDataPrefix = "data-";
constexpr std::string_view kDataSuffix = ".mdb";

// Whether WriteCurrent gives such a name, ".waypost-current-<process>-<number>.tmp", to what it renames. Another
// temporary file may be a model that a thread is saving.
bool IsTemporaryCurrent(std::string_view name) {
  const std::string prefix = absl::StrCat(".waypost-", internal::ToAbsl(kCurrentFile), "-");
  constexpr std::string_view kSuffix = ".tmp";
  if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) return false;
  name.remove_prefix(prefix.size());
  name.remove_suffix(kSuffix.size());
  return name.find_first_not_of("0123456789-") == std::string_view::npos &&
         std::count(name.begin(), name.end(), '-') == 1;
}

}  // namespace

std::string DataFileName(std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return absl::StrCat(internal::ToAbsl(kDataPrefix), digits, internal::ToAbsl(kDataSuffix));
}

absl::StatusOr<std::uint64_t> DataFileNumber(std::string_view name) {
  std::uint64_t number = 0;
  if (name.starts_with(kDataPrefix) && name.ends_with(kDataSuffix)) {
    const std::string_view digits =
        name.substr(kDataPrefix.size(), name.size() - kDataPrefix.size() - kDataSuffix.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size()) return number;
  }
  return absl::DataLossError(
      absl::StrCat("want the name of a data file, got '", internal::ToAbsl(name.substr(0, 40)), "'"));
}

absl::StatusOr<std::uint64_t> ReadCurrent(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", internal::ToAbsl(kCurrentFile));
  const file::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return ToStatus(errno, absl::StrCat("'", path, "'"));
  char text[64];
  const ssize_t size = read(file.get(), text, sizeof(text));
  if (size < 0) return ToStatus(errno, absl::StrCat("'", path, "'"));
  std::string_view name(text, static_cast<std::size_t>(size));
  if (!name.ends_with('\n'))
    return absl::DataLossError(absl::StrCat("'", path, "': want one line, got ", size, " bytes"));
  name.remove_suffix(1);
  const absl::StatusOr<std::uint64_t> number = DataFileNumber(name);
  if (!number.ok()) return internal::AddContext(absl::StrCat("'", path, "'"), number.status());
  return number;
}

absl::Status WriteCurrent(const std::string& folder, std::uint64_t number) {
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<file::AtomicFile> file,
                           file::AtomicFile::Create(absl::StrCat(folder, "/", internal::ToAbsl(kCurrentFile))));
  const std::string line = DataFileName(number) + "\n";
  WAYPOST_RETURN_IF_ERROR(file->Write(std::as_bytes(std::span(line))));
  return file->Commit();
}

void RemoveOtherDataFiles(const std::string& folder, std::uint64_t keep) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with("-lock")) name.resize(name.size() - 5);
    const absl::StatusOr<std::uint64_t> number = DataFileNumber(name);
    if (IsTemporaryCurrent(name) || (number.ok() && *number != keep)) std::filesystem::remove(entry.path(), ignored);
  }
}

absl::Status RemoveLeftDataFiles(const std::string& folder, std::uint64_t keep) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const absl::StatusOr<std::uint64_t> number = DataFileNumber(entry.path().filename().string());
    if (!number.ok() || *number == keep) continue;
    const file::FileDescriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // EINVAL: a file system that cannot flush a folder.
    if (opened.get() < 0 || (fsync(opened.get()) != 0 && errno != EINVAL))
      return ToStatus(errno, absl::StrCat("flush '", folder, "'"));
    break;
  }
  RemoveOtherDataFiles(folder, keep);
  return absl::OkStatus();
}

bool IsUnfinished(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name == kLockFile || DataFileNumber(name).ok()) return true;
  }
  return false;
}

}  // namespace waypost::store
