// The rules that the arrays of a bundle obey, checked by the writer on what it is given and by the reader on what it
// finds. Every check is safe for any content.
#ifndef WAYPOST_SRC_FILE_VALUE_CHECKS_HPP_
#define WAYPOST_SRC_FILE_VALUE_CHECKS_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "file/format.hpp"

namespace waypost::file {

// The first element of an array that breaks a rule.
struct Fault {
  std::uint64_t element = 0;
  std::string want;
  std::string got;
};

// Starts at 0, never decreases, ends at `end`. `ends_only` looks at the first and the last element alone.
// Requires  offsets is not empty.
std::optional<Fault> CheckOffsets(std::span<const std::uint64_t> offsets, std::uint64_t end, bool ends_only = false);

// Every column is below `column_count`, and columns ascend strictly in a row.
// Requires  offsets passed CheckOffsets for columns.size().
std::optional<Fault> CheckColumns(std::span<const std::uint64_t> offsets, std::span<const std::uint32_t> columns,
                                  std::uint64_t column_count);

std::optional<Fault> CheckFinite(std::span<const float> values);
std::optional<Fault> CheckFinite(std::span<const double> values);

// Every number is in lowest..highest.
std::optional<Fault> CheckWithin(std::span<const float> values, float lowest, float highest);
std::optional<Fault> CheckWithin(std::span<const double> values, double lowest, double highest);

// Padding of rows of `stride` elements past the first `dimensions` is 0.
std::optional<Fault> CheckRowPadding(std::span<const float> values, std::size_t dimensions, std::size_t stride);

// Texts are UTF-8 of min_size to max_size bytes; the fault's element is the byte's position.
// Requires  offsets passed CheckOffsets for bytes.size().
std::optional<Fault> CheckTexts(std::span<const char> bytes, std::span<const std::uint64_t> offsets,
                                std::size_t min_size, std::size_t max_size);

// The number of slots fits the number of ids.
std::optional<std::string> CheckSlotCount(std::uint64_t slots, std::uint64_t ids);

// Every id is found at its own index, and nothing else is in the table. Finds equal ids.
// Requires  offsets passed CheckOffsets for bytes.size(); CheckSlotCount passed.
std::optional<Fault> CheckSlots(std::span<const char> bytes, std::span<const std::uint64_t> offsets,
                                std::span<const std::uint32_t> slots);

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_VALUE_CHECKS_HPP_
