// The engine through the C library: a backend's life, and what is refused.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "c_api/world.hpp"
#include "support/files.hpp"
#include "waypost.h"

// The Arrow C stream interface.
extern "C" struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema*);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray*);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

namespace waypost::c_api_test {
namespace {

using testing::HasSubstr;

struct FreeEngine {
  void operator()(waypost_engine* engine) const { waypost_engine_free(engine); }
  void operator()(waypost_answer* answer) const { waypost_answer_free(answer); }
};
using Engine = std::unique_ptr<waypost_engine, FreeEngine>;
using Answer = std::unique_ptr<waypost_answer, FreeEngine>;

void ExpectOk(waypost_error* owned) {
  const Error error(owned);
  EXPECT_EQ(error, nullptr) << waypost_error_message(error.get());
}

void ExpectError(waypost_error* owned, std::int32_t code, const char* part) {
  const Error error(owned);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(static_cast<std::int32_t>(waypost_error_code(error.get())), code);
  EXPECT_THAT(waypost_error_message(error.get()), HasSubstr(part));
}

class EngineTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  Engine Open() const {
    waypost_engine_options options = WAYPOST_ENGINE_OPTIONS_INIT;
    options.durability = WAYPOST_DURABILITY_FAST;
    options.max_threads = 1;
    const std::string path = Path("store");
    waypost_engine* engine = nullptr;
    ExpectOk(waypost_engine_open(path.data(), path.size(), &options, &engine));
    return Engine(engine);
  }

  static std::uint64_t Record(waypost_engine* engine, const std::vector<std::string>& users,
                              const std::vector<std::string>& items, const std::string& source) {
    const Strings user_column(users);
    const Strings item_column(items);
    const waypost_ids user_ids = user_column.ids();
    const waypost_ids item_ids = item_column.ids();
    waypost_events events = WAYPOST_EVENTS_INIT;
    events.users = &user_ids;
    events.items = &item_ids;
    std::uint64_t accepted = 0;
    ExpectOk(waypost_engine_record(engine, &events, source.data(), source.size(), 0, &accepted));
    return accepted;
  }

  void RecordAndPublish(waypost_engine* engine) const {
    const auto [users, items] = Rows();
    EXPECT_EQ(Record(engine, users, items, "web"), users.size());
    EXPECT_EQ(Record(engine, users, items, "web"), 0u);  // delivered again
    std::ofstream catalogue(Path("catalog.csv"));
    catalogue << "id,title,category,price\n";
    for (int item = 0; item < 12; ++item)
      catalogue << "c" << item << ",Course " << item << "," << (item % 2 == 0 ? "even" : "odd") << "," << item << "\n";
    catalogue.close();
    const std::string file = Path("catalog.csv");
    ExpectOk(waypost_engine_put_catalogue(engine, file.data(), file.size()));
    waypost_ials_options options = WAYPOST_IALS_OPTIONS_INIT;
    options.dimensions = 4;
    const std::string model = Path("m.waypost");
    ExpectOk(waypost_engine_train_ials(engine, model.data(), model.size(), &options));
    const std::string kind = "item-knn", settings = "neighbours=5";
    ExpectOk(waypost_engine_train(engine, model.data(), model.size(), kind.data(), kind.size(), settings.data(),
                                  settings.size()));
    ExpectOk(waypost_engine_train_ials(engine, model.data(), model.size(), &options));
    ExpectOk(waypost_engine_publish(engine, model.data(), model.size()));
  }

