// waypost/matrix/split.hpp - cuts an event log into training and test parts.
//
// Definition   A split names rows of the log. Its laws, tested for every split:
//              (1) nothing is lost: each row is on exactly one side; rows ascend, so their order is kept;
//              (2) nothing leaks: all rows of one (user, item) pair are on one side;
//              (3) by time, no training row lies at or after the cut.
//              A test side gets whole pairs that can be predicted: with a positive event (the kinds' roles decide,
//              and its value where there is a `min_value`) and without a negative one, called predictable here. The
//              others stay with what a model may know.
//              Train on log.Select(split.train), which forgets the ids of the other sides. For three parts split
//              twice: log.Select(split.train) again.
// Complexity   O(rows log(rows of one user)) time, about 20 bytes a row.
// Determinism  Random choices take one stream per user, so they depend on the seed and the log alone.
// Checked by   tests/property/matrix_split_test.cpp (the laws), tests/unit/matrix_split_test.cpp.
#ifndef WAYPOST_MATRIX_SPLIT_HPP_
#define WAYPOST_MATRIX_SPLIT_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/random.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/matrix/event_pairs.hpp"

namespace waypost {

// Row numbers of an event log, each list ascending; disjoint and together all rows.
struct EventSplit {
  std::vector<std::size_t> train;
  std::vector<std::size_t> fold_in;  // what is known of users that training never sees; empty but for SplitByUser
  std::vector<std::size_t> test;
};

// Which pairs of a user leave-one-out takes.
enum class LeaveOut {
  kLast,    // those whose first event came last, by time, then by row: what the user turned to most recently
  kRandom,  // any
};

struct LeaveOneOutOptions {
  LeaveOut which = LeaveOut::kLast;
  std::size_t count = 1;    // predictable pairs to take of each user; at least one stays in training
  std::uint64_t seed = 42;  // of kRandom
  // That of WeightingOptions: an event of a positive kind with a smaller value makes no pair predictable.
  std::optional<float> min_value = {};
};

struct LastShareOptions {
  double test_share = 0.2;  // of each user's predictable pairs, in (0, 1), rounded; at least one stays in training
  std::optional<float> min_value = {};  // as for leave-one-out
};

struct ByUserOptions {
  double test_share = 0.1;     // of the users, in (0, 1)
  double fold_in_share = 0.8;  // of a held-out user's predictable pairs, in (0, 1); at least one on each side
  std::uint64_t seed = 42;
  std::optional<float> min_value = {};  // as for leave-one-out
};

struct ByTimeOptions {
  std::optional<std::int64_t> cut_us = {};  // pairs with an event at or after this time are the test
  double test_share = 0.2;                  // of the rows, in (0, 1): the cut where none is given
};

struct RandomSplitOptions {
  double test_share = 0.2;  // of each user's predictable pairs, in (0, 1), rounded; at least one stays in training
  std::uint64_t seed = 42;
  std::optional<float> min_value = {};  // as for leave-one-out
};

namespace internal {

enum class Side : std::uint8_t { kTrain, kFoldIn, kTest };

// The sides of all rows, pair by pair.
class SideAssignment {
 public:
  explicit SideAssignment(std::size_t rows) : sides_(rows, Side::kTrain) {}

  void Assign(const EventPair& pair, Side side) {
    for (std::size_t row : pair.rows) sides_[row] = side;
  }

  EventSplit Collect() const {
    EventSplit split;
    split.train.reserve(sides_.size());
    for (std::size_t row = 0; row < sides_.size(); ++row) {
      if (sides_[row] == Side::kTrain) split.train.push_back(row);
      if (sides_[row] == Side::kFoldIn) split.fold_in.push_back(row);
      if (sides_[row] == Side::kTest) split.test.push_back(row);
    }
    return split;
  }

