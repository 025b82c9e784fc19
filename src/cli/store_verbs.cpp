// cli/store_verbs.cpp - the verbs that stand on a store alone: import, export, publish, compact, backup, forget.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "store_flags.hpp"
#include "waypost/serve/engine.hpp"
#include "waypost/store/store.hpp"
#include "waypost/store/transfer.hpp"

namespace waypost::cli {
namespace {

struct ImportOptions {
  StoreFlags store;
  EventFileFlags files;
  std::vector<std::string> events;
  std::string catalog;
  std::string users;
  std::string source;
  std::string sequence_column;
};

absl::Status RunImport(const ImportOptions& options, Console& console) {
  if (options.events.empty() && options.catalog.empty() && options.users.empty())
    return UsageError("want event files, --catalog or --users");
  if (!options.source.empty() && options.events.size() > 1)
    return UsageError("--source: want one file, whose rows it numbers, got " + std::to_string(options.events.size()));
  if (!options.sequence_column.empty() && (options.source.empty() || options.events.empty()))
    return UsageError("--sequence-col: want --source and a file beside it");
  WAYPOST_ASSIGN_OR_RETURN(const KindTable kinds, MakeKinds(options.files));
  WAYPOST_ASSIGN_OR_RETURN(ReadOptions read_options, MakeReadOptions(options.files));
  read_options.parallelism = Parallelism(options.store.threads);
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.store, StoreAccess::kWrite));
  for (const std::string& kind : options.files.kinds)
    WAYPOST_RETURN_IF_ERROR(store->SetKind(kinds.at(*kinds.Find(kind.substr(0, kind.find('='))))).status());
  std::uint64_t added = 0;
  std::uint64_t repeated = 0;
  std::uint64_t skipped = 0;
  for (const std::string& file : options.events) {
    const absl::StatusOr<ImportReport> report =
        ImportEvents(file, read_options, *store, options.source, options.sequence_column);
    if (!report.ok()) return WithFlagHints(report.status());
    console.Note("added " + Count(report->added, "event") + " from " + (file == "-" ? "standard input" : file) +
                 (report->repeated > 0 ? ", " + Digits(report->repeated) + " were there before" : ""));
    NoteSkipped(file, report->read, console);
    added += report->added;
    repeated += report->repeated;
    skipped += report->read.skipped;
  }
  std::size_t items = 0;
  if (!options.catalog.empty()) {
    ReadReport report;
    ReadOptions catalog_options = read_options;
    catalog_options.format = InputFormat::kAuto;
    WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, ReadCatalogue(options.catalog, catalog_options, &report));
    WAYPOST_RETURN_IF_ERROR(store->PutCatalogue(catalogue));
    NoteSkipped(options.catalog, report, console);
    items = catalogue.size();
  }
  std::size_t users = 0;
  if (!options.users.empty()) {
    ReadReport report;
    ReadOptions users_options = read_options;
    users_options.format = InputFormat::kAuto;
    WAYPOST_ASSIGN_OR_RETURN(const UserTable table, ReadUserTable(options.users, users_options, &report));
    WAYPOST_RETURN_IF_ERROR(store->PutUserTable(table));
    NoteSkipped(options.users, report, console);
    users = table.size();
  }
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store->Snapshot());
  Facts facts(options.store, console);
  facts.Member("added", added);
  facts.Member("repeated", repeated);
  facts.Member("skipped", skipped);
  facts.Member("catalogue_items", items);
  facts.Member("users_with_facts", users);
  facts.Member("events", snapshot.event_count());
  facts.Line(options.store.folder + ": " + Count(added, "event") + " added, " + Digits(snapshot.event_count()) +
             " in all" + (items > 0 ? ", " + Count(items, "catalogue item") : "") +
             (users > 0 ? ", facts about " + Count(users, "user") : ""));
  facts.End();
  return absl::OkStatus();
}

struct OutOptions {
  StoreFlags store;
  std::string out;
};

absl::Status RunExport(const OutOptions& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.store, StoreAccess::kRead));
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store->Snapshot());
  WAYPOST_RETURN_IF_ERROR(ExportEvents(snapshot, options.out));
  Facts facts(options.store, console);
  facts.Member("file", options.out);
  facts.Member("events", snapshot.event_count());
  facts.Line(options.out + ": " + Count(snapshot.event_count(), "event"));
  facts.End();
  return absl::OkStatus();
}

absl::Status RunBackup(const OutOptions& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.store, StoreAccess::kRead));
  WAYPOST_RETURN_IF_ERROR(store->Backup(options.out));
  Facts facts(options.store, console);
  facts.Member("folder", options.out);
  facts.Line(options.out + ": a copy of " + options.store.folder);
  facts.End();
  return absl::OkStatus();
}

struct CompactFlags {
  StoreFlags store;
  std::optional<double> keep_days;
};

absl::Status RunCompact(const CompactFlags& options, Console& console) {
  CompactOptions compact;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  compact.now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  if (options.keep_days)
    compact.keep_from_us = *compact.now_us - static_cast<std::int64_t>(*options.keep_days * kMicrosPerDay);
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.store, StoreAccess::kWrite));
  WAYPOST_ASSIGN_OR_RETURN(const CompactReport report, store->Compact(compact));
  Facts facts(options.store, console);
  facts.Member("bytes_before", report.bytes_before);
  facts.Member("bytes_after", report.bytes_after);
  facts.Member("events_dropped", report.events_dropped);
  facts.Line(options.store.folder + ": " + Digits(report.bytes_before) + " bytes became " + Digits(report.bytes_after) +
             ", " + Count(report.events_dropped, "event") + " left out");
  facts.End();
  return absl::OkStatus();
}

