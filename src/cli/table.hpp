// cli/table.hpp - a table of text as aligned columns, CSV (RFC 4180) or Markdown.
#ifndef WAYPOST_CLI_TABLE_HPP_
#define WAYPOST_CLI_TABLE_HPP_

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
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }

  // Writes the table; without its heading where it continues one written before.
  void Write(Console& console, TableFormat format, bool heading = true) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Columns of a terminal that `text` takes: two for each Chinese, Japanese or Korean character.
std::size_t DisplayWidth(std::string_view text);

// `number` with a fixed count of digits after the point.
std::string Fixed(double number, int digits);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TABLE_HPP_
