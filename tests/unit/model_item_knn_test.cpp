#include "waypost/model/item_knn.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_item_knn.hpp"
#include "support/worlds.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::RandomMatrix;

constexpr KnnSimilarity kAll[] = {KnnSimilarity::kCosine, KnnSimilarity::kTfIdf, KnnSimilarity::kBm25,
                                  KnnSimilarity::kDegree};

SparseMatrix Neighbours(const InteractionMatrix& matrix, const ItemKnnOptions& options) {
  const absl::StatusOr<SparseItemModel> model = TrainItemKnn(matrix, options, {}, Parallelism(1));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? model->weights() : SparseMatrix();
}

void ExpectNear(const SparseMatrix& actual, const reference::DenseMatrix& expected) {
  const reference::DenseMatrix dense = reference::Dense(actual);
  ASSERT_EQ(dense.size(), expected.size());
  for (std::size_t j = 0; j < expected.size(); ++j)
    for (std::size_t i = 0; i < expected[j].size(); ++i)
      // t is float32 (2^-24) and enters twice, the result is rounded once more
      EXPECT_NEAR(dense[j][i], expected[j][i], 4e-7 * expected[j][i]) << j << ", " << i;
}

TEST(ItemKnn, EverySimilarityIsItsDefinition) {
  for (KnnSimilarity similarity : kAll) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      SCOPED_TRACE(std::string(KnnSimilarityName(similarity)) + " " + std::to_string(seed));
      const InteractionMatrix matrix =
          RandomMatrix(seed, 25, 40, seed % 2 == 0 ? 0.05 : 0.3, /*weighted=*/seed % 4 < 2);
      const ItemKnnOptions options{.similarity = similarity};
      ExpectNear(Neighbours(matrix, options), reference::NaiveSimilarities(matrix, options));
    }
  }
}

TEST(ItemKnn, OptionsOfASimilarityEnterItsFormula) {
  const InteractionMatrix matrix = RandomMatrix(3, 25, 40, 0.2, /*weighted=*/true);
  for (const ItemKnnOptions& options :
       {ItemKnnOptions{.user_exponent = 0.0f, .source_exponent = 0.0f, .target_exponent = 0.0f},
        ItemKnnOptions{.user_exponent = 0.0f, .source_exponent = 1.3f, .target_exponent = 0.0f},
        ItemKnnOptions{.user_exponent = 2.0f, .source_exponent = 0.0f, .target_exponent = 0.4f},
        ItemKnnOptions{.similarity = KnnSimilarity::kBm25, .bm25_k1 = 20.0f, .bm25_b = 0.1f}})
    ExpectNear(Neighbours(matrix, options), reference::NaiveSimilarities(matrix, options));
}

TEST(ItemKnn, CosineOfZeroOneDataIsTheDegreeFormWithHalfExponents) {
  const InteractionMatrix matrix = RandomMatrix(5, 30, 30, 0.2);
  const ItemKnnOptions degree{.user_exponent = 0.0f, .source_exponent = 0.5f, .target_exponent = 0.5f};
  ExpectNear(Neighbours(matrix, {.similarity = KnnSimilarity::kCosine}), reference::NaiveSimilarities(matrix, degree));
}

TEST(ItemKnn, ACountKeepsTheStrongestTargetsOfEachSource) {
  for (KnnSimilarity similarity : kAll) {
    const InteractionMatrix matrix = RandomMatrix(7, 40, 60, 0.15, /*weighted=*/true);
    reference::DenseMatrix expected = reference::NaiveSimilarities(matrix, {.similarity = similarity});
    reference::NaiveKeepCount(expected, 5);
    ExpectNear(Neighbours(matrix, {.similarity = similarity, .neighbours = 5}), expected);
  }
}

