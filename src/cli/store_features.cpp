// cli/store_features.cpp - waypost insight features: who each user is, in numbers, before a moment.
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "store_insight_input.hpp"
#include "table.hpp"
#include "waypost/insight/features.hpp"

namespace waypost::cli {
namespace {

struct Options {
  std::string store;
  std::optional<std::string> at;
  int threads = 0;
  OutputFlags output;
};

// Names of the facts that held just before the moment, sorted.
std::vector<std::string> FactNames(const UserTable& facts, std::int64_t at_us) {
  std::set<std::string> names;
  for (std::uint32_t user = 0; user < facts.size(); ++user)
    for (const UserFact& fact : facts.facts(user))
      if (!fact.since_us || *fact.since_us < at_us) names.insert(fact.name);
  return {names.begin(), names.end()};
}

absl::Status RunFeatures(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const StoreInput input,
                           ReadStoreInput(options.store, options.at, StoreAccess::kRead, options.threads, console));
  const Parallelism parallelism(options.threads);
  const Activity activity(input.log, parallelism);
  const UserFeatures features = ComputeUserFeatures(activity.Before(input.at_us), parallelism);
  const std::vector<std::string> facts = FactNames(input.facts, input.at_us);
  const auto fact_of = [&](std::uint32_t user, const std::string& name) -> std::optional<std::string> {
    const std::optional<std::uint32_t> row = input.facts.Find(input.log.users().id(user));
    const auto value = row ? input.facts.Value(*row, name, input.at_us - 1) : std::nullopt;
    return value ? std::optional(std::string(*value)) : std::nullopt;
  };
  if (activity.undated() > 0) console.Note(Count(activity.undated(), "event") + " without a time left out");
  if (!options.output.json) {
    std::vector<Column> columns = {{"user"}};
    for (const UserFeatureInfo& info : UserFeatureTable()) columns.push_back({std::string(info.name), true});
    for (const std::string& name : facts) columns.push_back({name});
    Table table(std::move(columns));
    for (std::size_t n = 0; n < features.users.size(); ++n) {
      std::vector<std::string> cells = {std::string(input.log.users().id(features.users[n]))};
      for (const double value : features.row(n)) cells.push_back(NumberText(value));
      for (const std::string& name : facts) cells.push_back(fact_of(features.users[n], name).value_or(""));
      table.AddRow(std::move(cells));
    }
    table.Write(console, options.output.table_format());
    return absl::OkStatus();
  }
  JsonWriter json(console);
  json.BeginObject();
  json.Member("at", TimeText(input.at_us));
  json.Member("undated", activity.undated());
  json.Key("features");
  json.BeginArray();
  for (const UserFeatureInfo& info : UserFeatureTable()) {
    json.BeginObject();
    json.Member("name", info.name);
    json.Member("meaning", info.meaning);
    json.EndObject();
  }
  json.EndArray();
  json.Key("users");
  json.BeginArray();
  for (std::size_t n = 0; n < features.users.size(); ++n) {
    json.BeginObject();
    json.Member("user", input.log.users().id(features.users[n]));
    json.Key("features");
    json.BeginObject();
    for (std::size_t f = 0; f < kUserFeatureCount; ++f) json.Member(UserFeatureTable()[f].name, features.row(n)[f]);
    json.EndObject();
    json.Key("facts");
    json.BeginObject();
    for (const std::string& name : facts)
      if (const auto value = fact_of(features.users[n], name)) json.Member(name, *value);
    json.EndObject();
    json.EndObject();
  }
  json.EndArray();
  WriteRunFacts(json, console, parallelism.threads(), std::nullopt);
  json.EndObject();
  console.Write("\n");
  return absl::OkStatus();
}

}  // namespace

void AddInsightFeatures(VerbGroup& group) {
  auto options = std::make_shared<Options>();
  Verb& verb = group.AddVerb("features", "Who each user is, in numbers, from what they did before a moment",
                             "waypost insight features --store shop --at 2024-06-01 --format csv");
  verb.Option("--store", "DIR", options->store, "The folder of the store").Required();
  verb.Option("--at", "TIME", options->at,
              "The moment, a date; nothing at or after it is read; default: after the newest event");
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Runs([options](Console& console) { return RunFeatures(*options, console); });
}

}  // namespace waypost::cli
