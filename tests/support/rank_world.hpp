// A small bundle for tests of ranking: users with positive, seen-only and rejected pairs, and a model whose scores are
// easy to say by hand and often tie.
#ifndef WAYPOST_TESTS_SUPPORT_RANK_WORLD_HPP_
#define WAYPOST_TESTS_SUPPORT_RANK_WORLD_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/random.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/popularity.hpp"
#include "waypost/rank/recommender.hpp"

namespace waypost::testing_support {

// Score(u, i) = sum over the history h of strength(h) x ((h + i) mod 4), and 1/2 more for even users with a stored row.
//
// Immutable: safe to use from any number of threads.
class ModuloScorer final : public Scorer {
 public:
  ModuloScorer(std::size_t users, std::size_t items) : users_(users), items_(items) {}

  static float Similarity(std::uint32_t a, std::uint32_t b) { return static_cast<float>((a + b) % 4); }

  std::string_view kind() const override { return "modulo"; }
  std::size_t item_count() const override { return items_; }
  std::size_t user_count() const override { return users_; }

  float ScoreOne(const UserView& user, std::uint32_t item) const {
    float score = Base(user);
    for (std::size_t n = 0; n < user.history.size(); ++n)
      score += user.history.value(n) * Similarity(user.history.columns[n], item);
    return score;
  }

  absl::Status Score(std::span<const UserView> users, std::span<float> scores, const Parallelism&) const override {
    for (std::size_t q = 0; q < users.size(); ++q) {
      WAYPOST_RETURN_IF_ERROR(ValidateUser(users[q], users_, items_));
      for (std::uint32_t item = 0; item < items_; ++item) scores[q * items_ + item] = ScoreOne(users[q], item);
    }
    return absl::OkStatus();
  }

  // Items of the same remainder as `item`.
  absl::StatusOr<std::vector<ScoredItem>> Similar(ItemIndex item, const Candidates& candidates,
                                                  std::size_t k) const override {
    WAYPOST_RETURN_IF_ERROR(ValidateItem(item, items_));
    Bitmap allowed(items_);
    for (std::uint32_t other = 0; other < items_; ++other)
      if (other % 4 == item.value % 4 && other != item.value &&
          (candidates.allowed == nullptr || candidates.allowed->Test(other)))
        allowed.Set(other);
    const std::vector<float> scores(items_, 1.0f);
    return waypost::TopK(scores, k, {.allowed = &allowed, .excluded = candidates.excluded});
  }

  absl::StatusOr<Explanation> Explain(const UserView& user, ItemIndex item) const override {
    Explanation explanation{.score = ScoreOne(user, item.value), .base = Base(user), .contributions = {}};
    for (std::size_t n = 0; n < user.history.size(); ++n)
      explanation.contributions.push_back({ItemIndex{user.history.columns[n]},
                                           user.history.value(n) * Similarity(user.history.columns[n], item.value)});
    return explanation;
  }

 private:
  static float Base(const UserView& user) { return user.user && user.user->value % 2 == 0 ? 0.5f : 0.0f; }

  std::size_t users_;
  std::size_t items_;
};

inline IdDictionary Ids(std::string_view prefix, std::size_t count) {
  IdDictionaryBuilder builder;
  for (std::size_t n = 0; n < count; ++n) builder.Add(std::string(prefix) + std::to_string(n)).value();
  return std::move(builder).Build();
}

// Rows of Interactions::history: some users have met nothing; values are -1, 0 and strengths with few distinct values.
inline SparseMatrix RandomHistory(std::uint64_t seed, std::size_t users, std::size_t items, double density) {
  Random random(seed);
  AlignedVector<std::uint64_t> offsets = {0};
  AlignedVector<std::uint32_t> columns;
  AlignedVector<float> values;
  for (std::size_t user = 0; user < users; ++user) {
    const bool idle = random.Bernoulli(0.1);
    const bool plain = random.Bernoulli(0.5);  // positives alone
    for (std::uint32_t item = 0; item < items; ++item) {
      if (idle || !random.Bernoulli(density)) continue;
      columns.push_back(item);
      values.push_back(plain ? 1 : static_cast<float>(random.Below(4)) - 1);
    }
    offsets.push_back(columns.size());
  }
  return SparseMatrix(items, SharedArray<std::uint64_t>(std::move(offsets)),
                      SharedArray<std::uint32_t>(std::move(columns)), SharedArray<float>(std::move(values)));
}

// Users "u0", "u1", ..., items "i0", "i1", ... with titles "Item 0", ...; models "modulo" (the default) and
// "popularity".
inline RecommenderParts PartsOf(const SparseMatrix& history, std::size_t users) {
  RecommenderParts parts;
  const std::size_t items = history.columns();
  parts.users = Ids("u", users);
  parts.items = Ids("i", items);
  std::vector<std::string> titles;
  for (std::size_t item = 0; item < items; ++item) titles.push_back("Item " + std::to_string(item));
  parts.titles = ItemTitles::Of(titles);
  parts.history = history;
  parts.models.push_back({"modulo", std::make_shared<ModuloScorer>(users, items)});
  parts.models.push_back(
      {"popularity", std::make_shared<PopularityModel>(TrainPopularity(InteractionMatrix(PositivesOf(history))))});
  parts.default_model = "modulo";
  return parts;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_RANK_WORLD_HPP_
