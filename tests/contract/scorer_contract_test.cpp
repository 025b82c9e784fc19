// What every model promises through Scorer: one suite, run on each of them.
#include "waypost/model/scorer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/model_world.hpp"
#include "waypost/base/bitmap.hpp"
#include "waypost/base/top_k.hpp"

namespace waypost::contract {
namespace {

using testing_support::PlantedMatrix;
using testing_support::RandomMatrix;

std::string NameOf(const testing::TestParamInfo<ModelCase>& info) {
  return info.param.name;
}

// Models that know a user from another.
class PersonalScorer : public testing::TestWithParam<ModelCase> {};
INSTANTIATE_TEST_SUITE_P(Models, PersonalScorer, testing::ValuesIn(PersonalModels()), NameOf);

// 60 users and 30 items, weighted and not, with an empty user and an item without users among them.
class EveryScorer : public testing::TestWithParam<ModelCase> {
 protected:
  static std::vector<InteractionMatrix> Worlds() {
    return {RandomMatrix(1, 60, 30, 0.15), RandomMatrix(2, 60, 30, 0.15, /*weighted=*/true)};
  }
};
INSTANTIATE_TEST_SUITE_P(Models, EveryScorer, testing::ValuesIn(AllModels()), NameOf);

TEST_P(PersonalScorer, RecommendsTheOwnHalfOfACheckerboard) {
  // Users take items of their own parity only, half of them.
  const InteractionMatrix matrix = PlantedMatrix(1, 200, 40, 2, 0.5, 0);
  const auto scorer = TrainCase(GetParam(), matrix);
  for (const UserView& user : KnownUsers(matrix)) {
    const std::vector<ScoredItem> list =
        TopKOfOne(*scorer, user, {.allowed = nullptr, .excluded = user.history.columns}, 5);
    ASSERT_EQ(list.size(), 5u);
    for (const ScoredItem& item : list) EXPECT_EQ(item.item.value % 2, user.user->value % 2);
  }
}

TEST_P(PersonalScorer, FindsMostOfThreeNoisyCommunities) {
  const InteractionMatrix matrix = PlantedMatrix(2, 300, 60, 3, 0.4, 0.03);
  const auto scorer = TrainCase(GetParam(), matrix);
  int own = 0, listed = 0;
  for (const UserView& user : KnownUsers(matrix)) {
    for (const ScoredItem& item : TopKOfOne(*scorer, user, {.allowed = nullptr, .excluded = user.history.columns}, 5)) {
      own += item.item.value % 3 == user.user->value % 3;
      ++listed;
    }
  }
  EXPECT_GT(own, 0.8 * listed);  // one in three by chance
}

TEST_P(PersonalScorer, SimilarItemsComeFromTheSameCommunity) {
  const InteractionMatrix matrix = PlantedMatrix(3, 200, 40, 2, 0.5, 0);
  const auto scorer = TrainCase(GetParam(), matrix);
  for (std::uint32_t item = 0; item < matrix.items(); ++item) {
    const auto similar = scorer->Similar(ItemIndex{item}, {}, 3);
    ASSERT_TRUE(similar.ok());
    EXPECT_EQ(similar->size(), 3u);
    for (const ScoredItem& other : *similar) EXPECT_EQ(other.item.value % 2, item % 2);
  }
}

// k = 0, 1, all, more than there are: the best of Score in the one order, never padded, never doubled.
TEST_P(EveryScorer, TopKIsTheSortedScoresForEveryK) {
  for (const InteractionMatrix& matrix : Worlds()) {
    const auto scorer = TrainCase(GetParam(), matrix);
    const std::vector<UserView> users = KnownUsers(matrix);
    const std::vector<std::vector<float>> scores = ScoresOf(*scorer, users);
    for (std::size_t user = 0; user < users.size(); ++user) {
      std::vector<ScoredItem> sorted;
      for (std::uint32_t item = 0; item < matrix.items(); ++item) {
        ASSERT_TRUE(std::isfinite(scores[user][item]));
        sorted.push_back({ItemIndex{item}, scores[user][item]});
      }
      std::sort(sorted.begin(), sorted.end(), BetterFirst{});
      for (std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{10}, matrix.items(), matrix.items() + 5}) {
        const std::vector<ScoredItem> list = TopKOfOne(*scorer, users[user], {}, k);
        EXPECT_EQ(list, std::vector<ScoredItem>(
                            sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(std::min(k, sorted.size()))));
      }
    }
  }
}

TEST_P(EveryScorer, OneManyAndAllUsersGetTheSameBitsWithAnyNumberOfThreads) {
  for (const InteractionMatrix& matrix : Worlds()) {
    const auto scorer = TrainCase(GetParam(), matrix);
    std::vector<UserView> users = KnownUsers(matrix);
    const std::vector<UserView> strangers = Strangers(matrix);
    users.insert(users.end(), strangers.begin(), strangers.end());
    std::vector<Candidates> candidates;
    for (const UserView& user : users) candidates.push_back({.allowed = nullptr, .excluded = user.history.columns});
    const auto all = TopKOf(*scorer, users, candidates, 10);
    const auto scores = ScoresOf(*scorer, users);
    for (int threads : {2, 7}) {
      EXPECT_EQ(TopKOf(*scorer, users, candidates, 10, Parallelism(threads)), all);
      EXPECT_EQ(ScoresOf(*scorer, users, Parallelism(threads)), scores);
    }
    for (std::size_t user = 0; user < users.size(); ++user) {
      EXPECT_EQ(TopKOfOne(*scorer, users[user], candidates[user], 10), all[user]);
      EXPECT_EQ(ScoresOf(*scorer, {users[user]}).front(), scores[user]);
      EXPECT_EQ(TopK(scores[user], 10, candidates[user]), all[user]);  // brute force with the one score function
    }
    const auto few =
        TopKOf(*scorer, {users.begin() + 3, users.begin() + 20}, {candidates.begin() + 3, candidates.begin() + 20}, 10);
    EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin() + 3));
  }
}

