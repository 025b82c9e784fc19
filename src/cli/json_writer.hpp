// cli/json_writer.hpp - writes one JSON object on one line, piece by piece, so that a long list of results is never
// held in memory.
//
// (1) Numbers are written with the fewest digits that read back as the same value, whatever the locale.
// (2) Bytes that are no UTF-8 are written as U+FFFD.
#ifndef WAYPOST_CLI_JSON_WRITER_HPP_
#define WAYPOST_CLI_JSON_WRITER_HPP_

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "console.hpp"
#include "waypost/base/statistics.hpp"

namespace waypost::cli {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class JsonWriter {
 public:
  explicit JsonWriter(Console& console) : console_(console) {}

  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }
  void Key(std::string_view key);

  void Value(std::string_view text);
  void Value(const std::string& text) { Value(std::string_view(text)); }
  void Value(const char* text) { Value(std::string_view(text)); }
  void Value(double number);  // null where it is not finite
  void Value(float number);
  void Value(std::integral auto number) { Raw(std::to_string(number)); }
  void Value(bool value) { Raw(value ? "true" : "false"); }
  void Null() { Raw("null"); }
  template <typename T>
  void Value(const std::optional<T>& value) {
    value ? Value(*value) : Null();
  }

  template <typename T>
  void Member(std::string_view key, const T& value) {
    Key(key);
    Value(value);
  }

 private:
  void Open(char bracket);
  void Close(char bracket);
  void Raw(std::string_view text);
  void Separate();

  Console& console_;
  bool needs_comma_ = false;
};

// Shortest text that reads back as the same number.
std::string NumberText(double number);
std::string NumberText(float number);

// Writes [low, high], or null.
void WriteInterval(JsonWriter& json, const std::optional<Interval>& interval);

// Writes the members that every run ends with: seconds, peak_rss_bytes, threads, seed, simd, version.
//   seed      none where nothing is random: null.
void WriteRunFacts(JsonWriter& json, const Console& console, int threads, std::optional<std::uint64_t> seed);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_JSON_WRITER_HPP_
