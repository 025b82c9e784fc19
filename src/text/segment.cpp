#include "text/segment.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

#include <xxhash.h>

namespace waypost::internal {
namespace {

constexpr std::size_t kDocumentsTogether = 1024;  // fixed: part of the determinism contract
constexpr std::size_t kBlocksTogether = 32;       // bounds the memory for tokens
constexpr std::size_t kTermsTogether = 4096;
constexpr std::uint32_t kNoTerm = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMostInField = 255;

// Numbers for keys, in order of first appearance.
class PatternTable {
 public:
  std::uint32_t NumberOf(PatternKey key) {
    if (2 * (keys_.size() + 1) > slots_.size()) Grow();
    const std::size_t slot = Slot(key);
    if (slots_[slot] != kNoTerm) return slots_[slot];
    slots_[slot] = static_cast<std::uint32_t>(keys_.size());
    keys_.push_back(key);
    return slots_[slot];
  }
  const std::vector<PatternKey>& keys() const { return keys_; }

 private:
  std::size_t Slot(PatternKey key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = (key * 0x9E3779B97F4A7C15u) >> 32 & mask;
    while (slots_[slot] != kNoTerm && keys_[slots_[slot]] != key) slot = (slot + 1) & mask;
    return slot;
  }
  void Grow() {
    slots_.assign(std::max<std::size_t>(64, 2 * slots_.size()), kNoTerm);
    for (std::uint32_t n = 0; n < keys_.size(); ++n) slots_[Slot(keys_[n])] = n;
  }

