// Training with a host's callbacks.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"

#include "guard.hpp"
#include "inputs.hpp"
#include "objects.hpp"
#include "structs.hpp"
#include "waypost/file/checkpoint.hpp"
#include "waypost/file/first_items.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost::c {
namespace {

constexpr char kPopularity[] = "popularity";

absl::StatusOr<waypost_train_options> ReadTrainOptions(const waypost_train_options* given) {
  return ReadOptional(given, waypost_train_options(WAYPOST_TRAIN_OPTIONS_INIT), "waypost_train_options");
}

std::optional<float> ReadUnset(float value) {
  return value == WAYPOST_UNSET ? std::nullopt : std::optional(value);
}

}  // namespace

absl::StatusOr<ModelOptions> ReadModelOptions(const waypost_popularity_options* given) {
  WAYPOST_ASSIGN_OR_RETURN(
      const waypost_popularity_options read,
      ReadOptional(given, waypost_popularity_options(WAYPOST_POPULARITY_OPTIONS_INIT), "waypost_popularity_options"));
  WAYPOST_RETURN_IF_ERROR(RequireZero(read.reserved, "waypost_popularity_options"));
  return PopularityOptions{};
}

absl::StatusOr<ModelOptions> ReadModelOptions(const waypost_item_knn_options* given) {
  WAYPOST_ASSIGN_OR_RETURN(
      const waypost_item_knn_options read,
      ReadOptional(given, waypost_item_knn_options(WAYPOST_ITEM_KNN_OPTIONS_INIT), "waypost_item_knn_options"));
  WAYPOST_RETURN_IF_ERROR(RequireZero(read.reserved, "waypost_item_knn_options"));
  ItemKnnOptions options;
  WAYPOST_ASSIGN_OR_RETURN(options.similarity,
                           ReadEnum(read.similarity, KnnSimilarity::kDegree, "waypost_item_knn_options.similarity"));
  options.neighbours = read.neighbours;
  options.neighbour_mass = read.neighbour_mass;
  options.user_exponent = ReadUnset(read.user_exponent);
  options.source_exponent = ReadUnset(read.source_exponent);
  options.target_exponent = ReadUnset(read.target_exponent);
  options.bm25_k1 = ReadUnset(read.bm25_k1);
  options.bm25_b = ReadUnset(read.bm25_b);
  return options;
}

absl::StatusOr<ModelOptions> ReadModelOptions(const waypost_ials_options* given) {
  WAYPOST_ASSIGN_OR_RETURN(
      const waypost_ials_options read,
      ReadOptional(given, waypost_ials_options(WAYPOST_IALS_OPTIONS_INIT), "waypost_ials_options"));
  IalsOptions options;
  options.dimensions = read.dimensions;
  options.epochs = read.epochs;
  options.regularization = read.regularization;
  options.regularization_exponent = read.regularization_exponent;
  options.unobserved_weight = ReadUnset(read.unobserved_weight);
  options.init_sd = ReadUnset(read.init_sd);
  options.patience = read.patience;
  WAYPOST_ASSIGN_OR_RETURN(options.solver, ReadEnum(read.solver, IalsSolver::kBlock, "waypost_ials_options.solver"));
  if (read.cg_steps != 0) options.cg_steps = read.cg_steps;
  options.seed = read.seed;
  return options;
}

absl::StatusOr<ModelOptions> ReadModelOptions(std::string_view kind, std::string_view settings) {
  std::vector<OptionSetting> read;
  for (std::size_t line = 1; !settings.empty(); ++line) {
    const std::size_t end = std::min(settings.find('\n'), settings.size());
    const std::string_view text = settings.substr(0, end);
    settings.remove_prefix(std::min(end + 1, settings.size()));
    if (text.empty()) continue;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos)
      return absl::InvalidArgumentError(absl::StrCat("settings, line ", line, ": want name=value, got '",
                                                     absl::CHexEscape(internal::ToAbsl(text.substr(0, 80))), "'"));
    read.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return ParseModelOptions(kind, read);
}

