// waypost/insight/activity.hpp - what each user did in order of time, and the two sides of a moment as two types.
//
// (1) PastView holds the events strictly before its moment, FutureView those at or after it. Features are functions of
//     the one and outcomes of the other, so that no feature can read what it is to predict.
// (2) Events of one user are in order of time, those of one moment in the order of the log. Events without a time have
//     no place in either and are left out and counted.
// (3) A kind of the role neutral (an impression, a reminder) is something done to the user; every other is an act.
#ifndef WAYPOST_INSIGHT_ACTIVITY_HPP_
#define WAYPOST_INSIGHT_ACTIVITY_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/event/event_log.hpp"

namespace waypost {

inline constexpr std::int64_t kDayMicros = 86'400'000'000;

struct ActivityEvent {
  std::int64_t time_us = 0;
  std::uint32_t item = 0;
  float value = 0;  // NaN: none
  std::uint16_t kind = 0;
  bool act = true;  // by the user, not to the user
};

class Activity;

// Lifetime  that of the activity it was taken from.
class PastView {
 public:
  std::int64_t moment_us() const { return moment_us_; }
  std::size_t user_count() const;
  const KindTable& kinds() const;
  // Requires  user < user_count().
  std::span<const ActivityEvent> events(std::size_t user) const;

 private:
  friend class Activity;
  PastView(const Activity& activity, std::int64_t moment_us) : activity_(&activity), moment_us_(moment_us) {}

  const Activity* activity_;
  std::int64_t moment_us_;
};

// Lifetime  that of the activity it was taken from.
class FutureView {
 public:
  std::int64_t moment_us() const { return moment_us_; }
  const KindTable& kinds() const;
  std::span<const ActivityEvent> events(std::size_t user) const;

 private:
  friend class Activity;
  FutureView(const Activity& activity, std::int64_t moment_us) : activity_(&activity), moment_us_(moment_us) {}

  const Activity* activity_;
  std::int64_t moment_us_;
};

// Immutable: safe to use from any number of threads.
class Activity {
 public:
  // Cost  O(events), and a sort of those of a user that are out of order.
  explicit Activity(const EventLog& log, const Parallelism& parallelism = {});

  std::size_t user_count() const { return offsets_.size() - 1; }
  std::size_t event_count() const { return events_.size(); }
  std::uint64_t undated() const { return undated_; }  // events left out
  const KindTable& kinds() const { return kinds_; }
  // Requires  event_count() > 0.
  std::int64_t first_us() const { return first_us_; }
  std::int64_t last_us() const { return last_us_; }

  PastView Before(std::int64_t moment_us) const { return {*this, moment_us}; }
  FutureView From(std::int64_t moment_us) const { return {*this, moment_us}; }

 private:
  friend class PastView;
  friend class FutureView;

  std::span<const ActivityEvent> All(std::size_t user) const {
    return std::span(events_).subspan(offsets_[user], offsets_[user + 1] - offsets_[user]);
  }
  std::size_t CountBefore(std::size_t user, std::int64_t moment_us) const {
    const std::span<const ActivityEvent> all = All(user);
    return static_cast<std::size_t>(
        std::lower_bound(all.begin(), all.end(), moment_us,
                         [](const ActivityEvent& event, std::int64_t time) { return event.time_us < time; }) -
        all.begin());
  }

  KindTable kinds_;
  std::vector<std::size_t> offsets_;  // of each user in events_
  std::vector<ActivityEvent> events_;
  std::uint64_t undated_ = 0;
  std::int64_t first_us_ = 0, last_us_ = 0;
};

inline Activity::Activity(const EventLog& log, const Parallelism& parallelism)
    : kinds_(log.kinds()), offsets_(log.users().size() + 1) {
  const EventColumns& columns = log.columns();
  for (std::size_t row = 0; row < log.size(); ++row)
    log.time_us(row) == kNoTime ? ++undated_ : ++offsets_[columns.users[row] + 1];
  for (std::size_t user = 1; user < offsets_.size(); ++user) offsets_[user] += offsets_[user - 1];
  events_.resize(offsets_.back());
  std::vector<std::size_t> next(offsets_.begin(), offsets_.end() - 1);
  bool first = true;
  for (std::size_t row = 0; row < log.size(); ++row) {
    const std::int64_t time = log.time_us(row);
    if (time == kNoTime) continue;
    const std::uint16_t kind = columns.kinds[row];
    events_[next[columns.users[row]]++] = {time, columns.items[row], log.value(row), kind,
                                           kinds_.at(kind).role != Role::kNeutral};
    first_us_ = first ? time : std::min(first_us_, time);
    last_us_ = first ? time : std::max(last_us_, time);
    first = false;
  }
  ForEachBlock(parallelism, user_count(), 1024, [&](std::size_t begin, std::size_t end, std::size_t) {
    const auto earlier = [](const ActivityEvent& a, const ActivityEvent& b) { return a.time_us < b.time_us; };
    for (std::size_t user = begin; user < end; ++user) {
      const auto from = events_.begin() + static_cast<std::ptrdiff_t>(offsets_[user]);
      const auto to = events_.begin() + static_cast<std::ptrdiff_t>(offsets_[user + 1]);
      if (!std::is_sorted(from, to, earlier)) std::stable_sort(from, to, earlier);
    }
  });
}

inline std::size_t PastView::user_count() const {
  return activity_->user_count();
}
inline const KindTable& PastView::kinds() const {
  return activity_->kinds();
}
inline std::span<const ActivityEvent> PastView::events(std::size_t user) const {
  return activity_->All(user).first(activity_->CountBefore(user, moment_us_));
}
inline const KindTable& FutureView::kinds() const {
  return activity_->kinds();
}
inline std::span<const ActivityEvent> FutureView::events(std::size_t user) const {
  return activity_->All(user).subspan(activity_->CountBefore(user, moment_us_));
}

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_ACTIVITY_HPP_
