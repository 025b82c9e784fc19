// waypost/serve/engine.hpp - a recommender over a folder: what users do goes in, and the next question knows it.
//
// Recommend    reads the user's history from the store as it is now and folds it into the published model: an event
//              acknowledged before the call counts. Where the model knows nothing of what the user did, a chain answers
//              and each suggestion names its link: trending (what others do now), popular in the categories of what the
//              user has met, popular. A user whom the store does not know is such a user.
// No model     Until one is published the chain answers everybody, by popularity of the store's items and its
// catalogue's:
//              from the first event or the first catalogue on, and with no item and a reason from an empty store.
// Models       are files that Train writes and Publish makes current, here at once and in other processes with their
//              next Reload. A question is answered by one model from beginning to end; it keeps that model alive, and
//              waits for nobody. Models trained here hold item vectors only: users are folded in from the store, so
//              that nothing has to be retrained when one is forgotten.
// Processes    As the store: one engine with StoreAccess::kWrite, any number with kRead. In one process any number of
//              engines. After fork() the child's calls are kFailedPrecondition; it opens engines of its own.
// Clock        The engine fills Query::now and times what it does with the system's clock, or the host's.
// Threads      It starts none. Recommend and Similar work on the calling thread; Train uses EngineOptions::parallelism.
// Checked by   tests/unit/serve_engine_test.cpp.
#ifndef WAYPOST_SERVE_ENGINE_HPP_
#define WAYPOST_SERVE_ENGINE_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/counters.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/rank/query.hpp"
#include "waypost/rank/recommender.hpp"
#include "waypost/store/store.hpp"

namespace waypost {

// Options of Engine::Open. Aggregate: use designated initializers.
struct EngineOptions {
  // -- behaviour --
  StoreOptions store = {.access = StoreAccess::kWrite};
  // How events become strengths in Train. A user's history is weighed as the model file says that it was trained, and
  // so only where the file does not tell. `now_us` must be unset: it is the moment of each call.
  WeightingOptions weighting = {};
  // Days after which an event counts half towards trending; 0: no trending. 1..14 is usual.
  double trending_half_life_days = 3;
  // -- speed --
  // Trending, and popularity without a model, are brought up to date at most this often, by the question that needs
  // them; popularity of more than 65,536 items and events proportionally less often, but at once where the catalogue
  // changed or events grew by half.
  std::int64_t trending_refresh_us = 1'000'000;
  // The first time, trending reads so many of the latest events; popularity without a model counts so many.
  std::uint64_t trending_events = std::uint64_t{1} << 18;
  // Threads of Train and Publish: a number, or an arena of the host's, which must then outlive the engine.
  Parallelism parallelism = {};
  // -- reproducibility --
  // Microseconds since 1970-01-01 UTC; empty: the system's clock.
  std::function<std::int64_t()> clock_us = {};
};
absl::Status Validate(const EngineOptions& options);

// A question to an engine: a Query and what an engine adds. Of the query, `now_us` may be unset, `history` adds to what
// the store has, and `completed` and `in_progress` to what it has of events that complete and of items met.
struct EngineQuery {
  Query query = {};
  // An attribute filter (rank/filter.hpp) as text; the engine keeps what it compiles. Not beside query.filter.
  std::string filter = {};
  // Only items of this type of the catalogue ("course", "project", "person"); beside any filter. Empty: of every type.
  std::string type = {};
  // Other than 0: the answer is kept as impressions of this request, with rank, propensity and model, and written with
  // the next call that records, or by FlushImpressions.
  std::uint64_t request = 0;
};

// What comes back.
struct EngineAnswer {
  // With a chain of fallbacks `source` is that of the first suggestion; each suggestion has its own.
  Recommendation recommendation;
  std::uint64_t model = 0;            // fingerprint of the model that answered; 0: none is published
  std::shared_ptr<const void> owner;  // keeps the views in `recommendation` alive
};

// What to train. Aggregate: use designated initializers.
struct TrainSpec {
  std::string file;  // where the model file goes
  ModelOptions model = IalsOptions{};
  TrainingControl control = {};
};

struct TrainReport {
  std::string file;
  std::uint64_t events = 0;
  std::uint64_t users = 0;
  std::uint64_t items = 0;
  std::uint64_t pairs = 0;
  int epochs = 0;
  std::vector<double> loss;
};

// Counts since the engine was opened, and what it holds now.
struct EngineStats {
  StoreStats store;
  std::uint64_t model = 0;                       // fingerprint of the published model; 0: none
  std::string model_error = {};                  // why the model on record could not be opened; empty: it was
  std::optional<double> model_age_seconds = {};  // since it was published
  std::uint64_t recorded_events = 0;
  std::uint64_t repeated_events = 0;
  std::uint64_t answers[5] = {};  // by Source of the first suggestion
  std::uint64_t errors = 0;       // calls of Recommend and Similar that returned one
  std::uint64_t filter_hits = 0;  // filters found compiled
  std::uint64_t filter_misses = 0;
  HistogramSnapshot recommend_ns;
  HistogramSnapshot similar_ns;
  HistogramSnapshot record_ns;
};

// A handle.
//
// Thread-safe: all members may be called concurrently. A question sees the model published last and every event
// acknowledged before it; one that runs during a Publish sees the old model or the new one, whole.
class Engine {
 public:
  // Opens the store in `folder`, made where there is none and access is kWrite, and the model published there.
  //
  // Errors  as Store::Open; kInvalidArgument: options.  A model on record that cannot be opened is no error: questions
  //         are answered as if none were published, and EngineStats::model_error says why.
  // Cost    that of Store::Open, and O(items) for the published model.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const std::string& folder, EngineOptions options = {});

  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The store beneath: catalogue, user attributes, maintenance, backup.
  Store& store();

