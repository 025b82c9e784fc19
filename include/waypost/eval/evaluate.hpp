// waypost/eval/evaluate.hpp - measures a model on a test set, all items ranked for every user.
//
// Definition   Each user's list is Scorer::TopK over every training item but those of the user's training history
//              (taken, seen or rejected), by score, ties by index; of EvaluateOptions::fallback where nothing is known
//              of the user. Metrics: eval/metrics.hpp. A metric that is a mean over users keeps the users' values, so
//              that two models can be compared user by user.
//              With EvaluateOptions::sampled_negatives a user's list holds the test items and a random sample of the
//              other candidates: what some papers report. Such figures are far higher, order models otherwise [1], and
//              have names of their own.
// Sources      [1] W. Krichene, S. Rendle, On Sampled Metrics for Item Recommendation, KDD 2020.
// Complexity   one TopK for the largest k; one Score of all items more if `auc` is asked for.
// Numerics     A score that is not finite, an item that is listed twice, excluded or unknown, and a list out of order
//              are errors: a model that breaks the contract of Scorer gets no figure.
// Determinism  Users are independent of each other; sums over users are taken in their order.
// Checked by   tests/unit/eval_evaluate_test.cpp against tests/reference/naive_metrics.hpp; published figures of the
//              popularity ranking on two real data sets (tests/data/eval_popularity_test.cpp).
#ifndef WAYPOST_EVAL_EVALUATE_HPP_
#define WAYPOST_EVAL_EVALUATE_HPP_

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/checksum.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/random.hpp"
#include "waypost/base/statistics.hpp"
#include "waypost/base/status.hpp"
#include "waypost/eval/evaluation.hpp"
#include "waypost/eval/metrics.hpp"
#include "waypost/eval/rating_errors.hpp"
#include "waypost/eval/strata.hpp"
#include "waypost/eval/test_set.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {

// Options of Evaluate. Aggregate: use designated initializers.
struct EvaluateOptions {
  // Whether means get percentile bootstrap intervals, and how.
  bool intervals = true;
  BootstrapOptions bootstrap = {};
  // Who ranks users without any positive history, as Recommender's popularity model does; must outlive the call.
  // Null: the model itself, which for most models is the order of the items' indices.
  const Scorer* fallback = nullptr;
  // Whether to measure by strata too (eval/strata.hpp): hit metrics by items, all that have users' values by users.
  bool strata = false;
  // Where above 0, how many other candidates are drawn to rank a user's test items among: names begin with "sampled-",
  // and metrics that are not of hits are refused. Each user's draw depends on `sample_seed` and the user's id alone.
  std::size_t sampled_negatives = 0;
  std::uint64_t sample_seed = 42;
  // Told how many users are done; returning false cancels.
  std::function<bool(std::size_t done, std::size_t total)> on_progress = {};
};

namespace internal {

inline constexpr std::size_t kEvaluateBatch = 4096;  // users whose lists are in memory together
inline constexpr std::size_t kEvaluateBlock = 64;    // users a task; also bounds the scores held for auc

// One run of Evaluate.
class Evaluator {
 public:
  Evaluator(const Scorer& scorer, const TestSet& test, const MetricList& metrics, const EvaluateOptions& options,
            const Parallelism& parallelism)
      : scorer_(scorer), test_(test), metrics_(metrics), options_(options), parallelism_(parallelism) {}