TEST_P(EveryScorer, AUserWhoSawEverythingGetsAnEmptyList) {
  const InteractionMatrix matrix = Worlds().front();
  const auto scorer = TrainCase(GetParam(), matrix);
  std::vector<std::uint32_t> everything(matrix.items());
  for (std::uint32_t item = 0; item < matrix.items(); ++item) everything[item] = item;
  EXPECT_TRUE(TopKOfOne(*scorer, {{}, {everything, {}}}, {.allowed = nullptr, .excluded = everything}, 10).empty());
}

TEST_P(EveryScorer, ExcludingMItemsStillReturnsExactlyK) {
  const InteractionMatrix matrix = Worlds().front();
  const auto scorer = TrainCase(GetParam(), matrix);
  const UserView user = KnownUsers(matrix)[5];
  const std::vector<ScoredItem> ranked = TopKOfOne(*scorer, user, {}, matrix.items());
  constexpr std::size_t kWanted = 7;
  std::vector<std::uint32_t> excluded;
  for (std::size_t m = 0; m + kWanted <= matrix.items(); ++m) {  // the m best are excluded
    EXPECT_EQ(TopKOfOne(*scorer, user, {.allowed = nullptr, .excluded = excluded}, kWanted),
              std::vector<ScoredItem>(ranked.begin() + static_cast<std::ptrdiff_t>(m),
                                      ranked.begin() + static_cast<std::ptrdiff_t>(m + kWanted)));
    excluded.push_back(ranked[m].item.value);
    std::sort(excluded.begin(), excluded.end());
  }
}

TEST_P(EveryScorer, AnIncludeListSmallerThanKIsReturnedWholeWithoutWhatWasSeen) {
  const InteractionMatrix matrix = Worlds().front();
  const auto scorer = TrainCase(GetParam(), matrix);
  const UserView user = KnownUsers(matrix)[5];
  ASSERT_FALSE(user.history.empty());
  Bitmap allowed(matrix.items());
  const std::uint32_t seen = user.history.columns.front();
  std::set<std::uint32_t> expected;
  for (std::uint32_t item : {1u, 8u, 29u, 30u - 1u, seen}) allowed.Set(item);
  for (std::uint32_t item = 0; item < matrix.items(); ++item)
    if (allowed.Test(item) && !std::binary_search(user.history.columns.begin(), user.history.columns.end(), item))
      expected.insert(item);
  std::set<std::uint32_t> found;
  for (const ScoredItem& item : TopKOfOne(*scorer, user, {.allowed = &allowed, .excluded = user.history.columns}, 10))
    EXPECT_TRUE(found.insert(item.item.value).second) << "twice: " << item.item.value;
  EXPECT_EQ(found, expected);
}

