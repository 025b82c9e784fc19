// waypost/matrix/weighting.hpp - from events to the strength of each (user, item) pair.
//
// Definition   strength of an event = weight of its kind x transform(value) x decay(age), with
//                transform(v) = 1 (none), v (linear), log(1 + v) (log1p); 1 for an event without a value,
//                decay(age)   = 2^(-age / half-life), age = now - time, at least 0 and so that decay >= 2^-60 (an old
//                               event is weak, but never vanishes); 1 for an event without a time.
//              Only events of a positive kind have a strength. One whose value lies below `min_value` has none: the
//              item counts as seen.
//              A pair's positive events are merged by the duplicate policy. Where a pair has positive and negative
//              events the latest of them (by time, then row; without a time first) decides: after a dismissal a
//              pair is rejected, until the user comes back to the item. Neutral events never change a decision.
// Algorithm    Two counting sorts, by item and then by user, bring the events of a pair together in the order of the
//              log; only a pair of several dated events is sorted by comparison. Where every event has the same
//              strength the events' numbers are not carried along.
// Complexity   O(rows + users + items) time. Beside the log and the result at most 16 bytes a row at a time, 4 where
// all
//              events have one strength. No hash table of pairs.
// Numerics     float64 until a pair's strength is stored as float32.
// Determinism  Equal for any number of threads: the sorts are stable, and sums are taken in the order of time, then
// row. Checked by   tests/unit/matrix_weighting_test.cpp against a naive map of pairs.
#ifndef WAYPOST_MATRIX_WEIGHTING_HPP_
#define WAYPOST_MATRIX_WEIGHTING_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/matrix/counting_sort.hpp"
#include "waypost/matrix/event_pairs.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

// How several positive events of one pair become one strength.
enum class DuplicatePolicy {
  kMax,    // the strongest
  kSum,    // all of them together
  kLast,   // the latest by time, then row; if its value lies below `min_value` the pair is seen only
  kError,  // a second positive event of a pair is an error
};

// How an event's value enters its strength.
enum class ValueTransform { kNone, kLinear, kLog1p };

// Options of BuildInteractions. Aggregate: use designated initializers. Kinds have their weights in the log's table.
struct WeightingOptions {
  // Minutes and counts go well with kLog1p, money with kLinear, ratings with kNone and a `min_value`.
  ValueTransform transform = ValueTransform::kNone;
  // A positive event with a smaller value is no evidence of interest: 4 is usual for ratings of 1..5.
  std::optional<float> min_value = {};
  DuplicatePolicy duplicates = DuplicatePolicy::kMax;
  // Days after which an event counts half; 0: no decay. 30..365 is usual.
  double half_life_days = 0;
  // The moment ages are counted from, microseconds UTC; required with a half-life. Later events have age 0.
  std::optional<std::int64_t> now_us = {};
};

inline absl::Status Validate(const WeightingOptions& options) {
  if (!std::isfinite(options.half_life_days) || options.half_life_days < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("WeightingOptions.half_life_days: want a finite value >= 0, got ", options.half_life_days));
  if (options.half_life_days > 0 && !options.now_us)
    return absl::InvalidArgumentError("WeightingOptions.now_us: want a time beside half_life_days, got none");
  if (options.min_value && !std::isfinite(*options.min_value))
    return absl::InvalidArgumentError(
        absl::StrCat("WeightingOptions.min_value: want a finite value, got ", *options.min_value));
  return absl::OkStatus();
}

struct Interactions {
  InteractionMatrix positives;  // what models train on
  // users x items, every pair met: value > 0 the strength of a positive, 0 seen only, -1 rejected. Its positive entries
  // are those of `positives`.
  SparseMatrix history;
};

// Returns the entries of a history that are positive, with their strengths. Shares the arrays when all are.
// Cost  O(entries).
inline SparseMatrix PositivesOf(const SparseMatrix& history) {
  const std::span<const float> strengths = history.values().span();
  if (std::all_of(strengths.begin(), strengths.end(), [](float value) { return value > 0; })) return history;
  const bool weighted =
      std::any_of(strengths.begin(), strengths.end(), [](float value) { return value > 0 && value != 1; });
  AlignedVector<std::uint64_t> offsets = {0};
  offsets.reserve(history.rows() + 1);
  AlignedVector<std::uint32_t> columns;
  AlignedVector<float> values;
  for (std::size_t row = 0; row < history.rows(); ++row) {
    const SparseRowView entries = history.row(row);
    for (std::size_t n = 0; n < entries.size(); ++n) {
      if (!(entries.values[n] > 0)) continue;
      columns.push_back(entries.columns[n]);
      if (weighted) values.push_back(entries.values[n]);
    }
    offsets.push_back(columns.size());
  }
  return SparseMatrix(history.columns(), SharedArray<std::uint64_t>(std::move(offsets)),
                      SharedArray<std::uint32_t>(std::move(columns)), SharedArray<float>(std::move(values)));
}

