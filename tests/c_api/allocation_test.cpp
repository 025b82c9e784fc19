// The n-th allocation of a call fails: the call returns an error, its out-parameters are cleared, nothing leaks (under
// the address sanitizer), and the next call works.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "c_api/world.hpp"
#include "support/replaced_new.hpp"
#include "waypost.h"

namespace {

constexpr long kNever = -1;
std::atomic<long> allocations_left = kNever;  // of the whole process; the tests below run in one thread

}  // namespace

bool waypost::testing_support::MayAllocate(std::size_t) noexcept {
  if (allocations_left == kNever) return true;
  if (allocations_left == 0) return false;
  --allocations_left;
  return true;
}
void waypost::testing_support::HasFreed() noexcept {}

namespace waypost::c_api_test {
namespace {

// Calls with 0, 1, 2, ... allocations granted until one succeeds; `clean` is asked after each failure.
void ExpectErrorsUntilMemorySuffices(const std::function<waypost_error*()>& call, const std::function<bool()>& clean) {
  constexpr long kMany = 100000;
  for (long granted = 0; granted < kMany; ++granted) {
    allocations_left = granted;
    waypost_error* error = call();
    allocations_left = kNever;
    if (error == nullptr) {
      EXPECT_GT(granted, 0);
      return;
    }
    const Error owner(error);
    ASSERT_EQ(waypost_error_code(error), WAYPOST_RESOURCE_EXHAUSTED)
        << "after " << granted << " allocations: " << waypost_error_message(error);
    ASSERT_TRUE(clean()) << "after " << granted << " allocations";
  }
  FAIL() << "no success within " << kMany << " allocations";
}

TEST(FailedAllocation, LeavesNoTrainingDataBehind) {
  const Community community;
  const waypost_events events = community.events();
  // oneTBB counts the processors once in a process; where memory ends in that moment, it waits for itself for ever.
  MakeInteractions();
  waypost_interactions* interactions = nullptr;
  ExpectErrorsUntilMemorySuffices([&] { return waypost_interactions_create(&events, nullptr, &interactions); },
                                  [&] { return interactions == nullptr; });
  waypost_interactions_free(interactions);
}

TEST(FailedAllocation, LeavesNoModelBehind) {
  const Interactions interactions = MakeInteractions();
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  train.max_threads = 1;
  waypost_model* model = nullptr;
  const auto clean = [&] { return model == nullptr; };
  ExpectErrorsUntilMemorySuffices([&] { return waypost_train_popularity(interactions.get(), nullptr, &train, &model); },
                                  clean);
  waypost_model_free(model);
  model = nullptr;
  ExpectErrorsUntilMemorySuffices([&] { return waypost_train_item_knn(interactions.get(), nullptr, &train, &model); },
                                  clean);
  waypost_model_free(model);
  model = nullptr;
  waypost_ials_options ials = WAYPOST_IALS_OPTIONS_INIT;
  ials.dimensions = 4;
  ials.epochs = 2;
  ExpectErrorsUntilMemorySuffices([&] { return waypost_train_ials(interactions.get(), &ials, &train, &model); }, clean);
  waypost_model_free(model);
}

TEST(FailedAllocation, LeavesNoAnswerBehind) {
  const Model model = TrainKnn();
  const std::array<std::uint32_t, 3> indices = {1, 2, 3};
  waypost_ids list = WAYPOST_IDS_INIT;
  list.count = indices.size();
  list.indices = indices.data();
  waypost_query query = WAYPOST_QUERY_INIT;
  query.user_index = 4;
  query.n = 5;
  query.history = &list;
  query.exclude = &list;
  std::array<std::uint32_t, 10> items{};
  waypost_results results = WAYPOST_RESULTS_INIT;
  results.row_capacity = 5;
  results.items = items.data();
  const auto clean = [&] { return items[0] == WAYPOST_NO_INDEX; };
  ExpectErrorsUntilMemorySuffices([&] { return waypost_recommend(model.get(), &query, &results); }, clean);
  const std::array<waypost_query, 2> queries = {query, query};
  ExpectErrorsUntilMemorySuffices([&] { return waypost_recommend_many(model.get(), queries.data(), 2, 1, &results); },
                                  clean);
  waypost_similar_query similar = WAYPOST_SIMILAR_QUERY_INIT;
  similar.item_index = 2;
  similar.n = 5;
  ExpectErrorsUntilMemorySuffices([&] { return waypost_similar(model.get(), &similar, &results); }, clean);
  waypost_explanation explanation = WAYPOST_EXPLANATION_INIT;
  ExpectErrorsUntilMemorySuffices([&] { return waypost_explain(model.get(), &query, 5, &explanation); },
                                  [&] { return explanation.count == 0; });
}

TEST(FailedAllocation, ARecommendationForAKnownUserNeedsNone) {
  const Interactions interactions = MakeInteractions();
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  waypost_ials_options ials = WAYPOST_IALS_OPTIONS_INIT;
  ials.dimensions = 4;
  ials.epochs = 2;
  waypost_model* trained = nullptr;
  ASSERT_EQ(waypost_train_ials(interactions.get(), &ials, &train, &trained), nullptr);
  const Model model(trained);
  waypost_query query = WAYPOST_QUERY_INIT;
  query.user_index = 1;
  query.n = 3;
  std::array<std::uint32_t, 3> items{};
  waypost_results results = WAYPOST_RESULTS_INIT;
  results.row_capacity = 3;
  results.items = items.data();
  ASSERT_EQ(waypost_recommend(model.get(), &query, &results), nullptr);  // the thread's memory grows to the answer
  query.user_index = 2;
  allocations_left = 0;
  waypost_error* error = waypost_recommend(model.get(), &query, &results);
  allocations_left = kNever;
  EXPECT_EQ(error, nullptr);
  waypost_error_free(error);
  EXPECT_NE(items[0], WAYPOST_NO_INDEX);
}

TEST(FailedAllocation, LeavesNoFileAndNoModelBehind) {
  const Model model = TrainKnn();
  const std::string path = testing::TempDir() + "/c_api_allocation_test.waypost";
  ExpectErrorsUntilMemorySuffices([&] { return waypost_model_save(model.get(), path.data(), path.size()); },
                                  [] { return true; });
  waypost_model* opened = nullptr;
  ExpectErrorsUntilMemorySuffices([&] { return waypost_model_open(path.data(), path.size(), nullptr, &opened); },
                                  [&] { return opened == nullptr; });
  waypost_model_free(opened);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace waypost::c_api_test
