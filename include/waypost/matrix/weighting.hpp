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
// Complexity   O(rows log(rows of one user)) time, about 20 bytes a row beside the result. No hash table of pairs.
// Numerics     float64 until a pair's strength is stored as float32.
// Determinism  One thread; sums are taken in the order of time, then row.
// Checked by   tests/unit/matrix_weighting_test.cpp against a naive map of pairs.
#ifndef WAYPOST_MATRIX_WEIGHTING_HPP_
#define WAYPOST_MATRIX_WEIGHTING_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/shared_array.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
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
  return absl::InvalidArgumentError(absl::StrCat(
      "BuildInteractions.strength: want a finite value > 0, got ", strength, " at event ", row, " (user '",
      ToAbsl(log.users().id(log.columns().users[row])), "', item '", ToAbsl(log.items().id(log.columns().items[row])),
      "', kind '", log.kinds().at(log.columns().kinds[row]).name, "', value ", log.value(row), ")"));
}

// One number per row, in the code of Interactions::history; rows of a neutral kind or below `min_value` are seen only.
inline absl::StatusOr<std::vector<float>> EventStrengths(const EventLog& log, const WeightingOptions& options) {
  constexpr double kMicrosecondsPerDay = 86'400e6;
  constexpr double kMaxHalfLives = 60;  // 2^-60: far below notice, far above the smallest float32
  const double half_life_us = options.half_life_days * kMicrosecondsPerDay;
  std::vector<float> strengths(log.size());
  for (std::size_t row = 0; row < log.size(); ++row) {
    const Kind& kind = log.kinds().at(log.columns().kinds[row]);
    if (kind.role != Role::kPositive) {
      strengths[row] = kind.role == Role::kNegative ? kRejected : kSeenOnly;
      continue;
    }
    const float value = log.value(row);
    double strength = kind.weight;
    if (!std::isnan(value)) {
      if (options.min_value && value < *options.min_value) {
        strengths[row] = kSeenOnly;
        continue;
      }
      if (options.transform == ValueTransform::kLinear) strength *= value;
      if (options.transform == ValueTransform::kLog1p) strength *= std::log1p(static_cast<double>(value));
    }
    if (const std::int64_t time_us = log.time_us(row); half_life_us > 0 && time_us != kNoTime) {
      const double age = static_cast<double>(*options.now_us) - static_cast<double>(time_us);
      strength *= std::exp2(-std::clamp(age / half_life_us, 0.0, kMaxHalfLives));
    }
    strengths[row] = static_cast<float>(strength);
    if (!(strengths[row] > 0) || !std::isfinite(strengths[row])) return StrengthError(log, row, strength);
  }
  return strengths;
}

// The code of a pair whose rows are given in the order of CameBefore.
inline absl::StatusOr<float> MergeEvents(const EventLog& log, std::span<const std::size_t> rows,
                                         std::span<const float> strengths, DuplicatePolicy policy) {
  enum { kNothing, kPositive, kNegative } decision = kNothing;
  double merged = 0;
  std::size_t positives = 0;
  for (std::size_t row : rows) {
    const float strength = strengths[row];
    const Role role = log.kinds().at(log.columns().kinds[row]).role;
    if (role == Role::kNegative) {
      decision = kNegative;
    } else if (strength > 0) {
      decision = kPositive;
      if (positives++ > 0 && policy == DuplicatePolicy::kError)
        return absl::InvalidArgumentError(
            absl::StrCat("BuildInteractions.duplicates: want one positive event a pair, got a second at event ", row,
                         " (user '", ToAbsl(log.users().id(log.columns().users[row])), "', item '",
                         ToAbsl(log.items().id(log.columns().items[row])), "')"));
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

}  // namespace internal

// Returns the pairs of a log with their strengths; rows and columns are the log's users and items.
//
// Errors  kInvalidArgument: options; a strength that is not finite and > 0 (a kind of weight 0, a value that the
//         transform does not take); a duplicate under kError. Both name the event, its user and its item.
//         kResourceExhausted: memory.
inline absl::StatusOr<Interactions> BuildInteractions(const EventLog& log, const WeightingOptions& options = {}) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<float> strengths, internal::EventStrengths(log, options));
  AlignedVector<std::uint64_t> offsets = {0};
  offsets.reserve(log.users().size() + 1);
  AlignedVector<std::uint32_t> columns;
  AlignedVector<float> values;
  std::vector<std::size_t> ordered;
  WAYPOST_RETURN_IF_ERROR(ForEachUser(log, [&](std::uint32_t, std::span<const EventPair> pairs) -> absl::Status {
    for (const EventPair& pair : pairs) {
      columns.push_back(pair.item);
      if (pair.rows.size() == 1) {
        values.push_back(strengths[pair.rows.front()]);
        continue;
      }
      ordered.assign(pair.rows.begin(), pair.rows.end());
      if (!log.columns().times_us.empty())
        std::sort(ordered.begin(), ordered.end(), [&](std::size_t a, std::size_t b) { return CameBefore(log, a, b); });
      WAYPOST_ASSIGN_OR_RETURN(const float merged, internal::MergeEvents(log, ordered, strengths, options.duplicates));
      values.push_back(merged);
    }
    offsets.push_back(columns.size());
    return absl::OkStatus();
  }));
  if (std::all_of(values.begin(), values.end(), [](float value) { return value == 1; })) values = {};
  SparseMatrix history(log.items().size(), SharedArray<std::uint64_t>(std::move(offsets)),
                       SharedArray<std::uint32_t>(std::move(columns)), SharedArray<float>(std::move(values)));
  SparseMatrix positives = PositivesOf(history);
  return Interactions{InteractionMatrix(std::move(positives)), std::move(history)};
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("BuildInteractions: want memory for ", log.size(), " events, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_WEIGHTING_HPP_
