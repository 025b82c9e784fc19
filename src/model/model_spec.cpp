// Every model by name: training and cost. The options as text are in model_options.cpp. The heavy templates of the
// trainers are compiled here and nowhere else.
#include "waypost/model/model_spec.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <optional>

#include <oneapi/tbb/enumerable_thread_specific.h>

#include "base/memory.hpp"
#include "waypost/model/blend.hpp"
#include "waypost/model/blend_weights.hpp"
#include "waypost/model/ease.hpp"
#include "waypost/model/explicit_als.hpp"
#include "waypost/model/graph_filter.hpp"
#include "waypost/model/ials.hpp"
#include "waypost/model/item_knn.hpp"
#include "waypost/model/logistic_mf.hpp"
#include "waypost/model/pairwise.hpp"
#include "waypost/model/popularity.hpp"
#include "waypost/model/rp3beta.hpp"
#include "waypost/model/slim.hpp"
#include "waypost/model/sparse_ease.hpp"
#include "waypost/model/user_knn.hpp"

namespace waypost {
namespace {

struct Train {
  const InteractionMatrix& matrix;
  const TrainingControl& control;
  const Parallelism& parallelism;

  absl::StatusOr<TrainedModel> operator()(const PopularityOptions&) const {
    WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
    WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
    TrainedModel trained{.scorer = std::make_shared<const PopularityModel>(TrainPopularity(matrix)),
                         .loss = {},
                         .options = PopularityOptions{}};
    WAYPOST_RETURN_IF_ERROR(ReportProgress(control, {.epoch = 1, .epochs = 1}));
    return trained;
  }

  absl::StatusOr<TrainedModel> operator()(const ItemKnnOptions& options) const {
    return OnePass(TrainItemKnn(matrix, options, control, parallelism), options);
  }

  absl::StatusOr<TrainedModel> operator()(const IalsOptions& options) const {
    if (control.resume != nullptr) WAYPOST_RETURN_IF_ERROR(ValidateSameOptions(options));
    WAYPOST_ASSIGN_OR_RETURN(IalsTraining training, TrainIals(matrix, options, control, parallelism));
    const IalsOptions used = training.model.options();
    return TrainedModel{.scorer = std::make_shared<const IalsModel>(std::move(training.model)),
                        .loss = std::move(training.loss),
                        .epochs = training.epochs,
                        .options = used};
  }

  absl::StatusOr<TrainedModel> operator()(const EaseOptions& options) const {
    return OnePass(TrainEase(matrix, options, control, parallelism), options);
  }
  absl::StatusOr<TrainedModel> operator()(const GfCfOptions& options) const {
    return OnePass(TrainGfCf(matrix, options, control, parallelism), options);
  }
  absl::StatusOr<TrainedModel> operator()(const BspmOptions& options) const {
    return OnePass(TrainBspm(matrix, options, control, parallelism), options);
  }
  absl::StatusOr<TrainedModel> operator()(const SparseEaseOptions& options) const {
    return OnePass(TrainSparseEase(matrix, options, control, parallelism), options);
  }
  absl::StatusOr<TrainedModel> operator()(const SlimOptions& options) const {
    return OnePass(TrainSlim(matrix, options, control, parallelism), options);
  }
  absl::StatusOr<TrainedModel> operator()(const Rp3BetaOptions& options) const {
    return OnePass(TrainRp3Beta(matrix, options, control, parallelism), options);
  }

  absl::StatusOr<TrainedModel> operator()(const BlendOptions& options) const {
    WAYPOST_ASSIGN_OR_RETURN(BlendModel model, TrainBlend(matrix, options, control, parallelism));
    const BlendOptions used = model.options();
    return OnePass(absl::StatusOr<BlendModel>(std::move(model)), used);
  }

  absl::StatusOr<TrainedModel> operator()(const ExplicitAlsOptions& options) const {
    return OnePass(TrainExplicitAls(matrix, options, control, parallelism), options);
  }

  absl::StatusOr<TrainedModel> operator()(const UserKnnOptions& options) const {
    return OnePass(TrainUserKnn(matrix, options, control), options);
  }

  absl::StatusOr<TrainedModel> operator()(const LogisticMfOptions& options) const {
    WAYPOST_ASSIGN_OR_RETURN(LogisticMfTraining training, TrainLogisticMf(matrix, options, control, parallelism));
    return TrainedModel{.scorer = std::make_shared<const LogisticMfModel>(std::move(training.model)),
                        .loss = {},
                        .epochs = training.epochs,
                        .options = options};
  }

