// waypost/eval/tune.hpp - finds good options of a model within a budget: asynchronous successive halving.
//
// Definition   Candidates are trained cheaply first (rung 0); of every `reduction` that have finished a rung the best
//              one goes on to the next, which is `reduction` times dearer. What grows along the rungs is the option
//              that is a resource (SearchScale::kResource), where the space has one, else the share of the validation
//              users. Candidate 0 is the options as they come. Others are drawn alternately from the whole space and
//              around the best candidate so far. The best trial is the one of the highest measure: over all rungs where
//              they are measured on the same users, else among those of the highest rung that has one.
// Sources      [1] L. Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020 (ASHA).
// Deviations   One trial runs at a time, on all threads, so [1]'s order of arrival is fixed. Late in the budget the
//              best candidate goes on although too few have finished beside it: a search that ends before the dearest
//              rung is seen says nothing of it.
// Data         The search sees what `train` measures and nothing else: a test part that the caller has set aside cannot
//              be reached from here.
// Determinism  Trial n is a function of the space, the seed and the trials before it; the clock only decides where the
//              sequence ends and, late in the budget, whether a dear trial still fits. With a number of trials in place
//              of seconds it decides nothing.
// Checked by   tests/unit/eval_tune_test.cpp: planted optima, budgets, resumed searches.
#ifndef WAYPOST_EVAL_TUNE_HPP_
#define WAYPOST_EVAL_TUNE_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "waypost/base/random.hpp"
#include "waypost/base/search_range.hpp"
#include "waypost/base/status.hpp"

namespace waypost {

// One name = value pair.
using TuneSetting = std::pair<std::string, std::string>;

// An option to search, with the value that candidate 0 has.
struct SearchOption {
  std::string name;
  SearchRange range;
  std::string default_value;
};

// Options of Tune. Aggregate: use designated initializers.
struct TuneOptions {
  // -- budget --
  double seconds = std::numeric_limits<double>::infinity();  // of all trials together, on the caller's clock
  std::size_t trials = 0;                                    // at most; 0: as many as the seconds allow
  // -- search --
  int reduction = 4;                 // of so many candidates one goes on; 2..16
  std::size_t validation_users = 0;  // whom a full measure looks at; decides how many rungs shares of them make
  // -- reproducibility --
  std::uint64_t seed = 42;
};

inline absl::Status Validate(const TuneOptions& options) {
  if (!(options.seconds > 0))
    return absl::InvalidArgumentError(absl::StrCat("TuneOptions.seconds: want more than 0, got ", options.seconds));
  if (std::isinf(options.seconds) && options.trials == 0)
    return absl::InvalidArgumentError("TuneOptions: want a number of seconds or of trials, got neither");
  if (options.reduction < 2 || options.reduction > 16)
    return absl::InvalidArgumentError(absl::StrCat("TuneOptions.reduction: want 2..16, got ", options.reduction));
  return absl::OkStatus();
}

// What is to be trained and measured next.
struct TrialRequest {
  std::size_t candidate = 0;
  std::size_t rung = 0;
  std::vector<TuneSetting> settings;  // the searched options, the resource among them
  double share = 1;                   // of the validation users to measure on; the users of a share are among those of
                                      // a larger one
  double seconds_left = 0;            // of the budget: return kCancelled beyond
};

// What a training gave.
struct TrialOutcome {
  double value = 0;                   // higher is better
  std::vector<TuneSetting> settings;  // all options of the model as they were used
};

struct Trial {
  std::size_t candidate = 0;
  std::size_t rung = 0;
  std::vector<TuneSetting> settings;  // of TrialOutcome; of the request where the trial failed
  std::optional<double> value;        // none where the trial failed
  double seconds = 0;
  std::string error;  // why it failed
};

// Decides what to try next. All trials so far are its whole state.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class SuccessiveHalving {
 public:
  // Errors  kInvalidArgument: no option to search, two resources, options.
  static absl::StatusOr<SuccessiveHalving> Create(std::vector<SearchOption> space, const TuneOptions& options) {
    WAYPOST_RETURN_IF_ERROR(Validate(options));
    SuccessiveHalving search(std::move(space), options);
    std::size_t resources = 0;
    for (const SearchOption& option : search.space_) {
      if (option.range.scale == SearchScale::kNone)
        return absl::InvalidArgumentError(absl::StrCat("Tune.space: want a range for ", option.name, ", got none"));
      resources += option.range.scale == SearchScale::kResource ? 1 : 0;
    }
    if (search.space_.empty()) return absl::InvalidArgumentError("Tune.space: want at least 1 option, got 0");
    if (resources > 1)
      return absl::InvalidArgumentError(absl::StrCat("Tune.space: want at most 1 resource, got ", resources));
    search.MakeRungs();
    return search;
  }

