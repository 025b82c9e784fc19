// cli/train.cpp - waypost train: from event files to a model file.
#include <memory>

#include "absl/strings/str_cat.h"
#include "commands.hpp"
#include "continuation.hpp"
#include "early_stop.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "settings_file.hpp"
#include "table.hpp"
#include "training.hpp"
#include "waypost/file/catalogue_items.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/item_features.hpp"
#include "waypost/model/ials_features.hpp"
#include "waypost/rank/recommender.hpp"

namespace waypost::cli {
namespace {

struct Options {
  EventSource source;
  EventFileFlags input;
  WeightingFlags weighting;
  CatalogFlags catalog;
  std::string model;
  std::vector<std::string> settings;
  std::string settings_file;
  EarlyStopFlags early_stop;
  ContinuationFlags continuation;
  std::string out;
  bool strip_history = false;
  bool no_features = false;
  int threads = 0;
  std::uint64_t memory_limit_mb = 0;
  std::uint64_t seed = 42;
  bool json = false;
};

// What was learned of the catalogue's fields.
struct FeatureFacts {
  std::size_t names = 0;  // 0: nothing was
  float regularization = 0;
  double recall = 0;  // of items left out
  std::size_t added_items = 0;
};

// The object of --json.
void WriteReport(const Options& options, const TrainedModel& trained, const EarlyStop& stop, const TrainingFacts& facts,
                 const FeatureFacts& features, std::uint64_t skipped, int threads, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("model", options.model);
  json.Key("options");
  WriteSettings(json, FormatOptions(trained.options));
  json.Member("epochs", trained.epochs);
  json.Key("loss");
  json.BeginArray();
  for (double loss : trained.loss) json.Value(loss);
  json.EndArray();
  json.Member("file", options.out);
  if (!stop.values.empty()) {
    json.Key("validation");
    json.BeginObject();
    json.Member("metric", options.early_stop.metric);
    json.Key("values");
    json.BeginArray();
    for (double value : stop.values) json.Value(value);
    json.EndArray();
    json.EndObject();
  }
  json.Member("users", facts.users);
  json.Member("items", facts.items);
  json.Member("pairs", facts.pairs);
  json.Member("events", facts.events);
  if (features.names > 0) {
    json.Key("features");
    json.BeginObject();
    json.Member("names", features.names);
    json.Member("regularization", features.regularization);
    json.Member("recall@20", features.recall);
    json.Member("added_items", features.added_items);
    json.EndObject();
  }
  json.Member("skipped", skipped);
  WriteRunFacts(json, console, threads, options.seed);
  json.EndObject();
  console.Write("\n");
}

// Gives an iALS model, the first of the bundle, a map of the catalogue's features, and the bundle the items that the
// catalogue has beside those of the events.
absl::StatusOr<FeatureFacts> LearnFeatures(const Options& options, const InteractionMatrix& matrix, ModelBundle& bundle,
                                           const Parallelism& parallelism, Console& console) {
  FeatureFacts facts;
  const auto* ials = dynamic_cast<const IalsModel*>(bundle.models.front().scorer.get());
  if (ials == nullptr || options.catalog.file.empty()) return facts;
  WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, ReadCatalogFile(options.catalog, options.input, console));
  WAYPOST_ASSIGN_OR_RETURN(IdDictionary names, BuildFeatureVocabulary(catalogue, bundle.items));
  if (names.size() == 0) {
    console.Note("features: no two items of the events share one in the catalogue; items without events get no vector");
    return facts;
  }
  facts.names = names.size();
  WAYPOST_ASSIGN_OR_RETURN(const SparseMatrix features, BuildFeatureMatrix(catalogue, bundle.items, names));
  TrainingControl control;
  control.cancelled = [] { return Console::Interrupted(); };
  absl::StatusOr<IalsFeatures> found =
      AddFeatureMap(*ials, matrix, std::move(names), features, {.seed = options.seed}, control, parallelism);
  if (absl::IsFailedPrecondition(found.status())) {  // too little to learn from: the model is whole without
    console.Note("features: " + std::string(found.status().message()) + "; items without events get no vector");
    return FeatureFacts();
  }
  WAYPOST_ASSIGN_OR_RETURN(IalsFeatures learned, std::move(found));
  facts.regularization = learned.regularization;
  facts.recall = learned.recall.value_or(0);
  bundle.models.front().scorer = std::make_shared<const IalsModel>(std::move(learned.model));
  WAYPOST_ASSIGN_OR_RETURN(facts.added_items, AddCatalogueItems(catalogue, bundle, parallelism));
  console.Note("features: " + Digits(facts.names) + " of the catalogue; " + Count(facts.added_items, "item") +
               " without events ranked by them");
  return facts;
}

absl::Status Train(const Options& options, const ModelOptions& model_options, Continuation& continuation,
                   Console& console) {
  const Parallelism parallelism(options.threads);
  WAYPOST_ASSIGN_OR_RETURN(EventInput input, ReadEventSource(options.source, options.input, parallelism, console));
  WAYPOST_ASSIGN_OR_RETURN(const WeightingOptions weighting,
                           MakeWeighting(options.weighting, options.input, input.log));
  WAYPOST_ASSIGN_OR_RETURN(ItemTitles titles, ReadTitles(options.catalog, options.input, input.log.items(), console));
  WAYPOST_ASSIGN_OR_RETURN(const EarlyStop stop, FindEpochs(options.early_stop, input.log, weighting, model_options,
                                                            options.seed, parallelism, continuation, console));
  WAYPOST_ASSIGN_OR_RETURN(Interactions interactions, BuildInteractions(input.log, weighting, parallelism));
  const InteractionMatrix& matrix = interactions.positives;
  ModelBundle bundle;
  bundle.users = input.log.users();
  bundle.items = input.log.items();
  bundle.titles = std::move(titles);
  bundle.facts = {.events = input.log.size(),
                  .users = matrix.users(),
                  .items = matrix.items(),
                  .pairs = matrix.entries(),
                  .settings = DescribeWeighting(weighting, options.input)};
  input.log = EventLog();  // no longer needed: the factors take its place
  console.Note("training " + options.model + " on " + Count(matrix.users(), "user") + ", " +
               Count(matrix.items(), "item") + ", " + Count(matrix.entries(), "pair"));
  TrainingControl control = WatchTraining(console, options.model, options.memory_limit_mb);
  WAYPOST_RETURN_IF_ERROR(
      continuation.Prepare(TrainingPhase::kFinal, stop.options, bundle.items, stop.values, console, control));
  WAYPOST_ASSIGN_OR_RETURN(TrainedModel trained, TrainModel(matrix, stop.options, control, parallelism));
  if (Console::Interrupted()) return Interruption();

  bundle.models.push_back({options.model, trained.scorer, FormatOptions(trained.options)});
  if (options.model != kPopularityName) {
    WAYPOST_ASSIGN_OR_RETURN(TrainedModel popularity, TrainModel(matrix, PopularityOptions{}, {}, parallelism));
    bundle.models.push_back({std::string(kPopularityName), popularity.scorer, {}});
  }
  bundle.default_model = options.model;
  if (!options.strip_history) bundle.history = std::move(interactions.history);
  FeatureFacts features;
  if (!options.no_features) {
    WAYPOST_ASSIGN_OR_RETURN(features, LearnFeatures(options, matrix, bundle, parallelism, console));
  }
  interactions = Interactions();  // saving needs no matrix
  WAYPOST_RETURN_IF_ERROR(SaveBundle(bundle, options.out));
  console.Note("wrote " + options.out);

  if (options.json)
    WriteReport(options, trained, stop, bundle.facts, features, input.skipped, parallelism.threads(), console);
  return absl::OkStatus();
}

absl::Status RunTrain(Options options, Console& console) {
  std::vector<std::string> settings = options.settings;
  if (!options.settings_file.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(const ModelSettings found, ReadSettingsFile(options.settings_file));
    if (!options.model.empty() && options.model != found.model)
      return UsageError("--settings: want a file of " + options.model + ", got one of " + found.model);
    options.model = found.model;
    AddMissingSettings(found.settings, settings);
  }
  if (options.model.empty()) return UsageError("want --model, or --settings");
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions model_options, MakeModelOptions(options.model, settings, options.seed));
  if (options.no_features && options.catalog.file.empty())
    return UsageError("--no-features: want --catalog FILE beside it");
  if (options.strip_history && HoldsInteractions(model_options))
    return UsageError("--strip-history: want a model that does without the interactions, got " + options.model +
                      ", which holds them");
  WAYPOST_RETURN_IF_ERROR(CheckEarlyStop(options.early_stop, model_options));
  WAYPOST_RETURN_IF_ERROR(CheckContinuation(options.continuation, model_options, options.out));
  if (const absl::Status writable = CheckSavePath(options.out); !writable.ok())
    return absl::Status(writable.code(), absl::StrCat("--out: ", writable.message()));
  console.CatchInterrupts();
  WAYPOST_ASSIGN_OR_RETURN(Continuation continuation,
                           Continuation::Open(options.continuation, DescribeSearch(options.early_stop, options.seed)));
  const absl::Status status = Train(options, model_options, continuation, console);
  return absl::IsCancelled(status) ? continuation.Interruption() : status;
}

}  // namespace

