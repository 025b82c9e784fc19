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
//              log. What each event is worth is carried along, or, where the order within a pair is by time, its
//              number; nothing where all events are worth 1. Only pairs of several dated events are sorted by
//              comparison.
// Complexity   O(rows + users + items) time. Beside the log and the result at most 16 bytes a row at a time. No hash
//              table of pairs.
// Numerics     float64 until a pair's strength is stored as float32.
// Determinism  Equal for any number of threads: the sorts are stable, sums are taken in the order of time, then row.
// Checked by   tests/unit/matrix_weighting_test.cpp against a naive map of pairs.
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

#include "waypost/base/array_builder.hpp"
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
inline constexpr float kBelowMinValue = -2;  // only while pairs are built

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

// As EventStrength, as it is stored and carried along: a positive event below `min_value` is kBelowMinValue, and one
// whose strength is none is NaN.
inline float EventCode(const EventLog& log, std::size_t row, const WeightingOptions& options) {
  const double strength = EventStrength(log, row, options);
  if (!IsStrength(log, row, options, strength)) return std::numeric_limits<float>::quiet_NaN();
  return BelowMinValue(log, row, options) && log.kind(row).role == Role::kPositive ? kBelowMinValue
                                                                                   : static_cast<float>(strength);
}

// The code of a pair, from those of its events in the order of CameBefore.
struct MergedPair {
  static constexpr std::size_t kNoError = std::numeric_limits<std::size_t>::max();

  float code = kSeenOnly;
  double merged = 0;                // with an error: the sum that is no float32, or a finite number for a duplicate
  std::size_t error_at = kNoError;  // the event that has none, or comes second under kError
};

inline MergedPair MergeCodes(std::span<const float> codes, DuplicatePolicy policy) {
  enum { kNothing, kPositive, kNegative } decision = kNothing;
  MergedPair pair;
  std::size_t positives = 0;
  for (std::size_t n = 0; n < codes.size(); ++n) {
    if (codes[n] == kRejected) {
      decision = kNegative;
    } else if (codes[n] > 0) {
      decision = kPositive;
      pair.merged = policy == DuplicatePolicy::kSum    ? pair.merged + codes[n]
                    : policy == DuplicatePolicy::kLast ? codes[n]
                                                       : std::max<double>(pair.merged, codes[n]);
      const bool duplicate = positives++ > 0 && policy == DuplicatePolicy::kError;
      if (duplicate || !std::isfinite(static_cast<float>(pair.merged))) {
        pair.error_at = n;
        return pair;
      }
    } else if (codes[n] == kBelowMinValue && policy == DuplicatePolicy::kLast) {
      decision = kNothing;
    }
  }
  if (decision == kNegative) pair.code = kRejected;
  if (decision == kPositive) pair.code = static_cast<float>(pair.merged);
  return pair;
}

inline constexpr std::size_t kUsersInBlock = 1024;  // fixed: part of the determinism contract

// The events of a log by user, then item, then row, each with what is carried along; `carried` may be empty.
template <typename Carried>
struct OrderedEvents {
  AlignedVector<std::uint64_t> offsets;  // by user
  ArrayBuilder<std::uint32_t> items;
  ArrayBuilder<Carried> carried;
};