  std::size_t rungs() const { return rungs_; }
  const std::vector<Trial>& trials() const { return trials_; }

  // Trials worth making, the most useful first; empty when the space is exhausted.
  //   late  whether little of the budget is left.
  std::vector<TrialRequest> Proposals(bool late) const {
    std::vector<TrialRequest> proposals;
    const std::optional<TrialRequest> fresh = NewCandidate();
    for (std::size_t rung = rungs_ - 1; rung-- > 0;)
      for (std::size_t candidate : Promotable(rung, late || !fresh)) proposals.push_back(Request(candidate, rung + 1));
    if (fresh) proposals.push_back(*fresh);
    return proposals;
  }

  void Add(Trial trial) {
    if (trial.candidate >= candidates_.size()) candidates_.resize(trial.candidate + 1);
    std::vector<TuneSetting>& known = candidates_[trial.candidate];
    if (known.empty())
      for (const SearchOption& option : space_)
        if (option.range.scale != SearchScale::kResource)
          known.emplace_back(option.name, Find(trial.settings, option.name).value_or(option.default_value));
    trials_.push_back(std::move(trial));
  }

  // Null before the first trial that succeeded.
  const Trial* best() const {
    const Trial* best = nullptr;
    for (const Trial& trial : trials_) {
      if (!trial.value) continue;
      if (best == nullptr || (!same_users_ && trial.rung > best->rung) ||
          ((same_users_ || trial.rung == best->rung) && *trial.value > *best->value))
        best = &trial;
    }
    return best;
  }

 private:
  static constexpr std::size_t kMaxRungs = 3;
  static constexpr double kLeastUsers = 500;  // below, an ndcg is too coarse to choose by
  static constexpr double kStep = 0.15;       // of the unit cube: how far around the best a candidate is drawn
  static constexpr int kDraws = 20;           // for a candidate that is new

  SuccessiveHalving(std::vector<SearchOption> space, const TuneOptions& options)
      : space_(std::move(space)), options_(options) {}

  static std::optional<std::string> Find(const std::vector<TuneSetting>& settings, const std::string& name) {
    for (const TuneSetting& setting : settings)
      if (setting.first == name) return setting.second;
    return std::nullopt;
  }

  void MakeRungs() {
    rungs_ = 1;
    for (const SearchOption& option : space_) {
      if (option.range.scale != SearchScale::kResource) continue;
      same_users_ = true;
      for (double value = option.range.high / options_.reduction; value >= option.range.low * 0.999;
           value /= options_.reduction)
        ++rungs_;
    }
    if (same_users_) return;
    for (double users = static_cast<double>(options_.validation_users) / options_.reduction;
         users >= kLeastUsers && rungs_ < kMaxRungs; users /= options_.reduction)
      ++rungs_;
  }

  // What a rung gives of the whole: 1 at the last one.
  double Part(std::size_t rung) const {
    return std::pow(options_.reduction, static_cast<double>(rung) - static_cast<double>(rungs_ - 1));
  }

  TrialRequest Request(std::size_t candidate, std::size_t rung) const {
    return RequestOf(candidate, rung, candidates_[candidate]);
  }

