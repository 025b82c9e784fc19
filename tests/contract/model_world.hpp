// What the contract suite runs on: every model by name, with a trained instance and the histories it was trained on.
#ifndef WAYPOST_TESTS_CONTRACT_MODEL_WORLD_HPP_
#define WAYPOST_TESTS_CONTRACT_MODEL_WORLD_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost::contract {

struct ModelCase {
  std::string name;
  std::string kind;
  std::vector<OptionSetting> settings;

  friend void PrintTo(const ModelCase& model, std::ostream* out) { *out << model.name; }
};

// Every kind, in every form that computes differently. A new kind of model is added here.
inline std::vector<ModelCase> PersonalModels() {
  const OptionSetting d8 = {"dimensions", "8"};
  return {{"KnnDegree", "item-knn", {}},
          {"KnnCosine", "item-knn", {{"similarity", "cosine"}}},
          {"KnnTfIdf", "item-knn", {{"similarity", "tfidf"}}},
          {"KnnBm25", "item-knn", {{"similarity", "bm25"}}},
          {"KnnFewNeighbours", "item-knn", {{"neighbours", "12"}}},
          {"KnnShareOfNeighbours", "item-knn", {{"neighbour_mass", "0.7"}}},
          {"Rp3Beta", "rp3beta", {}},
          {"Rp3BetaFewNeighbours", "rp3beta", {{"neighbours", "12"}, {"alpha", "0.7"}}},
          {"Ease", "ease", {{"regularization", "20"}}},
          {"SparseEase", "sparse-ease", {{"regularization", "20"}}},
          {"SparseEaseFewNeighbours", "sparse-ease", {{"regularization", "20"}, {"neighbours", "12"}}},
          {"Slim", "slim", {{"l1_regularization", "0.5"}, {"l2_regularization", "20"}}},
          {"IalsExact", "ials", {{"solver", "exact"}, d8, {"unobserved_weight", "0.1"}, {"regularization", "0.05"}}},
          {"IalsCg", "ials", {{"solver", "cg"}, d8, {"unobserved_weight", "0.1"}, {"regularization", "0.05"}}},
          {"IalsBlock",
           "ials",
           {{"solver", "block"},
            {"block", "16"},
            {"dimensions", "24"},
            {"unobserved_weight", "0.1"},
            {"regularization", "0.05"}}},
          {"GfCf", "gf-cf", {{"dimensions", "5"}}},
          {"GfCfMoreDimensionsThanItems", "gf-cf", {{"dimensions", "96"}, {"low_pass_weight", "0.1"}}},
          {"BspmEarly", "bspm", {{"dimensions", "5"}}},
          {"BspmLateEuler",
           "bspm",
           {{"dimensions", "5"},
            {"merge", "late"},
            {"sharpening_solver", "euler"},
            {"sharpening_time", "1"},
            {"sharpening_steps", "2"}}},
          {"Bpr", "bpr", {d8}},
          {"Warp", "warp", {d8, {"regularization", "0.3"}}},
          {"UserKnnCosine", "user-knn", {{"similarity", "cosine"}, {"exponent", "1"}}},
          {"UserKnnTfIdf", "user-knn", {{"similarity", "tfidf"}, {"neighbours", "9"}, {"exponent", "2"}}},
          {"UserKnnBm25", "user-knn", {{"similarity", "bm25"}, {"neighbours", "20"}}},
          {"LogisticMf", "logistic-mf", {d8, {"background", "0"}, {"positive_weight", "10"}, {"regularization", "10"}}},
          {"LogisticMfFewOfTheBackground",
           "logistic-mf",
           {d8, {"background", "16"}, {"positive_weight", "10"}, {"regularization", "10"}}},
          {"BlendOfScores",
           "blend",
           {{"parts", "item-knn + gf-cf(dimensions=5) + ials(dimensions=8,unobserved_weight=0.1)"},
            {"weights", "0.5,0.2,0.3"}}},
          {"BlendOfRanks",
           "blend",
           {{"parts", "item-knn + bspm(dimensions=5) + popularity"}, {"fusion", "ranks"}, {"weights", "1,1,0.1"}}},
          {"BlendOfLearnedWeights", "blend", {{"parts", "item-knn + gf-cf(dimensions=5) + rp3beta"}}},
          {"IalsMoreDimensionsThanItems",
           "ials",
           {{"dimensions", "96"}, {"epochs", "4"}, {"unobserved_weight", "0.1"}, {"regularization", "0.05"}}}};
}