  absl::StatusOr<Evaluation> Run() {
    WAYPOST_RETURN_IF_ERROR(CheckArguments());
    const auto wants = [&](const auto& of_kind) {
      return std::any_of(metrics_.begin(), metrics_.end(), [&](const Metric& m) { return of_kind(m.kind); });
    };
    const bool wants_auc = wants([](MetricKind kind) { return kind == MetricKind::kAuc; });
    const bool wants_ratings = wants(LooksAtRatings);
    if (wants_ratings) rating_range_ = RatingRange::Of(test_.training().interactions.positives);
    for (const Metric& metric : metrics_) {
      cut_ = std::max<std::size_t>(cut_, metric.cut);
      values_.emplace_back(HasUserValues(metric.kind) ? test_.users() : 0, 0.0);
      counts_.emplace_back(LooksAtAllLists(metric.kind) ? test_.training().items.size() : 0, 0);
    }
    if (options_.strata) PrepareStrata();
    for (std::size_t begin = 0; begin < test_.users(); begin += kEvaluateBatch) {
      const std::size_t end = std::min(begin + kEvaluateBatch, test_.users());
      if (cut_ > 0)
        WAYPOST_RETURN_IF_ERROR(options_.sampled_negatives > 0 ? MeasureSampled(begin, end) : MeasureLists(begin, end));
      if (wants_auc) WAYPOST_RETURN_IF_ERROR(MeasureScores(begin, end));
      if (wants_ratings) WAYPOST_RETURN_IF_ERROR(MeasureRatings(begin, end));
      if (options_.on_progress && !options_.on_progress(end, test_.users()))
        return absl::CancelledError(absl::StrCat("Evaluate: cancelled after ", end, " users"));
    }
    Evaluation evaluation{.metrics = {},
                          .users = test_.users(),
                          .users_without_test = test_.users_without_test(),
                          .unknown_items = test_.unknown_items(),
                          .already_met = test_.already_met(),
                          .users_by_fallback = 0,
                          .sampled_negatives = options_.sampled_negatives,
                          .strata = {}};
    for (std::size_t user = 0; user < test_.users(); ++user) evaluation.users_by_fallback += FallsBack(user) ? 1 : 0;
    for (std::size_t m = 0; m < metrics_.size(); ++m)
      evaluation.metrics.push_back(internal::Summarize(metrics_[m], std::move(values_[m]), std::move(counts_[m])));
    if (wants_ratings && rating_errors_.count == 0)
      return absl::InvalidArgumentError(
          "Evaluate.test: want a rating above 0 whose user and item training knows with rmse and mae, got none");
    for (MetricResult& result : evaluation.metrics)
      if (LooksAtRatings(result.metric.kind)) result.mean = rating_errors_.Figure(result.metric.kind);
    if (options_.sampled_negatives > 0)
      for (MetricResult& metric : evaluation.metrics) {
        metric.name = "sampled-" + metric.name;
        metric.definition += absl::StrCat(" Of the other candidates ", options_.sampled_negatives,
                                          " drawn for the user at random: not comparable with figures over all.");
      }
    if (options_.strata) AddStrata(evaluation);
    if (options_.intervals) WAYPOST_RETURN_IF_ERROR(AddIntervals(options_.bootstrap, parallelism_, evaluation.metrics));
    return evaluation;
  }

 private:
  absl::Status CheckArguments() const {
    if (options_.intervals) WAYPOST_RETURN_IF_ERROR(Validate(options_.bootstrap));
    if (metrics_.empty()) return absl::InvalidArgumentError("Evaluate.metrics: want at least 1, got 0");
    for (const Metric& metric : metrics_)
      if (HasCut(metric.kind) && (metric.cut < 1 || metric.cut > kMaxCut))
        return absl::InvalidArgumentError(
            absl::StrCat("Evaluate.metrics: want cuts of 1..", kMaxCut, ", got ", metric.cut));
    for (const Metric& metric : metrics_)
      if (options_.sampled_negatives > 0 && !LooksAtHits(metric.kind) && PopularityExponent(metric.kind) == 0)
        return absl::InvalidArgumentError(
            absl::StrCat("EvaluateOptions.sampled_negatives: want metrics of hits with it, got ", Name(metric)));
    for (const Metric& metric : metrics_)
      if (LooksAtRatings(metric.kind) && !test_.ratings_status().ok())
        return internal::AddContext("Evaluate.metrics: " + Name(metric), test_.ratings_status());
    if (test_.users() == 0)
      return absl::InvalidArgumentError(
          absl::StrCat("Evaluate.test: want a user with test items that training does not "
                       "hold, got none among ",
                       test_.users_without_test(), " users (", test_.already_met(), " test pairs are training pairs)"));
    const TrainingData& training = test_.training();
    if (scorer_.item_count() != training.items.size())
      return absl::InvalidArgumentError(absl::StrCat("Evaluate.scorer: want a model of ", training.items.size(),
                                                     " items, got ", scorer_.item_count()));
    if (options_.fallback != nullptr && options_.fallback->item_count() != training.items.size())
      return absl::InvalidArgumentError(absl::StrCat("EvaluateOptions.fallback: want a model of ",
                                                     training.items.size(), " items, got ",
                                                     options_.fallback->item_count()));
    if (scorer_.user_count() != 0 && scorer_.user_count() != training.users.size())
      return absl::InvalidArgumentError(absl::StrCat("Evaluate.scorer: want a model of ", training.users.size(),
                                                     " users, got ", scorer_.user_count()));
    return absl::OkStatus();
  }

