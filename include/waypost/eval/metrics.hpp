// waypost/eval/metrics.hpp - what each metric means, as code and as text.
//
// Definition   For one user, T is the number of the user's test items, and hit(r) is 1 where the item at rank r (from
//              1) of the user's list is one of them. Definition(metric) says each formula in words; the functions below
//              are those formulas. An item that training does not know cannot be listed: it stays in T as a miss.
// Sources      [1] K. Jarvelin, J. Kekalainen, Cumulated Gain-Based Evaluation of IR Techniques, ACM TOIS 20(4), 2002.
//              [2] S. Vargas, P. Castells, Rank and Relevance in Novelty and Diversity Metrics, RecSys 2011.
//              [3] G. Adomavicius, Y. Kwon, Improving Aggregate Recommendation Diversity, IEEE TKDE 24(5), 2012.
//              [4] H. Steck, Item Popularity and Recommendation Accuracy, RecSys 2011: stratified recall.
//              [5] L. Yang et al., Unbiased Offline Recommender Evaluation for Missing-Not-At-Random Implicit Feedback,
//                  RecSys 2018: self-normalised inverse propensities, with propensities in proportion to popularity.
// Deviations   Novelty [2] takes an item without a training user as if it had one, so that it stays finite.
// Complexity   O(k) a user and metric.
// Numerics     float64. Every metric but novelty lies in [0, 1].
// Checked by   tests/unit/eval_metrics_test.cpp: values by hand, tests/reference/naive_metrics.hpp on random worlds.
#ifndef WAYPOST_EVAL_METRICS_HPP_
#define WAYPOST_EVAL_METRICS_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

enum class MetricKind {
  kRecall,
  kPrecision,
  kNdcg,
  kMap,
  kMrr,
  kHitRate,
  kAuc,
  kCoverage,
  kNovelty,
  kGini,
  kStratifiedRecall,
  kIpsRecall,
  kIpsNdcg,
  kRmse,
  kMae
};

// Largest k of a metric: lists of this length are kept for a batch of users.
inline constexpr std::uint32_t kMaxCut = 10'000;

struct Metric {
  MetricKind kind = MetricKind::kRecall;
  std::uint32_t cut = 0;  // the k of "@k", 1..kMaxCut; 0 for kinds without one (HasCut)

  friend bool operator==(const Metric&, const Metric&) = default;
};

using MetricList = std::vector<Metric>;

namespace internal {

struct MetricText {
  std::string_view name;
  std::string_view definition;  // @ stands for the cut
};

// In the order of MetricKind.
inline constexpr std::array<MetricText, 15> kMetricTexts = {{
    {"recall", "test items among the first @, divided by the user's test items"},
    {"precision", "test items among the first @, divided by @"},
    {"ndcg",
     "sum of 1/log2(rank+1) over the test items among the first @, divided by the same sum for a list that begins with "
     "min(@, test items) test items"},
    {"map", "sum over the test items among the first @ of the precision at their rank, divided by min(@, test items)"},
    {"mrr", "1/rank of the first test item if it is among the first @, else 0"},
    {"hit-rate", "1 if a test item is among the first @, else 0"},
    {"auc",
     "share of the pairs (test item, other candidate) in which the test item scores higher, ties counting half, a test "
     "item unknown to training lower than all; users without another candidate are left out"},
    {"coverage", "share of the catalogue's items that are among the first @ of at least one user"},
    {"novelty",
     "mean over the first @ of -log2(training users of the item / training users), an item without one counting one; "
     "users with an empty list are left out"},
    {"gini",
     "Gini coefficient, over the catalogue's items, of how often each is among a user's first @: 0 all alike, near 1 "
     "few items for everybody"},
    {"stratified-recall",
     "sum over the test items among the first @ of 1/sqrt(training users of the item), divided by the same sum over "
     "the "
     "user's test items, an item without a training user counting one"},
    {"ips-recall",
     "sum over the test items among the first @ of 1/(training users of the item), divided by the same sum over the "
     "user's test items, an item without a training user counting one"},
    {"ips-ndcg",
     "sum over the test items among the first @ of 1/(training users of the item) 1/log2(rank+1), divided by the same "
     "sum for a list of the user's test items, those of fewest users first, an item without a training user counting "
     "one"},
    {"rmse", "root of the mean squared difference between score and rating"},
    {"mae", "mean absolute difference between score and rating"},
}};

inline const MetricText& TextOf(MetricKind kind) {
  return kMetricTexts[static_cast<std::size_t>(kind)];
}

}  // namespace internal

// By which power of an item's training users a hit counts less: 0 for metrics that weigh all items alike.
inline double PopularityExponent(MetricKind kind) {
  switch (kind) {
    case MetricKind::kStratifiedRecall:
      return 0.5;
    case MetricKind::kIpsRecall:
    case MetricKind::kIpsNdcg:
      return 1;
    default:
      return 0;
  }
}

