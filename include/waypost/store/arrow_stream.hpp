// waypost/store/arrow_stream.hpp - the events of a store as Arrow columns, for whatever reads the Arrow C stream
// interface: pyarrow, polars, DuckDB.
//
// Source       The Arrow C data interface and C stream interface of the Apache Arrow format documentation. Nothing of
//              Arrow is linked.
// Columns      user, item and kind utf8; value float32, null where an event has none; time a timestamp in microseconds
//              UTC, null likewise. In the order of arrival; the events of forgotten users are not among them.
// Checked by   tests/unit/store_arrow_stream_test.cpp through AppendArrowStream; tests/c_api/arrow_producers.py.
#ifndef WAYPOST_STORE_ARROW_STREAM_HPP_
#define WAYPOST_STORE_ARROW_STREAM_HPP_

#include "waypost/base/status.hpp"
#include "waypost/event/arrow.hpp"
#include "waypost/store/snapshot.hpp"

namespace waypost {

// Fills `stream` with all events of the snapshot, in batches of at most 65,536 rows.
//
// Errors     kDataLoss: a damaged dictionary. Damage met later is the stream's own error (EIO, get_last_error).
// Cost       the dictionaries are read here; each batch reads and copies its rows.
// Ownership  the caller releases the stream, as the interface says. Until then it keeps the snapshot alive. Batches
//            taken from it live on.
absl::Status ExportArrowStream(StoreSnapshot snapshot, ArrowArrayStream* stream);

}  // namespace waypost

#endif  // WAYPOST_STORE_ARROW_STREAM_HPP_
