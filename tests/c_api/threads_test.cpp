// One model, many threads: concurrent calls answer as a single one does.
#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "c_api/world.hpp"
#include "waypost.h"

namespace waypost::c_api_test {
namespace {

constexpr std::uint32_t kUsers = 20;
constexpr std::uint32_t kN = 5;

using Row = std::array<std::uint32_t, kN>;

Row Ask(const waypost_model* model, std::uint32_t user) {
  Row items{};
  waypost_query query = WAYPOST_QUERY_INIT;
  query.user_index = user;
  query.n = kN;
  waypost_results results = WAYPOST_RESULTS_INIT;
  results.row_capacity = kN;
  results.items = items.data();
  const Error error(waypost_recommend(model, &query, &results));
  if (error != nullptr) items.fill(0);
  return items;
}

TEST(ConcurrentCalls, AnswerAsASingleOneDoes) {
  const Model model = TrainKnn();
  std::array<Row, kUsers> expected;
  for (std::uint32_t user = 0; user < kUsers; ++user) expected[user] = Ask(model.get(), user);
  std::atomic<int> differences = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 200; ++round) {
        const std::uint32_t user = static_cast<std::uint32_t>(thread * 7 + round) % kUsers;
        if (Ask(model.get(), user) != expected[user]) ++differences;
        const Error error(waypost_model_get_info(model.get(), nullptr));  // errors are made and freed alongside
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(differences, 0);
}

TEST(ConcurrentCalls, ManyAnswersAreTheSameForAnyNumberOfThreads) {
  const Model model = TrainKnn();
  std::vector<waypost_query> queries(500, WAYPOST_QUERY_INIT);
  for (std::uint32_t q = 0; q < queries.size(); ++q) {
    queries[q].user_index = q % kUsers;
    queries[q].n = kN;
  }
  std::vector<std::uint32_t> items(queries.size() * kN);
  std::vector<float> scores(items.size());
  waypost_results results = WAYPOST_RESULTS_INIT;
  results.row_capacity = kN;
  results.items = items.data();
  results.scores = scores.data();
  ASSERT_EQ(Error(waypost_recommend_many(model.get(), queries.data(), queries.size(), 1, &results)), nullptr);
  const std::vector<std::uint32_t> one_items = items;
  const std::vector<float> one_scores = scores;
  for (std::uint32_t threads : {2u, 7u}) {
    ASSERT_EQ(Error(waypost_recommend_many(model.get(), queries.data(), queries.size(), threads, &results)), nullptr);
    EXPECT_EQ(items, one_items);
    EXPECT_EQ(scores, one_scores);
  }
}

TEST(ConcurrentCalls, TrainingsRunBesideEachOther) {
  const Interactions interactions = MakeInteractions();
  std::array<waypost_model*, 3> models{};
  std::vector<std::thread> threads;
  for (waypost_model*& model : models)
    threads.emplace_back([&interactions, &model] {
      const Error error(waypost_train_item_knn(interactions.get(), nullptr, nullptr, &model));
    });
  for (std::thread& thread : threads) thread.join();
  for (waypost_model* model : models) {
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(Ask(model, 3), Ask(models[0], 3));
  }
  for (waypost_model* model : models) waypost_model_free(model);
}

}  // namespace
}  // namespace waypost::c_api_test
