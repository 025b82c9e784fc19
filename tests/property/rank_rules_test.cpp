// Laws of the rules of a query, on random small worlds: against every item tested by itself and a full sort.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/rule_world.hpp"
#include "waypost/rank/filter.hpp"
#include "waypost/rank/recommender.hpp"

namespace waypost {
namespace {

using testing_support::kDayUs;
using testing_support::PartsOf;
using testing_support::RandomCatalogue;
using testing_support::RandomHistory;

constexpr std::size_t kUsers = 12;
constexpr std::size_t kItems = 150;  // more than a pool of 100

// ModuloScorer with vectors, so that diversity may ask it for likeness, and scores of both signs without many ties.
class SignedScorer final : public Scorer {
 public:
  std::string_view kind() const override { return "signed"; }
  std::size_t item_count() const override { return kItems; }
  std::size_t dimensions() const override { return 1; }
  static float ScoreOne(const SparseRowView& history, std::uint32_t item) {
    float score = 0;
    for (std::size_t n = 0; n < history.size(); ++n)
      score += history.value(n) * (static_cast<float>((history.columns[n] * 7 + item * 13) % 23) - 11);
    return score;
  }
  absl::Status Score(std::span<const UserView> users, std::span<float> scores, const Parallelism&) const override {
    for (std::size_t q = 0; q < users.size(); ++q)
      for (std::uint32_t item = 0; item < kItems; ++item) scores[q * kItems + item] = ScoreOne(users[q].history, item);
    return absl::OkStatus();
  }
  static float Alike(std::uint32_t a, std::uint32_t b) {
    return a % 5 == b % 5 ? 1.0f / static_cast<float>(1 + (a > b ? a - b : b - a)) : 0.0f;
  }
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override {
    std::vector<ScoredItem> found;
    for (std::uint32_t other = 0; other < kItems; ++other)
      if (other != item.value && Alike(item.value, other) > 0 && candidates.allowed->Test(other))
        found.push_back({ItemIndex{other}, Alike(item.value, other)});
    std::sort(found.begin(), found.end(), BetterFirst{});
    found.resize(std::min(k, found.size()));
    return found;
  }
  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override {
    const float score = ScoreOne(user.history, item.value);
    return Explanation{.score = score, .base = score, .contributions = {}};
  }
};

struct World {
  Catalogue catalogue;
  Recommender recommender;
};

World RandomWorld(std::uint64_t seed) {
  Catalogue catalogue = RandomCatalogue(seed, kItems);
  RecommenderParts parts = PartsOf(RandomHistory(seed, kUsers, kItems, 0.15), kUsers);
  parts.models[0] = {"signed", std::make_shared<SignedScorer>()};
  parts.default_model = "signed";
  parts.facts = std::make_shared<const ItemFacts>(ItemFacts::Build(catalogue, parts.items).value());
  Recommender recommender = Recommender::Create(std::move(parts)).value();
  return {std::move(catalogue), std::move(recommender)};
}

Query RandomQuery(Random& random, const World& world) {
  Query query{.user = "u" + std::to_string(random.Below(kUsers + 1))};
  query.now_us = static_cast<std::int64_t>(random.Below(8)) * kDayUs - 1;
  query.n = std::array<std::size_t, 4>{1, 5, 20, kItems}[random.Below(4)];
  query.seen = static_cast<SeenPolicy>(random.Below(3));
  const auto some = [&](std::vector<std::string>& list, std::size_t most) {
    for (std::size_t n = random.Below(most); n > 0; --n) list.push_back("i" + std::to_string(random.Below(kItems)));
  };
  some(query.completed, 40);
  some(query.in_progress, 5);
  if (random.Bernoulli(0.2)) query.completed.push_back("other1");
  if (random.Bernoulli(0.3)) some(query.include.emplace(), 80);
  some(query.exclude, 10);
  query.prerequisites = random.Bernoulli(0.5);
  if (random.Bernoulli(0.5)) {
    const std::array<const char*, 3> filters = {"price < 3 or not has(price)", "tag in ('java', 'rust')", "hours == 7"};
    const auto filter = CompileFilter(filters[random.Below(3)], *world.recommender.facts());
    query.filter = std::make_shared<const Bitmap>(filter.value());
  }
  if (random.Bernoulli(0.4)) query.category_cap = random.Below(4);
  if (random.Bernoulli(0.3)) query.category_caps = {{"c1", random.Below(3)}, {"nowhere", 0}};
  if (random.Bernoulli(0.4))
    for (std::uint32_t item = 0; item < kItems; item += 1 + static_cast<std::uint32_t>(random.Below(9)))
      query.value_weights.push_back({"i" + std::to_string(item), static_cast<float>(random.Uniform()) * 3 + 0.1f});
  return query;
}

// The candidates in the order of their values, each item tested by every rule in turn.
std::vector<ScoredItem> NaiveCandidates(const World& world, const Query& query) {
  const Recommender& recommender = world.recommender;
  const auto lists = [](const std::vector<std::string>& list, const std::string& id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  std::map<std::uint32_t, float> stored;
  if (const auto user = recommender.users().Find(*query.user)) {
    const SparseRowView row = recommender.history().row(*user);
    for (std::size_t n = 0; n < row.size(); ++n) stored[row.columns[n]] = row.value(n);
  }
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  for (const auto& [item, value] : stored)
    if (value > 0) columns.push_back(item), values.push_back(value);
  const UserView user{.user = {}, .history = {columns, values}};
  std::vector<float> scores(kItems);
  const Scorer* scorer = recommender.FindModel(columns.empty() ? "popularity" : "signed").value();
  EXPECT_TRUE(scorer->Score(std::span(&user, 1), scores, Parallelism(1)).ok());

  std::vector<ScoredItem> found;
  for (std::uint32_t item = 0; item < kItems; ++item) {
    const std::string id = "i" + std::to_string(item);
    const auto position = world.catalogue.Find(id);
    if (query.include && !lists(*query.include, id)) continue;
    if (lists(query.exclude, id) || (query.filter && !query.filter->Test(item))) continue;
    if (position) {
      const CatalogueItem& facts = world.catalogue.item(*position);
      if (facts.available_from_us && *query.now_us < *facts.available_from_us) continue;
      if (facts.available_until_us && *query.now_us >= *facts.available_until_us) continue;
      const auto missing = [&](const std::string& needed) { return !lists(query.completed, needed); };
      if (query.prerequisites && std::any_of(facts.prerequisites.begin(), facts.prerequisites.end(), missing)) continue;
    }
    const bool met = stored.contains(item) || lists(query.completed, id) || lists(query.in_progress, id);
    if (stored.contains(item) && stored[item] < 0) continue;
    if (query.seen == SeenPolicy::kDrop && met) continue;
    if (query.seen == SeenPolicy::kOnly && (!met || lists(query.completed, id))) continue;
    float value = scores[item];
    for (const ValueWeight& entry : query.value_weights)
      if (entry.item == id) value = value >= 0 ? value * entry.weight : value / entry.weight;
    found.push_back({ItemIndex{item}, value});
  }
  std::sort(found.begin(), found.end(), BetterFirst{});
  return found;
}

std::optional<std::size_t> CapOf(const World& world, const Query& query, ItemIndex item, std::string& category) {
  const auto position = world.catalogue.Find("i" + std::to_string(item.value));
  category = position ? world.catalogue.item(*position).category : "";
  if (category.empty()) return std::nullopt;
  for (const CategoryCap& cap : query.category_caps)
    if (cap.category == category) return cap.most;
  return query.category_cap;
}

std::vector<ScoredItem> Capped(const World& world, const Query& query, const std::vector<ScoredItem>& candidates) {
  std::map<std::string, std::size_t> taken;
  std::vector<ScoredItem> kept;
  for (const ScoredItem& item : candidates) {
    std::string category;
    const auto cap = CapOf(world, query, item.item, category);
    if (kept.size() == query.n || (cap && taken[category] >= *cap)) continue;
    ++taken[category];
    kept.push_back(item);
  }
  return kept;
}

std::vector<ScoredItem> ItemsOf(const Recommendation& answer) {
  std::vector<ScoredItem> items;
  for (const Suggestion& suggestion : answer.items) items.push_back({suggestion.item, suggestion.score});
  return items;
}

TEST(Rules, EveryMixOfThemEqualsTestingEachItemAndAFullSort) {
  std::size_t answered = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const World world = RandomWorld(seed);
    Random random(seed);
    std::vector<Query> queries;
    for (int round = 0; round < 60; ++round) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " round " << round);
      queries.push_back(RandomQuery(random, world));
      const auto answer = world.recommender.Recommend(queries.back());
      ASSERT_TRUE(answer.ok()) << answer.status();
      const std::vector<ScoredItem> candidates = NaiveCandidates(world, queries.back());
      const std::vector<ScoredItem> expected = Capped(world, queries.back(), candidates);
      ASSERT_EQ(ItemsOf(*answer), expected);
      EXPECT_EQ(answer->reason == ShortReason::kNone, expected.size() == queries.back().n);
      if (expected.size() < queries.back().n) {
        EXPECT_EQ(answer->reason == ShortReason::kCategoryCap,
                  candidates.size() >= queries.back().n && queries.back().n <= kItems);
      }
      answered += expected.empty() ? 0 : 1;
    }
    const auto many = world.recommender.Recommend(queries, Parallelism(3)).value();
    for (std::size_t q = 0; q < queries.size(); ++q)
      EXPECT_EQ(ItemsOf(many[q]), ItemsOf(world.recommender.Recommend(queries[q]).value()));
  }
  EXPECT_GT(answered, 400u);  // of 720: the worlds are not trivial
}

