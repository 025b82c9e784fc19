#include "waypost/model/ials.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "reference/naive_ials.hpp"
#include "support/worlds.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

IalsTraining MustTrain(const InteractionMatrix& matrix, const IalsOptions& options, const TrainingControl& control = {},
                       const Parallelism& parallelism = Parallelism(1)) {
  auto training = TrainIals(matrix, options, control, parallelism);
  EXPECT_TRUE(training.ok()) << training.status();
  return *std::move(training);
}

reference::Rows ToRows(const FactorMatrix& factors) {
  reference::Rows rows(factors.rows());
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r].assign(factors.row(r), factors.row(r) + factors.dimensions());
  return rows;
}

bool AllFinite(const FactorMatrix& factors) {
  return std::all_of(factors.values().begin(), factors.values().end(), [](float v) { return std::isfinite(v); });
}

std::vector<std::vector<ScoredItem>> MustRank(const IalsModel& model, std::span<const UserView> users, std::size_t k) {
  const std::vector<Candidates> all(users.size());
  auto ranked = model.TopK(users, all, k, Parallelism(1));
  EXPECT_TRUE(ranked.ok()) << ranked.status();
  return *std::move(ranked);
}

UserView UserOf(const InteractionMatrix& matrix, std::uint32_t user) {
  return {.user = UserIndex{user}, .history = matrix.user_item().row(user)};
}

std::vector<UserView> AllUsers(const InteractionMatrix& matrix) {
  std::vector<UserView> users;
  for (std::uint32_t user = 0; user < matrix.users(); ++user) users.push_back(UserOf(matrix, user));
  return users;
}

// |a - b| / |b| over all rows.
double RelativeDifference(const reference::Rows& a, const reference::Rows& b) {
  double difference = 0;
  double norm = 0;
  for (std::size_t r = 0; r < b.size(); ++r) {
    for (std::size_t k = 0; k < b[r].size(); ++k) {
      difference += (a[r][k] - b[r][k]) * (a[r][k] - b[r][k]);
      norm += b[r][k] * b[r][k];
    }
  }
  return std::sqrt(difference / norm);
}

TEST(Ials, StoredUsersAreTheNaiveSolutionForTheItems) {
  for (bool weighted : {false, true}) {
    for (int dimensions : {8, 40}) {
      const InteractionMatrix matrix = RandomMatrix(7, 60, 50, 0.3, weighted);
      const IalsOptions options{
          .dimensions = dimensions, .epochs = 4, .regularization = 0.02f, .unobserved_weight = 0.1f};
      const IalsModel model = MustTrain(matrix, options).model;
      const reference::Rows items = ToRows(model.item_factors());
      const reference::Rows gramian = reference::NaiveGramian(items, items[0].size());
      reference::Rows expected;
      for (std::size_t user = 0; user < matrix.users(); ++user)
        expected.push_back(reference::NaiveRow(matrix.user_item().row(user), items, gramian, options));
      EXPECT_LT(RelativeDifference(ToRows(model.user_factors()), expected), 1e-5);
    }
  }
}

TEST(Ials, ItemsAreStoredInTheEigenbasisOfTheirGramian) {
  const IalsModel model = MustTrain(RandomMatrix(3, 80, 70, 0.2), {.dimensions = 24, .epochs = 3}).model;
  const reference::Rows gramian = reference::NaiveGramian(ToRows(model.item_factors()), 24);
  const double largest = model.gramian_eigenvalues()[0];
  for (std::size_t a = 0; a < 24; ++a) {
    for (std::size_t b = 0; b < 24; ++b)  // float32 factors: 70 products of relative error 1e-7 each
      EXPECT_NEAR(gramian[a][b], a == b ? model.gramian_eigenvalues()[a] : 0.0, 1e-6 * largest);
    EXPECT_LE(model.gramian_eigenvalues()[a], model.gramian_eigenvalues()[a == 0 ? 0 : a - 1]);
  }
}

