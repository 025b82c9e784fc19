#include "waypost/rank/recommender.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/rank_world.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::Ids;
using testing_support::ModuloScorer;
using testing_support::PartsOf;

// Items i0..i7. u0 took i0 and i1 and rejected i2; u1 has only met i3; u2 took every item.
SparseMatrix ThreeUsers() {
  return SparseMatrix(8, SharedArray<std::uint64_t>({0, 3, 4, 12}),
                      SharedArray<std::uint32_t>({0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7}),
                      SharedArray<float>({1, 2, -1, 0, 1, 1, 1, 1, 1, 1, 1, 1}));
}

const Recommender& Small() {
  static const Recommender recommender = Recommender::Create(PartsOf(ThreeUsers(), 3)).value();
  return recommender;
}

std::vector<std::string> IdsOf(const Recommendation& recommendation) {
  std::vector<std::string> ids;
  for (const Suggestion& suggestion : recommendation.items) ids.emplace_back(suggestion.id);
  return ids;
}

using Strings = std::vector<std::string>;

TEST(Recommender, AnswersAKnownUserFromTheStoredRow) {
  // score(i) = 1/2 + 1 x (i mod 4) + 2 x ((1 + i) mod 4): i3 3.5, i4 2.5, i5 5.5, i6 8.5, i7 3.5
  const Recommendation answer = Small().Recommend({.user = "u0", .n = 3}).value();
  EXPECT_EQ(IdsOf(answer), (Strings{"i6", "i5", "i3"}));  // the tie of i3 and i7 goes to the lower index
  EXPECT_EQ(answer.source, Source::kModel);
  EXPECT_EQ(answer.items.front().score, 8.5f);
  EXPECT_EQ(answer.items.front().title, "Item 6");
  EXPECT_EQ(answer.reason, ShortReason::kNone);
}

TEST(Recommender, FoldsInTheHistoryOfAnUnknownUser) {
  const Recommendation answer = Small().Recommend({.user = "new", .history = {{"i1"}, {"nowhere"}}, .n = 2}).value();
  EXPECT_EQ(answer.source, Source::kFoldIn);
  EXPECT_EQ(IdsOf(answer), (Strings{"i2", "i6"}));  // (1 + i) mod 4 = 3
  EXPECT_EQ(answer.unknown_ids, 1u);
}

TEST(Recommender, FallsBackToThePopularRankingAndSaysSo) {
  for (const Query& query : {Query{}, Query{.user = "new"}, Query{.user = "new", .history = {{"nowhere"}}},
                             Query{.user = "u1"}}) {  // u1 has met an item without liking it
    const Recommendation answer = Small().Recommend(query).value();
    EXPECT_EQ(answer.source, Source::kPopular);
    EXPECT_EQ(answer.items.front().id, "i1");  // strengths 2 and 1
    EXPECT_EQ(answer.items.front().source, Source::kPopular);
  }
}

