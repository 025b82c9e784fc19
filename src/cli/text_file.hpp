// cli/text_file.hpp - small text files, read and written as a whole.
#ifndef WAYPOST_CLI_TEXT_FILE_HPP_
#define WAYPOST_CLI_TEXT_FILE_HPP_

#include <filesystem>
#include <string>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost::cli {

// Errors  kNotFound: no such file; kInvalidArgument: a folder; kResourceExhausted: beyond 64 MiB.
absl::StatusOr<std::string> ReadTextFile(const std::filesystem::path& path);

// Writes a temporary file beside `path` and renames it: readers see the old text or the new one.
// Errors  kUnavailable: it cannot be written.
absl::Status WriteTextFile(const std::filesystem::path& path, std::string_view text);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TEXT_FILE_HPP_
