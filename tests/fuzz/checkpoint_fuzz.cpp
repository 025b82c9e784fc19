// Opens any bytes as a checkpoint, as they are and with right checksums, and saves again what opens.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "support/bundle_surgery.hpp"
#include "waypost/file/checkpoint.hpp"

namespace {

void Open(std::span<const std::byte> bytes) {
  const auto opened = waypost::OpenCheckpointFromMemory(bytes);
  if (opened.ok() && !waypost::SaveCheckpointToMemory(opened->state, opened->notes).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  waypost::testing_support::OpenAsIsAndRepaired(data, size, Open);
  return 0;
}