  TrialRequest RequestOf(std::size_t candidate, std::size_t rung, std::vector<TuneSetting> settings) const {
    for (const SearchOption& option : space_)
      if (option.range.scale == SearchScale::kResource)
        settings.emplace_back(
            option.name, internal::NumberText(static_cast<std::int64_t>(std::llround(option.range.high * Part(rung)))));
    return {.candidate = candidate,
            .rung = rung,
            .settings = std::move(settings),
            .share = same_users_ ? 1 : Part(rung),
            .seconds_left = 0};
  }

  // Candidates of a rung that may go on, the best first: of those that finished it the best share of 1 / reduction, and
  // with `any` the best one at least.
  std::vector<std::size_t> Promotable(std::size_t rung, bool any) const {
    std::vector<const Trial*> finished;
    for (const Trial& trial : trials_)
      if (trial.rung == rung && trial.value) finished.push_back(&trial);
    std::stable_sort(finished.begin(), finished.end(),
                     [](const Trial* a, const Trial* b) { return *a->value > *b->value; });
    std::size_t count = finished.size() / static_cast<std::size_t>(options_.reduction);
    if (any && !finished.empty()) count = std::max<std::size_t>(count, 1);
    std::vector<std::size_t> candidates;
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t candidate = finished[n]->candidate;
      if (std::none_of(trials_.begin(), trials_.end(),
                       [&](const Trial& trial) { return trial.candidate == candidate && trial.rung == rung + 1; }))
        candidates.push_back(candidate);
    }
    return candidates;
  }

  // A candidate that no trial has had, at rung 0.
  std::optional<TrialRequest> NewCandidate() const {
    const std::size_t candidate = candidates_.size();
    Random random(options_.seed, candidate);
    for (int draw = 0; draw < kDraws; ++draw) {
      std::vector<TuneSetting> settings;
      const Trial* around = candidate % 2 == 0 ? best() : nullptr;
      for (const SearchOption& option : space_) {
        if (option.range.scale == SearchScale::kResource) continue;
        std::optional<double> place;
        if (around != nullptr)
          place = PlaceOf(option.range, Find(around->settings, option.name).value_or(option.default_value));
        const double drawn = place ? Reflected(*place + kStep * random.Normal()) : random.Uniform();
        settings.emplace_back(option.name, candidate == 0 ? option.default_value : ValueAt(option.range, drawn));
      }
      if (std::find(candidates_.begin(), candidates_.end(), settings) == candidates_.end() &&
          (candidate == 0 || !settings.empty()))
        return RequestOf(candidate, 0, std::move(settings));
    }
    return std::nullopt;
  }

  static double Reflected(double place) {
    place = std::abs(std::fmod(place, 2.0));
    return place > 1 ? 2 - place : place;
  }

  std::vector<SearchOption> space_;
  TuneOptions options_;
  std::size_t rungs_ = 1;
  bool same_users_ = false;                           // every rung is measured on the same users
  std::vector<std::vector<TuneSetting>> candidates_;  // the searched options of each, without the resource
  std::vector<Trial> trials_;
};

// What the caller of Tune does for it. Called on the calling thread.
struct TuneCallbacks {
  // Trains and measures. kCancelled ends the search (the budget is used up, or someone wants an end); any other error
  // fails this trial alone.
  std::function<absl::StatusOr<TrialOutcome>(const TrialRequest&)> train;
  // A clock in seconds.
  std::function<double()> seconds;
  // Takes each trial when it is over. An error ends the search with that error.
  std::function<absl::Status(const Trial&)> on_trial;
};

struct TuneResult {
  std::vector<Trial> trials;
  std::size_t best = 0;    // position in `trials`
  bool cancelled = false;  // `train` ended the search before its budget
};

