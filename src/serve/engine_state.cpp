#include "serve/engine_state.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <utility>

#include "serve/fallback.hpp"
#include "serve/user_facts.hpp"
#include "store/impression_check.hpp"
#include "waypost/rank/filter.hpp"

namespace waypost {
namespace {

using serve::LiveModel;

constexpr char kModelRecord[] = "current";  // the name under which the published model stands in the store
constexpr std::size_t kMaxKeptImpressions = 1 << 16;
constexpr double kMicrosPerDay = 86'400e6;
// A larger store model holds longer, so that making it anew takes about a hundredth of the time.
constexpr std::uint64_t kItemsPerRefresh = 1 << 16;

std::int64_t SystemClockUs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

// The moment `refreshes` times `refresh_us` after `now_us`; the last one there is where that is later.
std::int64_t LaterBy(std::int64_t now_us, std::int64_t refresh_us, std::uint64_t refreshes) {
  std::int64_t span = 0;
  std::int64_t until = 0;
  if (__builtin_mul_overflow(refresh_us, refreshes, &span) || __builtin_add_overflow(now_us, span, &until))
    return std::numeric_limits<std::int64_t>::max();
  return until;
}

}  // namespace

Engine::State::State(EngineOptions options, std::unique_ptr<Store> store)
    : options_(std::move(options)),
      store_(std::move(store)),
      trending_(std::max(1.0, options_.trending_half_life_days * kMicrosPerDay)) {}

std::int64_t Engine::State::now_us() const {
  return options_.clock_us ? options_.clock_us() : SystemClockUs();
}

Engine::State::LivePointer Engine::State::Published() const {
  const std::lock_guard lock(published_mutex_);
  return published_;
}

void Engine::State::SetPublished(LivePointer live, std::optional<std::int64_t> published_us) {
  {
    const std::lock_guard lock(published_mutex_);
    published_.swap(live);
    model_error_.clear();
    published_us_ = published_us;
  }
  live.reset();  // outside the lock: the old model may end here
  ranks_.Drop();
  asked_ranks_.Drop();
  store_model_.Drop();
}

void Engine::State::SetModelError(const absl::Status& loaded) {
  const std::lock_guard lock(published_mutex_);
  model_error_ = std::string(loaded.message());
}

absl::Status Engine::State::LoadPublished() {
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store_->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<ModelRecord> models, snapshot.ReadModels());
  const auto record =
      std::find_if(models.begin(), models.end(), [](const ModelRecord& model) { return model.name == kModelRecord; });
  if (record == models.end()) return absl::OkStatus();
  const LivePointer live = Published();
  if (live != nullptr && live->fingerprint() == record->fingerprint) {
    if (live->catalogue_version() == snapshot.catalogue_version()) return absl::OkStatus();
    WAYPOST_ASSIGN_OR_RETURN(auto renewed, live->WithCatalogueOf(snapshot));
    SetPublished(std::move(renewed), record->published_us);
    return absl::OkStatus();
  }
  // The publisher verified the file.
  WAYPOST_ASSIGN_OR_RETURN(auto opened, LiveModel::Open(record->file, OpenCheck::kStructure, record->fingerprint,
                                                        options_.weighting, snapshot));
  SetPublished(std::move(opened), record->published_us);
  return absl::OkStatus();
}

absl::Status Engine::State::Publish(const std::string& path) {
  WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t fingerprint, serve::FingerprintOf(path));
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store_->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(auto live,
                           LiveModel::Open(path, OpenCheck::kFull, fingerprint, options_.weighting, snapshot));
  // A model with users may hold any that the store has now.
  ModelRecord record{.name = kModelRecord, .file = path, .fingerprint = fingerprint};
  if (live->recommender().users().size() > 0) record.user_count = snapshot.user_count();
  record.published_us = now_us();
  WAYPOST_RETURN_IF_ERROR(store_->PutModel(record));
  SetPublished(std::move(live), record.published_us);
  return absl::OkStatus();
}