 private:
  std::vector<Side> sides_;
};

inline bool Predictable(const EventLog& log, const EventPair& pair, std::optional<float> min_value) {
  bool positive = false;
  for (std::size_t row : pair.rows) {
    const Role role = log.kind(row).role;
    if (role == Role::kNegative) return false;
    const bool too_low = min_value && log.value(row) < *min_value;  // not so without a value, which is a NaN
    positive = positive || (role == Role::kPositive && !too_low);
  }
  return positive;
}

// Positions in `pairs` of those that a test side may get.
inline std::vector<std::size_t> PredictablePairs(const EventLog& log, std::span<const EventPair> pairs,
                                                 std::optional<float> min_value) {
  std::vector<std::size_t> positions;
  for (std::size_t n = 0; n < pairs.size(); ++n)
    if (Predictable(log, pairs[n], min_value)) positions.push_back(n);
  return positions;
}

inline absl::Status ValidateShare(const char* field, double share) {
  if (share > 0 && share < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": want a value between 0 and 1, got ", share));
}

inline std::size_t Rounded(double share, std::size_t count) {
  return static_cast<std::size_t>(std::llround(share * static_cast<double>(count)));
}

inline absl::Status SplitMemoryError(const EventLog& log) {
  return absl::ResourceExhaustedError(absl::StrCat("split: want memory for ", log.size(), " events, got none"));
}

// Sorts positions in `pairs` by their pairs' first events, by time, then by row: the newest first.
inline void SortNewestFirst(const EventLog& log, std::span<const EventPair> pairs,
                            std::vector<std::size_t>& positions) {
  const auto first_row = [&](std::size_t position) {
    const std::span<const std::size_t> rows = pairs[position].rows;
    return *std::min_element(rows.begin(), rows.end(),
                             [&](std::size_t a, std::size_t b) { return CameBefore(log, a, b); });
  };
  std::sort(positions.begin(), positions.end(),
            [&](std::size_t a, std::size_t b) { return CameBefore(log, first_row(b), first_row(a)); });
}

// Puts the newest `count` of the pairs at `positions` on the test side.
inline void AssignNewest(const EventLog& log, std::span<const EventPair> pairs, std::vector<std::size_t> positions,
                         std::size_t count, SideAssignment& sides) {
  SortNewestFirst(log, pairs, positions);
  for (std::size_t n = 0; n < count; ++n) sides.Assign(pairs[positions[n]], Side::kTest);
}

// Sends `count` randomly chosen ones of `positions` to the test.
inline void AssignRandom(std::span<const EventPair> pairs, std::vector<std::size_t> positions, std::size_t count,
                         Random& random, SideAssignment& sides) {
  random.Shuffle(std::span(positions));
  for (std::size_t n = 0; n < count; ++n) sides.Assign(pairs[positions[n]], Side::kTest);
}

}  // namespace internal

// Takes `count` predictable pairs of each user for the test. One always stays in training, so a user with a single one
// gives none.
// Errors  kInvalidArgument: count 0.  kResourceExhausted: memory.
inline absl::StatusOr<EventSplit> SplitLeaveOneOut(const EventLog& log, const LeaveOneOutOptions& options = {}) try {
  if (options.count == 0) return absl::InvalidArgumentError("LeaveOneOutOptions.count: want at least 1, got 0");
  internal::SideAssignment sides(log.size());
  WAYPOST_RETURN_IF_ERROR(ForEachUser(log, [&](std::uint32_t user, std::span<const EventPair> pairs) {
    std::vector<std::size_t> positions = internal::PredictablePairs(log, pairs, options.min_value);
    if (positions.empty()) return absl::OkStatus();
    const std::size_t count = std::min(options.count, positions.size() - 1);
    if (options.which == LeaveOut::kRandom) {
      Random random(options.seed, user);
      internal::AssignRandom(pairs, std::move(positions), count, random, sides);
      return absl::OkStatus();
    }
    internal::AssignNewest(log, pairs, std::move(positions), count, sides);
    return absl::OkStatus();
  }));
  return sides.Collect();
} catch (const std::bad_alloc&) {
  return internal::SplitMemoryError(log);
}

// Takes the newest share of each user's predictable pairs for the test: those whose first event came last, by time,
// then by row, so that a log without times is cut by the order of its rows. Errors  kInvalidArgument: share.
// kResourceExhausted: memory.
inline absl::StatusOr<EventSplit> SplitLastShare(const EventLog& log, const LastShareOptions& options = {}) try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateShare("LastShareOptions.test_share", options.test_share));
  internal::SideAssignment sides(log.size());
  WAYPOST_RETURN_IF_ERROR(ForEachUser(log, [&](std::uint32_t, std::span<const EventPair> pairs) {
    std::vector<std::size_t> positions = internal::PredictablePairs(log, pairs, options.min_value);
    if (positions.empty()) return absl::OkStatus();
    const std::size_t wanted = internal::Rounded(options.test_share, positions.size());
    const std::size_t count = std::min(wanted, positions.size() - 1);
    internal::AssignNewest(log, pairs, std::move(positions), count, sides);
    return absl::OkStatus();
  }));
  return sides.Collect();
} catch (const std::bad_alloc&) {
  return internal::SplitMemoryError(log);
}

