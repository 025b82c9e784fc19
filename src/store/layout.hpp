// store/layout.hpp - where the events of one transaction lie, and what else every snapshot needs.
#ifndef WAYPOST_SRC_STORE_LAYOUT_HPP_
#define WAYPOST_SRC_STORE_LAYOUT_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/kinds.hpp"
#include "waypost/store/records.hpp"

#include "store/chunk.hpp"
#include "store/environment.hpp"
#include "store/id_mirror.hpp"
#include "store/segment.hpp"

namespace waypost::store {

// Its views point into the map: they hold while a transaction sees the same pages.
//
// Immutable: safe to use from any number of threads.
struct Layout {
  std::uint64_t transaction = 0;
  State state;
  std::shared_ptr<const KindTable> kinds;
  std::shared_ptr<const Forgotten> forgotten;
  // Ascending; no row is in two.
  std::vector<SegmentView> segments;
  std::vector<ChunkView> chunks;

  // The first row, the end row and the number of events of every chunk and segment, in the order of rows.
  struct Extent {
    std::uint64_t first_row = 0;
    std::uint64_t end_row = 0;
    std::size_t size = 0;
  };
  std::vector<Extent> Extents() const;

  // Appends the events of one user, in the order of rows, forgotten or not.
  void History(std::uint32_t user, std::vector<StoredEvent>& events) const;
  std::uint64_t CountEvents(std::uint32_t user) const;

  // Appends the events of rows [first, last), all of them, in the order of rows. Every checksum is verified.
  absl::Status Read(std::uint64_t first, std::uint64_t last, const Parallelism& parallelism, Rows& rows) const;
  // The same without the rows.
  absl::Status Read(std::uint64_t first, std::uint64_t last, const Parallelism& parallelism,
                    EventColumns& columns) const;
};

// `before` may be null; what has not changed since is taken from it.
absl::StatusOr<std::shared_ptr<const Layout>> ReadLayout(const Reading& reading, const Layout* before);

// The two parts that a commit needs.
absl::StatusOr<State> ReadState(const Reading& reading);
absl::StatusOr<Forgotten> ReadForgotten(const Reading& reading);

absl::StatusOr<KindTable> ReadKinds(const Reading& reading);
// The windows that were set; unlimited where none were.
absl::StatusOr<Retention> ReadRetention(const Reading& reading);

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_LAYOUT_HPP_