  template <typename Model>
  static absl::StatusOr<TrainedModel> OnePass(absl::StatusOr<Model> model, const ModelOptions& options) {
    if (!model.ok()) return model.status();
    return TrainedModel{.scorer = std::make_shared<const Model>(*std::move(model)), .loss = {}, .options = options};
  }

  absl::StatusOr<TrainedModel> operator()(const BprOptions& options) const { return TrainPairs(options); }
  absl::StatusOr<TrainedModel> operator()(const WarpOptions& options) const { return TrainPairs(options); }

  template <typename Options>
  absl::StatusOr<TrainedModel> TrainPairs(const Options& options) const {
    WAYPOST_ASSIGN_OR_RETURN(PairwiseTraining training, TrainPairwise(matrix, options, control, parallelism));
    return TrainedModel{.scorer = std::make_shared<const PairwiseModel>(std::move(training.model)),
                        .loss = {},
                        .epochs = training.epochs,
                        .options = options};
  }

  // Names the first option but `epochs` in which `options` differ from those of the state to resume.
  absl::Status ValidateSameOptions(const IalsOptions& options) const {
    WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
    IalsOptions state = control.resume->options;
    state.epochs = options.epochs;
    const std::vector<OptionSetting> want = FormatOptions(state);
    const std::vector<OptionSetting> got = FormatOptions(EffectiveOptions(matrix, options));
    const auto [first, other] = std::mismatch(want.begin(), want.end(), got.begin(), got.end());
    if (first == want.end() && other == got.end()) return absl::OkStatus();
    const auto shown = [](const auto& at, const auto& end) {
      return at == end ? std::string("none") : absl::StrCat(at->first, " ", at->second);
    };
    return absl::InvalidArgumentError(absl::StrCat("TrainingControl.resume: want the options of the state, ",
                                                   shown(first, want.end()), ", got ", shown(other, got.end())));
  }
};

struct ValidateOptions {
  absl::Status operator()(const PopularityOptions&) const { return absl::OkStatus(); }
  template <typename Options>
  absl::Status operator()(const Options& options) const {
    return Validate(options);
  }
};

// Works in float64, where a count cannot overflow.
struct Plan {
  double users;
  double items;
  double entries;
  std::optional<double> counted_pairs{};  // of items with a common user, where they were counted

  struct Cost {
    double peak = 0;
    double model = 0;
    double flops = 0;
    double scattered = 0;  // of them
  };

  // Columns and values of both orientations, and their offsets.
  double matrix_bytes() const { return 16 * entries + 8 * (users + items); }

  Cost operator()(const PopularityOptions&) const {
    return {.peak = matrix_bytes() + 4 * items, .model = 4 * items, .flops = entries, .scattered = entries};
  }

  double additions() const { return 4 * entries * entries / std::max(users, 1.0); }
  double pairs() const { return counted_pairs.value_or(std::min(0.75 * additions(), items * items)); }

  // A sparse product of which `neighbours` entries a row are kept, 0 for all, and of these a share.
  Cost Product(double neighbours, double mass) const {
    const double rows = neighbours > 0 ? std::min(pairs(), items * neighbours) : pairs();
    const double kept = std::min(rows, pairs() * mass);
    const double model = 8 * kept + 8 * items;
    // A share is taken on the target side and then transposed: both orientations exist at once.
    const double built = mass < 1 ? 8 * pairs() * mass : 0;
    const double flops = 2 * additions() + 4 * pairs();
    return {.peak = matrix_bytes() + built + model, .model = model, .flops = flops, .scattered = flops};
  }
  Cost operator()(const ItemKnnOptions& options) const { return Product(options.neighbours, options.neighbour_mass); }
  Cost operator()(const Rp3BetaOptions& options) const { return Product(options.neighbours, 1); }