absl::StatusOr<Engine::State::LivePointer> Engine::State::Live(const StoreSnapshot& snapshot) {
  if (LivePointer live = Published()) return live;
  const std::int64_t now = now_us();
  const auto fresh = [&](const StoreModel& model) {
    if (model.version == snapshot.version()) return true;
    const bool grown = snapshot.end_row() >= model.rows + (model.rows + 1) / 2;  // a first event is known at once
    return !grown && model.live->catalogue_version() == snapshot.catalogue_version() && now >= model.made_us &&
           now < model.until_us;
  };
  // The first event and a new catalogue are known at once, also to those who ask while the model is made anew.
  const auto usable = [&](const StoreModel& model) {
    return model.rows > 0 && model.live->catalogue_version() == snapshot.catalogue_version();
  };
  const auto make =
      [&](const std::shared_ptr<const StoreModel>& kept) -> absl::StatusOr<std::shared_ptr<const StoreModel>> {
    WeightingOptions weighting = options_.weighting;
    weighting.now_us = now;
    WAYPOST_ASSIGN_OR_RETURN(LivePointer live, LiveModel::OfStore(snapshot, weighting, options_.trending_events,
                                                                  kept == nullptr ? nullptr : kept->live.get()));
    const std::uint64_t size =
        live->recommender().items().size() + std::min(snapshot.end_row(), options_.trending_events);
    const std::uint64_t refreshes = 1 + size / kItemsPerRefresh;
    const std::int64_t until = LaterBy(now, options_.trending_refresh_us, refreshes);
    return std::make_shared<const StoreModel>(
        StoreModel{std::move(live), snapshot.version(), snapshot.end_row(), now, until});
  };
  WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<const StoreModel> model, store_model_.Get(fresh, usable, make));
  return model->live;
}

absl::StatusOr<EngineAnswer> Engine::State::Answer(const EngineQuery& asked) {
  const Query& query = asked.query;
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store_->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(const LivePointer live, Live(snapshot));
  const std::int64_t now = query.now_us ? *query.now_us : now_us();
  if (!asked.filter.empty() && query.filter)
    return absl::InvalidArgumentError("EngineQuery.filter: want a text or a compiled filter, got both");
  std::shared_ptr<const Bitmap> filter = query.filter;
  if (!asked.filter.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(filter, live->Filter(asked.filter, filter_hits, filter_misses));
  }
  if (!asked.type.empty()) {
    auto of_type = live->Filter(TypeFilter(asked.type), filter_hits, filter_misses);
    if (!of_type.ok()) return internal::AddContext("EngineQuery.type", of_type.status());
    if (filter == nullptr) {
      filter = *std::move(of_type);
    } else if (filter->size() == (*of_type)->size()) {  // another size is refused below
      auto both = std::make_shared<Bitmap>(*filter);
      both->IntersectWith(**of_type);
      filter = std::move(both);
    }
  }
  thread_local serve::UserFacts facts;
  WAYPOST_RETURN_IF_ERROR(facts.Read(snapshot, *live, query, now));
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
  if (query.model != kPopularityName && (facts.history.empty() || !live->published())) {
    std::shared_ptr<const Ranks> trending;
    if (options_.trending_half_life_days > 0) {
      WAYPOST_ASSIGN_OR_RETURN(trending, TrendingNow(snapshot, live, now, query.now_us.has_value()));
    }
    WAYPOST_ASSIGN_OR_RETURN(
        answer.recommendation,
        serve::AnswerByChain(*live, trending == nullptr ? nullptr : &trending->ranks, indexed, facts, query.explain));
  } else {
    WAYPOST_ASSIGN_OR_RETURN(answer.recommendation, live->recommender().Answer(indexed, query.explain));
  }
  answer.recommendation.unknown_ids = facts.unknown_ids;
  answers[static_cast<std::size_t>(answer.recommendation.source)].Add();
  return answer;
}

absl::StatusOr<EngineAnswer> Engine::State::AnswerSimilar(const SimilarQuery& query) {
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store_->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(const LivePointer live, Live(snapshot));
  EngineAnswer answer{.recommendation = {}, .model = live->fingerprint(), .owner = live};
  WAYPOST_ASSIGN_OR_RETURN(answer.recommendation, live->recommender().Similar(query));
  return answer;
}