  waypost::testing_support::TemporaryFolder folder_;
};

Answer Ask(waypost_engine* engine, const waypost_engine_query& query) {
  waypost_answer* answer = nullptr;
  ExpectOk(waypost_engine_recommend(engine, &query, &answer));
  return Answer(answer);
}

waypost_engine_query For(const char* user, std::uint32_t n) {
  waypost_engine_query query = WAYPOST_ENGINE_QUERY_INIT;
  query.user = user;
  query.user_size = std::string(user).size();
  query.n = n;
  return query;
}

TEST_F(EngineTest, LivesABackendsLife) {
  Engine engine = Open();
  RecordAndPublish(engine.get());
  EXPECT_EQ(Record(engine.get(), {"new", "new"}, {"c0", "c4"}, ""), 2u);
  waypost_engine_query query = For("new", 3);
  const std::string filter = "price < 9 and category == 'even'";
  query.filter = filter.data();
  query.filter_size = filter.size();
  query.request = 9;
  const Answer answer = Ask(engine.get(), query);
  waypost_answer_info info = WAYPOST_ANSWER_INFO_INIT;
  ExpectOk(waypost_answer_get_info(answer.get(), &info));
  EXPECT_EQ(info.count, 3u);  // c2, c6, c8
  EXPECT_NE(info.model, 0u);
  std::vector<std::string> items;
  for (std::uint32_t n = 0; n < info.count; ++n) {
    waypost_suggestion suggestion = WAYPOST_SUGGESTION_INIT;
    ExpectOk(waypost_answer_get(answer.get(), n, &suggestion));
    EXPECT_EQ(suggestion.source, WAYPOST_SOURCE_FOLD_IN);
    EXPECT_EQ(suggestion.propensity, 1);
    items.emplace_back(suggestion.item, suggestion.item_size);
    EXPECT_EQ(std::string(suggestion.title, suggestion.title_size), "Course " + items.back().substr(1));
  }
  EXPECT_THAT(items, testing::UnorderedElementsAre("c2", "c6", "c8"));

  ExpectOk(waypost_engine_forget(engine.get(), "new", 3));
  const Answer after = Ask(engine.get(), For("new", 2));
  waypost_suggestion first = WAYPOST_SUGGESTION_INIT;
  ExpectOk(waypost_answer_get(after.get(), 0, &first));
  EXPECT_EQ(first.source, WAYPOST_SOURCE_TRENDING);

  waypost_answer* similar = nullptr;
  ExpectOk(waypost_engine_similar(engine.get(), "c3", 2, 4, &similar));
  const Answer owned(similar);
  ExpectOk(waypost_answer_get_info(similar, &info));
  EXPECT_GT(info.count, 0u);

  std::uint64_t size = 0;
  ExpectOk(waypost_engine_metrics(engine.get(), nullptr, 0, &size));
  std::string text(size, ' ');
  ExpectOk(waypost_engine_metrics(engine.get(), text.data(), text.size(), &size));
  EXPECT_THAT(text, HasSubstr("waypost_answers_total{source=\"fold-in\"} 1\n"));
  engine.reset();
  ExpectOk(waypost_answer_get(answer.get(), 2, &first));  // lives on
  EXPECT_EQ(std::string(first.item, first.item_size), items[2]);
  engine = Open();  // what was published is there again
  EXPECT_NE(Ask(engine.get(), For("u1", 2)), nullptr);
  ExpectOk(waypost_engine_reload(engine.get()));
}

TEST_F(EngineTest, HandsItsEventsOverAsArrowColumns) {
  const Engine engine = Open();
  const auto [users, items] = Rows();
  ASSERT_EQ(Record(engine.get(), users, items, "web"), users.size());
  ExpectOk(waypost_engine_forget(engine.get(), "u1", 2));
  ArrowArrayStream stream;
  ExpectOk(waypost_engine_export_arrow(engine.get(), &stream));
  waypost_interactions* interactions = nullptr;
  ExpectOk(waypost_interactions_create_from_arrow_stream(&stream, nullptr, nullptr, &interactions));
  waypost_interactions_info info = WAYPOST_INTERACTIONS_INFO_INIT;
  ExpectOk(waypost_interactions_get_info(interactions, &info));
  EXPECT_EQ(info.events, users.size() - static_cast<std::size_t>(std::count(users.begin(), users.end(), "u1")));
  waypost_interactions_free(interactions);
  ExpectError(waypost_engine_export_arrow(nullptr, &stream), WAYPOST_INVALID_ARGUMENT, "engine");
  EXPECT_EQ(stream.release, nullptr);
  ExpectError(waypost_engine_export_arrow(engine.get(), nullptr), WAYPOST_INVALID_ARGUMENT, "stream");
}

TEST_F(EngineTest, AnswersBeforeAnyModelIsPublished) {
  const Engine engine = Open();
  waypost_answer_info info = WAYPOST_ANSWER_INFO_INIT;
  ExpectOk(waypost_answer_get_info(Ask(engine.get(), For("u1", 2)).get(), &info));
  EXPECT_EQ(info.count, 0u);
  EXPECT_EQ(info.reason, WAYPOST_SHORT_CATALOGUE);
  EXPECT_EQ(info.model, 0u);
  EXPECT_EQ(Record(engine.get(), {"a", "b", "a"}, {"c1", "c1", "c2"}, ""), 3u);
  const Answer answer = Ask(engine.get(), For("u1", 2));
  waypost_suggestion first = WAYPOST_SUGGESTION_INIT;
  ExpectOk(waypost_answer_get(answer.get(), 0, &first));
  EXPECT_EQ(std::string(first.item, first.item_size), "c1");
  EXPECT_EQ(first.source, WAYPOST_SOURCE_TRENDING);
}

TEST_F(EngineTest, RefusesWhatItCannotDo) {
  const Engine engine = Open();
  waypost_answer* answer = nullptr;
  waypost_engine_query query = For("u1", 2);
  RecordAndPublish(engine.get());
  query.filter = "price <";
  query.filter_size = 7;
  ExpectError(waypost_engine_recommend(engine.get(), &query, &answer), WAYPOST_INVALID_ARGUMENT,
              "Filter: character 8: want a text or a number, got the end");
  EXPECT_EQ(answer, nullptr);
  query = For("u1", 2);
  query.category_cap = 3;
  ExpectError(waypost_engine_recommend(engine.get(), &query, &answer), WAYPOST_INVALID_ARGUMENT, "use_category_cap");
  ExpectError(waypost_engine_similar(engine.get(), "nowhere", 7, 2, &answer), WAYPOST_NOT_FOUND, "nowhere");
  ExpectError(waypost_engine_forget(engine.get(), "nobody", 6), WAYPOST_NOT_FOUND, "nobody");
  const std::string missing = Path("missing.waypost");
  ExpectError(waypost_engine_publish(engine.get(), missing.data(), missing.size()), WAYPOST_NOT_FOUND, "missing");
  waypost_engine* second = nullptr;
  const std::string path = Path("store");
  ExpectError(waypost_engine_open(path.data(), path.size(), nullptr, &second), WAYPOST_UNAVAILABLE, "");
  EXPECT_EQ(second, nullptr);
}

}  // namespace
}  // namespace waypost::c_api_test
