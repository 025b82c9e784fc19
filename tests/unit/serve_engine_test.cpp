#include "waypost/serve/engine.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/engine_world.hpp"
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
using testing_support::EngineTest;
using testing_support::For;
using testing_support::Item;
using testing_support::kDayUs;
using testing_support::kItems;
using testing_support::kStart;
using testing_support::Strings;

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
}

TEST_F(EngineTest, RulesHoldAlongTheWholeChain) {
  const auto engine = Open();
  RecordTribes(*engine);
  PutCatalogue(*engine);
  TrainAndPublish(*engine);
  clock_ = kStart + 400 * kDayUs;
  Record(*engine, {{"a", "c3"}, {"b", "c3"}, {"a", "c5"}, {"b", "c5"}, {"c", "c7"}, {"a", "c4"}});
  Record(*engine, {{"shy", "c2"}}, kImpression);
  const std::vector<Source> three = {Source::kTrending, Source::kPopularInCategory, Source::kPopular};
  EngineQuery capped = For("shy", 10);
  capped.query.category_cap = 3;  // c3, c5 and c7 fill "odd"; c4 and two more "even"
  const EngineAnswer answer = Ask(*engine, capped);
  EXPECT_THAT(Sources(answer), ElementsAre(three[0], three[0], three[0], three[0], three[1], three[1]));
  EXPECT_EQ(answer.recommendation.reason, ShortReason::kCategoryCap);
  int odd = 0;
  for (const std::string& id : Ids(answer)) odd += std::stoi(id.substr(1)) % 2;
  EXPECT_EQ(odd, 3);
  EngineQuery weighted = For("stranger", 4);
  weighted.query.value_weights = {{"c4", 100.0f}, {"c29", 100.0f}, {"c1", 1e-3f}};
  EXPECT_EQ(Ids(Ask(*engine, weighted))[0], "c4");  // the first of those that trend
  EXPECT_THAT(Sources(Ask(*engine, weighted)), Each(Source::kTrending));
  weighted.query.n = 5;
  EXPECT_EQ(Ids(Ask(*engine, weighted))[4], "c29");  // the first of the others
  EngineQuery diverse = For("stranger", 8);
  diverse.query.diversity = {.strength = 0.6f, .basis = DiversityBasis::kCatalogue};
  const EngineAnswer spread = Ask(*engine, diverse);
  EXPECT_THAT((std::vector<Source>{Sources(spread)[3], Sources(spread)[4]}), ElementsAre(three[0], three[2]));
  EXPECT_EQ(Ids(spread)[1], "c4");  // after an odd course the even one
  diverse.query.diversity.basis = DiversityBasis::kModel;
  EXPECT_EQ(Ids(Ask(*engine, diverse)).size(), 8u);
  diverse.query.diversity = {.strength = 1, .basis = DiversityBasis::kCatalogue};
  diverse.query.value_weights = {{"c1", 1000.0f}};
  diverse.query.exclude = {"c4"};  // then all that trend are odd, and even c1 is too like them
  EXPECT_EQ(std::stoi(Ids(Ask(*engine, diverse))[3].substr(1)) % 2, 0);
  EngineQuery explored = For("stranger", kItems);
  explored.query.exploration = {.share = 1, .seed = 4};
  const EngineAnswer drawn = Ask(*engine, explored);
  EXPECT_NE(Ids(drawn), Ids(Ask(*engine, For("stranger", kItems))));
  EXPECT_EQ(drawn.recommendation.items[0].propensity, 0.25f);  // one of four that trend
  EXPECT_THAT(Sources(drawn), Not(testing::Contains(Source::kPopularInCategory)));
  const Strings ids = Ids(drawn);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), static_cast<std::size_t>(kItems));
  EngineQuery filtered = For("stranger", 9);
  filtered.filter = "price >= 2 and price <= 5";
  EXPECT_THAT(Ids(Ask(*engine, filtered)), testing::UnorderedElementsAre("c2", "c3", "c4", "c5"));
  EXPECT_EQ(Ask(*engine, filtered).recommendation.reason, ShortReason::kFilter);
}

