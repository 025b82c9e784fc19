#include "waypost/serve/engine.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

#include "serve/live_model.hpp"
#include "waypost/matrix/user_history.hpp"
#include "waypost/model/ials_model.hpp"
#include "waypost/serve/trending.hpp"

namespace waypost {
namespace {

using serve::LiveModel;

constexpr char kModelRecord[] = "current";  // the name under which the published model stands in the store
constexpr std::size_t kMaxKeptImpressions = 1 << 16;
constexpr double kMicrosPerDay = 86'400e6;

std::int64_t SystemClockUs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

// Records the time from its making to its end.
class Stopwatch {
 public:
  explicit Stopwatch(Histogram& histogram) : histogram_(histogram), begin_(std::chrono::steady_clock::now()) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    const auto time = std::chrono::steady_clock::now() - begin_;
    histogram_.Record(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()));
  }

 private:
  Histogram& histogram_;
  std::chrono::steady_clock::time_point begin_;
};

// What the store and the query say of one user, in the model's items. Kept by each thread: allocates while it grows.
struct UserFacts {
  std::vector<StoredEvent> stored;
  std::vector<UserEvent> events;
  std::vector<MetItem> met;
  std::vector<float> codes;
  std::vector<WeightedItem> history;  // evidence
  std::vector<ItemIndex> exclude;     // the query's, and what the user rejected
  std::vector<ItemIndex> include;
  std::vector<ItemIndex> in_progress;  // met and not completed
  std::vector<ItemIndex> completed;
  std::vector<WeightedItem> value_weights;
  std::size_t unknown_ids = 0;

  void Clear() {
    stored.clear();
    events.clear();
    met.clear();
    history.clear();
    exclude.clear();
    include.clear();
    in_progress.clear();
    completed.clear();
    value_weights.clear();
    unknown_ids = 0;
  }
};

}  // namespace

absl::Status Validate(const EngineOptions& options) {
  WAYPOST_RETURN_IF_ERROR(Validate(options.store));
  if (options.weighting.now_us)
    return absl::InvalidArgumentError("EngineOptions.weighting.now_us: want none, the moment of each call, got one");
  WeightingOptions weighting = options.weighting;
  weighting.now_us = 0;
  WAYPOST_RETURN_IF_ERROR(Validate(weighting));
  const double half_life = options.trending_half_life_days;
  if (!std::isfinite(half_life) || half_life < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("EngineOptions.trending_half_life_days: want a finite value >= 0, got ", half_life));
  if (options.trending_refresh_us < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("EngineOptions.trending_refresh_us: want >= 0, got ", options.trending_refresh_us));
  return absl::OkStatus();
}

class Engine::State {
 public:
  State(EngineOptions options, std::unique_ptr<Store> store)
      : options_(std::move(options)),
        store_(std::move(store)),
        trending_(std::max(1.0, options_.trending_half_life_days * kMicrosPerDay)) {}

  const EngineOptions& options() const { return options_; }
  Store& store() const { return *store_; }
  std::int64_t now_us() const { return options_.clock_us ? options_.clock_us() : SystemClockUs(); }

  // The lock is held for the copy of a pointer: nobody waits for a publication.
  absl::StatusOr<std::shared_ptr<const LiveModel>> Live() const {
    const std::lock_guard lock(live_mutex_);
    if (live_ != nullptr) return live_;
    return absl::FailedPreconditionError(absl::StrCat("Engine: want a published model, got none",
                                                      no_model_because_.empty() ? "" : ": ", no_model_because_));
  }
  std::shared_ptr<const LiveModel> LiveOrNull() const {
    const std::lock_guard lock(live_mutex_);
    return live_;
  }
  void SetLive(std::shared_ptr<const LiveModel> live) {
    {
      const std::lock_guard lock(live_mutex_);
      live_.swap(live);
      no_model_because_.clear();
      published_us_ = now_us();
    }
    live.reset();  // outside the lock: the old model may end here
    const std::lock_guard lock(ranks_mutex_);
    ranks_.reset();
  }
  void SetNoModel(const absl::Status& why) {
    const std::lock_guard lock(live_mutex_);
    no_model_because_ = std::string(why.message());
  }

  absl::Status LoadPublished();
  absl::StatusOr<EngineAnswer> Answer(const EngineQuery& query);
  absl::StatusOr<EngineAnswer> AnswerSimilar(const SimilarQuery& query);
  absl::Status KeepImpressions(const EngineQuery& query, const EngineAnswer& answer);
  absl::Status WriteImpressions();
  void DropImpressionsOf(std::string_view user);
  absl::StatusOr<EngineStats> Stats() const;

