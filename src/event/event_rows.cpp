#include "event/event_rows.hpp"

#include "base/shown.hpp"

namespace waypost::internal {

absl::StatusOr<EventRowForm> EventRowForm::Create(const ReadOptions& options, const EventLogBuilder& log,
                                                  const std::string& sequence_column) {
  const std::optional<std::uint16_t> kind = log.kinds().Find(options.default_kind);
  if (!kind)
    return absl::InvalidArgumentError(
        absl::StrCat("ReadOptions.default_kind: want a kind of the table, got ", Shown(options.default_kind)));
  return EventRowForm{.log = &log,
                      .time_unit = options.time_unit,
                      .names = {options.user_column, options.item_column, options.kind_column.value_or("kind"),
                                options.value_column.value_or("value"), options.time_column.value_or("time")},
                      .required = {true, true, options.kind_column.has_value(), options.value_column.has_value(),
                                   options.time_column.has_value()},
                      .default_kind = *kind,
                      .sequence_name = sequence_column};
}

absl::Status EventRowForm::FindColumns(const std::vector<std::string>& header) {
  const std::vector<std::string_view> given(header.begin(), header.end());
  for (std::size_t slot = 0; slot < kSlots; ++slot) columns[slot] = FindColumn(given, names[slot]);
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    if (required[slot] && columns[slot] == kNoColumn) return MissingColumn(names[slot], "", given);
  if (sequence_name.empty()) return absl::OkStatus();
  sequence_column = FindColumn(given, sequence_name);
  return sequence_column == kNoColumn ? MissingColumn(sequence_name, "", given) : absl::OkStatus();
}

absl::Status EventRowForm::CheckNoColumns() const {
  for (std::size_t slot : {kKind, kValue, kTime})
    if (required[slot]) return ColumnError(names[slot], "a format with columns", "lines");
  if (!sequence_name.empty()) return ColumnError(sequence_name, "a format with columns", "lines");
  return absl::OkStatus();
}

absl::StatusOr<std::uint64_t> EventRows::Take(const RecordScanner& record, EventBlock& block) {
  const std::vector<Cell>& cells = record.cells();
  if (record.form().format == InputFormat::kLines) return TakeLine(cells, block);
  std::array<std::size_t, kSlots> columns = form_.columns;
  std::size_t sequence_column = form_.sequence_column;
  if (record.form().format == InputFormat::kJsonLines) {  // every object has its own
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      columns[slot] = FindColumn(record.names(), form_.names[slot]);
      met_[slot] = met_[slot] || columns[slot] != kNoColumn;
    }
    for (std::size_t slot : {kUser, kItem})
      if (columns[slot] == kNoColumn) return MissingColumn(form_.names[slot], "", record.names());
    if (!form_.sequence_name.empty()) {
      sequence_column = FindColumn(record.names(), form_.sequence_name);
      if (sequence_column == kNoColumn) return MissingColumn(form_.sequence_name, "", record.names());
    }
  }
  const auto cell = [&](Slot slot) { return columns[slot] == kNoColumn ? Cell() : cells[columns[slot]]; };
  Event event;
  WAYPOST_ASSIGN_OR_RETURN(event.user, ToId(cell(kUser), form_.names[kUser]));
  WAYPOST_ASSIGN_OR_RETURN(event.item, ToId(cell(kItem), form_.names[kItem]));
  WAYPOST_ASSIGN_OR_RETURN(event.kind, ToKind(cell(kKind).text));
  WAYPOST_ASSIGN_OR_RETURN(event.value, ToNumber(cell(kValue), form_.names[kValue]));
  WAYPOST_ASSIGN_OR_RETURN(event.time_us, ToTime(cell(kTime), form_.names[kTime], form_.time_unit));
  WAYPOST_RETURN_IF_ERROR(form_.log->Validate(event));
  if (sequence_column != kNoColumn) {
    WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t sequence, ToSequence(cells[sequence_column], form_.sequence_name));
    sequences_.push_back(sequence);
  }
  block.Append(event);
  return 1;
}

// "user item item ...": a user without items is no error (published splits have such lines) and no event.
absl::StatusOr<std::uint64_t> EventRows::TakeLine(const std::vector<Cell>& words, EventBlock& block) {
  // All are checked before the first is appended: a line is taken whole or not at all.
  for (std::size_t i = 0; i < words.size(); ++i)
    WAYPOST_RETURN_IF_ERROR(ToId(words[i], form_.names[i == 0 ? kUser : kItem]).status());
  for (std::size_t i = 1; i < words.size(); ++i)
    block.Append(
        {.user = words[0].text, .item = words[i].text, .kind = form_.default_kind, .value = {}, .time_us = {}});
  return words.empty() ? 0 : words.size() - 1;
}

absl::StatusOr<std::uint16_t> EventRows::ToKind(std::string_view name) {
  if (name.empty()) return form_.default_kind;
  if (name == last_kind_name_) return last_kind_;
  const KindTable& kinds = form_.log->kinds();
  const std::optional<std::uint16_t> kind = kinds.Find(name);
  if (!kind) {
    std::string known;
    for (std::size_t k = 0; k < kinds.size(); ++k)
      absl::StrAppend(&known, k == 0 ? "" : ", ", kinds.at(static_cast<std::uint16_t>(k)).name);
    return ColumnError(form_.names[kKind], absl::StrCat("one of ", known), Shown(name));
  }
  last_kind_name_ = name;
  last_kind_ = *kind;
  return *kind;
}

}  // namespace waypost::internal
