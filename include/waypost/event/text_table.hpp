// waypost/event/text_table.hpp - rows of texts under an id (courses, questions, queries), and pairs of ids.
//
// Files are those of reader.hpp: CSV, TSV or JSON lines with an id column, each also gzipped; every error names file
// and line.
#ifndef WAYPOST_EVENT_TEXT_TABLE_HPP_
#define WAYPOST_EVENT_TEXT_TABLE_HPP_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/reader.hpp"

namespace waypost {

struct TextRow {
  std::string id;
  std::vector<std::string> texts;  // of each column; columns that first appear further down are left out at the end

  friend bool operator==(const TextRow&, const TextRow&) = default;
};

// Aggregate: use designated initializers.
struct TextTable {
  std::vector<std::string> columns;  // without the id, in order of first appearance
  std::vector<TextRow> rows;

  // The text of a row in a column; empty where it has none.
  // Requires  row < rows.size(), column < columns.size().
  std::string_view text(std::size_t row, std::size_t column) const {
    const std::vector<std::string>& texts = rows[row].texts;
    return column < texts.size() ? std::string_view(texts[column]) : std::string_view();
  }
};

// Reads a file: `id` (or options.item_column), and the other columns as texts. Of JSON a list of texts is one text, a
// line each; numbers, true, false and objects are no texts and make no column.
//
//   columns  those to read; empty: every one. One that no row has is an error.
//   report   filled when not null, on success.
// Errors     kInvalidArgument, kNotFound, kDataLoss: as for ReadCatalogue; an id twice.  kResourceExhausted: memory.
absl::StatusOr<TextTable> ReadTextTable(const std::string& path, const ReadOptions& options,
                                        const std::vector<std::string>& columns = {}, ReadReport* report = nullptr);

// Reads two columns of ids, such as `query` and `document`.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadIdPairs(const std::string& path,
                                                                             const std::string& first,
                                                                             const std::string& second,
                                                                             const ReadOptions& options,
                                                                             ReadReport* report = nullptr);

}  // namespace waypost

#endif  // WAYPOST_EVENT_TEXT_TABLE_HPP_