TEST_F(EngineTest, AStoreWithoutAModelAnswersFromItsFirstEventOn) {
  const auto engine = Open();
  const EngineAnswer nothing = Ask(*engine, For("u"));
  EXPECT_THAT(Ids(nothing), IsEmpty());
  EXPECT_EQ(nothing.recommendation.reason, ShortReason::kCatalogue);
  EXPECT_EQ(nothing.model, 0u);
  Record(*engine, {{"a", "c1"}});
  EXPECT_THAT(Ids(Ask(*engine, For("u"))), ElementsAre("c1"));
  EXPECT_EQ(Ask(*engine, For("u")).recommendation.source, Source::kTrending);
  EXPECT_THAT(Ids(Ask(*engine, For("a"))), IsEmpty());
  EXPECT_EQ(Ask(*engine, For("a")).recommendation.reason, ShortReason::kCatalogue);
  clock_ = kStart + 400 * kDayUs;  // nothing trends
  Record(*engine, {{"b", "c2"}, {"c", "c2"}, {"d", "c2"}, {"d", "c2"}, {"a", "c3"}, {"b", "c3"}}, kComplete);
  clock_ = kStart + 800 * kDayUs;
  const EngineAnswer popular = Ask(*engine, For("u"));
  EXPECT_THAT(Ids(popular), ElementsAre("c2", "c3", "c1"));
  EXPECT_THAT(Sources(popular), Each(Source::kPopular));
  EXPECT_EQ(popular.recommendation.items[0].score, 3);  // users, not events: as a model would have it
  EXPECT_THAT(engine->Similar({.item = "c1", .model = ""})->recommendation.items, IsEmpty());
  EXPECT_EQ(engine->Stats().value().errors, 0u);
  EXPECT_EQ(engine->Stats().value().model, 0u);
}

