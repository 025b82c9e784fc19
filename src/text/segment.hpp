// text/segment.hpp - a part of an index: documents that were added together, never changed.
//
// (1) Documents are numbered from 0 in the order given; a pattern is a number of frequencies().
// (2) A term of the dictionary is that of the tokenizer; that of a pair has kPairMark before it.
#ifndef WAYPOST_TEXT_SEGMENT_HPP_
#define WAYPOST_TEXT_SEGMENT_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/text/text_index.hpp"

#include "text/postings.hpp"
#include "text/term_dictionary.hpp"

namespace waypost::internal {

inline constexpr char kPairMark = '\x01';  // no tokenizer's word begins with it

// How often a term occurs in each field: the count of field f in byte f.
using PatternKey = std::uint64_t;

// Immutable: safe to use from any number of threads.
struct Segment {
  IdDictionary ids;
  std::vector<float> lengths;        // of each document: |d|
  std::vector<PatternKey> patterns;  // common ones first
  std::vector<float> frequencies;    // of each pattern: tf
  TermDictionary terms;
  std::vector<std::uint8_t> postings;
  std::uint64_t posting_count = 0;
  double average_length = 0;  // with which the blocks were bounded

  std::size_t size() const { return lengths.size(); }
  PostingTables tables() const { return {frequencies.data(), lengths.data()}; }
  std::uint64_t size_bytes() const {
    return terms.size_bytes() + postings.size() + lengths.size() * sizeof(float) +
           patterns.size() * (sizeof(PatternKey) + sizeof(float));
  }
};

// Documents of a segment that were removed, and what that takes from its statistics.
//
// Immutable: safe to use from any number of threads.
struct Removals {
  Bitmap documents;
  std::size_t count = 0;
  std::vector<std::uint32_t> frequencies;  // of each term: removed documents that hold it
  std::uint64_t postings = 0;
};

// A segment with what was removed from it; null: nothing.
struct SegmentPart {
  std::shared_ptr<const Segment> segment;
  std::shared_ptr<const Removals> removals;

  bool Holds(std::uint32_t document) const { return removals == nullptr || !removals->documents.Test(document); }
  std::size_t live() const { return segment->size() - (removals == nullptr ? 0 : removals->count); }
};

Saturation SaturationOf(const TextIndexOptions& options, double average_length);
float FrequencyOf(PatternKey pattern, const std::vector<TextField>& fields);

// Errors  those of TextIndex::Build.
absl::StatusOr<std::shared_ptr<const Segment>> BuildSegment(std::span<const TextDocument> documents,
                                                            const TextIndexOptions& options, const Tokenizer& tokenizer,
                                                            const Parallelism& parallelism);

// One segment of what the parts still hold, in their order.
// Errors  kResourceExhausted: more documents than a segment may have.
absl::StatusOr<std::shared_ptr<const Segment>> MergeSegments(std::span<const SegmentPart> parts,
                                                             const TextIndexOptions& options,
                                                             const Parallelism& parallelism);

// Adds `documents` to what was removed from a part.
std::shared_ptr<const Removals> RemoveDocuments(const SegmentPart& part, const std::vector<std::uint32_t>& documents);

}  // namespace waypost::internal

#endif  // WAYPOST_TEXT_SEGMENT_HPP_
