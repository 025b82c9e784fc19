// Retrieval on real questions: published figures with published tokens, and what the defaults reach.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/eval/retrieval.hpp"
#include "waypost/event/text_table.hpp"
#include "waypost/text/text_index.hpp"

namespace waypost {
namespace {

struct Figures {
  double recall = 0;
  double reciprocal_rank = 0;
};

// Every document is a query for the others; the fields of a query weigh as those of a document.
Figures Measure(const std::vector<TextDocument>& documents, const std::map<std::string, std::set<std::string>>& pairs,
                const TextIndexOptions& options, const Tokenizer& tokenizer) {
  const TextIndex index = *TextIndex::Build(documents, options, tokenizer);
  std::vector<RelevantDocuments> relevant(documents.size());
  for (const auto& [query, found] : pairs) {
    std::vector<DocumentIndex>& places = relevant[index.Find(query)->value].documents;
    for (const std::string& id : found) places.push_back(*index.Find(id));
    std::sort(places.begin(), places.end());
  }
  const auto rank = [&](std::size_t number, std::size_t n) -> absl::StatusOr<std::vector<DocumentIndex>> {
    TextQuery query{.n = n, .exclude = {DocumentIndex{static_cast<std::uint32_t>(number)}}};
    for (std::size_t field = 0; field < options.fields.size(); ++field)
      query.texts.push_back({documents[number].texts[field], options.fields[field].weight});
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<TextHit> hits, index.Search(query));
    std::vector<DocumentIndex> places;
    for (const TextHit& hit : hits) places.push_back(hit.document);
    return places;
  };
  const RetrievalEvaluation evaluation =
      *EvaluateRetrieval(relevant, *ParseMetrics("recall@10,mrr@10"), rank, {.replicates = 1});
  return {evaluation.metrics[0].mean, evaluation.metrics[1].mean};
}

std::map<std::string, std::set<std::string>> Pairs(const std::string& path, const std::string& query,
                                                   const std::string& document, const std::string& type = {}) {
  std::map<std::string, std::set<std::string>> pairs;
  const auto all = *ReadIdPairs(path, query, document, {});
  const auto types = type.empty() ? all : *ReadIdPairs(path, query, "type", {});
  for (std::size_t n = 0; n < all.size(); ++n)
    if (type.empty() || types[n].second == type) pairs[all[n].first].insert(all[n].second);
  return pairs;
}

constexpr char kTag = '\x02';  // before each tag: the README takes a tag as one token

// Words of [a-z0-9+#]; tags whole.
void PlainWords(std::string_view text, TokenSink sink) {
  const bool tags = !text.empty() && text.front() == kTag;
  std::string word;
  for (const char c : std::string(text) + " ") {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const bool in_word =
        tags ? c != kTag && c != ' ' : (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '#';
    if (in_word) {
      word += lower;
    } else if (!word.empty()) {
      sink({word, 0, 0, TokenKind::kWord});
      word.clear();
    }
  }
}

// All characters that are no space, and their pairs.
void CharactersAndPairs(std::string_view text, TokenSink sink) {
  std::string before;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 1;
    while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xC0) == 0x80) ++size;
    std::string character(text.substr(at, size));
    at += size;
    if (character == " " || character == "\u3000" || character == "\t" || character == "\u00a0") continue;
    if (character.size() == 1 && character[0] >= 'A' && character[0] <= 'Z') character[0] += 32;
    sink({character, 0, 0, TokenKind::kWord});
    if (!before.empty()) sink({before + character, 0, 0, TokenKind::kWord});
    before = character;
  }
}

const TextIndexOptions kPlain = {.fields = {{"text", 1}}, .k1 = 1.2f, .b = 0.75f, .k3 = 0};

