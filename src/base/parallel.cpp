// The processors a process may use: its affinity mask, lowered by the processor quota of its control groups.
#include "waypost/base/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include <oneapi/tbb/info.h>

namespace waypost {
namespace {

constexpr int kNoLimit = 1 << 20;

int Processors(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return kNoLimit;
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

// Version 2: "<quota|max> <period>" in cpu.max of the group and of each of its ancestors.
int UnifiedLimit(std::string group) {
  int limit = kNoLimit;
  while (true) {
    std::ifstream file("/sys/fs/cgroup" + group + "/cpu.max");
    std::string quota;
    double period = 0;
    if (file >> quota >> period && quota != "max")
      limit = std::min(limit, Processors(std::atof(quota.c_str()), period));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return limit;
    group.resize(slash);
  }
}

// Version 1: cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
int LegacyLimit(const std::string& folder) {
  double quota = 0;
  double period = 0;
  std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
  std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  return Processors(quota, period);
}

int GroupLimit() {
  int limit = std::min(UnifiedLimit(""), LegacyLimit("/sys/fs/cgroup/cpu"));
  std::ifstream groups("/proc/self/cgroup");  // lines "id:controllers:path"
  for (std::string line; std::getline(groups, line);) {
    std::istringstream fields(line);
    std::string id, controllers, path;
    if (!std::getline(fields, id, ':') || !std::getline(fields, controllers, ':') || !std::getline(fields, path))
      continue;
    if (controllers.empty()) limit = std::min(limit, UnifiedLimit(path == "/" ? "" : path));
    if (("," + controllers + ",").find(",cpu,") != std::string::npos)
      limit = std::min(limit, LegacyLimit("/sys/fs/cgroup/cpu" + path));
  }
  return limit;
}

}  // namespace

int AllowedThreads() {
  static const int allowed = std::max(1, std::min(oneapi::tbb::info::default_concurrency(), GroupLimit()));
  return allowed;
}

}  // namespace waypost