// Whether it compares scores with ratings.
inline bool LooksAtRatings(MetricKind kind) {
  return kind == MetricKind::kRmse || kind == MetricKind::kMae;
}

// Whether a smaller figure is the better one.
inline bool LessIsBetter(MetricKind kind) {
  return kind == MetricKind::kGini || LooksAtRatings(kind);
}

// Whether its name ends in "@k".
inline bool HasCut(MetricKind kind) {
  return kind != MetricKind::kAuc && !LooksAtRatings(kind);
}

// "recall@20", "auc".
inline std::string Name(const Metric& metric) {
  std::string name(internal::TextOf(metric.kind).name);
  return HasCut(metric.kind) ? name + "@" + std::to_string(metric.cut) : name;
}

// What the number means exactly, one sentence for people.
inline std::string Definition(const Metric& metric) {
  std::string text;
  for (char c : internal::TextOf(metric.kind).definition)
    text += c == '@' ? std::to_string(metric.cut) : std::string(1, c);
  if (LooksAtRatings(metric.kind))
    return text +
           ", over the ratings above 0 of the test events whose user and item training knows, of all users "
           "together. Scores are first brought into the range of the training's ratings.";
  const bool of_lists = metric.kind == MetricKind::kCoverage || metric.kind == MetricKind::kGini;
  if (!of_lists) text = "mean over users with test items of: " + text;
  return text +
         ". Candidates: every training item outside the user's training history, by score, ties by index. Test items: "
         "of positive test events, outside that history, those unknown to training included.";
}

// Every name that ParseMetrics reads: "recall@K, ..., auc, ...".
inline std::string MetricNames() {
  std::string names;
  for (std::size_t n = 0; n < internal::kMetricTexts.size(); ++n) {
    names += (n > 0 ? ", " : "") + std::string(internal::kMetricTexts[n].name);
    if (HasCut(static_cast<MetricKind>(n))) names += "@K";
  }
  return names;
}

// Reads "recall@20,ndcg@20,auc".
// Errors  kInvalidArgument: an unknown name (the message lists the known ones), a missing, needless or bad k, a name
//         given twice, an empty list.
inline absl::StatusOr<MetricList> ParseMetrics(std::string_view text) {
  MetricList metrics;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t at = part.find('@');
    const std::string_view name = part.substr(0, at);
    std::optional<MetricKind> kind;
    for (std::size_t n = 0; n < internal::kMetricTexts.size(); ++n)
      if (internal::kMetricTexts[n].name == name) kind = static_cast<MetricKind>(n);
    if (!kind)
      return absl::InvalidArgumentError(
          absl::StrCat("metrics: want names among ", MetricNames(), ", got '", internal::ToAbsl(part), "'"));
    Metric metric{*kind, 0};
    if (!HasCut(*kind)) {
      if (at != std::string_view::npos)
        return absl::InvalidArgumentError(
            absl::StrCat("metrics: want ", internal::ToAbsl(name), ", got '", internal::ToAbsl(part), "'"));
    } else {
      const std::string_view digits = at == std::string_view::npos ? "" : part.substr(at + 1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), metric.cut);
      if (error != std::errc() || end != digits.data() + digits.size() || metric.cut < 1 || metric.cut > kMaxCut)
        return absl::InvalidArgumentError(absl::StrCat("metrics: want ", internal::ToAbsl(name), "@K with K in 1..",
                                                       kMaxCut, ", got '", internal::ToAbsl(part), "'"));
    }
    if (std::find(metrics.begin(), metrics.end(), metric) != metrics.end())
      return absl::InvalidArgumentError(
          absl::StrCat("metrics: want each name once, got '", internal::ToAbsl(part), "' twice"));
    metrics.push_back(metric);
    if (comma == std::string_view::npos) return metrics;
    text.remove_prefix(comma + 1);
  }
}

// One user's list seen as hits.
struct UserHits {
  std::span<const std::uint8_t> hits;  // hit(r) at [r - 1]; as long as the list, at least the cut where items allow
  std::size_t test_items = 0;          // T >= 1
};

