#include "waypost/serve/engine.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/files.hpp"
#include "waypost/base/random.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/serve/trending.hpp"

namespace waypost {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Strings = std::vector<std::string>;

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kStart = 20'000 * kDayUs;
constexpr int kItems = 30;

std::string Item(int item) {
  return "c" + std::to_string(item);
}

// A folder of this test's own, a clock that the test moves, and two tribes of learners: users and courses of one parity
// belong together.
class EngineTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  EngineOptions Options(StoreAccess access = StoreAccess::kWrite) const {
    EngineOptions options;
    options.store.access = access;
    options.store.durability = Durability::kFast;
    options.store.map_bytes = std::uint64_t{1} << 28;
    options.parallelism = Parallelism(1);
    options.clock_us = [this] { return clock_.load(); };
    options.trending_refresh_us = 0;
    return options;
  }

  std::unique_ptr<Engine> Open(const std::string& name = "store", StoreAccess access = StoreAccess::kWrite) const {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(Path(name), Options(access));
    EXPECT_TRUE(engine.ok()) << engine.status();
    return std::move(engine).value();
  }

  Event Does(const std::string& user, const std::string& item, std::uint16_t kind = kView) const {
    Event event;
    event.user = user;
    event.item = item;
    event.kind = kind;
    event.time_us = clock_.load();
    return event;
  }

  void Record(Engine& engine, const std::vector<std::pair<std::string, std::string>>& pairs,
              std::uint16_t kind = kView) const {
    std::vector<Event> events;
    for (const auto& [user, item] : pairs) events.push_back(Does(user, item, kind));
    const auto result = engine.Record(events);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->accepted, events.size());
  }

  void RecordTribes(Engine& engine) const {
    Random random(7);
    std::vector<std::pair<std::string, std::string>> pairs;
    for (int user = 0; user < 60; ++user)
      for (int item = user % 2; item < kItems; item += 2)
        if (random.Bernoulli(0.6)) pairs.emplace_back("u" + std::to_string(user), Item(item));
    Record(engine, pairs);
  }

  void PutCatalogue(Engine& engine) const {
    CatalogueBuilder builder;
    for (int item = 0; item < kItems; ++item) {
      CatalogueItem entry;
      entry.id = Item(item);
      entry.title = "Course " + std::to_string(item);
      entry.category = item % 2 == 0 ? "even" : "odd";
      entry.price = static_cast<float>(item);
      if (item == 10) entry.prerequisites = {"c8", "elsewhere"};
      ASSERT_TRUE(builder.Add(std::move(entry)).ok());
    }
    CatalogueItem other;
    other.id = "elsewhere";
    ASSERT_TRUE(builder.Add(std::move(other)).ok());
    const absl::Status put = engine.store().PutCatalogue(std::move(builder).Build());
    ASSERT_TRUE(put.ok()) << put;
  }

  void TrainAndPublish(Engine& engine, const std::string& file = "m.waypost", std::uint64_t seed = 1) const {
    const auto report = engine.Train(
        {.file = Path(file), .model = IalsOptions{.dimensions = 4, .epochs = 6, .seed = seed}, .control = {}});
    ASSERT_TRUE(report.ok()) << report.status();
    const absl::Status published = engine.Publish(Path(file));
    ASSERT_TRUE(published.ok()) << published;
  }

  static EngineAnswer Ask(Engine& engine, const EngineQuery& query) {
    absl::StatusOr<EngineAnswer> answer = engine.Recommend(query);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : EngineAnswer{};
  }

  static Strings Ids(const EngineAnswer& answer) {
    Strings ids;
    for (const Suggestion& suggestion : answer.recommendation.items) ids.emplace_back(suggestion.id);
    return ids;
  }

  static std::vector<Source> Sources(const EngineAnswer& answer) {
    std::vector<Source> sources;
    for (const Suggestion& suggestion : answer.recommendation.items) sources.push_back(suggestion.source);
    return sources;
  }

  testing_support::TemporaryFolder folder_;
  std::atomic<std::int64_t> clock_ = kStart;
};

EngineQuery For(const std::string& user, std::size_t n = 5) {
  EngineQuery query;
  query.query.user = user;
  query.query.n = n;
  return query;
}

