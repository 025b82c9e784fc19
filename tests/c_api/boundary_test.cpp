// What a caller can get wrong: sizes of structures, null pointers, columns whose offsets or bytes lie.
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "c_api/world.hpp"
#include "waypost.h"

namespace waypost::c_api_test {
namespace {

using testing::HasSubstr;

void ExpectError(waypost_error* owned, std::uint32_t code, const std::string& part) {
  const Error error(owned);
  EXPECT_EQ(waypost_error_code(error.get()), code) << waypost_error_message(error.get());
  EXPECT_THAT(waypost_error_message(error.get()), HasSubstr(part));
}

void ExpectOk(waypost_error* owned) {
  const Error error(owned);
  EXPECT_EQ(error, nullptr) << waypost_error_message(error.get());
}

// The items of an answer of at most 12.
struct Answer {
  std::array<std::uint32_t, 12> items{};
  std::uint32_t count = 0;
  waypost_results results = WAYPOST_RESULTS_INIT;

  Answer() {
    results.row_capacity = items.size();
    results.items = items.data();
    results.counts = &count;
  }
};

TEST(StructSize, GivesMissingFieldsTheirDefaults) {
  const Model model = TrainKnn();
  waypost_query query = WAYPOST_QUERY_INIT;
  query.user_index = 3;
  Answer whole;
  ExpectOk(waypost_recommend(model.get(), &query, &whole.results));
  query.struct_size = offsetof(waypost_query, n);  // an earlier version that ended before n
  query.n = 1;
  Answer shorter;
  ExpectError(waypost_recommend(model.get(), &query, &shorter.results), WAYPOST_INVALID_ARGUMENT,
              "waypost_query.struct_size: want a multiple of 8");
  query.struct_size = offsetof(waypost_query, user_index);  // the user is lost too: the popular ranking of 10
  ExpectOk(waypost_recommend(model.get(), &query, &shorter.results));
  EXPECT_EQ(shorter.count, 10u);
  EXPECT_NE(shorter.items, whole.items);
}

TEST(StructSize, AllowsALaterStructureWhoseNewFieldsAreZero) {
  const Model model = TrainKnn();
  struct Later {
    waypost_query query;
    std::uint64_t news;
  } later = {WAYPOST_QUERY_INIT, 0};
  later.query.struct_size = sizeof(later);
  Answer answer;
  ExpectOk(waypost_recommend(model.get(), &later.query, &answer.results));
  later.news = std::uint64_t{1} << 40;
  ExpectError(waypost_recommend(model.get(), &later.query, &answer.results), WAYPOST_INVALID_ARGUMENT,
              "waypost_query: want zeros from byte");
  EXPECT_EQ(answer.count, 0u);
  EXPECT_EQ(answer.items[0], WAYPOST_NO_INDEX);
}

TEST(StructSize, RefusesASizeThatNoVersionHas) {
  const Model model = TrainKnn();
  for (std::uint32_t size : {0u, 1u, 3u, 7u, 1u << 20, std::numeric_limits<std::uint32_t>::max()}) {
    waypost_query query = WAYPOST_QUERY_INIT;
    query.struct_size = size;
    Answer answer;
    ExpectError(waypost_recommend(model.get(), &query, &answer.results), WAYPOST_INVALID_ARGUMENT, "struct_size");
    waypost_model_info info = WAYPOST_MODEL_INFO_INIT;
    info.struct_size = size;
    ExpectError(waypost_model_get_info(model.get(), &info), WAYPOST_INVALID_ARGUMENT, "struct_size");
  }
}

TEST(StructSize, WritesNoFurtherThanTheCallersStructure) {
  const Model model = TrainKnn();
  waypost_model_info info;
  std::memset(&info, 0x5A, sizeof(info));
  info.struct_size = offsetof(waypost_model_info, items);
  ExpectOk(waypost_model_get_info(model.get(), &info));
  EXPECT_EQ(info.users, 20u);
  EXPECT_EQ(info.items, 0x5A5A5A5A5A5A5A5Au);
}

TEST(StructSize, WalksManyQueriesByTheirOwnSize) {
  const Model model = TrainKnn();
  struct Later {
    waypost_query query;
    std::uint64_t news;
  };
  std::array<Later, 3> later = {{{WAYPOST_QUERY_INIT, 0}, {WAYPOST_QUERY_INIT, 0}, {WAYPOST_QUERY_INIT, 0}}};
  for (std::uint32_t user = 0; user < 3; ++user) {
    later[user].query.struct_size = sizeof(Later);
    later[user].query.user_index = user;
    later[user].query.n = 2;
  }
  std::array<std::uint32_t, 6> items{};
  waypost_results results = WAYPOST_RESULTS_INIT;
  results.row_capacity = 2;
  results.items = items.data();
  ExpectOk(waypost_recommend_many(model.get(), &later[0].query, 3, 1, &results));
  for (std::uint32_t user = 0; user < 3; ++user) {
    Answer one;
    ExpectOk(waypost_recommend(model.get(), &later[user].query, &one.results));
    EXPECT_EQ(items[2 * user], one.items[0]);
    EXPECT_EQ(items[2 * user + 1], one.items[1]);
  }
  later[1].query.struct_size = sizeof(waypost_query);
  ExpectError(waypost_recommend_many(model.get(), &later[0].query, 3, 1, &results), WAYPOST_INVALID_ARGUMENT,
              "queries[1]");
}

TEST(NullArguments, AreErrorsThatNameTheParameter) {
  const Model model = TrainKnn();
  const Interactions interactions = MakeInteractions();
  waypost_model* out = nullptr;
  waypost_interactions* interactions_out = nullptr;
  waypost_events events = WAYPOST_EVENTS_INIT;
  waypost_query query = WAYPOST_QUERY_INIT;
  waypost_similar_query similar = WAYPOST_SIMILAR_QUERY_INIT;
  waypost_explanation explanation = WAYPOST_EXPLANATION_INIT;
  waypost_model_info info = WAYPOST_MODEL_INFO_INIT;
  waypost_named_model named = WAYPOST_NAMED_MODEL_INIT;
  waypost_interactions_info interactions_info = WAYPOST_INTERACTIONS_INFO_INIT;
  waypost_ids ids = WAYPOST_IDS_INIT;
  const std::int64_t number = 1;
  ids.count = 1;
  ids.numbers = &number;
  const char* text = nullptr;
  std::uint64_t size = 0;
  std::uint32_t index = 0;
  Answer answer;
  const auto expect = [](waypost_error* error, const std::string& name) {
    ExpectError(error, WAYPOST_INVALID_ARGUMENT, name + ": want a pointer, got NULL");
  };
  expect(waypost_interactions_create(nullptr, nullptr, &interactions_out), "waypost_events");
  expect(waypost_interactions_create(&events, nullptr, nullptr), "interactions");
  expect(waypost_interactions_create(&events, nullptr, &interactions_out), "waypost_events.users");
  events.users = &ids;
  expect(waypost_interactions_create(&events, nullptr, &interactions_out), "waypost_events.items");
  expect(waypost_interactions_get_info(nullptr, &interactions_info), "interactions");
  expect(waypost_interactions_get_info(interactions.get(), nullptr), "waypost_interactions_info");
  expect(waypost_train_popularity(nullptr, nullptr, nullptr, &out), "interactions");
  expect(waypost_train_item_knn(interactions.get(), nullptr, nullptr, nullptr), "model");
  expect(waypost_train_ials(nullptr, nullptr, nullptr, &out), "interactions");
  expect(waypost_train(nullptr, "ease", 4, nullptr, 0, nullptr, &out), "interactions");
  expect(waypost_train(interactions.get(), "ease", 4, nullptr, 0, nullptr, nullptr), "model");
  expect(waypost_model_save(nullptr, "a", 1), "model");
  expect(waypost_model_save(model.get(), nullptr, 1), "path");
  expect(waypost_model_open(nullptr, 1, nullptr, &out), "path");
  expect(waypost_model_open("a", 1, nullptr, nullptr), "model");
  expect(waypost_model_get_info(nullptr, &info), "model");
  expect(waypost_model_get_info(model.get(), nullptr), "waypost_model_info");
  expect(waypost_model_get_named(nullptr, 0, &named), "model");
  expect(waypost_model_get_named(model.get(), 0, nullptr), "waypost_named_model");
  expect(waypost_model_find_users(nullptr, &ids, &index), "model");
  expect(waypost_model_find_users(model.get(), nullptr, &index), "ids");
  expect(waypost_model_find_items(model.get(), &ids, nullptr), "indices");
  expect(waypost_model_user_id(nullptr, 0, &text, &size), "model");
  expect(waypost_model_item_id(model.get(), 0, nullptr, &size), "text");
  expect(waypost_model_item_title(model.get(), 0, &text, nullptr), "size");
  expect(waypost_recommend(nullptr, &query, &answer.results), "model");
  expect(waypost_recommend(model.get(), nullptr, &answer.results), "waypost_query");
  expect(waypost_recommend(model.get(), &query, nullptr), "waypost_results");
  expect(waypost_recommend_many(model.get(), nullptr, 1, 1, &answer.results), "queries[0]");
  expect(waypost_recommend_many(model.get(), &query, 1, 1, nullptr), "waypost_results");
  expect(waypost_similar(model.get(), nullptr, &answer.results), "waypost_similar_query");
  expect(waypost_similar(nullptr, &similar, &answer.results), "model");
  expect(waypost_fold_in(nullptr, &query, nullptr, 0, &size), "model");
  expect(waypost_fold_in(model.get(), &query, nullptr, 0, nullptr), "dimensions");
  expect(waypost_fold_in(model.get(), &query, nullptr, 4, &size), "vector");
  expect(waypost_explain(nullptr, &query, 0, &explanation), "model");
  expect(waypost_explain(model.get(), &query, 0, nullptr), "waypost_explanation");
  answer.results.items = nullptr;
  expect(waypost_recommend(model.get(), &query, &answer.results), "waypost_results.items");
  EXPECT_EQ(waypost_error_code(nullptr), WAYPOST_OK);
  EXPECT_STREQ(waypost_error_message(nullptr), "");
}

// Two events whose columns a test then damages.
struct TwoEvents {
  Strings users{{"ada", "bob"}};
  Strings items{{"c1", "c2"}};
  waypost_ids user_ids = users.ids();
  waypost_ids item_ids = items.ids();
  waypost_events events = WAYPOST_EVENTS_INIT;
  waypost_weighting_options options = WAYPOST_WEIGHTING_OPTIONS_INIT;

