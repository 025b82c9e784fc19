// serve/live_model.hpp - a published model with all that an answer needs, made once at publication.
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
  static absl::StatusOr<std::shared_ptr<const LiveModel>> Open(const std::string& file, OpenCheck check,
                                                               std::uint64_t fingerprint,
                                                               const StoreSnapshot& snapshot);

  // The same model with another catalogue.
  absl::StatusOr<std::shared_ptr<const LiveModel>> WithCatalogueOf(const StoreSnapshot& snapshot) const;

  const Recommender& recommender() const { return recommender_; }
  const std::string& file() const { return file_; }
  std::uint64_t fingerprint() const { return fingerprint_; }
  std::uint64_t catalogue_version() const { return catalogue_version_; }

  // The node of PrerequisiteGraph for an item of the store: below the number of the model's items it is that item,
  // otherwise one of the catalogue alone; kEmptySlot: neither.
  std::uint32_t NodeOf(std::uint32_t stored) const { return stored < node_of_.size() ? node_of_[stored] : kEmptySlot; }

  // Returns the items that a filter lets pass; compiles it the first time.
  absl::StatusOr<std::shared_ptr<const Bitmap>> Filter(const std::string& text, Counter& hits, Counter& misses) const;

  // A recommender whose only model ranks by trending, and the items that trend at all.
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

  LiveModel(Recommender recommender, std::string file) : recommender_(std::move(recommender)), file_(std::move(file)) {}
  static absl::StatusOr<std::shared_ptr<const LiveModel>> Make(RecommenderParts parts, std::string file,
                                                               std::uint64_t fingerprint,
                                                               const StoreSnapshot& snapshot);
  RecommenderParts Parts() const;

  Recommender recommender_;
  std::string file_;
  std::uint64_t fingerprint_ = 0;
  std::uint64_t catalogue_version_ = 0;
  std::vector<std::uint32_t> node_of_;  // by the store's index
  std::unique_ptr<Filters> filters_ = std::make_unique<Filters>();
};

// Titles of a model's items: the catalogue's, and where it has none `otherwise`.
ItemTitles TitlesOf(const Catalogue& catalogue, const IdDictionary& items, const ItemTitles& otherwise);

// The checksum of a file.
absl::StatusOr<std::uint64_t> FingerprintOf(const std::string& file);

}  // namespace waypost::serve

#endif  // WAYPOST_SRC_SERVE_LIVE_MODEL_HPP_
