#include "waypost/insight/features.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace waypost {
namespace {

constexpr std::int64_t kSessionGapMicros = 30LL * 60 * 1'000'000;
constexpr std::int64_t kHourMicros = kDayMicros / 24;
constexpr std::int64_t kWeekMicros = 7 * kDayMicros;
constexpr int kIdleWindow = 4;       // weeks
constexpr int kLongestStreak = 520;  // weeks that are looked back for a streak: ten years

constexpr std::array<UserFeatureInfo, kUserFeatureCount> kTable = {{
    {"recency_days", "days since the last act"},
    {"tenure_days", "days since the first act"},
    {"events", "acts in all"},
    {"events_7d", "acts in the last 7 days"},
    {"events_28d", "acts in the last 28 days"},
    {"active_days", "days with an act"},
    {"active_days_28d", "of the last 28 days, those with an act"},
    {"sessions", "sessions: acts less than 30 minutes apart are of one"},
    {"sessions_28d", "sessions begun in the last 28 days"},
    {"sessions_per_week", "sessions divided by the weeks of tenure and one"},
    {"idle_weeks", "of the last four weeks since the first act, those without one", false},
    {"longest_gap_days", "longest silence between two acts"},
    {"items", "different items"},
    {"items_28d", "different items in the last 28 days"},
    {"kinds", "different kinds of act", false},
    {"starts", "starts"},
    {"completes", "acts of kinds that complete"},
    {"completion", "completes divided by starts, 1 at most; 0 without a start", false},
    {"underway", "starts less completes and rejections, 0 at least"},
    {"payments", "acts of kinds that pay"},
    {"payments_28d", "payments in the last 28 days"},
    {"spend", "sum of the values of payments that are above 0"},
    {"spend_28d", "spend of the last 28 days"},
    {"days_since_payment", "days since the last payment; without one the tenure"},
    {"rejections", "acts of negative kinds"},
    {"rejections_28d", "rejections in the last 28 days"},
    {"mean_rating", "mean of the user's ratings less that of everyone's; 0 without one", false},
    {"low_ratings_28d", "ratings of the last 28 days in the lowest quarter of the scale in use"},
    {"streak_weeks", "weeks with an act in a row, back from the moment"},
    {"longest_streak_days", "most days with an act in a row"},
    {"trend", "log of (1 + acts of the last 14 days) / (1 + acts of the 14 days before)", false},
    {"night_share", "share of acts from 0 to 6 o'clock UTC", false},
    {"evening_share", "share of acts from 18 to 24 o'clock UTC", false},
    {"weekend_share", "share of acts on Saturdays and Sundays", false},
    {"asks", "questions asked"},
    {"answers", "answers given"},
    {"comments", "comments"},
    {"follows", "follows"},
    {"likes", "likes"},
    {"reminders_28d", "reminders received in the last 28 days"},
}};

std::int64_t FloorDiv(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0);
}

// `later` - `earlier`, at most the largest number: times may lie anywhere in 64 bits.
std::int64_t Between(std::int64_t earlier, std::int64_t later) {
  std::int64_t difference = 0;
  return __builtin_sub_overflow(later, earlier, &difference) ? std::numeric_limits<std::int64_t>::max() : difference;
}

double Days(std::int64_t micros) {
  return static_cast<double>(micros) / static_cast<double>(kDayMicros);
}

// What everyone's ratings are like: the scale in use.
struct Ratings {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double sum = 0;
  std::size_t count = 0;

  double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
  bool IsLow(double value) const { return low < high && value <= low + (high - low) / 4; }
};

