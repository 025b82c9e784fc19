// cli/path.cpp - waypost path: the courses on the way to a goal, in order, from what the learner has completed.
#include <algorithm>
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "rankings.hpp"
#include "waypost/rank/prerequisites.hpp"
#ifdef WAYPOST_STORE
#include "waypost/store/store.hpp"
#endif

namespace waypost::cli {
namespace {

struct Options {
  CatalogFlags catalog;
  EventFileFlags files;
  std::string store;
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

#ifdef WAYPOST_STORE
// The same in a store, as it is now.
absl::StatusOr<std::vector<std::string>> ReadCompleted(const StoreSnapshot& snapshot, const std::string& user,
                                                       Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<UserIndex> index, snapshot.FindUser(user));
  if (!index) console.Note("--user: the store does not know '" + user + "', who has completed nothing");
  std::vector<StoredEvent> events;
  if (index) WAYPOST_RETURN_IF_ERROR(snapshot.History(*index, events));
  std::vector<std::string> completed;
  for (const StoredEvent& event : events)
    if (event.kind < snapshot.kinds().size() && snapshot.kinds().at(event.kind).completes) {
      WAYPOST_ASSIGN_OR_RETURN(std::string item, snapshot.ItemId(event.item));
      completed.push_back(std::move(item));
    }
  return completed;
}
#endif

// The courses there are, and those that the learner has completed by the events.
struct Learning {
  Catalogue catalogue;
  std::vector<std::string> completed;
};

absl::StatusOr<Learning> ReadLearning(const Options& options, Console& console) {
  Learning learning;
#ifdef WAYPOST_STORE
  if (options.catalog.file.empty() == options.store.empty()) return UsageError("want --catalog FILE or --store DIR");
  if (!options.store.empty()) {
    if (!options.events.empty()) return UsageError("--events: want --catalog beside it; a store has its own");
    WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                             Store::Open(options.store, {.access = StoreAccess::kRead}));
    WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store->Snapshot());
    WAYPOST_ASSIGN_OR_RETURN(learning.catalogue, snapshot.ReadCatalogue());
    if (options.user) {
      WAYPOST_ASSIGN_OR_RETURN(learning.completed, ReadCompleted(snapshot, *options.user, console));
    }
    return learning;
  }
#else
  if (options.catalog.file.empty()) return UsageError("want --catalog FILE");
#endif
  if (options.user.has_value() == options.events.empty())
    return UsageError("--user: want it together with --events FILE");
  WAYPOST_ASSIGN_OR_RETURN(learning.catalogue, ReadCatalogFile(options.catalog, options.files, console));
  if (options.user) {
    WAYPOST_ASSIGN_OR_RETURN(learning.completed, ReadCompleted(options, console));
  }
  return learning;
}

absl::Status RunPath(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const Learning learning, ReadLearning(options, console));
  const Catalogue& catalogue = learning.catalogue;
  WAYPOST_ASSIGN_OR_RETURN(const PrerequisiteGraph graph, PrerequisiteGraph::Build(catalogue, IdDictionary()));
  const auto goal = graph.FindNode(options.to);
  if (!goal)
    return absl::NotFoundError("--to: want an item of " +
                               (options.store.empty() ? options.catalog.file : options.store) + ", got '" + options.to +
                               "'");
  IdDictionaryBuilder known;  // an id may hold a comma
  for (const CatalogueItem& item : catalogue.items()) WAYPOST_RETURN_IF_ERROR(known.Add(item.id).status());
  WAYPOST_ASSIGN_OR_RETURN(std::vector<std::string> completed,
                           ReadItemList(options.completed, std::move(known).Build()));
  completed.insert(completed.end(), learning.completed.begin(), learning.completed.end());
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
#ifdef WAYPOST_STORE
  verb.Option("--store", "DIR", options->store, "The catalogue and the events of this store instead");
#endif
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
