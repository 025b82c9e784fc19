#include "event/read_rows.hpp"

#include <charconv>
#include <cmath>
#include <system_error>

#include "base/shown.hpp"

namespace waypost {
namespace internal {
namespace {

// Whether the text is a 64-bit integer in the one form that prints it.
bool IsInteger64(std::string_view text) {
  const char* const end = text.data() + text.size();
  std::int64_t with_sign = 0;
  std::uint64_t without = 0;
  const auto whole = [&](const std::from_chars_result& result) {
    return result.ec == std::errc() && result.ptr == end;
  };
  return text != "-0" &&
         (whole(std::from_chars(text.data(), end, with_sign)) || whole(std::from_chars(text.data(), end, without)));
}

}  // namespace

absl::Status ColumnError(std::string_view column, std::string_view want, std::string_view got) {
  return absl::InvalidArgumentError(
      absl::StrCat("column ", Shown(column), ": want ", ToAbsl(want), ", got ", ToAbsl(got)));
}

std::size_t FindColumn(const std::vector<std::string_view>& names, std::string_view name) {
  for (std::size_t column = 0; column < names.size(); ++column)
    if (names[column] == name) return column;
  return kNoColumn;
}

absl::Status MissingColumn(std::string_view name, std::string_view other, const std::vector<std::string_view>& names) {
  constexpr std::size_t kMostNamed = 12;
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < kMostNamed; ++i)
    absl::StrAppend(&list, i == 0 ? "" : ", ", Shown(names[i]));
  if (names.size() > kMostNamed) absl::StrAppend(&list, " and ", names.size() - kMostNamed, " more");
  return absl::InvalidArgumentError(absl::StrCat("column ", Shown(name), other.empty() ? "" : " or " + Shown(other),
                                                 ": want this column, got ", names.empty() ? "none" : list));
}

absl::StatusOr<std::string_view> ToId(const Cell& cell, std::string_view column) {
  const bool integer = cell.type == CellType::kNumber && IsInteger64(cell.text);
  if (cell.type == CellType::kBool || cell.type == CellType::kJson || (cell.type == CellType::kNumber && !integer))
    return ColumnError(column, "a string or a 64-bit integer", Shown(cell.text));
  if (cell.text.empty() || cell.text.size() > kMaxIdBytes)
    return ColumnError(column, absl::StrCat("1..", kMaxIdBytes, " bytes"), absl::StrCat(cell.text.size()));
  return cell.text;
}

absl::StatusOr<std::optional<float>> ToNumber(const Cell& cell, std::string_view column) {
  if (cell.type == CellType::kMissing || (cell.type == CellType::kText && cell.text.empty()))
    return std::optional<float>();
  const char* const end = cell.text.data() + cell.text.size();
  double value = 0;
  const std::from_chars_result result = std::from_chars(cell.text.data(), end, value);
  const auto number = static_cast<float>(value);
  if (result.ec != std::errc() || result.ptr != end || !std::isfinite(number))
    return ColumnError(column, "a finite number", Shown(cell.text));
  return std::optional<float>(number);
}

absl::StatusOr<std::optional<std::int64_t>> ToTime(const Cell& cell, std::string_view column,
                                                   std::optional<TimeUnit> unit) {
  if (cell.type == CellType::kMissing || (cell.type == CellType::kText && cell.text.empty()))
    return std::optional<std::int64_t>();
  const absl::StatusOr<std::int64_t> time_us = ParseTimestamp(cell.text, unit);
  if (!time_us.ok()) return AddContext(absl::StrCat("column ", Shown(column)), time_us.status());
  return std::optional<std::int64_t>(*time_us);
}

absl::StatusOr<std::uint64_t> ToSequence(const Cell& cell, std::string_view column) {
  const char* const end = cell.text.data() + cell.text.size();
  std::uint64_t number = 0;
  const std::from_chars_result result = std::from_chars(cell.text.data(), end, number);
  if (cell.text.empty() || result.ec != std::errc() || result.ptr != end)
    return ColumnError(column, "a whole number of 64 bits", Shown(cell.text));
  return number;
}

absl::StatusOr<std::string_view> ToText(const Cell& cell, std::string_view column) {
  if (cell.type == CellType::kJson) return ColumnError(column, "a text", Shown(cell.text));
  return cell.text;
}

absl::Status NoGoodRows(const ReadReport& report) {
  return absl::InvalidArgumentError(
      absl::StrCat("want at least one good row, got ", report.skipped, " bad ones, the first: ", report.messages[0]));
}

absl::Status NoRows(const RecordReader& records, const ReadReport& report) {
  if (report.skipped == 0)
    return records.AtRecord(absl::InvalidArgumentError("want at least one row, got the end of the file"));
  return records.AtFile(NoGoodRows(report));
}

}  // namespace internal

absl::StatusOr<InputFormat> ParseInputFormat(std::string_view name) {
  if (name == "auto") return InputFormat::kAuto;
  if (name == "lines") return InputFormat::kLines;
  if (name == "csv") return InputFormat::kCsv;
  if (name == "tsv") return InputFormat::kTsv;
  if (name == "jsonl") return InputFormat::kJsonLines;
  return absl::InvalidArgumentError(
      absl::StrCat("input format: want auto, lines, csv, tsv or jsonl, got ", internal::Shown(name)));
}

}  // namespace waypost