Ratings ReadRatings(const PastView& past, const Parallelism& parallelism) {
  return ReduceBlocks(
      parallelism, past.user_count(), 1024, Ratings{},
      [&](std::size_t begin, std::size_t end) {
        Ratings part;
        for (std::size_t user = begin; user < end; ++user)
          for (const ActivityEvent& event : past.events(user)) {
            if (event.kind != kRate || std::isnan(event.value)) continue;
            part.low = std::min(part.low, static_cast<double>(event.value));
            part.high = std::max(part.high, static_cast<double>(event.value));
            part.sum += event.value;
            ++part.count;
          }
        return part;
      },
      [](Ratings& to, const Ratings& part) {
        to.low = std::min(to.low, part.low);
        to.high = std::max(to.high, part.high);
        to.sum += part.sum;
        to.count += part.count;
      });
}

double CountDistinct(std::vector<std::uint32_t>& items) {
  std::sort(items.begin(), items.end());
  return static_cast<double>(std::unique(items.begin(), items.end()) - items.begin());
}

// Fills the row of one user.
//   events  before the moment, at least one of them an act.
void Describe(std::span<const ActivityEvent> events, const KindTable& kinds, const Ratings& ratings,
              std::int64_t moment, std::vector<std::uint32_t>& scratch, std::span<double> row) {
  std::fill(row.begin(), row.end(), 0.0);
  std::int64_t first = 0, last = 0, longest_gap = 0, last_day = 0, last_payment = 0;
  double day_streak = 0, rating_sum = 0, ratings_seen = 0, last_14d = 0, before_14d = 0;
  bool any = false;
  std::uint64_t kinds_seen = 0;  // of the first 64: there are rarely more
  std::array<bool, kIdleWindow> week_seen{};
  double streak = 0;
  std::int64_t streak_week = 0;  // next week back that the streak needs, once it has begun at the moment
  for (const ActivityEvent& event : events) {
    const std::int64_t age = Between(event.time_us, moment);  // > 0
    const bool recent = age <= 28 * kDayMicros;
    if (!event.act) {
      if (event.kind == kRemind && recent) ++row[kReminders28d];
      continue;
    }
    const Kind& kind = kinds.at(event.kind);
    const std::int64_t day = FloorDiv(event.time_us, kDayMicros);
    const bool new_day = !any || day != last_day;
    const bool new_session = !any || Between(last, event.time_us) >= kSessionGapMicros;
    ++row[kEventCount];
    row[kEvents7d] += age <= 7 * kDayMicros;
    row[kEvents28d] += recent;
    row[kActiveDays] += new_day;
    row[kActiveDays28d] += new_day && recent;
    row[kSessions] += new_session;
    row[kSessions28d] += new_session && recent;
    last_14d += age <= 14 * kDayMicros;
    before_14d += age > 14 * kDayMicros && recent;
    if (new_day) {
      day_streak = any && day == last_day + 1 ? day_streak + 1 : 1;
      row[kLongestStreakDays] = std::max(row[kLongestStreakDays], day_streak);
    }
    if (any) longest_gap = std::max(longest_gap, Between(last, event.time_us));
    if (const std::int64_t week = (age - 1) / kWeekMicros; week < kIdleWindow)
      week_seen[static_cast<std::size_t>(week)] = true;
    row[kStarts] += event.kind == kStart;
    row[kCompletes] += kind.completes;
    if (kind.pays) {
      ++row[kPayments];
      row[kPayments28d] += recent;
      const double amount = std::isnan(event.value) ? 0 : std::max(0.0, static_cast<double>(event.value));
      row[kSpend] += amount;
      if (recent) row[kSpend28d] += amount;
      last_payment = event.time_us;
    }
    if (kind.role == Role::kNegative) {
      ++row[kRejections];
      row[kRejections28d] += recent;
    }
    if (event.kind == kRate && !std::isnan(event.value)) {
      rating_sum += event.value;
      ++ratings_seen;
      if (recent && ratings.IsLow(event.value)) ++row[kLowRatings28d];
    }
    const std::int64_t hour = FloorDiv(event.time_us, kHourMicros) - 24 * day;
    row[kNightShare] += hour < 6;
    row[kEveningShare] += hour >= 18;
    const std::int64_t weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday; 0 is Monday
    row[kWeekendShare] += weekday >= 5;
    row[kAsks] += event.kind == kAsk;
    row[kAnswers] += event.kind == kAnswer;
    row[kComments] += event.kind == kComment;
    row[kFollows] += event.kind == kFollow;
    row[kLikes] += event.kind == kLike;
    kinds_seen |= std::uint64_t{1} << std::min<std::uint16_t>(event.kind, 63);
    if (!any) first = event.time_us;
    any = true;
    last = event.time_us;
    last_day = day;
  }
  const std::int64_t tenure = Between(first, moment);
  row[kRecencyDays] = Days(Between(last, moment));
  row[kTenureDays] = Days(tenure);
  row[kLongestGapDays] = Days(longest_gap);
  row[kSessionsPerWeek] = row[kSessions] / (Days(tenure) / 7 + 1);
  const std::int64_t weeks = std::min<std::int64_t>(kIdleWindow, (tenure - 1) / kWeekMicros + 1);
  for (std::int64_t week = 0; week < weeks; ++week) row[kIdleWeeks] += !week_seen[static_cast<std::size_t>(week)];
  for (auto event = events.rbegin(); event != events.rend() && streak_week < kLongestStreak; ++event) {
    if (!event->act) continue;
    const std::int64_t week = (Between(event->time_us, moment) - 1) / kWeekMicros;
    if (week > streak_week) break;
    if (week == streak_week) {
      ++streak;
      ++streak_week;
    }
  }
  row[kStreakWeeks] = streak;
  scratch.clear();
  for (const ActivityEvent& event : events)
    if (event.act && Between(event.time_us, moment) <= 28 * kDayMicros) scratch.push_back(event.item);
  row[kItems28d] = CountDistinct(scratch);
  scratch.clear();
  for (const ActivityEvent& event : events)
    if (event.act) scratch.push_back(event.item);
  row[kItems] = CountDistinct(scratch);
  row[kKinds] = static_cast<double>(std::popcount(kinds_seen));
  row[kCompletion] = row[kStarts] == 0 ? 0 : std::min(1.0, row[kCompletes] / row[kStarts]);
  row[kUnderway] = std::max(0.0, row[kStarts] - row[kCompletes] - row[kRejections]);
  row[kDaysSincePayment] = row[kPayments] == 0 ? row[kTenureDays] : Days(Between(last_payment, moment));
  row[kMeanRating] = ratings_seen == 0 ? 0 : rating_sum / ratings_seen - ratings.mean();
  row[kTrend] = std::log((1 + last_14d) / (1 + before_14d));
  for (const UserFeature share : {kNightShare, kEveningShare, kWeekendShare}) row[share] /= row[kEventCount];
}

}  // namespace

