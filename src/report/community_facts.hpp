// report/community_facts.hpp - what several sections of the report need of the events, counted once.
#ifndef WAYPOST_REPORT_COMMUNITY_FACTS_HPP_
#define WAYPOST_REPORT_COMMUNITY_FACTS_HPP_

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "report/calendar.hpp"
#include "report/texts.hpp"
#include "waypost/report/community.hpp"

namespace waypost::report {

inline constexpr std::int64_t kMostPeriods = 400;  // that a chart shows
inline constexpr std::int32_t kNoDay = std::numeric_limits<std::int32_t>::min();

// A day on which a user did something.
struct ActiveDay {
  std::uint32_t user = 0;
  std::int32_t day = 0;

  friend auto operator<=>(const ActiveDay&, const ActiveDay&) = default;
};

// (1) days[r] is the day of event r; kNoDay where it has no time, a time after now, or one before first_day.
// (2) active_days are distinct, by user, then by day.
struct CommunityFacts {
  CommunityFacts(const CommunityView& community, const CommunityReportOptions& options);

  // Whether anything has a time axis.
  bool dated() const { return last_day >= first_day; }
  std::string KindName(const Kind& kind) const;

  const EventLog& events;
  const Catalogue& catalogue;
  const UserTable& users;
  std::vector<ShownItem> shown;  // up to now
  const CommunityReportOptions& options;
  Texts texts;

  std::vector<std::int32_t> days;
  std::vector<ActiveDay> active_days;
  std::int64_t first_day = 0;  // of the charts
  std::int64_t last_day = -1;  // the last with an event
  Period period = Period::kDay;
  std::int64_t moment_us = 0;  // of the report: now, or the end of last_day where that is earlier
  std::size_t undated_events = 0;
  std::size_t future_events = 0;  // after now
  std::size_t early_events = 0;   // before first_day, which only a wrong time explains
};

PageSection OverviewSection(const CommunityFacts& facts);
PageSection GrowthSection(const CommunityFacts& facts);
PageSection ActivitySection(const CommunityFacts& facts);
PageSection CohortSection(const CommunityFacts& facts);
// Part of the section of cohorts.
void AddSurvival(const CommunityFacts& facts, PageSection& section);
PageSection CatalogueSection(const CommunityFacts& facts);
PageSection RiskSection(const CommunityFacts& facts);
PageSection LeaderSection(const CommunityFacts& facts);
PageSection FeedbackSection(const CommunityFacts& facts);
PageSection DataSection(const CommunityFacts& facts);

}  // namespace waypost::report

#endif  // WAYPOST_REPORT_COMMUNITY_FACTS_HPP_