TEST(Ials, TheLossIsTheObjectiveAndNeverRises) {
  for (bool weighted : {false, true}) {
    const InteractionMatrix matrix = RandomMatrix(11, 90, 70, 0.15, weighted);
    const IalsOptions options{.dimensions = 12,
                              .epochs = 30,
                              .regularization = 0.01f,
                              .unobserved_weight = 0.05f,
                              .solver = IalsSolver::kExact};
    const IalsTraining training = MustTrain(matrix, options);
    ASSERT_EQ(training.loss.size(), 30u);
    for (std::size_t epoch = 1; epoch < training.loss.size(); ++epoch)
      EXPECT_LE(training.loss[epoch], training.loss[epoch - 1] * (1 + 1e-6)) << epoch;
    const double final_loss = reference::NaiveLoss(matrix, ToRows(training.model.user_factors()),
                                                   ToRows(training.model.item_factors()), options);
    EXPECT_LE(final_loss, training.loss.back() * (1 + 1e-6));  // the last pass over users lowers it once more
    EXPECT_NEAR(final_loss, training.loss.back(), 0.01 * training.loss.back());
  }
}

TEST(Ials, ConjugateGradientsReachTheExactObjective) {
  const InteractionMatrix matrix = RandomMatrix(5, 80, 60, 0.2, true);
  IalsOptions options{.dimensions = 16, .epochs = 40, .regularization = 0.01f, .solver = IalsSolver::kExact};
  const double exact = MustTrain(matrix, options).loss.back();
  options.solver = IalsSolver::kCg;
  const IalsTraining training = MustTrain(matrix, options);
  EXPECT_EQ(training.solver, IalsSolver::kCg);
  EXPECT_NEAR(training.loss.back(), exact, 0.05 * exact);  // another path, so another local minimum
}

TEST(Ials, BlocksOfColumnsReachTheExactObjective) {
  const InteractionMatrix matrix = RandomMatrix(5, 80, 60, 0.5, true);  // rows longer than a block
  IalsOptions options{.dimensions = 48, .epochs = 40, .regularization = 0.01f, .solver = IalsSolver::kExact};
  const double exact = MustTrain(matrix, options).loss.back();
  options.solver = IalsSolver::kBlock;
  options.block = 16;
  const IalsTraining training = MustTrain(matrix, options);
  EXPECT_EQ(training.solver, IalsSolver::kBlock);
  EXPECT_NEAR(training.loss.back(), exact, 0.05 * exact);             // another path, so another local minimum
  for (std::size_t epoch = 1; epoch < training.loss.size(); ++epoch)  // each block is minimised exactly
    EXPECT_LE(training.loss[epoch], training.loss[epoch - 1] * (1 + 1e-6)) << epoch;
}

TEST(Ials, AutoTakesExactRowsWhereHistoriesAreShort) {
  const InteractionMatrix shorts = RandomMatrix(1, 400, 300, 0.02);
  EXPECT_EQ(ChooseIalsSolver(shorts, {.dimensions = 256}), IalsSolver::kExact);
  const InteractionMatrix longs = RandomMatrix(1, 1500, 1500, 0.5);
  EXPECT_EQ(ChooseIalsSolver(longs, {.dimensions = 512}), IalsSolver::kCg);
  EXPECT_EQ(ChooseIalsSolver(longs, {.dimensions = 512, .solver = IalsSolver::kExact}), IalsSolver::kExact);
}

TEST(Ials, OneTwoAndSevenThreadsGiveTheSameBytes) {
  const InteractionMatrix matrix = RandomMatrix(9, 700, 600, 0.03, true);
  for (IalsSolver solver : {IalsSolver::kExact, IalsSolver::kCg, IalsSolver::kBlock}) {
    const IalsOptions options{.dimensions = 20, .epochs = 2, .solver = solver};
    const IalsTraining one = MustTrain(matrix, options);
    for (int threads : {2, 7}) {
      const IalsTraining many = MustTrain(matrix, options, {}, Parallelism(threads));
      EXPECT_TRUE(std::ranges::equal(one.model.user_factors().values(), many.model.user_factors().values()));
      EXPECT_TRUE(std::ranges::equal(one.model.item_factors().values(), many.model.item_factors().values()));
      EXPECT_TRUE(std::ranges::equal(one.model.gramian_eigenvalues(), many.model.gramian_eigenvalues()));
      EXPECT_EQ(one.loss, many.loss);
    }
  }
}