std::span<const UserFeatureInfo> UserFeatureTable() {
  return kTable;
}

UserFeatures ComputeUserFeatures(const PastView& past, const Parallelism& parallelism) {
  UserFeatures features;
  features.moment_us = past.moment_us();
  std::vector<std::uint8_t> acted(past.user_count());
  ForEachBlock(parallelism, past.user_count(), 1024, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t user = begin; user < end; ++user) {
      const std::span<const ActivityEvent> events = past.events(user);
      acted[user] = std::any_of(events.begin(), events.end(), [](const ActivityEvent& event) { return event.act; });
    }
  });
  for (std::size_t user = 0; user < acted.size(); ++user)
    if (acted[user]) features.users.push_back(static_cast<std::uint32_t>(user));
  features.values.resize(features.users.size() * kUserFeatureCount);
  const Ratings ratings = ReadRatings(past, parallelism);
  ForEachBlock(parallelism, features.users.size(), 256, [&](std::size_t begin, std::size_t end, std::size_t) {
    std::vector<std::uint32_t> scratch;
    for (std::size_t n = begin; n < end; ++n)
      Describe(past.events(features.users[n]), past.kinds(), ratings, past.moment_us(), scratch,
               std::span(features.values).subspan(n * kUserFeatureCount, kUserFeatureCount));
  });
  return features;
}

}  // namespace waypost