namespace internal {

inline constexpr float kSeenOnly = 0;
inline constexpr float kRejected = -1;

inline absl::Status StrengthError(const EventLog& log, std::size_t row, double strength) {
  return absl::InvalidArgumentError(absl::StrCat("BuildInteractions.strength: want a finite value > 0, got ", strength,
                                                 " at event ", row, " (user '", ToAbsl(log.user_id(row)), "', item '",
                                                 ToAbsl(log.item_id(row)), "', kind '", log.kind(row).name, "', value ",
                                                 log.value(row), ")"));
}

// The strength of one event in the code of Interactions::history; an event of a neutral kind or below `min_value` is
// seen only. Strengths of positive events may be anything; IsStrength tells the good ones.
inline double EventStrength(const EventLog& log, std::size_t row, const WeightingOptions& options) {
  constexpr double kMicrosecondsPerDay = 86'400e6;
  constexpr double kMaxHalfLives = 60;  // 2^-60: far below notice, far above the smallest float32
  const Kind& kind = log.kind(row);
  if (kind.role != Role::kPositive) return kind.role == Role::kNegative ? kRejected : kSeenOnly;
  const float value = log.value(row);
  double strength = kind.weight;
  if (!std::isnan(value)) {
    if (options.min_value && value < *options.min_value) return kSeenOnly;
    if (options.transform == ValueTransform::kLinear) strength *= value;
    if (options.transform == ValueTransform::kLog1p) strength *= std::log1p(static_cast<double>(value));
  }
  const double half_life_us = options.half_life_days * kMicrosecondsPerDay;
  if (const std::int64_t time_us = log.time_us(row); half_life_us > 0 && time_us != kNoTime) {
    const double age = static_cast<double>(*options.now_us) - static_cast<double>(time_us);
    strength *= std::exp2(-std::clamp(age / half_life_us, 0.0, kMaxHalfLives));
  }
  return strength;
}

// Whether a positive event is seen only because of its value.
inline bool BelowMinValue(const EventLog& log, std::size_t row, const WeightingOptions& options) {
  return options.min_value && !std::isnan(log.value(row)) && log.value(row) < *options.min_value;
}

// That the strength of an event is one: a float32 above 0, or the code of an event that has none.
inline bool IsStrength(const EventLog& log, std::size_t row, const WeightingOptions& options, double strength) {
  const auto stored = static_cast<float>(strength);
  return log.kind(row).role != Role::kPositive || (stored > 0 && std::isfinite(stored)) ||
         BelowMinValue(log, row, options);
}

// The error of the first event whose strength is none.
// Requires  there is one.
inline absl::Status FirstStrengthError(const EventLog& log, const WeightingOptions& options) {
  std::size_t row = 0;
  while (IsStrength(log, row, options, EventStrength(log, row, options))) ++row;
  return StrengthError(log, row, EventStrength(log, row, options));
}

// Whether all events are of one kind and what else enters their strength is the same.
inline bool AllStrengthsEqual(const EventLog& log, const WeightingOptions& options) {
  const EventColumns& columns = log.columns();
  const bool uses_values = options.transform != ValueTransform::kNone || options.min_value;
  return columns.kinds.constant() && (!uses_values || columns.values.constant()) &&
         (options.half_life_days == 0 || columns.times_us.constant());
}

// The code of a pair whose events are given in the order of CameBefore with their strengths.
inline absl::StatusOr<float> MergeEvents(const EventLog& log, std::span<const std::size_t> rows,
                                         const WeightingOptions& options) {
  enum { kNothing, kPositive, kNegative } decision = kNothing;
  const DuplicatePolicy policy = options.duplicates;
  double merged = 0;
  std::size_t positives = 0;
  for (std::size_t row : rows) {
    const auto strength = static_cast<float>(EventStrength(log, row, options));
    const Role role = log.kind(row).role;
    if (role == Role::kNegative) {
      decision = kNegative;
    } else if (strength > 0) {
      decision = kPositive;
      if (positives++ > 0 && policy == DuplicatePolicy::kError)
        return absl::InvalidArgumentError(
            absl::StrCat("BuildInteractions.duplicates: want one positive event a pair, got a second at event ", row,
                         " (user '", ToAbsl(log.user_id(row)), "', item '", ToAbsl(log.item_id(row)), "')"));
      if (policy == DuplicatePolicy::kSum) {
        merged += strength;
      } else if (policy == DuplicatePolicy::kLast) {
        merged = strength;
      } else {
        merged = std::max<double>(merged, strength);
      }
      if (!std::isfinite(static_cast<float>(merged))) return StrengthError(log, row, merged);
    } else if (role == Role::kPositive && policy == DuplicatePolicy::kLast) {
      decision = kNothing;  // the latest value lies below `min_value`
    }
  }
  if (decision == kNegative) return kRejected;
  return decision == kPositive ? static_cast<float>(merged) : kSeenOnly;
}

inline constexpr std::size_t kUsersInBlock = 1024;  // fixed: part of the determinism contract

// The events of a log by user, then item, then row. `rows` is empty where one event stands for all.
template <typename RowNumber>
struct OrderedEvents {
  AlignedVector<std::uint64_t> offsets;  // by user
  ArrayBuilder<std::uint32_t> items;
  ArrayBuilder<RowNumber> rows;
};

template <typename RowNumber>
OrderedEvents<RowNumber> OrderEvents(const EventLog& log, bool with_rows, const Parallelism& parallelism) {
  const std::uint32_t* const users = log.columns().users.data();
  const std::uint32_t* const items = log.columns().items.data();
  ArrayBuilder<std::uint32_t> users_by_item(log.size());
  ArrayBuilder<RowNumber> rows_by_item(with_rows ? log.size() : 0);
  std::uint32_t* const to_users = users_by_item.data();
  RowNumber* const to_rows = with_rows ? rows_by_item.data() : nullptr;
  const AlignedVector<std::uint64_t> starts = CountingSort(
      parallelism, log.size(), log.items().size(),
      [&](std::size_t begin, std::size_t end, const auto& take) {
        for (std::size_t row = begin; row < end; ++row) take(row, items[row]);
      },
      [&](std::size_t row, std::uint64_t target) {
        to_users[target] = users[row];
        if (to_rows != nullptr) to_rows[target] = static_cast<RowNumber>(row);
      });
  OrderedEvents<RowNumber> ordered{
      {}, ArrayBuilder<std::uint32_t>(log.size()), ArrayBuilder<RowNumber>(rows_by_item.size())};
  std::uint32_t* const ordered_items = ordered.items.data();
  RowNumber* const ordered_rows = ordered.rows.data();
  struct Met {
    std::size_t at;  // in the order by item
    std::uint32_t item;
  };
  ordered.offsets = CountingSort(
      parallelism, log.size(), log.users().size(),
      [&](std::size_t begin, std::size_t end, const auto& take) {
        auto item =
            static_cast<std::uint32_t>(std::upper_bound(starts.begin(), starts.end(), begin) - starts.begin()) - 1;
        for (std::size_t at = begin; at < end; ++at) {
          while (at >= starts[item + 1]) ++item;
          take(Met{at, item}, to_users[at]);
        }
      },
      [&](const Met& met, std::uint64_t target) {
        ordered_items[target] = met.item;
        if (to_rows != nullptr) ordered_rows[target] = to_rows[met.at];
      });
  return ordered;
}

// Returns the number of events of the pair that begins at `at`; the events of its user end at `end`.
inline std::size_t EventsOfPair(const std::uint32_t* items, std::size_t at, std::size_t end) {
  std::size_t next = at + 1;
  while (next < end && items[next] == items[at]) ++next;
  return next - at;
}

// The number of pairs before each user, and of all.
template <typename RowNumber>
AlignedVector<std::uint64_t> PairOffsets(OrderedEvents<RowNumber>& ordered, const Parallelism& parallelism) {
  AlignedVector<std::uint64_t> pairs(ordered.offsets.size());
  const std::uint32_t* const items = ordered.items.data();
  ForEachBlock(parallelism, pairs.size() - 1, kUsersInBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t user = begin; user < end; ++user) {
      std::uint64_t count = 0;
      const std::size_t last = ordered.offsets[user + 1];
      for (std::size_t at = ordered.offsets[user]; at < last; at += EventsOfPair(items, at, last)) ++count;
      pairs[user + 1] = count;
    }
  });
  for (std::size_t user = 1; user < pairs.size(); ++user) pairs[user] += pairs[user - 1];
  return pairs;
}

