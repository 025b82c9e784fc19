// waypost/store/snapshot.hpp - a store as it was at one moment, however much is written meanwhile.
//
// (1) A snapshot sees every event acknowledged, in any process, before it was taken, and nothing later.
// (2) Indices of users and items are the store's: dense, in order of first appearance, never reused. Those of forgotten
//     users stay empty for ever.
// (3) A row is the position of an event in the order of arrival. Rows that were compacted away are missing; the others
//     keep their order.
// (4) While it lives, the pages it sees cannot be used again: take one for each request or training, and let it go.
#ifndef WAYPOST_STORE_SNAPSHOT_HPP_
#define WAYPOST_STORE_SNAPSHOT_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/ids.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/kinds.hpp"
#include "waypost/event/user_table.hpp"
#include "waypost/store/records.hpp"

namespace waypost {

namespace store {
class SnapshotState;
}

// A handle; copies are the same snapshot.
//
// Immutable: safe to use from any number of threads. A child of fork() must not use one of its parent's.
class StoreSnapshot {
 public:
  // Changes with every commit of the store: two snapshots of one store with equal versions are equal.
  std::uint64_t version() const;
  // Counts changes of the catalogue, the user table and the kinds; what was read from them holds while they are equal.
  std::uint64_t catalogue_version() const;
  std::uint64_t user_table_version() const;
  std::uint64_t kinds_version() const;

  std::uint64_t event_count() const;  // without those of forgotten users
  std::uint64_t end_row() const;      // one past the last row
  std::uint32_t user_count() const;   // one past the last index, forgotten users included
  std::uint32_t item_count() const;
  std::uint64_t forgotten_count() const;  // users forgotten so far; only grows
  const KindTable& kinds() const;

  // Returns the index of a user or an item; nullopt: not known, or forgotten.
  // Errors  kDataLoss: a damaged dictionary.
  // Cost    one hash and a probe; the first call after Open reads the dictionary, some 60 ns an id.
  absl::StatusOr<std::optional<UserIndex>> FindUser(std::string_view id) const;
  absl::StatusOr<std::optional<ItemIndex>> FindItem(std::string_view id) const;

  // Returns the ids of all users or items in the order of their indices; a forgotten user has the empty text.
  absl::StatusOr<std::vector<std::string>> UserIds() const;
  absl::StatusOr<std::vector<std::string>> ItemIds() const;

  // Returns the id of one; empty: forgotten.
  // Errors  kOutOfRange: index.  kDataLoss: a damaged dictionary.
  absl::StatusOr<std::string> UserId(UserIndex user) const;
  absl::StatusOr<std::string> ItemId(ItemIndex item) const;

  // Whether the user was forgotten.
  bool IsForgotten(UserIndex user) const;

  // Appends what a user did to `events`, in order of arrival; nothing for a forgotten or unknown index.
  //
  // Errors  kDataLoss: a damaged segment or chunk.
  // Cost    one look-up a segment, read in place from the map; a scan of the users of what is not yet sealed.
  absl::Status History(UserIndex user, std::vector<StoredEvent>& events) const;

  // Appends the events of rows [first, last) in the order of arrival, by the store's indices; those of forgotten users
  // are passed over. To follow a store: read from the last end_row() to this one.
  //
  //   rows     filled with the row of each event where not null.
  // Errors     kDataLoss: a damaged segment or chunk.
  absl::Status ReadRows(std::uint64_t first, std::uint64_t last, const Parallelism& parallelism, EventColumns& columns,
                        std::vector<std::uint64_t>* rows = nullptr) const;

  // Returns all events, in the order of arrival: what ReadEvents would give for a file of them. The dictionaries hold
  // the store's ids in the order of its indices, so that indices are equal unless a user was forgotten: those are left
  // out, and later users move up.
  // Errors  kDataLoss: damage; every checksum is verified.  kResourceExhausted: memory.
  // Cost    O(events); more than 20 million a second on two cores.
  absl::StatusOr<EventLog> ReadLog(const Parallelism& parallelism = {}) const;

  // Errors  kDataLoss.
  absl::StatusOr<Catalogue> ReadCatalogue() const;
  absl::StatusOr<UserTable> ReadUserTable() const;
  absl::StatusOr<std::vector<ModelRecord>> ReadModels() const;

  // Returns impressions and interventions [first, last) in the order recorded, at most those there are; those of
  // forgotten users are passed over.
  absl::StatusOr<std::vector<Impression>> ReadImpressions(std::uint64_t first, std::uint64_t last) const;
  std::uint64_t end_impression() const;  // one past the last position

  // Returns the sequence number that the source is expected to go on with; 0 for an unknown source.
  absl::StatusOr<std::uint64_t> NextSequence(std::string_view source) const;

  // Returns the windows that Store::SetRetention set; unlimited where it was never called.
  absl::StatusOr<Retention> ReadRetention() const;

  absl::StatusOr<StoreStats> Stats() const;

 private:
  friend class Store;
  explicit StoreSnapshot(std::shared_ptr<const store::SnapshotState> state) : state_(std::move(state)) {}

  std::shared_ptr<const store::SnapshotState> state_;
};

}  // namespace waypost

#endif  // WAYPOST_STORE_SNAPSHOT_HPP_
