#include "waypost/report/community.hpp"

#include <algorithm>
#include <iterator>
#include <new>

#include "report/community_facts.hpp"

namespace waypost {
namespace report {

CommunityFacts::CommunityFacts(const CommunityView& community, const CommunityReportOptions& report_options)
    : events(community.events),
      catalogue(community.catalogue),
      users(community.users),
      options(report_options),
      texts(report_options.language) {
  std::copy_if(community.shown.begin(), community.shown.end(), std::back_inserter(shown),
               [&](const ShownItem& item) { return item.time_us == kNoTime || item.time_us <= options.now_us; });
  constexpr std::int64_t kMostDays = kMostPeriods * 30;  // 33 years: what is earlier is a wrong time
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t row = 0; row < events.size(); ++row) {
    const std::int64_t time = events.time_us(row);
    if (time == kNoTime) {
      ++undated_events;
    } else if (time > options.now_us) {
      ++future_events;
    } else {
      const std::int64_t day = DayOf(time);
      last_day = earliest == std::numeric_limits<std::int64_t>::max() ? day : std::max(last_day, day);
      earliest = std::min(earliest, day);
    }
  }
  if (earliest == std::numeric_limits<std::int64_t>::max()) {
    days.assign(events.size(), kNoDay);
    return;
  }
  first_day = std::max(earliest, last_day - kMostDays);
  moment_us = std::min(options.now_us, (last_day + 1) * kDayUs - 1);
  days.resize(events.size());
  std::vector<bool> neutral(events.kinds().size());
  for (std::uint16_t kind = 0; kind < neutral.size(); ++kind)
    neutral[kind] = events.kinds().at(kind).role == Role::kNeutral;
  for (std::size_t row = 0; row < events.size(); ++row) {
    const std::int64_t time = events.time_us(row);
    const std::int64_t day = DayOf(time);
    const bool now_or_before = time != kNoTime && time <= options.now_us;
    days[row] = now_or_before && day >= first_day ? static_cast<std::int32_t>(day) : kNoDay;
    if (now_or_before && day < first_day) ++early_events;
    if (days[row] != kNoDay && !neutral[events.columns().kinds[row]])
      active_days.push_back({events.columns().users[row], days[row]});
  }
  std::sort(active_days.begin(), active_days.end());
  active_days.erase(std::unique(active_days.begin(), active_days.end()), active_days.end());
  period = PeriodFor(first_day, last_day, kMostPeriods);
}

std::string CommunityFacts::KindName(const Kind& kind) const {
  const std::string key = "kind." + kind.name;
  return texts.Has(key) ? texts(key) : kind.name;
}

}  // namespace report

absl::StatusOr<Page> CommunityPage(const CommunityView& community, const CommunityReportOptions& options) try {
  const report::CommunityFacts facts(community, options);
  Page page;
  page.language = options.language;
  page.title = options.title.empty() ? facts.texts("page.title") : options.title;
  page.subtitle = facts.dated() ? facts.texts("page.subtitle", {DateText(facts.first_day), DateText(facts.last_day),
                                                                MomentText(options.now_us)})
                                : facts.texts("page.subtitle.undated", {MomentText(options.now_us)});
  page.sections.push_back(report::OverviewSection(facts));
  page.sections.push_back(report::GrowthSection(facts));
  page.sections.push_back(report::ActivitySection(facts));
  page.sections.push_back(report::CohortSection(facts));
  page.sections.push_back(report::RiskSection(facts));
  page.sections.push_back(report::CatalogueSection(facts));
  page.sections.push_back(report::FeedbackSection(facts));
  page.sections.push_back(report::LeaderSection(facts));
  page.sections.push_back(report::DataSection(facts));
  return page;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("CommunityPage: want memory for the report, got none");
}

}  // namespace waypost
