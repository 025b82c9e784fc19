#include "waypost/text/text_index.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/naive_bm25.hpp"
#include "text/bit_packing.hpp"
#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const TextIndexOptions kBody = {.fields = {{"body", 1}}};

Tokenizer Words() {
  return *Tokenizer::Create({.stemmer = "none"});
}

TextIndex Index(const std::vector<TextDocument>& documents, const TextIndexOptions& options = kBody) {
  absl::StatusOr<TextIndex> index = TextIndex::Build(documents, options, Words());
  EXPECT_TRUE(index.ok()) << index.status();
  return *std::move(index);
}

TextQuery Query(const std::string& text, std::size_t n = 10) {
  return {.texts = {{text}}, .n = n};
}

std::vector<TextHit> Hits(const TextIndex& index, const TextQuery& query) {
  absl::StatusOr<std::vector<TextHit>> hits = index.Search(query);
  EXPECT_TRUE(hits.ok()) << hits.status();
  return *std::move(hits);
}

std::vector<std::string> Ids(const TextIndex& index, const TextQuery& query) {
  std::vector<std::string> ids;
  for (const TextHit& hit : Hits(index, query)) ids.emplace_back(index.id(hit.document));
  return ids;
}

// "w3", with small numbers far more often than large ones.
std::string RandomWord(Random& random, std::uint64_t words) {
  return "w" + std::to_string(random.Below(1 + random.Below(words)));
}

// Documents of up to `longest` words in each of three fields; some of them empty.
std::vector<TextDocument> RandomDocuments(Random& random, std::size_t count, std::uint64_t longest,
                                          std::uint64_t words) {
  std::vector<TextDocument> documents;
  for (std::size_t n = 0; n < count; ++n) {
    TextDocument document{.id = "d" + std::to_string(n), .texts = {"", "", ""}};
    for (std::string& text : document.texts)
      for (std::uint64_t left = random.Below(longest + 1); left > 0; --left) text += RandomWord(random, words) + " ";
    documents.push_back(std::move(document));
  }
  return documents;
}

const TextIndexOptions kFields = {.fields = {{"title", 4}, {"tags", 2}, {"body", 1}}};

TEST(TextIndex, ScoresAsTheDefinitionSays) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 0);
    const std::vector<TextDocument> documents = RandomDocuments(random, 1 + random.Below(300), 12, 40);
    TextIndexOptions options = kFields;
    options.k1 = static_cast<float>(random.Below(4));
    options.b = static_cast<float>(random.Below(5)) / 4;
    options.k3 = static_cast<float>(random.Below(3) * 5);
    options.delta = static_cast<float>(random.Below(2));
    const TextIndex index = Index(documents, options);
    const reference::NaiveBm25 naive(documents, options, Words());
    TextQuery query{.texts = {{"w0 w1 w1 w2 w7 w30 nowhere", 1}, {"w2 w5", 2.5f}}, .n = documents.size()};
    const std::vector<double> scores = naive.Scores(query);
    const std::vector<TextHit> hits = Hits(index, query);
    std::size_t matching = 0;
    for (const double score : scores) matching += score > 0;
    ASSERT_THAT(hits, SizeIs(matching));
    for (std::size_t n = 0; n < hits.size(); ++n) {
      const double expected = scores[hits[n].document.value];
      EXPECT_NEAR(hits[n].score, expected, 1e-5 * expected);  // float32 factors
      EXPECT_GE(hits[n > 0 ? n - 1 : 0].score, hits[n].score);
      double sum = 0;
      const std::vector<MatchedTerm> matched = *index.Explain(query, hits[n].document);
      for (const MatchedTerm& term : matched) sum += term.amount;
      EXPECT_NEAR(sum, hits[n].score, 1e-5 * expected);
    }
  }
}

