// event/event_rows.hpp - from the fields of a record to events.
#ifndef WAYPOST_EVENT_EVENT_ROWS_HPP_
#define WAYPOST_EVENT_EVENT_ROWS_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/event_block.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/reader.hpp"

#include "event/read_rows.hpp"
#include "event/record_scanner.hpp"

namespace waypost::internal {

// The columns of an event, as positions in the record.
enum Slot : std::size_t { kUser, kItem, kKind, kValue, kTime, kSlots };

// What holds for all rows of a file.
struct EventRowForm {
  //   sequence_column   of the numbers that the source gave its events; empty: none.
  // Errors  kInvalidArgument: a default kind that `log` does not know.
  static absl::StatusOr<EventRowForm> Create(const ReadOptions& options, const EventLogBuilder& log,
                                             const std::string& sequence_column = {});

  // Finds the columns in a header.
  // Errors  kInvalidArgument: a required column is missing, or is asked of a format without columns. The first concerns
  //         the header's line, the second the file.
  absl::Status FindColumns(const std::vector<std::string>& header);
  absl::Status CheckNoColumns() const;

  const EventLogBuilder* log;  // knows the kinds and what is valid
  std::optional<TimeUnit> time_unit;
  std::array<std::string, kSlots> names;
  std::array<bool, kSlots> required;
  std::uint16_t default_kind;
  std::string sequence_name = {};
  std::array<std::size_t, kSlots> columns = {kNoColumn, kNoColumn, kNoColumn, kNoColumn, kNoColumn};  // of CSV and TSV
  std::size_t sequence_column = kNoColumn;
};

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class EventRows {
 public:
  explicit EventRows(const EventRowForm& form) : form_(form) {}

  // Appends the events of the scanner's record to `block`; returns how many they are.
  // Errors  kInvalidArgument: a bad row; nothing is appended.
  absl::StatusOr<std::uint64_t> Take(const RecordScanner& record, EventBlock& block);

  absl::StatusOr<std::uint16_t> ToKind(std::string_view name);

  // The sequence numbers of the events taken, where the form has a column of them.
  std::vector<std::uint64_t>& sequences() { return sequences_; }

  // Which columns occurred in the records of JSON lines.
  const std::array<bool, kSlots>& met() const { return met_; }

 private:
  absl::StatusOr<std::uint64_t> TakeLine(const std::vector<Cell>& words, EventBlock& block);

  const EventRowForm& form_;
  std::array<bool, kSlots> met_ = {};
  std::vector<std::uint64_t> sequences_;
  std::string last_kind_name_;  // most rows repeat the kind of the row before
  std::uint16_t last_kind_ = 0;
};

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_EVENT_ROWS_HPP_