TEST(Rules, DiversityTakesTheItemOfTheLargestMarginalRelevance) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    const World world = RandomWorld(seed);
    Random random(seed + 50);
    for (int round = 0; round < 20; ++round) {
      Query query = RandomQuery(random, world);
      query.n = 8;
      const double strength = round % 2 == 0 ? 0.5 : 0.25;  // exact in float32
      query.diversity = {.strength = static_cast<float>(strength), .pool = 30};
      if (round % 3 == 0) query.diversity.basis = DiversityBasis::kCatalogue;
      const std::vector<ScoredItem> answer = ItemsOf(world.recommender.Recommend(query).value());
      const std::vector<ScoredItem> candidates = NaiveCandidates(world, query);
      ASSERT_EQ(answer.size(), Capped(world, query, candidates).size());  // n come back when n exist
      // The pool ends where it has 30 items and the caps leave n of it.
      std::vector<ScoredItem> pool;
      for (const ScoredItem& item : candidates) {
        if (pool.size() >= 30 && Capped(world, query, pool).size() >= 8) break;
        pool.push_back(item);
      }
      const auto alike = [&](ItemIndex a, ItemIndex b) -> double {
        if (query.diversity.basis == DiversityBasis::kModel) return SignedScorer::Alike(a.value, b.value);
        const auto features = [&](ItemIndex i) {
          std::set<std::string> set;
          const auto position = world.catalogue.Find("i" + std::to_string(i.value));
          if (!position) return set;
          for (const std::string& tag : world.catalogue.item(*position).tags) set.insert("t" + tag);
          if (!world.catalogue.item(*position).category.empty())
            set.insert("c" + world.catalogue.item(*position).category);
          return set;
        };
        std::set<std::string> both = features(a);
        const std::set<std::string> other = features(b);
        const double sum = static_cast<double>(both.size() + other.size());
        both.insert(other.begin(), other.end());
        const auto together = static_cast<double>(both.size());
        return together == 0 ? 0 : static_cast<float>(sum - together) / static_cast<float>(together);
      };
      const double range = pool.empty() ? 0 : double{pool.front().score} - double{pool.back().score};
      std::vector<ScoredItem> chosen;
      std::map<std::string, std::size_t> taken;
      for (const ScoredItem& item : answer) {
        const auto gain = [&](const ScoredItem& candidate) {
          double nearest = 0;
          for (const ScoredItem& other : chosen) nearest = std::max(nearest, alike(candidate.item, other.item));
          const double relevance = range > 0 ? (double{candidate.score} - double{pool.back().score}) / range : 1;
          return (1 - strength) * relevance - strength * nearest;
        };
        double best = -10;
        for (const ScoredItem& candidate : pool) {
          std::string category;
          const auto cap = CapOf(world, query, candidate.item, category);
          if (std::find(chosen.begin(), chosen.end(), candidate) != chosen.end()) continue;
          if (cap && taken[category] >= *cap) continue;
          best = std::max(best, gain(candidate));
        }
        EXPECT_EQ(gain(item), best);
        std::string category;
        CapOf(world, query, item.item, category);
        ++taken[category];
        chosen.push_back(item);
      }
    }
  }
}

