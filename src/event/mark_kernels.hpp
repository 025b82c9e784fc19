// event/mark_kernels.hpp - where the fields of a text end, 64 bytes at a time.
//
// Checked by   tests/unit/event_reader_test.cpp and tests/property/event_blocks_test.cpp, through the reader.
#ifndef WAYPOST_SRC_EVENT_MARK_KERNELS_HPP_
#define WAYPOST_SRC_EVENT_MARK_KERNELS_HPP_

#include <cstddef>
#include <cstdint>

namespace waypost {

struct MarkKernels {
  // Bit b of ends[c] says whether byte 64 c + b is a line feed, `first` or `second`; of wide[c], whether it is no
  // ASCII.
  //   text   64 `chunks` bytes.
  void (*mark)(const char* text, std::size_t chunks, char first, char second, std::uint64_t* ends, std::uint64_t* wide);
};

// The table of the instruction set that runs.
const MarkKernels& GetMarkKernels();

}  // namespace waypost

#endif  // WAYPOST_SRC_EVENT_MARK_KERNELS_HPP_