TEST_F(EngineTest, TheNextQuestionKnowsWhatWasRecorded) {
  const auto engine = Open();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  EXPECT_NE(Ask(*engine, For("new")).recommendation.source, Source::kFoldIn);
  Record(*engine, {{"new", "c0"}, {"new", "c4"}, {"new", "c8"}});
  const EngineAnswer answer = Ask(*engine, For("new"));
  EXPECT_EQ(answer.recommendation.source, Source::kFoldIn);
  for (const std::string& id : Ids(answer)) {
    EXPECT_EQ(std::stoi(id.substr(1)) % 2, 0) << id;  // of the tribe
    EXPECT_THAT((Strings{"c0", "c4", "c8"}), Not(testing::Contains(id)));
  }
  Record(*engine, {{"new", Ids(answer)[0]}}, kDismiss);
  EXPECT_THAT(Ids(Ask(*engine, For("new", kItems))), Not(testing::Contains(Ids(answer)[0])));
  EngineQuery keep = For("new", kItems);
  keep.query.seen = SeenPolicy::kKeep;
  EXPECT_THAT(Ids(Ask(*engine, keep)), Not(testing::Contains(Ids(answer)[0])));
}

TEST_F(EngineTest, AnswersAsARecommenderThatIsToldTheHistory) {
  const auto engine = Open();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  ModelBundle bundle = OpenBundle(Path("m.waypost")).value();
  RecommenderParts parts;
  parts.items = bundle.items;
  for (NamedModel& model : bundle.models) parts.models.push_back({model.name, model.scorer});
  parts.default_model = bundle.default_model;
  const Recommender recommender = Recommender::Create(std::move(parts)).value();
  EXPECT_EQ(bundle.users.size(), 0u);  // nothing of a user is in the file
  const StoreSnapshot snapshot = engine->store().Snapshot().value();
  for (int user = 0; user < 60; user += 7) {
    SCOPED_TRACE(user);
    const std::string id = "u" + std::to_string(user);
    std::vector<StoredEvent> events;
    ASSERT_TRUE(snapshot.History(*snapshot.FindUser(id).value(), events).ok());
    Query query{.n = 7, .explain = true};
    for (const StoredEvent& event : events) query.history.push_back({snapshot.ItemId(event.item).value()});
    EngineQuery question = For(id, 7);
    question.query.explain = true;
    const EngineAnswer answer = Ask(*engine, question);
    const Recommendation expected = recommender.Recommend(query).value();
    ASSERT_EQ(answer.recommendation.items.size(), expected.items.size());
    for (std::size_t n = 0; n < expected.items.size(); ++n) {
      EXPECT_EQ(answer.recommendation.items[n].id, expected.items[n].id);
      EXPECT_EQ(answer.recommendation.items[n].score, expected.items[n].score);
      EXPECT_EQ(answer.recommendation.items[n].reasons.size(), expected.items[n].reasons.size());
    }
  }
}

TEST_F(EngineTest, AChainAnswersWhereNothingIsKnownAndNamesItsLinks) {
  const auto engine = Open();
  RecordTribes(*engine);
  PutCatalogue(*engine);
  TrainAndPublish(*engine);
  clock_ = kStart + 400 * kDayUs;  // what was popular no longer trends
  Record(*engine, {{"a", "c3"}, {"b", "c3"}, {"a", "c5"}});
  const EngineAnswer stranger = Ask(*engine, For("stranger", 4));
  EXPECT_EQ(stranger.recommendation.source, Source::kTrending);
  EXPECT_EQ(Ids(stranger)[0], "c3");
  EXPECT_EQ(Ids(stranger)[1], "c5");
  EXPECT_THAT(Sources(stranger), ElementsAre(Source::kTrending, Source::kTrending, Source::kPopular, Source::kPopular));
  Record(*engine, {{"shy", "c2"}}, kImpression);  // met, no sign of interest
  const EngineAnswer shy = Ask(*engine, For("shy", 4));
  EXPECT_THAT(Sources(shy), ElementsAre(Source::kTrending, Source::kTrending, Source::kPopularInCategory,
                                        Source::kPopularInCategory));
  for (std::size_t n = 2; n < 4; ++n) EXPECT_EQ(std::stoi(Ids(shy)[n].substr(1)) % 2, 0);
  EXPECT_THAT(Ids(shy), Not(testing::Contains("c2")));
  const EngineAnswer all = Ask(*engine, For("stranger", 100));
  const Strings ids = Ids(all);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kItems));
  EXPECT_EQ(all.recommendation.reason, ShortReason::kCatalogue);
  EngineQuery capped = For("stranger", 10);
  capped.query.category_cap = 2;
  EXPECT_THAT(Sources(Ask(*engine, capped)),
              ElementsAre(Source::kPopular, Source::kPopular, Source::kPopular, Source::kPopular));
}

