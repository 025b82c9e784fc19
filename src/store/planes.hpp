// store/planes.hpp - a column of whole numbers in as few bytes as they need, cut into planes.
//
// A column of n cells of w bytes is w / 2 planes of n u16, the lowest digits first, and where w is odd a plane of n u8
// for the highest ones. A cell of any width is then read and written by loops over plain arrays, of which the compiler
// makes vectors, and a search reads the lowest plane alone.
#ifndef WAYPOST_SRC_STORE_PLANES_HPP_
#define WAYPOST_SRC_STORE_PLANES_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "store/records_codec.hpp"

namespace waypost::store {

// Where a column lies.
struct Planes {
  const std::byte* at = nullptr;
  std::size_t count = 0;
  std::uint8_t width = 0;  // 0: all cells are 0

  std::uint64_t operator[](std::size_t n) const {
    std::uint64_t cell = 0;
    for (unsigned digits = 0; digits < width / 2u; ++digits)
      cell |= std::uint64_t{LoadAt<std::uint16_t>(at + 2 * (digits * count + n))} << (16 * digits);
    if (width % 2 != 0) cell |= std::uint64_t{LoadAt<std::uint8_t>(Odd() + n)} << (8 * (width - 1u));
    return cell;
  }

  // Writes the cells [from, from + size) to `target`, cut to its type.
  template <typename T>
  void Decode(std::size_t from, std::size_t size, T* target) const {
    if (width < 2) {
      for (std::size_t n = 0; n < size; ++n)
        target[n] = width == 0 ? T{0} : static_cast<T>(LoadAt<std::uint8_t>(at + from + n));
      return;
    }
    for (std::size_t n = 0; n < size; ++n) target[n] = LoadAt<std::uint16_t>(at + 2 * (from + n));
    for (unsigned digits = 1; digits < width / 2u && digits < sizeof(T) / 2; ++digits) {
      const std::byte* const plane = at + 2 * (digits * count + from);
      for (std::size_t n = 0; n < size; ++n)
        target[n] |= static_cast<T>(static_cast<T>(LoadAt<std::uint16_t>(plane + 2 * n)) << (16 * digits));
    }
    if (width % 2 == 0 || width > sizeof(T)) return;
    const std::byte* const plane = Odd() + from;
    for (std::size_t n = 0; n < size; ++n)
      target[n] |= static_cast<T>(static_cast<T>(LoadAt<std::uint8_t>(plane + n)) << (8 * (width - 1u)));
  }

 private:
  const std::byte* Odd() const { return at + (width - 1u) * count; }
};

// Writes `count` cells of `width` bytes and returns what follows them; `cell(n)` is an unsigned number.
template <typename Cell>
std::byte* PutPlanes(std::byte* at, std::size_t count, std::uint8_t width, const Cell& cell) {
  for (unsigned digits = 0; digits < width / 2u; ++digits, at += 2 * count)
    for (std::size_t n = 0; n < count; ++n) {
      const auto part = static_cast<std::uint16_t>(cell(n) >> (16 * digits));
      std::memcpy(at + 2 * n, &part, sizeof(part));
    }
  if (width % 2 == 0) return at;
  for (std::size_t n = 0; n < count; ++n) at[n] = static_cast<std::byte>(cell(n) >> (8 * (width - 1u)));
  return at + count;
}

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_PLANES_HPP_