  std::vector<PatternKey> keys_;
  std::vector<std::uint32_t> slots_;
};

// The words of some documents.
struct TokenBlock {
  IdDictionaryBuilder words;          // as the tokenizer gives them, pairs marked
  std::vector<std::uint32_t> tokens;  // numbers of words, document after document, field after field
  std::vector<std::uint64_t> ends;    // of each document and field, in tokens
  std::vector<float> lengths;
  absl::Status status;
};

// The same as terms: of each document its postings, terms ascending.
struct PostingBlock {
  std::vector<std::uint32_t> terms;
  std::vector<std::uint32_t> patterns;  // numbers of keys
  std::vector<std::uint64_t> ends;      // of each document
  PatternTable keys;
};

void CutDocuments(std::span<const TextDocument> documents, const TextIndexOptions& options, const Tokenizer& tokenizer,
                  TokenBlock& block) {
  std::string marked;
  for (const TextDocument& document : documents) {
    double length = 0;
    for (std::size_t field = 0; field < options.fields.size(); ++field) {
      std::uint64_t words = 0;
      const auto take = [&](const Token& token) {
        std::string_view text = token.text;
        if (token.kind == TokenKind::kPair) {
          if (options.pair_weight == 0) return;
          marked.assign(1, kPairMark);
          marked.append(text);
          text = marked;
        } else {
          ++words;
        }
        const absl::StatusOr<std::uint32_t> word = block.words.Add(text);
        if (word.ok())
          block.tokens.push_back(*word);
        else
          block.status = word.status();
      };
      if (field < document.texts.size()) tokenizer.Tokenize(document.texts[field], take);
      block.ends.push_back(block.tokens.size());
      length += static_cast<double>(options.fields[field].weight) * static_cast<double>(words);
    }
    block.lengths.push_back(static_cast<float>(length));
  }
}

// Counts the terms of each document.
//   term_of   the term of each word of the block, or kNoTerm.
void CountTerms(const TokenBlock& block, const std::vector<std::uint32_t>& term_of, std::size_t fields,
                PostingBlock& postings) {
  std::vector<std::uint64_t> occurrences;  // term and field
  std::size_t at = 0;
  for (std::size_t document = 0; document < block.lengths.size(); ++document) {
    occurrences.clear();
    for (std::size_t field = 0; field < fields; ++field)
      for (; at < block.ends[document * fields + field]; ++at)
        if (const std::uint32_t term = term_of[block.tokens[at]]; term != kNoTerm)
          occurrences.push_back(static_cast<std::uint64_t>(term) << 3 | field);
    std::sort(occurrences.begin(), occurrences.end());
    for (std::size_t n = 0; n < occurrences.size();) {
      const std::uint64_t term = occurrences[n] >> 3;
      PatternKey key = 0;
      for (; n < occurrences.size() && occurrences[n] >> 3 == term; ++n) {
        const int shift = static_cast<int>(8 * (occurrences[n] & 7));
        if ((key >> shift & kMostInField) < kMostInField) key += PatternKey{1} << shift;
      }
      postings.terms.push_back(static_cast<std::uint32_t>(term));
      postings.patterns.push_back(postings.keys.NumberOf(key));
    }
    postings.ends.push_back(postings.terms.size());
  }
}

// Postings of many terms, term after term.
struct PostingLists {
  std::vector<std::string_view> terms;  // ascending
  std::vector<std::uint64_t> ends;      // of each term
  std::vector<std::uint32_t> documents;
  std::vector<std::uint32_t> patterns;  // numbers of keys
  std::vector<PatternKey> keys;
};

// Gives the common patterns the small numbers.
void SortPatterns(PostingLists& lists) {
  std::vector<std::uint64_t> counts(lists.keys.size());
  for (const std::uint32_t pattern : lists.patterns) ++counts[pattern];
  std::vector<std::uint32_t> order(lists.keys.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return counts[a] != counts[b] ? counts[a] > counts[b] : lists.keys[a] < lists.keys[b];
  });
  std::vector<std::uint32_t> number(order.size());
  std::vector<PatternKey> keys(order.size());
  for (std::uint32_t n = 0; n < order.size(); ++n) {
    number[order[n]] = n;
    keys[n] = lists.keys[order[n]];
  }
  for (std::uint32_t& pattern : lists.patterns) pattern = number[pattern];
  lists.keys = std::move(keys);
}

// Packs the lists into a segment, whose lengths and average are there.
void PackLists(PostingLists& lists, const TextIndexOptions& options, const Parallelism& parallelism, Segment& segment) {
  SortPatterns(lists);
  segment.patterns = lists.keys;
  for (const PatternKey key : segment.patterns) segment.frequencies.push_back(FrequencyOf(key, options.fields));
  segment.posting_count = lists.documents.size();
  const Saturation saturation = SaturationOf(options, segment.average_length);
  const std::size_t terms = lists.terms.size();
  std::vector<std::uint64_t> sizes(terms);
  std::vector<std::vector<std::uint8_t>> parts((terms + kTermsTogether - 1) / kTermsTogether);
  ForEachBlock(parallelism, terms, kTermsTogether, [&](std::size_t begin, std::size_t end, std::size_t block) {
    std::vector<std::uint8_t>& bytes = parts[block];
    for (std::size_t term = begin; term < end; ++term) {
      const std::size_t before = bytes.size();
      const std::size_t first = term == 0 ? 0 : lists.ends[term - 1];
      const std::size_t count = lists.ends[term] - first;
      AppendPostings(std::span(lists.documents).subspan(first, count), std::span(lists.patterns).subspan(first, count),
                     segment.tables(), saturation, bytes);
      sizes[term] = bytes.size() - before;
    }
  });
  std::size_t total = 0;
  for (const std::vector<std::uint8_t>& part : parts) total += part.size();
  segment.postings.reserve(total);
  for (std::vector<std::uint8_t>& part : parts) {
    segment.postings.insert(segment.postings.end(), part.begin(), part.end());
    part = {};
  }
  for (std::size_t term = 0; term < terms; ++term)
    segment.terms.Append(lists.terms[term], lists.ends[term] - (term == 0 ? 0 : lists.ends[term - 1]), sizes[term]);
  segment.terms.Finish();
}

double MeanOf(const std::vector<float>& lengths) {
  double sum = 0;
  for (const float length : lengths) sum += static_cast<double>(length);
  return lengths.empty() ? 0 : sum / static_cast<double>(lengths.size());
}

// Words of all blocks and their terms.
class Vocabulary {
 public:
  explicit Vocabulary(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  absl::Status TermsOf(const IdDictionaryBuilder& words, std::vector<std::uint32_t>& term_of) {
    term_of.clear();
    for (std::uint32_t n = 0; n < words.size(); ++n) {
      const std::string_view text = words.id(n);
      WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t word, words_.Add(text));
      if (word == terms_of_words_.size()) {
        const std::string term = text.front() == kPairMark ? std::string(text) : tokenizer_.Term(text);
        if (term.empty()) {
          terms_of_words_.push_back(kNoTerm);
        } else {
          WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t number, terms_.Add(term));
          terms_of_words_.push_back(number);
        }
      }
      term_of.push_back(terms_of_words_[word]);
    }
    return absl::OkStatus();
  }
  const IdDictionaryBuilder& terms() const { return terms_; }