TEST_P(EveryScorer, AFilterThatRejectsEverythingGivesAnEmptyList) {
  const InteractionMatrix matrix = Worlds().front();
  const auto scorer = TrainCase(GetParam(), matrix);
  const Bitmap none(matrix.items());
  for (const UserView& user : KnownUsers(matrix))
    EXPECT_TRUE(TopKOfOne(*scorer, user, {.allowed = &none, .excluded = {}}, 10).empty());
  EXPECT_TRUE(scorer->Similar(ItemIndex{0}, {.allowed = &none, .excluded = {}}, 10)->empty());
}

TEST_P(EveryScorer, ExplanationsAddUpToTheScore) {
  for (const InteractionMatrix& matrix : Worlds()) {
    const auto scorer = TrainCase(GetParam(), matrix);
    std::vector<UserView> users = KnownUsers(matrix);
    const std::vector<UserView> strangers = Strangers(matrix);
    users.insert(users.end(), strangers.begin(), strangers.end());
    const auto scores = ScoresOf(*scorer, users);
    for (std::size_t user = 0; user < users.size(); ++user) {
      for (std::uint32_t item = 0; item < matrix.items(); ++item) {
        const auto explanation = scorer->Explain(users[user], ItemIndex{item});
        ASSERT_TRUE(explanation.ok()) << explanation.status();
        EXPECT_EQ(explanation->score, scores[user][item]);
        double total = explanation->base;
        double largest = std::max(std::abs(explanation->base), std::abs(explanation->score));
        for (std::size_t n = 0; n < explanation->contributions.size(); ++n) {
          const Contribution& part = explanation->contributions[n];
          const auto& history = users[user].history.columns;
          EXPECT_TRUE(std::binary_search(history.begin(), history.end(), part.item.value));
          if (n > 0) {
            EXPECT_GE(explanation->contributions[n - 1].amount, part.amount);
          }
          total += part.amount;
          largest = std::max<double>(largest, std::abs(part.amount));
        }
        EXPECT_NEAR(total, scores[user][item], 1e-5 * largest);  // the promise of Explanation
      }
    }
  }
}

TEST_P(EveryScorer, AnItemIsNeverSimilarToItself) {
  for (const InteractionMatrix& matrix : Worlds()) {
    const auto scorer = TrainCase(GetParam(), matrix);
    for (std::uint32_t item = 0; item < matrix.items(); ++item) {
      const auto similar = scorer->Similar(ItemIndex{item}, {}, matrix.items() + 1);
      ASSERT_TRUE(similar.ok());
      EXPECT_TRUE(std::is_sorted(similar->begin(), similar->end(), BetterFirst{}));
      std::set<std::uint32_t> found;
      for (const ScoredItem& other : *similar) {
        EXPECT_NE(other.item.value, item);
        EXPECT_TRUE(std::isfinite(other.score));
        EXPECT_TRUE(found.insert(other.item.value).second);
      }
      const auto first = scorer->Similar(ItemIndex{item}, {}, 3);
      EXPECT_TRUE(std::equal(first->begin(), first->end(), similar->begin()));
      EXPECT_TRUE(scorer->Similar(ItemIndex{item}, {}, 0)->empty());
      if (similar->empty()) continue;
      const std::vector<std::uint32_t> best = {similar->front().item.value};
      const auto without = scorer->Similar(ItemIndex{item}, {.allowed = nullptr, .excluded = best}, matrix.items());
      EXPECT_TRUE(std::equal(without->begin(), without->end(), similar->begin() + 1, similar->end()));
    }
  }
}

TEST_P(EveryScorer, AStrangerWithATrainingUsersHistoryGetsThatUsersTop20Exactly) {
  for (const InteractionMatrix& matrix : Worlds()) {
    const auto scorer = TrainCase(GetParam(), matrix);
    const std::vector<Candidates> all(matrix.users());
    EXPECT_EQ(TopKOf(*scorer, Strangers(matrix), all, 20), TopKOf(*scorer, KnownUsers(matrix), all, 20));
  }
}

TEST_P(EveryScorer, FoldInWritesAVectorOfTheModelsLengthAndNoOther) {
  const InteractionMatrix matrix = Worlds().front();
  const auto scorer = TrainCase(GetParam(), matrix);
  std::vector<float> vector(scorer->dimensions());
  EXPECT_TRUE(scorer->FoldIn(matrix.user_item().row(5), vector).ok());
  for (float value : vector) EXPECT_TRUE(std::isfinite(value));
  vector.push_back(0);
  EXPECT_EQ(scorer->FoldIn(matrix.user_item().row(5), vector).code(), absl::StatusCode::kInvalidArgument);
}