  std::mutex publish_mutex_;  // one publication at a time; readers never take it

  Counter recorded;
  Counter repeated;
  Counter answers[5];
  Counter errors;
  Counter filter_hits;
  Counter filter_misses;
  Histogram recommend_ns;
  Histogram similar_ns;
  Histogram record_ns;

 private:
  // Trending ranks of one model, made at one moment.
  struct Ranks {
    std::shared_ptr<const LiveModel> live;
    std::int64_t made_us = 0;
    LiveModel::TrendingRanks ranks;
  };

  absl::Status ReadUser(const StoreSnapshot& snapshot, const LiveModel& live, const Query& query, std::int64_t now_us,
                        UserFacts& facts) const;
  absl::Status ReadLists(const LiveModel& live, const Query& query, UserFacts& facts) const;
  absl::StatusOr<std::shared_ptr<const Ranks>> TrendingNow(const StoreSnapshot& snapshot,
                                                           const std::shared_ptr<const LiveModel>& live,
                                                           std::int64_t now_us);
  absl::Status FollowStore(const StoreSnapshot& snapshot);
  absl::StatusOr<Recommendation> AnswerWithoutEvidence(const StoreSnapshot& snapshot,
                                                       const std::shared_ptr<const LiveModel>& live,
                                                       const IndexedQuery& query, const UserFacts& facts, bool explain);

  EngineOptions options_;
  std::unique_ptr<Store> store_;

  mutable std::mutex live_mutex_;
  std::shared_ptr<const LiveModel> live_;
  std::string no_model_because_;
  std::int64_t published_us_ = 0;

  std::mutex trending_mutex_;  // of what follows
  Trending trending_;
  std::uint64_t trending_row_ = 0;  // the store was read up to here
  bool trending_begun_ = false;
  std::mutex ranks_mutex_;  // for the copy of a pointer
  std::shared_ptr<const Ranks> ranks_;

  std::mutex impressions_mutex_;
  std::vector<Impression> impressions_;
};

absl::Status Engine::State::LoadPublished() {
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store_->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<ModelRecord> models, snapshot.ReadModels());
  const auto record =
      std::find_if(models.begin(), models.end(), [](const ModelRecord& model) { return model.name == kModelRecord; });
  if (record == models.end()) return absl::OkStatus();
  const std::shared_ptr<const LiveModel> live = LiveOrNull();
  if (live != nullptr && live->fingerprint() == record->fingerprint) {
    if (live->catalogue_version() == snapshot.catalogue_version()) return absl::OkStatus();
    WAYPOST_ASSIGN_OR_RETURN(auto renewed, live->WithCatalogueOf(snapshot));
    SetLive(std::move(renewed));
    return absl::OkStatus();
  }
  // The publisher verified the file.
  WAYPOST_ASSIGN_OR_RETURN(auto opened,
                           LiveModel::Open(record->file, OpenCheck::kStructure, record->fingerprint, snapshot));
  SetLive(std::move(opened));
  return absl::OkStatus();
}

absl::Status Engine::State::ReadUser(const StoreSnapshot& snapshot, const LiveModel& live, const Query& query,
                                     std::int64_t now_us, UserFacts& facts) const {
  if (query.user) {
    WAYPOST_ASSIGN_OR_RETURN(const auto user, snapshot.FindUser(*query.user));
    if (user) WAYPOST_RETURN_IF_ERROR(snapshot.History(*user, facts.stored));
  }
  for (const StoredEvent& event : facts.stored) {
    const std::uint32_t item = live.NodeOf(event.item.value);
    if (item >= live.recommender().items().size()) {  // not of the model; it may be a prerequisite all the same
      const KindTable& kinds = snapshot.kinds();
      if (item != kEmptySlot && event.kind < kinds.size() && kinds.at(event.kind).completes)
        facts.completed.push_back(ItemIndex{item});
      continue;
    }
    facts.events.push_back({.item = item,
                            .order = static_cast<std::uint32_t>(facts.events.size()),
                            .time_us = event.time_us,
                            .value = event.value,
                            .kind = event.kind});
  }
  WeightingOptions weighting = options_.weighting;
  weighting.now_us = now_us;
  WAYPOST_RETURN_IF_ERROR(CollectUserHistory(facts.events, snapshot.kinds(), weighting, facts.met, facts.codes));
  for (const MetItem& entry : facts.met) {
    const ItemIndex item{entry.item};
    if (entry.code > 0) facts.history.push_back({item, std::min(entry.code, kMaxStrength)});
    if (entry.code < 0) facts.exclude.push_back(item);
    (entry.completed ? facts.completed : facts.in_progress).push_back(item);
  }
  return absl::OkStatus();
}

