// store/planes.hpp - a column of whole numbers in as few bytes as they need, cut into planes.
//
// A column of n cells of w bytes is w / 2 planes of n u16, the lowest digits first, and where w is odd a plane of n u8
// for the highest ones. A cell of any width is then read and written by loops over plain arrays, of which the compiler
// makes vectors, and a search reads the lowest plane alone.
#ifndef WAYPOST_SRC_STORE_PLANES_HPP_
#define WAYPOST_SRC_STORE_PLANES_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

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
    switch (width) {
      case 0:
        return void(std::fill_n(target, size, T{0}));
      case 1:
        return DecodeWidth<1>(from, size, target);
      case 2:
        return DecodeWidth<2>(from, size, target);
      case 3:
        return DecodeWidth<3>(from, size, target);
      case 4:
        return DecodeWidth<4>(from, size, target);
      case 5:
        return DecodeWidth<5>(from, size, target);
      case 6:
        return DecodeWidth<6>(from, size, target);
      case 7:
        return DecodeWidth<7>(from, size, target);
      default:
        return DecodeWidth<8>(from, size, target);
    }
  }

 private:
  // One loop for all planes of a width that the compiler knows.
  template <unsigned kWidth, typename T>
  void DecodeWidth(std::size_t from, std::size_t size, T* target) const {
    const std::byte* const first = at + 2 * from;
    const std::byte* const odd = at + (kWidth - 1) * count + from;
    const std::size_t plane = 2 * count;
    using Wide =
        std::conditional_t<(sizeof(T) > 4), std::uint64_t, std::uint32_t>;  // half as long: twice as many at once
    for (std::size_t n = 0; n < size; ++n) {
      Wide cell = 0;
      if constexpr (kWidth >= 2) cell = LoadAt<std::uint16_t>(first + 2 * n);
      if constexpr (kWidth >= 4 && sizeof(T) > 2) cell |= Wide{LoadAt<std::uint16_t>(first + plane + 2 * n)} << 16;
      if constexpr (kWidth >= 6 && sizeof(T) > 4) cell |= Wide{LoadAt<std::uint16_t>(first + 2 * plane + 2 * n)} << 32;
      if constexpr (kWidth >= 8 && sizeof(T) > 4) cell |= Wide{LoadAt<std::uint16_t>(first + 3 * plane + 2 * n)} << 48;
      if constexpr (kWidth % 2 != 0 && kWidth <= sizeof(T))
        cell |= Wide{LoadAt<std::uint8_t>(odd + n)} << (8 * (kWidth - 1));
      target[n] = static_cast<T>(cell);
    }
  }

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