TEST(Ials, FoldInOfAKnownHistoryIsTheStoredRowAndItsTopTwenty) {
  for (IalsSolver solver : {IalsSolver::kExact, IalsSolver::kCg, IalsSolver::kBlock}) {
    for (bool weighted : {false, true}) {
      const InteractionMatrix matrix = RandomMatrix(13, 120, 90, 0.2, weighted);
      const IalsModel model = MustTrain(matrix, {.dimensions = 16, .epochs = 3, .solver = solver}).model;
      std::vector<float> vector(model.dimensions());
      for (std::uint32_t user = 0; user < matrix.users(); ++user) {
        const SparseRowView history = matrix.user_item().row(user);
        ASSERT_TRUE(model.FoldIn(history, vector).ok());
        EXPECT_TRUE(std::equal(vector.begin(), vector.end(), model.user_factors().row(user))) << user;
        const std::array<UserView, 2> views = {UserView{.user = UserIndex{user}, .history = history},
                                               UserView{.user = {}, .history = history}};
        const auto ranked = MustRank(model, views, 20);
        EXPECT_EQ(ranked[0], ranked[1]) << user;
      }
    }
  }
}

TEST(Ials, ManyFoldInsAtOnceAreThoseOneByOne) {
  const InteractionMatrix matrix = RandomMatrix(13, 120, 90, 0.2, /*weighted=*/true);
  const IalsModel model = MustTrain(matrix, {.dimensions = 20, .epochs = 2}).model;
  std::vector<SparseRowView> histories;
  for (std::uint32_t user = 0; user < matrix.users(); ++user) histories.push_back(matrix.user_item().row(user));
  std::vector<float> vectors(histories.size() * model.dimensions());
  for (int threads : {1, 2, 7}) {
    ASSERT_TRUE(model.FoldIn(histories, vectors, Parallelism(threads)).ok());
    for (std::uint32_t user = 0; user < matrix.users(); ++user)
      EXPECT_TRUE(
          std::equal(vectors.begin() + user * 20, vectors.begin() + (user + 1) * 20, model.user_factors().row(user)));
  }
  EXPECT_EQ(model.FoldIn(histories, std::span(vectors).first(19), Parallelism(1)).code(),
            absl::StatusCode::kInvalidArgument);
  const std::vector<std::uint32_t> beyond = {90};
  histories[7] = {beyond, {}};
  EXPECT_EQ(model.FoldIn(histories, vectors, Parallelism(2)).code(), absl::StatusCode::kOutOfRange);
}

TEST(Ials, ScoresAndRankingsAreTheOneScoreFunction) {
  const InteractionMatrix matrix = RandomMatrix(17, 40, 300, 0.1);
  const IalsModel model = MustTrain(matrix, {.dimensions = 24, .epochs = 2}).model;
  const std::vector<UserView> users = AllUsers(matrix);
  std::vector<float> scores(users.size() * model.item_count());
  ASSERT_TRUE(model.Score(users, scores, Parallelism(2)).ok());
  const auto ranked = MustRank(model, users, 15);
  for (std::size_t user = 0; user < users.size(); ++user) {
    const std::span<const float> row =
        std::span<const float>(scores).subspan(user * model.item_count(), model.item_count());
    for (std::size_t item = 0; item < model.item_count(); ++item)
      EXPECT_EQ(row[item], GetScoreKernels().dot(model.user_factors().row(user), model.item_factors().row(item), 32));
    EXPECT_EQ(ranked[user], TopK(row, 15));
    EXPECT_EQ(MustRank(model, std::span(&users[user], 1), 15)[0], ranked[user]);
  }
}