absl::Status Engine::State::ReadLists(const LiveModel& live, const Query& query, UserFacts& facts) const {
  const IdDictionary& items = live.recommender().items();
  const ItemFacts* item_facts = live.recommender().facts();
  const auto add = [&](const std::vector<std::string>& ids, bool nodes, std::vector<ItemIndex>& list) {
    for (const std::string& id : ids) {
      if (nodes && item_facts != nullptr) {
        if (const auto node = item_facts->prerequisites().FindNode(id)) {
          list.push_back(*node);
          continue;
        }
      } else if (const auto item = items.Find(id)) {
        list.push_back(ItemIndex{*item});
        continue;
      }
      ++facts.unknown_ids;
    }
  };
  // The store's rejections hold whatever the query says: an item on both sides is no evidence.
  std::vector<ItemIndex> rejected = facts.exclude;
  for (std::size_t n = 0; n < query.history.size(); ++n) {
    const HistoryItem& entry = query.history[n];
    WAYPOST_RETURN_IF_ERROR(internal::ValidateHistoryWeight(n, entry.weight));
    const auto item = items.Find(entry.item);
    if (!item) {
      ++facts.unknown_ids;
    } else if (!std::binary_search(rejected.begin(), rejected.end(), ItemIndex{*item})) {
      facts.history.push_back({ItemIndex{*item}, entry.weight});
    }
  }
  if (query.include) add(*query.include, false, facts.include);
  add(query.exclude, false, facts.exclude);
  add(query.completed, true, facts.completed);
  add(query.in_progress, true, facts.in_progress);
  for (const ValueWeight& entry : query.value_weights) {
    if (const auto item = items.Find(entry.item)) {
      facts.value_weights.push_back({ItemIndex{*item}, entry.weight});
    } else {
      ++facts.unknown_ids;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<EngineAnswer> Engine::State::Answer(const EngineQuery& asked) {
  const Query& query = asked.query;
  WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<const LiveModel> live, Live());
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store_->Snapshot());
  const std::int64_t now = query.now_us ? *query.now_us : now_us();
  if (!asked.filter.empty() && query.filter)
    return absl::InvalidArgumentError("EngineQuery.filter: want a text or a compiled filter, got both");
  std::shared_ptr<const Bitmap> filter = query.filter;
  if (!asked.filter.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(filter, live->Filter(asked.filter, filter_hits, filter_misses));
  }
  thread_local UserFacts facts;
  facts.Clear();
  WAYPOST_RETURN_IF_ERROR(ReadUser(snapshot, *live, query, now, facts));
  WAYPOST_RETURN_IF_ERROR(ReadLists(*live, query, facts));
  const IndexedQuery indexed{.user = std::nullopt,
                             .history = facts.history,
                             .n = query.n,
                             .use_include = query.include.has_value(),
                             .include = facts.include,
                             .exclude = facts.exclude,
                             .seen = query.seen,
                             .model = query.model,
                             .filter = filter.get(),
                             .now_us = now,
                             .completed = facts.completed,
                             .in_progress = facts.in_progress,
                             .prerequisites = query.prerequisites,
                             .category_cap = query.category_cap,
                             .category_caps = query.category_caps,
                             .value_weights = facts.value_weights,
                             .diversity = query.diversity,
                             .exploration = query.exploration};
  EngineAnswer answer{.recommendation = {}, .model = live->fingerprint(), .owner = live};
  if (facts.history.empty() && query.model != kPopularityName) {
    WAYPOST_ASSIGN_OR_RETURN(answer.recommendation,
                             AnswerWithoutEvidence(snapshot, live, indexed, facts, query.explain));
  } else {
    WAYPOST_ASSIGN_OR_RETURN(answer.recommendation, live->recommender().Answer(indexed, query.explain));
  }
  answer.recommendation.unknown_ids = facts.unknown_ids;
  answers[static_cast<std::size_t>(answer.recommendation.source)].Add();
  return answer;
}

absl::StatusOr<Recommendation> Engine::State::AnswerWithoutEvidence(const StoreSnapshot& snapshot,
                                                                    const std::shared_ptr<const LiveModel>& live,
                                                                    const IndexedQuery& query, const UserFacts& facts,
                                                                    bool explain) {
  const Recommender& recommender = live->recommender();
  const std::size_t item_count = recommender.items().size();
  Recommendation chain;
  bool begun = false;
  std::vector<ItemIndex> exclude(query.exclude.begin(), query.exclude.end());
  // A rule that weighs items against each other needs one ranking of all: it is asked of the last link alone.
  const bool whole = NeedsSelection(query);
  const auto ask = [&](const Recommender& ranked, const Bitmap* only, Source source) -> absl::Status {
    if (chain.items.size() >= query.n || (whole && only != nullptr)) return absl::OkStatus();
    Bitmap allowed;
    IndexedQuery link = query;
    link.n = query.n - chain.items.size();
    link.model = kPopularityName;
    link.exclude = exclude;
    if (only != nullptr) {
      allowed = *only;
      if (query.filter != nullptr) allowed.IntersectWith(*query.filter);
      link.filter = &allowed;
    }
    WAYPOST_ASSIGN_OR_RETURN(Recommendation found, ranked.Answer(link, explain));
    if (only == nullptr) chain.reason = found.reason;
    if (found.items.empty() && only != nullptr) return absl::OkStatus();
    if (!begun) chain.source = source;
    begun = true;
    for (Suggestion& suggestion : found.items) {
      suggestion.source = source;
      // Ids and titles of `ranked` are those of the model, which outlives the answer.
      exclude.push_back(suggestion.item);
      chain.items.push_back(std::move(suggestion));
    }
    return absl::OkStatus();
  };

  if (options_.trending_half_life_days > 0) {
    WAYPOST_ASSIGN_OR_RETURN(const auto trending, TrendingNow(snapshot, live, *query.now_us));
    WAYPOST_RETURN_IF_ERROR(ask(trending->ranks.recommender, &trending->ranks.items, Source::kTrending));
  }
  if (recommender.facts() != nullptr) {
    const FactColumn& category = recommender.facts()->category();
    std::vector<char> met(category.code_of.size(), 0);
    bool any = false;
    for (const MetItem& entry : facts.met) {
      const std::uint32_t code = category.codes[entry.item];
      if (code == kNoText || entry.code < 0) continue;
      met[code] = 1;
      any = true;
    }
    if (any) {
      Bitmap items(item_count);
      for (std::uint32_t item = 0; item < item_count; ++item)
        if (category.codes[item] != kNoText && met[category.codes[item]]) items.Set(item);
      WAYPOST_RETURN_IF_ERROR(ask(recommender, &items, Source::kPopularInCategory));
    }
  }
  WAYPOST_RETURN_IF_ERROR(ask(recommender, nullptr, Source::kPopular));
  if (chain.items.size() == query.n) chain.reason = ShortReason::kNone;
  if (!begun) chain.source = Source::kPopular;
  return chain;
}

absl::Status Engine::State::FollowStore(const StoreSnapshot& snapshot) {
  const std::uint64_t end = snapshot.end_row();
  std::uint64_t begin = trending_row_;
  if (!trending_begun_ || end - begin > options_.trending_events) begin = end - std::min(end, options_.trending_events);
  EventColumns columns;
  WAYPOST_RETURN_IF_ERROR(snapshot.ReadRows(begin, end, Parallelism(1), columns));
  const std::int64_t now = now_us();
  for (std::size_t n = 0; n < columns.items.size(); ++n) {
    const Kind& kind = snapshot.kinds().at(columns.kinds[n]);
    if (kind.role != Role::kPositive) continue;
    const std::int64_t time = columns.times_us[n];
    // An event dated ahead counts from its arrival: a wrong clock must not trend for ever.
    trending_.Add(columns.items[n], kind.weight, time == kNoTime ? now : std::min(time, now));
  }
  trending_row_ = end;
  trending_begun_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Engine::State::Ranks>> Engine::State::TrendingNow(
    const StoreSnapshot& snapshot, const std::shared_ptr<const LiveModel>& live, std::int64_t now_us) {
  const auto current = [&] {
    const std::lock_guard lock(ranks_mutex_);
    return ranks_;
  };
  const auto fresh = [&](const std::shared_ptr<const Ranks>& ranks) {
    return ranks != nullptr && ranks->live == live && now_us - ranks->made_us < options_.trending_refresh_us &&
           now_us >= ranks->made_us;
  };
  std::shared_ptr<const Ranks> ranks = current();
  if (fresh(ranks)) return ranks;
  std::unique_lock lock(trending_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) {
    if (ranks != nullptr && ranks->live == live) return ranks;  // another call brings them up to date
    lock.lock();
  }
  ranks = current();
  if (fresh(ranks)) return ranks;
  WAYPOST_RETURN_IF_ERROR(FollowStore(snapshot));
  WAYPOST_ASSIGN_OR_RETURN(LiveModel::TrendingRanks made, live->RankTrending(trending_, now_us));
  ranks = std::make_shared<const Ranks>(Ranks{live, now_us, std::move(made)});
  const std::lock_guard copy(ranks_mutex_);
  ranks_ = ranks;
  return ranks;
}

absl::StatusOr<EngineAnswer> Engine::State::AnswerSimilar(const SimilarQuery& query) {
  WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<const LiveModel> live, Live());
  const Recommender& recommender = live->recommender();
  EngineAnswer answer{.recommendation = {}, .model = live->fingerprint(), .owner = live};
  WAYPOST_ASSIGN_OR_RETURN(answer.recommendation, recommender.Similar(query));
  return answer;
}

absl::Status Engine::State::KeepImpressions(const EngineQuery& query, const EngineAnswer& answer) {
  if (query.request == 0) return absl::OkStatus();
  if (!query.query.user) return absl::InvalidArgumentError("EngineQuery.request: want a user beside it, got none");
  const std::int64_t now = query.query.now_us ? *query.query.now_us : now_us();
  const std::lock_guard lock(impressions_mutex_);
  if (impressions_.size() + answer.recommendation.items.size() > kMaxKeptImpressions)
    return absl::ResourceExhaustedError(absl::StrCat("EngineQuery.request: want at most ", kMaxKeptImpressions,
                                                     " impressions kept, got more; FlushImpressions writes them"));
  std::uint16_t rank = 0;
  for (const Suggestion& suggestion : answer.recommendation.items)
    impressions_.push_back({.request = query.request,
                            .user = *query.query.user,
                            .item = std::string(suggestion.id),
                            .kind = kImpression,
                            .rank = rank++,
                            .propensity = suggestion.propensity,
                            .model = answer.model,
                            .time_us = now});
  return absl::OkStatus();
}

absl::Status Engine::State::WriteImpressions() {
  std::vector<Impression> kept;
  {
    const std::lock_guard lock(impressions_mutex_);
    kept.swap(impressions_);
  }
  if (kept.empty()) return absl::OkStatus();
  const absl::Status written = store_->AppendImpressions(kept);
  if (written.ok()) return written;
  const std::lock_guard lock(impressions_mutex_);
  impressions_.insert(impressions_.begin(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
  return written;
}

void Engine::State::DropImpressionsOf(std::string_view user) {
  const std::lock_guard lock(impressions_mutex_);
  std::erase_if(impressions_, [&](const Impression& impression) { return impression.user == user; });
}

absl::StatusOr<EngineStats> Engine::State::Stats() const {
  EngineStats stats;
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store_->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(stats.store, snapshot.Stats());
  {
    const std::lock_guard lock(live_mutex_);
    if (live_ != nullptr) {
      stats.model = live_->fingerprint();
      stats.model_age_seconds = static_cast<double>(now_us() - published_us_) / 1e6;
    }
  }
  stats.recorded_events = recorded.value();
  stats.repeated_events = repeated.value();
  for (std::size_t source = 0; source < std::size(answers); ++source) stats.answers[source] = answers[source].value();
  stats.errors = errors.value();
  stats.filter_hits = filter_hits.value();
  stats.filter_misses = filter_misses.value();
  stats.recommend_ns = recommend_ns.Snapshot();
  stats.similar_ns = similar_ns.Snapshot();
  stats.record_ns = record_ns.Snapshot();
  return stats;
}

namespace {

absl::Status OutOfMemory(std::string_view call) {
  return absl::ResourceExhaustedError(absl::StrCat("Engine.", internal::ToAbsl(call), ": out of memory"));
}

}  // namespace

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() {
  if (state_ != nullptr) (void)state_->WriteImpressions();  // where that fails nobody is left to be told
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const std::string& folder, EngineOptions options) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, Store::Open(folder, options.store));
  auto state = std::make_unique<State>(std::move(options), std::move(store));
  if (const absl::Status loaded = state->LoadPublished(); !loaded.ok()) state->SetNoModel(loaded);
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
} catch (const std::bad_alloc&) {
  return OutOfMemory("Open");
}

Store& Engine::store() {
  return state_->store();
}

absl::StatusOr<AppendResult> Engine::Record(std::span<const Event> events, const Delivery& delivery) try {
  const Stopwatch stopwatch(state_->record_ns);
  WAYPOST_ASSIGN_OR_RETURN(const AppendResult result, state_->store().Append(events, delivery));
  state_->recorded.Add(result.accepted);
  state_->repeated.Add(result.repeated);
  WAYPOST_RETURN_IF_ERROR(state_->WriteImpressions());
  return result;
} catch (const std::bad_alloc&) {
  return OutOfMemory("Record");
}

absl::StatusOr<EngineAnswer> Engine::Recommend(const EngineQuery& query) try {
  const Stopwatch stopwatch(state_->recommend_ns);
  absl::StatusOr<EngineAnswer> answer = state_->Answer(query);
  if (answer.ok()) {
    const absl::Status kept = state_->KeepImpressions(query, *answer);
    if (!kept.ok()) answer = kept;
  }
  if (!answer.ok()) state_->errors.Add();
  return answer;
} catch (const std::bad_alloc&) {
  state_->errors.Add();
  return OutOfMemory("Recommend");
}

absl::StatusOr<EngineAnswer> Engine::Similar(const SimilarQuery& query) try {
  const Stopwatch stopwatch(state_->similar_ns);
  absl::StatusOr<EngineAnswer> answer = state_->AnswerSimilar(query);
  if (!answer.ok()) state_->errors.Add();
  return answer;
} catch (const std::bad_alloc&) {
  state_->errors.Add();
  return OutOfMemory("Similar");
}

absl::Status Engine::FlushImpressions() try { return state_->WriteImpressions(); } catch (const std::bad_alloc&) {
  return OutOfMemory("FlushImpressions");
}

absl::StatusOr<TrainReport> Engine::Train(const TrainSpec& spec) try {
  WAYPOST_RETURN_IF_ERROR(CheckSavePath(spec.file));
  const Parallelism& parallelism = state_->options().parallelism;
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, state_->store().Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(EventLog log, snapshot.ReadLog(parallelism));
  WeightingOptions weighting = state_->options().weighting;
  weighting.now_us = state_->now_us();
  WAYPOST_ASSIGN_OR_RETURN(const Interactions interactions, BuildInteractions(log, weighting, parallelism));
  const InteractionMatrix& matrix = interactions.positives;
  if (matrix.entries() == 0)
    return absl::FailedPreconditionError("Engine.Train: want at least one positive event, got none");
  TrainReport report{.file = spec.file,
                     .events = log.size(),
                     .users = matrix.users(),
                     .items = matrix.items(),
                     .pairs = matrix.entries(),
                     .epochs = 0,
                     .loss = {}};
  WAYPOST_ASSIGN_OR_RETURN(TrainedModel trained, TrainModel(matrix, spec.model, spec.control, parallelism));
  report.epochs = trained.epochs;
  report.loss = trained.loss;
  std::shared_ptr<const Scorer> scorer = trained.scorer;
  if (const auto* ials = dynamic_cast<const IalsModel*>(scorer.get()))  // users are folded in: none is kept
    scorer = std::make_shared<const IalsModel>(ials->options(), FactorMatrix(0, ials->dimensions(), {}),
                                               ials->item_index(), ials->gramian_eigenvalues());
  ModelBundle bundle;
  bundle.items = log.items();
  WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, snapshot.ReadCatalogue());
  bundle.titles = serve::TitlesOf(catalogue, bundle.items, {});
  bundle.facts = {
      .events = report.events, .users = report.users, .items = report.items, .pairs = report.pairs, .settings = {}};
  const std::string name(ModelKind(spec.model));
  bundle.models.push_back({name, std::move(scorer), FormatOptions(trained.options)});
  if (name != kPopularityName) {
    WAYPOST_ASSIGN_OR_RETURN(TrainedModel popularity, TrainModel(matrix, PopularityOptions{}, {}, parallelism));
    bundle.models.push_back({std::string(kPopularityName), popularity.scorer, {}});
  }
  bundle.default_model = name;
  WAYPOST_RETURN_IF_ERROR(SaveBundle(bundle, spec.file));
  return report;
} catch (const std::bad_alloc&) {
  return OutOfMemory("Train");
}

