// Opens any bytes as a model file, as they are and with right checksums, and reads all that the bundle then offers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "support/bundle_surgery.hpp"
#include "waypost/file/inspect.hpp"
#include "waypost/file/model_bundle.hpp"

namespace {

void Open(std::span<const std::byte> bytes) {
  const auto full = waypost::OpenBundleFromMemory(bytes, {.check = waypost::OpenCheck::kFull});
  const auto structure = waypost::OpenBundleFromMemory(bytes, {.check = waypost::OpenCheck::kStructure});
  const auto verified = waypost::VerifyBundleFromMemory(bytes);
  if (full.ok() && (!structure.ok() || !verified->problems.empty())) std::abort();
  if (!full.ok() && verified->problems.empty()) std::abort();
  if (structure.ok()) waypost::testing_support::UseBundle(*structure);
  if (!full.ok()) return;
  waypost::testing_support::UseBundle(*full);
  if (!waypost::SaveBundleToMemory(*full).ok()) std::abort();  // what may be opened may be saved
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  waypost::testing_support::OpenAsIsAndRepaired(data, size, Open);
  return 0;
}
