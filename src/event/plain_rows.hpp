// event/plain_rows.hpp - the fast path of the event reader: rows without anything unusual, many at a time.
//
// A row is plain when it is one whole line, quotes stand only around whole fields, and all that the event needs is in
// order. Such rows are read here with the same meaning that RecordScanner and EventRows give them; at any other the
// fast path stops and leaves it to those two, which alone know errors.
//
// Complexity   One pass of vector code finds where fields end; then a few steps a field.
// Checked by   tests/property/event_blocks_test.cpp against the reader without this path.
#ifndef WAYPOST_EVENT_PLAIN_ROWS_HPP_
#define WAYPOST_EVENT_PLAIN_ROWS_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "waypost/event/event_block.hpp"

#include "event/event_rows.hpp"
#include "event/record_scanner.hpp"

namespace waypost::internal {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class PlainRows {
 public:
  PlainRows(const RecordForm& record_form, const EventRowForm& form, EventRows& rows);

  // Forgets the text of the last call.
  void Restart() { tile_ = {}; }

  // Takes the plain rows from scanner.begin() on that begin before `limit`, and moves the scanner behind them; stops at
  // the first row that is not plain. Returns the number of events appended to `block`.
  std::uint64_t Take(RecordScanner& scanner, std::size_t limit, EventBlock& block);

 private:
  struct Progress {
    std::size_t end = 0;  // behind the last row taken
    std::uint64_t lines = 0;
    bool plain = true;  // no row of another sort was met
  };

  // Where a tile ends fields, from a place on.
  class Ends;

  void Mark(std::string_view tile);
  Progress TakeTable(std::size_t begin, std::size_t limit, EventBlock& block);
  Progress TakeLines(std::size_t begin, std::size_t limit, EventBlock& block);
  bool TakeRow(EventBlock& block);
  bool IsText(std::size_t begin, std::size_t end) const;

  const RecordForm& record_form_;
  const EventRowForm& form_;
  EventRows& rows_;
  std::vector<Slot> slots_;                          // of each column; kSlots: not used
  std::array<std::string_view, kSlots + 1> fields_;  // of the row at hand; the last holds what is not used
  std::vector<std::string_view> words_;              // of the line at hand
  std::string_view tile_;                            // the part of the text that is marked
  std::vector<std::uint64_t> ends_;                  // of the tile: where fields end
  std::vector<std::uint64_t> wide_;                  // and which bytes are no ASCII
};

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_PLAIN_ROWS_HPP_
