// What other libraries' metrics of the same names mean, beside ours: docs/metrics.md, checked. Their definitions are
// written down here as loops; nothing of them is linked.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"
#include "waypost/base/statistics.hpp"
#include "waypost/eval/metrics.hpp"

namespace waypost {
namespace {

struct User {
  std::vector<std::uint8_t> hits;  // as long as the list
  std::size_t test_items = 0;
};
using Users = std::vector<User>;

double Ours(const std::string& name, const Users& users) {
  const Metric metric = ParseMetrics(name)->front();
  double sum = 0;
  for (const User& user : users) sum += HitMetric(metric, {user.hits, user.test_items});
  return sum / static_cast<double>(users.size());
}

double Hits(const User& user, std::size_t k) {
  return static_cast<double>(std::count(user.hits.begin(), user.hits.begin() + static_cast<std::ptrdiff_t>(k), 1));
}

template <typename OfUser>
double MeanOver(const Users& users, const OfUser& of_user) {
  double sum = 0;
  for (const User& user : users) sum += of_user(user);
  return sum / static_cast<double>(users.size());
}

// Sum over hits of gain(rank), over the same sum for the first `ideal` ranks.
template <typename Gain>
double Discounted(const User& user, std::size_t k, std::size_t ideal, const Gain& gain) {
  double found = 0, best = 0;
  for (std::size_t rank = 1; rank <= k; ++rank) found += user.hits[rank - 1] * gain(static_cast<double>(rank));
  for (std::size_t rank = 1; rank <= ideal; ++rank) best += gain(static_cast<double>(rank));
  return found / best;
}

double PlusOne(double rank) {
  return 1 / std::log2(rank + 1);
}
double Clipped(double rank) {
  return 1 / std::max(std::log2(rank), 1.0);
}

double AveragePrecision(const User& user, std::size_t k) {
  double found = 0, sum = 0;
  for (std::size_t rank = 1; rank <= k; ++rank)
    if (user.hits[rank - 1] != 0) sum += ++found / static_cast<double>(rank);
  return sum / static_cast<double>(std::min(k, user.test_items));
}

double ImplicitPrecision(const Users& users, std::size_t k) {  // pooled, over what could be hit
  double found = 0, possible = 0;
  for (const User& user : users) {
    found += Hits(user, k);
    possible += static_cast<double>(std::min(k, user.test_items));
  }
  return found / possible;
}

// Pairs beyond rank k are taken as if half of the missing hits stood before each miss.
double ImplicitAuc(const User& user, std::size_t k, std::size_t items) {
  const double positives = static_cast<double>(user.test_items), negatives = static_cast<double>(items) - positives;
  double hits = 0, misses = 0, pairs = 0;
  for (std::size_t rank = 1; rank <= k; ++rank) {
    if (user.hits[rank - 1] != 0) {
      ++hits;
    } else {
      ++misses;
      pairs += hits;
    }
  }
  return (pairs + (hits + positives) / 2 * (negatives - misses)) / (positives * negatives);
}

double LensKitRecall(const User& user, std::size_t k) {
  return Hits(user, k) / static_cast<double>(std::min(k, user.test_items));
}
double LensKitNdcg(const User& user, std::size_t k) {
  return Discounted(user, k, std::min(k, user.test_items), Clipped);
}
double RecBoleNdcg(const User& user, std::size_t k) {
  return Discounted(user, k, std::min(k, user.test_items), PlusOne);
}

// The three users of docs/metrics.md.
const Users kUsers = {{{0, 1, 0}, 1}, {{1, 0, 1}, 5}, {{0, 0, 0}, 2}};
constexpr double kLastDigit = 0.00005;  // the document gives four decimals

TEST(Compatibility, TheWorkedCaseOfTheDocumentComesOut) {
  EXPECT_NEAR(Ours("recall@3", kUsers), 0.4667, kLastDigit);
  EXPECT_NEAR(Ours("precision@3", kUsers), 0.3333, kLastDigit);
  EXPECT_NEAR(Ours("ndcg@3", kUsers), 0.4449, kLastDigit);
  EXPECT_NEAR(Ours("map@3", kUsers), 0.3519, kLastDigit);
  EXPECT_NEAR(Ours("mrr@3", kUsers), 0.5, kLastDigit);
  EXPECT_NEAR(Ours("hit-rate@3", kUsers), 0.6667, kLastDigit);
  EXPECT_NEAR(ImplicitPrecision(kUsers, 3), 0.5, kLastDigit);
  EXPECT_NEAR(MeanOver(kUsers, [](const User& user) { return LensKitRecall(user, 3); }), 0.5556, kLastDigit);
  EXPECT_NEAR(MeanOver(kUsers, [](const User& user) { return LensKitNdcg(user, 3); }), 0.5400, kLastDigit);
}

TEST(Compatibility, WhatTheDocumentCallsEqualIsEqualOnRandomLists) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Users users(12);
    for (User& user : users) {
      user.hits.resize(10);
      for (std::uint8_t& hit : user.hits) hit = random.Bernoulli(0.3) ? 1 : 0;
      user.test_items = static_cast<std::size_t>(Hits(user, 10)) + 1 + random.Below(12);
    }
    constexpr double kRounding = 1e-12;  // sums of a few float64 terms in another order
    // RecBole: hit, mrr, map, recall, ndcg and precision are ours; implicit: map and ndcg; LensKit: average precision.
    EXPECT_NEAR(Ours("ndcg@10", users), MeanOver(users, [](const User& user) { return RecBoleNdcg(user, 10); }),
                kRounding);
    EXPECT_NEAR(Ours("map@10", users), MeanOver(users, [](const User& user) { return AveragePrecision(user, 10); }),
                kRounding);
    EXPECT_NEAR(Ours("precision@10", users), MeanOver(users, [](const User& user) { return Hits(user, 10) / 10; }),
                kRounding);
    EXPECT_NEAR(Ours("recall@10", users),
                MeanOver(users, [](const User& u) { return Hits(u, 10) / static_cast<double>(u.test_items); }),
                kRounding);
    EXPECT_NEAR(Ours("hit-rate@10", users),
                MeanOver(users, [](const User& user) { return Hits(user, 10) > 0 ? 1.0 : 0.0; }), kRounding);
    EXPECT_NEAR(Ours("mrr@10", users),
                MeanOver(users,
                         [](const User& user) {
                           const auto first = std::find(user.hits.begin(), user.hits.end(), 1);
                           return first == user.hits.end() ? 0.0
                                                           : 1 / static_cast<double>(first - user.hits.begin() + 1);
                         }),
                kRounding);
    // Where nobody has more than k test items LensKit's recall is ours; where all have, implicit's precision is.
    Users few = users, many = users;
    for (User& user : few) user.test_items = std::clamp<std::size_t>(user.test_items, 1, 10);
    for (User& user : many) user.test_items = 10 + user.test_items;
    EXPECT_NEAR(Ours("recall@10", few), MeanOver(few, [](const User& user) { return LensKitRecall(user, 10); }),
                kRounding);
    EXPECT_NEAR(Ours("precision@10", many), ImplicitPrecision(many, 10), kRounding);
  }
}