// `carry(row)` is asked once for every event, in parallel; it is never asked where `carries` is false.
template <typename Carried, typename Carry>
OrderedEvents<Carried> OrderEvents(const EventLog& log, bool carries, const Carry& carry,
                                   const Parallelism& parallelism) {
  const std::uint32_t* const users = log.columns().users.data();
  const std::uint32_t* const items = log.columns().items.data();
  ArrayBuilder<std::uint32_t> users_by_item(log.size());
  ArrayBuilder<Carried> carried_by_item(carries ? log.size() : 0);
  std::uint32_t* const to_users = users_by_item.data();
  Carried* const to_carried = carries ? carried_by_item.data() : nullptr;
  const AlignedVector<std::uint64_t> starts = CountingSort(
      parallelism, log.size(), log.items().size(),
      [&](std::size_t begin, std::size_t end, const auto& take) {
        for (std::size_t row = begin; row < end; ++row) take(row, items[row]);
      },
      [&](std::size_t row, std::uint64_t target) {
        to_users[target] = users[row];
        if (to_carried != nullptr) to_carried[target] = carry(row);
      });
  OrderedEvents<Carried> ordered{
      {}, ArrayBuilder<std::uint32_t>(log.size()), ArrayBuilder<Carried>(carried_by_item.size())};
  std::uint32_t* const ordered_items = ordered.items.data();
  Carried* const ordered_carried = ordered.carried.data();
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
        if (to_carried != nullptr) ordered_carried[target] = to_carried[met.at];
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
inline AlignedVector<std::uint64_t> PairOffsets(std::span<const std::uint64_t> offsets, const std::uint32_t* items,
                                                const Parallelism& parallelism) {
  AlignedVector<std::uint64_t> pairs(offsets.size());
  ForEachBlock(parallelism, pairs.size() - 1, kUsersInBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t user = begin; user < end; ++user) {
      std::uint64_t count = 0;
      for (std::size_t at = offsets[user]; at < offsets[user + 1]; at += EventsOfPair(items, at, offsets[user + 1]))
        ++count;
      pairs[user + 1] = count;
    }
  });
  for (std::size_t user = 1; user < pairs.size(); ++user) pairs[user] += pairs[user - 1];
  return pairs;
}

// What is carried for an event, to its code. The numbers of events: for pairs whose order is by time, and for errors,
// which name an event. Codes themselves: for all else, so that the columns of the log are read in their order.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class PairsByCode {
 public:
  PairsByCode(const EventLog&, const WeightingOptions& options) : options_(options) {}

  // The code of the pair of the given events; any number once failed() is true.
  float Code(std::span<const float> codes) {
    for (const float code : codes) failed_ = failed_ || std::isnan(code);
    if (codes.size() == 1) return codes[0] == kBelowMinValue ? kSeenOnly : codes[0];
    const MergedPair pair = MergeCodes(codes, options_.duplicates);
    failed_ = failed_ || pair.error_at != MergedPair::kNoError;
    return pair.code;
  }

  bool failed() const { return failed_; }
  absl::Status status() const { return absl::OkStatus(); }

 private:
  const WeightingOptions& options_;
  bool failed_ = false;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
template <typename RowNumber>
class PairsByRow {
 public:
  PairsByRow(const EventLog& log, const WeightingOptions& options) : log_(log), options_(options) {}

  // As PairsByCode; failed() then means a strength that is none, and status() the first error of a merge.
  float Code(std::span<const RowNumber> rows) {
    ordered_.assign(rows.begin(), rows.end());
    if (rows.size() > 1 && log_.has_times())
      std::sort(ordered_.begin(), ordered_.end(), [&](std::size_t a, std::size_t b) { return CameBefore(log_, a, b); });
    codes_.clear();
    for (const std::size_t row : ordered_) {
      codes_.push_back(EventCode(log_, row, options_));
      failed_ = failed_ || std::isnan(codes_.back());
    }
    const MergedPair pair = MergeCodes(codes_, options_.duplicates);
    if (pair.error_at != MergedPair::kNoError && status_.ok()) status_ = Error(ordered_[pair.error_at], pair.merged);
    return pair.code;
  }

  bool failed() const { return failed_; }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status Error(std::size_t row, double merged) const {
    if (options_.duplicates != DuplicatePolicy::kError) return StrengthError(log_, row, merged);
    return absl::InvalidArgumentError(
        absl::StrCat("BuildInteractions.duplicates: want one positive event a pair, got a second at event ", row,
                     " (user '", ToAbsl(log_.user_id(row)), "', item '", ToAbsl(log_.item_id(row)), "')"));
  }

  const EventLog& log_;
  const WeightingOptions& options_;
  std::vector<std::size_t> ordered_;
  std::vector<float> codes_;
  bool failed_ = false;
  absl::Status status_;
};