inline std::vector<ModelCase> AllModels() {
  std::vector<ModelCase> models = PersonalModels();
  models.push_back({"Popularity", "popularity", {}});
  // Ratings that are all alike tell it nothing of a user: tests/unit/model_explicit_als_test.cpp has what it learns.
  models.push_back(
      {"ExplicitAls", "explicit-als", {{"dimensions", "4"}, {"epochs", "6"}, {"implicit_dimensions", "3"}}});
  models.push_back({"ExplicitAlsWithoutImplicit",
                    "explicit-als",
                    {{"dimensions", "4"}, {"epochs", "6"}, {"implicit_dimensions", "0"}}});
  models.push_back({"ExplicitAlsMoreDimensionsThanItems", "explicit-als", {{"dimensions", "40"}, {"epochs", "2"}}});
  return models;
}

inline std::shared_ptr<const Scorer> TrainCase(const ModelCase& model, const InteractionMatrix& matrix,
                                               const Parallelism& parallelism = Parallelism(1)) {
  const absl::StatusOr<ModelOptions> options = ParseModelOptions(model.kind, model.settings);
  EXPECT_TRUE(options.ok()) << options.status();
  if (!options.ok()) return nullptr;
  const absl::StatusOr<TrainedModel> trained = TrainModel(matrix, *options, {}, parallelism);
  EXPECT_TRUE(trained.ok()) << trained.status();
  return trained.ok() ? trained->scorer : nullptr;
}

// All users as a model that knows them sees them, or as strangers with the same histories.
inline std::vector<UserView> KnownUsers(const InteractionMatrix& matrix) {
  std::vector<UserView> users;
  for (std::uint32_t user = 0; user < matrix.users(); ++user)
    users.push_back({UserIndex{user}, matrix.user_item().row(user)});
  return users;
}
inline std::vector<UserView> Strangers(const InteractionMatrix& matrix) {
  std::vector<UserView> users;
  for (std::size_t user = 0; user < matrix.users(); ++user) users.push_back({{}, matrix.user_item().row(user)});
  return users;
}

inline std::vector<std::vector<float>> ScoresOf(const Scorer& scorer, const std::vector<UserView>& users,
                                                const Parallelism& parallelism = Parallelism(1)) {
  std::vector<float> flat(users.size() * scorer.item_count());
  const absl::Status status = scorer.Score(users, flat, parallelism);
  EXPECT_TRUE(status.ok()) << status;
  std::vector<std::vector<float>> scores;
  for (std::size_t user = 0; user < users.size(); ++user) {
    const auto begin = flat.begin() + static_cast<std::ptrdiff_t>(user * scorer.item_count());
    scores.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(scorer.item_count()));
  }
  return scores;
}

inline std::vector<std::vector<ScoredItem>> TopKOf(const Scorer& scorer, const std::vector<UserView>& users,
                                                   const std::vector<Candidates>& candidates, std::size_t k,
                                                   const Parallelism& parallelism = Parallelism(1)) {
  const auto lists = scorer.TopK(users, candidates, k, parallelism);
  EXPECT_TRUE(lists.ok()) << lists.status();
  return lists.ok() ? *lists : std::vector<std::vector<ScoredItem>>(users.size());
}
inline std::vector<ScoredItem> TopKOfOne(const Scorer& scorer, const UserView& user, const Candidates& candidates,
                                         std::size_t k) {
  return TopKOf(scorer, {user}, {candidates}, k).front();
}

// Dictionaries, history and one model, as `waypost train` would save them.
inline ModelBundle BundleOf(const InteractionMatrix& matrix, const std::string& kind,
                            std::shared_ptr<const Scorer> scorer) {
  const auto names = [](char prefix, std::size_t count) {
    IdDictionaryBuilder builder;
    for (std::size_t n = 0; n < count; ++n) EXPECT_TRUE(builder.Add(prefix + std::to_string(n)).ok());
    return std::move(builder).Build();
  };
  ModelBundle bundle;
  bundle.users = names('u', matrix.users());
  bundle.items = names('i', matrix.items());
  bundle.history = matrix.user_item();
  bundle.models.push_back({.name = kind, .scorer = std::move(scorer), .options = {}});
  bundle.default_model = kind;
  bundle.facts.users = matrix.users();
  bundle.facts.items = matrix.items();
  bundle.facts.events = matrix.entries();
  bundle.facts.pairs = matrix.entries();
  return bundle;
}

}  // namespace waypost::contract

#endif  // WAYPOST_TESTS_CONTRACT_MODEL_WORLD_HPP_