  bool FallsBack(std::size_t user) const {
    return options_.fallback != nullptr && test_.view(user).history.size() == 0;
  }

  absl::Status ScoreError(std::string_view what, std::size_t user, std::uint32_t item, float score) const {
    const IdDictionary& items = test_.training().items;
    return absl::InvalidArgumentError(
        absl::StrCat("Evaluate.scorer: ", ToAbsl(what), " for user '", ToAbsl(test_.user_id(user)), "' and item '",
                     item < items.size() ? ToAbsl(items.id(item)) : absl::string_view("beyond the catalogue"),
                     "' (score ", score, ")"));
  }

  // A user's list by item, and which ranks of it are hits. Kept from user to user.
  struct ListOrder {
    std::vector<std::uint64_t> by_item;  // item in the upper half, rank - 1 in the lower
    std::vector<std::uint8_t> hits;
  };

  // Finds the hits of a list, which must be what Scorer promises.
  absl::Status FindHits(std::size_t user, std::span<const ScoredItem> list, ListOrder& order) const {
    order.by_item.clear();
    order.hits.assign(list.size(), 0);
    for (std::size_t n = 0; n < list.size(); ++n) {
      const std::uint32_t item = list[n].item.value;
      if (!std::isfinite(list[n].score))
        return ScoreError("want a finite score, got another", user, item, list[n].score);
      if (item >= test_.training().items.size())
        return ScoreError("want candidates only, got another item", user, item, list[n].score);
      if (n > 0 && list[n - 1].score < list[n].score)
        return ScoreError("want descending scores, got a rise", user, item, list[n].score);
      order.by_item.push_back(std::uint64_t{item} << 32 | n);
    }
    std::sort(order.by_item.begin(), order.by_item.end());
    const std::span<const std::uint32_t> history = test_.history(user);
    const std::span<const std::uint32_t> relevant = test_.relevant(user);
    auto met = history.begin();
    auto wanted = relevant.begin();
    for (std::size_t n = 0; n < order.by_item.size(); ++n) {
      const auto item = static_cast<std::uint32_t>(order.by_item[n] >> 32);
      const auto position = static_cast<std::uint32_t>(order.by_item[n]);
      if (n > 0 && order.by_item[n - 1] >> 32 == item)
        return ScoreError("want each item once in a list, got it twice", user, item, list[position].score);
      while (met != history.end() && *met < item) ++met;
      if (met != history.end() && *met == item)
        return ScoreError("want candidates only, got another item", user, item, list[position].score);
      while (wanted != relevant.end() && *wanted < item) ++wanted;
      order.hits[position] = wanted != relevant.end() && *wanted == item ? 1 : 0;
    }
    return absl::OkStatus();
  }

  static void KeepFirstError(absl::Status& first_error, absl::Status&& status) {
    first_error.Update(std::move(status));
  }

  // Where a model refuses to rank because of a score that is not finite: an error that says whose.
  absl::Status NameBadScore(std::size_t begin, std::size_t end) const {
    std::vector<float> scores(scorer_.item_count());
    for (std::size_t user = begin; user < end; ++user) {
      if (FallsBack(user)) continue;
      const UserView view = test_.view(user);
      if (!scorer_.Score(std::span(&view, 1), scores, parallelism_).ok()) return absl::OkStatus();  // another cause
      WAYPOST_RETURN_IF_ERROR(CheckScores(user, scores));
    }
    return absl::OkStatus();
  }

