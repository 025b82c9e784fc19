// cli/tune.cpp - waypost tune: good options of a model within a number of seconds.
#include "waypost/eval/tune.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "commands.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "settings_file.hpp"
#include "splits.hpp"
#include "table.hpp"
#include "text_file.hpp"
#include "training.hpp"
#include "trial_table.hpp"
#include "waypost/eval/evaluate.hpp"
#include "waypost/matrix/fingerprint.hpp"
#include "waypost/version.hpp"

namespace waypost::cli {
namespace {

constexpr int kDigits = 5;
constexpr std::size_t kMostUsers = 8192;  // to measure on: beyond, a trial costs more and tells hardly more
constexpr int kMostEpochs = 16;
constexpr int kPatience = 2;  // epochs without a better measure that end a trial

struct Options {
  EventSource source;
  SplitFlags split;
  SplitFlags validation;
  EventFileFlags input;
  WeightingFlags weighting;
  std::string model;
  std::vector<std::string> settings;
  std::string metric = "ndcg@20";
  std::optional<double> seconds;
  std::optional<int> trials;
  std::string out;
  std::string table;
  bool resume = false;
  int threads = 0;
  std::uint64_t seed = 42;
  OutputFlags output;
};

// What is searched, and with what.
struct Search {
  MetricList metrics;
  std::vector<SearchOption> space;
  bool finds_epochs = false;  // by early stopping, in every trial
};

std::string NameOf(const std::string& setting) {
  return setting.substr(0, setting.find('='));
}

absl::StatusOr<Search> PrepareSearch(const Options& options) {
  Search search;
  absl::StatusOr<MetricList> metrics = ParseMetrics(options.metric);
  if (!metrics.ok()) return UsageError("--metric: " + std::string(metrics.status().message()));
  if (metrics->size() != 1 || LessIsBetter(metrics->front().kind))
    return UsageError("--metric: want one metric of which more is better, got '" + options.metric + "'");
  search.metrics = *std::move(metrics);
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions base, MakeModelOptions(options.model, options.settings, options.seed));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<OptionInfo> table, OptionTable(options.model));
  const std::vector<OptionSetting> used = FormatOptions(base);
  const auto fixed = [&](std::string_view name) {
    return std::any_of(options.settings.begin(), options.settings.end(),
                       [&](const std::string& setting) { return NameOf(setting) == name; });
  };
  bool epochs = false, patience = false;
  for (const OptionInfo& option : table) {
    if (fixed(option.name)) continue;
    epochs = epochs || option.name == "epochs";
    patience = patience || option.name == "patience";
    const auto value = std::find_if(used.begin(), used.end(),
                                    [&](const OptionSetting& setting) { return setting.first == option.name; });
    if (option.search.scale != SearchScale::kNone && value != used.end())
      search.space.push_back({std::string(option.name), option.search, value->second});
  }
  search.finds_epochs = epochs && patience;
  if (search.space.empty()) return UsageError("--model: want one with options to search, got " + options.model);
  return search;
}

// What may be known of the data: a part to fit on and users to measure on, both of the training part.
class Validation {
 public:
  static absl::StatusOr<Validation> Create(const Options& options, Console& console) {
    Validation validation;
    validation.parallelism_ = Parallelism(options.threads);
    WAYPOST_ASSIGN_OR_RETURN(EventInput input,
                             ReadEventSource(options.source, options.input, validation.parallelism_, console));
    EventLog train = std::move(input.log);
    const std::optional<float> min_value = MinValue(options.weighting);
    if (!options.split.kind.empty()) {
      WAYPOST_ASSIGN_OR_RETURN(const EventSplit split,
                               MakeSplit(options.split, options.input, train, min_value, options.seed));
      console.Note("split " + options.split.kind + ": " + Count(split.test.size() + split.fold_in.size(), "event") +
                   " set aside, out of reach");
      train = train.Select(split.train);
    }
    WAYPOST_ASSIGN_OR_RETURN(const EventSplit split,
                             MakeSplit(options.validation, options.input, train, min_value, options.seed));
    const EventLog fit = train.Select(split.train);
    validation.events_ = train.Select(split.test);
    validation.fold_in_ = train.Select(split.fold_in);
    WAYPOST_ASSIGN_OR_RETURN(validation.weighting_, MakeWeighting(options.weighting, options.input, fit));
    WAYPOST_ASSIGN_OR_RETURN(Interactions interactions,
                             BuildInteractions(fit, validation.weighting_, validation.parallelism_));
    validation.training_ = {fit.users(), fit.items(), std::move(interactions)};
    std::vector<std::uint32_t> order(validation.events_.users().size());
    for (std::uint32_t user = 0; user < order.size(); ++user) order[user] = user;
    Random(options.seed).Shuffle(std::span(order));
    validation.rank_.resize(order.size());
    for (std::uint32_t n = 0; n < order.size(); ++n) validation.rank_[order[n]] = n;
    WAYPOST_ASSIGN_OR_RETURN(const TrainedModel popularity,
                             TrainModel(validation.matrix(), PopularityOptions{}, {}, validation.parallelism_));
    validation.popularity_ = popularity.scorer;
    console.Note("validation " + options.validation.kind + ": " + Count(fit.size(), "event") + " to fit on, " +
                 Count(validation.users(), "user") + " to measure on");
    return validation;
  }

