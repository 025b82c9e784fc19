// waypost/insight/leaderboard.hpp - who contributes most: per period and category, fresh work first, gaming capped.
//
// Definition   An event counts when its kind is positive (or among those named) and its time, where it has one, is not
//              after `now`. Its points are the weight of its kind, times its value where values count, times
//              2^(-age/half-life); age runs to the end of the board's period or to now, whichever is earlier. No time
//              is age 0.
//              Caps come first: of one user's events of a kind with one item, on one board, the `item_cap` strongest
//              count, and of one user's events of a kind on one UTC day, on one board, the `daily_cap` strongest.
//                total  the sum of points
//                mean   (sum w v + m mu) / (sum w + m) of values v, with w the decayed weight of the kind, mu the mean
//                       over the whole board and m = prior_count: few good marks do not beat many [1]
//              Equal scores share a rank, and the next rank counts them all (1, 1, 3).
// Sources      [1] B. Efron, C. Morris, Stein's Paradox in Statistics, Scientific American 236(5), 1977.
// Complexity   O(n log n) of n events.
// Numerics     float64. The points of a user are summed in ascending order: the order of the events does not matter, to
//              the last bit.
// Determinism  One thread.
// Checked by   tests/unit/insight_leaderboard_test.cpp: a naive reference on random logs, order of input, repetition;
//              tests/data/leaderboard_test.cpp: badges of a community by month.
#ifndef WAYPOST_INSIGHT_LEADERBOARD_HPP_
#define WAYPOST_INSIGHT_LEADERBOARD_HPP_

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"

namespace waypost {

enum class BoardPeriod { kAll, kDay, kWeek, kMonth, kYear };  // in UTC; weeks begin on Monday
enum class BoardMeasure { kTotal, kMean };

// Options of BuildLeaderboards. Aggregate: use designated initializers.
struct LeaderboardOptions {
  BoardPeriod period = BoardPeriod::kAll;
  BoardMeasure measure = BoardMeasure::kTotal;
  // Points are multiplied by the event's value; events without one do not count. Not beside kMean.
  bool by_value = false;
  // Days after which a contribution counts half; 0: none ever fades.
  double half_life_days = 0;
  // Microseconds since 1970: what is later does not count. Must be set beside a half-life.
  std::optional<std::int64_t> now_us = std::nullopt;
  // Events of one user, kind and UTC day that count; 0: all.
  std::uint32_t daily_cap = 0;
  // Events of one user and kind with one item that count; 0: all.
  std::uint32_t item_cap = 0;
  // Marks that the mean of the board counts for, beside kMean.
  double prior_count = 10;
  // Kinds that count; empty: the positive ones.
  std::vector<std::uint16_t> kinds = {};
  // Ranks up to this one are kept, ties included; 0: all.
  std::size_t top = 100;
};

inline absl::Status Validate(const LeaderboardOptions& options) {
  if (!(std::isfinite(options.half_life_days) && options.half_life_days >= 0))
    return absl::InvalidArgumentError(
        absl::StrCat("LeaderboardOptions.half_life_days: want a finite value >= 0, got ", options.half_life_days));
  if (options.half_life_days > 0 && !options.now_us)
    return absl::InvalidArgumentError("LeaderboardOptions.now_us: want a moment beside a half-life, got none");
  if (!(std::isfinite(options.prior_count) && options.prior_count >= 0))
    return absl::InvalidArgumentError(
        absl::StrCat("LeaderboardOptions.prior_count: want a finite value >= 0, got ", options.prior_count));
  if (options.by_value && options.measure == BoardMeasure::kMean)
    return absl::InvalidArgumentError("LeaderboardOptions.by_value: want it beside totals, got it beside means");
  return absl::OkStatus();
}

struct BoardEntry {
  std::uint32_t user = 0;  // of the log
  std::size_t rank = 1;    // 1 is best
  double score = 0;
  std::uint64_t events = 0;   // that would count without caps
  std::uint64_t counted = 0;  // that do
  std::int64_t last_us = kNoTime;

