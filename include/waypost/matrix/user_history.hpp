// waypost/matrix/user_history.hpp - what one user's events amount to, pair by pair, without a log.
//
// Definition   as matrix/event_strength.hpp for the events of one user: the codes of Interactions::history.
// Complexity   O(events log events); allocates only when `met` or `codes` must grow.
// Checked by   tests/unit/matrix_weighting_test.cpp: equal to BuildInteractions on random logs.
#ifndef WAYPOST_MATRIX_USER_HISTORY_HPP_
#define WAYPOST_MATRIX_USER_HISTORY_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/kinds.hpp"
#include "waypost/matrix/event_strength.hpp"

namespace waypost {

// One event of the user.
struct UserEvent {
  std::uint32_t item = 0;
  std::uint32_t order = 0;  // of arrival
  std::int64_t time_us = kNoTime;
  float value = 0;  // NaN: none
  std::uint16_t kind = 0;
};

// One item that the user has met.
struct MetItem {
  std::uint32_t item = 0;
  float code = 0;          // above 0: the strength; 0: seen only; -1: rejected
  bool completed = false;  // an event of a kind that completes

  friend bool operator==(const MetItem&, const MetItem&) = default;
};

// Fills `met`, items ascending. Sorts `events`.
//
//   codes   memory to work in.
// Errors    kInvalidArgument: a strength that is not finite and > 0; a second positive event under kError; a kind that
//           the table does not have.
inline absl::Status CollectUserHistory(std::span<UserEvent> events, const KindTable& kinds,
                                       const WeightingOptions& options, std::vector<MetItem>& met,
                                       std::vector<float>& codes) {
  met.clear();
  std::sort(events.begin(), events.end(), [](const UserEvent& a, const UserEvent& b) {
    if (a.item != b.item) return a.item < b.item;
    return a.time_us != b.time_us ? a.time_us < b.time_us : a.order < b.order;
  });
  for (std::size_t begin = 0, end = 0; begin < events.size(); begin = end) {
    MetItem entry{.item = events[begin].item};
    codes.clear();
    for (; end < events.size() && events[end].item == entry.item; ++end) {
      const UserEvent& event = events[end];
      if (event.kind >= kinds.size())
        return absl::InvalidArgumentError(
            absl::StrCat("UserEvent.kind: want below ", kinds.size(), ", got ", event.kind));
      const Kind& kind = kinds.at(event.kind);
      codes.push_back(internal::EventCode(kind, event.value, event.time_us, options));
      if (std::isnan(codes.back()))
        return absl::InvalidArgumentError(absl::StrCat("UserEvent: want a finite strength > 0, got another of kind '",
                                                       kind.name, "', value ", event.value));
      entry.completed |= kind.completes;
    }
    const internal::MergedPair pair = internal::MergeCodes(codes, options.duplicates);
    if (pair.error_at != internal::MergedPair::kNoError)
      return absl::InvalidArgumentError(absl::StrCat(
          "UserEvent: want one positive event of a pair, or a finite sum, got another for item ", entry.item));
    entry.code = pair.code;
    met.push_back(entry);
  }
  return absl::OkStatus();
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_USER_HISTORY_HPP_
