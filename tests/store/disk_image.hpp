// What the disk holds of one folder, from the calls it was told of.
#ifndef WAYPOST_TESTS_STORE_DISK_IMAGE_HPP_
#define WAYPOST_TESTS_STORE_DISK_IMAGE_HPP_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "disk.hpp"
#include "waypost/base/random.hpp"

namespace waypost::testing_support {

// The files of a folder, by name.
using DiskImage = std::map<std::string, std::string>;

inline void Apply(const DiskOperation& operation, DiskImage& image) {
  std::string& content = image[operation.path];
  if (operation.call == DiskCall::kResize) {
    content.resize(operation.offset);
    return;
  }
  const std::size_t end = operation.offset + operation.bytes.size();
  if (content.size() < end) content.resize(end);
  content.replace(operation.offset, operation.bytes.size(), operation.bytes);
}

inline void ApplyToNames(const DiskOperation& operation, DiskImage& image) {
  if (operation.call == DiskCall::kRename && image.contains(operation.path))
    image[operation.to] = std::move(image[operation.path]);
  image.erase(operation.path);
}

inline bool ChangesBytes(const DiskOperation& operation) {
  return operation.call == DiskCall::kWrite || operation.call == DiskCall::kResize;
}
inline bool ChangesNames(const DiskOperation& operation) {
  return operation.call == DiskCall::kRename || operation.call == DiskCall::kRemove;
}

// What a folder that was empty holds behind the operations while the power is on.
inline DiskImage WithPower(std::span<const DiskOperation> operations) {
  DiskImage image;
  for (const DiskOperation& operation : operations) {
    if (ChangesBytes(operation)) Apply(operation, image);
    if (ChangesNames(operation)) ApplyToNames(operation, image);
  }
  return image;
}

// What it may hold when the power fails behind the operations: of each file all that was flushed, and of the later
// writes a random subset, some of them in part (whole sectors of 512 bytes). Names (renames and removals) keep their
// order; those behind the last flush of the folder may be missing from some point on.
inline DiskImage AfterPowerLoss(std::span<const DiskOperation> operations, Random& random) {
  constexpr std::size_t kSector = 512;
  std::map<std::string, std::size_t> flushed;  // of each name: its last flush
  for (std::size_t n = 0; n < operations.size(); ++n)
    if (operations[n].call == DiskCall::kFlush) flushed[operations[n].path] = n;
  std::size_t names_until = flushed.contains("") ? flushed[""] : 0;  // names before it are safe
  names_until += random.Below(operations.size() - names_until + 1);
  // A file that is renamed takes its flushes with it: files are followed from their first name on.
  DiskImage image;
  for (std::size_t n = 0; n < operations.size(); ++n) {
    DiskOperation operation = operations[n];
    if (ChangesNames(operation) && n < names_until) ApplyToNames(operation, image);
    if (!ChangesBytes(operation)) continue;
    const auto flush = flushed.find(operation.path);
    const bool safe = operation.flushed || (flush != flushed.end() && n < flush->second);
    if (!safe) {
      const std::uint64_t fate = random.Below(4);
      if (fate == 0) continue;
      if (fate == 1 && operation.bytes.size() > kSector) {  // some sectors of it
        const std::size_t begin = kSector * random.Below(operation.bytes.size() / kSector);
        const std::size_t sectors = 1 + random.Below((operation.bytes.size() - begin) / kSector + 1);
        operation.bytes = operation.bytes.substr(begin, kSector * sectors);
        operation.offset += begin;
      }
    }
    Apply(operation, image);
  }
  return image;
}

inline void WriteImage(const DiskImage& image, const std::string& folder) {
  std::filesystem::create_directories(folder);
  for (const auto& [name, content] : image) std::ofstream(folder + "/" + name, std::ios::binary) << content;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_STORE_DISK_IMAGE_HPP_
