// cli/store_bench.cpp - waypost bench: how a store answers and records under load, measured on a copy of it.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "table.hpp"
#include "waypost/base/counters.hpp"
#include "waypost/base/random.hpp"
#include "waypost/serve/engine.hpp"

namespace waypost::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string store;
  std::string folder;
  double seconds = 10;
  std::uint64_t threads = 2;
  double rate = 0;
  double recommend = 0.9;
  std::uint64_t batch = 1;
  std::uint64_t n = 10;
  std::string durability = "sync";
  std::uint64_t seed = 42;
  OutputFlags output;
};

// A folder that is made and goes with this object.
class CopyFolder {
 public:
  // Errors  those of the system; kAlreadyExists: it is there, and stays.
  static absl::StatusOr<std::unique_ptr<CopyFolder>> Create(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::create_directory(path, error)) return std::unique_ptr<CopyFolder>(new CopyFolder(path));
    const std::string name = path.string();
    if (!error) return absl::AlreadyExistsError("'" + name + "': want no such folder, got one");
    return absl::ErrnoToStatus(error.value(), "'" + name + "'");
  }
  ~CopyFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  CopyFolder(const CopyFolder&) = delete;
  CopyFolder& operator=(const CopyFolder&) = delete;
  CopyFolder(CopyFolder&&) = delete;
  CopyFolder& operator=(CopyFolder&&) = delete;

  std::string path() const { return path_.string(); }

 private:
  explicit CopyFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path path_;
};

// What one sort of call came to.
struct Calls {
  std::string verb;
  Histogram ns;  // of those that succeeded
  Counter errors;
};

// Calls an engine from several threads.
class Load {
 public:
  Load(const Options& options, Engine& engine, std::vector<std::string> users, std::vector<std::string> items)
      : options_(options), engine_(engine), users_(std::move(users)), items_(std::move(items)) {
    recommend.verb = "recommend";
    record.verb = "record";
  }

  void Run() {
    begin_ = Clock::now();
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < options_.threads; ++t) threads.emplace_back([this, t] { RunThread(t); });
    for (std::thread& thread : threads) thread.join();
    seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  }

  Calls recommend;
  Calls record;
  Counter not_begun;  // calls that were due, while all threads were busy with earlier ones
  double seconds = 0;
  absl::Status first_error;

 private:
  void RunThread(std::uint64_t thread) {
    Random random(options_.seed, thread);
    const auto end =
        begin_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
    // Each thread has its share of the calls, evenly spaced, the threads one after the other.
    const double calls_a_second =
        options_.rate > 0 ? options_.rate / static_cast<double>(options_.batch) / (1 - options_.recommend) : 0;
    const double spacing = calls_a_second > 0 ? static_cast<double>(options_.threads) / calls_a_second : 0;
    std::vector<Event> events(options_.batch);
    for (std::uint64_t call = 0; !Console::Interrupted(); ++call) {
      Clock::time_point due = Clock::now();
      if (spacing > 0) {
        const double share = static_cast<double>(thread) / static_cast<double>(options_.threads);
        const double offset = (static_cast<double>(call) + share) * spacing;
        if (offset >= options_.seconds) return;
        due = begin_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(offset));
        std::this_thread::sleep_until(due);
      }
      if (Clock::now() >= end) {
        if (spacing > 0) {
          const double share = static_cast<double>(thread) / static_cast<double>(options_.threads);
          const double due_calls = std::ceil(options_.seconds / spacing - share);
          not_begun.Add(static_cast<std::uint64_t>(std::max(0.0, due_calls - static_cast<double>(call))));
        }
        return;
      }
      if (random.Uniform() < options_.recommend) {
        EngineQuery query;
        query.query.user = users_[random.Below(users_.size())];
        query.query.n = options_.n;
        Finish(recommend, due, engine_.Recommend(query).status());
      } else {
        const std::int64_t now =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count();
        for (Event& event : events)
          event = {.user = users_[random.Below(users_.size())],
                   .item = items_[random.Below(items_.size())],
                   .kind = kView,
                   .value = {},
                   .time_us = now};
        Finish(record, due, engine_.Record(events).status());
      }
    }
  }

  void Finish(Calls& calls, Clock::time_point due, const absl::Status& status) {
    if (status.ok()) {
      calls.ns.Record(
          static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - due).count()));
      return;
    }
    calls.errors.Add();
    const std::lock_guard lock(error_mutex_);
    if (first_error.ok()) first_error = status;
  }

  const Options& options_;
  Engine& engine_;
  const std::vector<std::string> users_;
  const std::vector<std::string> items_;
  Clock::time_point begin_;
  std::mutex error_mutex_;
};

