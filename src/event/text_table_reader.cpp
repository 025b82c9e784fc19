#include <algorithm>
#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "waypost/event/id_dictionary.hpp"
#include "waypost/event/text_table.hpp"

#include "base/shown.hpp"
#include "event/read_rows.hpp"
#include "event/record_reader.hpp"

namespace waypost {
namespace {

using internal::Cell;
using internal::CellType;
using internal::RecordReader;

absl::StatusOr<RecordReader> OpenNamed(const std::string& path, const ReadOptions& options) {
  WAYPOST_ASSIGN_OR_RETURN(RecordReader records, RecordReader::Open(path, options.format));
  if (records.format() == InputFormat::kLines)
    return records.AtFile(absl::InvalidArgumentError("want csv, tsv or jsonl, got lines"));
  return records;
}

absl::StatusOr<std::size_t> FindId(const RecordReader& records, const std::string& named) {
  std::size_t column = internal::FindColumn(records.names(), named);
  if (column == internal::kNoColumn) column = internal::FindColumn(records.names(), "id");
  if (column == internal::kNoColumn) return internal::MissingColumn("id", named, records.names());
  return column;
}

// The text of a cell, or none where it is no text.
std::optional<std::string> TextOf(const Cell& cell) {
  if (cell.type == CellType::kText) return std::string(cell.text);
  if (cell.type != CellType::kJson) return std::nullopt;
  const absl::StatusOr<std::vector<std::string>> list = internal::ParseJsonList(cell.text);
  if (!list.ok()) return std::nullopt;
  std::string text;
  for (const std::string& part : *list) text += (text.empty() ? "" : "\n") + part;
  return text;
}

// Where each column of the file goes in the table. Rows of one file mostly have the same columns.
class Columns {
 public:
  Columns(TextTable& table, const std::vector<std::string>& wanted) : table_(table), all_(wanted.empty()) {
    table_.columns = wanted;
  }

  // kNoColumn: nowhere. `at`: where to look first.
  std::size_t PlaceOf(std::string_view name, std::size_t at) {
    if (at < table_.columns.size() && table_.columns[at] == name) return at;
    const auto found = std::find(table_.columns.begin(), table_.columns.end(), name);
    if (found != table_.columns.end()) return static_cast<std::size_t>(found - table_.columns.begin());
    if (!all_ || name.empty()) return internal::kNoColumn;
    table_.columns.emplace_back(name);
    return table_.columns.size() - 1;
  }

 private:
  TextTable& table_;
  bool all_;
};

}  // namespace

absl::StatusOr<TextTable> ReadTextTable(const std::string& path, const ReadOptions& options,
                                        const std::vector<std::string>& columns, ReadReport* report) try {
  WAYPOST_ASSIGN_OR_RETURN(RecordReader records, OpenNamed(path, options));
  TextTable table;
  Columns places(table, columns);
  std::vector<bool> met(columns.size());
  if (records.format() != InputFormat::kJsonLines) {
    const absl::StatusOr<std::size_t> id = FindId(records, options.item_column);
    if (!id.ok()) return records.AtRecord(id.status());
    for (std::size_t n = 0; n < records.names().size(); ++n) {
      if (n == *id) continue;
      const std::size_t place = places.PlaceOf(records.names()[n], n);
      if (place < met.size()) met[place] = true;
    }
  }
  IdDictionaryBuilder ids;
  const auto take = [&]() -> absl::StatusOr<std::uint64_t> {
    WAYPOST_ASSIGN_OR_RETURN(const std::size_t id, FindId(records, options.item_column));
    TextRow row;
    for (std::size_t n = 0; n < records.cells().size(); ++n) {
      if (n == id) continue;
      std::optional<std::string> text = TextOf(records.cells()[n]);
      if (!text) continue;
      const std::size_t place = places.PlaceOf(records.names()[n], row.texts.size());
      if (place == internal::kNoColumn) continue;
      if (place < met.size()) met[place] = true;
      if (place >= row.texts.size()) row.texts.resize(place + 1);
      row.texts[place] = *std::move(text);
    }
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view text, internal::ToId(records.cells()[id], records.names()[id]));
    WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t number, ids.Add(text));
    if (number != table.rows.size())
      return absl::InvalidArgumentError(absl::StrCat("id: want every row once, got ", internal::Shown(text), " again"));
    row.id = text;
    table.rows.push_back(std::move(row));
    return 1;
  };
  WAYPOST_ASSIGN_OR_RETURN(ReadReport read, internal::ReadRows(records, options.on_error, take));
  for (std::size_t n = 0; n < met.size(); ++n)
    if (!met[n])
      return records.AtFile(absl::InvalidArgumentError(
          absl::StrCat("want a column of texts ", internal::Shown(columns[n]), ", got no row with one")));
  if (report != nullptr) *report = std::move(read);
  return table;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat(path, ": memory"));
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadIdPairs(const std::string& path,
                                                                             const std::string& first,
                                                                             const std::string& second,
                                                                             const ReadOptions& options,
                                                                             ReadReport* report) try {
  WAYPOST_ASSIGN_OR_RETURN(RecordReader records, OpenNamed(path, options));
  if (records.format() != InputFormat::kJsonLines)
    for (const std::string& name : {first, second})
      if (internal::FindColumn(records.names(), name) == internal::kNoColumn)
        return records.AtRecord(internal::MissingColumn(name, "", records.names()));
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto id_in = [&](const std::string& name) -> absl::StatusOr<std::string_view> {
    const std::size_t column = internal::FindColumn(records.names(), name);
    if (column == internal::kNoColumn) return internal::MissingColumn(name, "", records.names());
    return internal::ToId(records.cells()[column], name);
  };
  const auto take = [&]() -> absl::StatusOr<std::uint64_t> {
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view a, id_in(first));
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view b, id_in(second));
    pairs.emplace_back(a, b);
    return 1;
  };
  WAYPOST_ASSIGN_OR_RETURN(ReadReport read, internal::ReadRows(records, options.on_error, take));
  if (report != nullptr) *report = std::move(read);
  return pairs;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat(path, ": memory"));
}

}  // namespace waypost
