// Opens any bytes as a checkpoint, as they are and with right checksums, and saves again what opens.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "support/bundle_surgery.hpp"
#include "waypost/file/checkpoint.hpp"

namespace {

void Open(std::span<const std::byte> bytes) {
  const auto opened = waypost::OpenCheckpointFromMemory(bytes);
  if (opened.ok() && !waypost::SaveCheckpointToMemory(opened->state, opened->notes).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  Open(bytes);
  waypost::testing_support::BundleSurgery surgery(std::vector<std::byte>(bytes.begin(), bytes.end()));
  surgery.RepairChecksums();
  Open(surgery.bytes());
  return 0;
}
