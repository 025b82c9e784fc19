#include "waypost/text/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <optional>
#include <utility>

#include "base/shown.hpp"
#include "file/file_io.hpp"
#include "file/guard.hpp"
#include "text/json_object.hpp"
#include "waypost/base/bytes.hpp"

namespace waypost {
namespace {

constexpr std::size_t kPrefix = 8;  // bytes of the header's length
constexpr std::uint64_t kMaxHeader = std::uint64_t{1} << 24;
constexpr std::size_t kMaxDimensions = 8;
constexpr std::size_t kMaxTensors = std::size_t{1} << 16;

// Bytes of an element, or nothing for a type the format does not have.
std::optional<std::uint64_t> SizeOf(std::string_view type) {
  if (type == "BOOL" || type == "U8" || type == "I8" || type == "F8_E5M2" || type == "F8_E4M3") return 1;
  if (type == "I16" || type == "U16" || type == "F16" || type == "BF16") return 2;
  if (type == "I32" || type == "U32" || type == "F32") return 4;
  if (type == "I64" || type == "U64" || type == "F64") return 8;
  return std::nullopt;
}

TensorType TypeOf(std::string_view type) {
  if (type == "F32") return TensorType::kFloat32;
  if (type == "F16") return TensorType::kFloat16;
  if (type == "BF16") return TensorType::kBfloat16;
  return TensorType::kOther;
}

absl::StatusOr<std::vector<std::uint64_t>> Numbers(const internal::JsonObject& entry, std::string_view name) {
  const internal::Cell* cell = entry.Find(name);
  if (cell == nullptr || cell->type != internal::CellType::kJson)
    return absl::InvalidArgumentError(absl::StrCat(internal::ToAbsl(name), ": want an array of whole numbers"));
  std::vector<std::string_view> elements;
  WAYPOST_RETURN_IF_ERROR(internal::SplitJsonArray(cell->text, elements));
  if (elements.size() > kMaxDimensions)
    return absl::ResourceExhaustedError(
        absl::StrCat(internal::ToAbsl(name), ": want at most ", kMaxDimensions, " numbers, got ", elements.size()));
  std::vector<std::uint64_t> numbers;
  for (const std::string_view element : elements) {
    absl::StatusOr<std::uint64_t> number = internal::ParseUnsigned(element);
    if (!number.ok()) return internal::AddContext(name, number.status());
    numbers.push_back(*number);
  }
  return numbers;
}

absl::StatusOr<Tensor> ReadEntry(std::string_view name, const internal::Cell& cell, std::span<const std::byte> data) {
  if (cell.type != internal::CellType::kJson)
    return absl::InvalidArgumentError(absl::StrCat("want an object, got ", internal::Shown(cell.text)));
  WAYPOST_ASSIGN_OR_RETURN(const internal::JsonObject entry, internal::JsonObject::Parse(cell.text));
  Tensor tensor;
  tensor.name = name;
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view type, entry.Text("dtype"));
  const std::optional<std::uint64_t> size = SizeOf(type);
  if (!size)
    return absl::InvalidArgumentError(absl::StrCat("dtype: want F32, F16, BF16, I64 ..., got ", internal::Shown(type)));
  tensor.type_name = type;
  tensor.type = TypeOf(type);
  WAYPOST_ASSIGN_OR_RETURN(tensor.shape, Numbers(entry, "shape"));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> range, Numbers(entry, "data_offsets"));
  if (range.size() != 2 || range[0] > range[1] || range[1] > data.size())
    return absl::InvalidArgumentError(absl::StrCat("data_offsets: want begin <= end <= ", data.size(), ", got ",
                                                   internal::Shown(entry.Find("data_offsets")->text)));
  std::uint64_t bytes = *size;
  for (const std::uint64_t dimension : tensor.shape)
    if (__builtin_mul_overflow(bytes, dimension, &bytes))
      return absl::InvalidArgumentError("shape: want a size of at most 64 bits, got more");
  if (bytes != range[1] - range[0])
    return absl::InvalidArgumentError(
        absl::StrCat("data_offsets: want ", bytes, " bytes for the shape, got ", range[1] - range[0]));
  tensor.elements = bytes / *size;
  tensor.bytes = data.subspan(range[0], bytes);
  return tensor;
}