TEST_P(EveryScorer, TrainingWithOneTwoAndSevenThreadsGivesTheSameFile) {
  // Large enough for many blocks of rows.
  const InteractionMatrix matrix = RandomMatrix(4, 400, 300, 0.04, /*weighted=*/true);
  const auto file = [&](int threads) {
    const auto bytes =
        SaveBundleToMemory(BundleOf(matrix, GetParam().kind, TrainCase(GetParam(), matrix, Parallelism(threads))));
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or(std::vector<std::byte>{});
  };
  const std::vector<std::byte> one = file(1);
  ASSERT_FALSE(one.empty());
  EXPECT_TRUE(file(2) == one);
  EXPECT_TRUE(file(7) == one);
}

TEST_P(EveryScorer, AnOpenedFileAnswersAsTheTrainedModelDoes) {
  for (const InteractionMatrix& matrix : Worlds()) {
    const auto scorer = TrainCase(GetParam(), matrix);
    const auto bytes = SaveBundleToMemory(BundleOf(matrix, GetParam().kind, scorer));
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    for (OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure}) {
      const auto bundle = OpenBundleFromMemory(*bytes, {.check = check});
      ASSERT_TRUE(bundle.ok()) << bundle.status();
      const Scorer& opened = *bundle->models.front().scorer;
      EXPECT_EQ(opened.kind(), scorer->kind());
      EXPECT_EQ(opened.user_count(), scorer->user_count());
      EXPECT_EQ(opened.dimensions(), scorer->dimensions());
      EXPECT_EQ(ScoresOf(opened, KnownUsers(matrix)), ScoresOf(*scorer, KnownUsers(matrix)));
      EXPECT_EQ(ScoresOf(opened, Strangers(matrix)), ScoresOf(*scorer, Strangers(matrix)));
      for (std::uint32_t item = 0; item < matrix.items(); ++item)
        EXPECT_EQ(*opened.Similar(ItemIndex{item}, {}, 9), *scorer->Similar(ItemIndex{item}, {}, 9));
    }
  }
}

TEST_P(EveryScorer, UsersAndItemsWithoutInteractionsAreServed) {
  // Users 0 and 3 took nothing; nobody took items 0 and 4.
  const InteractionMatrix matrix(
      SparseMatrix(5, SharedArray<std::uint64_t>({0, 0, 2, 4, 4}), SharedArray<std::uint32_t>({1, 2, 1, 3}), {}));
  const auto scorer = TrainCase(GetParam(), matrix);
  for (const std::vector<float>& row : ScoresOf(*scorer, KnownUsers(matrix)))
    for (float score : row) EXPECT_TRUE(std::isfinite(score));
  for (const UserView& user : KnownUsers(matrix)) EXPECT_EQ(TopKOfOne(*scorer, user, {}, 10).size(), 5u);
  for (std::uint32_t item = 0; item < 5; ++item) EXPECT_TRUE(scorer->Similar(ItemIndex{item}, {}, 3).ok());
  EXPECT_TRUE(scorer->Explain(KnownUsers(matrix).front(), ItemIndex{4}).ok());
}

TEST_P(EveryScorer, ASingleInteractionIsEnoughToTrainAndFewerItemsThanDimensionsAreFine) {
  const InteractionMatrix matrix(
      SparseMatrix(1, SharedArray<std::uint64_t>({0, 1}), SharedArray<std::uint32_t>({0}), {}));
  const auto scorer = TrainCase(GetParam(), matrix);
  const std::vector<ScoredItem> list = TopKOfOne(*scorer, KnownUsers(matrix).front(), {}, 3);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_TRUE(std::isfinite(list.front().score));
  EXPECT_TRUE(scorer->Similar(ItemIndex{0}, {}, 3)->empty());
}