  absl::Status CheckScores(std::size_t user, std::span<const float> scores) const {
    if (AllFinite(scores)) return absl::OkStatus();
    std::uint32_t item = 0;
    while (std::isfinite(scores[item])) ++item;
    return ScoreError("want a finite score, got another", user, item, scores[item]);
  }

  // Lists of the users of [begin, end) whom `scorer` ranks: all that do or do not fall back.
  absl::Status RankUsers(const Scorer& scorer, bool fallback, std::size_t begin, std::size_t end,
                         std::vector<std::vector<ScoredItem>>& lists) const {
    std::vector<std::size_t> rows;
    std::vector<UserView> users;
    std::vector<Candidates> candidates;
    for (std::size_t user = begin; user < end; ++user) {
      if (FallsBack(user) != fallback) continue;
      rows.push_back(user - begin);
      users.push_back(test_.view(user));
      candidates.push_back({.allowed = nullptr, .excluded = test_.history(user)});
    }
    if (users.empty()) return absl::OkStatus();
    auto found = scorer.TopK(users, candidates, cut_, parallelism_);
    if (!found.ok()) {
      if (!fallback) WAYPOST_RETURN_IF_ERROR(NameBadScore(begin, end));
      return found.status();
    }
    if (found->size() != users.size())
      return absl::InvalidArgumentError(
          absl::StrCat("Evaluate.scorer: want ", users.size(), " lists, got ", found->size()));
    for (std::size_t n = 0; n < rows.size(); ++n) lists[rows[n]] = std::move((*found)[n]);
    return absl::OkStatus();
  }

  absl::Status MeasureLists(std::size_t begin, std::size_t end) {
    std::vector<std::vector<ScoredItem>> lists(end - begin);
    WAYPOST_RETURN_IF_ERROR(RankUsers(scorer_, /*fallback=*/false, begin, end, lists));
    if (options_.fallback != nullptr)
      WAYPOST_RETURN_IF_ERROR(RankUsers(*options_.fallback, /*fallback=*/true, begin, end, lists));
    const absl::Status measured = ReduceBlocks(
        parallelism_, lists.size(), kEvaluateBlock, absl::OkStatus(),
        [&](std::size_t first, std::size_t last) -> absl::Status {
          ListOrder order;
          for (std::size_t n = first; n < last; ++n) {
            WAYPOST_RETURN_IF_ERROR(FindHits(begin + n, lists[n], order));
            MeasureUser(begin + n, lists[n], order.hits);
          }
          return absl::OkStatus();
        },
        KeepFirstError);
    WAYPOST_RETURN_IF_ERROR(measured);
    for (std::size_t m = 0; m < metrics_.size(); ++m) {
      if (!LooksAtAllLists(metrics_[m].kind)) continue;
      for (const auto& list : lists)
        for (std::size_t n = 0; n < std::min<std::size_t>(list.size(), metrics_[m].cut); ++n)
          ++counts_[m][list[n].item.value];
    }
    return absl::OkStatus();
  }

  // Ranks each user's test items among a random sample of the other candidates.
  absl::Status MeasureSampled(std::size_t begin, std::size_t end) {
    return ForEachScored(begin, end, [&](std::size_t user, std::span<const float> row) -> absl::Status {
      WAYPOST_RETURN_IF_ERROR(CheckScores(user, row));
      std::vector<ScoredItem> list;
      for (std::uint32_t item : SampledCandidates(user)) list.push_back({ItemIndex{item}, row[item]});
      std::sort(list.begin(), list.end(), BetterFirst{});
      list.resize(std::min(list.size(), cut_));
      ListOrder order;
      WAYPOST_RETURN_IF_ERROR(FindHits(user, list, order));
      MeasureUser(user, list, order.hits);
      return absl::OkStatus();
    });
  }

