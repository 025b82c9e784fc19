// cli/table.hpp - a table of text as aligned columns, CSV (RFC 4180) or Markdown.
#ifndef WAYPOST_CLI_TABLE_HPP_
#define WAYPOST_CLI_TABLE_HPP_

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "console.hpp"

namespace waypost::cli {

enum class TableFormat { kTable, kCsv, kMarkdown };

struct Column {
  std::string name;
  bool number = false;  // aligned to the right
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Requires  one cell for each column.
  //   bold    columns to emphasise, where the form can: on a terminal and in Markdown.
  void AddRow(std::vector<std::string> cells, std::vector<std::size_t> bold = {}) {
    rows_.push_back(std::move(cells));
    bold_.push_back(std::move(bold));
  }
  bool empty() const { return rows_.empty(); }

  // Writes the table; without its heading where it continues one written before.
  void Write(Console& console, TableFormat format, bool heading = true) const;

 private:
  bool IsBold(std::size_t row, std::size_t column) const {
    return std::find(bold_[row].begin(), bold_[row].end(), column) != bold_[row].end();
  }

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::vector<std::size_t>> bold_;  // columns of each row
};

// Columns of a terminal that `text` takes: two for each Chinese, Japanese or Korean character.
std::size_t DisplayWidth(std::string_view text);

// `number` with a fixed count of digits after the point.
std::string Fixed(double number, int digits);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TABLE_HPP_