 private:
  const Tokenizer& tokenizer_;
  IdDictionaryBuilder words_;
  IdDictionaryBuilder terms_;
  std::vector<std::uint32_t> terms_of_words_;
};

// Turns postings by document into postings by term, in the order of the terms' bytes.
PostingLists Invert(std::vector<PostingBlock>& blocks, const IdDictionaryBuilder& terms) {
  PostingLists lists;
  std::vector<std::uint32_t> order(terms.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return terms.id(a) < terms.id(b); });
  std::vector<std::uint64_t> next(terms.size());
  for (const PostingBlock& block : blocks)
    for (const std::uint32_t term : block.terms) ++next[term];
  std::uint64_t total = 0;
  for (const std::uint32_t term : order) {
    if (next[term] > 0) {
      lists.terms.push_back(terms.id(term));
      lists.ends.push_back(total + next[term]);
    }
    total += std::exchange(next[term], total);
  }
  lists.documents.resize(total);
  lists.patterns.resize(total);
  PatternTable keys;
  std::uint32_t document = 0;
  for (PostingBlock& block : blocks) {
    std::vector<std::uint32_t> number;
    for (const PatternKey key : block.keys.keys()) number.push_back(keys.NumberOf(key));
    std::size_t at = 0;
    for (const std::uint64_t end : block.ends) {
      for (; at < end; ++at) {
        const std::uint64_t place = next[block.terms[at]]++;
        lists.documents[place] = document;
        lists.patterns[place] = number[block.patterns[at]];
      }
      ++document;
    }
    block = {};
  }
  lists.keys = keys.keys();
  return lists;
}

}  // namespace

Saturation SaturationOf(const TextIndexOptions& options, double average_length) {
  // Where every document is empty no term asks for it.
  const double average = average_length > 0 ? average_length : 1;
  return {options.k1 * (1 - options.b), static_cast<float>(static_cast<double>(options.k1 * options.b) / average)};
}

float FrequencyOf(PatternKey pattern, const std::vector<TextField>& fields) {
  double frequency = 0;
  for (std::size_t field = 0; field < fields.size(); ++field)
    frequency += static_cast<double>(fields[field].weight) * static_cast<double>(pattern >> (8 * field) & kMostInField);
  return static_cast<float>(frequency);
}

absl::StatusOr<std::shared_ptr<const Segment>> BuildSegment(std::span<const TextDocument> documents,
                                                            const TextIndexOptions& options, const Tokenizer& tokenizer,
                                                            const Parallelism& parallelism) {
  auto segment = std::make_shared<Segment>();
  IdDictionaryBuilder ids;
  for (const TextDocument& document : documents) {
    const std::size_t before = ids.size();
    WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t number, ids.Add(document.id));
    if (number != before)
      return absl::InvalidArgumentError(
          absl::StrCat("TextDocument.id: want every document once, got '", document.id, "' again"));
    if (document.texts.size() > options.fields.size())
      return absl::InvalidArgumentError(absl::StrCat("TextDocument.texts of '", document.id, "': want at most ",
                                                     options.fields.size(), ", got ", document.texts.size()));
    for (const std::string& text : document.texts)
      if (text.size() >= std::numeric_limits<std::uint32_t>::max())
        return absl::InvalidArgumentError(absl::StrCat("TextDocument.texts of '", document.id,
                                                       "': want less than 4 GiB, got ", text.size(), " bytes"));
  }
  segment->ids = std::move(ids).Build();

  Vocabulary vocabulary(tokenizer);
  std::vector<PostingBlock> postings((documents.size() + kDocumentsTogether - 1) / kDocumentsTogether);
  for (std::size_t wave = 0; wave < postings.size(); wave += kBlocksTogether) {
    const std::size_t first = wave * kDocumentsTogether;
    const auto some =
        documents.subspan(first, std::min(kBlocksTogether * kDocumentsTogether, documents.size() - first));
    std::vector<TokenBlock> tokens((some.size() + kDocumentsTogether - 1) / kDocumentsTogether);
    ForEachBlock(parallelism, some.size(), kDocumentsTogether,
                 [&](std::size_t begin, std::size_t end, std::size_t block) {
                   CutDocuments(some.subspan(begin, end - begin), options, tokenizer, tokens[block]);
                 });
    std::vector<std::vector<std::uint32_t>> terms(tokens.size());
    for (std::size_t n = 0; n < tokens.size(); ++n) {
      WAYPOST_RETURN_IF_ERROR(tokens[n].status);
      WAYPOST_RETURN_IF_ERROR(vocabulary.TermsOf(tokens[n].words, terms[n]));
      segment->lengths.insert(segment->lengths.end(), tokens[n].lengths.begin(), tokens[n].lengths.end());
    }
    ForEachBlock(parallelism, tokens.size(), 1, [&](std::size_t begin, std::size_t, std::size_t) {
      CountTerms(tokens[begin], terms[begin], options.fields.size(), postings[wave + begin]);
    });
  }
  segment->average_length = MeanOf(segment->lengths);
  PostingLists lists = Invert(postings, vocabulary.terms());
  PackLists(lists, options, parallelism, *segment);
  return segment;
}