TEST(Ials, ExplanationsAddUpToTheScore) {
  for (int dimensions : {6, 48}) {  // histories longer and shorter than the vectors
    for (bool weighted : {false, true}) {
      const InteractionMatrix matrix = RandomMatrix(19, 60, 80, 0.25, weighted);
      const IalsModel model = MustTrain(matrix, {.dimensions = dimensions, .epochs = 3}).model;
      for (std::uint32_t user = 0; user < 20; ++user) {
        for (std::uint32_t item = 0; item < 80; item += 7) {
          const auto explanation = model.Explain(UserOf(matrix, user), ItemIndex{item});
          ASSERT_TRUE(explanation.ok());
          EXPECT_EQ(explanation->base, 0);
          ASSERT_EQ(explanation->contributions.size(), matrix.user_item().row_size(user));
          double sum = 0;
          double largest = std::abs(explanation->score);
          for (const Contribution& part : explanation->contributions) {
            sum += part.amount;
            largest = std::max(largest, static_cast<double>(std::abs(part.amount)));
          }
          EXPECT_NEAR(sum, explanation->score, 1e-5 * largest);
        }
      }
    }
  }
}

TEST(Ials, AnAmountIsWhatTheScoreGainsFromTheTargetOfOneItem) {
  const InteractionMatrix matrix = RandomMatrix(23, 30, 40, 0.25, true);
  const IalsOptions options{.dimensions = 10, .epochs = 3, .unobserved_weight = 0.1f};
  const IalsModel model = MustTrain(matrix, options).model;
  const reference::Rows items = ToRows(model.item_factors());
  const SparseRowView history = matrix.user_item().row(4);
  const reference::Rows system = reference::NaiveSystem(history, items, reference::NaiveGramian(items, 10), options);
  const std::vector<double> solved = reference::NaiveSolve(system, items[3]);
  const auto explanation = model.Explain(UserOf(matrix, 4), ItemIndex{3});
  ASSERT_TRUE(explanation.ok());
  for (const Contribution& part : explanation->contributions) {
    const auto at = std::ranges::find(history.columns, part.item.value) - history.columns.begin();
    const double expected = static_cast<double>(history.value(static_cast<std::size_t>(at))) *
                            reference::Dot(solved, items[part.item.value]);
    EXPECT_NEAR(part.amount, expected, 1e-4 * std::abs(explanation->score) + 1e-6);
  }
}

TEST(Ials, AnotherHistoryThanTheStoredOneIsTheBase) {
  const InteractionMatrix matrix = RandomMatrix(29, 30, 40, 0.3);
  const IalsModel model = MustTrain(matrix, {.dimensions = 8, .epochs = 3}).model;
  const auto explanation = model.Explain({.user = UserIndex{2}, .history = {}}, ItemIndex{1});
  ASSERT_TRUE(explanation.ok());
  EXPECT_TRUE(explanation->contributions.empty());
  EXPECT_EQ(explanation->base, explanation->score);
}

TEST(Ials, SimilarItemsNeverIncludeTheItemAndComeFromItsGroup) {
  const InteractionMatrix matrix = PlantedMatrix(31, 300, 60, 3, 0.4, 0.01);
  const IalsModel model = MustTrain(matrix, {.dimensions = 3, .epochs = 8, .unobserved_weight = 0.1f}).model;
  for (std::uint32_t item = 0; item < 60; ++item) {
    const auto similar = model.Similar(ItemIndex{item}, {}, 10);
    ASSERT_TRUE(similar.ok());
    ASSERT_EQ(similar->size(), 10u);
    for (const ScoredItem& other : *similar) {
      EXPECT_NE(other.item.value, item);
      EXPECT_EQ(other.item.value % 3, item % 3);
      EXPECT_LE(other.score, 1.0f);
      EXPECT_GT(other.score, 0.0f);
    }
  }
}

