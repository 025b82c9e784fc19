#include "json_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "waypost/base/number_text.hpp"
#include "waypost/base/simd.hpp"
#include "waypost/version.hpp"

namespace waypost::cli {
std::string NumberText(double number) {
  return internal::NumberText(number);
}
std::string NumberText(float number) {
  return internal::NumberText(number);
}

void JsonWriter::Separate() {
  if (needs_comma_) console_.Write(",");
}

void JsonWriter::Open(char bracket) {
  Separate();
  console_.Write(std::string_view(&bracket, 1));
  needs_comma_ = false;
}

void JsonWriter::Close(char bracket) {
  console_.Write(std::string_view(&bracket, 1));
  needs_comma_ = true;
}

void JsonWriter::Raw(std::string_view text) {
  Separate();
  console_.Write(text);
  needs_comma_ = true;
}

void JsonWriter::Key(std::string_view key) {
  Value(key);
  console_.Write(":");
  needs_comma_ = false;
}

void JsonWriter::Value(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';  // also false above ASCII, where char may be negative
  });
  if (!plain) return Raw(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  Separate();  // nearly every id and every key: written as it is
  console_.Write("\"");
  console_.Write(text);
  console_.Write("\"");
  needs_comma_ = true;
}

void JsonWriter::Value(double number) {
  Raw(std::isfinite(number) ? NumberText(number) : "null");
}

void JsonWriter::Value(float number) {
  Raw(std::isfinite(number) ? NumberText(number) : "null");
}

void WriteInterval(JsonWriter& json, const std::optional<Interval>& interval) {
  if (!interval) return json.Null();
  json.BeginArray();
  json.Value(interval->low);
  json.Value(interval->high);
  json.EndArray();
}

void WriteRunFacts(JsonWriter& json, const Console& console, int threads, std::optional<std::uint64_t> seed) {
  json.Member("seconds", console.seconds());
  json.Member("peak_rss_bytes", PeakRssBytes());
  json.Member("threads", threads);
  json.Member("seed", seed);
  json.Member("simd", SimdTargetName());
  json.Member("version", WAYPOST_VERSION_STRING);
}

}  // namespace waypost::cli
