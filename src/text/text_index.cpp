#include "waypost/text/text_index.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <unordered_map>
#include <utility>

#include "text/part_search.hpp"
#include "text/segment.hpp"

namespace waypost {
namespace {

using internal::kPairMark;
using internal::SegmentPart;
using internal::TermPostings;
using internal::TermWorth;

constexpr double kUnits = 1 << 30;  // of the largest possible score of a query

absl::Status OutOfMemory(const char* where) {
  return absl::ResourceExhaustedError(absl::StrCat(where, ": memory"));
}

// A term of a query.
struct QueryTerm {
  std::string term;   // of the index, a pair marked
  std::string word;   // of the query
  double weight = 0;  // c, then what one unit of saturated frequency is worth
};

bool IsPair(const QueryTerm& term) {
  return term.term.front() == kPairMark;
}

// The distinct terms of a query, in order of first appearance, with the sums of their weights.
absl::StatusOr<std::vector<QueryTerm>> TermsOf(const TextQuery& query, const TextIndexOptions& options,
                                               const Tokenizer& tokenizer) {
  std::size_t bytes = 0;
  for (const QueryText& text : query.texts) {
    if (!(std::isfinite(text.weight) && text.weight > 0))
      return absl::InvalidArgumentError(
          absl::StrCat("TextQuery.texts.weight: want a finite value above 0, got ", text.weight));
    bytes += std::min(text.text.size(), kMaxQueryBytes);
    if (bytes >= kMaxQueryBytes)
      return absl::InvalidArgumentError(absl::StrCat("TextQuery.texts: want less than ", kMaxQueryBytes, " bytes, got ",
                                                     text.text.size(), " in one"));
  }
  std::vector<QueryTerm> terms;
  std::unordered_map<std::string, std::size_t> position;
  for (const QueryText& text : query.texts)
    tokenizer.Tokenize(text.text, [&](const Token& token) {
      const bool pair = token.kind == TokenKind::kPair;
      if (pair && options.pair_weight == 0) return;
      std::string term = pair ? kPairMark + std::string(token.text) : tokenizer.Term(token.text);
      if (term.empty()) return;
      const auto [entry, added] = position.emplace(term, terms.size());
      if (added) terms.push_back({std::move(term), std::string(token.text), 0});
      terms[entry->second].weight += static_cast<double>(text.weight);
    });
  return terms;
}

}  // namespace

float DefaultFieldWeight(std::string_view name) {
  return name == "title" ? 4 : name == "tags" ? 2 : 1;
}

absl::Status Validate(const TextIndexOptions& options) {
  if (options.fields.empty() || options.fields.size() > kMaxTextFields)
    return absl::InvalidArgumentError(
        absl::StrCat("TextIndexOptions.fields: want 1..", kMaxTextFields, ", got ", options.fields.size()));
  for (std::size_t n = 0; n < options.fields.size(); ++n) {
    const TextField& field = options.fields[n];
    if (!(field.weight > 0 && field.weight <= 1000))
      return absl::InvalidArgumentError(
          absl::StrCat("TextIndexOptions.fields: want weights above 0 and at most 1000, got ", field.weight, " of '",
                       field.name, "'"));
    for (std::size_t m = 0; m < n; ++m)
      if (options.fields[m].name == field.name)
        return absl::InvalidArgumentError(
            absl::StrCat("TextIndexOptions.fields: want each name once, got '", field.name, "' twice"));
  }
  const auto check = [](const char* name, float value, float most) -> absl::Status {
    if (value >= 0 && value <= most) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("TextIndexOptions.", name, ": want 0..", most, ", got ", value));
  };
  WAYPOST_RETURN_IF_ERROR(check("k1", options.k1, 1000));
  WAYPOST_RETURN_IF_ERROR(check("b", options.b, 1));
  WAYPOST_RETURN_IF_ERROR(check("k3", options.k3, 1e6f));
  WAYPOST_RETURN_IF_ERROR(check("delta", options.delta, 10));
  return check("pair_weight", options.pair_weight, 1000);
}