namespace {

// The bundle of a training, without its models.
ModelBundle EmptyBundle(const waypost_interactions& interactions) {
  return {.users = interactions.users,
          .items = interactions.items,
          .titles = interactions.titles,
          .history = interactions.interactions.history,
          .models = {},
          .default_model = {},
          .facts = interactions.facts};
}

// A bundle of `scorer` as the default and `popularity` beside it.
absl::StatusOr<std::unique_ptr<waypost_model>> Assemble(const waypost_interactions& interactions,
                                                        std::shared_ptr<const Scorer> scorer, Settings options,
                                                        const std::shared_ptr<const Scorer>& popularity) {
  ModelBundle bundle = EmptyBundle(interactions);
  bundle.default_model = std::string(scorer->kind());
  const bool alone = bundle.default_model == kPopularity;
  bundle.models.push_back({bundle.default_model, std::move(scorer), std::move(options)});
  if (!alone) bundle.models.push_back({kPopularity, popularity, {}});
  return MakeModel(std::move(bundle));
}

TrainingControl MakeControl(const char* function, const waypost_interactions& interactions,
                            const waypost_train_options& train, const std::shared_ptr<const Scorer>& popularity) {
  TrainingControl control;
  control.on_epoch = [function, &train](const TrainingProgress& progress) {
    std::string line = absl::StrCat("step ", progress.epoch, " of ", progress.epochs);
    if (progress.loss) absl::StrAppend(&line, ", loss ", *progress.loss);
    if (progress.validation) absl::StrAppend(&line, ", validation ", *progress.validation);
    Log(WAYPOST_LOG_INFO, function, line);
    if (train.progress == nullptr) return true;
    const waypost_progress report = {sizeof(waypost_progress),
                                     static_cast<std::uint32_t>(progress.epoch),
                                     static_cast<std::uint32_t>(progress.epochs),
                                     progress.loss.has_value(),
                                     progress.loss.value_or(0),
                                     progress.validation.has_value(),
                                     0,
                                     progress.validation.value_or(0)};
    return train.progress(train.progress_context, &report) == 0;
  };
  if (train.cancelled != nullptr)
    control.cancelled = [&train] { return train.cancelled(train.cancelled_context) != 0; };
  if (train.validation == nullptr) return control;
  control.validation = [&interactions, &train, &popularity](const Scorer& scorer) -> absl::StatusOr<double> {
    const std::shared_ptr<const Scorer> borrowed(std::shared_ptr<const Scorer>(), &scorer);
    WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<waypost_model> candidate,
                             Assemble(interactions, borrowed, {}, popularity));
    double value = 0;
    if (const std::uint32_t failure = train.validation(train.validation_context, candidate.get(), &value); failure != 0)
      return absl::UnknownError(
          absl::StrCat("waypost_train_options.validation: want 0 from the callback, got ", failure));
    if (!std::isfinite(value))
      return absl::UnknownError(absl::StrCat("waypost_train_options.validation: want a finite measure, got ", value));
    return value;
  };
  return control;
}

// Has `control` write checkpoints, go on from one or begin from an older model, as `train` says.
//   checkpoint  receives the one to go on from; must outlive the training.
absl::Status PrepareContinuation(const waypost_interactions& interactions, const waypost_train_options& train,
                                 const ModelOptions& options, std::optional<Checkpoint>& checkpoint,
                                 TrainingControl& control) {
  WAYPOST_RETURN_IF_ERROR(RequireZero(train.reserved, "waypost_train_options"));
  constexpr std::uint32_t kMostBetween = 10000;
  if (train.checkpoint_every < 1 || train.checkpoint_every > kMostBetween)
    return absl::InvalidArgumentError(absl::StrCat("waypost_train_options.checkpoint_every: want 1..", kMostBetween,
                                                   ", got ", train.checkpoint_every));
  const auto* ials = std::get_if<IalsOptions>(&options);
  const bool any = train.checkpoint_path != nullptr || train.resume_path != nullptr || train.warm_start != nullptr;
  if (any && ials == nullptr)
    return absl::InvalidArgumentError(
        absl::StrCat("waypost_train_options.checkpoint_path, resume_path and warm_start: want a model that trains in "
                     "epochs, got ",
                     internal::ToAbsl(ModelKind(options))));
  if (train.warm_start != nullptr) {
    absl::StatusOr<FactorMatrix> first = FirstItemsFrom(train.warm_start->bundle, interactions.items, ials->dimensions);
    if (!first.ok()) return internal::AddContext("waypost_train_options.warm_start", first.status());
    control.first_items = *std::move(first);
  }
  if (train.resume_path != nullptr) {
    WAYPOST_ASSIGN_OR_RETURN(const std::string path,
                             ReadPath(train.resume_path, train.resume_path_size, "waypost_train_options.resume_path"));
    WAYPOST_ASSIGN_OR_RETURN(checkpoint, OpenCheckpoint(path));
    control.resume = &checkpoint->state;
  }
  if (train.checkpoint_path == nullptr) return absl::OkStatus();
  WAYPOST_ASSIGN_OR_RETURN(const std::string path, ReadPath(train.checkpoint_path, train.checkpoint_path_size,
                                                            "waypost_train_options.checkpoint_path"));
  WAYPOST_RETURN_IF_ERROR(CheckSavePath(path));
  control.checkpoint_every = static_cast<int>(train.checkpoint_every);
  control.checkpoint = [path](const IalsState& state) { return SaveCheckpoint(state, {}, path); };
  return absl::OkStatus();
}

