#include "early_stop.hpp"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "inputs.hpp"
#include "training.hpp"
#include "waypost/eval/evaluate.hpp"
#include "waypost/matrix/split.hpp"

namespace waypost::cli {
namespace {

constexpr double kDefaultShare = 0.1;

// `options` with the number of epochs that a search found.
ModelOptions WithEpochs(ModelOptions options, int epochs) {
  std::visit(
      [&](auto& chosen) {
        if constexpr (requires { chosen.patience; }) {
          chosen.epochs = epochs;
          chosen.patience = 0;
        }
      },
      options);
  return options;
}

OptionSetting* FindSetting(std::vector<OptionSetting>& settings, std::string_view name) {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [&](const OptionSetting& setting) { return setting.first == name; });
  return found == settings.end() ? nullptr : &*found;
}

}  // namespace

void AddEarlyStopFlags(Verb& verb, EarlyStopFlags& flags) {
  verb.Option("--early-stop", "METRIC", flags.metric,
              "Find the best number of epochs by a metric such as ndcg@20 on held-out items, then train on everything")
      .Group("Early stopping");
  verb.Option("--validation-share", "SHARE", flags.share, "Share of each user's items to hold out; else 0.1")
      .Between(0.001, 0.999)
      .Group("Early stopping");
}

absl::Status CheckEarlyStop(const EarlyStopFlags& flags, const ModelOptions& options) {
  std::vector<OptionSetting> settings = FormatOptions(options);
  if (flags.metric.empty()) {
    const OptionSetting* patience = FindSetting(settings, "patience");
    if (patience != nullptr && patience->second != "0")
      return UsageError("--set patience: want --early-stop METRIC beside it");
    if (flags.share) return UsageError("--validation-share: want --early-stop METRIC beside it");
    return absl::OkStatus();
  }
  const absl::StatusOr<MetricList> metrics = ParseMetrics(flags.metric);
  if (!metrics.ok()) return UsageError("--early-stop: " + std::string(metrics.status().message()));
  if (metrics->size() != 1 || LessIsBetter(metrics->front().kind))
    return UsageError("--early-stop: want one metric of which more is better, got '" + flags.metric + "'");
  if (FindSetting(settings, "patience") == nullptr)
    return UsageError("--early-stop: want a model whose training can stop early, got " +
                      std::string(ModelKind(options)));
  return absl::OkStatus();
}

absl::StatusOr<EarlyStop> FindEpochs(const EarlyStopFlags& flags, const EventLog& log,
                                     const WeightingOptions& weighting, const ModelOptions& options, std::uint64_t seed,
                                     const Parallelism& parallelism, Continuation& continuation, Console& console) {
  if (flags.metric.empty()) return EarlyStop{options, {}};
  if (const IalsState* after = continuation.resumed(TrainingPhase::kFinal))
    return EarlyStop{WithEpochs(options, after->options.epochs), continuation.searched()};
  WAYPOST_ASSIGN_OR_RETURN(const MetricList metrics, ParseMetrics(flags.metric));
  WAYPOST_ASSIGN_OR_RETURN(const EventSplit split, SplitRandom(log, {.test_share = flags.share.value_or(kDefaultShare),
                                                                     .seed = seed,
                                                                     .min_value = weighting.min_value}));
  const EventLog train = log.Select(split.train);
  WAYPOST_ASSIGN_OR_RETURN(Interactions interactions, BuildInteractions(train, weighting, parallelism));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet test, BuildTestSet({train.users(), train.items(), std::move(interactions)},
                                                            log.Select(split.test), {}, weighting));
  console.Note("looking for the best number of epochs by " + flags.metric + " on " + Count(test.users(), "user"));

  EarlyStop result{options, {}};
  TrainingControl control = WatchTraining(console, "early stop");
  control.validation = [&](const Scorer& scorer) -> absl::StatusOr<double> {
    WAYPOST_ASSIGN_OR_RETURN(const Evaluation evaluation,
                             Evaluate(scorer, test, metrics, {.intervals = false}, parallelism));
    result.values.push_back(evaluation.metrics.front().mean);
    return result.values.back();
  };
  WAYPOST_RETURN_IF_ERROR(continuation.Prepare(TrainingPhase::kSearch, options, train.items(), {}, console, control));
  if (control.resume != nullptr) result.values = control.resume->validation;
  WAYPOST_ASSIGN_OR_RETURN(const TrainedModel trained,
                           TrainModel(test.training().interactions.positives, options, control, parallelism));
  console.Note("best after " + Count(static_cast<std::uint64_t>(trained.epochs), "epoch"));
  result.options = WithEpochs(options, trained.epochs);
  return result;
}

std::string DescribeSearch(const EarlyStopFlags& flags, std::uint64_t seed) {
  if (flags.metric.empty()) return "";
  return absl::StrCat(flags.metric, " ", flags.share.value_or(kDefaultShare), " ", seed);
}

}  // namespace waypost::cli
