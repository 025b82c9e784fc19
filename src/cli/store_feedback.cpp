// cli/store_feedback.cpp - waypost insight feedback: what came of what a store's models showed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "commands.hpp"
#include "experiment_text.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "store_impressions.hpp"
#include "waypost/eval/ab_test.hpp"
#include "waypost/insight/feedback.hpp"
#include "waypost/store/store.hpp"

namespace waypost::cli {
namespace {

constexpr double kMicrosOfADay = 86'400e6;

struct Options {
  std::string store;
  double window_days = 7;
  std::vector<std::string> clicks;
  std::vector<std::string> conversions;
  int ranks = 10;
  std::optional<std::string> baseline;
  ExperimentOptions experiment;
  int min_users = 100;
  int threads = 0;
  OutputFlags output;
};

// What a store showed, and to whom; numbers of users and items are those of the log.
struct Shown {
  std::vector<ShownItem> items;
  std::uint64_t interventions = 0;              // that are no impressions
  std::map<std::uint64_t, std::string> models;  // names by fingerprint
};

absl::StatusOr<Shown> ReadShown(const StoreSnapshot& snapshot, const EventLog& log) {
  WAYPOST_ASSIGN_OR_RETURN(StoredImpressions stored, ReadStoredImpressions(snapshot, log));
  Shown shown{.items = std::move(stored.shown), .interventions = stored.interventions, .models = {}};
  for (const ShownItem& item : shown.items) shown.models.emplace(item.model, "");
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<ModelRecord> records, snapshot.ReadModels());
  for (auto& [fingerprint, name] : shown.models) {
    name = fingerprint == 0 ? "none" : absl::StrCat(absl::Hex(fingerprint, absl::kZeroPad16));
    for (const ModelRecord& record : records)
      if (record.fingerprint == fingerprint) name = record.name;
  }
  return shown;
}

absl::StatusOr<std::vector<std::uint16_t>> KindsNamed(const std::string& flag, const std::vector<std::string>& names,
                                                      const KindTable& kinds) {
  std::vector<std::uint16_t> found;
  for (const std::string& name : names) {
    const auto kind = kinds.Find(name);
    if (!kind) return absl::NotFoundError(flag + ": want a kind of the store, got '" + name + "'");
    found.push_back(*kind);
  }
  return found;
}

// The rows of one model: all its ranks together, then each; what lies beyond the last rank asked for is one row.
struct ModelRows {
  std::uint64_t model;
  FeedbackRow all;
  std::vector<std::pair<std::string, FeedbackRow>> ranks;
};

// How a model's users lie to those of the baseline.
struct ModelComparison {
  std::uint64_t model;
  std::uint64_t users, baseline_users;
  ExperimentReadOut clicks;       // of the share of a user's impressions that was clicked
  ExperimentReadOut conversions;  // of the share of users who converted
};

struct Found {
  Shown shown;
  Feedback feedback;
  std::vector<ModelRows> models;
  std::uint64_t baseline = 0;
  std::uint64_t mixed_users = 0;  // who saw several models
  std::vector<ModelComparison> comparisons;
};

absl::Status CompareModels(const Options& options, Found& found) {
  if (found.models.size() < 2) {
    if (options.baseline) return absl::FailedPreconditionError("--baseline: want impressions of two models, got fewer");
    return absl::OkStatus();
  }
  const auto most = std::max_element(found.models.begin(), found.models.end(), [](const auto& a, const auto& b) {
    return a.all.impressions < b.all.impressions;
  });
  found.baseline = most->model;
  if (options.baseline) {
    const auto named = std::find_if(found.shown.models.begin(), found.shown.models.end(),
                                    [&](const auto& model) { return model.second == *options.baseline; });
    if (named == found.shown.models.end())
      return absl::NotFoundError("--baseline: want a model that showed something, got '" + *options.baseline + "'");
    found.baseline = named->first;
  }
  struct User {
    std::uint64_t model = 0;
    bool mixed = false;
    double shown = 0, clicked = 0, converted = 0;
  };
  std::map<std::uint32_t, User> users;
  for (std::size_t n = 0; n < found.shown.items.size(); ++n) {
    const ShownItem& item = found.shown.items[n];
    User& user = users[item.user];
    user.mixed = user.mixed || (user.shown > 0 && user.model != item.model);
    user.model = item.model;
    ++user.shown;
    user.clicked += found.feedback.clicked[n];
    user.converted += found.feedback.converted[n];
  }
  std::map<std::uint64_t, std::pair<ExperimentArm, ExperimentArm>> arms;
  for (const auto& [number, user] : users) {
    if (user.mixed) {
      ++found.mixed_users;
      continue;
    }
    arms[user.model].first.Add(user.clicked / user.shown);
    arms[user.model].second.Add(user.converted > 0 ? 1 : 0);
  }
  ExperimentOptions experiment = options.experiment;
  experiment.min_units = static_cast<std::uint64_t>(options.min_users);
  const auto& baseline = arms[found.baseline];
  for (const ModelRows& rows : found.models) {
    if (rows.model == found.baseline) continue;
    const auto& [clicks, conversions] = arms[rows.model];
    ModelComparison comparison{.model = rows.model,
                               .users = clicks.units(),
                               .baseline_users = baseline.first.units(),
                               .clicks = {},
                               .conversions = {}};
    WAYPOST_ASSIGN_OR_RETURN(comparison.clicks, ReadExperiment(clicks, baseline.first, experiment));
    WAYPOST_ASSIGN_OR_RETURN(comparison.conversions, ReadExperiment(conversions, baseline.second, experiment));
    found.comparisons.push_back(comparison);
  }
  return absl::OkStatus();
}

absl::StatusOr<Found> ReadFeedback(const Options& options) {
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                           Store::Open(options.store, {.access = StoreAccess::kRead}));
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(const EventLog log, snapshot.ReadLog(Parallelism(options.threads)));
  Found found;
  WAYPOST_ASSIGN_OR_RETURN(found.shown, ReadShown(snapshot, log));
  FeedbackOptions feedback{.window_us = static_cast<std::int64_t>(options.window_days * kMicrosOfADay)};
  WAYPOST_ASSIGN_OR_RETURN(feedback.clicks, KindsNamed("--click", options.clicks, log.kinds()));
  WAYPOST_ASSIGN_OR_RETURN(feedback.conversions, KindsNamed("--conversion", options.conversions, log.kinds()));
  const std::vector<ShownItem>& items = found.shown.items;
  WAYPOST_ASSIGN_OR_RETURN(found.feedback, AttributeFeedback(items, log, feedback));
  const double confidence = options.experiment.confidence;
  for (const auto& [model, name] : found.shown.models) {
    ModelRows rows{.model = model, .all = {}, .ranks = {}};
    const auto summarise = [&](auto&& of_rank) {
      return SummariseFeedback(items, found.feedback, confidence,
                               [&](std::size_t n) { return items[n].model == model && of_rank(items[n].rank); });
    };
    rows.all = summarise([](int) { return true; });
    for (int rank = 0; rank < options.ranks; ++rank)
      if (const FeedbackRow row = summarise([&](int one) { return one == rank; }); row.impressions > 0)
        rows.ranks.emplace_back(std::to_string(rank + 1), row);
    if (const FeedbackRow row = summarise([&](int one) { return one >= options.ranks; }); row.impressions > 0)
      rows.ranks.emplace_back(std::to_string(options.ranks + 1) + "+", row);
    found.models.push_back(std::move(rows));
  }
  WAYPOST_RETURN_IF_ERROR(CompareModels(options, found));
  return found;
}

