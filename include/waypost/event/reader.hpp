// waypost/event/reader.hpp - events, catalogues and user tables from files and from standard input, read in parts.
//
// Formats     lines       "user item item ..." separated by spaces or tabs; only for events
//             CSV, TSV    a header line, then rows; quoted fields by RFC 4180, line breaks in quotes included
//             JSON lines  one object a line; null is the same as no such key; ids are strings or integers
//             each may be gzipped (recognised by its first bytes; several members are read as one).
// Text        UTF-8; a byte-order mark at the start and CR LF line ends are accepted; empty lines are passed over.
//             A line, or a record whose quotes span several, has at most kMaxLineBytes.
// Errors      "FILE:LINE: column 'value': want a finite number, got 'abc'". The first line is 1, the header included; a
//             record is named by the line where it opens. Codes: kNotFound no such file; kDataLoss damaged or
//             truncated gzip; kResourceExhausted a line too long, or memory; kInvalidArgument anything else.
// Determinism Events are read in blocks on several threads; the log is the same for any number of them.
// Checked by  tests/unit/event_reader_test.cpp, tests/property/event_reader_test.cpp, tests/property/
//             event_blocks_test.cpp, tests/fuzz/readers_fuzz.cpp.
#ifndef WAYPOST_EVENT_READER_HPP_
#define WAYPOST_EVENT_READER_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/timestamp.hpp"
#include "waypost/event/user_table.hpp"

namespace waypost {

inline constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;  // without the line end
inline constexpr std::size_t kMaxReportedRows = 10;                 // messages kept in a report

enum class InputFormat {
  kAuto,       // by the suffix before .gz: .txt, .csv, .tsv, .jsonl
  kLines,      // "user item item ..."
  kCsv,        // comma-separated, with a header
  kTsv,        // tab-separated, with a header
  kJsonLines,  // one object a line
};

enum class OnError {
  kStop,  // the first bad row ends the reading with its error
  kSkip,  // a bad row is counted and passed over; what concerns the whole file is an error all the same
};

// Options of the three readers. Aggregate: use designated initializers.
struct ReadOptions {
  // -- form --
  InputFormat format = InputFormat::kAuto;
  // What an integer time counts. Dates need none; an integer without it is an error.
  std::optional<TimeUnit> time_unit = std::nullopt;
  OnError on_error = OnError::kStop;

  // -- columns (keys of JSON lines) --
  // Required in an event file and in a user table, which may call it `id` instead.
  std::string user_column = "user";
  // Required in an event file and in a catalogue, which may call it `id` instead.
  std::string item_column = "item";
  // Of events. Not set: `kind`, `value` and `time` are used where the file has them. Set: the file must have the
  // column.
  std::optional<std::string> kind_column = std::nullopt;
  std::optional<std::string> value_column = std::nullopt;
  // Of events, and of user tables: the moment from which the row holds.
  std::optional<std::string> time_column = std::nullopt;

  // -- meaning --
  // The kind of an event whose row names none.
  std::string default_kind = "view";

  // -- speed --
  // Threads that read events; they change nothing else. Catalogues and user tables are read by one.
  Parallelism parallelism = {};
};

struct ReadReport {
  std::uint64_t accepted = 0;         // events, items, or rows of users
  std::uint64_t skipped = 0;          // bad rows; a "user item item ..." line is one row
  std::vector<std::string> messages;  // the errors of the first kMaxReportedRows skipped rows
};

// lines, csv, tsv, jsonl, or auto.
// Errors  kInvalidArgument: any other name.
absl::StatusOr<InputFormat> ParseInputFormat(std::string_view name);

// Appends the events of a file to `log`, in the order of the file.
//
//   path     a file, or "-" for standard input, whose format must then be named.
// Errors     as above. `log` then holds the events before the bad row: throw it away. A row is appended whole or not at
//            all. A file without a single good row is an error.
// Cost       one pass on options.parallelism; memory for some 30 MB of text and rows beside the log, less for a
//            small file.
absl::StatusOr<ReadReport> ReadEvents(const std::string& path, const ReadOptions& options, EventLogBuilder& log);

// Reads items: columns `id` (or item_column), type, title, texts, tags, category, level, language, author, price,
// prerequisites, available_from, available_until, published; every further column is an attribute. Only the id is
// required. The lists (texts, tags, prerequisites) are JSON arrays, or, tags and prerequisites, separated by '|'.
//
//   report   filled when not null, on success.
absl::StatusOr<Catalogue> ReadCatalogue(const std::string& path, const ReadOptions& options,
                                        ReadReport* report = nullptr);

// Reads facts about users: column `id` (or user_column), optionally `time` (or time_column), and any others, each of
// which is a fact that holds from that time. A user may have several rows.
//
//   report   filled when not null, on success.
absl::StatusOr<UserTable> ReadUserTable(const std::string& path, const ReadOptions& options,
                                        ReadReport* report = nullptr);

}  // namespace waypost

#endif  // WAYPOST_EVENT_READER_HPP_