absl::Status Engine::State::FollowStore(const StoreSnapshot& snapshot, std::int64_t clock_us) {
  const std::uint64_t end = snapshot.end_row();
  if (trending_begun_ && end <= trending_row_) return absl::OkStatus();  // another question took a later snapshot
  std::uint64_t begin = trending_row_;
  if (!trending_begun_ || end - begin > options_.trending_events) begin = end - std::min(end, options_.trending_events);
  EventColumns columns;
  WAYPOST_RETURN_IF_ERROR(snapshot.ReadRows(begin, end, Parallelism(1), columns));
  for (std::size_t n = 0; n < columns.items.size(); ++n) {
    const Kind& kind = snapshot.kinds().at(columns.kinds[n]);
    if (kind.role != Role::kPositive) continue;
    const std::int64_t time = columns.times_us[n];
    // An event dated ahead counts from its arrival: a wrong clock must not trend for ever.
    trending_.Add(columns.items[n], kind.weight, time == kNoTime ? clock_us : std::min(time, clock_us));
  }
  trending_row_ = end;
  trending_begun_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Engine::State::Ranks>> Engine::State::MakeRanks(const StoreSnapshot& snapshot,
                                                                                     const LivePointer& live,
                                                                                     std::int64_t clock_us,
                                                                                     std::int64_t now_us) {
  const std::lock_guard lock(trending_mutex_);
  WAYPOST_RETURN_IF_ERROR(FollowStore(snapshot, clock_us));
  WAYPOST_ASSIGN_OR_RETURN(LiveModel::TrendingRanks made, live->RankTrending(trending_, now_us));
  return std::make_shared<const Ranks>(Ranks{live, now_us, std::move(made)});
}

absl::StatusOr<std::shared_ptr<const Engine::State::Ranks>> Engine::State::TrendingNow(const StoreSnapshot& snapshot,
                                                                                       const LivePointer& live,
                                                                                       std::int64_t now_us,
                                                                                       bool asked) {
  const std::int64_t clock_us = asked ? this->now_us() : now_us;
  const auto fresh = [&](const Ranks& ranks) {
    return ranks.live == live && now_us >= ranks.made_us &&
           now_us < LaterBy(ranks.made_us, options_.trending_refresh_us, 1);
  };
  // Those made a little before will do; of two moments that were asked for neither will do for the other.
  const auto usable = [&](const Ranks& ranks) { return ranks.live == live && !asked; };
  const auto make = [&](const std::shared_ptr<const Ranks>&) { return MakeRanks(snapshot, live, clock_us, now_us); };
  return (asked ? asked_ranks_ : ranks_).Get(fresh, usable, make);
}

absl::Status Engine::State::KeepImpressions(const EngineQuery& query, const EngineAnswer& answer) {
  if (query.request == 0) return absl::OkStatus();
  if (options_.store.access == StoreAccess::kRead)
    return absl::FailedPreconditionError("EngineQuery.request: want 0 in an engine opened to read, got another");
  if (!query.query.user) return absl::InvalidArgumentError("EngineQuery.request: want a user beside it, got none");
  const std::int64_t now = query.query.now_us ? *query.query.now_us : now_us();
  std::vector<Impression> shown;
  for (const Suggestion& suggestion : answer.recommendation.items) {
    shown.push_back({.request = query.request,
                     .user = *query.query.user,
                     .item = std::string(suggestion.id),
                     .kind = kImpression,
                     .rank = static_cast<std::uint16_t>(shown.size()),
                     .propensity = suggestion.propensity,
                     .model = answer.model,
                     .time_us = now});
    // One that the store refuses would keep all others from being written.
    if (const absl::Status status = store::CheckImpression(shown.back(), KindTable()); !status.ok())
      return internal::AddContext("EngineQuery.request", status);
  }
  const std::lock_guard lock(impressions_mutex_);
  if (impressions_.size() + shown.size() > kMaxKeptImpressions)
    return absl::ResourceExhaustedError(absl::StrCat("EngineQuery.request: want at most ", kMaxKeptImpressions,
                                                     " impressions kept, got more; FlushImpressions writes them"));
  impressions_.insert(impressions_.end(), std::make_move_iterator(shown.begin()), std::make_move_iterator(shown.end()));
  return absl::OkStatus();
}

absl::Status Engine::State::WriteImpressions() {
  const std::lock_guard writing(write_impressions_mutex_);
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
  const std::lock_guard writing(write_impressions_mutex_);  // none is on its way to the store
  const std::lock_guard lock(impressions_mutex_);
  std::erase_if(impressions_, [&](const Impression& impression) { return impression.user == user; });
}

absl::StatusOr<EngineStats> Engine::State::Stats() const {
  EngineStats stats;
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store_->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(stats.store, snapshot.Stats());
  std::optional<std::int64_t> published_us;
  {
    const std::lock_guard lock(published_mutex_);
    stats.model_error = model_error_;
    if (published_ != nullptr) {
      stats.model = published_->fingerprint();
      published_us = published_us_;
    }
  }
  // Outside the lock: the clock may be the host's. Clocks of two hosts may differ.
  if (published_us) stats.model_age_seconds = std::max(0.0, static_cast<double>(now_us() - *published_us) / 1e6);
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

}  // namespace waypost