TEST_F(EngineTest, RulesUseWhatTheStoreKnows) {
  const auto engine = Open();
  RecordTribes(*engine);
  PutCatalogue(*engine);
  TrainAndPublish(*engine);
  Record(*engine, {{"new", "c0"}, {"new", "c2"}});
  EngineQuery query = For("new", kItems);
  query.filter = "price >= 8 and price < 12 and category == 'even'";
  EXPECT_THAT(Ids(Ask(*engine, query)), testing::UnorderedElementsAre("c8", "c10"));
  query.query.prerequisites = true;
  EXPECT_THAT(Ids(Ask(*engine, query)), ElementsAre("c8"));
  Record(*engine, {{"new", "c8"}, {"new", "elsewhere"}}, kComplete);  // one of them the model does not have
  ASSERT_TRUE(engine->Publish(Path("m.waypost")).ok());               // maps the new item
  EXPECT_THAT(Ids(Ask(*engine, query)), ElementsAre("c10"));
  EXPECT_EQ(engine->Stats().value().filter_hits, 1u);  // the model published again compiles anew
  query.query.seen = SeenPolicy::kOnly;
  query.filter.clear();
  query.query.prerequisites = false;
  EXPECT_THAT(Ids(Ask(*engine, query)), testing::UnorderedElementsAre("c0", "c2"));  // c8 is completed
  query.filter = "price < cheap";
  EXPECT_THAT(std::string(engine->Recommend(query).status().message()), HasSubstr("Filter: character 9"));
}

