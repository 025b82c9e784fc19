// waypost/rank/filter.hpp - attribute filters: a small language over the catalogue, compiled once into a set of items.
//
//   level == "beginner" and price < 20 and not tag in ("java", "c++")
//
// Grammar      filter  = all { "or" all }          "and" binds closer than "or", "not" closer than both
//              all     = one { "and" one }
//              one     = "not" one | "(" filter ")" | "has" "(" name ")" | name test
//              test    = ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value | [ "not" ] "in" "(" value { "," value } ")"
//              value   = text | number
//              text    = between " or ', with the escapes \" \' \\ \n \t; UTF-8
//              number  = [ "-" ] digits [ "." digits ] [ "e" [ "+" | "-" ] digits ]
//              name    = a letter, "_" or any character beyond ASCII, then also digits, "-" and "."; or anything
//                        between ` and `. The words and, or, not, in, has are no names, unless between ` and `.
// Names        type, category, level, language, author, tag, price, published, available_from, available_until, and the
//              further attributes of the catalogue. A name that the catalogue does not have is an error.
// Types        Texts are equal when their bytes are (Chinese as any other; no folding of case): ==, !=, in.
//              tag == "x" holds where any of the tags is "x".
//              Numbers compare as numbers, those of price as float32: all six, and in.
//              Times are written as texts ("2024-05-01", "2024-05-01T12:30+08:00"): all six, and in.
//              An attribute compares as what stands beside it: with a number, where its value reads as one.
// Missing      A test of a missing value does not hold; x != v is not (x == v) and so holds where x is missing, and so
//              does not in. has(x) asks whether there is a value.
// Errors       kInvalidArgument, "Filter: character 9: want ..., got ...", counting characters of the text from 1.
// Limits       kMaxFilterBytes, kMaxFilterDepth.
// Complexity   Parse O(bytes). Compile O(tests x items), without branches: about 30 us a test for 100,000 items.
// Checked by   tests/unit/rank_filter_test.cpp, tests/fuzz/filter_fuzz.cpp against an evaluation of every item by
// itself.
#ifndef WAYPOST_RANK_FILTER_HPP_
#define WAYPOST_RANK_FILTER_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/status.hpp"
#include "waypost/rank/item_facts.hpp"

namespace waypost {

inline constexpr std::size_t kMaxFilterBytes = 4096;
inline constexpr std::size_t kMaxFilterDepth = 64;  // of "(" and "not" within each other

// One step of a filter in postfix order: a test pushes a set of items, the others combine the last one or two.
struct FilterStep {
  enum class Kind : std::uint8_t { kIn, kLess, kLessEqual, kGreater, kGreaterEqual, kHas, kAnd, kOr, kNot };
  struct Value {
    bool is_number = false;
    double number = 0;
    std::string text;
    std::size_t position = 0;  // character of the filter's text, from 1
  };

  Kind kind = Kind::kHas;
  std::string name;           // of a test
  std::size_t position = 0;   // where the name stands
  std::vector<Value> values;  // kIn: one or more (== is kIn of one); comparisons: one
};

// A filter that was read but knows no catalogue yet.
//
// Immutable: safe to use from any number of threads.
class Filter {
 public:
  // Errors  kInvalidArgument: as above.  kResourceExhausted: memory.
  static absl::StatusOr<Filter> Parse(std::string_view text);

  const std::vector<FilterStep>& steps() const { return steps_; }

  // Returns the items that the filter lets pass, one bit each.
  // Errors  kInvalidArgument: an unknown name, a value of the wrong type.  kResourceExhausted: memory.
  absl::StatusOr<Bitmap> Compile(const ItemFacts& facts) const;

 private:
  Filter() = default;

  std::vector<FilterStep> steps_;
};

// Parses and compiles.
inline absl::StatusOr<Bitmap> CompileFilter(std::string_view text, const ItemFacts& facts) {
  WAYPOST_ASSIGN_OR_RETURN(const Filter filter, Filter::Parse(text));
  return filter.Compile(facts);
}

// Returns the filter that lets items of one type pass: type == "person".
std::string TypeFilter(std::string_view type);

}  // namespace waypost

#endif  // WAYPOST_RANK_FILTER_HPP_