TEST(Ials, FindsPlantedGroupsFarAbovePopularity) {
  constexpr std::size_t kGroups = 6;
  const InteractionMatrix matrix = PlantedMatrix(37, 400, 120, kGroups, 0.35, 0.01);
  const IalsModel model = MustTrain(matrix, {.dimensions = 16, .epochs = 10, .unobserved_weight = 0.1f}).model;
  std::size_t hits = 0;
  std::size_t total = 0;
  for (std::uint32_t user = 0; user < matrix.users(); ++user) {
    const UserView view = UserOf(matrix, user);
    const Candidates unseen{.allowed = nullptr, .excluded = view.history.columns};
    const auto ranked = model.TopK(std::span(&view, 1), std::span(&unseen, 1), 5, Parallelism(1));
    ASSERT_TRUE(ranked.ok());
    for (const ScoredItem& item : ranked->front()) hits += item.item.value % kGroups == user % kGroups;
    total += ranked->front().size();
  }
  EXPECT_GT(hits, total * 9 / 10);  // one in six by chance
}

TEST(Ials, MoreDimensionsThanUsersOrItemsGiveFiniteFactors) {  // implicit #377
  const InteractionMatrix matrix = RandomMatrix(41, 9, 7, 0.4);
  for (float regularization : {0.0f, 0.01f}) {
    const IalsModel model = MustTrain(matrix, {.dimensions = 64, .epochs = 6, .regularization = regularization}).model;
    EXPECT_TRUE(AllFinite(model.user_factors()));
    EXPECT_TRUE(AllFinite(model.item_factors()));
  }
}

TEST(Ials, AUserOrItemWithoutInteractionsHasAZeroVector) {  // oneDAL #33
  const InteractionMatrix matrix(
      SparseMatrix(4, SharedArray<std::uint64_t>({0, 2, 2, 3, 5}), SharedArray<std::uint32_t>({0, 1, 1, 0, 3}), {}));
  const IalsModel model = MustTrain(matrix, {.dimensions = 4, .epochs = 3}).model;
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_EQ(model.user_factors().row(1)[k], 0);
    EXPECT_EQ(model.item_factors().row(2)[k], 0);
  }
  const auto similar = model.Similar(ItemIndex{2}, {}, 3);
  ASSERT_TRUE(similar.ok());
  EXPECT_TRUE(similar->empty());
  const UserView nobody;
  const auto ranked = MustRank(model, std::span(&nobody, 1), 9);
  ASSERT_EQ(ranked[0].size(), 4u);
  for (const ScoredItem& item : ranked[0]) EXPECT_EQ(item.score, 0);
}

TEST(Ials, ZeroAndHugeRegularizationGiveFiniteFactors) {  // implicit #106
  const InteractionMatrix matrix = RandomMatrix(43, 60, 50, 0.2, true);
  for (IalsSolver solver : {IalsSolver::kExact, IalsSolver::kCg, IalsSolver::kBlock}) {
    for (float regularization : {0.0f, 1e-20f, 1e3f, 1e9f}) {
      for (float exponent : {0.0f, 1.0f, 2.0f}) {
        const IalsModel model = MustTrain(matrix, {.dimensions = 16,
                                                   .epochs = 5,
                                                   .regularization = regularization,
                                                   .regularization_exponent = exponent,
                                                   .solver = solver})
                                    .model;
        EXPECT_TRUE(AllFinite(model.user_factors())) << regularization;
        EXPECT_TRUE(AllFinite(model.item_factors())) << regularization;
      }
    }
  }
}

TEST(Ials, RefusesABadStrengthWithItsPlace) {  // implicit #80
  for (float bad : {NAN, INFINITY, -1.0f, 0.0f, 1e30f}) {
    const InteractionMatrix matrix(SparseMatrix(2, SharedArray<std::uint64_t>({0, 1, 3}),
                                                SharedArray<std::uint32_t>({1, 0, 1}),
                                                SharedArray<float>({1.0f, 2.0f, bad})));
    const absl::Status status = TrainIals(matrix, {.dimensions = 4}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("user 1, item 1"), std::string::npos) << status;
  }
}

