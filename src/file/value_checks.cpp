#include "file/value_checks.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "waypost/base/utf8.hpp"
#include "waypost/event/id_dictionary.hpp"

namespace waypost::file {
namespace {

template <typename T>
std::optional<Fault> FirstNotFinite(std::span<const T> values) {
  for (std::size_t n = 0; n < values.size(); ++n)
    if (!std::isfinite(values[n])) return Fault{n, "a finite number", absl::StrCat(values[n])};
  return std::nullopt;
}

template <typename T>
std::optional<Fault> FirstOutside(std::span<const T> values, T lowest, T highest) {
  for (std::size_t n = 0; n < values.size(); ++n)
    if (!(values[n] >= lowest && values[n] <= highest))  // also a NaN
      return Fault{n, absl::StrCat(lowest, "..", highest), absl::StrCat(values[n])};
  return std::nullopt;
}

std::string_view Text(std::span<const char> bytes, std::span<const std::uint64_t> offsets, std::size_t index) {
  return {bytes.data() + offsets[index], static_cast<std::size_t>(offsets[index + 1] - offsets[index])};
}

}  // namespace

std::optional<Fault> CheckOffsets(std::span<const std::uint64_t> offsets, std::uint64_t end, bool ends_only) {
  if (offsets.front() != 0) return Fault{0, "0", absl::StrCat(offsets.front())};
  if (!ends_only)
    for (std::size_t n = 1; n < offsets.size(); ++n)
      if (offsets[n] < offsets[n - 1])
        return Fault{n, absl::StrCat("at least ", offsets[n - 1]), absl::StrCat(offsets[n])};
  if (offsets.back() != end) return Fault{offsets.size() - 1, absl::StrCat(end), absl::StrCat(offsets.back())};
  return std::nullopt;
}

std::optional<Fault> CheckColumns(std::span<const std::uint64_t> offsets, std::span<const std::uint32_t> columns,
                                  std::uint64_t column_count) {
  for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
    for (std::uint64_t n = offsets[row]; n < offsets[row + 1]; ++n) {
      if (columns[n] >= column_count) return Fault{n, absl::StrCat("below ", column_count), absl::StrCat(columns[n])};
      if (n > offsets[row] && columns[n] <= columns[n - 1])
        return Fault{n, absl::StrCat("above ", columns[n - 1]), absl::StrCat(columns[n])};
    }
  }
  return std::nullopt;
}

std::optional<Fault> CheckFinite(std::span<const float> values) {
  return FirstNotFinite(values);
}
std::optional<Fault> CheckFinite(std::span<const double> values) {
  return FirstNotFinite(values);
}

std::optional<Fault> CheckWithin(std::span<const float> values, float lowest, float highest) {
  return FirstOutside(values, lowest, highest);
}
std::optional<Fault> CheckWithin(std::span<const double> values, double lowest, double highest) {
  return FirstOutside(values, lowest, highest);
}

std::optional<Fault> CheckRowPadding(std::span<const float> values, std::size_t dimensions, std::size_t stride) {
  for (std::size_t row = 0; row < values.size(); row += stride)
    for (std::size_t n = row + dimensions; n < row + stride; ++n)
      if (values[n] != 0) return Fault{n, "0 (padding)", absl::StrCat(values[n])};
  return std::nullopt;
}

std::optional<Fault> CheckTexts(std::span<const char> bytes, std::span<const std::uint64_t> offsets,
                                std::size_t min_size, std::size_t max_size) {
  for (std::size_t index = 0; index + 1 < offsets.size(); ++index) {
    const std::string_view text = Text(bytes, offsets, index);
    if (text.size() < min_size || text.size() > max_size)
      return Fault{offsets[index], absl::StrCat(min_size, "..", max_size, " bytes for text ", index),
                   absl::StrCat(text.size())};
    if (const std::size_t at = FindInvalidUtf8(text); at < text.size())
      return Fault{offsets[index] + at, absl::StrCat("UTF-8 in text ", index),
                   absl::StrCat("byte 0x", absl::Hex(static_cast<unsigned char>(text[at]), absl::kZeroPad2))};
  }
  return std::nullopt;
}

std::optional<std::string> CheckSlotCount(std::uint64_t slots, std::uint64_t ids) {
  if (ids == 0 && slots == 0) return std::nullopt;
  if (std::has_single_bit(slots) && slots / 2 >= ids && slots <= (std::uint64_t{1} << 40)) return std::nullopt;
  return absl::StrCat("a power of two of slots, at least ", 2 * ids);
}

std::optional<Fault> CheckSlots(std::span<const char> bytes, std::span<const std::uint64_t> offsets,
                                std::span<const std::uint32_t> slots) {
  const std::size_t ids = offsets.size() - 1;
  std::size_t used = 0;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    if (slots[slot] == kEmptySlot) continue;
    ++used;
    if (slots[slot] >= ids) return Fault{slot, absl::StrCat("below ", ids), absl::StrCat(slots[slot])};
  }
  if (used != ids) return Fault{0, absl::StrCat(ids, " used slots"), absl::StrCat(used)};
  for (std::size_t index = 0; index < ids; ++index) {
    // Half of the slots are empty, so every search ends.
    const std::size_t slot = internal::FindSlot(slots, Text(bytes, offsets, index),
                                                [&](std::uint32_t other) { return Text(bytes, offsets, other); });
    if (slots[slot] != index)
      return Fault{slot, absl::StrCat("id ", index, " where a search for it ends"),
                   slots[slot] == kEmptySlot ? "an empty slot" : absl::StrCat("id ", slots[slot])};
  }
  return std::nullopt;
}

}  // namespace waypost::file