TEST(Recommender, RefusesToGuessWithoutAPopularityModel) {
  RecommenderParts parts = PartsOf(ThreeUsers(), 3);
  parts.models.pop_back();
  const Recommender recommender = Recommender::Create(std::move(parts)).value();
  EXPECT_EQ(recommender.Recommend({.user = "new"}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Recommender, DropsKeepsOrReturnsOnlyWhatTheUserHasMet) {
  const Recommender& recommender = Small();
  const auto answer = [&](SeenPolicy seen) {
    return IdsOf(recommender.Recommend({.user = "u0", .n = 8, .seen = seen}).value());
  };
  EXPECT_THAT(answer(SeenPolicy::kDrop), testing::UnorderedElementsAre("i3", "i4", "i5", "i6", "i7"));
  EXPECT_THAT(answer(SeenPolicy::kKeep), testing::UnorderedElementsAre("i0", "i1", "i3", "i4", "i5", "i6", "i7"));
  EXPECT_THAT(answer(SeenPolicy::kOnly), testing::UnorderedElementsAre("i0", "i1"));
}

TEST(Recommender, NeverReturnsARejectedItem) {
  const Recommender& recommender = Small();
  for (SeenPolicy seen : {SeenPolicy::kDrop, SeenPolicy::kKeep, SeenPolicy::kOnly}) {
    const Query query{.user = "u0", .history = {{"i2"}}, .n = 8, .include = Strings{"i2", "i6"}, .seen = seen};
    EXPECT_THAT(IdsOf(recommender.Recommend(query).value()), testing::Not(testing::Contains("i2")));
  }
}

TEST(Recommender, SaysWhyFewerItemsCameBack) {
  const Recommender& recommender = Small();
  const auto reason = [&](const Query& query) { return recommender.Recommend(query).value().reason; };
  EXPECT_EQ(reason({.user = "u0", .n = 9}), ShortReason::kCatalogue);
  EXPECT_EQ(reason({.user = "u0", .n = 2, .include = Strings{"i5", "i5", "nowhere"}}), ShortReason::kInclude);
  EXPECT_EQ(reason({.user = "u0", .n = 4, .seen = SeenPolicy::kOnly}), ShortReason::kOnlySeen);
  EXPECT_EQ(reason({.user = "u0", .n = 3, .seen = SeenPolicy::kOnly}), ShortReason::kSeen);  // i2 is rejected
  EXPECT_EQ(reason({.user = "u0", .n = 6}), ShortReason::kSeen);
  EXPECT_EQ(reason({.user = "u0", .n = 5, .exclude = {"i7"}}), ShortReason::kExclude);
  EXPECT_EQ(reason({.user = "u0", .n = 5}), ShortReason::kNone);
  EXPECT_EQ(ShortReasonText(ShortReason::kNone), "");
  EXPECT_NE(ShortReasonText(ShortReason::kSeen), ShortReasonText(ShortReason::kExclude));
}

// implicit #476, #507: a k above the number of candidates crashed or was padded with repeats.
TEST(Recommender, ReturnsNothingToAUserWhoHasMetEverything) {
  const Recommendation answer = Small().Recommend({.user = "u2", .n = 5}).value();
  EXPECT_TRUE(answer.items.empty());
  EXPECT_EQ(answer.reason, ShortReason::kSeen);
}

// implicit #507: an include list shorter than n, with the seen filter.
TEST(Recommender, ReturnsWhatIsLeftOfAnIncludeListShorterThanN) {
  const Recommendation answer = Small().Recommend({.user = "u0", .n = 5, .include = Strings{"i1", "i5"}}).value();
  EXPECT_EQ(IdsOf(answer), (Strings{"i5"}));
  EXPECT_EQ(answer.reason, ShortReason::kInclude);
}

// implicit #736: an exclude list of m items made m items fewer come back.
TEST(Recommender, ReturnsExactlyNBesideAnExcludeList) {
  const Recommendation answer = Small().Recommend({.user = "u0", .n = 3, .exclude = {"i6", "i5"}}).value();
  EXPECT_EQ(IdsOf(answer), (Strings{"i3", "i7", "i4"}));
  EXPECT_EQ(answer.reason, ShortReason::kNone);
}

// usearch #594: a filter that rejects all.
TEST(Recommender, ReturnsNothingWhenAFilterRejectsAll) {
  const Recommender& recommender = Small();
  const Recommendation none = recommender.Recommend({.user = "u0", .n = 5, .include = Strings{}}).value();
  EXPECT_TRUE(none.items.empty());
  EXPECT_EQ(none.reason, ShortReason::kInclude);
}

TEST(Recommender, TakesAnyN) {
  const Recommender& recommender = Small();
  const Recommendation none = recommender.Recommend({.user = "u0", .n = 0}).value();
  EXPECT_TRUE(none.items.empty());
  EXPECT_EQ(none.reason, ShortReason::kNone);
  const Recommendation all =
      recommender.Recommend({.user = "u0", .n = std::numeric_limits<std::size_t>::max()}).value();
  EXPECT_EQ(all.items.size(), 5u);
  EXPECT_EQ(all.reason, ShortReason::kCatalogue);
}

TEST(Recommender, CountsTheLargestStrengthOfARepeatedHistoryItem) {
  const Recommender& recommender = Small();
  const Recommendation repeated = recommender.Recommend({.history = {{"i1", 1}, {"i1", 3}, {"i1", 2}}, .n = 1}).value();
  EXPECT_EQ(repeated.items.front().score, 9);  // 3 x 3
  const Recommendation merged = recommender.Recommend({.user = "u0", .history = {{"i1", 1}}, .n = 1}).value();
  EXPECT_EQ(merged.source, Source::kFoldIn);
  EXPECT_EQ(merged.items.front().score, 8);  // as stored: 1 x 2 + 2 x 3, without the stored row's half
}

TEST(Recommender, RefusesAStrengthOfTheHistoryByPosition) {
  for (float weight : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                       2 * kMaxStrength}) {
    for (const char* item : {"i1", "nowhere"}) {
      const auto answer = Small().Recommend({.history = {{"i0"}, {item, weight}}});
      EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(answer.status().ToString(), HasSubstr("Query.history[1].weight: want in (0, 1e+06], got "));
    }
  }
}

TEST(Recommender, NamesTheQueryThatFails) {
  const std::array<Query, 2> queries = {Query{.user = "u0"}, Query{.user = "u0", .model = "best"}};
  const auto answer = Small().Recommend(queries);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(answer.status().ToString(),
              HasSubstr("queries[1]: Query.model: want one of modulo, popularity, got best"));
}

// Oryx #312: the same string as the id of a user and of an item.
TEST(Recommender, KeepsUsersAndItemsApartThatShareAnId) {
  RecommenderParts parts = PartsOf(ThreeUsers(), 3);
  parts.users = Ids("same", 3);
  parts.items = Ids("same", 8);
  const Recommender recommender = Recommender::Create(std::move(parts)).value();
  const Recommendation answer = recommender.Recommend({.user = "same0", .n = 1, .exclude = {"same6"}}).value();
  EXPECT_EQ(IdsOf(answer), (Strings{"same5"}));
}

TEST(Recommender, FindsSimilarItemsButNeverTheItemItself) {
  const Recommender& recommender = Small();
  const Recommendation answer = recommender.Similar({.item = "i2", .n = 3}).value();
  EXPECT_EQ(IdsOf(answer), (Strings{"i6"}));
  EXPECT_EQ(answer.reason, ShortReason::kNoEvidence);
  EXPECT_TRUE(recommender.Similar({.item = "i2", .include = Strings{"i2"}}).value().items.empty());
  EXPECT_EQ(recommender.Similar({.item = "i2", .n = 8}).value().reason, ShortReason::kCatalogue);
  EXPECT_EQ(recommender.Similar({.item = "i2", .n = 1, .include = Strings{"i2"}}).value().reason,
            ShortReason::kInclude);
  EXPECT_EQ(recommender.Similar({.item = "i2", .model = "popularity"}).value().reason, ShortReason::kCatalogue);
  EXPECT_EQ(recommender.Similar({.item = "nowhere"}).status().code(), absl::StatusCode::kNotFound);
}

TEST(Recommender, ExplainsInTheItemsOfTheHistory) {
  const Recommendation answer = Small().Recommend({.user = "u0", .n = 1, .explain = true}).value();
  ASSERT_EQ(answer.items.front().reasons.size(), 2u);
  EXPECT_EQ(answer.items.front().base, 0.5f);
  EXPECT_EQ(answer.items.front().reasons[1].id, "i1");
  EXPECT_EQ(answer.items.front().reasons[1].title, "Item 1");
  EXPECT_EQ(answer.items.front().reasons[1].amount, 6);
}

TEST(Recommender, RefusesPartsThatDoNotFitTogether) {
  const auto code = [](RecommenderParts parts) { return Recommender::Create(std::move(parts)).status().code(); };
  RecommenderParts parts = PartsOf(ThreeUsers(), 3);
  parts.users = Ids("u", 4);
  EXPECT_EQ(code(parts), absl::StatusCode::kInvalidArgument);
  parts = PartsOf(ThreeUsers(), 3);
  parts.items = Ids("i", 9);
  EXPECT_EQ(code(parts), absl::StatusCode::kInvalidArgument);
  parts = PartsOf(ThreeUsers(), 3);
  parts.models.push_back(parts.models.front());
  EXPECT_EQ(code(parts), absl::StatusCode::kInvalidArgument);
  parts = PartsOf(ThreeUsers(), 3);
  parts.models[0].scorer = nullptr;
  EXPECT_EQ(code(parts), absl::StatusCode::kInvalidArgument);
  parts = PartsOf(ThreeUsers(), 3);
  parts.default_model = "best";
  EXPECT_EQ(code(parts), absl::StatusCode::kNotFound);
}

TEST(Recommender, AsksForKeepWhereHistoriesWereStripped) {
  RecommenderParts parts = PartsOf(ThreeUsers(), 3);
  parts.history = {};
  const Recommender recommender = Recommender::Create(std::move(parts)).value();
  EXPECT_EQ(recommender.Recommend({.user = "u0"}).status().code(), absl::StatusCode::kFailedPrecondition);
  const Recommendation kept = recommender.Recommend({.user = "u0", .seen = SeenPolicy::kKeep}).value();
  EXPECT_EQ(kept.source, Source::kModel);
  EXPECT_EQ(recommender.Recommend({.history = {{"i1"}}}).value().source, Source::kFoldIn);
}

TEST(Recommender, AnswersInTheCallersMemoryAsInItsOwn) {
  const std::vector<ItemIndex> few = {ItemIndex{4}, ItemIndex{6}};
  const std::array<WeightedItem, 1> history = {WeightedItem{ItemIndex{1}, 1.0f}};
  const std::vector<IndexedQuery> queries = {{.user = UserIndex{0}, .n = 3},
                                             {.user = UserIndex{0}, .n = 0},
                                             {.user = UserIndex{1}, .n = 100},
                                             {.user = UserIndex{2}, .n = 5},
                                             {.user = UserIndex{0}, .n = 5, .use_include = true, .include = few},
                                             {.history = history, .n = 4}};
  for (const IndexedQuery& query : queries) {
    const std::vector<Ranking> expected = Small().Rank(std::span(&query, 1)).value();
    std::vector<ScoredItem> best(std::min<std::size_t>(query.n, 8));
    const RankingFacts facts = Small().RankInto(query, best).value();
    best.resize(facts.count);
    EXPECT_EQ(best, expected.front().items);
    EXPECT_EQ(facts.source, expected.front().source);
    EXPECT_EQ(facts.reason, expected.front().reason);
  }
}

TEST(Recommender, RefusesMemoryThatIsTooSmallForTheAnswer) {
  std::vector<ScoredItem> best(2);
  const absl::Status status = Small().RankInto({.user = UserIndex{0}, .n = 3}, best).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("want room for 3, got 2"));
}

