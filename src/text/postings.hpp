// text/postings.hpp - the documents that hold a term, packed, and a cursor over them.
//
// A posting is a document and a pattern: how often the term occurs in each field, as a number into a table in which
// the common patterns come first. Documents ascend; gaps to the document before, less one, are packed.
//
// (1) A list of fewer than kBlockSize postings: varint of the first document, varint of its pattern; then, where there
//     are more, two bytes with the bits of gaps and of patterns and the two runs of the others.
// (2) A longer list: for each block of kBlockSize (the last may be a shorter run) the last document (32 bits), the
//     bits of gaps and of patterns, and the largest saturated frequency in it, tf / (tf + k1 (1 - b + b |d| / a)), in
//     1/255, rounded up; then the blocks, gaps before patterns.
#ifndef WAYPOST_TEXT_POSTINGS_HPP_
#define WAYPOST_TEXT_POSTINGS_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "text/bit_packing.hpp"

namespace waypost::internal {

inline constexpr std::size_t kBlockHeadBytes = 7;
inline constexpr std::uint32_t kNoDocument = std::numeric_limits<std::uint32_t>::max();

// tf / (tf + constant + slope * |d|), what a term's contribution is proportional to.
struct Saturation {
  float constant = 0;  // k1 (1 - b)
  float slope = 0;     // k1 b / a

  float operator()(float frequency, float length) const {
    return frequency / (frequency + (constant + slope * length));
  }
};

// What the postings of a segment refer to.
struct PostingTables {
  const float* frequencies;  // of each pattern: tf
  const float* lengths;      // of each document
};

// Appends a list.
// Requires  documents ascend; as many patterns; at least one.
inline void AppendPostings(std::span<const std::uint32_t> documents, std::span<const std::uint32_t> patterns,
                           const PostingTables& tables, const Saturation& saturation,
                           std::vector<std::uint8_t>& bytes) {
  const std::size_t count = documents.size();
  std::array<std::uint32_t, kBlockSize> gaps;
  const auto fill_gaps = [&](std::size_t begin, std::size_t size, std::uint32_t before) {
    std::uint32_t largest = 0;
    for (std::size_t n = 0; n < size; ++n) {
      gaps[n] = documents[begin + n] - before - 1;
      before = documents[begin + n];
      largest = std::max(largest, gaps[n]);
    }
    return BitsFor(largest);
  };
  const auto pattern_bits = [&](std::size_t begin, std::size_t size) {
    return BitsFor(*std::max_element(patterns.begin() + static_cast<std::ptrdiff_t>(begin),
                                     patterns.begin() + static_cast<std::ptrdiff_t>(begin + size)));
  };
  if (count < kBlockSize) {
    AppendVarint(documents[0], bytes);
    AppendVarint(patterns[0], bytes);
    if (count == 1) return;
    const int for_gaps = fill_gaps(1, count - 1, documents[0]);
    const int for_patterns = pattern_bits(1, count - 1);
    bytes.push_back(static_cast<std::uint8_t>(for_gaps));
    bytes.push_back(static_cast<std::uint8_t>(for_patterns));
    PackRun(std::span(gaps).first(count - 1), for_gaps, bytes);
    PackRun(patterns.subspan(1), for_patterns, bytes);
    return;
  }
  const std::size_t blocks = (count + kBlockSize - 1) / kBlockSize;
  std::size_t head = bytes.size();
  bytes.resize(head + blocks * kBlockHeadBytes);
  std::uint32_t before = kNoDocument;  // documents[0] - before - 1 is documents[0]
  for (std::size_t begin = 0; begin < count; begin += kBlockSize, head += kBlockHeadBytes) {
    const std::size_t size = std::min(kBlockSize, count - begin);
    const int for_gaps = fill_gaps(begin, size, before);
    const int for_patterns = pattern_bits(begin, size);
    before = documents[begin + size - 1];
    float largest = 0;
    for (std::size_t n = begin; n < begin + size; ++n)
      largest = std::max(largest, saturation(tables.frequencies[patterns[n]], tables.lengths[documents[n]]));
    std::memcpy(bytes.data() + head, &before, sizeof(before));
    bytes[head + 4] = static_cast<std::uint8_t>(for_gaps);
    bytes[head + 5] = static_cast<std::uint8_t>(for_patterns);
    bytes[head + 6] = static_cast<std::uint8_t>(std::min(255.0f, largest * 255.0f + 1.0f));
    if (size == kBlockSize) {
      PackBlock(gaps, for_gaps, bytes);
      PackBlock(patterns.subspan(begin, size), for_patterns, bytes);
    } else {
      PackRun(std::span(gaps).first(size), for_gaps, bytes);
      PackRun(patterns.subspan(begin, size), for_patterns, bytes);
    }
  }
}

// What a term is worth in a query, in the query's units.
struct TermWorth {
  float scale = 0;   // of the saturated frequency
  float fixed = 0;   // wherever it occurs
  float growth = 1;  // a bound on how much a saturated frequency has grown since the blocks were bounded; >= 1

