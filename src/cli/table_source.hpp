// cli/table_source.hpp - --table: a plain table that a verb of insight reads.
#ifndef WAYPOST_CLI_TABLE_SOURCE_HPP_
#define WAYPOST_CLI_TABLE_SOURCE_HPP_

#include <string>

#include "command_line.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/data_table.hpp"

namespace waypost::cli {

inline void AddTableFormat(Verb& verb, std::string& format) {
  verb.Option("--input-format", "FORMAT", format, "Form of the tables read; auto: by the suffix before .gz")
      .OneOf({"auto", "csv", "tsv", "jsonl"});
}

inline absl::StatusOr<DataTable> ReadTable(const std::string& file, const std::string& format) {
  WAYPOST_ASSIGN_OR_RETURN(const InputFormat input_format, ParseInputFormat(format));
  return ReadDataTable(file, input_format);
}

// The numbers of a column in which no cell may be missing.
inline absl::StatusOr<std::vector<double>> ReadWholeColumn(const DataTable& table, const std::string& name) {
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* const column, table.Find(name));
  WAYPOST_ASSIGN_OR_RETURN(std::vector<double> numbers, table.Numbers(name));
  for (std::size_t row = 0; column->missing() > 0 && row < table.rows(); ++row)
    if (column->missing(row)) return table.ErrorAt(row, "column '" + name + "': want a number, got none");
  return numbers;
}

inline bool HasColumn(const DataTable& table, const std::string& name) {
  for (const DataColumn& column : table.columns())
    if (column.name() == name) return true;
  return false;
}

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TABLE_SOURCE_HPP_