// Over all seeds the shares of the choices are the propensities that are told.
TEST(Rules, ExplorationTellsHowProbableEachChoiceWas) {
  const World world = RandomWorld(3);
  Query query{.user = "u1", .n = 2, .now_us = 0, .exploration = {.share = 0.5f, .pool = 4}};
  std::map<std::uint32_t, double> told;
  std::map<std::uint32_t, int> counts;
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    query.exploration.seed = static_cast<std::uint64_t>(round);
    const Recommendation answer = world.recommender.Recommend(query).value();
    ASSERT_EQ(answer.items.size(), 2u);
    EXPECT_NE(answer.items[0].item, answer.items[1].item);
    ++counts[answer.items[0].item.value];
    told[answer.items[0].item.value] = answer.items[0].propensity;
    const double second = answer.items[1].propensity;  // of three that are left
    EXPECT_TRUE(std::abs(second - 0.5 / 3) < 1e-6 || std::abs(second - (0.5 + 0.5 / 3)) < 1e-6);
  }
  ASSERT_EQ(counts.size(), 4u);
  for (const auto& [item, count] : counts)  // 4 standard deviations of a binomial share
    EXPECT_NEAR(count / double{kRounds}, told[item], 4 * std::sqrt(0.25 / kRounds));
  query.exploration.seed = 17;
  EXPECT_EQ(ItemsOf(world.recommender.Recommend(query).value()), ItemsOf(world.recommender.Recommend(query).value()));
  query.exploration.share = 0;
  EXPECT_EQ(world.recommender.Recommend(query).value().items[0].propensity, 1);
}