// Computes the codes of pairs, one worker a block of users.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
template <typename RowNumber>
class PairCoder {
 public:
  PairCoder(const EventLog& log, const WeightingOptions& options) : log_(log), options_(options) {}

  // The code of the pair of the given events, in the order of the log; any number after an error.
  float Code(std::span<const RowNumber> rows) {
    bool good = true;
    for (const RowNumber row : rows) {
      strength_ = EventStrength(log_, row, options_);
      good = good && IsStrength(log_, row, options_, strength_);
    }
    if (!good) bad_strength_ = true;
    if (rows.size() == 1 || !good || !status_.ok()) return static_cast<float>(strength_);
    ordered_.assign(rows.begin(), rows.end());
    if (log_.has_times())
      std::sort(ordered_.begin(), ordered_.end(), [&](std::size_t a, std::size_t b) { return CameBefore(log_, a, b); });
    const absl::StatusOr<float> merged = MergeEvents(log_, ordered_, options_);
    if (!merged.ok()) status_ = merged.status();
    return merged.value_or(0);
  }

  bool bad_strength() const { return bad_strength_; }
  const absl::Status& status() const { return status_; }

 private:
  const EventLog& log_;
  const WeightingOptions& options_;
  std::vector<std::size_t> ordered_;
  double strength_ = 0;
  bool bad_strength_ = false;  // of some event
  absl::Status status_;        // the first error of a merge
};