struct TextIndex::State {
  State(TextIndexOptions the_options, Tokenizer the_tokenizer, std::vector<SegmentPart> the_parts)
      : options(std::move(the_options)), tokenizer(std::move(the_tokenizer)), parts(std::move(the_parts)) {
    double length = 0;
    for (const SegmentPart& part : parts) {
      bases.push_back(places);
      places += part.segment->size();
      documents += part.live();
      for (std::uint32_t n = 0; n < part.segment->size(); ++n)
        if (part.Holds(n)) length += static_cast<double>(part.segment->lengths[n]);
    }
    average_length = documents > 0 ? length / static_cast<double>(documents) : 0;
  }

  TextIndexOptions options;
  Tokenizer tokenizer;
  std::vector<SegmentPart> parts;
  std::vector<std::size_t> bases;  // the place of the first document of each part
  std::size_t places = 0;
  std::size_t documents = 0;
  double average_length = 0;

  // The part that holds a place. Requires  place < places.
  std::size_t PartOf(std::size_t place) const {
    return static_cast<std::size_t>(std::upper_bound(bases.begin(), bases.end(), place) - bases.begin()) - 1;
  }

  // Where each part has a term; how many documents hold it.
  std::uint64_t Locate(const std::string& term, std::vector<std::optional<TermPostings>>& found) const {
    std::uint64_t frequency = 0;
    found.clear();
    for (const SegmentPart& part : parts) {
      found.push_back(part.segment->terms.Find(term));
      if (!found.back()) continue;
      frequency += found.back()->count;
      if (part.removals != nullptr) frequency -= part.removals->frequencies[found.back()->term];
    }
    return frequency;
  }

  // What a query asks of each part.
  struct Plan {
    std::vector<QueryTerm> terms;                          // those that some document holds
    std::vector<std::vector<internal::WantedTerm>> parts;  // `term` counts in terms
    double units = 1;                                      // of a score of 1
  };
  absl::StatusOr<Plan> Prepare(const TextQuery& query) const {
    Plan plan;
    plan.parts.resize(parts.size());
    WAYPOST_ASSIGN_OR_RETURN(std::vector<QueryTerm> terms, TermsOf(query, options, tokenizer));
    const auto k3 = static_cast<double>(options.k3);
    std::vector<std::optional<TermPostings>> found;
    double largest = 0;
    for (QueryTerm& term : terms) {
      const auto frequency = static_cast<double>(Locate(term.term, found));
      if (frequency == 0) continue;
      const double idf = std::log1p((static_cast<double>(documents) - frequency + 0.5) / (frequency + 0.5));
      term.weight = idf * (term.weight * (k3 + 1) / (term.weight + k3)) *
                    (IsPair(term) ? static_cast<double>(options.pair_weight) : 1);
      largest += term.weight * static_cast<double>(options.k1 + 1 + options.delta);
      for (std::size_t n = 0; n < parts.size(); ++n)
        if (found[n]) plan.parts[n].push_back({plan.terms.size(), *found[n], {}});
      plan.terms.push_back(std::move(term));
    }
    plan.units = largest > 0 ? kUnits / largest : 1;
    for (std::size_t n = 0; n < parts.size(); ++n)
      for (internal::WantedTerm& wanted : plan.parts[n]) {
        const double weight = plan.terms[wanted.term].weight * plan.units;
        const double bounded_with = parts[n].segment->average_length;
        // A longer average lessens the share of a document's length: a saturated frequency grows by the same factor at
        // most.
        const double growth = bounded_with > 0 ? std::max(1.0, average_length / bounded_with * 1.000001) : 1;
        wanted.worth = {.scale = static_cast<float>(weight * static_cast<double>(options.k1 + 1)),
                        .fixed = static_cast<float>(weight * static_cast<double>(options.delta)),
                        .growth = static_cast<float>(growth)};
      }
    return plan;
  }
};

