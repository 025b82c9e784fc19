// Compiled once per instruction set (scripts/cmake/simd.cmake).
#include "mark_kernels.hpp"

#include <hwy/highway.h>

#include "waypost/base/simd.hpp"

namespace waypost::simd::WAYPOST_SIMD_TARGET {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kChunkBytes = 64;
using ByteTag = hn::CappedTag<std::uint8_t, kChunkBytes>;
constexpr std::size_t kByteLanes = hn::MaxLanes(ByteTag());

void Mark(const char* text, std::size_t chunks, char first, char second, std::uint64_t* ends, std::uint64_t* wide) {
  const ByteTag tag;
  const auto line_feed = hn::Set(tag, static_cast<std::uint8_t>('\n'));
  const auto one = hn::Set(tag, static_cast<std::uint8_t>(first));
  const auto two = hn::Set(tag, static_cast<std::uint8_t>(second));
  const auto not_ascii = hn::Set(tag, std::uint8_t{0x80});
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text + kChunkBytes * chunk);
    auto* const end_bits = reinterpret_cast<std::uint8_t*>(ends + chunk);
    auto* const wide_bits = reinterpret_cast<std::uint8_t*>(wide + chunk);
    for (std::size_t at = 0; at < kChunkBytes; at += kByteLanes) {
      const auto byte = hn::LoadU(tag, bytes + at);
      const auto is_end = hn::Or(hn::Eq(byte, line_feed), hn::Or(hn::Eq(byte, one), hn::Eq(byte, two)));
      hn::StoreMaskBits(tag, is_end, end_bits + at / 8);
      hn::StoreMaskBits(tag, hn::TestBit(byte, not_ascii), wide_bits + at / 8);
    }
  }
}

const MarkKernels& MarkKernelTable() {
  static constexpr MarkKernels kTable = {Mark};
  return kTable;
}

}  // namespace

const MarkKernels& MarkKernelTableExport();
const MarkKernels& MarkKernelTableExport() {
  return MarkKernelTable();
}

}  // namespace waypost::simd::WAYPOST_SIMD_TARGET
