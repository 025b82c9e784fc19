// waypost/insight/feedback.hpp - what came of what was shown: impressions, clicks and conversions by model and rank.
//
// Definition   An event of user u on item i at time t belongs to the latest impression of (u, i) with a time in
//              [t - window, t]; of several at one time, to the first place. It makes that impression clicked when its
//              kind is among the clicks, and converted when it is among the conversions (which count as clicks too:
//              whoever pays has come). An impression counts once however many events it has. Events and impressions
//              without a time belong to nothing.
//              Rates are clicked / shown and converted / shown. Users differ, so that impressions of one user are not
//              independent: with c_u of n_u impressions clicked, R = sum c / sum n has the variance
//              U/(U-1) sum_u (c_u - R n_u)^2 / (sum n)^2 [1], and the interval is Wilson's [2] with the number of
//              independent impressions of the same variance, R (1 - R) / variance, at most as many as were shown. Where
//              nothing or everything was clicked it is the number of users.
// Sources      [1] W. Cochran, Sampling Techniques, 1977, section 11.8 (ratio of clusters). [2] E. Wilson, Probable
//              Inference, JASA 22, 1927.
// Complexity   O((n + m) log(n + m)) of n impressions and m events.
// Determinism  One thread; the order of impressions and events does not matter.
// Checked by   tests/unit/insight_feedback_test.cpp: a naive attribution on random logs, coverage when
//              users differ.
#ifndef WAYPOST_INSIGHT_FEEDBACK_HPP_
#define WAYPOST_INSIGHT_FEEDBACK_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <new>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "waypost/base/normal.hpp"
#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"

namespace waypost {

// One item that was shown to one user. Users and items are indices of the log, or any numbers above it where the log
// does not know them.
struct ShownItem {
  std::uint32_t user = 0;
  std::uint32_t item = 0;
  std::uint64_t model = 0;  // fingerprint of the model that chose
  std::uint16_t rank = 0;   // 0: the first place
  std::int64_t time_us = kNoTime;
};

// Options of AttributeFeedback. Aggregate: use designated initializers.
struct FeedbackOptions {
  // Time after an impression in which an event still belongs to it; > 0.
  std::int64_t window_us = std::int64_t{7} * 86'400'000'000;
  // The last moment whose events count.
  std::int64_t until_us = std::numeric_limits<std::int64_t>::max();
  // Kinds of the two steps; empty: the positive ones, and those that pay or complete.
  std::vector<std::uint16_t> clicks = {};
  std::vector<std::uint16_t> conversions = {};
};

// What became of each impression.
struct Feedback {
  std::vector<char> clicked;    // 1 of each impression, in their order
  std::vector<char> converted;  // 1 of each; those are clicked too
  std::uint64_t untimed = 0;    // impressions without a time
};

namespace internal {

inline absl::StatusOr<std::vector<char>> KindSet(const KindTable& kinds, std::span<const std::uint16_t> named,
                                                 bool conversions) {
  std::vector<char> in(kinds.size(), 0);
  for (const std::uint16_t kind : named) {
    if (kind >= in.size())
      return absl::InvalidArgumentError(
          absl::StrCat("FeedbackOptions.kinds: want less than ", in.size(), ", got ", kind));
    in[kind] = 1;
  }
  for (std::size_t n = 0; named.empty() && n < in.size(); ++n) {
    const Kind& kind = kinds.at(static_cast<std::uint16_t>(n));
    in[n] = kind.role == Role::kPositive && (!conversions || kind.pays || kind.completes);
  }
  return in;
}

}  // namespace internal

// Returns what became of each impression by the events of a log.
//
// Errors  kInvalidArgument: options.  kResourceExhausted: memory.
inline absl::StatusOr<Feedback> AttributeFeedback(std::span<const ShownItem> shown, const EventLog& log,
                                                  const FeedbackOptions& options = {}) try {
  if (options.window_us <= 0)
    return absl::InvalidArgumentError(
        absl::StrCat("FeedbackOptions.window_us: want more than 0, got ", options.window_us));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<char> clicks, internal::KindSet(log.kinds(), options.clicks, false));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<char> converts, internal::KindSet(log.kinds(), options.conversions, true));
  Feedback feedback{std::vector<char>(shown.size(), 0), std::vector<char>(shown.size(), 0)};
  std::vector<std::size_t> order;
  for (std::size_t n = 0; n < shown.size(); ++n)
    shown[n].time_us == kNoTime ? void(++feedback.untimed) : order.push_back(n);
  const auto pair = [&](std::size_t n) { return std::tuple(shown[n].user, shown[n].item); };
  // The last of equal times is the first place; of equal places any: they are one impression to the reader.
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(pair(a), shown[a].time_us, -shown[a].rank, shown[a].model) <
           std::tuple(pair(b), shown[b].time_us, -shown[b].rank, shown[b].model);
  });
  for (std::size_t row = 0; row < log.size(); ++row) {
    const std::uint16_t kind = log.columns().kinds[row];
    const std::int64_t time_us = log.time_us(row);
    if (time_us == kNoTime || time_us > options.until_us || (clicks[kind] == 0 && converts[kind] == 0)) continue;
    const std::tuple wanted(log.columns().users[row], log.columns().items[row]);
    const auto after = std::upper_bound(order.begin(), order.end(), time_us, [&](std::int64_t time, std::size_t n) {
      return std::tuple(wanted, time) < std::tuple(pair(n), shown[n].time_us);
    });
    if (after == order.begin()) continue;
    const std::size_t last = *(after - 1);
    if (pair(last) != wanted) continue;
    // Unsigned: the difference of two moments may be beyond 63 bits.
    if (static_cast<std::uint64_t>(time_us) - static_cast<std::uint64_t>(shown[last].time_us) >
        static_cast<std::uint64_t>(options.window_us))
      continue;
    feedback.clicked[last] = 1;
    if (converts[kind] != 0) feedback.converted[last] = 1;
  }
  return feedback;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("AttributeFeedback: want memory for ", shown.size(), " impressions, got none"));
}

