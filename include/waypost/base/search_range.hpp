// waypost/base/search_range.hpp - where a search looks for the value of one option.
//
// Definition   A place u in [0, 1] stands for low + u (high - low), on a logarithmic scale for low (high / low)^u;
//              values are rounded to three digits, whole ones to integers, so that a setting reads well and repeats
//              exactly.
// Checked by   tests/unit/base_search_range_test.cpp.
#ifndef WAYPOST_BASE_SEARCH_RANGE_HPP_
#define WAYPOST_BASE_SEARCH_RANGE_HPP_

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "waypost/base/number_text.hpp"

namespace waypost {

enum class SearchScale {
  kNone,      // not searched
  kLinear,    //
  kLog,       // what matters in proportion: 0.001 and 0.002 lie as far apart as 1 and 2
  kResource,  // what costs time and seldom hurts: a search gives little of it to many and much of it to few
};

struct SearchRange {
  SearchScale scale = SearchScale::kNone;
  double low = 0;
  double high = 0;
  bool whole = false;  // integers alone

  friend bool operator==(const SearchRange&, const SearchRange&) = default;
};

// Requires  low < high, and 0 < low where the scale is logarithmic or of a resource.
constexpr SearchRange LinearRange(double low, double high) {
  return {SearchScale::kLinear, low, high, false};
}
constexpr SearchRange LogRange(double low, double high) {
  return {SearchScale::kLog, low, high, false};
}
constexpr SearchRange WholeLogRange(double low, double high) {
  return {SearchScale::kLog, low, high, true};
}
constexpr SearchRange ResourceRange(double low, double high) {
  return {SearchScale::kResource, low, high, true};
}

// The value at a place, as text.  Requires  0 <= place <= 1; the range is searched.
inline std::string ValueAt(const SearchRange& range, double place) {
  assert(place >= 0 && place <= 1 && range.scale != SearchScale::kNone);
  const double value = range.scale == SearchScale::kLinear ? range.low + place * (range.high - range.low)
                                                           : range.low * std::pow(range.high / range.low, place);
  const double inside = std::clamp(value, range.low, range.high);
  if (range.whole) return internal::NumberText(static_cast<std::int64_t>(std::llround(inside)));
  constexpr int kPlaces = 3;
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, inside, std::chars_format::general, kPlaces).ptr);
}

// The place of a value, clamped into the range; none for text that is no number ("auto").
inline std::optional<double> PlaceOf(const SearchRange& range, std::string_view text) {
  double value = 0;
  if (!internal::ReadNumber(text, value) || !std::isfinite(value)) return std::nullopt;
  const double inside = std::clamp(value, range.low, range.high);
  return range.scale == SearchScale::kLinear ? (inside - range.low) / (range.high - range.low)
                                             : std::log(inside / range.low) / std::log(range.high / range.low);
}

}  // namespace waypost

#endif  // WAYPOST_BASE_SEARCH_RANGE_HPP_