struct PublishFlags {
  StoreFlags store;
  std::string model;
};

absl::Status RunPublish(const PublishFlags& options, Console& console) {
  EngineOptions engine_options;
  engine_options.store = {.access = StoreAccess::kWrite, .parallelism = Parallelism(options.store.threads)};
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options.store.folder, engine_options));
  WAYPOST_RETURN_IF_ERROR(engine->Publish(options.model));
  Facts facts(options.store, console);
  facts.Member("file", options.model);
  facts.Line("published " + options.model);
  facts.End();
  return absl::OkStatus();
}

struct ForgetFlags {
  StoreFlags store;
  std::vector<std::string> users;
};

absl::Status RunForget(const ForgetFlags& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.store, StoreAccess::kWrite));
  ForgetReport total;
  std::vector<std::string> models;
  for (const std::string& user : options.users) {
    WAYPOST_ASSIGN_OR_RETURN(const ForgetReport report, store->Forget(user));
    total.events += report.events;
    total.impressions += report.impressions;
    for (const std::string& model : report.models)
      if (std::find(models.begin(), models.end(), model) == models.end()) models.push_back(model);
  }
  Facts facts(options.store, console);
  facts.Member("users", options.users.size());
  facts.Member("events", total.events);
  facts.Member("impressions", total.impressions);
  facts.Strings("models", models);
  facts.Line("forgot " + Count(options.users.size(), "user") + " with " + Count(total.events, "event") +
             "; their bytes go with waypost compact");
  for (const std::string& model : models) facts.Line("model " + model + " may still hold what they did");
  facts.End();
  return absl::OkStatus();
}

}  // namespace

void AddImport(CommandLine& command_line) {
  auto options = std::make_shared<ImportOptions>();
  Verb& verb = command_line.AddVerb("import", "Add files to a store; what was imported before counts once",
                                    "waypost import --store shop events.csv --catalog catalog.jsonl");
  verb.Positionals("FILE", options->events, "Event files; - is standard input");
  AddStoreFlags(verb, options->store);
  verb.Option("--catalog", "FILE", options->catalog, "Items to add or to replace");
  verb.Option("--users", "FILE", options->users, "Facts about users to add");
  verb.Option("--source", "NAME", options->source, "A stream, whose rows are numbered from its first; - needs it");
  verb.Option("--sequence-col", "COL", options->sequence_column,
              "Column of the number that the stream gave each event, ascending; instead of its row");
  AddEventFileFlags(verb, options->files);
  verb.Notes(
      "The store is made where there is none. A file that was imported counts once; one that begins with all of an\n"
      "earlier file goes on behind it.\n");
  verb.Runs([options](Console& console) { return RunImport(*options, console); });
}

void AddExport(CommandLine& command_line) {
  auto options = std::make_shared<OutOptions>();
  Verb& verb = command_line.AddVerb("export", "Write the events of a store as CSV",
                                    "waypost export --store shop --out events.csv");
  AddStoreFlags(verb, options->store);
  verb.Option("--out", "FILE", options->out, "The file to write").Required();
  verb.Notes(
      "CSV is the only format. Programs take Arrow columns without a file between: ExportArrowStream in C++,\n"
      "waypost_engine_export_arrow in C and Python.\n");
  verb.Runs([options](Console& console) { return RunExport(*options, console); });
}

void AddPublish(CommandLine& command_line) {
  auto options = std::make_shared<PublishFlags>();
  Verb& verb = command_line.AddVerb("publish", "Make a model file the one that answers on a store",
                                    "waypost publish --store shop --model courses.waypost");
  AddStoreFlags(verb, options->store);
  verb.Option("--model", "FILE", options->model, "The model file, which stays in use where it is").Required();
  verb.Notes("Other processes that serve from the store go over to it with their next reload.\n");
  verb.Runs([options](Console& console) { return RunPublish(*options, console); });
}

void AddCompact(CommandLine& command_line) {
  auto options = std::make_shared<CompactFlags>();
  Verb& verb = command_line.AddVerb("compact", "Write a store anew without what was forgotten",
                                    "waypost compact --store shop --keep-days 730");
  AddStoreFlags(verb, options->store);
  verb.Option("--keep-days", "N", options->keep_days, "Leave out events older than so many days, this once")
      .Between(0, 1e6);
  verb.Notes("What waypost retention set is left out as well.\n");
  verb.Runs([options](Console& console) { return RunCompact(*options, console); });
}

void AddBackup(CommandLine& command_line) {
  auto options = std::make_shared<OutOptions>();
  Verb& verb = command_line.AddVerb("backup", "Copy a store while it is in use",
                                    "waypost backup --store shop --out shop-monday");
  AddStoreFlags(verb, options->store);
  verb.Option("--out", "DIR", options->out, "The folder to write, missing or empty").Required();
  verb.Runs([options](Console& console) { return RunBackup(*options, console); });
}

void AddForget(CommandLine& command_line) {
  auto options = std::make_shared<ForgetFlags>();
  Verb& verb = command_line.AddVerb("forget", "Forget users, and say which models may still hold them",
                                    "waypost forget --store shop --user ada");
  AddStoreFlags(verb, options->store);
  verb.List("--user", "ID", options->users, "Users to forget").Required();
  verb.Runs([options](Console& console) { return RunForget(*options, console); });
}

}  // namespace waypost::cli