namespace internal {

// 1 / log2(rank + 1) at [rank - 1], and the sums of the first n of them at [n].
struct DiscountTable {
  std::vector<double> discounts;
  std::vector<double> ideal = {0};
};

inline const DiscountTable& Discounts() {
  static const DiscountTable kTable = [] {
    DiscountTable table;
    table.discounts.reserve(kMaxCut);
    table.ideal.reserve(kMaxCut + 1);
    for (std::uint32_t position = 0; position < kMaxCut; ++position) {
      table.discounts.push_back(1 / std::log2(static_cast<double>(position) + 2));
      table.ideal.push_back(table.ideal.back() + table.discounts.back());
    }
    return table;
  }();
  return kTable;
}

inline double HitsWithin(const UserHits& user, std::size_t cut) {
  double count = 0;
  for (std::size_t p = 0; p < std::min(cut, user.hits.size()); ++p) count += user.hits[p];
  return count;
}

// Requires  cut <= kMaxCut.
inline double Ndcg(const UserHits& user, std::size_t cut) {
  const DiscountTable& table = Discounts();
  double gain = 0;
  for (std::size_t p = 0; p < std::min(cut, user.hits.size()); ++p)
    if (user.hits[p]) gain += table.discounts[p];
  return gain / table.ideal[std::min(cut, user.test_items)];
}

inline double AveragePrecision(const UserHits& user, std::size_t cut) {
  double found = 0;
  double sum = 0;
  for (std::size_t p = 0; p < std::min(cut, user.hits.size()); ++p)
    if (user.hits[p]) sum += ++found / static_cast<double>(p + 1);
  return sum / static_cast<double>(std::min(cut, user.test_items));
}

inline double ReciprocalRank(const UserHits& user, std::size_t cut) {
  for (std::size_t p = 0; p < std::min(cut, user.hits.size()); ++p)
    if (user.hits[p]) return 1 / static_cast<double>(p + 1);
  return 0;
}

}  // namespace internal

// Returns one user's value of a metric that looks at hits alone.
// Requires  kind is recall, precision, ndcg, map, mrr or hit-rate, and the cut in 1..kMaxCut.
inline double HitMetric(const Metric& metric, const UserHits& user) {
  const double cut = metric.cut;
  switch (metric.kind) {
    case MetricKind::kRecall:
      return internal::HitsWithin(user, metric.cut) / static_cast<double>(user.test_items);
    case MetricKind::kPrecision:
      return internal::HitsWithin(user, metric.cut) / cut;
    case MetricKind::kNdcg:
      return internal::Ndcg(user, metric.cut);
    case MetricKind::kMap:
      return internal::AveragePrecision(user, metric.cut);
    case MetricKind::kMrr:
      return internal::ReciprocalRank(user, metric.cut);
    case MetricKind::kHitRate:
      return internal::HitsWithin(user, metric.cut) > 0 ? 1 : 0;
    default:
      assert(false);
      return 0;
  }
}

// Returns one user's value of a metric that weighs hits by their items.
//
//   gains  float64: at [r - 1] the weight of the item at rank r where it is a test item, else 0
//   test   float64: the weights of all the user's test items, descending; at least one, each above 0
// Requires  PopularityExponent of the kind is above 0, and the cut in 1..kMaxCut.
inline double WeightedMetric(const Metric& metric, std::span<const double> gains, std::span<const double> test) {
  const std::vector<double>& discounts = internal::Discounts().discounts;
  const bool discounted = metric.kind == MetricKind::kIpsNdcg;
  double found = 0;
  for (std::size_t p = 0; p < std::min<std::size_t>(metric.cut, gains.size()); ++p)
    found += gains[p] * (discounted ? discounts[p] : 1);
  double all = 0;
  for (std::size_t p = 0; p < (discounted ? std::min<std::size_t>(metric.cut, test.size()) : test.size()); ++p)
    all += test[p] * (discounted ? discounts[p] : 1);
  return std::min(1.0, found / all);  // the two sums round apart
}

// Share of the items that were recommended at least once.
// Requires  counts, one for each item of the catalogue, is not empty.
inline double CoverageOf(std::span<const std::uint64_t> counts) {
  assert(!counts.empty());
  const auto met = std::count_if(counts.begin(), counts.end(), [](std::uint64_t count) { return count > 0; });
  return static_cast<double>(met) / static_cast<double>(counts.size());
}

// Gini coefficient of how often each item was recommended [3]: with counts c_1 <= ... <= c_n ascending,
// sum over j of (2 j - n - 1) c_j / (n sum of c_j); 0 where nothing was recommended.
// Requires  counts, one for each item of the catalogue, is not empty.
inline double GiniOf(std::vector<std::uint64_t> counts) {
  assert(!counts.empty());
  std::sort(counts.begin(), counts.end());
  const double n = static_cast<double>(counts.size());
  double weighted = 0;
  double total = 0;
  for (std::size_t p = 0; p < counts.size(); ++p) {
    const double count = static_cast<double>(counts[p]);
    weighted += (2 * (static_cast<double>(p) + 1) - n - 1) * count;
    total += count;
  }
  return total > 0 ? weighted / (n * total) : 0;
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_METRICS_HPP_