TEST(TextRetrieval, PlainBm25FindsDuplicateQuestionsAsPublished) {
  WAYPOST_FIND_DATA_OR_SKIP(questions, "qa-cs-stackexchange/questions.jsonl.gz");
  WAYPOST_FIND_DATA_OR_SKIP(links, "qa-cs-stackexchange/links.tsv.gz");
  const TextTable table = *ReadTextTable(questions, {.item_column = "id"}, {"title", "tags", "body"});
  std::vector<TextDocument> documents;
  for (std::size_t n = 0; n < table.rows.size(); ++n) {
    std::string tags = "\n" + std::string(table.text(n, 1));
    std::replace(tags.begin(), tags.end(), '\n', kTag);
    documents.push_back(
        {table.rows[n].id, {std::string(table.text(n, 0)) + " " + std::string(table.text(n, 2)), tags}});
  }
  TextIndexOptions options = kPlain;
  options.fields.push_back({"tags", 1});
  const Tokenizer tokenizer = Tokenizer::FromFunction(PlainWords);
  const Figures duplicates =
      Measure(documents, Pairs(links, "question", "other_question", "duplicate"), options, tokenizer);
  EXPECT_NEAR(duplicates.recall, 0.445, 0.01);
  EXPECT_NEAR(duplicates.reciprocal_rank, 0.322, 0.01);
  const Figures related = Measure(documents, Pairs(links, "question", "other_question", "related"), options, tokenizer);
  EXPECT_NEAR(related.recall, 0.374, 0.01);
  EXPECT_NEAR(related.reciprocal_rank, 0.276, 0.01);
}

TEST(TextRetrieval, TheDefaultsFindMoreDuplicateQuestions) {
  WAYPOST_FIND_DATA_OR_SKIP(questions, "qa-cs-stackexchange/questions.jsonl.gz");
  WAYPOST_FIND_DATA_OR_SKIP(links, "qa-cs-stackexchange/links.tsv.gz");
  const TextTable table = *ReadTextTable(questions, {.item_column = "id"}, {"title", "tags", "body"});
  std::vector<TextDocument> documents;
  for (const TextRow& row : table.rows) documents.push_back({row.id, row.texts});
  for (TextDocument& document : documents) document.texts.resize(3);
  const Figures figures =
      Measure(documents, Pairs(links, "question", "other_question", "duplicate"), {}, *Tokenizer::Create());
  EXPECT_GE(figures.recall, 0.52);  // the best without outside vectors is asked to reach 0.51 and 0.365
  EXPECT_GE(figures.reciprocal_rank, 0.38);
}

class ChineseRetrieval : public testing::Test {
 protected:
  std::vector<TextDocument> documents_;
  std::map<std::string, std::set<std::string>> pairs_;

  void SetUp() override {
    WAYPOST_FIND_DATA_OR_SKIP(questions, "qa-insurance-zh/questions.tsv.gz");
    WAYPOST_FIND_DATA_OR_SKIP(relevant, "qa-insurance-zh/qrels_same_answer.tsv.gz");
    const TextTable table = *ReadTextTable(questions, {.item_column = "id"}, {"question_zh"});
    for (std::size_t n = 0; n < table.rows.size(); ++n)
      documents_.push_back({table.rows[n].id, {std::string(table.text(n, 0))}});
    pairs_ = Pairs(relevant, "query_id", "relevant_id");
  }
};

TEST_F(ChineseRetrieval, PlainCharactersAndPairsFindAsPublished) {
  const Figures figures = Measure(documents_, pairs_, kPlain, Tokenizer::FromFunction(CharactersAndPairs));
  EXPECT_NEAR(figures.recall, 0.627, 0.01);
  EXPECT_NEAR(figures.reciprocal_rank, 0.443, 0.01);
}

TEST_F(ChineseRetrieval, TheDefaultsFindMore) {
  const Figures figures = Measure(documents_, pairs_, {.fields = {{"question", 1}}}, *Tokenizer::Create());
  EXPECT_GE(figures.recall, 0.63);
  EXPECT_GE(figures.reciprocal_rank, 0.44);
}

}  // namespace
}  // namespace waypost