TEST(Ials, RefusesBadOptionsByName) {
  const auto refused = [](IalsOptions options, std::string_view name) {
    const absl::Status status = Validate(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_NE(status.message().find(internal::ToAbsl(name)), std::string::npos) << status;
  };
  refused({.dimensions = 0}, "dimensions");
  refused({.dimensions = kMaxIalsDimensions + 1}, "dimensions");
  refused({.epochs = 0}, "epochs");
  refused({.regularization = -1}, "regularization");
  refused({.regularization = NAN}, "regularization");
  refused({.regularization_exponent = 3}, "regularization_exponent");
  refused({.unobserved_weight = -1}, "unobserved_weight");
  refused({.regularization = 0, .unobserved_weight = 0}, "regularization");
  refused({.init_sd = 0}, "init_sd");
  refused({.patience = -1}, "patience");
  refused({.solver = IalsSolver::kExact, .cg_steps = 3}, "cg_steps");
  refused({.solver = IalsSolver::kCg, .cg_steps = 0}, "cg_steps");
  refused({.solver = IalsSolver::kBlock, .cg_steps = 3}, "cg_steps");
  refused({.block = 64}, "block");
  refused({.solver = IalsSolver::kBlock, .block = 40}, "block");
  refused({.solver = IalsSolver::kBlock, .block = 0}, "block");
  EXPECT_TRUE(Validate(IalsOptions{}).ok());
  const InteractionMatrix matrix = RandomMatrix(1, 10, 10, 0.3);
  EXPECT_EQ(TrainIals(matrix, {.patience = 2}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Ials, AnUnsetUnobservedWeightFollowsTheDensityAndTheScaleOfStrengths) {
  const InteractionMatrix sparse = RandomMatrix(2, 60, 50, 0.02);
  const double density = static_cast<double>(sparse.entries()) / (60.0 * 50.0);
  EXPECT_FLOAT_EQ(AutomaticUnobservedWeight(sparse), static_cast<float>(kUnobservedToObserved * density));
  const auto scaled = [](float strength) {
    return InteractionMatrix(SparseMatrix(2, SharedArray<std::uint64_t>({0, 1, 2}), SharedArray<std::uint32_t>({1, 0}),
                                          SharedArray<float>({strength, 2 * strength})));
  };
  EXPECT_FLOAT_EQ(AutomaticUnobservedWeight(scaled(1)), static_cast<float>(1.5 * kMostUnobserved));  // half is observed
  EXPECT_FLOAT_EQ(AutomaticUnobservedWeight(scaled(10)), 10 * AutomaticUnobservedWeight(scaled(1)));
  EXPECT_EQ(AutomaticUnobservedWeight(scaled(4e5f)), kMaxUnobservedWeight);
  EXPECT_GT(AutomaticUnobservedWeight(scaled(1e-44f)), 0);
}

TEST(Ials, TheModelHoldsTheUnobservedWeightThatWasTaken) {
  const InteractionMatrix matrix = RandomMatrix(3, 40, 30, 0.2, true);
  IalsOptions options{.dimensions = 4, .epochs = 2};
  const IalsModel automatic = MustTrain(matrix, options).model;
  EXPECT_EQ(automatic.options().unobserved_weight, AutomaticUnobservedWeight(matrix));
  options.unobserved_weight = AutomaticUnobservedWeight(matrix);
  const IalsModel given = MustTrain(matrix, options).model;
  EXPECT_EQ(automatic.options(), given.options());
  EXPECT_TRUE(std::ranges::equal(automatic.item_factors().values(), given.item_factors().values()));
  EXPECT_TRUE(std::ranges::equal(automatic.user_factors().values(), given.user_factors().values()));
}

TEST(Ials, ReportsEachEpochAndStopsWhenCancelled) {
  const InteractionMatrix matrix = RandomMatrix(47, 40, 30, 0.2);
  std::vector<int> epochs;
  TrainingControl control;
  control.on_epoch = [&](const TrainingProgress& progress) {
    EXPECT_TRUE(progress.loss.has_value());
    EXPECT_EQ(progress.epochs, 5);
    epochs.push_back(progress.epoch);
    return progress.epoch < 3;
  };
  EXPECT_EQ(TrainIals(matrix, {.dimensions = 4, .epochs = 5}, control).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(epochs, (std::vector<int>{1, 2, 3}));
}

TEST(Ials, KeepsTheBestEpochAndStopsWhenPatienceEnds) {
  const InteractionMatrix matrix = RandomMatrix(53, 40, 30, 0.2);
  const IalsOptions options{.dimensions = 8, .epochs = 20, .patience = 3, .solver = IalsSolver::kExact};
  int calls = 0;
  TrainingControl control;
  control.validation = [&](const Scorer& model) -> absl::StatusOr<double> {
    EXPECT_EQ(model.user_count(), 40u);
    return ++calls <= 4 ? calls : 0;  // epoch 4 is the best
  };
  const IalsTraining stopped = MustTrain(matrix, options, control);
  EXPECT_EQ(calls, 7);
  EXPECT_EQ(stopped.epochs, 4);
  EXPECT_EQ(stopped.validation, 4.0);
  IalsOptions four = options;
  four.epochs = 4;
  four.patience = 0;
  const IalsTraining expected = MustTrain(matrix, four);
  EXPECT_TRUE(std::ranges::equal(stopped.model.user_factors().values(), expected.model.user_factors().values()));
  EXPECT_TRUE(std::ranges::equal(stopped.model.item_factors().values(), expected.model.item_factors().values()));
}

TEST(Ials, AFailedValidationEndsTheTraining) {
  const InteractionMatrix matrix = RandomMatrix(59, 10, 10, 0.3);
  TrainingControl control;
  control.validation = [](const Scorer&) -> absl::StatusOr<double> { return NAN; };
  EXPECT_EQ(TrainIals(matrix, {.dimensions = 4}, control).status().code(), absl::StatusCode::kInvalidArgument);
  control.validation = [](const Scorer&) -> absl::StatusOr<double> { return absl::NotFoundError("no test user"); };
  EXPECT_EQ(TrainIals(matrix, {.dimensions = 4}, control).status().code(), absl::StatusCode::kNotFound);
}

TEST(Ials, PermutedUsersPermuteTheResult) {
  const InteractionMatrix matrix = RandomMatrix(61, 50, 40, 0.2);
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  for (std::size_t user = matrix.users(); user-- > 0;) {
    const SparseRowView row = matrix.user_item().row(user);
    columns.insert(columns.end(), row.columns.begin(), row.columns.end());
    offsets.push_back(columns.size());
  }
  const InteractionMatrix reversed(SparseMatrix(40, SharedArray<std::uint64_t>(std::move(offsets)),
                                                SharedArray<std::uint32_t>(std::move(columns)), {}));
  const IalsOptions options{.dimensions = 6, .epochs = 3};
  const IalsModel a = MustTrain(matrix, options).model;
  const IalsModel b = MustTrain(reversed, options).model;
  std::vector<float> scores_a(50 * 40);
  std::vector<float> scores_b(50 * 40);
  ASSERT_TRUE(a.Score(AllUsers(matrix), scores_a, Parallelism(1)).ok());
  ASSERT_TRUE(b.Score(AllUsers(reversed), scores_b, Parallelism(1)).ok());
  for (std::size_t user = 0; user < 50; ++user)
    for (std::size_t item = 0; item < 40; ++item)  // sums over users run in another order: rounding only
      EXPECT_NEAR(scores_a[user * 40 + item], scores_b[(49 - user) * 40 + item], 1e-4);
}

TEST(Ials, RefusesABadHistory) {
  const IalsModel model = MustTrain(RandomMatrix(67, 20, 20, 0.3), {.dimensions = 4, .epochs = 1}).model;
  std::vector<float> vector(4);
  const std::array<std::uint32_t, 2> beyond = {3, 20};
  EXPECT_EQ(model.FoldIn({beyond, {}}, vector).code(), absl::StatusCode::kOutOfRange);
  const std::array<std::uint32_t, 2> twice = {3, 3};
  EXPECT_EQ(model.FoldIn({twice, {}}, vector).code(), absl::StatusCode::kInvalidArgument);
  const std::array<std::uint32_t, 1> one = {3};
  EXPECT_EQ(model.FoldIn({one, {}}, std::span(vector).first(3)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(model.Explain({.user = UserIndex{20}, .history = {}}, ItemIndex{0}).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(model.Similar(ItemIndex{20}, {}, 1).status().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace waypost
