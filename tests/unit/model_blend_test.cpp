#include "waypost/model/blend.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bundles.hpp"
#include "support/worlds.hpp"
#include "waypost/base/random.hpp"
#include "waypost/model/blend_sampling.hpp"
#include "waypost/model/blend_weights.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

std::vector<float> ScoresOf(const Scorer& model, const UserView& user) {
  std::vector<float> scores(model.item_count());
  const absl::Status status = model.Score(std::span(&user, 1), scores, Parallelism(1));
  EXPECT_TRUE(status.ok()) << status;
  return scores;
}

BlendOptions ThreeParts() {
  return {.parts = {{"item-knn", {}}, {"popularity", {}}, {"gf-cf", {{"dimensions", "5"}}}},
          .weights = std::vector<float>{0.5f, 0.2f, 0.3f}};
}

TEST(Blend, ScoresAreSumsOfThePartsOverTheirDeviationOutsideTheHistory) {
  const InteractionMatrix matrix = RandomMatrix(1, 50, 30, 0.2);
  const auto blend = TrainBlend(matrix, ThreeParts());
  ASSERT_TRUE(blend.ok()) << blend.status();
  for (std::uint32_t u = 0; u < 50; ++u) {
    const UserView user{{}, matrix.user_item().row(u)};
    std::vector<double> wanted(30, 0.0);
    for (std::size_t p = 0; p < 3; ++p) {
      const std::vector<float> own = ScoresOf(*blend->parts()[p], user);
      std::vector<double> outside;
      for (std::uint32_t i = 0; i < 30; ++i)
        if (!std::ranges::count(user.history.columns, i)) outside.push_back(own[i]);
      double mean = 0, variance = 0;
      for (double score : outside) mean += score / static_cast<double>(outside.size());
      for (double score : outside) variance += (score - mean) * (score - mean) / static_cast<double>(outside.size());
      if (variance < 1e-20) continue;  // nobody's history: every score is 0
      for (std::size_t i = 0; i < 30; ++i) wanted[i] += (*ThreeParts().weights)[p] * own[i] / std::sqrt(variance);
    }
    const std::vector<float> scores = ScoresOf(*blend, user);
    for (std::size_t i = 0; i < 30; ++i) EXPECT_NEAR(scores[i], wanted[i], 1e-5 * (1 + std::abs(wanted[i])));
  }
}

TEST(Blend, RanksAreReciprocalPlacesAmongTheItemsOutsideTheHistory) {
  const InteractionMatrix matrix = RandomMatrix(2, 50, 30, 0.2);
  BlendOptions options = ThreeParts();
  options.fusion = BlendFusion::kRanks;
  options.rank_offset = 3;
  const auto blend = TrainBlend(matrix, options);
  ASSERT_TRUE(blend.ok()) << blend.status();
  for (std::uint32_t u = 0; u < 50; ++u) {
    const UserView user{{}, matrix.user_item().row(u)};
    std::vector<double> wanted(30, 0.0);
    for (std::size_t p = 0; p < 3; ++p) {
      const std::vector<float> own = ScoresOf(*blend->parts()[p], user);
      for (std::uint32_t i = 0; i < 30; ++i) {
        int rank = 1;
        for (std::uint32_t j = 0; j < 30; ++j)
          rank += !std::ranges::count(user.history.columns, j) && (own[j] > own[i] || (own[j] == own[i] && j < i));
        wanted[i] += (*options.weights)[p] / (3.0 + rank);
      }
    }
    const std::vector<float> scores = ScoresOf(*blend, user);
    for (std::size_t i = 0; i < 30; ++i) EXPECT_NEAR(scores[i], wanted[i], 1e-6);
  }
}

