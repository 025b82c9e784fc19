// waypost/text/safetensors.hpp - the tensors of a safetensors file, read in place.
//
// Source       The format's description at https://github.com/huggingface/safetensors: 8 bytes, little-endian, the
//              length of the header; the header, a JSON object of {"dtype", "shape", "data_offsets"} by name and
//              optionally "__metadata__"; then the data, without holes.
// Trust        A file may come from anywhere. Sizes are checked before they become an allocation, and every tensor
//              before any is handed out: its type is known, shape times size is the length of its range, ranges neither
//              overlap nor leave a hole, and the last one ends where the file ends.
// Deviations   The header is limited to 16 MiB, a shape to 8 dimensions, a file to 65,536 tensors.
// Checked by   tests/unit/text_safetensors_test.cpp, tests/fuzz/safetensors_fuzz.cpp.
#ifndef WAYPOST_TEXT_SAFETENSORS_HPP_
#define WAYPOST_TEXT_SAFETENSORS_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost {

// What the elements of a tensor are. Types that no encoder reads are known by their size alone.
enum class TensorType : std::uint8_t { kFloat32, kFloat16, kBfloat16, kOther };

struct Tensor {
  std::string name;
  std::string type_name;  // as in the file: "F32", "F16", "BF16", "I64" ...
  TensorType type = TensorType::kOther;
  std::vector<std::uint64_t> shape;  // empty: one element
  std::uint64_t elements = 1;
  std::span<const std::byte> bytes;  // little-endian, row-major, of any alignment
};

// Immutable: safe to use from any number of threads.
class Safetensors {
 public:
  // Maps the file read-only. It must not be changed in place while this value or a copy of it lives.
  // Errors  kNotFound and others of the system; kDataLoss: damaged or hostile, names what is wrong;
  //         kResourceExhausted: beyond a limit.
  static absl::StatusOr<Safetensors> Open(const std::string& path);

  // The same of bytes in memory.
  // Lifetime  `bytes` must outlive this value.
  static absl::StatusOr<Safetensors> FromMemory(std::span<const std::byte> bytes);

  // In the order of their names.
  std::span<const Tensor> tensors() const { return tensors_; }

  // Errors    kNotFound: no tensor of this name.
  // Lifetime  that of this value.
  absl::StatusOr<const Tensor*> Find(std::string_view name) const;

 private:
  std::vector<Tensor> tensors_;
  std::shared_ptr<const void> owner_;  // of the bytes
};

// Writes elements [first, first + to.size()) of a tensor as float32.
//
// Requires  a type other than kOther, and first + to.size() <= tensor.elements.
void CopyElements(const Tensor& tensor, std::uint64_t first, std::span<float> to);

}  // namespace waypost

#endif  // WAYPOST_TEXT_SAFETENSORS_HPP_
