// cli/recommend.cpp - waypost recommend: ranked items for one user, for many or for all.
#include <algorithm>
#include <memory>

#include "commands.hpp"
#include "models.hpp"
#include "rankings.hpp"
#include "rules.hpp"
#ifdef WAYPOST_STORE
#include "waypost/serve/engine.hpp"
#endif

namespace waypost::cli {
namespace {

constexpr std::size_t kBatch = 1024;  // users answered at once: bounds the memory of --all

struct Options {
  std::string file;
  std::string store;
  std::string use;
  std::vector<std::string> users;
  bool all = false;
  std::vector<std::string> history;
  std::uint64_t n = 10;
  std::string seen = "drop";
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  bool explain = false;
  RuleFlags rules;
  int threads = 0;
  OutputFlags output;
};

absl::StatusOr<Query> MakeQuery(const Options& options, const IdDictionary& items, Console& console) {
  Query query{.n = options.n, .explain = options.explain, .model = options.use};
  query.seen = options.seen == "keep"   ? SeenPolicy::kKeep
               : options.seen == "only" ? SeenPolicy::kOnly
                                        : SeenPolicy::kDrop;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::string> history, ReadItemList(options.history, items));
  for (const std::string& item : history) query.history.push_back({item});
  if (!options.include.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(query.include, ReadItemList(options.include, items));
  }
  WAYPOST_ASSIGN_OR_RETURN(query.exclude, ReadItemList(options.exclude, items));
  NoteUnknownItems("--history", history, items, console);
  if (query.include) NoteUnknownItems("--include", *query.include, items, console);
  NoteUnknownItems("--exclude", query.exclude, items, console);
  return query;
}

#ifdef WAYPOST_STORE
// Answers from a store: histories as they are now, the model published there.
absl::Status RunOnStore(const Options& options, Console& console) {
  if (!options.rules.catalog.file.empty()) return UsageError("--catalog: want --model beside it; a store has its own");
  EngineOptions engine_options;
  engine_options.store.access = StoreAccess::kRead;
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options.store, engine_options));
  WAYPOST_ASSIGN_OR_RETURN(const EngineStats stats, engine->Stats());
  if (!stats.model_error.empty()) console.Note("no model, because " + stats.model_error);
  if (const std::string rule = RuleOfCatalog(options.rules); !rule.empty() && stats.store.catalogue_items == 0)
    return absl::FailedPreconditionError(
        rule + ": want a catalogue in the store, which waypost import --catalog adds, got none");
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, engine->store().Snapshot());
  IdDictionaryBuilder items;
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::string> item_ids, snapshot.ItemIds());
  for (const std::string& id : item_ids) WAYPOST_RETURN_IF_ERROR(items.Add(id).status());
  const IdDictionary known = std::move(items).Build();
  EngineQuery query;
  WAYPOST_ASSIGN_OR_RETURN(query.query, MakeQuery(options, known, console));
  WAYPOST_RETURN_IF_ERROR(AddPlainRules(options.rules, known, query.query));
  query.filter = options.rules.filter;
  query.type = options.rules.type;
  std::vector<std::string> users = options.users;
  if (options.all) {
    WAYPOST_ASSIGN_OR_RETURN(users, snapshot.UserIds());
    std::erase(users, "");  // forgotten
  }
  RankingWriter writer(console, options.output, "user", options.explain);
  const std::size_t count = options.all ? users.size() : std::max<std::size_t>(1, users.size());
  for (std::size_t q = 0; q < count; ++q) {
    if (q < users.size()) query.query.user = users[q];
    query.query.exploration.seed = options.rules.seed + q;  // users explore apart
    WAYPOST_ASSIGN_OR_RETURN(const EngineAnswer answer, engine->Recommend(query));
    std::string_view note;
    if (query.query.user) {
      WAYPOST_ASSIGN_OR_RETURN(const auto user, snapshot.FindUser(*query.query.user));
      if (!user) note = "unknown user";
    }
    writer.Add(query.query.user, answer.recommendation, note);
    WAYPOST_RETURN_IF_ERROR(console.Flush());
  }
  writer.Finish(/*threads=*/1);
  return absl::OkStatus();
}
#endif

