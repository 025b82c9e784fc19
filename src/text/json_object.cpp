#include "text/json_object.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "base/shown.hpp"
#include "file/file_io.hpp"
#include "waypost/base/utf8.hpp"

namespace waypost::internal {
namespace {

absl::Status Wrong(std::string_view name, std::string_view want, const Cell* cell) {
  const std::string got = cell == nullptr ? "nothing" : Shown(cell->text);
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(name), ": want ", ToAbsl(want), ", got ", got));
}

}  // namespace

absl::StatusOr<JsonObject> JsonObject::Parse(std::string_view json) {
  if (const std::size_t at = FindInvalidUtf8(json); at != json.size())
    return absl::InvalidArgumentError(absl::StrCat("JSON byte ", at + 1, ": want UTF-8, got ", Shown(json.substr(at))));
  JsonObject object;
  object.text_.assign(json.begin(), json.end());
  WAYPOST_RETURN_IF_ERROR(ParseJsonRecord(object.text_, object.names_, object.values_));
  return object;
}

const Cell* JsonObject::Find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return nullptr;
  const Cell& cell = values_[static_cast<std::size_t>(found - names_.begin())];
  return cell.type == CellType::kMissing ? nullptr : &cell;
}

absl::StatusOr<std::int64_t> JsonObject::Integer(std::string_view name, std::int64_t low, std::int64_t high) const {
  const Cell* cell = Find(name);
  std::int64_t value = 0;
  if (cell != nullptr && cell->type == CellType::kNumber) {
    const char* end = cell->text.data() + cell->text.size();
    const auto [at, error] = std::from_chars(cell->text.data(), end, value);
    if (error == std::errc() && at == end && value >= low && value <= high) return value;
  }
  return Wrong(name, ToStd(absl::StrCat("a whole number from ", low, " to ", high)), cell);
}

absl::StatusOr<double> JsonObject::Number(std::string_view name) const {
  const Cell* cell = Find(name);
  double value = 0;
  if (cell != nullptr && cell->type == CellType::kNumber) {
    const char* end = cell->text.data() + cell->text.size();
    const auto [at, error] = std::from_chars(cell->text.data(), end, value);
    if (error == std::errc() && at == end && std::isfinite(value)) return value;
  }
  return Wrong(name, "a number", cell);
}

absl::StatusOr<std::string_view> JsonObject::Text(std::string_view name) const {
  const Cell* cell = Find(name);
  if (cell != nullptr && cell->type == CellType::kText) return cell->text;
  return Wrong(name, "a string", cell);
}

absl::StatusOr<bool> JsonObject::Bool(std::string_view name) const {
  const Cell* cell = Find(name);
  if (cell != nullptr && cell->type == CellType::kBool) return cell->text == "true";
  return Wrong(name, "true or false", cell);
}

absl::StatusOr<JsonObject> JsonObject::Object(std::string_view name) const {
  const Cell* cell = Find(name);
  if (cell == nullptr || cell->type != CellType::kJson || cell->text.front() != '{')
    return Wrong(name, "an object", cell);
  return Parse(cell->text);
}

absl::StatusOr<std::vector<JsonObject>> JsonObject::Objects(std::string_view name) const {
  const Cell* cell = Find(name);
  if (cell == nullptr || cell->type != CellType::kJson || cell->text.front() != '[')
    return Wrong(name, "an array", cell);
  return ParseJsonObjects(cell->text);
}

absl::StatusOr<std::vector<JsonObject>> ParseJsonObjects(std::string_view json) {
  std::vector<std::string_view> elements;
  WAYPOST_RETURN_IF_ERROR(SplitJsonArray(json, elements));
  std::vector<JsonObject> objects;
  objects.reserve(elements.size());
  for (const std::string_view element : elements) {
    WAYPOST_ASSIGN_OR_RETURN(JsonObject object, JsonObject::Parse(element));
    objects.push_back(std::move(object));
  }
  return objects;
}

absl::StatusOr<std::uint64_t> ParseUnsigned(std::string_view number) {
  std::uint64_t value = 0;
  const char* end = number.data() + number.size();
  const auto [at, error] = std::from_chars(number.data(), end, value);
  if (error == std::errc() && at == end) return value;
  return absl::InvalidArgumentError(absl::StrCat("want a whole number of at most 64 bits, got ", Shown(number)));
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, std::size_t limit) {
  WAYPOST_ASSIGN_OR_RETURN(const auto file, file::MappedFile::Open(path));
  const std::span<const std::byte> bytes = file->bytes();
  if (bytes.size() > limit)
    return absl::ResourceExhaustedError(
        absl::StrCat("'", path, "': want at most ", limit, " bytes, got ", bytes.size()));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace waypost::internal
