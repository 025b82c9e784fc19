#include "base/control_groups.hpp"

#include <fstream>
#include <sstream>

namespace waypost::internal {
namespace {

void AddUnified(std::string group, std::vector<std::string>& folders) {
  while (true) {
    folders.push_back("/sys/fs/cgroup" + group);
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return;
    group.resize(slash);
  }
}

}  // namespace

ControlGroups FindControlGroups(std::string_view controller) {
  const std::string name(controller);
  ControlGroups groups{{"/sys/fs/cgroup"}, {"/sys/fs/cgroup/" + name}};
  std::ifstream lines("/proc/self/cgroup");  // lines "id:controllers:path"
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, controllers, path;
    if (!std::getline(fields, id, ':') || !std::getline(fields, controllers, ':') || !std::getline(fields, path))
      continue;
    if (controllers.empty()) AddUnified(path == "/" ? "" : path, groups.unified);
    if (("," + controllers + ",").find("," + name + ",") != std::string::npos)
      groups.legacy.push_back("/sys/fs/cgroup/" + name + path);
  }
  return groups;
}

}  // namespace waypost::internal