TEST(TextIndex, SkippingChangesNothingOfTheBest) {
  Random random(7, 0);
  for (const std::uint64_t words : {30, 3000}) {
    const std::vector<TextDocument> documents = RandomDocuments(random, 20'000, 6, words);
    const TextIndex index = Index(documents, kFields);
    for (int round = 0; round < 30; ++round) {
      std::string text;
      for (std::uint64_t left = 1 + random.Below(round < 15 ? 6 : 60); left > 0; --left)
        text += RandomWord(random, words) + " ";
      const std::vector<TextHit> all = Hits(index, Query(text, documents.size()));  // nothing can be skipped
      for (const std::size_t n : {1, 10, 200}) {
        const std::vector<TextHit> best = Hits(index, Query(text, n));
        ASSERT_THAT(best, SizeIs(std::min(n, all.size())));
        for (std::size_t k = 0; k < best.size(); ++k) ASSERT_EQ(best[k], all[k]) << text << " " << n << " " << k;
      }
    }
  }
}

TEST(TextIndex, ChangesGiveTheScoresOfAnIndexBuiltAnew) {
  Random random(3, 0);
  std::map<std::string, TextDocument> documents;
  TextIndex index = Index({}, kFields);
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    std::vector<TextDocument> put = RandomDocuments(random, random.Below(120), 10, 50);
    for (TextDocument& document : put) document.id = "d" + std::to_string(random.Below(3)) + document.id;
    std::vector<std::string> remove;
    for (const auto& [id, document] : documents)
      if (random.Below(8) == 0 &&
          std::none_of(put.begin(), put.end(), [&](const TextDocument& other) { return other.id == id; }))
        remove.push_back(id);
    remove.push_back("unknown");
    absl::StatusOr<TextIndex> changed = index.Changed(put, remove);
    ASSERT_TRUE(changed.ok()) << changed.status();
    index = *std::move(changed);
    for (const std::string& id : remove) documents.erase(id);
    for (const TextDocument& document : put) documents[document.id] = document;

    std::vector<TextDocument> left;
    for (const auto& [id, document] : documents) left.push_back(document);
    const TextIndex anew = Index(left, kFields);
    ASSERT_EQ(index.size(), left.size());
    EXPECT_EQ(index.postings(), anew.postings());
    EXPECT_EQ(index.DocumentFrequency("w1"), anew.DocumentFrequency("w1"));
    const std::string text = "w0 w1 w3 w9 w20 w45";
    std::map<std::string, float> scores, expected;
    for (const TextHit& hit : Hits(index, Query(text, 10'000))) scores[std::string(index.id(hit.document))] = hit.score;
    for (const TextHit& hit : Hits(anew, Query(text, 10'000))) expected[std::string(anew.id(hit.document))] = hit.score;
    EXPECT_EQ(scores, expected);
    const std::vector<TextHit> best = Hits(index, Query(text, 7));
    const std::vector<TextHit> all = Hits(index, Query(text, 10'000));
    for (std::size_t n = 0; n < best.size(); ++n) EXPECT_EQ(best[n], all[n]);
    for (const std::string& id : remove) EXPECT_FALSE(index.Find(id));
    for (const TextDocument& document : put) EXPECT_EQ(index.id(index.Find(document.id).value()), document.id);
  }
}

TEST(TextIndex, AChangeLeavesTheOldValueAsItWas) {
  const TextIndex old = Index({{"a", {"red apple"}}, {"b", {"green apple"}}});
  const std::vector<TextDocument> put = {{"a", {"blue plum"}}};
  const std::vector<std::string> remove = {"b"};
  const TextIndex changed = *old.Changed(put, remove);
  EXPECT_THAT(Ids(old, Query("apple")), ElementsAre("a", "b"));
  EXPECT_THAT(Ids(changed, Query("apple plum")), ElementsAre("a"));
  EXPECT_EQ(changed.size(), 1u);
  const std::vector<std::string> only_b = {"b"};
  EXPECT_TRUE(old.Changed({}, only_b)->Explain(Query("apple"), DocumentIndex{1})->empty());
}

TEST(TextIndex, AWordOfHalfOrAllDocumentsStillScoresAboveZero) {
  const TextIndex index = Index({{"a", {"the course"}}, {"b", {"the course"}}, {"c", {"the end"}}, {"d", {"the end"}}});
  for (const char* word : {"the", "course"}) {
    const std::vector<TextHit> hits = Hits(index, Query(word));
    ASSERT_THAT(hits, SizeIs(word == std::string("the") ? 4 : 2));
    for (const TextHit& hit : hits) EXPECT_GT(hit.score, 0);
  }
}

TEST(TextIndex, ChineseJapaneseAndKoreanQueriesHitAndOthersDoNot) {
  const std::vector<TextDocument> documents = {{"zh", {"\u6570\u636e\u5e93\u5165\u95e8 SQL\u57fa\u7840"}},
                                               {"ja", {"\u30c7\u30fc\u30bf\u30d9\u30fc\u30b9\u306e\u57fa\u672c"}},
                                               {"ko", {"\ub370\uc774\ud130\ubca0\uc774\uc2a4"}},
                                               {"en", {"database basics"}}};
  const TextIndex index = Index(documents);
  EXPECT_THAT(Ids(index, Query("\u6570\u636e\u5e93")), ElementsAre("zh"));
  EXPECT_THAT(Ids(index, Query("sql")), ElementsAre("zh"));
  EXPECT_THAT(Ids(index, Query("\u30d9\u30fc\u30b9")), ElementsAre("ja"));
  EXPECT_THAT(Ids(index, Query("\ub370\uc774\ud130")), ElementsAre("ko"));
  EXPECT_THAT(Ids(index, Query("\U0001F600")), IsEmpty());
  EXPECT_THAT(Ids(index, Query("zeitgeist")), IsEmpty());
}

TEST(TextIndex, PairsPutCharactersInTheRightOrderFirst) {
  const TextIndex index = Index({{"apart", {"\u6cd5\u548c\u7b97"}}, {"together", {"\u548c\u7b97\u6cd5"}}});
  EXPECT_THAT(Ids(index, Query("\u7b97\u6cd5")), ElementsAre("together", "apart"));
}

TEST(TextIndex, AnswersHostileQueries) {
  const TextIndex index = Index({{"a", {"one two three \U0001F600"}}, {"b", {"x one"}}});
  EXPECT_THAT(Ids(index, Query("")), IsEmpty());
  EXPECT_THAT(Ids(index, {.texts = {}}), IsEmpty());
  EXPECT_THAT(Ids(index, Query("x")), ElementsAre("b"));
  EXPECT_THAT(Ids(index, Query("\U0001F600")), ElementsAre("a"));
  EXPECT_THAT(Ids(index, Query("\xff\xfe\xed\xa0\x80 three \xc3")), ElementsAre("a"));
  EXPECT_THAT(Ids(index, Query("one", 0)), IsEmpty());
  std::string many;
  for (int n = 0; n < 10'000; ++n) many += "word" + std::to_string(n) + " ";
  EXPECT_THAT(Ids(index, Query(many + "two")), ElementsAre("a"));
  EXPECT_THAT(Ids(index, Query(std::string(100'000, 'a') + " three")), ElementsAre("a"));
  const absl::Status status = index.Search(Query(std::string(kMaxQueryBytes, 'a'))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("want less than 1048576 bytes, got 1048576"));
}

TEST(TextIndex, ReturnsOnlyWhatIsAllowed) {
  std::vector<TextDocument> documents;
  for (int n = 0; n < 1000; ++n) documents.push_back({"d" + std::to_string(n), {"same words"}});
  const TextIndex index = Index(documents);
  Bitmap allowed(1000);
  for (const std::size_t n : {5, 600, 999}) allowed.Set(n);
  TextQuery query = Query("same", 2);
  query.allowed = &allowed;
  EXPECT_THAT(Ids(index, query), ElementsAre("d5", "d600"));
  query.exclude = {DocumentIndex{5}};
  EXPECT_THAT(Ids(index, query), ElementsAre("d600", "d999"));
}

TEST(TextIndex, NamesTheWordsThatMatched) {
  const TextIndex index = *TextIndex::Build(
      std::vector<TextDocument>{{"a", {"sorting with quicksort"}}, {"b", {"sorts"}}, {"c", {"other"}}}, kBody,
      *Tokenizer::Create());
  const std::vector<MatchedTerm> matched = *index.Explain(Query("Sorted quicksort here"), DocumentIndex{0});
  ASSERT_THAT(matched, SizeIs(2));
  EXPECT_EQ(matched[0].term, "quicksort");
  EXPECT_EQ(matched[1].term, "sorted");
  EXPECT_GT(matched[0].amount, matched[1].amount);
}

TEST(TextIndex, RefusesWhatIsWrongByName) {
  const auto message = [](const std::vector<TextDocument>& documents, const TextIndexOptions& options) {
    return std::string(TextIndex::Build(documents, options, Words()).status().message());
  };
  EXPECT_THAT(message({{"a", {}}, {"a", {}}}, kBody), HasSubstr("want every document once, got 'a' again"));
  EXPECT_THAT(message({{"", {}}}, kBody), HasSubstr("id: want 1..256 bytes, got 0"));
  EXPECT_THAT(message({{"a", {"x", "y"}}}, kBody), HasSubstr("want at most 1, got 2"));
  EXPECT_THAT(message({}, {.fields = {}}), HasSubstr("fields: want 1..8, got 0"));
  EXPECT_THAT(message({}, {.fields = {{"x", 1}, {"x", 1}}}), HasSubstr("want each name once"));
  EXPECT_THAT(message({}, {.fields = {{"x", std::nanf("")}}}), HasSubstr("want weights above 0"));
  EXPECT_THAT(message({}, {.fields = {{"x", 1}}, .k1 = -1}), HasSubstr("k1: want 0..1000, got -1"));
  EXPECT_THAT(message({}, {.fields = {{"x", 1}}, .b = std::nanf("")}), HasSubstr("b: want 0..1, got nan"));
  const TextIndex index = Index({{"a", {"x"}}});
  EXPECT_EQ(index.Search({.texts = {{"x", 0}}}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(index.Search({.texts = {{"x", INFINITY}}}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(index.Search({.texts = {{"x"}}, .exclude = {DocumentIndex{1}}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(index.Explain(Query("x"), DocumentIndex{1}).status().code(), absl::StatusCode::kOutOfRange);
  const std::vector<TextDocument> put = {{"a", {"y"}}};
  EXPECT_EQ(index.Changed(put, std::vector<std::string>{"a"}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(TextIndex, HoldsNothingAndOneAndEmptyDocuments) {
  EXPECT_THAT(Ids(Index({}), Query("x")), IsEmpty());
  EXPECT_THAT(Ids(Index({{"a", {}}}), Query("x")), IsEmpty());
  EXPECT_THAT(Ids(Index({{"a", {""}}, {"b", {"x"}}}), Query("x")), ElementsAre("b"));
  const TextIndex emptied = *Index({{"a", {"x"}}}).Changed({}, std::vector<std::string>{"a"});
  EXPECT_EQ(emptied.size(), 0u);
  EXPECT_THAT(Ids(emptied, Query("x")), IsEmpty());
}

TEST(TextIndex, IsTheSameForAnyNumberOfThreads) {
  Random random(11, 0);
  const std::vector<TextDocument> documents = RandomDocuments(random, 5000, 8, 500);
  const TextIndex one = *TextIndex::Build(documents, kFields, Words(), Parallelism(1));
  for (const int threads : {2, 7}) {
    const TextIndex many = *TextIndex::Build(documents, kFields, Words(), Parallelism(threads));
    EXPECT_EQ(many.size_bytes(), one.size_bytes());
    for (const char* text : {"w0 w1 w400", "w7 w8 w9 w10 w11"})
      EXPECT_EQ(Hits(many, Query(text, 50)), Hits(one, Query(text, 50)));
  }
}

TEST(BitPacking, GivesBackWhatItTook) {
  Random random(5, 0);
  for (int bits = 0; bits <= 32; ++bits) {
    std::vector<std::uint32_t> values(internal::kBlockSize);
    for (std::uint32_t& value : values) value = static_cast<std::uint32_t>(random.Below(std::uint64_t{1} << bits));
    std::vector<std::uint8_t> bytes;
    internal::PackBlock(values, bits, bytes);
    ASSERT_EQ(bytes.size(), internal::BlockBytes(bits));
    std::vector<std::uint32_t> unpacked(internal::kBlockSize);
    internal::UnpackBlock(bytes.data(), bits, unpacked.data());
    EXPECT_EQ(unpacked, values) << bits;
    for (const std::size_t count : {1, 3, 127}) {
      bytes.clear();
      internal::PackRun(std::span(values).first(count), bits, bytes);
      ASSERT_EQ(bytes.size(), internal::RunBytes(bits, count));
      std::vector<std::uint32_t> run(count);
      internal::UnpackRun(bytes.data(), bits, count, run.data());
      EXPECT_TRUE(std::equal(run.begin(), run.end(), values.begin())) << bits;
    }
  }
}

}  // namespace
}  // namespace waypost