namespace internal {

constexpr std::size_t kMaxFailures = 8;   // one after the other from the start: nothing can be trained
constexpr double kLateShare = 0.5;        // of the budget: after it the best candidates go on at once
constexpr double kDearerThanRung = 1.25;  // exponent of what the next rung costs, before it is measured

// Seconds that a trial of `rung` takes, by those before it; none before any trial.
inline std::optional<double> ExpectedSeconds(const std::vector<Trial>& trials, std::size_t rung, int reduction) {
  for (std::size_t known = rung + 1; known-- > 0;) {
    double sum = 0, count = 0;
    for (const Trial& trial : trials) {
      if (trial.rung != known || !trial.value) continue;
      sum += trial.seconds;
      ++count;
    }
    if (count > 0) return sum / count * std::pow(reduction, kDearerThanRung * static_cast<double>(rung - known));
  }
  return std::nullopt;
}

}  // namespace internal

// Searches until the budget is used up or the space exhausted.
//
//   finished  trials of an earlier search with the same space, options and data, which this one goes on with; they
//             count in the budget.
// Errors      kInvalidArgument: options, space; kDeadlineExceeded: no trial ended within the budget; kCancelled:
//             `train` ended the search before any trial succeeded; the first error where every trial fails; that of
//             on_trial.
// Lifetime    the callbacks are borrowed for the call.
inline absl::StatusOr<TuneResult> Tune(std::vector<SearchOption> space, const TuneOptions& options,
                                       const TuneCallbacks& callbacks, std::vector<Trial> finished = {}) {
  WAYPOST_ASSIGN_OR_RETURN(SuccessiveHalving search, SuccessiveHalving::Create(std::move(space), options));
  double used = 0;
  for (Trial& trial : finished) {
    used += trial.seconds;
    search.Add(std::move(trial));
  }
  TuneResult result;
  while ((options.trials == 0 || search.trials().size() < options.trials) && used < options.seconds) {
    std::optional<TrialRequest> request;
    for (TrialRequest& proposal : search.Proposals(used > internal::kLateShare * options.seconds)) {
      const auto expected = internal::ExpectedSeconds(search.trials(), proposal.rung, options.reduction);
      if (expected && used + *expected > options.seconds) continue;
      request = std::move(proposal);
      break;
    }
    if (!request) break;
    request->seconds_left = options.seconds - used;
    const double begin = callbacks.seconds();
    absl::StatusOr<TrialOutcome> outcome = callbacks.train(*request);
    Trial trial{.candidate = request->candidate,
                .rung = request->rung,
                .settings = request->settings,
                .value = {},
                .seconds = callbacks.seconds() - begin,
                .error = {}};
    used += trial.seconds;
    if (absl::IsCancelled(outcome.status())) {
      result.cancelled = used < options.seconds;
      break;
    }
    if (outcome.ok() && std::isfinite(outcome->value)) {
      trial.value = outcome->value;
      trial.settings = std::move(outcome->settings);
    } else {
      trial.error = outcome.ok() ? absl::StrCat("want a finite measure, got ", outcome->value)
                                 : internal::ToStd(outcome.status().message());
    }
    if (callbacks.on_trial) WAYPOST_RETURN_IF_ERROR(callbacks.on_trial(trial));
    search.Add(std::move(trial));
    if (search.best() == nullptr && search.trials().size() >= internal::kMaxFailures) break;
  }
  if (search.best() == nullptr) {
    if (!search.trials().empty())
      return absl::FailedPreconditionError(absl::StrCat("Tune: want a trial that succeeds, got ",
                                                        search.trials().size(),
                                                        " failures, the first: ", search.trials().front().error));
    if (result.cancelled) return absl::CancelledError("Tune: cancelled before the first trial ended");
    return absl::DeadlineExceededError(
        absl::StrCat("Tune: want a trial within ", options.seconds, " seconds, got none that ended"));
  }
  result.best = static_cast<std::size_t>(search.best() - search.trials().data());
  result.trials = search.trials();
  return result;
}

}  // namespace waypost

#endif  // WAYPOST_EVAL_TUNE_HPP_