  // A regression for each item: the product is kept until the weights are found, which are then transposed.
  Cost Regression(double neighbours, double solver_flops) const {
    const double candidates = std::min(neighbours, items);
    const double model = 8 * std::min(pairs(), items * candidates) + 8 * items;
    const double gathered = pairs() / std::max(items, 1.0) * candidates;
    const double equations = 4 * candidates * candidates * AllowedThreads();
    return {.peak = matrix_bytes() + model + std::max(8 * pairs() + 8 * items + equations, model),
            .model = model,
            .flops = 2 * additions() + 4 * pairs() + items * (2 * gathered + solver_flops)};
  }
  Cost operator()(const SparseEaseOptions& options) const {
    const double n = std::min<double>(options.neighbours, items);
    return Regression(n, 2 * n * n * n / 3 + 4 * n * n);
  }
  Cost operator()(const SlimOptions& options) const {
    const double n = std::min<double>(options.neighbours, items);
    Cost cost = Regression(n, 2 * n * n * options.passes);
    cost.scattered = cost.flops;
    return cost;
  }

  Cost operator()(const IalsOptions& options) const {
    const double d = options.dimensions;
    const double stride = std::ceil(d / 16) * 16;
    const double factors = 4 * (users + items) * stride;
    const double model = factors + 8 * d;
    const double mean = entries / std::max(users + items, 1.0) * 2;
    const double steps = options.solver == IalsSolver::kCg ? options.cg_steps.value_or(kDefaultCgSteps) : 0;
    // Rows of both sides: conjugate gradients, n x n systems, or d x d systems for rows longer than d.
    const double row = steps > 0  ? 4 * (steps + 1) * mean * d
                       : mean < d ? 2 * 3 * mean * mean * (d + mean)
                                  : 2 * d * d * (mean + d / 3);
    const double epoch = 4 * (users + items) * d * d + 36 * d * d * d + row * (users + items);
    return {.peak = matrix_bytes() + factors + 40 * d * d, .model = model, .flops = (options.epochs + 1) * epoch};
  }

  Cost operator()(const EaseOptions&) const {
    const double size = std::ceil(items / 16) * 16;
    const double model = 4 * items * size;
    const double panels = static_cast<double>(SymmetricSweeper::kBytesAnIndex) * size;
    return {.peak = matrix_bytes() + 4 * size * size + panels, .model = model, .flops = size * size * size};
  }

  Cost operator()(const GfCfOptions& options) const { return GraphFilter(options); }
  Cost operator()(const BspmOptions& options) const { return GraphFilter(options); }

  template <typename Options>
  Cost GraphFilter(const Options& options) const {
    const double wide = std::min(static_cast<double>(options.dimensions) + kSvdOversampling, std::max(items, 1.0));
    const double stride = std::ceil(wide / 16) * 16;
    const double scales = 4 * (users + items);
    const double tables = 4 * items * std::ceil(options.dimensions / 16.0) * 16;
    // The Gramian of either side is summed in parts of at least 4096 rows, at most 64 tiles of 128 x 128 in all.
    const double tiles = std::ceil(stride / 128);
    const double parts = std::clamp(std::floor(std::max(users, items) / 4096), 1.0,
                                    std::max(1.0, std::floor(128 / (tiles * (tiles + 1)))));
    const double dense = (8 * parts + 8 * 3 + 4) * stride * stride;
    const double decomposed = 4 * (users + items) * stride + dense;
    const double finished = tables + std::max(4 * items * stride, tables);
    const double pass = 4 * entries * stride + 6 * items * stride * stride + 18 * stride * stride * stride;
    return {.peak = matrix_bytes() + scales + std::max(decomposed, finished),
            .model = matrix_bytes() + scales + tables,
            .flops = (options.iterations + 1) * pass};
  }

  // The parts' models stay while the next is trained. To learn weights all are trained before, on another matrix, and
  // score users whose best items are kept.
  Cost operator()(const BlendOptions& options) const {
    Cost sum;
    for (const BlendPart& part : options.parts) {
      const absl::StatusOr<ModelOptions> own = PartOptions(part, options.seed);
      if (!own.ok()) continue;
      const Cost cost = std::visit(*this, *own);
      sum.peak = std::max(sum.peak, sum.model + cost.peak);
      sum.model += cost.model;
      sum.flops += cost.flops;
      sum.scattered += cost.scattered;
    }
    if (options.weights) return sum;
    const double parts = static_cast<double>(options.parts.size());
    const double scores = 4 * static_cast<double>(internal::kBlendUserBlock) * items * parts;
    const double candidates = std::min(items, static_cast<double>(internal::kBlendCandidates) * parts);
    const double samples = std::min(users, static_cast<double>(internal::kBlendUsers)) * candidates * (5 + 4 * parts);
    sum.peak = std::max(sum.peak + matrix_bytes(), sum.model + 2 * matrix_bytes() + scores + samples);
    sum.flops *= 2;
    sum.scattered *= 2;
    return sum;
  }

