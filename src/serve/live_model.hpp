// serve/live_model.hpp - the model that answers, with all that an answer needs: one that was published, or, while there
// is none, the popularity of what the store holds.
#ifndef WAYPOST_SRC_SERVE_LIVE_MODEL_HPP_
#define WAYPOST_SRC_SERVE_LIVE_MODEL_HPP_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/counters.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/event_strength.hpp"
#include "waypost/rank/recommender.hpp"
#include "waypost/serve/trending.hpp"
#include "waypost/store/snapshot.hpp"

namespace waypost::serve {

// Thread-safe: all members may be called concurrently. Nothing that a reader can observe changes.
class LiveModel {
 public:
  // Opens a model file for the store as of `snapshot`.
  //   check        kStructure for a file that was verified before.
  //   fingerprint  of the file, as FingerprintOf gives it.
  //   weighting    of the file's training, where the file does not tell.
  static absl::StatusOr<std::shared_ptr<const LiveModel>> Open(const std::string& file, OpenCheck check,
                                                               std::uint64_t fingerprint,
                                                               const WeightingOptions& weighting,
                                                               const StoreSnapshot& snapshot);

  // The popularity of what the store holds: of its items and those of its catalogue, by the latest `most_events`
  // events, as TrainPopularity would have it of these. No item at all is no error.
  //
  //   weighting  with now_us where it has a half-life.
  //   before     what this gave for an earlier snapshot, or null: what did not change is taken from it.
  // Cost         O(events), and where items or the catalogue changed O(items).
  static absl::StatusOr<std::shared_ptr<const LiveModel>> OfStore(const StoreSnapshot& snapshot,
                                                                  const WeightingOptions& weighting,
                                                                  std::uint64_t most_events, const LiveModel* before);

  // The same model with another catalogue.
  absl::StatusOr<std::shared_ptr<const LiveModel>> WithCatalogueOf(const StoreSnapshot& snapshot) const;

  const Recommender& recommender() const { return recommender_; }
  // Whether it was published; otherwise OfStore made it.
  bool published() const { return published_; }
  std::uint64_t fingerprint() const { return fingerprint_; }  // 0: not published
  // How the events of a user become a history, but for the moment they are weighed at.
  const WeightingOptions& weighting() const { return weighting_; }
  std::uint64_t catalogue_version() const { return catalogue_version_; }

  // The node of PrerequisiteGraph for an item of the store: below the number of the model's items it is that item,
  // otherwise one of the catalogue alone; kEmptySlot: neither.
  std::uint32_t NodeOf(std::uint32_t stored) const { return stored < node_of_.size() ? node_of_[stored] : kEmptySlot; }

  // Returns the items that a filter lets pass; compiles it the first time.
  absl::StatusOr<std::shared_ptr<const Bitmap>> Filter(const std::string& text, Counter& hits, Counter& misses) const;

  // A recommender whose model "popularity" ranks by trending, and the items that trend at all.
  struct TrendingRanks {
    Recommender recommender;
    Bitmap items;
  };
  absl::StatusOr<TrendingRanks> RankTrending(const Trending& trending, std::int64_t now_us) const;

 private:
  struct Filters {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<const Bitmap>, std::less<>> compiled;
  };
  static constexpr std::size_t kMaxFilters = 256;  // kept; beyond, all are dropped and compiled anew

  explicit LiveModel(Recommender recommender) : recommender_(std::move(recommender)) {}
  static absl::StatusOr<std::shared_ptr<LiveModel>> Make(RecommenderParts parts, const StoreSnapshot& snapshot);
  absl::Status MapNodes(const StoreSnapshot& snapshot);
  RecommenderParts Parts() const;

  Recommender recommender_;
  bool published_ = false;
  std::uint64_t fingerprint_ = 0;
  std::uint64_t catalogue_version_ = 0;
  WeightingOptions weighting_;
  std::vector<std::uint32_t> node_of_;                              // by the store's index
  std::shared_ptr<Filters> filters_ = std::make_shared<Filters>();  // of the same items and catalogue
};

// Titles of a model's items: the catalogue's, and where it has none `otherwise`.
ItemTitles TitlesOf(const Catalogue& catalogue, const IdDictionary& items, const ItemTitles& otherwise);

// The checksum of a file.
absl::StatusOr<std::uint64_t> FingerprintOf(const std::string& file);

}  // namespace waypost::serve

#endif  // WAYPOST_SRC_SERVE_LIVE_MODEL_HPP_
