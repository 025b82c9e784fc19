// cli/path.cpp - waypost path: the courses on the way to a goal, in order, from what the learner has completed.
#include <algorithm>
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "rankings.hpp"
#include "waypost/rank/prerequisites.hpp"

namespace waypost::cli {
namespace {

struct Options {
  CatalogFlags catalog;
  EventFileFlags files;
  std::string to;
  std::optional<std::string> user;
  std::vector<std::string> events;
  std::vector<std::string> completed;
  int threads = 0;
  OutputFlags output;
};

// The items that the user has completed: events of a kind that completes.
absl::StatusOr<std::vector<std::string>> ReadCompleted(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const EventInput input,
                           ReadEventFiles(options.events, options.files, Parallelism(options.threads), console));
  const EventLog& log = input.log;
  const auto user = log.users().Find(*options.user);
  if (!user) console.Note("--user: the events do not know '" + *options.user + "', who has completed nothing");
  std::vector<std::string> completed;
  for (std::size_t row = 0; user && row < log.size(); ++row)
    if (log.columns().users[row] == *user && log.kinds().at(log.columns().kinds[row]).completes)
      completed.emplace_back(log.item_id(row));
  return completed;
}

absl::Status RunPath(const Options& options, Console& console) {
  if (options.catalog.file.empty()) return UsageError("want --catalog FILE");
  if (options.user.has_value() == options.events.empty())
    return UsageError("--user: want it together with --events FILE");
  WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, ReadCatalogFile(options.catalog, options.files, console));
  WAYPOST_ASSIGN_OR_RETURN(const PrerequisiteGraph graph, PrerequisiteGraph::Build(catalogue, IdDictionary()));
  const auto goal = graph.FindNode(options.to);
  if (!goal) return absl::NotFoundError("--to: want an item of " + options.catalog.file + ", got '" + options.to + "'");
  IdDictionaryBuilder known;  // an id may hold a comma
  for (const CatalogueItem& item : catalogue.items()) WAYPOST_RETURN_IF_ERROR(known.Add(item.id).status());
  WAYPOST_ASSIGN_OR_RETURN(std::vector<std::string> completed,
                           ReadItemList(options.completed, std::move(known).Build()));
  if (options.user) {
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::string> done, ReadCompleted(options, console));
    completed.insert(completed.end(), done.begin(), done.end());
  }
  std::vector<ItemIndex> nodes;
  for (const std::string& id : completed)
    if (const auto node = graph.FindNode(id)) nodes.push_back(*node);
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<ItemIndex> path, graph.PathTo(*goal, nodes));
  if (graph.unknown() > 0)
    console.Note("passed over " + Count(graph.unknown(), "prerequisite") + " that the catalogue does not have");

  const auto title = [&](ItemIndex node) { return catalogue.item(*catalogue.Find(graph.id(node))).title; };
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Member("to", options.to);
    json.Member("user", options.user);
    json.Key("path");
    json.BeginArray();
    for (ItemIndex node : path) {
      json.BeginObject();
      json.Member("item", graph.id(node));
      json.Key("title");
      title(node).empty() ? json.Null() : json.Value(title(node));
      json.Key("needs");
      json.BeginArray();
      for (std::uint32_t needed : graph.needs(node)) json.Value(graph.id(ItemIndex{needed}));
      json.EndArray();
      json.EndObject();
    }
    json.EndArray();
    WriteRunFacts(json, console, Parallelism(options.threads).threads(), std::nullopt);
    json.EndObject();
    console.Write("\n");
    return absl::OkStatus();
  }
  Table table({{"step", true}, {"item"}, {"title"}, {"needs"}});
  for (std::size_t n = 0; n < path.size(); ++n) {
    std::string needs;
    for (std::uint32_t needed : graph.needs(path[n])) {
      needs += needs.empty() ? "" : ", ";
      needs += graph.id(ItemIndex{needed});
    }
    table.AddRow({std::to_string(n + 1), std::string(graph.id(path[n])), title(path[n]), needs});
  }
  if (table.empty()) console.Note("'" + options.to + "' is completed: nothing is left to do");
  if (!table.empty() || options.output.table_format() != TableFormat::kTable)
    table.Write(console, options.output.table_format());
  return absl::OkStatus();
}

}  // namespace

void AddPath(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb =
      command_line.AddVerb("path", "Order the courses on the way to a goal",
                           "waypost path --catalog courses.csv --to deep-learning --user alice --events events.csv");
  AddCatalogFlags(verb, options->catalog);
  verb.Option("--to", "ITEM", options->to, "The goal").Required();
  verb.Option("--user", "ID", options->user, "The learner; what the events say is completed is left out");
  verb.List("--events", "FILE", options->events, "Event files; a kind that completes (complete) counts");
  verb.List("--completed", "ITEM[,ITEM]", options->completed, "Courses completed already; @FILE reads one a line");
  AddEventFileFlags(verb, options->files);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes("Every course stands after its prerequisites; a circle of prerequisites is an error that names it.\n");
  verb.Runs([options](Console& console) { return RunPath(*options, console); });
}

}  // namespace waypost::cli
