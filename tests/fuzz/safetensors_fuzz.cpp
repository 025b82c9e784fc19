// Reads any bytes as a safetensors file, and the elements of what opens.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "waypost/text/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);  // of exactly this size, so that an over-read is seen
  const auto file = waypost::Safetensors::FromMemory(std::as_bytes(std::span(bytes)));
  if (!file.ok()) return 0;
  for (const waypost::Tensor& tensor : file->tensors()) {
    if (!file->Find(tensor.name).ok()) std::abort();
    if (tensor.type == waypost::TensorType::kOther) continue;
    std::vector<float> values(std::min<std::uint64_t>(tensor.elements, 1 << 12));
    waypost::CopyElements(tensor, tensor.elements - values.size(), values);
  }
  return 0;
}