  // The user's test items and as many others as asked for, or all there are.
  std::vector<std::uint32_t> SampledCandidates(std::size_t user) const {
    const std::span<const std::uint32_t> relevant = test_.relevant(user), history = test_.history(user);
    std::vector<std::uint32_t> taken(relevant.begin(), relevant.end());
    std::vector<std::uint32_t> others;
    for (std::uint32_t item = 0; item < scorer_.item_count(); ++item)
      if (!std::binary_search(relevant.begin(), relevant.end(), item) &&
          !std::binary_search(history.begin(), history.end(), item))
        others.push_back(item);
    const std::string_view id = test_.user_id(user);
    Random random(options_.sample_seed, Checksum(std::as_bytes(std::span(id))));
    for (std::size_t n = 0; n < options_.sampled_negatives && n < others.size(); ++n) {
      std::swap(others[n], others[n + random.Below(others.size() - n)]);
      taken.push_back(others[n]);
    }
    return taken;
  }

  void MeasureUser(std::size_t user, std::span<const ScoredItem> list, std::span<const std::uint8_t> hits) {
    if (!item_strata_.empty()) MeasureItemStrata(user, list, hits);
    for (std::size_t m = 0; m < metrics_.size(); ++m) {
      if (LooksAtHits(metrics_[m].kind)) {
        values_[m][user] = HitMetric(metrics_[m], {hits, test_.test_items(user)});
        assert(values_[m][user] >= 0 && values_[m][user] <= 1 + 1e-12);  // rounding of a sum of at most kMaxCut terms
      } else if (metrics_[m].kind == MetricKind::kNovelty) {
        values_[m][user] = Novelty(list.first(std::min<std::size_t>(list.size(), metrics_[m].cut)));
      } else if (PopularityExponent(metrics_[m].kind) > 0) {
        values_[m][user] = Weighted(metrics_[m], user, list, hits);
      }
    }
  }

  double Weighted(const Metric& metric, std::size_t user, std::span<const ScoredItem> list,
                  std::span<const std::uint8_t> hits) const {
    const double exponent = -PopularityExponent(metric.kind);
    const auto weight = [&](std::uint32_t item) { return std::pow(static_cast<double>(Takers(item)), exponent); };
    std::vector<double> gains(list.size(), 0.0), test(test_.test_items(user) - test_.relevant(user).size(), 1.0);
    for (std::size_t n = 0; n < list.size(); ++n)
      if (hits[n] != 0) gains[n] = weight(list[n].item.value);
    for (std::uint32_t item : test_.relevant(user)) test.push_back(weight(item));
    std::sort(test.begin(), test.end(), std::greater<>());
    return WeightedMetric(metric, gains, test);
  }

  // Training users of an item, an item without one counting one.
  std::size_t Takers(std::uint32_t item) const {
    return std::max<std::size_t>(1, test_.training().interactions.positives.item_user().row_size(item));
  }

  void PrepareStrata() {
    item_strata_ = ItemStrataOf(test_.training().interactions.positives);
    for (std::vector<std::vector<double>>& stratum : stratum_values_)
      stratum.assign(metrics_.size(), std::vector<double>(test_.users(), kLeftOut));
  }

  // Of the user's test items those of one stratum, and how many they are.
  std::size_t TestItemsOf(ItemStratum stratum, std::size_t user) const {
    std::size_t count = stratum == ItemStratum::kCold ? test_.test_items(user) - test_.relevant(user).size() : 0;
    for (std::uint32_t item : test_.relevant(user)) count += item_strata_[item] == stratum ? 1 : 0;
    return count;
  }

  void MeasureItemStrata(std::size_t user, std::span<const ScoredItem> list, std::span<const std::uint8_t> hits) {
    std::vector<std::uint8_t> own(hits.size());
    for (std::size_t s = 0; s < stratum_values_.size(); ++s) {
      const std::size_t count = TestItemsOf(static_cast<ItemStratum>(s), user);
      if (count == 0) continue;
      for (std::size_t n = 0; n < hits.size(); ++n)
        own[n] = hits[n] != 0 && item_strata_[list[n].item.value] == static_cast<ItemStratum>(s) ? 1 : 0;
      for (std::size_t m = 0; m < metrics_.size(); ++m)
        if (LooksAtHits(metrics_[m].kind)) stratum_values_[s][m][user] = HitMetric(metrics_[m], {own, count});
    }
  }

