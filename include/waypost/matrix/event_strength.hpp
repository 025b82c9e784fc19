// waypost/matrix/event_strength.hpp - what one event is worth, and how the events of a pair become one strength.
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
// Complexity   O(1) an event.
// Numerics     float64; what is carried along and stored is float32.
// Determinism  a pair's sum is taken in the order of time, then row.
// Checked by   tests/unit/matrix_weighting_test.cpp against a naive map of pairs.
#ifndef WAYPOST_MATRIX_EVENT_STRENGTH_HPP_
#define WAYPOST_MATRIX_EVENT_STRENGTH_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"

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
//   value, time_us  NaN, kNoTime: none.
inline double EventStrength(const Kind& kind, float value, std::int64_t time_us, const WeightingOptions& options) {
  constexpr double kMicrosecondsPerDay = 86'400e6;
  constexpr double kMaxHalfLives = 60;  // 2^-60: far below notice, far above the smallest float32
  if (kind.role != Role::kPositive) return kind.role == Role::kNegative ? kRejected : kSeenOnly;
  double strength = kind.weight;
  if (!std::isnan(value)) {
    if (options.min_value && value < *options.min_value) return kSeenOnly;
    if (options.transform == ValueTransform::kLinear) strength *= value;
    if (options.transform == ValueTransform::kLog1p) strength *= std::log1p(static_cast<double>(value));
  }
  const double half_life_us = options.half_life_days * kMicrosecondsPerDay;
  if (half_life_us > 0 && time_us != kNoTime) {
    const double age = static_cast<double>(*options.now_us) - static_cast<double>(time_us);
    strength *= std::exp2(-std::clamp(age / half_life_us, 0.0, kMaxHalfLives));
  }
  return strength;
}
inline double EventStrength(const EventLog& log, std::size_t row, const WeightingOptions& options) {
  return EventStrength(log.kind(row), log.value(row), log.time_us(row), options);
}

// Whether a positive event is seen only because of its value.
inline bool BelowMinValue(float value, const WeightingOptions& options) {
  return options.min_value && !std::isnan(value) && value < *options.min_value;
}

// That the strength of an event is one: a float32 above 0, or the code of an event that has none.
inline bool IsStrength(const Kind& kind, float value, const WeightingOptions& options, double strength) {
  const auto stored = static_cast<float>(strength);
  return kind.role != Role::kPositive || (stored > 0 && std::isfinite(stored)) || BelowMinValue(value, options);
}
inline bool IsStrength(const EventLog& log, std::size_t row, const WeightingOptions& options, double strength) {
  return IsStrength(log.kind(row), log.value(row), options, strength);
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
inline float EventCode(const Kind& kind, float value, std::int64_t time_us, const WeightingOptions& options) {
  const double strength = EventStrength(kind, value, time_us, options);
  if (!IsStrength(kind, value, options, strength)) return std::numeric_limits<float>::quiet_NaN();
  return BelowMinValue(value, options) && kind.role == Role::kPositive ? kBelowMinValue : static_cast<float>(strength);
}
inline float EventCode(const EventLog& log, std::size_t row, const WeightingOptions& options) {
  return EventCode(log.kind(row), log.value(row), log.time_us(row), options);
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

}  // namespace internal
}  // namespace waypost

#endif  // WAYPOST_MATRIX_EVENT_STRENGTH_HPP_