// Neither an overlap nor a hole.
absl::Status CheckCover(const std::vector<Tensor>& tensors, std::span<const std::byte> data) {
  std::vector<const Tensor*> order;
  for (const Tensor& tensor : tensors)
    if (!tensor.bytes.empty()) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const Tensor* a, const Tensor* b) { return a->bytes.data() < b->bytes.data(); });
  std::size_t end = 0;
  for (const Tensor* tensor : order) {
    const auto begin = static_cast<std::size_t>(tensor->bytes.data() - data.data());
    if (begin != end)
      return absl::DataLossError(absl::StrCat("tensor ", internal::Shown(tensor->name), ": want its data at ", end,
                                              ", got ", begin, begin < end ? ", an overlap" : ", a hole"));
    end = begin + tensor->bytes.size();
  }
  if (end != data.size()) return absl::DataLossError(absl::StrCat("data: want ", end, " bytes, got ", data.size()));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> ReadTensors(std::span<const std::byte> bytes) {
  if (bytes.size() < kPrefix)
    return absl::DataLossError(absl::StrCat("header: want at least 8 bytes, got ", bytes.size()));
  const auto length = LoadLittleEndian<std::uint64_t>(bytes, 0);
  if (length > bytes.size() - kPrefix)
    return absl::DataLossError(absl::StrCat("header: want at most ", bytes.size() - kPrefix, " bytes, got ", length));
  if (length > kMaxHeader)
    return absl::ResourceExhaustedError(absl::StrCat("header: want at most ", kMaxHeader, " bytes, got ", length));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kPrefix, length);
  const std::span<const std::byte> data = bytes.subspan(kPrefix + length);
  absl::StatusOr<internal::JsonObject> header = internal::JsonObject::Parse(text);
  if (!header.ok()) return absl::DataLossError(absl::StrCat("header: ", header.status().message()));
  if (header->names().size() > kMaxTensors)
    return absl::ResourceExhaustedError(
        absl::StrCat("header: want at most ", kMaxTensors, " tensors, got ", header->names().size()));
  std::vector<Tensor> tensors;
  for (std::size_t n = 0; n < header->names().size(); ++n) {
    const std::string_view name = header->names()[n];
    if (name == "__metadata__") continue;
    absl::StatusOr<Tensor> tensor = ReadEntry(name, header->values()[n], data);
    if (!tensor.ok()) {
      const bool limit = tensor.status().code() == absl::StatusCode::kResourceExhausted;
      return absl::Status(limit ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kDataLoss,
                          absl::StrCat("tensor ", internal::Shown(name), ": ", tensor.status().message()));
    }
    tensors.push_back(*std::move(tensor));
  }
  WAYPOST_RETURN_IF_ERROR(CheckCover(tensors, data));
  std::sort(tensors.begin(), tensors.end(), [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
  return tensors;
}

float FromHalf(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = half >> 10 & 0x1Fu;
  const std::uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) {  // zero and subnormal numbers: fraction * 2^-24, exactly
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFu : exponent + 112;  // 127 - 15
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace

absl::StatusOr<Safetensors> Safetensors::FromMemory(std::span<const std::byte> bytes) {
  return file::Guard("Safetensors", [&]() -> absl::StatusOr<Safetensors> {
    Safetensors file;
    WAYPOST_ASSIGN_OR_RETURN(file.tensors_, ReadTensors(bytes));
    return file;
  });
}

absl::StatusOr<Safetensors> Safetensors::Open(const std::string& path) {
  WAYPOST_ASSIGN_OR_RETURN(std::shared_ptr<const file::MappedFile> mapped, file::MappedFile::Open(path));
  absl::StatusOr<Safetensors> file = FromMemory(mapped->bytes());
  if (!file.ok()) return internal::AddContext(internal::ToStd(absl::StrCat("'", path, "'")), file.status());
  file->owner_ = std::move(mapped);
  return file;
}

absl::StatusOr<const Tensor*> Safetensors::Find(std::string_view name) const {
  const auto found =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const Tensor& tensor, std::string_view wanted) { return tensor.name < wanted; });
  if (found == tensors_.end() || found->name != name)
    return absl::NotFoundError(absl::StrCat("tensor ", internal::Shown(name), ": want it in the file, got none"));
  return &*found;
}

void CopyElements(const Tensor& tensor, std::uint64_t first, std::span<float> to) {
  assert(tensor.type != TensorType::kOther && first <= tensor.elements && to.size() <= tensor.elements - first);
  if (to.empty()) return;
  if (tensor.type == TensorType::kFloat32) {
    const std::byte* from = tensor.bytes.data() + first * sizeof(float);
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(to.data(), from, to.size_bytes());
    } else {
      for (std::size_t n = 0; n < to.size(); ++n)
        to[n] = std::bit_cast<float>(LoadLittleEndian<std::uint32_t>(tensor.bytes, (first + n) * sizeof(float)));
    }
    return;
  }
  for (std::size_t n = 0; n < to.size(); ++n) {
    const auto half = LoadLittleEndian<std::uint16_t>(tensor.bytes, (first + n) * sizeof(std::uint16_t));
    to[n] = tensor.type == TensorType::kFloat16 ? FromHalf(half)
                                                : std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
  }
}

}  // namespace waypost