//   read_options  returns the model's options.
template <typename ReadOptions>
waypost_error* Train(const char* function, const waypost_interactions* interactions, const ReadOptions& read_options,
                     const waypost_train_options* given_train, waypost_model** model) {
  return Guard(function, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(Require(model, "model"));
    *model = nullptr;
    WAYPOST_RETURN_IF_ERROR(Require(interactions, "interactions"));
    WAYPOST_ASSIGN_OR_RETURN(const ModelOptions options, read_options());
    WAYPOST_ASSIGN_OR_RETURN(const waypost_train_options train, ReadTrainOptions(given_train));
    WAYPOST_ASSIGN_OR_RETURN(const Parallelism parallelism,
                             ReadThreads(train.max_threads, "waypost_train_options.max_threads"));
    Log(WAYPOST_LOG_INFO, function,
        absl::StrCat(interactions->users.size(), " users, ", interactions->items.size(), " items, ",
                     interactions->interactions.positives.entries(), " pairs"));
    WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(interactions->interactions.positives));
    const std::shared_ptr<const Scorer> popularity =
        std::make_shared<PopularityModel>(TrainPopularity(interactions->interactions.positives));
    TrainingControl control = MakeControl(function, *interactions, train, popularity);
    std::optional<Checkpoint> checkpoint;
    WAYPOST_RETURN_IF_ERROR(PrepareContinuation(*interactions, train, options, checkpoint, control));
    WAYPOST_ASSIGN_OR_RETURN(TrainedModel trained,
                             TrainModel(interactions->interactions.positives, options, control, parallelism));
    WAYPOST_ASSIGN_OR_RETURN(std::unique_ptr<waypost_model> made, Assemble(*interactions, std::move(trained.scorer),
                                                                           FormatOptions(trained.options), popularity));
    Log(WAYPOST_LOG_INFO, function, "done");
    *model = made.release();
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace waypost::c

waypost_error* waypost_train_popularity(const waypost_interactions* interactions,
                                        const waypost_popularity_options* options, const waypost_train_options* train,
                                        waypost_model** model) {
  return waypost::c::Train(
      __func__, interactions, [&] { return waypost::c::ReadModelOptions(options); }, train, model);
}

waypost_error* waypost_train_item_knn(const waypost_interactions* interactions, const waypost_item_knn_options* options,
                                      const waypost_train_options* train, waypost_model** model) {
  return waypost::c::Train(
      __func__, interactions, [&] { return waypost::c::ReadModelOptions(options); }, train, model);
}

waypost_error* waypost_train_ials(const waypost_interactions* interactions, const waypost_ials_options* options,
                                  const waypost_train_options* train, waypost_model** model) {
  return waypost::c::Train(
      __func__, interactions, [&] { return waypost::c::ReadModelOptions(options); }, train, model);
}

waypost_error* waypost_train(const waypost_interactions* interactions, const char* kind, uint64_t kind_size,
                             const char* settings, uint64_t settings_size, const waypost_train_options* train,
                             waypost_model** model) {
  return waypost::c::Train(
      __func__, interactions,
      [&]() -> absl::StatusOr<waypost::ModelOptions> {
        WAYPOST_ASSIGN_OR_RETURN(const std::string_view name, waypost::c::ReadText(kind, kind_size, "kind"));
        WAYPOST_ASSIGN_OR_RETURN(const std::string_view text,
                                 waypost::c::ReadText(settings, settings_size, "settings"));
        return waypost::c::ReadModelOptions(name, text);
      },
      train, model);
}