double Micros(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

void WriteJson(const Options& options, const Load& load, const EngineStats& stats, std::uint64_t fallbacks,
               Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Key("verbs");
  json.BeginArray();
  for (const Calls* calls : {&load.recommend, &load.record}) {
    const HistogramSnapshot ns = calls->ns.Snapshot();
    json.BeginObject();
    json.Member("verb", calls->verb);
    json.Member("calls", ns.count());
    json.Member("calls_per_second", static_cast<double>(ns.count()) / load.seconds);
    json.Member("p50_us", Micros(ns.Quantile(0.5)));
    json.Member("p99_us", Micros(ns.Quantile(0.99)));
    json.Member("p999_us", Micros(ns.Quantile(0.999)));
    json.Member("max_us", Micros(ns.max()));
    json.Member("errors", calls->errors.value());
    json.EndObject();
  }
  json.EndArray();
  json.Member("events", stats.recorded_events);
  json.Member("events_per_second", static_cast<double>(stats.recorded_events) / load.seconds);
  json.Key("answers");
  json.BeginObject();
  for (std::size_t source = 0; source < std::size(stats.answers); ++source)
    json.Member(SourceName(static_cast<Source>(source)), stats.answers[source]);
  json.EndObject();
  json.Member("fallbacks", fallbacks);
  json.Member("calls_not_begun", load.not_begun.value());
  json.Member("load_seconds", load.seconds);
  WriteRunFacts(json, console, static_cast<int>(options.threads), options.seed);
  json.EndObject();
  console.Write("\n");
}

void WriteTable(const Options& options, const Load& load, const EngineStats& stats, std::uint64_t fallbacks,
                Console& console) {
  Table table({{"verb"},
               {"calls", true},
               {"calls/s", true},
               {"p50 us", true},
               {"p99 us", true},
               {"p99.9 us", true},
               {"max us", true},
               {"errors", true}});
  for (const Calls* calls : {&load.recommend, &load.record}) {
    const HistogramSnapshot ns = calls->ns.Snapshot();
    table.AddRow({calls->verb, std::to_string(ns.count()), Fixed(static_cast<double>(ns.count()) / load.seconds, 0),
                  Fixed(Micros(ns.Quantile(0.5)), 1), Fixed(Micros(ns.Quantile(0.99)), 1),
                  Fixed(Micros(ns.Quantile(0.999)), 1), Fixed(Micros(ns.max()), 1),
                  std::to_string(calls->errors.value())});
  }
  table.Write(console, options.output.table_format());
  console.Note(Count(stats.recorded_events, "event") + " recorded in " + Fixed(load.seconds, 1) + " s; " +
               Count(fallbacks, "answer") + " by trending or popularity");
  if (load.not_begun.value() > 0)
    console.Note(Count(load.not_begun.value(), "call") + " due by --rate had not begun when time was up");
}

absl::Status RunBench(const Options& options, Console& console) {
  if (options.rate > 0 && options.recommend == 1)
    return UsageError("--rate: want --recommend below 1 beside it, got no call that records");
  console.CatchInterrupts();
  std::filesystem::path store = std::filesystem::absolute(options.store).lexically_normal();  // "." has a name too
  if (!store.has_filename()) store = store.parent_path();                                     // "shop/"
  const std::string name = absl::StrCat(store.filename().string(), "-bench-", getpid());
  const std::filesystem::path parent =
      options.folder.empty() ? store.parent_path() : std::filesystem::path(options.folder);
  std::unique_ptr<CopyFolder> copy;
  {
    WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> original,
                             Store::Open(options.store, {.access = StoreAccess::kRead}));
    WAYPOST_ASSIGN_OR_RETURN(copy, CopyFolder::Create(parent / name));
    WAYPOST_RETURN_IF_ERROR(original->Backup(copy->path()));
  }
  EngineOptions engine_options;
  engine_options.store = {.access = StoreAccess::kWrite,
                          .durability = options.durability == "fast" ? Durability::kFast : Durability::kSync,
                          .parallelism = Parallelism(1)};
  engine_options.parallelism = Parallelism(1);
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(copy->path(), engine_options));
  std::vector<std::string> users;
  std::vector<std::string> items;
  {
    WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, engine->store().Snapshot());
    WAYPOST_ASSIGN_OR_RETURN(users, snapshot.UserIds());
    WAYPOST_ASSIGN_OR_RETURN(items, snapshot.ItemIds());
    std::erase(users, "");  // forgotten
  }
  if (users.empty() || items.empty())
    return absl::FailedPreconditionError("'" + options.store + "': want a store with users and items, got none");
  Load load(options, *engine, std::move(users), std::move(items));
  load.Run();
  WAYPOST_ASSIGN_OR_RETURN(const EngineStats stats, engine->Stats());
  std::uint64_t fallbacks = 0;
  for (const Source source : {Source::kTrending, Source::kPopularInCategory, Source::kPopular})
    fallbacks += stats.answers[static_cast<std::size_t>(source)];
  if (options.output.json) {
    WriteJson(options, load, stats, fallbacks, console);
  } else {
    WriteTable(options, load, stats, fallbacks, console);
  }
  if (load.first_error.ok()) return absl::OkStatus();
  const std::uint64_t errors = load.recommend.errors.value() + load.record.errors.value();
  return absl::Status(load.first_error.code(),
                      absl::StrCat(Count(errors, "call"), " failed, the first of them: ", load.first_error.message()));
}

}  // namespace

