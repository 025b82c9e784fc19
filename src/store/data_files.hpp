// store/data_files.hpp - the files of a store's folder: which of its data files counts, and what is left over.
//
// (1) `current` names the data file. It is replaced whole, so that a store changes its data file in one moment.
#ifndef WAYPOST_SRC_STORE_DATA_FILES_HPP_
#define WAYPOST_SRC_STORE_DATA_FILES_HPP_

#include <cstdint>
#include <string>
#include <string_view>

#include "waypost/base/status.hpp"

namespace waypost::store {

inline constexpr std::string_view kCurrentFile = "current";
inline constexpr std::string_view kLockFile = "writer.lock";

std::string DataFileName(std::uint64_t number);  // "data-000001.mdb"
absl::StatusOr<std::uint64_t> DataFileNumber(std::string_view name);
// What `current` names. kNotFound: there is no such file.
absl::StatusOr<std::uint64_t> ReadCurrent(const std::string& folder);
absl::Status WriteCurrent(const std::string& folder, std::uint64_t number);
// Removes data files other than `keep`, and their lock files.
void RemoveOtherDataFiles(const std::string& folder, std::uint64_t keep);
// The same for what an earlier process left, which may not have made sure that `current` is on the disk as it reads: a
// failing power must not bring back the name of a file that is gone.
absl::Status RemoveLeftDataFiles(const std::string& folder, std::uint64_t keep);
// Whether the folder has files of a store that was never finished.
bool IsUnfinished(const std::string& folder);

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_DATA_FILES_HPP_