void AddTrain(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("train", "Train a model on event files and write a model file",
                                    "waypost train --train events.csv --catalog catalog.jsonl --model ials --set "
                                    "dimensions=128 --out courses.waypost");
  AddEventSource(verb, options->source, "Event files");
  verb.Option("--model", "NAME", options->model, "What to train: see below; needless with --settings");
  verb.List("--set", "NAME=VALUE", options->settings, "An option of the model");
  verb.Option("--settings", "FILE", options->settings_file, "Model and options as tune wrote them; --set goes before");
  verb.Option("--out", "FILE", options->out, "The model file to write (.waypost)").Required();
  verb.Flag("--strip-history", options->strip_history,
            "Write no user's activity: known users are then ranked with --seen keep only");
  verb.Flag("--no-features", options->no_features,
            "Take titles alone from --catalog: an iALS model then ranks no item without events");
  AddEarlyStopFlags(verb, options->early_stop);
  AddContinuationFlags(verb, options->continuation);
  AddEventFileFlags(verb, options->input);
  AddCatalogFlags(verb, options->catalog);
  AddWeightingFlags(verb, options->weighting);
  AddThreads(verb, options->threads);
  AddMemoryLimit(verb, options->memory_limit_mb);
  AddSeed(verb, options->seed);
  AddJsonFlag(verb, options->json);
  verb.Notes(ModelHelp() + "The file always holds a popularity model too: it answers for users without any history.\n");
  verb.Runs([options](Console& console) { return RunTrain(*options, console); });
}

}  // namespace waypost::cli
