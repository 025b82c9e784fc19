// waypost/model/model_spec.hpp - every model by name: its options as text, its training, its cost before the work.
//
// The one table of model kinds and options. The tool's help, its --set, what tune searches, the metadata of a model
// file and the documents all come from here, so that a name, a default or a range is written once.
#ifndef WAYPOST_MODEL_MODEL_SPEC_HPP_
#define WAYPOST_MODEL_MODEL_SPEC_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/search_range.hpp"
#include "waypost/base/status.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/blend_options.hpp"
#include "waypost/model/ease_options.hpp"
#include "waypost/model/explicit_als_options.hpp"
#include "waypost/model/graph_filter_options.hpp"
#include "waypost/model/ials_options.hpp"
#include "waypost/model/item_knn_options.hpp"
#include "waypost/model/logistic_mf_options.hpp"
#include "waypost/model/pairwise_options.hpp"
#include "waypost/model/rp3beta_options.hpp"
#include "waypost/model/scorer.hpp"
#include "waypost/model/slim_options.hpp"
#include "waypost/model/sparse_ease_options.hpp"
#include "waypost/model/training.hpp"
#include "waypost/model/user_knn_options.hpp"

namespace waypost {

// Popularity has no options of its own: decay and duplicates belong to the weighting of the matrix.
struct PopularityOptions {
  friend bool operator==(const PopularityOptions&, const PopularityOptions&) = default;
};

using ModelOptions = std::variant<PopularityOptions, ItemKnnOptions, IalsOptions, EaseOptions, GfCfOptions, BspmOptions,
                                  BprOptions, WarpOptions, SparseEaseOptions, SlimOptions, Rp3BetaOptions, BlendOptions,
                                  ExplicitAlsOptions, UserKnnOptions, LogisticMfOptions>;

// One name = value pair of a model's options.
using OptionSetting = std::pair<std::string, std::string>;

// One option as help and documents show it.
struct OptionInfo {
  std::string_view name;
  std::string default_value;
  std::string range;      // "1..4096", "cosine, tfidf, bm25, degree"
  std::string_view help;  // one sentence
  SearchRange search{};   // where a search looks for it; none for what is a choice of cost or of the algorithm
};

// Every kind that can be trained: "popularity", "item-knn", "ials", "ease", "gf-cf", "bspm", "bpr", "warp",
// "sparse-ease", "slim", "rp3beta", "blend", "explicit-als", "user-knn", "logistic-mf".
std::span<const std::string_view> ModelKinds();

// The kind that these options train.
std::string_view ModelKind(const ModelOptions& options);

// Whether a model of these options holds the interactions it was trained on, without ids: it cannot do without them.
bool HoldsInteractions(const ModelOptions& options);

// Returns the options of a kind in the order of its help; empty for a kind without options.
// Errors  kInvalidArgument: unknown kind; lists the known ones.
absl::StatusOr<std::vector<OptionInfo>> OptionTable(std::string_view kind);

// Returns the options of `kind` with `settings` applied over the defaults, validated.
// Errors  kInvalidArgument: unknown kind or name (lists the known ones), a name given twice, text that is no value of
//         the option's type, a value out of range, an option that the others make ineffective.
absl::StatusOr<ModelOptions> ParseModelOptions(std::string_view kind, std::span<const OptionSetting> settings);

// Returns every option that has an effect, with its value, in the order of OptionTable; ParseModelOptions of the result
// gives the same training.
std::vector<OptionSetting> FormatOptions(const ModelOptions& options);

struct TrainedModel {
  std::shared_ptr<const Scorer> scorer;
  std::vector<double> loss;  // after each epoch; empty for a model without an objective
  int epochs = 0;            // the epoch that was kept; 0 for a model trained in one pass
  ModelOptions options{};    // as asked, with what was left to the training filled in
};

// Trains the model that `options` names.
// Errors  those of the trainer; kCancelled; kResourceExhausted: PlanModel is above TrainingControl::memory_limit_bytes
//         (said before the work begins, with the kinds that would fit), or memory ends.
absl::StatusOr<TrainedModel> TrainModel(const InteractionMatrix& matrix, const ModelOptions& options,
                                        const TrainingControl& control = {}, const Parallelism& parallelism = {});

// What a training will need: estimates made before any work, from the sizes alone, and meant to lie above the truth.
// The number of item pairs with a common user, which decides for item-knn, is taken as 3 entries^2 / users: 1.9 on
// gowalla, and never above items^2. Counts that overflow are reported as the largest number.
struct ModelPlan {
  std::uint64_t bytes_peak = 0;   // while training, the matrix in both orientations included
  std::uint64_t bytes_model = 0;  // of the trained model in memory and, without ids and titles, in its file
  double flops = 0;               // additions and multiplications of the whole training
  double scattered_flops = 0;     // those of them that wait for memory: sums under scattered indices
};
ModelPlan PlanModel(std::uint64_t users, std::uint64_t items, std::uint64_t entries, const ModelOptions& options);

// The plan for a matrix: its pairs of items with a common user are counted where they decide.
// Errors  throws std::bad_alloc.
// Cost    that of its sizes alone for most kinds; for item-knn, rp3beta, sparse-ease and slim a pass over the pairs, a
//         fifth of a training of item-knn.
ModelPlan PlanModel(const InteractionMatrix& matrix, const ModelOptions& options, const Parallelism& parallelism = {});

}  // namespace waypost

#endif  // WAYPOST_MODEL_MODEL_SPEC_HPP_