  // At least one unit.
  std::uint32_t operator()(float saturated) const { return static_cast<std::uint32_t>(scale * saturated + fixed) + 1; }
  // At least what a block holds whose largest saturated frequency is `largest` / 255: 2 covers the rounding to units,
  // the factor that of float32.
  std::uint32_t Bound(std::uint8_t largest) const {
    const float saturated = std::min(1.0f, static_cast<float>(largest) / 255.0f * growth);
    return static_cast<std::uint32_t>((scale * saturated + fixed) * 1.000001f) + 2;
  }
};

// Walks over one list, forward: the documents that its members are given never fall from call to call.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class PostingCursor {
 public:
  // Lifetime  bytes and tables must outlive the cursor.
  PostingCursor(const std::uint8_t* bytes, std::uint64_t count, const PostingTables& tables,
                const Saturation& saturation, const TermWorth& worth)
      : tables_(tables), saturation_(saturation), worth_(worth), count_(count) {
    if (count < kBlockSize) {
      DecodeShort(bytes);
    } else {
      blocks_ = static_cast<std::size_t>((count + kBlockSize - 1) / kBlockSize);
      heads_ = bytes;
      data_ = bytes + blocks_ * kBlockHeadBytes;
      TakeHead();
    }
  }

  // The largest worth among the documents of [begin, end), or more; 0 only if there is none.
  std::uint32_t WindowBound(std::uint32_t begin, std::uint32_t end) {
    if (!MoveTo(begin) || before_ + 1 >= end) return 0;
    if (decoded_) {
      while (documents_[at_] < begin) ++at_;
      if (documents_[at_] >= end) return 0;
    }
    std::uint32_t bound = bound_;
    for (std::size_t next = block_ + 1; next < blocks_ && LastOf(next - 1) + std::uint64_t{1} < end; ++next)
      bound = std::max(bound, worth_.Bound(heads_[next * kBlockHeadBytes + 6]));
    return bound;
  }

  // Adds the worth of every document of [begin, end) to sums[document - begin].
  void AddWindow(std::uint32_t begin, std::uint32_t end, std::uint32_t* sums) {
    std::uint64_t from = begin;
    while (from < end && MoveTo(from) && before_ + 1 < end) {
      DecodeDocuments();
      Weigh();
      while (documents_[at_] < from) ++at_;
      for (; at_ < size_ && documents_[at_] < end; ++at_) sums[documents_[at_] - begin] += worths_[at_];
      if (at_ < size_) return;
      from = std::uint64_t{last_} + 1;
    }
  }

  // The worth of a document; 0 if it is not in the list.
  std::uint32_t WorthOf(std::uint32_t document) {
    if (!MoveTo(document)) return 0;
    DecodeDocuments();
    const auto first = documents_.begin();
    at_ = static_cast<std::size_t>(std::lower_bound(first + static_cast<std::ptrdiff_t>(at_),
                                                    first + static_cast<std::ptrdiff_t>(size_), document) -
                                   first);
    if (documents_[at_] != document) return 0;
    if (weighed_) return worths_[at_];
    DecodePatterns();
    return WorthAt(at_);
  }

  // Hands every posting to `take` as document and pattern. Requires  nothing was called before.
  template <typename Take>
  void ForEach(const Take& take) {
    for (std::uint64_t begin = 0; MoveTo(begin); begin = std::uint64_t{last_} + 1) {
      DecodeDocuments();
      DecodePatterns();
      for (std::size_t n = 0; n < size_; ++n) take(documents_[n], patterns_[n]);
    }
  }

 private:
  std::uint32_t LastOf(std::size_t block) const {
    std::uint32_t last;
    std::memcpy(&last, heads_ + block * kBlockHeadBytes, sizeof(last));
    return last;
  }