  TwoEvents() {
    events.users = &user_ids;
    events.items = &item_ids;
  }

  void ExpectFailure(const std::string& part) {
    waypost_interactions* interactions = nullptr;
    ExpectError(waypost_interactions_create(&events, &options, &interactions), WAYPOST_INVALID_ARGUMENT, part);
    EXPECT_EQ(interactions, nullptr);
  }
  void ExpectSuccess() {
    waypost_interactions* interactions = nullptr;
    ExpectOk(waypost_interactions_create(&events, &options, &interactions));
    waypost_interactions_free(interactions);
  }
};

TEST(Columns, TakeASliceWhoseOffsetsDoNotBeginAtZero) {
  TwoEvents data;
  const std::array<std::int64_t, 3> offsets = {3, 6, 6 + 3};
  data.users.bytes = "xxxadabob";
  data.user_ids.bytes = data.users.bytes.data();
  data.user_ids.bytes_size = 9;
  data.user_ids.offsets32 = nullptr;
  data.user_ids.offsets64 = offsets.data();
  data.ExpectSuccess();
}

TEST(Columns, RefuseOffsetsThatDecreaseOrLeaveTheBuffer) {
  for (const std::array<std::int32_t, 3>& offsets : {std::array<std::int32_t, 3>{0, 4, 3},
                                                     {0, 3, 7},
                                                     {-1, 3, 6},
                                                     {0, 3, std::numeric_limits<std::int32_t>::max()}}) {
    TwoEvents data;
    data.user_ids.offsets32 = offsets.data();
    data.ExpectFailure("waypost_events.users[");
  }
  const std::array<std::int64_t, 3> offsets = {0, std::numeric_limits<std::int64_t>::max(),
                                               std::numeric_limits<std::int64_t>::min()};
  TwoEvents data;
  data.user_ids.offsets32 = nullptr;
  data.user_ids.offsets64 = offsets.data();
  data.ExpectFailure("waypost_events.users[0]: want offsets that ascend within 6 bytes");
}

TEST(Columns, RefuseTextThatIsNoUtf8EmptyOrTooLong) {
  TwoEvents data;
  data.users.bytes[4] = '\xFF';
  data.ExpectFailure("waypost_events.users[1]: want UTF-8, got byte 255 at 1");
  TwoEvents empty;
  empty.items.offsets[1] = 0;
  empty.ExpectFailure("waypost_events row 0: item: want 1..256 bytes, got 0");
  TwoEvents large;
  const Strings items({"c1", std::string(257, 'x')});
  large.item_ids = items.ids();
  large.ExpectFailure("waypost_events row 1: item: want 1..256 bytes, got 257");
}

TEST(Columns, RefuseNoFormTwoFormsAndDifferentLengths) {
  const std::array<std::int64_t, 2> numbers = {1, 2};
  TwoEvents both;
  both.user_ids.numbers = numbers.data();
  both.ExpectFailure("waypost_events.users: want one of offsets32, offsets64, numbers and indices, got 2");
  TwoEvents none;
  none.user_ids.offsets32 = nullptr;
  none.ExpectFailure("got 0");
  TwoEvents lengths;
  lengths.item_ids.count = 1;
  lengths.ExpectFailure("waypost_events.items: want 2 rows as in users, got 1");
  TwoEvents indices;
  const std::array<std::uint32_t, 2> dense = {0, 1};
  indices.user_ids.offsets32 = nullptr;
  indices.user_ids.indices = dense.data();
  indices.ExpectFailure("waypost_events.users[0]: want an id, got a dense index");
  TwoEvents bytes;
  bytes.user_ids.bytes = nullptr;
  bytes.ExpectFailure("waypost_events.users[0]: want bytes, got NULL");
}

TEST(Columns, RefuseKindsValuesAndTimesByRow) {
  TwoEvents kinds;
  const std::array<std::uint16_t, 2> numbers = {WAYPOST_KIND_VIEW, WAYPOST_KIND_COUNT};
  kinds.events.kinds = numbers.data();
  kinds.ExpectFailure("waypost_events row 1: kind: want 0..14, got 15");
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    TwoEvents values;
    const std::array<float, 2> column = {1, bad};
    values.events.values = column.data();
    values.ExpectFailure("waypost_events row 1: value: want a finite number, got ");
    const std::uint8_t first_only = 1;
    values.events.value_validity = &first_only;
    values.ExpectSuccess();
  }
  TwoEvents validity;
  const std::uint8_t all = 3;
  validity.events.time_validity = &all;
  validity.ExpectFailure("waypost_events.time_validity");
}

TEST(Columns, TakeKindsOfTheCallersOwn) {
  TwoEvents data;
  waypost_kind kind = WAYPOST_KIND_INIT;
  kind.name = "bookmark";
  kind.name_size = 8;
  data.events.kind_table = &kind;
  data.events.kind_count = 1;
  const std::array<std::uint16_t, 2> numbers = {WAYPOST_KIND_VIEW, WAYPOST_KIND_COUNT};
  data.events.kinds = numbers.data();
  data.ExpectSuccess();
  kind.role = 3;
  data.ExpectFailure("waypost_events.kind_table[0].role: want 0..2, got 3");
  kind.role = WAYPOST_ROLE_NEUTRAL;
  kind.name_size = 0;
  data.ExpectFailure("waypost_events.kind_table[0]");
  data.events.kind_table = nullptr;
  data.ExpectFailure("waypost_events.kind_table: want a pointer");
}

TEST(Columns, TitlesFitTheirItems) {
  TwoEvents data;
  const Strings items({"c2", "elsewhere"});
  const Strings titles({"Two", "Elsewhere"});
  waypost_ids item_ids = items.ids();
  waypost_ids title_ids = titles.ids();
  data.events.title_items = &item_ids;
  data.events.titles = &title_ids;
  data.ExpectSuccess();
  title_ids.count = 1;
  data.ExpectFailure("waypost_events.titles: want 2 rows as in title_items, got 1");
  data.events.titles = nullptr;
  data.ExpectFailure("waypost_events.titles: want a pointer");
}

TEST(Options, AreNeverIgnored) {
  TwoEvents data;
  data.options.min_value = 3;
  data.ExpectFailure("use_min_value: want 1 beside a min_value");
  data.options.min_value = 0;
  data.options.now_us = 5;
  data.ExpectFailure("use_now: want 1 beside now_us");
  data.options.now_us = 0;
  data.options.half_life_days = 30;
  data.ExpectFailure("WeightingOptions.now_us");
  data.options.half_life_days = 0;
  data.options.duplicates = 4;
  data.ExpectFailure("waypost_weighting_options.duplicates: want 0..3, got 4");

  const Interactions interactions = MakeInteractions();
  waypost_model* model = nullptr;
  waypost_item_knn_options knn = WAYPOST_ITEM_KNN_OPTIONS_INIT;
  knn.bm25_k1 = 1;
  ExpectError(waypost_train_item_knn(interactions.get(), &knn, nullptr, &model), WAYPOST_INVALID_ARGUMENT,
              "ItemKnnOptions.bm25_k1: want it unset with similarity degree");
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  train.max_threads = std::numeric_limits<std::uint32_t>::max();
  ExpectError(waypost_train_popularity(interactions.get(), nullptr, &train, &model), WAYPOST_INVALID_ARGUMENT,
              "waypost_train_options.max_threads");
  ExpectError(waypost_train(interactions.get(), nullptr, 4, nullptr, 0, nullptr, &model), WAYPOST_INVALID_ARGUMENT,
              "kind: want a pointer with size 4");
  ExpectError(waypost_train(interactions.get(), "ease", 4, nullptr, 3, nullptr, &model), WAYPOST_INVALID_ARGUMENT,
              "settings: want a pointer with size 3");
  const Model trained = TrainKnn();
  waypost_query query = WAYPOST_QUERY_INIT;
  const float weight = 1;
  query.history_weights = &weight;
  Answer answer;
  ExpectError(waypost_recommend(trained.get(), &query, &answer.results), WAYPOST_INVALID_ARGUMENT,
              "history_weights: want a history beside it");
  query.history_weights = nullptr;
  query.user = "u1";
  query.user_size = 2;
  query.user_index = 1;
  ExpectError(waypost_recommend(trained.get(), &query, &answer.results), WAYPOST_INVALID_ARGUMENT,
              "user_index: want no index beside an id");
  query.user = nullptr;
  ExpectError(waypost_recommend(trained.get(), &query, &answer.results), WAYPOST_INVALID_ARGUMENT,
              "waypost_query.user: want a pointer with size 2");
}

TEST(Recommend, RefusesAHistoryWeightByPosition) {
  const Model model = TrainKnn();
  const std::array<std::uint32_t, 2> items = {0, 1};
  waypost_ids history = WAYPOST_IDS_INIT;
  history.count = 2;
  history.indices = items.data();
  waypost_query query = WAYPOST_QUERY_INIT;
  query.history = &history;
  Answer answer;
  for (float bad : {0.0f, -1.0f, 2e6f, std::numeric_limits<float>::quiet_NaN()}) {
    const std::array<float, 2> weights = {1, bad};
    query.history_weights = weights.data();
    ExpectError(waypost_recommend(model.get(), &query, &answer.results), WAYPOST_INVALID_ARGUMENT,
                "Query.history[1].weight");
  }
  const std::array<std::uint32_t, 2> beyond = {0, 12};
  history.indices = beyond.data();
  query.history_weights = nullptr;
  ExpectError(waypost_recommend(model.get(), &query, &answer.results), WAYPOST_OUT_OF_RANGE,
              "waypost_query.history[1]: want an index below 12, got 12");
}

TEST(Recommend, ClearsTheWholeAnswerWhenOneOfManyQueriesFails) {
  const Model model = TrainKnn();
  std::array<waypost_query, 2> queries = {{WAYPOST_QUERY_INIT, WAYPOST_QUERY_INIT}};
  queries[0].user_index = 1;
  queries[1].user_index = 99;
  std::array<std::uint32_t, 24> items{};
  std::array<float, 24> scores;
  scores.fill(7);
  waypost_results results = WAYPOST_RESULTS_INIT;
  results.row_capacity = 12;
  results.items = items.data();
  results.scores = scores.data();
  ExpectError(waypost_recommend_many(model.get(), queries.data(), 2, 1, &results), WAYPOST_OUT_OF_RANGE,
              "queries[1]: Query.user: want below 20, got 99");
  EXPECT_THAT(items, testing::Each(WAYPOST_NO_INDEX));
  EXPECT_THAT(scores, testing::Each(0.0f));
  results.row_capacity = std::numeric_limits<std::uint64_t>::max();
  ExpectError(waypost_recommend_many(model.get(), queries.data(), 2, 1, &results), WAYPOST_INVALID_ARGUMENT,
              "row_capacity");
}

TEST(Explain, SaysHowManyReasonsThereAreWhenFewFit) {
  const Model model = TrainKnn();
  waypost_query query = WAYPOST_QUERY_INIT;
  query.user_index = 0;
  std::uint32_t item = 0;
  waypost_explanation explanation = WAYPOST_EXPLANATION_INIT;
  ExpectOk(waypost_explain(model.get(), &query, 3, &explanation));
  const std::uint64_t count = explanation.count;
  EXPECT_GT(count, 1u);
  explanation.capacity = 1;
  explanation.items = &item;
  ExpectOk(waypost_explain(model.get(), &query, 3, &explanation));
  EXPECT_EQ(explanation.count, count);
  ExpectError(waypost_explain(model.get(), &query, 12, &explanation), WAYPOST_OUT_OF_RANGE, "want below 12, got 12");
  EXPECT_EQ(explanation.count, 0u);
}

}  // namespace
}  // namespace waypost::c_api_test
