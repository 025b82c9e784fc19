// text/bit_packing.hpp - small numbers in as few bits as the largest of them needs.
//
// (1) A block of kBlockSize numbers of `bits` bits each lies in four lanes of 32-bit words: number n is the (n / 4)-th
//     of lane n mod 4, lowest bits first, and word w of lane l stands at 4 w + l. Four numbers are unpacked at once.
// (2) A shorter run lies as one stream of bits, lowest first, filled up to a whole byte.
// Source  D. Lemire, L. Boytsov, Decoding billions of integers per second through vectorization, 2015.
#ifndef WAYPOST_TEXT_BIT_PACKING_HPP_
#define WAYPOST_TEXT_BIT_PACKING_HPP_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace waypost::internal {

inline constexpr std::size_t kBlockSize = 128;

inline int BitsFor(std::uint32_t largest) {
  return std::bit_width(largest);
}

constexpr std::size_t BlockBytes(int bits) {
  return kBlockSize / 8 * static_cast<std::size_t>(bits);
}
constexpr std::size_t RunBytes(int bits, std::size_t count) {
  return (static_cast<std::size_t>(bits) * count + 7) / 8;
}

// Appends a block.
// Requires  kBlockSize values below 2^bits.
inline void PackBlock(std::span<const std::uint32_t> values, int bits, std::vector<std::uint8_t>& bytes) {
  if (bits == 0) return;
  std::array<std::uint32_t, kBlockSize> words{};
  for (std::size_t n = 0; n < kBlockSize; ++n) {
    const std::size_t bit = n / 4 * static_cast<std::size_t>(bits);
    const std::uint64_t shifted = static_cast<std::uint64_t>(values[n]) << (bit % 32);
    const std::size_t word = bit / 32 * 4 + n % 4;
    words[word] |= static_cast<std::uint32_t>(shifted);
    if (shifted >> 32 != 0) words[word + 4] |= static_cast<std::uint32_t>(shifted >> 32);
  }
  const std::size_t begin = bytes.size();
  bytes.resize(begin + BlockBytes(bits));
  std::memcpy(bytes.data() + begin, words.data(), BlockBytes(bits));
}

using Lanes [[gnu::vector_size(16)]] = std::uint32_t;

template <int kBits>
void UnpackBlockOf(const std::uint8_t* bytes, std::uint32_t* values) {
  if constexpr (kBits == 0) {
    std::memset(values, 0, kBlockSize * sizeof(std::uint32_t));
  } else {
    constexpr std::uint32_t kMask = kBits == 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << kBits) - 1;
    const auto load = [&](int word) {
      Lanes lanes;
      std::memcpy(&lanes, bytes + 16 * word, 16);
      return lanes;
    };
    const auto row = [&]<int kRow>(std::integral_constant<int, kRow>) {
      constexpr int kBit = kRow * kBits;
      constexpr int kShift = kBit % 32;
      Lanes lanes = load(kBit / 32) >> kShift;
      if constexpr (kShift + kBits > 32) lanes |= load(kBit / 32 + 1) << (32 - kShift);
      lanes &= kMask;
      std::memcpy(values + 4 * kRow, &lanes, 16);
    };
    [&]<int... kRows>(std::integer_sequence<int, kRows...>) {
      (row(std::integral_constant<int, kRows>{}), ...);
    }
    (std::make_integer_sequence<int, 32>{});
  }
}

// Requires  BlockBytes(bits) bytes at `bytes`, room for kBlockSize values, bits <= 32.
inline void UnpackBlock(const std::uint8_t* bytes, int bits, std::uint32_t* values) {
  using Unpack = void (*)(const std::uint8_t*, std::uint32_t*);
  static constexpr std::array<Unpack, 33> kUnpack = []<int... kBits>(std::integer_sequence<int, kBits...>) {
    return std::array<Unpack, 33>{&UnpackBlockOf<kBits>...};
  }
  (std::make_integer_sequence<int, 33>{});
  kUnpack[static_cast<std::size_t>(bits)](bytes, values);
}

// Appends a run.
// Requires  values below 2^bits.
inline void PackRun(std::span<const std::uint32_t> values, int bits, std::vector<std::uint8_t>& bytes) {
  const std::size_t begin = bytes.size();
  bytes.resize(begin + RunBytes(bits, values.size()));
  std::size_t at = 0;
  for (const std::uint32_t value : values)
    for (int bit = 0; bit < bits; ++bit, ++at)
      if ((value >> bit & 1) != 0) bytes[begin + at / 8] |= static_cast<std::uint8_t>(1 << (at % 8));
}

// Requires  RunBytes(bits, count) bytes at `bytes`, bits <= 32.
inline void UnpackRun(const std::uint8_t* bytes, int bits, std::size_t count, std::uint32_t* values) {
  if (bits == 0) {
    std::fill_n(values, count, 0u);
    return;
  }
  const std::size_t size = RunBytes(bits, count);
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  std::size_t at = 0;
  for (std::size_t n = 0; n < count; ++n, at += static_cast<std::size_t>(bits)) {
    std::uint64_t word = 0;
    const std::size_t byte = at / 8;
    std::memcpy(&word, bytes + byte, std::min<std::size_t>(8, size - std::min(size, byte)));
    values[n] = static_cast<std::uint32_t>(word >> (at % 8) & mask);
  }
}

// A number in bytes of seven bits, lowest first.
inline void AppendVarint(std::uint64_t value, std::vector<std::uint8_t>& bytes) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

inline std::uint64_t TakeVarint(const std::uint8_t*& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const std::uint8_t byte = *bytes++;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

}  // namespace waypost::internal

#endif  // WAYPOST_TEXT_BIT_PACKING_HPP_