absl::StatusOr<TextIndex> TextIndex::Build(std::span<const TextDocument> documents, const TextIndexOptions& options,
                                           const Tokenizer& tokenizer, const Parallelism& parallelism) try {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  std::vector<SegmentPart> parts;
  if (!documents.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(auto segment, internal::BuildSegment(documents, options, tokenizer, parallelism));
    parts.push_back({std::move(segment), nullptr});
  }
  return TextIndex(std::make_shared<const State>(options, tokenizer, std::move(parts)));
} catch (const std::bad_alloc&) {
  return OutOfMemory("TextIndex.Build");
}

absl::StatusOr<TextIndex> TextIndex::Changed(std::span<const TextDocument> put, std::span<const std::string> remove,
                                             const Parallelism& parallelism) const try {
  const State& state = *state_;
  std::vector<SegmentPart> parts = state.parts;
  std::shared_ptr<const internal::Segment> added;
  if (!put.empty()) {
    WAYPOST_ASSIGN_OR_RETURN(added, internal::BuildSegment(put, state.options, state.tokenizer, parallelism));
  }
  std::vector<std::vector<std::uint32_t>> gone(parts.size());
  const auto take_out = [&](std::string_view id) {
    for (std::size_t n = 0; n < parts.size(); ++n) {
      const std::optional<std::uint32_t> document = parts[n].segment->ids.Find(id);
      if (!document || !parts[n].Holds(*document)) continue;
      gone[n].push_back(*document);
    }
  };
  for (const std::string& id : remove) {
    if (added != nullptr && added->ids.Find(id))
      return absl::InvalidArgumentError(absl::StrCat("TextIndex.Changed: want '", id, "' put or removed, got both"));
    take_out(id);
  }
  for (const TextDocument& document : put) take_out(document.id);

  std::vector<SegmentPart> left;
  for (std::size_t n = 0; n < parts.size(); ++n) {
    std::sort(gone[n].begin(), gone[n].end());
    gone[n].erase(std::unique(gone[n].begin(), gone[n].end()), gone[n].end());
    if (!gone[n].empty()) parts[n].removals = internal::RemoveDocuments(parts[n], gone[n]);
    if (parts[n].live() == 0) continue;
    if (2 * parts[n].live() < parts[n].segment->size()) {
      WAYPOST_ASSIGN_OR_RETURN(auto merged,
                               internal::MergeSegments(std::span(parts).subspan(n, 1), state.options, parallelism));
      parts[n] = {std::move(merged), nullptr};
    }
    left.push_back(parts[n]);
  }
  if (added != nullptr) left.push_back({std::move(added), nullptr});
  // Parts of like size become one: each document is merged a logarithmic number of times.
  std::size_t first = left.size();
  std::size_t tail = 0;
  while (first > 0 && (tail == 0 || left[first - 1].live() < 2 * tail)) tail += left[--first].live();
  if (first + 1 < left.size()) {
    WAYPOST_ASSIGN_OR_RETURN(auto merged,
                             internal::MergeSegments(std::span(left).subspan(first), state.options, parallelism));
    left.resize(first);
    left.push_back({std::move(merged), nullptr});
  }
  return TextIndex(std::make_shared<const State>(state.options, state.tokenizer, std::move(left)));
} catch (const std::bad_alloc&) {
  return OutOfMemory("TextIndex.Changed");
}

absl::StatusOr<std::vector<TextHit>> TextIndex::Search(const TextQuery& query) const try {
  const State& state = *state_;
  if (query.allowed != nullptr && query.allowed->size() != state.places)
    return absl::InvalidArgumentError(
        absl::StrCat("TextQuery.allowed: want ", state.places, " places, got ", query.allowed->size()));
  std::vector<std::uint32_t> excluded;
  for (const DocumentIndex document : query.exclude) {
    if (document.value >= state.places)
      return absl::InvalidArgumentError(
          absl::StrCat("TextQuery.exclude: want places below ", state.places, ", got ", document.value));
    excluded.push_back(document.value);
  }
  std::sort(excluded.begin(), excluded.end());
  WAYPOST_ASSIGN_OR_RETURN(const State::Plan plan, state.Prepare(query));
  internal::BestPlaces best(std::min(query.n, state.documents));
  for (std::size_t n = 0; n < state.parts.size(); ++n) {
    const std::size_t base = state.bases[n];
    internal::SearchPart(*state.parts[n].segment, internal::SaturationOf(state.options, state.average_length),
                         plan.parts[n], static_cast<std::uint32_t>(base), best, [&](std::uint32_t document) {
                           const std::size_t place = base + document;
                           return state.parts[n].Holds(document) &&
                                  (query.allowed == nullptr || query.allowed->Test(place)) &&
                                  !std::binary_search(excluded.begin(), excluded.end(), place);
                         });
  }
  std::vector<TextHit> hits;
  for (const internal::RankedPlace& ranked : std::move(best).Sorted())
    hits.push_back({DocumentIndex{ranked.place}, static_cast<float>(ranked.score / plan.units)});
  return hits;
} catch (const std::bad_alloc&) {
  return OutOfMemory("TextIndex.Search");
}

