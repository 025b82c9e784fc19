// An engine for tests, and what its users do.
#ifndef WAYPOST_TESTS_SUPPORT_ENGINE_WORLD_HPP_
#define WAYPOST_TESTS_SUPPORT_ENGINE_WORLD_HPP_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/files.hpp"
#include "waypost/base/random.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/serve/engine.hpp"

namespace waypost::testing_support {

using Strings = std::vector<std::string>;

inline constexpr std::int64_t kDayUs = 86'400'000'000;
inline constexpr std::int64_t kStart = 20'000 * kDayUs;
inline constexpr int kItems = 30;

inline std::string Item(int item) {
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

  static void ExpectSameItemsAndScores(const EngineAnswer& a, const EngineAnswer& b) {
    ASSERT_EQ(Ids(a), Ids(b));
    for (std::size_t n = 0; n < a.recommendation.items.size(); ++n)
      ASSERT_EQ(a.recommendation.items[n].score, b.recommendation.items[n].score);
  }

  static std::vector<Source> Sources(const EngineAnswer& answer) {
    std::vector<Source> sources;
    for (const Suggestion& suggestion : answer.recommendation.items) sources.push_back(suggestion.source);
    return sources;
  }

  TemporaryFolder folder_;
  std::atomic<std::int64_t> clock_ = kStart;
};

inline EngineQuery For(const std::string& user, std::size_t n = 5) {
  EngineQuery query;
  query.query.user = user;
  query.query.n = n;
  return query;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_ENGINE_WORLD_HPP_
