// waypost/event/arrow.hpp - events from columns in the Arrow C data interface: what pyarrow, polars, DuckDB and others
// hand over without a copy.
//
// Source       The Arrow C data interface and C stream interface of the Apache Arrow format documentation: the three
//              structures below are that binary interface. Nothing of Arrow is linked.
// Columns      A struct array (a record batch), whose fields are found by name:
//                user, item   int8..int64, uint8..uint64 (as decimal text), utf8, large_utf8, utf8_view
//                kind         utf8, large_utf8, utf8_view; null or empty: ReadOptions::default_kind
//                value        float32, float64, any integer; null: none
//                time         timestamp of any unit and zone, date32, date64, any integer with ReadOptions::time_unit;
//                             finer times are cut off to microseconds; null: none
//              each of them also dictionary-encoded with any integer index. Further fields are passed over.
// Hostile data Lengths, offsets, counts of buffers and children, dictionary indices and, where the interface gives the
//              sizes, all bounds are checked; text must be UTF-8. That a buffer is as long as its array says cannot be
//              checked: the interface does not tell.
// Errors       "Arrow row 7: column 'user': want an id, got null". Rows count from 0 over all batches.
// Checked by   tests/unit/event_arrow_test.cpp; tests/fuzz/arrow_fuzz.cpp; tests/c_api/arrow_producers.py.
#ifndef WAYPOST_EVENT_ARROW_HPP_
#define WAYPOST_EVENT_ARROW_HPP_

#include <cstdint>

#include "waypost/base/status.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/reader.hpp"

extern "C" {

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif  // ARROW_C_DATA_INTERFACE

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

#endif  // ARROW_C_STREAM_INTERFACE

}  // extern "C"

namespace waypost {

// Appends the events of one record batch.
//
//   options    the columns, time unit, default kind, error policy and parallelism; the format must be kAuto.
// Ownership    takes both structures over and releases them, whatever the result.
// Errors       kInvalidArgument: a structure that breaks the interface, a column that is missing or of another type, a
//              bad row. `log` then holds some of the events: throw it away.  kResourceExhausted: memory.
absl::StatusOr<ReadReport> AppendArrow(ArrowSchema* schema, ArrowArray* batch, const ReadOptions& options,
                                       EventLogBuilder& log);

// The same for all batches of a stream.
// Errors   also kFailedPrecondition: what the stream itself reports.
absl::StatusOr<ReadReport> AppendArrowStream(ArrowArrayStream* stream, const ReadOptions& options,
                                             EventLogBuilder& log);

}  // namespace waypost

#endif  // WAYPOST_EVENT_ARROW_HPP_