absl::StatusOr<std::vector<MatchedTerm>> TextIndex::Explain(const TextQuery& query, DocumentIndex document) const try {
  const State& state = *state_;
  if (document.value >= state.places)
    return absl::OutOfRangeError(
        absl::StrCat("TextIndex.Explain: want a place below ", state.places, ", got ", document.value));
  WAYPOST_ASSIGN_OR_RETURN(const State::Plan plan, state.Prepare(query));
  const std::size_t part = state.PartOf(document.value);
  const auto place = static_cast<std::uint32_t>(document.value - state.bases[part]);
  std::vector<MatchedTerm> matched;
  if (!state.parts[part].Holds(place)) return matched;
  const internal::Segment& segment = *state.parts[part].segment;
  for (const internal::WantedTerm& wanted : plan.parts[part]) {
    internal::PostingCursor cursor(segment.postings.data() + wanted.postings.offset, wanted.postings.count,
                                   segment.tables(), internal::SaturationOf(state.options, state.average_length),
                                   wanted.worth);
    const std::uint32_t worth = cursor.WorthOf(place);
    if (worth > 0) matched.push_back({plan.terms[wanted.term].word, static_cast<float>(worth / plan.units)});
  }
  std::stable_sort(matched.begin(), matched.end(),
                   [](const MatchedTerm& a, const MatchedTerm& b) { return a.amount > b.amount; });
  return matched;
} catch (const std::bad_alloc&) {
  return OutOfMemory("TextIndex.Explain");
}

std::size_t TextIndex::size() const {
  return state_->documents;
}

std::size_t TextIndex::places() const {
  return state_->places;
}

std::string_view TextIndex::id(DocumentIndex document) const {
  const std::size_t part = state_->PartOf(document.value);
  return state_->parts[part].segment->ids.id(static_cast<std::uint32_t>(document.value - state_->bases[part]));
}

std::optional<DocumentIndex> TextIndex::Find(std::string_view id) const {
  for (std::size_t n = 0; n < state_->parts.size(); ++n) {
    const std::optional<std::uint32_t> document = state_->parts[n].segment->ids.Find(id);
    if (document && state_->parts[n].Holds(*document))
      return DocumentIndex{static_cast<std::uint32_t>(state_->bases[n] + *document)};
  }
  return std::nullopt;
}

std::uint64_t TextIndex::DocumentFrequency(std::string_view token, TokenKind kind) const {
  std::vector<std::optional<TermPostings>> found;
  const std::string term = kind == TokenKind::kPair ? kPairMark + std::string(token) : state_->tokenizer.Term(token);
  return term.empty() ? 0 : state_->Locate(term, found);
}

std::uint64_t TextIndex::postings() const {
  std::uint64_t count = 0;
  for (const SegmentPart& part : state_->parts)
    count += part.segment->posting_count - (part.removals == nullptr ? 0 : part.removals->postings);
  return count;
}

std::uint64_t TextIndex::size_bytes() const {
  std::uint64_t bytes = 0;
  for (const SegmentPart& part : state_->parts) bytes += part.segment->size_bytes();
  return bytes;
}

const TextIndexOptions& TextIndex::options() const {
  return state_->options;
}

const Tokenizer& TextIndex::tokenizer() const {
  return state_->tokenizer;
}

}  // namespace waypost
