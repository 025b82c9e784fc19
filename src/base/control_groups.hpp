// The control groups of Linux that bound this process.
#ifndef WAYPOST_SRC_BASE_CONTROL_GROUPS_HPP_
#define WAYPOST_SRC_BASE_CONTROL_GROUPS_HPP_

#include <string>
#include <string_view>
#include <vector>

namespace waypost::internal {

struct ControlGroups {
  std::vector<std::string> unified;  // version 2: folders of the group and of each of its ancestors
  std::vector<std::string> legacy;   // version 1: folders of the controller's root and group
};

// The folders, which may not exist, that hold the limits of `controller` ("cpu", "memory").
ControlGroups FindControlGroups(std::string_view controller);

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_BASE_CONTROL_GROUPS_HPP_