  friend bool operator==(const BoardEntry&, const BoardEntry&) = default;
};

struct Leaderboard {
  std::optional<std::int64_t> begin_us;  // of its period; none for kAll
  std::uint32_t category = 0;
  std::uint64_t users = 0;  // with a contribution, shown or not
  std::vector<BoardEntry> entries;
};

// What was passed over.
struct Leaderboards {
  std::vector<Leaderboard> boards;  // by period, then category
  std::uint64_t untimed = 0;        // events without a time, which no period holds
  std::uint64_t later = 0;          // events after now
  std::uint64_t unvalued = 0;       // events without a value, where values count
};

namespace internal {

constexpr std::int64_t kMicrosOfDay = 86'400'000'000;
constexpr std::int64_t kLastBoardDay = 2'932'896;  // 9999-12-31
constexpr std::int64_t kFirstBoardDay = -kLastBoardDay;

// Days since 1970, downward.
inline std::int64_t DayOf(std::int64_t time_us) {
  return time_us / kMicrosOfDay - (time_us % kMicrosOfDay < 0 ? 1 : 0);
}

}  // namespace internal

// The first moment of the period that holds a time, and of the next one; in microseconds since 1970.
struct PeriodBounds {
  std::int64_t begin_us;
  std::int64_t end_us;
};

// Requires  period is not kAll; a day of kFirstBoardDay..kLastBoardDay.
inline PeriodBounds PeriodOf(BoardPeriod period, std::int64_t time_us) {
  using std::chrono::days, std::chrono::months, std::chrono::years, std::chrono::sys_days;
  const sys_days date{days(internal::DayOf(time_us))};
  const std::chrono::year_month_day civil(date);
  const auto first_of_month = civil.year() / civil.month() / std::chrono::day(1);
  const auto first_of_year = civil.year() / std::chrono::January / std::chrono::day(1);
  const sys_days monday = date - (std::chrono::weekday(date) - std::chrono::Monday);
  const auto bounds = [](sys_days begin, sys_days end) {
    return PeriodBounds{begin.time_since_epoch().count() * internal::kMicrosOfDay,
                        end.time_since_epoch().count() * internal::kMicrosOfDay};
  };
  switch (period) {
    case BoardPeriod::kWeek:
      return bounds(monday, monday + days(7));
    case BoardPeriod::kMonth:
      return bounds(first_of_month, first_of_month + months(1));
    case BoardPeriod::kYear:
      return bounds(first_of_year, first_of_year + years(1));
    default:
      return bounds(date, date + days(1));
  }
}

namespace internal {

struct Contribution {
  std::int64_t begin_us;  // of the period
  std::uint32_t category;
  std::uint32_t user;
  std::uint16_t kind;
  std::int64_t day;
  std::uint32_t item;
  double points;  // decayed, times the value where values count
  double value;   // of a mean
  std::int64_t time_us;

