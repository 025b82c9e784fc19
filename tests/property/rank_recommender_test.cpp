// Laws of ranking, on random small worlds with many ties, filters and lists.
#include "waypost/rank/recommender.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "reference/naive_recommend.hpp"
#include "support/rank_world.hpp"

namespace waypost {
namespace {

using testing_support::PartsOf;
using testing_support::RandomHistory;

constexpr std::size_t kUsers = 30;
constexpr std::size_t kItems = 70;  // more than one word of a bitmap

Recommender RandomRecommender(std::uint64_t seed) {
  return Recommender::Create(PartsOf(RandomHistory(seed, kUsers, kItems, seed % 3 == 0 ? 0.6 : 0.2), kUsers)).value();
}

std::string RandomItem(Random& random) {
  return "i" + std::to_string(random.Below(kItems + 5));  // some are unknown
}

Query RandomQuery(Random& random) {
  Query query;
  if (random.Bernoulli(0.8)) query.user = "u" + std::to_string(random.Below(kUsers + 2));
  if (random.Bernoulli(0.3))
    for (std::size_t n = random.Below(6); n > 0; --n)
      query.history.push_back({RandomItem(random), static_cast<float>(1 + random.Below(3))});
  if (random.Bernoulli(0.4)) {
    query.include.emplace();
    for (std::size_t n = random.Below(40); n > 0; --n) query.include->push_back(RandomItem(random));
  }
  if (random.Bernoulli(0.4))
    for (std::size_t n = random.Below(40); n > 0; --n) query.exclude.push_back(RandomItem(random));
  query.seen = static_cast<SeenPolicy>(random.Below(3));
  query.n = std::vector<std::size_t>{0, 1, 5, 10, kItems, std::numeric_limits<std::size_t>::max()}[random.Below(6)];
  if (random.Bernoulli(0.2)) query.model = "popularity";
  return query;
}

std::vector<Query> RandomQueries(std::uint64_t seed, std::size_t count) {
  Random random(seed);
  std::vector<Query> queries(count);
  for (Query& query : queries) query = RandomQuery(random);
  return queries;
}

std::vector<ScoredItem> ScoredItemsOf(const Recommendation& recommendation) {
  std::vector<ScoredItem> items;
  for (const Suggestion& suggestion : recommendation.items) items.push_back({suggestion.item, suggestion.score});
  return items;
}

void ExpectEqual(const Recommendation& a, const Recommendation& b) {
  EXPECT_EQ(ScoredItemsOf(a), ScoredItemsOf(b));
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.unknown_ids, b.unknown_ids);
}

TEST(Recommender, EqualsBruteForceOverAllItemsWithEveryMixOfFilters) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const Recommender recommender = RandomRecommender(seed);
    for (const Query& query : RandomQueries(seed + 1000, 60)) {
      const auto answer = recommender.Recommend(query);
      ASSERT_TRUE(answer.ok()) << answer.status();
      const reference::NaiveAnswer expected = reference::NaiveRecommend(recommender, query);
      EXPECT_EQ(ScoredItemsOf(*answer), expected.items);
      EXPECT_EQ(answer->source, expected.source);
      EXPECT_EQ(answer->items.size(), std::min(query.n, expected.candidates));  // n come back when n exist
      EXPECT_EQ(answer->reason == ShortReason::kNone, answer->items.size() == query.n);
    }
  }
}

TEST(Recommender, OneManyAndAnyNumberOfThreadsAgreeToTheBit) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(seed);
    const Recommender recommender = RandomRecommender(seed);
    std::vector<Query> queries = RandomQueries(seed, 300);
    for (std::size_t q = 0; q < queries.size(); q += 3) queries[q].explain = true;
    const auto many = recommender.Recommend(queries, Parallelism(1));
    ASSERT_TRUE(many.ok()) << many.status();
    for (int threads : {2, 7}) {
      const auto parallel = recommender.Recommend(queries, Parallelism(threads));
      ASSERT_TRUE(parallel.ok());
      for (std::size_t q = 0; q < queries.size(); ++q) ExpectEqual((*many)[q], (*parallel)[q]);
    }
    for (std::size_t q = 0; q < queries.size(); ++q) ExpectEqual((*many)[q], recommender.Recommend(queries[q]).value());
  }
}

TEST(Recommender, PermutingTheUsersPermutesTheirAnswers) {
  const Recommender recommender = RandomRecommender(4);
  std::vector<Query> queries = RandomQueries(8, 100);
  const auto answers = recommender.Recommend(queries).value();
  std::vector<std::size_t> order(queries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(5);
  for (std::size_t n = order.size(); n > 1; --n) std::swap(order[n - 1], order[random.Below(n)]);
  std::vector<Query> permuted;
  for (std::size_t q : order) permuted.push_back(queries[q]);
  const auto permuted_answers = recommender.Recommend(permuted).value();
  for (std::size_t n = 0; n < order.size(); ++n) ExpectEqual(permuted_answers[n], answers[order[n]]);
}

TEST(Recommender, TheOrderOfListsAndRepeatsInThemChangeNothing) {
  const Recommender recommender = RandomRecommender(2);
  Random random(3);
  for (int round = 0; round < 100; ++round) {
    SCOPED_TRACE(round);
    const Query query = RandomQuery(random);
    Query other = query;
    std::reverse(other.history.begin(), other.history.end());
    std::reverse(other.exclude.begin(), other.exclude.end());
    if (!other.exclude.empty()) other.exclude.push_back(other.exclude.front());
    if (other.include && !other.include->empty()) {
      std::reverse(other.include->begin(), other.include->end());
      other.include->push_back(other.include->front());
    }
    const auto a = recommender.Recommend(query).value();
    const auto b = recommender.Recommend(other).value();
    EXPECT_EQ(ScoredItemsOf(a), ScoredItemsOf(b));
    EXPECT_EQ(a.reason, b.reason);
  }
}

TEST(Recommender, AShorterAnswerIsThePrefixOfALongerOne) {
  const Recommender recommender = RandomRecommender(6);
  Random random(7);
  for (int round = 0; round < 100; ++round) {
    SCOPED_TRACE(round);
    Query query = RandomQuery(random);
    query.n = kItems;
    const std::vector<ScoredItem> all = ScoredItemsOf(recommender.Recommend(query).value());
    for (query.n = 0; query.n < 12; ++query.n) {
      const std::vector<ScoredItem> first = ScoredItemsOf(recommender.Recommend(query).value());
      ASSERT_EQ(first.size(), std::min(query.n, all.size()));
      EXPECT_TRUE(std::equal(first.begin(), first.end(), all.begin()));
    }
  }
}

TEST(Recommender, ExplanationsAddUpToTheScore) {
  const Recommender recommender = RandomRecommender(9);
  for (Query query : RandomQueries(10, 100)) {
    query.explain = true;
    const Recommendation answer = recommender.Recommend(query).value();
    for (const Suggestion& suggestion : answer.items) {
      double sum = suggestion.base;
      double largest = std::abs(suggestion.base);
      for (const Reason& reason : suggestion.reasons) {
        sum += reason.amount;
        largest = std::max<double>(largest, std::abs(reason.amount));
        EXPECT_EQ(reason.id, "i" + std::to_string(reason.item.value));
      }
      EXPECT_NEAR(sum, suggestion.score, 1e-5 * std::max(1.0, largest));  // the contract of Explanation
    }
  }
}

}  // namespace
}  // namespace waypost
