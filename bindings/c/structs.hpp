// Structures that cross the C boundary: sizes that differ between the caller's header and the library's.
#ifndef WAYPOST_BINDINGS_C_STRUCTS_HPP_
#define WAYPOST_BINDINGS_C_STRUCTS_HPP_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "guard.hpp"

namespace waypost::c {

inline constexpr std::uint32_t kMaxStructSize = 4096;  // far above any structure; bounds the check for zeros

// Errors  kInvalidArgument: a size that no version has, or extra bytes that are not zero.
inline absl::Status ValidateStructSize(const void* given, std::uint32_t ours, std::uint32_t alignment,
                                       std::string_view name) {
  WAYPOST_RETURN_IF_ERROR(Require(given, name));
  std::uint32_t size = 0;
  std::memcpy(&size, given, sizeof(size));
  if (size < sizeof(size) || size > kMaxStructSize || size % alignment != 0)
    return absl::InvalidArgumentError(absl::StrCat(internal::ToAbsl(name), ".struct_size: want a multiple of ",
                                                   alignment, " in ", sizeof(size), "..", kMaxStructSize, ", got ",
                                                   size));
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (std::uint32_t at = ours; at < size; ++at)
    if (bytes[at] != 0)
      return absl::InvalidArgumentError(absl::StrCat(internal::ToAbsl(name), ": want zeros from byte ", ours,
                                                     " on, which this version does not know, got ",
                                                     static_cast<int>(bytes[at]), " at ", at));
  return absl::OkStatus();
}

// Returns the caller's structure, with `defaults` where it is shorter than ours.
template <typename Struct>
absl::StatusOr<Struct> ReadStruct(const Struct* given, const Struct& defaults, std::string_view name) {
  static_assert(std::is_trivially_copyable_v<Struct>);
  WAYPOST_RETURN_IF_ERROR(ValidateStructSize(given, sizeof(Struct), alignof(Struct), name));
  Struct result = defaults;
  std::memcpy(&result, given, std::min<std::size_t>(given->struct_size, sizeof(Struct)));
  return result;
}

// As ReadStruct; the defaults where no structure is given.
template <typename Struct>
absl::StatusOr<Struct> ReadOptional(const Struct* given, const Struct& defaults, std::string_view name) {
  if (given == nullptr) return defaults;
  return ReadStruct(given, defaults, name);
}

// Writes `value` as far as the caller's structure goes, and leaves its struct_size.
// Requires  ValidateStructSize.
template <typename Struct>
void WriteStruct(Struct* given, Struct value) {
  value.struct_size = given->struct_size;
  std::memcpy(given, &value, std::min<std::size_t>(given->struct_size, sizeof(Struct)));
}

inline absl::Status RequireZero(std::uint32_t reserved, std::string_view name) {
  if (reserved == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(internal::ToAbsl(name), ".reserved: want 0, got ", reserved));
}

// Returns the enumerator of the C++ library whose number is `value`, 0..last.
template <typename Enum>
absl::StatusOr<Enum> ReadEnum(std::uint32_t value, Enum last, std::string_view name) {
  if (value <= static_cast<std::uint32_t>(last)) return static_cast<Enum>(value);
  return absl::InvalidArgumentError(
      absl::StrCat(internal::ToAbsl(name), ": want 0..", static_cast<int>(last), ", got ", value));
}

inline absl::StatusOr<bool> ReadFlag(std::uint32_t value, std::string_view name) {
  if (value <= 1) return value == 1;
  return absl::InvalidArgumentError(absl::StrCat(internal::ToAbsl(name), ": want 0 or 1, got ", value));
}

// Returns the text of a pointer and a size; a null pointer is the empty text.
inline absl::StatusOr<std::string_view> ReadText(const char* text, std::uint64_t size, std::string_view name) {
  if (text == nullptr && size > 0)
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(name), ": want a pointer with size ", size, ", got NULL"));
  if (text == nullptr) return std::string_view();
  return std::string_view(text, static_cast<std::size_t>(size));
}

// Returns a required path.
inline absl::StatusOr<std::string> ReadPath(const char* path, std::uint64_t size, std::string_view name) {
  WAYPOST_RETURN_IF_ERROR(Require(path, name));
  if (size == 0 || size > 4096 || std::string_view(path, size).find('\0') != std::string_view::npos)
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(name), ": want 1..4096 bytes without a zero, got ", size, " bytes"));
  return std::string(path, size);
}

}  // namespace waypost::c

#endif  // WAYPOST_BINDINGS_C_STRUCTS_HPP_
