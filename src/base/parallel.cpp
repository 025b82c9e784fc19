// The processors a process may use: its affinity mask, lowered by the processor quota of its control groups.
#include "waypost/base/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include <oneapi/tbb/info.h>

#include "base/control_groups.hpp"

namespace waypost {
namespace {

constexpr int kNoLimit = 1 << 20;

int Processors(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return kNoLimit;
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

// Version 2: "<quota|max> <period>" in cpu.max.
int UnifiedLimit(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max") return kNoLimit;
  return Processors(std::atof(quota.c_str()), period);
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
  const internal::ControlGroups groups = internal::FindControlGroups("cpu");
  int limit = kNoLimit;
  for (const std::string& folder : groups.unified) limit = std::min(limit, UnifiedLimit(folder));
  for (const std::string& folder : groups.legacy) limit = std::min(limit, LegacyLimit(folder));
  return limit;
}

}  // namespace

int AllowedThreads() {
  static const int allowed = std::max(1, std::min(oneapi::tbb::info::default_concurrency(), GroupLimit()));
  return allowed;
}

}  // namespace waypost