absl::Status Engine::Publish(const std::string& file) try {
  const std::lock_guard lock(state_->publish_mutex_);
  std::error_code error;
  const std::string path = std::filesystem::absolute(file, error).string();
  if (error) return absl::InvalidArgumentError(absl::StrCat("Engine.Publish: want a path, got ", file));
  WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t fingerprint, serve::FingerprintOf(path));
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, state_->store().Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(auto live, LiveModel::Open(path, OpenCheck::kFull, fingerprint, snapshot));
  // A model with users may hold any that the store has now.
  ModelRecord record{.name = kModelRecord, .file = path, .fingerprint = fingerprint};
  if (live->recommender().users().size() > 0) record.user_count = snapshot.user_count();
  record.trained_us = state_->now_us();
  WAYPOST_RETURN_IF_ERROR(state_->store().PutModel(record));
  state_->SetLive(std::move(live));
  return absl::OkStatus();
} catch (const std::bad_alloc&) {
  return OutOfMemory("Publish");
}

absl::Status Engine::Reload() try {
  const std::lock_guard lock(state_->publish_mutex_);
  return state_->LoadPublished();
} catch (const std::bad_alloc&) {
  return OutOfMemory("Reload");
}

absl::StatusOr<ForgetReport> Engine::Forget(std::string_view user) try {
  state_->DropImpressionsOf(user);
  return state_->store().Forget(user);
} catch (const std::bad_alloc&) {
  return OutOfMemory("Forget");
}