TEST(Compatibility, ImplicitsAucIsExactWhereTheListHoldsEveryHitAndAGuessBeyond) {
  EXPECT_DOUBLE_EQ(ImplicitAuc(kUsers[0], 3, 10), 8.0 / 9);  // ours: the test item is above 8 of 9
  EXPECT_DOUBLE_EQ(Auc(std::vector<float>{9}, std::vector<float>{10, 8, 7, 6, 5, 4, 3, 2, 1}), 8.0 / 9);
  EXPECT_DOUBLE_EQ(ImplicitAuc(kUsers[1], 3, 10), 0.6);  // whatever the three missing ones are: ours .36 to .84
  EXPECT_DOUBLE_EQ(Auc(std::vector<float>{10, 8, 7, 6, 5}, std::vector<float>{9, 4, 3, 2, 1}), 0.84);
  EXPECT_DOUBLE_EQ(Auc(std::vector<float>{10, 8, 3, 2, 1}, std::vector<float>{9, 7, 6, 5, 4}), 0.36);
}

TEST(Compatibility, RecBolesGaucWeighsUsersByTheirTestItems) {
  const double one = Auc(std::vector<float>{2}, std::vector<float>{3, 1});
  const double three = Auc(std::vector<float>{5, 4, 3}, std::vector<float>{2, 1});
  EXPECT_DOUBLE_EQ((one + three) / 2, 0.75);           // ours
  EXPECT_DOUBLE_EQ((one * 1 + three * 3) / 4, 0.875);  // theirs
}

}  // namespace
}  // namespace waypost