absl::Status RunRecommend(const Options& options, Console& console) {
  if (options.all && !options.users.empty()) return UsageError("--all and --user exclude each other");
  if (!options.all && options.users.empty() && options.history.empty())
    return UsageError("want --user ID, --history ITEM or --all");
  if (options.file.empty() == options.store.empty()) return UsageError("want --model FILE or --store DIR");
#ifdef WAYPOST_STORE
  if (!options.store.empty()) return RunOnStore(options, console);
#endif
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Catalogue> catalogue, ReadRuleCatalog(options.rules, console));
  WAYPOST_ASSIGN_OR_RETURN(const Recommender recommender,
                           OpenRecommender(options.file, options.use, catalogue ? &*catalogue : nullptr));
  WAYPOST_ASSIGN_OR_RETURN(Query query, MakeQuery(options, recommender.items(), console));
  WAYPOST_RETURN_IF_ERROR(AddRules(options.rules, recommender, query, console));
  const std::uint64_t seed = query.exploration.seed;
  const Parallelism parallelism(options.threads);

  const std::size_t count = options.all             ? recommender.users().size()
                            : options.users.empty() ? 1  // the history alone
                                                    : options.users.size();
  const auto user_of = [&](std::size_t q) -> std::optional<std::string> {
    if (options.all) return std::string(recommender.users().id(static_cast<std::uint32_t>(q)));
    if (options.users.empty()) return std::nullopt;
    return options.users[q];
  };

  RankingWriter writer(console, options.output, "user", options.explain);
  std::vector<Query> queries;
  for (std::size_t first = 0; first < count; first += kBatch) {
    queries.assign(std::min(kBatch, count - first), query);
    for (std::size_t q = 0; q < queries.size(); ++q) {
      queries[q].user = user_of(first + q);
      queries[q].exploration.seed = seed + first + q;  // users explore apart
    }
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<Recommendation> answers, recommender.Recommend(queries, parallelism));
    for (std::size_t q = 0; q < answers.size(); ++q)
      writer.Add(queries[q].user, answers[q],
                 queries[q].user && !recommender.users().Find(*queries[q].user) ? "unknown user" : "");
    WAYPOST_RETURN_IF_ERROR(console.Flush());
  }
  writer.Finish(parallelism.threads());
  return absl::OkStatus();
}

}  // namespace

void AddRecommend(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("recommend", "Rank items for users with a model file",
                                    "waypost recommend --model courses.waypost --user alice --user bob -n 5 --explain");
  verb.Option("--model", "FILE", options->file, "The model file");
#ifdef WAYPOST_STORE
  verb.Option("--store", "DIR", options->store,
              "The model published in this store instead, with its newest events; without one what is popular there");
#endif
  verb.Option("--use", "NAME", options->use, "Which model of the file; else its default");
  verb.List("--user", "ID", options->users, "For these users; an unknown one gets popular items");
  verb.Flag("--all", options->all, "For every user of the model or the store");
  verb.List("--history", "ITEM[,ITEM]", options->history,
            "Items the user has met since training; without --user: all that is known of a new user");
  verb.Option("-n,--count", "N", options->n, "Items for each user").Between(0, 1e9);
  verb.Option("--seen", "POLICY", options->seen, "Items the user has met: leave out, rank too, rank nothing else")
      .OneOf({"drop", "keep", "only"});
  verb.List("--include", "ITEM[,ITEM]", options->include, "Rank these items only; @FILE reads one a line");
  verb.List("--exclude", "ITEM[,ITEM]", options->exclude, "Never return these items; @FILE reads one a line");
  verb.Flag("--explain", options->explain, "Name the items of the user's history that brought each score");
  AddRuleFlags(verb, options->rules);
  AddThreads(verb, options->threads);
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "A list is separated by commas; a value that is an item's id as a whole is taken as it is.\n"
      "source says where a ranking comes from: model (a known user), fold-in (a history that the model was not\n"
      "trained on), trending, popular-in-category and popular (nothing is known about the user).\n"
      "A filter compares attributes of the catalogue: level == \"beginner\" and price < 20 and not tag in (\"java\",\n"
      "\"c++\"). Signs: == != < <= > >= in, not in, has(NAME); texts and dates in quotes; a test of a missing value "
      "does\n"
      "not hold.\n");
  verb.Runs([options](Console& console) { return RunRecommend(*options, console); });
}

}  // namespace waypost::cli