absl::StatusOr<EngineStats> Engine::Stats() const try { return state_->Stats(); } catch (const std::bad_alloc&) {
  return OutOfMemory("Stats");
}

absl::StatusOr<std::string> Engine::PrometheusMetrics() const try {
  WAYPOST_ASSIGN_OR_RETURN(const EngineStats stats, state_->Stats());
  PrometheusText text;
  text.Begin("waypost_call_seconds", "histogram", "Time of calls.");
  text.Nanoseconds({{"call", "recommend"}}, stats.recommend_ns);
  text.Nanoseconds({{"call", "similar"}}, stats.similar_ns);
  text.Nanoseconds({{"call", "record"}}, stats.record_ns);
  text.Begin("waypost_answers_total", "counter", "Answers by the source of their first suggestion.");
  for (std::size_t source = 0; source < std::size(stats.answers); ++source)
    text.Sample({{"source", SourceName(static_cast<Source>(source))}}, stats.answers[source]);
  text.Begin("waypost_errors_total", "counter", "Questions that ended in an error.");
  text.Sample({}, stats.errors);
  text.Begin("waypost_recorded_events_total", "counter", "Events recorded by this engine.");
  text.Sample({}, stats.recorded_events);
  text.Begin("waypost_repeated_events_total", "counter", "Events that had been delivered before.");
  text.Sample({}, stats.repeated_events);
  text.Begin("waypost_filter_lookups_total", "counter", "Filters found compiled (hit) and compiled (miss).");
  text.Sample({{"result", "hit"}}, stats.filter_hits);
  text.Sample({{"result", "miss"}}, stats.filter_misses);
  text.Begin("waypost_model_age_seconds", "gauge", "Time since the model was published or loaded.");
  text.Sample({}, stats.model_age_seconds.value_or(std::numeric_limits<double>::quiet_NaN()));
  const std::pair<std::string_view, std::uint64_t> sizes[] = {{"events", stats.store.events},
                                                              {"users", stats.store.users},
                                                              {"items", stats.store.items},
                                                              {"impressions", stats.store.impressions},
                                                              {"catalogue", stats.store.catalogue_items},
                                                              {"forgotten_users", stats.store.forgotten_users}};
  text.Begin("waypost_store_entries", "gauge", "What the store holds.");
  for (const auto& [what, count] : sizes) text.Sample({{"what", what}}, count);
  text.Begin("waypost_store_bytes", "gauge", "Size of the store's data file.");
  text.Sample({}, stats.store.file_bytes);
  return text.Take();
} catch (const std::bad_alloc&) {
  return OutOfMemory("PrometheusMetrics");
}

}  // namespace waypost