TEST(Blend, OfOnePartRanksAsThatPart) {
  const InteractionMatrix matrix = RandomMatrix(3, 60, 30, 0.2);
  for (BlendFusion fusion : {BlendFusion::kScores, BlendFusion::kRanks}) {
    const auto blend =
        TrainBlend(matrix, {.parts = {{"item-knn", {}}}, .fusion = fusion, .weights = std::vector<float>{2}});
    ASSERT_TRUE(blend.ok()) << blend.status();
    for (std::uint32_t u = 0; u < 60; ++u) {
      const SparseRowView history = matrix.user_item().row(u);
      const Candidates candidates{.allowed = nullptr, .excluded = history.columns};
      const auto best = TopK(ScoresOf(*blend, {{}, history}), 5, candidates);
      const auto wanted = TopK(ScoresOf(*blend->parts()[0], {{}, history}), 5, candidates);
      for (std::size_t n = 0; n < wanted.size(); ++n) EXPECT_EQ(best[n].item, wanted[n].item);
    }
  }
}

TEST(Blend, AnExplanationOfRanksNamesWhatSpokeForTheItem) {
  const InteractionMatrix matrix = PlantedMatrix(4, 100, 30, 3, 0.5, 0.02);
  const auto blend = TrainBlend(
      matrix, {.parts = {{"item-knn", {}}, {"popularity", {}}}, .fusion = BlendFusion::kRanks, .weights = {{1, 1}}});
  ASSERT_TRUE(blend.ok()) << blend.status();
  const UserView user{{}, matrix.user_item().row(0)};
  const auto explanation = blend->Explain(user, ItemIndex{3});
  ASSERT_TRUE(explanation.ok()) << explanation.status();
  double sum = explanation->base;
  for (const Contribution& part : explanation->contributions) sum += part.amount;
  EXPECT_NEAR(sum, explanation->score, 1e-6);
  EXPECT_GT(explanation->base, 0);  // popularity speaks for it whatever the history
  EXPECT_GT(explanation->contributions.front().amount, 0);
}

TEST(Blend, APartThatCannotTellTheNewItemsApartAddsNothing) {
  const std::vector<std::uint32_t> seen = {0, 2};
  const SparseRowView history{seen, {}};
  EXPECT_EQ(internal::InverseDeviation(std::vector<float>{9, 1, 5, 1, 1}, history), 0);
  EXPECT_EQ(internal::InverseDeviation(std::vector<float>{1, 1e-9f, 1, 0, 0}, history),
            0);                                                                    // below float32's precision
  EXPECT_EQ(internal::InverseDeviation(std::vector<float>{1, 7, 2}, history), 0);  // one new item
  EXPECT_EQ(internal::InverseDeviation(std::vector<float>{0, 0, 0}, history), 0);
  EXPECT_NEAR(internal::InverseDeviation(std::vector<float>{9, 1, 5, 3, 1, 3}, history), 1, 1e-12);
  EXPECT_NEAR(internal::InverseDeviation(std::vector<float>{9e20f, 1e20f, 5e20f, 3e20f, 1e20f, 3e20f}, history), 1e-20,
              1e-26);  // squares beyond float32
  const std::vector<std::uint32_t> all = {0, 1, 2};
  EXPECT_EQ(internal::InverseDeviation(std::vector<float>{1, 2, 3}, {all, {}}), 0);
}

TEST(Blend, AFoldInHoldsThoseOfItsPartsOneAfterTheOther) {
  const InteractionMatrix matrix = RandomMatrix(9, 40, 30, 0.2);
  const auto blend = TrainBlend(
      matrix, {.parts = {{"ials", {{"dimensions", "4"}}}, {"popularity", {}}, {"bpr", {{"dimensions", "6"}}}},
               .weights = std::vector<float>{1, 1, 1}});
  ASSERT_TRUE(blend.ok()) << blend.status();
  EXPECT_EQ(blend->user_count(), 40u);
  ASSERT_EQ(blend->dimensions(), 10u);
  std::vector<float> vector(10), first(4), last(6);
  const SparseRowView history = matrix.user_item().row(3);
  ASSERT_TRUE(blend->FoldIn(history, vector).ok());
  ASSERT_TRUE(blend->parts()[0]->FoldIn(history, first).ok());
  ASSERT_TRUE(blend->parts()[2]->FoldIn(history, last).ok());
  first.insert(first.end(), last.begin(), last.end());
  EXPECT_EQ(vector, first);
  EXPECT_EQ(blend->FoldIn(history, std::span(vector).first(9)).code(), absl::StatusCode::kInvalidArgument);
}

