// waypost/store/transfer.hpp - event files into a store and out of it.
#ifndef WAYPOST_STORE_TRANSFER_HPP_
#define WAYPOST_STORE_TRANSFER_HPP_

#include <cstdint>
#include <string>
#include <string_view>

#include "waypost/base/status.hpp"
#include "waypost/event/reader.hpp"
#include "waypost/store/snapshot.hpp"
#include "waypost/store/store.hpp"

namespace waypost {

struct ImportReport {
  ReadReport read;             // of the whole file
  std::uint64_t added = 0;     // events new to the store
  std::uint64_t repeated = 0;  // rows imported before
  std::string source;          // under which the file is known
};

// Adds the events of a file. The identity of a row is the content of the file up to it: a file imported twice counts
// once, two equal rows are two events, and a file that begins with all of an earlier one goes on behind it. Columns and
// default kind are part of the identity: the same file read by other columns is another source.
//
//   path     a file, or "-" for standard input, which has no identity of its own: `source` must name it.
//   source   empty: the content; otherwise a stream of that name, whose rows are numbered from 0.
//   sequence_column   not empty: the column that holds the number that the stream gave each event, instead; numbers
//                     ascend. Events up to the highest number that the store has of the stream were delivered before.
// Errors     those of ReadEvents and of Store::AppendLog.  kInvalidArgument: standard input without a source; a
//            sequence column without one, or whose numbers do not ascend.
//            kFailedPrecondition: a file whose last, unended line was imported and has changed since.
absl::StatusOr<ImportReport> ImportEvents(const std::string& path, const ReadOptions& options, Store& store,
                                          std::string_view source = {}, std::string_view sequence_column = {});

// Writes all events as CSV with the columns user, item, kind, value, time (ISO 8601, UTC, microseconds where there are
// any), in the order of arrival; importing it into an empty store gives the same events, users and items.
//
//   path   replaced whole or not at all.
// Errors   of the system, with the path; kDataLoss.
absl::Status ExportEvents(const StoreSnapshot& snapshot, const std::string& path);

}  // namespace waypost

#endif  // WAYPOST_STORE_TRANSFER_HPP_