// Strong generalisation: holds out whole users, chosen among those with at least two predictable pairs. Of these,
// `fold_in_share` (rounded) and all other pairs are what a model may see at query time; the rest is the test.
// Errors  kInvalidArgument: shares.  kFailedPrecondition: fewer than two users.  kResourceExhausted: memory.
inline absl::StatusOr<EventSplit> SplitByUser(const EventLog& log, const ByUserOptions& options = {}) try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateShare("ByUserOptions.test_share", options.test_share));
  WAYPOST_RETURN_IF_ERROR(internal::ValidateShare("ByUserOptions.fold_in_share", options.fold_in_share));
  std::vector<std::uint32_t> eligible;
  WAYPOST_RETURN_IF_ERROR(ForEachUser(log, [&](std::uint32_t user, std::span<const EventPair> pairs) {
    if (internal::PredictablePairs(log, pairs, options.min_value).size() >= 2) eligible.push_back(user);
    return absl::OkStatus();
  }));
  const std::size_t user_count = log.users().size();
  if (user_count < 2 || eligible.empty())
    return absl::FailedPreconditionError(
        absl::StrCat("SplitByUser: want at least 2 users, one with 2 predictable pairs, got ", user_count, " users"));
  const std::size_t wanted = internal::Rounded(options.test_share, user_count);
  const std::size_t held_out =
      std::clamp<std::size_t>(wanted, 1, std::min(eligible.size(), user_count - 1));  // someone stays to train on
  Random(options.seed).Shuffle(std::span(eligible));
  std::vector<bool> is_held_out(user_count, false);
  for (std::size_t n = 0; n < held_out; ++n) is_held_out[eligible[n]] = true;
  internal::SideAssignment sides(log.size());
  WAYPOST_RETURN_IF_ERROR(ForEachUser(log, [&](std::uint32_t user, std::span<const EventPair> pairs) {
    if (!is_held_out[user]) return absl::OkStatus();
    for (const EventPair& pair : pairs) sides.Assign(pair, internal::Side::kFoldIn);
    std::vector<std::size_t> positions = internal::PredictablePairs(log, pairs, options.min_value);
    const std::size_t kept = internal::Rounded(options.fold_in_share, positions.size());
    const std::size_t count = positions.size() - std::clamp<std::size_t>(kept, 1, positions.size() - 1);
    Random random(options.seed, 1 + std::uint64_t{user});  // stream 0 chose the users
    internal::AssignRandom(pairs, std::move(positions), count, random, sides);
    return absl::OkStatus();
  }));
  return sides.Collect();
} catch (const std::bad_alloc&) {
  return internal::SplitMemoryError(log);
}

// Cuts at one moment for everybody. A pair with events on both sides of the cut belongs to the test with all of them:
// kept in training, its later events would tell the model of the future. A pair at or after the cut that cannot be
// predicted is on the test side too, where it counts for nothing.
// Errors  kInvalidArgument: share; an event without a time.  kFailedPrecondition: no event.
//         kResourceExhausted: memory.
inline absl::StatusOr<EventSplit> SplitByTime(const EventLog& log, const ByTimeOptions& options = {}) try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateShare("ByTimeOptions.test_share", options.test_share));
  if (log.size() == 0) return absl::FailedPreconditionError("SplitByTime: want at least one event, got 0");
  for (std::size_t row = 0; row < log.size(); ++row)
    if (log.time_us(row) == kNoTime)
      return absl::InvalidArgumentError(absl::StrCat("SplitByTime: want a time, got none at event ", row, " (user '",
                                                     internal::ToAbsl(log.user_id(row)), "')"));
  std::int64_t cut_us = options.cut_us.value_or(0);
  if (!options.cut_us) {
    std::vector<std::int64_t> times(log.size());
    for (std::size_t row = 0; row < times.size(); ++row) times[row] = log.time_us(row);
    const auto position = static_cast<std::ptrdiff_t>((1 - options.test_share) * static_cast<double>(times.size()));
    std::nth_element(times.begin(), times.begin() + position, times.end());
    cut_us = times[static_cast<std::size_t>(position)];
  }
  internal::SideAssignment sides(log.size());
  WAYPOST_RETURN_IF_ERROR(ForEachUser(log, [&](std::uint32_t, std::span<const EventPair> pairs) {
    for (const EventPair& pair : pairs)
      if (std::any_of(pair.rows.begin(), pair.rows.end(), [&](std::size_t row) { return log.time_us(row) >= cut_us; }))
        sides.Assign(pair, internal::Side::kTest);
    return absl::OkStatus();
  }));
  return sides.Collect();
} catch (const std::bad_alloc&) {
  return internal::SplitMemoryError(log);
}

// Takes a random share of each user's predictable pairs for the test.
// Errors  kInvalidArgument: share.  kResourceExhausted: memory.
inline absl::StatusOr<EventSplit> SplitRandom(const EventLog& log, const RandomSplitOptions& options = {}) try {
  WAYPOST_RETURN_IF_ERROR(internal::ValidateShare("RandomSplitOptions.test_share", options.test_share));
  internal::SideAssignment sides(log.size());
  WAYPOST_RETURN_IF_ERROR(ForEachUser(log, [&](std::uint32_t user, std::span<const EventPair> pairs) {
    std::vector<std::size_t> positions = internal::PredictablePairs(log, pairs, options.min_value);
    if (positions.empty()) return absl::OkStatus();
    const std::size_t wanted = internal::Rounded(options.test_share, positions.size());
    const std::size_t count = std::min(wanted, positions.size() - 1);
    Random random(options.seed, user);
    internal::AssignRandom(pairs, std::move(positions), count, random, sides);
    return absl::OkStatus();
  }));
  return sides.Collect();
} catch (const std::bad_alloc&) {
  return internal::SplitMemoryError(log);
}

}  // namespace waypost

#endif  // WAYPOST_MATRIX_SPLIT_HPP_