// A share of impressions.
struct FeedbackRate {
  std::uint64_t count = 0;
  double rate = 0;
  Interval interval;
};

// What came of some of the impressions.
struct FeedbackRow {
  std::uint64_t impressions = 0;
  std::uint64_t users = 0;
  FeedbackRate clicks;
  FeedbackRate conversions;
};

namespace internal {

// Wilson's interval of a rate seen in n trials.
inline Interval WilsonInterval(double rate, double n, double confidence) {
  const double z = NormalHalfWidth(confidence);
  const double middle = (rate + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(rate * (1 - rate) / n + z * z / (4 * n * n));
  return {std::max(0.0, std::min(rate, middle - half)), std::min(1.0, std::max(rate, middle + half))};
}

// Counts of one user.
struct UserCounts {
  double impressions = 0;
  double successes = 0;
};

inline FeedbackRate ClusteredRate(std::span<const UserCounts> users, double confidence) {
  double impressions = 0, successes = 0, squares = 0;
  for (const UserCounts& user : users) impressions += user.impressions, successes += user.successes;
  FeedbackRate found{static_cast<std::uint64_t>(successes), successes / impressions, {0, 1}};
  for (const UserCounts& user : users) {
    const double residual = user.successes - found.rate * user.impressions;
    squares += residual * residual;
  }
  const auto count = static_cast<double>(users.size());
  double independent = count;
  if (squares > 0 && users.size() > 1) {
    const double variance = count / (count - 1) * squares / (impressions * impressions);
    independent = std::clamp(found.rate * (1 - found.rate) / variance, 1.0, impressions);
  }
  found.interval = WilsonInterval(found.rate, independent, confidence);
  return found;
}

}  // namespace internal

// Returns the rates of the impressions for which `use(n)` is true; none of them gives zeros and the interval [0, 1].
//
// Requires  `feedback` is that of `shown`; 0 < confidence < 1.
// Cost      O(n log n).
template <typename Use>
FeedbackRow SummariseFeedback(std::span<const ShownItem> shown, const Feedback& feedback, double confidence,
                              const Use& use) {
  std::map<std::uint32_t, std::pair<internal::UserCounts, internal::UserCounts>> by_user;
  FeedbackRow row{.impressions = 0, .users = 0, .clicks = {0, 0, {0, 1}}, .conversions = {0, 0, {0, 1}}};
  for (std::size_t n = 0; n < shown.size(); ++n) {
    if (!use(n)) continue;
    ++row.impressions;
    auto& [clicks, conversions] = by_user[shown[n].user];
    ++clicks.impressions;
    ++conversions.impressions;
    clicks.successes += feedback.clicked[n];
    conversions.successes += feedback.converted[n];
  }
  row.users = by_user.size();
  if (row.users == 0) return row;
  std::vector<internal::UserCounts> clicks, conversions;
  for (const auto& [user, counts] : by_user) {
    clicks.push_back(counts.first);
    conversions.push_back(counts.second);
  }
  // Users by what they did, not by number: sums are the same whatever their order.
  const auto less = [](const internal::UserCounts& a, const internal::UserCounts& b) {
    return std::tuple(a.impressions, a.successes) < std::tuple(b.impressions, b.successes);
  };
  std::sort(clicks.begin(), clicks.end(), less);
  std::sort(conversions.begin(), conversions.end(), less);
  row.clicks = internal::ClusteredRate(clicks, confidence);
  row.conversions = internal::ClusteredRate(conversions, confidence);
  return row;
}

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_FEEDBACK_HPP_
