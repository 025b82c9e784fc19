#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include "waypost/event/reader.hpp"

#include "base/shown.hpp"
#include "event/read_rows.hpp"
#include "event/record_reader.hpp"

namespace waypost {
namespace {

using internal::Cell;
using internal::CellType;
using internal::RecordReader;

// Of the two names an id column may have: the one of the options, then "id".
absl::StatusOr<std::size_t> FindIdColumn(const RecordReader& records, std::string_view named) {
  std::size_t column = internal::FindColumn(records.names(), named);
  if (column == internal::kNoColumn) column = internal::FindColumn(records.names(), "id");
  if (column == internal::kNoColumn) return internal::MissingColumn(named, "id", records.names());
  return column;
}

// Records with names; a header is checked before the first row.
absl::StatusOr<RecordReader> OpenTable(const std::string& path, const ReadOptions& options, std::string_view id) {
  WAYPOST_ASSIGN_OR_RETURN(RecordReader records, RecordReader::Open(path, options.format));
  if (records.format() == InputFormat::kLines)
    return records.AtFile(absl::InvalidArgumentError("want csv, tsv or jsonl, got lines"));
  if (records.format() != InputFormat::kJsonLines) {
    const absl::StatusOr<std::size_t> column = FindIdColumn(records, id);
    if (!column.ok()) return records.AtRecord(column.status());
  }
  return records;
}

enum class Separator { kBar, kNone };

// A JSON array, or texts separated by '|', or one text.
absl::StatusOr<std::vector<std::string>> ToList(const Cell& cell, std::string_view column, Separator separator) {
  if (cell.type == CellType::kJson) {
    absl::StatusOr<std::vector<std::string>> list = internal::ParseJsonList(cell.text);
    if (!list.ok()) return internal::AddContext(absl::StrCat("column ", internal::Shown(column)), list.status());
    return list;
  }
  if (cell.text.empty()) return std::vector<std::string>();
  if (cell.text.front() == '[')  // an array inside a field of CSV, or a text that begins with a bracket
    if (absl::StatusOr<std::vector<std::string>> list = internal::ParseJsonList(cell.text); list.ok()) return list;
  std::vector<std::string> list;
  if (separator == Separator::kNone) {
    list.emplace_back(cell.text);
    return list;
  }
  for (std::size_t at = 0; at <= cell.text.size();) {
    const std::size_t end = std::min(cell.text.find('|', at), cell.text.size());
    if (end > at) list.emplace_back(cell.text.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

absl::Status SetField(const Cell& cell, std::string_view name, std::optional<TimeUnit> unit, CatalogueItem& item) {
  constexpr std::pair<std::string_view, std::string CatalogueItem::*> kTexts[] = {
      {"type", &CatalogueItem::type},   {"title", &CatalogueItem::title},       {"category", &CatalogueItem::category},
      {"level", &CatalogueItem::level}, {"language", &CatalogueItem::language}, {"author", &CatalogueItem::author}};
  for (const auto& [known, field] : kTexts) {
    if (name != known) continue;
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view text, internal::ToText(cell, name));
    item.*field = text;
    return absl::OkStatus();
  }
  constexpr std::pair<std::string_view, std::vector<std::string> CatalogueItem::*> kLists[] = {
      {"texts", &CatalogueItem::texts},
      {"tags", &CatalogueItem::tags},
      {"prerequisites", &CatalogueItem::prerequisites}};
  for (const auto& [known, field] : kLists) {
    if (name != known) continue;
    const Separator separator = name == "texts" ? Separator::kNone : Separator::kBar;
    WAYPOST_ASSIGN_OR_RETURN(item.*field, ToList(cell, name, separator));
    return absl::OkStatus();
  }
  constexpr std::pair<std::string_view, std::optional<std::int64_t> CatalogueItem::*> kTimes[] = {
      {"available_from", &CatalogueItem::available_from_us},
      {"available_until", &CatalogueItem::available_until_us},
      {"published", &CatalogueItem::published_us}};
  for (const auto& [known, field] : kTimes) {
    if (name != known) continue;
    WAYPOST_ASSIGN_OR_RETURN(item.*field, internal::ToTime(cell, name, unit));
    return absl::OkStatus();
  }
  if (name == "price") {
    WAYPOST_ASSIGN_OR_RETURN(item.price, internal::ToNumber(cell, name));
    return absl::OkStatus();
  }
  if (!name.empty() && cell.type != CellType::kMissing)
    item.attributes.push_back({std::string(name), std::string(cell.text)});
  return absl::OkStatus();
}

absl::StatusOr<CatalogueItem> ToItem(const RecordReader& records, const ReadOptions& options) {
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t id, FindIdColumn(records, options.item_column));
  CatalogueItem item;
  for (std::size_t column = 0; column < records.cells().size(); ++column) {
    const Cell& cell = records.cells()[column];
    const std::string_view name = records.names()[column];
    if (column == id) {
      WAYPOST_ASSIGN_OR_RETURN(item.id, internal::ToId(cell, name));
    } else {
      WAYPOST_RETURN_IF_ERROR(SetField(cell, name, options.time_unit, item));
    }
  }
  return item;
}

absl::Status AddUser(const RecordReader& records, const ReadOptions& options, UserTableBuilder& table) {
  WAYPOST_ASSIGN_OR_RETURN(const std::size_t id, FindIdColumn(records, options.user_column));
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view user, internal::ToId(records.cells()[id], records.names()[id]));
  const std::size_t time = internal::FindColumn(records.names(), options.time_column.value_or("time"));
  std::optional<std::int64_t> since_us;
  if (time != internal::kNoColumn) {
    WAYPOST_ASSIGN_OR_RETURN(since_us,
                             internal::ToTime(records.cells()[time], records.names()[time], options.time_unit));
  } else if (options.time_column) {
    return internal::MissingColumn(*options.time_column, "", records.names());
  }
  std::vector<UserFact> facts;
  for (std::size_t column = 0; column < records.cells().size(); ++column) {
    const std::string_view name = records.names()[column];
    const Cell& cell = records.cells()[column];
    if (column == id || column == time || name.empty() || cell.type == CellType::kMissing) continue;
    facts.push_back({std::string(name), std::string(cell.text), since_us});
  }
  return table.Add(user, std::move(facts));
}

}  // namespace

absl::StatusOr<Catalogue> ReadCatalogue(const std::string& path, const ReadOptions& options, ReadReport* report) try {
  WAYPOST_ASSIGN_OR_RETURN(RecordReader records, OpenTable(path, options, options.item_column));
  CatalogueBuilder catalogue;
  const auto take = [&]() -> absl::StatusOr<std::uint64_t> {
    WAYPOST_ASSIGN_OR_RETURN(CatalogueItem item, ToItem(records, options));
    WAYPOST_RETURN_IF_ERROR(catalogue.Add(std::move(item)));
    return 1;
  };
  WAYPOST_ASSIGN_OR_RETURN(ReadReport read, internal::ReadRows(records, options.on_error, take));
  if (report != nullptr) *report = std::move(read);
  return std::move(catalogue).Build();
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat(path, ": memory"));
}

absl::StatusOr<UserTable> ReadUserTable(const std::string& path, const ReadOptions& options, ReadReport* report) try {
  WAYPOST_ASSIGN_OR_RETURN(RecordReader records, OpenTable(path, options, options.user_column));
  const bool any_time = !options.time_column || records.format() == InputFormat::kJsonLines;
  if (!any_time && internal::FindColumn(records.names(), *options.time_column) == internal::kNoColumn)
    return records.AtRecord(internal::MissingColumn(*options.time_column, "", records.names()));
  UserTableBuilder table;
  const auto take = [&]() -> absl::StatusOr<std::uint64_t> {
    WAYPOST_RETURN_IF_ERROR(AddUser(records, options, table));
    return 1;
  };
  WAYPOST_ASSIGN_OR_RETURN(ReadReport read, internal::ReadRows(records, options.on_error, take));
  if (report != nullptr) *report = std::move(read);
  return std::move(table).Build();
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat(path, ": memory"));
}

}  // namespace waypost
