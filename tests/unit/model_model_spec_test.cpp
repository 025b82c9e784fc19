#include "waypost/model/model_spec.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/worlds.hpp"
#include "waypost/model/ials_state.hpp"
#include "waypost/model/sparse_item_model.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;

std::string ErrorOf(std::string_view kind, const std::vector<OptionSetting>& settings) {
  const absl::StatusOr<ModelOptions> options = ParseModelOptions(kind, settings);
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(options.status().message());
}

TEST(ModelSpec, EveryKindParsesItsDefaultsAndNamesItself) {
  for (std::string_view kind : ModelKinds()) {
    const absl::StatusOr<ModelOptions> options = ParseModelOptions(kind, {});
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(ModelKind(*options), kind);
  }
}

TEST(ModelSpec, WhatIsFormattedParsesToTheSameTraining) {
  const std::vector<ModelOptions> all = {
      PopularityOptions{},
      ItemKnnOptions{},
      ItemKnnOptions{.similarity = KnnSimilarity::kCosine, .neighbours = 17, .neighbour_mass = 0.3f},
      ItemKnnOptions{.similarity = KnnSimilarity::kBm25, .bm25_k1 = 1e-3f, .bm25_b = 1.0f},
      ItemKnnOptions{.user_exponent = 0.1f, .source_exponent = 0.7f, .target_exponent = 1.0f / 3},
      IalsOptions{},
      IalsOptions{.regularization = 1e-9f, .solver = IalsSolver::kExact, .seed = ~std::uint64_t{0}},
      IalsOptions{.solver = IalsSolver::kCg, .cg_steps = 7},
      EaseOptions{.regularization = 0.1f},
      GfCfOptions{.low_pass_weight = 0.7f},
      BspmOptions{.sharpening_solver = SharpeningSolver::kEuler, .merge = FilterMerge::kLate, .seed = 9},
      SparseEaseOptions{.regularization = 7.5f, .neighbours = 20},
      SlimOptions{.l1_regularization = 0.1f, .l2_regularization = 3, .neighbours = 9, .passes = 4},
      Rp3BetaOptions{.alpha = 0.7f, .beta = 0.3f, .neighbours = 50},
      BlendOptions{},
      BlendOptions{.parts = {{"item-knn", {{"similarity", "bm25"}, {"bm25_b", "0.5"}}}, {"popularity", {}}},
                   .fusion = BlendFusion::kRanks,
                   .weights = std::vector<float>{1, 0.25f},
                   .rank_offset = 7}};
  for (const ModelOptions& options : all) {
    const std::vector<OptionSetting> settings = FormatOptions(options);
    const absl::StatusOr<ModelOptions> parsed = ParseModelOptions(ModelKind(options), settings);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(FormatOptions(*parsed), settings);  // values are written out that were unset before
  }
}

TEST(ModelSpec, OptionsWithoutEffectAreNotFormatted) {
  const auto names = [](const ModelOptions& options) {
    std::vector<std::string> result;
    for (const OptionSetting& setting : FormatOptions(options)) result.push_back(setting.first);
    return result;
  };
  EXPECT_THAT(names(ItemKnnOptions{.similarity = KnnSimilarity::kCosine}),
              testing::ElementsAre("similarity", "neighbours", "neighbour_mass"));
  EXPECT_THAT(names(IalsOptions{.solver = IalsSolver::kExact}), testing::Not(testing::Contains("cg_steps")));
}

TEST(ModelSpec, TheTableShowsTheDefaultsThatParsingGives) {
  for (std::string_view kind : ModelKinds()) {
    const std::vector<OptionInfo> table = OptionTable(kind).value();
    std::vector<OptionSetting> used;
    for (const OptionSetting& setting : FormatOptions(*ParseModelOptions(kind, {}))) {
      const auto info =
          std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.name == setting.first; });
      ASSERT_NE(info, table.end()) << setting.first;
      EXPECT_EQ(info->default_value, setting.second) << setting.first;
    }
  }
}