  const InteractionMatrix& matrix() const { return training_.interactions.positives; }
  std::size_t users() const { return std::min(rank_.size(), kMostUsers); }

  // The test set of a share of the users; those of a smaller share are among them.
  absl::StatusOr<const TestSet*> At(double share) {
    const auto wanted = static_cast<std::size_t>(std::ceil(share * static_cast<double>(users())));
    const auto known = sets_.find(wanted);
    if (known != sets_.end()) return &known->second;
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < events_.size(); ++row)
      if (rank_[events_.columns().users[row]] < wanted) rows.push_back(row);
    WAYPOST_ASSIGN_OR_RETURN(TestSet set, BuildTestSet(training_, events_.Select(rows), fold_in_, weighting_));
    return &sets_.emplace(wanted, std::move(set)).first->second;
  }

  absl::StatusOr<double> Measure(const Scorer& scorer, const TestSet& test, const MetricList& metrics,
                                 const std::function<bool()>& cancelled) const {
    WAYPOST_ASSIGN_OR_RETURN(
        const Evaluation evaluation,
        Evaluate(scorer, test, metrics,
                 {.intervals = false,
                  .fallback = popularity_.get(),
                  .on_progress = [&](std::size_t done, std::size_t total) { return done == total || !cancelled(); }},
                 parallelism_));
    return evaluation.metrics.front().mean;
  }

 private:
  Parallelism parallelism_;
  WeightingOptions weighting_;
  TrainingData training_;
  EventLog events_;
  EventLog fold_in_;
  std::vector<std::uint32_t> rank_;  // of each user of events_, in the order in which shares take them
  std::shared_ptr<const Scorer> popularity_;
  std::map<std::size_t, TestSet> sets_;  // by the number of users asked for
};

absl::StatusOr<TrialOutcome> RunTrial(const Options& options, const Search& search, const TrialRequest& request,
                                      Validation& validation, const Console& console) {
  std::vector<std::string> settings = options.settings;
  for (const auto& [name, value] : request.settings) settings.push_back(name + "=" + value);
  if (search.finds_epochs) {
    settings.push_back("epochs=" + std::to_string(kMostEpochs));
    settings.push_back("patience=" + std::to_string(kPatience));
  }
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions chosen, MakeModelOptions(options.model, settings, options.seed));
  WAYPOST_ASSIGN_OR_RETURN(const TestSet* test, validation.At(request.share));
  const double deadline = console.seconds() + request.seconds_left;
  TrainingControl control;
  control.cancelled = [&, deadline] { return Console::Interrupted() || console.seconds() > deadline; };
  if (search.finds_epochs)
    control.validation = [&](const Scorer& scorer) {
      return validation.Measure(scorer, *test, search.metrics, control.cancelled);
    };
  WAYPOST_ASSIGN_OR_RETURN(const TrainedModel trained,
                           TrainModel(validation.matrix(), chosen, control, Parallelism(options.threads)));
  TrialOutcome outcome;
  WAYPOST_ASSIGN_OR_RETURN(outcome.value,
                           validation.Measure(*trained.scorer, *test, search.metrics, control.cancelled));
  outcome.settings = FormatOptions(trained.options);
  if (search.finds_epochs)
    for (auto& [name, value] : outcome.settings) {
      if (name == "epochs") value = std::to_string(trained.epochs);
      if (name == "patience") value = "0";
    }
  return outcome;
}

std::string ValueOf(const std::vector<TuneSetting>& settings, const std::string& name) {
  for (const auto& [known, value] : settings)
    if (known == name) return value;
  return "";
}