absl::StatusOr<std::shared_ptr<const Segment>> MergeSegments(std::span<const SegmentPart> parts,
                                                             const TextIndexOptions& options,
                                                             const Parallelism& parallelism) {
  auto merged = std::make_shared<Segment>();
  IdDictionaryBuilder ids;
  std::vector<std::vector<std::uint32_t>> places(parts.size());  // of each document in the merged segment
  for (std::size_t n = 0; n < parts.size(); ++n) {
    const Segment& segment = *parts[n].segment;
    places[n].assign(segment.size(), kNoTerm);
    for (std::uint32_t document = 0; document < segment.size(); ++document) {
      if (!parts[n].Holds(document)) continue;
      WAYPOST_ASSIGN_OR_RETURN(places[n][document], ids.Add(segment.ids.id(document)));
      merged->lengths.push_back(segment.lengths[document]);
    }
  }
  merged->ids = std::move(ids).Build();
  merged->average_length = MeanOf(merged->lengths);

  struct Source {
    std::string term;
    std::size_t part;
    TermPostings postings;
  };
  std::vector<Source> sources;
  for (std::size_t n = 0; n < parts.size(); ++n)
    parts[n].segment->terms.ForEach([&](std::string_view term, const TermPostings& postings) {
      sources.push_back({std::string(term), n, postings});
    });
  std::stable_sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.term < b.term; });
  PostingLists lists;
  PatternTable keys;
  for (std::size_t n = 0; n < sources.size(); ++n) {
    const Source& source = sources[n];
    const Segment& segment = *parts[source.part].segment;
    PostingCursor cursor(segment.postings.data() + source.postings.offset, source.postings.count, segment.tables(), {},
                         {});
    const std::size_t before = lists.documents.size();
    cursor.ForEach([&](std::uint32_t document, std::uint32_t pattern) {
      const std::uint32_t place = places[source.part][document];
      if (place == kNoTerm) return;
      lists.documents.push_back(place);
      lists.patterns.push_back(keys.NumberOf(segment.patterns[pattern]));
    });
    if (lists.documents.size() == before) continue;
    if (lists.terms.empty() || lists.terms.back() != source.term) {
      lists.terms.push_back(source.term);
      lists.ends.push_back(0);
    }
    lists.ends.back() = lists.documents.size();
  }
  lists.keys = keys.keys();
  PackLists(lists, options, parallelism, *merged);
  return merged;
}

std::shared_ptr<const Removals> RemoveDocuments(const SegmentPart& part, const std::vector<std::uint32_t>& documents) {
  const Segment& segment = *part.segment;
  auto removals = std::make_shared<Removals>();
  if (part.removals != nullptr) {
    *removals = *part.removals;
  } else {
    removals->documents = Bitmap(segment.size());
    removals->frequencies.resize(segment.terms.size());
  }
  Bitmap now(segment.size());
  for (const std::uint32_t document : documents) {
    now.Set(document);
    removals->documents.Set(document);
  }
  removals->count += documents.size();
  std::vector<std::uint32_t> sorted = documents;
  std::sort(sorted.begin(), sorted.end());
  segment.terms.ForEach([&](std::string_view, const TermPostings& postings) {
    PostingCursor cursor(segment.postings.data() + postings.offset, postings.count, segment.tables(), {}, {});
    std::uint32_t count = 0;
    if (sorted.size() < postings.count / kBlockSize) {  // most blocks hold none of them
      for (const std::uint32_t document : sorted) count += cursor.WorthOf(document) > 0;
    } else {
      cursor.ForEach([&](std::uint32_t document, std::uint32_t) { count += now.Test(document); });
    }
    removals->frequencies[postings.term] += count;
    removals->postings += count;
  });
  return removals;
}

}  // namespace waypost::internal
