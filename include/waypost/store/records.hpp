// waypost/store/records.hpp - what goes into a store and what comes out of it, beside events.
#ifndef WAYPOST_STORE_RECORDS_HPP_
#define WAYPOST_STORE_RECORDS_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/ids.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/kinds.hpp"

namespace waypost {

// The identity of what a call delivers: event n has sequence number `first_sequence + n`, or `sequences[n]` where those
// are given. The store keeps the next number it expects of every source, in the transaction that keeps the events, and
// passes over events below it: what is delivered again counts once.
//
// Borrowed for the call.
struct Delivery {
  std::string_view source;                        // UTF-8, at most 256 bytes; empty: no identity, every event counts
  std::uint64_t first_sequence = 0;               // of events[0]
  std::span<const std::uint64_t> sequences = {};  // empty, or one for each event, ascending without repeats
};

struct AppendResult {
  std::uint64_t accepted = 0;   // events that are now in the store because of this call
  std::uint64_t repeated = 0;   // events that had been delivered before
  std::uint64_t first_row = 0;  // position of the first accepted event; the others follow it
};

// One event of a user's history, by the store's indices.
struct StoredEvent {
  ItemIndex item;
  std::uint16_t kind = kView;
  float value = std::numeric_limits<float>::quiet_NaN();  // NaN: none
  std::int64_t time_us = kNoTime;                         // kNoTime: none

  friend bool operator==(const StoredEvent& a, const StoredEvent& b) {
    return a.item == b.item && a.kind == b.kind && CompactColumn<float>::SameBits(a.value, b.value) &&
           a.time_us == b.time_us;
  }
};

// One item shown to one user (kImpression), or one intervention made (kRemind or a kind of the host's).
struct Impression {
  std::uint64_t request = 0;  // what was shown together has one request
  std::string user = {};      // UTF-8, 1..256 bytes
  std::string item = {};      // UTF-8, 1..256 bytes
  std::uint16_t kind = kImpression;
  std::uint16_t rank = 0;   // 0: the first place
  float propensity = 1;     // probability that the policy chose this item for this place; 0 < p <= 1
  std::uint64_t model = 0;  // fingerprint of the model that chose; 0: none
  std::optional<std::int64_t> time_us = std::nullopt;  // microseconds since 1970-01-01 UTC

  friend bool operator==(const Impression&, const Impression&) = default;
};

// A model that was published from this store. The store holds its name and what it may know, not the model.
struct ModelRecord {
  std::string name = {};          // unique, UTF-8, 1..256 bytes
  std::string file = {};          // as the host calls it
  std::uint64_t fingerprint = 0;  // of the model file
  std::uint32_t user_count = 0;   // users of the snapshot it was trained on: it may hold any index below
  std::uint64_t forgotten = 0;    // forgotten_count() of that snapshot: those users it does not hold
  std::optional<std::int64_t> published_us = std::nullopt;

  friend bool operator==(const ModelRecord&, const ModelRecord&) = default;
};

// What Store::Forget did.
struct ForgetReport {
  std::uint64_t events = 0;         // that no call returns any more; their bytes go with the next Compact
  std::uint64_t impressions = 0;    // likewise
  std::vector<std::string> models;  // names of the models on record that may still hold the user
};

// How long a store keeps events and impressions: every Compact leaves out what is older. What has no time stays.
// Aggregate: use designated initializers.
struct Retention {
  // Age in microseconds, more than 0; empty: for ever.
  std::optional<std::int64_t> keep_us = std::nullopt;
  // The same for kinds, by name, that have a window of their own.
  std::map<std::string, std::optional<std::int64_t>> kinds = {};

  // Whether everything is kept for ever.
  bool unlimited() const {
    return !keep_us && std::none_of(kinds.begin(), kinds.end(), [](const auto& kind) { return kind.second; });
  }
  friend bool operator==(const Retention&, const Retention&) = default;
};

// Options of Store::Compact. Aggregate: use designated initializers.
struct CompactOptions {
  // The moment from which the store's retention windows (SetRetention) count back. Must be set where it has any.
  std::optional<std::int64_t> now_us = std::nullopt;
  // Events and impressions of an earlier time are left out too, this once; those without a time stay.
  std::optional<std::int64_t> keep_from_us = std::nullopt;
};

struct CompactReport {
  std::uint64_t bytes_before = 0;  // of the data file
  std::uint64_t bytes_after = 0;
  std::uint64_t events_dropped = 0;  // of forgotten users and outside the retention windows
};

// What a store holds, as of one snapshot.
struct StoreStats {
  std::uint64_t events = 0;         // without those of forgotten users
  std::uint64_t sealed_events = 0;  // of all, those in segments
  std::uint64_t segments = 0;
  std::uint64_t chunks = 0;  // that hold the events not yet sealed
  std::uint32_t users = 0;   // without forgotten ones
  std::uint32_t items = 0;
  std::uint64_t forgotten_users = 0;
  std::uint64_t impressions = 0;
  std::uint64_t catalogue_items = 0;
  std::uint64_t users_with_facts = 0;
  std::uint64_t sources = 0;
  std::uint64_t models = 0;
  std::uint64_t file_bytes = 0;         // of the data file
  std::uint64_t event_bytes = 0;        // of it, pages of events: chunks and segments
  std::uint64_t reader_slots_used = 0;  // by all processes
  Retention retention;
};

}  // namespace waypost

#endif  // WAYPOST_STORE_RECORDS_HPP_
