// waypost/model/item_knn_accumulator.hpp - sums under a few of many indices, read back in ascending order.
//
// A dense array takes the sums, one bit an index and one flag for 4096 of them say which are in use, so that a row of a
// sparse product comes out sorted without sorting: cost O(additions + sums in use + size / 4096) a row. What a row will
// hold is counted without its sums by marks that need no clearing.
#ifndef WAYPOST_MODEL_ITEM_KNN_ACCUMULATOR_HPP_
#define WAYPOST_MODEL_ITEM_KNN_ACCUMULATOR_HPP_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost::internal {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class SparseAccumulator {
 public:
  explicit SparseAccumulator(std::size_t size) : sums_(size), used_((size + 63) / 64), blocks_((size + 4095) / 4096) {}

  // Adds factor * value to the sum of each entry of the row.
  void AddScaled(const SparseRowView& row, double factor) {
    double* sums = sums_.data();
    std::uint64_t* used = used_.data();
    std::uint32_t* blocks = blocks_.data();
    const auto add = [=](std::uint32_t index, double amount) {
      sums[index] += amount;
      used[index / 64] |= std::uint64_t{1} << (index % 64);
      blocks[index / 4096] = 1;  // a plain store: a bit to set would wait for the one before it
    };
    if (row.values.empty()) {
      for (std::uint32_t index : row.columns) add(index, factor);
    } else {
      for (std::size_t n = 0; n < row.size(); ++n) add(row.columns[n], factor * row.values[n]);
    }
  }

  // Writes the indices that were added to, ascending, and returns how many; their sums stay until they are taken.
  //   indices  room for as many and kSlack more.
  std::size_t TakeIndices(std::uint32_t* indices) {
    std::uint32_t* to = indices;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      if (blocks_[block] == 0) continue;
      blocks_[block] = 0;
      const std::size_t end = std::min(block * 64 + 64, used_.size());
      for (std::size_t word = block * 64; word < end; ++word) {
        std::uint64_t bits = used_[word];
        if (bits == 0) continue;
        used_[word] = 0;
        const std::uint32_t first = static_cast<std::uint32_t>(word * 64);
        do {  // some at a time, needed or not: most words hold few, and how few cannot be foreseen
          for (std::size_t n = 0; n < kSlack; ++n, bits &= bits - 1) {
            *to = first + static_cast<std::uint32_t>(std::countr_zero(bits));
            to += (bits | (0 - bits)) >> 63;  // 1 where a bit is left, without a branch
          }
        } while (bits != 0);
      }
    }
    return static_cast<std::size_t>(to - indices);
  }
  static constexpr std::size_t kSlack = 4;

  // Returns the sum under an index and sets it to 0.
  double Take(std::uint32_t index) { return std::exchange(sums_[index], 0.0); }

 private:
  std::vector<double> sums_;
  std::vector<std::uint64_t> used_;    // one bit an index
  std::vector<std::uint32_t> blocks_;  // 1 where a bit of the 64 words of used_ is set
};

// Counts distinct indices, set by set.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class DistinctCounter {
 public:
  explicit DistinctCounter(std::size_t size) : marks_(size) {}

  // Begins a set without the index `but`.
  void Begin(std::uint32_t but) {
    if (++mark_ == 0) {  // all marks are used up: start anew
      marks_.assign(marks_.size(), 0);
      mark_ = 1;
    }
    marks_[but] = mark_;
    count_ = 0;
  }

  void Add(std::span<const std::uint32_t> indices) {
    std::uint32_t* marks = marks_.data();
    const std::uint32_t mark = mark_;
    std::size_t count = 0;
    for (std::uint32_t index : indices) {
      count += marks[index] != mark ? 1 : 0;
      marks[index] = mark;
    }
    count_ += count;
  }

  std::size_t count() const { return count_; }

 private:
  std::vector<std::uint32_t> marks_;  // of the last set that held the index
  std::uint32_t mark_ = 0;
  std::size_t count_ = 0;
};

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_ITEM_KNN_ACCUMULATOR_HPP_
