// store/snapshot_state.hpp - what is behind one StoreSnapshot: a transaction that reads, and where things lie in it.
#ifndef WAYPOST_SRC_STORE_SNAPSHOT_STATE_HPP_
#define WAYPOST_SRC_STORE_SNAPSHOT_STATE_HPP_

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "waypost/base/status.hpp"

#include "store/folder.hpp"

namespace waypost::store {

// Thread-safe: all members may be called concurrently.
class SnapshotState {
 public:
  SnapshotState(std::shared_ptr<Folder> folder, Folder::View view)
      : folder_(std::move(folder)), view_(std::move(view)) {}
  ~SnapshotState() { view_.environment->Release(view_.transaction); }
  SnapshotState(const SnapshotState&) = delete;
  SnapshotState& operator=(const SnapshotState&) = delete;
  SnapshotState(SnapshotState&&) = delete;
  SnapshotState& operator=(SnapshotState&&) = delete;

  Folder& folder() const { return *folder_; }
  Environment& environment() const { return *view_.environment; }
  const Layout& layout() const { return *view_.layout; }
  const State& state() const { return view_.layout->state; }

  // Runs `body` with the tables; LMDB wants one call at a time in a transaction.
  template <typename Body>
  auto Read(const Body& body) const {
    const std::lock_guard lock(mutex_);
    return body(Reading(view_.transaction, view_.environment->tables()));
  }

  // Makes the dictionaries hold what this snapshot has.
  absl::Status FollowUsers() const {
    return Read(
        [&](const Reading& reading) { return folder_->users().Follow(reading, state().users, *layout().forgotten); });
  }
  absl::Status FollowItems() const {
    return Read([&](const Reading& reading) { return folder_->items().Follow(reading, state().items, {}); });
  }

 private:
  std::shared_ptr<Folder> folder_;
  Folder::View view_;
  mutable std::mutex mutex_;
};

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_SNAPSHOT_STATE_HPP_