  Cost operator()(const ExplicitAlsOptions& options) const {
    constexpr double kScalar = 8;  // small systems in float64, whose operations take so many times as long
    const double d = options.dimensions + 1;
    const double packed = d * (d + 1) / 2;
    const double directions = std::min<double>(options.implicit_dimensions, std::min(users, items));
    const double wide = std::ceil((directions + (directions > 0 ? kSvdOversampling : 0)) / 16) * 16;
    const double row = 4 * (2 * d + packed + directions + 1);  // means of both kinds, covariance, features
    const double features = directions + 1;
    const double sums = 8 * 32 * std::max(features * (features + 1) / 2, features * d);  // parts of sums over rows
    const double trained = (users + items) * row + 4 * items * (d + directions) + sums;
    const double padded = 4 * (std::ceil((d + 1) / 16) * 16 * 2 + std::ceil(packed / 16) * 16);
    const double model = items * padded + 4 * users * std::ceil((d + 1) / 16) * 16;
    return {.peak = matrix_bytes() + std::max(4 * (users + items) * wide + 4 * (users + items) * (directions + 1),
                                              trained + model + 4 * users * (d + 1) + 2 * items * 16),
            .model = model,
            .flops = options.epochs * kScalar * (6 * d * d * entries + 2 * d * d * d * (2 * users + items))};
  }

  // The model shares the matrix.
  Cost operator()(const UserKnnOptions&) const {
    const double model = matrix_bytes() + 4 * (users + items);
    return {.peak = model, .model = model, .flops = 4 * entries, .scattered = 0};
  }

  Cost operator()(const LogisticMfOptions& options) const {
    constexpr double kProducts = 2 * 2 * 11.0;  // of a Newton step with each row: conjugate gradients, the gradient
    constexpr double kFoldIn = 6;               // Newton steps of a fold-in
    const double stride = std::ceil(options.dimensions / 16.0) * 16;
    const double factors = 4 * (users + items) * stride;
    const double of_items = options.background > 0 ? std::min<double>(options.background, items) : items;
    const double of_users = options.background > 0 ? std::min<double>(options.background, users) : users;
    const double user_side = (users * of_items + entries) * kProducts * options.dimensions;
    const double item_side = (items * of_users + entries) * kProducts * options.dimensions;
    // Codes and order of the index over the items: at most 2 bytes an element.
    return {.peak = matrix_bytes() + factors + 4 * (of_items + of_users) * stride + 2 * items * stride,
            .model = factors,
            .flops = options.epochs * (user_side + item_side) + kFoldIn * user_side};
  }