// The pairs of ordered events. `failed` is set where a `Pairs` failed.
template <typename Pairs, typename Carried>
absl::StatusOr<SparseMatrix> BuildPairs(const EventLog& log, const WeightingOptions& options,
                                        OrderedEvents<Carried> ordered, const Parallelism& parallelism, bool& failed) {
  AlignedVector<std::uint64_t> offsets = PairOffsets(ordered.offsets, ordered.items.data(), parallelism);
  const std::size_t pairs = offsets.back();
  const bool distinct = pairs == log.size();  // then the items of the events are those of the pairs
  const bool weighted = ordered.carried.size() > 0;
  ArrayBuilder<std::uint32_t> columns(distinct ? 0 : pairs);
  ArrayBuilder<float> values(weighted ? pairs : 0);
  struct Outcome {
    bool all_one = true;
    bool failed = false;
    absl::Status status;
  };
  const std::size_t users = offsets.size() - 1;
  std::vector<Outcome> outcomes((users + kUsersInBlock - 1) / kUsersInBlock);
  ForEachBlock(parallelism, users, kUsersInBlock, [&](std::size_t begin, std::size_t end, std::size_t block) {
    Pairs coder(log, options);
    bool all_one = true;  // not in `outcomes`, whose lines other threads write
    for (std::size_t user = begin; user < end; ++user) {
      std::size_t at = ordered.offsets[user];
      for (std::size_t pair = offsets[user]; pair < offsets[user + 1]; ++pair) {
        const std::size_t count = distinct ? 1 : EventsOfPair(ordered.items.data(), at, ordered.offsets[user + 1]);
        if (!distinct) columns.data()[pair] = ordered.items.data()[at];
        if (weighted) {
          const float code = coder.Code(std::span<const Carried>(ordered.carried.data() + at, count));
          values.data()[pair] = code;
          all_one = all_one && code == 1;
        }
        at += count;
      }
    }
    outcomes[block] = {all_one, coder.failed(), coder.status()};
  });
  bool all_one = true;
  for (const Outcome& outcome : outcomes) {
    failed = failed || outcome.failed;
    all_one = all_one && outcome.all_one;
  }
  for (const Outcome& outcome : outcomes) WAYPOST_RETURN_IF_ERROR(outcome.status);
  return SparseMatrix(log.items().size(), SharedArray<std::uint64_t>(std::move(offsets)),
                      distinct ? std::move(ordered.items).Build(pairs) : std::move(columns).Build(pairs),
                      all_one ? SharedArray<float>() : std::move(values).Build(pairs));
}

template <typename RowNumber>
absl::StatusOr<SparseMatrix> BuildHistoryByRow(const EventLog& log, const WeightingOptions& options,
                                               const Parallelism& parallelism) {
  bool failed = false;
  absl::StatusOr<SparseMatrix> history = BuildPairs<PairsByRow<RowNumber>>(
      log, options,
      OrderEvents<RowNumber>(
          log, true, [](std::size_t row) { return static_cast<RowNumber>(row); }, parallelism),
      parallelism, failed);
  if (failed) return FirstStrengthError(log, options);
  return history;
}

inline absl::StatusOr<SparseMatrix> BuildHistory(const EventLog& log, const WeightingOptions& options,
                                                 const Parallelism& parallelism) {
  const DuplicatePolicy policy = options.duplicates;
  const bool all_positive = log.size() > 0 && log.columns().kinds.constant() && log.kind(0).role == Role::kPositive;
  // Whether codes can be merged in the order of the log: it is that of time, or the order makes no difference.
  const bool any_order = !log.has_times() || (policy == DuplicatePolicy::kMax && all_positive);
  if (log.size() > 0 && policy != DuplicatePolicy::kError && any_order) {
    // Where all events are of strength 1 that is, but in a sum, the strength of their pairs too.
    const bool all_one =
        policy != DuplicatePolicy::kSum && AllStrengthsEqual(log, options) && EventCode(log, 0, options) == 1;
    bool failed = false;
    absl::StatusOr<SparseMatrix> history = BuildPairs<PairsByCode>(
        log, options,
        OrderEvents<float>(
            log, !all_one, [&](std::size_t row) { return EventCode(log, row, options); }, parallelism),
        parallelism, failed);
    if (!failed) return history;  // else once more, to find the event that the error names
  }
  return log.size() <= std::numeric_limits<std::uint32_t>::max()
             ? BuildHistoryByRow<std::uint32_t>(log, options, parallelism)
             : BuildHistoryByRow<std::uint64_t>(log, options, parallelism);
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
  WAYPOST_ASSIGN_OR_RETURN(SparseMatrix history, internal::BuildHistory(log, options, parallelism));
  SparseMatrix positives = PositivesOf(history);
  return Interactions{InteractionMatrix(std::move(positives), parallelism), std::move(history)};
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("BuildInteractions: want memory for ", log.size(), " events, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_WEIGHTING_HPP_