void WriteTable(const Options& options, const Search& search, const TuneResult& result, Console& console) {
  std::vector<Column> columns = {{"trial", true}, {"candidate", true}, {"rung", true}};
  std::vector<std::string> names;
  for (const SearchOption& option : search.space) names.push_back(option.name);
  if (search.finds_epochs) names.emplace_back("epochs");
  for (const std::string& name : names) columns.push_back({name, true});
  columns.insert(columns.end(), {{options.metric, true}, {"s", true}});
  const std::size_t value_column = columns.size() - 2;
  Table table(std::move(columns));
  for (std::size_t n = 0; n < result.trials.size(); ++n) {
    const Trial& trial = result.trials[n];
    std::vector<std::string> row = {std::to_string(n), std::to_string(trial.candidate), std::to_string(trial.rung)};
    for (const std::string& name : names) row.push_back(ValueOf(trial.settings, name));
    row.push_back(trial.value ? Fixed(*trial.value, kDigits) : "failed: " + trial.error);
    row.push_back(Fixed(trial.seconds, 1));
    table.AddRow(std::move(row),
                 n == result.best ? std::vector<std::size_t>{value_column} : std::vector<std::size_t>{});
  }
  table.Write(console, options.output.table_format());
}

void WriteJson(const Options& options, const TuneResult& result, std::size_t users, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("model", options.model);
  json.Member("metric", options.metric);
  json.Key("best");
  json.BeginObject();
  json.Member("trial", result.best);
  json.Member("value", result.trials[result.best].value);
  json.Key("options");
  WriteSettings(json, result.trials[result.best].settings);
  json.EndObject();
  json.Key("trials");
  json.BeginArray();
  for (const Trial& trial : result.trials) {
    json.BeginObject();
    json.Member("candidate", trial.candidate);
    json.Member("rung", trial.rung);
    json.Member("value", trial.value);
    json.Key("options");
    WriteSettings(json, trial.settings);
    json.Member("seconds", trial.seconds);
    if (!trial.error.empty()) json.Member("error", trial.error);
    json.EndObject();
  }
  json.EndArray();
  json.Member("validation", options.validation.kind);
  json.Member("validation_users", users);
  json.Member("budget_seconds", options.seconds);
  json.Member("file", options.out);
  json.Member("table", options.table);
  WriteRunFacts(json, console, Parallelism(options.threads).threads(), options.seed);
  json.EndObject();
  console.Write("\n");
}

absl::Status CheckFlags(Options& options) {
  if (!options.seconds && !options.trials) return UsageError("want --seconds, or --trials");
  if (!options.split.kind.empty()) WAYPOST_RETURN_IF_ERROR(CheckSplit(options.split, /*has_test_files=*/false));
  if (options.split.kind.empty() && (options.split.fraction || options.split.cut))
    return UsageError("--fraction and --cut: want --split beside them");
  if (options.validation.kind.empty())
    options.validation.kind = options.split.kind.empty() ? "last" : options.split.kind;
  WAYPOST_RETURN_IF_ERROR(CheckSplit(options.validation, /*has_test_files=*/false));
  if (options.table.empty()) options.table = options.out + ".trials.jsonl";
  if (options.table == options.out) return UsageError("--table: want another file than --out");
  return absl::OkStatus();
}

// What a search must share with the one that it goes on with.
SearchFacts FactsOf(const Options& options, const Validation& validation) {
  const MatrixFingerprint matrix = Fingerprint(validation.matrix());
  std::string fixed;
  for (const std::string& setting : options.settings) fixed += (fixed.empty() ? "" : " ") + setting;
  return {
      {"model", options.model},
      {"set", fixed},
      {"metric", options.metric},
      {"seed", std::to_string(options.seed)},
      {"validation", options.validation.kind + " " + std::to_string(validation.users())},
      {"matrix", absl::StrCat(matrix.users, " ", matrix.items, " ", matrix.entries, " ", absl::Hex(matrix.content))},
      {"version", WAYPOST_VERSION_STRING}};
}

