#include "base/memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "base/control_groups.hpp"

namespace waypost::internal {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// The number that follows `name` in a file of such pairs; the first number of the file for an empty name.
std::optional<std::uint64_t> ReadBytes(const std::string& path, const std::string& name = {}) {
  std::ifstream file(path);
  for (std::string word; word != name;)
    if (!(file >> word)) return std::nullopt;
  std::uint64_t bytes = 0;
  if (!(file >> bytes)) return std::nullopt;
  return bytes;
}

// What a group leaves: its files in memory that were not used lately can go.
std::uint64_t LeftOf(const std::string& folder, const char* limit_file, const char* use_file, const char* cache_name) {
  const std::optional<std::uint64_t> limit = ReadBytes(folder + "/" + limit_file);
  const std::optional<std::uint64_t> used = ReadBytes(folder + "/" + use_file);
  if (!limit || !used) return kNoLimit;  // "max" is no number
  const std::uint64_t cache = ReadBytes(folder + "/memory.stat", cache_name).value_or(0);
  return *limit - std::min(*limit, *used - std::min(*used, cache));
}

}  // namespace

std::uint64_t AvailableMemory() {
  std::uint64_t left = kNoLimit;
  if (const std::optional<std::uint64_t> kilobytes = ReadBytes("/proc/meminfo", "MemAvailable:"))
    left = *kilobytes * 1024;
  const ControlGroups groups = FindControlGroups("memory");
  for (const std::string& folder : groups.unified)
    left = std::min(left, LeftOf(folder, "memory.max", "memory.current", "inactive_file"));
  for (const std::string& folder : groups.legacy)
    left = std::min(left, LeftOf(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"));
  return left;
}

}  // namespace waypost::internal
