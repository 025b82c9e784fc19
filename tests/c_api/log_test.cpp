// The log callback (LightGBM #6975: lines arrived in pieces, and the fatal one not at all).
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "c_api/world.hpp"
#include "waypost.h"

namespace waypost::c_api_test {
namespace {

using Lines = std::vector<std::pair<std::uint32_t, std::string>>;

void Collect(void* context, std::uint32_t level, const char* line, std::uint64_t size) {
  EXPECT_EQ(line[size], '\0');
  static_cast<Lines*>(context)->emplace_back(level, std::string(line, size));
}

class LogCallback : public testing::Test {
 protected:
  LogCallback() { waypost_set_log_callback(Collect, &lines_); }
  ~LogCallback() override { waypost_set_log_callback(nullptr, nullptr); }

  Lines lines_;
};

TEST_F(LogCallback, GetsOneWholeLineACallWithItsLevel) {
  const Model model = TrainKnn();
  ASSERT_GE(lines_.size(), 3u);  // begin, steps, end
  for (const auto& [level, line] : lines_) {
    EXPECT_EQ(level, WAYPOST_LOG_INFO);
    EXPECT_THAT(line, testing::StartsWith("waypost_train_item_knn: "));
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
  EXPECT_EQ(lines_.back().second, "waypost_train_item_knn: done");
}

TEST_F(LogCallback, GetsEveryErrorThatACallReturns) {
  waypost_model* model = nullptr;
  const Error error(waypost_model_open("no\nsuch\nfile", 12, nullptr, &model));
  ASSERT_NE(error, nullptr);
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_EQ(lines_[0].first, WAYPOST_LOG_ERROR);
  std::string message = waypost_error_message(error.get());
  std::replace(message.begin(), message.end(), '\n', ' ');
  EXPECT_EQ(lines_[0].second, "waypost_model_open: " + message);
}

TEST_F(LogCallback, GetsAWarningForTitlesWithoutAnItem) {
  const Strings users({"ada"});
  const Strings items({"c1"});
  const Strings title_items({"c1", "elsewhere"});
  const Strings titles({"One", "Elsewhere"});
  const waypost_ids user_ids = users.ids(), item_ids = items.ids();
  const waypost_ids title_item_ids = title_items.ids(), title_ids = titles.ids();
  waypost_events events = WAYPOST_EVENTS_INIT;
  events.users = &user_ids;
  events.items = &item_ids;
  events.title_items = &title_item_ids;
  events.titles = &title_ids;
  waypost_interactions* interactions = nullptr;
  const Error error(waypost_interactions_create(&events, nullptr, &interactions));
  waypost_interactions_free(interactions);
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_EQ(lines_[0], std::pair(std::uint32_t{WAYPOST_LOG_WARNING},
                                 std::string("waypost_interactions_create: 1 of 2 titles belong to items without an "
                                             "event")));
}

TEST_F(LogCallback, IsSilentOnTheHotPathAndOnceItIsTakenAway) {
  const Model model = TrainKnn();
  lines_.clear();
  waypost_query query = WAYPOST_QUERY_INIT;
  query.user_index = 1;
  std::uint32_t items[10];
  waypost_results results = WAYPOST_RESULTS_INIT;
  results.row_capacity = 10;
  results.items = items;
  EXPECT_EQ(Error(waypost_recommend(model.get(), &query, &results)), nullptr);
  EXPECT_TRUE(lines_.empty());
  waypost_set_log_callback(nullptr, nullptr);
  EXPECT_NE(Error(waypost_recommend(nullptr, &query, &results)), nullptr);
  EXPECT_TRUE(lines_.empty());
}

void CallTheLibrary(void* context, std::uint32_t, const char*, std::uint64_t) {
  ++*static_cast<int*>(context);
  if (*static_cast<int*>(context) > 1) return;
  const Error error(waypost_model_get_info(nullptr, nullptr));  // logs in turn
}

TEST(LogCallbackThatCallsTheLibrary, DoesNotWaitForItself) {
  int calls = 0;
  waypost_set_log_callback(CallTheLibrary, &calls);
  const Error error(waypost_model_get_info(nullptr, nullptr));
  waypost_set_log_callback(nullptr, nullptr);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace waypost::c_api_test
