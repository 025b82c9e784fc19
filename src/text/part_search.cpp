#include "text/part_search.hpp"

#include <cstring>
#include <utility>

namespace waypost::internal {
namespace {

constexpr std::uint32_t kWindow = 4096;  // sums of a window stay in the fastest cache
constexpr std::uint32_t kStride = 32;    // sums looked at together

// Whether any of kStride sums is above `need`. Sums are far below 2^31: a signed comparison, which every processor has
// for four at once, does.
bool AnyAbove(const std::uint32_t* sums, std::uint32_t need) {
  using Signed [[gnu::vector_size(16)]] = std::int32_t;
  const auto least = static_cast<std::int32_t>(need);
  const Signed needed = {least, least, least, least};
  Signed above = {};
  for (std::uint32_t n = 0; n < kStride; n += 4) {
    Signed four;
    std::memcpy(&four, sums + n, sizeof(four));
    above |= four > needed;
  }
  std::uint64_t halves[2];
  std::memcpy(halves, &above, sizeof(above));
  return (halves[0] | halves[1]) != 0;
}

struct BoundedTerm {
  std::uint32_t bound;
  std::uint32_t cursor;
};

}  // namespace

void SearchPart(const Segment& segment, const Saturation& saturation, std::span<const WantedTerm> terms,
                std::uint32_t base, BestPlaces& best, absl::FunctionRef<bool(std::uint32_t)> allowed) {
  std::vector<PostingCursor> cursors;
  cursors.reserve(terms.size());
  for (const WantedTerm& term : terms)
    cursors.emplace_back(segment.postings.data() + term.postings.offset, term.postings.count, segment.tables(),
                         saturation, term.worth);
  const std::size_t size = segment.size();
  std::vector<std::uint32_t> sums(kWindow);
  std::vector<BoundedTerm> active;
  std::vector<std::uint64_t> below;  // [n]: the sum of the n smallest bounds
  for (std::size_t window = 0; window < size; window += kWindow) {
    const auto begin = static_cast<std::uint32_t>(window);
    const auto end = static_cast<std::uint32_t>(std::min<std::size_t>(size, window + kWindow));
    active.clear();
    for (std::uint32_t n = 0; n < cursors.size(); ++n)
      if (const std::uint32_t bound = cursors[n].WindowBound(begin, end); bound > 0) active.push_back({bound, n});
    std::sort(active.begin(), active.end(), [](const BoundedTerm& a, const BoundedTerm& b) {
      return a.bound != b.bound ? a.bound < b.bound : a.cursor < b.cursor;
    });
    below.assign(1, 0);
    for (const BoundedTerm& term : active) below.push_back(below.back() + term.bound);
    std::size_t passive = 0;  // terms that are not read for their own sake
    while (passive < active.size() && below[passive + 1] <= best.threshold()) ++passive;
    if (passive == active.size()) continue;
    for (std::size_t n = passive; n < active.size(); ++n) cursors[active[n].cursor].AddWindow(begin, end, sums.data());
    for (std::uint32_t at = 0; at < end - begin; at += kStride) {
      const auto need = [&] {
        return static_cast<std::uint32_t>(best.threshold() - std::min<std::uint64_t>(best.threshold(), below[passive]));
      };
      if (!AnyAbove(sums.data() + at, need())) continue;
      for (std::uint32_t n = 0; n < kStride; ++n) {
        std::uint64_t sum = sums[at + n];
        if (sum <= need()) continue;
        const std::uint32_t document = begin + at + n;
        std::size_t left = passive;
        for (; left > 0 && sum + below[left] > best.threshold(); --left)
          sum += cursors[active[left - 1].cursor].WorthOf(document);
        if (left > 0 || sum <= best.threshold() || !allowed(document)) continue;
        best.Offer(static_cast<std::uint32_t>(sum), base + document);
      }
    }
    std::fill(sums.begin(), sums.end(), 0u);
  }
}

}  // namespace waypost::internal