  // Goes to the block that could hold a document at or after `document`; false if there is none. Then before_ <
  // document <= last_, or nothing was passed over.
  bool MoveTo(std::uint64_t document) {
    while (last_ < document) {
      if (block_ + 1 >= blocks_) return false;
      before_ = last_;
      data_ += BytesOf(gap_bits_) + BytesOf(pattern_bits_);
      ++block_;
      TakeHead();
    }
    return true;
  }

  std::size_t BytesOf(int bits) const { return size_ == kBlockSize ? BlockBytes(bits) : RunBytes(bits, size_); }

  void TakeHead() {
    const std::uint8_t* const head = heads_ + block_ * kBlockHeadBytes;
    last_ = LastOf(block_);
    gap_bits_ = head[4];
    pattern_bits_ = head[5];
    bound_ = worth_.Bound(head[6]);
    size_ = block_ + 1 < blocks_ ? kBlockSize : static_cast<std::size_t>(count_ - (blocks_ - 1) * kBlockSize);
    at_ = 0;
    decoded_ = patterns_decoded_ = weighed_ = false;
  }

  void Unpack(const std::uint8_t* bytes, int bits, std::uint32_t* values) const {
    size_ == kBlockSize ? UnpackBlock(bytes, bits, values) : UnpackRun(bytes, bits, size_, values);
  }

  void DecodeDocuments() {
    if (decoded_) return;
    Unpack(data_, gap_bits_, documents_.data());
    auto document = static_cast<std::uint32_t>(before_);  // -1 wraps to the same sums
    for (std::size_t n = 0; n < size_; ++n) documents_[n] = document += documents_[n] + 1;
    decoded_ = true;
  }

  void DecodePatterns() {
    if (patterns_decoded_) return;
    Unpack(data_ + BytesOf(gap_bits_), pattern_bits_, patterns_.data());
    patterns_decoded_ = true;
  }

  std::uint32_t WorthAt(std::size_t n) const {
    return worth_(saturation_(tables_.frequencies[patterns_[n]], tables_.lengths[documents_[n]]));
  }

  void Weigh() {
    if (weighed_) return;
    DecodePatterns();
    for (std::size_t n = 0; n < size_; ++n) worths_[n] = WorthAt(n);
    weighed_ = true;
  }

  void DecodeShort(const std::uint8_t* bytes) {
    blocks_ = 1;
    size_ = static_cast<std::size_t>(count_);
    documents_[0] = static_cast<std::uint32_t>(TakeVarint(bytes));
    patterns_[0] = static_cast<std::uint32_t>(TakeVarint(bytes));
    if (size_ > 1) {
      const int for_gaps = bytes[0];
      const int for_patterns = bytes[1];
      UnpackRun(bytes + 2, for_gaps, size_ - 1, documents_.data() + 1);
      UnpackRun(bytes + 2 + RunBytes(for_gaps, size_ - 1), for_patterns, size_ - 1, patterns_.data() + 1);
      for (std::size_t n = 1; n < size_; ++n) documents_[n] += documents_[n - 1] + 1;
    }
    last_ = documents_[size_ - 1];
    decoded_ = patterns_decoded_ = true;
    Weigh();
    for (std::size_t n = 0; n < size_; ++n) bound_ = std::max(bound_, worths_[n]);
  }

  PostingTables tables_;
  Saturation saturation_;
  TermWorth worth_;
  std::uint64_t count_;
  std::size_t blocks_ = 0;
  const std::uint8_t* heads_ = nullptr;

  // The block at hand: its documents lie in (before_, last_].
  std::size_t block_ = 0;
  const std::uint8_t* data_ = nullptr;
  std::int64_t before_ = -1;
  std::uint32_t last_ = 0;
  int gap_bits_ = 0;
  int pattern_bits_ = 0;
  std::uint32_t bound_ = 0;
  std::size_t size_ = 0;
  std::size_t at_ = 0;  // documents before it are passed over
  bool decoded_ = false;
  bool patterns_decoded_ = false;
  bool weighed_ = false;
  std::array<std::uint32_t, kBlockSize> documents_;
  std::array<std::uint32_t, kBlockSize> patterns_;
  std::array<std::uint32_t, kBlockSize> worths_;
};

}  // namespace waypost::internal

#endif  // WAYPOST_TEXT_POSTINGS_HPP_
