#include "text_file.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace waypost::cli {
namespace {

constexpr std::uintmax_t kMaxTextBytes = 64u << 20;  // settings and trial tables are far below

}  // namespace

absl::StatusOr<std::string> ReadTextFile(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return absl::NotFoundError(absl::StrCat(path.string(), ": no such file"));
  if (std::filesystem::is_directory(status))
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": want a file, got a folder"));
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMaxTextBytes)
    return absl::ResourceExhaustedError(
        absl::StrCat(path.string(), ": want at most ", kMaxTextBytes, " bytes, got ", size));
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return absl::UnavailableError(absl::StrCat(path.string(), ": cannot be read"));
  return text;
}

absl::Status WriteTextFile(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path temporary = path.string() + ".part";
  std::ofstream file(temporary, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(temporary, path, error);
  if (!file || error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    return absl::UnavailableError(absl::StrCat(path.string(), ": cannot be written"));
  }
  return absl::OkStatus();
}

}  // namespace waypost::cli