  // Adds events, and the impressions kept. On return they are as safe as the store's durability says, and every later
  // question knows them.
  // Errors  as Store::Append and Store::AppendImpressions; no event is kept then, and the impressions are kept on.
  absl::StatusOr<AppendResult> Record(std::span<const Event> events, const Delivery& delivery = {});

  // Answers a question about a user. Rules hold along the whole chain of fallbacks; its links stay in their order, and
  // value weights, diversity and exploration choose within a link. Diversity by a model, while none is published, is by
  // the catalogue where there is one.
  //
  // Errors  those of Recommender::Recommend and of CompileFilter; the store's; kFailedPrecondition: a request in an
  //         engine opened with kRead, which cannot keep impressions; a rule of the catalogue where the store has none.
  // Cost    a snapshot, the user's history, a fold-in and a search. Now and then, while no model is published,
  // O(items).
  absl::StatusOr<EngineAnswer> Recommend(const EngineQuery& query);

  // Returns the items most similar to one. Without a filter of attributes: Recommender::Similar. While no model is
  // published nothing is known to be similar.
  absl::StatusOr<EngineAnswer> Similar(const SimilarQuery& query);

  // Writes the impressions kept so far.
  // Errors  as Store::AppendImpressions; they are then kept on.
  absl::Status FlushImpressions();

  // Trains on the events of the store as of now and writes a model file, with a popularity model beside; events go on
  // meanwhile. The file holds nothing of any user. Publishes nothing.
  // Errors  those of the trainer and of SaveBundle; kFailedPrecondition: no positive event.  kInvalidArgument: also a
  //         kind whose model holds the interactions of its training.
  absl::StatusOr<TrainReport> Train(const TrainSpec& spec);

  // Makes a model file the current one and puts it on the store's record, from which other processes load it. The file
  // stays in use: it must not be changed in place.
  // Errors  those of OpenBundle; kFailedPrecondition: opened with kRead.
  // Cost    reads the whole file; O(items).
  absl::Status Publish(const std::string& file);

  // Loads the model on record, if another process published one, and the catalogue where it changed. Titles
  // are those of the catalogue, and where it has none the model file's.
  // Errors  those of OpenBundle; the engine goes on with what it has.
  absl::Status Reload();

  // Forgets a user; what is kept of impressions too.
  absl::StatusOr<ForgetReport> Forget(std::string_view user);

  // Store::Compact with now_us, where it is not set, from the clock.
  absl::StatusOr<CompactReport> Compact(CompactOptions options = {});

  absl::StatusOr<EngineStats> Stats() const;

  // The same as text that Prometheus reads.
  absl::StatusOr<std::string> PrometheusMetrics() const;

 private:
  class State;
  explicit Engine(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace waypost

#endif  // WAYPOST_SERVE_ENGINE_HPP_