TEST_F(EngineTest, AStoreWithoutAModelAnswersFromItsFirstCatalogueOnUnderEveryRule) {
  const auto engine = Open();
  PutCatalogue(*engine);
  const EngineAnswer first = Ask(*engine, For("u", 3));
  EXPECT_THAT(Ids(first), ElementsAre("c0", "c1", "c2"));
  EXPECT_THAT(Sources(first), Each(Source::kPopular));
  EXPECT_EQ(first.recommendation.items[0].title, "Course 0");
  RecordTribes(*engine);
  clock_ = kStart + 400 * kDayUs;
  Record(*engine, {{"new", "c4"}, {"other", "c6"}, {"another", "outside"}});
  EXPECT_EQ(Ids(Ask(*engine, For("u", 100))).size(), kItems + 2u);  // with "elsewhere" and "outside"
  EngineQuery query = For("new", 6);
  const EngineAnswer chain = Ask(*engine, query);
  EXPECT_THAT(Sources(chain),
              ElementsAre(Source::kTrending, Source::kTrending, Source::kPopularInCategory, Source::kPopularInCategory,
                          Source::kPopularInCategory, Source::kPopularInCategory));
  for (std::size_t n = 2; n < 6; ++n) EXPECT_EQ(std::stoi(Ids(chain)[n].substr(1)) % 2, 0);
  EXPECT_THAT(Ids(chain), Not(testing::Contains("c4")));  // met
  query.query.user.reset();
  query.query.history = {{"c5"}};  // a visitor whom the store does not know
  EXPECT_EQ(std::stoi(Ids(Ask(*engine, query))[4].substr(1)) % 2, 1);
  query = For("new", 20);
  query.filter = "price >= 8 and price < 14";
  query.query.category_cap = 2;
  query.query.exclude = {"c9"};
  query.query.prerequisites = true;  // c10 needs more
  query.query.diversity.strength = 0.3f;
  query.query.exploration = {.share = 0.2f, .seed = 3};
  query.query.value_weights = {{"c8", 2.0f}};
  EXPECT_THAT(Ids(Ask(*engine, query)), testing::UnorderedElementsAre("c8", "c11", "c12", "c13"));
  EXPECT_EQ(Ask(*engine, query).recommendation.reason, ShortReason::kFilter);
  query.query.model = "ials";
  EXPECT_EQ(engine->Recommend(query).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(EngineTest, WithoutAModelGrowthByHalfAndACatalogueAreKnownAtOnceAndTheRestAfterAWhile) {
  EngineOptions options = Options();
  options.trending_refresh_us = 1'000'000;
  const auto engine = Engine::Open(Path("store"), options).value();
  const auto count = [&] { return Ids(Ask(*engine, For("u", 100))).size(); };
  EXPECT_EQ(count(), 0u);
  Record(*engine, {{"a", "c1"}});
  EXPECT_EQ(count(), 1u);
  Record(*engine, {{"a", "c2"}, {"a", "c3"}, {"a", "c4"}});
  EXPECT_EQ(count(), 4u);
  Record(*engine, {{"a", "c5"}});
  EXPECT_EQ(count(), 4u);  // not per question
  clock_ += 1'000'000;
  EXPECT_EQ(count(), 5u);
  PutCatalogue(*engine);
  EXPECT_EQ(count(), kItems + 1u);
}

TEST_F(EngineTest, PopularityWithoutAModelIsThatOfATrainingOnTheSameEvents) {
  const auto engine = Open();
  RecordTribes(*engine);
  Record(*engine, {{"u1", "c1"}, {"u3", "c3"}}, kDislike);
  EngineQuery query = For("stranger", kItems);
  query.query.model = "popularity";
  query.query.explain = true;
  const EngineAnswer untrained = Ask(*engine, query);
  TrainAndPublish(*engine);
  const EngineAnswer trained = Ask(*engine, query);
  ExpectSameItemsAndScores(untrained, trained);
}

TEST_F(EngineTest, AModelThatIsGoneLeavesTheChainAndSaysSo) {
  const auto engine = Open();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  EXPECT_EQ(engine->Stats().value().model_error, "");
  std::filesystem::remove(Path("m.waypost"));
  const auto reader = Open("store", StoreAccess::kRead);
  EXPECT_THAT(reader->Stats().value().model_error, HasSubstr("m.waypost"));
  EXPECT_EQ(Ask(*reader, For("u1")).recommendation.source, Source::kTrending);
  EXPECT_EQ(Ask(*engine, For("u1")).recommendation.source, Source::kFoldIn);  // has it open
}

TEST_F(EngineTest, ManyAskAStoreThatGrowsWithoutAModel) {
  const auto engine = Open();
  PutCatalogue(*engine);
  std::atomic<bool> end = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      while (!end) {
        const auto answer = engine->Recommend(For("stranger", 10));
        if (!answer.ok() || answer->recommendation.items.size() != 10) ++wrong;
      }
    });
  for (int round = 0; round < 40; ++round) Record(*engine, {{"u", Item(round)}});
  end = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(EngineTest, AFilterOfOtherItemsIsRefusedAlongTheChain) {
  const auto engine = Open();
  Record(*engine, {{"a", "c1"}, {"b", "c2"}});
  EngineQuery query = For("new", 2);
  query.query.filter = std::make_shared<const Bitmap>(1, true);
  const absl::Status status = engine->Recommend(query).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(status.message(), HasSubstr("Query.filter: want 2 bits, got 1"));
}

TEST_F(EngineTest, WithoutAModelTheLongestRefreshLastsForEver) {
  EngineOptions options = Options();
  options.trending_half_life_days = 0;
  options.trending_refresh_us = std::numeric_limits<std::int64_t>::max();
  const auto engine = Engine::Open(Path("store"), options);
  ASSERT_TRUE(engine.ok()) << engine.status();
  Record(**engine, {{"a", "c1"}, {"b", "c1"}, {"c", "c1"}, {"d", "c1"}});
  EXPECT_THAT(Ids(Ask(**engine, For("new", 2))), ElementsAre("c1"));
  Record(**engine, {{"e", "c2"}});
  clock_ = kStart + 1000 * kDayUs;
  EXPECT_THAT(Ids(Ask(**engine, For("new", 2))), ElementsAre("c1"));
}

TEST_F(EngineTest, AQuestionThatIsOvertakenCountsNoEventTwice) {
  std::function<void()> meanwhile;
  EngineOptions options = Options();
  options.clock_us = [&] {
    const std::int64_t now = clock_.load();
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    return now;
  };
  const auto engine = Engine::Open(Path("store"), options);
  ASSERT_TRUE(engine.ok()) << engine.status();
  RecordTribes(**engine);
  TrainAndPublish(**engine);
  clock_ = kStart + 400 * kDayUs;
  Record(**engine, {{"a", "c3"}});
  Ask(**engine, For("stranger", 1));
  meanwhile = [&] {  // the question that reads the clock has its snapshot already
    ++clock_;
    Record(**engine, {{"b", "c3"}});
    Ask(**engine, For("stranger", 1));
  };
  Ask(**engine, For("stranger", 1));
  const EngineAnswer after = Ask(**engine, For("stranger", 1));
  const EngineAnswer fresh = Ask(*Open("store", StoreAccess::kRead), For("stranger", 1));
  ASSERT_EQ(Ids(after), Strings{"c3"});
  ASSERT_EQ(Ids(fresh), Strings{"c3"});
  EXPECT_FLOAT_EQ(after.recommendation.items[0].score, fresh.recommendation.items[0].score);
}

TEST_F(EngineTest, AHistoryIsWeighedAsTheModelWasTrained) {
  EngineOptions options = Options();
  options.weighting.transform = ValueTransform::kLog1p;
  options.weighting.duplicates = DuplicatePolicy::kSum;
  const auto trainer = Engine::Open(Path("store"), options).value();
  std::vector<Event> events;
  Random random(2);
  std::vector<std::string> users, items;
  for (int n = 0; n < 600; ++n) {
    users.push_back("u" + std::to_string(n % 40));
    items.push_back(Item(static_cast<int>(random.Below(kItems))));
  }
  for (int n = 0; n < 600; ++n) {
    events.push_back(Does(users[static_cast<std::size_t>(n)], items[static_cast<std::size_t>(n)]));
    events.back().value = static_cast<float>(1 + random.Below(500));
  }
  ASSERT_TRUE(trainer->Record(events).ok());
  TrainAndPublish(*trainer);
  const auto reader = Open("store", StoreAccess::kRead);  // says nothing of weights
  for (int user = 0; user < 40; ++user) {
    const EngineAnswer expected = Ask(*trainer, For("u" + std::to_string(user)));
    const EngineAnswer answer = Ask(*reader, For("u" + std::to_string(user)));
    ASSERT_NO_FATAL_FAILURE(ExpectSameItemsAndScores(answer, expected));
  }
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

// Number 23 of the acceptance tests: questions during a swap of models; without a data race under thread sanitizer.
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
  EXPECT_EQ(Ask(*reader, For("u1")).model, 0u);
  EXPECT_EQ(Ask(*reader, For("u1")).recommendation.source, Source::kTrending);
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
  EXPECT_EQ(Open("store", StoreAccess::kRead)->Recommend(query).status().code(), absl::StatusCode::kFailedPrecondition);
  query.query.user = std::nullopt;
  EXPECT_EQ(engine->Recommend(query).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, AnAnswerThatCannotBeKeptIsRefusedAndHoldsUpNoOther) {
  const auto engine = Open();
  Record(*engine, {{"a", "c1"}});
  EngineQuery query = For("b", 1);
  query.request = 7;
  for (const std::string& user : Strings{"", std::string(300, 'x'), "\xFF"}) {
    query.query.user = user;
    const absl::Status status = engine->Recommend(query).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(status.message(), HasSubstr("EngineQuery.request: user: want"));
  }
  query.query.user = "b";
  Ask(*engine, query);
  Record(*engine, {{"a", "c2"}});
  EXPECT_EQ(engine->store().Snapshot()->end_impression(), 1u);
}

TEST_F(EngineTest, ForgetsImpressionsThatAreOnTheirWayToTheStore) {
  const auto engine = Open();
  std::atomic<bool> ends = false;
  std::thread flusher([&] {
    while (!ends) EXPECT_TRUE(engine->FlushImpressions().ok());
  });
  EngineQuery query = For("u", 1);
  for (query.request = 1; query.request <= 200; ++query.request) {
    Record(*engine, {{"u", "c1"}, {"other", "c2"}});
    Ask(*engine, query);
    EXPECT_TRUE(engine->Forget("u").ok());
  }
  ends = true;
  flusher.join();
  const StoreSnapshot snapshot = engine->store().Snapshot().value();
  EXPECT_THAT(snapshot.ReadImpressions(0, snapshot.end_impression()).value(), IsEmpty());
  EXPECT_EQ(snapshot.FindUser("u").value(), std::nullopt);
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
  EXPECT_THAT(Ids(Ask(*b, For("u1"))), IsEmpty());
  EXPECT_THAT(Ids(Ask(*a, For("u1"))), Not(IsEmpty()));
  EXPECT_EQ(b->Stats().value().store.events, 0u);
  EXPECT_EQ(b->Similar({.item = "c1", .model = ""}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(b->Stats().value().errors, 1u);
  EXPECT_EQ(a->Stats().value().errors, 0u);
}

// Number 15 of the acceptance tests: a question in the child of fork() is refused and ends; an engine that may use one
// processor, whatever the machine has, answers on the calling thread alone.
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

TEST_F(EngineTest, AChildOfForkOpensAnEngineOfItsOwnWhereNoneWasUsedBefore) {
  {
    const auto engine = Open();
    RecordTribes(*engine);
    TrainAndPublish(*engine);
  }
  const pid_t child = fork();
  if (child == 0) {
    auto own = Engine::Open(Path("store"), Options());
    _exit(own.ok() && (*own)->Recommend(For("u1")).ok() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(EngineTest, QuestionsStartNoThread) {
  const pid_t child = fork();  // where no other test has started any
  if (child == 0) {
    cpu_set_t one;  // what a container of one processor allows
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) _exit(2);
    EngineOptions options = Options();
    options.parallelism = {};
    options.store.parallelism = {};
    auto engine = Engine::Open(Path("store"), options);
    if (!engine.ok()) _exit(3);
    RecordTribes(**engine);
    TrainAndPublish(**engine);
    if (!(*engine)->Recommend(For("u1")).ok() || !(*engine)->Recommend(For("stranger")).ok()) _exit(4);
    const auto threads = std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
#ifdef __SANITIZE_THREAD__
    constexpr int kOfSanitizer = 1;
#else
    constexpr int kOfSanitizer = 0;
#endif
    _exit(threads <= 1 + kOfSanitizer ? 0 : 5);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
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
