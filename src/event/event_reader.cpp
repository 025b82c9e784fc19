#include <array>
#include <cstddef>
#include <new>
#include <string>

#include "waypost/event/reader.hpp"

#include "base/shown.hpp"
#include "event/read_rows.hpp"
#include "event/record_reader.hpp"

namespace waypost {
namespace {

using internal::Cell;
using internal::kNoColumn;

// The columns of an event, as positions in the record.
enum Slot : std::size_t { kUser, kItem, kKind, kValue, kTime, kSlots };

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class EventRows {
 public:
  EventRows(const internal::RecordReader& records, const ReadOptions& options, EventLogBuilder& log)
      : records_(records),
        log_(log),
        time_unit_(options.time_unit),
        by_lines_(records.format() == InputFormat::kLines),
        names_{options.user_column, options.item_column, options.kind_column.value_or("kind"),
               options.value_column.value_or("value"), options.time_column.value_or("time")},
        required_{true, true, options.kind_column.has_value(), options.value_column.has_value(),
                  options.time_column.has_value()} {}

  // Checks the options against the kinds of the log and the header.
  absl::Status Start(std::string_view default_kind);

  absl::StatusOr<std::uint64_t> Take();

  // That a column named in the options occurred in no row of JSON lines.
  absl::Status CheckMet() const;

 private:
  absl::StatusOr<std::uint64_t> TakeLine();
  void FindColumns();
  absl::StatusOr<std::uint16_t> ToKind(const Cell& cell);

  const internal::RecordReader& records_;
  EventLogBuilder& log_;
  std::optional<TimeUnit> time_unit_;
  bool by_lines_;
  std::array<std::string, kSlots> names_;
  std::array<bool, kSlots> required_;
  std::array<std::size_t, kSlots> columns_ = {kNoColumn, kNoColumn, kNoColumn, kNoColumn, kNoColumn};
  std::array<bool, kSlots> met_ = {};
  std::uint16_t default_kind_ = 0;
  std::string last_kind_name_;  // most rows repeat the kind of the row before
  std::uint16_t last_kind_ = 0;
};

absl::Status EventRows::Start(std::string_view default_kind) {
  const std::optional<std::uint16_t> kind = log_.kinds().Find(default_kind);
  if (!kind)
    return absl::InvalidArgumentError(
        absl::StrCat("ReadOptions.default_kind: want a kind of the table, got ", internal::Shown(default_kind)));
  default_kind_ = *kind;
  if (by_lines_) {
    for (std::size_t slot : {kKind, kValue, kTime})
      if (required_[slot])
        return records_.AtFile(internal::ColumnError(names_[slot], "a format with columns", "lines"));
    return absl::OkStatus();
  }
  if (records_.format() == InputFormat::kJsonLines) return absl::OkStatus();
  FindColumns();
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    if (required_[slot] && columns_[slot] == kNoColumn)
      return records_.AtRecord(internal::MissingColumn(names_[slot], "", records_.names()));
  return absl::OkStatus();
}

void EventRows::FindColumns() {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    columns_[slot] = internal::FindColumn(records_.names(), names_[slot]);
    met_[slot] = met_[slot] || columns_[slot] != kNoColumn;
  }
}

absl::Status EventRows::CheckMet() const {
  if (records_.format() != InputFormat::kJsonLines) return absl::OkStatus();
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    if (required_[slot] && !met_[slot])
      return records_.AtFile(internal::ColumnError(names_[slot], "it in some row", "it in none"));
  return absl::OkStatus();
}

absl::StatusOr<std::uint64_t> EventRows::Take() {
  if (by_lines_) return TakeLine();
  if (records_.format() == InputFormat::kJsonLines) FindColumns();  // every object has its own
  for (std::size_t slot : {kUser, kItem})
    if (columns_[slot] == kNoColumn) return internal::MissingColumn(names_[slot], "", records_.names());
  const auto cell = [&](Slot slot) { return columns_[slot] == kNoColumn ? Cell() : records_.cells()[columns_[slot]]; };
  Event event;
  WAYPOST_ASSIGN_OR_RETURN(event.user, internal::ToId(cell(kUser), names_[kUser]));
  WAYPOST_ASSIGN_OR_RETURN(event.item, internal::ToId(cell(kItem), names_[kItem]));
  WAYPOST_ASSIGN_OR_RETURN(event.kind, ToKind(cell(kKind)));
  WAYPOST_ASSIGN_OR_RETURN(event.value, internal::ToNumber(cell(kValue), names_[kValue]));
  WAYPOST_ASSIGN_OR_RETURN(event.time_us, internal::ToTime(cell(kTime), names_[kTime], time_unit_));
  WAYPOST_RETURN_IF_ERROR(log_.Append(event));
  return 1;
}

// "user item item ...": a user without items is no error (published splits have such lines) and no event.
absl::StatusOr<std::uint64_t> EventRows::TakeLine() {
  const std::vector<Cell>& words = records_.cells();
  // All are checked before the first is appended: a line is taken whole or not at all.
  for (std::size_t i = 0; i < words.size(); ++i)
    WAYPOST_RETURN_IF_ERROR(internal::ToId(words[i], names_[i == 0 ? kUser : kItem]).status());
  for (std::size_t i = 1; i < words.size(); ++i)
    WAYPOST_RETURN_IF_ERROR(
        log_.Append({.user = words[0].text, .item = words[i].text, .kind = default_kind_, .value = {}, .time_us = {}}));
  return words.empty() ? 0 : words.size() - 1;
}

absl::StatusOr<std::uint16_t> EventRows::ToKind(const Cell& cell) {
  if (cell.text.empty()) return default_kind_;
  if (cell.text == last_kind_name_) return last_kind_;
  const std::optional<std::uint16_t> kind = log_.kinds().Find(cell.text);
  if (!kind) {
    std::string known;
    for (std::size_t k = 0; k < log_.kinds().size(); ++k)
      absl::StrAppend(&known, k == 0 ? "" : ", ", log_.kinds().at(static_cast<std::uint16_t>(k)).name);
    return internal::ColumnError(names_[kKind], absl::StrCat("one of ", known), internal::Shown(cell.text));
  }
  last_kind_name_ = cell.text;
  last_kind_ = *kind;
  return *kind;
}

}  // namespace

absl::StatusOr<ReadReport> ReadEvents(const std::string& path, const ReadOptions& options, EventLogBuilder& log) try {
  WAYPOST_ASSIGN_OR_RETURN(internal::RecordReader records, internal::RecordReader::Open(path, options.format));
  EventRows rows(records, options, log);
  WAYPOST_RETURN_IF_ERROR(rows.Start(options.default_kind));
  absl::StatusOr<ReadReport> report = internal::ReadRows(records, options.on_error, [&] { return rows.Take(); });
  if (report.ok()) WAYPOST_RETURN_IF_ERROR(rows.CheckMet());
  return report;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat(path, ": memory"));
}

}  // namespace waypost
