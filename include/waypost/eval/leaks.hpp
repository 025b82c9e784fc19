// waypost/eval/leaks.hpp - what a training part knows of its test part that a server would not know.
//
// Definition   A test pair (user, item) is of the moment of its last event: a split by time moves whole pairs, with
//              what lies before the cut. Counts, not verdicts: a random split has training events after the first test
//              pair by design, and its figures flatter; a split by time has none, and what it shows is a fault of the
//              files.
// Sources      [1] Y. Ji, A. Sun, J. Zhang, C. Li, A Critical Study on Data Leakage in Recommender System Offline
//                  Evaluation, ACM TOIS 41(3), 2023.
// Complexity   O((train + test) log train) time, 16 bytes a training event of a tested user.
// Checked by   tests/unit/eval_leaks_test.cpp against naive loops; the splits' laws.
#ifndef WAYPOST_EVAL_LEAKS_HPP_
#define WAYPOST_EVAL_LEAKS_HPP_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/id_dictionary.hpp"

namespace waypost {

struct LeakReport {
  std::size_t pairs_in_training = 0;  // (user, item) of test events that training events have too
  std::size_t repeated_events = 0;    // test events with a training event of equal user, item, kind, value and time
  std::size_t later_events = 0;       // training events after the first test pair; only events with a time count
  std::size_t users_with_later = 0;   // tested users with a training event after their own first test pair

  bool none() const {
    return pairs_in_training == 0 && repeated_events == 0 && later_events == 0 && users_with_later == 0;
  }
  friend bool operator==(const LeakReport&, const LeakReport&) = default;
};

namespace internal {

inline std::uint64_t PairOf(const EventLog& log, std::size_t row) {
  return std::uint64_t{log.columns().users[row]} << 32 | log.columns().items[row];
}

inline bool SameEvent(const EventLog& a, std::size_t row, const EventLog& b, std::size_t other) {
  return a.kind(row).name == b.kind(other).name && a.time_us(row) == b.time_us(other) &&
         std::bit_cast<std::uint32_t>(a.value(row)) == std::bit_cast<std::uint32_t>(b.value(other));
}

}  // namespace internal

// Errors  kResourceExhausted: memory.
inline absl::StatusOr<LeakReport> FindLeaks(const EventLog& train, const EventLog& test) try {
  LeakReport report;
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::vector<std::pair<std::uint64_t, std::int64_t>> moments;  // test pair, time
  for (std::size_t row = 0; row < test.size(); ++row)
    if (test.time_us(row) != kNoTime) moments.emplace_back(internal::PairOf(test, row), test.time_us(row));
  std::sort(moments.begin(), moments.end());
  std::vector<std::int64_t> first(test.users().size(), kNever);  // test pair of each user
  std::int64_t first_of_all = kNever;
  for (std::size_t n = 0; n < moments.size(); ++n) {
    if (n + 1 < moments.size() && moments[n + 1].first == moments[n].first) continue;  // not the pair's last event
    std::int64_t& of_user = first[moments[n].first >> 32];
    of_user = std::min(of_user, moments[n].second);
    first_of_all = std::min(first_of_all, moments[n].second);
  }
  std::vector<std::optional<std::uint32_t>> users(train.users().size()), items(train.items().size());  // in test
  for (std::uint32_t user = 0; user < users.size(); ++user) users[user] = test.users().Find(train.users().id(user));
  for (std::uint32_t item = 0; item < items.size(); ++item) items[item] = test.items().Find(train.items().id(item));

  std::vector<bool> has_later(test.users().size(), false);
  std::vector<std::pair<std::uint64_t, std::size_t>> known;  // pair in test's indices, training row
  for (std::size_t row = 0; row < train.size(); ++row) {
    const std::optional<std::uint32_t> user = users[train.columns().users[row]];
    const std::int64_t time = train.time_us(row);
    if (time != kNoTime && time > first_of_all) ++report.later_events;
    if (!user) continue;
    if (time != kNoTime && time > first[*user]) has_later[*user] = true;
    if (const std::optional<std::uint32_t> item = items[train.columns().items[row]])
      known.emplace_back(std::uint64_t{*user} << 32 | *item, row);
  }
  std::sort(known.begin(), known.end());
  report.users_with_later = static_cast<std::size_t>(std::count(has_later.begin(), has_later.end(), true));

  std::vector<std::uint64_t> shared;
  for (std::size_t row = 0; row < test.size(); ++row) {
    const std::uint64_t pair = internal::PairOf(test, row);
    auto at = std::lower_bound(known.begin(), known.end(), std::pair(pair, std::size_t{0}));
    if (at == known.end() || at->first != pair) continue;
    shared.push_back(pair);
    for (; at != known.end() && at->first == pair; ++at) {
      if (!internal::SameEvent(test, row, train, at->second)) continue;
      ++report.repeated_events;
      break;
    }
  }
  std::sort(shared.begin(), shared.end());
  report.pairs_in_training = static_cast<std::size_t>(std::unique(shared.begin(), shared.end()) - shared.begin());
  return report;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("FindLeaks: want memory for ", train.size() + test.size(), " events, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_LEAKS_HPP_
