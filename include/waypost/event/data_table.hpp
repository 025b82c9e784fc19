// waypost/event/data_table.hpp - a plain table of a file: columns of numbers or texts, for the statistics of insight.
//
// Formats      CSV and TSV with a header, JSON lines, each also gzipped (event/reader.hpp). The columns of JSON lines
//              are their keys in order of first appearance; a key that a line lacks is a missing cell.
// Definition   A cell is missing when it is empty or blank, or null. A column is numeric when each of its other cells
// is
//              a finite number; blanks around it do not count. Texts are kept as written in either case.
// Errors       name the file and the line: "lives.csv:7: column 'age': want a finite number, got 'abc'".
// Checked by   tests/unit/event_data_table_test.cpp.
#ifndef WAYPOST_EVENT_DATA_TABLE_HPP_
#define WAYPOST_EVENT_DATA_TABLE_HPP_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/reader.hpp"

namespace waypost {

// Immutable: safe to use from any number of threads.
class DataColumn {
 public:
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

  const std::string& name() const { return name_; }
  // Whether every cell that is not missing is a finite number; also of a column without any cell.
  bool numeric() const { return numeric_; }
  std::size_t missing() const { return missing_; }  // how many cells are

  // Requires  row < rows of the table.
  std::string_view text(std::size_t row) const {
    const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
    return std::string_view(bytes_).substr(begin, ends_[row] - begin);
  }
  bool missing(std::size_t row) const { return text(row).empty(); }
  // kMissing where the cell is missing or no number.
  double number(std::size_t row) const { return numbers_[row]; }

 private:
  friend class DataTableBuilder;

  std::string name_;
  std::string bytes_;              // the texts, one after the other, without blanks around them
  std::vector<std::size_t> ends_;  // of each row's text in bytes_
  std::vector<double> numbers_;
  std::size_t missing_ = 0;
  bool numeric_ = true;
};

// Immutable: safe to use from any number of threads.
class DataTable {
 public:
  std::size_t rows() const { return lines_.size(); }
  const std::vector<DataColumn>& columns() const { return columns_; }

  // Returns the column of that name.
  // Errors    kInvalidArgument: no such column; the message lists those that there are.
  // Lifetime  of the table.
  absl::StatusOr<const DataColumn*> Find(std::string_view name) const;

  // Returns a column of numbers; kMissing where a cell is missing.
  // Errors  those of Find; kInvalidArgument: a cell that is no finite number.
  absl::StatusOr<std::vector<double>> Numbers(std::string_view name) const;

  // Returns a column of times: numbers as they are, whatever they count, or dates (event/timestamp.hpp) as days since
  // the earliest of them; kMissing where a cell is missing.
  //
  //   first   when not null, set to the earliest of the dates in microseconds since 1970, or to nothing for numbers.
  // Errors  those of Find; kInvalidArgument: a cell that is neither, or numbers beside dates.
  absl::StatusOr<std::vector<double>> Times(std::string_view name, std::optional<std::int64_t>* first = nullptr) const;

  // `message` with file and line put before it.
  // Requires  row < rows().
  absl::Status ErrorAt(std::size_t row, std::string_view message) const;
  // `message` with the file put before it.
  absl::Status Error(std::string_view message) const;

 private:
  friend class DataTableBuilder;

  std::string file_;
  std::vector<std::uint64_t> lines_;  // where each row opens
  std::vector<DataColumn> columns_;
};

// Reads a table whole.
//
//   path     a file, or "-" for standard input, whose format must then be named.
// Errors     those of event/reader.hpp; a file without a row is an error, and so is one without a named column.
// Cost       one pass; the bytes of the cells and 16 more each.
absl::StatusOr<DataTable> ReadDataTable(const std::string& path, InputFormat format = InputFormat::kAuto);

}  // namespace waypost

#endif  // WAYPOST_EVENT_DATA_TABLE_HPP_