TEST_P(EveryScorer, RefusesHistoriesThatAreNoHistories) {
  const InteractionMatrix matrix = Worlds().front();
  const auto scorer = TrainCase(GetParam(), matrix);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  struct Hostile {
    std::vector<std::uint32_t> items;
    std::vector<float> strengths;
    absl::StatusCode code;
  };
  const std::vector<Hostile> hostile = {{{30}, {}, absl::StatusCode::kOutOfRange},
                                        {{1, 0xffffffffu}, {}, absl::StatusCode::kOutOfRange},
                                        {{2, 1}, {}, absl::StatusCode::kInvalidArgument},
                                        {{2, 2}, {}, absl::StatusCode::kInvalidArgument},
                                        {{1, 2}, {1}, absl::StatusCode::kInvalidArgument},
                                        {{1, 2}, {1, 0}, absl::StatusCode::kInvalidArgument},
                                        {{1, 2}, {1, -1}, absl::StatusCode::kInvalidArgument},
                                        {{1, 2}, {1, 1e30f}, absl::StatusCode::kInvalidArgument},
                                        {{1, 2}, {nan, 1}, absl::StatusCode::kInvalidArgument},
                                        {{1, 2}, {infinity, 1}, absl::StatusCode::kInvalidArgument}};
  const UserView good = KnownUsers(matrix)[5];
  for (std::size_t n = 0; n < hostile.size(); ++n) {
    SCOPED_TRACE(n);
    const UserView bad{.user = {}, .history = {hostile[n].items, hostile[n].strengths}};
    const std::vector<UserView> users = {good, bad};  // one bad user fails the batch
    const std::vector<Candidates> candidates(2);
    std::vector<float> scores(2 * matrix.items());
    std::vector<float> vector(scorer->dimensions());
    EXPECT_EQ(scorer->Score(users, scores, Parallelism(1)).code(), hostile[n].code);
    EXPECT_EQ(scorer->TopK(users, candidates, 5, Parallelism(1)).status().code(), hostile[n].code);
    EXPECT_EQ(scorer->Explain(bad, ItemIndex{0}).status().code(), hostile[n].code);
    EXPECT_EQ(scorer->FoldIn(bad.history, vector).code(), hostile[n].code);
  }
}

TEST_P(EveryScorer, RefusesIndicesBeyondTheDataAndListsOfAnotherLength) {
  const InteractionMatrix matrix = Worlds().front();
  const auto scorer = TrainCase(GetParam(), matrix);
  const UserView good = KnownUsers(matrix)[5];
  const Candidates all;
  EXPECT_EQ(scorer->Similar(ItemIndex{30}, all, 3).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(scorer->Explain(good, ItemIndex{30}).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(scorer->TopK(std::span(&good, 1), {}, 3, Parallelism(1)).status().code(),
            absl::StatusCode::kInvalidArgument);
  std::vector<float> scores(matrix.items() + 1);
  for (const std::size_t size : {std::size_t{0}, matrix.items() - 1, matrix.items() + 1})
    EXPECT_EQ(scorer->Score(std::span(&good, 1), std::span(scores).first(size), Parallelism(1)).code(),
              absl::StatusCode::kInvalidArgument)
        << size;
  if (scorer->user_count() == 0) return;
  const UserView beyond{.user = UserIndex{60}, .history = good.history};
  EXPECT_EQ(scorer->TopK(std::span(&beyond, 1), std::span(&all, 1), 3, Parallelism(1)).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_P(EveryScorer, RefusesStrengthsThatCannotBeTrainedOnByUserAndItem) {
  for (float bad :
       {-1.0f, 0.0f, 1e30f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const InteractionMatrix matrix(SparseMatrix(3, SharedArray<std::uint64_t>({0, 1, 3}),
                                                SharedArray<std::uint32_t>({0, 1, 2}),
                                                SharedArray<float>({1.0f, 2.0f, bad})));
    const auto trained = TrainModel(matrix, ParseModelOptions(GetParam().kind, GetParam().settings).value());
    EXPECT_EQ(trained.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(trained.status().message()), testing::HasSubstr("user 1, item 2"));
  }
}

TEST_P(EveryScorer, RefusesToTrainOnNothing) {
  const ModelOptions options = ParseModelOptions(GetParam().kind, GetParam().settings).value();
  const InteractionMatrix empty_rows(SparseMatrix(3, SharedArray<std::uint64_t>({0, 0, 0}), {}, {}));
  EXPECT_EQ(TrainModel(empty_rows, options).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TrainModel(InteractionMatrix(), options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(IalsContract, NoRegularizationAndHugeRegularizationGiveFiniteScores) {
  const InteractionMatrix matrix = RandomMatrix(6, 40, 25, 0.2, /*weighted=*/true);
  for (const char* strength : {"0", "1e-9", "1e6", "1e9"}) {
    for (const char* solver : {"exact", "cg"}) {
      const auto scorer =
          TrainCase({"", "ials", {{"solver", solver}, {"dimensions", "40"}, {"regularization", strength}}}, matrix);
      for (const std::vector<float>& row : ScoresOf(*scorer, KnownUsers(matrix)))
        for (float score : row) EXPECT_TRUE(std::isfinite(score)) << strength << " " << solver;
    }
  }
}

}  // namespace
}  // namespace waypost::contract
