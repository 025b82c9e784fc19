// waypost/base/checksum.hpp - the one checksum of files: XXH3-64.
//
// It finds damage (a flipped bit, a torn write, a text-mode copy); it is no protection against forgery, so readers
// check every value as well.
#ifndef WAYPOST_BASE_CHECKSUM_HPP_
#define WAYPOST_BASE_CHECKSUM_HPP_

#include <cstddef>
#include <cstdint>
#include <span>

#include <xxhash.h>

namespace waypost {

inline std::uint64_t Checksum(std::span<const std::byte> bytes, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace waypost

#endif  // WAYPOST_BASE_CHECKSUM_HPP_
