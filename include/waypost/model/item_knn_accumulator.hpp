// waypost/model/item_knn_accumulator.hpp - sums under a few of many indices, read back in ascending order.
//
// A dense array takes the sums and two levels of bits say which of them are in use, so that a row of a sparse product
// comes out sorted without sorting: cost O(additions + sums in use + size / 4096) a row.
#ifndef WAYPOST_MODEL_ITEM_KNN_ACCUMULATOR_HPP_
#define WAYPOST_MODEL_ITEM_KNN_ACCUMULATOR_HPP_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace waypost::internal {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class SparseAccumulator {
 public:
  explicit SparseAccumulator(std::size_t size) : sums_(size), used_((size + 63) / 64), blocks_((size + 4095) / 4096) {}

  void Add(std::uint32_t index, double amount) {
    sums_[index] += amount;
    used_[index / 64] |= std::uint64_t{1} << (index % 64);
    blocks_[index / 4096] |= std::uint64_t{1} << (index / 64 % 64);
  }

  // Calls `visit(index, sum)` for every index that was added to, ascending, and leaves the accumulator empty.
  template <typename Visit>
  void Drain(const Visit& visit) {
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      for (std::uint64_t words = blocks_[block]; words != 0; words &= words - 1) {
        const std::size_t word = block * 64 + static_cast<std::size_t>(std::countr_zero(words));
        for (std::uint64_t bits = used_[word]; bits != 0; bits &= bits - 1) {
          const std::size_t index = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
          visit(static_cast<std::uint32_t>(index), sums_[index]);
          sums_[index] = 0;
        }
        used_[word] = 0;
      }
      blocks_[block] = 0;
    }
  }

 private:
  std::vector<double> sums_;
  std::vector<std::uint64_t> used_;    // one bit an index
  std::vector<std::uint64_t> blocks_;  // one bit a word of used_
};

}  // namespace waypost::internal

#endif  // WAYPOST_MODEL_ITEM_KNN_ACCUMULATOR_HPP_
