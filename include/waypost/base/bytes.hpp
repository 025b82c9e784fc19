// waypost/base/bytes.hpp - little-endian numbers in byte arrays.
#ifndef WAYPOST_BASE_BYTES_HPP_
#define WAYPOST_BASE_BYTES_HPP_

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace waypost {

// Writes `value` at bytes[offset...], least significant byte first, on any machine.
// Requires  offset + sizeof(value) <= bytes.size().
template <std::unsigned_integral T>
void StoreLittleEndian(std::span<std::byte> bytes, std::size_t offset, T value) {
  assert(offset <= bytes.size() && bytes.size() - offset >= sizeof(T));
  for (std::size_t n = 0; n < sizeof(T); ++n)
    bytes[offset + n] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * n));
}

// Requires  offset + sizeof(T) <= bytes.size().
template <std::unsigned_integral T>
T LoadLittleEndian(std::span<const std::byte> bytes, std::size_t offset) {
  assert(offset <= bytes.size() && bytes.size() - offset >= sizeof(T));
  std::uint64_t value = 0;
  for (std::size_t n = 0; n < sizeof(T); ++n) value |= std::to_integer<std::uint64_t>(bytes[offset + n]) << (8 * n);
  return static_cast<T>(value);
}

// The bytes of an array as they lie in memory.
template <typename T>
std::span<const std::byte> AsBytes(std::span<const T> elements) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(elements);
}

}  // namespace waypost

#endif  // WAYPOST_BASE_BYTES_HPP_