  void AddStrata(Evaluation& evaluation) const {
    const auto add = [](StratumResult& stratum, const std::string& name, std::span<const double> values) {
      const std::vector<double> defined = Defined(values);
      if (!defined.empty()) stratum.metrics.push_back({name, Mean(defined)});
    };
    for (std::size_t s = 0; s < kUserStratumNames.size(); ++s) {
      StratumResult stratum{.name = std::string(kUserStratumNames[s]), .metrics = {}};
      std::vector<std::size_t> users;
      for (std::size_t user = 0; user < test_.users(); ++user)
        if (UserStratumOf(test_.view(user).history.size()) == static_cast<UserStratum>(s)) users.push_back(user);
      stratum.users = users.size();
      for (std::size_t user : users) stratum.test_items += test_.test_items(user);
      for (const MetricResult& metric : evaluation.metrics) {
        if (!HasUserValues(metric.metric.kind)) continue;
        std::vector<double> values;
        for (std::size_t user : users) values.push_back(metric.values[user]);
        add(stratum, metric.name, values);
      }
      evaluation.strata.push_back(std::move(stratum));
    }
    for (std::size_t s = 0; s < kItemStratumNames.size(); ++s) {
      StratumResult stratum{.name = std::string(kItemStratumNames[s]), .metrics = {}};
      for (std::size_t user = 0; user < test_.users(); ++user) {
        const std::size_t count = TestItemsOf(static_cast<ItemStratum>(s), user);
        stratum.users += count > 0 ? 1 : 0;
        stratum.test_items += count;
      }
      for (std::size_t m = 0; m < metrics_.size(); ++m)
        if (LooksAtHits(metrics_[m].kind)) add(stratum, evaluation.metrics[m].name, stratum_values_[s][m]);
      evaluation.strata.push_back(std::move(stratum));
    }
  }

  double Novelty(std::span<const ScoredItem> list) const {
    const InteractionMatrix& positives = test_.training().interactions.positives;
    double sum = 0;
    for (const ScoredItem& scored : list)
      sum -= std::log2(static_cast<double>(Takers(scored.item.value)) / static_cast<double>(positives.users()));
    return list.empty() ? kLeftOut : sum / static_cast<double>(list.size());
  }

  // Scores of all items for `count` users from `first` on, by the model or, where users may fall back, the fallback.
  absl::Status ScoreUsers(std::size_t first, std::size_t count, bool fall_back, std::vector<float>& scores) const {
    const std::size_t items = scorer_.item_count();
    std::vector<UserView> users;
    for (std::size_t n = 0; n < count; ++n) users.push_back(test_.view(first + n));
    scores.assign(count * items, std::numeric_limits<float>::quiet_NaN());  // what a model leaves unwritten shows
    WAYPOST_RETURN_IF_ERROR(scorer_.Score(users, scores, parallelism_));
    for (std::size_t n = 0; n < count; ++n)
      if (fall_back && FallsBack(first + n))
        WAYPOST_RETURN_IF_ERROR(options_.fallback->Score(std::span(users).subspan(n, 1),
                                                         std::span(scores).subspan(n * items, items), parallelism_));
    return absl::OkStatus();
  }

  absl::Status MeasureScores(std::size_t begin, std::size_t end) {
    return ForEachScored(begin, end,
                         [&](std::size_t user, std::span<const float> row) { return MeasureAuc(user, row); });
  }

  // A popularity is no rating: the model itself predicts for everybody.
  absl::Status MeasureRatings(std::size_t begin, std::size_t end) {
    std::vector<RatingErrors> errors(end - begin);
    const auto measure = [&](std::size_t user, std::span<const float> row) -> absl::Status {
      WAYPOST_RETURN_IF_ERROR(CheckScores(user, row));
      errors[user - begin] = RatingErrors::Of(test_.relevant(user), test_.ratings(user), row, rating_range_);
      return absl::OkStatus();
    };
    WAYPOST_RETURN_IF_ERROR(ForEachScored(begin, end, measure, /*fall_back=*/false));
    for (const RatingErrors& of_user : errors) rating_errors_.Add(of_user);
    return absl::OkStatus();
  }

