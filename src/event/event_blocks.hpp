// event/event_blocks.hpp - the reader of event files: rounds of blocks, each block read on a thread of its own.
//
// Algorithm    A round of text is loaded and cut into blocks of a fixed size. Every block but the first guesses that a
//              record begins at its first line, and takes the records that begin in it. Then the blocks are walked in
//              order: one whose guess is not where the block before it ended (a quoted field goes over the border, or a
//              line that is too long) is read again from there. The text itself is never changed, so that a wrong guess
//              leaves no trace. What a round leaves unfinished is carried into the next.
// Determinism  What a record is depends on where it begins and on what follows (record_scanner.hpp (3)), so that the
//              result is that of one block as long as the file, for any blocks and threads.
// Checked by   tests/property/event_blocks_test.cpp: tiny blocks against one block, tests/fuzz/readers_fuzz.cpp.
#ifndef WAYPOST_EVENT_EVENT_BLOCKS_HPP_
#define WAYPOST_EVENT_EVENT_BLOCKS_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/event_block.hpp"
#include "waypost/event/event_log.hpp"
#include "waypost/event/reader.hpp"

namespace waypost::internal {

struct BlockSizes {
  std::size_t block_bytes = std::size_t{1} << 18;  // the rows of a block stay in the second-level cache
  std::size_t most_blocks = kMostBlocksInRound;    // in a round
  bool fast_path = true;                           // plain_rows.hpp; false only in tests
};

// ReadEvents of reader.hpp with blocks of any size.
absl::StatusOr<ReadReport> ReadEventsInBlocks(const std::string& path, const ReadOptions& options,
                                              const BlockSizes& sizes, EventLogBuilder& log);

// ReadEvents of a file in which `sequence_column` holds the number that the source gave each event; they are appended
// to `sequences`, one for each event. Errors  also kInvalidArgument: no such column, no whole number of 64 bits.
absl::StatusOr<ReadReport> ReadNumberedEvents(const std::string& path, const ReadOptions& options,
                                              const std::string& sequence_column, EventLogBuilder& log,
                                              std::vector<std::uint64_t>& sequences);

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_EVENT_BLOCKS_HPP_