// As a damaged file that was opened without its checks.
TEST(Blend, ScoresThatAreNotFiniteAreRefusedByEveryFusion) {
  const InteractionMatrix matrix = RandomMatrix(10, 20, 6, 0.4);
  for (BlendFusion fusion : {BlendFusion::kScores, BlendFusion::kRanks}) {
    const BlendModel blend({.parts = {{"popularity", {}}}, .fusion = fusion, .weights = std::vector<float>{1}},
                           {std::make_shared<const PopularityModel>(SharedArray<float>({1, 2, NAN, 4, 5, NAN}))});
    const UserView user{{}, matrix.user_item().row(0)};
    std::vector<float> scores(6);
    EXPECT_EQ(blend.Score(std::span(&user, 1), scores, Parallelism(1)).code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(blend.Explain(user, ItemIndex{1}).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(Blend, LearnsToLeaveOutAPartThatKnowsNothing) {
  const InteractionMatrix matrix = PlantedMatrix(5, 400, 80, 4, 0.4, 0.02);
  const auto blend =
      TrainBlend(matrix, {.parts = {{"gf-cf", {{"dimensions", "4"}, {"low_pass_weight", "1"}}}, {"popularity", {}}}});
  ASSERT_TRUE(blend.ok()) << blend.status();
  ASSERT_TRUE(blend->options().weights);
  EXPECT_GT((*blend->options().weights)[0], 4 * (*blend->options().weights)[1]);
  EXPECT_FALSE(blend->options().validation_share);
}

TEST(Blend, WeightsThatAreLearnedRankHeldOutItemsAtLeastAsWellAsAnyPartAlone) {
  Random random(6);
  std::vector<internal::BlendSample> samples(300);
  for (internal::BlendSample& sample : samples) {
    sample.held_out_count = 2;
    for (std::uint32_t c = 0; c < 40; ++c) {
      const bool wanted = c < 2;
      sample.candidates.push_back(c);
      sample.held_out.push_back(wanted);
      for (int p = 0; p < 3; ++p)  // two parts that see each half of the truth, one that sees nothing
        sample.terms.push_back(static_cast<float>(random.Normal() + (wanted && p < 2 ? 1.0 : 0.0)));
    }
  }
  const std::vector<float> weights = internal::FindBlendWeights(samples, 3, Parallelism(2), [] { return false; });
  const double blended = internal::MeanNdcg(samples, weights, Parallelism(1));
  for (std::size_t p = 0; p < 3; ++p) {
    std::vector<float> alone(3, 0.0f);
    alone[p] = 1;
    EXPECT_GT(blended, internal::MeanNdcg(samples, alone, Parallelism(1)) + 0.02);
  }
  EXPECT_GT(weights[0], 0.25f);
  EXPECT_GT(weights[1], 0.25f);
  EXPECT_LT(weights[2], 0.2f);
}

TEST(Blend, WhatIsHeldOutIsNoLongerInTheTraining) {
  const InteractionMatrix matrix = RandomMatrix(7, 80, 30, 0.2, /*weighted=*/true);
  const internal::HeldOutItems held_out = internal::HoldOutItems(matrix, 0.3, 9, Parallelism(1));
  for (std::size_t u = 0; u < 80; ++u) {
    const SparseRowView all = matrix.user_item().row(u);
    const SparseRowView fit = held_out.fit.user_item().row(u);
    EXPECT_EQ(fit.size() + held_out.items[u].size(), all.size());
    if (all.size() >= 3) {
      EXPECT_GE(held_out.items[u].size(), 1u);
    }
    for (std::size_t n = 0; n < all.size(); ++n) {
      const auto at = std::ranges::find(fit.columns, all.columns[n]);
      EXPECT_NE(at != fit.columns.end(), std::ranges::count(held_out.items[u], all.columns[n]) == 1);
      if (at != fit.columns.end()) {
        EXPECT_EQ(fit.value(static_cast<std::size_t>(at - fit.columns.begin())), all.value(n));
      }
    }
  }
}

TEST(Blend, PartsAndWeightsAreTextThatReadsBack) {
  const std::string text = "item-knn(neighbours=7,user_exponent=1e+0) + ials(seed=3) + popularity";
  const auto parts = ParseBlendParts(text);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].settings[1].second, "1e+0");
  EXPECT_EQ(FormatBlendParts(*parts), text);
  EXPECT_EQ(FormatBlendParts(*ParseBlendParts(" gf-cf ( dimensions = 8 )+ials() ")), "gf-cf(dimensions=8) + ials");
  for (const char* bad : {"", "+", "ials + ", "ials(", "ials(a)", "ials(a=1))", "(a=1)", "ials)a=1("})
    EXPECT_FALSE(ParseBlendParts(bad)) << bad;
  EXPECT_EQ(FormatBlendWeights(*ParseBlendWeights("0.5, 1,0")), "0.5,1,0");
  for (const char* bad : {"", "1,", "x", "1 2"}) EXPECT_FALSE(ParseBlendWeights(bad)) << bad;
}

TEST(Blend, RefusesOptionsThatDoNotFit) {
  const auto message = [](const BlendOptions& options) { return std::string(Validate(options).message()); };
  BlendOptions options = ThreeParts();
  options.weights = {{1, 2}};
  EXPECT_THAT(message(options), HasSubstr("BlendOptions.weights: want 3, one a part, got 2"));
  options.weights = {{0, 0, 0}};
  EXPECT_THAT(message(options), HasSubstr("want one above 0, got none"));
  options.weights = {{1, NAN, 0}};
  EXPECT_THAT(message(options), HasSubstr("BlendOptions.weights: want in 0..1e+06, got nan"));
  options.weights = {{1, 1, 1}};
  options.validation_share = 0.2f;
  EXPECT_THAT(message(options), HasSubstr("BlendOptions.validation_share: want it unset beside weights"));
  options.validation_share.reset();
  options.rank_offset = 5;
  EXPECT_THAT(message(options), HasSubstr("BlendOptions.rank_offset: want it unset with fusion scores"));
  EXPECT_THAT(message({.parts = {}}), HasSubstr("BlendOptions.parts: want 1..8, got 0"));
  EXPECT_THAT(message({.parts = {{"blend", {}}}}), HasSubstr("want models of other kinds, got a blend"));
  EXPECT_THAT(message({.parts = {{"ials", {{"neighbours", "3"}}}}}), HasSubstr("ials: want one of dimensions"));
  EXPECT_THAT(message({.parts = {{"ials", {{"patience", "3"}}}}}), HasSubstr("want patience 0 in ials"));
  EXPECT_THAT(message({.parts = {{"nothing", {}}}}), HasSubstr("model: want one of popularity"));
  EXPECT_THAT(message({.parts = {{"ials", {{"solver", std::string(2000, 'x')}}}}}), HasSubstr("BlendOptions.parts"));
}

TEST(Blend, CountsATrainingAStepAndIsCancelledBetweenThem) {
  const InteractionMatrix matrix = RandomMatrix(8, 60, 30, 0.2);
  const BlendOptions options{.parts = {{"item-knn", {}}, {"popularity", {}}}};
  std::vector<int> steps;
  TrainingControl control;
  control.on_epoch = [&](const TrainingProgress& progress) {
    EXPECT_EQ(progress.epochs, 4);
    steps.push_back(progress.epoch);
    return true;
  };
  ASSERT_TRUE(TrainBlend(matrix, options, control).ok());
  EXPECT_THAT(steps, testing::ElementsAre(1, 2, 3, 4));
  control.on_epoch = [](const TrainingProgress& progress) { return progress.epoch < 3; };
  EXPECT_EQ(TrainBlend(matrix, options, control).status().code(), absl::StatusCode::kCancelled);
}

TEST(Blend, APlanHoldsThoseOfItsPartsAndWhatLearningWeightsTakesBeside) {
  const ModelOptions knn = ItemKnnOptions{.neighbours = 20};
  const ModelOptions filter = *ParseModelOptions("gf-cf", std::vector<OptionSetting>{{"dimensions", "32"}});
  BlendOptions options{.parts = {{"item-knn", {{"neighbours", "20"}}}, {"gf-cf", {{"dimensions", "32"}}}},
                       .weights = std::vector<float>{1, 1}};
  const ModelPlan first = PlanModel(20000, 5000, 300000, knn);
  const ModelPlan second = PlanModel(20000, 5000, 300000, filter);
  const ModelPlan given = PlanModel(20000, 5000, 300000, options);
  EXPECT_EQ(given.bytes_model, first.bytes_model + second.bytes_model);
  EXPECT_EQ(given.bytes_peak, std::max(first.bytes_peak, first.bytes_model + second.bytes_peak));
  EXPECT_DOUBLE_EQ(given.flops, first.flops + second.flops);
  EXPECT_DOUBLE_EQ(given.scattered_flops, first.flops);
  options.weights.reset();
  const ModelPlan learned = PlanModel(20000, 5000, 300000, options);
  EXPECT_GT(learned.bytes_peak, given.bytes_peak);
  EXPECT_EQ(learned.bytes_model, given.bytes_model);
  EXPECT_DOUBLE_EQ(learned.flops, 2 * given.flops);
  const BlendOptions all{.parts = {{"item-knn", {}}, {"popularity", {}}}};
  const InteractionMatrix matrix = RandomMatrix(11, 60, 80, 0.05);
  EXPECT_LT(PlanModel(matrix, all).bytes_model, PlanModel(60, 80, matrix.entries(), all).bytes_model);  // counted pairs
  EXPECT_TRUE(HoldsInteractions(options));
  EXPECT_FALSE(HoldsInteractions(BlendOptions{.parts = {{"item-knn", {}}, {"ials", {}}}}));
}

TEST(Blend, AFileHoldsThePartsOnceAndByTheirNames) {
  ModelBundle bundle = testing_support::SmallBundle({.kinds = {"popularity", "blend"}});
  const auto opened = OpenBundleFromMemory(testing_support::BytesOf(bundle));
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::vector<std::string> names;
  for (const NamedModel& model : opened->models) names.push_back(model.name);
  EXPECT_THAT(names, testing::ElementsAre("popularity", "blend", "blend.1-item-knn", "blend.2-gf-cf"));
  EXPECT_TRUE(testing_support::BytesOf(*opened) == testing_support::BytesOf(bundle));  // nothing is written twice
  const auto& blend = dynamic_cast<const BlendModel&>(*opened->models[1].scorer);
  EXPECT_EQ(blend.parts()[0], opened->models[2].scorer);
}

TEST(Blend, PartsHaveFreeNamesHoweverLongThatOfTheBlend) {
  ModelBundle bundle = testing_support::SmallBundle({.kinds = {"popularity", "blend"}});
  bundle.models[0].name = std::string(kMaxModelNameBytes - 11, 'b') + ".1-item-knn";  // what the first part would take
  bundle.models[1].name = std::string(kMaxModelNameBytes, 'b');
  bundle.default_model = bundle.models[1].name;
  const auto opened = OpenBundleFromMemory(testing_support::BytesOf(bundle));
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(opened->models.size(), 4u);
  EXPECT_EQ(opened->models[2].name, std::string(kMaxModelNameBytes - 13, 'b') + ".1-item-knn-2");
  EXPECT_EQ(opened->models[3].name, std::string(kMaxModelNameBytes - 8, 'b') + ".2-gf-cf");
  EXPECT_TRUE(testing_support::BytesOf(*opened) == testing_support::BytesOf(bundle));
}

TEST(Blend, IsWrittenAs12AndOlderKindsAsBefore) {
  const auto minor = [](const std::vector<std::byte>& bytes) { return static_cast<int>(bytes[10]); };
  EXPECT_EQ(minor(testing_support::BytesOf(testing_support::SmallBundle())), 1);
  EXPECT_EQ(minor(testing_support::BytesOf(testing_support::SmallBundle({.kinds = {"gf-cf"}}))), 2);
  EXPECT_EQ(minor(testing_support::BytesOf(testing_support::SmallBundle({.kinds = {"popularity", "blend"}}))), 2);
}

}  // namespace
}  // namespace waypost