// The two ends of a numeric range "low..high" or "above low..high"; nothing for a list of names.
std::vector<std::string> EndsOf(const std::string& range) {
  const std::size_t dots = range.find("..");
  if (dots == std::string::npos) return {};
  return {range.substr(0, dots), range.substr(dots + 2)};
}

TEST(ModelSpec, TheRangesShownAreTheRangesChecked) {
  const std::vector<OptionSetting> bm25 = {{"similarity", "bm25"}};
  for (std::string_view kind : ModelKinds()) {
    const std::vector<OptionInfo> table = OptionTable(kind).value();
    for (const OptionInfo& info : table) {
      SCOPED_TRACE(info.name);
      std::vector<OptionSetting> settings;
      if (info.name.starts_with("bm25")) settings = bm25;
      if (info.name == "cg_steps") settings = {{"solver", "cg"}};
      if (info.name == "block") settings = {{"solver", "block"}};
      if (info.name == "rank_offset") settings = {{"fusion", "ranks"}};
      const auto accepts = [&](const std::string& value) {
        std::vector<OptionSetting> with = settings;
        with.emplace_back(info.name, value);
        return ParseModelOptions(kind, with).ok();
      };
      const std::vector<std::string> ends = EndsOf(info.range);
      if (ends.empty()) continue;
      EXPECT_FALSE(accepts("-1"));
      EXPECT_FALSE(accepts("nan"));
      EXPECT_FALSE(accepts("1e30"));
      EXPECT_TRUE(accepts(ends[1])) << ends[1];
      if (ends[0].starts_with("above ")) {
        EXPECT_FALSE(accepts(ends[0].substr(6)));
      } else {
        EXPECT_TRUE(accepts(ends[0])) << ends[0];
      }
    }
  }
}

TEST(ModelSpec, AnOptionThatTheModelDoesNotUseIsAnErrorThatListsThoseItDoes) {
  EXPECT_THAT(ErrorOf("item-knn", {{"dimensions", "64"}}),
              HasSubstr("item-knn: want one of similarity, neighbours, neighbour_mass, user_exponent"));
  EXPECT_THAT(ErrorOf("popularity", {{"neighbours", "5"}}), HasSubstr("popularity: want no options, got 'neighbours'"));
  EXPECT_THAT(
      ErrorOf("knn", {}),
      HasSubstr("model: want one of popularity, item-knn, ials, ease, gf-cf, bspm, bpr, warp, sparse-ease, slim, "
                "rp3beta, blend, explicit-als, user-knn, logistic-mf, got 'knn'"));
}

TEST(ModelSpec, AnOptionThatTheOthersMakeIneffectiveIsAnError) {
  EXPECT_THAT(ErrorOf("item-knn", {{"similarity", "cosine"}, {"user_exponent", "1"}}), HasSubstr("user_exponent"));
  EXPECT_THAT(ErrorOf("item-knn", {{"bm25_k1", "2"}}), HasSubstr("bm25_k1"));
  EXPECT_THAT(ErrorOf("ials", {{"solver", "exact"}, {"cg_steps", "3"}}), HasSubstr("cg_steps"));
}

TEST(ModelSpec, TextThatIsNoValueIsAnErrorThatNamesTheOption) {
  EXPECT_THAT(ErrorOf("item-knn", {{"neighbours", "many"}}),
              HasSubstr("item-knn.neighbours: want an integer in 0..2147483647, got 'many'"));
  for (const char* text : {"", " 5", "5 ", "0x10", "1.5", "99999999999999999999"})
    EXPECT_THAT(ErrorOf("item-knn", {{"neighbours", text}}), HasSubstr("want an integer"));
  EXPECT_THAT(ErrorOf("item-knn", {{"neighbour_mass", "half"}}), HasSubstr("want a number"));
  EXPECT_THAT(ErrorOf("item-knn", {{"similarity", "jaccard"}}), HasSubstr("degree, cosine, tfidf, bm25"));
  EXPECT_THAT(ErrorOf("ials", {{"seed", "1"}, {"seed", "2"}}), HasSubstr("ials.seed: want it once"));
}

