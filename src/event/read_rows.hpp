// event/read_rows.hpp - what the three readers share: the loop over records, the columns of a header, values of cells.
#ifndef WAYPOST_EVENT_READ_ROWS_HPP_
#define WAYPOST_EVENT_READ_ROWS_HPP_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/reader.hpp"

#include "event/record_reader.hpp"

namespace waypost::internal {

inline constexpr std::size_t kNoColumn = std::numeric_limits<std::size_t>::max();

// "column 'price': want a finite number, got 'abc'".
absl::Status ColumnError(std::string_view column, std::string_view want, std::string_view got);

// The position of `name` in `names`, or kNoColumn.
std::size_t FindColumn(const std::vector<std::string_view>& names, std::string_view name);

// That a file has no column `name` (nor `other`, unless empty), with the list of those it has.
absl::Status MissingColumn(std::string_view name, std::string_view other, const std::vector<std::string_view>& names);

// The values of a cell; `column` names it in errors. A missing cell is nullopt where the result is optional.
absl::StatusOr<std::string_view> ToId(const Cell& cell, std::string_view column);
absl::StatusOr<std::optional<float>> ToNumber(const Cell& cell, std::string_view column);
absl::StatusOr<std::optional<std::int64_t>> ToTime(const Cell& cell, std::string_view column,
                                                   std::optional<TimeUnit> unit);
absl::StatusOr<std::uint64_t> ToSequence(const Cell& cell, std::string_view column);
absl::StatusOr<std::string_view> ToText(const Cell& cell, std::string_view column);

// The error of a file in which all rows were bad.
absl::Status NoGoodRows(const ReadReport& report);

// The error of a file in which no row was good.
absl::Status NoRows(const RecordReader& records, const ReadReport& report);

// Hands every record to `take`, a callable `absl::StatusOr<std::uint64_t>()` that returns how many it accepted, or why
// it refuses the record (kInvalidArgument, without file and line) or cannot go on (any other code).
template <typename Take>
absl::StatusOr<ReadReport> ReadRows(RecordReader& records, OnError on_error, const Take& take) {
  ReadReport report;
  for (;;) {
    const Step step = records.Next();
    if (step == Step::kEnd) break;
    if (step == Step::kFailed) return records.AtRecord(records.status());
    absl::Status status;
    if (step == Step::kRecord) {
      const absl::StatusOr<std::uint64_t> accepted = take();
      if (accepted.ok()) {
        report.accepted += *accepted;
        continue;
      }
      status = records.AtRecord(accepted.status());
      if (!absl::IsInvalidArgument(status)) return status;
    } else {
      status = records.AtRecord(records.status());
    }
    if (on_error == OnError::kStop) return status;
    ++report.skipped;
    if (report.messages.size() < kMaxReportedRows) report.messages.emplace_back(ToStd(status.message()));
  }
  if (report.accepted == 0) return NoRows(records, report);
  return report;
}

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_READ_ROWS_HPP_