TEST(Recommender, RefusesIndicesBeyondTheData) {
  const Recommender& recommender = Small();
  const auto code = [&](const IndexedQuery& query) { return recommender.Rank(std::span(&query, 1)).status().code(); };
  const std::array<ItemIndex, 1> item = {ItemIndex{8}};
  const std::array<WeightedItem, 1> history = {WeightedItem{ItemIndex{8}, 1}};
  EXPECT_EQ(code({.user = UserIndex{3}}), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code({.history = history}), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code({.use_include = true, .include = item}), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code({.exclude = item}), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code({.include = item}), absl::StatusCode::kInvalidArgument);
}

// A file opened without a full check may hold a row that is not in order.
TEST(Recommender, ReportsADamagedStoredRow) {
  RecommenderParts parts = PartsOf(ThreeUsers(), 3);
  parts.history = SparseMatrix(8, SharedArray<std::uint64_t>({0, 3, 4, 12}),
                               SharedArray<std::uint32_t>({5, 1, 2, 99, 0, 1, 2, 3, 4, 5, 6, 7}), {});
  const Recommender recommender = Recommender::Create(std::move(parts)).value();
  EXPECT_EQ(recommender.Recommend({.user = "u0"}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(recommender.Recommend({.user = "u1", .seen = SeenPolicy::kOnly}).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace waypost