TEST(ModelSpec, TrainsEveryKindAndCountsItsSteps) {
  const InteractionMatrix matrix = testing_support::RandomMatrix(1, 30, 20, 0.2);
  for (std::string_view kind : ModelKinds()) {
    int steps = 0;
    const TrainingControl control{.on_epoch = [&](const TrainingProgress&) { return ++steps > 0; }, .validation = {}};
    std::vector<OptionSetting> settings;
    if (kind == "ials") settings = {{"dimensions", "4"}, {"epochs", "3"}};
    const absl::StatusOr<TrainedModel> trained =
        TrainModel(matrix, *ParseModelOptions(kind, settings), control, Parallelism(1));
    ASSERT_TRUE(trained.ok()) << trained.status();
    EXPECT_EQ(trained->scorer->kind(), kind);
    EXPECT_EQ(trained->scorer->item_count(), 20u);
    EXPECT_EQ(trained->loss.size(), kind == "ials" ? 3u : 0u);
    EXPECT_GT(steps, 0);
  }
}

TEST(ModelSpec, ATrainingSaysWhichValueItTookForAuto) {
  const absl::StatusOr<ModelOptions> automatic = ParseModelOptions("ials", {{{"unobserved_weight", "auto"}}});
  ASSERT_TRUE(automatic.ok()) << automatic.status();
  EXPECT_EQ(*automatic, *ParseModelOptions("ials", {}));
  EXPECT_THAT(FormatOptions(*automatic), testing::Contains(OptionSetting("unobserved_weight", "auto")));
  const InteractionMatrix matrix = testing_support::RandomMatrix(1, 30, 20, 0.05);
  const absl::StatusOr<TrainedModel> trained = TrainModel(matrix, *automatic);
  ASSERT_TRUE(trained.ok()) << trained.status();
  const float taken = std::get<IalsOptions>(trained->options).unobserved_weight.value();
  EXPECT_NEAR(taken, kUnobservedToObserved * static_cast<double>(matrix.entries()) / 600.0, 1e-6);
  EXPECT_THAT(FormatOptions(trained->options),
              testing::Not(testing::Contains(OptionSetting("unobserved_weight", "auto"))));
  EXPECT_THAT(ErrorOf("ials", {{"unobserved_weight", "Auto"}}),
              HasSubstr("ials.unobserved_weight: want auto or a number in 0..1000, got 'Auto'"));
}

TEST(ModelSpec, ACancelledTrainingSaysSo) {
  const InteractionMatrix matrix = testing_support::RandomMatrix(1, 30, 20, 0.2);
  const TrainingControl control{.on_epoch = [](const TrainingProgress&) { return false; }, .validation = {}};
  for (std::string_view kind : ModelKinds())
    EXPECT_EQ(TrainModel(matrix, *ParseModelOptions(kind, {}), control).status().code(), absl::StatusCode::kCancelled);
}

TEST(ModelSpec, AModelOfASinglePassRefusesAStateAndFirstVectors) {
  const InteractionMatrix matrix = testing_support::RandomMatrix(1, 30, 20, 0.2);
  const IalsState state;
  for (std::string_view kind :
       {"popularity", "item-knn", "ease", "gf-cf", "bspm", "sparse-ease", "slim", "rp3beta", "blend"}) {
    SCOPED_TRACE(kind);
    const auto expect_refused = [&](const TrainingControl& control, const std::string& field) {
      const absl::Status status = TrainModel(matrix, *ParseModelOptions(kind, {}), control).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(status.message()), HasSubstr("TrainingControl." + field + ": want it with a model that"));
    };
    expect_refused({.on_epoch = {}, .validation = {}, .checkpoint = [](const IalsState&) { return absl::OkStatus(); }},
                   "checkpoint");
    expect_refused({.on_epoch = {}, .validation = {}, .resume = &state}, "resume");
    expect_refused({.on_epoch = {},
                    .validation = {},
                    .first_items = FactorMatrix(20, 16, SharedArray<float>(AlignedVector<float>(20 * 16, 1)))},
                   "first_items");
  }
}