TEST(Rules, ExplanationsAddUpToTheValue) {
  const World world = RandomWorld(5);
  Query query{.user = "u2", .n = 20, .explain = true, .now_us = 0};
  for (std::uint32_t item = 0; item < kItems; item += 2) query.value_weights.push_back({"i" + std::to_string(item), 2});
  const Recommendation answer = world.recommender.Recommend(query).value();
  ASSERT_EQ(answer.items.size(), 20u);
  for (const Suggestion& suggestion : answer.items) {
    double sum = suggestion.base;
    for (const Reason& reason : suggestion.reasons) sum += reason.amount;
    EXPECT_NEAR(sum, suggestion.score, 1e-5 * std::max(1.0f, std::abs(suggestion.score)));
  }
}

TEST(Rules, RefuseWhatTheyCannotKeep) {
  const World world = RandomWorld(6);
  RecommenderParts parts = PartsOf(RandomHistory(6, kUsers, kItems, 0.1), kUsers);
  const Recommender plain = Recommender::Create(std::move(parts)).value();
  const auto code = [](const Recommender& recommender, const Query& query) {
    return recommender.Recommend(query).status().code();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kUnmet = absl::StatusCode::kFailedPrecondition;
  EXPECT_EQ(code(world.recommender, {.user = "u1"}), kInvalid);  // windows without a time
  EXPECT_EQ(code(world.recommender, {.filter = std::make_shared<const Bitmap>(3), .now_us = 0}), kInvalid);
  EXPECT_EQ(code(world.recommender, {.now_us = 0, .value_weights = {{"i1", 0}}}), kInvalid);
  EXPECT_EQ(code(world.recommender, {.now_us = 0, .value_weights = {{"i1", 2}, {"i1", 2}}}), kInvalid);
  EXPECT_EQ(code(world.recommender, {.now_us = 0, .diversity = {.strength = 1.5f}}), kInvalid);
  EXPECT_EQ(code(world.recommender, {.now_us = 0, .exploration = {.share = -0.5f}}), kInvalid);
  EXPECT_EQ(code(world.recommender, {.model = "popularity", .now_us = 0, .diversity = {.strength = 0.5f}}), kUnmet);
  EXPECT_EQ(code(plain, {.prerequisites = true}), kUnmet);
  EXPECT_EQ(code(plain, {.category_cap = 1}), kUnmet);
  EXPECT_EQ(code(plain, {.diversity = {.strength = 0.5f, .basis = DiversityBasis::kCatalogue}}), kUnmet);
}

}  // namespace
}  // namespace waypost
