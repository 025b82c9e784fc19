// waypost/matrix/weighting.hpp - from events to the strength of each (user, item) pair.
//
// Definition   event_strength.hpp: the strength of an event, and what the events of one pair become.
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
#include "waypost/matrix/event_strength.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

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
