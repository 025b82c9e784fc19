// A small bundle with every kind of model, for tests of the model file.
#ifndef WAYPOST_TESTS_SUPPORT_BUNDLES_HPP_
#define WAYPOST_TESTS_SUPPORT_BUNDLES_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/model/ials.hpp"
#include "waypost/model/ials_features.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost::testing_support {

inline IdDictionary DictionaryOf(const std::vector<std::string>& ids) {
  IdDictionaryBuilder builder;
  for (const std::string& id : ids) EXPECT_TRUE(builder.Add(id).ok()) << id;
  return std::move(builder).Build();
}

struct BundleShape {
  std::size_t users = 7;
  std::size_t items = 5;
  int dimensions = 3;
  std::vector<std::string> kinds = {"popularity", "item-knn", "ials"};  // the last is the default
  bool titles = true;
  int background = 0;  // of logistic-mf
  int threads = 1;
  bool features = false;  // whether iALS gets a map of them
};

// Few dimensions and rows of a background for the kinds that have them, two small parts for a blend, none for others.
inline std::vector<OptionSetting> SmallOptions(const std::string& kind, int dimensions, int background) {
  std::vector<OptionSetting> settings;
  if (kind == "blend") return {{"parts", "item-knn + gf-cf(dimensions=3)"}, {"weights", "0.5,0.25"}};
  const std::vector<OptionInfo> table = OptionTable(kind).value();
  for (const OptionInfo& info : table)
    if (info.name == "dimensions") settings.emplace_back("dimensions", std::to_string(dimensions));
  if (kind == "logistic-mf") settings.emplace_back("background", std::to_string(background));
  return settings;
}

// Trained on a random world; the same for the same arguments, whatever the number of threads.
inline ModelBundle SmallBundle(const BundleShape& shape = {}) {
  const SparseMatrix world = RandomSparse(/*seed=*/3, shape.users, shape.items, 0.5, /*weighted=*/true);
  const InteractionMatrix positives(world);
  const Parallelism parallelism(shape.threads);
  ModelBundle bundle;
  std::vector<std::string> users;
  std::vector<std::string> items;
  std::vector<std::string> titles;
  for (std::size_t u = 0; u < shape.users; ++u) users.push_back("u" + std::to_string(u));
  for (std::size_t i = 0; i < shape.items; ++i) {
    items.push_back("course-" + std::to_string(i));
    titles.push_back(i % 2 == 0 ? "Lesson " + std::to_string(i) : "\xE8\xAF\xBE\xE7\xA8\x8B" + std::to_string(i));
  }
  bundle.users = DictionaryOf(users);
  bundle.items = DictionaryOf(items);
  if (shape.titles) bundle.titles = ItemTitles::Of(titles);
  bundle.history = world;
  for (const std::string& kind : shape.kinds) {
    NamedModel model{.name = kind, .scorer = nullptr, .options = {{"trained", "for a test"}}};
    if (kind == "popularity") {
      model.scorer = std::make_shared<const PopularityModel>(TrainPopularity(positives));
    } else if (kind == "ials") {
      absl::StatusOr<IalsTraining> ials =
          TrainIals(positives, {.dimensions = shape.dimensions, .epochs = 3}, {}, parallelism);
      EXPECT_TRUE(ials.ok()) << ials.status();
      model.scorer = std::make_shared<const IalsModel>(std::move(ials->model));
      if (shape.features) {
        const auto learned = AddFeatureMap(
            static_cast<const IalsModel&>(*model.scorer), positives, DictionaryOf({"tag:a", "tag:b", "level:c"}),
            RandomSparse(/*seed=*/5, shape.items, 3, 0.6), {.regularization = 1.0f}, {}, parallelism);
        EXPECT_TRUE(learned.ok()) << learned.status();
        model.scorer = std::make_shared<const IalsModel>(learned->model);
      }
    } else {
      const absl::StatusOr<ModelOptions> options =
          ParseModelOptions(kind, SmallOptions(kind, shape.dimensions, shape.background));
      EXPECT_TRUE(options.ok()) << options.status();
      const absl::StatusOr<TrainedModel> trained = TrainModel(positives, *options, {}, parallelism);
      EXPECT_TRUE(trained.ok()) << trained.status();
      model.scorer = trained->scorer;
    }
    bundle.models.push_back(std::move(model));
  }
  bundle.default_model = shape.kinds.back();
  bundle.facts = {.events = 30,
                  .users = shape.users,
                  .items = shape.items,
                  .pairs = positives.entries(),
                  .settings = {{"duplicates", "max"}}};
  return bundle;
}

inline std::vector<std::byte> BytesOf(const ModelBundle& bundle) {
  absl::StatusOr<std::vector<std::byte>> bytes = SaveBundleToMemory(bundle);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *std::move(bytes) : std::vector<std::byte>();
}

// Every score of every user by one model.
inline std::vector<float> AllScores(const ModelBundle& bundle, const Scorer& scorer) {
  std::vector<float> scores(bundle.users.size() * bundle.items.size());
  std::vector<UserView> users;
  for (std::uint32_t u = 0; u < bundle.users.size(); ++u)
    users.push_back({.user = UserIndex{u}, .history = bundle.history.row(u)});
  const absl::Status status = scorer.Score(users, scores, Parallelism(1));
  EXPECT_TRUE(status.ok()) << status;
  return scores;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_BUNDLES_HPP_
