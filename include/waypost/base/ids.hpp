// waypost/base/ids.hpp - dense indices as types of their own, so that a user can never be passed where an item is
// meant.
//
// A dense index is a position in an id dictionary: 0, 1, 2 ... in order of first appearance. Raw `std::uint32_t`
// appears only inside kernels and stored arrays.
#ifndef WAYPOST_BASE_IDS_HPP_
#define WAYPOST_BASE_IDS_HPP_

#include <compare>
#include <cstdint>
#include <limits>

namespace waypost {

template <typename Tag>
struct Index {
  std::uint32_t value = 0;

  friend constexpr auto operator<=>(Index, Index) = default;
};

using UserIndex = Index<struct UserTag>;
using ItemIndex = Index<struct ItemTag>;

// The largest number of users or of items: one below the value that marks an empty hash slot on disk.
inline constexpr std::uint32_t kMaxEntities = std::numeric_limits<std::uint32_t>::max() - 1;

}  // namespace waypost

#endif  // WAYPOST_BASE_IDS_HPP_