  Cost operator()(const PairwiseOptions& options) const {
    const double d = options.dimensions;
    const double stride = std::ceil(d / 16) * 16;
    const double factors = 4 * (users + items) * stride;
    const double visits = 12 * entries + 8 * (users + items);
    const double step = options.loss == PairwiseLoss::kBpr ? 10 * d : (6 + options.max_trials) * d;
    const double visited = (options.epochs + 6) * entries;  // the fold-ins at the end
    // Codes and order of the index over the items: at most 2 bytes an element.
    return {.peak = matrix_bytes() + factors + visits + 2 * items * stride,
            .model = factors,
            .flops = visited * step + 8 * entries * d + 3 * items * d * d};
  }
};

// Ordered pairs of different items with a common user.
std::uint64_t CountItemPairs(const InteractionMatrix& matrix, const Parallelism& parallelism) {
  constexpr std::size_t kRowBlock = 64;
  oneapi::tbb::enumerable_thread_specific<internal::DistinctCounter> counters(matrix.items());
  return ReduceBlocks(
      parallelism, matrix.items(), kRowBlock, std::uint64_t{0},
      [&](std::size_t begin, std::size_t end) {
        internal::DistinctCounter& counter = counters.local();
        std::uint64_t pairs = 0;
        for (std::size_t item = begin; item < end; ++item) {
          counter.Begin(static_cast<std::uint32_t>(item));
          for (std::uint32_t user : matrix.item_user().row(item).columns)
            counter.Add(matrix.user_item().row(user).columns);
          pairs += counter.count();
        }
        return pairs;
      },
      [](std::uint64_t& sum, std::uint64_t pairs) { sum += pairs; });
}

// Whether the number of item pairs with a common user decides what a training needs.
bool DependsOnPairs(const ModelOptions& options) {
  if (const auto* blend = std::get_if<BlendOptions>(&options))
    return std::any_of(blend->parts.begin(), blend->parts.end(), [&](const BlendPart& part) {
      const absl::StatusOr<ModelOptions> own = PartOptions(part, blend->seed);
      return own.ok() && DependsOnPairs(*own);
    });
  return std::holds_alternative<ItemKnnOptions>(options) || std::holds_alternative<Rp3BetaOptions>(options) ||
         std::holds_alternative<SparseEaseOptions>(options) || std::holds_alternative<SlimOptions>(options);
}

std::uint64_t ToCount(double value) {
  constexpr double kEnd = 0x1p64;
  return value < kEnd ? static_cast<std::uint64_t>(value) : std::numeric_limits<std::uint64_t>::max();
}

ModelPlan ToModelPlan(const Plan& plan, const ModelOptions& options) {
  const Plan::Cost cost = std::visit(plan, options);
  return {.bytes_peak = ToCount(cost.peak),
          .bytes_model = ToCount(cost.model),
          .flops = cost.flops,
          .scattered_flops = cost.scattered};
}

std::string Megabytes(std::uint64_t bytes) {
  return absl::StrCat(static_cast<double>(bytes / 100'000) / 10, " MB");
}

// The other kinds whose defaults stay within the limit, by the sizes alone.
std::string KindsThatFit(const InteractionMatrix& matrix, const ModelOptions& options, std::uint64_t limit) {
  std::string names;
  for (std::string_view kind : ModelKinds()) {
    const absl::StatusOr<ModelOptions> other = ParseModelOptions(kind, {});
    if (!other.ok() || other->index() == options.index()) continue;
    if (PlanModel(matrix.users(), matrix.items(), matrix.entries(), *other).bytes_peak > limit) continue;
    absl::StrAppend(&names, names.empty() ? "" : ", ", internal::ToAbsl(kind));
  }
  return names.empty() ? "none" : names;
}

// The counted plan is asked for only where that of the sizes alone is too large.
absl::Status CheckMemory(const InteractionMatrix& matrix, const ModelOptions& options, std::uint64_t given,
                         const Parallelism& parallelism) {
  ModelPlan plan = PlanModel(matrix.users(), matrix.items(), matrix.entries(), options);
  const Plan sizes{static_cast<double>(matrix.users()), static_cast<double>(matrix.items()),
                   static_cast<double>(matrix.entries())};
  const std::uint64_t limit =
      given > 0 ? given : ToCount(static_cast<double>(internal::AvailableMemory()) + sizes.matrix_bytes());
  if (plan.bytes_peak <= limit) return absl::OkStatus();
  plan = PlanModel(matrix, options, parallelism);
  if (plan.bytes_peak <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "TrainModel.memory: want at most ", Megabytes(limit), given > 0 ? "" : " (what is available)", ", got a plan of ",
      Megabytes(plan.bytes_peak), " for ", internal::ToAbsl(ModelKind(options)), " with ", matrix.items(),
      " items; with their defaults would fit: ", KindsThatFit(matrix, options, limit)));
}

}  // namespace

absl::StatusOr<TrainedModel> TrainModel(const InteractionMatrix& matrix, const ModelOptions& options,
                                        const TrainingControl& control, const Parallelism& parallelism) {
  try {
    WAYPOST_RETURN_IF_ERROR(std::visit(ValidateOptions{}, options));
    WAYPOST_RETURN_IF_ERROR(CheckMemory(matrix, options, control.memory_limit_bytes, parallelism));
    return std::visit(Train{matrix, control, parallelism}, options);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("TrainModel: memory ended with ", matrix.users(), " users and ", matrix.items(), " items"));
  }
}

ModelPlan PlanModel(std::uint64_t users, std::uint64_t items, std::uint64_t entries, const ModelOptions& options) {
  return ToModelPlan({static_cast<double>(users), static_cast<double>(items), static_cast<double>(entries)}, options);
}

ModelPlan PlanModel(const InteractionMatrix& matrix, const ModelOptions& options, const Parallelism& parallelism) {
  Plan plan{static_cast<double>(matrix.users()), static_cast<double>(matrix.items()),
            static_cast<double>(matrix.entries())};
  if (DependsOnPairs(options)) plan.counted_pairs = static_cast<double>(CountItemPairs(matrix, parallelism));
  return ToModelPlan(plan, options);
}

}  // namespace waypost
