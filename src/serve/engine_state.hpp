// serve/engine_state.hpp - what an engine keeps: the store, the model that answers, trending, impressions, counters.
#ifndef WAYPOST_SRC_SERVE_ENGINE_STATE_HPP_
#define WAYPOST_SRC_SERVE_ENGINE_STATE_HPP_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/live_model.hpp"
#include "serve/refreshed.hpp"
#include "waypost/serve/engine.hpp"
#include "waypost/serve/trending.hpp"

namespace waypost {

// Thread-safe: all members may be called concurrently, as the class says that it serves.
class Engine::State {
 public:
  State(EngineOptions options, std::unique_ptr<Store> store);

  const EngineOptions& options() const { return options_; }
  Store& store() const { return *store_; }
  std::int64_t now_us() const;

  // Loads the model on record where it, or the catalogue, is not what answers now.
  absl::Status LoadPublished();
  // Opens a model file and puts it on record.
  absl::Status Publish(const std::string& path);
  // Whether the model on record answers, and if not why.
  void SetModelError(const absl::Status& loaded);

  absl::StatusOr<EngineAnswer> Answer(const EngineQuery& query);
  absl::StatusOr<EngineAnswer> AnswerSimilar(const SimilarQuery& query);

  absl::Status KeepImpressions(const EngineQuery& query, const EngineAnswer& answer);
  absl::Status WriteImpressions();
  void DropImpressionsOf(std::string_view user);

  absl::StatusOr<EngineStats> Stats() const;

  std::mutex publish_mutex;  // one publication at a time; readers never take it

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
  using LivePointer = std::shared_ptr<const serve::LiveModel>;

  // Trending ranks of one model, made at one moment.
  struct Ranks {
    LivePointer live;
    std::int64_t made_us = 0;
    serve::LiveModel::TrendingRanks ranks;
  };
  // What answers while nothing is published, made of the store as of one version.
  struct StoreModel {
    LivePointer live;
    std::uint64_t version = 0;
    std::uint64_t rows = 0;
    std::int64_t made_us = 0;
    std::int64_t until_us = 0;  // good enough for a store that has grown by less than half
  };

  LivePointer Published() const;
  void SetPublished(LivePointer live, std::optional<std::int64_t> published_us);
  // The model that answers.
  absl::StatusOr<LivePointer> Live(const StoreSnapshot& snapshot);
  //   asked   whether now_us is a moment of the question's own, and not the clock's.
  absl::StatusOr<std::shared_ptr<const Ranks>> TrendingNow(const StoreSnapshot& snapshot, const LivePointer& live,
                                                           std::int64_t now_us, bool asked);
  absl::StatusOr<std::shared_ptr<const Ranks>> MakeRanks(const StoreSnapshot& snapshot, const LivePointer& live,
                                                         std::int64_t clock_us, std::int64_t now_us);
  absl::Status FollowStore(const StoreSnapshot& snapshot, std::int64_t clock_us);

  EngineOptions options_;
  std::unique_ptr<Store> store_;

  mutable std::mutex published_mutex_;  // for the copy of a pointer: nobody waits for a publication
  LivePointer published_;               // null: none
  std::string model_error_;
  std::optional<std::int64_t> published_us_;  // as the store's record says

  serve::Refreshed<StoreModel> store_model_;
  serve::Refreshed<Ranks> ranks_;
  serve::Refreshed<Ranks> asked_ranks_;  // of questions with a moment of their own, which leave the others theirs
  std::mutex trending_mutex_;            // guards what follows; the host's clock is not called under it
  Trending trending_;
  std::uint64_t trending_row_ = 0;  // the store was read up to here
  bool trending_begun_ = false;

  std::mutex write_impressions_mutex_;  // one call writes them; taken before the next
  std::mutex impressions_mutex_;
  std::vector<Impression> impressions_;
};

}  // namespace waypost

#endif  // WAYPOST_SRC_SERVE_ENGINE_STATE_HPP_
