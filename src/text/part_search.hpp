// text/part_search.hpp - the best documents of one segment for the terms of a query.
//
// Method  Documents are taken in windows. In each a term's blocks bound what it can bring there. Terms that together
//         cannot lift a document above the worst of the best so far are not read for their own sake (MaxScore, with the
//         bounds of the window): the others are added up for the whole window, and only documents whose sum could still
//         rise above it are looked up in the rest, largest bound first. Sums are integers: nothing depends on the
//         order.
#ifndef WAYPOST_TEXT_PART_SEARCH_HPP_
#define WAYPOST_TEXT_PART_SEARCH_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"

#include "text/postings.hpp"
#include "text/segment.hpp"

namespace waypost::internal {

struct RankedPlace {
  std::uint32_t score = 0;
  std::uint32_t place = 0;
};

// The best of the places offered, which ascend.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class BestPlaces {
 public:
  explicit BestPlaces(std::size_t n) : n_(n) {}

  // What a score must exceed to get in; everything above 0 does while there is room.
  std::uint32_t threshold() const { return threshold_; }

  // Requires  score > threshold(), place above those offered before.
  void Offer(std::uint32_t score, std::uint32_t place) {
    if (n_ == 0) return;
    if (heap_.size() == n_) {
      std::pop_heap(heap_.begin(), heap_.end(), Better);
      heap_.pop_back();
    }
    heap_.push_back({score, place});
    std::push_heap(heap_.begin(), heap_.end(), Better);
    if (heap_.size() == n_) threshold_ = heap_.front().score;
  }

  std::vector<RankedPlace> Sorted() && {
    std::sort_heap(heap_.begin(), heap_.end(), Better);
    return std::move(heap_);
  }

 private:
  // Score descending, then place ascending.
  static bool Better(const RankedPlace& a, const RankedPlace& b) {
    return a.score != b.score ? a.score > b.score : a.place < b.place;
  }

  std::size_t n_;
  std::uint32_t threshold_ = 0;
  std::vector<RankedPlace> heap_;  // the worst in front
};

struct WantedTerm {
  std::size_t term = 0;  // of the query
  TermPostings postings;
  TermWorth worth;
};

// Offers the documents that could be among the best, `base` added.
//   allowed   whether a document may be offered; asked of few.
void SearchPart(const Segment& segment, const Saturation& saturation, std::span<const WantedTerm> terms,
                std::uint32_t base, BestPlaces& best, absl::FunctionRef<bool(std::uint32_t)> allowed);

}  // namespace waypost::internal

#endif  // WAYPOST_TEXT_PART_SEARCH_HPP_
