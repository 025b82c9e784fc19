// What a disk was told, as a file: how the tool, with disk_preload.cpp in it, tells the test that started it.
#ifndef WAYPOST_TESTS_STORE_DISK_JOURNAL_HPP_
#define WAYPOST_TESTS_STORE_DISK_JOURNAL_HPP_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "disk.hpp"

namespace waypost::testing_support {

// The environment of a process that has disk_preload.cpp in it: the folder it watches, the file that its operations are
// appended to when it ends, and the numbers of DiskFault with a space between.
inline constexpr char kWatchVariable[] = "WAYPOST_DISK_WATCH";
inline constexpr char kJournalVariable[] = "WAYPOST_DISK_JOURNAL";
inline constexpr char kFaultVariable[] = "WAYPOST_DISK_FAULT";

inline void AppendToJournal(const std::vector<DiskOperation>& operations, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::app);
  for (const DiskOperation& operation : operations) {
    file << static_cast<int>(operation.call) << ' ' << operation.offset << ' ' << operation.flushed << ' '
         << operation.path.size() << ' ' << operation.to.size() << ' ' << operation.bytes.size() << '\n'
         << operation.path << operation.to << operation.bytes;
  }
}

inline std::vector<DiskOperation> ReadJournal(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<DiskOperation> operations;
  int call = 0;
  DiskOperation operation;
  std::size_t path_size = 0, to_size = 0, bytes_size = 0;
  while (file >> call >> operation.offset >> operation.flushed >> path_size >> to_size >> bytes_size) {
    file.ignore();
    operation.call = static_cast<DiskCall>(call);
    for (const auto& [text, size] :
         {std::pair(&operation.path, path_size), {&operation.to, to_size}, {&operation.bytes, bytes_size}}) {
      text->resize(size);
      file.read(text->data(), static_cast<std::streamsize>(size));
    }
    operations.push_back(operation);
  }
  return operations;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_STORE_DISK_JOURNAL_HPP_
