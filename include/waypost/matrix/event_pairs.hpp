// waypost/matrix/event_pairs.hpp - the rows of an event log, gathered by (user, item) pair.
//
// Complexity   O(rows) for the users (counting sort) and O(rows log(rows of one user)) for their items; 8 bytes a row.
// Checked by   tests/unit/matrix_weighting_test.cpp and matrix_split_test.cpp, through the two that stand on it.
#ifndef WAYPOST_MATRIX_EVENT_PAIRS_HPP_
#define WAYPOST_MATRIX_EVENT_PAIRS_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"

namespace waypost {

// Everything one user did with one item.
struct EventPair {
  std::uint32_t item = 0;
  std::span<const std::size_t> rows;  // of the log, ascending, at least one
};

// Calls `visit(user, pairs)` for every user of log.users(), ascending; `pairs` ascends by item, and is empty for a user
// without events. Stops at the first error that `visit` returns.
//
// Errors     kResourceExhausted: a user with 2^32 events.
// Lifetime   `pairs` and its rows live for that call of `visit` only.
template <typename Visit>
absl::Status ForEachUser(const EventLog& log, const Visit& visit) {
  const EventColumns& columns = log.columns();
  const std::size_t user_count = log.users().size();
  std::vector<std::size_t> offsets(user_count + 1, 0);
  for (std::uint32_t user : columns.users) ++offsets[user + 1];
  for (std::size_t user = 0; user < user_count; ++user) offsets[user + 1] += offsets[user];
  std::vector<std::size_t> rows(log.size());
  {
    std::vector<std::size_t> next(offsets.begin(), offsets.end() - 1);
    for (std::size_t row = 0; row < log.size(); ++row) rows[next[columns.users[row]]++] = row;
  }
  std::vector<std::uint64_t> keys;  // item in the high half, position among the user's rows in the low one
  std::vector<std::size_t> by_item;
  std::vector<EventPair> pairs;
  for (std::uint32_t user = 0; user < user_count; ++user) {
    const std::span<const std::size_t> own = std::span(rows).subspan(offsets[user], offsets[user + 1] - offsets[user]);
    if (own.size() > std::numeric_limits<std::uint32_t>::max())
      return absl::ResourceExhaustedError(absl::StrCat("events of user '", internal::ToAbsl(log.users().id(user)),
                                                       "': want below 2^32, got ", own.size()));
    keys.resize(own.size());
    for (std::size_t n = 0; n < own.size(); ++n) keys[n] = static_cast<std::uint64_t>(columns.items[own[n]]) << 32 | n;
    if (!std::is_sorted(keys.begin(), keys.end())) std::sort(keys.begin(), keys.end());
    by_item.resize(own.size());
    for (std::size_t n = 0; n < own.size(); ++n) by_item[n] = own[static_cast<std::uint32_t>(keys[n])];
    pairs.clear();
    for (std::size_t begin = 0, end = 0; begin < keys.size(); begin = end) {
      const std::uint32_t item = static_cast<std::uint32_t>(keys[begin] >> 32);
      while (end < keys.size() && keys[end] >> 32 == item) ++end;
      pairs.push_back({item, std::span<const std::size_t>(by_item).subspan(begin, end - begin)});
    }
    WAYPOST_RETURN_IF_ERROR(visit(user, std::span<const EventPair>(pairs)));
  }
  return absl::OkStatus();
}

// Whether row `a` came before row `b`: by time, then by row. An event without a time comes before all that have one.
inline bool CameBefore(const EventLog& log, std::size_t a, std::size_t b) {
  const std::int64_t time_a = log.time_us(a);
  const std::int64_t time_b = log.time_us(b);
  return time_a != time_b ? time_a < time_b : a < b;
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_EVENT_PAIRS_HPP_