void WriteRow(JsonWriter& json, const FeedbackRow& row) {
  json.Member("impressions", row.impressions);
  json.Member("users", row.users);
  for (const auto& [name, rate] : {std::pair("clicks", &row.clicks), std::pair("conversions", &row.conversions)}) {
    json.Key(name);
    json.BeginObject();
    json.Member("count", rate->count);
    json.Member("rate", rate->rate);
    json.Key("interval");
    WriteInterval(json, rate->interval);
    json.EndObject();
  }
}

void WriteJson(const Options& options, const Found& found, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("impressions", found.shown.items.size());
  json.Member("untimed", found.feedback.untimed);
  json.Member("interventions", found.shown.interventions);
  json.Key("models");
  json.BeginArray();
  for (const ModelRows& model : found.models) {
    json.BeginObject();
    json.Member("model", found.shown.models.at(model.model));
    WriteRow(json, model.all);
    json.Key("ranks");
    json.BeginArray();
    for (const auto& [rank, row] : model.ranks) {
      json.BeginObject();
      json.Member("rank", rank);
      WriteRow(json, row);
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.Key("experiment");
  if (found.comparisons.empty()) {
    json.Null();
  } else {
    json.BeginObject();
    json.Member("baseline", found.shown.models.at(found.baseline));
    json.Member("mixed_users", found.mixed_users);
    json.Key("comparisons");
    json.BeginArray();
    for (const ModelComparison& comparison : found.comparisons) {
      json.BeginObject();
      json.Member("model", found.shown.models.at(comparison.model));
      json.Member("users", comparison.users);
      json.Member("baseline_users", comparison.baseline_users);
      json.Key("clicks");
      WriteExperiment(json, comparison.clicks);
      json.Key("conversions");
      WriteExperiment(json, comparison.conversions);
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  WriteRunFacts(json, console, Parallelism(options.threads).threads(), std::nullopt);
  json.EndObject();
  console.Write("\n");
}

void WriteTables(const Options& options, const Found& found, Console& console) {
  Table table({{"model"},
               {"rank", true},
               {"shown", true},
               {"users", true},
               {"clicks", true},
               {"click rate", true},
               {"interval"},
               {"conversions", true},
               {"conversion rate", true},
               {"interval"}});
  const auto add = [&](const std::string& model, const std::string& rank, const FeedbackRow& row) {
    const auto interval = [](const FeedbackRate& rate) {
      return "[" + Fixed(rate.interval.low, 4) + ", " + Fixed(rate.interval.high, 4) + "]";
    };
    table.AddRow({model, rank, Digits(row.impressions), Digits(row.users), Digits(row.clicks.count),
                  Fixed(row.clicks.rate, 4), interval(row.clicks), Digits(row.conversions.count),
                  Fixed(row.conversions.rate, 4), interval(row.conversions)});
  };
  for (const ModelRows& model : found.models) {
    const std::string& name = found.shown.models.at(model.model);
    add(name, "all", model.all);
    for (const auto& [rank, row] : model.ranks) add(name, rank, row);
  }
  table.Write(console, options.output.table_format());
  for (const ModelComparison& comparison : found.comparisons) {
    const auto line = [&](const char* what, const ExperimentReadOut& read) {
      console.Note(absl::StrCat(found.shown.models.at(comparison.model), " to ", found.shown.models.at(found.baseline),
                                ", ", what, ": ", Fixed(read.difference, 5), " ", ExperimentInterval(read.interval, 5),
                                " at any time, ", ExperimentVerdict(read), " (", Count(comparison.users, "user"),
                                " and ", Digits(comparison.baseline_users), ")"));
    };
    line("share of a user's impressions that is clicked", comparison.clicks);
    line("share of users who convert", comparison.conversions);
  }
  if (found.mixed_users > 0)
    console.Note(Count(found.mixed_users, "user") + " saw several models and are in no comparison");
}

absl::Status RunFeedback(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const Found found, ReadFeedback(options));
  console.Note("read " + Count(found.shown.items.size(), "impression") + " from " + options.store);
  if (found.feedback.untimed > 0)
    console.Note(Count(found.feedback.untimed, "impression") + " without a time: no event belongs to them");
  options.output.json ? WriteJson(options, found, console) : WriteTables(options, found, console);
  return absl::OkStatus();
}

}  // namespace

void AddInsightFeedback(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("feedback", "What came of what was shown: clicks and conversions by model and rank",
                             "waypost insight feedback --store shop --window 3 --click view --conversion pay");
  verb.Option("--store", "DIR", options->store, "The store with impressions and events").Required();
  verb.Option("--window", "DAYS", options->window_days, "Days after an impression in which an event belongs to it")
      .Between(0.0001, 36500);
  verb.List("--click", "KIND", options->clicks, "Kinds of events that are clicks (default: the positive ones)");
  verb.List("--conversion", "KIND", options->conversions,
            "Kinds that are conversions (default: those that pay or complete)");
  verb.Option("--ranks", "N", options->ranks, "Places with a row of their own").Between(0, 1000);
  verb.Option("--baseline", "MODEL", options->baseline, "The model to compare with (default: that which showed most)");
  verb.Option("--planned-users", "N", options->experiment.planned_units,
              "Users of two models at which their comparison is narrowest; choose it before the first look")
      .Between(1, 1e12);
  verb.Option("--min-users", "N", options->min_users, "Users of each model before anything is told").Between(2, 1e9);
  verb.Option("--confidence", "C", options->experiment.confidence, "Of the intervals").Between(0.5, 0.999999);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "An event belongs to the latest impression of its user and item before it, within the window. Intervals of "
      "rates\n"
      "allow for users who differ. Models are compared over users who saw one of them alone; that interval holds\n"
      "however often one looks.\n");
  verb.Runs([options](Console& console) { return RunFeedback(*options, console); });
}

}  // namespace waypost::cli
