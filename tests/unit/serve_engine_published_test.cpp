// What an engine says of the model that answers, and what questions with a moment of their own leave to the others.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/engine_world.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/serve/engine.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::EngineTest;
using testing_support::For;
using testing_support::kDayUs;
using testing_support::kStart;
using testing_support::Strings;

using EnginePublished = EngineTest;

constexpr std::int64_t kMinuteUs = 60'000'000;

TEST_F(EnginePublished, TheAgeOfAModelCountsFromItsPublicationInEveryProcess) {
  {
    const auto engine = Open();
    RecordTribes(*engine);
    EXPECT_FALSE(engine->Stats()->model_age_seconds);
    TrainAndPublish(*engine);
    clock_ = kStart + kMinuteUs;
    EXPECT_EQ(engine->Stats()->model_age_seconds, 60);
  }
  clock_ = kStart + 2 * kMinuteUs;
  const auto engine = Open();
  const auto reader = Open("store", StoreAccess::kRead);
  EXPECT_EQ(engine->Stats()->model_age_seconds, 120);
  PutCatalogue(*engine);
  clock_ = kStart + 3 * kMinuteUs;
  ASSERT_TRUE(reader->Reload().ok());
  EXPECT_EQ(reader->Stats()->model_age_seconds, 180) << "a new catalogue is no new model";
  TrainAndPublish(*engine, "next.waypost", 2);
  clock_ = kStart + 4 * kMinuteUs;
  ASSERT_TRUE(reader->Reload().ok());
  EXPECT_EQ(reader->Stats()->model_age_seconds, 60);
  clock_ = kStart - kMinuteUs;  // another host's
  EXPECT_EQ(reader->Stats()->model_age_seconds, 0);
}

TEST_F(EnginePublished, EveryKindOfModelThatNeedsNoInteractionsIsTrainedPublishedAndHoldsNoUser) {
  const auto engine = Open();
  RecordTribes(*engine);
  Record(*engine, {{"later", testing_support::Item(0)}, {"later", testing_support::Item(2)}});
  std::vector<std::string> refused;
  for (const std::string_view kind : ModelKinds()) {
    SCOPED_TRACE(kind);
    std::vector<OptionSetting> settings;
    if (kind == "blend") settings = {{"parts", "item-knn + bpr(dimensions=4)"}, {"weights", "1,0.5"}};
    const absl::StatusOr<ModelOptions> options = ParseModelOptions(kind, settings);
    ASSERT_TRUE(options.ok()) << options.status();
    const std::string file = Path(std::string(kind) + ".waypost");
    const absl::StatusOr<TrainReport> report = engine->Train({.file = file, .model = *options, .control = {}});
    if (HoldsInteractions(*options)) {
      EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
      refused.emplace_back(kind);
      continue;
    }
    ASSERT_TRUE(report.ok()) << report.status();
    const absl::StatusOr<ModelBundle> bundle = OpenBundle(file);
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    EXPECT_EQ(bundle->users.size(), 0u);
    for (const NamedModel& model : bundle->models) EXPECT_EQ(model.scorer->user_count(), 0u) << model.name;
    ASSERT_TRUE(engine->Publish(file).ok());
    const absl::StatusOr<EngineAnswer> answer = engine->Recommend(For("later", 3));
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->recommendation.items.size(), 3u);
    EXPECT_EQ(answer->recommendation.items[0].source, kind == "popularity" ? Source::kPopular : Source::kFoldIn);
  }
  EXPECT_THAT(refused, testing::IsSupersetOf({"gf-cf", "bspm", "user-knn"}));
}