TEST(ItemKnn, ACountOfTiesKeepsTheLowerIndices) {
  // One user of items 0..4: every pair has the same similarity.
  const InteractionMatrix matrix(
      SparseMatrix(5, SharedArray<std::uint64_t>({0, 5}), SharedArray<std::uint32_t>({0, 1, 2, 3, 4}), {}));
  const SparseMatrix kept = Neighbours(matrix, {.neighbours = 2});
  EXPECT_THAT(kept.row(0).columns, testing::ElementsAre(1, 2));
  EXPECT_THAT(kept.row(1).columns, testing::ElementsAre(0, 2));
  EXPECT_THAT(kept.row(4).columns, testing::ElementsAre(0, 1));
}

TEST(ItemKnn, AShareKeepsTheStrongestSourcesOfEachTargetUpToThatShare) {
  const InteractionMatrix matrix = RandomMatrix(9, 40, 60, 0.15, /*weighted=*/true);
  const SparseMatrix all = Transpose(Neighbours(matrix, {}));
  const SparseMatrix kept = Transpose(Neighbours(matrix, {.neighbour_mass = 0.6f}));
  for (std::size_t target = 0; target < all.rows(); ++target) {
    double total = 0, held = 0;
    float weakest = std::numeric_limits<float>::max();
    for (float value : all.row(target).values) total += value;
    for (float value : kept.row(target).values) {
      held += value;
      weakest = std::min(weakest, value);
    }
    if (total == 0) continue;
    EXPECT_GE(held, 0.6 * total * (1 - 1e-6)) << target;            // sums of some 60 float32
    EXPECT_LT(held - weakest, 0.6 * total * (1 + 1e-6)) << target;  // none is kept beyond the share
    const auto stronger = std::count_if(all.row(target).values.begin(), all.row(target).values.end(),
                                        [&](float value) { return value > weakest; });
    EXPECT_LT(static_cast<std::size_t>(stronger), kept.row_size(target)) << target;  // they are the strongest
  }
}

TEST(ItemKnn, AShareAndACountTogetherApplyTheShareFirst) {
  const InteractionMatrix matrix = RandomMatrix(9, 40, 60, 0.15);
  reference::DenseMatrix expected = reference::Dense(Neighbours(matrix, {.neighbour_mass = 0.6f}));
  reference::NaiveKeepCount(expected, 4);
  ExpectNear(Neighbours(matrix, {.neighbours = 4, .neighbour_mass = 0.6f}), expected);
}

TEST(ItemKnn, PermutingUsersOnlyRoundsDifferently) {
  const SparseMatrix rows = testing_support::RandomSparse(11, 30, 20, 0.3);
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  for (std::size_t user = rows.rows(); user-- > 0;) {
    const SparseRowView row = rows.row(user);
    columns.insert(columns.end(), row.columns.begin(), row.columns.end());
    offsets.push_back(columns.size());
  }
  const InteractionMatrix reversed(SparseMatrix(rows.columns(), SharedArray<std::uint64_t>(std::move(offsets)),
                                                SharedArray<std::uint32_t>(std::move(columns)), {}));
  ExpectNear(Neighbours(reversed, {}), reference::Dense(Neighbours(InteractionMatrix(rows), {})));
}

TEST(ItemKnn, RefusesOptionsThatTheSimilarityDoesNotUse) {
  const InteractionMatrix matrix = RandomMatrix(1, 10, 10, 0.3);
  const auto message = [&](const ItemKnnOptions& options) {
    const auto model = TrainItemKnn(matrix, options);
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(model.status().message());
  };
  EXPECT_THAT(message({.similarity = KnnSimilarity::kCosine, .user_exponent = 1.0f}),
              HasSubstr("ItemKnnOptions.user_exponent: want it unset with similarity cosine, got 1"));
  EXPECT_THAT(message({.bm25_b = 0.5f}), HasSubstr("ItemKnnOptions.bm25_b: want it unset with similarity degree"));
  EXPECT_THAT(message({.neighbours = -1}), HasSubstr("ItemKnnOptions.neighbours: want 0 (all) or more, got -1"));
  EXPECT_THAT(message({.neighbour_mass = 0}), HasSubstr("ItemKnnOptions.neighbour_mass: want in (0, 1], got 0"));
  EXPECT_THAT(message({.source_exponent = std::nanf("")}), HasSubstr("ItemKnnOptions.source_exponent: want 0..2"));
}

