// event/json_record.hpp - one line of JSON lines as names and values, without an allocation per line.
//
// Source       RFC 8259. Nesting is limited to kMaxJsonDepth, so that a hostile line cannot exhaust the stack.
// Deviations   Two equal names in one object are an error: RFC 8259 leaves open which one counts.
// Checked by   unit/event_json_record_test.cpp, property/event_reader_test.cpp, fuzz/readers_fuzz.cpp of tests/.
#ifndef WAYPOST_EVENT_JSON_RECORD_HPP_
#define WAYPOST_EVENT_JSON_RECORD_HPP_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/status.hpp"

namespace waypost::internal {

inline constexpr int kMaxJsonDepth = 64;

enum class CellType : std::uint8_t {
  kMissing,  // an empty field of CSV or TSV, null of JSON
  kText,     // a field of CSV, TSV or lines, a string of JSON
  kNumber,   // a number of JSON, as written
  kBool,     // true or false of JSON
  kJson,     // an array or object of JSON, as written
};

struct Cell {
  std::string_view text;
  CellType type = CellType::kMissing;
};

// Reads one object: `names` and `cells` receive its top level in the order of the line. Strings are decoded in place.
//
//   line     UTF-8; changed.
// Errors     kInvalidArgument: not one object of JSON, a name twice, nested too deep; names the byte, counted from 1.
// Lifetime   the views point into `line`.
absl::Status ParseJsonRecord(std::span<char> line, std::vector<std::string_view>& names, std::vector<Cell>& cells);

// Reads an array of strings and numbers, such as the text of a kJson cell.
// Errors  kInvalidArgument: anything else.
absl::StatusOr<std::vector<std::string>> ParseJsonList(std::string_view json);

// Finds the elements of an array, each as written.
//
// Errors    kInvalidArgument: not one array of JSON, nested too deep.
// Lifetime  the views point into `json`.
absl::Status SplitJsonArray(std::string_view json, std::vector<std::string_view>& elements);

}  // namespace waypost::internal

#endif  // WAYPOST_EVENT_JSON_RECORD_HPP_