TEST(ModelSpec, APlanGrowsWithTheWorkAndNeverOverflows) {
  const ModelOptions small = ItemKnnOptions{.neighbours = 10};
  const ModelOptions large = ItemKnnOptions{};
  EXPECT_LT(PlanModel(1000, 1000, 50'000, small).bytes_model, PlanModel(1000, 1000, 50'000, large).bytes_model);
  EXPECT_LT(PlanModel(1000, 1000, 50'000, IalsOptions{.dimensions = 16}).flops,
            PlanModel(1000, 1000, 50'000, IalsOptions{.dimensions = 64}).flops);
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  for (std::string_view kind : ModelKinds())
    EXPECT_GT(PlanModel(kHuge, kHuge, kHuge, *ParseModelOptions(kind, {})).bytes_peak, kHuge / 2) << kind;
  EXPECT_EQ(PlanModel(0, 0, 0, large).bytes_model, 0u);
}

TEST(ModelSpec, APlannedNeighbourTableIsAtLeastTheRealOne) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const InteractionMatrix matrix = testing_support::RandomMatrix(seed, 60, 80, 0.02 * static_cast<double>(seed + 1));
    for (const ItemKnnOptions& options :
         {ItemKnnOptions{}, ItemKnnOptions{.neighbours = 7}, ItemKnnOptions{.neighbour_mass = 0.5f}}) {
      const auto trained = TrainModel(matrix, options);
      ASSERT_TRUE(trained.ok());
      const auto& model = dynamic_cast<const SparseItemModel&>(*trained->scorer);
      EXPECT_GE(PlanModel(matrix.users(), matrix.items(), matrix.entries(), options).bytes_model,
                8 * model.weights().entries());
    }
  }
}

TEST(ModelSpec, ATrainingBeyondTheMemoryLimitIsRefusedWithWhatWouldFit) {
  const InteractionMatrix matrix = testing_support::RandomMatrix(1, 300, 900, 0.01);
  const std::uint64_t plan = PlanModel(matrix, EaseOptions{}).bytes_peak;
  TrainingControl control;
  bool begun = false;
  control.on_epoch = [&](const TrainingProgress&) { return begun = true; };
  control.memory_limit_bytes = plan - 1;
  const absl::Status status = TrainModel(matrix, EaseOptions{}, control).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(
      std::string(status.message()),
      testing::MatchesRegex("TrainModel.memory: want at most [0-9.]+ MB, got a plan of [0-9.]+ MB for ease with "
                            "900 items; with their defaults would fit: popularity, .*"));
  EXPECT_FALSE(begun);
  control.memory_limit_bytes = plan;
  EXPECT_TRUE(TrainModel(matrix, EaseOptions{}, control).ok());
  control.memory_limit_bytes = 1;
  EXPECT_THAT(std::string(TrainModel(matrix, PopularityOptions{}, control).status().message()),
              HasSubstr("with their defaults would fit: none"));
}

TEST(ModelSpec, ATrainingThatNoMachineHoldsIsRefusedWithoutALimit) {
  AlignedVector<std::uint64_t> offsets(2, 1);
  offsets[0] = 0;
  const InteractionMatrix matrix(
      SparseMatrix(50'000'000, SharedArray<std::uint64_t>(std::move(offsets)), SharedArray<std::uint32_t>({7}), {}));
  const absl::Status status = TrainModel(matrix, EaseOptions{}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("MB (what is available), got a plan of 1"));
}

TEST(ModelSpec, APlanOfAMatrixCountsThePairsThatDecide) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const InteractionMatrix matrix = testing_support::RandomMatrix(seed, 60, 80, 0.05 * static_cast<double>(seed + 1));
    const auto trained = TrainModel(matrix, ItemKnnOptions{});
    ASSERT_TRUE(trained.ok());
    const auto& model = dynamic_cast<const SparseItemModel&>(*trained->scorer);
    EXPECT_EQ(PlanModel(matrix, ItemKnnOptions{}, Parallelism(2)).bytes_model, 8 * (model.weights().entries() + 80));
  }
}

}  // namespace
}  // namespace waypost