absl::Status RunTune(Options options, Console& console) {
  WAYPOST_RETURN_IF_ERROR(CheckFlags(options));
  WAYPOST_ASSIGN_OR_RETURN(const Search search, PrepareSearch(options));
  console.CatchInterrupts();
  WAYPOST_ASSIGN_OR_RETURN(Validation validation, Validation::Create(options, console));
  WAYPOST_ASSIGN_OR_RETURN(TrialTable table,
                           TrialTable::Open(options.table, FactsOf(options, validation), options.resume));
  if (!table.trials().empty()) console.Note("going on after " + Count(table.trials().size(), "trial"));

  TuneOptions tune{.validation_users = validation.users(), .seed = options.seed};
  if (options.seconds) tune.seconds = std::max(*options.seconds - console.seconds(), 1e-3);  // reading counts too
  if (options.trials) tune.trials = static_cast<std::size_t>(*options.trials);
  double best = -std::numeric_limits<double>::infinity();
  for (const Trial& trial : table.trials())
    if (trial.value) best = std::max(best, *trial.value);
  const TuneCallbacks callbacks{
      .train = [&](const TrialRequest& request) { return RunTrial(options, search, request, validation, console); },
      .seconds = [&] { return console.seconds(); },
      .on_trial =
          [&](const Trial& trial) {
            if (trial.value) best = std::max(best, *trial.value);
            const std::uint64_t done =
                options.trials ? table.trials().size() + 1 : static_cast<std::uint64_t>(console.seconds());
            const auto total = options.trials ? static_cast<std::uint64_t>(*options.trials)
                                              : static_cast<std::uint64_t>(*options.seconds);
            console.Progress("tune", std::min(done, total), total,
                             "rung " + std::to_string(trial.rung) + "  " + options.metric + " " +
                                 (trial.value ? Fixed(*trial.value, kDigits) : "failed") + "  best " +
                                 Fixed(best, kDigits));
            return table.Add(trial);
          }};
  absl::StatusOr<TuneResult> result = Tune(search.space, tune, callbacks, table.trials());
  if (Console::Interrupted())
    return absl::CancelledError("interrupted: " + options.table + " holds " + Count(table.trials().size(), "trial") +
                                ", --resume goes on");
  if (!result.ok()) return result.status();
  const Trial& winner = result->trials[result->best];
  WAYPOST_RETURN_IF_ERROR(WriteSettingsFile(options.out, options.model, winner.settings,
                                            {{"metric", options.metric},
                                             {"validation", options.validation.kind},
                                             {"value", NumberText(*winner.value)},
                                             {"trials", std::to_string(result->trials.size())},
                                             {"version", WAYPOST_VERSION_STRING}}));
  if (options.output.json) {
    WriteJson(options, *result, validation.users(), console);
  } else {
    WriteTable(options, search, *result, console);
  }
  console.Note("best: trial " + std::to_string(result->best) + ", " + options.metric + " " +
               Fixed(*winner.value, kDigits) + " on the validation part; wrote " + options.out + " and " +
               options.table);
  return absl::OkStatus();
}

}  // namespace

void AddTune(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb =
      command_line.AddVerb("tune", "Find good options of a model within a number of seconds",
                           "waypost tune --train events.csv --split last --model ials --seconds 300 --out ials.json");
  AddEventSource(verb, options->source, "Event files to train on");
  AddSplitFlags(verb, options->split);
  verb.Option("--validation", "KIND", options->validation.kind,
              "How to cut the part to measure on from the rest, a split too; else as --split, or last")
      .OneOf({"loo", "loo-random", "last", "users", "time", "random"});
  verb.Option("--validation-fraction", "SHARE", options->validation.fraction, "Its share, as --fraction");
  verb.Option("--model", "NAME", options->model, "What to tune: see below").Required();
  verb.List("--set", "NAME=VALUE", options->settings, "An option that is given and not searched");
  verb.Option("--metric", "NAME@K", options->metric, "What to make large, of " + MetricNames());
  verb.Option("--seconds", "N", options->seconds, "End after so many seconds, reading included").Between(0.1, 1e7);
  verb.Option("--trials", "N", options->trials, "End after so many trials").Between(1, 1e6);
  verb.Option("--out", "FILE", options->out, "The best options, for --settings of train, evaluate and compare")
      .Required();
  verb.Option("--table", "FILE", options->table,
              "A line of JSON for each trial, written at once; else OUT.trials.jsonl");
  verb.Flag("--resume", options->resume, "Go on with the table's search; its trials count in the budget");
  AddEventFileFlags(verb, options->input);
  AddWeightingFlags(verb, options->weighting);
  AddThreads(verb, options->threads);
  AddSeed(verb, options->seed);
  AddOutputFlags(verb, options->output);
  verb.Notes(SplitHelp() +
             "\nWhat --split cuts off is the test part: it is set aside before anything else and never looked at. The "
             "rest is\n"
             "split again; trials train on one part and are measured on the other. Many candidates are tried cheaply, "
             "the best\n"
             "of every four go on to a dearer rung: more dimensions, or more users to measure on. The number of epochs "
             "is found\n"
             "by early stopping. With --trials in place of --seconds the same trials come out on any machine.\n\n" +
             SearchHelp());
  verb.Runs([options](Console& console) { return RunTune(*options, console); });
}

}  // namespace waypost::cli