  // Scores all items for users begin..end, a block at a time, and calls measure(user, scores) for each in parallel.
  // Returns the first error.
  template <typename Measure>
  absl::Status ForEachScored(std::size_t begin, std::size_t end, const Measure& measure, bool fall_back = true) {
    const std::size_t items = scorer_.item_count();
    std::vector<float> scores;
    for (std::size_t first = begin; first < end; first += kEvaluateBlock) {
      const std::size_t count = std::min(kEvaluateBlock, end - first);
      WAYPOST_RETURN_IF_ERROR(ScoreUsers(first, count, fall_back, scores));
      WAYPOST_RETURN_IF_ERROR(ReduceBlocks(
          parallelism_, count, 1, absl::OkStatus(),
          [&](std::size_t n, std::size_t) -> absl::Status {
            return measure(first + n, std::span<const float>(scores).subspan(n * items, items));
          },
          KeepFirstError));
    }
    return absl::OkStatus();
  }

  absl::Status MeasureAuc(std::size_t user, std::span<const float> scores) {
    WAYPOST_RETURN_IF_ERROR(CheckScores(user, scores));
    const std::span<const std::uint32_t> relevant = test_.relevant(user);
    std::vector<float> positives;
    for (std::uint32_t item : relevant) positives.push_back(scores[item]);
    std::vector<float> others;
    others.reserve(scores.size());
    auto next = relevant.begin();
    const Candidates candidates{.allowed = nullptr, .excluded = test_.history(user)};
    ForEachRun(candidates, 0, static_cast<std::uint32_t>(scores.size()), [&](std::uint32_t first, std::uint32_t last) {
      for (std::uint32_t item = first; item < last; ++item) {
        if (next != relevant.end() && *next == item) {
          ++next;
        } else {
          others.push_back(scores[item]);
        }
      }
    });
    const double known_share = static_cast<double>(positives.size()) / static_cast<double>(test_.test_items(user));
    double value = kLeftOut;
    if (!others.empty()) value = positives.empty() ? 0 : known_share * Auc(positives, others);
    for (std::size_t m = 0; m < metrics_.size(); ++m)
      if (metrics_[m].kind == MetricKind::kAuc) values_[m][user] = value;
    return absl::OkStatus();
  }

  const Scorer& scorer_;
  const TestSet& test_;
  const MetricList& metrics_;
  const EvaluateOptions& options_;
  const Parallelism& parallelism_;
  std::size_t cut_ = 0;                      // the longest list asked for
  std::vector<std::vector<double>> values_;  // by metric, a value for each user
  std::vector<ItemStratum> item_strata_;     // of each item; empty where strata are not asked for
  std::array<std::vector<std::vector<double>>, kItemStratumNames.size()> stratum_values_;  // then as values_
  RatingErrors rating_errors_;
  RatingRange rating_range_;
  std::vector<std::vector<std::uint64_t>> counts_;  // by metric of all lists, how often each item was listed
};

}  // namespace internal

// Measures `scorer`, a model of test.training(), on the test set.
//
// Errors    kInvalidArgument: no metric, no user to test, a model of other sizes, a list or score that breaks the
//           contract of Scorer (the message names user and item).  kCancelled: on_progress returned false.
//           kResourceExhausted: memory.  And what the model returns.
// Lifetime  arguments are borrowed for the call.
inline absl::StatusOr<Evaluation> Evaluate(const Scorer& scorer, const TestSet& test, const MetricList& metrics,
                                           const EvaluateOptions& options = {},
                                           const Parallelism& parallelism = {}) try {
  return internal::Evaluator(scorer, test, metrics, options, parallelism).Run();
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(
      absl::StrCat("Evaluate: want memory for ", test.users(), " users and ", scorer.item_count(), " items, got none"));
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_EVALUATE_HPP_