TEST_F(EnginePublished, AReloadThatFailsSaysWhyUntilOneSucceeds) {
  const auto engine = Open();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  const auto reader = Open("store", StoreAccess::kRead);
  const std::uint64_t first = reader->Stats()->model;
  EXPECT_EQ(reader->Stats()->model_error, "");
  TrainAndPublish(*engine, "next.waypost", 2);
  std::filesystem::rename(Path("next.waypost"), Path("elsewhere.waypost"));
  EXPECT_FALSE(reader->Reload().ok());
  EXPECT_THAT(reader->Stats()->model_error, HasSubstr("next.waypost"));
  EXPECT_EQ(reader->Stats()->model, first) << "it goes on with what it has";
  std::filesystem::rename(Path("elsewhere.waypost"), Path("next.waypost"));
  ASSERT_TRUE(reader->Reload().ok());
  EXPECT_EQ(reader->Stats()->model_error, "");
  EXPECT_NE(reader->Stats()->model, first);

  // Published again what it has: nothing is loaded, and nothing is wrong any more.
  std::filesystem::remove(Path("m.waypost"));
  TrainAndPublish(*engine, "third.waypost", 3);
  std::filesystem::rename(Path("third.waypost"), Path("elsewhere.waypost"));
  EXPECT_FALSE(reader->Reload().ok());
  ASSERT_TRUE(engine->Publish(Path("next.waypost")).ok());
  ASSERT_TRUE(reader->Reload().ok());
  EXPECT_EQ(reader->Stats()->model_error, "");
}

TEST_F(EnginePublished, AClockOfTheHostMayAskTheEngine) {
  std::unique_ptr<Engine> engine;
  EngineOptions options = Options();
  bool asking = false;
  int asked = 0;
  options.clock_us = [&] {
    if (engine != nullptr && !asking) {
      asking = true;
      if (engine->Stats().ok() && engine->Recommend(For("u1")).ok()) ++asked;
      asking = false;
    }
    return clock_.load();
  };
  engine = Engine::Open(Path("store"), options).value();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  asked = 0;
  EXPECT_TRUE(engine->Stats().ok());
  EXPECT_EQ(asked, 1);
}

TEST_F(EnginePublished, AQuestionOfAnotherMomentLeavesTrendingToTheOthers) {
  EngineOptions options = Options();
  options.trending_refresh_us = kDayUs;
  const auto engine = Engine::Open(Path("store"), options).value();
  RecordTribes(*engine);
  TrainAndPublish(*engine);
  const auto stranger = [&](std::optional<std::int64_t> now_us) {
    EngineQuery query = For("stranger", 1);
    query.query.now_us = now_us;
    return Ids(Ask(*engine, query));
  };
  const Strings before = stranger(std::nullopt);
  std::vector<std::pair<std::string, std::string>> pairs;
  const std::string rising = before == Strings{"c28"} ? "c29" : "c28";
  for (int n = 0; n < 400; ++n) pairs.emplace_back("n" + std::to_string(n), rising);
  Record(*engine, pairs);
  EXPECT_EQ(stranger(std::nullopt), before) << "trending holds for a day";
  EXPECT_EQ(stranger(kStart + 5 * kDayUs), Strings{rising}) << "a moment of its own is made for it";
  EXPECT_EQ(stranger(std::nullopt), before) << "made anew for all because one asked for another moment";
  EXPECT_EQ(stranger(kStart - 900 * kDayUs).size(), 1u);
  clock_ = kStart + 2 * kDayUs;
  EXPECT_EQ(stranger(std::nullopt), Strings{rising});
}

TEST_F(EnginePublished, ACompactionOfTheEngineTakesItsClockForRetention) {
  const auto engine = Open();
  Record(*engine, {{"u", "a"}});
  clock_ = kStart + 10 * kDayUs;
  Record(*engine, {{"u", "b"}});
  ASSERT_TRUE(engine->store().SetRetention({.keep_us = 5 * kDayUs}).ok());
  EXPECT_EQ(engine->Compact().value().events_dropped, 1u);
  EXPECT_EQ(engine->Compact({.now_us = kStart + 20 * kDayUs}).value().events_dropped, 1u);
  EXPECT_THAT(engine->PrometheusMetrics().value(), HasSubstr("waypost_store_retention_seconds{kind=\"*\"} 432000\n"));
}

}  // namespace
}  // namespace waypost
