#include "waypost/file/catalogue_items.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/matrix/item_features.hpp"
#include "waypost/model/ials.hpp"
#include "waypost/model/ials_features.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;

constexpr std::size_t kItems = 24;
constexpr std::size_t kGroups = 3;

CatalogueItem Course(std::size_t number) {
  CatalogueItem item;
  item.id = "c" + std::to_string(number);
  item.title = "Course " + std::to_string(number);
  item.tags = {"group " + std::to_string(number % kGroups)};
  return item;
}

Catalogue Courses(std::size_t count) {
  CatalogueBuilder builder;
  CatalogueItem strange;  // without a feature that another has
  strange.id = "strange";
  strange.tags = {"nothing like it"};
  EXPECT_TRUE(builder.Add(strange).ok());
  for (std::size_t number = 0; number < count; ++number) EXPECT_TRUE(builder.Add(Course(number)).ok());
  return std::move(builder).Build();
}

IdDictionary Ids(const std::string& prefix, std::size_t count) {
  IdDictionaryBuilder builder;
  for (std::size_t n = 0; n < count; ++n) EXPECT_TRUE(builder.Add(prefix + std::to_string(n)).ok());
  return std::move(builder).Build();
}

// iALS with a map, and popularity.
ModelBundle Bundle() {
  const InteractionMatrix matrix = testing_support::PlantedMatrix(2, 30, kItems, kGroups, 0.5, 0.05);
  ModelBundle bundle;
  bundle.users = Ids("u", matrix.users());
  bundle.items = Ids("c", kItems);
  bundle.history = matrix.user_item();
  bundle.default_model = "ials";
  absl::StatusOr<IalsTraining> training = TrainIals(matrix, {.dimensions = 6, .unobserved_weight = 0.1f});
  EXPECT_TRUE(training.ok());
  const Catalogue catalogue = Courses(kItems);
  const IdDictionary names = BuildFeatureVocabulary(catalogue, bundle.items).value();
  const SparseMatrix features = BuildFeatureMatrix(catalogue, bundle.items, names).value();
  IalsFeatures learned = AddFeatureMap(training->model, matrix, names, features).value();
  bundle.models = {{"ials", std::make_shared<const IalsModel>(std::move(learned.model)), {}},
                   {"popularity", std::make_shared<const PopularityModel>(TrainPopularity(matrix)), {}}};
  return bundle;
}

std::vector<float> Scores(const ModelBundle& bundle, std::size_t model, std::uint32_t user) {
  std::vector<float> scores(bundle.items.size());
  const UserView view{UserIndex{user}, bundle.history.row(user)};
  EXPECT_TRUE(bundle.models[model].scorer->Score({&view, 1}, scores, Parallelism(1)).ok());
  return scores;
}

TEST(CatalogueItems, AreAddedBehindTheItemsOfTheBundle) {
  ModelBundle bundle = Bundle();
  const std::vector<float> before = Scores(bundle, 0, 4);
  const absl::StatusOr<std::size_t> added = AddCatalogueItems(Courses(kItems + 6), bundle);
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(*added, 6u);
  ASSERT_EQ(bundle.items.size(), kItems + 6);
  EXPECT_EQ(bundle.items.id(kItems), "c24");
  EXPECT_EQ(bundle.items.Find("strange"), std::nullopt);
  EXPECT_EQ(bundle.titles.title(ItemIndex{kItems + 5}), "Course 29");
  EXPECT_EQ(bundle.history.columns(), kItems + 6);
  const std::vector<float> after = Scores(bundle, 0, 4);
  EXPECT_THAT(std::vector<float>(after.begin(), after.begin() + kItems), testing::ElementsAreArray(before));
  EXPECT_GT(after[kItems + 4 % kGroups], after[kItems + 5 % kGroups]);  // user 4 likes group 1
  EXPECT_EQ(Scores(bundle, 1, 4)[kItems], 0);
}

TEST(CatalogueItems, OfABundleThatHasThemAllAreNone) {
  ModelBundle bundle = Bundle();
  EXPECT_EQ(AddCatalogueItems(Courses(kItems), bundle).value(), 0u);
  EXPECT_EQ(AddCatalogueItems(Catalogue(), bundle).value(), 0u);
  EXPECT_EQ(bundle.items.size(), kItems);
}

TEST(CatalogueItems, AreNotAddedWithoutAMap) {
  ModelBundle bundle = Bundle();
  bundle.models.erase(bundle.models.begin());
  EXPECT_EQ(AddCatalogueItems(Courses(kItems + 6), bundle).value(), 0u);
}

TEST(CatalogueItems, LeaveABundleThatCannotTakeThemAsItWas) {
  ModelBundle bundle = Bundle();
  bundle.models.push_back({"other",
                           std::make_shared<const IalsModel>(
                               dynamic_cast<const IalsModel&>(*bundle.models[0].scorer).WithFeatureMap(nullptr)),
                           {}});
  const absl::StatusOr<std::size_t> added = AddCatalogueItems(Courses(kItems + 6), bundle);
  EXPECT_EQ(added.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(added.status().message()), HasSubstr("got 'other' of kind ials"));
  EXPECT_EQ(bundle.items.size(), kItems);
}

// The map is in the file, so that items can be added to an opened bundle as to the trained one.
TEST(CatalogueItems, CanBeAddedToAnOpenedFile) {
  ModelBundle bundle = Bundle();
  ASSERT_EQ(AddCatalogueItems(Courses(kItems + 2), bundle).value(), 2u);
  const absl::StatusOr<std::vector<std::byte>> bytes = SaveBundleToMemory(bundle);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  for (const OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure}) {
    absl::StatusOr<ModelBundle> opened = OpenBundleFromMemory(*bytes, {.check = check});
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(SaveBundleToMemory(*opened).value(), *bytes);
    const auto& ials = dynamic_cast<const IalsModel&>(*opened->models[0].scorer);
    EXPECT_EQ(ials.trained_items(), kItems);
    ModelBundle larger = bundle;
    ASSERT_EQ(AddCatalogueItems(Courses(kItems + 9), *opened).value(), 7u);
    ASSERT_EQ(AddCatalogueItems(Courses(kItems + 9), larger).value(), 7u);
    for (const std::uint32_t user : {0u, 11u}) {
      EXPECT_EQ(Scores(*opened, 0, user), Scores(larger, 0, user));
      const UserView stranger{std::nullopt, opened->history.row(user)};
      std::vector<float> scores(opened->items.size());
      ASSERT_TRUE(opened->models[0].scorer->Score({&stranger, 1}, scores, Parallelism(1)).ok());
      EXPECT_EQ(scores, Scores(larger, 0, user));  // fold-in counts the training's items
    }
  }
}

}  // namespace
}  // namespace waypost
