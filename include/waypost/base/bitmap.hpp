// waypost/base/bitmap.hpp - a set of dense indices, one bit each.
#ifndef WAYPOST_BASE_BITMAP_HPP_
#define WAYPOST_BASE_BITMAP_HPP_

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace waypost {

// Bits past size() are always 0, so whole words can be counted and combined.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::size_t size, bool value = false)
      : size_(size), words_((size + 63) / 64, value ? ~std::uint64_t{0} : 0) {
    if (value && size % 64 != 0) words_.back() = (std::uint64_t{1} << (size % 64)) - 1;
  }

  std::size_t size() const { return size_; }
  std::span<const std::uint64_t> words() const { return words_; }

  bool Test(std::size_t position) const {
    assert(position < size_);
    return (words_[position / 64] >> (position % 64)) & 1;
  }
  void Set(std::size_t position) {
    assert(position < size_);
    words_[position / 64] |= std::uint64_t{1} << (position % 64);
  }
  void Clear(std::size_t position) {
    assert(position < size_);
    words_[position / 64] &= ~(std::uint64_t{1} << (position % 64));
  }
  // Replaces 64 members at once.
  // Requires  no bit past size().
  void SetWord(std::size_t word, std::uint64_t bits) {
    assert(word < words_.size());
    words_[word] = bits;
  }
  std::size_t Count() const {
    std::size_t count = 0;
    for (std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
    return count;
  }

  // Keeps what is in both, adds what is in `other`, or keeps what is not in it.
  // Requires  sizes are equal.
  void IntersectWith(const Bitmap& other) {
    assert(other.size_ == size_);
    for (std::size_t w = 0; w < words_.size(); ++w) words_[w] &= other.words_[w];
  }
  void UniteWith(const Bitmap& other) {
    assert(other.size_ == size_);
    for (std::size_t w = 0; w < words_.size(); ++w) words_[w] |= other.words_[w];
  }
  void Subtract(const Bitmap& other) {
    assert(other.size_ == size_);
    for (std::size_t w = 0; w < words_.size(); ++w) words_[w] &= ~other.words_[w];
  }
  // Replaces the set by its complement.
  void Invert() {
    for (std::uint64_t& word : words_) word = ~word;
    if (size_ % 64 != 0) words_.back() &= (std::uint64_t{1} << (size_ % 64)) - 1;
  }

 private:
  std::size_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace waypost

#endif  // WAYPOST_BASE_BITMAP_HPP_