// Row of one user with items 0 and 1, the second of the strength given.
InteractionMatrix WithStrength(float strength) {
  return InteractionMatrix(SparseMatrix(2, SharedArray<std::uint64_t>({0, 2}), SharedArray<std::uint32_t>({0, 1}),
                                        SharedArray<float>({1.0f, strength})));
}

TEST(ItemKnn, RefusesNegativeHugeAndNonFiniteStrengthsByUserAndItem) {
  for (float bad : {-1.0f, 0.0f, 2e6f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const auto model = TrainItemKnn(WithStrength(bad), {});
    ASSERT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(model.status().message()), HasSubstr("at user 0, item 1"));
  }
}

TEST(ItemKnn, StrengthsFarApartAreTrainedOrRefusedButNeverInfinite) {
  for (float tiny : {1e-6f, 1e-20f, 1e-38f}) {
    for (KnnSimilarity similarity : kAll) {
      const auto model = TrainItemKnn(WithStrength(tiny), {.similarity = similarity});
      if (!model.ok()) {
        EXPECT_THAT(std::string(model.status().message()), HasSubstr("want similarities up to"));
        continue;
      }
      for (float value : model->weights().values()) EXPECT_TRUE(std::isfinite(value));
    }
  }
  const auto model = TrainItemKnn(WithStrength(1e-38f), {.source_exponent = 2.0f, .target_exponent = 2.0f});
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ItemKnn, RefusesAMatrixWithoutInteractions) {
  EXPECT_EQ(TrainItemKnn(InteractionMatrix(), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ItemKnn, ReportsProgressAndStopsWhenAsked) {
  const InteractionMatrix matrix = RandomMatrix(2, 50, 700, 0.05);
  int last = 0, planned = 0;
  const TrainingControl watch{.on_epoch =
                                  [&](const TrainingProgress& progress) {
                                    EXPECT_EQ(progress.epoch, last + 1);
                                    last = progress.epoch;
                                    planned = progress.epochs;
                                    return true;
                                  },
                              .validation = {}};
  ASSERT_TRUE(TrainItemKnn(matrix, {}, watch, Parallelism(2)).ok());
  EXPECT_EQ(last, planned);
  const TrainingControl stop{.on_epoch = [](const TrainingProgress& progress) { return progress.epoch < 3; },
                             .validation = {}};
  EXPECT_EQ(TrainItemKnn(matrix, {}, stop, Parallelism(2)).status().code(), absl::StatusCode::kCancelled);
}

TEST(ItemKnn, AsksBetweenRowsWhetherToGoOn) {
  const InteractionMatrix matrix = RandomMatrix(2, 50, 700, 0.05);
  for (const float mass : {1.0f, 0.5f}) {
    const ItemKnnOptions options{.neighbours = 0, .neighbour_mass = mass};
    int asked = 0;
    TrainingControl control;
    control.cancelled = [&] { return ++asked < 0; };
    ASSERT_TRUE(TrainItemKnn(matrix, options, control, Parallelism(1)).ok());
    EXPECT_GT(asked, 2 * 700 / 16);  // more often than at the ends of its steps
    const int last = asked;
    for (const int enough : {1, last / 3, last - 1}) {
      asked = 0;
      control.cancelled = [&] { return ++asked >= enough; };
      EXPECT_EQ(TrainItemKnn(matrix, options, control, Parallelism(1)).status().code(), absl::StatusCode::kCancelled);
      EXPECT_EQ(asked, enough);
    }
    control.cancelled = [] { return true; };
    EXPECT_EQ(TrainItemKnn(matrix, options, control, Parallelism(3)).status().code(), absl::StatusCode::kCancelled);
  }
}

TEST(ItemKnn, ADamagedTableGivesAnErrorAndNoReadOutOfBounds) {
  const std::vector<std::uint32_t> history = {0};
  const UserView user{.user = {}, .history = {history, {}}};
  const Candidates all;
  const SparseItemModel beyond(
      "item-knn", SparseMatrix(2, SharedArray<std::uint64_t>({0, 1, 1}), SharedArray<std::uint32_t>({4000}),
                               SharedArray<float>({1.0f})));
  std::vector<float> scores(2);
  EXPECT_TRUE(beyond.Score(std::span(&user, 1), scores, Parallelism(1)).ok());
  EXPECT_TRUE(beyond.Similar(ItemIndex{0}, all, 5)->empty());
  const SparseItemModel infinite("item-knn",
                                 SparseMatrix(2, SharedArray<std::uint64_t>({0, 1, 1}), SharedArray<std::uint32_t>({1}),
                                              SharedArray<float>({std::numeric_limits<float>::infinity()})));
  EXPECT_EQ(infinite.Score(std::span(&user, 1), scores, Parallelism(1)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(infinite.TopK(std::span(&user, 1), std::span(&all, 1), 2, Parallelism(1)).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(infinite.Explain(user, ItemIndex{1}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(infinite.Similar(ItemIndex{0}, all, 5)->empty());
}

// Sums so small that they round to 0 in float32 leave gaps in a table whose rows were counted before.
TEST(ItemKnn, PairsThatRoundToZeroAreLeftOutOfTheTable) {
  const InteractionMatrix matrix(SparseMatrix(4, SharedArray<std::uint64_t>({0, 3, 5, 7}),
                                              SharedArray<std::uint32_t>({0, 1, 2, 2, 3, 1, 3}),
                                              SharedArray<float>({1e-30f, 1e-30f, 1e6f, 1, 1, 1, 1})));
  const ItemKnnOptions options{.user_exponent = 0.0f, .source_exponent = 0.0f, .target_exponent = 0.0f};
  for (int neighbours : {0, 1, 2, 3}) {
    ItemKnnOptions some = options;
    some.neighbours = neighbours;
    reference::DenseMatrix expected = reference::NaiveSimilarities(matrix, options);
    expected[0][1] = expected[1][0] = 0;  // 1e-60
    reference::NaiveKeepCount(expected, static_cast<std::size_t>(neighbours));
    const SparseMatrix kept = Neighbours(matrix, some);
    ExpectNear(kept, expected);
    EXPECT_EQ(kept.row_size(0), 1u) << neighbours;
    for (float value : kept.values()) EXPECT_GT(value, 0);
  }
}

TEST(ItemKnn, AnyNumberOfThreadsGivesTheSameTable) {
  const InteractionMatrix matrix = RandomMatrix(13, 300, 500, 0.05, /*weighted=*/true);
  for (const ItemKnnOptions& options :
       {ItemKnnOptions{}, ItemKnnOptions{.neighbours = 30}, ItemKnnOptions{.neighbours = 20, .neighbour_mass = 0.5f}}) {
    const SparseMatrix one = Neighbours(matrix, options);
    for (int threads : {2, 7}) {
      const SparseMatrix other = TrainItemKnn(matrix, options, {}, Parallelism(threads))->weights();
      EXPECT_THAT(other.offsets().span(), testing::ElementsAreArray(one.offsets().span()));
      EXPECT_THAT(other.column_indices().span(), testing::ElementsAreArray(one.column_indices().span()));
      EXPECT_THAT(other.values().span(), testing::ElementsAreArray(one.values().span()));
    }
  }
}

// TopK looks at few of the items; the list is the one of all scores, whatever their signs.
TEST(ItemKnn, TopKIsTheBestOfAllScores) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t items = 1 + random.Below(300);
    const SparseMatrix table = testing_support::RandomSparse(seed, items, items, 0.03);
    AlignedVector<float> values(table.entries());
    for (float& value : values) value = static_cast<float>(random.Below(5)) - (seed % 2 == 0 ? 2 : 0);
    const SparseItemModel model("item-knn", SparseMatrix(items, table.offsets(), table.column_indices(),
                                                         SharedArray<float>(std::move(values))));
    Bitmap allowed(items);
    std::vector<std::uint32_t> history, excluded;
    for (std::uint32_t item = 0; item < items; ++item) {
      if (random.Below(30) == 0) history.push_back(item);
      if (random.Below(4) == 0) excluded.push_back(item);
      if (random.Below(3) != 0) allowed.Set(item);
    }
    const UserView user{.user = {}, .history = {history, {}}};
    std::vector<float> scores(items);
    ASSERT_TRUE(model.Score(std::span(&user, 1), scores, Parallelism(1)).ok());
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{20}, items + 1}) {
      for (const Candidates& candidates :
           {Candidates{}, Candidates{nullptr, excluded}, Candidates{&allowed, {}}, Candidates{&allowed, excluded}}) {
        const auto found = model.TopK(std::span(&user, 1), std::span(&candidates, 1), k, Parallelism(1));
        ASSERT_TRUE(found.ok());
        EXPECT_EQ(found->front(), TopK(scores, k, candidates));
      }
    }
  }
}

TEST(KnnRow, KeepsTheStrongestAsAFullSortDoes) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t size = 1 + random.Below(400);
    const bool far_apart = seed % 3 == 0;
    const std::uint64_t distinct = seed % 2 == 0 ? 5 : 1'000'000;  // few values: many ties
    internal::KnnRow row(size);
    std::vector<std::pair<float, std::uint32_t>> order;
    for (std::uint32_t item = 0; item < size; ++item) {
      float similarity = static_cast<float>(1 + random.Below(distinct)) / 7;
      if (far_apart) similarity = std::ldexp(similarity, static_cast<int>(random.Below(200)) - 120);
      row.Push(2 * item, similarity);
      order.emplace_back(-similarity, 2 * item);
    }
    std::sort(order.begin(), order.end());
    const std::size_t count = 1 + random.Below(size + 10);
    row.KeepStrongest(count, 1);
    order.resize(std::min(count, size));
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    ASSERT_EQ(row.size(), order.size());
    for (std::size_t n = 0; n < order.size(); ++n) {
      EXPECT_EQ(row.items()[n], order[n].second);
      EXPECT_EQ(row.similarity(n), -order[n].first);
    }
  }
}

TEST(SparseAccumulator, GivesSumsBackAscendingAndStartsAnew) {
  internal::SparseAccumulator sums(20'000);
  std::vector<std::uint32_t> indices(20'000 + internal::SparseAccumulator::kSlack);
  const std::vector<std::uint32_t> first = {63, 64, 65, 66, 67, 4'095, 4'096, 19'999};
  const std::vector<std::uint32_t> second = {0, 64};
  const std::vector<float> values = {2, 4};
  for (int round = 0; round < 2; ++round) {
    sums.AddScaled({first, {}}, 1.5);
    sums.AddScaled({second, values}, 0.5);
    indices.resize(sums.TakeIndices(indices.data()));
    EXPECT_THAT(indices, testing::ElementsAre(0, 63, 64, 65, 66, 67, 4'095, 4'096, 19'999));
    std::vector<double> found;
    for (std::uint32_t index : indices) found.push_back(sums.Take(index));
    EXPECT_THAT(found, testing::ElementsAre(1, 1.5, 3.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5));
    indices.resize(20'000 + internal::SparseAccumulator::kSlack);
  }
  EXPECT_EQ(sums.TakeIndices(indices.data()), 0u);
}

TEST(DistinctCounter, CountsEachIndexOnceInASet) {
  internal::DistinctCounter counter(10);
  const std::vector<std::uint32_t> first = {1, 3, 9};
  const std::vector<std::uint32_t> second = {1, 2, 9};
  for (int round = 0; round < 3; ++round) {
    counter.Begin(9);
    counter.Add(first);
    EXPECT_EQ(counter.count(), 2u);
    counter.Add(second);
    EXPECT_EQ(counter.count(), 3u);
  }
}

}  // namespace
}  // namespace waypost