void AddBench(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("bench", "Measure how a store answers and records under load",
                                    "waypost bench shop --seconds 30 --threads 2 --rate 1000 --recommend 0.8");
  verb.Positional("STORE", options->store, "The folder of the store; it is copied and stays as it is");
  verb.Option("--dir", "DIR", options->folder, "Where the copy is kept meanwhile; else beside the store");
  verb.Option("--seconds", "N", options->seconds, "How long the load lasts").Between(0.1, 1e6);
  verb.Option("--threads", "N", options->threads, "Threads that call").Between(1, 1024);
  verb.Option("--rate", "N", options->rate, "Events a second, of all threads; 0: as many as go").Between(0, 1e9);
  verb.Option("--recommend", "SHARE", options->recommend, "Share of the calls that recommend; the others record")
      .Between(0, 1);
  verb.Option("--batch", "N", options->batch, "Events of a call that records").Between(1, 1e6);
  verb.Option("-n,--count", "N", options->n, "Items of an answer").Between(0, 1e9);
  verb.Option("--durability", "NAME", options->durability, "What a recorded event survives: power loss, or a crash")
      .OneOf({"sync", "fast"});
  AddSeed(verb, options->seed);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "Users and items are drawn from the store, each as likely as any other. A call counts from the moment it is\n"
      "due: with --rate a stall counts for all calls that wait behind it and begin before time is up; those that do\n"
      "not are counted. A failed call ends the run with status 1 once the figures are written.\n");
  verb.Runs([options](Console& console) { return RunBench(*options, console); });
}

}  // namespace waypost::cli