template <typename RowNumber>
absl::StatusOr<SparseMatrix> BuildHistory(const EventLog& log, const WeightingOptions& options,
                                          const Parallelism& parallelism) {
  // Then the strength of an event is that of its pair too, and no event need be told from another.
  const bool one_strength =
      log.size() > 0 && AllStrengthsEqual(log, options) &&
      (options.duplicates == DuplicatePolicy::kMax || options.duplicates == DuplicatePolicy::kLast);
  const double strength = one_strength ? EventStrength(log, 0, options) : 0;
  if (one_strength && !IsStrength(log, 0, options, strength)) return FirstStrengthError(log, options);
  OrderedEvents<RowNumber> ordered = OrderEvents<RowNumber>(log, !one_strength, parallelism);
  AlignedVector<std::uint64_t> offsets = PairOffsets(ordered, parallelism);
  const std::size_t pairs = offsets.back();
  const bool distinct = pairs == log.size();
  const bool weighted = !one_strength || static_cast<float>(strength) != 1;
  ArrayBuilder<std::uint32_t> columns(distinct ? 0 : pairs);
  ArrayBuilder<float> values(weighted ? pairs : 0);
  struct Outcome {
    bool all_one = true;
    bool bad_strength = false;
    absl::Status status;
  };
  const std::size_t users = offsets.size() - 1;
  std::vector<Outcome> outcomes((users + kUsersInBlock - 1) / kUsersInBlock);
  ForEachBlock(parallelism, users, kUsersInBlock, [&](std::size_t begin, std::size_t end, std::size_t block) {
    PairCoder<RowNumber> coder(log, options);
    for (std::size_t user = begin; user < end; ++user) {
      std::size_t at = ordered.offsets[user];
      for (std::size_t pair = offsets[user]; pair < offsets[user + 1]; ++pair) {
        const std::size_t count = distinct ? 1 : EventsOfPair(ordered.items.data(), at, ordered.offsets[user + 1]);
        if (!distinct) columns.data()[pair] = ordered.items[at];
        if (weighted) {
          const float code = one_strength ? static_cast<float>(strength)
                                          : coder.Code(std::span<const RowNumber>(ordered.rows.data() + at, count));
          values.data()[pair] = code;
          outcomes[block].all_one = outcomes[block].all_one && code == 1;
        }
        at += count;
      }
    }
    outcomes[block].bad_strength = coder.bad_strength();
    outcomes[block].status = coder.status();
  });
  bool all_one = true;
  for (const Outcome& outcome : outcomes) {
    if (outcome.bad_strength) return FirstStrengthError(log, options);
    all_one = all_one && outcome.all_one;
  }
  for (const Outcome& outcome : outcomes) WAYPOST_RETURN_IF_ERROR(outcome.status);
  return SparseMatrix(log.items().size(), SharedArray<std::uint64_t>(std::move(offsets)),
                      distinct ? std::move(ordered.items).Build() : std::move(columns).Build(),
                      all_one ? SharedArray<float>() : std::move(values).Build());
}

}  // namespace internal

// Returns the pairs of a log with their strengths; rows and columns are the log's users and items.
//
// Errors  kInvalidArgument: options; a strength that is not finite and > 0 (a kind of weight 0, a value that the
//         transform does not take); a duplicate under kError. Both name the event, its user and its item.
//         kResourceExhausted: memory.
inline absl::StatusOr<Interactions> BuildInteractions(const EventLog& log, const WeightingOptions& options = {},
                                                      const Parallelism& parallelism = {}) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  const bool short_rows = log.size() <= std::numeric_limits<std::uint32_t>::max();
  WAYPOST_ASSIGN_OR_RETURN(SparseMatrix history,
                           short_rows ? internal::BuildHistory<std::uint32_t>(log, options, parallelism)
                                      : internal::BuildHistory<std::uint64_t>(log, options, parallelism));
  SparseMatrix positives = PositivesOf(history);
  return Interactions{InteractionMatrix(std::move(positives), parallelism), std::move(history)};
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("BuildInteractions: want memory for ", log.size(), " events, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_WEIGHTING_HPP_