  // The board, user and kind; within them the strongest first.
  auto group() const { return std::tuple(begin_us, category, user, kind); }
  auto strength() const { return std::tuple(-points, -value, -time_us); }
};

// Keeps at most `cap` of each run of equal keys; `list` is sorted by key and, within, by strength.
template <typename Key>
void KeepFirst(std::vector<Contribution>& list, std::uint32_t cap, const Key& key) {
  std::size_t kept = 0, run = 0;
  for (std::size_t n = 0; n < list.size(); ++n) {
    run = kept > 0 && key(list[n]) == key(list[kept - 1]) ? run + 1 : 1;
    if (run <= cap) list[kept++] = list[n];
  }
  list.resize(kept);
}

inline void ApplyCaps(std::vector<Contribution>& list, const LeaderboardOptions& options) {
  const auto by_item = [](const Contribution& c) { return std::tuple_cat(c.group(), std::tuple(c.item)); };
  const auto by_day = [](const Contribution& c) { return std::tuple_cat(c.group(), std::tuple(c.day)); };
  const auto apply = [&](std::uint32_t cap, const auto& key) {
    if (cap == 0) return;
    std::sort(list.begin(), list.end(), [&](const Contribution& a, const Contribution& b) {
      return std::tuple_cat(key(a), a.strength()) < std::tuple_cat(key(b), b.strength());
    });
    KeepFirst(list, cap, key);
  };
  apply(options.item_cap, by_item);
  apply(options.daily_cap, by_day);
}

// Fills the scores of one board's entries and orders them.
//   counted  the contributions of the board, by user.
inline void RankBoard(const EventLog& log, const LeaderboardOptions& options, std::span<const Contribution> counted,
                      Leaderboard& board) {
  double all = 0, weights = 0;
  std::vector<double> terms;
  std::vector<double> user_weights;
  for (std::size_t begin = 0, end = 0; begin < counted.size(); begin = end) {
    while (end < counted.size() && counted[end].user == counted[begin].user) ++end;
    const auto entry = std::lower_bound(board.entries.begin(), board.entries.end(), counted[begin].user,
                                        [](const BoardEntry& e, std::uint32_t user) { return e.user < user; });
    terms.clear();
    double weight = 0;
    std::vector<double> parts;
    for (std::size_t n = begin; n < end; ++n) {
      terms.push_back(counted[n].points * (options.measure == BoardMeasure::kMean ? counted[n].value : 1));
      parts.push_back(counted[n].points);
    }
    std::sort(terms.begin(), terms.end());
    std::sort(parts.begin(), parts.end());
    for (const double term : terms) entry->score += term;
    for (const double part : parts) weight += part;
    entry->counted = end - begin;
    user_weights.push_back(weight);
  }
  if (options.measure == BoardMeasure::kMean) {
    std::vector<std::pair<double, double>> sums;  // of users, ascending: their numbering must not matter
    for (std::size_t n = 0; n < board.entries.size(); ++n) sums.emplace_back(board.entries[n].score, user_weights[n]);
    std::sort(sums.begin(), sums.end());
    for (const auto& [score, weight] : sums) all += score, weights += weight;
    const double mean = weights > 0 ? all / weights : 0;
    for (std::size_t n = 0; n < board.entries.size(); ++n) {
      const double marks = user_weights[n] + options.prior_count;
      board.entries[n].score = marks > 0 ? (board.entries[n].score + options.prior_count * mean) / marks : mean;
    }
  }
  std::sort(board.entries.begin(), board.entries.end(), [&](const BoardEntry& a, const BoardEntry& b) {
    return a.score != b.score ? a.score > b.score : log.users().id(a.user) < log.users().id(b.user);
  });
  for (std::size_t n = 0; n < board.entries.size(); ++n)
    board.entries[n].rank =
        n > 0 && board.entries[n].score == board.entries[n - 1].score ? board.entries[n - 1].rank : n + 1;
  board.users = board.entries.size();
  const auto last = std::find_if(board.entries.begin(), board.entries.end(),
                                 [&](const BoardEntry& entry) { return options.top > 0 && entry.rank > options.top; });
  board.entries.erase(last, board.entries.end());
}

}  // namespace internal

// Returns a board for each period and category in which anybody contributed.
//
//   item_category  the category of each item of the log; empty: one category, 0.
// Errors           kInvalidArgument: options, categories of another length, an unknown kind, a time beyond the
//                  calendar.  kResourceExhausted: memory.
inline absl::StatusOr<Leaderboards> BuildLeaderboards(const EventLog& log, const LeaderboardOptions& options = {},
                                                      std::span<const std::uint32_t> item_category = {}) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  if (!item_category.empty() && item_category.size() != log.items().size())
    return absl::InvalidArgumentError(absl::StrCat("BuildLeaderboards.item_category: want none or ", log.items().size(),
                                                   ", got ", item_category.size()));
  std::vector<char> counts(log.kinds().size(), 0);
  for (std::size_t kind = 0; options.kinds.empty() && kind < counts.size(); ++kind)
    counts[kind] = log.kinds().at(static_cast<std::uint16_t>(kind)).role == Role::kPositive;
  for (const std::uint16_t kind : options.kinds) {
    if (kind >= counts.size())
      return absl::InvalidArgumentError(
          absl::StrCat("LeaderboardOptions.kinds: want less than ", counts.size(), ", got ", kind));
    counts[kind] = 1;
  }
  const bool mean = options.measure == BoardMeasure::kMean;
  Leaderboards found;
  std::vector<internal::Contribution> list;
  for (std::size_t row = 0; row < log.size(); ++row) {
    const std::uint16_t kind = log.columns().kinds[row];
    if (counts[kind] == 0) continue;
    const std::int64_t time_us = log.time_us(row);
    const bool timed = time_us != kNoTime;
    const double value = log.value(row);
    if (timed && options.now_us && time_us > *options.now_us) {
      ++found.later;
      continue;
    }
    if (!timed && options.period != BoardPeriod::kAll) {
      ++found.untimed;
      continue;
    }
    if ((mean || options.by_value) && std::isnan(value)) {
      ++found.unvalued;
      continue;
    }
    PeriodBounds period{kNoTime, std::numeric_limits<std::int64_t>::max()};
    const std::int64_t day = timed ? internal::DayOf(time_us) : kNoTime;
    if (options.period != BoardPeriod::kAll) {
      if (day < internal::kFirstBoardDay || day > internal::kLastBoardDay)
        return absl::InvalidArgumentError(
            absl::StrCat("BuildLeaderboards: event ", row, ": want a time before the year 10000, got ", time_us));
      period = PeriodOf(options.period, time_us);
    }
    double points = log.kinds().at(kind).weight;
    if (timed && options.half_life_days > 0) {
      const double age = static_cast<double>(std::min(*options.now_us, period.end_us)) - static_cast<double>(time_us);
      points *= std::exp2(-age / static_cast<double>(internal::kMicrosOfDay) / options.half_life_days);
    }
    if (options.by_value) points *= value;
    const std::uint32_t item = log.columns().items[row];
    list.push_back({.begin_us = period.begin_us,
                    .category = item_category.empty() ? 0 : item_category[item],
                    .user = log.columns().users[row],
                    .kind = kind,
                    .day = day,
                    .item = item,
                    .points = points,
                    .value = mean ? value : 0,
                    .time_us = time_us});
  }
  const auto board_and_user = [](const internal::Contribution& c) {
    return std::tuple(c.begin_us, c.category, c.user);
  };
  const auto in_order = [&](const internal::Contribution& a, const internal::Contribution& b) {
    return board_and_user(a) < board_and_user(b);
  };
  std::sort(list.begin(), list.end(), in_order);
  for (std::size_t n = 0; n < list.size(); ++n) {
    const internal::Contribution& c = list[n];
    const std::optional<std::int64_t> begin =
        options.period == BoardPeriod::kAll ? std::nullopt : std::optional(c.begin_us);
    if (found.boards.empty() || found.boards.back().begin_us != begin || found.boards.back().category != c.category)
      found.boards.push_back({.begin_us = begin, .category = c.category, .users = 0, .entries = {}});
    std::vector<BoardEntry>& entries = found.boards.back().entries;
    if (entries.empty() || entries.back().user != c.user) entries.push_back({.user = c.user});
    ++entries.back().events;
    entries.back().last_us = std::max(entries.back().last_us, c.time_us);
  }
  internal::ApplyCaps(list, options);
  std::sort(list.begin(), list.end(), in_order);
  std::size_t begin = 0;
  for (Leaderboard& board : found.boards) {
    std::size_t end = begin;
    while (end < list.size() && list[end].category == board.category && list[end].begin_us == list[begin].begin_us)
      ++end;
    internal::RankBoard(log, options, std::span(list).subspan(begin, end - begin), board);
    begin = end;
  }
  return found;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("BuildLeaderboards: want memory for ", log.size(), " events, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_LEADERBOARD_HPP_