TEST_F(EngineTest, AnswersComeFromOneModelWhileOthersArePublished) {
  const auto engine = Open();
  RecordTribes(*engine);
  std::map<std::uint64_t, Strings> expected;
  for (std::uint64_t seed : {1, 2}) {
    TrainAndPublish(*engine, "m" + std::to_string(seed), seed);
    const EngineAnswer answer = Ask(*engine, For("u3", 10));
    expected[answer.model] = Ids(answer);
  }
  ASSERT_EQ(expected.size(), 2u);
  std::atomic<bool> end = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      while (!end) {
        const auto answer = engine->Recommend(For("u3", 10));
        if (!answer.ok() || Ids(*answer) != expected[answer->model]) ++wrong;
      }
    });
  for (int round = 0; round < 20; ++round) {
    EXPECT_TRUE(engine->Publish(Path(round % 2 == 0 ? "m1" : "m2")).ok());
    Record(*engine, {{"u5", Item(round)}});
  }
  end = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(EngineTest, AReaderSeesEventsAtOnceAndModelsWithReload) {
  const auto writer = Open();
  RecordTribes(*writer);
  const auto reader = Open("store", StoreAccess::kRead);
  EXPECT_EQ(reader->Recommend(For("u1")).status().code(), absl::StatusCode::kFailedPrecondition);
  TrainAndPublish(*writer);
  ASSERT_TRUE(reader->Reload().ok());
  Record(*writer, {{"new", "c1"}, {"new", "c3"}});
  EXPECT_EQ(Ids(Ask(*reader, For("new"))), Ids(Ask(*writer, For("new"))));
  EXPECT_EQ(Ask(*reader, For("new")).recommendation.source, Source::kFoldIn);
  EXPECT_EQ(reader->Publish(Path("m.waypost")).code(), absl::StatusCode::kFailedPrecondition);
  PutCatalogue(*writer);
  EngineQuery filtered = For("new");
  filtered.filter = "price < 9";
  EXPECT_EQ(reader->Recommend(filtered).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(reader->Reload().ok());  // the same model, the new catalogue
  EXPECT_THAT(Ids(Ask(*reader, filtered)), Not(IsEmpty()));
  EXPECT_EQ(Open("store", StoreAccess::kRead)->Stats().value().model, writer->Stats().value().model);
}

TEST_F(EngineTest, KeepsImpressionsWithRankPropensityAndModel) {
  const auto engine = Open();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  EngineQuery query = For("u1", 3);
  query.request = 77;
  query.query.exploration = {.share = 0.5f, .pool = 10, .seed = 3};
  const EngineAnswer answer = Ask(*engine, query);
  ASSERT_TRUE(engine->FlushImpressions().ok());
  const StoreSnapshot snapshot = engine->store().Snapshot().value();
  const std::vector<Impression> kept = snapshot.ReadImpressions(0, snapshot.end_impression()).value();
  ASSERT_EQ(kept.size(), 3u);
  for (std::size_t n = 0; n < 3; ++n) {
    EXPECT_EQ(kept[n].request, 77u);
    EXPECT_EQ(kept[n].user, "u1");
    EXPECT_EQ(kept[n].item, answer.recommendation.items[n].id);
    EXPECT_EQ(kept[n].rank, n);
    EXPECT_EQ(kept[n].propensity, answer.recommendation.items[n].propensity);
    EXPECT_LT(kept[n].propensity, 1);
    EXPECT_EQ(kept[n].model, answer.model);
    EXPECT_EQ(kept[n].time_us, kStart);
  }
  query.query.user = std::nullopt;
  EXPECT_EQ(engine->Recommend(query).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, ForgetsAUserAtOnce) {
  const auto engine = Open();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  EngineQuery query = For("u4");
  query.request = 5;
  EXPECT_EQ(Ask(*engine, query).recommendation.source, Source::kFoldIn);
  const auto report = engine->Forget("u4");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->events, 0u);
  EXPECT_THAT(report->models, IsEmpty());  // the model holds no user
  EXPECT_NE(Ask(*engine, For("u4")).recommendation.source, Source::kFoldIn);
  ASSERT_TRUE(engine->FlushImpressions().ok());
  EXPECT_EQ(engine->store().Snapshot().value().end_impression(), 0u);
  EXPECT_EQ(engine->Forget("u4").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(EngineTest, EnginesOfOneProcessAreApart) {
  const auto a = Open("a");
  const auto b = Open("b");
  RecordTribes(*a);
  TrainAndPublish(*a);
  EXPECT_EQ(b->Recommend(For("u1")).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(b->Stats().value().store.events, 0u);
  EXPECT_EQ(b->Stats().value().errors, 1u);
}

TEST_F(EngineTest, AChildAfterForkIsRefused) {
  const auto engine = Open();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  const pid_t child = fork();
  if (child == 0) _exit(engine->Recommend(For("u1")).status().code() == absl::StatusCode::kFailedPrecondition ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(engine->Recommend(For("u1")).ok());
}

TEST_F(EngineTest, CountsWhatItDoes) {
  const auto engine = Open();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  clock_ = kStart + 5'000'000;
  Ask(*engine, For("u1"));
  Ask(*engine, For("stranger"));
  const absl::StatusOr<EngineAnswer> similar = engine->Similar({.item = "c3", .n = 3, .model = ""});
  ASSERT_TRUE(similar.ok()) << similar.status();
  EXPECT_EQ(similar->recommendation.items.size(), 3u);
  EXPECT_FALSE(engine->Similar({.item = "nowhere", .model = ""}).ok());
  const EngineStats stats = engine->Stats().value();
  EXPECT_EQ(stats.answers[static_cast<int>(Source::kFoldIn)], 1u);
  EXPECT_EQ(stats.answers[static_cast<int>(Source::kTrending)], 1u);
  EXPECT_EQ(stats.recorded_events, stats.store.events);
  EXPECT_EQ(stats.recommend_ns.count(), 2u);
  EXPECT_EQ(stats.similar_ns.count(), 2u);
  EXPECT_EQ(stats.errors, 1u);
  EXPECT_EQ(stats.model_age_seconds, 5.0);
  const std::string text = engine->PrometheusMetrics().value();
  EXPECT_THAT(text, HasSubstr("waypost_answers_total{source=\"fold-in\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("waypost_model_age_seconds 5\n"));
  EXPECT_THAT(text, HasSubstr("waypost_call_seconds_count{call=\"recommend\"} 2\n"));
}

TEST_F(EngineTest, RefusesOptionsThatContradictTheirMeaning) {
  EngineOptions options = Options();
  options.weighting.now_us = 3;
  EXPECT_EQ(Engine::Open(Path("store"), options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Options();
  options.trending_half_life_days = -1;
  EXPECT_EQ(Engine::Open(Path("store"), options).status().code(), absl::StatusCode::kInvalidArgument);
  const auto engine = Open();
  EXPECT_EQ(engine->Train({.file = Path("m"), .control = {}}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(engine->Publish(Path("nothing")).code(), absl::StatusCode::kNotFound);
}

TEST(Trending, IsTheSumOfDecayedWeights) {
  Random random(3);
  Trending trending(7 * 1e6);
  std::vector<std::pair<double, std::int64_t>> events;
  const std::int64_t end = 20'000'000'000;  // thousands of half-lives: the base moves
  for (std::int64_t time = 0; time < end; time += static_cast<std::int64_t>(random.Below(30'000'000))) {
    events.emplace_back(random.Uniform(), time);
    trending.Add(2, events.back().first, time);
  }
  double expected = 0;
  for (const auto& [weight, time] : events) expected += weight * std::exp2(-static_cast<double>(end - time) / 7e6);
  EXPECT_NEAR(trending.Score(2, end), expected, 1e-9 * expected);  // float64 over thousands of terms
  EXPECT_EQ(trending.Score(0, end), 0);
  EXPECT_EQ(trending.Score(9, end), 0);
  EXPECT_EQ(trending.Score(2, 2 * end), 0);
}

}  // namespace
}  // namespace waypost
