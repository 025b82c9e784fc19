// waypost/report/community.hpp - what a community's events say, as a page that an operator reads.
//
// Definition   Days are days of UTC. An event counts as activity of its user unless its kind is neutral (an impression,
//              a reminder). A user is new on the day of their first activity: a community that knows when its members
//              registered may import that as an event. Events without a time, and later than `now`, take no part in
//              anything that has a time axis, and are reported. The page ends with the last day that has events.
//              Lorenz curve and Gini coefficient are those of events per item over the catalogue, or over the items
//              that have events where there is none.
// Deviations   A section whose data are absent says so in one sentence.
// Complexity   O(E log E) for E events.
// Determinism  reads no clock; the same input gives the same page.
// Checked by   tests/unit/report_community_test.cpp, tests/cli/report_test.cpp.
#ifndef WAYPOST_REPORT_COMMUNITY_HPP_
#define WAYPOST_REPORT_COMMUNITY_HPP_

#include <cstdint>
#include <span>
#include <string>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/user_table.hpp"
#include "waypost/insight/feedback.hpp"
#include "waypost/report/page.hpp"

namespace waypost {

// What is reported on. Borrowed for the call.
struct CommunityView {
  const EventLog& events;
  const Catalogue& catalogue;             // may be empty
  const UserTable& users;                 // facts about users, which forecasts learn from too; may be empty
  std::span<const ShownItem> shown = {};  // what was shown to whom, by the indices of `events`; may be empty
};

// Options of CommunityPage. Aggregate: use designated initializers.
struct CommunityReportOptions {
  Language language = Language::kEnglish;
  std::string title = {};        // empty: "Community report"
  std::int64_t now_us = 0;       // microseconds since 1970-01-01 UTC; later events are reported as such
  Parallelism parallelism = {};  // the page is the same for any
};

// Returns the page.
// Errors  kResourceExhausted: memory.
absl::StatusOr<Page> CommunityPage(const CommunityView& community, const CommunityReportOptions& options);

}  // namespace waypost

#endif  // WAYPOST_REPORT_COMMUNITY_HPP_
