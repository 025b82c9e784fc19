// waypost/text/text_index.hpp - an inverted index over documents of several fields, and the best documents for a query.
//
// Definition   Let tf(t, d) = sum over fields f of w_f * (times t occurs in f), a field counting at most 255 of them;
//              |d| = sum of w_f * (words in f, parts included, pairs not); a the mean of |d|; N the number of documents
//              and df(t) of those that hold t.
//                idf(t)      = ln(1 + (N - df + 0.5) / (df + 0.5)), times pair_weight where t is a pair: never negative
//                s(t, d)     = idf(t) * (tf (k1 + 1) / (tf + k1 (1 - b + b |d| / a)) + delta)
//                score(q, d) = sum over t of q and d of s(t, d) * g(t),  g = c (k3 + 1) / (c + k3),
//              with c the sum of weight * (times t occurs) over the texts of the query. delta = 0 is BM25, else BM25+.
// Sources      [1] S. Robertson, H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, Foundations and
//                  Trends in IR 3(4), 2009: BM25F, query saturation k3.
//              [2] Y. Lv, C. Zhai, Lower-Bounding Term Frequency Normalization, CIKM 2011: BM25+.
//              [3] H. Turtle, J. Flood, Query Evaluation: Strategies and Optimizations, IP&M 31(6), 1995: MaxScore.
//              [4] S. Ding, T. Suel, Faster Top-k Document Retrieval Using Block-Max Indexes, SIGIR 2011.
//              [5] D. Lemire, L. Boytsov, Decoding billions of integers per second through vectorization, Software:
//                  Practice and Experience 45(1), 2015: the packing of postings.
// Deviations   In [1] each field has a length of its own; here one length, which measured no worse on questions of
//              three fields. A query of kMaxQueryBytes and more is refused.
// Complexity   Build O(words), in parallel; about 3 bytes a posting. A search reads the blocks whose bound can reach
//              the answer.
// Numerics     A contribution is a whole number of units of 2^-30 of the query's largest possible score: any order of
//              adding gives the same sum, so that skipping changes no bit. A matching word adds at least one unit.
// Determinism  The same documents in the same order give the same bytes for any number of threads.
// Checked by   tests/unit/text_index_test.cpp: the definition over every document (tests/reference/naive_bm25.hpp),
//              changed indexes against built ones; tests/data/text_retrieval_test.cpp: published figures.
#ifndef WAYPOST_TEXT_TEXT_INDEX_HPP_
#define WAYPOST_TEXT_TEXT_INDEX_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/text/tokenizer.hpp"
#include "waypost/text/types.hpp"

namespace waypost {

inline constexpr std::size_t kMaxTextFields = 8;
inline constexpr std::size_t kMaxQueryBytes = std::size_t{1} << 20;  // of all texts of a query

struct TextField {
  std::string name;
  float weight = 1;  // finite, > 0
};

// The weight that a field of this name has where nothing else is said: title 4, tags 2, any other 1. Fitted on one half
// of the queries of qa-cs-stackexchange and confirmed on the other (docs/results.md).
float DefaultFieldWeight(std::string_view name);

// Options of TextIndex. Aggregate: use designated initializers.
struct TextIndexOptions {
  std::vector<TextField> fields = {{"title", 4}, {"tags", 2}, {"body", 1}};
  // -- quality --
  // How soon a word that occurs more often counts no more. 1.2 is usual for a single field of weight 1; fields of
  // higher weights want more.
  float k1 = 3;
  // How much the length of a document counts: 0 not at all, 1 in full.
  float b = 0.8f;
  // The same as k1 for words of the query; 0: each word counts once.
  float k3 = 8;
  // What a word brings wherever it occurs (BM25+): 0..1.
  float delta = 0;
  // How much pairs of Chinese, Japanese or Korean characters count beside the characters. 0: they are not indexed.
  float pair_weight = 0.1f;
};
absl::Status Validate(const TextIndexOptions& options);

// Immutable: safe to use from any number of threads.
class TextIndex {
 public:
  // Errors  kInvalidArgument: options; an id that is empty, too long or given twice; more texts than fields; a text of
  //         4 GiB.  kResourceExhausted: memory.
  static absl::StatusOr<TextIndex> Build(std::span<const TextDocument> documents, const TextIndexOptions& options,
                                         const Tokenizer& tokenizer, const Parallelism& parallelism = {});

  // This index with documents added, those of a known id replaced, and others removed; shares what stays the same.
  // Scores are those of an index that is built from the documents that are left.
  //
  //   remove   ids; unknown ones are passed over.
  // Errors     as for Build; an id both put and removed.
  // Cost       that of the documents put, one pass over the postings where one is replaced or removed, and from time
  //            to time the merging of parts of like size.
  absl::StatusOr<TextIndex> Changed(std::span<const TextDocument> put, std::span<const std::string> remove,
                                    const Parallelism& parallelism = {}) const;

  // Returns the `n` best documents, best first: score descending, then place ascending. All share a word with the
  // query.
  // Errors  kInvalidArgument: texts of kMaxQueryBytes or more, a weight that is not above 0, an excluded place beyond
  //         the index, `allowed` of another size.  kResourceExhausted: memory.
  absl::StatusOr<std::vector<TextHit>> Search(const TextQuery& query) const;

  // Returns the words of the query that a document holds, largest amount first; their amounts add up to its score.
  // Errors  as for Search; kOutOfRange: no such place.
  absl::StatusOr<std::vector<MatchedTerm>> Explain(const TextQuery& query, DocumentIndex document) const;

  std::size_t size() const;    // documents
  std::size_t places() const;  // those of removed documents included
  // Requires  document.value < places().
  std::string_view id(DocumentIndex document) const;
  std::optional<DocumentIndex> Find(std::string_view id) const;
  // In how many documents a token of the tokenizer occurs.
  std::uint64_t DocumentFrequency(std::string_view token, TokenKind kind = TokenKind::kWord) const;
  std::uint64_t postings() const;
  std::uint64_t size_bytes() const;  // of words, postings and lengths; ids are not counted
  const TextIndexOptions& options() const;
  const Tokenizer& tokenizer() const;

 private:
  struct State;
  explicit TextIndex(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace waypost

#endif  // WAYPOST_TEXT_TEXT_INDEX_HPP_
