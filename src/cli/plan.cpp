// cli/plan.cpp - waypost plan: the memory and the work of a training, before it.
#include <memory>
#include <variant>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "table.hpp"

namespace waypost::cli {
namespace {

// What one thread does a second of the additions and multiplications that a plan counts: constants, so that the same
// plan comes out everywhere. One AVX-512 server reached 134e9 for iALS with 512 dimensions on gowalla's data; the
// constant assumes less of other machines. Item kNN, whose scattered additions wait for memory, reached 0.2e9 there.
constexpr double kDenseFlopsPerThread = 40e9;
constexpr double kScatteredFlopsPerThread = 0.2e9;

struct Options {
  std::vector<std::string> files;
  EventFileFlags input;
  WeightingFlags weighting;
  std::optional<std::uint64_t> users;
  std::optional<std::uint64_t> items;
  std::optional<std::uint64_t> entries;
  std::vector<std::string> models;
  std::vector<std::string> settings;
  int threads = 0;
  OutputFlags output;
};

struct Planned {
  std::string model;
  ModelPlan plan;
  int threads = 1;

  double seconds() const {
    const double dense = plan.flops - plan.scattered_flops;
    return (dense / kDenseFlopsPerThread + plan.scattered_flops / kScatteredFlopsPerThread) / threads;
  }
};

std::string Megabytes(std::uint64_t bytes) {
  return Fixed(static_cast<double>(bytes) / 1e6, 1);
}

absl::Status RunPlan(const Options& options, Console& console) {
  const bool sizes = options.users || options.items || options.entries;
  if (options.files.empty() == !sizes) return UsageError("want either --train, or --users, --items and --entries");
  if (sizes && !(options.users && options.items && options.entries))
    return UsageError("want --users, --items and --entries together");
  std::uint64_t users = options.users.value_or(0), items = options.items.value_or(0),
                entries = options.entries.value_or(0);
  if (users > kMaxEntities || items > kMaxEntities)
    return UsageError("--users and --items: want at most " + std::to_string(kMaxEntities));
  if (static_cast<double>(entries) > static_cast<double>(users) * static_cast<double>(items))
    return UsageError("--entries: want at most --users x --items");
  WAYPOST_ASSIGN_OR_RETURN(const auto settings, AssignSettings(options.models, options.settings));
  std::vector<ModelOptions> model_options;
  for (std::size_t m = 0; m < options.models.size(); ++m) {
    WAYPOST_ASSIGN_OR_RETURN(ModelOptions parsed, MakeModelOptions(options.models[m], settings[m], /*seed=*/0));
    model_options.push_back(std::move(parsed));
  }
  std::vector<ModelPlan> costs;
  if (!sizes) {
    WAYPOST_ASSIGN_OR_RETURN(const EventInput input,
                             ReadEventFiles(options.files, options.input, Parallelism(options.threads), console));
    WAYPOST_ASSIGN_OR_RETURN(const WeightingOptions weighting,
                             MakeWeighting(options.weighting, options.input, input.log));
    WAYPOST_ASSIGN_OR_RETURN(const Interactions interactions,
                             BuildInteractions(input.log, weighting, Parallelism(options.threads)));
    users = interactions.positives.users();
    items = interactions.positives.items();
    entries = interactions.positives.entries();
    for (const ModelOptions& one : model_options)
      costs.push_back(PlanModel(interactions.positives, one, Parallelism(options.threads)));
  } else {
    for (const ModelOptions& one : model_options) costs.push_back(PlanModel(users, items, entries, one));
  }
  const int threads = Parallelism(options.threads).threads();
  std::vector<Planned> plans;
  for (std::size_t m = 0; m < model_options.size(); ++m) plans.push_back({options.models[m], costs[m], threads});

  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Member("users", users);
    json.Member("items", items);
    json.Member("entries", entries);
    json.Key("plans");
    json.BeginArray();
    for (const Planned& planned : plans) {
      json.BeginObject();
      json.Member("model", planned.model);
      json.Member("bytes_peak", planned.plan.bytes_peak);
      json.Member("bytes_model", planned.plan.bytes_model);
      json.Member("flops", planned.plan.flops);
      json.Member("seconds_estimate", planned.seconds());
      json.EndObject();
    }
    json.EndArray();
    WriteRunFacts(json, console, threads, std::nullopt);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  Table table({{"model"}, {"peak MB", true}, {"model MB", true}, {"Gflop", true}, {"seconds", true}});
  for (const Planned& planned : plans)
    table.AddRow({planned.model, Megabytes(planned.plan.bytes_peak), Megabytes(planned.plan.bytes_model),
                  Fixed(planned.plan.flops / 1e9, 2), Fixed(planned.seconds(), 1)});
  table.Write(console, options.output.table_format());
  return absl::OkStatus();
}

}  // namespace

void AddPlan(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("plan", "Estimate memory and time of a training before it",
                                    "waypost plan --users 1000000 --items 50000 --entries 40000000 --model ials "
                                    "--set dimensions=256");
  verb.List("--train", "FILE", options->files, "Take the sizes of these event files; - is standard input");
  verb.Option("--users", "N", options->users, "Number of users");
  verb.Option("--items", "N", options->items, "Number of items");
  verb.Option("--entries", "N", options->entries, "Number of user-item pairs");
  verb.List("--model", "NAME", options->models, "What to plan for: see below").Required();
  verb.List("--set", "NAME=VALUE", options->settings, "An option of the model; MODEL.NAME=VALUE with several models");
  AddEventFileFlags(verb, options->input);
  AddWeightingFlags(verb, options->weighting);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes(ModelHelp() +
             "Seconds are a rough guide: they assume 0.2 billion operations a second and thread where additions wait\n"
             "for memory, as those of item-knn do, and 40 billion for dense work. Memory does not include "
             "reading the events.\n");
  verb.Runs([options](Console& console) { return RunPlan(*options, console); });
}

}  // namespace waypost::cli
