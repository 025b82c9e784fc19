#include "waypost/event/data_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <new>
#include <system_error>
#include <unordered_map>

#include "base/shown.hpp"
#include "event/read_rows.hpp"
#include "waypost/event/timestamp.hpp"

namespace waypost {
namespace {

constexpr double kDayUs = 86'400'000'000.0;

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::optional<double> ToDouble(std::string_view text) {
  double value = 0;
  const std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class DataTableBuilder {
 public:
  explicit DataTableBuilder(std::string file) { table_.file_ = std::move(file); }

  absl::Status Add(const internal::RecordReader& records) {
    const std::size_t row = table_.rows();
    table_.lines_.push_back(records.line());
    for (std::size_t c = 0; c < records.cells().size(); ++c) {
      if (records.names()[c].empty()) continue;
      WAYPOST_ASSIGN_OR_RETURN(const std::string_view text, internal::ToText(records.cells()[c], records.names()[c]));
      DataColumn& column = ColumnAt(c, records.names()[c]);
      Pad(column, row);
      Append(column, Trimmed(text));
    }
    constexpr std::size_t kMostColumns = 4096;  // a cell is kept for each row of each
    if (table_.columns_.size() > kMostColumns)
      return table_.ErrorAt(row, absl::StrCat("want at most ", kMostColumns, " columns, got more"));
    for (DataColumn& column : table_.columns_) Pad(column, row + 1);
    return absl::OkStatus();
  }

  DataTable Build() && { return std::move(table_); }

 private:
  // Most files name the same columns in the same places of every record.
  DataColumn& ColumnAt(std::size_t place, std::string_view name) {
    if (place < places_.size() && table_.columns_[places_[place]].name_ == name) return table_.columns_[places_[place]];
    const auto [found, added] = number_.try_emplace(std::string(name), table_.columns_.size());
    if (added) table_.columns_.emplace_back().name_ = name;
    if (place >= places_.size()) places_.resize(place + 1, 0);
    places_[place] = found->second;
    return table_.columns_[found->second];
  }

  static void Append(DataColumn& column, std::string_view text) {
    column.bytes_ += text;
    column.ends_.push_back(column.bytes_.size());
    const std::optional<double> number = ToDouble(text);
    column.numbers_.push_back(number.value_or(DataColumn::kMissing));
    if (text.empty()) {
      ++column.missing_;
    } else if (!number) {
      column.numeric_ = false;
    }
  }

  static void Pad(DataColumn& column, std::size_t rows) {
    while (column.ends_.size() < rows) Append(column, {});
  }

  DataTable table_;
  std::vector<std::size_t> places_;  // the column met last in each place of a record
  std::unordered_map<std::string, std::size_t> number_;
};

absl::StatusOr<const DataColumn*> DataTable::Find(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const DataColumn& column : columns_) {
    if (column.name() == name) return &column;
    names.push_back(column.name());
  }
  return internal::AddContext(file_, internal::MissingColumn(name, "", names));
}

absl::StatusOr<std::vector<double>> DataTable::Numbers(std::string_view name) const {
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const column, Find(name));
  std::vector<double> numbers(rows());
  for (std::size_t row = 0; row < rows(); ++row) {
    numbers[row] = column->number(row);
    if (std::isnan(numbers[row]) && !column->missing(row))
      return ErrorAt(row,
                     internal::ToStd(
                         internal::ColumnError(name, "a finite number", internal::Shown(column->text(row))).message()));
  }
  return numbers;
}

absl::StatusOr<std::vector<double>> DataTable::Times(std::string_view name, std::optional<std::int64_t>* first) const {
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const column, Find(name));
  if (first != nullptr) first->reset();
  if (column->numeric()) return Numbers(name);
  std::vector<std::int64_t> times_us(rows(), 0);
  std::int64_t earliest_us = std::numeric_limits<std::int64_t>::max();
  for (std::size_t row = 0; row < rows(); ++row) {
    if (column->missing(row)) continue;
    const absl::StatusOr<std::int64_t> time_us = ParseTimestamp(column->text(row), std::nullopt);
    if (!time_us.ok())
      return ErrorAt(row, internal::ToStd(internal::ColumnError(name, "numbers alone or dates alone",
                                                                internal::Shown(column->text(row)))
                                              .message()));
    times_us[row] = *time_us;
    earliest_us = std::min(earliest_us, *time_us);
  }
  if (first != nullptr) *first = earliest_us;
  std::vector<double> days(rows(), DataColumn::kMissing);
  for (std::size_t row = 0; row < rows(); ++row)
    if (!column->missing(row)) days[row] = static_cast<double>(times_us[row] - earliest_us) / kDayUs;
  return days;
}

absl::Status DataTable::ErrorAt(std::size_t row, std::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(file_, ":", lines_[row], ": ", internal::ToAbsl(message)));
}

absl::Status DataTable::Error(std::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(file_, ": ", internal::ToAbsl(message)));
}

absl::StatusOr<DataTable> ReadDataTable(const std::string& path, InputFormat format) try {
  WAYPOST_ASSIGN_OR_RETURN(internal::RecordReader records, internal::RecordReader::Open(path, format));
  if (records.format() == InputFormat::kLines)
    return records.AtFile(absl::InvalidArgumentError("want csv, tsv or jsonl, got lines"));
  DataTableBuilder builder(path);
  const auto take = [&]() -> absl::StatusOr<std::uint64_t> {
    WAYPOST_RETURN_IF_ERROR(builder.Add(records));
    return 1;
  };
  WAYPOST_RETURN_IF_ERROR(internal::ReadRows(records, OnError::kStop, take).status());
  DataTable table = std::move(builder).Build();
  if (table.columns().empty()) return table.Error("want at least one column with a name, got none");
  return table;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat(path, ": memory"));
}

}  // namespace waypost
